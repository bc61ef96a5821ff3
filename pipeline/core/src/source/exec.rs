//! The plan node that reads shards.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, AsArray, StringArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::Result as DfResult;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Origin, Shard, Source};
use crate::error::Error;

/// Reads the shards that its child lists, one partition per shard, and numbers their rows.
#[derive(Debug)]
pub struct ShardReadExec {
    source: Arc<dyn Source>,
    origin: Arc<Origin>,
    /// Columns of the source to read; `None` stands for the row number.
    columns: Vec<Option<usize>>,
    child: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    rows_read: Arc<AtomicU64>,
}

impl ShardReadExec {
    /// A node that reads all shards of `source`, numbered from `first_shard`.
    pub(super) fn new(
        source: Arc<dyn Source>,
        origin: Arc<Origin>,
        first_shard: u32,
        columns: Vec<Option<usize>>,
        schema: SchemaRef,
        rows_read: Arc<AtomicU64>,
    ) -> DfResult<Self> {
        let listed = list_shards(source.shards(), first_shard)?;
        let child = MemorySourceConfig::try_new_exec(&listed, shard_schema(), None)?;
        Ok(Self::over(source, origin, columns, child, schema, rows_read))
    }

    /// A node over a child that lists shards: what [`ShardTable`](super::ShardTable) plans, made again elsewhere.
    ///
    /// `columns` are indices into the source's schema, `None` for the row number; `schema` is that of the rows read.
    pub fn over(
        source: Arc<dyn Source>,
        origin: Arc<Origin>,
        columns: Vec<Option<usize>>,
        child: Arc<dyn ExecutionPlan>,
        schema: SchemaRef,
        rows_read: Arc<AtomicU64>,
    ) -> Self {
        let n = child.properties().output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(n),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { source, origin, columns, child, properties: Arc::new(properties), rows_read }
    }

    /// What the source was made from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The source.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// Columns of the source that are read; `None` stands for the row number.
    pub fn columns(&self) -> &[Option<usize>] {
        &self.columns
    }
}

impl DisplayAs for ShardReadExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShardReadExec: source={:?}", self.source)
    }
}

impl ExecutionPlan for ShardReadExec {
    fn name(&self) -> &'static str {
        "ShardReadExec"
    }
    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.child]
    }
    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let child = children.pop().ok_or_else(|| DataFusionError::Internal("ShardReadExec needs a child".into()))?;
        Ok(Arc::new(Self::over(
            Arc::clone(&self.source),
            Arc::clone(&self.origin),
            self.columns.clone(),
            child,
            self.schema(),
            Arc::clone(&self.rows_read),
        )))
    }
    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }
    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let listing = self.child.execute(partition, context)?;
        let (source, columns, schema) = (Arc::clone(&self.source), self.columns.clone(), self.schema());
        let rows_read = Arc::clone(&self.rows_read);
        let batches = listing
            .map(move |listed| -> DfResult<_> {
                let (number, shard) = unlist_shard(&listed?)?;
                let reader =
                    Numbered::open(&source, number, &shard, &columns, Arc::clone(&schema), Arc::clone(&rows_read))?;
                Ok(stream::iter(reader.map(|batch| batch.map_err(DataFusionError::from))))
            })
            .try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}

/// The batches of a shard with the row number put in and the limit applied.
struct Numbered {
    inner: super::Batches,
    columns: Vec<Option<usize>>,
    schema: SchemaRef,
    next_row: u64,
    left: u64,
    rows_read: Arc<AtomicU64>,
}

impl Numbered {
    fn open(
        source: &Arc<dyn Source>,
        number: u32,
        shard: &Shard,
        columns: &[Option<usize>],
        schema: SchemaRef,
        rows_read: Arc<AtomicU64>,
    ) -> DfResult<Self> {
        let projection: Vec<usize> = columns.iter().filter_map(|column| *column).collect();
        Ok(Self {
            inner: source.open(shard, &projection).map_err(DataFusionError::from)?,
            columns: columns.to_vec(),
            schema,
            next_row: u64::from(number) << 32,
            left: shard.limit.unwrap_or(u64::MAX),
            rows_read,
        })
    }

    fn number(&mut self, batch: &RecordBatch) -> Result<RecordBatch, Error> {
        let n = batch.num_rows().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let batch = batch.slice(0, n);
        self.left -= n as u64;
        self.rows_read.fetch_add(n as u64, Ordering::Relaxed);
        let rows = self.next_row..self.next_row + n as u64;
        self.next_row = rows.end;
        let mut own = batch.columns().iter();
        let arrays: Option<Vec<ArrayRef>> = self
            .columns
            .iter()
            .map(|column| match column {
                Some(_) => own.next().cloned(),
                None => Some(Arc::new(UInt64Array::from_iter_values(rows.clone())) as ArrayRef),
            })
            .collect();
        let arrays = arrays.ok_or_else(|| Error::Bug("a source yielded fewer columns than asked for".into()))?;
        let options = RecordBatchOptions::new().with_row_count(Some(n));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?)
    }
}

impl Iterator for Numbered {
    type Item = Result<RecordBatch, Error>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        Some(self.inner.next()?.and_then(|batch| self.number(&batch)))
    }
}

fn shard_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("shard", DataType::UInt32, false),
        Field::new("pieces", DataType::Utf8, false),
    ]))
}

/// One partition per shard, each of one row: its number and its pieces as JSON.
fn list_shards(shards: &[Shard], first_shard: u32) -> DfResult<Vec<Vec<RecordBatch>>> {
    (first_shard..)
        .zip(shards)
        .map(|(number, shard)| {
            let pieces = serde_json::to_string(shard).map_err(|e| DataFusionError::External(Box::new(e)))?;
            let columns: Vec<ArrayRef> =
                vec![Arc::new(UInt32Array::from(vec![number])), Arc::new(StringArray::from(vec![pieces]))];
            Ok(vec![RecordBatch::try_new(shard_schema(), columns)?])
        })
        .collect()
}

fn unlist_shard(listed: &RecordBatch) -> DfResult<(u32, Shard)> {
    let pieces = listed.column(1).as_string::<i32>().value(0);
    let shard = serde_json::from_str(pieces).map_err(|e| DataFusionError::External(Box::new(e)))?;
    Ok((listed.column(0).as_primitive::<UInt32Type>().value(0), shard))
}
