//! `tokens = "bytes"`: the released texts as arrays that a training loop maps into memory.
//!
//! For each part and split `tokens/SPLIT-*.npy` holds the tokens of all its texts, one after the other, and
//! `tokens/SPLIT-*.ends.npy` where each ends. The vocabulary is that of UTF-8 bytes, as of ByT5 (Xue et al. 2022,
//! arXiv:2105.13626) without its special tokens: the token of a byte is the byte, 256 ends a text. It needs no trained
//! tokenizer, so that a release does not depend on one; `tokens/vocabulary.json` says so to programs. The arrays are NumPy's
//! format 1.0, which `numpy.load(…, mmap_mode="r")` reads; Megatron's index files are not written.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use gristmill_core::error::{Error, Result};
use gristmill_core::schema::TEXT;
use gristmill_stages::release::ReleaseParams;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::files::{Draw, ReleasedFile, read};
use crate::plan::{make_dir, write_whole};

/// Ends a text.
const END: u16 = 256;
/// Bytes of an array's header: enough for any length, and a multiple of 64 as the format wants.
const HEADER_BYTES: usize = 128;

/// Writes the tokens of every part, one pair of arrays for each split, and the vocabulary.
pub(super) fn write(
    parts: &[PathBuf],
    building: &Path,
    params: &ReleaseParams,
    seed: u64,
) -> Result<Vec<ReleasedFile>> {
    make_dir(&building.join("tokens"))?;
    let (draw, shares) = (Draw::new(params, seed), params.shares());
    let mut files = Vec::new();
    for (n, part) in parts.iter().enumerate() {
        let stem = |split: &str| format!("tokens/{split}-{n:05}-of-{:05}", parts.len());
        let mut writers = Vec::new();
        for (split, _) in &shares {
            writers.push(Tokens::create(building, &stem(split))?);
        }
        for batch in read(part)?.1 {
            let batch = batch?;
            let splits = draw.of_batch(&batch, &params.split_by)?;
            let texts = batch.column_by_name(TEXT).ok_or_else(|| Error::Bug("released rows have no text".into()))?;
            let texts = cast(texts, &DataType::Utf8View)?;
            let texts = texts.as_string_view();
            for (row, split) in splits.into_iter().enumerate() {
                writers[split].add(if texts.is_valid(row) { texts.value(row) } else { "" })?;
            }
        }
        for ((split, _), writer) in shares.iter().zip(writers) {
            files.extend(writer.finish(building, &stem(split), split)?);
        }
    }
    let vocabulary = json!({ "tokens": "UTF-8 bytes", "size": 257, "end_of_text": END, "dtype": "<u2" });
    let (path, text) = ("tokens/vocabulary.json".to_owned(), format!("{vocabulary}\n"));
    write_whole(&building.join(&path), text.as_bytes())?;
    let (sha256, bytes) = (super::sha256(text.as_bytes()), text.len() as u64);
    files.push(ReleasedFile { path, split: String::new(), sha256, rows: 0, bytes });
    Ok(files)
}

/// The tokens of some texts, and where each text ends.
struct Tokens {
    tokens: Npy,
    ends: Npy,
}

impl Tokens {
    fn create(building: &Path, stem: &str) -> Result<Self> {
        let array = |suffix: &str, dtype| Npy::create(building.join(format!("{stem}{suffix}")), dtype);
        Ok(Self { tokens: array(".npy", "<u2")?, ends: array(".ends.npy", "<u8")? })
    }

    fn add(&mut self, text: &str) -> Result<()> {
        let tokens = text.bytes().map(u16::from).chain([END]);
        self.tokens.write(tokens.flat_map(u16::to_le_bytes).collect::<Vec<u8>>().as_slice(), text.len() as u64 + 1)?;
        self.ends.write(&self.tokens.n.to_le_bytes(), 1)
    }

    fn finish(self, building: &Path, stem: &str, split: &str) -> Result<Vec<ReleasedFile>> {
        let rows = self.ends.n;
        let mut files = Vec::new();
        for (array, suffix) in [(self.tokens, ".npy"), (self.ends, ".ends.npy")] {
            array.finish()?;
            let path = format!("{stem}{suffix}");
            let (sha256, bytes) = checksum(&building.join(&path))?;
            files.push(ReleasedFile { path, split: split.to_owned(), sha256, rows, bytes });
        }
        Ok(files)
    }
}

/// An array of one dimension on disk; its header is written last, when its length is known.
struct Npy {
    file: BufWriter<File>,
    path: PathBuf,
    dtype: &'static str,
    n: u64,
}

impl Npy {
    fn create(path: PathBuf, dtype: &'static str) -> Result<Self> {
        let file = File::create(&path).map_err(Error::path("writing", &path))?;
        let mut array = Self { file: BufWriter::new(file), path, dtype, n: 0 };
        array.write(&[0; HEADER_BYTES], 0)?;
        Ok(array)
    }

    fn write(&mut self, bytes: &[u8], n: u64) -> Result<()> {
        self.n += n;
        self.file.write_all(bytes).map_err(Error::path("writing", &self.path))
    }

    fn finish(mut self) -> Result<()> {
        let failed = Error::path("writing", &self.path);
        let header = header(self.dtype, self.n);
        let written = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.write_all(&header));
        written.and_then(|()| self.file.flush()).and_then(|()| self.file.get_ref().sync_all()).map_err(failed)
    }
}

/// NumPy's format 1.0: magic, version, length of the rest, a Python literal padded with spaces to the end of a line.
fn header(dtype: &str, n: u64) -> Vec<u8> {
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend((HEADER_BYTES as u16 - 10).to_le_bytes());
    header.extend(format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({n},), }}").bytes());
    header.resize(HEADER_BYTES - 1, b' ');
    header.push(b'\n');
    header
}

/// SHA-256 and size of a file.
fn checksum(path: &Path) -> Result<(String, u64)> {
    let mut file = File::open(path).map_err(Error::path("reading", path))?;
    let (mut digest, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        match file.read(&mut piece).map_err(Error::path("reading", path))? {
            0 => return Ok((crate::engine::hex(&digest.finalize()), bytes)),
            n => {
                digest.update(&piece[..n]);
                bytes += n as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_bytes_that_end_where_they_are_said_to() {
        let folder = tempfile::tempdir().unwrap();
        let mut tokens = Tokens::create(folder.path(), "train").unwrap();
        for text in ["ab", "", "é"] {
            tokens.add(text).unwrap();
        }
        let files = tokens.finish(folder.path(), "train", "train").unwrap();
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        let (array, ends) = (read("train.npy"), read("train.ends.npy"));
        // "é" is C3 A9 in UTF-8.
        let expected = [97u16, 98, 256, 256, 0xc3, 0xa9, 256];
        assert_eq!(array[128..], expected.iter().flat_map(|token| token.to_le_bytes()).collect::<Vec<u8>>());
        assert_eq!(ends[128..], [3u64, 4, 7].iter().flat_map(|end| end.to_le_bytes()).collect::<Vec<u8>>());
        assert!(
            array.starts_with(b"\x93NUMPY\x01\x00\x76\x00{'descr': '<u2', 'fortran_order': False, 'shape': (7,), }")
        );
        assert_eq!((files[0].rows, files[0].bytes, array[127]), (3, 128 + 14, b'\n'));
        assert_eq!(files[1].sha256, super::super::sha256(&ends));
    }
}
