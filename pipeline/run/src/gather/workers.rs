//! What the workers did, from the run's record.

use gristmill_lm::workers::WorkerReport as Ran;
use serde_json::Value;

use crate::report::model::{FailureCause, LmReport, WorkerReport};

/// The workers' figures; none when the run asked none.
pub(super) fn workers(record: &Value) -> Option<LmReport> {
    let ran: Vec<Ran> = serde_json::from_value(record.get("workers")?.clone()).ok()?;
    if ran.is_empty() {
        return None;
    }
    let workers = ran.into_iter().map(|ran| {
        let pool = ran.pool;
        let mut failures: Vec<FailureCause> = pool
            .failures
            .iter()
            .map(|(cause, n)| FailureCause { cause: cause.name().to_owned(), requests: *n })
            .collect();
        failures.sort_by(|a, b| b.requests.cmp(&a.requests).then(a.cause.cmp(&b.cause)));
        let answered = pool.replies > 0;
        WorkerReport {
            name: ran.worker,
            model: ran.model,
            requests: pool.requests + ran.from_journal,
            cached: pool.cached + ran.from_journal,
            retries: pool.attempts.saturating_sub(pool.requests.saturating_sub(pool.shared)),
            tokens_in: pool.prompt_tokens,
            tokens_out: pool.completion_tokens,
            cost: (pool.cost > 0.0).then_some(pool.cost),
            latency_p50_ms: answered.then_some(pool.latency.p50_ms),
            latency_p95_ms: answered.then_some(pool.latency.p95_ms),
            truncated: pool.truncated + ran.truncated_from_journal,
            failures,
        }
    });
    Some(LmReport { currency: "USD".into(), workers: workers.collect() })
}
