//! `ensemble_instruct.outputs`: further workers answer the same instruction and input.
//!
//! Source: Lee et al. 2023, arXiv:2310.13961, section 3.3, and the released `gen_output_zeroshot.py`: the prompt is the
//! instruction and the input, nothing else; greedy. Their map for resuming is keyed by the instruction alone, which is
//! wrong where one has several inputs; replies here are kept by the whole request.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use gristmill_lm::{CompletionRequest, Prompt, Sampling};
use serde::Deserialize;
use serde_json::{Value, json};

use super::instances::plain_answer;
use super::instructions_stage::END_MARK;
use crate::kit::params::{Names, sampling, template};
use crate::kit::rows::{extended_schema, require_columns, texts};
use crate::kit::{Outcome, Panel, PerRow, Row, RowRecipe, Template, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "ensemble_instruct.outputs",
    version: 1,
    about: "Lets further workers answer every row; adds `outputs` and `output_workers`, the row's own output first.",
    source: "Ensemble-Instruct, Lee et al. 2023, arXiv:2310.13961, section 3.3",
    takes_input: true,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "a worker or a list of workers" },
        ParamDoc {
            name: "prompt",
            default: "configs/prompts/ensemble_instruct/output.j2",
            about: "template with `instruction`, `input`",
        },
        ParamDoc { name: "sampling", default: "greedy, max_tokens 256", about: "how answers are drawn" },
    ],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: Names,
    prompt: Option<String>,
    sampling: Option<Value>,
}

struct Outputs {
    stage: String,
    workers: Vec<String>,
    template: Template,
    sampling: Sampling,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    let stop = vec!["\n\n".to_owned(), END_MARK.to_owned()];
    let own = Sampling { max_tokens: 256, stop, ..Sampling::default() };
    let builtin = include_str!("../../../configs/prompts/ensemble_instruct/output.j2");
    let recipe = Outputs {
        stage: spec.name.to_owned(),
        workers: params.worker.list(),
        template: template(spec.reads, "prompt", params.prompt.as_deref(), builtin)?,
        sampling: sampling(&own, params.sampling.as_ref())?,
    };
    Ok(Stage::Maker(Arc::new(PerRow(Arc::new(recipe)))))
}

#[async_trait]
impl RowRecipe for Outputs {
    fn stage(&self) -> &str {
        &self.stage
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        require_columns(&self.stage, input, &["id", "instruction", "input", "output"])?;
        Ok(extended_schema(input, [texts("outputs"), texts("output_workers")]))
    }

    fn rules(&self) -> Vec<String> {
        Vec::new()
    }

    fn workers(&self) -> Vec<(String, String)> {
        self.workers.iter().map(|name| ("worker".to_owned(), name.clone())).collect()
    }

    async fn work(&self, _n: u64, mut row: Row, workers: &Panel) -> Result<Vec<Outcome>> {
        let variables = json!({
            "instruction": text_of(&row, "instruction").trim(), "input": text_of(&row, "input").trim(),
        });
        let prompt = self.template.render(&variables);
        let prompt = prompt.map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })?;
        let request = CompletionRequest::new(Prompt::user(prompt.trim_end()), self.sampling.clone());
        let own = row.get("made_by").and_then(|made| made["worker"].as_str()).unwrap_or("row").to_owned();
        let (mut outputs, mut names) = (vec![text_of(&row, "output").to_owned()], vec![own]);
        for (asker, reply) in workers.askers.iter().zip(workers.ask(&request).await?) {
            match reply {
                Ok(reply) => outputs.push(plain_answer(&reply.text, END_MARK)),
                Err(error) => return Ok(vec![Outcome::failed(row, &error)]),
            }
            names.push(asker.name().to_owned());
        }
        row.insert("outputs".into(), json!(outputs));
        row.insert("output_workers".into(), json!(names));
        Ok(vec![Outcome::Keep(row)])
    }
}
