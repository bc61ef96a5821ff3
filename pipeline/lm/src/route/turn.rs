//! One of a router's workers for all that one row asks.
//!
//! A row may ask several times: for each passage, again after a reply that is not accepted. Its requests go to one worker,
//! chosen at the first of them, so that the row has one maker and one judgement.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use super::{By, Choice, Judged, Load, Policy, Team, by_cost};
use crate::error::WorkerError;
use crate::request::{Completion, CompletionRequest, EmbedRequest, Embedded, Identity, ScoreRequest, Scored};
use crate::worker::{Capabilities, Worker};

/// The worker of one row.
pub struct Turn {
    team: Arc<Team>,
    index: u64,
    /// Of `cheapest_ok`: how many cheaper ones the row has tried.
    attempt: usize,
    chosen: OnceLock<Chosen>,
    latency_ms: AtomicU64,
}

struct Chosen {
    at: usize,
    choice: Choice,
    prompt: String,
}

impl Turn {
    /// The worker of row number `index`; with `cheapest_ok` the cheapest but `attempt` ones.
    pub fn new(team: Arc<Team>, index: u64, attempt: usize) -> Self {
        Self { team, index, attempt, chosen: OnceLock::new(), latency_ms: AtomicU64::new(0) }
    }

    /// Who was chosen and why; none before the first request.
    pub fn choice(&self) -> Option<&Choice> {
        self.chosen.get().map(|chosen| &chosen.choice)
    }

    /// Tells the router how bad what came of the row was, 0 for perfect; see [`Router::judge`].
    pub fn judge(&self, loss: f64) {
        if let Some(chosen) = self.chosen.get() {
            self.team.router().judge(&Judged {
                index: self.index,
                worker: &chosen.choice.worker,
                prompt: &chosen.prompt,
                loss,
                latency_ms: self.latency_ms.load(Ordering::Relaxed),
            });
        }
    }

    fn choose(&self, request: &CompletionRequest) -> Chosen {
        let router = self.team.router();
        let (at, choice) = if router.settings.policy == Policy::CheapestOk {
            let reasons = router.reasons(request);
            let at = by_cost(&reasons).get(self.attempt).copied().unwrap_or(0);
            (at, router.choice(at, By::Price, reasons))
        } else {
            router.choose_at(request, Some(self.index))
        };
        Chosen { at, choice, prompt: request.prompt.plain() }
    }
}

#[async_trait]
impl Worker for Turn {
    /// The chosen worker's name, the router's before there is one.
    fn name(&self) -> &str {
        self.choice().map_or_else(|| self.team.name(), |choice| &choice.worker)
    }

    fn identity(&self) -> Identity {
        self.team.identity()
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        let chosen = self.chosen.get_or_init(|| self.choose(request));
        let router = self.team.router();
        router.loads[chosen.at].fetch_add(1, Ordering::Relaxed);
        let _load = Load(&router.loads[chosen.at]);
        let reply = router.candidates[chosen.at].worker.complete(request).await?;
        self.latency_ms.fetch_add(reply.latency_ms, Ordering::Relaxed);
        Ok(Completion { routed: Some(Box::new(chosen.choice.clone())), ..reply })
    }

    async fn score(&self, request: &ScoreRequest) -> Result<Scored, WorkerError> {
        self.team.score(request).await
    }

    async fn embed(&self, request: &EmbedRequest) -> Result<Embedded, WorkerError> {
        self.team.embed(request).await
    }

    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        self.team.probe().await
    }
}
