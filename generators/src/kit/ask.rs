//! Asking workers: many requests at a time, replies in the order of the requests.

use std::sync::Arc;

use futures::stream::{self, Stream, StreamExt};
use gristmill_core::error::{Error, Result};
use gristmill_core::stage::MakeContext;
use gristmill_lm::route::Team;
use gristmill_lm::{
    Action, Completion, CompletionRequest, EmbedRequest, Embedded, ScoreRequest, Scored, Worker, WorkerError, Workers,
};

/// Requests on their way at a time, per worker, unless the worker takes more: enough that its own limit decides.
const WINDOW: usize = 256;

/// One worker, asked by one stage.
#[derive(Clone)]
pub struct Asker {
    worker: Arc<dyn Worker>,
    team: Option<Arc<Team>>,
    window: usize,
}

/// A reply, or the failure of this one request.
pub type Reply = Result<Completion, WorkerError>;

impl Asker {
    /// The worker of that name. An embedded worker that was given no files is fitted on `documents`.
    ///
    /// # Errors
    /// When it cannot be opened: no such file, no credentials.
    pub async fn open(context: &MakeContext, name: &str, documents: &[&str]) -> Result<Self> {
        let workers = workers_of(context)?;
        let window = WINDOW.max(workers.max_in_flight(name));
        if let Some(team) = workers.team(name, documents).await.map_err(|error| stop(&error))? {
            return Ok(Self { worker: team.clone(), team: Some(team), window });
        }
        let worker = workers.open(name, documents).await.map_err(|error| stop(&error))?;
        Ok(Self { window, ..Self::of(worker) })
    }

    /// An asker of a given worker.
    pub fn of(worker: Arc<dyn Worker>) -> Self {
        Self { worker, team: None, window: WINDOW }
    }

    /// How many requests are worth having on their way at a time.
    pub fn window(&self) -> usize {
        self.window
    }

    /// What chooses a worker for each request, if the name is that of several.
    pub fn team(&self) -> Option<&Arc<Team>> {
        self.team.as_ref()
    }

    /// The worker itself.
    pub fn into_worker(self) -> Arc<dyn Worker> {
        self.worker
    }

    /// The worker's name in the config.
    pub fn name(&self) -> &str {
        self.worker.name()
    }

    /// Asks once. The outer error ends the run (and is resumable), the inner one only this request.
    ///
    /// # Errors
    /// When the worker can do nothing more.
    pub async fn ask(&self, request: CompletionRequest) -> Result<Reply> {
        // A task of its own: an in-process worker computes its reply, and replies are to be computed side by side.
        let worker = Arc::clone(&self.worker);
        let reply = tokio::spawn(async move { worker.complete(&request).await }).await;
        settle(reply.map_err(|e| Error::Bug(format!("a request's task died: {e}")))?)
    }

    /// Scores a text.
    ///
    /// # Errors
    /// When the worker can do nothing more, or cannot score.
    pub async fn score(&self, request: ScoreRequest) -> Result<Result<Scored, WorkerError>> {
        let worker = Arc::clone(&self.worker);
        let reply = tokio::spawn(async move { worker.score(&request).await }).await;
        settle(reply.map_err(|e| Error::Bug(format!("a request's task died: {e}")))?)
    }

    /// A text as a point.
    ///
    /// # Errors
    /// When the worker can do nothing more, or gives no embeddings.
    pub async fn embed(&self, request: EmbedRequest) -> Result<Result<Embedded, WorkerError>> {
        let worker = Arc::clone(&self.worker);
        let reply = tokio::spawn(async move { worker.embed(&request).await }).await;
        settle(reply.map_err(|e| Error::Bug(format!("a request's task died: {e}")))?)
    }

    /// Asks many times, side by side; replies come in the order of the requests, with what was sent along.
    pub fn ask_all<T: Send>(
        &self,
        requests: Vec<(T, CompletionRequest)>,
    ) -> impl Stream<Item = Result<(T, Reply)>> + Send + use<T> {
        let asker = self.clone();
        stream::iter(requests)
            .map(move |(along, request)| {
                let asker = asker.clone();
                async move { Ok((along, asker.ask(request).await?)) }
            })
            .buffered(self.window)
    }
}

/// The run's workers.
///
/// # Errors
/// When the context carries none.
pub fn workers_of(context: &MakeContext) -> Result<&Workers> {
    context.workers.downcast_ref::<Workers>().ok_or_else(|| Error::Bug("the context carries no workers".into()))
}

/// Sorts a failure: one that stops the worker ends the run, any other is the request's own.
///
/// # Errors
/// When the worker can do nothing more.
pub fn settle<T>(reply: Result<T, WorkerError>) -> Result<Result<T, WorkerError>> {
    match reply {
        Err(error) if error.failure.action() == Action::StopWorker => Err(stop(&error)),
        other => Ok(other),
    }
}

fn stop(error: &WorkerError) -> Error {
    Error::Worker { worker: error.worker.clone(), cause: error.message.clone() }
}

/// The ledger rule of a failed request.
pub fn failure_rule(error: &WorkerError) -> String {
    format!("lm_{}", error.failure.name())
}

/// Several workers, asked the same.
#[derive(Clone)]
pub struct Panel {
    /// The workers, in the order of the config.
    pub askers: Vec<Asker>,
}

impl Panel {
    /// Opens the workers of these names.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub async fn open(context: &MakeContext, names: &[String], documents: &[&str]) -> Result<Self> {
        let mut askers = Vec::with_capacity(names.len());
        for name in names {
            askers.push(Asker::open(context, name, documents).await?);
        }
        Ok(Self { askers })
    }

    /// How many rows are worth having on their way at a time.
    pub fn window(&self) -> usize {
        self.askers.iter().map(Asker::window).max().unwrap_or(1)
    }

    /// Asks every worker; replies in the order of the workers.
    ///
    /// # Errors
    /// When one can do nothing more.
    pub async fn ask(&self, request: &CompletionRequest) -> Result<Vec<Reply>> {
        let asked = self.askers.iter().map(|asker| asker.ask(request.clone()));
        futures::future::join_all(asked).await.into_iter().collect()
    }
}
