//! A run's journal of replies as a table, for `gristmill sql --run`: one row per request that has an outcome.
//!
//! The journal is opened when a query scans the table and read a batch at a time, since it may be larger than memory.
//! Requests are shown by their prompt and their parameters; of scores only the number of tokens is.

use std::iter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::json::ReaderBuilder;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::stream;
use gristmill_lm::journal::{Endpoint, Entry, Journal, JournalError, Outcome, Request};
use serde::Serialize;

/// The table's name.
pub(super) const TABLE: &str = "replies";

/// Rows read at a time: a prompt may be a long document.
const BATCH_ROWS: usize = 256;

/// The table of the journal in a folder.
///
/// # Errors
/// Never in practice: the schema is the table's own.
pub(super) fn table(folder: &Path) -> DfResult<StreamingTable> {
    let replies = Replies { folder: folder.to_owned(), schema: schema() };
    StreamingTable::try_new(schema(), vec![Arc::new(replies)])
}

fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8View, true);
    let count = |name: &str| Field::new(name, DataType::UInt64, true);
    Arc::new(Schema::new(vec![
        text("key"),
        text("endpoint"),
        text("worker"),
        text("model"),
        text("prompt"),
        text("sampling"),
        count("sample"),
        text("reply"),
        text("finish"),
        count("prompt_tokens"),
        count("completion_tokens"),
        count("latency_ms"),
        count("attempts"),
        count("scored_tokens"),
        text("failure"),
        text("message"),
    ]))
}

/// A row of the table; what an outcome does not have is null.
#[derive(Default, Serialize)]
struct Row {
    key: String,
    endpoint: &'static str,
    worker: String,
    model: String,
    prompt: String,
    sampling: Option<String>,
    sample: Option<u32>,
    reply: Option<String>,
    finish: Option<String>,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    latency_ms: Option<u64>,
    attempts: Option<u32>,
    scored_tokens: Option<usize>,
    failure: Option<&'static str>,
    message: Option<String>,
}

impl From<Entry> for Row {
    fn from(entry: Entry) -> Self {
        let Entry { key, endpoint, worker, identity, request, outcome } = entry;
        let endpoint = match endpoint {
            Endpoint::Complete => "complete",
            Endpoint::Score => "score",
            Endpoint::Embed => "embed",
        };
        let mut row = Self { key, endpoint, worker, model: identity.model, ..Self::default() };
        match request {
            Request::Complete(request) => {
                row.prompt = request.prompt.plain();
                row.sampling = serde_json::to_string(&request.sampling).ok();
                row.sample = Some(request.sample);
            }
            Request::Score(request) => row.prompt = request.context + &request.text,
            Request::Embed(request) => row.prompt = request.text,
        }
        match outcome {
            Outcome::Reply(reply) => {
                row.reply = Some(reply.text);
                row.finish = Some(format!("{:?}", reply.finish).to_lowercase());
                row.prompt_tokens = Some(reply.prompt_tokens);
                row.completion_tokens = Some(reply.completion_tokens);
                row.latency_ms = Some(reply.latency_ms);
                row.attempts = Some(reply.attempts);
            }
            Outcome::Scores(scored) => row.scored_tokens = Some(scored.tokens.len()),
            Outcome::Embedding(embedded) => row.prompt_tokens = Some(embedded.prompt_tokens),
            Outcome::Failure(error) => {
                row.failure = Some(error.failure.name());
                row.message = Some(error.message);
                row.attempts = Some(error.attempts);
            }
        }
        row
    }
}

/// The journal, not opened yet.
#[derive(Debug)]
struct Replies {
    folder: PathBuf,
    schema: SchemaRef,
}

type Batches = Box<dyn Iterator<Item = DfResult<RecordBatch>> + Send>;

impl PartitionStream for Replies {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batches: Batches = match Journal::read(&self.folder) {
            Ok(journal) => Box::new(batches(journal.entries(), Arc::clone(&self.schema))),
            Err(error) => Box::new(iter::once(Err(external(error)))),
        };
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream::iter(batches)))
    }
}

fn batches(
    mut entries: impl Iterator<Item = Result<Entry, JournalError>> + Send,
    schema: SchemaRef,
) -> impl Iterator<Item = DfResult<RecordBatch>> + Send {
    iter::from_fn(move || {
        let rows: Result<Vec<Row>, JournalError> =
            entries.by_ref().take(BATCH_ROWS).map(|entry| entry.map(Row::from)).collect();
        match rows {
            Ok(rows) if rows.is_empty() => None,
            Ok(rows) => Some(batch(&rows, &schema)),
            Err(error) => Some(Err(external(error))),
        }
    })
}

fn batch(rows: &[Row], schema: &SchemaRef) -> DfResult<RecordBatch> {
    let mut decoder = ReaderBuilder::new(Arc::clone(schema)).with_batch_size(rows.len()).build_decoder()?;
    decoder.serialize(rows)?;
    let batch = decoder.flush()?;
    batch.ok_or_else(|| DataFusionError::Internal("rows were decoded into no batch".to_owned()))
}

fn external(error: JournalError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
