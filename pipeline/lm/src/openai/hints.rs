//! What the server says of its allowances, for whoever paces the requests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderMap;

use super::wait::{go_duration, text};

/// Stands for: the server has not said.
const UNSAID: u64 = u64::MAX;

/// The latest `x-ratelimit-*` of a server. Shared: the worker writes, others read; each value by itself is one that was
/// sent, two of them need not be of the same answer.
#[derive(Debug)]
pub struct RateHints {
    requests: Allowance,
    tokens: Allowance,
}

/// An allowance per period.
#[derive(Debug)]
struct Allowance {
    limit: AtomicU64,
    remaining: AtomicU64,
    reset_ms: AtomicU64,
}

/// One kind of allowance, as far as the server has said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateHint {
    /// Most per period.
    pub limit: Option<u64>,
    /// Left of it.
    pub remaining: Option<u64>,
    /// Until it is whole again, counted from the answer that said so.
    pub reset: Option<Duration>,
}

impl Default for RateHints {
    fn default() -> Self {
        Self { requests: Allowance::unsaid(), tokens: Allowance::unsaid() }
    }
}

impl RateHints {
    /// Requests.
    pub fn requests(&self) -> RateHint {
        self.requests.hint()
    }

    /// Tokens, of prompts and replies.
    pub fn tokens(&self) -> RateHint {
        self.tokens.hint()
    }

    /// Takes over what an answer's headers say; what they do not mention stays.
    pub(crate) fn observe(&self, headers: &HeaderMap) {
        for (kind, allowance) in [("requests", &self.requests), ("tokens", &self.tokens)] {
            let value = |what: &str| text(headers, &format!("x-ratelimit-{what}-{kind}"));
            let count = |what: &str| value(what).and_then(|value| value.parse::<u64>().ok());
            let reset = value("reset").and_then(go_duration);
            store(&allowance.limit, count("limit"));
            store(&allowance.remaining, count("remaining"));
            store(&allowance.reset_ms, reset.and_then(|wait| u64::try_from(wait.as_millis()).ok()));
        }
    }
}

impl Allowance {
    fn unsaid() -> Self {
        let unsaid = || AtomicU64::new(UNSAID);
        Self { limit: unsaid(), remaining: unsaid(), reset_ms: unsaid() }
    }

    fn hint(&self) -> RateHint {
        let said = |value: &AtomicU64| Some(value.load(Ordering::Relaxed)).filter(|value| *value != UNSAID);
        RateHint {
            limit: said(&self.limit),
            remaining: said(&self.remaining),
            reset: said(&self.reset_ms).map(Duration::from_millis),
        }
    }
}

fn store(place: &AtomicU64, value: Option<u64>) {
    if let Some(value) = value {
        place.store(value, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_kept_until_it_is_said_anew() {
        let hints = RateHints::default();
        assert_eq!((hints.requests(), hints.tokens()), (RateHint::default(), RateHint::default()));
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-limit-requests", "60".parse().unwrap());
        headers.insert("x-ratelimit-remaining-requests", "59".parse().unwrap());
        headers.insert("x-ratelimit-reset-requests", "1s".parse().unwrap());
        headers.insert("x-ratelimit-limit-tokens", "many".parse().unwrap());
        hints.observe(&headers);
        hints.observe(&HeaderMap::new());
        let said = RateHint { limit: Some(60), remaining: Some(59), reset: Some(Duration::from_secs(1)) };
        assert_eq!((hints.requests(), hints.tokens()), (said, RateHint::default()));
    }
}
