//! Scores of the text against perturbed copies of it: DetectGPT and NPR.
//!
//! What a machine wrote is near a peak of likelihood, so that small changes make it less likely; what a person wrote is
//! not. The copies are made elsewhere: spans of 2 words masked until 15 % of words are, filled by a mask-filling model,
//! 100 of them in the paper.
//!
//! Source: Mitchell et al. 2023 (DetectGPT, arXiv:2301.11305), Su et al. 2023 (DetectLLM, arXiv:2306.05540). Copies too
//! short or unscored are left out and the number used is reported; the reference code divides by 1 where all copies are
//! equally likely, we abstain.

use gristmill_lm::Scored;

use super::chosen::{self, Ranks};
use super::{Abstain, Basis, Need, Outcome, ScoreParams, basis, measured};

/// How much likelier the text is than its copies, in standard deviations of their mean log-probabilities.
///
/// # Errors
/// If the text has too few tokens, there are no copies, or all copies are equally likely, as a single one is.
pub fn detect_gpt(scored: &Scored, perturbed: &[Scored], params: &ScoreParams) -> Outcome {
    let own = chosen::logprobs(scored, params)?;
    let copies: Vec<f64> = perturbed
        .iter()
        .filter_map(|copy| chosen::logprobs(copy, params).ok())
        .map(|logprobs| chosen::mean(&logprobs))
        .collect();
    if copies.is_empty() {
        return Err(Abstain::Missing(Need::Perturbation));
    }
    let mean = chosen::mean(&copies);
    let variance = copies.iter().map(|copy| (copy - mean).powi(2)).sum::<f64>() / copies.len() as f64;
    if variance <= mean * mean * 1e-24 {
        return Err(Abstain::NoSpread("all perturbed copies are equally likely"));
    }
    measured((chosen::mean(&own) - mean) / variance.sqrt(), own.len(), copies.len(), Basis::Exact)
}

/// Ratio of the copies' mean log-rank and the text's; at least 0.
///
/// # Errors
/// If the text has too few tokens, there are no ranks or no copies, or every token of the text is the likeliest one.
pub fn npr(scored: &Scored, perturbed: &[Scored], params: &ScoreParams) -> Outcome {
    let ranks = Ranks::read(scored, params)?;
    let own = ranks.mean(f64::ln);
    let copies: Vec<Ranks> = perturbed.iter().filter_map(|copy| Ranks::read(copy, params).ok()).collect();
    if copies.is_empty() {
        return Err(Abstain::Missing(Need::Perturbation));
    }
    if own.value <= 0.0 {
        return Err(Abstain::NoSpread("every token has rank 1"));
    }
    let means: Vec<chosen::Rank> = copies.iter().map(|copy| copy.mean(f64::ln)).collect();
    let mean = |part: fn(&chosen::Rank) -> f64| means.iter().map(part).sum::<f64>() / means.len() as f64;
    let bounds = (mean(|rank| rank.least) / own.greatest, mean(|rank| rank.greatest) / own.least);
    // The worst of all the texts: one of them unsure is enough for an unsure ratio.
    let estimated = copies.iter().map(Ranks::estimated).fold(ranks.estimated(), f64::max);
    measured(mean(|rank| rank.value) / own.value, ranks.len(), copies.len(), basis(estimated, Some(bounds)))
}
