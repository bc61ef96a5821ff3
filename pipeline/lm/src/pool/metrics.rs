//! What a worker was asked, what it answered, and what that took.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::budget::Spending;
use super::locked;
use crate::error::Failure;

/// A pool's figures at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolMetrics {
    /// Requests asked of the pool.
    pub requests: u64,
    /// Of these, those that shared the reply of an equal request in flight.
    pub shared: u64,
    /// Replies got, shared ones counted once.
    pub replies: u64,
    /// Of these, replies that a recording gave; they cost nothing.
    pub cached: u64,
    /// Of the replies, those that had reached their longest length (`max_tokens`).
    #[serde(default)]
    pub truncated: u64,
    /// Requests that failed in the end, by class.
    pub failures: BTreeMap<Failure, u64>,
    /// Requests sent to the worker, repeated ones included.
    pub attempts: u64,
    /// Attempts that failed, by class.
    pub failed_attempts: BTreeMap<Failure, u64>,
    /// Tokens of prompts, as the worker counted them in its replies.
    pub prompt_tokens: u64,
    /// Tokens of replies.
    pub completion_tokens: u64,
    /// Money spent, in the currency of the prices; attempts that were perhaps billed count in full.
    pub cost: f64,
    /// Time from sending to the reply, of attempts that succeeded.
    pub latency: Latency,
    /// Most requests in flight at any moment.
    pub in_flight_peak: u64,
    /// Requests that may be in flight now.
    pub in_flight_limit: u64,
    /// Seconds that requests waited, summed over requests.
    pub waiting: Waiting,
}

/// Milliseconds until a reply; 0 without replies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Median, within 6 %.
    pub p50_ms: f64,
    /// 95th percentile, within 6 %.
    pub p95_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// Seconds that requests waited, by what for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// A free place in flight.
    pub place_seconds: f64,
    /// The budget that others had reserved.
    pub budget_seconds: f64,
    /// A worker that was down.
    pub down_seconds: f64,
    /// The rates, or a wait that the server asked for.
    pub rate_seconds: f64,
    /// The time between two attempts.
    pub backoff_seconds: f64,
}

/// The figures while they grow.
#[derive(Default)]
pub(crate) struct Figures {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    metrics: PoolMetrics,
    latencies: Histogram,
    in_flight: u64,
}

/// A request in flight; over when dropped.
pub(crate) struct InFlight<'a>(&'a Figures);

impl Figures {
    pub(crate) fn update(&self, change: impl FnOnce(&mut PoolMetrics)) {
        change(&mut locked(&self.state).metrics);
    }

    /// A request leaves for the worker.
    pub(crate) fn sent(&self) -> InFlight<'_> {
        let mut state = locked(&self.state);
        state.metrics.attempts += 1;
        state.in_flight += 1;
        state.metrics.in_flight_peak = state.metrics.in_flight_peak.max(state.in_flight);
        InFlight(self)
    }

    /// A reply came back.
    pub(crate) fn replied(&self, latency: Duration, truncated: bool, used: Option<Spending>) {
        let mut state = locked(&self.state);
        state.latencies.add(latency);
        state.metrics.replies += 1;
        state.metrics.truncated += u64::from(truncated);
        match used {
            None => state.metrics.cached += 1,
            Some(used) => {
                state.metrics.prompt_tokens += used.prompt_tokens;
                state.metrics.completion_tokens += used.completion_tokens;
            }
        }
    }

    /// The figures now, without what only the pool knows.
    pub(crate) fn snapshot(&self) -> PoolMetrics {
        let state = locked(&self.state);
        let mut metrics = state.metrics.clone();
        metrics.latency = Latency {
            p50_ms: state.latencies.quantile_ms(0.5),
            p95_ms: state.latencies.quantile_ms(0.95),
            max_ms: state.latencies.max_us as f64 / 1e3,
        };
        metrics
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        locked(&self.0.state).in_flight -= 1;
    }
}

/// Counts of latencies in microseconds, eight classes per power of two: 4 KB, and no value off by more than 1/16.
struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max_us: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; 512], total: 0, max_us: 0 }
    }
}

impl Histogram {
    fn add(&mut self, latency: Duration) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.counts[class(us)] += 1;
        self.total += 1;
        self.max_us = self.max_us.max(us);
    }

    /// The middle of the class that holds the quantile, at most the largest value; 0 when empty.
    fn quantile_ms(&self, q: f64) -> f64 {
        let rank = ((self.total as f64 * q).ceil() as u64).max(1);
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return middle_us(at).min(self.max_us as f64) / 1e3;
            }
        }
        0.0
    }
}

/// Values below 8 have a class each; above, the three bits after the leading one tell the class.
fn class(us: u64) -> usize {
    if us < 8 {
        return us as usize;
    }
    let power = us.ilog2();
    (power as usize - 2) * 8 + (us >> (power - 3) & 7) as usize
}

fn middle_us(class: usize) -> f64 {
    if class < 8 {
        return class as f64;
    }
    let step = 2f64.powi(i32::try_from(class / 8).unwrap_or(0) - 1);
    (8.5 + (class % 8) as f64) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_in_order_and_their_middles_are_close() {
        let mut last = 0;
        for us in (0..40).map(|power| 1u64 << power).chain(1..5_000).collect::<std::collections::BTreeSet<_>>() {
            let at = class(us);
            assert!(at >= last && at < 512);
            last = at;
            assert!((middle_us(at) - us as f64).abs() <= us as f64 / 16.0 + 0.5, "{us}: {}", middle_us(at));
        }
        assert!(class(u64::MAX) < 512);
    }

    #[test]
    fn quantiles_of_a_hundred_latencies() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile_ms(0.5), 0.0);
        (1..=100).for_each(|ms| histogram.add(Duration::from_millis(ms)));
        assert!((histogram.quantile_ms(0.5) / 50.0 - 1.0).abs() < 0.0625);
        assert!((histogram.quantile_ms(0.95) / 95.0 - 1.0).abs() < 0.0625);
        assert_eq!(histogram.max_us, 100_000);
    }
}
