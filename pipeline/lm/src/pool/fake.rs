//! A worker for tests whose every answer, failure and delay is planned, under tokio's paused clock.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::locked;
use crate::error::{Failure, WorkerError};
use crate::request::{Completion, CompletionRequest, Finish, Identity, Prompt, Sampling, ScoreRequest, Scored};
use crate::worker::{Capabilities, Worker};

/// What a call meets: how many calls came before for the same prompt and sample, how many are in flight with it.
pub(crate) struct Call {
    pub(crate) prompt: String,
    pub(crate) before: u32,
    pub(crate) in_flight: u64,
}

type Plan = dyn Fn(&Call) -> (Duration, Result<Completion, WorkerError>) + Send + Sync;

/// The worker.
pub(crate) struct Fake {
    name: String,
    plan: Box<Plan>,
    calls: Mutex<BTreeMap<(String, u32), u32>>,
    in_flight: AtomicU64,
    pub(crate) peak: AtomicU64,
    pub(crate) requests: Mutex<Vec<CompletionRequest>>,
}

impl Fake {
    pub(crate) fn new(
        name: &str,
        plan: impl Fn(&Call) -> (Duration, Result<Completion, WorkerError>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            plan: Box::new(plan),
            calls: Mutex::default(),
            in_flight: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            requests: Mutex::default(),
        }
    }

    /// Answers every prompt with itself, after so many milliseconds.
    pub(crate) fn echo(name: &str, ms: u64) -> Self {
        Self::new(name, move |call| (Duration::from_millis(ms), Ok(reply(&call.prompt))))
    }

    /// Calls of all prompts.
    pub(crate) fn n_calls(&self) -> u64 {
        locked(&self.calls).values().map(|n| u64::from(*n)).sum()
    }
}

/// A reply of ten tokens to a prompt of ten.
pub(crate) fn reply(text: &str) -> Completion {
    Completion {
        text: text.to_owned(),
        finish: Finish::Stop,
        prompt_tokens: 10,
        completion_tokens: 10,
        tokens: None,
        model: "fake".to_owned(),
        latency_ms: 1,
        attempts: 1,
        cached: false,
        routed: None,
    }
}

pub(crate) fn fault(failure: Failure) -> WorkerError {
    WorkerError::new("fake", failure, failure.name())
}

/// A greedy request for at most so many tokens.
pub(crate) fn ask(prompt: &str, max_tokens: u32) -> CompletionRequest {
    CompletionRequest::new(Prompt::user(prompt), Sampling { max_tokens, ..Sampling::default() })
}

#[async_trait]
impl Worker for Fake {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> Identity {
        Identity { kind: "fake".to_owned(), model: self.name.clone(), revision: String::new() }
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        let (prompt, sample) = (request.prompt.plain(), request.sample);
        let before = {
            let mut calls = locked(&self.calls);
            let n = calls.entry((prompt.clone(), sample)).or_default();
            *n += 1;
            *n - 1
        };
        locked(&self.requests).push(request.clone());
        let in_flight = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.peak.fetch_max(in_flight, Ordering::SeqCst);
        let (delay, result) = (self.plan)(&Call { prompt, before, in_flight });
        tokio::time::sleep(delay).await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        result
    }

    async fn score(&self, _: &ScoreRequest) -> Result<Scored, WorkerError> {
        Ok(Scored { tokens: Vec::new(), full: false, cached: false })
    }

    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        Ok(Capabilities::default())
    }
}
