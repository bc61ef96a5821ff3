//! Copies of a text with some of its words drawn anew.
//!
//! DetectGPT masks spans of 2 words with at least one word between them until 15 % are masked, and has T5 fill them. Here
//! the worker's own alternatives at each token stand in: a token of a span is drawn from those it was given, by their
//! probabilities. They were made for the text as it is, so the second token of a span does not know what became of the
//! first. Where a worker gave no alternatives there are no copies.

use gristmill_lm::{Scored, TokenScore};
use xxhash_rust::xxh3::xxh3_64;

use super::ZeroShotParams;
use crate::eval::rng::Draws;

/// The copies, as many as `n_perturbed`; none if the text has no alternatives or too few words.
pub(super) fn copies(scored: &Scored, params: &ZeroShotParams) -> Vec<String> {
    let words = words(scored);
    let has_alternatives = scored.tokens.iter().any(|token| token.top.len() > 1);
    let span = params.span_words.max(1);
    let n_spans = (params.perturbed_ratio.clamp(0.0, 1.0) * words.len() as f64 / span as f64).round() as usize;
    if !has_alternatives || n_spans == 0 {
        return Vec::new();
    }
    let text: String = scored.tokens.iter().map(|token| token.token.as_str()).collect();
    let stream = xxh3_64(text.as_bytes());
    let copy = |number: u32| {
        let mut draws = Draws::new(params.seed, "perturb", stream.wrapping_add(u64::from(number)));
        let mut is_drawn = vec![false; scored.tokens.len()];
        for start in spans(words.len(), span, n_spans, &mut draws) {
            let end = words.get(start + span).copied().unwrap_or(scored.tokens.len());
            is_drawn[words[start]..end].fill(true);
        }
        let token = |(token, is_drawn): (&TokenScore, bool)| {
            if is_drawn { draw(token, &mut draws) } else { token.token.clone() }
        };
        scored.tokens.iter().zip(is_drawn).map(token).collect()
    };
    (0..params.n_perturbed).map(copy).collect()
}

/// The places of tokens that begin a word.
fn words(scored: &Scored) -> Vec<usize> {
    let begins = |token: &TokenScore| token.token.starts_with(char::is_whitespace);
    let has_letters = |token: &TokenScore| token.token.chars().any(char::is_alphanumeric);
    let tokens = scored.tokens.iter().enumerate();
    tokens.filter(|(i, token)| (*i == 0 || begins(token)) && has_letters(token)).map(|(i, _)| i).collect()
}

/// Starts of spans, with a word between any two; fewer than asked for where there is no room.
fn spans(n_words: usize, span: usize, n_spans: usize, draws: &mut Draws) -> Vec<usize> {
    let mut starts: Vec<usize> = (0..(n_words + 1).saturating_sub(span)).collect();
    draws.shuffle(&mut starts);
    let mut chosen: Vec<usize> = Vec::with_capacity(n_spans);
    for start in starts {
        if chosen.len() == n_spans {
            break;
        }
        if chosen.iter().all(|other| other.abs_diff(start) > span) {
            chosen.push(start);
        }
    }
    chosen
}

/// A token drawn from the alternatives, by their probabilities; the token itself where there are none.
fn draw(token: &TokenScore, draws: &mut Draws) -> String {
    let weight = |(_, logprob): &(String, f64)| if logprob.is_finite() { logprob.min(0.0).exp() } else { 0.0 };
    let mut target = draws.unit() * token.top.iter().map(weight).sum::<f64>();
    for alternative in &token.top {
        target -= weight(alternative);
        if target < 0.0 {
            return alternative.0.clone();
        }
    }
    token.token.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(n: usize) -> Scored {
        let token = |i: usize| TokenScore {
            token: format!(" w{i}"),
            logprob: Some(-1.0),
            rank: None,
            top: vec![(" x".into(), 0.5_f64.ln()), (" y".into(), 0.5_f64.ln())],
            entropy: None,
        };
        Scored { tokens: (0..n).map(token).collect(), full: false, cached: false }
    }

    #[test]
    fn fifteen_words_of_a_hundred_change_in_spans_of_two() {
        let params = ZeroShotParams::default();
        let copies = copies(&scored(100), &params);
        assert_eq!(copies.len(), 20);
        for copy in &copies {
            // 15 / 2 = 7.5 spans, rounded to 8, of two words each.
            let changed: Vec<bool> = copy.split_whitespace().map(|word| word == "x" || word == "y").collect();
            assert_eq!((changed.len(), changed.iter().filter(|c| **c).count()), (100, 16));
            assert!(!changed.windows(3).any(|three| three.iter().all(|c| *c)), "spans touch");
        }
        assert_eq!(copies, super::copies(&scored(100), &params));
        assert!(copies[0] != copies[1]);
    }

    #[test]
    fn nothing_to_draw_from_gives_no_copies() {
        let params = ZeroShotParams::default();
        assert!(copies(&scored(2), &params).is_empty());
        let mut bare = scored(100);
        bare.tokens.iter_mut().for_each(|token| token.top.clear());
        assert!(copies(&bare, &params).is_empty());
        // No room for as many spans as asked for.
        let crowded = ZeroShotParams { perturbed_ratio: 1.0, ..params };
        assert!(copies(&scored(7), &crowded).iter().all(|copy| copy.split_whitespace().count() == 7));
    }
}
