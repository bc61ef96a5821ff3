//! `kind = "cultural_instructions"`: tasks in one language about the life of one region, topic by topic.
//!
//! Self-Instruct with slots: the demonstrations are seed tasks in the language, each prompt names a region and a topic of
//! its culture, and a reply gives whole tasks. What comes must be usable and new, in the script of the demonstrations,
//! without left-over English, and with a judge it must not read as a translation. Which language it is, the measure
//! `lang_id` says in a `filter` behind this stage: measuring is not a recipe's business.
//!
//! Source: NLEBench+NorGLM, Liu et al. 2024, arXiv:2312.01314: instructions about culture and idioms, written by people
//! beside translated ones; here a worker writes them. The topics, prompts and the signs of translation are ours.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::StreamExt;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::measures::novelty::NoveltyParams;
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, SOURCE, TEXT, document_id};
use gristmill_core::stage::{MakeContext, Maker, Reads, Relation, RowSink, Stage, StageEntry, StageSpec};
use gristmill_lm::{CompletionRequest, Prompt, Sampling};
use serde::Deserialize;
use serde_json::{Value, json};

use super::judging::{Reading, yes};
use super::translate_exemplars::scripts::{Script, main_script, script_ratio};
use crate::instruct::seeds::{Seed, Which, seeds};
use crate::instruct::whole_tasks::{self, NO_INPUT, Piece, TaskGate, WholeTask, pieces};
use crate::kit::ask::{Reply, failure_rule};
use crate::kit::params::{sampling, template};
use crate::kit::prompt::prompt_hash;
use crate::kit::rows::{
    Origin, RowWriter, document_schema, instruction_fields, number, read_rows, set_instruction, text,
};
use crate::kit::{Asker, Draws, Row, Template, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "cultural_instructions",
    version: 1,
    about: "Whole tasks in one language about the life of a region; drops what repeats, is English, or reads translated.",
    source: "after NLEBench, Liu et al. 2024, arXiv:2312.01314, by way of Self-Instruct",
    takes_input: true,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "writes tasks" },
        ParamDoc { name: "language", default: "required", about: "the language, as the prompt names it" },
        ParamDoc { name: "region", default: "required", about: "country or region, as the prompt names it" },
        ParamDoc {
            name: "topics",
            default: "configs/prompts/recipes/cultural_topics.json",
            about: "list of topics of its culture, or a JSON file with one",
        },
        ParamDoc { name: "n_prompts", default: "1", about: "prompts per topic, each with other demonstrations" },
        ParamDoc { name: "n_tasks", default: "5", about: "tasks asked for in a prompt" },
        ParamDoc { name: "n_demos", default: "3", about: "seed tasks shown in a prompt" },
        ParamDoc { name: "novelty", default: "0.7", about: "highest ROUGE-L F with any earlier instruction" },
        ParamDoc {
            name: "min_script_ratio",
            default: "0.8",
            about: "least share of letters in the demonstrations' main script, 0 to 1",
        },
        ParamDoc {
            name: "max_english_ratio",
            default: "0.1",
            about: "largest share of small English words that the demonstrations never use, 0 to 1",
        },
        ParamDoc {
            name: "judge",
            default: "none",
            about: "worker that says whether a task was written there; adds `native`",
        },
        ParamDoc {
            name: "reading",
            default: "\"reply\"",
            about: "how the judge's yes is read: reply, first_token or scored",
        },
        ParamDoc { name: "min_native", default: "0.5", about: "with judge: least share of yes" },
        ParamDoc {
            name: "prompt",
            default: "configs/prompts/recipes/cultural_instructions.j2",
            about: "template with `language`, `region`, `topic`, `demos`, `n_tasks`, `next`, `no_input`",
        },
        ParamDoc {
            name: "judge_prompt",
            default: "configs/prompts/recipes/cultural_judge.j2",
            about: "template with `language`, `region`, `task`",
        },
        ParamDoc { name: "sampling", default: "temperature 1, max_tokens 2048", about: "how replies are drawn" },
    ],
    build,
};

const OWN_RULES: &[&str] = &["in_its_script", "without_english", "native"];
/// Small words of English that run through every text in it.
const ENGLISH: &str = "the of and to that is was for with are this be have from not they which you were there their has \
    what would about if who been when will its these your can more some into could than other then";

#[derive(Deserialize)]
#[serde(untagged)]
enum Topics {
    List(Vec<String>),
    File(PathBuf),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: String,
    language: String,
    region: String,
    topics: Option<Topics>,
    #[serde(default = "one")]
    n_prompts: u64,
    #[serde(default = "five")]
    n_tasks: usize,
    #[serde(default = "three")]
    n_demos: usize,
    #[serde(default = "limit")]
    novelty: f64,
    #[serde(default = "most")]
    min_script_ratio: f64,
    #[serde(default = "tenth")]
    max_english_ratio: f64,
    judge: Option<String>,
    #[serde(default)]
    reading: Reading,
    #[serde(default = "half")]
    min_native: f64,
    prompt: Option<String>,
    judge_prompt: Option<String>,
    sampling: Option<Value>,
}

fn one() -> u64 {
    1
}
fn five() -> usize {
    5
}
fn three() -> usize {
    3
}
fn limit() -> f64 {
    0.7
}
fn most() -> f64 {
    0.8
}
fn tenth() -> f64 {
    0.1
}
fn half() -> f64 {
    0.5
}

struct Cultural {
    stage: String,
    seed: u64,
    topics: Vec<String>,
    prompt: Template,
    judge_prompt: Template,
    sampling: Sampling,
    params: Params,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    Ok(Stage::Maker(Arc::new(recipe(spec)?)))
}

fn topics(reads: &Reads, topics: Option<&Topics>) -> Result<Vec<String>, ParamError> {
    let refuse = |cause: String| ParamError::at("topics", cause);
    let listed = |text: &str| serde_json::from_str(text).map_err(|e| refuse(e.to_string()));
    let topics: Vec<String> = match topics {
        None => listed(&reads.text(include_str!("../../../configs/prompts/recipes/cultural_topics.json")))?,
        Some(Topics::List(topics)) => topics.clone(),
        Some(Topics::File(path)) => listed(&reads.file("topics", "the topics", path)?)?,
    };
    if topics.is_empty() { Err(refuse("expected at least one topic".into())) } else { Ok(topics) }
}

fn recipe(spec: &StageSpec<'_>) -> Result<Cultural, ParamError> {
    let params: Params = params::parse(spec.params)?;
    let stop = vec!["\n\n\n".to_owned()];
    let own = Sampling { temperature: 1.0, max_tokens: 2048, stop, ..Sampling::default() };
    let mut topics = topics(spec.reads, params.topics.as_ref())?;
    topics.truncate(spec.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX));
    Ok(Cultural {
        stage: spec.name.to_owned(),
        seed: spec.seed,
        topics,
        prompt: template(
            spec.reads,
            "prompt",
            params.prompt.as_deref(),
            include_str!("../../../configs/prompts/recipes/cultural_instructions.j2"),
        )?,
        judge_prompt: template(
            spec.reads,
            "judge_prompt",
            params.judge_prompt.as_deref(),
            include_str!("../../../configs/prompts/recipes/cultural_judge.j2"),
        )?,
        sampling: sampling(&own, params.sampling.as_ref())?,
        params,
    })
}

/// What the demonstrations say of the language.
struct Tongue {
    script: Script,
    /// Small English words that the demonstrations never use.
    english: HashSet<&'static str>,
}

impl Tongue {
    fn of(seeds: &[Seed]) -> Self {
        let all: Vec<&str> = seeds.iter().flat_map(|s| [s.instruction.as_str(), &s.input, &s.output]).collect();
        let all = all.join("\n").to_lowercase();
        let own: HashSet<&str> = words(&all).collect();
        let english = ENGLISH.split_whitespace().filter(|word| !own.contains(word)).collect();
        Self { script: main_script(&all), english }
    }

    fn english_ratio(&self, text: &str) -> f64 {
        let lower = text.to_lowercase();
        let n = words(&lower).count();
        words(&lower).filter(|word| self.english.contains(word)).count() as f64 / n.max(1) as f64
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// A request on its way.
struct Asked {
    topic: usize,
    n: u64,
    hash: String,
}

impl Cultural {
    fn render(&self, template: &Template, variables: &Value) -> Result<String> {
        let prompt = template.render(variables).map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })?;
        Ok(prompt.trim_end().to_owned())
    }

    fn request(&self, seeds: &[Seed], topic: usize, n: u64) -> Result<(Asked, CompletionRequest)> {
        let mut draws = Draws::of(self.seed, &[&self.stage, "demos", &topic.to_string(), &n.to_string()]);
        let demo = |seed: &Seed| {
            let input = if seed.input.is_empty() { NO_INPUT } else { &seed.input };
            json!({ "instruction": seed.instruction, "input": input, "output": seed.output })
        };
        let demos: Vec<Value> = draws.sample(seeds, self.params.n_demos).into_iter().map(demo).collect();
        let variables = json!({
            "language": self.params.language, "region": self.params.region, "topic": self.topics[topic],
            "n_tasks": self.params.n_tasks, "next": demos.len() + 1, "no_input": NO_INPUT, "demos": demos,
        });
        let prompt = self.render(&self.prompt, &variables)?;
        let asked = Asked { topic, n, hash: prompt_hash(&prompt) };
        let request = CompletionRequest::new(Prompt::user(prompt), self.sampling.clone());
        Ok((asked, request.with_sample(u32::try_from(n).unwrap_or(u32::MAX))))
    }

    fn row(&self, asked: &Asked, piece: usize, task: &WholeTask) -> Row {
        let mut row = Row::new();
        let locator = format!("{}#{}#{piece}", asked.topic, asked.n);
        row.insert(ID.into(), document_id(&self.stage, &locator).into());
        row.insert(SOURCE.into(), self.stage.as_str().into());
        row.insert("topic".into(), self.topics[asked.topic].as_str().into());
        row.insert("language".into(), self.params.language.as_str().into());
        row.insert("region".into(), self.params.region.as_str().into());
        set_instruction(&mut row, &task.instruction, &task.input, &task.output);
        Origin { worker: &self.params.worker, recipe: ENTRY.kind, prompt_hash: &asked.hash, parents: vec![] }
            .mark(&mut row);
        row
    }

    /// The sign of another language in a task, if any. The labels of its rendering are English and not looked at.
    fn foreign(&self, tongue: &Tongue, task: &WholeTask) -> Option<(&'static str, Value)> {
        let own = [&task.instruction, &task.input, &task.output].map(String::as_str).join("\n");
        let (script, english) = (script_ratio(&own, tongue.script), tongue.english_ratio(&own));
        if script < self.params.min_script_ratio {
            Some(("in_its_script", json!({ "script_ratio": script })))
        } else if english > self.params.max_english_ratio {
            Some(("without_english", json!({ "english_ratio": english })))
        } else {
            None
        }
    }

    /// Splits a reply into rows that go on to the judge and rows that end here.
    fn take(
        &self,
        asked: &Asked,
        reply: Reply,
        tongue: &Tongue,
        gate: &mut TaskGate,
        rows: &mut RowWriter<'_>,
    ) -> Result<Vec<Row>> {
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => {
                let row = self.row(asked, 0, &WholeTask::default());
                rows.drop(row, &failure_rule(&error), &json!({ "cause": error.message }))?;
                return Ok(Vec::new());
            }
        };
        let mut passed = Vec::new();
        for (i, piece) in pieces(&reply.text, reply.finish).into_iter().enumerate() {
            let task = match piece {
                Piece::Task(task) => task,
                Piece::Not(rule, piece) => {
                    let row = self.row(asked, i, &WholeTask::default());
                    rows.drop(row, rule, &json!({ "piece": piece, "reply": reply.text }))?;
                    continue;
                }
            };
            let fault = self.foreign(tongue, &task);
            let fault = fault.or_else(|| {
                let verdict = gate.judge(&task);
                verdict.fails.map(|rule| (rule, json!({ "closest": verdict.closest })))
            });
            let row = self.row(asked, i, &task);
            match fault {
                None => passed.push(row),
                Some((rule, why)) => rows.drop(row, rule, &json!({ "why": why, "reply": reply.text }))?,
            }
        }
        Ok(passed)
    }

    /// Asks the judge about a row, if there is one, and writes it.
    async fn judge(&self, judge: Option<&Asker>, mut row: Row, rows: &mut RowWriter<'_>) -> Result<()> {
        let Some(judge) = judge else { return rows.keep(row) };
        let variables = json!({
            "language": self.params.language, "region": self.params.region, "task": text_of(&row, TEXT),
        });
        match yes(judge, self.render(&self.judge_prompt, &variables)?, self.params.reading).await? {
            Err(error) => rows.drop(row, &failure_rule(&error), &json!({ "cause": error.message })),
            Ok(opinion) => {
                row.insert("native".into(), json!(opinion.value));
                match opinion.value.is_some_and(|yes| yes >= self.params.min_native) {
                    true => rows.keep(row),
                    false => rows.drop(row, "native", &json!({ "judge": opinion.reply, "yes": opinion.value })),
                }
            }
        }
    }
}

#[async_trait]
impl Maker for Cultural {
    fn schema(&self, _input: &Schema) -> Result<SchemaRef> {
        let own = instruction_fields().into_iter().chain(["topic", "language", "region"].map(text));
        Ok(document_schema(own.chain([number("native")])))
    }

    fn rules(&self) -> Vec<String> {
        whole_tasks::RULES.iter().chain(OWN_RULES).map(|rule| (*rule).to_owned()).collect()
    }

    fn workers(&self) -> Vec<(String, String)> {
        let judge = self.params.judge.iter().map(|name| ("judge".to_owned(), name.clone()));
        std::iter::once(("worker".to_owned(), self.params.worker.clone())).chain(judge).collect()
    }

    async fn make(&self, input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        let seeds = seeds(&self.stage, &read_rows(input).await?, Which::All)?;
        let known: Vec<String> = seeds.iter().map(|seed| seed.instruction.clone()).collect();
        let documents: Vec<&str> = known.iter().map(String::as_str).collect();
        let worker = Asker::open(context, &self.params.worker, &documents).await?;
        let judge = match &self.params.judge {
            Some(name) => Some(Asker::open(context, name, &documents).await?),
            None => None,
        };
        let tongue = Tongue::of(&seeds);
        let novelty = NoveltyParams { limit: self.params.novelty, ..NoveltyParams::default() };
        let mut gate = TaskGate::new(whole_tasks::rules(), novelty, &known, true);
        let mut rows = RowWriter::new(&self.stage, self.schema(&Schema::empty())?, out);
        let places = (0..self.topics.len()).flat_map(|topic| (0..self.params.n_prompts).map(move |n| (topic, n)));
        let requests: Vec<_> = places.map(|(topic, n)| self.request(&seeds, topic, n)).collect::<Result<_>>()?;
        let mut replies = std::pin::pin!(worker.ask_all(requests));
        while let Some(reply) = replies.next().await {
            let (asked, reply) = reply?;
            for row in self.take(&asked, reply, &tongue, &mut gate, &mut rows)? {
                self.judge(judge.as_ref(), row, &mut rows).await?;
            }
        }
        rows.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(instruction: &str, output: &str) -> Seed {
        let (instruction, output) = (instruction.to_owned(), output.to_owned());
        Seed { instruction, input: String::new(), output, is_classification: false }
    }

    fn task(instruction: &str, output: &str) -> WholeTask {
        WholeTask { instruction: instruction.into(), output: output.into(), input: String::new() }
    }

    #[test]
    fn prompts_name_topic_region_and_language_and_show_seeds() {
        let params = json!({ "worker": "w", "language": "Norwegian", "region": "Norway", "topics": ["food", "sea"] });
        let recipe =
            recipe(&StageSpec { name: "c", params: &params, seed: 1, limit: None, reads: &Reads::default() }).unwrap();
        let seeds: Vec<Seed> = (0..4).map(|i| seed(&format!("Skriv setning {i}."), "Ja.")).collect();
        let (asked, request) = recipe.request(&seeds, 1, 0).unwrap();
        let prompt = request.prompt.plain();
        assert!(prompt.contains("Norwegian") && prompt.contains("Norway") && prompt.contains("about: sea"));
        assert_eq!(prompt.matches("Skriv setning").count(), 3);
        assert!(prompt.ends_with("4. Instruction:"));
        assert_eq!(recipe.row(&asked, 0, &task("a", "b"))["topic"], "sea");
    }

    #[test]
    fn english_left_in_a_task_shows_and_a_language_s_own_words_do_not() {
        let params = json!({ "worker": "w", "language": "German", "region": "Austria" });
        let recipe =
            recipe(&StageSpec { name: "c", params: &params, seed: 1, limit: None, reads: &Reads::default() }).unwrap();
        assert_eq!(recipe.topics.len(), 10);
        // "was" and "has" are German as well: the demonstrations use "was".
        let tongue = Tongue::of(&[seed("Was ist ein Krapfen?", "Ein Gebäck, das man im Fasching isst.")]);
        let rule = |task: &WholeTask| recipe.foreign(&tongue, task).map(|(rule, _)| rule);
        assert_eq!(rule(&task("Was heißt Servus?", "Es ist ein Gruß, was sonst.")), None);
        assert_eq!(
            rule(&task("Was heißt Servus?", "It is a greeting that they have for friends.")),
            Some("without_english")
        );
        assert_eq!(rule(&task("Что значит слово?", "Привет.")), Some("in_its_script"));
    }
}
