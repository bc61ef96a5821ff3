//! Cutting inputs into shards.

use std::ops::Range;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A file to read and what identifies its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Path, as the config's pattern gave it.
    pub path: PathBuf,
    /// Size in bytes.
    pub bytes: u64,
    /// Modification time in nanoseconds since 1970; 0 if unknown.
    pub modified_ns: u64,
}

/// A byte range of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The file.
    pub path: PathBuf,
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
    /// Size of the file.
    pub file_bytes: u64,
}

impl Piece {
    /// The byte range.
    pub fn range(&self) -> Range<u64> {
        self.start..self.end
    }
    /// Whether the piece is the whole file.
    pub fn is_whole(&self) -> bool {
        self.start == 0 && self.end == self.file_bytes
    }
}

/// A unit of work: pieces read one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// The pieces, in order.
    pub pieces: Vec<Piece>,
    /// Stop after this many rows, over the whole shard.
    pub limit: Option<u64>,
}

impl Shard {
    /// Bytes of all pieces.
    pub fn bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.end - piece.start).sum()
    }
}

/// Cuts a file into pieces of about `target_bytes`, or leaves it whole if it cannot be cut.
pub fn split_file(file: &InputFile, target_bytes: u64, can_split: bool) -> Vec<Piece> {
    let n = if can_split { file.bytes.div_ceil(target_bytes.max(1)).max(1) } else { 1 };
    (0..n)
        .map(|i| Piece {
            path: file.path.clone(),
            start: i * file.bytes / n,
            end: (i + 1) * file.bytes / n,
            file_bytes: file.bytes,
        })
        .collect()
}

/// Packs pieces, in order, into shards of about `target_bytes`.
pub fn pack_files(pieces: impl IntoIterator<Item = Piece>, target_bytes: u64) -> Vec<Shard> {
    let mut shards: Vec<Shard> = Vec::new();
    let mut open_bytes = u64::MAX;
    for piece in pieces {
        let bytes = piece.end - piece.start;
        match shards.last_mut() {
            Some(shard) if open_bytes.saturating_add(bytes) <= target_bytes => {
                open_bytes += bytes;
                shard.pieces.push(piece);
            }
            _ => {
                open_bytes = bytes;
                shards.push(Shard { pieces: vec![piece], limit: None });
            }
        }
    }
    shards
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: u64) -> InputFile {
        InputFile { path: "a".into(), bytes, modified_ns: 0 }
    }

    #[test]
    fn pieces_cover_the_file_once() {
        let pieces = split_file(&file(1000), 300, true);
        assert_eq!(pieces.len(), 4);
        assert_eq!((pieces[0].start, pieces[3].end), (0, 1000));
        assert!(pieces.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert!(split_file(&file(1000), 300, false)[0].is_whole());
    }

    #[test]
    fn small_files_share_a_shard() {
        let pieces = (0..10).flat_map(|_| split_file(&file(100), 300, true));
        let shards = pack_files(pieces, 300);
        assert_eq!(shards.iter().map(|s| s.pieces.len()).collect::<Vec<_>>(), [3, 3, 3, 1]);
    }
}
