//! Members: the pieces of a compressed file that can be read by themselves.
//!
//! A gzip file is a row of members (RFC 1952, 2.2), a zstd file a row of frames (RFC 8878, 3.1). Most WARC writers give each
//! record its own (ISO 28500:2017, annex D), so a damaged one costs one record. We read the gzip header and trailer
//! ourselves, round a raw deflate stream: so the end of a member is known to the byte, the check value is compared, and the
//! decoder's memory is reused (`flate2`'s gzip mode makes a new one per member).
//!
//! zstd files may begin with a dictionary in a skippable frame (IIPC, "Zstandard compression for WARC files", 1.0).

use std::io;

use flate2::{Crc, Decompress, FlushDecompress, Status};
use zstd::stream::raw::{Decoder, InBuffer, Operation as _, OutBuffer};

use super::window::Window;

/// Inflated bytes asked for at a time.
pub(super) const STEP_BYTES: usize = 1 << 16;
/// First bytes of a gzip member with deflate, the only method there is.
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];
/// First bytes of a zstd frame.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// First bytes of the skippable frame that holds a dictionary.
const DICTIONARY: [u8; 4] = [0x5d, 0x2a, 0x4d, 0x18];
/// A dictionary above this is not believed.
const MAX_DICTIONARY_BYTES: usize = 1 << 24;

/// What inflating a bit more came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pull {
    /// There are more bytes, and may be more yet.
    More,
    /// The member ended as it should.
    End,
    /// The file ends inside the member.
    Cut,
    /// The member is damaged.
    Bad(String),
}

/// How a file is packed.
pub(super) enum Codec {
    /// Not at all: the file is one member without a header.
    Plain,
    /// gzip.
    Gzip(Gzip),
    /// zstd, with or without a dictionary.
    Zstd(Decoder<'static>),
}

/// A gzip member being read.
pub(super) struct Gzip {
    deflate: Decompress,
    check: Crc,
}

impl Codec {
    /// Finds out how a file is packed: by its first bytes, and where these say nothing, by its name.
    ///
    /// # Errors
    /// When the file cannot be read, or zstd has no memory.
    pub(super) fn of(window: &mut Window, name: &str) -> io::Result<Self> {
        window.need(8)?;
        let head = window.data();
        let gzip = || Self::Gzip(Gzip { deflate: Decompress::new(false), check: Crc::new() });
        if head.starts_with(&GZIP[..2]) {
            Ok(gzip())
        } else if head.starts_with(&ZSTD) || is_skippable(head) {
            Ok(Self::Zstd(zstd_decoder(window)?))
        } else if head.starts_with(b"WARC/") {
            Ok(Self::Plain)
        } else if name.ends_with(".gz") {
            Ok(gzip())
        } else if name.ends_with(".zst") {
            Ok(Self::Zstd(Decoder::new()?))
        } else {
            Ok(Self::Plain)
        }
    }

    /// What a member begins with; empty for plain files.
    pub(super) fn magic(&self) -> &'static [u8] {
        match self {
            Self::Plain => &[],
            Self::Gzip(_) => &GZIP,
            Self::Zstd(_) => &ZSTD,
        }
    }

    /// Begins the member at the window's place and uses up its header.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn begin(&mut self, window: &mut Window) -> io::Result<Pull> {
        match self {
            Self::Plain => Ok(Pull::More),
            Self::Gzip(gzip) => gzip.begin(window),
            Self::Zstd(decoder) => {
                decoder.reinit()?;
                Ok(Pull::More)
            }
        }
    }

    /// Appends some more inflated bytes to `out`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn pull(&mut self, window: &mut Window, out: &mut Vec<u8>) -> io::Result<Pull> {
        match self {
            Self::Plain => {
                if window.data().is_empty() && !window.fill()? {
                    return Ok(Pull::End);
                }
                let n = window.data().len();
                out.extend_from_slice(window.data());
                window.consume(n);
                Ok(Pull::More)
            }
            Self::Gzip(gzip) => gzip.pull(window, out),
            Self::Zstd(decoder) => pull_zstd(decoder, window, out),
        }
    }

    /// Length of the skippable zstd frame at the window's place, if one is there.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn skippable(&self, window: &mut Window) -> io::Result<Option<u64>> {
        let Self::Zstd(_) = self else { return Ok(None) };
        let whole = window.need(8)? && is_skippable(window.data());
        Ok(whole.then(|| 8 + u64::from(little_endian(&window.data()[4..8]))))
    }
}

impl Gzip {
    fn begin(&mut self, window: &mut Window) -> io::Result<Pull> {
        self.deflate.reset(false);
        self.check.reset();
        loop {
            match gzip_header(window.data()) {
                Header::Whole(n) => {
                    window.consume(n);
                    return Ok(Pull::More);
                }
                Header::Partial if window.fill()? => {}
                Header::Partial => return Ok(Pull::Cut),
                Header::Not => return Ok(Pull::Bad("no gzip header".to_owned())),
            }
        }
    }

    fn pull(&mut self, window: &mut Window, out: &mut Vec<u8>) -> io::Result<Pull> {
        let from = out.len();
        out.reserve(STEP_BYTES);
        loop {
            if window.data().is_empty() && !window.fill()? {
                self.check.update(&out[from..]);
                return Ok(Pull::Cut);
            }
            let before = self.deflate.total_in();
            let status = self.deflate.decompress_vec(window.data(), out, FlushDecompress::None);
            window.consume((self.deflate.total_in() - before) as usize);
            match status {
                Ok(Status::StreamEnd) => {
                    self.check.update(&out[from..]);
                    return self.trailer(window);
                }
                Ok(_) if out.len() == out.capacity() => {
                    self.check.update(&out[from..]);
                    return Ok(Pull::More);
                }
                Ok(_) => {}
                Err(error) => return Ok(Pull::Bad(format!("deflate: {error}"))),
            }
        }
    }

    fn trailer(&self, window: &mut Window) -> io::Result<Pull> {
        if !window.need(8)? {
            return Ok(Pull::Cut);
        }
        let trailer = window.data();
        let (check, n_bytes) = (little_endian(&trailer[..4]), little_endian(&trailer[4..8]));
        window.consume(8);
        if check != self.check.sum() {
            return Ok(Pull::Bad("the check value of the gzip member is wrong".to_owned()));
        }
        if n_bytes != self.check.amount() {
            return Ok(Pull::Bad("the length at the end of the gzip member is wrong".to_owned()));
        }
        Ok(Pull::End)
    }
}

fn pull_zstd(decoder: &mut Decoder<'static>, window: &mut Window, out: &mut Vec<u8>) -> io::Result<Pull> {
    out.reserve(STEP_BYTES);
    loop {
        let dry = window.data().is_empty() && !window.fill()?;
        let n_before = out.len();
        let mut input = InBuffer::around(window.data());
        let mut output = OutBuffer::around_pos(out, n_before);
        let result = decoder.run(&mut input, &mut output);
        let n_used = input.pos();
        window.consume(n_used);
        match result {
            Ok(0) => return Ok(Pull::End),
            Ok(_) if out.len() == out.capacity() => return Ok(Pull::More),
            // The decoder may still hold output when there is no input left.
            Ok(_) if dry && out.len() == n_before => return Ok(Pull::Cut),
            Ok(_) => {}
            Err(error) => return Ok(Pull::Bad(format!("zstd: {error}"))),
        }
    }
}

/// A gzip header at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// Ends before this byte.
    Whole(usize),
    /// May be one; more bytes are needed.
    Partial,
    /// None.
    Not,
}

/// Reads a gzip header (RFC 1952, 2.3). A name or comment of more than a window is not believed.
pub(super) fn gzip_header(data: &[u8]) -> Header {
    if !GZIP.iter().zip(data).all(|(a, b)| a == b) {
        return Header::Not;
    }
    let Some(&flags) = data.get(3) else { return Header::Partial };
    if flags & 0xe0 != 0 {
        return Header::Not;
    }
    let mut at = 10;
    if flags & 4 != 0 {
        let Some(length) = data.get(10..12) else { return Header::Partial };
        at = 12 + usize::from(u16::from_le_bytes([length[0], length[1]]));
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let end = data.get(at..).and_then(|rest| memchr::memchr(0, rest));
            let Some(end) = end else { return Header::Partial };
            at += end + 1;
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    if at <= data.len() { Header::Whole(at) } else { Header::Partial }
}

fn is_skippable(head: &[u8]) -> bool {
    head.len() >= 4 && head[0] & 0xf0 == 0x50 && head[1..4] == [0x2a, 0x4d, 0x18]
}

/// Four bytes as a number; short input counts as zeros.
fn little_endian(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).rev().fold(0, |n, &byte| n << 8 | u32::from(byte))
}

/// A decoder with the dictionary that the file begins with, if any.
fn zstd_decoder(window: &mut Window) -> io::Result<Decoder<'static>> {
    if !window.data().starts_with(&DICTIONARY) {
        return Decoder::new();
    }
    let n_bytes = little_endian(window.data().get(4..8).unwrap_or_default()) as usize;
    if n_bytes > MAX_DICTIONARY_BYTES {
        return Decoder::new();
    }
    let from = window.pos();
    window.consume(8);
    let mut dictionary = Vec::new();
    while dictionary.len() < n_bytes && window.need(1)? {
        let n = window.data().len().min(n_bytes - dictionary.len());
        dictionary.extend_from_slice(&window.data()[..n]);
        window.consume(n);
    }
    window.seek(from)?;
    if dictionary.starts_with(&ZSTD) {
        dictionary = zstd::bulk::decompress(&dictionary, MAX_DICTIONARY_BYTES)?;
    }
    Decoder::with_dictionary(&dictionary)
}
