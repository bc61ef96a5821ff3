//! At most so many requests in flight, the number following what the server bears; the rule is at [`Adaptive`].

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::locked;
use super::settings::Adaptive;

/// Lengths of replies told apart: powers of two of tokens.
const N_LENGTHS: usize = 33;

/// The places for requests in flight.
pub(crate) struct Limiter {
    places: Semaphore,
    state: Mutex<State>,
    rule: Adaptive,
    start: f64,
    most: f64,
}

struct State {
    /// How many may be in flight; the whole part counts.
    limit: f64,
    /// Places that exist: the free ones and those taken. Above the limit while taken ones have not come back.
    n_places: usize,
    phase: Phase,
    replies: u64,
    decreased_at: Option<Instant>,
    lengths: Vec<Length>,
}

/// How the limit grows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// By 1 with each reply: the server has not complained yet.
    Starting,
    /// Not at all: replies have become slow, and it is not known yet whether for longer than a moment.
    Doubting,
    /// By `increase` per round.
    Steady,
}

/// Replies of like length.
#[derive(Clone, Default)]
struct Length {
    window: Vec<f64>,
    baseline: Option<f64>,
    /// Slow windows in a row, and the 95th percentile of the slowest.
    slow: (u32, f64),
    /// When the first of them was full.
    slow_since: Option<Instant>,
}

/// Share of the slowest window's latency above which a later one has not improved.
const NOT_IMPROVED: f64 = 0.8;

/// A place taken; free again when dropped.
pub(crate) struct Place<'a> {
    limiter: &'a Limiter,
    permit: Option<SemaphorePermit<'a>>,
}

impl Limiter {
    pub(crate) fn new(max_in_flight: u32, rule: Adaptive) -> Self {
        let most = max_in_flight.max(1);
        // A window's worth by default: then the first round is the baseline, of a server at ease.
        let start =
            if rule.enabled { rule.start_in_flight.unwrap_or(rule.latency_window).clamp(1, most) } else { most };
        Self {
            places: Semaphore::new(start as usize),
            state: Mutex::new(State {
                limit: f64::from(start),
                n_places: start as usize,
                phase: Phase::Starting,
                replies: 0,
                decreased_at: None,
                lengths: vec![Length::default(); N_LENGTHS],
            }),
            rule,
            start: f64::from(start),
            most: f64::from(most),
        }
    }

    /// A place, in the order of asking.
    pub(crate) async fn acquire(&self) -> Place<'_> {
        let permit = match self.places.acquire().await {
            Ok(permit) => permit,
            Err(_) => unreachable!("the semaphore is never closed"),
        };
        Place { limiter: self, permit: Some(permit) }
    }

    /// How many may be in flight now.
    pub(crate) fn limit(&self) -> u32 {
        locked(&self.state).limit as u32
    }

    /// A reply of so many tokens to a request sent then, after this long.
    pub(crate) fn replied(&self, sent: Instant, latency: Duration, tokens: u64) {
        if !self.rule.enabled {
            return;
        }
        let mut state = locked(&self.state);
        state.replies += 1;
        if self.has_slowed(&mut state, sent, latency, tokens) {
            self.decrease(&mut state, sent, self.rule.slow_decrease, self.start);
            return;
        }
        let learning = state.phase == Phase::Starting && state.replies < u64::from(self.rule.latency_window);
        let in_use = state.n_places - self.places.available_permits().min(state.n_places);
        if learning || state.phase == Phase::Doubting || (in_use * 2) < state.limit as usize {
            return;
        }
        let step = if state.phase == Phase::Starting { 1.0 } else { self.rule.increase.max(0.0) / state.limit };
        let limit = state.limit + step;
        self.set(&mut state, limit);
    }

    /// The server refused or ignored a request sent then.
    pub(crate) fn complained(&self, sent: Instant) {
        if self.rule.enabled {
            self.decrease(&mut locked(&self.state), sent, self.rule.decrease, 1.0);
        }
    }

    /// Takes a latency into its window; with a full window, whether it is slow against the baseline.
    fn has_slowed(&self, state: &mut State, sent: Instant, latency: Duration, tokens: u64) -> bool {
        let Some(tolerance) = self.rule.latency_tolerance else { return false };
        let saw_old_limit = state.decreased_at.is_some_and(|at| sent < at);
        let length = &mut state.lengths[(tokens.saturating_add(1).ilog2() as usize).min(N_LENGTHS - 1)];
        let Some(p95) = length.add(latency, self.rule.latency_window) else { return false };
        let baseline = *length.baseline.get_or_insert(p95);
        if p95 <= baseline * tolerance {
            length.baseline = Some(baseline + (p95 - baseline).min(0.0) * self.rule.baseline_weight.clamp(0.0, 1.0));
            (length.slow, length.slow_since) = ((0, 0.0), None);
            if state.phase == Phase::Doubting {
                state.phase = Phase::Starting;
            }
            return false;
        }
        let Some(since) = length.slow_since else {
            length.slow_since = Some(Instant::now());
            if state.phase == Phase::Starting {
                state.phase = Phase::Doubting;
            }
            return false;
        };
        if saw_old_limit || sent < since {
            return false;
        }
        length.slow = (length.slow.0 + 1, length.slow.1.max(p95));
        if length.slow.0 < self.rule.patience {
            return true;
        }
        let accepted = p95 > length.slow.1 * NOT_IMPROVED;
        length.slow = (0, 0.0);
        if accepted {
            length.baseline = Some(p95);
        }
        !accepted
    }

    fn decrease(&self, state: &mut State, sent: Instant, factor: f64, least: f64) {
        if state.decreased_at.is_some_and(|at| sent < at) {
            return;
        }
        state.decreased_at = Some(Instant::now());
        state.phase = Phase::Steady;
        let limit = (state.limit * factor.clamp(0.0, 1.0)).max(least);
        self.set(state, limit);
    }

    fn set(&self, state: &mut State, limit: f64) {
        state.limit = limit.max(1.0).min(self.most);
        let wanted = state.limit as usize;
        if wanted > state.n_places {
            self.places.add_permits(wanted - state.n_places);
            state.n_places = wanted;
        } else if wanted < state.n_places {
            state.n_places -= self.places.forget_permits(state.n_places - wanted);
        }
    }
}

impl Length {
    /// Takes a latency into the window; with a full window, its 95th percentile in seconds, and the window is empty
    /// again.
    fn add(&mut self, latency: Duration, n: u32) -> Option<f64> {
        self.window.push(latency.as_secs_f64());
        if self.window.len() < n.max(1) as usize {
            return None;
        }
        self.window.sort_by(f64::total_cmp);
        let p95 = self.window[((self.window.len() * 95).div_ceil(100) - 1).min(self.window.len() - 1)];
        self.window.clear();
        Some(p95)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        let mut state = locked(&self.limiter.state);
        if state.n_places > state.limit as usize {
            state.n_places -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(limiter: &Limiter, ms: u64) {
        limiter.replied(Instant::now(), Duration::from_millis(ms), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn it_doubles_until_a_complaint_then_adds_one_per_round() {
        let limiter = Limiter::new(64, Adaptive { start_in_flight: Some(4), latency_window: 4, ..Adaptive::default() });
        let places = futures::future::join_all((0..4).map(|_| limiter.acquire())).await;
        for _ in 0..11 {
            reply(&limiter, 50);
        }
        // 3 of the first window of 4 teach only the latency; the other 8 each add 1, then half of it is not in use.
        assert_eq!(limiter.limit(), 4 + 5);
        limiter.complained(Instant::now());
        assert_eq!(limiter.limit(), 4);
        // Four replies make a round at about 4.5: 1 / 4.5 each.
        for _ in 0..5 {
            reply(&limiter, 50);
        }
        assert_eq!(limiter.limit(), 5);
        drop(places);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_sent_before_a_decrease_decreases_nothing() {
        let limiter = Limiter::new(64, Adaptive { start_in_flight: Some(64), ..Adaptive::default() });
        let sent = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..64 {
            limiter.complained(sent);
        }
        assert_eq!(limiter.limit(), 32);
        limiter.complained(Instant::now());
        assert_eq!(limiter.limit(), 16);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_replies_of_like_length_decrease_and_long_ones_do_not() {
        let limiter = Limiter::new(20, Adaptive { start_in_flight: Some(5), ..Adaptive::default() });
        let places = futures::future::join_all((0..5).map(|_| limiter.acquire())).await;
        (0..20).for_each(|_| reply(&limiter, 100));
        (0..15).for_each(|_| reply(&limiter, 100));
        assert_eq!(limiter.limit(), 11);
        // Ten times as slow, but thirty times as long: its own first window.
        (0..20).for_each(|_| limiter.replied(Instant::now(), Duration::from_secs(1), 3_000));
        // The window of 15 is filled and then another: three times as slow is borne.
        (0..25).for_each(|_| reply(&limiter, 290));
        assert_eq!(limiter.limit(), 11);
        (0..20).for_each(|_| reply(&limiter, 310));
        assert_eq!(limiter.limit(), 11);
        (0..20).for_each(|_| reply(&limiter, 310));
        // 0.8 x 11 = 8.8, of which the whole part counts.
        assert_eq!(limiter.limit(), 8);
        drop(places);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_slower_for_good_is_not_starved() {
        let limiter = Limiter::new(20, Adaptive { start_in_flight: Some(5), ..Adaptive::default() });
        // More than there can be, so that every place stays taken.
        let places = futures::future::join_all((0..40).map(|_| limiter.acquire()));
        tokio::pin!(places);
        (0..20).for_each(|_| reply(&limiter, 100));
        assert!(futures::poll!(places.as_mut()).is_pending());
        for _ in 0..40 {
            tokio::time::advance(Duration::from_secs(1)).await;
            (0..20).for_each(|_| reply(&limiter, 1_000));
            assert!(futures::poll!(places.as_mut()).is_pending());
        }
        assert_eq!(limiter.limit(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn places_taken_above_the_limit_do_not_come_back() {
        let limiter = Limiter::new(8, Adaptive { start_in_flight: Some(8), ..Adaptive::default() });
        let places = futures::future::join_all((0..8).map(|_| limiter.acquire())).await;
        limiter.complained(Instant::now());
        drop(places);
        assert_eq!(limiter.places.available_permits(), 4);
    }
}
