//! One request from its first gate to its last attempt.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::DOWN;
use super::ask::{Answer, Ask, Size};
use super::breaker::{Pass, Switch};
use super::budget::{Hold, Purse, Spending};
use super::limit::Limiter;
use super::metrics::{Figures, PoolMetrics, Waiting};
use super::rate::Rates;
use super::settings::{PoolSettings, duration};
use crate::error::{Action, Failure, WorkerError};
use crate::worker::Worker;

/// A worker with its gates.
pub(crate) struct Core {
    pub(crate) inner: Arc<dyn Worker>,
    pub(crate) figures: Figures,
    settings: PoolSettings,
    limiter: Limiter,
    rates: Rates,
    switch: Switch,
    purse: Purse,
}

/// What went wrong with an attempt.
struct Fault {
    error: WorkerError,
    /// Whether it was sent at all.
    sent: bool,
    /// Whether the worker is down, so that the attempt does not count against the request.
    down: bool,
    /// Time spent asking.
    took: Duration,
}

/// What a request has used up.
#[derive(Default)]
struct Tally {
    sent: u32,
    counted: u32,
    used: Duration,
}

impl Core {
    pub(crate) fn new(inner: Arc<dyn Worker>, settings: PoolSettings) -> Self {
        Self {
            inner,
            figures: Figures::default(),
            limiter: Limiter::new(settings.max_in_flight, settings.adaptive.clone()),
            rates: Rates::new(&settings),
            switch: Switch::new(settings.breaker.clone(), settings.max_attempts),
            purse: Purse::new(settings.budget.clone()),
            settings,
        }
    }

    pub(crate) fn metrics(&self) -> PoolMetrics {
        let mut metrics = self.figures.snapshot();
        let spent = self.purse.spent();
        metrics.cost = self.settings.budget.price_per_million.of(spent.prompt_tokens, spent.completion_tokens);
        metrics.in_flight_limit = u64::from(self.limiter.limit());
        metrics
    }

    /// The answer to a request, after as many attempts as it takes or may take.
    pub(crate) async fn answer(&self, key: &str, ask: &Ask) -> Result<Answer, WorkerError> {
        let size = ask.size(&self.settings.estimate);
        let limit = duration(self.settings.request_seconds);
        let mut tally = Tally::default();
        loop {
            let fault = match self.attempt(key, ask, size, limit.saturating_sub(tally.used)).await {
                Ok(answer) => return Ok(answer.after(tally.sent + 1)),
                Err(fault) => fault,
            };
            tally.sent += u32::from(fault.sent);
            match self.next(key, &fault, &mut tally) {
                Some(wait) => {
                    tokio::time::sleep(wait).await;
                    self.waited(wait, |waiting| &mut waiting.backoff_seconds);
                    tally.used += wait;
                }
                None => return Err(self.give_up(fault.error, &tally)),
            }
        }
    }

    /// How long to wait before the next attempt; none when there is none.
    fn next(&self, key: &str, fault: &Fault, tally: &mut Tally) -> Option<Duration> {
        if !fault.sent || fault.error.failure.action() != Action::Retry {
            return None;
        }
        if fault.down {
            return Some(Duration::ZERO);
        }
        tally.counted += 1;
        tally.used += fault.took;
        if tally.counted >= self.settings.max_attempts.max(1) {
            return None;
        }
        if let Some(wait) = fault.error.retry_after {
            if wait > duration(self.settings.max_retry_after_seconds) {
                return None;
            }
            self.rates.pause(wait);
        }
        let wait = self.backoff(key, tally.counted);
        (tally.used + wait < duration(self.settings.request_seconds)).then_some(wait)
    }

    /// Full jitter; see [`super::Backoff`].
    fn backoff(&self, key: &str, failures: u32) -> Duration {
        let rule = &self.settings.backoff;
        let doublings = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX).min(1_000);
        let most = (rule.first_seconds * 2f64.powi(doublings)).min(rule.most_seconds);
        let hash = xxh3_64_with_seed(key.as_bytes(), u64::from(failures));
        duration(most * ((hash >> 11) as f64 / (1u64 << 53) as f64))
    }

    fn give_up(&self, mut error: WorkerError, tally: &Tally) -> WorkerError {
        error.attempts = tally.sent;
        let longest = duration(self.settings.max_retry_after_seconds);
        if let Some(wait) = error.retry_after.filter(|wait| *wait > longest)
            && error.failure.action() == Action::Retry
        {
            error.failure = if error.failure == Failure::Rate { Failure::Quota } else { DOWN };
            error.message = format!("asks to wait {} s: {}", wait.as_secs(), error.message);
        }
        self.figures.update(|figures| *figures.failures.entry(error.failure).or_default() += 1);
        error
    }

    /// Passes the gates, asks once, and settles.
    async fn attempt(&self, key: &str, ask: &Ask, size: Size, left: Duration) -> Result<Answer, Fault> {
        let clock = Instant::now();
        let place = self.limiter.acquire().await;
        self.waited(clock.elapsed(), |waiting| &mut waiting.place_seconds);
        let mut hold = self.reserve(size.most).await?;
        let pass = self.admit(size.likely_tokens).await?;
        hold.mark_sent();
        let sent = Instant::now();
        let in_flight = self.figures.sent();
        let result = match timeout(left, ask.send(self.inner.as_ref())).await {
            Ok(result) => result,
            Err(_) => Err(self.error(
                Failure::Timeout,
                format!("no reply within {} s, attempts before included", self.settings.request_seconds),
            )),
        };
        drop(in_flight);
        let took = sent.elapsed();
        let settled = match result {
            Ok(answer) => {
                self.answered(ask, &answer, size, hold, sent);
                self.wait_for_allowance();
                pass.answered();
                Ok(answer)
            }
            Err(error) => {
                self.failed(&error, hold, sent);
                let down = pass.failed(key, &error);
                Err(Fault { error, sent: true, down, took })
            }
        };
        drop(place);
        settled
    }

    async fn reserve(&self, amount: Spending) -> Result<Hold<'_>, Fault> {
        let clock = Instant::now();
        let hold = self.purse.reserve(amount).await;
        self.waited(clock.elapsed(), |waiting| &mut waiting.budget_seconds);
        hold.map_err(|message| self.unsent(Failure::Budget, message))
    }

    /// Waits for the breaker and the rates. A worker that has gone down while the rates held the request back is waited
    /// for again, so that not all who waited find that out for themselves.
    async fn admit(&self, tokens: u64) -> Result<Pass<'_>, Fault> {
        loop {
            let clock = Instant::now();
            let pass = self.switch.admit().await;
            self.waited(clock.elapsed(), |waiting| &mut waiting.down_seconds);
            let pass = pass.map_err(|message| self.unsent(DOWN, message))?;
            let clock = Instant::now();
            self.rates.take(tokens).await;
            self.waited(clock.elapsed(), |waiting| &mut waiting.rate_seconds);
            if pass.is_probe() || !self.switch.is_down() {
                return Ok(pass);
            }
            self.rates.give_back(tokens);
        }
    }

    fn answered(&self, ask: &Ask, answer: &Answer, size: Size, hold: Hold<'_>, sent: Instant) {
        let latency = sent.elapsed();
        let used = if answer.is_cached() { Spending::default() } else { answer.used(ask) };
        self.rates.settle(size.likely_tokens, used.prompt_tokens.saturating_add(used.completion_tokens));
        hold.settle(used.prompt_tokens, used.completion_tokens);
        self.figures.replied(latency, answer.is_truncated(), (!answer.is_cached()).then_some(used));
        self.limiter.replied(sent, latency, used.completion_tokens);
    }

    /// Sends nothing while the worker says that it would refuse. A wait longer than allowed is left to the refusal, which
    /// ends it with the server's words.
    fn wait_for_allowance(&self) {
        let wait = self.inner.spent_for();
        if !wait.is_zero() && wait <= duration(self.settings.max_retry_after_seconds) {
            self.rates.pause(wait);
        }
    }

    fn failed(&self, error: &WorkerError, hold: Hold<'_>, sent: Instant) {
        self.figures.update(|figures| *figures.failed_attempts.entry(error.failure).or_default() += 1);
        let complaint = match error.failure {
            Failure::Rate | Failure::Timeout => true,
            Failure::Overload => matches!(error.status, Some(503 | 529)),
            _ => false,
        };
        if complaint {
            self.limiter.complained(sent);
        }
        // Dropped, the reservation stays spent.
        if !matches!(error.failure, Failure::Timeout | Failure::Abnormal) {
            hold.settle(0, 0);
        }
    }

    fn unsent(&self, failure: Failure, message: String) -> Fault {
        Fault { error: self.error(failure, message), sent: false, down: false, took: Duration::ZERO }
    }

    fn error(&self, failure: Failure, message: String) -> WorkerError {
        WorkerError::new(self.inner.name(), failure, message)
    }

    fn waited(&self, time: Duration, what: fn(&mut Waiting) -> &mut f64) {
        if !time.is_zero() {
            self.figures.update(|figures| *what(&mut figures.waiting) += time.as_secs_f64());
        }
    }
}
