//! A run rehearsed: the embedded model stands in for a server, and what the server would have been asked is kept.
//!
//! A recipe's requests depend on the replies before them, so what a run will ask cannot be read off its config. The
//! stand-in's replies are poorer than a server's: a recipe that draws until it has enough asks more in the rehearsal
//! than in the run, and the estimate errs on the dear side.

use std::sync::Mutex;

use async_trait::async_trait;

use crate::error::WorkerError;
use crate::ngram::{Ngram, NgramSettings};
use crate::pool::locked;
use crate::request::{Completion, CompletionRequest, EmbedRequest, Embedded, Identity, ScoreRequest, Scored};
use crate::worker::{Capabilities, Worker};

/// The stand-in for one server.
pub(super) struct Rehearsal {
    name: String,
    identity: Identity,
    model: Ngram,
    asked: Mutex<Vec<CompletionRequest>>,
    scored_bytes: Mutex<Vec<usize>>,
}

/// What a server would have been asked.
#[derive(Debug, Clone)]
pub struct Rehearsed {
    /// The worker's name.
    pub worker: String,
    /// The model that would have been asked.
    pub identity: Identity,
    /// The requests, in the order they came.
    pub requests: Vec<CompletionRequest>,
    /// Texts to be scored or embedded, each with its number of bytes.
    pub scored_bytes: Vec<usize>,
}

impl Rehearsal {
    pub(super) fn new(name: &str, identity: Identity, documents: &[&str]) -> Self {
        let model = Ngram::fit(name, NgramSettings::default(), documents.iter().copied());
        Self { name: name.to_owned(), identity, model, asked: Mutex::default(), scored_bytes: Mutex::default() }
    }

    pub(super) fn rehearsed(&self) -> Rehearsed {
        Rehearsed {
            worker: self.name.clone(),
            identity: self.identity.clone(),
            requests: locked(&self.asked).clone(),
            scored_bytes: locked(&self.scored_bytes).clone(),
        }
    }
}

#[async_trait]
impl Worker for Rehearsal {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        locked(&self.asked).push(request.clone());
        // The stand-in cannot be held to a form; the reply's length is what matters here.
        let mut plain = request.clone();
        plain.shape = None;
        self.model.complete(&plain).await
    }

    async fn score(&self, request: &ScoreRequest) -> Result<Scored, WorkerError> {
        locked(&self.scored_bytes).push(request.context.len() + request.text.len());
        self.model.score(request).await
    }

    async fn embed(&self, request: &EmbedRequest) -> Result<Embedded, WorkerError> {
        locked(&self.scored_bytes).push(request.text.len());
        self.model.embed(request).await
    }

    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        self.model.probe().await
    }
}
