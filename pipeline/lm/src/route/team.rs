//! Several workers behind one name: a worker that asks one of them for each request and says in the reply which.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Candidate, RouteSettings, Router};
use crate::error::{Failure, WorkerError};
use crate::request::{Completion, CompletionRequest, EmbedRequest, Embedded, Identity, ScoreRequest, Scored};
use crate::worker::{Capabilities, Worker};

/// A router as a worker.
pub struct Team {
    name: String,
    router: Router,
}

impl Team {
    /// Workers behind a name; none if there are no workers.
    pub fn new(name: &str, candidates: Vec<Candidate>, settings: RouteSettings) -> Option<Self> {
        Router::new(candidates, settings).map(|router| Self { name: name.to_owned(), router })
    }

    /// What chooses among them.
    pub fn router(&self) -> &Router {
        &self.router
    }
}

#[async_trait]
impl Worker for Team {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> Identity {
        let names: Vec<&str> = self.router.candidates.iter().map(|candidate| candidate.worker.name()).collect();
        let revision = format!("{:?}", self.router.settings.policy);
        Identity { kind: "route".to_owned(), model: names.join(","), revision }
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        let shared = Arc::new(request.clone());
        let one =
            move |worker: Arc<dyn Worker>| -> futures::future::BoxFuture<'static, Result<Completion, WorkerError>> {
                let request = Arc::clone(&shared);
                Box::pin(async move { worker.complete(&request).await })
            };
        let routed = self.router.ask(request, None, &one).await;
        Ok(Completion { routed: Some(Box::new(routed.choice)), ..routed.answer? })
    }

    async fn score(&self, _: &ScoreRequest) -> Result<Scored, WorkerError> {
        let message = "scores of different models cannot be mixed: name one worker";
        Err(WorkerError::new(&self.name, Failure::Unsupported, message))
    }

    async fn embed(&self, _: &EmbedRequest) -> Result<Embedded, WorkerError> {
        let message = "embeddings of different models cannot be mixed: name one worker";
        Err(WorkerError::new(&self.name, Failure::Unsupported, message))
    }

    /// What the first can do; each is probed under its own name.
    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        self.router.candidates[0].worker.probe().await
    }
}
