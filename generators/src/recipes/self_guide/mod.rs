//! `kind = "self_guide"`: inputs and outputs of one task, from its instruction and a few demonstrations.
//!
//! In rounds a worker writes inputs, shown the demonstrations and some of its own earlier inputs; then several outputs
//! are drawn for each kept input and the one most of them agree on is taken.
//!
//! Source: SELF-GUIDE, Zhao et al. 2024, arXiv:2407.12874, and its released settings: 40 rounds of 10 prompts with 1 to
//! 10 earlier inputs; ten outputs at temperature 0.2, the shortest of the most frequent ones, at least 30 % of those
//! that pass. We differ: the signs of chatter are our own list and begin afresh for every stage (the released list grows
//! from task to task); labels are read from each output before they are counted; `best_of` is not sent.

mod filters;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::StreamExt;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, SOURCE, document_id};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink, Stage, StageEntry, StageSpec};
use gristmill_lm::{CompletionRequest, Prompt, Sampling, WorkerError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::filters::{CHATTER, agreed, expected_chars, fits, one_label, unmarked};
use crate::kit::ask::failure_rule;
use crate::kit::params::{sampling, template};
use crate::kit::prompt::prompt_hash;
use crate::kit::rows::{Origin, RowWriter, document_schema, instruction_fields, number, set_instruction, text};
use crate::kit::{Asker, Draws, Row, Template};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "self_guide",
    version: 1,
    about: "Inputs and outputs of one task from its instruction and demonstrations; outputs by agreement.",
    source: "SELF-GUIDE, Zhao et al. 2024, arXiv:2407.12874",
    takes_input: false,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "writes inputs and outputs" },
        ParamDoc { name: "instruction", default: "required", about: "the task" },
        ParamDoc { name: "demos", default: "required", about: "list of { input, output }, about three" },
        ParamDoc { name: "labels", default: "none", about: "for classification: the possible outputs" },
        ParamDoc { name: "rounds", default: "40", about: "rounds of inputs; each shows inputs of those before" },
        ParamDoc { name: "round_prompts", default: "10", about: "prompts per round, asked side by side" },
        ParamDoc { name: "max_earlier", default: "10", about: "most earlier inputs shown in a prompt" },
        ParamDoc {
            name: "length_sigmas",
            default: "none",
            about: "keep lengths within so many standard deviations of the demonstrations' mean; the paper's is 2",
        },
        ParamDoc { name: "chatter", default: "a list", about: "texts that show an assistant talking, not data" },
        ParamDoc { name: "n_outputs", default: "10", about: "outputs drawn per input" },
        ParamDoc { name: "min_agreement", default: "0.3", about: "least share of the output taken, 0 to 1" },
        ParamDoc { name: "balance", default: "true", about: "with labels: as many rows of each as of the rarest" },
        ParamDoc {
            name: "input_prompt",
            default: "configs/prompts/recipes/self_guide_input.j2",
            about: "template with `instruction`, `demos`, `earlier`, `label`",
        },
        ParamDoc {
            name: "output_prompt",
            default: "configs/prompts/recipes/self_guide_output.j2",
            about: "template with `instruction`, `demos`, `input`, `labels`",
        },
        ParamDoc {
            name: "input_sampling",
            default: "temperature 0.7, top_k 40, max_tokens 500",
            about: "how inputs are drawn",
        },
        ParamDoc {
            name: "output_sampling",
            default: "temperature 0.2, top_k 10, max_tokens 500",
            about: "how outputs are drawn",
        },
    ],
    build,
};

const RULES: &[&str] = &[
    "input_given",
    "input_of_expected_length",
    "input_without_chatter",
    "first_of_its_kind",
    "output_passes",
    "output_agreed",
    "classes_balanced",
];

/// Inputs whose outputs are on their way at a time.
const OUTPUT_BLOCK: usize = 64;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Demo {
    input: String,
    output: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: String,
    instruction: String,
    demos: Vec<Demo>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default = "forty")]
    rounds: usize,
    #[serde(default = "ten")]
    round_prompts: usize,
    #[serde(default = "ten")]
    max_earlier: usize,
    length_sigmas: Option<f64>,
    chatter: Option<Vec<String>>,
    #[serde(default = "ten")]
    n_outputs: usize,
    #[serde(default = "three_tenths")]
    min_agreement: f64,
    #[serde(default = "yes")]
    balance: bool,
    input_prompt: Option<String>,
    output_prompt: Option<String>,
    input_sampling: Option<Value>,
    output_sampling: Option<Value>,
}

fn forty() -> usize {
    40
}
fn ten() -> usize {
    10
}
fn three_tenths() -> f64 {
    0.3
}
fn yes() -> bool {
    true
}

struct SelfGuide {
    stage: String,
    seed: u64,
    limit: usize,
    params: Params,
    chatter: Vec<String>,
    /// Least and, excluded, most characters of inputs and of outputs.
    input_chars: Option<[f64; 2]>,
    output_chars: Option<[f64; 2]>,
    input_prompt: Template,
    output_prompt: Template,
    input_sampling: Sampling,
    output_sampling: Sampling,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    if params.demos.is_empty() {
        return Err(ParamError::at("demos", "expected at least one { input, output }"));
    }
    let input_own = Sampling { temperature: 0.7, top_k: Some(40), max_tokens: 500, ..Sampling::default() };
    let output_own = Sampling { temperature: 0.2, top_k: Some(10), max_tokens: 500, ..Sampling::default() };
    let chatter = params.chatter.clone().unwrap_or_else(|| CHATTER.iter().map(|sign| (*sign).to_owned()).collect());
    let expected = |texts: Vec<&str>| params.length_sigmas.and_then(|sigmas| expected_chars(&texts, sigmas));
    let guide = SelfGuide {
        stage: spec.name.to_owned(),
        seed: spec.seed,
        limit: spec.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX),
        chatter: chatter.iter().map(|sign| sign.to_lowercase()).collect(),
        input_chars: expected(params.demos.iter().map(|demo| demo.input.as_str()).collect()),
        output_chars: expected(params.demos.iter().map(|demo| demo.output.as_str()).collect()),
        input_prompt: template(
            spec.reads,
            "input_prompt",
            params.input_prompt.as_deref(),
            include_str!("../../../../configs/prompts/recipes/self_guide_input.j2"),
        )?,
        output_prompt: template(
            spec.reads,
            "output_prompt",
            params.output_prompt.as_deref(),
            include_str!("../../../../configs/prompts/recipes/self_guide_output.j2"),
        )?,
        input_sampling: sampling(&input_own, params.input_sampling.as_ref()).map_err(|e| e.under("input_sampling"))?,
        output_sampling: sampling(&output_own, params.output_sampling.as_ref())
            .map_err(|e| e.under("output_sampling"))?,
        params,
    };
    Ok(Stage::Maker(Arc::new(guide)))
}

/// An input that was written.
struct Input {
    n: usize,
    text: String,
    label: Option<String>,
    hash: String,
}

/// What became of an input.
enum Made {
    Pair(Row, String),
    Dropped(Row, String, Value),
}

impl SelfGuide {
    fn render(&self, template: &Template, variables: &Value) -> Result<String> {
        let prompt = template.render(variables).map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })?;
        Ok(prompt.trim_end().to_owned())
    }

    fn row(&self, input: &Input, output: &str) -> Row {
        let mut row = Row::new();
        row.insert(ID.into(), document_id(&self.stage, &input.n.to_string()).into());
        row.insert(SOURCE.into(), self.stage.as_str().into());
        row.insert("asked_label".into(), json!(input.label));
        set_instruction(&mut row, &self.params.instruction, &input.text, output);
        Origin { worker: &self.params.worker, recipe: ENTRY.kind, prompt_hash: &input.hash, parents: vec![] }
            .mark(&mut row);
        row
    }

    /// The rule an input fails, with what shows it.
    fn input_fault(&self, text: &str, seen: &mut HashSet<String>) -> Option<(&'static str, Value)> {
        if text.is_empty() {
            Some(("input_given", json!({})))
        } else if !fits(text, self.input_chars) {
            Some(("input_of_expected_length", json!({ "chars": text.chars().count(), "expected": self.input_chars })))
        } else if let Some(sign) = self.chatter_in(text) {
            Some(("input_without_chatter", json!({ "sign": sign })))
        } else if !seen.insert(text.to_owned()) {
            Some(("first_of_its_kind", json!({})))
        } else {
            None
        }
    }

    fn chatter_in(&self, text: &str) -> Option<&String> {
        let text = text.to_lowercase();
        self.chatter.iter().find(|sign| text.contains(sign.as_str()))
    }

    /// The prompt of one input, with the label it is to have.
    fn input_request(&self, n: usize, kept: &[Input]) -> Result<(Option<String>, String)> {
        let mut draws = Draws::of(self.seed, &[&self.stage, &n.to_string()]);
        let label = draws.choose(&self.params.labels).cloned();
        let n_earlier = 1 + draws.below(self.params.max_earlier.max(1));
        let earlier = draws.sample(kept, n_earlier.min(self.params.max_earlier));
        let earlier: Vec<&str> = earlier.into_iter().map(|input| input.text.as_str()).collect();
        let variables = json!({
            "instruction": self.params.instruction,
            "demos": self.params.demos,
            "earlier": earlier,
            "label": label,
        });
        Ok((label, self.render(&self.input_prompt, &variables)?))
    }

    async fn inputs(&self, asker: &Asker, rows: &mut RowWriter<'_>) -> Result<Vec<Input>> {
        let mut kept: Vec<Input> = Vec::new();
        let mut seen: HashSet<String> = self.params.demos.iter().map(|demo| demo.input.trim().to_owned()).collect();
        for round in 0..self.params.rounds {
            let mut requests = Vec::with_capacity(self.params.round_prompts);
            for n in round * self.params.round_prompts..(round + 1) * self.params.round_prompts {
                let (label, prompt) = self.input_request(n, &kept)?;
                let input = Input { n, text: String::new(), label, hash: prompt_hash(&prompt) };
                let request = CompletionRequest::new(Prompt::user(prompt), self.input_sampling.clone());
                requests.push((input, request.with_sample(n as u32)));
            }
            let mut replies = std::pin::pin!(asker.ask_all(requests));
            while let Some(reply) = replies.next().await {
                let (mut input, reply) = reply?;
                let reply = match reply {
                    Ok(reply) => reply,
                    Err(error) => {
                        rows.drop(self.row(&input, ""), &failure_rule(&error), &json!({ "cause": error.message }))?;
                        continue;
                    }
                };
                input.text = unmarked(&reply.text).to_owned();
                match self.input_fault(&input.text, &mut seen) {
                    Some((rule, evidence)) => {
                        let evidence = json!({ "reply": reply.text, "why": evidence });
                        rows.drop(self.row(&input, ""), rule, &evidence)?;
                    }
                    // The round that reaches the limit is kept whole.
                    None => kept.push(input),
                }
            }
            if kept.len() >= self.limit {
                break;
            }
        }
        Ok(kept)
    }

    /// What becomes of an input whose outputs have come.
    fn made(&self, input: &Input, replies: &[Result<String, WorkerError>]) -> Made {
        let drop = |rule: &str, evidence: Value| Made::Dropped(self.row(input, ""), rule.to_owned(), evidence);
        let written: Vec<&str> = replies.iter().filter_map(|reply| reply.as_deref().ok()).map(unmarked).collect();
        if let (true, Some(Err(error))) = (written.is_empty(), replies.first()) {
            return drop(&failure_rule(error), json!({ "cause": error.message }));
        }
        let labels = &self.params.labels;
        let passes =
            |output: &&&str| !output.is_empty() && fits(output, self.output_chars) && self.chatter_in(output).is_none();
        let passed: Vec<String> = match labels.is_empty() {
            true => written.iter().filter(passes).map(|output| (*output).to_owned()).collect(),
            false => written.iter().filter_map(|output| one_label(output, labels)).map(str::to_owned).collect(),
        };
        if passed.is_empty() {
            return drop("output_passes", json!({ "outputs": written }));
        }
        match agreed(&passed, self.params.min_agreement) {
            None => drop("output_agreed", json!({ "outputs": passed })),
            Some((output, agreement)) => {
                let mut row = self.row(input, output);
                row.insert("agreement".into(), agreement.into());
                Made::Pair(row, output.to_owned())
            }
        }
    }

    async fn outputs(&self, asker: &Asker, inputs: &[Input]) -> Result<Vec<Made>> {
        let mut all = Vec::with_capacity(inputs.len());
        for block in inputs.chunks(OUTPUT_BLOCK) {
            let mut requests = Vec::with_capacity(block.len() * self.params.n_outputs);
            for (i, input) in block.iter().enumerate() {
                let prompt = self.render(
                    &self.output_prompt,
                    &json!({
                        "instruction": self.params.instruction,
                        "demos": self.params.demos,
                        "input": input.text,
                        "labels": self.params.labels,
                    }),
                )?;
                let request = CompletionRequest::new(Prompt::user(prompt), self.output_sampling.clone());
                requests.extend((0..self.params.n_outputs).map(|n| (i, request.clone().with_sample(n as u32))));
            }
            let mut replies: Vec<Vec<Result<String, WorkerError>>> = vec![Vec::new(); block.len()];
            let mut arriving = std::pin::pin!(asker.ask_all(requests));
            while let Some(reply) = arriving.next().await {
                let (i, reply) = reply?;
                replies[i].push(reply.map(|reply| reply.text));
            }
            all.extend(block.iter().zip(&replies).map(|(input, replies)| self.made(input, replies)));
        }
        Ok(all)
    }

    /// Rows of each label that go on: as many as the rarest label that occurs has; all without labels.
    fn quota(&self, made: &[Made]) -> usize {
        if self.params.labels.is_empty() || !self.params.balance {
            return usize::MAX;
        }
        let of_label = |label: &String| made.iter().filter(|m| matches!(m, Made::Pair(_, l) if l == label)).count();
        self.params.labels.iter().map(of_label).filter(|n| *n > 0).min().unwrap_or(0)
    }
}

#[async_trait]
impl Maker for SelfGuide {
    fn schema(&self, _input: &Schema) -> Result<SchemaRef> {
        let own = instruction_fields().into_iter().chain([text("asked_label"), number("agreement")]);
        Ok(document_schema(own))
    }

    fn rules(&self) -> Vec<String> {
        RULES.iter().map(|rule| (*rule).to_owned()).collect()
    }

    fn workers(&self) -> Vec<(String, String)> {
        vec![("worker".to_owned(), self.params.worker.clone())]
    }

    async fn make(&self, _input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        let demos = self.params.demos.iter().flat_map(|demo| [demo.input.as_str(), demo.output.as_str()]);
        let asker = Asker::open(context, &self.params.worker, &demos.collect::<Vec<_>>()).await?;
        let mut rows = RowWriter::new(&self.stage, self.schema(&Schema::empty())?, out);
        let inputs = self.inputs(&asker, &mut rows).await?;
        let made = self.outputs(&asker, &inputs).await?;
        let quota = self.quota(&made);
        let mut given: Vec<(String, usize)> = self.params.labels.iter().map(|label| (label.clone(), 0)).collect();
        for made in made {
            match made {
                Made::Dropped(row, rule, evidence) => rows.drop(row, &rule, &evidence)?,
                Made::Pair(row, label) => match given.iter_mut().find(|(l, _)| *l == label) {
                    Some((_, n)) if *n >= quota => {
                        rows.drop(row, "classes_balanced", &json!({ "label": label, "quota": quota }))?;
                    }
                    Some((_, n)) => {
                        *n += 1;
                        rows.keep(row)?;
                    }
                    None => rows.keep(row)?,
                },
            }
        }
        rows.finish()
    }
}
