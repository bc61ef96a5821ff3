//! Which worker will do best on a prompt, learnt from this run's judged replies.
//!
//! Tryage (Hari and Thomson 2023) predicts each model's loss on a prompt and takes the model with the least predicted
//! loss plus weighted constraints. We differ in the predictor: theirs is a trained language model, ours a ridge
//! regression on cheap features for each worker, fitted while the run goes.

use std::collections::BTreeMap;
use std::sync::{Mutex, RwLock};

use serde::{Deserialize, Serialize};
use std::sync::PoisonError;

use super::features::{N_SHAPE, features};
use super::ridge::Ridge;
use crate::pool::locked;

/// How the learned route predicts and weighs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Learned {
    /// Loss that one unit of money outweighs; 0 to leave cost out.
    pub lambda_cost: f64,
    /// Loss that one second outweighs.
    pub lambda_latency: f64,
    /// Loss that one unit of size outweighs, in the unit of the workers' sizes.
    pub lambda_size: f64,
    /// Judged replies that a worker needs before its predictions count; those with fewer are asked in turn.
    pub min_judged: u64,
    /// Share of prompts that go to any worker, so that a worker that looked bad is seen again; in [0, 1].
    pub explore: f64,
    /// Places for words; 0 for the prompt's shape alone.
    pub n_hashed: usize,
    /// Penalty on the squares of the weights.
    pub ridge: f64,
    /// Rows between two fits; within them predictions stay, so that choices do not depend on which reply came first.
    pub fit_every: u64,
}

impl Default for Learned {
    fn default() -> Self {
        Self {
            lambda_cost: 0.0,
            lambda_latency: 0.0,
            lambda_size: 0.0,
            min_judged: 20,
            explore: 0.05,
            n_hashed: 64,
            ridge: 1.0,
            fit_every: 64,
        }
    }
}

/// A judged reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged<'a> {
    /// Number of the row or prompt in the run; fixes the order of fitting.
    pub index: u64,
    /// The worker that replied.
    pub worker: &'a str,
    /// The prompt as one text.
    pub prompt: &'a str,
    /// How bad the reply was, 0 for perfect; replies with a loss that is no number are left out.
    pub loss: f64,
    /// How long the reply took, as its [`crate::Completion`] says: so that a rerun from the journal learns the same.
    pub latency_ms: u64,
}

/// What is known about the workers.
pub(crate) struct Predictor {
    rule: Learned,
    waiting: Mutex<BTreeMap<(u64, usize), Observation>>,
    fitted: RwLock<Vec<Fitted>>,
}

struct Observation {
    features: Vec<f64>,
    loss: f64,
    latency_seconds: f64,
}

struct Fitted {
    sums: Ridge,
    weights: Vec<f64>,
    n: u64,
    latency_seconds: f64,
    least: f64,
    most: f64,
}

/// What is predicted for a worker.
#[derive(Clone, Copy)]
pub(crate) struct Prediction {
    pub(crate) loss: Option<f64>,
    pub(crate) latency_seconds: Option<f64>,
    pub(crate) n_judged: u64,
}

impl Predictor {
    pub(crate) fn new(rule: Learned, n_workers: usize) -> Self {
        let n_features = N_SHAPE + rule.n_hashed;
        let fitted = (0..n_workers).map(|_| Fitted::new(n_features)).collect();
        Self { rule, waiting: Mutex::default(), fitted: RwLock::new(fitted) }
    }

    pub(crate) fn judge(&self, worker: usize, judged: &Judged<'_>) {
        if judged.loss.is_finite() {
            let observation = Observation {
                features: features(judged.prompt, self.rule.n_hashed),
                loss: judged.loss,
                latency_seconds: judged.latency_ms as f64 / 1e3,
            };
            locked(&self.waiting).insert((judged.index, worker), observation);
        }
    }

    pub(crate) fn fit(&self) {
        let waiting = std::mem::take(&mut *locked(&self.waiting));
        let mut fitted = self.fitted.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = vec![false; fitted.len()];
        for ((_, worker), observation) in waiting {
            fitted[worker].add(&observation);
            changed[worker] = true;
        }
        for (worker, _) in fitted.iter_mut().zip(changed).filter(|(_, changed)| *changed) {
            worker.weights = worker.sums.solve(self.rule.ridge);
        }
    }

    pub(crate) fn predict(&self, prompt: &str) -> Vec<Prediction> {
        let features = features(prompt, self.rule.n_hashed);
        let fitted = self.fitted.read().unwrap_or_else(PoisonError::into_inner);
        fitted.iter().map(|worker| worker.predict(&features)).collect()
    }
}

impl Fitted {
    fn new(n_features: usize) -> Self {
        Self {
            sums: Ridge::new(n_features),
            weights: vec![0.0; n_features],
            n: 0,
            latency_seconds: 0.0,
            least: f64::INFINITY,
            most: f64::NEG_INFINITY,
        }
    }

    fn add(&mut self, observation: &Observation) {
        self.sums.add(&observation.features, observation.loss);
        self.n += 1;
        self.latency_seconds += observation.latency_seconds;
        self.least = self.least.min(observation.loss);
        self.most = self.most.max(observation.loss);
    }

    /// Never outside the losses seen: a line goes on where losses do not.
    fn predict(&self, features: &[f64]) -> Prediction {
        if self.n == 0 {
            return Prediction { loss: None, latency_seconds: None, n_judged: 0 };
        }
        let loss: f64 = self.weights.iter().zip(features).map(|(w, x)| w * x).sum();
        Prediction {
            loss: Some(loss.max(self.least).min(self.most)),
            latency_seconds: Some(self.latency_seconds / self.n as f64),
            n_judged: self.n,
        }
    }
}
