//! Notices that a worker is down, lets one request at a time try it, and lets all go on once it answers; the rule is at
//! [`Breaker`].

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::locked;
use super::settings::{Breaker, duration};
use crate::error::{Failure, WorkerError};

/// The state of one worker.
pub(crate) struct Switch {
    rule: Breaker,
    failures_to_open: u32,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    in_a_row: u32,
    last_weak_key: Option<String>,
    down: Option<Down>,
}

struct Down {
    since: Instant,
    next_probe: Instant,
    interval: Duration,
    probing: bool,
    last_error: String,
}

/// Leave to send. Dropped without a verdict, a probe leaves its turn to the next.
pub(crate) struct Pass<'a> {
    switch: &'a Switch,
    probe: bool,
}

/// What an attempt says about the worker.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// It answers, if only with a refusal.
    Alive,
    /// It is down, whoever asks.
    Strong,
    /// It is down, unless the request is at fault.
    Weak,
}

impl Switch {
    pub(crate) fn new(rule: Breaker, max_attempts: u32) -> Self {
        let failures_to_open = rule.failures_to_open.min(max_attempts).max(1);
        Self { rule, failures_to_open, state: Mutex::default(), changed: Notify::new() }
    }

    /// Waits until the worker is up, or it is this request's turn to try.
    ///
    /// # Errors
    /// After `max_down_seconds`, with what the worker last said.
    pub(crate) async fn admit(&self) -> Result<Pass<'_>, String> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let wake = match locked(&self.state).admit(&self.rule) {
                Verdict::Go { probe } => return Ok(Pass { switch: self, probe }),
                Verdict::Stop(message) => return Err(message),
                Verdict::Wait(until) => until,
            };
            tokio::select! {
                () = tokio::time::sleep_until(wake) => {}
                () = changed => {}
            }
        }
    }

    /// Whether the worker is down.
    pub(crate) fn is_down(&self) -> bool {
        locked(&self.state).down.is_some()
    }
}

enum Verdict {
    Go { probe: bool },
    Wait(Instant),
    Stop(String),
}

impl State {
    fn admit(&mut self, rule: &Breaker) -> Verdict {
        let Some(down) = &mut self.down else { return Verdict::Go { probe: false } };
        let now = Instant::now();
        let end = down.since + duration(rule.max_down_seconds);
        if !down.probing && now >= down.next_probe {
            down.probing = true;
            return Verdict::Go { probe: true };
        }
        if now >= end {
            let seconds = (now - down.since).as_secs();
            return Verdict::Stop(format!("down for {seconds} s; it last said: {}", down.last_error));
        }
        Verdict::Wait(if down.probing { end } else { down.next_probe.min(end) })
    }

    fn failed(&mut self, sign: Sign, key: &str) {
        if sign == Sign::Strong || self.last_weak_key.as_deref() != Some(key) {
            self.in_a_row = self.in_a_row.saturating_add(1);
        }
        self.last_weak_key = (sign == Sign::Weak).then(|| key.to_owned());
    }
}

impl Pass<'_> {
    /// Whether this request tries a worker that is down.
    pub(crate) fn is_probe(&self) -> bool {
        self.probe
    }

    /// Takes note of a reply.
    pub(crate) fn answered(self) {
        self.switch.up();
    }

    /// Takes note of a failure. Whether the worker is down, so that the attempt does not count against the request.
    pub(crate) fn failed(mut self, key: &str, error: &WorkerError) -> bool {
        let sign = sign(error);
        if sign == Sign::Alive {
            self.switch.up();
            return false;
        }
        let probe = std::mem::take(&mut self.probe);
        self.switch.note(sign, key, error, probe)
    }
}

impl Switch {
    fn up(&self) {
        let mut state = locked(&self.state);
        state.in_a_row = 0;
        state.last_weak_key = None;
        if state.down.take().is_some() {
            drop(state);
            self.changed.notify_waiters();
        }
    }

    fn note(&self, sign: Sign, key: &str, error: &WorkerError, probe: bool) -> bool {
        let now = Instant::now();
        let mut state = locked(&self.state);
        if let Some(down) = &mut state.down {
            down.last_error.clone_from(&error.message);
            if probe {
                down.probing = false;
                down.interval = (down.interval * 2).min(duration(self.rule.most_probe_seconds));
                down.next_probe = now + down.interval;
                drop(state);
                self.changed.notify_waiters();
            }
            return true;
        }
        state.failed(sign, key);
        if state.in_a_row < self.failures_to_open {
            return false;
        }
        let interval = duration(self.rule.first_probe_seconds);
        let last_error = error.message.clone();
        state.down = Some(Down { since: now, next_probe: now + interval, interval, probing: false, last_error });
        true
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe
            && let Some(down) = &mut locked(&self.switch.state).down
        {
            down.probing = false;
            self.switch.changed.notify_waiters();
        }
    }
}

fn sign(error: &WorkerError) -> Sign {
    match (error.failure, error.status) {
        (Failure::Connection, _) | (Failure::Overload, Some(502 | 503 | 529)) => Sign::Strong,
        (Failure::Overload | Failure::Timeout, _) => Sign::Weak,
        _ => Sign::Alive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(failure: Failure) -> WorkerError {
        WorkerError::new("w", failure, "refused")
    }

    async fn fail(switch: &Switch, key: &str, failure: Failure) -> bool {
        switch.admit().await.unwrap().failed(key, &error(failure))
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_in_a_row_and_an_answer_ends_the_row() {
        let switch = Switch::new(Breaker::default(), 6);
        for _ in 0..4 {
            assert!(!fail(&switch, "a", Failure::Connection).await);
        }
        switch.admit().await.unwrap().answered();
        for _ in 0..4 {
            assert!(!fail(&switch, "a", Failure::Connection).await);
        }
        assert!(fail(&switch, "a", Failure::Connection).await);
        let start = Instant::now();
        let probe = switch.admit().await.unwrap();
        assert!(probe.is_probe());
        assert_eq!(start.elapsed().as_secs(), 1);
        probe.answered();
        assert!(!switch.admit().await.unwrap().is_probe());
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_that_breaks_the_server_does_not_make_it_down() {
        let switch = Switch::new(Breaker::default(), 6);
        for _ in 0..100 {
            assert!(!fail(&switch, "poison", Failure::Overload).await);
        }
        for key in ["b", "c", "d"] {
            assert!(!fail(&switch, key, Failure::Overload).await);
        }
        assert!(fail(&switch, "e", Failure::Overload).await);
    }

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_tries_and_a_probe_given_up_passes_on() {
        let switch = Switch::new(Breaker { failures_to_open: 1, ..Breaker::default() }, 6);
        fail(&switch, "a", Failure::Connection).await;
        let probe = switch.admit().await.unwrap();
        let waits = tokio::time::timeout(Duration::from_secs(20), switch.admit()).await;
        assert!(waits.is_err());
        drop(probe);
        assert!(switch.admit().await.unwrap().is_probe());
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_longest_time_down_it_stops() {
        let switch = Switch::new(Breaker { failures_to_open: 1, ..Breaker::default() }, 6);
        let start = Instant::now();
        fail(&switch, "a", Failure::Connection).await;
        let message = loop {
            match switch.admit().await {
                Ok(probe) => _ = probe.failed("a", &error(Failure::Connection)),
                Err(message) => break message,
            }
        };
        assert_eq!(start.elapsed().as_secs(), 600);
        assert!(message.contains("refused"));
    }
}
