//! How far a set of texts compresses: repetition of any kind and length, in one number.
//!
//! Shaib et al. 2024 (arXiv:2403.00553): bytes over gzip-9 bytes of the texts joined by line ends. Here the texts are first
//! put in the order of a hash of theirs, so that the number does not depend on the order of rows, and are compressed in blocks
//! of 1 MiB, since the window is 32 KiB anyway.

use flate2::{Compress, Compression, FlushCompress, Status};
use xxhash_rust::xxh3::xxh3_64;

const BLOCK_BYTES: usize = 1 << 20;
/// What the gzip format adds to a raw deflate stream: header and trailer.
const GZIP_BYTES: usize = 18;

/// Bytes of the texts over bytes of their gzip; none for no bytes.
pub fn compression_ratio<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<f64> {
    let mut texts: Vec<(u64, &str)> = texts.into_iter().map(|text| (xxh3_64(text.as_bytes()), text)).collect();
    texts.sort_unstable();
    let mut joined = Vec::new();
    for (at, (_, text)) in texts.iter().enumerate() {
        if at > 0 {
            joined.push(b'\n');
        }
        joined.extend_from_slice(text.as_bytes());
    }
    let packed: usize = joined.chunks(BLOCK_BYTES).map(gzip_bytes).sum();
    (packed > 0).then(|| joined.len() as f64 / packed as f64)
}

fn gzip_bytes(block: &[u8]) -> usize {
    let mut packer = Compress::new(Compression::best(), false);
    let mut sink = vec![0u8; 1 << 16];
    loop {
        let read = packer.total_in() as usize;
        match packer.compress(&block[read.min(block.len())..], &mut sink, FlushCompress::Finish) {
            Ok(Status::Ok) => {}
            // An error cannot come from memory given as it is here; were there one, what has been written still counts.
            Ok(Status::StreamEnd | Status::BufError) | Err(_) => return packer.total_out() as usize + GZIP_BYTES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter() {
        let texts = ["one text", "another text", "a third, unlike the others"];
        let back: Vec<&str> = texts.iter().rev().copied().collect();
        assert_eq!(compression_ratio(texts), compression_ratio(back));
        assert_eq!(compression_ratio([]), None);
        assert_eq!(compression_ratio([""]), None);
    }

    #[test]
    fn matches_gzip_of_python() {
        // python3 -c "import gzip; b=b'ab'*50000; print(len(gzip.compress(b,9)))" gives 134.
        let text = "ab".repeat(50_000);
        let ratio = compression_ratio([text.as_str()]).unwrap();
        assert!((ratio - 100_000.0 / 134.0).abs() < 0.05 * ratio, "{ratio}");
    }

    #[test]
    fn several_megabytes_on_one_line() {
        let text = "word ".repeat(500_000);
        assert!(compression_ratio([text.as_str()]).unwrap() > 100.0);
    }
}
