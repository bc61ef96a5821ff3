//! The index of a `dedup.minhash` stage: what a later run must know of the documents of earlier ones.
//!
//! A folder. `documents.parquet` has a row per document: its identifier, the hash of its text, the number of its
//! shingles, the first document of its cluster, and whether it has a signature. `bands.bin` and `signatures.bin` hold keys and
//! values as a stage's own scratch files do; `sets.bin`, in an index for verification, the distinct shingles of each
//! document. `index.json` comes last and says how all of it was made: signatures of other parameters or another seed
//! cannot be compared, and are refused with the parameter that differs. Numbers are little-endian.
//!
//! Size: 560 bytes and the identifier per document for 14 bands of 8 rows, and for verification 8 bytes per shingle, which
//! is about the size of the text. All documents are in it, dropped ones too: what is near a dropped one belongs to its
//! cluster, in a later run as in one run over everything.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use gristmill_core::error::{Error, Result};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::super::minhash::normal::Normal;
use super::super::minhash::params::Bands;
use super::super::minhash::shingle::Short;
use super::super::survivor::Policy;
use super::solve::Scanned;

/// The layout of the folder.
const FORMAT: u32 = 1;
const ABOUT: &str = "index.json";
const DOCUMENTS: &str = "documents.parquet";
const BANDS: &str = "bands.bin";
const SIGNATURES: &str = "signatures.bin";
const SETS: &str = "sets.bin";
/// Rows of `documents.parquet` written at a time.
const BATCH_ROWS: usize = 1 << 16;

/// What signatures depend on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct About {
    format: u32,
    bands: usize,
    rows: usize,
    shingle_words: usize,
    short: String,
    /// Steps of the normalisation: lower, numbers, punctuation, marks, unspaced.
    normal: [bool; 5],
    seed: u64,
    /// Whether the distinct shingles of each document are in it, for verification.
    pub(super) holds_sets: bool,
}

impl About {
    pub(super) fn new(
        bands: Bands,
        shingle_words: usize,
        short: Short,
        normal: Normal,
        seed: u64,
        holds_sets: bool,
    ) -> Self {
        let Normal { lower, numbers, punctuation, marks, unspaced } = normal;
        let normal = [lower, numbers, punctuation, marks, unspaced];
        let short = format!("{short:?}").to_lowercase();
        Self { format: FORMAT, bands: bands.bands, rows: bands.rows, shingle_words, short, normal, seed, holds_sets }
    }

    /// What of an index is not as this stage needs it.
    fn differs_from(&self, wanted: &Self) -> Option<String> {
        let differs = |what: &str, own: &dyn std::fmt::Debug, theirs: &dyn std::fmt::Debug| {
            Some(format!("was made with {what} = {own:?}; this stage has {theirs:?}"))
        };
        if self.format != wanted.format {
            return differs("format", &self.format, &wanted.format);
        }
        if (self.bands, self.rows) != (wanted.bands, wanted.rows) {
            return differs("bands, rows", &(self.bands, self.rows), &(wanted.bands, wanted.rows));
        }
        if self.shingle_words != wanted.shingle_words {
            return differs("shingle_words", &self.shingle_words, &wanted.shingle_words);
        }
        if self.short != wanted.short {
            return differs("short", &self.short, &wanted.short);
        }
        if self.normal != wanted.normal {
            return differs("lower, numbers, punctuation, marks, unspaced", &self.normal, &wanted.normal);
        }
        if self.seed != wanted.seed {
            return differs("run.seed", &self.seed, &wanted.seed);
        }
        if wanted.holds_sets && !self.holds_sets {
            return Some("was written without `verify`: it lacks the shingles that verification compares".into());
        }
        None
    }
}

/// `index.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Whole {
    about: About,
    n_documents: u64,
    n_signed: u64,
    n_shingles: u64,
    /// Hash of documents and clusters.
    digest: String,
}

/// Whether a folder holds a complete index.
pub(super) fn is_written(folder: &Path) -> bool {
    folder.join(ABOUT).is_file()
}

/// An index on disk.
pub(super) struct IndexFile {
    folder: PathBuf,
    whole: Whole,
}

impl IndexFile {
    /// Opens the index of a folder for a stage that makes signatures as `wanted` says.
    ///
    /// # Errors
    /// When there is none, it is damaged, or its signatures cannot be compared with the stage's.
    pub(super) fn open(folder: &Path, wanted: &About) -> Result<Self, String> {
        let path = folder.join(ABOUT);
        let text = fs::read(&path).map_err(|e| format!("no index in {}: {}: {e}", folder.display(), path.display()))?;
        let whole: Whole = serde_json::from_slice(&text).map_err(|e| format!("{} is damaged: {e}", path.display()))?;
        if let Some(how) = whole.about.differs_from(wanted) {
            return Err(format!("the index {} {how}", folder.display()));
        }
        let values = (whole.about.bands * whole.about.rows) as u64;
        let sizes = [
            (BANDS, whole.n_signed * whole.about.bands as u64 * 8),
            (SIGNATURES, whole.n_signed * values * 4),
            (SETS, if whole.about.holds_sets { whole.n_shingles * 8 } else { 0 }),
        ];
        for (name, bytes) in sizes {
            let path = folder.join(name);
            let found = fs::metadata(&path).map_or(0, |file| file.len());
            if found != bytes {
                return Err(format!("{} is damaged: {found} bytes, {bytes} expected", path.display()));
            }
        }
        Ok(Self { folder: folder.to_owned(), whole })
    }

    /// Hash of its documents and clusters.
    pub(super) fn digest(&self) -> &str {
        &self.whole.digest
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn batches(&self) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
        let path = self.path(DOCUMENTS);
        let file = File::open(&path).map_err(Error::path("reading", &path))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(ParquetRecordBatchReaderBuilder::build)
            .map_err(|e| content("reading", &path, &e))?;
        Ok(reader.map(move |batch| batch.map_err(|e| content("reading", &path, &e))))
    }

    /// Puts the index's documents before those of a relation that has not been read yet.
    pub(super) fn load(&self, scanned: &mut Scanned, policy: &Policy) -> Result<()> {
        let mut signed = Vec::new();
        for batch in self.batches()? {
            let batch = batch?;
            let ids = batch.column(0).as_string::<i32>();
            scanned.content.extend_from_slice(batch.column(1).as_primitive::<UInt64Type>().values());
            let is_signed = batch.column(4).as_boolean();
            for (row, id) in ids.iter().enumerate() {
                if is_signed.value(row) {
                    signed.push(scanned.documents.n("index")?);
                }
                scanned.documents.push_known(id.unwrap_or_default(), policy);
            }
            scanned.n_shingles.extend_from_slice(batch.column(2).as_primitive::<UInt32Type>().values());
        }
        scanned.n_known = scanned.documents.n("index")?;
        scanned.signatures.add(0, signed, self.path(BANDS), self.path(SIGNATURES));
        Ok(())
    }

    /// The first document of each document's cluster.
    pub(super) fn roots(&self) -> Result<Vec<u32>> {
        let mut roots = Vec::new();
        for batch in self.batches()? {
            roots.extend_from_slice(batch?.column(3).as_primitive::<UInt32Type>().values());
        }
        Ok(roots)
    }

    /// The shingle sets of some documents, ascending; `n_shingles` are those of all.
    pub(super) fn sets(&self, docs: &[u32], n_shingles: &[u32]) -> Result<Vec<(u32, Vec<u64>)>> {
        let path = self.path(SETS);
        let mut file = File::open(&path).map_err(Error::path("reading", &path))?;
        let (mut next, mut offset) = (0usize, 0u64);
        let mut sets = Vec::with_capacity(docs.len());
        for doc in docs {
            let skipped = n_shingles[next..*doc as usize].iter().map(|n| u64::from(*n)).sum::<u64>();
            offset += skipped * 8;
            let mut bytes = vec![0; n_shingles[*doc as usize] as usize * 8];
            file.seek(SeekFrom::Start(offset))
                .and_then(|_| file.read_exact(&mut bytes))
                .map_err(Error::path("reading", &path))?;
            sets.push((*doc, bytes.as_chunks::<8>().0.iter().map(|shingle| u64::from_le_bytes(*shingle)).collect()));
            offset += bytes.len() as u64;
            next = *doc as usize + 1;
        }
        Ok(sets)
    }
}

/// Writes an index of all documents of a scan, under a temporary name first.
pub(super) fn write(
    folder: &Path,
    about: &About,
    scanned: &Scanned,
    roots: &[u32],
    earlier: Option<&IndexFile>,
) -> Result<()> {
    let beside = |what: &str| {
        let mut name = folder.as_os_str().to_owned();
        name.push(what);
        PathBuf::from(name)
    };
    let (temporary, old) = (beside(".tmp"), beside(".old"));
    refuse_others(folder)?;
    remove(&temporary)?;
    fs::create_dir_all(&temporary).map_err(Error::path("creating", &temporary))?;
    let signatures = &scanned.signatures;
    into_file(&temporary.join(BANDS), |file| {
        for band in 0..about.bands {
            signatures.scan_band(band, &mut |key, _| file.write(&key.to_le_bytes()))?;
        }
        Ok(())
    })?;
    into_file(&temporary.join(SIGNATURES), |file| signatures.values_files().try_for_each(|path| file.append(path)))?;
    if about.holds_sets {
        let sets = earlier.map(|index| index.path(SETS));
        into_file(&temporary.join(SETS), |file| {
            sets.iter().chain(&scanned.sets).try_for_each(|path| file.append(path))
        })?;
    }
    let n_signed = signatures.signed().count() as u64;
    write_documents(&temporary.join(DOCUMENTS), scanned, roots)?;
    let whole = Whole {
        about: about.clone(),
        n_documents: roots.len() as u64,
        n_signed,
        n_shingles: scanned.n_shingles.iter().map(|n| u64::from(*n)).sum(),
        digest: digest(scanned, roots),
    };
    let text = serde_json::to_vec_pretty(&whole).map_err(|e| Error::Bug(e.to_string()))?;
    into_file(&temporary.join(ABOUT), |file| {
        file.write(&text);
        Ok(())
    })?;
    // At every instant one of the two is there whole.
    remove(&old)?;
    if folder.exists() {
        fs::rename(folder, &old).map_err(Error::path("renaming", folder))?;
    }
    fs::rename(&temporary, folder).map_err(Error::path("renaming", folder))?;
    remove(&old)
}

/// A folder with anything but an index in it is somebody's, and not replaced.
fn refuse_others(folder: &Path) -> Result<()> {
    let is_empty = fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    if is_empty || is_written(folder) {
        return Ok(());
    }
    let cause = format!("it is no index (there is no {ABOUT} in it); give `write_index` a folder of its own");
    Err(Error::Content { doing: "replacing", path: folder.to_owned(), cause })
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::path("removing", folder)(error)),
        _ => Ok(()),
    }
}

fn schema() -> SchemaRef {
    let field = |name: &str, kind: DataType| Field::new(name, kind, false);
    Arc::new(Schema::new(vec![
        field("id", DataType::Utf8),
        field("content", DataType::UInt64),
        field("n_shingles", DataType::UInt32),
        field("root", DataType::UInt32),
        field("signed", DataType::Boolean),
    ]))
}

fn write_documents(path: &Path, scanned: &Scanned, roots: &[u32]) -> Result<()> {
    let file = File::create(path).map_err(Error::path("writing", path))?;
    let mut writer = ArrowWriter::try_new(file, schema(), None).map_err(|e| content("writing", path, &e))?;
    let mut signed = scanned.signatures.signed().peekable();
    for start in (0..roots.len()).step_by(BATCH_ROWS) {
        let docs = start..(start + BATCH_ROWS).min(roots.len());
        let is_signed = |doc: usize| signed.next_if(|next| *next as usize == doc).is_some();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(docs.clone().map(|doc| scanned.documents.id(doc as u32)))),
            Arc::new(UInt64Array::from(scanned.content[docs.clone()].to_vec())),
            Arc::new(UInt32Array::from(scanned.n_shingles[docs.clone()].to_vec())),
            Arc::new(UInt32Array::from(roots[docs.clone()].to_vec())),
            Arc::new(BooleanArray::from(docs.map(is_signed).collect::<Vec<_>>())),
        ];
        let batch = RecordBatch::try_new(schema(), columns)?;
        writer.write(&batch).map_err(|e| content("writing", path, &e))?;
    }
    let file = writer.into_inner().map_err(|e| content("writing", path, &e))?;
    file.sync_all().map_err(Error::path("syncing", path))
}

fn digest(scanned: &Scanned, roots: &[u32]) -> String {
    let mut hasher = Xxh3::new();
    for (doc, root) in (0u32..).zip(roots) {
        hasher.update(scanned.documents.id(doc).as_bytes());
        hasher.update(&scanned.content[doc as usize].to_le_bytes());
        hasher.update(&root.to_le_bytes());
    }
    format!("{:032x}", hasher.digest128())
}

/// A file being written; the first error stops it and is told at the end.
struct Output<'a> {
    path: &'a Path,
    file: BufWriter<File>,
    failed: io::Result<()>,
}

impl Output<'_> {
    fn write(&mut self, bytes: &[u8]) {
        if self.failed.is_ok() {
            self.failed = self.file.write_all(bytes);
        }
    }

    fn append(&mut self, from: &Path) -> Result<()> {
        let mut source = File::open(from).map_err(Error::path("reading", from))?;
        io::copy(&mut source, &mut self.file).map(|_| ()).map_err(Error::path("writing", self.path))
    }
}

/// Writes and syncs a file.
fn into_file(path: &Path, fill: impl FnOnce(&mut Output<'_>) -> Result<()>) -> Result<()> {
    let file = File::create(path).map_err(Error::path("writing", path))?;
    let mut output = Output { path, file: BufWriter::with_capacity(1 << 18, file), failed: Ok(()) };
    fill(&mut output)?;
    output.failed.map_err(Error::path("writing", path))?;
    let file = output.file.into_inner().map_err(|e| Error::path("writing", path)(e.into_error()))?;
    file.sync_all().map_err(Error::path("syncing", path))
}

fn content(doing: &'static str, path: &Path, cause: &dyn std::fmt::Display) -> Error {
    Error::Content { doing, path: path.to_owned(), cause: cause.to_string() }
}

/// The shingle sets of one shard, on their way to an index.
#[derive(Default)]
pub(super) struct SetsFile(Vec<u8>);

impl SetsFile {
    /// Adds the set of the next document.
    pub(super) fn push(&mut self, set: &[u64]) {
        set.iter().for_each(|shingle| self.0.extend_from_slice(&shingle.to_le_bytes()));
    }

    pub(super) fn write(self, path: &Path) -> Result<()> {
        fs::write(path, self.0).map_err(Error::path("writing", path))
    }
}
