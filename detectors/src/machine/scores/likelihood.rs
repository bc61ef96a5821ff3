//! Scores of the text alone: how likely its tokens are, how they rank, how sure the model was, how even it reads.
//!
//! Source: log-likelihood, rank, entropy and the share of top ranks are GLTR's (Gehrmann et al. 2019), log-rank is
//! DetectGPT's baseline (Mitchell et al. 2023), LRR is DetectLLM's (Su et al. 2023). Their order of merit is not given:
//! under a weak model, or for chat models rather than base models, likelihood and evenness can point the other way.

use gristmill_lm::Scored;

use super::atoms;
use super::chosen::{self, Rank, Ranks};
use super::{Abstain, Basis, Need, Outcome, ScoreParams, basis, measured};

/// Mean log-probability of the tokens, in nats; at most 0.
///
/// # Errors
/// If there are too few tokens, or no log-probabilities.
pub fn log_likelihood(scored: &Scored, params: &ScoreParams) -> Outcome {
    let logprobs = chosen::logprobs(scored, params)?;
    measured(chosen::mean(&logprobs), logprobs.len(), 0, Basis::Exact)
}

/// Negative mean rank of the tokens; at most -1.
///
/// # Errors
/// If there are too few tokens, or no ranks.
pub fn rank(scored: &Scored, params: &ScoreParams) -> Outcome {
    let ranks = Ranks::read(scored, params)?;
    negative(&ranks, ranks.mean(|rank| rank))
}

/// Negative mean natural logarithm of the ranks; at most 0.
///
/// # Errors
/// If there are too few tokens, or no ranks.
pub fn log_rank(scored: &Scored, params: &ScoreParams) -> Outcome {
    let ranks = Ranks::read(scored, params)?;
    negative(&ranks, ranks.mean(f64::ln))
}

fn negative(ranks: &Ranks, mean: Rank) -> Outcome {
    // 0 - x, since -0 would be told apart from 0.
    measured(0.0 - mean.value, ranks.len(), 0, basis(ranks.estimated(), Some((0.0 - mean.greatest, 0.0 - mean.least))))
}

/// Share of tokens that rank at most `gltr_rank`, in [0, 1].
///
/// # Errors
/// If there are too few tokens, or no ranks.
pub fn gltr(scored: &Scored, params: &ScoreParams) -> Outcome {
    let ranks = Ranks::read(scored, params)?;
    let most = f64::from(params.gltr_rank);
    let mean = ranks.mean(|rank| f64::from(u8::from(rank <= most)));
    // The share falls as ranks rise. Where each is known to be inside or outside, it is exact.
    let bounds = (mean.greatest, mean.least);
    let estimated = if bounds.0 == bounds.1 { 0.0 } else { ranks.estimated() };
    measured(mean.value, ranks.len(), 0, basis(estimated, Some(bounds)))
}

/// Share of tokens by rank: up to the first edge, up to the second, …, beyond the last; one more share than edges, sum 1.
///
/// Edges rise; GLTR's are 10, 100 and 1,000.
///
/// # Errors
/// If there are too few tokens, or no ranks.
pub fn rank_histogram(scored: &Scored, edges: &[u32], params: &ScoreParams) -> Result<Vec<f64>, Abstain> {
    let ranks = Ranks::read(scored, params)?;
    let mut shares = vec![0.0; edges.len() + 1];
    for rank in &ranks.ranks {
        shares[edges.partition_point(|edge| f64::from(*edge) < rank.value)] += 1.0 / ranks.len() as f64;
    }
    Ok(shares)
}

/// Negative mean entropy of the model before each token, in nats; at most 0.
///
/// # Errors
/// If there are too few tokens, or neither entropies nor likeliest tokens.
pub fn entropy(scored: &Scored, params: &ScoreParams) -> Outcome {
    chosen::logprobs(scored, params)?;
    let (mut sum, mut low, mut high, mut estimated, mut n) = (0.0, 0.0, 0.0, 0.0, 0_usize);
    for (token, _) in chosen::tokens(scored) {
        if let Some(entropy) = token.entropy.filter(|entropy| entropy.is_finite() && *entropy >= 0.0) {
            (sum, low, high) = (sum + entropy, low + entropy, high + entropy);
        } else if let Some(moments) = atoms::moments(token, scored.full, params) {
            (sum, low, high) = (sum - moments.mean, low - moments.mean_bounds.1, high - moments.mean_bounds.0);
            estimated += moments.estimated;
        } else {
            continue;
        }
        n += 1;
    }
    if n == 0 {
        return Err(Abstain::Missing(Need::Distribution));
    }
    chosen::enough(n, params)?;
    let n_tokens = n as f64;
    let bounds = (0.0 - high / n_tokens, 0.0 - low / n_tokens);
    measured(0.0 - sum / n_tokens, n, 0, basis(estimated / n_tokens, Some(bounds)))
}

/// Negative standard deviation of the log-probabilities, in nats: machines are said to write more evenly.
///
/// The claim holds or fails with the model: under a word 3-gram model the texts of chat models are the less even ones.
///
/// # Errors
/// If there are too few tokens, no log-probabilities, or all are the same, which no model of a real text gives.
pub fn burstiness(scored: &Scored, params: &ScoreParams) -> Outcome {
    let logprobs = chosen::logprobs(scored, params)?;
    let mean = chosen::mean(&logprobs);
    let variance = logprobs.iter().map(|logprob| (logprob - mean).powi(2)).sum::<f64>() / logprobs.len() as f64;
    if variance <= mean * mean * 1e-24 {
        return Err(Abstain::NoSpread("all log-probabilities are the same"));
    }
    measured(-variance.sqrt(), logprobs.len(), 0, Basis::Exact)
}

/// Ratio of mean negative log-probability and mean log-rank; at least 0.
///
/// # Errors
/// If there are too few tokens, no ranks, or every token is the likeliest one.
pub fn lrr(scored: &Scored, params: &ScoreParams) -> Outcome {
    let ranks = Ranks::read(scored, params)?;
    let surprise = -chosen::mean(&chosen::logprobs(scored, params)?);
    let log_rank = ranks.mean(f64::ln);
    if log_rank.value <= 0.0 {
        return Err(Abstain::NoSpread("every token has rank 1"));
    }
    let bounds = (surprise / log_rank.greatest, surprise / log_rank.least);
    measured(surprise / log_rank.value, ranks.len(), 0, basis(ranks.estimated(), Some(bounds)))
}
