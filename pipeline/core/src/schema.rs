//! The document as a row: core columns, engine columns, identifiers.
//!
//! A crawled page and a generated instruction are the same kind of row. Sources yield the core columns and whatever
//! else they know; stages add columns and never delete rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use xxhash_rust::xxh3::Xxh3;

/// 32 hex digits of xxh3-128 over source and locator, or the input's own identifier.
pub const ID: &str = "id";
/// The text; null until it has been extracted.
pub const TEXT: &str = "text";
/// Where the document came from.
pub const URL: &str = "url";
/// The name of the collection it belongs to.
pub const SOURCE: &str = "source";
/// When the document was made, from the data, never from the clock.
pub const CREATED: &str = "created";
/// Licence, as the data states it.
pub const LICENSE: &str = "license";
/// Identifiers of the documents this one was made from.
pub const PARENTS: &str = "parents";
/// The worker, recipe and prompt that made the document; null for human text.
pub const MADE_BY: &str = "made_by";
/// Everything else the input said, as JSON text.
pub const META: &str = "meta";

/// Engine column: the rule that ended the row's journey, `stage.rule`; null while it travels.
pub const DROPPED_BY: &str = "dropped_by";
/// Engine column: why, as JSON, where the measures do not say it (a fault's cause, a survivor's id).
pub const EVIDENCE: &str = "_evidence";
/// Engine column: position of the row in its relation, `shard << 32 | row`. Never written.
pub const ROW: &str = "_row";
/// Prefix of engine columns that hold a filter's verdicts, rule by rule. Never written.
pub const RULES_PREFIX: &str = "_rules_";

/// The core columns, in order.
pub fn core_fields() -> Vec<FieldRef> {
    let text = |name: &str| Arc::new(Field::new(name, DataType::Utf8View, true));
    let made_by: Fields = ["worker", "recipe", "prompt_hash"].into_iter().map(text).collect();
    vec![
        text(ID),
        text(TEXT),
        text(URL),
        text(SOURCE),
        Arc::new(Field::new(CREATED, DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), true)),
        text(LICENSE),
        Arc::new(Field::new(PARENTS, DataType::List(text("item")), true)),
        Arc::new(Field::new(MADE_BY, DataType::Struct(made_by), true)),
        text(META),
    ]
}

/// The engine columns that every source yields after its own.
pub fn verdict_fields() -> Vec<FieldRef> {
    [DROPPED_BY, EVIDENCE].map(|name| Arc::new(Field::new(name, DataType::Utf8View, true))).to_vec()
}

/// The schema of a source: core columns, its own, then the engine's.
pub fn source_schema(own: impl IntoIterator<Item = FieldRef>) -> SchemaRef {
    let fields: Vec<FieldRef> = core_fields().into_iter().chain(own).chain(verdict_fields()).collect();
    Arc::new(Schema::new(fields))
}

/// Lays out the columns a source has in the order of `schema`; those it lacks become nulls.
pub fn fill_columns(schema: &Schema, n_rows: usize, have: &[(&str, ArrayRef)]) -> Vec<ArrayRef> {
    schema
        .fields()
        .iter()
        .map(|field| {
            have.iter()
                .find(|(name, _)| name == field.name())
                .map_or_else(|| new_null_array(field.data_type(), n_rows), |(_, column)| Arc::clone(column))
        })
        .collect()
}

/// Whether a column belongs to the engine and is never written.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with('_')
}

/// The identifier of a document that brings none: 32 hex digits of xxh3-128 over source and locator.
///
/// # Example
/// ```
/// let id = gristmill_core::schema::document_id("crawl", "a.warc.gz#1024");
/// assert_eq!(id.len(), 32);
/// assert_ne!(id, gristmill_core::schema::document_id("crawla", ".warc.gz#1024"));
/// ```
pub fn document_id(source: &str, locator: &str) -> String {
    let mut hasher = Xxh3::new();
    hasher.update(source.as_bytes());
    hasher.update(&[0]);
    hasher.update(locator.as_bytes());
    format!("{:032x}", hasher.digest128())
}
