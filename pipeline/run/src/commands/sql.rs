//! `gristmill sql "SELECT …" [--run RUN_DIR]`

use std::path::Path;
use std::sync::Arc;

use arrow::csv::WriterBuilder;
use arrow::json::LineDelimitedWriter;
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use gristmill_core::error::Error;

use super::{record, replies, stages, text};
use crate::RunError;
use crate::plan::Layout;
use crate::session::Sessions;

/// How to print rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A table for people.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object per line.
    Json,
}

/// Memory of an ad-hoc query.
const QUERY_MEMORY_BYTES: usize = 4 << 30;

/// Runs a query over files or a run's stages; returns what to print.
///
/// # Errors
/// When the query cannot be planned or a file cannot be read.
pub async fn sql(query: &str, run: Option<&Path>, format: Format) -> Result<String, RunError> {
    let partitions = std::thread::available_parallelism().map_or(1, usize::from);
    let sessions = Sessions::new(crate::registry(), QUERY_MEMORY_BYTES, partitions)?;
    // Paths in quotes are tables: SELECT … FROM 'file.parquet'.
    let context = sessions.open().enable_url_table();
    sessions.registry().register_functions(&context);
    if let Some(run) = run {
        register_run(&context, run).await?;
        let journal = Layout::new(run).journal();
        // A stage of that name keeps it.
        if journal.is_dir() && !context.table_exist(replies::TABLE)? {
            context.register_table(replies::TABLE, Arc::new(replies::table(&journal)?))?;
        }
    }
    let frame = context.sql(query).await.map_err(|e| RunError::Usage(e.strip_backtrace()))?;
    let batches = frame.collect().await?;
    print(&batches, format)
}

/// Makes a run's written stages tables, and its ledger one.
pub(crate) async fn register_run(context: &SessionContext, run: &Path) -> Result<(), RunError> {
    let record = record(run)?;
    let mut ledgers = Vec::new();
    for stage in stages(&record) {
        let (name, fingerprint) = (text(stage, "name"), text(stage, "fingerprint"));
        let parts = run.join("stages").join(name).join(fingerprint);
        if has_parts(&parts) {
            context.register_parquet(name, parts.to_string_lossy(), ParquetReadOptions::default()).await?;
        }
        let ledger = run.join("ledger").join(name).join(fingerprint);
        if has_parts(&ledger) {
            ledgers.push(ledger.to_string_lossy().into_owned());
        }
    }
    let frame = match ledgers.is_empty() {
        // A run that dropped nothing has a ledger all the same.
        true => context.read_batch(RecordBatch::new_empty(gristmill_core::ledger::schema()))?,
        false => context.read_parquet(ledgers, ParquetReadOptions::default()).await?,
    };
    context.register_table("ledger", frame.into_view())?;
    Ok(())
}

fn has_parts(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.path().extension().is_some_and(|extension| extension == "parquet"))
}

fn print(batches: &[RecordBatch], format: Format) -> Result<String, RunError> {
    let mut out = Vec::new();
    match format {
        Format::Table => return Ok(pretty_format_batches(batches).map_err(Error::from)?.to_string()),
        Format::Csv => {
            let mut writer = WriterBuilder::new().with_header(true).build(&mut out);
            batches.iter().try_for_each(|batch| writer.write(batch)).map_err(Error::from)?;
        }
        Format::Json => {
            let mut writer = LineDelimitedWriter::new(&mut out);
            batches.iter().try_for_each(|batch| writer.write(batch)).map_err(Error::from)?;
            writer.finish().map_err(Error::from)?;
        }
    }
    Ok(String::from_utf8_lossy(&out).trim_end().to_owned())
}
