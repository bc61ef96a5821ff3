//! One Parquet part file, written under a temporary name and committed by a rename.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use gristmill_core::error::{Error, Result};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::plan::commit;

/// Encoded bytes after which a row group is closed: bounds what a writer holds.
const ROW_GROUP_BYTES: usize = 16 << 20;
/// Columns whose values are long or all different: a dictionary of them would only cost.
const UNIQUE_COLUMNS: &[&str] = &["id", "text", "url", "meta", "html", "record_id", "excerpt", "measured"];

/// How a part is written.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct PartOptions {
    /// For readers outside: stronger compression, plain Parquet types, a checksum.
    pub(crate) release: bool,
}

impl PartOptions {
    fn properties(self) -> Result<WriterProperties, ParquetError> {
        // Level 3 is what releases of the field use; parts between stages are read once or twice.
        let level = ZstdLevel::try_new(if self.release { 3 } else { 1 })?;
        let mut builder = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by("gristmill".into())
            .set_statistics_enabled(EnabledStatistics::Chunk);
        for name in UNIQUE_COLUMNS {
            let path = ColumnPath::from(*name);
            builder = builder.set_column_dictionary_enabled(path.clone(), false);
            if *name != "id" {
                builder = builder.set_column_statistics_enabled(path, EnabledStatistics::None);
            }
        }
        Ok(builder.build())
    }
}

/// A committed part.
pub(crate) struct Part {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) sha256: Option<String>,
}

/// Writes a part; the file is made at the first row, so that no part is empty.
pub(crate) struct PartWriter {
    path: PathBuf,
    schema: SchemaRef,
    options: PartOptions,
    open: Option<ArrowWriter<Hashing>>,
    rows: u64,
}

impl PartWriter {
    pub(crate) fn new(path: PathBuf, schema: SchemaRef, options: PartOptions) -> Self {
        Self { path, schema, options, open: None, rows: 0 }
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.rows += batch.num_rows() as u64;
        let writer = match &mut self.open {
            Some(writer) => writer,
            none => none.insert(create(&temporary(&self.path), &self.schema, self.options)?),
        };
        let path = &self.path;
        writer.write(batch).map_err(|e| refused(path, &e))?;
        if writer.in_progress_size() >= ROW_GROUP_BYTES {
            writer.flush().map_err(|e| refused(path, &e))?;
        }
        Ok(())
    }

    /// Commits the part; none if it has no rows.
    pub(crate) fn finish(self) -> Result<Option<Part>> {
        let Some(writer) = self.open else { return Ok(None) };
        let hashing = writer.into_inner().map_err(|e| refused(&self.path, &e))?;
        let file = hashing.file.into_inner().map_err(|e| Error::path("writing", &self.path)(e.into_error()))?;
        file.sync_all().map_err(Error::path("syncing", &self.path))?;
        commit(&temporary(&self.path), &self.path)?;
        let bytes = fs::metadata(&self.path).map_err(Error::path("reading", &self.path))?.len();
        let sha256 = hashing.digest.map(|digest| hex(&digest.finalize()));
        Ok(Some(Part { rows: self.rows, bytes, sha256 }))
    }
}

/// Writes a file of columns without rows into the folder of a stage that kept none: queries find the stage's table, and it
/// is empty. No manifest names it.
pub(crate) fn write_columns(folder: &Path, schema: &SchemaRef) -> Result<()> {
    let path = folder.join("columns.parquet");
    let writer = create(&temporary(&path), schema, PartOptions { release: false })?;
    PartWriter { open: Some(writer), ..PartWriter::new(path, Arc::clone(schema), PartOptions { release: false }) }
        .finish()
        .map(|_| ())
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn temporary(path: &Path) -> PathBuf {
    path.with_extension("parquet.tmp")
}

fn create(path: &Path, schema: &SchemaRef, options: PartOptions) -> Result<ArrowWriter<Hashing>> {
    let file = File::create(path).map_err(Error::path("writing", path))?;
    let sink = Hashing { file: BufWriter::with_capacity(1 << 20, file), digest: options.release.then(Sha256::new) };
    let properties = options.properties().map_err(|e| refused(path, &e))?;
    // Readers outside need not know Arrow's view types: released files carry plain Parquet types only.
    let arrow = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(options.release);
    ArrowWriter::try_new_with_options(sink, SchemaRef::clone(schema), arrow).map_err(|e| refused(path, &e))
}

fn refused(path: &Path, error: &ParquetError) -> Error {
    Error::Content { doing: "writing", path: path.to_owned(), cause: error.to_string() }
}

/// A file that hashes what is written to it, where asked for.
struct Hashing {
    file: BufWriter<File>,
    digest: Option<Sha256>,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        if let Some(digest) = &mut self.digest {
            digest.update(&bytes[..n]);
        }
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
