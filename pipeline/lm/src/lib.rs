//! Language models as workers: the two traits that generators and detectors see.
//!
//! A worker completes, and where it can it scores. Everything else (pools, journals, servers) wraps these two. No
//! worker is built yet.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// What is said.
    pub content: String,
}

/// A request for text; every parameter that changes the reply is explicit, so that it can be hashed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompletionRequest {
    /// The conversation; one user message stands for a bare prompt.
    pub messages: Vec<Message>,
    /// Number of replies.
    pub n_samples: u32,
    /// Sampling temperature, 0 or more.
    pub temperature: f64,
    /// Share of probability mass sampled from, in (0, 1].
    pub top_p: f64,
    /// Longest reply, in tokens.
    pub max_tokens: u32,
    /// Texts that end a reply.
    pub stop: Vec<String>,
    /// Seed of the sampling.
    pub seed: u64,
}

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FinishReason {
    /// The model ended it, or a stop text did.
    Stop,
    /// It reached `max_tokens`.
    Length,
}

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// The text.
    pub text: String,
    /// Why it ended.
    pub finish: FinishReason,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the reply.
    pub completion_tokens: u64,
}

/// A token of a text with its log-probability given what comes before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenScore {
    /// The token's text.
    pub token: String,
    /// Natural logarithm of its probability; none for the first token of most models.
    pub log_probability: Option<f64>,
}

/// Why a worker gave no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// The worker cannot do what was asked, ever.
    #[error("worker {worker} cannot do this: {cause}")]
    Unsupported {
        /// Name in the config.
        worker: String,
        /// What it cannot do.
        cause: String,
    },
    /// The worker failed this time.
    #[error("worker {worker} failed: {cause}")]
    Failed {
        /// Name in the config.
        worker: String,
        /// What happened.
        cause: String,
    },
}

/// Produces text.
#[async_trait]
pub trait Complete: Send + Sync {
    /// One reply per sample asked for.
    ///
    /// # Errors
    /// When the worker gives none.
    async fn complete(&self, request: &CompletionRequest) -> Result<Vec<Completion>, WorkerError>;
}

/// Says how likely a text is.
#[async_trait]
pub trait Score: Send + Sync {
    /// The text's tokens with their log-probabilities.
    ///
    /// # Errors
    /// When the worker gives none.
    async fn score(&self, text: &str) -> Result<Vec<TokenScore>, WorkerError>;
}
