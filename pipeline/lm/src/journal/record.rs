//! One record of a segment: its bytes, and how a run of them is read back after a crash.
//!
//! Layout, little-endian: magic (4), xxh3-64 of all that follows (8), flags (4), length of the body (4), length of the
//! JSON (4), key (16), body: the JSON, compressed with zstd against a fixed dictionary, without which the names of the
//! fields would be most of a short record. A record is good if its checksum is; between good ones, whatever is not a
//! record is passed over; after the last good one it is a torn tail.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// First bytes of a segment, with the version of the layout and of the dictionary.
pub(crate) const SEGMENT_MAGIC: &[u8; 8] = b"GMJRNL1\n";

const MAGIC: &[u8; 4] = b"GMr1";

/// Bytes before the body.
pub(crate) const HEADER: usize = 40;

/// Longest body or JSON of a record, in bytes.
pub(crate) const MAX_BYTES: usize = 256 << 20;

const FAILURE: u32 = 1;

/// What the records' JSON looks like. Part of the layout: another text makes old segments unreadable.
pub(crate) const DICTIONARY: &[u8] = br#"{"key":"0123456789abcdef0123456789abcdef","endpoint":"score","worker":"","identity":{"kind":"openai","model":"","revision":""},"request":{"context":"","text":"","top":0},"failure":{"worker":"","failure":"context_length","message":"","status":400,"retry_after":null,"attempts":1}}{"scores":{"tokens":[{"token":"","logprob":-0.0,"rank":1,"top":[["",-0.0]],"entropy":null}],"full":false,"cached":false}}"endpoint":"complete","worker":"","identity":{"kind":"openai","model":"","revision":""},"request":{"prompt":{"text":""},"prompt":{"chat":[{"role":"system","content":"You are a"},{"role":"user","content":""},{"role":"assistant","content":""}]},"sampling":{"temperature":0.0,"top_p":1.0,"top_k":null,"min_p":null,"presence_penalty":0.0,"frequency_penalty":0.0,"repetition_penalty":null,"max_tokens":512,"min_tokens":null,"stop":[],"seed":null,"logit_bias":{}},"shape":null,"top_logprobs":null,"sample":0,"extra":{}},"reply":{"text":"","finish":"length","finish":"stop","prompt_tokens":100,"completion_tokens":100,"model":"","latency_ms":100,"attempts":1,"cached":false}}"#;

/// Where a record lies: 12 bytes, so that an entry of the index takes 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) segment: u32,
    pub(crate) offset: u32,
    /// Length with header, twice; odd for a failure.
    packed: u32,
}

impl Place {
    fn new(segment: u32, offset: u32, bytes: usize, failure: bool) -> Self {
        Self { segment, offset, packed: u32::try_from(bytes * 2).unwrap_or(u32::MAX - 1) | u32::from(failure) }
    }

    pub(crate) fn bytes(self) -> usize {
        (self.packed >> 1) as usize
    }

    pub(crate) fn is_failure(self) -> bool {
        self.packed & 1 == 1
    }
}

/// A key as 16 bytes: the hexadecimal number it is, or the hash of another text.
pub(crate) fn key_number(key: &str) -> u128 {
    match key.len() {
        32 => u128::from_str_radix(key, 16).unwrap_or_else(|_| xxh3_128(key.as_bytes())),
        _ => xxh3_128(key.as_bytes()),
    }
}

/// Appends a record to a buffer.
pub(crate) fn write(buffer: &mut Vec<u8>, key: u128, failure: bool, json_bytes: usize, body: &[u8]) {
    let start = buffer.len();
    buffer.extend_from_slice(MAGIC);
    buffer.extend_from_slice(&[0; 8]);
    buffer.extend_from_slice(&(if failure { FAILURE } else { 0 }).to_le_bytes());
    buffer.extend_from_slice(&(body.len() as u32).to_le_bytes());
    buffer.extend_from_slice(&(json_bytes as u32).to_le_bytes());
    buffer.extend_from_slice(&key.to_le_bytes());
    buffer.extend_from_slice(body);
    let checksum = xxh3_64(&buffer[start + 12..]);
    buffer[start + 4..start + 12].copy_from_slice(&checksum.to_le_bytes());
}

/// A good record.
pub(crate) struct Record<'a> {
    pub(crate) key: u128,
    pub(crate) failure: bool,
    pub(crate) json_bytes: usize,
    pub(crate) body: &'a [u8],
}

/// The record at the start of some bytes; none if there is no good one.
pub(crate) fn read(bytes: &[u8]) -> Option<Record<'_>> {
    let header = bytes.get(..HEADER)?;
    let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| header[at + i]));
    let (flags, body_bytes, json_bytes) = (number(12), number(16) as usize, number(20) as usize);
    if &header[..4] != MAGIC || body_bytes > MAX_BYTES || json_bytes > MAX_BYTES {
        return None;
    }
    let covered = bytes.get(12..HEADER + body_bytes)?;
    let checksum = u64::from_le_bytes(std::array::from_fn(|i| header[4 + i]));
    (xxh3_64(covered) == checksum).then(|| Record {
        key: u128::from_le_bytes(std::array::from_fn(|i| header[24 + i])),
        failure: flags & FAILURE != 0,
        json_bytes,
        body: &bytes[HEADER..HEADER + body_bytes],
    })
}

/// What a segment holds from some offset on.
#[derive(Default)]
pub(crate) struct Scan {
    pub(crate) places: Vec<(u128, Place)>,
    /// End of the last good record, from the segment's start.
    pub(crate) good_bytes: u64,
    /// Bytes between good records that are none.
    pub(crate) damaged_bytes: u64,
    /// Bytes after the last good record.
    pub(crate) torn_bytes: u64,
}

/// Reads the records of a segment's bytes, which begin at `start` of the segment.
pub(crate) fn scan(bytes: &[u8], segment: u32, start: u64) -> Scan {
    let mut found = Scan { good_bytes: start, ..Scan::default() };
    let mut at = 0;
    while let Some(skip) = next_magic(&bytes[at..]) {
        at += skip;
        let (Some(record), Ok(offset)) = (read(&bytes[at..]), u32::try_from(start + at as u64)) else {
            at += 1;
            continue;
        };
        let length = HEADER + record.body.len();
        found.damaged_bytes += start + at as u64 - found.good_bytes;
        found.places.push((record.key, Place::new(segment, offset, length, record.failure)));
        at += length;
        found.good_bytes = start + at as u64;
    }
    found.torn_bytes = start + bytes.len() as u64 - found.good_bytes;
    found
}

fn next_magic(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(MAGIC) {
        return Some(0);
    }
    bytes.windows(MAGIC.len()).position(|window| window == MAGIC)
}

/// Where a record will lie that is written at this offset.
pub(crate) fn place(segment: u32, offset: u64, bytes: usize, failure: bool) -> Option<Place> {
    Some(Place::new(segment, u32::try_from(offset).ok()?, bytes, failure))
}
