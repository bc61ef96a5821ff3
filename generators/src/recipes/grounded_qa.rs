//! `kind = "grounded_qa"`: question and answer pairs from documents, each answer stated by its passage.
//!
//! A document is cut into passages; a worker asks and answers; questions that only make sense beside the passage go,
//! and with a judge those that the passage does not support. With a worker that scores, every answer gets its
//! perplexity given the question: high where the answer cannot be guessed without the source.
//!
//! Source: Tele-Eval of Maatouk et al. 2024, "Tele-LLMs" (arXiv:2409.05314): pairs per chunk, local references dropped,
//! answer perplexity as a measure. The list of local references is ours, and is a parameter.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, LICENSE, SOURCE, document_id};
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use gristmill_lm::{Completion, CompletionRequest, Prompt, Sampling, ScoreRequest};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kit::params::{sampling, template};
use crate::kit::prompt::prompt_hash;
use crate::kit::rows::{Origin, document_schema, instruction_fields, number, require_columns, set_instruction, text};
use crate::kit::{Asker, Outcome, Panel, PerRow, Row, RowRecipe, Template, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "grounded_qa",
    version: 1,
    about: "Questions and answers from documents; drops those that need the passage, repeat, or are not supported.",
    source: "Tele-Eval, Maatouk et al. 2024, arXiv:2409.05314",
    takes_input: true,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "asks and answers" },
        ParamDoc { name: "judge", default: "none", about: "worker that says whether the passage supports the answer" },
        ParamDoc { name: "scorer", default: "none", about: "worker that scores; adds `answer_perplexity`" },
        ParamDoc {
            name: "passage_words",
            default: "300",
            about: "longest passage, in words; a paragraph is not cut below it",
        },
        ParamDoc { name: "n_questions", default: "5", about: "pairs asked for per passage" },
        ParamDoc { name: "min_answer_words", default: "2", about: "shorter answers are dropped" },
        ParamDoc { name: "local_references", default: "a list", about: "patterns of words that point at the passage" },
        ParamDoc {
            name: "prompt",
            default: "configs/prompts/recipes/grounded_qa.j2",
            about: "template with `passage`, `n_questions`",
        },
        ParamDoc {
            name: "judge_prompt",
            default: "configs/prompts/recipes/grounded_qa_judge.j2",
            about: "template with `passage`, `question`, `answer`",
        },
        ParamDoc { name: "sampling", default: "temperature 0.7, max_tokens 600", about: "how replies are drawn" },
    ],
    build,
};

/// Words that point at a passage the reader of a question does not have.
const LOCAL_REFERENCES: &[&str] = &[
    r"\b(this|the|above|following|given|provided) (passage|text|document|article|paper|section|chapter|excerpt|figure|table|equation|author|authors)\b",
    r"\b(in|of|from) (this|these) (work|study|paper|section|figure|table)\b",
    r"\baccording to (this|the) \w+\b",
    r"\b(mentioned|described|shown|listed|discussed) (above|below|here)\b",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: String,
    judge: Option<String>,
    scorer: Option<String>,
    #[serde(default = "passage_words")]
    passage_words: usize,
    #[serde(default = "n_questions")]
    n_questions: usize,
    #[serde(default = "min_answer_words")]
    min_answer_words: usize,
    local_references: Option<Vec<String>>,
    prompt: Option<String>,
    judge_prompt: Option<String>,
    sampling: Option<Value>,
}

fn passage_words() -> usize {
    300
}
fn n_questions() -> usize {
    5
}
fn min_answer_words() -> usize {
    2
}

struct GroundedQa {
    stage: String,
    params: Params,
    local: Vec<Regex>,
    prompt: Template,
    judge_prompt: Template,
    sampling: Sampling,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    let own = Sampling { temperature: 0.7, max_tokens: 600, ..Sampling::default() };
    let sampling = sampling(&own, params.sampling.as_ref())?;
    let patterns: Vec<String> = params
        .local_references
        .clone()
        .unwrap_or_else(|| LOCAL_REFERENCES.iter().map(|pattern| (*pattern).to_owned()).collect());
    let compile = |pattern: &String| {
        let regex = RegexBuilder::new(pattern).case_insensitive(true).build();
        regex.map_err(|e| ParamError::at("local_references", e.to_string()))
    };
    let local = patterns.iter().map(compile).collect::<Result<_, _>>()?;
    let prompt = template(
        spec.reads,
        "prompt",
        params.prompt.as_deref(),
        include_str!("../../../configs/prompts/recipes/grounded_qa.j2"),
    )?;
    let judge_prompt = template(
        spec.reads,
        "judge_prompt",
        params.judge_prompt.as_deref(),
        include_str!("../../../configs/prompts/recipes/grounded_qa_judge.j2"),
    )?;
    let recipe = GroundedQa { stage: spec.name.to_owned(), params, local, prompt, judge_prompt, sampling };
    Ok(Stage::Maker(Arc::new(PerRow(Arc::new(recipe)))))
}

impl GroundedQa {
    fn worker_at(&self, key: &str) -> Option<usize> {
        self.workers().iter().position(|(k, _)| k == key)
    }

    fn render(&self, template: &Template, variables: &Value) -> Result<String> {
        template.render(variables).map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })
    }

    /// Why a pair cannot go on, by the rules that need no worker.
    fn fault(&self, question: &str, answer: &str, seen: &mut Vec<String>) -> Option<&'static str> {
        let key = question.to_lowercase();
        if answer.split_whitespace().count() < self.params.min_answer_words {
            Some("answer_long_enough")
        } else if self.local.iter().any(|pattern| pattern.is_match(question)) {
            Some("self_contained")
        } else if seen.contains(&key) {
            Some("asked_once")
        } else {
            seen.push(key);
            None
        }
    }

    async fn supported(&self, judge: &Asker, passage: &str, question: &str, answer: &str) -> Result<Option<Value>> {
        let variables = json!({ "passage": passage, "question": question, "answer": answer });
        let prompt = Prompt::user(self.render(&self.judge_prompt, &variables)?);
        let request = CompletionRequest::new(prompt, Sampling { max_tokens: 8, ..Sampling::default() });
        Ok(match judge.ask(request).await? {
            Ok(reply) if says_yes(&reply.text) => None,
            Ok(reply) => Some(json!({ "judge": reply.text })),
            Err(error) => Some(json!({ "judge_failed": error.message })),
        })
    }
}

/// Whether a reply begins with "yes".
pub(super) fn says_yes(reply: &str) -> bool {
    reply.trim_start().get(..3).is_some_and(|start| start.eq_ignore_ascii_case("yes"))
}

/// Perplexity of an answer after a question; none when the worker cannot say.
pub(super) async fn perplexity(scorer: &Asker, context: String, text: String) -> Result<Option<f64>> {
    let scored = scorer.score(ScoreRequest { context, text, top: 0 }).await?;
    let Ok(scored) = scored else { return Ok(None) };
    let known: Vec<f64> = scored.tokens.iter().filter_map(|token| token.logprob).collect();
    Ok((!known.is_empty()).then(|| (-known.iter().sum::<f64>() / known.len() as f64).exp()))
}

/// Cuts a text into passages of whole paragraphs of at most `words` words; a longer paragraph stands alone.
pub(super) fn passages(text: &str, words: usize) -> Vec<String> {
    let (mut passages, mut current, mut n) = (Vec::new(), String::new(), 0);
    for paragraph in text.split("\n\n").flat_map(|block| block.split('\n')).map(str::trim).filter(|p| !p.is_empty()) {
        let more = paragraph.split_whitespace().count();
        if n > 0 && n + more > words {
            passages.push(std::mem::take(&mut current));
            n = 0;
        }
        if n > 0 {
            current.push('\n');
        }
        current.push_str(paragraph);
        n += more;
    }
    if n > 0 {
        passages.push(current);
    }
    passages
}

/// The pairs of a reply that continues "Q:".
fn pairs(reply: &str) -> Vec<(String, String)> {
    static PAIR: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?ms)^\s*Q\s*\d*\s*[:.]\s*(.+?)\s*^\s*A\s*\d*\s*[:.]\s*(.+?)\s*(?:$)").ok());
    let text =
        if reply.trim_start().starts_with('Q') { reply.to_owned() } else { format!("Q: {}", reply.trim_start()) };
    let level = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some(pattern) = PAIR.as_ref() else { return Vec::new() };
    pattern.captures_iter(&text).map(|found| (level(&found[1]), level(&found[2]))).collect()
}

#[async_trait]
impl RowRecipe for GroundedQa {
    fn stage(&self) -> &str {
        &self.stage
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        require_columns(&self.stage, input, &["id", "text"])?;
        let mut own = instruction_fields();
        own.push(text("passage"));
        own.push(number("answer_perplexity"));
        Ok(document_schema(own))
    }

    fn rules(&self) -> Vec<String> {
        let judged = self.params.judge.iter().map(|_| "supported_by_passage");
        ["reply_has_pairs", "answer_long_enough", "self_contained", "asked_once"]
            .into_iter()
            .chain(judged)
            .map(str::to_owned)
            .collect()
    }

    fn workers(&self) -> Vec<(String, String)> {
        let own = [("worker", Some(&self.params.worker)), ("judge", self.params.judge.as_ref())];
        let own = own.into_iter().chain([("scorer", self.params.scorer.as_ref())]);
        own.filter_map(|(key, name)| Some((key.to_owned(), name?.clone()))).collect()
    }

    async fn work(&self, _n: u64, row: Row, workers: &Panel) -> Result<Vec<Outcome>> {
        let (mut outcomes, mut seen) = (Vec::new(), Vec::new());
        for (i, passage) in passages(text_of(&row, "text"), self.params.passage_words).iter().enumerate() {
            let variables = json!({ "passage": passage, "n_questions": self.params.n_questions });
            let prompt = self.render(&self.prompt, &variables)?;
            let hash = prompt_hash(&prompt);
            let request = CompletionRequest::new(Prompt::user(prompt), self.sampling.clone());
            let made = Made { row: &row, passage, number: i, hash: &hash };
            match workers.askers[0].ask(request).await? {
                Err(error) => outcomes.push(Outcome::failed(made.row_of(self, "", "", 0), &error)),
                Ok(reply) => outcomes.extend(self.judge_pairs(&made, &reply, &mut seen, workers).await?),
            }
        }
        Ok(outcomes)
    }
}

/// Where a pair comes from.
struct Made<'a> {
    row: &'a Row,
    passage: &'a str,
    number: usize,
    hash: &'a str,
}

impl Made<'_> {
    fn row_of(&self, recipe: &GroundedQa, question: &str, answer: &str, pair: usize) -> Row {
        let parent = text_of(self.row, ID);
        let mut row = Row::new();
        row.insert(ID.into(), document_id(&recipe.stage, &format!("{parent}#{}#{pair}", self.number)).into());
        for column in [SOURCE, LICENSE, "url"] {
            row.insert(column.into(), self.row.get(column).cloned().unwrap_or(Value::Null));
        }
        set_instruction(&mut row, question, "", answer);
        row.insert("passage".into(), self.passage.into());
        let parents = vec![parent.to_owned()];
        Origin { worker: &recipe.params.worker, recipe: ENTRY.kind, prompt_hash: self.hash, parents }.mark(&mut row);
        row
    }
}

impl GroundedQa {
    async fn judge_pairs(
        &self,
        made: &Made<'_>,
        reply: &Completion,
        seen: &mut Vec<String>,
        workers: &Panel,
    ) -> Result<Vec<Outcome>> {
        let pairs = pairs(&reply.text);
        if pairs.is_empty() {
            let row = made.row_of(self, "", "", 0);
            return Ok(vec![Outcome::drop(row, "reply_has_pairs", json!({ "reply": reply.text }))]);
        }
        let mut outcomes = Vec::new();
        for (i, (question, answer)) in pairs.iter().enumerate() {
            let mut row = made.row_of(self, question, answer, i + 1);
            if let Some(rule) = self.fault(question, answer, seen) {
                outcomes.push(Outcome::drop(row, rule, json!({ "question": question, "answer": answer })));
                continue;
            }
            if let Some(judge) = self.worker_at("judge").map(|at| &workers.askers[at])
                && let Some(evidence) = self.supported(judge, made.passage, question, answer).await?
            {
                outcomes.push(Outcome::drop(row, "supported_by_passage", evidence));
                continue;
            }
            if let Some(scorer) = self.worker_at("scorer").map(|at| &workers.askers[at]) {
                let perplexity = perplexity(scorer, format!("{question}\n"), answer.clone()).await?;
                row.insert("answer_perplexity".into(), json!(perplexity));
            }
            outcomes.push(Outcome::Keep(row));
        }
        Ok(outcomes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_with_and_without_the_leading_mark() {
        let reply = " What is a mill?\nA: A machine that grinds.\n\nQ: Who runs it?\nA: A miller.";
        let expected = [("What is a mill?", "A machine that grinds."), ("Who runs it?", "A miller.")];
        let expected: Vec<(String, String)> = expected.map(|(q, a)| (q.into(), a.into())).into();
        assert_eq!(pairs(reply), expected);
        assert_eq!(pairs(&format!("Q:{reply}")), expected);
        assert_eq!(pairs("no pairs here"), Vec::new());
    }

    #[test]
    fn passages_keep_paragraphs_whole() {
        assert_eq!(passages("a b\n\nc d\n\ne", 4), ["a b\nc d", "e"]);
        assert_eq!(passages("a b c d e f", 2), ["a b c d e f"]);
        assert_eq!(passages(" \n\n ", 2), Vec::<String>::new());
    }

    #[test]
    fn questions_that_point_at_the_passage_are_not_self_contained() {
        let local: Vec<Regex> =
            LOCAL_REFERENCES.iter().map(|p| RegexBuilder::new(p).case_insensitive(true).build().unwrap()).collect();
        let points = |question: &str| local.iter().any(|pattern| pattern.is_match(question));
        assert!(points("What does the author say of mills?"));
        assert!(points("Which result is shown above?"));
        assert!(points("What happens in this section?"));
        assert!(!points("What does a miller do?"));
        assert!(!points("Which section of the river freezes first?"));
    }
}
