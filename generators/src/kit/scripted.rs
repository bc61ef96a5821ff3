//! A worker for tests that answers as a closure says.

use std::sync::Arc;

use async_trait::async_trait;
use gristmill_lm::{
    Capabilities, Completion, CompletionRequest, Finish, Identity, ScoreRequest, Scored, Worker, WorkerError,
};

use super::{Asker, Panel};

type Answer = dyn Fn(&CompletionRequest) -> Completion + Send + Sync;

/// The worker.
pub(crate) struct Scripted {
    answer: Box<Answer>,
}

/// A reply that the model ended.
pub(crate) fn said(text: impl Into<String>) -> Completion {
    Completion {
        routed: None,
        text: text.into(),
        finish: Finish::Stop,
        prompt_tokens: 1,
        completion_tokens: 1,
        tokens: None,
        model: "scripted".to_owned(),
        latency_ms: 0,
        attempts: 1,
        cached: false,
    }
}

/// A reply that reached its longest.
pub(crate) fn cut(text: impl Into<String>) -> Completion {
    Completion { finish: Finish::Length, ..said(text) }
}

impl Scripted {
    pub(crate) fn new(answer: impl Fn(&CompletionRequest) -> Completion + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { answer: Box::new(answer) })
    }

    /// An asker of this worker.
    pub(crate) fn asker(self: &Arc<Self>) -> Asker {
        let worker: Arc<dyn Worker> = Arc::clone(self) as Arc<dyn Worker>;
        Asker::of(worker)
    }
}

/// A panel of such workers.
pub(crate) fn panel(workers: &[&Arc<Scripted>]) -> Panel {
    Panel { askers: workers.iter().map(|worker| worker.asker()).collect() }
}

#[async_trait]
impl Worker for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn identity(&self) -> Identity {
        Identity { kind: "scripted".to_owned(), ..Identity::default() }
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        Ok((self.answer)(request))
    }

    async fn score(&self, _: &ScoreRequest) -> Result<Scored, WorkerError> {
        Ok(Scored { tokens: Vec::new(), full: false, cached: false })
    }

    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        Ok(Capabilities::default())
    }
}
