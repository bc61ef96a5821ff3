//! Scores of the text against other continuations of its beginning: DNA-GPT.
//!
//! A model that is given the first half of its own text writes much of the second half again. The n-gram score needs no
//! probabilities, so that any chat server will do; the other needs a worker that scores.
//!
//! Source: Yang et al. 2024 (DNA-GPT, arXiv:2305.17359), section 3: half of the words are continued, 10 times or more;
//! n-grams of 4 to 25 words, weight n ln n, overlap counted with repetition and at most as often as in either. We differ:
//! words are not stemmed; words are runs of letters and digits of any script, where Chinese characters and kana are one
//! word each; and the released code's extra division by the lengths that matched is not in the paper and not here.

use gristmill_lm::Scored;
use xxhash_rust::xxh3::xxh3_64;

use super::chosen;
use super::{Abstain, Basis, Need, Outcome, ScoreParams, measured};

/// Mean log-probability of the text less that of its other continuations, in nats.
///
/// `scored` is the second half of a text with the first half as context, and so is each continuation. Continuations that
/// are too short or unscored are left out, and the number used is reported.
///
/// # Errors
/// If the text has too few tokens, or there are no continuations.
pub fn dna_gpt_w(scored: &Scored, continuations: &[Scored], params: &ScoreParams) -> Outcome {
    let own = chosen::logprobs(scored, params)?;
    let others: Vec<f64> = continuations
        .iter()
        .filter_map(|continuation| chosen::logprobs(continuation, params).ok())
        .map(|logprobs| chosen::mean(&logprobs))
        .collect();
    if others.is_empty() {
        return Err(Abstain::Missing(Need::Generation));
    }
    measured(chosen::mean(&own) - chosen::mean(&others), own.len(), others.len(), Basis::Exact)
}

/// Weighted share of the text's n-grams that its other continuations have too, per word of theirs; at least 0.
///
/// `remainder` is what follows the words that were continued. The n-grams of each length are sorted, so time is
/// that of sorting the words, times the number of lengths. Continuations without words are left out.
///
/// # Errors
/// If the remainder has too few words, or there are no continuations with words.
pub fn dna_gpt_b(remainder: &str, continuations: &[String], params: &ScoreParams) -> Outcome {
    let own = words(remainder);
    chosen::enough(own.len(), params)?;
    let others: Vec<Vec<u64>> =
        continuations.iter().map(|text| words(text)).filter(|words| !words.is_empty()).collect();
    if others.is_empty() {
        return Err(Abstain::Missing(Need::Generation));
    }
    let mut own_grams = Grams::new(&own);
    let mut other_grams: Vec<Grams<'_>> = others.iter().map(|words| Grams::new(words)).collect();
    let mut sum = 0.0;
    for n in 1..=params.max_gram_words.min(own.len()) {
        own_grams.lengthen();
        other_grams.iter_mut().for_each(Grams::lengthen);
        if n < params.min_gram_words {
            continue;
        }
        let weight = n as f64 * (n as f64).ln() / own_grams.hashes.len().max(1) as f64;
        let sorted = own_grams.sorted();
        for grams in &other_grams {
            sum += weight * overlap(&sorted, &grams.sorted()) as f64 / grams.words.len() as f64;
        }
    }
    measured(sum / others.len() as f64, own.len(), others.len(), Basis::Exact)
}

/// Hashes of the words of a text, in lower case.
fn words(text: &str) -> Vec<u64> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut end = |word: &mut String| {
        if !word.is_empty() {
            words.push(xxh3_64(word.as_bytes()));
            word.clear();
        }
    };
    for c in text.chars() {
        let alone = matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}');
        if alone || !c.is_alphanumeric() {
            end(&mut word);
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        if alone {
            end(&mut word);
        }
    }
    end(&mut word);
    words
}

/// The n-grams of a text for one n after the other.
struct Grams<'a> {
    words: &'a [u64],
    n: usize,
    hashes: Vec<u64>,
}

impl<'a> Grams<'a> {
    fn new(words: &'a [u64]) -> Self {
        Self { words, n: 0, hashes: vec![0; words.len() + 1] }
    }

    /// Goes on to n-grams of one word more: each takes the word after it.
    fn lengthen(&mut self) {
        self.n += 1;
        self.hashes.truncate((self.words.len() + 1).saturating_sub(self.n));
        for (at, hash) in self.hashes.iter_mut().enumerate() {
            let word = self.words[at + self.n - 1];
            *hash = (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    fn sorted(&self) -> Vec<u64> {
        let mut hashes = self.hashes.clone();
        hashes.sort_unstable();
        hashes
    }
}

/// How many of two sorted lists are the same, each as often as in both.
fn overlap(a: &[u64], b: &[u64]) -> usize {
    let (mut i, mut j, mut n) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => (i, j, n) = (i + 1, j + 1, n + 1),
        }
    }
    n
}
