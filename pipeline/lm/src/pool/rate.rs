//! Requests and tokens per minute, and the waits that a server asks for.
//!
//! Two token buckets behind one queue: the first in the queue waits until both hold what it needs, so that large
//! requests are not overtaken for ever. Tokens are reserved before they are known and settled afterwards, which ready
//! made limiters cannot do.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::locked;
use super::settings::{PoolSettings, duration};

/// The rates of a worker.
pub(crate) struct Rates {
    queue: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    returned: Notify,
    limited: bool,
}

struct State {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    refilled: Instant,
    not_before: Option<Instant>,
}

struct Bucket {
    per_second: f64,
    capacity: f64,
    level: f64,
}

impl Rates {
    pub(crate) fn new(settings: &PoolSettings) -> Self {
        let bucket = |per_minute: Option<f64>| {
            let per_second = per_minute.filter(|rate| rate.is_finite() && *rate > 0.0)? / 60.0;
            let capacity = (per_second * settings.burst_seconds.max(0.0)).max(1.0);
            Some(Bucket { per_second, capacity, level: capacity })
        };
        let (requests, tokens) = (bucket(settings.requests_per_minute), bucket(settings.tokens_per_minute));
        Self {
            queue: tokio::sync::Mutex::new(()),
            limited: requests.is_some() || tokens.is_some(),
            state: Mutex::new(State { requests, tokens, refilled: Instant::now(), not_before: None }),
            returned: Notify::new(),
        }
    }

    /// Waits until one request of so many tokens may be sent, and takes them.
    pub(crate) async fn take(&self, tokens: u64) {
        if !self.limited && locked(&self.state).not_before.is_none_or(|at| at <= Instant::now()) {
            return;
        }
        let _turn = self.queue.lock().await;
        loop {
            let Some(wait) = locked(&self.state).take(tokens as f64) else { return };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.returned.notified() => {}
            }
        }
    }

    /// Gives back tokens that were taken and not used; fewer than 0 when more were used.
    pub(crate) fn settle(&self, taken: u64, used: u64) {
        if !self.limited {
            return;
        }
        let mut state = locked(&self.state);
        if let Some(bucket) = &mut state.tokens {
            bucket.level = (bucket.level + taken as f64 - used as f64).min(bucket.capacity);
        }
        drop(state);
        self.returned.notify_one();
    }

    /// Gives back a request that was not sent.
    pub(crate) fn give_back(&self, tokens: u64) {
        if let Some(bucket) = &mut locked(&self.state).requests {
            bucket.level = (bucket.level + 1.0).min(bucket.capacity);
        }
        self.settle(tokens, 0);
    }

    /// Sends nothing for this long: the server asked for it.
    pub(crate) fn pause(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut state = locked(&self.state);
        state.not_before = Some(state.not_before.map_or(until, |at| at.max(until)));
    }
}

impl State {
    /// Takes a request and its tokens, or says how long to wait before trying again.
    fn take(&mut self, tokens: f64) -> Option<Duration> {
        let now = Instant::now();
        let passed = (now - self.refilled).as_secs_f64();
        self.refilled = now;
        for bucket in [&mut self.requests, &mut self.tokens].into_iter().flatten() {
            bucket.level = (bucket.level + passed * bucket.per_second).min(bucket.capacity);
        }
        let lacking = |bucket: &Option<Bucket>, n: f64| bucket.as_ref().map_or(0.0, |bucket| bucket.lacking(n));
        let seconds = lacking(&self.requests, 1.0).max(lacking(&self.tokens, tokens));
        let paused = self.not_before.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let wait = duration(seconds).max(paused);
        if !wait.is_zero() {
            return Some(wait);
        }
        for (bucket, n) in [(&mut self.requests, 1.0), (&mut self.tokens, tokens)] {
            if let Some(bucket) = bucket {
                bucket.level -= n;
            }
        }
        None
    }
}

impl Bucket {
    /// Seconds until the bucket holds `n`; what is larger than the bucket needs it full and leaves a debt.
    fn lacking(&self, n: f64) -> f64 {
        let missing = n.min(self.capacity) - self.level;
        // A billionth is the rounding of sums of times, not a shortage.
        if missing > 1e-9 { missing / self.per_second } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn elapsed(settings: PoolSettings, n: usize, tokens: u64, used: u64) -> f64 {
        let rates = Rates::new(&settings);
        let start = Instant::now();
        for _ in 0..n {
            rates.take(tokens).await;
            rates.settle(tokens, used);
        }
        start.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn requests_take_the_time_of_their_rate() {
        // 600 a minute are 10 a second; the first 10 go at once, the other 590 take 59 s.
        let settings = PoolSettings { requests_per_minute: Some(600.0), ..PoolSettings::default() };
        let seconds = elapsed(settings, 600, 0, 0).await;
        assert!((seconds - 59.0).abs() < 0.05, "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_are_settled_by_what_was_used() {
        // 6,000 tokens a minute are 100 a second. 1,000 reserved and 50 used: half a second each once the first is
        // paid.
        let settings = PoolSettings { tokens_per_minute: Some(6_000.0), ..PoolSettings::default() };
        let seconds = elapsed(settings, 101, 1_000, 50).await;
        assert!((seconds - 50.0).abs() < 1.5, "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_back_everyone_even_without_rates() {
        let rates = Rates::new(&PoolSettings::default());
        rates.take(1).await;
        let start = Instant::now();
        rates.pause(Duration::from_secs(7));
        rates.take(1).await;
        assert_eq!(start.elapsed().as_secs(), 7);
    }
}
