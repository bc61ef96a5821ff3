//! `kind = "ask"`: a question of your own about every row, answered by one worker or by the one that suits the row.
//!
//! The recipe for what no other recipe is for: labels, summaries, rewrites. The prompt is a template over the row's
//! columns. With `schema` the reply is JSON that fits it: servers that can are held to it, every reply is checked, one
//! that does not fit is asked for once more with what is wrong, and then the row ends in the ledger. With several workers
//! `route` says which of them is asked; the choice, why, and what was predicted stay beside the reply.
//!
//! Source: of the learned route, Hari and Thomson 2023, "Tryage", arXiv:2308.11601; of the cheapest that will do, Chen et
//! al. 2023, "FrugalGPT", arXiv:2305.05176. We differ: a reply's loss is whether it fits its schema and what a judge says
//! of it, on this run's own rows, and not a model's loss on a benchmark.

mod judged;
mod routed;

use std::sync::Arc;

use arrow::datatypes::{Schema as Columns, SchemaRef};
use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, TEXT, document_id};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink, Stage, StageEntry, StageSpec};
use gristmill_lm::route::{Learned, Policy};
use gristmill_lm::structured::Schema;
use gristmill_lm::{CompletionRequest, Prompt, Sampling};
use serde::Deserialize;
use serde_json::{Value, json};

use self::judged::{Judge, JudgeParams};
use self::routed::{Answer, Asked, Route};
use crate::kit::params::{Names, sampling, template};
use crate::kit::per_row::fitting_documents;
use crate::kit::prompt::prompt_hash;
use crate::kit::rows::{Origin, RowReader, RowWriter, claim, extended_schema, number, require_columns, text};
use crate::kit::{Outcome, Row, Template, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "ask",
    version: 1,
    about: "A prompt of your own about every row: a text, or JSON of a schema; one worker, or a route over several.",
    source: "Tryage, Hari and Thomson 2023, arXiv:2308.11601; FrugalGPT, Chen et al. 2023, arXiv:2305.05176",
    takes_input: true,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "a worker, or a list that `route` chooses from" },
        ParamDoc { name: "prompt", default: "required", about: "file with a template over the row's columns" },
        ParamDoc { name: "schema", default: "none", about: "JSON Schema that the reply must fit" },
        ParamDoc {
            name: "into",
            default: "\"reply\"",
            about: "column of the reply; \"text\" makes a new document of it, with the row as its parent",
        },
        ParamDoc {
            name: "route",
            default: "\"round_robin\"",
            about: "round_robin, least_loaded, cheapest_ok (the next one when a reply fails) or learned",
        },
        ParamDoc {
            name: "learned",
            default: "{ lambda_cost = 0, lambda_latency = 0, lambda_size = 0, min_judged = 20, explore = 0.05, n_hashed = 64, ridge = 1 }",
            about: "of the learned route: what weighs against a worker's predicted loss, and how it is learnt",
        },
        ParamDoc {
            name: "fit_rows",
            default: "128",
            about: "rows between two fits of the learned route; choices within them do not see each other",
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

/// Rows worked on at a time: their requests fill the workers' places, their texts are what memory holds.
const WINDOW: usize = 128;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: Names,
    prompt: String,
    schema: Option<Value>,
    #[serde(default = "reply_column")]
    into: String,
    #[serde(default)]
    route: Policy,
    #[serde(default)]
    learned: Learned,
    #[serde(default = "window")]
    fit_rows: usize,
    judge: Option<JudgeParams>,
    sampling: Option<Value>,
}

fn reply_column() -> String {
    "reply".to_owned()
}
fn window() -> usize {
    WINDOW
}

struct Ask {
    stage: String,
    workers: Vec<String>,
    params: Params,
    schema: Option<Arc<Schema>>,
    prompt: Template,
    judge: Option<Judge>,
    sampling: Sampling,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let mut params: Params = params::parse(spec.params)?;
    let schema = params.schema.take().map(Schema::new).transpose();
    let schema = schema.map_err(|error| ParamError::at("schema", error.to_string()))?;
    let workers = params.worker.list();
    let refuse = |key: &str, cause: &str| Err(ParamError::at(key, cause));
    if workers.is_empty() {
        return refuse("worker", "expected at least one worker");
    }
    if params.route == Policy::Learned && schema.is_none() && params.judge.is_none() {
        return refuse("route", "a learned route learns from judged replies: give it a `schema` or a `judge`");
    }
    if params.fit_rows == 0 {
        return refuse("fit_rows", "expected fit_rows of 1 or more");
    }
    let ask = Ask {
        stage: spec.name.to_owned(),
        workers,
        prompt: template("prompt", Some(&params.prompt), "")?,
        judge: params.judge.take().map(Judge::new).transpose()?,
        sampling: sampling(&Sampling::default(), params.sampling.as_ref())?,
        schema: schema.map(Arc::new),
        params,
    };
    Ok(Stage::Maker(Arc::new(Kind(Arc::new(ask)))))
}

/// The stage: its rows are worked on by tasks of their own, which share it.
struct Kind(Arc<Ask>);

#[async_trait]
impl Maker for Kind {
    fn schema(&self, input: &Columns) -> Result<SchemaRef> {
        require_columns(&self.0.stage, input, &[ID])?;
        let into = &self.0.params.into;
        let own = ["worker", "route"].map(|what| text(&format!("{into}_{what}")));
        let mut own: Vec<_> = [text(into)].into_iter().chain(own).collect();
        if self.0.schema.is_some() {
            own.push(claim(&format!("{into}_repaired")));
        }
        if self.0.is_judged() {
            own.push(number(&format!("{into}_loss")));
        }
        Ok(extended_schema(input, own))
    }

    fn rules(&self) -> Vec<String> {
        Vec::new()
    }

    fn workers(&self) -> Vec<(String, String)> {
        let judge = self.0.judge.iter().map(|judge| ("judge".to_owned(), judge.worker().to_owned()));
        self.0.workers.iter().map(|name| ("worker".to_owned(), name.clone())).chain(judge).collect()
    }

    async fn make(&self, input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        let ask = &self.0;
        let session = input.session();
        let schema = self.schema(input.frame(&session)?.schema().as_arrow())?;
        let documents = fitting_documents(input).await?;
        let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
        let route = Arc::new(ask.open(context, &documents).await?);
        let mut writer = RowWriter::new(&ask.stage, schema, out);
        // Only what is learnt must not depend on which reply comes first.
        let n_together = if ask.params.route == Policy::Learned { ask.params.fit_rows } else { usize::MAX };
        let (mut n, mut reader) = (0, RowReader::open(input).await?);
        while let Some(mut rows) = reader.next().await? {
            while !rows.is_empty() {
                let rest = rows.split_off(n_together.min(rows.len()));
                let numbered = (n..).zip(std::mem::replace(&mut rows, rest));
                let mut outcomes = stream::iter(numbered)
                    .map(|(number, row)| {
                        let (ask, route) = (Arc::clone(ask), Arc::clone(&route));
                        tokio::spawn(async move { ask.work(number, row, &route).await })
                    })
                    .buffered(WINDOW);
                while let Some(done) = outcomes.next().await {
                    n += 1;
                    match done.map_err(|e| Error::Bug(format!("a row's task died: {e}")))?? {
                        Outcome::Keep(row) => writer.keep(row)?,
                        Outcome::Drop(row, rule, evidence) => writer.drop(row, &rule, &evidence)?,
                    }
                }
                route.learn();
            }
        }
        writer.finish()
    }
}

impl Ask {
    fn is_judged(&self) -> bool {
        self.schema.is_some() || self.judge.is_some()
    }

    async fn open(&self, context: &MakeContext, documents: &[&str]) -> Result<Route> {
        let judge = self.judge.as_ref().map(Judge::worker);
        Route::open(context, &self.workers, judge, self.params.route, self.params.learned.clone(), documents).await
    }

    /// Asks about row number `n`, judges the reply and says what becomes of the row.
    async fn work(&self, n: u64, row: Row, route: &Route) -> Result<Outcome> {
        let prompt = self.render(&self.prompt, &row)?;
        let hash = prompt_hash(&prompt);
        let request = CompletionRequest::new(Prompt::user(prompt.clone()), self.sampling.clone());
        let asked = route.ask(n, &request, self.schema.clone()).await?;
        let Asked { answer, worker, told } = asked;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                // A reply that cannot be used is the worst there is; one that never came says nothing.
                if self.schema.is_some() && error.failure == gristmill_lm::Failure::Malformed {
                    route.judge(n, &worker, &prompt, 1.0, 0);
                }
                return Ok(Outcome::failed(self.row(row, &hash, &worker, told, None), &error));
            }
        };
        let loss = match self.loss(&row, &answer, route).await? {
            Ok(loss) => loss,
            Err(error) => {
                return Ok(Outcome::failed(self.row(row, &hash, &worker, told, Some((&answer, None))), &error));
            }
        };
        if let Some(loss) = loss {
            route.judge(n, &worker, &prompt, loss, answer.latency_ms);
        }
        Ok(Outcome::Keep(self.row(row, &hash, &worker, told, Some((&answer, loss)))))
    }

    /// How bad a reply is, from 0 to 1; none where nobody judges. A repaired reply has lost half of what a schema gives.
    async fn loss(
        &self,
        row: &Row,
        answer: &Answer,
        route: &Route,
    ) -> Result<Result<Option<f64>, gristmill_lm::WorkerError>> {
        let of_form = self.schema.as_ref().map(|_| if answer.repaired { 0.5 } else { 0.0 });
        let Some(judge) = &self.judge else { return Ok(Ok(of_form)) };
        let mut shown = row.clone();
        shown.insert("reply".into(), answer.text.as_str().into());
        let prompt = self.render(judge.prompt(), &shown)?;
        Ok(route.grade(prompt).await?.map(|grade| {
            let of_judge = grade.map_or(1.0, judged::loss_of_grade);
            Some(of_form.map_or(of_judge, |of_form| of_judge.max(of_form)))
        }))
    }

    fn render(&self, template: &Template, row: &Row) -> Result<String> {
        let prompt = template.render(row).map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })?;
        Ok(prompt.trim_end().to_owned())
    }

    /// The row with what came of the question.
    fn row(&self, mut row: Row, hash: &str, worker: &str, told: Value, answer: Option<(&Answer, Option<f64>)>) -> Row {
        let into = &self.params.into;
        if into == TEXT {
            let parent = text_of(&row, ID).to_owned();
            row.insert(ID.into(), document_id(&self.stage, &parent).into());
            Origin { worker, recipe: ENTRY.kind, prompt_hash: hash, parents: vec![parent] }.mark(&mut row);
        }
        row.insert(format!("{into}_worker"), worker.into());
        row.insert(format!("{into}_route"), if told.is_null() { told } else { told.to_string().into() });
        row.insert(into.clone(), answer.map_or(Value::Null, |(answer, _)| answer.text.as_str().into()));
        if self.schema.is_some() {
            row.insert(format!("{into}_repaired"), json!(answer.map(|(answer, _)| answer.repaired)));
        }
        if self.is_judged() {
            row.insert(format!("{into}_loss"), json!(answer.and_then(|(_, loss)| loss)));
        }
        row
    }
}
