//! What a server says of its allowances with each answer, so that nothing is asked which it will refuse.
//!
//! Servers with limits send `x-ratelimit-remaining-*` and `x-ratelimit-reset-*` with every answer, good ones too. Once an
//! allowance is used up, the next request waits for the reset instead of being refused.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

use super::wait;

/// Until when a server's allowance is used up, by the last of its answers that said anything about it.
#[derive(Debug, Default)]
pub(crate) struct Allowance {
    spent_until: Mutex<Option<Instant>>,
}

impl Allowance {
    /// Takes over what an answer's headers say; an answer that says nothing changes nothing.
    pub(crate) fn observe(&self, headers: &HeaderMap) {
        if wait::speaks_of_allowances(headers) {
            let until = wait::spent_allowance(headers).map(|wait| Instant::now() + wait);
            *self.spent_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
        }
    }

    /// How long it is still used up; zero when it is not.
    pub(crate) fn spent_for(&self) -> Duration {
        let until = *self.spent_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_used_up_counts_until_its_reset_or_until_an_answer_says_otherwise() {
        let allowance = Allowance::default();
        let used_up = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "2s")];
        allowance.observe(&headers(&used_up));
        assert_eq!(allowance.spent_for(), Duration::from_secs(2));
        tokio::time::advance(Duration::from_millis(500)).await;
        allowance.observe(&headers(&[("server", "uvicorn")]));
        assert_eq!(allowance.spent_for(), Duration::from_millis(1_500));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(allowance.spent_for(), Duration::ZERO);
        allowance.observe(&headers(&used_up));
        allowance.observe(&headers(&[("x-ratelimit-remaining-requests", "7"), ("x-ratelimit-reset-requests", "6m0s")]));
        assert_eq!(allowance.spent_for(), Duration::ZERO);
        // Used up, but not said until when: whether to wait is for the next answer to say.
        allowance.observe(&headers(&[("x-ratelimit-remaining-tokens", "0")]));
        assert_eq!(allowance.spent_for(), Duration::ZERO);
    }
}
