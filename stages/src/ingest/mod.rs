//! Ingest: files of many kinds become rows of one kind.
//!
//! Each kind is a [`Source`](gristmill_core::source::Source): it cuts its files into shards by name and size, and reads
//! a shard into batches. What the kinds share lies beside them: which files ([`files`]), which field is which column
//! ([`mapping`]), rows into batches ([`batch`]), lines ([`lines`]). No source judges a text. A damaged record is a row
//! with `dropped_by` and its cause as evidence, and reading goes on behind it.

mod batch;
mod csv;
mod docs;
mod files;
mod groups;
mod jsonl;
mod lines;
mod mapping;
mod parquet;
mod parts;
mod record;
mod text;
pub mod warc;
mod warc_source;
mod wikipedia;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{FieldRef, SchemaRef};
use gristmill_core::annotator::ParamDoc;
use gristmill_core::params::{ParamError, parse};
use gristmill_core::schema::source_schema;
use gristmill_core::source::Shard;
use gristmill_core::stage::{StageEntry, StageSpec};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use mapping::Column;
pub use parts::parts_source;

/// The rule that a record fails which brings no text.
const HAS_TEXT: &str = "has_text";

/// The sources.
pub static STAGES: &[StageEntry] = &[
    StageEntry {
        kind: "warc",
        version: 1,
        about: "Pages of WARC and WET files, with their HTML decoded to text but not yet extracted.",
        source: "ISO 28500:2017 (WARC 1.1); RFC 9112 (HTTP/1.1); WHATWG Encoding Standard",
        takes_input: false,
        params: docs::WARC,
        build: warc_source::build,
    },
    StageEntry {
        kind: "jsonl",
        version: 1,
        about: "A JSON object per line: .jsonl, .json, and both as .gz or .zst.",
        source: "RFC 8259; jsonlines.org",
        takes_input: false,
        params: docs::JSONL,
        build: jsonl::build,
    },
    StageEntry {
        kind: "parquet",
        version: 1,
        about: "Rows of Parquet files; columns that are no core column keep their name and type.",
        source: "Apache Parquet format 2",
        takes_input: false,
        params: docs::PARQUET,
        build: parquet::build,
    },
    StageEntry {
        kind: "csv",
        version: 1,
        about: "Rows of CSV files with a header line, also as .gz or .zst.",
        source: "RFC 4180",
        takes_input: false,
        params: docs::CSV,
        build: csv::build,
    },
    StageEntry {
        kind: "text",
        version: 1,
        about: "Plain text: each file, each line or each paragraph a document.",
        source: "UTF-8 (RFC 3629)",
        takes_input: false,
        params: docs::TEXT,
        build: text::build,
    },
    StageEntry {
        kind: "wikipedia",
        version: 1,
        about: "Articles of a MediaWiki dump, pages-articles.xml or .bz2, as plain text; redirects and other namespaces dropped.",
        source: "MediaWiki export format 0.11; Help:Formatting",
        takes_input: false,
        params: docs::WIKIPEDIA,
        build: wikipedia::build,
    },
];

/// Parameters that all sources share.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shared {
    files: Vec<String>,
    source: Option<String>,
    license: Option<String>,
    shard_bytes: Option<u64>,
    #[serde(default = "default_max_bad_ratio")]
    max_bad_ratio: f64,
}

/// One record in a hundred.
fn default_max_bad_ratio() -> f64 {
    0.01
}

fn yes() -> bool {
    true
}

impl Shared {
    /// Keys of the struct.
    const KEYS: [&str; 5] = ["files", "source", "license", "shard_bytes", "max_bad_ratio"];

    /// Columns whose value the config gives, so that no field of the same name fills them.
    fn fixed_columns(&self) -> Vec<Column> {
        let source = self.source.is_some().then_some(Column::Source);
        let license = self.license.is_some().then_some(Column::License);
        source.into_iter().chain(license).collect()
    }
}

/// Reads a stage's parameters: those all sources share, and the kind's own.
fn parse_params<T: DeserializeOwned>(spec: &StageSpec<'_>, docs: &[ParamDoc]) -> Result<(Shared, T), ParamError> {
    let (mut shared, mut own) = (Map::new(), Map::new());
    for (key, value) in spec.params.as_object().into_iter().flatten() {
        if !docs.iter().any(|doc| doc.name == key) {
            let known: Vec<&str> = docs.iter().map(|doc| doc.name).collect();
            let message = format!("unknown field `{key}`, expected one of `{}`", known.join("`, `"));
            return Err(ParamError::at(key, message));
        }
        let half = if Shared::KEYS.contains(&key.as_str()) { &mut shared } else { &mut own };
        half.insert(key.clone(), value.clone());
    }
    Ok((parse(&Value::Object(shared))?, parse(&Value::Object(own))?))
}

/// What every source holds.
struct Settings {
    kind: &'static str,
    stage: String,
    source: String,
    license: Option<String>,
    max_bad_ratio: f64,
    n_files: usize,
    shards: Vec<Shard>,
    own: Vec<FieldRef>,
    schema: SchemaRef,
}

impl Settings {
    fn new(
        kind: &'static str,
        spec: &StageSpec<'_>,
        shared: Shared,
        own: Vec<FieldRef>,
        can_split: fn(&Path) -> bool,
    ) -> Result<Self, ParamError> {
        if !(0.0..=1.0).contains(&shared.max_bad_ratio) {
            let message = format!("{} is no share: expected a number from 0 to 1", shared.max_bad_ratio);
            return Err(ParamError::at("max_bad_ratio", message));
        }
        if shared.shard_bytes == Some(0) {
            return Err(ParamError::at("shard_bytes", "expected a number of bytes above 0"));
        }
        let files = files::find(&shared.files)?;
        Ok(Self {
            kind,
            stage: spec.name.to_owned(),
            source: shared.source.unwrap_or_else(|| spec.name.to_owned()),
            license: shared.license,
            max_bad_ratio: shared.max_bad_ratio,
            n_files: files.len(),
            shards: files::cut(&files, shared.shard_bytes, spec.limit, can_split),
            schema: source_schema(own.iter().map(Arc::clone)),
            own,
        })
    }
}

impl fmt::Debug for Settings {
    /// One line: plans print it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} files, {} shards)", self.kind, self.stage, self.n_files, self.shards.len())
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod warc_tests;
