//! What a pool may be told; every rule's constants are here, with the reason for each default.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a worker is asked: at most how many at once, how fast, how often again, and for how much.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoolSettings {
    /// Most requests in flight; 1 or more.
    pub max_in_flight: u32,
    /// Requests sent per minute; none for no limit.
    pub requests_per_minute: Option<f64>,
    /// Tokens sent and received per minute; none for no limit.
    pub tokens_per_minute: Option<f64>,
    /// Seconds' worth of the two rates that may be sent at once. 1, since servers enforce a minute's rate by the
    /// second.
    pub burst_seconds: f64,
    /// Times a request is sent before it fails; 1 or more. At 30 % of failures 6 leave 0.07 % of requests unanswered.
    pub max_attempts: u32,
    /// Seconds a request may take in all, retries and backing off included; waiting for a free place, for the rates or
    /// for a worker that is down does not count.
    pub request_seconds: f64,
    /// Longest wait, in seconds, that a server may ask for; one that asks for more has spent its quota.
    pub max_retry_after_seconds: f64,
    /// How the number in flight follows the server.
    pub adaptive: Adaptive,
    /// How long to wait before asking again.
    pub backoff: Backoff,
    /// When a worker is down.
    pub breaker: Breaker,
    /// What may be spent.
    pub budget: Budget,
    /// How tokens are counted before the server has counted them.
    pub estimate: TokenEstimate,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            max_in_flight: 16,
            requests_per_minute: None,
            tokens_per_minute: None,
            burst_seconds: 1.0,
            max_attempts: 6,
            request_seconds: 900.0,
            max_retry_after_seconds: 300.0,
            adaptive: Adaptive::default(),
            backoff: Backoff::default(),
            breaker: Breaker::default(),
            budget: Budget::default(),
            estimate: TokenEstimate::default(),
        }
    }
}

impl PoolSettings {
    /// What cannot be meant, one sentence each; empty when all is well. A pool made of bad settings takes the nearest
    /// good ones.
    pub fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut want = |holds: bool, what: &str| {
            if !holds {
                found.push(what.to_owned());
            }
        };
        let rate = |rate: Option<f64>| rate.is_none_or(|rate| rate.is_finite() && rate > 0.0);
        let at_least_0 = |x: f64| x.is_finite() && x >= 0.0;
        want(self.max_in_flight >= 1, "expected max_in_flight of 1 or more");
        want(rate(self.requests_per_minute), "expected requests_per_minute above 0");
        want(rate(self.tokens_per_minute), "expected tokens_per_minute above 0");
        want(at_least_0(self.burst_seconds), "expected burst_seconds of 0 or more");
        want(self.max_attempts >= 1, "expected max_attempts of 1 or more");
        want(self.request_seconds > 0.0, "expected request_seconds above 0");
        want(self.adaptive.start_in_flight.is_none_or(|n| n >= 1), "expected adaptive.start_in_flight of 1 or more");
        want(
            self.adaptive.decrease > 0.0 && self.adaptive.decrease < 1.0,
            "expected adaptive.decrease between 0 and 1, both excluded",
        );
        want(
            self.adaptive.slow_decrease > 0.0 && self.adaptive.slow_decrease < 1.0,
            "expected adaptive.slow_decrease between 0 and 1, both excluded",
        );
        want(
            self.adaptive.latency_tolerance.is_none_or(|tolerance| tolerance > 1.0),
            "expected adaptive.latency_tolerance above 1",
        );
        want(at_least_0(self.budget.max_cost.unwrap_or(0.0)), "expected budget.max_cost of 0 or more");
        want(
            at_least_0(self.budget.price_per_million.prompt) && at_least_0(self.budget.price_per_million.completion),
            "expected budget.price_per_million of 0 or more",
        );
        want(
            self.budget.max_cost.is_none() || self.budget.price_per_million != Price::default(),
            "expected budget.price_per_million beside budget.max_cost: without prices nothing costs anything",
        );
        want(self.estimate.chars_per_token > 0.0, "expected estimate.chars_per_token above 0");
        found
    }
}

/// How the number in flight follows the server, between 1 and `max_in_flight`.
///
/// The rule is TCP's. It starts at `start_in_flight`; once a first window of replies has shown how long a reply takes,
/// it grows by 1 with each reply until the server first complains, and from then on by `increase` / its own value with
/// each reply, that is by `increase` per round. It grows only while at least half of it is used. A complaint (429, 503,
/// 529, a timeout) multiplies it by `decrease`; a window of replies whose 95th percentile of latency is above
/// `latency_tolerance` times the baseline stops the growth by 1, and every further one in a row, of requests sent
/// since, multiplies it by `slow_decrease`: a stall of a moment, ours or theirs, slows one round of replies and no
/// more. Whatever answers a request sent before the last decrease decreases nothing: it has seen the old value.
/// Latencies are only compared among replies of like length (same power of two of reply tokens). The baseline of a
/// length is the 95th percentile of its first window; a lower one moves it by `baseline_weight` of the difference.
/// Latency lowers the number to `start_in_flight` at least. Once `patience` slow windows in a row have each lowered it
/// and the last takes more than 0.8 of the slowest's time, the slowness is not of our making: the last becomes the
/// baseline, so that a server that has become slower for good is not starved.
///
/// # Source
/// Additive increase and multiplicative decrease: Chiu and Jain 1989; slow start and one decrease per round: Jacobson
/// 1988. Servers that queue (vLLM, SGLang) never answer 429: their latency is all there is to see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adaptive {
    /// Whether it follows at all; otherwise `max_in_flight` are always allowed.
    pub enabled: bool,
    /// In flight at the start; none for `latency_window`, so that the first round is the baseline. Never above
    /// `max_in_flight`.
    pub start_in_flight: Option<u32>,
    /// Added per round of replies; 1 is TCP's.
    pub increase: f64,
    /// Factor when the server refuses or does not answer; 0.5 is TCP's.
    pub decrease: f64,
    /// Factor when replies have become slow; milder, as slowness is a weaker sign than a refusal.
    pub slow_decrease: f64,
    /// Growth of latency that is borne. 3, since batching servers answer several requests at once two to three times as
    /// slowly as one, and still do more in all. None for no regard to latency.
    pub latency_tolerance: Option<f64>,
    /// Replies whose 95th percentile is compared; with 20 it is the second slowest.
    pub latency_window: u32,
    /// Weight of a lower 95th percentile in the baseline, in [0, 1].
    pub baseline_weight: f64,
    /// Slow windows in a row after which slowness that did not yield is accepted.
    pub patience: u32,
}

impl Default for Adaptive {
    fn default() -> Self {
        Self {
            enabled: true,
            start_in_flight: None,
            increase: 1.0,
            decrease: 0.5,
            slow_decrease: 0.8,
            latency_tolerance: Some(3.0),
            latency_window: 20,
            baseline_weight: 0.1,
            patience: 8,
        }
    }
}

/// How long to wait before asking again: between 0 and `first_seconds` x 2^(n - 1) after the n-th failure, at most
/// `most_seconds`, drawn evenly by a hash of the request's key and n ("full jitter", Brooker 2015). A wait that the
/// server asks for comes first, and holds back every request of the pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backoff {
    /// Longest wait after the first failure, in seconds.
    pub first_seconds: f64,
    /// Longest wait at all, in seconds.
    pub most_seconds: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first_seconds: 1.0, most_seconds: 60.0 }
    }
}

/// When a worker counts as down, and how it comes back.
///
/// Down are `failures_to_open` failures in a row without any answer between. Lost connections and 502, 503 and 529 say
/// it whoever asked; other 5xx and timeouts may be the fault of one request, so that a row of them from the same
/// request counts once. While the worker is down one request at a time asks, after `first_probe_seconds` and then twice
/// as long each time up to `most_probe_seconds`; the others wait, and no attempt counts against a request. Any answer
/// ends it. After `max_down_seconds` those that wait fail with a failure that stops the worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// Failures in a row; never more than `max_attempts`, so that a worker is down before a request gives up.
    pub failures_to_open: u32,
    /// Seconds before it is first asked again.
    pub first_probe_seconds: f64,
    /// Most seconds between two askings.
    pub most_probe_seconds: f64,
    /// Seconds a worker may be down before the run stops.
    pub max_down_seconds: f64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failures_to_open: 5, first_probe_seconds: 1.0, most_probe_seconds: 30.0, max_down_seconds: 600.0 }
    }
}

/// What may be spent; none for no limit.
///
/// Each sending reserves the most it can cost and gives back the rest once the server has counted. An attempt that
/// timed out or was cut has perhaps been billed: its reservation stays spent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Most sendings, retries included.
    pub max_requests: Option<u64>,
    /// Most tokens, of prompts and replies together.
    pub max_tokens: Option<u64>,
    /// Most money, in the currency of the prices.
    pub max_cost: Option<f64>,
    /// What tokens cost.
    pub price_per_million: Price,
}

/// Price of a million tokens, in any currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Price {
    /// Of the prompt.
    pub prompt: f64,
    /// Of the reply.
    pub completion: f64,
}

impl Price {
    /// The price in millionths of a millionth, a whole number so that sums are exact.
    pub(crate) fn pico(self, prompt_tokens: u64, completion_tokens: u64) -> u128 {
        let micro = |price: f64| (price.max(0.0) * 1e6).round() as u128;
        u128::from(prompt_tokens)
            .saturating_mul(micro(self.prompt))
            .saturating_add(u128::from(completion_tokens).saturating_mul(micro(self.completion)))
    }

    /// What so many tokens cost.
    pub fn of(self, prompt_tokens: u64, completion_tokens: u64) -> f64 {
        self.pico(prompt_tokens, completion_tokens) as f64 / 1e12
    }
}

/// How the tokens of a prompt are guessed before the server has counted them.
///
/// The rates reserve the likely number (characters / `chars_per_token`); the budget reserves the most there can be: a
/// token is never less than a byte, and a template adds some.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenEstimate {
    /// Characters per token; 4 is the usual heuristic for English.
    pub chars_per_token: f64,
    /// Most tokens that a chat template adds to a message.
    pub tokens_per_message: u64,
    /// Most tokens that a chat template adds to a conversation, such as a system message of its own.
    pub tokens_per_request: u64,
}

impl Default for TokenEstimate {
    fn default() -> Self {
        Self { chars_per_token: 4.0, tokens_per_message: 8, tokens_per_request: 64 }
    }
}

/// A duration of so many seconds: 0 for what is negative or no number, at most thirty years, so that a point in time
/// can be added to it.
pub(crate) fn duration(seconds: f64) -> Duration {
    const THIRTY_YEARS: f64 = 946_080_000.0;
    Duration::try_from_secs_f64(seconds.min(THIRTY_YEARS)).unwrap_or(Duration::ZERO)
}
