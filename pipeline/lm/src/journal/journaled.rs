//! A worker that answers from the journal what it has been asked before.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use super::entry::{Endpoint, Entry, Outcome, Request};
use super::{Journal, JournalError};
use crate::error::{Failure, WorkerError};
use crate::request::{Completion, CompletionRequest, Identity, ScoreRequest, Scored};
use crate::worker::{Capabilities, Worker};

/// A worker with a journal before it; stands outside the pool, so that what is known waits for nothing:
/// `Journaled(Pool(worker))`.
pub struct Journaled {
    inner: Arc<dyn Worker>,
    journal: Arc<Journal>,
    identity: Identity,
    failures_again: bool,
    hits: AtomicU64,
}

impl Journaled {
    /// A worker that answers from the journal what it can, else asks and keeps.
    pub fn new(inner: Arc<dyn Worker>, journal: Arc<Journal>) -> Self {
        let identity = inner.identity();
        Self { inner, journal, identity, failures_again: false, hits: AtomicU64::new(0) }
    }

    /// Asks again where the journal holds a failure, as after the server's context was made longer.
    #[must_use]
    pub fn asking_failures_again(mut self) -> Self {
        self.failures_again = true;
        self
    }

    /// Requests answered from the journal.
    pub fn n_answered(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    fn known(&self, key: &str) -> Result<Option<Outcome>, WorkerError> {
        let known = self.journal.get(key).map_err(|error| self.storage(&error))?;
        let known = known.filter(|outcome| !(self.failures_again && matches!(outcome, Outcome::Failure(_))));
        self.hits.fetch_add(u64::from(known.is_some()), Ordering::Relaxed);
        Ok(known)
    }

    async fn keep(&self, key: String, request: Request, outcome: Outcome) -> Result<(), WorkerError> {
        let endpoint = match request {
            Request::Complete(_) => Endpoint::Complete,
            Request::Score(_) => Endpoint::Score,
        };
        let (worker, identity) = (self.inner.name().to_owned(), self.identity.clone());
        let entry = Entry { key, endpoint, worker, identity, request, outcome };
        self.journal.append(&entry).await.map_err(|error| self.storage(&error))
    }

    async fn keep_failure(&self, key: String, request: Request, error: WorkerError) -> Result<(), WorkerError> {
        if matches!(error.failure, Failure::ContextLength | Failure::BadRequest) {
            self.keep(key, request, Outcome::Failure(error)).await?;
        }
        Ok(())
    }

    fn storage(&self, error: &JournalError) -> WorkerError {
        WorkerError::new(self.inner.name(), Failure::Storage, error.to_string())
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
        let key = request.key(&self.identity);
        match self.known(&key)? {
            Some(Outcome::Reply(reply)) => return Ok(Completion { cached: true, ..reply }),
            Some(Outcome::Failure(error)) => return Err(error),
            Some(Outcome::Scores(_)) | None => {}
        }
        match self.inner.complete(request).await {
            Ok(reply) => {
                if !reply.cached {
                    self.keep(key, Request::Complete(Box::new(request.clone())), Outcome::Reply(reply.clone())).await?;
                }
                Ok(reply)
            }
            Err(error) => {
                self.keep_failure(key, Request::Complete(Box::new(request.clone())), error.clone()).await?;
                Err(error)
            }
        }
    }

    async fn score(&self, request: &ScoreRequest) -> Result<Scored, WorkerError> {
        let key = request.key(&self.identity);
        match self.known(&key)? {
            Some(Outcome::Scores(scored)) => return Ok(Scored { cached: true, ..scored }),
            Some(Outcome::Failure(error)) => return Err(error),
            Some(Outcome::Reply(_)) | None => {}
        }
        match self.inner.score(request).await {
            Ok(scored) => {
                if !scored.cached {
                    self.keep(key, Request::Score(request.clone()), Outcome::Scores(scored.clone())).await?;
                }
                Ok(scored)
            }
            Err(error) => {
                self.keep_failure(key, Request::Score(request.clone()), error.clone()).await?;
                Err(error)
            }
        }
    }

    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        self.inner.probe().await
    }
}
