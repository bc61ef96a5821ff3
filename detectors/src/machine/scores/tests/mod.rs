//! Scores against arithmetic by hand, against each other, and against answers that no server should give.

mod arithmetic;
mod hostile;
mod laws;

use std::f64::consts::LN_2;

use gristmill_lm::{Scored, TokenScore};

use super::*;

/// One token is enough, for tiny cases.
fn tiny() -> ScoreParams {
    ScoreParams { min_tokens: 1, ..ScoreParams::default() }
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "found {found}, expected {expected}");
}

fn value(outcome: Outcome) -> f64 {
    outcome.unwrap().value
}

fn bounds(outcome: Outcome) -> (f64, f64) {
    match outcome.unwrap().basis {
        Basis::GeometricTail { bounds, .. } => bounds.unwrap(),
        Basis::Exact => panic!("exact"),
    }
}

fn text(tokens: Vec<TokenScore>, full: bool) -> Scored {
    Scored { tokens, full, cached: false }
}

/// A text of log-probabilities alone.
fn plain(logprobs: &[f64]) -> Scored {
    let token = |(i, logprob): (usize, &f64)| TokenScore {
        token: format!("t{i}"),
        logprob: Some(*logprob),
        rank: None,
        top: Vec::new(),
        entropy: None,
    };
    text(logprobs.iter().enumerate().map(token).collect(), false)
}

/// A text of ranks.
fn ranked(ranks: &[u32]) -> Scored {
    let mut scored = plain(&vec![-1.0; ranks.len()]);
    scored.tokens.iter_mut().zip(ranks).for_each(|(token, rank)| token.rank = Some(*rank));
    scored
}

/// A token with what could have stood in its place, the likeliest first.
fn position(token: &str, distribution: &[(&str, f64)]) -> TokenScore {
    let mut top: Vec<(String, f64)> = distribution.iter().map(|(text, p)| ((*text).to_owned(), p.ln())).collect();
    top.sort_by(|a, b| b.1.total_cmp(&a.1));
    let logprob = distribution.iter().find(|(text, _)| *text == token).map(|(_, p)| p.ln());
    TokenScore { token: token.into(), logprob, rank: None, top, entropy: None }
}

/// The text "a c c" over the vocabulary a, b, c, d, whose probabilities before each token are the columns of `rows`.
fn toy(rows: [[f64; 4]; 3]) -> Scored {
    let tokens = ["a", "c", "c"].iter().zip(rows).map(|(token, row)| {
        let distribution: Vec<(&str, f64)> = ["a", "b", "c", "d"].into_iter().zip(row).collect();
        position(token, &distribution)
    });
    text(tokens.collect(), true)
}

/// The scoring model q: log2 of its probabilities is -1 -2 -3 -3, -2 -1 -3 -3 and -3 -3 -2 -1.
fn q() -> Scored {
    toy([[0.5, 0.25, 0.125, 0.125], [0.25, 0.5, 0.125, 0.125], [0.125, 0.125, 0.25, 0.5]])
}

/// The drawing model p.
fn p() -> Scored {
    toy([[0.25; 4], [0.5, 0.25, 0.125, 0.125], [0.125, 0.5, 0.25, 0.125]])
}

/// A text whose distributions fall off by a power law over `n` tokens, drawn from a seed.
fn drawn(seed: u64, n_tokens: usize, n: usize) -> Scored {
    let draw = |i: usize, j: usize| {
        let key = [(i as u64).to_le_bytes(), (j as u64).to_le_bytes()].concat();
        xxhash_rust::xxh3::xxh3_64_with_seed(&key, seed) as f64 / u64::MAX as f64
    };
    let names: Vec<String> = (0..n).map(|j| format!("w{j}")).collect();
    let tokens = (0..n_tokens).map(|i| {
        let power = 0.8 + 1.2 * draw(i, n);
        let weights: Vec<f64> = (0..n).map(|j| (0.2 + draw(i, j)) * ((j * 7 % n + 1) as f64).powf(-power)).collect();
        let sum: f64 = weights.iter().sum();
        let distribution: Vec<(&str, f64)> =
            names.iter().zip(&weights).map(|(name, weight)| (name.as_str(), weight / sum)).collect();
        // What p would have drawn, half of the time; any token else.
        let mut place = (draw(i, n + 1) * n as f64) as usize % n;
        if draw(i, n + 2) < 0.5 {
            let mut left = draw(i, n + 3);
            place = distribution
                .iter()
                .position(|(_, p)| {
                    left -= p;
                    left <= 0.0
                })
                .unwrap_or(0);
        }
        position(&names[place], &distribution)
    });
    text(tokens.collect(), true)
}

/// What a server that gives `k` alternatives would say of the same text.
fn cut(scored: &Scored, k: usize) -> Scored {
    let mut scored = scored.clone();
    scored.full = false;
    scored.tokens.iter_mut().for_each(|token| token.top.truncate(k));
    scored
}
