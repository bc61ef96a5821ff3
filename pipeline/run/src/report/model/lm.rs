//! What the language model workers did: requests, tokens, money, time, and why requests failed.

use serde::{Deserialize, Serialize};

/// All workers of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LmReport {
    /// The currency of all costs, "USD".
    pub currency: String,
    /// The workers.
    pub workers: Vec<WorkerReport>,
}

/// One worker: an endpoint with a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkerReport {
    /// The worker's name in the config.
    pub name: String,
    /// The model it serves.
    pub model: String,
    /// Requests answered, from the endpoint or the cache, and failed ones.
    pub requests: u64,
    /// Requests answered from the cache.
    pub cached: u64,
    /// Attempts beyond the first of a request.
    #[serde(default)]
    pub retries: u64,
    /// Tokens sent.
    pub tokens_in: u64,
    /// Tokens received.
    pub tokens_out: u64,
    /// What it cost, in the report's currency; none where the price is not known.
    #[serde(default)]
    pub cost: Option<f64>,
    /// Median milliseconds of an answered request, cached ones excepted.
    #[serde(default)]
    pub latency_p50_ms: Option<f64>,
    /// The time that 95 % of them do not exceed, in milliseconds.
    #[serde(default)]
    pub latency_p95_ms: Option<f64>,
    /// Answers cut off because they were too long.
    #[serde(default)]
    pub truncated: u64,
    /// Why requests failed for good, the most frequent first.
    #[serde(default)]
    pub failures: Vec<FailureCause>,
}

/// Requests that failed for the same reason.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FailureCause {
    /// The reason.
    pub cause: String,
    /// Requests.
    pub requests: u64,
}
