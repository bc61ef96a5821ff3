//! `kind = "paraphrase_pairs"`: pairs of sentences that say the same in other words.
//!
//! A worker continues each text many times; the first sentences of the continuations are paired and pass a chain of
//! filters: alike in length, each entails the other, one pair per group of duplicates, the same numbers, other words.
//!
//! Source: Impossible Distillation, Jung et al. 2023, arXiv:2305.16635, filters in their order: length ratio 0.8 to 1.5,
//! entailment 0.75 both ways, connected components of mutual entailment, numbers, ROUGE-L at most 0.75. We differ: a
//! worker's yes stands in for the entailment model; 20 continuations by default instead of 100, because pairs grow with
//! the square and each is asked about; numbers must be equal both ways; contexts are the input's texts, not drawn news
//! openings; repeated n-grams are not forbidden while decoding.

mod chain;
mod numbers;

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, LICENSE, SOURCE, TEXT, URL, document_id};
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use gristmill_lm::{CompletionRequest, Prompt, Sampling, WorkerError};
use serde::Deserialize;
use serde_json::{Value, json};

use self::chain::{Gates, Pair, distinct, one_per_group};
use super::judging::{self, Reading};
use super::sentences::first_sentence;
use crate::kit::params::{sampling, template};
use crate::kit::prompt::prompt_hash;
use crate::kit::rows::{Origin, document_schema, number, require_columns, text};
use crate::kit::{Asker, Outcome, Panel, PerRow, Row, RowRecipe, Template, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "paraphrase_pairs",
    version: 1,
    about: "Pairs of sentences that entail each other in other words, from continuations of the same text.",
    source: "Impossible Distillation, Jung et al. 2023, arXiv:2305.16635",
    takes_input: true,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "continues the texts" },
        ParamDoc { name: "judge", default: "the worker", about: "says whether one sentence entails another" },
        ParamDoc {
            name: "reading",
            default: "\"reply\"",
            about: "how its yes is read: reply (1 or 0), first_token, scored (probabilities)",
        },
        ParamDoc { name: "n_samples", default: "20", about: "continuations per text, at most 200; the paper's 100" },
        ParamDoc { name: "min_words", default: "3", about: "least words of a sentence" },
        ParamDoc {
            name: "char_ratio",
            default: "[0.8, 1.5]",
            about: "least and most length of the second by the first",
        },
        ParamDoc { name: "min_entailment", default: "0.75", about: "least probability, each way" },
        ParamDoc { name: "max_rouge_l", default: "0.75", about: "highest ROUGE-L F of the pair" },
        ParamDoc {
            name: "bare",
            default: "false",
            about: "send the text itself to be continued, for base models, not the prompt",
        },
        ParamDoc {
            name: "prompt",
            default: "configs/prompts/recipes/paraphrase_pairs.j2",
            about: "template with `context`",
        },
        ParamDoc {
            name: "judge_prompt",
            default: "configs/prompts/recipes/paraphrase_pairs_judge.j2",
            about: "template with `premise`, `hypothesis`",
        },
        ParamDoc {
            name: "sampling",
            default: "temperature 0.5, top_p 0.9, max_tokens 100",
            about: "how continuations are drawn",
        },
    ],
    build,
};

const RULES: &[&str] = &[
    "has_a_sentence",
    "first_of_its_kind",
    "alike_in_length",
    "entails",
    "entailed",
    "one_of_its_group",
    "numbers_equal",
    "in_other_words",
];

/// Pairs asked about at a time.
const WINDOW: usize = 32;
/// Continuations whose pairs can still be held: 19,900 pairs.
const MOST_SAMPLES: u32 = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: String,
    judge: Option<String>,
    #[serde(default)]
    reading: Reading,
    #[serde(default = "twenty")]
    n_samples: u32,
    #[serde(default = "three")]
    min_words: usize,
    #[serde(default = "char_ratio")]
    char_ratio: [f64; 2],
    #[serde(default = "three_quarters")]
    min_entailment: f64,
    #[serde(default = "three_quarters")]
    max_rouge_l: f64,
    #[serde(default)]
    bare: bool,
    prompt: Option<String>,
    judge_prompt: Option<String>,
    sampling: Option<Value>,
}

fn twenty() -> u32 {
    20
}
fn three() -> usize {
    3
}
fn char_ratio() -> [f64; 2] {
    [0.8, 1.5]
}
fn three_quarters() -> f64 {
    0.75
}

struct ParaphrasePairs {
    stage: String,
    params: Params,
    gates: Gates,
    prompt: Template,
    judge_prompt: Template,
    sampling: Sampling,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    if params.n_samples < 2 || params.n_samples > MOST_SAMPLES {
        return Err(ParamError::at("n_samples", format!("expected 2 to {MOST_SAMPLES}")));
    }
    let own = Sampling { temperature: 0.5, top_p: 0.9, max_tokens: 100, ..Sampling::default() };
    let pairs = ParaphrasePairs {
        stage: spec.name.to_owned(),
        gates: Gates { char_ratio: params.char_ratio, max_rouge_l: params.max_rouge_l },
        prompt: template(
            spec.reads,
            "prompt",
            params.prompt.as_deref(),
            include_str!("../../../../configs/prompts/recipes/paraphrase_pairs.j2"),
        )?,
        judge_prompt: template(
            spec.reads,
            "judge_prompt",
            params.judge_prompt.as_deref(),
            include_str!("../../../../configs/prompts/recipes/paraphrase_pairs_judge.j2"),
        )?,
        sampling: sampling(&own, params.sampling.as_ref())?,
        params,
    };
    Ok(Stage::Maker(Arc::new(PerRow(Arc::new(pairs)))))
}

/// What the judge said of a pair.
enum Entailment {
    Both(f64, f64),
    Fails(&'static str, Value),
    Failed(WorkerError),
}

impl ParaphrasePairs {
    fn error(&self, cause: String) -> Error {
        Error::Stage { stage: self.stage.clone(), cause }
    }

    fn row(&self, parent: &Row, hash: &str, locator: &str, sentences: [&str; 2]) -> Row {
        let id = text_of(parent, ID);
        let mut row = Row::new();
        row.insert(ID.into(), document_id(&self.stage, &format!("{id}#{locator}")).into());
        for column in [SOURCE, LICENSE, URL] {
            row.insert(column.into(), parent.get(column).cloned().unwrap_or(Value::Null));
        }
        row.insert("context".into(), text_of(parent, TEXT).into());
        row.insert("sentence".into(), sentences[0].into());
        row.insert("paraphrase".into(), sentences[1].into());
        row.insert(TEXT.into(), sentences.join("\n").trim_end().into());
        let parents = vec![id.to_owned()];
        Origin { worker: &self.params.worker, recipe: ENTRY.kind, prompt_hash: hash, parents }.mark(&mut row);
        row
    }

    /// The sentences that continue a text, each with its locator, and what became of the other replies.
    async fn sentences(&self, row: &Row, asker: &Asker) -> Result<(String, Vec<String>, Vec<Outcome>)> {
        let context = text_of(row, TEXT).trim();
        let prompt = match self.params.bare {
            true => context.to_owned(),
            false => self.prompt.render(&json!({ "context": context })).map_err(|cause| self.error(cause))?,
        };
        let hash = prompt_hash(&prompt);
        let prompt = if self.params.bare { Prompt::Text(prompt) } else { Prompt::user(prompt.trim_end()) };
        let request = CompletionRequest::new(prompt, self.sampling.clone());
        let requests = (0..self.params.n_samples).map(|n| (n, request.clone().with_sample(n))).collect();
        let (mut sentences, mut outcomes): (Vec<String>, Vec<Outcome>) = (Vec::new(), Vec::new());
        let mut replies = std::pin::pin!(asker.ask_all(requests));
        while let Some(reply) = replies.next().await {
            let (n, reply) = reply?;
            let made = |sentence: &str| self.row(row, &hash, &n.to_string(), [sentence, ""]);
            let reply = match reply {
                Ok(reply) => reply,
                Err(error) => {
                    outcomes.push(Outcome::failed(made(""), &error));
                    continue;
                }
            };
            let sentence = first_sentence(&reply.text)
                .filter(|s| !s.contains('\n') && s.split_whitespace().count() >= self.params.min_words);
            match sentence {
                None => outcomes.push(Outcome::drop(made(""), "has_a_sentence", json!({ "reply": reply.text }))),
                Some(sentence) if sentences.iter().any(|known| known == sentence) => {
                    outcomes.push(Outcome::drop(made(sentence), "first_of_its_kind", json!({})));
                }
                Some(sentence) => sentences.push(sentence.to_owned()),
            }
        }
        Ok((hash, sentences, outcomes))
    }

    async fn entails(&self, judge: &Asker, premise: &str, hypothesis: &str) -> Result<Result<f64, Entailment>> {
        let variables = json!({ "premise": premise, "hypothesis": hypothesis });
        let prompt = self.judge_prompt.render(&variables).map_err(|cause| self.error(cause))?;
        let opinion = judging::yes(judge, prompt.trim_end().to_owned(), self.params.reading).await?;
        // An answer that is neither yes nor no is no entailment.
        Ok(opinion.map(|opinion| opinion.value.unwrap_or(0.0)).map_err(Entailment::Failed))
    }

    async fn both_ways(&self, judge: &Asker, first: &str, second: &str) -> Result<Entailment> {
        let forward = match self.entails(judge, first, second).await? {
            Ok(forward) if forward >= self.params.min_entailment => forward,
            Ok(forward) => return Ok(Entailment::Fails("entails", json!({ "entailment": forward }))),
            Err(failed) => return Ok(failed),
        };
        Ok(match self.entails(judge, second, first).await? {
            Ok(reverse) if reverse >= self.params.min_entailment => Entailment::Both(forward, reverse),
            Ok(reverse) => Entailment::Fails("entailed", json!({ "reverse_entailment": reverse })),
            Err(failed) => failed,
        })
    }
}

#[async_trait]
impl RowRecipe for ParaphrasePairs {
    fn stage(&self) -> &str {
        &self.stage
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        require_columns(&self.stage, input, &[ID, TEXT])?;
        let texts = ["context", "sentence", "paraphrase"].map(text);
        let numbers = ["entailment", "reverse_entailment", "rouge_l"].map(number);
        Ok(document_schema(texts.into_iter().chain(numbers)))
    }

    fn rules(&self) -> Vec<String> {
        RULES.iter().map(|rule| (*rule).to_owned()).collect()
    }

    fn workers(&self) -> Vec<(String, String)> {
        let judge = self.params.judge.as_ref().unwrap_or(&self.params.worker);
        vec![("worker".to_owned(), self.params.worker.clone()), ("judge".to_owned(), judge.clone())]
    }

    async fn work(&self, _n: u64, row: Row, workers: &Panel) -> Result<Vec<Outcome>> {
        let (hash, sentences, mut outcomes) = self.sentences(&row, &workers.askers[0]).await?;
        let judge = &workers.askers[1];
        let made = |i: usize, j: usize| self.row(&row, &hash, &format!("{i}-{j}"), [&sentences[i], &sentences[j]]);
        let (mut alike, mut passed) = (Vec::new(), Vec::new());
        for (i, j) in (0..sentences.len()).flat_map(|i| (i + 1..sentences.len()).map(move |j| (i, j))) {
            match self.gates.length_fault(&sentences[i], &sentences[j]) {
                None => alike.push((i, j)),
                Some(evidence) => outcomes.push(Outcome::drop(made(i, j), "alike_in_length", evidence)),
            }
        }
        let (sentences_ref, this) = (&sentences, self);
        let mut judged = stream::iter(alike)
            .map(|(i, j)| async move {
                this.both_ways(judge, &sentences_ref[i], &sentences_ref[j]).await.map(|said| (i, j, said))
            })
            .buffered(WINDOW);
        while let Some(said) = judged.next().await {
            match said? {
                (i, j, Entailment::Both(forward, reverse)) => passed.push(Pair { i, j, forward, reverse }),
                (i, j, Entailment::Fails(rule, evidence)) => outcomes.push(Outcome::drop(made(i, j), rule, evidence)),
                (i, j, Entailment::Failed(error)) => outcomes.push(Outcome::failed(made(i, j), &error)),
            }
        }
        let (kept, others) = one_per_group(passed, sentences.len());
        let marked = |pair: &Pair| {
            let mut row = made(pair.i, pair.j);
            row.insert("entailment".into(), pair.forward.into());
            row.insert("reverse_entailment".into(), pair.reverse.into());
            row
        };
        outcomes.extend(others.iter().map(|(pair, instead)| {
            let evidence = json!({ "kept": [sentences[instead.i], sentences[instead.j]] });
            Outcome::drop(marked(pair), "one_of_its_group", evidence)
        }));
        for pair in kept {
            let mut row = marked(&pair);
            let (rouge_l, fault) = distinct(&self.gates, &sentences[pair.i], &sentences[pair.j]);
            row.insert("rouge_l".into(), rouge_l.into());
            outcomes.push(match fault {
                None => Outcome::Keep(row),
                Some((rule, evidence)) => Outcome::drop(row, rule, evidence),
            });
        }
        Ok(outcomes)
    }
}
