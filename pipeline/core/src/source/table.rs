//! A source as a table of the session.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;

use super::{Origin, ShardReadExec, Source};
use crate::schema;

/// A [`Source`] that can be scanned, with the row number as its last column.
#[derive(Debug)]
pub struct ShardTable {
    source: Arc<dyn Source>,
    origin: Arc<Origin>,
    first_shard: u32,
    schema: SchemaRef,
    rows_read: Arc<AtomicU64>,
}

impl ShardTable {
    /// A table over all shards of `source`, numbered from `first_shard`.
    pub fn new(source: Arc<dyn Source>, origin: Origin, first_shard: u32) -> Self {
        let row = Arc::new(Field::new(schema::ROW, DataType::UInt64, false));
        let fields: Vec<_> = source.schema().fields().iter().cloned().chain([row]).collect();
        let (origin, schema) = (Arc::new(origin), Arc::new(Schema::new(fields)));
        Self { source, origin, first_shard, schema, rows_read: Arc::default() }
    }

    /// Rows read so far, over all scans of this table.
    pub fn rows_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.rows_read)
    }
}

#[async_trait]
impl TableProvider for ShardTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
    fn table_type(&self) -> TableType {
        TableType::Base
    }
    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let row = self.schema.fields().len() - 1;
        let wanted: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..=row).collect());
        let schema = Arc::new(self.schema.project(&wanted)?);
        let columns = wanted.into_iter().map(|i| (i != row).then_some(i)).collect();
        Ok(Arc::new(ShardReadExec::new(
            Arc::clone(&self.source),
            Arc::clone(&self.origin),
            self.first_shard,
            columns,
            schema,
            Arc::clone(&self.rows_read),
        )?))
    }
}
