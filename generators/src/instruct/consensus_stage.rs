//! `ensemble_instruct.consensus`: keeps the output that the workers agree on, drops rows on which they do not.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::stream::{self, StreamExt, TryStreamExt};
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::Result;
use gristmill_core::params::{self, ParamError};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink, Stage, StageEntry, StageSpec};
use gristmill_lm::{EmbedRequest, Embedded, WorkerError};
use serde::Deserialize;
use serde_json::{Value, json};

use super::consensus::{Branch, Consensus, Policy, Similarity, Verdict, normalise};
use super::figures;
use crate::kit::rows::{RowReader, RowWriter, extended_schema, number, require_columns, set_instruction, text};
use crate::kit::{Asker, Outcome, Row, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "ensemble_instruct.consensus",
    version: 1,
    about: "Keeps the output that the workers agree on most; drops rows on which some two share nothing.",
    source: "Ensemble-Instruct, Lee et al. 2023, arXiv:2310.13961, algorithm 1; patent application US 2026/0105297 A1",
    takes_input: true,
    params: &[
        ParamDoc {
            name: "policy",
            default: "\"code\"",
            about: "code: the released code; sample: the shipped sample; paper: algorithm 1",
        },
        ParamDoc {
            name: "similarity",
            default: "\"rouge_l\"",
            about: "rouge_l, exact_match, chrf (for scripts without spaces) or embedding (cosine; needs `embedder`)",
        },
        ParamDoc { name: "embedder", default: "none", about: "worker that gives the embeddings" },
        ParamDoc { name: "threshold", default: "0.01", about: "every two outputs must be more similar than this" },
    ],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    policy: Policy,
    #[serde(default)]
    similarity: Similarity,
    embedder: Option<String>,
    #[serde(default = "hundredth")]
    threshold: f64,
}

fn hundredth() -> f64 {
    0.01
}

struct Choose {
    stage: String,
    params: Params,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    match (params.similarity, &params.embedder) {
        (Similarity::Embedding, None) => {
            let cause = "expected the name of a worker: the similarity is that of embeddings";
            return Err(ParamError::at("embedder", cause));
        }
        (Similarity::Embedding, Some(_)) | (_, None) => {}
        (_, Some(_)) => return Err(ParamError::at("embedder", "only similarity = \"embedding\" asks a worker")),
    }
    Ok(Stage::Maker(Arc::new(Choose { stage: spec.name.to_owned(), params })))
}

/// Thresholds at which the report says how many rows would stay.
const OTHER_THRESHOLDS: [f64; 5] = [0.0, 0.01, 0.05, 0.1, 0.2];

#[derive(Default)]
struct Tally {
    rows: u64,
    branches: BTreeMap<&'static str, u64>,
    sources: BTreeMap<String, u64>,
    least: Vec<f64>,
    scores: Vec<f64>,
    equal: u64,
}

impl Tally {
    fn figures(mut self, writer: &mut RowWriter<'_>) {
        let counted = |label: &str, n: u64| json!({ "label": label, "cells": [n] });
        let mut rows: Vec<Value> = self.branches.iter().map(|(branch, n)| counted(branch, *n)).collect();
        rows.extend(self.sources.iter().map(|(worker, n)| counted(&format!("output of {worker}"), *n)));
        self.least.sort_unstable_by(f64::total_cmp);
        for threshold in OTHER_THRESHOLDS {
            let above = self.least.len() - self.least.partition_point(|least| *least <= threshold);
            rows.push(counted(&format!("kept at threshold {threshold}"), self.equal + above as u64));
        }
        let kept = self.rows - self.branches.get("dropped").copied().unwrap_or(0);
        rows.push(json!({ "label": "share kept", "unit": "share", "cells": [figures::share(kept, self.rows)] }));
        let table = json!({
            "title": "consensus", "subject": "figure", "columns": [{ "name": "rows" }], "rows": rows,
            "note": "Exact matches are kept whatever the threshold.",
        });
        writer.figure("consensus", table);
        let rows: [(&str, &[f64], Value); 2] = [
            ("least similarity of two outputs", &self.least, Value::Null),
            ("summed similarity of the output taken", &self.scores, Value::Null),
        ];
        writer.figure("scores", figures::spreads("agreement", "Ensemble-Instruct", &rows));
    }
}

impl Choose {
    fn choose(
        &self,
        consensus: &mut Consensus,
        mut row: Row,
        points: &[Embedded],
        tally: &mut Tally,
    ) -> (Row, Option<(&'static str, Value)>) {
        let (outputs, names) = (list(&row, "outputs"), list(&row, "output_workers"));
        let borrowed: Vec<&str> = outputs.iter().map(String::as_str).collect();
        tally.rows += 1;
        let verdict = consensus.judge(&borrowed, points);
        let text = verdict.text(&borrowed).unwrap_or("").to_owned();
        match verdict {
            Verdict::Keep { chosen, branch, score } => {
                let name = match branch {
                    Branch::FirstEqual => "first equal to another",
                    Branch::OthersEqual => "others equal",
                    Branch::Similarity => "by similarity",
                };
                *tally.branches.entry(name).or_insert(0) += 1;
                let worker = names.get(chosen).cloned().unwrap_or_default();
                *tally.sources.entry(worker.clone()).or_insert(0) += 1;
                match score {
                    None => tally.equal += 1,
                    Some(score) => {
                        tally.least.push(consensus.least());
                        tally.scores.push(score);
                    }
                }
                let (instruction, input) = (text_of(&row, "instruction").to_owned(), text_of(&row, "input").to_owned());
                set_instruction(&mut row, &instruction, &input, &text);
                row.insert("chosen_worker".into(), worker.into());
                row.insert("agreement".into(), json!(score));
                (row, None)
            }
            Verdict::Drop { rule, least } => {
                *tally.branches.entry("dropped").or_insert(0) += 1;
                tally.least.push(least);
                (row, Some((rule, json!({ "least_similarity": least, "outputs": outputs }))))
            }
        }
    }
}

/// The texts in a column of lists.
fn list(row: &Row, key: &str) -> Vec<String> {
    let items = row.get(key).and_then(Value::as_array).into_iter().flatten();
    items.map(|item| item.as_str().unwrap_or("").to_owned()).collect()
}

/// The embeddings of each row's outputs, as they are compared; none where nobody gives such, or nothing is compared.
async fn points(
    embedder: Option<&Asker>,
    consensus: &Consensus,
    rows: &[Row],
) -> Result<Vec<Result<Vec<Embedded>, WorkerError>>> {
    let Some(embedder) = embedder else { return Ok(rows.iter().map(|_| Ok(Vec::new())).collect()) };
    let of_row = |row: &Row| {
        let outputs = list(row, "outputs");
        let is_compared = consensus.compares(&outputs.iter().map(String::as_str).collect::<Vec<_>>());
        let texts: Vec<String> = outputs.iter().filter(|_| is_compared).map(|output| normalise(output)).collect();
        async move {
            let asked = texts.into_iter().map(|text| point(embedder, text));
            let found = futures::future::join_all(asked).await.into_iter().collect::<Result<Vec<_>>>()?;
            Ok(found.into_iter().collect())
        }
    };
    stream::iter(rows.iter().map(of_row)).buffered(embedder.window()).try_collect().await
}

/// A text's embedding. Servers refuse empty texts: nothing is near to one.
async fn point(embedder: &Asker, text: String) -> Result<Result<Embedded, WorkerError>> {
    if text.is_empty() {
        return Ok(Ok(Embedded { vector: Vec::new(), prompt_tokens: 0, cached: true }));
    }
    embedder.embed(EmbedRequest { text, dimensions: None }).await
}

#[async_trait]
impl Maker for Choose {
    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        require_columns(&self.stage, input, &["id", "instruction", "input", "outputs", "output_workers"])?;
        Ok(extended_schema(input, [text("chosen_worker"), number("agreement")]))
    }

    fn rules(&self) -> Vec<String> {
        ["agreed", "output_given"].map(str::to_owned).to_vec()
    }

    fn workers(&self) -> Vec<(String, String)> {
        self.params.embedder.iter().map(|name| ("embedder".to_owned(), name.clone())).collect()
    }

    async fn make(&self, input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        let session = input.session();
        let schema = self.schema(input.frame(&session)?.schema().as_arrow())?;
        let embedder = match &self.params.embedder {
            Some(name) => Some(Asker::open(context, name, &[]).await?),
            None => None,
        };
        let mut writer = RowWriter::new(&self.stage, schema, out);
        let mut consensus = Consensus::new(self.params.policy, self.params.similarity, self.params.threshold);
        let mut tally = Tally::default();
        let mut reader = RowReader::open(input).await?;
        while let Some(rows) = reader.next().await? {
            let points = points(embedder.as_ref(), &consensus, &rows).await?;
            for (row, points) in rows.into_iter().zip(points) {
                let points = match points {
                    Ok(points) => points,
                    Err(error) => {
                        writer.end(Outcome::failed(row, &error))?;
                        continue;
                    }
                };
                match self.choose(&mut consensus, row, &points, &mut tally) {
                    (row, None) => writer.keep(row)?,
                    (row, Some((rule, evidence))) => writer.drop(row, rule, &evidence)?,
                }
            }
        }
        tally.figures(&mut writer);
        writer.finish()
    }
}
