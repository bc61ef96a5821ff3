//! `gristmill why RUN_DIR ID`: one document's journey.

use std::fmt::Write;
use std::path::Path;

use arrow::json::LineDelimitedWriter;
use arrow::record_batch::RecordBatch;
use datafusion::logical_expr::{ident, lit};
use datafusion::prelude::SessionContext;
use gristmill_core::error::Error;
use serde_json::Value;

use super::sql::register_run;
use super::{record, stages, text};
use crate::RunError;
use crate::session::Sessions;

/// Memory of the look-up.
const QUERY_MEMORY_BYTES: usize = 1 << 30;

/// Tells what happened to the document `id` (or the documents with that URL); returns what to print.
///
/// # Errors
/// When the run directory is none, or the document was never seen.
pub async fn why(run: &Path, id: &str) -> Result<String, RunError> {
    let sessions = Sessions::new(crate::registry(), QUERY_MEMORY_BYTES, 1)?;
    let context = sessions.open();
    register_run(&context, run).await?;
    let record = record(run)?;
    let mut text_out = String::new();
    let mut seen = false;
    for stage in stages(&record) {
        let name = text(stage, "name");
        if context.table_exist(name)? {
            for row in find(&context, name, id).await? {
                seen = true;
                let _ = writeln!(text_out, "kept after {name} ({})", text(stage, "kind"));
                show_kept(&mut text_out, &row);
            }
        }
    }
    if context.table_exist("ledger")? {
        for row in find(&context, "ledger", id).await? {
            seen = true;
            show_dropped(&mut text_out, &record, &row);
        }
    }
    if !seen {
        let message = format!("no document with the id or url \"{id}\" in {}", run.display());
        return Err(RunError::Usage(message));
    }
    Ok(text_out.trim_end().to_owned())
}

/// The rows of a table with that id or url, as JSON.
async fn find(context: &SessionContext, table: &str, id: &str) -> Result<Vec<Value>, RunError> {
    let frame = context.table(table).await?;
    let by_url = frame.schema().field_with_unqualified_name("url").is_ok();
    let by_id = frame.schema().field_with_unqualified_name("id").is_ok();
    let mut wanted = if by_id { ident("id").eq(lit(id)) } else { lit(false) };
    if by_url {
        wanted = wanted.or(ident("url").eq(lit(id)));
    }
    let batches = frame.filter(wanted)?.collect().await?;
    let mut rows = Vec::new();
    for batch in &batches {
        rows.extend(to_json(batch)?);
    }
    Ok(rows)
}

fn to_json(batch: &RecordBatch) -> Result<Vec<Value>, RunError> {
    let mut out = Vec::new();
    let mut writer = LineDelimitedWriter::new(&mut out);
    writer.write(batch).and_then(|()| writer.finish()).map_err(Error::from)?;
    let parse = |line: &[u8]| serde_json::from_slice(line).map_err(|e| Error::Bug(e.to_string()).into());
    out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(parse).collect()
}

/// Columns and measures of a kept row; the text as an excerpt.
fn show_kept(out: &mut String, row: &Value) {
    for (key, value) in row.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::Object(measures) => show_measures(out, key, measures),
            Value::String(long) if key == "text" || key == "meta" || key == "html" => {
                let _ = writeln!(
                    out,
                    "    {key}: {} characters: {:?} …",
                    long.chars().count(),
                    gristmill_core::ledger::excerpt(long)
                );
            }
            other => {
                let _ = writeln!(out, "    {key}: {}", plain(other));
            }
        }
    }
}

fn show_measures(out: &mut String, name: &str, measures: &serde_json::Map<String, Value>) {
    for (key, value) in measures {
        match value {
            Value::Object(inner) => show_measures(out, &format!("{name}.{key}"), inner),
            other => {
                let _ = writeln!(out, "    {name}.{key} = {}", plain(other));
            }
        }
    }
}

fn show_dropped(out: &mut String, record: &Value, row: &Value) {
    let (stage, rule) = (text(row, "stage"), text(row, "rule"));
    let _ = writeln!(out, "dropped by {stage}.{rule}");
    let _ = writeln!(out, "    id: {}", text(row, "id"));
    if let Some(url) = row.get("url").and_then(Value::as_str) {
        let _ = writeln!(out, "    url: {url}");
    }
    if let Some(sql) = limit(record, stage, rule) {
        let _ = writeln!(out, "    the rule: {sql}");
    }
    let failed: Vec<&str> =
        row.get("failed").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if failed.len() > 1 {
        let _ = writeln!(out, "    it failed {} rules: {}", failed.len(), failed.join(", "));
    }
    if let Ok(Value::Object(measured)) = serde_json::from_str(text(row, "measured")) {
        show_measures(out, stage, &measured);
    }
    if let Some(excerpt) = row.get("excerpt").and_then(Value::as_str) {
        let _ = writeln!(out, "    text: {excerpt:?} …");
    }
}

/// The SQL of a rule, from the config in the record; presets are named there, so their rules are looked up.
fn limit(record: &Value, stage: &str, rule: &str) -> Option<String> {
    let table = record.get("config")?.get("stage")?.get(stage)?;
    if let Some(sql) = table.get("keep").and_then(|keep| keep.get(rule)) {
        return sql.as_str().map(str::to_owned);
    }
    let presets = table.get("presets")?.as_array()?;
    presets.iter().filter_map(Value::as_str).find_map(|preset| crate::config::preset_rule(preset, rule))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
