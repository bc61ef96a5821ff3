//! The ledger: one row per dropped document.
//!
//! It answers "why is this document not in my data?" with the stage, the rule, all rules that failed, the measured
//! values and an excerpt. Its schema is the same for every stage, so that ledgers can be queried together.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

/// Number of characters of text kept with a dropped document.
pub const EXCERPT_CHARS: usize = 300;

/// Columns of the ledger.
pub fn schema() -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("id", false),
        text("url", true),
        text("stage", false),
        text("rule", false),
        // Names of every rule of that stage that failed, in order; the first is `rule`.
        Field::new("failed", DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))), true),
        // JSON: the stage's measures, or the evidence of a fault or a duplicate.
        text("measured", true),
        text("excerpt", true),
    ]))
}

/// The first [`EXCERPT_CHARS`] characters of a text.
pub fn excerpt(text: &str) -> &str {
    text.char_indices().nth(EXCERPT_CHARS).map_or(text, |(end, _)| &text[..end])
}

/// Splits `stage.rule` at the first dot; a stage's name has none.
pub fn split_rule(dropped_by: &str) -> (&str, &str) {
    dropped_by.split_once('.').unwrap_or((dropped_by, ""))
}
