//! Part files the engine wrote itself, read back as they are.

use std::fmt;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use gristmill_core::error::{Error, Result};
use gristmill_core::source::{Batches, InputFile, Shard, Source, pack_files, split_file};

use super::groups::{GroupWalk, as_type, content};

/// A source over part files: the columns of `schema` and no others, no mapping, nothing added.
///
/// A part is never cut, and small parts share a shard of about `target_bytes`, in the order given.
pub fn parts_source(files: Vec<InputFile>, schema: SchemaRef, target_bytes: u64) -> Arc<dyn Source> {
    let n_files = files.len();
    let pieces = files.into_iter().flat_map(|file| split_file(&file, u64::MAX, false));
    Arc::new(Parts { shards: pack_files(pieces, target_bytes), n_files, schema })
}

struct Parts {
    schema: SchemaRef,
    shards: Vec<Shard>,
    n_files: usize,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parts ({} files, {} shards)", self.n_files, self.shards.len())
    }
}

impl Source for Parts {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
    fn shards(&self) -> &[Shard] {
        &self.shards
    }
    fn open(&self, shard: &Shard, projection: &[usize]) -> Result<Batches> {
        let schema = Arc::new(self.schema.project(projection)?);
        let wanted = Arc::clone(&schema);
        let walk = GroupWalk::<()>::new(
            shard.pieces.clone(),
            Box::new(move |piece, file, group| {
                let position = |name: &String| {
                    let found = file.schema().column_with_name(name).map(|(i, _)| i);
                    found.ok_or_else(|| content(&piece.path, &format!("the part has no column `{name}`")))
                };
                let columns: Vec<usize> =
                    wanted.fields().iter().map(|field| position(field.name())).collect::<Result<_>>()?;
                Ok(((), file.read(&piece.path, group, &columns)?))
            }),
            Box::new(move |(), batch| {
                let columns: Result<Vec<ArrayRef>> = schema
                    .fields()
                    .iter()
                    .map(|field| {
                        let column = batch.column_by_name(field.name());
                        as_type(column.ok_or_else(|| Error::Bug("a part lost a column".into()))?, field)
                    })
                    .collect();
                let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                Ok(RecordBatch::try_new_with_options(Arc::clone(&schema), columns?, &options)?)
            }),
        );
        Ok(Box::new(walk))
    }
    fn cheap_to_rescan(&self) -> bool {
        true
    }
}
