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
        let (answered, name) = (pool.replies > 0, ran.worker);
        WorkerReport {
            name: name.clone(),
            model: ran.model,
            requests: pool.requests + ran.from_journal,
            cached: pool.cached + ran.from_journal,
            retries: pool.attempts.saturating_sub(pool.requests.saturating_sub(pool.shared)),
            tokens_in: pool.prompt_tokens,
            tokens_out: pool.completion_tokens,
            cost: has_price(record, &name).then_some(pool.cost),
            latency_p50_ms: answered.then_some(pool.latency.p50_ms),
            latency_p95_ms: answered.then_some(pool.latency.p95_ms),
            truncated: pool.truncated + ran.truncated_from_journal,
            failures,
        }
    });
    Some(LmReport { currency: "USD".into(), workers: workers.collect() })
}

/// Whether it is known what a worker costs: the config has its price, or it asks no server and so costs nothing.
fn has_price(record: &Value, worker: &str) -> bool {
    let settings = &record["config"]["worker"][worker];
    let asks_nobody = matches!(settings["kind"].as_str(), Some("ngram" | "replay"));
    asks_nobody || [settings, &settings["budget"]].iter().any(|table| table.get("price_per_million").is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_price_is_known_or_nothing_is_to_be_paid() {
        let price = json!({ "prompt": 0.0, "completion": 1.5 });
        let record = json!({ "config": { "worker": {
            "embedded": { "kind": "ngram" }, "recorded": { "kind": "replay" }, "unknown": { "kind": "openai" },
            "priced": { "kind": "openai", "price_per_million": price },
            "limited": { "kind": "openai", "budget": { "price_per_million": price } },
        } } });
        let known =
            ["embedded", "recorded", "unknown", "priced", "limited", "missing"].map(|name| has_price(&record, name));
        assert_eq!(known, [true, true, false, true, true, false]);
    }
}
