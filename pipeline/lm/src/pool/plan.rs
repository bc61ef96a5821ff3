//! What a list of requests will take before any is sent: how many, how many tokens, how much money; each as a range.
//!
//! Tokens are guessed by characters, or measured from the replies that a journal holds of the same model. The range is
//! that of single requests (from the tenth to the ninetieth per cent of them), which for a long list is wider than need
//! be: new prompts need not be like the old ones. Attempts that fail count as requests and not as tokens; servers
//! seldom bill them.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::ask::{likely_tokens, measure};
use super::settings::{Price, TokenEstimate};
use crate::journal::{Journal, JournalError, Outcome, Request, key_number};
use crate::request::{CompletionRequest, Identity};

/// A range with its likely value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Seldom less.
    pub low: f64,
    /// As good a guess as any.
    pub likely: f64,
    /// Seldom more.
    pub high: f64,
}

/// What requests will take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CostPlan {
    /// Requests sent, repeated attempts included.
    pub requests: Span,
    /// Tokens of their prompts.
    pub prompt_tokens: Span,
    /// Tokens of their replies.
    pub completion_tokens: Span,
    /// Money, in the currency of the prices.
    pub cost: Span,
    /// Requests that the journal answers; not among the others.
    pub n_answered: u64,
    /// Requests equal to one before; not among the others.
    pub n_equal: u64,
    /// What the tokens are guessed from.
    pub basis: TokenBasis,
}

/// How tokens follow from characters and limits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TokenBasis {
    /// Replies that it was measured on; 0 for the heuristic.
    pub n_measured: u64,
    /// Tokens per character of a prompt; of the heuristic's high end, per byte.
    pub tokens_per_char: Span,
    /// Tokens of a reply as a share of its `max_tokens`.
    pub reply_share: Span,
    /// Times a request is sent.
    pub attempts: Span,
}

impl TokenBasis {
    /// The heuristic, where nothing has been measured: a token for four characters (six at best, two bytes at worst),
    /// and replies of half the tokens allowed (a tenth at best, all at worst).
    pub fn heuristic() -> Self {
        Self {
            n_measured: 0,
            tokens_per_char: Span { low: 1.0 / 6.0, likely: 0.25, high: 0.5 },
            reply_share: Span { low: 0.1, likely: 0.5, high: 1.0 },
            attempts: Span { low: 1.0, likely: 1.0, high: 1.5 },
        }
    }

    /// What a model's replies in a journal show; the heuristic with fewer than `n_least` of them.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn of_journal(journal: &Journal, identity: &Identity, n_least: usize) -> Result<Self, JournalError> {
        let (mut per_char, mut shares, mut attempts) = (Vec::new(), Vec::new(), Vec::new());
        for entry in journal.entries() {
            let entry = entry?;
            let (Request::Complete(request), Outcome::Reply(reply)) = (&entry.request, &entry.outcome) else {
                continue;
            };
            let (_, n_chars, _) = measure(&request.prompt);
            if entry.identity == *identity && n_chars > 0 && request.sampling.max_tokens > 0 {
                per_char.push((reply.prompt_tokens as f64, n_chars as f64));
                shares.push((reply.completion_tokens as f64, f64::from(request.sampling.max_tokens)));
                attempts.push((f64::from(reply.attempts), 1.0));
            }
        }
        if per_char.len() < n_least.max(1) {
            return Ok(Self::heuristic());
        }
        let n_measured = per_char.len() as u64;
        Ok(Self { n_measured, tokens_per_char: span(per_char), reply_share: span(shares), attempts: span(attempts) })
    }
}

/// The ratio of two sums, between the tenth and ninetieth per cent of single ratios.
fn span(pairs: Vec<(f64, f64)>) -> Span {
    let (above, below) = pairs.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let likely = if below > 0.0 { above / below } else { 0.0 };
    let mut ratios: Vec<f64> = pairs.into_iter().map(|(x, y)| x / y).collect();
    ratios.sort_by(f64::total_cmp);
    let at = |share: f64| ratios.get((ratios.len().saturating_sub(1) as f64 * share).round() as usize).copied();
    Span { low: at(0.1).unwrap_or(likely).min(likely), likely, high: at(0.9).unwrap_or(likely).max(likely) }
}

/// What requests to a model will take. `answered` says of a key whether its reply is there already
/// ([`Journal::contains`]). One pass; 16 bytes per request that differs from those before.
pub fn plan_cost<'a>(
    requests: impl IntoIterator<Item = &'a CompletionRequest>,
    identity: &Identity,
    basis: TokenBasis,
    price: Price,
    answered: impl Fn(&str) -> bool,
) -> CostPlan {
    let mut plan = CostPlan {
        requests: Span::default(),
        prompt_tokens: Span::default(),
        completion_tokens: Span::default(),
        cost: Span::default(),
        n_answered: 0,
        n_equal: 0,
        basis,
    };
    let mut seen = HashSet::new();
    for request in requests {
        let key = request.key(identity);
        if !seen.insert(key_number(&key)) {
            plan.n_equal += 1;
        } else if answered(&key) {
            plan.n_answered += 1;
        } else {
            let (n_bytes, n_chars, _) = measure(&request.prompt);
            let worst = if basis.n_measured == 0 { n_bytes } else { n_chars };
            plan.requests.add(basis.attempts, 1.0, 1.0);
            plan.prompt_tokens.add(basis.tokens_per_char, n_chars as f64, worst as f64);
            let most = f64::from(request.sampling.max_tokens);
            plan.completion_tokens.add(basis.reply_share, most, most);
        }
    }
    let cost = |prompt: f64, reply: f64| (prompt * price.prompt + reply * price.completion) / 1e6;
    plan.cost = Span {
        low: cost(plan.prompt_tokens.low, plan.completion_tokens.low),
        likely: cost(plan.prompt_tokens.likely, plan.completion_tokens.likely),
        high: cost(plan.prompt_tokens.high, plan.completion_tokens.high),
    };
    plan
}

impl Span {
    fn add(&mut self, per: Self, n: f64, worst: f64) {
        self.low += per.low * n;
        self.likely += per.likely * n;
        self.high += per.high * worst;
    }
}

/// Likely tokens of a request's prompt and most tokens of its reply.
pub(crate) fn size(request: &CompletionRequest, estimate: &TokenEstimate) -> (u64, u64) {
    let (_, n_chars, _) = measure(&request.prompt);
    (likely_tokens(n_chars, estimate), u64::from(request.sampling.max_tokens))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::fake::{Fake, ask};
    use super::*;
    use crate::journal::tests::{Scratch, journaled};
    use crate::worker::Worker;

    const PRICE: Price = Price { prompt: 1.0, completion: 10.0 };

    #[test]
    fn the_heuristic_by_hand() {
        // 2 different prompts of 24 characters, 100 tokens allowed each; the third is equal to the first.
        let requests = [ask(&"a".repeat(24), 100), ask(&"b".repeat(24), 100), ask(&"a".repeat(24), 100)];
        let plan = plan_cost(&requests, &Identity::default(), TokenBasis::heuristic(), PRICE, |_| false);
        assert_eq!(plan.prompt_tokens, Span { low: 8.0, likely: 12.0, high: 24.0 });
        assert_eq!(plan.completion_tokens, Span { low: 20.0, likely: 100.0, high: 200.0 });
        assert_eq!((plan.requests, plan.n_equal), (Span { low: 2.0, likely: 2.0, high: 3.0 }, 1));
        assert!((plan.cost.likely - 1_012e-6).abs() < 1e-12);
        let none = plan_cost(&[], &Identity::default(), TokenBasis::heuristic(), PRICE, |_| false);
        assert_eq!(none.cost, Span::default());
    }

    #[tokio::test]
    async fn a_journal_measures_and_answers() {
        let dir = Scratch::new();
        let journal = Arc::new(Journal::open(&dir.0).unwrap());
        let worker = journaled(&Arc::new(Fake::echo("w", 0)), &journal);
        let requests: Vec<_> = (10..60).map(|i| ask(&format!("{i} characters: twenty."), 20)).collect();
        for request in &requests[..20] {
            worker.complete(request).await.unwrap();
        }
        let identity = worker.identity();
        // The fake counts 10 tokens for each prompt and reply.
        let basis = TokenBasis::of_journal(&journal, &identity, 10).unwrap();
        let n_chars = requests[0].prompt.plain().len() as f64;
        assert_eq!((basis.n_measured, basis.reply_share.likely), (20, 0.5));
        assert!((basis.tokens_per_char.high - 10.0 / n_chars).abs() < 1e-12);
        let plan = plan_cost(&requests, &identity, basis, PRICE, |key| journal.contains(key));
        assert_eq!((plan.n_answered, plan.requests.likely), (20, 30.0));
        assert!((plan.prompt_tokens.likely - 300.0).abs() < 1e-9);
        assert_eq!(TokenBasis::of_journal(&journal, &Identity::default(), 10).unwrap(), TokenBasis::heuristic());
    }
}
