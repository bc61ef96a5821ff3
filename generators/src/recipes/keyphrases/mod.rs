//! `kind = "keyphrases"`: the key phrases of each text, split into those it uses and those it does not.
//!
//! With phrases that people gave (`gold_column`) every row gets its exact scores, and the report their means.
//!
//! Source: key phrase generation and its scoring; see `scores.rs`. The prompt is ours.

mod scores;

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, LICENSE, SOURCE, TEXT, URL, document_id};
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use gristmill_lm::{Completion, CompletionRequest, Finish, Prompt, Sampling};
use serde::Deserialize;
use serde_json::{Value, json};

use self::scores::{Split, f1, split};
use crate::kit::params::{sampling, template};
use crate::kit::prompt::prompt_hash;
use crate::kit::rows::{Origin, document_schema, instruction_fields, number, require_columns, set_instruction, texts};
use crate::kit::{Outcome, Panel, PerRow, Row, RowRecipe, Tally, Template, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "keyphrases",
    version: 1,
    about: "Key phrases of each text, present and absent ones; exact scores where people gave some.",
    source: "key phrase generation, Meng et al. 2017, arXiv:1704.06879; scores as in Yuan et al. 2020, arXiv:1810.05241",
    takes_input: true,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "names phrases" },
        ParamDoc { name: "n_phrases", default: "10", about: "phrases asked for" },
        ParamDoc { name: "max_phrase_words", default: "6", about: "longer lines are not taken for phrases" },
        ParamDoc {
            name: "gold_column",
            default: "none",
            about: "column with given phrases: a list, or a text with semicolons or line breaks between them",
        },
        ParamDoc {
            name: "instruction",
            default: "\"List the key phrases of the text.\"",
            about: "the instruction of the rows made",
        },
        ParamDoc {
            name: "prompt",
            default: "configs/prompts/recipes/keyphrases.j2",
            about: "template with `text`, `n_phrases`",
        },
        ParamDoc { name: "sampling", default: "greedy, max_tokens 200", about: "how replies are drawn" },
    ],
    build,
};

const SCORES: [&str; 4] = ["present_f1_at_5", "present_f1_at_all", "absent_f1_at_5", "absent_f1_at_all"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: String,
    #[serde(default = "ten")]
    n_phrases: usize,
    #[serde(default = "six")]
    max_phrase_words: usize,
    gold_column: Option<String>,
    #[serde(default = "instruction")]
    instruction: String,
    prompt: Option<String>,
    sampling: Option<Value>,
}

fn ten() -> usize {
    10
}
fn six() -> usize {
    6
}
fn instruction() -> String {
    "List the key phrases of the text.".to_owned()
}

struct Keyphrases {
    stage: String,
    prompt: Template,
    sampling: Sampling,
    params: Params,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    Ok(Stage::Maker(Arc::new(PerRow(Arc::new(recipe(spec)?)))))
}

fn recipe(spec: &StageSpec<'_>) -> Result<Keyphrases, ParamError> {
    let params: Params = params::parse(spec.params)?;
    let own = Sampling { max_tokens: 200, ..Sampling::default() };
    let builtin = include_str!("../../../../configs/prompts/recipes/keyphrases.j2");
    Ok(Keyphrases {
        stage: spec.name.to_owned(),
        prompt: template(spec.reads, "prompt", params.prompt.as_deref(), builtin)?,
        sampling: sampling(&own, params.sampling.as_ref())?,
        params,
    })
}

/// Phrases of a list: one per line or between semicolons, without numbers, bullets and full stops.
fn phrases(list: &str, max_words: usize) -> Vec<String> {
    let pieces = list.split(['\n', ';', '；']).map(|piece| {
        let piece = piece.trim_start_matches(|c: char| c.is_ascii_digit() || c.is_whitespace() || ".)-*•".contains(c));
        piece.trim().trim_end_matches(['.', ',']).to_owned()
    });
    pieces.filter(|phrase| (1..=max_words).contains(&phrase.split_whitespace().count())).collect()
}

impl Keyphrases {
    /// The phrases of a reply; the last one of a reply that was cut may be half of one.
    fn read(&self, reply: &Completion) -> Vec<String> {
        let mut found = phrases(&reply.text, self.params.max_phrase_words);
        if reply.finish == Finish::Length {
            found.pop();
        }
        found
    }

    fn given(&self, row: &Row) -> Option<Vec<String>> {
        let value = row.get(self.params.gold_column.as_ref()?)?;
        Some(match value {
            Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            other => phrases(other.as_str().unwrap_or(""), usize::MAX),
        })
    }

    fn row(&self, parent: &Row, hash: &str, found: &Split) -> Row {
        let (id, text) = (text_of(parent, ID), text_of(parent, TEXT));
        let mut row = Row::new();
        row.insert(ID.into(), document_id(&self.stage, id).into());
        for column in [SOURCE, LICENSE, URL] {
            row.insert(column.into(), parent.get(column).cloned().unwrap_or(Value::Null));
        }
        let all: Vec<&str> = found.present.iter().chain(&found.absent).map(String::as_str).collect();
        set_instruction(&mut row, &self.params.instruction, text, &all.join("; "));
        row.insert("present".into(), json!(found.present));
        row.insert("absent".into(), json!(found.absent));
        if let Some(given) = self.given(parent) {
            let given = split(&given, text);
            let scores = [f1(&found.present, &given.present), f1(&found.absent, &given.absent)];
            let scores = scores.into_iter().flat_map(|pair| pair.map_or([None, None], |pair| pair.map(Some)));
            SCORES.iter().zip(scores).for_each(|(name, score)| _ = row.insert((*name).into(), json!(score)));
        }
        let parents = vec![id.to_owned()];
        Origin { worker: &self.params.worker, recipe: ENTRY.kind, prompt_hash: hash, parents }.mark(&mut row);
        row
    }
}

/// Scores of the rows that have some, and numbers of phrases.
#[derive(Default)]
struct Scores {
    rows: u64,
    n_phrases: [u64; 2],
    scores: [Vec<f64>; 4],
}

impl Tally for Scores {
    fn see(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            let Outcome::Keep(row) = outcome else { continue };
            self.rows += 1;
            for (n, key) in self.n_phrases.iter_mut().zip(["present", "absent"]) {
                *n += row.get(key).and_then(Value::as_array).map_or(0, Vec::len) as u64;
            }
            for (scores, name) in self.scores.iter_mut().zip(SCORES) {
                scores.extend(row.get(name).and_then(Value::as_f64));
            }
        }
    }

    fn figures(self: Box<Self>) -> Vec<(&'static str, Value)> {
        let mean = |scores: &Vec<f64>| (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64);
        let [present, absent] = self.n_phrases;
        let mut rows = vec![
            json!({ "label": "texts", "cells": [self.rows] }),
            json!({ "label": "phrases that their text uses", "cells": [present] }),
            json!({ "label": "phrases that it does not", "cells": [absent] }),
        ];
        let scored = SCORES.iter().zip(&self.scores).filter(|(_, scores)| !scores.is_empty());
        rows.extend(scored.map(|(name, scores)| json!({ "label": name, "cells": [mean(scores), scores.len()] })));
        let table = json!({
            "title": "key phrases", "subject": "figure", "columns": [{ "name": "mean or number" }, { "name": "texts" }],
            "rows": rows,
        });
        vec![("key phrases", table)]
    }
}

#[async_trait]
impl RowRecipe for Keyphrases {
    fn stage(&self) -> &str {
        &self.stage
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        require_columns(&self.stage, input, &[ID, TEXT])?;
        if let Some(gold) = &self.params.gold_column {
            require_columns(&self.stage, input, &[gold])?;
        }
        let own = instruction_fields().into_iter().chain([texts("present"), texts("absent")]);
        Ok(document_schema(own.chain(SCORES.map(number))))
    }

    fn rules(&self) -> Vec<String> {
        ["has_text", "reply_has_phrases"].map(str::to_owned).to_vec()
    }

    fn workers(&self) -> Vec<(String, String)> {
        vec![("worker".to_owned(), self.params.worker.clone())]
    }

    fn tally(&self) -> Option<Box<dyn Tally>> {
        Some(Box::<Scores>::default())
    }

    async fn work(&self, _n: u64, row: Row, workers: &Panel) -> Result<Vec<Outcome>> {
        let text = text_of(&row, TEXT).trim();
        if text.is_empty() {
            return Ok(vec![Outcome::drop(self.row(&row, "", &Split::default()), "has_text", json!({}))]);
        }
        let prompt = self.prompt.render(&json!({ "text": text, "n_phrases": self.params.n_phrases }));
        let prompt = prompt.map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })?;
        let hash = prompt_hash(&prompt);
        let request = CompletionRequest::new(Prompt::user(prompt.trim_end()), self.sampling.clone());
        let reply = match workers.askers[0].ask(request).await? {
            Ok(reply) => reply,
            Err(error) => return Ok(vec![Outcome::failed(self.row(&row, &hash, &Split::default()), &error)]),
        };
        let found = split(&self.read(&reply), text);
        let made = self.row(&row, &hash, &found);
        Ok(vec![match found == Split::default() {
            true => Outcome::drop(made, "reply_has_phrases", json!({ "reply": reply.text })),
            false => Outcome::Keep(made),
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::scripted::{Scripted, cut, panel, said};
    use gristmill_core::stage::Reads;

    #[tokio::test]
    async fn phrases_are_read_split_and_scored() {
        let worker = Scripted::new(|request| match request.prompt.plain().contains("mills") {
            true => cut("1. Tidal mills\n2) the ebb.\n- power of the sea\nsluices and g"),
            false => said("\n\n"),
        });
        let params = json!({ "worker": "w", "gold_column": "given" });
        let recipe =
            recipe(&StageSpec { name: "k", params: &params, seed: 1, limit: None, reads: &Reads::default() }).unwrap();
        let row =
            |text: &str| json!({ "id": "d", "text": text, "given": "tidal mill; ebb" }).as_object().unwrap().clone();
        let outcomes = recipe.work(0, row("Tidal mills use the ebb."), &panel(&[&worker])).await.unwrap();
        let Outcome::Keep(made) = &outcomes[0] else { panic!("it has phrases") };
        assert_eq!(made["present"], json!(["Tidal mills", "the ebb"]));
        assert_eq!((&made["absent"], &made["parents"]), (&json!(["power of the sea"]), &json!(["d"])));
        // One of two right, two given: P 1/2, R 1/2. No absent phrase is given, so there is no score of them.
        assert_eq!((made["present_f1_at_all"].as_f64(), made["absent_f1_at_5"].as_f64()), (Some(0.5), None));
        let outcomes = recipe.work(1, row("Nothing."), &panel(&[&worker])).await.unwrap();
        assert!(matches!(&outcomes[0], Outcome::Drop(_, rule, _) if rule == "reply_has_phrases"));
    }
}
