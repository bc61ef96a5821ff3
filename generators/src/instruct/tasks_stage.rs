//! `self_instruct.tasks`: whole tasks, several in a reply: the variant of Self-Instruct that made Alpaca's data.
//!
//! One request gives instruction, input and output of about twenty tasks, where Self-Instruct asks for each in turn: a
//! tenth of the requests, and a stronger model is needed. Only seeds are shown, never the worker's own tasks.
//!
//! Source: Stanford Alpaca (Taori et al. 2023, github.com/tatsu-lab/stanford_alpaca): 3 demonstrations, 20 tasks,
//! temperature 1, top_p 1, 3072 tokens, ROUGE-L above 0.7 dropped. As released, the stop texts end a reply before task 20
//! and token 50256 of GPT-3's vocabulary is forbidden; the default stops after task 20 and forbids no token.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::StreamExt;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::measures::novelty::NoveltyParams;
use gristmill_core::measures::tokens::{Stemmer, Tokenizer};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, SOURCE, document_id};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink, Stage, StageEntry, StageSpec};
use gristmill_lm::{Completion, CompletionRequest, Finish, Prompt, Sampling};
use serde::Deserialize;
use serde_json::{Value, json};

use super::candidates::InstructionRules;
use super::figures;
use super::instances::Compat;
use super::seeds::{Seed, Which, seeds};
use super::whole_tasks::{NO_INPUT, Piece, RULES, TaskGate, Verdict, WholeTask, pieces, rules};
use crate::kit::ask::{Reply, failure_rule};
use crate::kit::params::{sampling, template};
use crate::kit::prompt::prompt_hash;
use crate::kit::rows::{
    Origin, RowWriter, count, document_schema, instruction_fields, number, read_rows, set_instruction, text,
};
use crate::kit::{Asker, Draws, Row, Template};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "self_instruct.tasks",
    version: 1,
    about: "Whole tasks, several in a reply, from a few seeds (Alpaca's variant); each must be usable and unlike all before.",
    source: "Stanford Alpaca, Taori et al. 2023, after Self-Instruct, Wang et al. 2023, arXiv:2212.10560",
    takes_input: true,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "writes tasks" },
        ParamDoc { name: "n", default: "100", about: "tasks wanted; the round that reaches it is kept whole" },
        ParamDoc { name: "max_rounds", default: "n", about: "rounds after which it stops in any case" },
        ParamDoc { name: "round_prompts", default: "5", about: "prompts per round, asked side by side" },
        ParamDoc { name: "n_demos", default: "3", about: "seed tasks shown in a prompt" },
        ParamDoc { name: "n_tasks", default: "20", about: "number of the last task of a list, demonstrations counted" },
        ParamDoc { name: "seeds", default: "\"all\"", about: "all, with_input, without_input, classification" },
        ParamDoc { name: "novelty", default: "0.7", about: "highest ROUGE-L F with any earlier instruction" },
        ParamDoc {
            name: "rules",
            default: "the released code's",
            about: "table of what is usable: min_words, max_words, unsuitable_words, …",
        },
        ParamDoc {
            name: "compat",
            default: "\"mended\"",
            about: "released: rouge-score's tokens, ASCII starts, empty outputs kept, its stop texts and logit_bias",
        },
        ParamDoc {
            name: "chat",
            default: "false",
            about: "ask in the worker's conversation template, not as bare text",
        },
        ParamDoc {
            name: "prompt",
            default: "configs/prompts/self_instruct/tasks.j2",
            about: "template with `demos`, `n_tasks`, `next`, `no_input`",
        },
        ParamDoc { name: "sampling", default: "temperature 1, max_tokens 3072", about: "how replies are drawn" },
    ],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: String,
    #[serde(default = "hundred")]
    n: u64,
    max_rounds: Option<u64>,
    #[serde(default = "five")]
    round_prompts: u64,
    #[serde(default = "three")]
    n_demos: usize,
    #[serde(default = "twenty")]
    n_tasks: usize,
    #[serde(default)]
    seeds: Which,
    #[serde(default = "limit")]
    novelty: f64,
    rules: Option<Value>,
    #[serde(default)]
    compat: Compat,
    #[serde(default)]
    chat: bool,
    prompt: Option<String>,
    sampling: Option<Value>,
}

fn hundred() -> u64 {
    100
}
fn five() -> u64 {
    5
}
fn three() -> usize {
    3
}
fn twenty() -> usize {
    20
}
fn limit() -> f64 {
    0.7
}

/// The end of a text in GPT-3's vocabulary.
const GPT3_END: &str = "50256";

struct Tasks {
    stage: String,
    seed: u64,
    rules: InstructionRules,
    novelty: NoveltyParams,
    template: Template,
    sampling: Sampling,
    params: Params,
}

fn own_sampling(params: &Params) -> Sampling {
    let base = Sampling { temperature: 1.0, max_tokens: 3072, ..Sampling::default() };
    match params.compat {
        Compat::Mended => Sampling { stop: vec![format!("\n{}.", params.n_tasks + 1)], ..base },
        Compat::Released => {
            let n = params.n_tasks;
            let stop = vec![format!("\n{n}"), format!("{n}."), format!("{n}.")];
            Sampling { stop, logit_bias: BTreeMap::from([(GPT3_END.to_owned(), -100.0)]), ..base }
        }
    }
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    Ok(Stage::Maker(Arc::new(tasks(spec)?)))
}

fn tasks(spec: &StageSpec<'_>) -> Result<Tasks, ParamError> {
    let mut params: Params = params::parse(spec.params)?;
    params.n = params.n.min(spec.limit.unwrap_or(u64::MAX));
    if params.round_prompts == 0 {
        return Err(ParamError::at("round_prompts", "expected 1 or more"));
    }
    if params.n_tasks <= params.n_demos {
        return Err(ParamError::at("n_tasks", "expected more than `n_demos`: the demonstrations are counted"));
    }
    let released = params.compat == Compat::Released;
    let own = InstructionRules { ascii_start: released, ..rules() };
    let rules = match &params.rules {
        None => own,
        Some(over) => params::parse(over).map_err(|e| e.under("rules"))?,
    };
    let tokenizer = if released { Tokenizer::RougeScore } else { Tokenizer::ScriptAware };
    let builtin = include_str!("../../../configs/prompts/self_instruct/tasks.j2");
    Ok(Tasks {
        stage: spec.name.to_owned(),
        seed: spec.seed,
        rules,
        novelty: NoveltyParams { limit: params.novelty, tokenizer, stemmer: Stemmer::None },
        template: template(spec.reads, "prompt", params.prompt.as_deref(), builtin)?,
        sampling: sampling(&own_sampling(&params), params.sampling.as_ref())?,
        params,
    })
}

/// What the report needs, counted on the way.
#[derive(Default)]
struct Tally {
    completions: u64,
    unfinished: u64,
    pieces: u64,
    kept: u64,
    without_input: u64,
    dropped: BTreeMap<String, u64>,
    closest: Vec<f64>,
    words: [Vec<f64>; 3],
    diversity: figures::Diversity,
}

impl Tally {
    fn keep(&mut self, task: &WholeTask) {
        self.kept += 1;
        self.without_input += u64::from(task.input.is_empty());
        self.diversity.add(&task.instruction);
        for (words, part) in self.words.iter_mut().zip([&task.instruction, &task.input, &task.output]) {
            if !part.is_empty() {
                words.push(figures::n_words(part));
            }
        }
    }

    fn figures(&self, writer: &mut RowWriter<'_>, rounds: u64) {
        let unwhole = ["reply_has_tasks", "finished", "whole_task"].map(|rule| self.dropped.get(rule).unwrap_or(&0));
        let whole = self.pieces - unwhole.into_iter().sum::<u64>();
        let rows = [
            ("completions", json!(self.completions), Value::Null),
            ("rounds", json!(rounds), Value::Null),
            ("pieces of replies", json!(self.pieces), Value::Null),
            ("share of pieces that are whole tasks", figures::share(whole, self.pieces), Value::Null),
            ("kept", json!(self.kept), json!(52_002)),
            ("kept per completion", figures::share(self.kept, self.completions), Value::Null),
            ("share without input", figures::share(self.without_input, self.kept), Value::Null),
            ("share of replies cut at their longest", figures::share(self.unfinished, self.completions), Value::Null),
        ];
        writer.figure("tasks", figures::table("tasks", "Alpaca", &rows, "Alpaca's 52,002 tasks are its released set."));
        writer.figure("tasks by rule", figures::by_rule("tasks dropped, by rule", RULES, &self.dropped));
        writer.figure("closest", figures::tenths("similarity to the closest earlier instruction", &self.closest));
        let [instruction, input, output] = &self.words;
        let rows: [(&str, &[f64], Value); 3] = [
            ("words of an instruction", instruction, Value::Null),
            ("words of an input that is not empty", input, Value::Null),
            ("words of an output", output, Value::Null),
        ];
        writer.figure("lengths", figures::spreads("lengths", "Alpaca", &rows));
        writer.figure("diversity", self.diversity.table("Self-Instruct"));
    }
}

/// A request on its way.
struct Asked {
    round: u64,
    i: u64,
    hash: String,
}

impl Tasks {
    fn schema() -> SchemaRef {
        let own = instruction_fields();
        let more = [number("closest_similarity"), text("closest"), count("round")];
        document_schema(own.into_iter().chain(more))
    }

    fn max_rounds(&self) -> u64 {
        self.params.max_rounds.unwrap_or(self.params.n.max(1))
    }

    fn request(&self, seeds: &[Seed], round: u64, i: u64) -> Result<(Asked, CompletionRequest)> {
        let mut draws = Draws::of(self.seed, &[&self.stage, "demos", &round.to_string(), &i.to_string()]);
        let demos: Vec<Value> = draws.sample(seeds, self.params.n_demos).into_iter().map(demo).collect();
        let variables = json!({
            "demos": demos, "n_tasks": self.params.n_tasks, "next": demos.len() + 1, "no_input": NO_INPUT,
        });
        let prompt = self.template.render(&variables);
        let prompt = prompt.map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })?;
        let prompt = prompt.trim_end().to_owned();
        let hash = prompt_hash(&prompt);
        let prompt = if self.params.chat { Prompt::user(prompt) } else { Prompt::Text(prompt) };
        let request = CompletionRequest::new(prompt, self.sampling.clone());
        Ok((Asked { round, i, hash }, request.with_sample(u32::try_from(round).unwrap_or(u32::MAX))))
    }

    fn row(&self, asked: &Asked, piece: usize, task: &WholeTask) -> Row {
        let mut row = Row::new();
        let locator = format!("{}#{}#{piece}", asked.round, asked.i);
        row.insert(ID.into(), document_id(&self.stage, &locator).into());
        row.insert(SOURCE.into(), self.stage.as_str().into());
        row.insert("round".into(), asked.round.into());
        set_instruction(&mut row, &task.instruction, &task.input, &task.output);
        Origin { worker: &self.params.worker, recipe: ENTRY.kind, prompt_hash: &asked.hash, parents: vec![] }
            .mark(&mut row);
        row
    }

    fn take(
        &self,
        asked: &Asked,
        reply: Reply,
        gate: &mut TaskGate,
        tally: &mut Tally,
        writer: &mut RowWriter<'_>,
    ) -> Result<()> {
        tally.completions += 1;
        let Completion { text, finish, .. } = match reply {
            Ok(reply) => reply,
            Err(error) => {
                let rule = failure_rule(&error);
                *tally.dropped.entry(rule.clone()).or_insert(0) += 1;
                let row = self.row(asked, 0, &WholeTask::default());
                return writer.drop(row, &rule, &json!({ "cause": error.message }));
            }
        };
        tally.unfinished += u64::from(finish == Finish::Length);
        for (i, piece) in pieces(&text, finish).into_iter().enumerate() {
            tally.pieces += 1;
            let (task, verdict) = match piece {
                Piece::Not(rule, piece) => {
                    *tally.dropped.entry(rule.to_owned()).or_insert(0) += 1;
                    let row = self.row(asked, i, &WholeTask::default());
                    writer.drop(row, rule, &json!({ "piece": piece, "reply": text }))?;
                    continue;
                }
                Piece::Task(task) => {
                    let verdict = gate.judge(&task);
                    (task, verdict)
                }
            };
            let Verdict { fails, closest } = verdict;
            let mut row = self.row(asked, i, &task);
            row.insert("closest".into(), json!(closest.as_ref().map(|(text, _)| text)));
            row.insert("closest_similarity".into(), json!(closest.as_ref().map(|(_, f)| f)));
            tally.closest.extend(closest.map(|(_, f)| f));
            match fails {
                None => {
                    tally.keep(&task);
                    writer.keep(row)?;
                }
                Some(rule) => {
                    *tally.dropped.entry(rule.to_owned()).or_insert(0) += 1;
                    let evidence = json!({ "closest": row["closest"], "reply": text });
                    writer.drop(row, rule, &evidence)?;
                }
            }
        }
        Ok(())
    }
}

fn demo(seed: &Seed) -> Value {
    let input = if seed.input.is_empty() { NO_INPUT } else { &seed.input };
    json!({ "instruction": seed.instruction, "input": input, "output": seed.output })
}

#[async_trait]
impl Maker for Tasks {
    fn schema(&self, _input: &Schema) -> Result<SchemaRef> {
        Ok(Self::schema())
    }

    fn rules(&self) -> Vec<String> {
        RULES.iter().map(|rule| (*rule).to_owned()).collect()
    }

    fn workers(&self) -> Vec<(String, String)> {
        vec![("worker".to_owned(), self.params.worker.clone())]
    }

    async fn make(&self, input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        let seeds = seeds(&self.stage, &read_rows(input).await?, self.params.seeds)?;
        let known: Vec<String> = seeds.iter().map(|seed| seed.instruction.clone()).collect();
        let documents: Vec<&str> = known.iter().map(String::as_str).collect();
        let asker = Asker::open(context, &self.params.worker, &documents).await?;
        let output_needed = self.params.compat == Compat::Mended;
        let mut gate = TaskGate::new(self.rules.clone(), self.novelty, &known, output_needed);
        let mut writer = RowWriter::new(&self.stage, Self::schema(), out);
        let (mut tally, mut round) = (Tally::default(), 0);
        while tally.kept < self.params.n && round < self.max_rounds() {
            let requests: Vec<_> =
                (0..self.params.round_prompts).map(|i| self.request(&seeds, round, i)).collect::<Result<_>>()?;
            let mut replies = std::pin::pin!(asker.ask_all(requests));
            while let Some(reply) = replies.next().await {
                let (asked, reply) = reply?;
                self.take(&asked, reply, &mut gate, &mut tally, &mut writer)?;
            }
            round += 1;
        }
        tally.figures(&mut writer, round);
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gristmill_core::stage::Reads;

    fn made(params: &Value) -> Tasks {
        tasks(&StageSpec { name: "t", params, seed: 1, limit: None, reads: &Reads::default() }).unwrap()
    }

    /// Alpaca's constants: 3 demonstrations, temperature 1, 3072 tokens, the released stops and the forbidden token.
    #[test]
    fn prompts_and_draws_are_alpacas() {
        let seed = |i: usize| Seed {
            instruction: format!("Seed task number {i}."),
            input: if i == 0 { String::new() } else { "an input".into() },
            output: "an output".into(),
            is_classification: false,
        };
        let seeds: Vec<Seed> = (0..5).map(seed).collect();
        let (asked, request) = made(&json!({ "worker": "w", "compat": "released" })).request(&seeds, 0, 0).unwrap();
        let Prompt::Text(prompt) = &request.prompt else { panic!("bare text is the default") };
        assert_eq!(prompt.matches("Seed task number").count(), 3);
        assert!(prompt.ends_with("4. Instruction:"), "{prompt}");
        assert_eq!(prompt_hash(prompt), asked.hash);
        let sampling = &request.sampling;
        assert_eq!((sampling.temperature, sampling.top_p, sampling.max_tokens), (1.0, 1.0, 3072));
        assert_eq!(sampling.stop, ["\n20", "20.", "20."]);
        assert_eq!(sampling.logit_bias["50256"], -100.0);
        let mended = made(&json!({ "worker": "w", "chat": true })).request(&seeds, 0, 0).unwrap().1;
        assert_eq!(mended.sampling.stop, ["\n21."]);
        assert!(matches!(mended.prompt, Prompt::Chat(_)) && mended.sampling.logit_bias.is_empty());
    }
}
