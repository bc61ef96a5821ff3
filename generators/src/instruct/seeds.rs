//! Seed tasks: rows of an input, in the layout of Self-Instruct's file or with plain columns.

use gristmill_core::error::{Error, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::kit::{Row, text_of};

/// Which seeds take part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Which {
    /// All.
    #[default]
    All,
    /// Those whose first instance has an input.
    WithInput,
    /// Those whose first instance has none.
    WithoutInput,
    /// Classification tasks.
    Classification,
}

/// A seed task.
#[derive(Debug, Clone)]
pub(crate) struct Seed {
    pub(crate) instruction: String,
    pub(crate) input: String,
    pub(crate) output: String,
    pub(crate) is_classification: bool,
}

/// The seeds among rows: `instruction` with `instances`, or with `input` and `output`; either as columns or, as a JSON
/// lines source leaves them, inside `meta`.
pub(crate) fn seeds(stage: &str, rows: &[Row], which: Which) -> Result<Vec<Seed>> {
    let found: Vec<Seed> = rows.iter().filter_map(seed).collect();
    if found.is_empty() {
        let cause = "the input has no seed tasks: rows with `instruction`, and `instances` or `input` and `output`";
        return Err(Error::Stage { stage: stage.to_owned(), cause: cause.to_owned() });
    }
    let takes = |seed: &Seed| match which {
        Which::All => true,
        Which::WithInput => !seed.input.is_empty(),
        Which::WithoutInput => seed.input.is_empty(),
        Which::Classification => seed.is_classification,
    };
    let taken: Vec<Seed> = found.iter().filter(|seed| takes(seed)).cloned().collect();
    if taken.is_empty() {
        let cause = format!("none of the {} seed tasks is of the sort that `seeds` asks for", found.len());
        return Err(Error::Stage { stage: stage.to_owned(), cause });
    }
    Ok(taken)
}

/// The seed task of a row; none of a row that is none.
pub(crate) fn seed(row: &Row) -> Option<Seed> {
    let meta: Value = serde_json::from_str(text_of(row, "meta")).unwrap_or(Value::Null);
    let value = |key: &str| row.get(key).filter(|value| !value.is_null()).or_else(|| meta.get(key));
    // A JSON lines source that reads the instruction as the document's text leaves the rest in `meta`.
    let instruction = value("instruction").or_else(|| value("text")).and_then(Value::as_str)?.to_owned();
    let instances = match value("instances") {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
        Some(other) => other.clone(),
        None => Value::Null,
    };
    let part = |key: &str| {
        let first = instances.get(0).and_then(|instance| instance.get(key));
        first.or_else(|| value(key)).and_then(Value::as_str).unwrap_or("").to_owned()
    };
    let (input, output) = (part("input"), part("output"));
    let is_classification = match value("is_classification") {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text == "true",
        _ => false,
    };
    (!instruction.trim().is_empty()).then_some(Seed { instruction, input, output, is_classification })
}
