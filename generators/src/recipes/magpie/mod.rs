//! `kind = "magpie"`: instructions that a tuned model says by itself when it is shown nothing but the beginning of a
//! user's turn, with the answers it gives.
//!
//! What the worker must offer: bare text continued as it stands (`/v1/completions`), by a model whose conversation
//! template is known; a server that only converses cannot do it, since it closes the user's turn before the model speaks.
//! For such a server `ask = true` asks in a conversation for a user's message instead: another method with other data,
//! and the column `drawn_by` tells the two apart. Without it the run stops and says so.
//!
//! Source: Magpie, Xu et al. 2024, arXiv:2406.08464, and its released settings: temperature 1, top_p 1, 2048 tokens,
//! answers greedy, good and excellent ones kept, none that ends in a colon. We differ: what is too close to an earlier
//! instruction is told by ROUGE-L, there by the distance of embeddings; tags are difficulty, quality and category;
//! rewards and safety need models of their own and are not measured; longest answers are chosen in a `sql` stage.

mod templates;

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::StreamExt;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::measures::novelty::{NoveltyIndex, NoveltyParams};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, SOURCE, document_id};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink, Stage, StageEntry, StageSpec};
use gristmill_lm::{CompletionRequest, Finish, Prompt, Sampling};
use serde::Deserialize;
use serde_json::{Value, json};

use self::templates::{Turn, family};
use crate::kit::ask::{Reply, failure_rule};
use crate::kit::params::{sampling, template};
use crate::kit::prompt::prompt_hash;
use crate::kit::rows::{Origin, RowWriter, document_schema, instruction_fields, set_instruction, text};
use crate::kit::{Asker, Draws, Row, Template, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "magpie",
    version: 1,
    about: "Instructions that a tuned model says after the mark of a user's turn, and its answers to them.",
    source: "Magpie, Xu et al. 2024, arXiv:2406.08464",
    takes_input: false,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "a tuned model that continues bare text" },
        ParamDoc { name: "n", default: "200", about: "instructions drawn" },
        ParamDoc { name: "template", default: "none", about: "llama3, chatml, gemma, mistral or phi3" },
        ParamDoc {
            name: "pre_query, post_query, stop",
            default: "the template's",
            about: "text before the user's words, between them and the answer, and what ends a turn",
        },
        ParamDoc {
            name: "ask",
            default: "false",
            about: "ask for a user's message in a conversation: for servers that do not continue bare text",
        },
        ParamDoc { name: "topics", default: "[]", about: "with ask: what messages are about, drawn evenly" },
        ParamDoc { name: "novelty", default: "0.7", about: "highest ROUGE-L F with any earlier instruction" },
        ParamDoc { name: "tagger", default: "none", about: "worker that tags; adds difficulty, quality, category" },
        ParamDoc {
            name: "keep_quality",
            default: "[\"good\", \"excellent\"]",
            about: "with tagger: qualities that are kept",
        },
        ParamDoc {
            name: "ask_prompt",
            default: "configs/prompts/recipes/magpie_ask.j2",
            about: "template with `topic`",
        },
        ParamDoc {
            name: "tags_prompt",
            default: "configs/prompts/recipes/magpie_tags.j2",
            about: "template with `instruction`",
        },
        ParamDoc { name: "sampling", default: "temperature 1, max_tokens 2048", about: "how instructions are drawn" },
        ParamDoc { name: "answer_sampling", default: "greedy, max_tokens 2048", about: "how answers are drawn" },
    ],
    build,
};

const RULES: &[&str] =
    &["has_an_instruction", "finished", "no_open_colon", "novel", "answer_given", "answer_finished", "of_good_quality"];
/// Columns that a tagger fills.
const TAGS: [&str; 3] = ["difficulty", "quality", "category"];
/// Instructions whose answers are on their way at a time.
const BLOCK: u64 = 64;
/// Longest reply of a tagger, in tokens.
const TAG_TOKENS: u32 = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: String,
    #[serde(default = "two_hundred")]
    n: u64,
    template: Option<String>,
    pre_query: Option<String>,
    post_query: Option<String>,
    stop: Option<Vec<String>>,
    #[serde(default)]
    ask: bool,
    #[serde(default)]
    topics: Vec<String>,
    #[serde(default = "limit")]
    novelty: f64,
    tagger: Option<String>,
    #[serde(default = "good")]
    keep_quality: Vec<String>,
    ask_prompt: Option<String>,
    tags_prompt: Option<String>,
    sampling: Option<Value>,
    answer_sampling: Option<Value>,
}

fn two_hundred() -> u64 {
    200
}
fn limit() -> f64 {
    0.7
}
fn good() -> Vec<String> {
    ["good", "excellent"].map(str::to_owned).to_vec()
}

struct Magpie {
    stage: String,
    seed: u64,
    params: Params,
    /// None where the worker is asked in a conversation.
    turn: Option<Turn>,
    ask_prompt: Template,
    tags_prompt: Template,
    sampling: Sampling,
    answer_sampling: Sampling,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    Ok(Stage::Maker(Arc::new(recipe(spec)?)))
}

/// The turn that the parameters describe.
fn turn(params: &Params) -> Result<Option<Turn>, ParamError> {
    if params.ask {
        return Ok(None);
    }
    let known = match &params.template {
        None => None,
        Some(name) => Some(family(name).ok_or_else(|| {
            ParamError::at("template", format!("unknown template \"{name}\"; there are {}", templates::names()))
        })?),
    };
    let given = |own: &Option<String>, known: Option<String>| own.clone().or(known).filter(|text| !text.is_empty());
    let pre_query = given(&params.pre_query, known.as_ref().map(|turn| turn.pre_query.clone()));
    let post_query = given(&params.post_query, known.as_ref().map(|turn| turn.post_query.clone()));
    let stop = params.stop.clone().or_else(|| known.map(|turn| turn.stop)).filter(|stop| !stop.is_empty());
    match (pre_query, post_query, stop) {
        (Some(pre_query), Some(post_query), Some(stop)) => Ok(Some(Turn { pre_query, post_query, stop })),
        _ => {
            let cause = format!(
                "expected one of {}, or all of `pre_query`, `post_query` and `stop`; with `ask = true` none is needed",
                templates::names()
            );
            Err(ParamError::at("template", cause))
        }
    }
}

fn recipe(spec: &StageSpec<'_>) -> Result<Magpie, ParamError> {
    let mut params: Params = params::parse(spec.params)?;
    params.n = params.n.min(spec.limit.unwrap_or(u64::MAX));
    let turn = turn(&params)?;
    let stop = turn.as_ref().map_or_else(Vec::new, |turn| turn.stop.clone());
    let own = Sampling { temperature: 1.0, max_tokens: 2048, stop: stop.clone(), ..Sampling::default() };
    let answer_own = Sampling { max_tokens: 2048, stop, ..Sampling::default() };
    Ok(Magpie {
        stage: spec.name.to_owned(),
        seed: spec.seed,
        turn,
        ask_prompt: template(
            spec.reads,
            "ask_prompt",
            params.ask_prompt.as_deref(),
            include_str!("../../../../configs/prompts/recipes/magpie_ask.j2"),
        )?,
        tags_prompt: template(
            spec.reads,
            "tags_prompt",
            params.tags_prompt.as_deref(),
            include_str!("../../../../configs/prompts/recipes/magpie_tags.j2"),
        )?,
        sampling: sampling(&own, params.sampling.as_ref())?,
        answer_sampling: sampling(&answer_own, params.answer_sampling.as_ref())
            .map_err(|e| e.under("answer_sampling"))?,
        params,
    })
}

/// A row that ends, by a rule, with what shows why.
type Dropped = Box<(Row, String, Value)>;

/// A row on its way.
struct Pair {
    row: Row,
    instruction: String,
}

impl Magpie {
    fn render(&self, template: &Template, variables: &Value) -> Result<String> {
        let prompt = template.render(variables).map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })?;
        Ok(prompt.trim_end().to_owned())
    }

    /// The request of instruction number `n`, with what its row begins as.
    fn request(&self, n: u64) -> Result<(Row, CompletionRequest)> {
        let prompt = match &self.turn {
            Some(turn) => Prompt::Text(turn.pre_query.clone()),
            None => {
                let mut draws = Draws::of(self.seed, &[&self.stage, "topic", &n.to_string()]);
                let variables = json!({ "topic": draws.choose(&self.params.topics) });
                Prompt::user(self.render(&self.ask_prompt, &variables)?)
            }
        };
        let mut row = Row::new();
        row.insert(ID.into(), document_id(&self.stage, &n.to_string()).into());
        row.insert(SOURCE.into(), self.stage.as_str().into());
        row.insert("drawn_by".into(), if self.turn.is_some() { "pre_query" } else { "asking" }.into());
        let hash = prompt_hash(&prompt.plain());
        Origin { worker: &self.params.worker, recipe: ENTRY.kind, prompt_hash: &hash, parents: vec![] }.mark(&mut row);
        // All prompts are alike: the number of the draw is what tells them apart.
        let sample = u32::try_from(n).unwrap_or(u32::MAX);
        Ok((row, CompletionRequest::new(prompt, self.sampling.clone()).with_sample(sample)))
    }

    /// The rule an instruction fails.
    fn fault(instruction: &str, finish: Finish, gate: &mut NoveltyIndex) -> Option<&'static str> {
        if !instruction.chars().any(char::is_alphanumeric) {
            Some("has_an_instruction")
        } else if finish == Finish::Length {
            Some("finished")
        } else if instruction.ends_with([':', '：']) {
            Some("no_open_colon")
        } else if !gate.offer(instruction).is_novel() {
            Some("novel")
        } else {
            None
        }
    }

    fn answer_request(&self, instruction: &str) -> CompletionRequest {
        let prompt = match &self.turn {
            Some(turn) => Prompt::Text(format!("{}{instruction}{}", turn.pre_query, turn.post_query)),
            None => Prompt::user(instruction),
        };
        CompletionRequest::new(prompt, self.answer_sampling.clone())
    }

    /// A row with its answer, or the rule it fails.
    fn answered(&self, mut pair: Pair, reply: Reply) -> Result<Pair, Dropped> {
        match reply {
            Err(error) => Err(Box::new((pair.row, failure_rule(&error), json!({ "cause": error.message })))),
            Ok(reply) => {
                let answer = reply.text.trim();
                set_instruction(&mut pair.row, &pair.instruction, "", answer);
                let fails = match (answer.is_empty(), reply.finish) {
                    (true, _) => Some("answer_given"),
                    (_, Finish::Length) => Some("answer_finished"),
                    _ => None,
                };
                match fails {
                    None => Ok(pair),
                    Some(rule) => Err(Box::new((pair.row, rule.to_owned(), json!({ "reply": reply.text })))),
                }
            }
        }
    }

    /// A row with its tags, or the rule it fails.
    fn tagged(&self, mut pair: Pair, reply: Reply) -> Result<Pair, Dropped> {
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => return Err(Box::new((pair.row, failure_rule(&error), json!({ "cause": error.message })))),
        };
        for (key, value) in tags(&reply.text) {
            pair.row.insert(key.into(), value.into());
        }
        let quality = text_of(&pair.row, "quality");
        if self.params.keep_quality.iter().any(|kept| kept.eq_ignore_ascii_case(quality)) {
            Ok(pair)
        } else {
            Err(Box::new((pair.row, "of_good_quality".to_owned(), json!({ "reply": reply.text }))))
        }
    }

    /// Asks about each pair and hands on those that hold.
    async fn step(
        &self,
        asker: &Asker,
        requests: Vec<(Pair, CompletionRequest)>,
        take: impl Fn(Pair, Reply) -> Result<Pair, Dropped>,
        rows: &mut RowWriter<'_>,
    ) -> Result<Vec<Pair>> {
        let mut passed = Vec::new();
        let mut replies = std::pin::pin!(asker.ask_all(requests));
        while let Some(reply) = replies.next().await {
            let (pair, reply) = reply?;
            match take(pair, reply) {
                Ok(pair) => passed.push(pair),
                Err(dropped) => {
                    let (row, rule, evidence) = *dropped;
                    rows.drop(row, &rule, &evidence)?;
                }
            }
        }
        Ok(passed)
    }

    async fn block(
        &self,
        numbers: std::ops::Range<u64>,
        askers: &Askers,
        gate: &mut NoveltyIndex,
        rows: &mut RowWriter<'_>,
    ) -> Result<()> {
        let requests: Vec<_> = numbers.map(|n| self.request(n)).collect::<Result<_>>()?;
        let mut answers = Vec::new();
        let mut replies = std::pin::pin!(askers.worker.ask_all(requests));
        while let Some(reply) = replies.next().await {
            let (mut row, reply) = reply.map_err(|error| self.explained(error))?;
            let reply = match reply {
                Ok(reply) => reply,
                Err(error) => {
                    rows.drop(row, &failure_rule(&error), &json!({ "cause": error.message }))?;
                    continue;
                }
            };
            let instruction = reply.text.trim().to_owned();
            set_instruction(&mut row, &instruction, "", "");
            match Self::fault(&instruction, reply.finish, gate) {
                Some(rule) => rows.drop(row, rule, &json!({ "reply": reply.text }))?,
                None => {
                    let request = self.answer_request(&instruction);
                    answers.push((Pair { row, instruction }, request));
                }
            }
        }
        let mut pairs = self.step(&askers.worker, answers, |pair, reply| self.answered(pair, reply), rows).await?;
        if let Some(tagger) = &askers.tagger {
            let mut requests = Vec::with_capacity(pairs.len());
            for pair in pairs {
                let prompt = self.render(&self.tags_prompt, &json!({ "instruction": pair.instruction }))?;
                let own = Sampling { max_tokens: TAG_TOKENS, ..Sampling::default() };
                requests.push((pair, CompletionRequest::new(Prompt::user(prompt), own)));
            }
            pairs = self.step(tagger, requests, |pair, reply| self.tagged(pair, reply), rows).await?;
        }
        pairs.into_iter().try_for_each(|pair| rows.keep(pair.row))
    }

    /// Says what the worker lacks, where it may be that.
    fn explained(&self, error: Error) -> Error {
        match (error, &self.turn) {
            (Error::Worker { worker, cause }, Some(_)) => Error::Worker {
                worker,
                cause: format!(
                    "{cause} (stage {}: a bare text is to be continued, /v1/completions; with a server that only \
                     converses, set `ask = true`)",
                    self.stage
                ),
            },
            (error, _) => error,
        }
    }
}

/// The opened workers.
struct Askers {
    worker: Asker,
    tagger: Option<Asker>,
}

/// Tags of a reply, a line each, in small letters.
fn tags(reply: &str) -> Vec<(&'static str, String)> {
    let line = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let name = name.trim_matches(|c: char| !c.is_alphabetic());
        let tag = TAGS.iter().find(|tag| name.eq_ignore_ascii_case(tag))?;
        let value = value.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        (!value.is_empty()).then_some((*tag, value))
    };
    reply.lines().filter_map(line).collect()
}

#[async_trait]
impl Maker for Magpie {
    fn schema(&self, _input: &Schema) -> Result<SchemaRef> {
        let own = instruction_fields().into_iter().chain([text("drawn_by")]);
        Ok(document_schema(own.chain(TAGS.map(text))))
    }

    fn rules(&self) -> Vec<String> {
        RULES.iter().map(|rule| (*rule).to_owned()).collect()
    }

    fn workers(&self) -> Vec<(String, String)> {
        let tagger = self.params.tagger.iter().map(|name| ("tagger".to_owned(), name.clone()));
        std::iter::once(("worker".to_owned(), self.params.worker.clone())).chain(tagger).collect()
    }

    async fn make(&self, _input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        let worker = Asker::open(context, &self.params.worker, &[]).await?;
        let tagger = match &self.params.tagger {
            Some(name) => Some(Asker::open(context, name, &[]).await?),
            None => None,
        };
        let askers = Askers { worker, tagger };
        let mut gate = NoveltyIndex::new(NoveltyParams { limit: self.params.novelty, ..NoveltyParams::default() });
        let mut rows = RowWriter::new(&self.stage, self.schema(&Schema::empty())?, out);
        let mut from = 0;
        while from < self.params.n {
            let to = self.params.n.min(from + BLOCK);
            self.block(from..to, &askers, &mut gate, &mut rows).await?;
            from = to;
        }
        rows.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::scripted::said;
    use gristmill_core::stage::Reads;

    fn made(params: &Value) -> Result<Magpie, ParamError> {
        recipe(&StageSpec { name: "m", params, seed: 1, limit: None, reads: &Reads::default() })
    }

    #[test]
    fn a_bare_turn_is_what_is_continued_and_draws_differ_by_their_number() {
        let recipe = made(&json!({ "worker": "w", "template": "llama3" })).unwrap();
        let (row, request) = recipe.request(7).unwrap();
        assert_eq!(request.prompt, Prompt::Text("<|start_header_id|>user<|end_header_id|>\n\n".into()));
        assert_eq!((request.sample, request.sampling.temperature, request.sampling.max_tokens), (7, 1.0, 2048));
        assert_eq!(request.sampling.stop[0], "<|eot_id|>");
        assert_eq!(row["drawn_by"], "pre_query");
        let answer = recipe.answer_request("Why?");
        assert_eq!(answer.sampling.temperature, 0.0);
        assert!(answer.prompt.plain().contains("Why?<|eot_id|><|start_header_id|>assistant"));
        // A server that only converses is asked; a template that is not known is an error that names the known ones.
        let asking = made(&json!({ "worker": "w", "ask": true, "topics": ["tides"] })).unwrap();
        let (row, request) = asking.request(0).unwrap();
        assert!(matches!(request.prompt, Prompt::Chat(_)) && request.prompt.plain().contains("about tides"));
        assert_eq!(row["drawn_by"], "asking");
        for params in [json!({ "worker": "w", "template": "lama" }), json!({ "worker": "w", "pre_query": "U:" })] {
            assert!(made(&params).err().unwrap().message.contains("llama3, chatml"));
        }
    }

    #[test]
    fn what_is_cut_open_or_said_before_is_no_instruction() {
        let mut gate = NoveltyIndex::new(NoveltyParams::default());
        let mut fault = |text: &str, finish| Magpie::fault(text, finish, &mut gate);
        assert_eq!(fault("Why is the sea salty?", Finish::Stop), None);
        assert_eq!(fault("Why is the sea so salty?", Finish::Stop), Some("novel"));
        assert_eq!(fault("Sort these:", Finish::Stop), Some("no_open_colon"));
        assert_eq!(fault("Tell me", Finish::Length), Some("finished"));
        assert_eq!(fault("?!", Finish::Stop), Some("has_an_instruction"));
    }

    #[test]
    fn a_tagger_decides_by_quality() {
        let recipe = made(&json!({ "worker": "w", "template": "chatml", "tagger": "t" })).unwrap();
        let tagged = |reply: &str| {
            let pair = Pair { row: Row::new(), instruction: "Why?".into() };
            recipe.tagged(pair, Ok(said(reply))).map(|pair| pair.row).map_err(|dropped| dropped.1)
        };
        let row = tagged("difficulty: Easy\n- quality: **Good**\nmood: fine\ncategory: the sea").unwrap();
        assert_eq!(
            (&row["difficulty"], &row["quality"], &row["category"]),
            (&json!("easy"), &json!("good"), &json!("the sea"))
        );
        assert_eq!(tagged("quality: poor").unwrap_err(), "of_good_quality");
        assert_eq!(tagged("nothing of the kind").unwrap_err(), "of_good_quality");
    }
}
