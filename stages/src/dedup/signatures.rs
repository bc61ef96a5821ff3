//! Signatures and band keys on disk, one file of each per shard.
//!
//! Band keys lie band by band, so that one band of all documents is read without touching the others; a document
//! without a signature has no entry. On disk a document costs 8 bytes per band and 4 per signature value.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use gristmill_core::error::{Error, Result};

use super::minhash::bands::band_key;
use super::minhash::params::Bands;

/// One shard while it is made.
#[derive(Default)]
pub(super) struct ShardSignatures {
    values: Vec<u32>,
    /// Documents with a signature, numbered within the shard.
    signed: Vec<u32>,
}

impl ShardSignatures {
    /// Room for the signature of the shard's document `doc`.
    pub(super) fn add(&mut self, doc: u32, n_values: usize) -> &mut [u32] {
        self.signed.push(doc);
        let start = self.values.len();
        self.values.resize(start + n_values, 0);
        &mut self.values[start..]
    }
}

struct Shard {
    /// Number of its first document.
    base: u32,
    /// Documents with a signature, numbered within the shard, ascending.
    signed: Vec<u32>,
    keys: PathBuf,
    values: PathBuf,
}

/// The signatures of a relation.
pub(super) struct Signatures {
    folder: PathBuf,
    bands: Bands,
    shards: Vec<Shard>,
}

impl Signatures {
    pub(super) fn new(folder: &Path, bands: Bands) -> Self {
        Self { folder: folder.to_owned(), bands, shards: Vec::new() }
    }

    /// Writes a shard whose first document has the number `base`.
    pub(super) fn write(&mut self, base: u32, shard: ShardSignatures) -> Result<()> {
        let name = |what: &str| self.folder.join(format!("{what}-{:05}.bin", self.shards.len()));
        let (keys, values) = (name("bands"), name("signatures"));
        let n_values = self.bands.n_values();
        let mut bytes = Vec::with_capacity(shard.signed.len() * self.bands.bands * 8);
        for band in 0..self.bands.bands {
            for signature in shard.values.chunks_exact(n_values) {
                let rows = &signature[band * self.bands.rows..(band + 1) * self.bands.rows];
                bytes.extend_from_slice(&band_key(band as u32, rows).to_le_bytes());
            }
        }
        write(&keys, &bytes)?;
        bytes.clear();
        shard.values.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        write(&values, &bytes)?;
        self.shards.push(Shard { base, signed: shard.signed, keys, values });
        Ok(())
    }

    /// Adds files of the same form that exist already; `signed` are the documents in them, from `base` on.
    pub(super) fn add(&mut self, base: u32, signed: Vec<u32>, keys: PathBuf, values: PathBuf) {
        self.shards.push(Shard { base, signed, keys, values });
    }

    /// All documents with a signature, ascending.
    pub(super) fn signed(&self) -> impl Iterator<Item = u32> {
        self.shards.iter().flat_map(|shard| shard.signed.iter().map(|doc| shard.base + doc))
    }

    /// The files of signature values, in the order of the documents.
    pub(super) fn values_files(&self) -> impl Iterator<Item = &Path> {
        self.shards.iter().map(|shard| shard.values.as_path())
    }

    /// Hands on the (key, document) pairs of one band.
    pub(super) fn scan_band(&self, band: usize, each: &mut dyn FnMut(u64, u32)) -> Result<()> {
        for shard in &self.shards {
            let n = shard.signed.len();
            let mut file = File::open(&shard.keys).map_err(Error::path("reading", &shard.keys))?;
            file.seek(SeekFrom::Start((band * n * 8) as u64)).map_err(Error::path("reading", &shard.keys))?;
            let mut reader = BufReader::with_capacity(1 << 18, file);
            let mut key = [0u8; 8];
            for doc in &shard.signed {
                reader.read_exact(&mut key).map_err(Error::path("reading", &shard.keys))?;
                each(u64::from_le_bytes(key), shard.base + doc);
            }
        }
        Ok(())
    }

    /// The signature of a document, if it has one.
    pub(super) fn get(&self, doc: u32) -> Result<Option<Vec<u32>>> {
        let at = self.shards.partition_point(|shard| shard.base <= doc);
        let Some(shard) = at.checked_sub(1).and_then(|at| self.shards.get(at)) else { return Ok(None) };
        let Ok(place) = shard.signed.binary_search(&(doc - shard.base)) else { return Ok(None) };
        let n = self.bands.n_values();
        let mut file = File::open(&shard.values).map_err(Error::path("reading", &shard.values))?;
        let mut bytes = vec![0u8; n * 4];
        file.seek(SeekFrom::Start((place * n * 4) as u64))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(Error::path("reading", &shard.values))?;
        Ok(Some(bytes.as_chunks::<4>().0.iter().map(|value| u32::from_le_bytes(*value)).collect()))
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    File::create(path).and_then(|mut file| file.write_all(bytes)).map_err(Error::path("writing", path))
}
