//! The files of a release: parts linked as they are, cut into splits, or rewritten as JSON lines.
//!
//! Splits are drawn by a hash of a column's value and the run's seed, so that a row stays in its split when others come
//! and go, and rows with the same value stay together. The layout `dolma` is that of Dolma's toolkit: documents with
//! `id`, `text`, `source`, `created` and `metadata`, and beside them attributes, each a list of `[start, end, value]`.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::json::writer::{JsonArray, WriterBuilder};
use arrow::record_batch::RecordBatch;
use gristmill_core::error::{Error, Result};
use gristmill_core::schema::{CREATED, ID, SOURCE, TEXT};
use gristmill_stages::release::{Layout as RowLayout, ReleaseParams};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::engine::{PartOptions, PartWriter};
use crate::plan::{Done, make_dir};

/// Rows read at a time.
const BATCH_ROWS: usize = 1024;
/// Level of zstd for JSON lines, the one of Dolma's own files.
const ZSTD_LEVEL: i32 = 3;

/// A file of the release.
pub(super) struct ReleasedFile {
    pub(super) path: String,
    pub(super) split: String,
    pub(super) sha256: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// Lays the parts out in `building`.
pub(super) fn lay_out(
    parts: &Path,
    building: &Path,
    done: &Done,
    params: &ReleaseParams,
    seed: u64,
) -> Result<Vec<ReleasedFile>> {
    let kept: Vec<PathBuf> = done.parts.iter().filter_map(|part| Some(parts.join(part.file.as_ref()?))).collect();
    let mut files = match params.layout {
        RowLayout::Dolma => dolma(&kept, building, params, seed),
        RowLayout::Parquet if params.splits.is_empty() => link(parts, building, done, &params.split),
        RowLayout::Parquet => split(&kept, building, params, seed),
    }?;
    if params.tokens.is_some() {
        files.extend(super::tokens::write(&kept, building, params, seed)?);
    }
    Ok(files)
}

fn link(parts: &Path, building: &Path, done: &Done, split: &str) -> Result<Vec<ReleasedFile>> {
    make_dir(&building.join("data"))?;
    let kept: Vec<_> = done.parts.iter().filter_map(|part| part.file.as_ref().map(|file| (part, file))).collect();
    let mut files = Vec::with_capacity(kept.len());
    for (i, (part, file)) in kept.iter().enumerate() {
        let path = format!("data/{split}-{i:05}-of-{:05}.parquet", kept.len());
        let (from, to) = (parts.join(file), building.join(&path));
        // A link costs nothing; where the file system has none, a copy does as well.
        fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(|_| ())).map_err(Error::path("linking", &to))?;
        let sha256 = part.sha256.clone().ok_or_else(|| Error::Bug("a released part has a checksum".into()))?;
        files.push(ReleasedFile { path, split: split.to_owned(), sha256, rows: part.rows, bytes: part.bytes });
    }
    Ok(files)
}

/// Which split a row belongs to.
pub(super) struct Draw {
    seed: u64,
    /// The upper end of each split's range.
    ends: Vec<f64>,
}

impl Draw {
    pub(super) fn new(params: &ReleaseParams, seed: u64) -> Self {
        let mut end = 0.0;
        let mut next = |(_, share): (String, f64)| {
            end += share;
            end
        };
        Self { seed, ends: params.shares().into_iter().map(&mut next).collect() }
    }

    fn of(&self, value: &[u8]) -> usize {
        // 53 bits of the hash: a number in [0, 1).
        let share = (xxh3_64_with_seed(value, self.seed) >> 11) as f64 / (1u64 << 53) as f64;
        self.ends.iter().position(|end| share < *end).unwrap_or(self.ends.len().saturating_sub(1))
    }

    /// The rows' splits.
    pub(super) fn of_batch(&self, batch: &RecordBatch, by: &str) -> Result<Vec<usize>> {
        if self.ends.len() == 1 {
            return Ok(vec![0; batch.num_rows()]);
        }
        let column = batch.column_by_name(by).ok_or_else(|| Error::Bug(format!("released rows have no `{by}`")))?;
        let texts = arrow::compute::cast(column, &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        Ok((0..batch.num_rows()).map(|row| self.of(texts.value(row).as_bytes())).collect())
    }
}

/// The part's rows, batch by batch.
pub(super) fn read(part: &Path) -> Result<(SchemaRef, impl Iterator<Item = Result<RecordBatch>>)> {
    let refuse = |cause: String| Error::Content { doing: "reading", path: part.to_owned(), cause };
    let file = File::open(part).map_err(Error::path("reading", part))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| refuse(e.to_string()))?;
    let schema = builder.schema().clone();
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|e| refuse(e.to_string()))?;
    Ok((schema, reader.map(|batch| batch.map_err(Error::from))))
}

/// One Parquet file per part and split; numbered once it is known how many there are.
fn split(parts: &[PathBuf], building: &Path, params: &ReleaseParams, seed: u64) -> Result<Vec<ReleasedFile>> {
    let data = building.join("data");
    make_dir(&data)?;
    let (draw, shares) = (Draw::new(params, seed), params.shares());
    let mut written: Vec<Vec<(PathBuf, crate::engine::Part)>> = shares.iter().map(|_| Vec::new()).collect();
    for (n, part) in parts.iter().enumerate() {
        let (schema, batches) = read(part)?;
        let name = |(split, _): &(String, f64)| data.join(format!("{split}.{n}.parquet"));
        let writer = |share| PartWriter::new(name(share), schema.clone(), PartOptions { release: true });
        let mut writers: Vec<PartWriter> = shares.iter().map(writer).collect();
        for batch in batches {
            let batch = batch?;
            let splits = draw.of_batch(&batch, &params.split_by)?;
            for (k, writer) in writers.iter_mut().enumerate() {
                let mine: BooleanArray = splits.iter().map(|split| Some(*split == k)).collect();
                writer.write(&filter_record_batch(&batch, &mine)?)?;
            }
        }
        for (k, writer) in writers.into_iter().enumerate() {
            if let Some(part) = writer.finish()? {
                written[k].push((name(&shares[k]), part));
            }
        }
    }
    let mut files = Vec::new();
    for ((split, _), written) in shares.iter().zip(written) {
        let of = written.len();
        for (i, (from, part)) in written.into_iter().enumerate() {
            let path = format!("data/{split}-{i:05}-of-{of:05}.parquet");
            crate::plan::commit(&from, &building.join(&path))?;
            let sha256 = part.sha256.ok_or_else(|| Error::Bug("a released part has a checksum".into()))?;
            files.push(ReleasedFile { path, split: split.clone(), sha256, rows: part.rows, bytes: part.bytes });
        }
    }
    Ok(files)
}

/// A compressed file of JSON lines that hashes what it writes.
struct Lines {
    encoder: zstd::Encoder<'static, Hashed>,
    path: PathBuf,
    rows: u64,
}

struct Hashed {
    file: BufWriter<File>,
    digest: Sha256,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.digest.update(&bytes[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Lines {
    fn create(path: PathBuf) -> Result<Self> {
        let file = File::create(&path).map_err(Error::path("writing", &path))?;
        let sink = Hashed { file: BufWriter::new(file), digest: Sha256::new(), bytes: 0 };
        let encoder = zstd::Encoder::new(sink, ZSTD_LEVEL).map_err(Error::path("writing", &path))?;
        Ok(Self { encoder, path, rows: 0 })
    }

    fn write(&mut self, line: &Value) -> Result<()> {
        self.rows += 1;
        writeln!(self.encoder, "{line}").map_err(Error::path("writing", &self.path))
    }

    fn finish(self, path: String, split: &str) -> Result<ReleasedFile> {
        let mut sink = self.encoder.finish().map_err(Error::path("writing", &self.path))?;
        sink.flush().map_err(Error::path("writing", &self.path))?;
        sink.file.get_ref().sync_all().map_err(Error::path("syncing", &self.path))?;
        let sha256 = crate::engine::hex(&sink.digest.finalize());
        Ok(ReleasedFile { path, split: split.to_owned(), sha256, rows: self.rows, bytes: sink.bytes })
    }
}

/// Documents and attributes of every part, one pair of files for each split.
fn dolma(parts: &[PathBuf], building: &Path, params: &ReleaseParams, seed: u64) -> Result<Vec<ReleasedFile>> {
    let (draw, shares) = (Draw::new(params, seed), params.shares());
    for folder in ["documents", "attributes/gristmill"] {
        make_dir(&building.join(folder))?;
    }
    let mut files = Vec::new();
    for (n, part) in parts.iter().enumerate() {
        let names: Vec<[String; 2]> = shares
            .iter()
            .map(|(split, _)| {
                let name = format!("{split}-{n:05}-of-{:05}.jsonl.zst", parts.len());
                [format!("documents/{name}"), format!("attributes/gristmill/{name}")]
            })
            .collect();
        let mut writers = Vec::new();
        for [documents, attributes] in &names {
            writers.push([Lines::create(building.join(documents))?, Lines::create(building.join(attributes))?]);
        }
        for batch in read(part)?.1 {
            let batch = batch?;
            let splits = draw.of_batch(&batch, &params.split_by)?;
            for (row, split) in rows(&batch)?.into_iter().zip(splits) {
                let (document, attributes) = document(&batch, row);
                let [documents, beside] = &mut writers[split];
                documents.write(&document)?;
                beside.write(&attributes)?;
            }
        }
        for (((split, _), names), pair) in shares.iter().zip(names).zip(writers) {
            for (name, lines) in names.into_iter().zip(pair) {
                files.push(lines.finish(name, split)?);
            }
        }
    }
    Ok(files)
}

fn rows(batch: &RecordBatch) -> Result<Vec<Map<String, Value>>> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(false).build::<_, JsonArray>(Vec::new());
    writer.write(batch)?;
    writer.finish()?;
    serde_json::from_slice(&writer.into_inner()).map_err(|e| Error::Bug(format!("rows are JSON: {e}")))
}

/// A row as Dolma's document, and its measures as attributes over the whole text.
fn document(batch: &RecordBatch, mut row: Map<String, Value>) -> (Value, Value) {
    let mut document = Map::new();
    for name in [ID, TEXT, SOURCE, CREATED] {
        if let Some(value) = row.shift_remove(name) {
            document.insert(name.to_owned(), value);
        }
    }
    let end = document.get(TEXT).and_then(Value::as_str).map_or(0, |text| text.chars().count());
    let is_measure = |column: Option<&ArrayRef>| {
        column.is_some_and(|c| c.data_type().is_numeric() || c.data_type() == &DataType::Boolean)
    };
    let measures: Vec<String> = row.keys().filter(|name| is_measure(batch.column_by_name(name))).cloned().collect();
    let mut attributes = Map::new();
    for name in measures {
        let value = match row.shift_remove(&name) {
            Some(Value::Bool(held)) => json!(f64::from(u8::from(held))),
            Some(value) => value,
            None => continue,
        };
        attributes.insert(format!("gristmill__{name}"), json!([[0, end, value]]));
    }
    let beside = json!({
        "id": document.get(ID).cloned().unwrap_or_default(),
        "source": document.get(SOURCE).cloned().unwrap_or_default(),
        "attributes": attributes,
    });
    document.insert("metadata".into(), Value::Object(row));
    (Value::Object(document), beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_met_and_a_row_keeps_its_split() {
        let params: ReleaseParams =
            serde_json::from_value(json!({ "splits": { "train": 0.9, "validation": 0.05, "test": 0.05 } })).unwrap();
        let draw = Draw::new(&params, 7);
        let drawn: Vec<usize> = (0..20_000).map(|i: u32| draw.of(format!("document-{i}").as_bytes())).collect();
        for (split, share) in [(0, 0.9), (1, 0.05), (2, 0.05)] {
            let n = drawn.iter().filter(|of| **of == split).count() as f64;
            // Five standard deviations of a binomial.
            let spread = f64::sqrt(20_000.0 * share * (1.0 - share));
            assert!((n - 20_000.0 * share).abs() < 5.0 * spread, "{split}: {n}");
        }
        assert_eq!(draw.of(b"document-17"), Draw::new(&params, 7).of(b"document-17"));
    }
}
