//! One of several workers for a request.
//!
//! Which one is a policy in the config; the choice and, for the learned policy, what was predicted of each worker is
//! returned to be kept beside the row. The router keeps no replies and sets no limits: each worker brings its own
//! journal and pool. It is no worker itself: who asks must know who answered. A [`Team`] is one, and says in each reply who.
//!
//! What a choice depends on: `round_robin` on the row's number, or the request, alone; `cheapest_ok` on prices and replies;
//! `learned` on the replies judged before. `least_loaded` depends on the moment: two runs may differ, but a rerun asks
//! first the worker whose journal has the reply, so that a killed run goes on as it began.

mod features;
pub mod front;
mod learned;
mod ridge;
mod team;
#[cfg(test)]
mod tests;
mod turn;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::error::{Action, WorkerError};
use crate::journal::Journaled;
use crate::pool::plan::size;
use crate::pool::{Price, TokenEstimate};
use crate::request::{CompletionRequest, Identity};
use crate::worker::Worker;
use front::argmin;
pub use front::{Regret, TradeOff, pareto_front, regret, sweep};
use learned::Predictor;
pub use learned::{Judged, Learned};
pub use team::Team;
pub use turn::Turn;

/// A worker that may be chosen.
pub struct Candidate {
    /// The worker, with its pool and journal.
    pub worker: Arc<dyn Worker>,
    /// What its tokens cost.
    pub price_per_million: Price,
    /// How large its model is, in any unit that is the same for all (billions of parameters, gigabytes).
    pub size: f64,
    /// Its journal, where it has one: what it knows costs nothing.
    pub journal: Option<Arc<Journaled>>,
}

/// How a worker is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// One after another by the request's number, or evenly by its hash.
    #[default]
    RoundRobin,
    /// The one with the fewest requests in flight here, the first of equals.
    LeastLoaded,
    /// The cheapest, and when its reply is a failure or not accepted the next.
    CheapestOk,
    /// The one with the least predicted loss and weighted cost; see [`Learned`].
    Learned,
}

/// What a router may be told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RouteSettings {
    /// How a worker is chosen.
    pub policy: Policy,
    /// Of the learned policy.
    pub learned: Learned,
    /// How the tokens of a prompt are guessed, for its cost.
    pub estimate: TokenEstimate,
}

/// A choice and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The worker's name.
    pub worker: String,
    /// What led to it.
    pub by: By,
    /// The loss predicted for it; none unless the policy predicts.
    pub predicted: Option<f64>,
    /// What was weighed, one per worker in the order of the config.
    pub reasons: Vec<Reason>,
}

/// What led to a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Its turn.
    Turn,
    /// Its load.
    Load,
    /// Its journal has the reply.
    Journal,
    /// Its price.
    Price,
    /// The least predicted total.
    Prediction,
    /// Too little was known about it.
    WarmUp,
    /// Chance, to learn more.
    Exploring,
}

/// What was weighed for a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The worker's name.
    pub worker: String,
    /// Predicted loss; none when nothing is known.
    pub loss: Option<f64>,
    /// Money the request may cost, with a reply of full length.
    pub cost: f64,
    /// Mean seconds of its judged replies; none without any.
    pub latency_seconds: Option<f64>,
    /// Its size.
    pub size: f64,
    /// Loss plus weighted cost, latency and size; none when the loss is not known.
    pub total: Option<f64>,
}

/// An answer with the choice that led to it.
#[derive(Debug, Clone)]
pub struct Routed<T> {
    /// The answer, or the failure of the last worker that was asked.
    pub answer: Result<T, WorkerError>,
    /// The worker it is of.
    pub choice: Choice,
    /// Workers asked before it, with what was wrong with their answers.
    pub tried: Vec<(String, String)>,
}

/// How a worker is asked: what counts as an answer is for who asks to say.
pub type AskWorker<'a, T> = &'a (dyn Fn(Arc<dyn Worker>) -> BoxFuture<'static, Result<T, WorkerError>> + Send + Sync);

/// Several workers, of which one is asked.
pub struct Router {
    candidates: Vec<Candidate>,
    loads: Vec<AtomicU64>,
    settings: RouteSettings,
    predictor: Predictor,
}

/// A request in flight; over when dropped.
struct Load<'a>(&'a AtomicU64);

impl Drop for Load<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Router {
    /// A router over workers; none if there are no workers.
    pub fn new(candidates: Vec<Candidate>, settings: RouteSettings) -> Option<Self> {
        (!candidates.is_empty()).then(|| Self {
            loads: candidates.iter().map(|_| AtomicU64::new(0)).collect(),
            predictor: Predictor::new(settings.learned.clone(), candidates.len()),
            candidates,
            settings,
        })
    }

    /// The answer of the worker that the policy chooses; under [`Policy::CheapestOk`] the first that is one, else the
    /// last failure. A failure that stops a worker is final: the next would be paid for what the user has to mend.
    /// `index` is the request's number in the run, none to go by its hash.
    pub async fn ask<T>(&self, request: &CompletionRequest, index: Option<u64>, ask: AskWorker<'_, T>) -> Routed<T> {
        let (first, choice) = self.choose_at(request, index);
        let order = if choice.by == By::Price { by_cost(&choice.reasons) } else { vec![first] };
        let mut last = Routed { answer: self.ask_one(first, ask).await, choice, tried: Vec::new() };
        for at in order.into_iter().skip(1) {
            let passed_on = match &last.answer {
                Err(error) if error.failure.action() != Action::StopWorker => error.to_string(),
                _ => break,
            };
            last.tried.push((std::mem::replace(&mut last.choice.worker, self.worker_name(at)), passed_on));
            last.answer = self.ask_one(at, ask).await;
        }
        last
    }

    /// How a worker is chosen.
    pub fn policy(&self) -> Policy {
        self.settings.policy
    }

    /// Rows between two fits; none if the policy learns nothing.
    pub fn fit_every(&self) -> Option<u64> {
        (self.settings.policy == Policy::Learned).then_some(self.settings.learned.fit_every.max(1))
    }

    /// How many workers there are.
    pub fn n_workers(&self) -> usize {
        self.candidates.len()
    }

    /// The worker that the policy chooses, without asking it.
    pub fn choose(&self, request: &CompletionRequest, index: Option<u64>) -> Choice {
        self.choose_at(request, index).1
    }

    /// Takes note of a judged reply; it counts from the next [`Router::fit`] on. Of an unknown worker it is ignored.
    pub fn judge(&self, judged: &Judged<'_>) {
        if let Some(at) = self.candidates.iter().position(|candidate| candidate.worker.name() == judged.worker) {
            self.predictor.judge(at, judged);
        }
    }

    /// Learns from the replies judged since the last time, in the order of their numbers. Between two fits predictions
    /// do not change, so that choices depend on where it is called and not on which reply came first.
    pub fn fit(&self) {
        self.predictor.fit();
    }

    fn choose_at(&self, request: &CompletionRequest, index: Option<u64>) -> (usize, Choice) {
        let n = self.candidates.len();
        let hash = xxh3_64(request.key(&Identity::default()).as_bytes());
        let turn = |of: usize| (index.unwrap_or(hash) % of.max(1) as u64) as usize;
        let (at, by) = match self.settings.policy {
            Policy::RoundRobin => (turn(n), By::Turn),
            Policy::LeastLoaded => {
                let knows = |candidate: &Candidate| candidate.journal.as_ref().is_some_and(|it| it.knows(request));
                if let Some(at) = self.candidates.iter().position(knows) {
                    return (at, self.choice(at, By::Journal, Vec::new()));
                }
                let loads = self.loads.iter().map(|load| load.load(Ordering::Relaxed) as f64);
                (argmin(loads).unwrap_or(0), By::Load)
            }
            Policy::CheapestOk => {
                let reasons = self.reasons(request);
                let at = by_cost(&reasons).first().copied().unwrap_or(0);
                return (at, self.choice(at, By::Price, reasons));
            }
            Policy::Learned => return self.choose_learned(request, hash, turn),
        };
        (at, self.choice(at, by, Vec::new()))
    }

    fn choose_learned(&self, request: &CompletionRequest, hash: u64, turn: impl Fn(usize) -> usize) -> (usize, Choice) {
        let rule = &self.settings.learned;
        let predictions = self.predictor.predict(&request.prompt.plain());
        let mut reasons = self.reasons(request);
        for (reason, prediction) in reasons.iter_mut().zip(&predictions) {
            reason.loss = prediction.loss;
            reason.latency_seconds = prediction.latency_seconds;
            let latency = prediction.latency_seconds.unwrap_or(0.0);
            let constraints =
                rule.lambda_cost * reason.cost + rule.lambda_latency * latency + rule.lambda_size * reason.size;
            reason.total = prediction.loss.map(|loss| loss + constraints);
        }
        let little_known: Vec<usize> =
            (0..predictions.len()).filter(|&at| predictions[at].n_judged < rule.min_judged).collect();
        let chance = xxh3_64_with_seed(&hash.to_le_bytes(), 1);
        let (at, by) = if !little_known.is_empty() {
            (little_known[turn(little_known.len())], By::WarmUp)
        } else if ((chance >> 11) as f64 / (1u64 << 53) as f64) < rule.explore {
            ((hash % reasons.len() as u64) as usize, By::Exploring)
        } else {
            let totals = reasons.iter().map(|reason| reason.total.unwrap_or(f64::NAN));
            (argmin(totals).unwrap_or(0), By::Prediction)
        };
        (at, self.choice(at, by, reasons))
    }

    fn choice(&self, at: usize, by: By, reasons: Vec<Reason>) -> Choice {
        let predicted = reasons.get(at).and_then(|reason| reason.loss);
        Choice { worker: self.worker_name(at), by, predicted, reasons }
    }

    fn reasons(&self, request: &CompletionRequest) -> Vec<Reason> {
        let (prompt_tokens, completion_tokens) = size(request, &self.settings.estimate);
        let reason = |candidate: &Candidate| Reason {
            worker: candidate.worker.name().to_owned(),
            loss: None,
            cost: candidate.price_per_million.of(prompt_tokens, completion_tokens),
            latency_seconds: None,
            size: candidate.size,
            total: None,
        };
        self.candidates.iter().map(reason).collect()
    }

    fn worker_name(&self, at: usize) -> String {
        self.candidates[at].worker.name().to_owned()
    }

    async fn ask_one<T>(&self, at: usize, ask: AskWorker<'_, T>) -> Result<T, WorkerError> {
        self.loads[at].fetch_add(1, Ordering::Relaxed);
        let _load = Load(&self.loads[at]);
        ask(Arc::clone(&self.candidates[at].worker)).await
    }
}

/// Positions by rising cost, those of equal cost in their own order.
fn by_cost(reasons: &[Reason]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..reasons.len()).collect();
    order.sort_by(|&a, &b| reasons[a].cost.total_cmp(&reasons[b].cost));
    order
}
