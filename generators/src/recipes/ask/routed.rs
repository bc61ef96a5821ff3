//! The workers of an `ask` stage, behind the route that chooses among them.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use gristmill_core::error::{Error, Result};
use gristmill_core::stage::MakeContext;
use gristmill_lm::route::{Candidate, Judged, Learned, Policy, RouteSettings, Router};
use gristmill_lm::structured::{Schema, complete_structured};
use gristmill_lm::{CompletionRequest, Worker, WorkerError, Workers};
use serde_json::{Value, json};

use super::judged::BEST;
use crate::kit::Asker;
use crate::kit::ask::settle;
use crate::recipes::judging;

/// A reply that can be used.
pub(super) struct Answer {
    /// The text; with a schema, the JSON that fits.
    pub(super) text: String,
    /// Whether it took the repair.
    pub(super) repaired: bool,
    pub(super) latency_ms: u64,
}

/// What came of one question.
pub(super) struct Asked {
    pub(super) answer: Result<Answer, WorkerError>,
    /// The worker that answered, or failed last.
    pub(super) worker: String,
    /// The choice and who was tried before; null where there is one worker only.
    pub(super) told: Value,
}

/// The workers, opened.
pub(super) struct Route {
    router: Router,
    n_workers: usize,
    judge: Option<Asker>,
}

impl Route {
    /// Opens the workers of these names and the judge.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub(super) async fn open(
        context: &MakeContext,
        names: &[String],
        judge: Option<&str>,
        policy: Policy,
        learned: Learned,
        documents: &[&str],
    ) -> Result<Self> {
        let mut candidates = Vec::with_capacity(names.len());
        for name in names {
            let worker = Asker::open(context, name, documents).await?.into_worker();
            let settings = context.workers.downcast_ref::<Workers>().and_then(|workers| workers.settings(name));
            let price_per_million = settings.map(|one| one.pool.budget.price_per_million).unwrap_or_default();
            candidates.push(Candidate {
                worker,
                price_per_million,
                size: settings.map_or(0.0, |one| one.size),
                journal: None,
            });
        }
        let judge = match judge {
            Some(name) => Some(Asker::open(context, name, documents).await?),
            None => None,
        };
        let settings = RouteSettings { policy, learned, ..RouteSettings::default() };
        let router = Router::new(candidates, settings).ok_or_else(|| Error::Bug("a route over no workers".into()))?;
        Ok(Self { router, n_workers: names.len(), judge })
    }

    /// Asks the worker that suits the request. The outer error ends the run.
    ///
    /// # Errors
    /// When the worker can do nothing more.
    pub(super) async fn ask(&self, n: u64, request: &CompletionRequest, schema: Option<Arc<Schema>>) -> Result<Asked> {
        let asked = request.clone();
        let one = move |worker: Arc<dyn Worker>| -> BoxFuture<'static, Result<Answer, WorkerError>> {
            answer(worker, asked.clone(), schema.clone()).boxed()
        };
        let routed = self.router.ask(request, Some(n), &one).await;
        let worker = routed.choice.worker.clone();
        let told = match self.n_workers {
            1 => Value::Null,
            _ => json!({ "choice": routed.choice, "tried": routed.tried }),
        };
        Ok(Asked { answer: settle(routed.answer)?, worker, told })
    }

    /// Takes note of how bad a reply was; it counts from the next [`Route::learn`] on.
    pub(super) fn judge(&self, index: u64, worker: &str, prompt: &str, loss: f64, latency_ms: u64) {
        self.router.judge(&Judged { index, worker, prompt, loss, latency_ms });
    }

    /// Learns from what was judged.
    pub(super) fn learn(&self) {
        self.router.fit();
    }

    /// The judge's grade; none where it gives none.
    ///
    /// # Errors
    /// When the judge can do nothing more.
    pub(super) async fn grade(&self, prompt: String) -> Result<Result<Option<f64>, WorkerError>> {
        let judge = self.judge.as_ref().ok_or_else(|| Error::Bug("a grade without a judge".into()))?;
        Ok(judging::grade(judge, prompt, BEST).await?.map(|opinion| opinion.value))
    }
}

async fn answer(
    worker: Arc<dyn Worker>,
    request: CompletionRequest,
    schema: Option<Arc<Schema>>,
) -> Result<Answer, WorkerError> {
    let Some(schema) = schema else {
        let reply = worker.complete(&request).await?;
        return Ok(Answer { text: reply.text.trim().to_owned(), repaired: false, latency_ms: reply.latency_ms });
    };
    let found = complete_structured(worker.as_ref(), &request, &schema).await?;
    Ok(Answer { text: found.value.to_string(), repaired: found.repaired, latency_ms: found.reply.latency_ms })
}
