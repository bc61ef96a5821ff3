//! A worker that answers from the journal what it has been asked before, and one that keeps what it is told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::entry::{Endpoint, Entry, Outcome, Request};
use super::{Journal, JournalError};
use crate::error::{Action, Failure, WorkerError};
use crate::pool::locked;
use crate::request::{Completion, CompletionRequest, EmbedRequest, Embedded, Finish, Identity, ScoreRequest, Scored};
use crate::worker::{Capabilities, Worker};

/// A worker that is asked only what the journal cannot answer. It stands outside the pool, so that what is known waits
/// for nothing: `Journaled(Pool(Keeper(worker)))`.
pub struct Journaled {
    inner: Arc<dyn Worker>,
    journal: Arc<Journal>,
    identity: Identity,
    failures_again: bool,
    hits: AtomicU64,
    truncated_hits: AtomicU64,
}

/// A worker whose replies are kept before they are given. It stands inside the pool, so that a request is in flight until
/// its reply is synced: a kill pays again for what is in flight and for nothing else.
pub struct Keeper {
    inner: Arc<dyn Worker>,
    journal: Arc<Journal>,
    identity: Identity,
    /// Attempts in vain, by request: the pool counts them too, but hands its count outwards only.
    in_vain: Mutex<HashMap<String, u32>>,
}

fn storage(worker: &dyn Worker, error: &JournalError) -> WorkerError {
    WorkerError::new(worker.name(), Failure::Storage, error.to_string())
}

impl Journaled {
    /// A worker that answers from the journal what it can.
    pub fn new(inner: Arc<dyn Worker>, journal: Arc<Journal>) -> Self {
        let identity = inner.identity();
        let (hits, truncated_hits) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { inner, journal, identity, failures_again: false, hits, truncated_hits }
    }

    /// Asks again where the journal holds a failure, as after the server's context was made longer.
    #[must_use]
    pub fn asking_failures_again(mut self, again: bool) -> Self {
        self.failures_again = again;
        self
    }

    /// Whether the journal would answer a request, without answering it.
    pub fn knows(&self, request: &CompletionRequest) -> bool {
        self.journal.get(&request.key(&self.identity)).is_ok_and(|known| known.is_some())
    }

    /// Requests answered from the journal.
    pub fn n_answered(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    /// Of these, replies that had reached their longest length.
    pub fn n_truncated(&self) -> u64 {
        self.truncated_hits.load(Ordering::Relaxed)
    }

    fn known(&self, key: &str) -> Result<Option<Outcome>, WorkerError> {
        let known = self.journal.get(key).map_err(|error| storage(self.inner.as_ref(), &error))?;
        let known = known.filter(|outcome| !(self.failures_again && matches!(outcome, Outcome::Failure(_))));
        let truncated = matches!(&known, Some(Outcome::Reply(reply)) if reply.finish == Finish::Length);
        self.hits.fetch_add(u64::from(known.is_some()), Ordering::Relaxed);
        self.truncated_hits.fetch_add(u64::from(truncated), Ordering::Relaxed);
        Ok(known)
    }
}

impl Keeper {
    /// A worker that keeps in a journal what it is told.
    pub fn new(inner: Arc<dyn Worker>, journal: Arc<Journal>) -> Self {
        Self { identity: inner.identity(), inner, journal, in_vain: Mutex::default() }
    }

    /// How often a request has been sent, this time included; from now on this time was in vain if `failed`.
    fn attempts(&self, key: &str, failed: bool) -> u32 {
        let mut in_vain = locked(&self.in_vain);
        let attempts = in_vain.remove(key).unwrap_or(0).saturating_add(1);
        if failed {
            in_vain.insert(key.to_owned(), attempts);
        }
        attempts
    }

    async fn keep(&self, key: String, request: Request, outcome: Outcome) -> Result<(), WorkerError> {
        let endpoint = match request {
            Request::Complete(_) => Endpoint::Complete,
            Request::Score(_) => Endpoint::Score,
            Request::Embed(_) => Endpoint::Embed,
        };
        let (worker, identity) = (self.inner.name().to_owned(), self.identity.clone());
        let entry = Entry { key, endpoint, worker, identity, request, outcome };
        self.journal.append(&entry).await.map_err(|error| storage(self.inner.as_ref(), &error))
    }

    /// Keeps a failure that the same request would meet again.
    async fn keep_failure(&self, key: String, request: Request, error: WorkerError) -> Result<(), WorkerError> {
        let attempts = self.attempts(&key, error.failure.action() == Action::Retry);
        match error.failure {
            Failure::ContextLength | Failure::BadRequest => {
                self.keep(key, request, Outcome::Failure(WorkerError { attempts, ..error })).await
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Worker for Journaled {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        match self.known(&request.key(&self.identity))? {
            Some(Outcome::Reply(reply)) => Ok(Completion { cached: true, ..reply }),
            Some(Outcome::Failure(error)) => Err(error),
            Some(Outcome::Scores(_) | Outcome::Embedding(_)) | None => self.inner.complete(request).await,
        }
    }

    async fn score(&self, request: &ScoreRequest) -> Result<Scored, WorkerError> {
        match self.known(&request.key(&self.identity))? {
            Some(Outcome::Scores(scored)) => Ok(Scored { cached: true, ..scored }),
            Some(Outcome::Failure(error)) => Err(error),
            Some(Outcome::Reply(_) | Outcome::Embedding(_)) | None => self.inner.score(request).await,
        }
    }

    async fn embed(&self, request: &EmbedRequest) -> Result<Embedded, WorkerError> {
        match self.known(&request.key(&self.identity))? {
            Some(Outcome::Embedding(embedded)) => Ok(Embedded { cached: true, ..embedded }),
            Some(Outcome::Failure(error)) => Err(error),
            Some(Outcome::Reply(_) | Outcome::Scores(_)) | None => self.inner.embed(request).await,
        }
    }

    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        self.inner.probe().await
    }
}

#[async_trait]
impl Worker for Keeper {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        let result = self.inner.complete(request).await;
        let (key, asked) = (request.key(&self.identity), Request::Complete(Box::new(request.clone())));
        match &result {
            Ok(reply) if !reply.cached => {
                let reply = Completion { attempts: self.attempts(&key, false), ..reply.clone() };
                self.keep(key, asked, Outcome::Reply(reply)).await?;
            }
            Ok(_) => {}
            Err(error) => self.keep_failure(key, asked, error.clone()).await?,
        }
        result
    }

    async fn score(&self, request: &ScoreRequest) -> Result<Scored, WorkerError> {
        let result = self.inner.score(request).await;
        let (key, asked) = (request.key(&self.identity), Request::Score(request.clone()));
        match &result {
            Ok(scored) if !scored.cached => {
                self.attempts(&key, false);
                self.keep(key, asked, Outcome::Scores(scored.clone())).await?;
            }
            Ok(_) => {}
            Err(error) => self.keep_failure(key, asked, error.clone()).await?,
        }
        result
    }

    async fn embed(&self, request: &EmbedRequest) -> Result<Embedded, WorkerError> {
        let result = self.inner.embed(request).await;
        let (key, asked) = (request.key(&self.identity), Request::Embed(request.clone()));
        match &result {
            Ok(embedded) if !embedded.cached => {
                self.attempts(&key, false);
                self.keep(key, asked, Outcome::Embedding(embedded.clone())).await?;
            }
            Ok(_) => {}
            Err(error) => self.keep_failure(key, asked, error.clone()).await?,
        }
        result
    }

    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        self.inner.probe().await
    }

    fn spent_for(&self) -> Duration {
        self.inner.spent_for()
    }
}
