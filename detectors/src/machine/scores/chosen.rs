//! What a worker says of the tokens that the text has: their log-probabilities and ranks, checked.
//!
//! A token without a log-probability is left out: the first of a text has none with most models. A log-probability that
//! is no logarithm of a probability counts as missing too. A rank is never left out where it is missing: ranks are
//! missing just where tokens are unlikely, and a mean of the others would make every text look machine-made.

use gristmill_lm::{Scored, TokenScore};

use super::tail::Tail;
use super::{Abstain, Need, ScoreParams};

/// Excess of a log-probability over 0, and of a probability over another, that rounding explains.
const ROUNDING: f64 = 1e-6;

/// A log-probability that can be one.
pub(super) fn valid(logprob: f64) -> bool {
    logprob.is_finite() && logprob <= ROUNDING
}

/// Fails if there are too few tokens.
pub(super) fn enough(found: usize, params: &ScoreParams) -> Result<(), Abstain> {
    let least = params.min_tokens.max(1);
    if found < least { Err(Abstain::TooShort { found, least }) } else { Ok(()) }
}

/// The scored tokens with their log-probabilities.
pub(super) fn tokens(scored: &Scored) -> impl Iterator<Item = (&TokenScore, f64)> {
    scored.tokens.iter().filter_map(|token| Some((token, token.logprob.filter(|logprob| valid(*logprob))?.min(0.0))))
}

/// The log-probabilities of enough tokens; not all of them zero.
pub(super) fn logprobs(scored: &Scored, params: &ScoreParams) -> Result<Vec<f64>, Abstain> {
    let all: Vec<f64> = tokens(scored).map(|(_, logprob)| logprob).collect();
    if all.is_empty() && enough(scored.tokens.len(), params).is_ok() {
        return Err(Abstain::Missing(Need::Logprob));
    }
    enough(all.len(), params)?;
    if all.iter().all(|logprob| *logprob == 0.0) { Err(Abstain::Silent) } else { Ok(all) }
}

/// The mean of logarithms of probabilities of a text.
pub(super) fn mean(logprobs: &[f64]) -> f64 {
    logprobs.iter().sum::<f64>() / logprobs.len().max(1) as f64
}

/// A rank, and the least and greatest it can be; all three the same when it was given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rank {
    pub(super) value: f64,
    pub(super) least: f64,
    pub(super) greatest: f64,
}

impl Rank {
    fn exact(value: f64) -> Self {
        Self { value, least: value, greatest: value }
    }
}

/// The ranks of the tokens, 1 for the likeliest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranks {
    pub(super) ranks: Vec<Rank>,
}

impl Ranks {
    /// Ranks of a text with enough tokens: given, or found among the likeliest, or estimated from their tail.
    pub(super) fn read(scored: &Scored, params: &ScoreParams) -> Result<Self, Abstain> {
        logprobs(scored, params)?;
        let ranks: Option<Vec<Rank>> =
            tokens(scored).map(|(token, logprob)| rank(token, logprob, scored.full, params)).collect();
        Ok(Self { ranks: ranks.ok_or(Abstain::Missing(Need::Rank))? })
    }

    /// Number of tokens.
    pub(super) fn len(&self) -> usize {
        self.ranks.len()
    }

    /// Mean of a rising function of the ranks: its value, least and greatest.
    pub(super) fn mean(&self, f: impl Fn(f64) -> f64) -> Rank {
        let n = self.ranks.len().max(1) as f64;
        let mean = |part: fn(&Rank) -> f64| self.ranks.iter().map(|rank| f(part(rank))).sum::<f64>() / n;
        Rank { value: mean(|rank| rank.value), least: mean(|rank| rank.least), greatest: mean(|rank| rank.greatest) }
    }

    /// Share of the ranks that are estimates.
    pub(super) fn estimated(&self) -> f64 {
        let n_estimated = self.ranks.iter().filter(|rank| rank.least != rank.greatest).count();
        n_estimated as f64 / self.ranks.len().max(1) as f64
    }
}

/// The rank of a token; none when neither it nor any alternative was given.
fn rank(token: &TokenScore, logprob: f64, full: bool, params: &ScoreParams) -> Option<Rank> {
    if let Some(rank) = token.rank.filter(|rank| *rank > 0) {
        return Some(Rank::exact(f64::from(rank)));
    }
    let (mut given, mut least, mut n_given, mut n_likelier) = (0.0, 0.0_f64, 0_usize, 0_usize);
    for (_, other) in token.top.iter().filter(|(_, other)| valid(*other)) {
        given += other.exp();
        least = least.min(*other);
        n_given += 1;
        n_likelier += usize::from(*other > logprob);
    }
    if n_given == 0 {
        return None;
    }
    if full || n_likelier < n_given {
        return Some(Rank::exact(n_likelier as f64 + 1.0));
    }
    let Some(tail) = Tail::fit(given, least, n_given, params) else {
        return Some(Rank::exact(n_given as f64 + 1.0));
    };
    let (value, least, greatest) = tail.rank(logprob);
    Some(Rank { value, least, greatest })
}
