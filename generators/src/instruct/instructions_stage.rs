//! `self_instruct.instructions` and `ensemble_instruct.instructions`: a pool of instructions grown from seeds.
//!
//! In rounds: each prompt of a round shows instructions drawn from the seeds and from what was kept in earlier rounds;
//! replies are judged in the order of the prompts, whatever order they came in.
//!
//! Source: Wang et al. 2023, arXiv:2212.10560, section 2.2; Lee et al. 2023, arXiv:2310.13961, section 3.1.

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
use gristmill_core::schema::{ID, SOURCE, TEXT, document_id};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink, Stage, StageEntry, StageSpec};
use gristmill_lm::route::{self, Choice};
use gristmill_lm::{Completion, CompletionRequest, Finish, Prompt, Sampling};
use serde::Deserialize;
use serde_json::{Value, json};

use super::candidates::{InstructionRules, RULES};
use super::figures;
use super::instances::Compat;
use super::pool::{Judged, Pool, PoolSettings};
use super::seeds::{Which, seeds};
use crate::kit::ask::failure_rule;
use crate::kit::params::{sampling, template};
use crate::kit::prompt::prompt_hash;
use crate::kit::route::mark;
use crate::kit::rows::{Origin, RowWriter, count, document_schema, number, read_rows, text};
use crate::kit::{Asker, Row, Template};

const PARAMS: &[ParamDoc] = &[
    ParamDoc { name: "worker", default: "required", about: "writes instructions" },
    ParamDoc { name: "n", default: "100", about: "instructions wanted; the round that reaches it is kept whole" },
    ParamDoc { name: "max_rounds", default: "n", about: "rounds after which it stops in any case" },
    ParamDoc { name: "round_prompts", default: "5", about: "prompts per round, asked side by side" },
    ParamDoc { name: "n_demos", default: "8 (Ensemble-Instruct 24)", about: "instructions shown in a prompt" },
    ParamDoc {
        name: "n_own_demos",
        default: "2 (Ensemble-Instruct 4)",
        about: "of these, at most so many of the worker's own",
    },
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
        about: "released: rouge-score's tokens, ASCII starts, capitals as in the released code",
    },
    ParamDoc { name: "similarities", default: "false", about: "adds the mean similarity to the whole pool; quadratic" },
    ParamDoc {
        name: "prompt",
        default: "configs/prompts/…/instructions.j2",
        about: "template with `instructions`, `next`",
    },
    ParamDoc { name: "sampling", default: "the paper's", about: "how replies are drawn" },
];

/// The row of the stage table for Self-Instruct.
pub(super) const SELF_INSTRUCT: StageEntry = StageEntry {
    kind: "self_instruct.instructions",
    version: 1,
    about: "Grows a pool of instructions from seed tasks; each new one must be usable and unlike all before.",
    source: "Self-Instruct, Wang et al. 2023, arXiv:2212.10560, section 2.2",
    takes_input: true,
    params: PARAMS,
    build: |spec| build(spec, Flavour::SelfInstruct),
};

/// The row of the stage table for Ensemble-Instruct.
pub(super) const ENSEMBLE_INSTRUCT: StageEntry = StageEntry {
    kind: "ensemble_instruct.instructions",
    version: 1,
    about: "Grows a pool of instructions from one sort of seed task, each ended by a mark that stops the worker.",
    source: "Ensemble-Instruct, Lee et al. 2023, arXiv:2310.13961, section 3.1",
    takes_input: true,
    params: PARAMS,
    build: |spec| build(spec, Flavour::EnsembleInstruct),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavour {
    SelfInstruct,
    EnsembleInstruct,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: String,
    #[serde(default = "hundred")]
    n: u64,
    max_rounds: Option<u64>,
    #[serde(default = "five")]
    round_prompts: u64,
    n_demos: Option<usize>,
    n_own_demos: Option<usize>,
    #[serde(default)]
    seeds: Which,
    #[serde(default = "limit")]
    novelty: f64,
    rules: Option<Value>,
    #[serde(default)]
    compat: Compat,
    #[serde(default)]
    similarities: bool,
    prompt: Option<String>,
    sampling: Option<Value>,
}

fn hundred() -> u64 {
    100
}
fn five() -> u64 {
    5
}
fn limit() -> f64 {
    0.7
}

/// Ends an instruction in Ensemble-Instruct's prompts.
pub(super) const END_MARK: &str = "|EoS|";

struct Instructions {
    stage: String,
    kind: &'static str,
    seed: u64,
    params: Params,
    settings: PoolSettings,
    template: Template,
    sampling: Sampling,
}

impl Flavour {
    fn rules(self, compat: Compat) -> InstructionRules {
        let released = compat == Compat::Released;
        let own = InstructionRules { ascii_start: released, ..InstructionRules::default() };
        match self {
            Self::SelfInstruct => InstructionRules { capitalize: released, ..own },
            Self::EnsembleInstruct => InstructionRules { drop_unfinished: false, end_mark: END_MARK.to_owned(), ..own },
        }
    }

    fn sampling(self) -> Sampling {
        let texts = |stops: &[&str]| stops.iter().map(|stop| (*stop).to_owned()).collect();
        match self {
            Self::SelfInstruct => Sampling {
                temperature: 0.7,
                top_p: 0.5,
                presence_penalty: 2.0,
                max_tokens: 1024,
                stop: texts(&["\n\n", "\n16", "16.", "16 ."]),
                ..Sampling::default()
            },
            Self::EnsembleInstruct => Sampling {
                temperature: 0.7,
                top_k: Some(50),
                max_tokens: 256,
                stop: texts(&[END_MARK]),
                ..Sampling::default()
            },
        }
    }

    fn template(self) -> &'static str {
        match self {
            Self::SelfInstruct => include_str!("../../../configs/prompts/self_instruct/instructions.j2"),
            Self::EnsembleInstruct => include_str!("../../../configs/prompts/ensemble_instruct/instructions.j2"),
        }
    }
}

fn build(spec: &StageSpec<'_>, flavour: Flavour) -> Result<Stage, ParamError> {
    let mut params: Params = params::parse(spec.params)?;
    params.n = params.n.min(spec.limit.unwrap_or(u64::MAX));
    if params.round_prompts == 0 {
        return Err(ParamError::at("round_prompts", "expected 1 or more"));
    }
    let mut rules = flavour.rules(params.compat);
    if let Some(over) = &params.rules {
        let over: InstructionRules = params::parse(over).map_err(|e| e.under("rules"))?;
        rules = InstructionRules { end_mark: rules.end_mark, ..over };
    }
    let (n_demos, n_own) = match flavour {
        Flavour::SelfInstruct => (8, 2),
        Flavour::EnsembleInstruct => (24, 4),
    };
    let released = params.compat == Compat::Released;
    let tokenizer = if released { Tokenizer::RougeScore } else { Tokenizer::ScriptAware };
    let settings = PoolSettings {
        n_demos: params.n_demos.unwrap_or(n_demos),
        n_own_demos: params.n_own_demos.unwrap_or(n_own),
        novelty: NoveltyParams { limit: params.novelty, tokenizer, stemmer: Stemmer::None },
        rules,
        compare_with_mark: released,
    };
    let maker = Instructions {
        stage: spec.name.to_owned(),
        kind: match flavour {
            Flavour::SelfInstruct => SELF_INSTRUCT.kind,
            Flavour::EnsembleInstruct => ENSEMBLE_INSTRUCT.kind,
        },
        seed: spec.seed,
        template: template(spec.reads, "prompt", params.prompt.as_deref(), flavour.template())?,
        sampling: sampling(&flavour.sampling(), params.sampling.as_ref())?,
        settings,
        params,
    };
    Ok(Stage::Maker(Arc::new(maker)))
}

/// What the report needs, counted on the way.
#[derive(Default)]
struct Tally {
    completions: u64,
    unfinished: u64,
    kept: u64,
    candidates: u64,
    dropped: BTreeMap<String, u64>,
    closest: Vec<f64>,
    means: Vec<f64>,
    words: Vec<f64>,
    diversity: figures::Diversity,
}

impl Instructions {
    fn schema() -> SchemaRef {
        let own = [text("instruction"), number("closest_similarity"), text("closest"), number("mean_similarity")];
        document_schema(own.into_iter().chain([count("round"), text("reply")]))
    }

    fn max_rounds(&self) -> u64 {
        self.params.max_rounds.unwrap_or(self.params.n.max(1))
    }

    fn write(
        &self,
        writer: &mut RowWriter<'_>,
        tally: &mut Tally,
        made: &Made<'_>,
        judged: &Judged,
        piece: usize,
    ) -> Result<()> {
        tally.candidates += 1;
        let mut row = made.row(self, &judged.candidate.text, piece);
        if let Some(choice) = made.routed {
            mark(&mut row, &self.stage, &self.params.worker, choice, &[]);
        }
        if let Some((closest, f)) = &judged.closest {
            row.insert("closest".into(), closest.as_str().into());
            row.insert("closest_similarity".into(), json!(f));
            tally.closest.push(*f);
        }
        row.insert("mean_similarity".into(), json!(judged.mean_f));
        tally.means.extend(judged.mean_f);
        let Some(rule) = judged.candidate.fails else {
            tally.kept += 1;
            tally.words.push(figures::n_words(&judged.candidate.text));
            tally.diversity.add(&judged.candidate.text);
            return writer.keep(row);
        };
        *tally.dropped.entry(rule.to_owned()).or_insert(0) += 1;
        let evidence = json!({
            "closest": judged.closest.as_ref().map(|(closest, _)| closest),
            "closest_similarity": judged.closest.as_ref().map(|(_, f)| f), "reply": made.reply,
        });
        writer.drop(row, rule, &evidence)
    }

    fn figures(&self, writer: &mut RowWriter<'_>, tally: &Tally, rounds: u64) {
        let parsed = tally.candidates
            - ["reply_finished", "reply_has_instructions"]
                .map(|rule| tally.dropped.get(rule).unwrap_or(&0))
                .into_iter()
                .sum::<u64>();
        let duplicates = tally.dropped.get("novel").copied().unwrap_or(0);
        let rows = [
            ("completions", json!(tally.completions), Value::Null),
            ("rounds", json!(rounds), Value::Null),
            ("candidates", json!(tally.candidates), Value::Null),
            ("share of candidates that are instructions", figures::share(parsed, tally.candidates), Value::Null),
            ("too close to an earlier one", json!(duplicates), Value::Null),
            ("kept", json!(tally.kept), json!(52_445)),
            ("kept per completion", figures::share(tally.kept, tally.completions), Value::Null),
            ("share of replies cut at their longest", figures::share(tally.unfinished, tally.completions), Value::Null),
        ];
        let note = "The paper's run used a 175 billion parameter model; an n-gram worker's texts are poor.";
        writer.figure("instructions", figures::table("instructions", "Self-Instruct", &rows, note));
        let spread: [(&str, &[f64], Value); 3] = [
            ("words of an instruction", &tally.words, json!(15.9)),
            ("similarity to the closest", &tally.closest, Value::Null),
            ("mean similarity to the pool (with `similarities`)", &tally.means, Value::Null),
        ];
        writer.figure("spread", figures::spreads("lengths and similarities", "Self-Instruct", &spread));
        writer.figure("closest", figures::tenths("similarity to the closest earlier instruction", &tally.closest));
        if !tally.means.is_empty() {
            writer.figure("means", figures::tenths("mean similarity to all earlier instructions", &tally.means));
        }
        writer.figure("diversity", tally.diversity.table("Self-Instruct"));
        writer.figure("instructions by rule", figures::by_rule("instructions dropped, by rule", RULES, &tally.dropped));
    }
}

/// Tells the route of a reply, if there is one, which share of its instructions ended here; 1 if it held none.
fn tell(asker: &Asker, index: u64, prompt: &str, reply: &Completion, judged: &[Judged]) {
    let (Some(team), Some(choice)) = (asker.team(), &reply.routed) else { return };
    let n_kept = judged.iter().filter(|judged| judged.candidate.fails.is_none()).count();
    let loss = 1.0 - n_kept as f64 / judged.len().max(1) as f64;
    team.router().judge(&route::Judged { index, worker: &choice.worker, prompt, loss, latency_ms: reply.latency_ms });
}

/// Where candidates come from.
struct Made<'a> {
    round: u64,
    i: u64,
    hash: &'a str,
    reply: &'a str,
    routed: Option<&'a Choice>,
}

impl Made<'_> {
    fn row(&self, stage: &Instructions, instruction: &str, piece: usize) -> Row {
        let mut row = Row::new();
        let locator = format!("{}#{}#{piece}", self.round, self.i);
        row.insert(ID.into(), document_id(&stage.stage, &locator).into());
        row.insert(TEXT.into(), instruction.into());
        row.insert(SOURCE.into(), stage.stage.as_str().into());
        row.insert("instruction".into(), instruction.into());
        row.insert("round".into(), self.round.into());
        row.insert("reply".into(), self.reply.into());
        Origin { worker: &stage.params.worker, recipe: stage.kind, prompt_hash: self.hash, parents: vec![] }
            .mark(&mut row);
        row
    }
}

#[async_trait]
impl Maker for Instructions {
    fn schema(&self, _input: &Schema) -> Result<SchemaRef> {
        Ok(Self::schema())
    }

    fn rules(&self) -> Vec<String> {
        RULES.iter().map(|rule| (*rule).to_owned()).collect()
    }

    fn workers(&self) -> Vec<(String, String)> {
        vec![("worker".to_owned(), self.params.worker.clone())]
    }

    fn judges(&self) -> bool {
        true
    }

    async fn make(&self, input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        let rows = read_rows(input).await?;
        let seeds: Vec<String> =
            seeds(&self.stage, &rows, self.params.seeds)?.into_iter().map(|seed| seed.instruction).collect();
        let documents: Vec<&str> = seeds.iter().map(String::as_str).collect();
        let asker = Asker::open(context, &self.params.worker, &documents).await?;
        let mut pool = Pool::new(self.settings.clone(), self.seed, &self.stage, seeds.clone());
        let mut writer = RowWriter::new(&self.stage, Self::schema(), out);
        let (mut tally, mut round) = (Tally::default(), 0);
        while tally.kept < self.params.n && round < self.max_rounds() {
            let prompts: Vec<String> = (0..self.params.round_prompts)
                .map(|i| pool.prompt(&self.template, round, i))
                .collect::<Result<_, _>>()
                .map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })?;
            // The same prompt can be drawn again in a later round: the round tells the draws apart.
            let sample = u32::try_from(round).unwrap_or(u32::MAX);
            let request = |prompt: &String| {
                CompletionRequest::new(Prompt::Text(prompt.clone()), self.sampling.clone()).with_sample(sample)
            };
            let requests: Vec<(usize, CompletionRequest)> = prompts.iter().map(request).enumerate().collect();
            let mut replies = std::pin::pin!(asker.ask_all(requests));
            while let Some(reply) = replies.next().await {
                let (i, reply) = reply?;
                let hash = prompt_hash(&prompts[i]);
                let made = |reply, routed| Made { round, i: i as u64, hash: &hash, reply, routed };
                tally.completions += 1;
                match reply {
                    Ok(reply) => {
                        tally.unfinished += u64::from(reply.finish == Finish::Length);
                        let judged = pool.take(&reply.text, reply.finish, self.params.similarities);
                        let index = round * self.params.round_prompts + i as u64;
                        tell(&asker, index, &prompts[i], &reply, &judged);
                        for (piece, judged) in judged.into_iter().enumerate() {
                            let made = made(&reply.text, reply.routed.as_deref());
                            self.write(&mut writer, &mut tally, &made, &judged, piece)?;
                        }
                    }
                    Err(error) => {
                        let rule = failure_rule(&error);
                        *tally.dropped.entry(rule.clone()).or_insert(0) += 1;
                        writer.drop(made("", None).row(self, "", 0), &rule, &json!({ "cause": error.message }))?;
                    }
                }
            }
            if let Some(team) = asker.team() {
                team.router().fit();
            }
            round += 1;
        }
        self.figures(&mut writer, &tally, round);
        writer.finish()
    }
}
