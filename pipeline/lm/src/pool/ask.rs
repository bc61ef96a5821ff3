//! A request of any kind, its answer, and how large both are.

use super::budget::Spending;
use super::settings::TokenEstimate;
use crate::error::WorkerError;
use crate::request::{Completion, CompletionRequest, EmbedRequest, Embedded, Finish, Prompt, ScoreRequest, Scored};
use crate::worker::Worker;

/// What is asked.
pub(crate) enum Ask {
    Complete(Box<CompletionRequest>),
    Score(ScoreRequest),
    Embed(EmbedRequest),
}

/// What is answered.
#[derive(Clone)]
pub(crate) enum Answer {
    Completion(Completion),
    Scored(Scored),
    Embedded(Embedded),
}

/// How many tokens a request takes, before it is known.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// Likely tokens of the prompt and most tokens of the reply: what the rates reserve.
    pub(crate) likely_tokens: u64,
    /// The most that one sending can cost.
    pub(crate) most: Spending,
}

impl Ask {
    pub(crate) async fn send(&self, worker: &dyn Worker) -> Result<Answer, WorkerError> {
        match self {
            Self::Complete(request) => worker.complete(request).await.map(Answer::Completion),
            Self::Score(request) => worker.score(request).await.map(Answer::Scored),
            Self::Embed(request) => worker.embed(request).await.map(Answer::Embedded),
        }
    }

    pub(crate) fn size(&self, estimate: &TokenEstimate) -> Size {
        // A server that cannot score without generating generates one token.
        let (bytes, chars, messages, completion_tokens) = match self {
            Self::Complete(request) => {
                let (bytes, chars, messages) = measure(&request.prompt);
                (bytes, chars, messages, u64::from(request.sampling.max_tokens))
            }
            Self::Score(ScoreRequest { context, text, .. }) => {
                (context.len() + text.len(), context.chars().count() + text.chars().count(), 1, 1)
            }
            Self::Embed(EmbedRequest { text, .. }) => (text.len(), text.chars().count(), 1, 0),
        };
        let added = estimate.tokens_per_message.saturating_mul(messages).saturating_add(estimate.tokens_per_request);
        Size {
            likely_tokens: likely_tokens(chars, estimate).saturating_add(completion_tokens),
            most: Spending { requests: 1, prompt_tokens: (bytes as u64).saturating_add(added), completion_tokens },
        }
    }
}

/// Characters / `chars_per_token`, rounded up.
pub(crate) fn likely_tokens(chars: usize, estimate: &TokenEstimate) -> u64 {
    (chars as f64 / estimate.chars_per_token.max(f64::MIN_POSITIVE)).ceil() as u64
}

/// Bytes, characters and messages of a prompt.
pub(crate) fn measure(prompt: &Prompt) -> (usize, usize, u64) {
    match prompt {
        Prompt::Text(text) => (text.len(), text.chars().count(), 1),
        Prompt::Chat(messages) => messages.iter().fold((0, 0, 0), |(bytes, chars, n), message| {
            (bytes + message.content.len(), chars + message.content.chars().count(), n + 1)
        }),
    }
}

impl Answer {
    pub(crate) fn is_cached(&self) -> bool {
        match self {
            Self::Completion(completion) => completion.cached,
            Self::Scored(scored) => scored.cached,
            Self::Embedded(embedded) => embedded.cached,
        }
    }

    /// Whether it is a reply that had reached its longest length.
    pub(crate) fn is_truncated(&self) -> bool {
        matches!(self, Self::Completion(completion) if completion.finish == Finish::Length)
    }

    /// The tokens used. Scores come without the number of the context's tokens: it is taken in proportion to the
    /// text's.
    pub(crate) fn used(&self, ask: &Ask) -> Spending {
        let (prompt_tokens, completion_tokens) = match (self, ask) {
            (Self::Completion(completion), _) => (completion.prompt_tokens, completion.completion_tokens),
            (Self::Scored(scored), Ask::Score(request)) => {
                let share = (request.context.len() + request.text.len()) as f64 / request.text.len().max(1) as f64;
                ((scored.tokens.len() as f64 * share).ceil() as u64, 0)
            }
            (Self::Scored(scored), Ask::Complete(_) | Ask::Embed(_)) => (scored.tokens.len() as u64, 0),
            (Self::Embedded(embedded), _) => (embedded.prompt_tokens, 0),
        };
        Spending { requests: 1, prompt_tokens, completion_tokens }
    }

    /// The same answer, with the number of times it was asked for.
    pub(crate) fn after(mut self, attempts: u32) -> Self {
        if let Self::Completion(completion) = &mut self {
            completion.attempts = attempts;
        }
        self
    }
}
