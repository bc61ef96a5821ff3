//! A worker around a worker: asks it no more, no faster, no longer and for no more money than it should, and again when
//! that helps.
//!
//! Stages ask as much as they like; the pool holds them back. One pool per worker in the config is shared by all stages
//! that name it, so that its limits are the worker's. A request passes, in this order: a place in flight, the budget,
//! the breaker, the rates; then it is sent, and what it took is settled. It is asked again as its failure's class says.
//! Equal requests in flight share one reply.
//!
//! It keeps no replies: that is the journal's part, which stands before it (`Journaled(Pool(worker))`). It does not
//! know HTTP: statuses and `Retry-After` come to it in [`WorkerError`].

mod ask;
mod breaker;
mod budget;
#[cfg(test)]
pub(crate) mod fake;
mod flight;
mod limit;
mod metrics;
pub mod plan;
mod rate;
mod retry;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::error::{Failure, WorkerError};
use crate::request::{Completion, CompletionRequest, EmbedRequest, Embedded, Identity, ScoreRequest, Scored};
use crate::worker::{Capabilities, Worker};
use ask::{Answer, Ask};
use flight::Flights;
pub use metrics::{Latency, PoolMetrics, Waiting};
use retry::Core;
pub use settings::{Adaptive, Backoff, Breaker, Budget, PoolSettings, Price, TokenEstimate};

/// The failure of a worker that stays down.
pub const DOWN: Failure = Failure::Down;

/// Why an answer is of the kind that was asked for.
const OTHER_KEY: &str = "keys of completions, scores and embeddings are never the same";

/// A worker that is asked with measure. Cheap to share; all holders share its limits.
pub struct Pool {
    core: Arc<Core>,
    identity: Identity,
    flights: Flights<Result<Answer, WorkerError>>,
}

impl Pool {
    /// A pool around a worker. Settings that cannot be meant ([`PoolSettings::problems`]) are taken as the nearest that
    /// can.
    pub fn new(inner: Arc<dyn Worker>, settings: PoolSettings) -> Self {
        let identity = inner.identity();
        Self { core: Arc::new(Core::new(inner, settings)), identity, flights: Flights::new() }
    }

    /// The figures so far.
    pub fn metrics(&self) -> PoolMetrics {
        self.core.metrics()
    }

    async fn ask(&self, key: String, ask: impl FnOnce() -> Ask) -> Result<Answer, WorkerError> {
        let (flight, joined) = self.flights.join(&key, || {
            let (core, key, ask) = (Arc::clone(&self.core), key.clone(), ask());
            async move { core.answer(&key, &ask).await }
        });
        self.core.figures.update(|figures| {
            figures.requests += 1;
            figures.shared += u64::from(joined);
        });
        flight.await
    }
}

#[async_trait]
impl Worker for Pool {
    fn name(&self) -> &str {
        self.core.inner.name()
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        match self.ask(request.key(&self.identity), || Ask::Complete(Box::new(request.clone()))).await? {
            Answer::Completion(completion) => Ok(completion),
            Answer::Scored(_) | Answer::Embedded(_) => unreachable!("{OTHER_KEY}"),
        }
    }

    async fn score(&self, request: &ScoreRequest) -> Result<Scored, WorkerError> {
        match self.ask(request.key(&self.identity), || Ask::Score(request.clone())).await? {
            Answer::Scored(scored) => Ok(scored),
            Answer::Completion(_) | Answer::Embedded(_) => unreachable!("{OTHER_KEY}"),
        }
    }

    async fn embed(&self, request: &EmbedRequest) -> Result<Embedded, WorkerError> {
        match self.ask(request.key(&self.identity), || Ask::Embed(request.clone())).await? {
            Answer::Embedded(embedded) => Ok(embedded),
            Answer::Completion(_) | Answer::Scored(_) => unreachable!("{OTHER_KEY}"),
        }
    }

    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        self.core.inner.probe().await
    }
}

/// What a lock guards; nothing here is left half changed by a panic.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
