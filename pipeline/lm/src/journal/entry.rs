//! What the journal keeps of an exchange with a worker.

use serde::{Deserialize, Serialize};

use crate::error::WorkerError;
use crate::request::{Completion, CompletionRequest, EmbedRequest, Embedded, Identity, ScoreRequest, Scored};

/// One exchange: what was asked of whom, and what came of it. As JSON it is one object with the outcome under `reply`,
/// `scores`, `embedding` or `failure`; usage, latency and attempts are in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// [`CompletionRequest::key`], [`ScoreRequest::key`] or [`EmbedRequest::key`].
    pub key: String,
    /// What was asked for.
    pub endpoint: Endpoint,
    /// The worker's name in the config then.
    pub worker: String,
    /// Which model it was.
    pub identity: Identity,
    /// The request.
    pub request: Request,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// A reply.
    Complete,
    /// Log-probabilities.
    Score,
    /// An embedding.
    Embed,
}

/// A request of any kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Request {
    /// For a reply.
    Complete(Box<CompletionRequest>),
    /// For log-probabilities.
    Score(ScoreRequest),
    /// For an embedding.
    Embed(EmbedRequest),
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A reply.
    Reply(Completion),
    /// Log-probabilities.
    Scores(Scored),
    /// An embedding.
    Embedding(Embedded),
    /// A failure that the same request would meet again.
    Failure(WorkerError),
}

/// The outcome alone, read without the rest.
#[derive(Deserialize)]
pub(crate) struct OutcomeOnly {
    reply: Option<Completion>,
    scores: Option<Scored>,
    embedding: Option<Embedded>,
    failure: Option<WorkerError>,
}

impl OutcomeOnly {
    pub(crate) fn outcome(self) -> Option<Outcome> {
        let Self { reply, scores, embedding, failure } = self;
        let given = reply.map(Outcome::Reply).or(scores.map(Outcome::Scores)).or(embedding.map(Outcome::Embedding));
        given.or(failure.map(Outcome::Failure))
    }
}
