//! An ensemble: the same recipe with each of several workers, their rows one worker after another.
//!
//! `worker = ["a", "b"]` without a `route` means each of them. Every worker sees the whole input; rows that would have the
//! same id are told apart by the worker's name. What they have in common is for `dedup` and for a consensus to find.

use std::sync::Arc;

use arrow::array::{AsArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use gristmill_core::error::{Error, Result};
use gristmill_core::schema::{ID, document_id};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink};
use serde_json::Value;

/// A recipe once for each worker.
pub struct Each {
    members: Vec<(String, Arc<dyn Maker>)>,
}

impl Each {
    /// An ensemble of the same recipe, built for each worker; none of no worker.
    pub fn new(members: Vec<(String, Arc<dyn Maker>)>) -> Option<Self> {
        (!members.is_empty()).then_some(Self { members })
    }

    fn first(&self) -> &dyn Maker {
        self.members[0].1.as_ref()
    }
}

#[async_trait]
impl Maker for Each {
    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        self.first().schema(input)
    }

    fn rules(&self) -> Vec<String> {
        self.first().rules()
    }

    fn workers(&self) -> Vec<(String, String)> {
        let mut uses: Vec<(String, String)> = Vec::new();
        for found in self.members.iter().flat_map(|(_, maker)| maker.workers()) {
            if !uses.contains(&found) {
                uses.push(found);
            }
        }
        uses
    }

    async fn make(&self, input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        for (i, (worker, maker)) in self.members.iter().enumerate() {
            let scratch = context.scratch.join(i.to_string());
            std::fs::create_dir(&scratch).map_err(Error::path("creating", &scratch))?;
            let (memory_bytes, workers) = (context.memory_bytes, Arc::clone(&context.workers));
            let context = MakeContext { scratch, memory_bytes, workers };
            maker.make(input, &context, &mut RowsOf { worker, out }).await?;
        }
        Ok(())
    }
}

/// The rows and figures of one worker.
struct RowsOf<'a> {
    worker: &'a str,
    out: &'a mut dyn RowSink,
}

impl RowSink for RowsOf<'_> {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let at = rows.schema().index_of(ID)?;
        let kind = rows.column(at).data_type().clone();
        let ids = cast(rows.column(at), &DataType::Utf8View)?;
        let ids: StringViewArray =
            ids.as_string_view().iter().map(|id| id.map(|id| document_id(self.worker, id))).collect();
        let mut columns = rows.columns().to_vec();
        columns[at] = cast(&ids, &kind)?;
        self.out.write(&RecordBatch::try_new(rows.schema(), columns)?)
    }

    fn figure(&mut self, name: &str, value: Value) {
        let mut value = value;
        if let Some(title) = value.get("title").and_then(Value::as_str).map(|title| format!("{title}, {}", self.worker))
        {
            value["title"] = title.into();
        }
        self.out.figure(&format!("{name}, {}", self.worker), value);
    }
}
