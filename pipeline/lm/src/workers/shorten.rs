//! A worker that asks for a shorter reply where prompt and reply together are too long for the model's context.
//!
//! Servers refuse such a request as a whole, although most replies end long before their limit. It stands outside the
//! journal: a rerun knows that the long request fails and what the shorter one gave, and asks for neither.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gristmill_core::params::ParamError;
use serde::{Deserialize, Serialize};

use crate::error::{Failure, WorkerError};
use crate::request::{Completion, CompletionRequest, EmbedRequest, Embedded, Identity, ScoreRequest, Scored};
use crate::worker::{Capabilities, Worker};

/// `shorten_reply = { factor = 0.8, least_tokens = 64 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shorten {
    /// What `max_tokens` is multiplied by each time, above 0 and below 1.
    pub factor: f64,
    /// A reply that may not be so long is not asked for; 1 or more.
    pub least_tokens: u32,
}

impl Default for Shorten {
    fn default() -> Self {
        Self { factor: 0.8, least_tokens: 64 }
    }
}

impl Shorten {
    /// Refuses what would not end, or ask for nothing.
    pub(super) fn check(&self) -> Result<(), ParamError> {
        if !(self.factor > 0.0 && self.factor < 1.0) {
            return Err(ParamError::at("factor", "expected a number between 0 and 1, both excluded"));
        }
        if self.least_tokens == 0 {
            return Err(ParamError::at("least_tokens", "expected 1 or more"));
        }
        Ok(())
    }
}

/// The worker.
pub(super) struct Shortening {
    inner: Arc<dyn Worker>,
    rule: Shorten,
}

impl Shortening {
    pub(super) fn new(inner: Arc<dyn Worker>, rule: Shorten) -> Self {
        Self { inner, rule }
    }
}

#[async_trait]
impl Worker for Shortening {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn identity(&self) -> Identity {
        self.inner.identity()
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        let mut shorter = request.clone();
        loop {
            let reply = self.inner.complete(&shorter).await;
            let max_tokens = (f64::from(shorter.sampling.max_tokens) * self.rule.factor) as u32;
            let is_too_long = reply.as_ref().is_err_and(|error| error.failure == Failure::ContextLength);
            if !is_too_long || max_tokens < self.rule.least_tokens {
                return reply;
            }
            shorter.sampling.max_tokens = max_tokens;
        }
    }

    async fn score(&self, request: &ScoreRequest) -> Result<Scored, WorkerError> {
        self.inner.score(request).await
    }

    async fn embed(&self, request: &EmbedRequest) -> Result<Embedded, WorkerError> {
        self.inner.embed(request).await
    }

    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        self.inner.probe().await
    }

    fn spent_for(&self) -> Duration {
        self.inner.spent_for()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::pool::fake::ask;
    use crate::pool::locked;
    use crate::request::Finish;

    /// A model whose context has room for 100 tokens of reply.
    #[derive(Default)]
    struct Narrow(Mutex<Vec<u32>>);

    #[async_trait]
    impl Worker for Narrow {
        fn name(&self) -> &'static str {
            "narrow"
        }
        fn identity(&self) -> Identity {
            Identity::default()
        }
        async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
            let max_tokens = request.sampling.max_tokens;
            locked(&self.0).push(max_tokens);
            if max_tokens > 100 {
                return Err(WorkerError::new("narrow", Failure::ContextLength, "too long"));
            }
            Ok(Completion {
                text: "done".into(),
                finish: Finish::Stop,
                prompt_tokens: 1,
                completion_tokens: 1,
                tokens: None,
                model: "narrow".into(),
                latency_ms: 0,
                attempts: 1,
                cached: false,
                routed: None,
            })
        }
        async fn score(&self, _: &ScoreRequest) -> Result<Scored, WorkerError> {
            Err(WorkerError::new("narrow", Failure::Unsupported, "no scores"))
        }
        async fn probe(&self) -> Result<Capabilities, WorkerError> {
            Ok(Capabilities::default())
        }
    }

    #[tokio::test]
    async fn a_reply_may_be_shorter_until_it_fits_and_no_shorter_than_said() {
        let asked = async |max_tokens: u32, least_tokens: u32| {
            let narrow = Arc::new(Narrow::default());
            let worker = Shortening::new(narrow.clone(), Shorten { factor: 0.8, least_tokens });
            let reply = worker.complete(&ask("a", max_tokens)).await;
            (reply.is_ok(), locked(&narrow.0).clone())
        };
        // 0.8 of 200, 160, 128 and 102, rounded down.
        assert_eq!(asked(200, 16).await, (true, vec![200, 160, 128, 102, 81]));
        assert_eq!(asked(200, 110).await, (false, vec![200, 160, 128]));
        assert_eq!(asked(100, 16).await, (true, vec![100]));
    }
}
