//! Why a worker gave no reply, and what to do about it.
//!
//! The class decides: some failures pass (asked again), some belong to the request (the row fails and its cause goes
//! to the ledger), some to the worker (everything it still has to do waits for the user). Servers word the same
//! failure in many ways; the classes are those of the OpenAI-compatible servers in use (vLLM, SGLang, llama.cpp,
//! Ollama, hosted ones).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Too many requests or tokens per minute (429).
    Rate,
    /// The account is spent (402, 429 `insufficient_quota`).
    Quota,
    /// The credentials are refused (401, 403).
    Auth,
    /// No such route or model (404).
    NotFound,
    /// Prompt and reply do not fit the model's context.
    ContextLength,
    /// The server refuses the request (other 4xx).
    BadRequest,
    /// The server is overloaded or broken (408, 409, 5xx).
    Overload,
    /// No connection, or it was lost.
    Connection,
    /// It has not answered anybody for longer than the config bears.
    Down,
    /// No answer in time.
    Timeout,
    /// The answer ended early or was no answer: cut body, `abort`, no choices, null text.
    Abnormal,
    /// The reply does not have the shape that was asked for, after the repair.
    Malformed,
    /// The server's filter or the model refused.
    Refused,
    /// The worker cannot do what was asked, ever.
    Unsupported,
    /// The budget in the config is spent.
    Budget,
    /// A replay worker has no reply recorded for this request.
    Unseen,
    /// The journal or a recording cannot be read or written.
    Storage,
}

/// What a failure means for the request and the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Ask again, later.
    Retry,
    /// This request fails; others go on.
    FailRow,
    /// The worker can do nothing more; the run stops and resumes once it is mended.
    StopWorker,
}

impl Failure {
    /// What to do.
    pub fn action(self) -> Action {
        match self {
            Self::Rate | Self::Overload | Self::Connection | Self::Timeout | Self::Abnormal => Action::Retry,
            Self::ContextLength | Self::BadRequest | Self::Malformed | Self::Refused => Action::FailRow,
            Self::Quota
            | Self::Auth
            | Self::NotFound
            | Self::Down
            | Self::Unsupported
            | Self::Budget
            | Self::Unseen
            | Self::Storage => Action::StopWorker,
        }
    }

    /// Its name in ledger rules: `lm_<name>`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Quota => "quota",
            Self::Auth => "auth",
            Self::NotFound => "not_found",
            Self::ContextLength => "context_length",
            Self::BadRequest => "bad_request",
            Self::Overload => "overload",
            Self::Connection => "connection",
            Self::Down => "down",
            Self::Timeout => "timeout",
            Self::Abnormal => "abnormal",
            Self::Malformed => "malformed",
            Self::Refused => "refused",
            Self::Unsupported => "unsupported",
            Self::Budget => "budget",
            Self::Unseen => "unseen",
            Self::Storage => "storage",
        }
    }
}

/// A failure with what is known about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("worker {worker}: {message}")]
pub struct WorkerError {
    /// Name in the config.
    pub worker: String,
    /// What kind it was.
    pub failure: Failure,
    /// What happened, with the server's words; never a credential.
    pub message: String,
    /// HTTP status, if there was one.
    pub status: Option<u16>,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
    /// Times it was asked.
    pub attempts: u32,
}

impl WorkerError {
    /// A failure with a message and nothing else.
    pub fn new(worker: &str, failure: Failure, message: impl Into<String>) -> Self {
        Self {
            worker: worker.to_owned(),
            failure,
            message: message.into(),
            status: None,
            retry_after: None,
            attempts: 1,
        }
    }
}

/// The first characters of a text that is shown in a message, with a mark where more followed.
pub(crate) fn cut(text: &str, n_chars: usize) -> String {
    match text.char_indices().nth(n_chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
