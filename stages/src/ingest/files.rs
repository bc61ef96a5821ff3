//! Files: from the patterns of a config to a fixed list of shards, and from a piece to a stream of bytes.
//!
//! Everything that decides how rows are grouped looks at names and sizes alone, so that the same input is cut the same
//! way on every machine. Content is first looked at when a shard is opened.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use gristmill_core::error::{Error, Result};
use gristmill_core::params::ParamError;
use gristmill_core::source::{InputFile, Piece, Shard, pack_files, split_file};

/// Bytes of a shard of plain files, unless the config says otherwise.
pub(super) const PLAIN_SHARD_BYTES: u64 = 64 << 20;
/// Bytes of a shard of compressed files: text takes three to five times as much once inflated.
pub(super) const COMPRESSED_SHARD_BYTES: u64 = 16 << 20;
/// Bytes read from a compressed file at a time.
const READ_BYTES: usize = 256 << 10;

/// How a file is compressed, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    /// Not at all.
    None,
    /// gzip, of one or many members.
    Gzip,
    /// Zstandard, of one or many frames.
    Zstd,
    /// bzip2, of one or many streams.
    Bzip2,
}

impl Compression {
    /// What the file's name says.
    pub(super) fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz" | "gzip") => Self::Gzip,
            Some("zst" | "zstd") => Self::Zstd,
            Some("bz2") => Self::Bzip2,
            _ => Self::None,
        }
    }
}

/// The files that the patterns name: sorted by path, each once.
///
/// # Errors
/// At `files`, or at the pattern that is malformed or matches no file.
pub(super) fn find(patterns: &[String]) -> Result<Vec<InputFile>, ParamError> {
    if patterns.is_empty() {
        return Err(ParamError::at("files", "no files: expected a list of paths or patterns such as \"data/*.jsonl\""));
    }
    let mut paths: Vec<PathBuf> = Vec::new();
    for (i, pattern) in patterns.iter().enumerate() {
        let found = matches(pattern).map_err(|cause| ParamError::at(i.to_string(), cause).under("files"))?;
        paths.extend(found);
    }
    paths.sort();
    paths.dedup();
    paths.into_iter().map(|path| input_file(path).map_err(|e| ParamError::at("files", e.to_string()))).collect()
}

fn matches(pattern: &str) -> Result<Vec<PathBuf>, String> {
    // A name may hold `[` or `?` and mean it.
    if Path::new(pattern).is_file() {
        return Ok(vec![pattern.into()]);
    }
    let found = glob::glob(pattern).map_err(|e| format!("`{pattern}` is not a pattern: {e}"))?;
    let mut paths = Vec::new();
    for path in found {
        let path = path.map_err(|e| format!("`{pattern}`: {e}"))?;
        if path.is_file() {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(format!("`{pattern}` matches no file"));
    }
    Ok(paths)
}

fn input_file(path: PathBuf) -> Result<InputFile> {
    let about = fs::metadata(&path).map_err(Error::path("looking at", &path))?;
    let modified = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified_ns = modified.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0);
    Ok(InputFile { path, bytes: about.len(), modified_ns })
}

/// Cuts files into shards; with a limit, everything is one shard, so that "the first rows" are the same ones always.
pub(super) fn cut(
    files: &[InputFile],
    shard_bytes: Option<u64>,
    limit: Option<u64>,
    can_split: fn(&Path) -> bool,
) -> Vec<Shard> {
    if limit.is_some() {
        let pieces = files.iter().flat_map(|file| split_file(file, u64::MAX, false)).collect();
        return vec![Shard { pieces, limit }];
    }
    let is_plain = |file: &InputFile| Compression::of(&file.path) == Compression::None;
    let mut shards = Vec::new();
    for alike in files.chunk_by(|a, b| is_plain(a) == is_plain(b)) {
        let default = if alike.first().is_some_and(is_plain) { PLAIN_SHARD_BYTES } else { COMPRESSED_SHARD_BYTES };
        let target = shard_bytes.unwrap_or(default);
        let pieces = alike.iter().flat_map(|file| split_file(file, target, can_split(&file.path)));
        shards.extend(pack_files(pieces, target));
    }
    shards
}

/// Whether lines of the file can be read from anywhere in it.
pub(super) fn is_plain(path: &Path) -> bool {
    Compression::of(path) == Compression::None
}

/// The inflated bytes of a file, from `start` (which only plain files may have above 0).
///
/// # Errors
/// When the file cannot be opened.
pub(super) fn open(path: &Path, start: u64) -> Result<Box<dyn Read + Send>> {
    let mut file = File::open(path).map_err(Error::path("opening", path))?;
    Ok(match Compression::of(path) {
        Compression::None => {
            file.seek(SeekFrom::Start(start)).map_err(Error::path("reading", path))?;
            Box::new(file)
        }
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(READ_BYTES, file))),
        Compression::Zstd => {
            let decoder = zstd::stream::read::Decoder::new(file).map_err(Error::path("reading", path))?;
            Box::new(decoder)
        }
        Compression::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(BufReader::with_capacity(READ_BYTES, file))),
    })
}

/// Whether a failed read is the world's fault (a disk, a permission) rather than that of the bytes.
pub(super) fn is_world(error: &io::Error) -> bool {
    error.raw_os_error().is_some()
}

/// The path as a document's identifier and its evidence name it.
pub(super) fn name(piece: &Piece) -> String {
    piece.path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_sorted_and_deduplicated() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.txt", "a.txt", "c.md"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let pattern = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        let files = find(&[pattern("*.txt"), pattern("a.*")]).unwrap();
        let names: Vec<_> = files.iter().filter_map(|file| file.path.file_name()).collect();
        assert_eq!(names, ["a.txt", "b.txt"]);
        assert_eq!(files[0].bytes, 5);
        let error = find(&[pattern("*.txt"), pattern("*.gz")]).unwrap_err();
        assert_eq!(error.path, ["files", "1"]);
        assert!(error.message.contains("*.gz` matches no file"));
        assert_eq!(find(&[]).unwrap_err().path, ["files"]);
    }

    #[test]
    fn a_limit_makes_one_shard() {
        let file = |name: &str, bytes| InputFile { path: name.into(), bytes, modified_ns: 0 };
        let files = [file("a.jsonl", 100), file("b.jsonl.gz", 50), file("c.jsonl", 10)];
        assert_eq!(cut(&files, Some(40), Some(3), is_plain).len(), 1);
        let shards = cut(&files, Some(40), None, is_plain);
        let sizes: Vec<u64> = shards.iter().map(Shard::bytes).collect();
        assert_eq!(sizes, [33, 33, 34, 50, 10]);
    }
}
