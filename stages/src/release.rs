//! `kind = "release"`: what leaves the house. The writing itself is the runner's; this is the config of it.

use gristmill_core::annotator::ParamDoc;
use gristmill_core::params::{self, ParamError};
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The row of the stage table.
pub static ENTRY: StageEntry = StageEntry {
    kind: "release",
    version: 1,
    about: "Writes a dataset: Parquet shards, dataset card, MANIFEST.json, SHA256SUMS; the same run builds the same bytes.",
    source: "Hugging Face dataset cards; sha256sum(1)",
    takes_input: true,
    params: &[
        ParamDoc {
            name: "columns",
            default: "id, text, url, source, created, license, meta",
            about: "name = \"SQL over the columns\": the columns of the dataset, in order",
        },
        ParamDoc { name: "split", default: "\"train\"", about: "name of the split" },
        ParamDoc { name: "pretty_name", default: "the run's name", about: "title of the card" },
        ParamDoc { name: "description", default: "none", about: "first paragraph of the card" },
        ParamDoc { name: "license", default: "none", about: "licence of the compilation, for the card's front matter" },
        ParamDoc { name: "task_categories", default: "[\"text-generation\"]", about: "for the card's front matter" },
    ],
    build,
};

/// Parameters of a release.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseParams {
    /// Column name -> SQL expression.
    #[serde(default)]
    pub columns: Map<String, Value>,
    /// Name of the split.
    #[serde(default = "train")]
    pub split: String,
    /// Title of the card.
    pub pretty_name: Option<String>,
    /// First paragraph of the card.
    pub description: Option<String>,
    /// Licence of the compilation.
    pub license: Option<String>,
    /// Tasks the data is for.
    #[serde(default = "text_generation")]
    pub task_categories: Vec<String>,
}

fn train() -> String {
    "train".into()
}

fn text_generation() -> Vec<String> {
    vec!["text-generation".into()]
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: ReleaseParams = params::parse(spec.params)?;
    if params.split.is_empty() || !params.split.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(ParamError::at("split", "a split's name is made of letters, digits and `_`"));
    }
    for (name, sql) in &params.columns {
        if !sql.is_string() {
            let path = vec!["columns".into(), name.clone()];
            return Err(ParamError { path, message: "expected a string with a SQL expression".into() });
        }
    }
    Ok(Stage::Release(Box::new(spec.params.clone())))
}
