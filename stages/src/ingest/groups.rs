//! Row groups of Parquet files: what reading a user's files and reading our own parts share.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use gristmill_core::error::{Error, Result};
use gristmill_core::source::{BATCH_BYTES, BATCH_ROWS, Piece};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

/// A Parquet file whose footer has been read.
pub(super) struct ParquetFile {
    file: File,
    about: ArrowReaderMetadata,
}

impl ParquetFile {
    /// Reads the footer; columns of text will come as views.
    ///
    /// # Errors
    /// When the file cannot be opened or is no Parquet file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::path("opening", path))?;
        let bad = |e| content(path, &e);
        let stored = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(bad)?;
        let options = ArrowReaderOptions::new().with_schema(with_views(stored.schema()));
        let about = ArrowReaderMetadata::try_new(Arc::clone(stored.metadata()), options).map_err(bad)?;
        Ok(Self { file, about })
    }

    /// Its columns, as they will be read.
    pub(super) fn schema(&self) -> &SchemaRef {
        self.about.schema()
    }

    /// The row groups that belong to a piece: those whose middle byte lies in it.
    pub(super) fn groups_of(&self, piece: &Piece) -> Vec<Group> {
        let mut first_row = 0;
        let mut groups = Vec::new();
        for (index, group) in self.about.metadata().row_groups().iter().enumerate() {
            if piece.is_whole() || piece.range().contains(&middle_byte(group)) {
                groups.push(Group { index, first_row });
            }
            first_row += u64::try_from(group.num_rows()).unwrap_or(0);
        }
        groups
    }

    /// Whether statistics say that a column of a row group has no nulls; false if they do not say.
    pub(super) fn has_no_nulls(&self, group: Group, column: &str) -> bool {
        let group = self.about.metadata().row_group(group.index);
        let mut chunks = group
            .columns()
            .iter()
            .filter(|chunk| chunk.column_path().parts().first().is_some_and(|root| root == column));
        chunks.next().and_then(|chunk| chunk.statistics()).and_then(Statistics::null_count_opt) == Some(0)
    }

    /// Reads columns (positions in the schema) of a row group; batches keep the order of the file.
    ///
    /// # Errors
    /// When the group cannot be read.
    pub(super) fn read(&self, path: &Path, group: Group, columns: &[usize]) -> Result<ParquetRecordBatchReader> {
        let file = self.file.try_clone().map_err(Error::path("opening", path))?;
        let about = self.about.metadata().row_group(group.index);
        let mask = ProjectionMask::roots(self.about.parquet_schema(), columns.iter().copied());
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.about.clone())
            .with_row_groups(vec![group.index])
            .with_projection(mask)
            .with_batch_size(batch_rows(about))
            .build()
            .map_err(|e| content(path, &e))
    }
}

/// A row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    /// Its position in the file.
    pub(super) index: usize,
    /// Number of rows before it.
    pub(super) first_row: u64,
}

/// A failure to make sense of a Parquet file.
pub(super) fn content(path: &Path, cause: &dyn std::fmt::Display) -> Error {
    Error::Content { doing: "reading", path: path.to_owned(), cause: cause.to_string() }
}

/// The middle of a row group, which no cut can give to two pieces or to none.
fn middle_byte(group: &RowGroupMetaData) -> u64 {
    let start = group.columns().iter().map(|chunk| chunk.byte_range().0).min().unwrap_or(0);
    start + u64::try_from(group.compressed_size()).unwrap_or(0) / 2
}

/// Rows of a batch, fewer where rows are long.
fn batch_rows(group: &RowGroupMetaData) -> usize {
    let rows = usize::try_from(group.num_rows()).unwrap_or(0).max(1);
    let row_bytes = usize::try_from(group.total_byte_size()).unwrap_or(0) / rows;
    (BATCH_BYTES / row_bytes.max(1)).clamp(1, BATCH_ROWS)
}

/// The schema with its text columns as views.
fn with_views(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}

/// A column as the type of `field`.
///
/// # Errors
/// When there is no such cast.
pub(super) fn as_type(column: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    if column.data_type() == field.data_type() {
        return Ok(Arc::clone(column));
    }
    Ok(arrow::compute::cast(column, field.data_type())?)
}

/// Walks the row groups of a shard's pieces.
pub(super) struct GroupWalk<R> {
    pieces: std::vec::IntoIter<Piece>,
    file: Option<(Piece, Arc<ParquetFile>)>,
    groups: std::vec::IntoIter<Group>,
    open: Option<(R, ParquetRecordBatchReader)>,
    open_group: OpenGroup<R>,
    finish: FinishBatch<R>,
    done: bool,
}

/// Starts to read a row group: what is to be known of it, and its reader.
pub(super) type OpenGroup<R> =
    Box<dyn FnMut(&Piece, &Arc<ParquetFile>, Group) -> Result<(R, ParquetRecordBatchReader)> + Send>;
/// Makes a batch of the source's schema of one as read.
pub(super) type FinishBatch<R> = Box<dyn FnMut(&mut R, &RecordBatch) -> Result<RecordBatch> + Send>;

impl<R> GroupWalk<R> {
    /// Reads the row groups of `pieces`, one after the other.
    pub(super) fn new(pieces: Vec<Piece>, open_group: OpenGroup<R>, finish: FinishBatch<R>) -> Self {
        Self {
            pieces: pieces.into_iter(),
            file: None,
            groups: Vec::new().into_iter(),
            open: None,
            open_group,
            finish,
            done: false,
        }
    }

    fn advance(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let (Some((about, reader)), Some((piece, _))) = (&mut self.open, &self.file) {
                if let Some(batch) = reader.next() {
                    let batch = batch.map_err(|e| content(&piece.path, &e))?;
                    return (self.finish)(about, &batch).map(Some);
                }
                self.open = None;
            } else if let (Some((piece, file)), Some(group)) = (&self.file, self.groups.next()) {
                self.open = Some((self.open_group)(piece, file, group)?);
            } else if let Some(piece) = self.pieces.next() {
                let file = Arc::new(ParquetFile::open(&piece.path)?);
                self.groups = file.groups_of(&piece).into_iter();
                self.file = Some((piece, file));
            } else {
                return Ok(None);
            }
        }
    }
}

impl<R> Iterator for GroupWalk<R> {
    type Item = Result<RecordBatch>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.advance().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}
