//! `kind = "embed"`: each row with its text as a point in a model's space, for search, clusters and classifiers.
//!
//! The point is a list of 32-bit floats in a column of its own; `sql` and every reader of Parquet know such columns. The
//! embedded model's points are hashed words: near texts share spellings, not meanings.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::Result;
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::TEXT;
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use gristmill_lm::EmbedRequest;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kit::rows::{extended_schema, require_columns};
use crate::kit::{Outcome, Panel, PerRow, Row, RowRecipe, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "embed",
    version: 1,
    about: "Adds the embedding of a text, a list of 32-bit floats.",
    source: "OpenAI's route /v1/embeddings; of the embedded model, Weinberger et al. 2009, arXiv:0902.2206",
    takes_input: true,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "worker that gives embeddings" },
        ParamDoc { name: "column", default: "\"text\"", about: "the text; where it is empty the point is null" },
        ParamDoc { name: "into", default: "\"embedding\"", about: "column of the point" },
        ParamDoc { name: "dimensions", default: "the model's", about: "length, of models that can shorten theirs" },
    ],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: String,
    #[serde(default = "text_column")]
    column: String,
    #[serde(default = "embedding_column")]
    into: String,
    dimensions: Option<u32>,
}

fn text_column() -> String {
    TEXT.to_owned()
}
fn embedding_column() -> String {
    "embedding".to_owned()
}

struct Embed {
    stage: String,
    params: Params,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    if params.dimensions == Some(0) {
        return Err(ParamError::at("dimensions", "expected 1 or more"));
    }
    Ok(Stage::Maker(Arc::new(PerRow(Arc::new(Embed { stage: spec.name.to_owned(), params })))))
}

#[async_trait]
impl RowRecipe for Embed {
    fn stage(&self) -> &str {
        &self.stage
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        require_columns(&self.stage, input, &[&self.params.column])?;
        let item = Arc::new(Field::new("item", DataType::Float32, true));
        Ok(extended_schema(input, [Arc::new(Field::new(&self.params.into, DataType::List(item), true))]))
    }

    fn rules(&self) -> Vec<String> {
        Vec::new()
    }

    fn workers(&self) -> Vec<(String, String)> {
        vec![("worker".to_owned(), self.params.worker.clone())]
    }

    fn judges(&self) -> bool {
        false
    }

    fn takes_routes(&self) -> bool {
        false
    }

    async fn work(&self, _n: u64, mut row: Row, workers: &Panel) -> Result<Vec<Outcome>> {
        let text = text_of(&row, &self.params.column).to_owned();
        if text.is_empty() {
            row.insert(self.params.into.clone(), Value::Null);
            return Ok(vec![Outcome::Keep(row)]);
        }
        let request = EmbedRequest { text, dimensions: self.params.dimensions };
        Ok(vec![match workers.askers[0].embed(request).await? {
            Ok(embedded) => {
                row.insert(self.params.into.clone(), json!(embedded.vector));
                Outcome::Keep(row)
            }
            Err(error) => Outcome::failed(row, &error),
        }])
    }
}
