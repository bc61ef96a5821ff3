//! Content codings: gzip, deflate, br and zstd, each with a limit on what comes out.
//!
//! Source: RFC 9110, section 8.4; RFC 1950-1952; RFC 7932 (Brotli); RFC 8878 and RFC 9659 (zstd, windows of 8 MiB). A cut
//! stream is an error here, never a short body: libraries that read "as far as it goes" make a broken page look whole.
//! As browsers do, `deflate` may be zlib or raw, and bytes behind a gzip stream are passed over.

use std::io::{self, Read as _};

use flate2::{Crc, Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation as _, OutBuffer};

use super::FaultKind;
use super::members::{Header, gzip_header};

/// Room for output is made in steps of this.
const STEP_BYTES: usize = 1 << 16;
/// Base-2 logarithm of the largest zstd window that HTTP allows (RFC 9659).
const ZSTD_WINDOW_LOG: u32 = 23;

/// Why a body cannot be had.
#[derive(Debug)]
pub(super) enum BodyError {
    /// It ends too early. What came before is in the output.
    Cut(String),
    /// A chunk is damaged.
    BadChunk(String),
    /// The coding is damaged.
    Bad(String),
    /// It is longer than the limit.
    TooLong(usize),
}

impl BodyError {
    fn fault(self) -> (FaultKind, String) {
        match self {
            Self::Cut(cause) => (FaultKind::CutBody, cause),
            Self::BadChunk(cause) => (FaultKind::BadChunk, cause),
            Self::Bad(cause) => (FaultKind::BadEncoding, cause),
            Self::TooLong(limit) => (FaultKind::OversizedBody, format!("the body inflates to more than {limit} bytes")),
        }
    }
}

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, or RFC 1951 without a header.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
    /// Registered, but not read here.
    Unsupported,
}

impl Coding {
    /// The coding of a name; none for `identity` and for what is no coding.
    pub(super) fn of(name: &str) -> Option<Self> {
        let names: [(&str, Self); 14] = [
            ("gzip", Self::Gzip),
            ("x-gzip", Self::Gzip),
            ("deflate", Self::Deflate),
            ("x-deflate", Self::Deflate),
            ("br", Self::Brotli),
            ("zstd", Self::Zstd),
            ("compress", Self::Unsupported),
            ("x-compress", Self::Unsupported),
            ("dcb", Self::Unsupported),
            ("dcz", Self::Unsupported),
            ("exi", Self::Unsupported),
            ("bzip2", Self::Unsupported),
            ("xz", Self::Unsupported),
            ("sdch", Self::Unsupported),
        ];
        names.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, coding)| *coding)
    }
}

/// Where the bytes of a body are after some codings are off.
#[derive(Debug, Clone, Copy)]
pub(super) enum At {
    /// Where they were.
    Raw,
    /// In this buffer.
    Buffer(usize),
}

/// Two buffers to decode from and to, and the decoders. Reused from record to record.
#[derive(Default)]
pub(super) struct Decoders {
    buffers: [Vec<u8>; 2],
    tools: Tools,
}

impl Decoders {
    /// The body's bytes.
    pub(super) fn bytes<'a>(&'a self, at: At, raw: &'a [u8]) -> &'a [u8] {
        match at {
            At::Raw => raw,
            At::Buffer(n) => &self.buffers[n],
        }
    }

    /// Takes one coding off.
    ///
    /// # Errors
    /// Those of the decoder; but not that the body is cut, if `partial` bodies are wanted.
    pub(super) fn next(
        &mut self,
        at: At,
        raw: &[u8],
        decode: impl FnOnce(&[u8], &mut Vec<u8>, &mut Tools) -> Result<(), BodyError>,
        partial: bool,
    ) -> Result<At, (FaultKind, String)> {
        let [first, second] = &mut self.buffers;
        let (from, out, to) = match at {
            At::Raw => (raw, first, 0),
            At::Buffer(0) => (first.as_slice(), second, 1),
            At::Buffer(_) => (second.as_slice(), first, 0),
        };
        out.clear();
        match decode(from, out, &mut self.tools) {
            Ok(()) => Ok(At::Buffer(to)),
            Err(BodyError::Cut(_)) if partial => Ok(At::Buffer(to)),
            Err(error) => Err(error.fault()),
        }
    }

    /// Gives back memory that one huge body took.
    pub(super) fn shrink(&mut self, to: usize) {
        for buffer in &mut self.buffers {
            if buffer.capacity() > to {
                buffer.clear();
                buffer.shrink_to(to);
            }
        }
    }
}

/// Decoders, made when first needed.
#[derive(Default)]
pub(super) struct Tools {
    raw: Option<Decompress>,
    zlib: Option<Decompress>,
    zstd: Option<Decoder<'static>>,
}

impl Tools {
    /// Takes `coding` off `from`.
    ///
    /// # Errors
    /// When it is damaged, cut, or comes to more than `max_bytes`.
    pub(super) fn run(
        &mut self,
        coding: Coding,
        from: &[u8],
        out: &mut Vec<u8>,
        max_bytes: usize,
    ) -> Result<(), BodyError> {
        match coding {
            Coding::Gzip => self.gzip(from, out, max_bytes),
            Coding::Deflate => self.deflate(from, out, max_bytes),
            Coding::Brotli => brotli(from, out, max_bytes),
            Coding::Zstd => self.zstd(from, out, max_bytes),
            Coding::Unsupported => Err(BodyError::Bad("the content coding cannot be read".to_owned())),
        }
    }

    fn gzip(&mut self, mut from: &[u8], out: &mut Vec<u8>, max_bytes: usize) -> Result<(), BodyError> {
        let cut = || BodyError::Cut("the gzip body is cut".to_owned());
        let raw = self.raw.get_or_insert_with(|| Decompress::new(false));
        loop {
            match gzip_header(from) {
                Header::Whole(n) => from = &from[n..],
                Header::Partial => return Err(cut()),
                Header::Not if out.is_empty() => return Err(BodyError::Bad("the body is not gzip".to_owned())),
                Header::Not => return Ok(()),
            }
            raw.reset(false);
            let n_before = out.len();
            from = &from[inflate(raw, from, out, max_bytes, "gzip")?..];
            let Some((trailer, rest)) = from.split_at_checked(8) else { return Err(cut()) };
            let mut check = Crc::new();
            check.update(&out[n_before..]);
            if trailer[..4] != check.sum().to_le_bytes() {
                return Err(BodyError::Bad("the check value of the gzip body is wrong".to_owned()));
            }
            from = rest;
            if from.is_empty() {
                return Ok(());
            }
        }
    }

    fn deflate(&mut self, from: &[u8], out: &mut Vec<u8>, max_bytes: usize) -> Result<(), BodyError> {
        let is_zlib = matches!(from, [a, b, ..] if a & 15 == 8 && (u16::from(*a) << 8 | u16::from(*b)) % 31 == 0);
        if is_zlib {
            let zlib = self.zlib.get_or_insert_with(|| Decompress::new(true));
            zlib.reset(true);
            return inflate(zlib, from, out, max_bytes, "deflate").map(|_| ());
        }
        let raw = self.raw.get_or_insert_with(|| Decompress::new(false));
        raw.reset(false);
        inflate(raw, from, out, max_bytes, "deflate").map(|_| ())
    }

    fn zstd(&mut self, mut from: &[u8], out: &mut Vec<u8>, max_bytes: usize) -> Result<(), BodyError> {
        let bad = |error: io::Error| BodyError::Bad(format!("the zstd body is damaged: {error}"));
        if self.zstd.is_none() {
            let mut decoder = Decoder::new().map_err(bad)?;
            decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG)).map_err(bad)?;
            self.zstd = Some(decoder);
        }
        let Some(decoder) = &mut self.zstd else { return Ok(()) };
        decoder.reinit().map_err(bad)?;
        loop {
            let n_before = out.len();
            out.reserve(STEP_BYTES);
            let mut input = InBuffer::around(from);
            let left = decoder.run(&mut input, &mut OutBuffer::around_pos(out, n_before)).map_err(bad)?;
            from = &from[input.pos()..];
            if out.len() > max_bytes {
                return Err(BodyError::TooLong(max_bytes));
            }
            if left == 0 && from.is_empty() {
                return Ok(());
            }
            if from.is_empty() && out.len() == n_before {
                return Err(BodyError::Cut("the zstd body is cut".to_owned()));
            }
        }
    }
}

/// Inflates one stream; gives the bytes it took.
fn inflate(
    stream: &mut Decompress,
    from: &[u8],
    out: &mut Vec<u8>,
    max_bytes: usize,
    what: &str,
) -> Result<usize, BodyError> {
    loop {
        out.reserve(STEP_BYTES.max(from.len()));
        let n_before = out.len();
        let rest = from.get(stream.total_in() as usize..).unwrap_or_default();
        let status = stream.decompress_vec(rest, out, FlushDecompress::None);
        if out.len() > max_bytes {
            return Err(BodyError::TooLong(max_bytes));
        }
        match status {
            Ok(Status::StreamEnd) => return Ok(stream.total_in() as usize),
            Ok(_) if stream.total_in() as usize == from.len() && out.len() == n_before => {
                return Err(BodyError::Cut(format!("the {what} body is cut")));
            }
            Ok(_) => {}
            Err(error) => return Err(BodyError::Bad(format!("the {what} body is damaged: {error}"))),
        }
    }
}

/// Input of the Brotli reader, which calls its end an error: the reader itself does not tell cut from damaged.
struct Input<'a>(&'a [u8]);

impl io::Read for Input<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { self.0.read(out) }
    }
}

fn brotli(from: &[u8], out: &mut Vec<u8>, max_bytes: usize) -> Result<(), BodyError> {
    let limit = max_bytes as u64 + 1;
    let result = brotli::Decompressor::new(Input(from), 4096).take(limit).read_to_end(out);
    if out.len() > max_bytes {
        return Err(BodyError::TooLong(max_bytes));
    }
    match result {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(BodyError::Cut("the br body is cut".to_owned()))
        }
        Err(error) => Err(BodyError::Bad(format!("the br body is damaged: {error}"))),
    }
}
