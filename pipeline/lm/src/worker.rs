//! A worker as generators and detectors see it: it completes, and where it can it scores and embeds.
//!
//! Everything else wraps this trait: a pool is a worker around a worker, a recorder is one, a router is one over
//! several.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::{Failure, WorkerError};
use crate::request::{Completion, CompletionRequest, EmbedRequest, Embedded, Identity, ScoreRequest, Scored};

/// A language model that answers requests.
#[async_trait]
pub trait Worker: Send + Sync {
    /// Its name in the config.
    fn name(&self) -> &str;

    /// Which model it is; part of the key of every reply.
    fn identity(&self) -> Identity;

    /// One reply.
    ///
    /// # Errors
    /// When the worker gives none; the failure's class says whether asking again helps.
    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError>;

    /// How likely a text is, token by token.
    ///
    /// # Errors
    /// [`Failure::Unsupported`] when the worker cannot score, and as for [`Worker::complete`].
    async fn score(&self, request: &ScoreRequest) -> Result<Scored, WorkerError>;

    /// A text as a point.
    ///
    /// # Errors
    /// [`Failure::Unsupported`] when the worker gives no embeddings, and as for [`Worker::complete`].
    async fn embed(&self, _: &EmbedRequest) -> Result<Embedded, WorkerError> {
        Err(WorkerError::new(self.name(), Failure::Unsupported, "it gives no embeddings"))
    }

    /// Finds out what it can do, by trying.
    ///
    /// # Errors
    /// When it cannot be reached.
    async fn probe(&self) -> Result<Capabilities, WorkerError>;

    /// How long it will refuse whatever it is asked, by what it said with its last answers: an allowance is used up
    /// until then. Zero for workers that have none.
    fn spent_for(&self) -> Duration {
        Duration::ZERO
    }
}

/// What a worker can do, each found by trying it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Models it lists.
    pub models: Vec<String>,
    /// Continues a bare text.
    pub text: bool,
    /// Answers a conversation.
    pub chat: bool,
    /// Gives log-probabilities of its replies.
    pub reply_logprobs: bool,
    /// Scores a given text: the number and values of log-probabilities were checked, not only their presence.
    pub score: bool,
    /// Gives embeddings.
    #[serde(default)]
    pub embeddings: bool,
    /// Sees the whole distribution, so that entropies and ranks are exact.
    pub full_distribution: bool,
    /// Honours a JSON schema.
    pub json_schema: bool,
    /// Honours a regular expression.
    pub regex: bool,
    /// Honours a grammar.
    pub grammar: bool,
    /// Gives the same reply for the same seed.
    pub seed: bool,
    /// What was refused and why, in the order tried.
    pub notes: Vec<String>,
}
