//! Drawing a token from a distribution: temperature, then `top_k`, `top_p` and `min_p`, as servers do it.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::tokens::{END, Token};
use crate::request::Sampling;

/// Uniform draws in [0, 1) of one request, one after the other.
pub(super) struct Draws {
    seed: u64,
    n: u64,
}

impl Draws {
    /// The draws of one request.
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, n: 0 }
    }

    fn next(&mut self) -> f64 {
        self.n += 1;
        (xxh3_64_with_seed(&self.n.to_le_bytes(), self.seed) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Draws a token from unnormalised `weights`, which are changed by temperature and cut to the likeliest.
pub(super) fn draw(weights: &mut [f64], sampling: &Sampling, draws: &mut Draws) -> Token {
    let likeliest = |weights: &[f64]| {
        let best = weights.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
        best.map_or(END, |(token, _)| token as Token)
    };
    if sampling.temperature <= 0.0 {
        return likeliest(weights);
    }
    if (sampling.temperature - 1.0).abs() > 1e-9 {
        for p in weights.iter_mut().filter(|p| **p > 0.0) {
            *p = p.powf(1.0 / sampling.temperature);
        }
    }
    let least = least_drawn(weights, sampling);
    let total: f64 = weights.iter().filter(|p| **p >= least).sum();
    let mut left = draws.next() * total;
    for (token, p) in weights.iter().enumerate().filter(|(_, p)| **p >= least && **p > 0.0) {
        left -= p;
        if left < 0.0 {
            return token as Token;
        }
    }
    likeliest(weights)
}

/// The smallest weight that may be drawn under `top_k`, `top_p` and `min_p`.
fn least_drawn(weights: &[f64], sampling: &Sampling) -> f64 {
    let mut least = 0.0f64;
    if let Some(min_p) = sampling.min_p {
        least = weights.iter().copied().fold(0.0, f64::max) * min_p;
    }
    if sampling.top_k.is_none() && sampling.top_p >= 1.0 {
        return least;
    }
    let mut sorted: Vec<f64> = weights.iter().copied().filter(|p| *p > 0.0).collect();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    if let Some(k) = sampling.top_k.filter(|k| *k > 0 && (*k as usize) < sorted.len()) {
        sorted.truncate(k as usize);
        least = least.max(sorted.last().copied().unwrap_or(0.0));
    }
    let mass = sorted.iter().sum::<f64>() * sampling.top_p;
    let mut sum = 0.0;
    for p in sorted {
        sum += p;
        if sum >= mass {
            return least.max(p);
        }
    }
    least
}
