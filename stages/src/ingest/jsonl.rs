//! `jsonl`: a JSON object per line.
//!
//! Speed comes from what is not done: a line is parsed once, without a tree; strings without escapes are borrowed from
//! the block they were read into; fields that no projected column needs are checked and passed over; `meta` copies the
//! bytes of the fields it keeps. A line that is not a JSON object, or has no text, is a row with `dropped_by`.

use std::collections::BTreeMap;
use std::sync::Arc;

use gristmill_core::error::Result;
use gristmill_core::params::ParamError;
use gristmill_core::schema::META;
use gristmill_core::source::{Batches, Shard, Source};
use gristmill_core::stage::{Stage, StageSpec};
use serde::Deserialize;
use serde_json::json;

use super::batch::{Fault, Locator, Row, RowBatches, RowBuilder};
use super::lines::{INTACT_FILE, Line, LineNumbers, LineParser, LineReader};
use super::mapping::{Column, Mapping, created_ms, push_key, push_string};
use super::record::{FieldValue, Record};
use super::{HAS_TEXT, Settings, Shared, files, parse_params};

/// The rule that a line fails which is not a JSON object.
const VALID_JSON: &str = "valid_json";

/// Parameters beside those all sources share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    fields: BTreeMap<String, String>,
    #[serde(default = "super::yes")]
    keep_meta: bool,
}

/// Builds the stage.
pub(super) fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let (shared, params): (Shared, Params) = parse_params(spec, super::docs::JSONL)?;
    let mapping = Arc::new(Mapping::new(&params.fields, &shared.fixed_columns())?);
    let settings = Arc::new(Settings::new("jsonl", spec, shared, Vec::new(), files::is_plain)?);
    Ok(Stage::Source(Arc::new(JsonlSource { settings, mapping, keep_meta: params.keep_meta })))
}

#[derive(Debug)]
struct JsonlSource {
    settings: Arc<Settings>,
    mapping: Arc<Mapping>,
    keep_meta: bool,
}

impl Source for JsonlSource {
    fn schema(&self) -> arrow::datatypes::SchemaRef {
        Arc::clone(&self.settings.schema)
    }
    fn shards(&self) -> &[Shard] {
        &self.settings.shards
    }
    fn open(&self, shard: &Shard, projection: &[usize]) -> Result<Batches> {
        let rows = RowBuilder::new(&self.settings, projection)?;
        let wants_meta = self.keep_meta && rows.wants(META);
        let parser = JsonLines { mapping: Arc::clone(&self.mapping), wants_meta, meta: String::new() };
        Ok(Box::new(RowBatches::new(LineReader::new(shard.pieces.clone(), parser), rows)))
    }
    fn cheap_to_rescan(&self) -> bool {
        true
    }
    fn max_bad_ratio(&self) -> f64 {
        self.settings.max_bad_ratio
    }
    fn bad_rules(&self) -> Vec<&'static str> {
        vec![VALID_JSON, INTACT_FILE]
    }
}

struct JsonLines {
    mapping: Arc<Mapping>,
    wants_meta: bool,
    meta: String,
}

impl LineParser for JsonLines {
    fn line(&mut self, line: Line<'_>, numbers: &mut LineNumbers, rows: &mut RowBuilder) -> Result<()> {
        let at = Locator::Offset(line.offset);
        let text = match line.text {
            Ok(text) if text.trim_ascii().is_empty() => return Ok(()),
            text => text,
        };
        self.meta.clear();
        let record = text.and_then(|text| {
            let meta = self.wants_meta.then_some(&mut self.meta);
            Record::parse(text, &self.mapping, meta).map_err(|e| e.to_string())
        });
        match record {
            Ok(record) => self.push(&record, at, numbers, rows),
            Err(cause) => {
                let fault = numbered(Fault::new(VALID_JSON, cause), at, numbers);
                rows.push(&Row { fault: Some(fault), ..Row::at(at) })
            }
        }
    }
}

impl JsonLines {
    fn push(
        &mut self,
        record: &Record<'_>,
        at: Locator,
        numbers: &mut LineNumbers,
        rows: &mut RowBuilder,
    ) -> Result<()> {
        let field = |column| record.get(self.mapping.field_of(column));
        let texts = [Column::Id, Column::Url, Column::Created, Column::License, Column::Source]
            .map(|column| field(column).text(column == Column::Id));
        let [id, url, created, license, source] = &texts;
        let text = field(Column::Text).as_str();
        let created = created.as_deref().and_then(created_ms);
        if self.wants_meta {
            let unused = |column| field(column).is_given();
            if text.is_none() && unused(Column::Text) {
                keep(&mut self.meta, &self.mapping, Column::Text, record);
            }
            for (column, used) in [
                (Column::Id, id.is_some()),
                (Column::Url, url.is_some()),
                (Column::Created, created.is_some()),
                (Column::License, license.is_some()),
                (Column::Source, source.is_some()),
            ] {
                if !used && unused(column) {
                    keep(&mut self.meta, &self.mapping, column, record);
                }
            }
            if !self.meta.is_empty() {
                self.meta.push('}');
            }
        }
        let fault = text.is_none().then(|| {
            let cause = format!("the field `{}` {}", self.mapping.fields[0], field(Column::Text).kind());
            numbered(Fault::new(HAS_TEXT, cause), at, numbers)
        });
        rows.push(&Row {
            id: id.as_deref(),
            text,
            url: url.as_deref(),
            source: source.as_deref(),
            created,
            license: license.as_deref(),
            meta: (!self.meta.is_empty()).then_some(&self.meta),
            fault,
            ..Row::at(at)
        })
    }
}

/// Adds to `meta` a field that its column could not use.
fn keep(meta: &mut String, mapping: &Mapping, column: Column, record: &Record<'_>) {
    let Some(field) = mapping.field_of(column) else { return };
    push_key(meta, &mapping.fields[field]);
    match record.get(Some(field)) {
        FieldValue::Text(text) => push_string(meta, text),
        FieldValue::Raw(raw) => meta.push_str(raw.get()),
        FieldValue::Other(value) => meta.push_str(&value.to_string()),
        FieldValue::Absent => meta.push_str("null"),
    }
}

/// Says in which line of the file a fault is, where that is cheap to know.
fn numbered(mut fault: Fault, at: Locator, numbers: &mut LineNumbers) -> Fault {
    if let Locator::Offset(offset) = at
        && let Some(line) = numbers.of_byte(offset)
    {
        fault.more.push(("line", json!(line)));
    }
    fault
}
