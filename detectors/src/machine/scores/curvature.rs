//! Scores of the text against what the model expected before each token: Fast-DetectGPT and Binoculars.
//!
//! A text can be unlikely because it is human or because nothing was likely there. Both scores take that out: one by
//! difference and spread, the other by ratio. Where q is Binoculars' performer and p its observer, B = 1 - D / X, with D
//! the mean of ln q(x_t) - mu_t, the numerator of Fast-DetectGPT, and X = -mean mu_t.
//!
//! Source: Bao et al. 2024 (Fast-DetectGPT, arXiv:2310.05130), equations 4 to 6; Hans et al. 2024 (Binoculars,
//! arXiv:2401.12070), equation 4. We differ in that draws are a hash of seed, position and number, not of a generator.

use gristmill_lm::{Scored, TokenScore};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::atoms::{self, Atom, Reader};
use super::chosen;
use super::{Abstain, Basis, Need, Outcome, ScoreParams, basis, measured};

/// Variance below which a model was sure of everything.
const NO_VARIANCE: f64 = 1e-12;

/// A position that is scored: its token by q, its log-probability, and the same token by p.
type Position<'a> = (&'a TokenScore, f64, Option<&'a TokenScore>);

/// The positions where q, and p if there is one, give log-probability and distribution.
fn positions<'a>(q: &'a Scored, p: Option<&'a Scored>, params: &ScoreParams) -> Result<Vec<Position<'a>>, Abstain> {
    chosen::logprobs(q, params)?;
    if let Some(p) = p {
        let same = q.tokens.iter().zip(&p.tokens).take_while(|(q, p)| q.token == p.token).count();
        if same < q.tokens.len().max(p.tokens.len()) {
            return Err(Abstain::Tokens { at: same });
        }
    }
    let all: Vec<Position<'_>> = q
        .tokens
        .iter()
        .enumerate()
        .filter_map(|(i, token)| {
            let logprob = token.logprob.filter(|logprob| chosen::valid(*logprob))?.min(0.0);
            let second = p.map(|p| &p.tokens[i]);
            let given = !token.top.is_empty() && second.is_none_or(|second| !second.top.is_empty());
            given.then_some((token, logprob, second))
        })
        .collect();
    if all.is_empty() {
        return Err(Abstain::Missing(Need::Distribution));
    }
    chosen::enough(all.len(), params)?;
    Ok(all)
}

/// Sums over the positions that have a distribution.
#[derive(Debug, Default)]
struct Sums {
    n: usize,
    logprob: f64,
    mean: f64,
    variance: f64,
    estimated: f64,
    mean_bounds: (f64, f64),
    variance_bounds: (f64, f64),
}

impl Sums {
    fn of(q: &Scored, p: Option<&Scored>, params: &ScoreParams) -> Result<Self, Abstain> {
        let mut sums = Self::default();
        let mut reader = Reader::new(q, p, params);
        let mut atoms: Vec<Atom> = Vec::new();
        for (token, logprob, second) in positions(q, p, params)? {
            if second.is_some() {
                let Some(estimated) = reader.read(token, second, &mut atoms) else { continue };
                let (mean, variance) = atoms::mean_variance(&atoms);
                sums.mean += mean;
                sums.variance += variance;
                sums.estimated += estimated;
            } else {
                let Some(moments) = atoms::moments(token, q.full, params) else { continue };
                sums.mean += moments.mean;
                sums.variance += moments.variance;
                sums.estimated += moments.estimated;
                sums.mean_bounds.0 += moments.mean_bounds.0;
                sums.mean_bounds.1 += moments.mean_bounds.1;
                sums.variance_bounds.0 += moments.variance_bounds.0;
                sums.variance_bounds.1 += moments.variance_bounds.1;
            }
            sums.n += 1;
            sums.logprob += logprob;
        }
        chosen::enough(sums.n, params)?;
        Ok(sums)
    }

    /// What a score from these sums stands on.
    fn basis(&self, bounds: Option<(f64, f64)>) -> Basis {
        basis(self.estimated / self.n as f64, bounds)
    }

    /// Least and greatest curvature that the bounds of one worker allow.
    fn curvature_bounds(&self) -> (f64, f64) {
        let (low, high) = (self.logprob - self.mean_bounds.1, self.logprob - self.mean_bounds.0);
        let (least, greatest) = (self.variance_bounds.0.sqrt(), self.variance_bounds.1.sqrt());
        (low / if low >= 0.0 { greatest } else { least }, high / if high >= 0.0 { least } else { greatest })
    }
}

/// Conditional probability curvature: how much likelier the text is than what p would have written there, in standard
/// deviations of the latter.
///
/// `scored` is by the scoring worker q; `sampling` is by p, and left out where both are one. Near 0 for what p could have
/// drawn itself at temperature 1.
///
/// # Errors
/// If there are too few tokens, no distributions, two tokenizers, or no spread, as where one token is certain everywhere.
pub fn fast_detect_gpt(scored: &Scored, sampling: Option<&Scored>, params: &ScoreParams) -> Outcome {
    let sums = Sums::of(scored, sampling, params)?;
    if sums.variance <= NO_VARIANCE {
        return Err(Abstain::NoSpread("the model is sure of every token"));
    }
    let bounds = sampling.is_none().then(|| sums.curvature_bounds());
    measured((sums.logprob - sums.mean) / sums.variance.sqrt(), sums.n, 0, sums.basis(bounds))
}

/// Negative Binoculars score: the ratio of the performer's surprise at the text and at what the observer expects.
///
/// `performer` is q, `observer` is p. [`super::BINOCULARS_THRESHOLDS`] are for the negative of it.
///
/// # Errors
/// If there are too few tokens, no distributions, two tokenizers, or if the observer expects no surprise at all.
pub fn binoculars(performer: &Scored, observer: &Scored, params: &ScoreParams) -> Outcome {
    let sums = Sums::of(performer, Some(observer), params)?;
    if -sums.mean <= NO_VARIANCE {
        return Err(Abstain::NoSpread("the model is sure of every token"));
    }
    measured(0.0 - sums.logprob / sums.mean, sums.n, 0, sums.basis(None))
}

/// Conditional probability curvature with mean and deviation from texts drawn token by token, `n_draws` of them.
///
/// The same for the same seed; within about 1 / sqrt(n_draws) of [`fast_detect_gpt`], relative to its size.
///
/// # Errors
/// As for [`fast_detect_gpt`], and if there are fewer than 2 draws.
pub fn fast_detect_gpt_sampled(scored: &Scored, sampling: Option<&Scored>, seed: u64, params: &ScoreParams) -> Outcome {
    let mut reader = Reader::new(scored, sampling, params);
    let mut atoms: Vec<Atom> = Vec::new();
    let mut draws = vec![0.0; params.n_draws];
    let (mut own, mut estimated, mut n) = (0.0, 0.0, 0_usize);
    for (at, (token, logprob, second)) in positions(scored, sampling, params)?.into_iter().enumerate() {
        let Some(share) = reader.read(token, second, &mut atoms) else { continue };
        add_draws(&mut atoms, seed, at as u64, &mut draws);
        (own, estimated, n) = (own + logprob, estimated + share, n + 1);
    }
    chosen::enough(n, params)?;
    let n_draws = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / n_draws;
    let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / (n_draws - 1.0);
    if draws.len() < 2 || variance <= NO_VARIANCE {
        return Err(Abstain::NoSpread("all drawn texts are equally likely"));
    }
    measured((own - mean) / variance.sqrt(), n, 0, basis(estimated / n as f64, None))
}

/// Adds to each sum the log-probability of a token drawn for it; turns the weights into their running sums.
fn add_draws(atoms: &mut [Atom], seed: u64, at: u64, draws: &mut [f64]) {
    let mut sum = 0.0;
    for (weight, _) in atoms.iter_mut() {
        sum += *weight;
        *weight = sum;
    }
    for (number, draw) in draws.iter_mut().enumerate() {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&at.to_le_bytes());
        key[8..].copy_from_slice(&(number as u64).to_le_bytes());
        // 53 bits of the hash, as a fraction of the whole weight.
        let target = (xxh3_64_with_seed(&key, seed) >> 11) as f64 / (1_u64 << 53) as f64 * sum;
        let place = atoms.partition_point(|(until, _)| *until <= target).min(atoms.len() - 1);
        *draw += atoms[place].1;
    }
}
