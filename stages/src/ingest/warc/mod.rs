//! WARC: pages of a web crawl, out of files of any packing and in any state.
//!
//! [`WarcReader`] reads WARC 1.0, 1.1 and WET files, plain, gzip or zstd, per record or whole, from one range of a file's
//! bytes. Response and resource records become pages with decoded HTML, conversion records pages with text. Damage is data:
//! what cannot be read is a [`Fault`] with its place and cause, and reading goes on at the next record. Nothing is judged
//! here: a page with status 404 or of type `image/png` comes out too, but its body is not decoded.
//!
//! Sources: WARC 1.1, ISO 28500:2017; RFC 1952 (gzip members); RFC 8878 (zstd frames); RFC 9110 and 9112 (HTTP); WHATWG
//! Encoding and HTML (character sets). Why by hand and not a WARC crate: the readers that exist stop at the first damaged
//! member, take a cut body for a whole one, or inflate without limit.
//!
//! # Ranges
//! A range reads what *begins* in it: members of compressed files, records of plain ones. The ranges `[0, n)`, `[n, 2n)`, …
//! together give the entries of one whole read, faults included, for any `n` and any damage, as long as no member or record
//! holds in its stored bytes what looks like another's beginning (a WARC file archived uncompressed within a plain
//! WARC, or in a stored block of a gzip member). A file that is one gzip member is read by the range with byte 0; the others find nothing in it.
//! A fault between two records belongs to the range of the one before.
//!
//! # Damage
//! - One damaged or cut member of a per-record file costs its record: one fault. Reading resumes at the next member.
//! - A record whose `Content-Length` lies costs itself: one fault. Reading resumes at the next line `WARC/1.…`.
//! - In a member of many records, those before the damage come out, though its check value (at its end) was never right.
//! - A body that is cut, damaged or too long is a fault, unless the record says `WARC-Truncated`; then what can be read counts.
//!
//! # Memory
//! `max_record_bytes` for the record, twice `max_body_bytes` for decoding, and under 1 MiB of the reader's own; zstd and
//! Brotli streams with large windows take what their format allows (128 MiB, in HTTP 16 MiB).

mod body;
mod charset;
mod fields;
mod framing;
mod http;
mod members;
mod meta;
mod opt_out;
mod page;
mod reader;
mod record;
mod window;

use std::borrow::Cow;

pub use opt_out::OptOut;
pub use reader::WarcReader;

/// What is decoded, and how much of it.
#[derive(Debug, Clone)]
pub struct WarcOptions {
    /// Bytes of a body after all codings are off; a longer one is a fault.
    pub max_body_bytes: usize,
    /// Bytes of a record as stored; a longer one is skipped, which is a fault if it was wanted.
    pub max_record_bytes: usize,
    /// HTTP status codes of pages whose body is decoded. Empty: all.
    pub statuses: Vec<u16>,
    /// Media types, lower case, of pages whose body is decoded. Empty: all.
    pub media_types: Vec<String>,
}

impl Default for WarcOptions {
    /// HTML with status 200; bodies of 10 MiB, records of 32 MiB.
    fn default() -> Self {
        Self {
            max_body_bytes: 10 << 20,
            max_record_bytes: 32 << 20,
            statuses: vec![200],
            media_types: ["text/html", "application/xhtml+xml"].map(str::to_owned).to_vec(),
        }
    }
}

/// What a record came to.
#[derive(Debug)]
pub enum Entry<'a> {
    /// A document, or what would be one if its status and type were others.
    Page(Page<'a>),
    /// A record, or a stretch between records, that cannot be read.
    Fault(Fault),
    /// A whole record that is no document: of the other types.
    Other(RecordType),
}

/// A page as the crawl saw it. Borrowed from the reader until the next one is read.
#[derive(Debug)]
pub struct Page<'a> {
    /// `Response`, `Resource` or `Conversion`.
    pub record_type: RecordType,
    /// `WARC-Record-ID` without angle brackets.
    pub record_id: Option<&'a str>,
    /// `WARC-Target-URI` without angle brackets; for lack of it `Subject-URI` (WARC 0.x) or an absolute `Content-Location`.
    pub url: &'a str,
    /// `WARC-Date` as it stands.
    pub date: Option<&'a str>,
    /// Place in the file: of the member, or of the record in a plain file.
    pub offset: u64,
    /// Place of the record among the member's inflated bytes: 0 unless records share a member. Always 0 in plain files.
    pub inner_offset: u64,
    /// Bytes in the file from `offset` on: of the member, or of a plain file's record. None if records share the member.
    pub stored_bytes: Option<u64>,
    /// HTTP status code; none for records without an HTTP head.
    pub http_status: Option<u16>,
    /// Media type, lower case, without parameters: of the HTTP head, else `WARC-Identified-Payload-Type`; for records
    /// without an HTTP head their own.
    pub media_type: Option<Cow<'a, str>>,
    /// WHATWG name of the encoding that the body was decoded from.
    pub charset: Option<&'static str>,
    /// Whether bytes did not fit the encoding and became U+FFFD.
    pub had_charset_errors: bool,
    /// Decoded body of a response or resource; none if status or media type are not wanted.
    pub html: Option<Cow<'a, str>>,
    /// Text of a conversion record.
    pub text: Option<Cow<'a, str>>,
    /// `WARC-Truncated`: why the crawler did not store the whole body.
    pub truncated: Option<&'a str>,
    /// The HTTP head's `X-Robots-Tag` fields, joined by `, `.
    pub x_robots_tag: Option<&'a str>,
    /// Signals by which the page withholds itself; those in the page are seen only if it is decoded.
    pub opt_out: OptOut,
}

/// A record, or a stretch between records, that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Place in the file: of the member, or of the damage in a plain file.
    pub offset: u64,
    /// As in [`Page::inner_offset`].
    pub inner_offset: u64,
    /// Address of the damaged record, if its head can be read.
    pub url: Option<String>,
    /// Identifier of the damaged record, if its head can be read.
    pub record_id: Option<String>,
    /// What is wrong, for people.
    pub cause: String,
}

/// Kinds of damage. Each is a rule in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// The file ends within a gzip member or zstd frame.
    TruncatedMember,
    /// A gzip member or zstd frame is damaged, or holds no WARC records.
    BadMember,
    /// Bytes between records or members that are neither.
    Garbage,
    /// A plain file ends within a record.
    TruncatedRecord,
    /// A record's head is damaged, or its `Content-Length` lies.
    BadRecord,
    /// A wanted record is longer than `max_record_bytes`.
    OversizedRecord,
    /// A response has no HTTP head.
    BadHttp,
    /// A chunk of the body is damaged.
    BadChunk,
    /// A content coding is damaged, or is one that we lack.
    BadEncoding,
    /// A chunked or compressed body ends too early.
    CutBody,
    /// The body inflates to more than `max_body_bytes`.
    OversizedBody,
    /// The declared character set cannot be decoded.
    BadCharset,
}

impl FaultKind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::TruncatedMember,
        Self::BadMember,
        Self::Garbage,
        Self::TruncatedRecord,
        Self::BadRecord,
        Self::OversizedRecord,
        Self::BadHttp,
        Self::BadChunk,
        Self::BadEncoding,
        Self::CutBody,
        Self::OversizedBody,
        Self::BadCharset,
    ];

    /// The rule's name in the ledger, behind the stage's.
    pub fn name(self) -> &'static str {
        match self {
            Self::TruncatedMember => "truncated_member",
            Self::BadMember => "bad_member",
            Self::Garbage => "garbage",
            Self::TruncatedRecord => "truncated_record",
            Self::BadRecord => "bad_record",
            Self::OversizedRecord => "oversized_record",
            Self::BadHttp => "bad_http",
            Self::BadChunk => "bad_chunk",
            Self::BadEncoding => "bad_encoding",
            Self::CutBody => "cut_body",
            Self::OversizedBody => "oversized_body",
            Self::BadCharset => "bad_charset",
        }
    }
}

/// `WARC-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum RecordType {
    /// About the file.
    Warcinfo,
    /// What a server answered.
    Response,
    /// A document without the protocol round it.
    Resource,
    /// What the crawler asked.
    Request,
    /// About another record.
    Metadata,
    /// A page seen before, without its body.
    Revisit,
    /// Another form of another record: the text of WET files.
    Conversion,
    /// The rest of a record in another file.
    Continuation,
    /// A type that the standard does not name.
    #[default]
    Unknown,
}

impl RecordType {
    /// As `WARC-Type` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Warcinfo => "warcinfo",
            Self::Response => "response",
            Self::Resource => "resource",
            Self::Request => "request",
            Self::Metadata => "metadata",
            Self::Revisit => "revisit",
            Self::Conversion => "conversion",
            Self::Continuation => "continuation",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests;
