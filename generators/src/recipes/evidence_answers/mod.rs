//! `kind = "evidence_answers"`: questions answered from the run's own documents, one answer per piece of evidence.
//!
//! The documents are cut into paragraphs; for each question the nearest by TF-IDF are evidence; a worker answers once
//! from each; a scoring worker says how well answer, question and evidence go together, and the best answer is kept.
//!
//! Source: Lazaridou et al. 2022, "Internet-augmented language models through few-shot prompting for open-domain question
//! answering", arXiv:2203.05115: 50 paragraphs, 15 demonstrations, the four ways to rank. We differ: evidence comes from
//! the input, not from a search engine; the product of experts has weights in the config, 1 each, not tuned ones.

mod index;
mod ranks;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, SOURCE, TEXT, document_id};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink, Stage, StageEntry, StageSpec};
use gristmill_lm::{Completion, CompletionRequest, Prompt, Sampling, WorkerError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::index::Index;
use self::ranks::{Logs, RankBy, Weights, aggregated};
use super::grounded_qa::passages;
use super::judging::logprob;
use crate::kit::params::{sampling, template};
use crate::kit::per_row::fitting_documents;
use crate::kit::prompt::prompt_hash;
use crate::kit::route::mark;
use crate::kit::rows::{
    Origin, RowReader, RowWriter, count, document_schema, instruction_fields, number, require_columns, set_instruction,
    text,
};
use crate::kit::{Asker, Outcome, Row, Template, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "evidence_answers",
    version: 1,
    about: "Answers questions from the nearest paragraphs of the input, ranked by direct, channel, RAG or product scores.",
    source: "Lazaridou et al. 2022, arXiv:2203.05115",
    takes_input: true,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "answers" },
        ParamDoc { name: "scorer", default: "none", about: "worker that scores; without it the nearest evidence wins" },
        ParamDoc {
            name: "questions",
            default: "required",
            about: "list of questions, or a text file with one per line",
        },
        ParamDoc { name: "n_evidence", default: "50", about: "paragraphs per question" },
        ParamDoc { name: "passage_words", default: "100", about: "longest paragraph, in words; none is cut below it" },
        ParamDoc {
            name: "demos",
            default: "none",
            about: "list of { evidence, question, answer } before each prompt; the paper's has 15",
        },
        ParamDoc { name: "rank_by", default: "\"product\"", about: "direct, noisy_channel, rag or product" },
        ParamDoc {
            name: "weights",
            default: "1 each",
            about: "of the product: { retrieval, direct, noisy_channel } on logarithms",
        },
        ParamDoc { name: "keep", default: "1", about: "answers kept per question" },
        ParamDoc {
            name: "prompt",
            default: "configs/prompts/recipes/evidence_answers.j2",
            about: "template with `demos`, `evidence`, `question`",
        },
        ParamDoc { name: "sampling", default: "greedy, max_tokens 64", about: "how answers are drawn" },
    ],
    build,
};

const RULES: &[&str] = &["has_evidence", "answer_given", "answer_scored", "answers_once", "ranked_first"];

#[derive(Deserialize)]
#[serde(untagged)]
enum Questions {
    File(PathBuf),
    List(Vec<String>),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Demo {
    evidence: String,
    question: String,
    answer: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: String,
    scorer: Option<String>,
    questions: Questions,
    #[serde(default = "fifty")]
    n_evidence: usize,
    #[serde(default = "hundred")]
    passage_words: usize,
    #[serde(default)]
    demos: Vec<Demo>,
    #[serde(default)]
    rank_by: RankBy,
    #[serde(default)]
    weights: Weights,
    #[serde(default = "one")]
    keep: usize,
    prompt: Option<String>,
    sampling: Option<Value>,
}

fn fifty() -> usize {
    50
}
fn hundred() -> usize {
    100
}
fn one() -> usize {
    1
}

struct EvidenceAnswers {
    stage: String,
    params: Params,
    questions: Vec<String>,
    prompt: Template,
    sampling: Sampling,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    let refuse = |cause: String| ParamError::at("questions", cause);
    let mut questions: Vec<String> = match &params.questions {
        Questions::List(list) => list.clone(),
        Questions::File(path) => {
            spec.reads.file("questions", "the questions", path)?.lines().map(str::to_owned).collect()
        }
    };
    questions.retain(|question| !question.trim().is_empty());
    if questions.is_empty() {
        return Err(refuse("expected at least one question".into()));
    }
    questions.truncate(spec.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX));
    let own = Sampling { max_tokens: 64, stop: vec!["\n".to_owned()], ..Sampling::default() };
    let recipe = EvidenceAnswers {
        stage: spec.name.to_owned(),
        questions,
        prompt: template(
            spec.reads,
            "prompt",
            params.prompt.as_deref(),
            include_str!("../../../../configs/prompts/recipes/evidence_answers.j2"),
        )?,
        sampling: sampling(&own, params.sampling.as_ref())?,
        params,
    };
    Ok(Stage::Maker(Arc::new(recipe)))
}

/// A paragraph of the input.
struct Paragraph {
    document: String,
    text: String,
}

/// A question with one piece of evidence.
struct Task<'a> {
    question: usize,
    number: usize,
    evidence: &'a Paragraph,
    /// Its share of the similarities of the question's evidence, 0 to 1.
    retrieval: f64,
}

/// A request that a worker answered: the reply, its prompt's hash, and the scores where somebody scored.
type Answered = Result<(Completion, String, Option<Logs>), (WorkerError, String)>;

impl EvidenceAnswers {
    fn row(&self, task: &Task<'_>, hash: &str, answer: &str) -> Row {
        let question = &self.questions[task.question];
        let mut row = Row::new();
        let locator = format!("{question}#{}", task.number);
        row.insert(ID.into(), document_id(&self.stage, &locator).into());
        row.insert(SOURCE.into(), self.stage.as_str().into());
        set_instruction(&mut row, question, "", answer);
        row.insert("evidence".into(), task.evidence.text.as_str().into());
        row.insert("evidence_rank".into(), (task.number + 1).into());
        row.insert("retrieval".into(), json!(task.retrieval));
        let parents = vec![task.evidence.document.clone()];
        Origin { worker: &self.params.worker, recipe: ENTRY.kind, prompt_hash: hash, parents }.mark(&mut row);
        row
    }

    /// Answers a question from one piece of evidence, and scores the answer.
    async fn answer(&self, task: &Task<'_>, worker: &Asker, scorer: Option<&Asker>) -> Result<Answered> {
        let (question, evidence) = (&self.questions[task.question], &task.evidence.text);
        let variables = json!({ "demos": self.params.demos, "evidence": evidence, "question": question });
        let prompt =
            self.prompt.render(&variables).map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })?;
        let prompt = prompt.trim_end().to_owned();
        let hash = prompt_hash(&prompt);
        let reply =
            match worker.ask(CompletionRequest::new(Prompt::user(prompt.clone()), self.sampling.clone())).await? {
                Ok(reply) => reply,
                Err(error) => return Ok(Err((error, hash))),
            };
        let answer = reply.text.trim();
        let (Some(scorer), false) = (scorer, answer.is_empty()) else { return Ok(Ok((reply, hash, None))) };
        let direct = logprob(scorer, prompt, format!(" {answer}")).await?;
        let channel = format!("Evidence: {evidence}\nAnswer: {answer}\nQuestion:");
        let channel = logprob(scorer, channel, format!(" {question}")).await?;
        Ok(match (direct, channel) {
            (Ok(direct), Ok(channel)) => {
                let logs = Logs { retrieval: task.retrieval.ln(), direct: direct.sum, noisy_channel: channel.sum };
                let known = direct.n > 0 && channel.n > 0;
                Ok((reply, hash, known.then_some(logs)))
            }
            (Err(error), _) | (_, Err(error)) => Err((error, hash)),
        })
    }

    /// Ranks the answers of one question and writes them.
    fn write(&self, answers: Vec<(Row, String, Logs)>, scored: bool, rows: &mut RowWriter<'_>) -> Result<()> {
        let logs: Vec<(&str, Logs)> = answers.iter().map(|(_, answer, logs)| (answer.as_str(), *logs)).collect();
        let by = if scored { self.params.rank_by } else { RankBy::Retrieval };
        let ranked = aggregated(&logs, by, &self.params.weights);
        let mut stands_for: Vec<Option<(usize, f64)>> = vec![None; answers.len()];
        for (rank, (i, score)) in ranked.iter().enumerate() {
            stands_for[*i] = Some((rank, *score));
        }
        for ((mut row, _, logs), standing) in answers.into_iter().zip(stands_for) {
            if scored {
                row.insert("direct".into(), json!(logs.direct));
                row.insert("noisy_channel".into(), json!(logs.noisy_channel));
                row.insert("rag".into(), json!(logs.score(RankBy::Rag, &self.params.weights)));
                row.insert("product".into(), json!(logs.score(RankBy::Product, &self.params.weights)));
            }
            match standing {
                None => rows.drop(row, "answers_once", &json!({}))?,
                Some((rank, score)) => {
                    row.insert("rank".into(), (rank + 1).into());
                    row.insert("rank_score".into(), json!(score));
                    match rank < self.params.keep {
                        true => rows.keep(row)?,
                        false => rows.drop(row, "ranked_first", &json!({ "rank": rank + 1, "rank_score": score }))?,
                    }
                }
            }
        }
        Ok(())
    }

    /// The evidence of every question; a question without any ends here.
    fn tasks<'a>(&self, paragraphs: &'a [Paragraph], rows: &mut RowWriter<'_>) -> Result<Vec<Task<'a>>> {
        let mut index = Index::of(paragraphs.iter().map(|paragraph| paragraph.text.as_str()));
        let mut tasks = Vec::new();
        for (question, asked) in self.questions.iter().enumerate() {
            let nearest = index.nearest(asked, self.params.n_evidence);
            let total: f64 = nearest.iter().map(|(_, similarity)| similarity).sum();
            if nearest.is_empty() {
                let nothing = Paragraph { document: String::new(), text: String::new() };
                let mut row = self.row(&Task { question, number: 0, evidence: &nothing, retrieval: 0.0 }, "", "");
                row.remove("parents");
                rows.drop(row, "has_evidence", &json!({ "question": asked }))?;
            }
            tasks.extend(nearest.into_iter().enumerate().map(|(number, (at, similarity))| Task {
                question,
                number,
                evidence: &paragraphs[at],
                retrieval: similarity / total,
            }));
        }
        Ok(tasks)
    }

    async fn paragraphs(&self, input: &dyn Relation) -> Result<Vec<Paragraph>> {
        let (mut paragraphs, mut reader) = (Vec::new(), RowReader::open(input).await?);
        while let Some(batch) = reader.next().await? {
            for row in batch {
                let document = text_of(&row, ID);
                let cut = passages(text_of(&row, TEXT), self.params.passage_words).into_iter();
                paragraphs.extend(cut.map(|text| Paragraph { document: document.to_owned(), text }));
            }
        }
        Ok(paragraphs)
    }
}

#[async_trait]
impl Maker for EvidenceAnswers {
    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        require_columns(&self.stage, input, &[ID, TEXT])?;
        let mut own = instruction_fields();
        own.extend([
            text("evidence"),
            count("evidence_rank"),
            count("rank"),
            number("rank_score"),
            number("retrieval"),
        ]);
        own.extend(["direct", "noisy_channel", "rag", "product"].map(number));
        Ok(document_schema(own))
    }

    fn rules(&self) -> Vec<String> {
        RULES.iter().map(|rule| (*rule).to_owned()).collect()
    }

    fn workers(&self) -> Vec<(String, String)> {
        let scorer = self.params.scorer.iter().map(|name| ("scorer".to_owned(), name.clone()));
        std::iter::once(("worker".to_owned(), self.params.worker.clone())).chain(scorer).collect()
    }

    async fn make(&self, input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        let session = input.session();
        let schema = self.schema(input.frame(&session)?.schema().as_arrow())?;
        let names: Vec<String> = self.workers().into_iter().map(|(_, name)| name).collect();
        let documents = fitting_documents(input, context, &names).await?;
        let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
        let worker = Asker::open(context, &self.params.worker, &documents).await?;
        let scorer = match &self.params.scorer {
            Some(name) => Some(Asker::open(context, name, &documents).await?),
            None => None,
        };
        let mut rows = RowWriter::new(&self.stage, schema, out);
        let paragraphs = self.paragraphs(input).await?;
        let tasks = self.tasks(&paragraphs, &mut rows)?;
        rows.figure("n_paragraphs", json!(paragraphs.len()));
        let (worker, scorer) = (&worker, scorer.as_ref());
        let tasks = &tasks;
        let mut answered = stream::iter(0..tasks.len())
            .map(|i| async move { self.answer(&tasks[i], worker, scorer).await.map(|answered| (i, answered)) })
            .buffered(worker.window());
        let (mut open, mut question) = (Vec::new(), None);
        while let Some(done) = answered.next().await {
            let (i, answered) = done?;
            let task = &tasks[i];
            if question.replace(task.question).is_some_and(|before| before != task.question) {
                self.write(std::mem::take(&mut open), scorer.is_some(), &mut rows)?;
            }
            let retrieval_only = Logs { retrieval: task.retrieval.ln(), direct: 0.0, noisy_channel: 0.0 };
            match answered {
                Err((error, hash)) => {
                    if let Outcome::Drop(row, rule, evidence) = Outcome::failed(self.row(task, &hash, ""), &error) {
                        rows.drop(row, &rule, &evidence)?;
                    }
                }
                Ok((reply, hash, logs)) => {
                    let answer = reply.text.trim();
                    let mut row = self.row(task, &hash, answer);
                    if let Some(choice) = &reply.routed {
                        mark(&mut row, &self.stage, &self.params.worker, choice, &[]);
                    }
                    match (answer.is_empty(), logs) {
                        (true, _) => rows.drop(row, "answer_given", &json!({ "reply": reply.text }))?,
                        (false, None) if scorer.is_some() => rows.drop(row, "answer_scored", &json!({}))?,
                        (false, logs) => open.push((row, answer.to_owned(), logs.unwrap_or(retrieval_only))),
                    }
                }
            }
        }
        self.write(open, scorer.is_some(), &mut rows)?;
        rows.finish()
    }
}
