//! The filters of a pair that need no model, and the one pair that is kept of a group of duplicates.

use gristmill_core::measures::rouge::Rouge;
use gristmill_core::measures::tokens::{Stemmer, Tokenizer};
use serde_json::{Value, json};

use super::numbers::numbers;

/// Thresholds of the filters.
pub(super) struct Gates {
    /// Least and most characters of the second sentence by those of the first.
    pub(super) char_ratio: [f64; 2],
    /// Highest ROUGE-L F, 0 to 1, over words of every script.
    pub(super) max_rouge_l: f64,
}

impl Gates {
    /// What shows that the lengths are too far apart; an empty first sentence is always too short.
    pub(super) fn length_fault(&self, first: &str, second: &str) -> Option<Value> {
        let ratio = second.chars().count() as f64 / (first.chars().count() as f64).max(1.0);
        let [least, most] = self.char_ratio;
        (ratio < least || ratio > most).then(|| json!({ "char_ratio": ratio }))
    }
}

/// A pair of sentences, by their numbers, with how sure the judge is that each entails the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub(super) i: usize,
    pub(super) j: usize,
    pub(super) forward: f64,
    pub(super) reverse: f64,
}

/// One pair per group of first sentences that entail each other, then per group of second ones: that with the lowest
/// reverse score, of equals the first. The others come with the pair that stands for them.
///
/// Sentences entail each other where a pair of them passed, so groups are connected components of the pairs.
pub(super) fn one_per_group(pairs: Vec<Pair>, n_sentences: usize) -> (Vec<Pair>, Vec<(Pair, Pair)>) {
    let mut above: Vec<usize> = (0..n_sentences).collect();
    for pair in &pairs {
        let (a, b) = (root(&mut above, pair.i), root(&mut above, pair.j));
        above[a.max(b)] = a.min(b);
    }
    let (mut kept, mut others) = (pairs, Vec::new());
    for side in [|pair: &Pair| pair.i, |pair: &Pair| pair.j] {
        let mut best: Vec<Option<Pair>> = vec![None; n_sentences];
        for pair in &kept {
            let slot = &mut best[root(&mut above, side(pair))];
            if slot.is_none_or(|best| pair.reverse < best.reverse) {
                *slot = Some(*pair);
            }
        }
        let mut left = Vec::new();
        for pair in kept {
            match best[root(&mut above, side(&pair))] {
                Some(best) if best != pair => others.push((pair, best)),
                _ => left.push(pair),
            }
        }
        kept = left;
    }
    (kept, others)
}

fn root(above: &mut [usize], mut at: usize) -> usize {
    while above[at] != at {
        above[at] = above[above[at]];
        at = above[at];
    }
    at
}

/// ROUGE-L F of a pair, and the rule it fails: equal numbers, other words.
pub(super) fn distinct(gates: &Gates, first: &str, second: &str) -> (f64, Option<(&'static str, Value)>) {
    let rouge_l = Rouge::with_tokenizer(Tokenizer::ScriptAware, Stemmer::None).rouge_l(first, second).f;
    let (ours, theirs) = (numbers(first), numbers(second));
    if ours != theirs {
        return (rouge_l, Some(("numbers_equal", json!({ "numbers": [ours, theirs] }))));
    }
    (rouge_l, (rouge_l > gates.max_rouge_l).then(|| ("in_other_words", json!({ "rouge_l": rouge_l }))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pair_with_the_lowest_reverse_score_stands_for_its_group() {
        let pair = |i, j, reverse| Pair { i, j, forward: 0.9, reverse };
        // 0, 1 and 2 are one group; 3 and 4 another; nothing joins them.
        let pairs = vec![pair(0, 1, 0.9), pair(0, 2, 0.8), pair(1, 2, 0.95), pair(3, 4, 0.99)];
        let (kept, others) = one_per_group(pairs, 6);
        assert_eq!(kept.iter().map(|p| (p.i, p.j)).collect::<Vec<_>>(), [(0, 2), (3, 4)]);
        assert_eq!(others.iter().map(|(p, best)| (p.i, p.j, best.j)).collect::<Vec<_>>(), [(0, 1, 2), (1, 2, 2)]);
        assert_eq!(one_per_group(Vec::new(), 0), (vec![], vec![]));
    }

    #[test]
    fn gates_by_hand() {
        let gates = Gates { char_ratio: [0.8, 1.5], max_rouge_l: 0.75 };
        assert!(gates.length_fault("1234567890", "12345678").is_none());
        assert!(gates.length_fault("1234567890", "1234567").is_some());
        assert!(gates.length_fault("12", "1234").is_some());
        // Four of five words in order: F = 0.8.
        let (rouge_l, fault) = distinct(&gates, "a b c d e", "a b c d f");
        assert!((rouge_l - 0.8).abs() < 1e-12);
        assert_eq!(fault.map(|(rule, _)| rule), Some("in_other_words"));
        let fault = |a, b| distinct(&gates, a, b).1.map(|(rule, _)| rule);
        assert_eq!(fault("three men left", "they were 3"), None);
        assert_eq!(fault("three men left", "they were 4"), Some("numbers_equal"));
    }
}
