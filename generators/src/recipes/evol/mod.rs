//! `kind = "evol"`: instructions made harder or turned into new ones, round by round, with answers.
//!
//! In each round one operation is drawn for a row: four make its task harder (a constraint, depth, particulars, steps of
//! reasoning), one invents another task of the same field. An evolution that fails is a ledger row, and the next round
//! tries again with the task as it was; one that holds is a row and what the next round starts from.
//!
//! Source: Evol-Instruct, Xu et al. 2023 (WizardLM, arXiv:2304.12244): the operations, 10 to 20 added words, temperature
//! 1, top_p 0.95, 2048 tokens, and what eliminates an evolution. We differ: the prompts are ours; without a judge "no
//! information gained" is read off the texts (equal but for capitals and white space); replies cut at their longest go.

mod elimination;

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, LICENSE, SOURCE, document_id};
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use gristmill_lm::{Completion, CompletionRequest, Finish, Prompt, Sampling};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::elimination::Elimination;
use super::judging::{Reading, yes};
use crate::instruct::python_text::level;
use crate::instruct::seeds::seed;
use crate::kit::params::{sampling, template};
use crate::kit::prompt::prompt_hash;
use crate::kit::rows::{Origin, count, document_schema, instruction_fields, require_columns, set_instruction, text};
use crate::kit::{Asker, Draws, Outcome, Panel, PerRow, Row, RowRecipe, Template, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "evol",
    version: 1,
    about: "Makes instructions harder or turns them into new ones, round by round, and answers them.",
    source: "Evol-Instruct, Xu et al. 2023, arXiv:2304.12244",
    takes_input: true,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "rewrites" },
        ParamDoc { name: "answerer", default: "worker", about: "answers the evolved tasks" },
        ParamDoc { name: "answers", default: "true", about: "false: tasks without outputs" },
        ParamDoc {
            name: "judge",
            default: "none",
            about: "says whether two tasks ask for the same; without one, their texts do",
        },
        ParamDoc {
            name: "reading",
            default: "\"reply\"",
            about: "how the judge's yes is read: reply, first_token or scored",
        },
        ParamDoc {
            name: "same_from",
            default: "0.5",
            about: "how sure the judge must be of a yes for the task to be the same",
        },
        ParamDoc { name: "rounds", default: "4", about: "evolutions tried per row, each from the last that held" },
        ParamDoc {
            name: "operations",
            default: "all, with breadth as often as any other",
            about: "list of constraint, deepen, concretise, reasoning, breadth, drawn evenly; repeat one to weigh it",
        },
        ParamDoc {
            name: "added_words",
            default: "[10, 20]",
            about: "words a harder task is asked to add; told, not checked",
        },
        ParamDoc {
            name: "elimination",
            default: "prompt_words, refusal_words, refusal_max_words 80, stop_words",
            about: "table of the signs by which evolutions and answers fail",
        },
        ParamDoc {
            name: "depth_prompt",
            default: "configs/prompts/recipes/evol_depth.j2",
            about: "template with `operation`, `task`, `added_words`",
        },
        ParamDoc {
            name: "breadth_prompt",
            default: "configs/prompts/recipes/evol_breadth.j2",
            about: "template with `task`",
        },
        ParamDoc {
            name: "judge_prompt",
            default: "configs/prompts/recipes/evol_judge.j2",
            about: "template with `task`, `evolved`; a yes says that nothing was gained",
        },
        ParamDoc {
            name: "sampling",
            default: "temperature 1, top_p 0.95, max_tokens 2048",
            about: "how tasks and answers are drawn",
        },
    ],
    build,
};

const RULES: &[&str] = &[
    "has_a_task",
    "finished",
    "no_words_of_the_prompt",
    "gains_information",
    "answer_finished",
    "answer_not_refused",
    "answer_has_content",
];

/// What a round does to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Constraint,
    Deepen,
    Concretise,
    Reasoning,
    Breadth,
}

const ALL: [Operation; 5] =
    [Operation::Constraint, Operation::Deepen, Operation::Concretise, Operation::Reasoning, Operation::Breadth];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: String,
    answerer: Option<String>,
    #[serde(default = "answers")]
    answers: bool,
    judge: Option<String>,
    #[serde(default)]
    reading: Reading,
    #[serde(default = "same_from")]
    same_from: f64,
    #[serde(default = "rounds")]
    rounds: u32,
    #[serde(default = "operations")]
    operations: Vec<Operation>,
    #[serde(default = "added_words")]
    added_words: [u32; 2],
    #[serde(default)]
    elimination: Elimination,
    depth_prompt: Option<String>,
    breadth_prompt: Option<String>,
    judge_prompt: Option<String>,
    sampling: Option<Value>,
}

fn answers() -> bool {
    true
}
fn rounds() -> u32 {
    4
}
fn operations() -> Vec<Operation> {
    ALL.to_vec()
}
fn same_from() -> f64 {
    0.5
}
fn added_words() -> [u32; 2] {
    [10, 20]
}

struct Evol {
    stage: String,
    seed: u64,
    params: Params,
    depth_prompt: Template,
    breadth_prompt: Template,
    judge_prompt: Template,
    sampling: Sampling,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    Ok(Stage::Maker(Arc::new(PerRow(Arc::new(recipe(spec)?)))))
}

fn recipe(spec: &StageSpec<'_>) -> Result<Evol, ParamError> {
    let params: Params = params::parse(spec.params)?;
    if params.operations.is_empty() {
        return Err(ParamError::at("operations", "expected at least one"));
    }
    if params.added_words[0] > params.added_words[1] {
        return Err(ParamError::at("added_words", "expected [least, most]"));
    }
    let own = Sampling { temperature: 1.0, top_p: 0.95, max_tokens: 2048, ..Sampling::default() };
    let read = |key: &str, path: &Option<String>, builtin: &str| template(spec.reads, key, path.as_deref(), builtin);
    Ok(Evol {
        stage: spec.name.to_owned(),
        seed: spec.seed,
        depth_prompt: read(
            "depth_prompt",
            &params.depth_prompt,
            include_str!("../../../../configs/prompts/recipes/evol_depth.j2"),
        )?,
        breadth_prompt: read(
            "breadth_prompt",
            &params.breadth_prompt,
            include_str!("../../../../configs/prompts/recipes/evol_breadth.j2"),
        )?,
        judge_prompt: read(
            "judge_prompt",
            &params.judge_prompt,
            include_str!("../../../../configs/prompts/recipes/evol_judge.j2"),
        )?,
        sampling: sampling(&own, params.sampling.as_ref())?,
        params,
    })
}

/// A task, and the row it stands in.
struct Current {
    id: String,
    task: String,
}

/// One try.
struct Attempt<'a> {
    parent: &'a Row,
    round: u32,
    operation: Operation,
    hash: String,
}

impl Evol {
    fn error(&self, cause: String) -> Error {
        Error::Stage { stage: self.stage.clone(), cause }
    }

    fn render(&self, template: &Template, variables: &Value) -> Result<String> {
        Ok(template.render(variables).map_err(|cause| self.error(cause))?.trim_end().to_owned())
    }

    fn worker_at(&self, key: &str) -> Option<usize> {
        self.workers().iter().position(|(k, _)| k == key)
    }

    fn row(&self, attempt: &Attempt<'_>, current: &Current, task: &str, answer: &str) -> Row {
        let mut row = Row::new();
        let locator = format!("{}#{}", text_of(attempt.parent, ID), attempt.round);
        row.insert(ID.into(), document_id(&self.stage, &locator).into());
        row.insert(SOURCE.into(), self.stage.as_str().into());
        row.insert(LICENSE.into(), attempt.parent.get(LICENSE).cloned().unwrap_or(Value::Null));
        row.insert("operation".into(), json!(attempt.operation));
        row.insert("round".into(), (attempt.round + 1).into());
        row.insert("evolved_from".into(), current.task.as_str().into());
        set_instruction(&mut row, task, "", answer);
        let parents = vec![current.id.clone()];
        Origin { worker: &self.params.worker, recipe: ENTRY.kind, prompt_hash: &attempt.hash, parents }.mark(&mut row);
        row
    }

    /// The rule an evolved task fails, of those that need no worker.
    fn fault(&self, current: &Current, reply: &Completion) -> Option<(&'static str, Value)> {
        let evolved = evolved_task(&reply.text);
        if !evolved.chars().any(char::is_alphanumeric) {
            Some(("has_a_task", json!({})))
        } else if reply.finish == Finish::Length {
            Some(("finished", json!({})))
        } else if let Some(words) = self.params.elimination.copied_words(&current.task, evolved) {
            Some(("no_words_of_the_prompt", json!({ "words": words })))
        } else if level(&evolved.to_lowercase()) == level(&current.task.to_lowercase()) {
            Some(("gains_information", json!({ "equal": true })))
        } else {
            None
        }
    }

    /// Asks the judge whether a task asks for the same as another; an outcome where it says so, or cannot be read.
    async fn judged(&self, judge: &Asker, current: &Current, row: &Row) -> Result<Option<Outcome>> {
        let variables = json!({ "task": current.task, "evolved": text_of(row, "instruction") });
        let opinion = match yes(judge, self.render(&self.judge_prompt, &variables)?, self.params.reading).await? {
            Ok(opinion) => opinion,
            Err(error) => return Ok(Some(Outcome::failed(row.clone(), &error))),
        };
        // What cannot be read has not been found to be another.
        let same = opinion.value.is_none_or(|yes| yes >= self.params.same_from);
        let evidence = json!({ "judge": opinion.reply, "same": opinion.value });
        Ok(same.then(|| Outcome::drop(row.clone(), "gains_information", evidence)))
    }

    /// Answers an evolved task.
    async fn answered(&self, asker: &Asker, mut row: Row) -> Result<Outcome> {
        let task = text_of(&row, "instruction").to_owned();
        let request = CompletionRequest::new(Prompt::user(task.clone()), self.sampling.clone());
        let reply = match asker.ask(request).await? {
            Ok(reply) => reply,
            Err(error) => return Ok(Outcome::failed(row, &error)),
        };
        let answer = reply.text.trim();
        set_instruction(&mut row, &task, "", answer);
        let elimination = &self.params.elimination;
        let fails = if reply.finish == Finish::Length {
            Some("answer_finished")
        } else if elimination.is_refusal(answer) {
            Some("answer_not_refused")
        } else if !elimination.has_content(answer) {
            Some("answer_has_content")
        } else {
            None
        };
        Ok(match fails {
            None => Outcome::Keep(row),
            Some(rule) => Outcome::drop(row, rule, json!({ "reply": reply.text })),
        })
    }

    async fn round(&self, parent: &Row, round: u32, current: &Current, workers: &Panel) -> Result<Outcome> {
        let mut draws = Draws::of(self.seed, &[&self.stage, text_of(parent, ID), &round.to_string()]);
        let operation = draws.choose(&self.params.operations).copied().unwrap_or(Operation::Deepen);
        let variables = json!({ "operation": operation, "task": current.task, "added_words": self.params.added_words });
        let chosen = if operation == Operation::Breadth { &self.breadth_prompt } else { &self.depth_prompt };
        let prompt = self.render(chosen, &variables)?;
        let attempt = Attempt { parent, round, operation, hash: prompt_hash(&prompt) };
        let request = CompletionRequest::new(Prompt::user(prompt), self.sampling.clone()).with_sample(round);
        let reply = match workers.askers[0].ask(request).await? {
            Ok(reply) => reply,
            Err(error) => return Ok(Outcome::failed(self.row(&attempt, current, "", ""), &error)),
        };
        let row = self.row(&attempt, current, evolved_task(&reply.text), "");
        if let Some((rule, why)) = self.fault(current, &reply) {
            return Ok(Outcome::drop(row, rule, json!({ "reply": reply.text, "why": why })));
        }
        if let Some(judge) = self.worker_at("judge").map(|at| &workers.askers[at])
            && let Some(outcome) = self.judged(judge, current, &row).await?
        {
            return Ok(outcome);
        }
        match self.params.answers {
            true => self.answered(&workers.askers[self.worker_at("answerer").unwrap_or(0)], row).await,
            false => Ok(Outcome::Keep(row)),
        }
    }
}

/// The task of a reply, without a label it begins with.
fn evolved_task(reply: &str) -> &str {
    let reply = reply.trim().trim_start_matches(['#', '*']).trim_start();
    let labels = ["the rewritten task:", "rewritten task:", "the new task:", "new task:"];
    let label =
        labels.iter().find(|label| reply.get(..label.len()).is_some_and(|start| start.eq_ignore_ascii_case(label)));
    label.map_or(reply, |label| reply[label.len()..].trim_start_matches(['*', ' ', '\n']))
}

#[async_trait]
impl RowRecipe for Evol {
    fn stage(&self) -> &str {
        &self.stage
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        require_columns(&self.stage, input, &[ID, "text"])?;
        let own = instruction_fields();
        Ok(document_schema(own.into_iter().chain([text("operation"), count("round"), text("evolved_from")])))
    }

    fn rules(&self) -> Vec<String> {
        RULES.iter().map(|rule| (*rule).to_owned()).collect()
    }

    fn workers(&self) -> Vec<(String, String)> {
        let own = [("worker", Some(&self.params.worker)), ("judge", self.params.judge.as_ref())];
        let own = own.into_iter().chain([("answerer", self.params.answerer.as_ref())]);
        own.filter_map(|(key, name)| Some((key.to_owned(), name?.clone()))).collect()
    }

    async fn work(&self, _n: u64, row: Row, workers: &Panel) -> Result<Vec<Outcome>> {
        let task = match seed(&row) {
            Some(task) if task.input.is_empty() => task.instruction,
            Some(task) => format!("{}\n{}", task.instruction, task.input),
            None => String::new(),
        };
        let mut current = Current { id: text_of(&row, ID).to_owned(), task: task.trim().to_owned() };
        let mut outcomes = Vec::new();
        for round in 0..self.params.rounds {
            let outcome = self.round(&row, round, &current, workers).await?;
            if let Outcome::Keep(evolved) = &outcome {
                current =
                    Current { id: text_of(evolved, ID).to_owned(), task: text_of(evolved, "instruction").to_owned() };
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::scripted::{Scripted, panel, said};
    use gristmill_core::stage::Reads;

    fn made(params: &Value) -> Evol {
        recipe(&StageSpec { name: "e", params, seed: 1, limit: None, reads: &Reads::default() }).unwrap()
    }

    fn rules(outcomes: &[Outcome]) -> Vec<&str> {
        outcomes.iter().map(|o| if let Outcome::Drop(_, rule, _) = o { rule.as_str() } else { "" }).collect()
    }

    fn seed_row() -> Row {
        json!({ "id": "s", "instruction": "Sort the words.", "input": "b a" }).as_object().unwrap().clone()
    }

    #[tokio::test]
    async fn an_evolution_that_holds_is_what_the_next_round_starts_from() {
        let worker = Scripted::new(|request| {
            let prompt = request.prompt.plain();
            let last = |text: &str| said(if prompt.contains("given task") { text } else { "a b" });
            match request.sample {
                0 => last("The rewritten task: Sort the words by length, then by letters.\nb a"),
                1 => last("sort the words by  length, then by letters.\nB a"),
                2 => last("Rewrite the given task and sort."),
                _ => last("Sort the words by length, letters and sound.\nb a"),
            }
        });
        let recipe = made(&json!({ "worker": "w", "operations": ["constraint"] }));
        let outcomes = recipe.work(0, seed_row(), &panel(&[&worker])).await.unwrap();
        assert_eq!(rules(&outcomes), ["", "gains_information", "no_words_of_the_prompt", ""]);
        let (Outcome::Keep(first), Outcome::Keep(last)) = (&outcomes[0], &outcomes[3]) else { panic!("two hold") };
        assert_eq!(first["parents"], json!(["s"]));
        assert_eq!(first["instruction"], "Sort the words by length, then by letters.\nb a");
        assert_eq!((last["parents"][0].as_str(), last["output"].as_str()), (first["id"].as_str(), Some("a b")));
        assert_eq!(last["evolved_from"], first["instruction"]);
        let Outcome::Drop(_, _, evidence) = &outcomes[2] else { panic!("the third fails") };
        assert_eq!(evidence["reply"], "Rewrite the given task and sort.");
    }

    #[tokio::test]
    async fn a_judge_and_the_answer_can_end_an_evolution() {
        let judge =
            Scripted::new(|request| said(if request.prompt.plain().contains("harder") { "No." } else { "Yes." }));
        let worker = Scripted::new(|request| {
            said(match (request.prompt.plain().contains("given task"), request.sample) {
                (true, 0) => "Sort them.",
                (true, _) => "Sort these harder words.",
                (false, _) => "Sorry, no.",
            })
        });
        let recipe = made(&json!({ "worker": "w", "judge": "j", "rounds": 2, "operations": ["deepen"] }));
        let outcomes = recipe.work(0, seed_row(), &panel(&[&worker, &judge])).await.unwrap();
        assert_eq!(rules(&outcomes), ["gains_information", "answer_not_refused"]);
    }
}
