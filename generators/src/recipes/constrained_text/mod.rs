//! `kind = "constrained_text"`: texts that keep to letters, words, lengths and patterns, drawn until one does.
//!
//! Each constraint is a predicate on the finished text, so it holds whatever worker wrote it; a text that fails is drawn
//! again, a bounded number of times. Where the server can be held to a regular expression, the constraints that have one
//! are pushed down to it, and checked all the same.
//!
//! Source: Constrained Text Generation Studio, Roush et al. 2022 (W22-cai1), whose filters act on single tokens of the
//! vocabulary while decoding; ours act on words and whole texts. All 21 are to be had under `checks`, which hold the
//! constraints of the measure of that name; the others here are the common ones in a shorter form.

mod constraints;

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, LICENSE, SOURCE, TEXT, URL, document_id};
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use gristmill_lm::request::Shape;
use gristmill_lm::{CompletionRequest, Prompt, Sampling};
use serde::Deserialize;
use serde_json::{Value, json};

use self::constraints::{Constraints, Validator};
use crate::kit::params::{sampling, template};
use crate::kit::prompt::prompt_hash;
use crate::kit::rows::{Origin, count, document_schema, require_columns, text, texts};
use crate::kit::{Outcome, Panel, PerRow, Row, RowRecipe, Template, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "constrained_text",
    version: 1,
    about: "Texts that meet constraints on letters, words, length and pattern, resampled until one does.",
    source: "Constrained Text Generation Studio, Roush et al. 2022",
    takes_input: true,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "writes" },
        ParamDoc {
            name: "constraints",
            default: "required",
            about: "table: without_letters, with_letters, without_words, with_words, chars, words, starts_with, ends_with, pattern; checks = [{ say, that }] with any constraint of the measure `constraints`",
        },
        ParamDoc { name: "max_attempts", default: "5", about: "texts drawn per row before it is given up" },
        ParamDoc {
            name: "push_down",
            default: "false",
            about: "hold the server to a regular expression of the constraints; replies then have one line",
        },
        ParamDoc { name: "task_column", default: "\"text\"", about: "column that says what to write" },
        ParamDoc {
            name: "prompt",
            default: "configs/prompts/recipes/constrained_text.j2",
            about: "template with `task`, `constraints`",
        },
        ParamDoc { name: "sampling", default: "temperature 1, max_tokens 256", about: "how texts are drawn" },
    ],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: String,
    constraints: Constraints,
    #[serde(default = "five")]
    max_attempts: u32,
    #[serde(default)]
    push_down: bool,
    #[serde(default = "text_column")]
    task_column: String,
    prompt: Option<String>,
    sampling: Option<Value>,
}

fn five() -> u32 {
    5
}
fn text_column() -> String {
    TEXT.to_owned()
}

struct ConstrainedText {
    stage: String,
    params: Params,
    validator: Validator,
    shape: Option<Shape>,
    prompt: Template,
    sampling: Sampling,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    let validator = Validator::new(&params.constraints).map_err(|cause| ParamError::at("constraints", cause))?;
    params.constraints.files().for_each(|path| spec.reads.note(path));
    if params.max_attempts == 0 {
        return Err(ParamError::at("max_attempts", "expected 1 or more"));
    }
    let pushed = if params.push_down { params.constraints.regex() } else { None };
    if params.push_down && pushed.is_none() {
        let cause = "none of the constraints can be told to a server as a regular expression";
        return Err(ParamError::at("push_down", cause));
    }
    let own = Sampling { temperature: 1.0, max_tokens: 256, ..Sampling::default() };
    let recipe = ConstrainedText {
        stage: spec.name.to_owned(),
        validator,
        shape: pushed.map(Shape::Regex),
        prompt: template(
            spec.reads,
            "prompt",
            params.prompt.as_deref(),
            include_str!("../../../../configs/prompts/recipes/constrained_text.j2"),
        )?,
        sampling: sampling(&own, params.sampling.as_ref())?,
        params,
    };
    Ok(Stage::Maker(Arc::new(PerRow(Arc::new(recipe)))))
}

impl ConstrainedText {
    fn row(&self, parent: &Row, hash: &str, written: &str, n_attempts: u32) -> Row {
        let id = text_of(parent, ID);
        let mut row = Row::new();
        row.insert(ID.into(), document_id(&self.stage, id).into());
        for column in [SOURCE, LICENSE, URL] {
            row.insert(column.into(), parent.get(column).cloned().unwrap_or(Value::Null));
        }
        row.insert(TEXT.into(), written.into());
        row.insert("task".into(), text_of(parent, &self.params.task_column).into());
        row.insert("constraints".into(), json!(self.params.constraints.sentences()));
        row.insert("n_attempts".into(), n_attempts.into());
        let parents = vec![id.to_owned()];
        Origin { worker: &self.params.worker, recipe: ENTRY.kind, prompt_hash: hash, parents }.mark(&mut row);
        row
    }
}

#[async_trait]
impl RowRecipe for ConstrainedText {
    fn stage(&self) -> &str {
        &self.stage
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        require_columns(&self.stage, input, &[ID, &self.params.task_column])?;
        Ok(document_schema([text("task"), texts("constraints"), count("n_attempts")]))
    }

    fn rules(&self) -> Vec<String> {
        constraints::RULES.iter().map(|rule| (*rule).to_owned()).collect()
    }

    fn workers(&self) -> Vec<(String, String)> {
        vec![("worker".to_owned(), self.params.worker.clone())]
    }

    async fn work(&self, _n: u64, row: Row, workers: &Panel) -> Result<Vec<Outcome>> {
        let task = text_of(&row, &self.params.task_column).trim();
        let variables = json!({ "task": task, "constraints": self.params.constraints.sentences() });
        let prompt =
            self.prompt.render(&variables).map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })?;
        let hash = prompt_hash(&prompt);
        let mut request = CompletionRequest::new(Prompt::user(prompt.trim_end()), self.sampling.clone());
        request.shape.clone_from(&self.shape);
        let (mut attempts, mut last, mut failed) = (Vec::new(), None, None);
        for sample in 0..self.params.max_attempts {
            let reply = match workers.askers[0].ask(request.clone().with_sample(sample)).await? {
                Ok(reply) => reply,
                Err(error) => {
                    attempts.push(json!({ "failed": error.message }));
                    failed = Some(error);
                    continue;
                }
            };
            let written = reply.text.trim();
            match self.validator.first_violated(written) {
                None => return Ok(vec![Outcome::Keep(self.row(&row, &hash, written, sample + 1))]),
                Some((rule, why)) => {
                    attempts.push(json!({ "text": written, "rule": rule, "why": why }));
                    last = Some((rule, written.to_owned()));
                }
            }
        }
        let n_attempts = self.params.max_attempts;
        // The rule is that of the last text; the evidence has all of them.
        Ok(vec![match (last, failed) {
            (Some((rule, written)), _) => {
                let row = self.row(&row, &hash, &written, n_attempts);
                Outcome::drop(row, rule, json!({ "attempts": attempts }))
            }
            (None, Some(error)) => Outcome::failed(self.row(&row, &hash, "", n_attempts), &error),
            (None, None) => unreachable!("max_attempts is 1 or more, so something was asked"),
        }])
    }
}
