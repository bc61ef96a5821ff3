//! `kind = "ask"`: a question of your own about every row, answered by one worker or by the one that suits the row.
//!
//! The recipe for what no other recipe is for: labels, summaries, rewrites. The prompt is a template over the row's
//! columns. With `schema` the reply is JSON that fits it: servers that can are held to it, every reply is checked, one
//! that does not fit is asked for once more with what is wrong, and then the row ends in the ledger.
//!
//! With several workers and a `route`, the loss that a learned route learns from is whether the reply fits the schema and
//! what a judge says of it, on this run's own rows, and not a model's loss on a benchmark as in Tryage.
//!
//! Source: Hari and Thomson 2023, "Tryage", arXiv:2308.11601, for judged replies as a route's teacher.

mod judged;

use std::sync::Arc;

use arrow::datatypes::{Schema as Columns, SchemaRef};
use async_trait::async_trait;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, TEXT, document_id};
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use gristmill_lm::structured::{Schema, complete_structured};
use gristmill_lm::{CompletionRequest, Failure, Prompt, Sampling, WorkerError};
use serde::Deserialize;
use serde_json::{Value, json};

use self::judged::{BEST, Judge, JudgeParams};
use crate::kit::ask::settle;
use crate::kit::params::{sampling, template};
use crate::kit::prompt::prompt_hash;
use crate::kit::rows::{Origin, claim, extended_schema, number, require_columns, text};
use crate::kit::{Asker, Outcome, Panel, PerRow, Row, RowRecipe, Template, text_of};
use crate::recipes::judging;

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "ask",
    version: 2,
    about: "A prompt of your own about every row: a text, or JSON of a schema.",
    source: "Tryage, Hari and Thomson 2023, arXiv:2308.11601, for replies judged on the run's own rows",
    takes_input: true,
    params: &[
        ParamDoc {
            name: "worker",
            default: "required",
            about: "who is asked; a list with `route`, or for each of them",
        },
        ParamDoc { name: "prompt", default: "required", about: "file with a template over the row's columns" },
        ParamDoc { name: "schema", default: "none", about: "JSON Schema that the reply must fit" },
        ParamDoc {
            name: "into",
            default: "\"reply\"",
            about: "column of the reply; \"text\" makes a new document of it, with the row as its parent",
        },
        ParamDoc {
            name: "repaired_loss",
            default: "0.5",
            about: "what a reply that took a repair has lost, from 0 to 1; a reply that never fits has lost all",
        },
        ParamDoc {
            name: "judge",
            default: "none",
            about: "{ worker, prompt }: grades each reply from 1 to 10; the template has the row's columns and `reply`",
        },
        ParamDoc { name: "sampling", default: "greedy, max_tokens 512", about: "how replies are drawn" },
    ],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: String,
    prompt: String,
    schema: Option<Value>,
    #[serde(default = "reply_column")]
    into: String,
    #[serde(default = "half")]
    repaired_loss: f64,
    judge: Option<JudgeParams>,
    sampling: Option<Value>,
}

fn reply_column() -> String {
    "reply".to_owned()
}
fn half() -> f64 {
    0.5
}

struct Ask {
    stage: String,
    params: Params,
    schema: Option<Schema>,
    prompt: Template,
    judge: Option<Judge>,
    sampling: Sampling,
}

/// A reply that can be used.
struct Answer {
    /// The text; with a schema, the JSON that fits.
    text: String,
    /// Whether it took the repair.
    repaired: bool,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let mut params: Params = params::parse(spec.params)?;
    let schema = params.schema.take().map(Schema::new).transpose();
    if !(0.0..=1.0).contains(&params.repaired_loss) {
        return Err(ParamError::at("repaired_loss", "expected a loss between 0 and 1"));
    }
    let ask = Ask {
        stage: spec.name.to_owned(),
        prompt: template(spec.reads, "prompt", Some(&params.prompt), "")?,
        judge: params.judge.take().map(|judge| Judge::new(spec.reads, judge)).transpose()?,
        sampling: sampling(&Sampling::default(), params.sampling.as_ref())?,
        schema: schema.map_err(|error| ParamError::at("schema", error.to_string()))?,
        params,
    };
    Ok(Stage::Maker(Arc::new(PerRow(Arc::new(ask)))))
}

#[async_trait]
impl RowRecipe for Ask {
    fn stage(&self) -> &str {
        &self.stage
    }

    fn schema(&self, input: &Columns) -> Result<SchemaRef> {
        require_columns(&self.stage, input, &[ID])?;
        let into = &self.params.into;
        let mut own = vec![text(into), text(&format!("{into}_worker"))];
        if self.schema.is_some() {
            own.push(claim(&format!("{into}_repaired")));
        }
        if self.judges() {
            own.push(number(&self.loss_column()));
        }
        Ok(extended_schema(input, own))
    }

    fn rules(&self) -> Vec<String> {
        Vec::new()
    }

    fn workers(&self) -> Vec<(String, String)> {
        let judge = self.judge.iter().map(|judge| ("judge".to_owned(), judge.worker().to_owned()));
        std::iter::once(("worker".to_owned(), self.params.worker.clone())).chain(judge).collect()
    }

    fn judges(&self) -> bool {
        self.schema.is_some() || self.judge.is_some()
    }

    /// A reply that cannot be used is the worst there is; one that never came says nothing.
    fn loss(&self, outcomes: &[Outcome]) -> Option<f64> {
        let malformed = |rule: &str| rule.strip_prefix("lm_") == Some(Failure::Malformed.name());
        match outcomes {
            [Outcome::Keep(row)] => row.get(&self.loss_column()).and_then(Value::as_f64),
            [Outcome::Drop(_, rule, _)] if malformed(rule) => Some(1.0),
            _ => None,
        }
    }

    /// A reply that the judge gave no grade for is not the worker's fault.
    fn is_worth_another_try(&self, outcomes: &[Outcome]) -> bool {
        let replied = |row: &Row| row.get(&self.params.into).is_some_and(Value::is_string);
        !matches!(outcomes, [Outcome::Drop(row, ..)] if self.judge.is_some() && replied(row))
    }

    async fn work(&self, _n: u64, row: Row, workers: &Panel) -> Result<Vec<Outcome>> {
        let asker = &workers.askers[0];
        let prompt = self.render(&self.prompt, &row)?;
        let hash = prompt_hash(&prompt);
        let request = CompletionRequest::new(Prompt::user(prompt), self.sampling.clone());
        let answer = match settle(self.answer(asker, &request).await)? {
            Ok(answer) => answer,
            Err(error) => return Ok(vec![Outcome::failed(self.row(row, &hash, asker.name(), None), &error)]),
        };
        let (loss, failed) = match self.judged(&row, &answer, workers).await? {
            Ok(loss) => (loss, None),
            Err(error) => (None, Some(error)),
        };
        let row = self.row(row, &hash, asker.name(), Some((&answer, loss)));
        Ok(vec![match failed {
            None => Outcome::Keep(row),
            Some(error) => Outcome::failed(row, &error),
        }])
    }
}

impl Ask {
    fn loss_column(&self) -> String {
        format!("{}_loss", self.params.into)
    }

    async fn answer(&self, asker: &Asker, request: &CompletionRequest) -> Result<Answer, WorkerError> {
        let worker = asker.clone().into_worker();
        let Some(schema) = &self.schema else {
            let reply = worker.complete(request).await?;
            return Ok(Answer { text: reply.text.trim().to_owned(), repaired: false });
        };
        let found = complete_structured(worker.as_ref(), request, schema).await?;
        Ok(Answer { text: found.value.to_string(), repaired: found.repaired })
    }

    /// How bad a reply is, from 0 to 1: the worse of what the schema and the judge say, none where neither is asked.
    async fn judged(&self, row: &Row, answer: &Answer, workers: &Panel) -> Result<Result<Option<f64>, WorkerError>> {
        let of_form = self.schema.as_ref().map(|_| if answer.repaired { self.params.repaired_loss } else { 0.0 });
        let (Some(judge), Some(asker)) = (&self.judge, workers.askers.get(1)) else { return Ok(Ok(of_form)) };
        let mut shown = row.clone();
        shown.insert("reply".into(), answer.text.as_str().into());
        let prompt = self.render(judge.prompt(), &shown)?;
        Ok(judging::grade(asker, prompt, BEST).await?.map(|opinion| {
            let of_judge = opinion.value.map_or(1.0, judged::loss_of_grade);
            Some(of_form.map_or(of_judge, |of_form| of_judge.max(of_form)))
        }))
    }

    fn render(&self, template: &Template, row: &Row) -> Result<String> {
        let prompt = template.render(row).map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })?;
        Ok(prompt.trim_end().to_owned())
    }

    /// The row with what came of the question.
    fn row(&self, mut row: Row, hash: &str, worker: &str, answer: Option<(&Answer, Option<f64>)>) -> Row {
        let into = &self.params.into;
        if into == TEXT {
            let parent = text_of(&row, ID).to_owned();
            row.insert(ID.into(), document_id(&self.stage, &parent).into());
            Origin { worker, recipe: ENTRY.kind, prompt_hash: hash, parents: vec![parent] }.mark(&mut row);
        }
        row.insert(format!("{into}_worker"), worker.into());
        row.insert(into.clone(), answer.map_or(Value::Null, |(answer, _)| answer.text.as_str().into()));
        if self.schema.is_some() {
            row.insert(format!("{into}_repaired"), json!(answer.map(|(answer, _)| answer.repaired)));
        }
        if self.judges() {
            row.insert(self.loss_column(), json!(answer.and_then(|(_, loss)| loss)));
        }
        row
    }
}
