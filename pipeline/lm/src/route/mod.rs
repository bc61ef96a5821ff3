//! One of several workers for a request, or each of them.
//!
//! Which one is a policy in the config; the choice and, for the learned policy, what was predicted of each worker is
//! returned to be kept beside the row. The router keeps no replies and sets no limits: each worker brings its own
//! journal and pool. On a rerun `round_robin`, `cheapest_ok` and `learned` choose as before and find the replies in the
//! journals; `least_loaded` depends on the moment and may ask anew.

mod features;
pub mod front;
mod learned;
mod ridge;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::error::{Failure, WorkerError};
use crate::pool::plan::size;
use crate::pool::{Price, TokenEstimate};
use crate::request::{Completion, CompletionRequest, Identity, ScoreRequest, Scored};
use crate::worker::{Capabilities, Worker};
use front::argmin;
pub use front::{Regret, TradeOff, pareto_front, regret, sweep};
use learned::Predictor;
pub use learned::{Judged, Learned};

/// A worker that may be chosen.
pub struct Candidate {
    /// The worker, with its pool and journal.
    pub worker: Arc<dyn Worker>,
    /// What its tokens cost.
    pub price_per_million: Price,
    /// How large its model is, in any unit that is the same for all (billions of parameters, gigabytes).
    pub size: f64,
}

/// How a worker is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// All of them: an ensemble.
    Each,
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

/// A reply with the choice that led to it.
#[derive(Debug, Clone)]
pub struct Routed {
    /// The reply.
    pub reply: Completion,
    /// The worker that gave it.
    pub choice: Choice,
    /// Workers asked before it, with what was wrong with their replies.
    pub tried: Vec<(String, String)>,
    /// Whether the reply was accepted; false only when none was.
    pub accepted: bool,
}

/// Says whether a reply is good enough.
pub type Accept<'a> = &'a (dyn Fn(&Completion) -> bool + Send + Sync);

/// Several workers behind one name.
pub struct Router {
    name: String,
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
    pub fn new(name: &str, candidates: Vec<Candidate>, settings: RouteSettings) -> Option<Self> {
        (!candidates.is_empty()).then(|| Self {
            name: name.to_owned(),
            loads: candidates.iter().map(|_| AtomicU64::new(0)).collect(),
            predictor: Predictor::new(settings.learned.clone(), candidates.len()),
            candidates,
            settings,
        })
    }

    /// Each worker's reply, in the order of the config.
    pub async fn complete_each(&self, request: &CompletionRequest) -> Vec<(String, Result<Completion, WorkerError>)> {
        let asked =
            (0..self.candidates.len()).map(|at| async move { (self.worker_name(at), self.ask(at, request).await) });
        join_all(asked).await
    }

    /// The reply of the worker that the policy chooses; for [`Policy::CheapestOk`] the first that is accepted, else the
    /// last. `index` is the request's number in the run, none to go by its hash; without `accept` every reply is.
    ///
    /// # Errors
    /// When the chosen worker fails, or under [`Policy::CheapestOk`] the last of them and no other has replied.
    pub async fn complete_routed(
        &self,
        request: &CompletionRequest,
        index: Option<u64>,
        accept: Option<Accept<'_>>,
    ) -> Result<Routed, WorkerError> {
        let accepted = |reply: &Completion| accept.is_none_or(|accept| accept(reply));
        if self.settings.policy != Policy::CheapestOk {
            let (at, choice) = self.choose_at(request, index);
            let reply = self.ask(at, request).await?;
            return Ok(Routed { accepted: accepted(&reply), reply, choice, tried: Vec::new() });
        }
        let reasons = self.reasons(request);
        let mut tried = Vec::new();
        let mut last = None;
        for at in by_cost(&reasons) {
            let outcome = self.ask(at, request).await;
            let choice = self.choice(at, By::Price, reasons.clone());
            match outcome {
                Ok(reply) if accepted(&reply) => return Ok(Routed { reply, choice, tried, accepted: true }),
                Ok(reply) => {
                    tried.push((choice.worker.clone(), "not accepted".to_owned()));
                    last = Some(Ok((reply, choice)));
                }
                Err(error) => {
                    tried.push((choice.worker, error.to_string()));
                    last = if matches!(last, Some(Ok(_))) { last } else { Some(Err(error)) };
                }
            }
        }
        match last {
            Some(Ok((reply, choice))) => {
                tried.retain(|(worker, _)| *worker != choice.worker);
                Ok(Routed { reply, choice, tried, accepted: false })
            }
            Some(Err(error)) => Err(error),
            None => unreachable!("a router has at least one worker"),
        }
    }

    /// The worker that the policy chooses, without asking it; the first for [`Policy::Each`].
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
            Policy::Each => (0, By::Turn),
            Policy::RoundRobin => (turn(n), By::Turn),
            Policy::LeastLoaded => {
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

    async fn ask(&self, at: usize, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        self.loads[at].fetch_add(1, Ordering::Relaxed);
        let _load = Load(&self.loads[at]);
        self.candidates[at].worker.complete(request).await
    }
}

/// Positions by rising cost, those of equal cost in their own order.
fn by_cost(reasons: &[Reason]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..reasons.len()).collect();
    order.sort_by(|&a, &b| reasons[a].cost.total_cmp(&reasons[b].cost));
    order
}

#[async_trait]
impl Worker for Router {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> Identity {
        let names: Vec<&str> = self.candidates.iter().map(|candidate| candidate.worker.name()).collect();
        Identity { kind: "route".to_owned(), model: names.join("|"), revision: format!("{:?}", self.settings.policy) }
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        if self.settings.policy == Policy::Each {
            let message = "an ensemble gives several replies; this stage takes one";
            return Err(WorkerError::new(&self.name, Failure::Unsupported, message));
        }
        self.complete_routed(request, None, None).await.map(|routed| routed.reply)
    }

    async fn score(&self, _: &ScoreRequest) -> Result<Scored, WorkerError> {
        let message = "scores of different models cannot be mixed: name one worker";
        Err(WorkerError::new(&self.name, Failure::Unsupported, message))
    }

    /// What all of them can do; their models and notes together.
    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        let mut all: Option<Capabilities> = None;
        for candidate in &self.candidates {
            let one = candidate.worker.probe().await?;
            all = Some(match all {
                None => one,
                Some(all) => both(all, one),
            });
        }
        Ok(all.unwrap_or_default())
    }
}

fn both(a: Capabilities, b: Capabilities) -> Capabilities {
    Capabilities {
        models: a.models.into_iter().chain(b.models).collect(),
        text: a.text && b.text,
        chat: a.chat && b.chat,
        reply_logprobs: a.reply_logprobs && b.reply_logprobs,
        score: false,
        full_distribution: false,
        json_schema: a.json_schema && b.json_schema,
        regex: a.regex && b.regex,
        grammar: a.grammar && b.grammar,
        seed: a.seed && b.seed,
        notes: a.notes.into_iter().chain(b.notes).collect(),
    }
}
