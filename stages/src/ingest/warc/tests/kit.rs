//! Builds records, packs files, and writes entries as lines that can be compared.

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::super::{Entry, Fault, FaultKind, WarcOptions, WarcReader};

/// A record with CRLF line ends and the blank lines behind it.
pub(super) fn record(kind: &str, url: &str, block: &[u8]) -> Vec<u8> {
    record_of_length(kind, url, block, block.len())
}

/// A record whose Content-Length is given.
pub(super) fn record_of_length(kind: &str, url: &str, block: &[u8], length: usize) -> Vec<u8> {
    let content_type = if kind == "response" { "application/http; msgtype=response" } else { "text/html" };
    let mut record = format!(
        "WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Record-ID: <urn:uuid:{url}>\r\n\
         WARC-Date: 2024-01-02T03:04:05Z\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    record.extend_from_slice(block);
    record.extend_from_slice(b"\r\n\r\n");
    record
}

/// A response of status 200 and type HTML, with more header lines.
pub(super) fn http(headers: &str, body: &[u8]) -> Vec<u8> {
    let mut block = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{headers}\r\n").into_bytes();
    block.extend_from_slice(body);
    block
}

/// A page of some length, so that damage has room.
pub(super) fn page(n: usize) -> Vec<u8> {
    let mut html = String::from("<html><head><title>A page</title></head><body>");
    for i in 0..20 + 37 * (n % 7) {
        // Not too regular, or it would be packed into a few bytes.
        let word = (i + 1).wrapping_mul(2_654_435_761).wrapping_add(n * 977) & 0xffff_ffff;
        let _ = writeln!(html, "<p>{n} {word:x}</p>");
    }
    record("response", &format!("http://a.example/{n}"), &http("", html.as_bytes()))
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A frame with a check value, as the proposal for WARC wants it.
pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut packer = zstd::bulk::Compressor::new(3).unwrap();
    packer.include_checksum(true).unwrap();
    packer.compress(bytes).unwrap()
}

pub(super) fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
    brotli::BrotliCompress(&mut &bytes[..], &mut out, &params).unwrap();
    out
}

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
    GzipWhole,
    ZstdWhole,
}

impl Packing {
    pub(super) const ALL: [Self; 5] = [Self::Plain, Self::Gzip, Self::Zstd, Self::GzipWhole, Self::ZstdWhole];

    pub(super) fn pack(self, records: &[Vec<u8>]) -> Vec<u8> {
        match self {
            Self::Plain => records.concat(),
            Self::Gzip => records.iter().flat_map(|record| gzip(record)).collect(),
            Self::Zstd => records.iter().flat_map(|record| zstd(record)).collect(),
            Self::GzipWhole => gzip(&records.concat()),
            Self::ZstdWhole => zstd(&records.concat()),
        }
    }
}

/// An entry without what it borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    Page { url: String, html: Option<String>, offset: u64, inner: u64, stored: Option<u64> },
    Fault(Fault),
    Other(&'static str),
}

impl Seen {
    pub(super) fn kind(&self) -> Option<FaultKind> {
        if let Self::Fault(fault) = self { Some(fault.kind) } else { None }
    }

    /// `ok <last part of the url>`, or the fault's name and the same.
    pub(super) fn short(&self) -> String {
        let last = |url: &str| url.rsplit('/').next().unwrap_or_default().to_owned();
        match self {
            Self::Page { url, .. } => format!("ok {}", last(url)),
            Self::Fault(fault) => format!("{} {}", fault.kind.name(), fault.url.as_deref().map_or("-".into(), last)),
            Self::Other(name) => (*name).to_owned(),
        }
    }
}

pub(super) fn read_range(path: &Path, range: Range<u64>, options: &WarcOptions) -> Vec<Seen> {
    let mut reader = WarcReader::open(path, range, options.clone()).unwrap();
    let mut seen = Vec::new();
    while let Some(entry) = reader.next() {
        assert!(seen.len() < 100_000, "the reader does not end");
        seen.push(match entry.unwrap() {
            Entry::Page(page) => Seen::Page {
                url: page.url.to_owned(),
                html: page.html.or(page.text).map(|html| html.into_owned()),
                offset: page.offset,
                inner: page.inner_offset,
                stored: page.stored_bytes,
            },
            Entry::Fault(fault) => Seen::Fault(fault),
            Entry::Other(kind) => Seen::Other(kind.name()),
        });
    }
    seen
}

/// All entries of a file with these bytes.
pub(super) fn read(bytes: &[u8]) -> Vec<Seen> {
    read_with(bytes, &WarcOptions::default())
}

pub(super) fn read_with(bytes: &[u8], options: &WarcOptions) -> Vec<Seen> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    read_range(file.path(), 0..u64::MAX, options)
}

pub(super) fn short(seen: &[Seen]) -> Vec<String> {
    seen.iter().map(Seen::short).collect()
}

/// Numbers that look random and are the same each time (SplitMix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}
