//! chrF and chrF++: how many runs of characters, and of words, a text shares with its reference.
//!
//! Characters need no tokenizer, so chrF compares texts in any language; it is what translations are held against.
//!
//! Source: Popović 2015 (W15-3049) and 2017 (W17-4770) with sacrebleu 2.6's defaults: runs of 1 to 6 characters without
//! white space, for chrF++ also of 1 and 2 words; recall twice as important as precision; lengths that one of the texts
//! lacks left out; punctuation at a word's end a word of its own. Scores are shares here, sacrebleu prints them times 100.

use super::interner::Interner;
use super::rouge::n_in_both;
use super::words::{is_white, lower, split_white};

/// The longest run of characters: six characters of 21 bits fit a number.
pub const MAX_CHAR_ORDER: usize = 6;
/// The longest run of words.
pub const MAX_WORD_ORDER: usize = 2;
const CHAR_BITS: u32 = 21;

/// What is counted and how it is weighed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chrf {
    /// Runs of 1 to so many characters; at most [`MAX_CHAR_ORDER`].
    pub char_order: usize,
    /// Runs of 1 to so many words; at most [`MAX_WORD_ORDER`], 0 for chrF, 2 for chrF++.
    pub word_order: usize,
    /// How many times recall is as important as precision.
    pub beta: f64,
    /// Whether letters are compared in small letters.
    pub lowercase: bool,
    /// Whether white space is part of the runs of characters.
    pub whitespace: bool,
}

impl Chrf {
    /// chrF2, as sacrebleu computes it by default.
    pub const CHRF: Self = Self { char_order: 6, word_order: 0, beta: 2.0, lowercase: false, whitespace: false };
    /// chrF2++.
    pub const CHRF_PP: Self = Self { word_order: 2, ..Self::CHRF };

    /// The score of one pair, in [0, 1]; 0 where one of the texts has no characters.
    ///
    /// # Example
    /// ```
    /// use gristmill_core::measures::chrf::Chrf;
    /// assert_eq!(Chrf::CHRF.score("a cat.", "a cat."), 1.0);
    /// assert_eq!(Chrf::CHRF_PP.score("xyz", "abc"), 0.0);
    /// ```
    pub fn score(&self, text: &str, reference: &str) -> f64 {
        self.count(text, reference).score(self)
    }

    /// What the score is computed from.
    pub fn count(&self, text: &str, reference: &str) -> ChrfCounts {
        let (text, reference) = (lower(text, self.lowercase), lower(reference, self.lowercase));
        let chars = |text: &str| -> Vec<u128> {
            text.chars().filter(|c| self.whitespace || !is_white(*c)).map(|c| u128::from(u32::from(c))).collect()
        };
        let mut interner = Interner::default();
        let mut word_numbers =
            |text: &str| -> Vec<u128> { words(text).map(|word| u128::from(interner.intern(word).0)).collect() };
        let mut counts = ChrfCounts::default();
        let (of_text, of_reference) = (chars(&text), chars(&reference));
        for order in 1..=self.char_order.min(MAX_CHAR_ORDER) {
            counts.orders.push(overlap(&of_text, &of_reference, order, CHAR_BITS));
        }
        if self.word_order > 0 {
            let (of_text, of_reference) = (word_numbers(&text), word_numbers(&reference));
            for order in 1..=self.word_order.min(MAX_WORD_ORDER) {
                counts.orders.push(overlap(&of_text, &of_reference, order, u32::BITS));
            }
        }
        counts
    }
}

/// Counts of runs, by length: those of characters, then those of words. That of a corpus is the sum over its sentences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChrfCounts {
    orders: Vec<Runs>,
}

/// Runs of one length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Runs {
    in_text: u64,
    in_reference: u64,
    in_both: u64,
}

impl ChrfCounts {
    /// Adds the counts of another sentence, counted in the same way.
    pub fn add(&mut self, other: &Self) {
        self.orders.resize(self.orders.len().max(other.orders.len()), Runs::default());
        for (sum, one) in self.orders.iter_mut().zip(&other.orders) {
            sum.in_text += one.in_text;
            sum.in_reference += one.in_reference;
            sum.in_both += one.in_both;
        }
    }

    /// The score, in [0, 1].
    pub fn score(&self, of: &Chrf) -> f64 {
        let (mut precision, mut recall, mut n) = (0.0, 0.0, 0.0);
        for runs in self.orders.iter().filter(|runs| runs.in_text > 0 && runs.in_reference > 0) {
            precision += runs.in_both as f64 / runs.in_text as f64;
            recall += runs.in_both as f64 / runs.in_reference as f64;
            n += 1.0;
        }
        if precision + recall == 0.0 {
            return 0.0;
        }
        let (precision, recall) = (precision / n, recall / n);
        let square = of.beta * of.beta;
        (1.0 + square) * precision * recall / (square * precision + recall)
    }
}

/// Counts the runs of `order` units. A text's runs are not counted where the reference has none, as in sacrebleu.
fn overlap(text: &[u128], reference: &[u128], order: usize, unit_bits: u32) -> Runs {
    let packed = |units: &[u128]| -> Vec<u128> {
        let mut runs: Vec<u128> =
            units.windows(order).map(|run| run.iter().fold(0, |packed, unit| packed << unit_bits | unit)).collect();
        runs.sort_unstable();
        runs
    };
    let (text, reference) = (packed(text), packed(reference));
    let in_text = if reference.is_empty() { 0 } else { text.len() as u64 };
    Runs { in_text, in_reference: reference.len() as u64, in_both: n_in_both(&text, &reference) as u64 }
}

/// Words between white space; one ASCII punctuation mark at a word's end, else at its start, stands alone.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mark = |c: char| c.is_ascii_punctuation();
    split_white(text).flat_map(move |word| {
        let parts = if word.chars().nth(1).is_none() {
            [word, ""]
        } else if let Some(start) = word.strip_suffix(mark) {
            [start, &word[start.len()..]]
        } else if let Some(rest) = word.strip_prefix(mark) {
            [&word[..word.len() - rest.len()], rest]
        } else {
            [word, ""]
        };
        parts.into_iter().filter(|part| !part.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measures::testing::sacrebleu_table;

    #[test]
    fn equals_sacrebleu_on_the_table() {
        let (rows, totals) = sacrebleu_table();
        let lowercase = Chrf { lowercase: true, whitespace: true, ..Chrf::CHRF };
        for (way, column, total) in [(Chrf::CHRF, 3, 1), (Chrf::CHRF_PP, 4, 2), (lowercase, 5, 3)] {
            let mut corpus = ChrfCounts::default();
            for row in &rows {
                let counts = way.count(&row.text, &row.reference);
                let found = 100.0 * counts.score(&way);
                assert!((found - row.numbers[column]).abs() < 1e-9, "{found} {row:?}");
                corpus.add(&counts);
            }
            let found = 100.0 * corpus.score(&way);
            assert!((found - totals[total]).abs() < 1e-9, "{found} {totals:?}");
        }
    }

    #[test]
    fn by_hand() {
        assert_eq!(Chrf::CHRF_PP.score("", "a"), 0.0);
        // "ab" in "abc": runs of 1: P 1, R 2/3; of 2: P 1, R 1/2; words: 0. Means over three orders: P 2/3, R 7/18.
        let (p, r) = (2.0 / 3.0, 7.0 / 18.0);
        assert!((Chrf::CHRF_PP.score("ab", "abc") - 5.0 * p * r / (4.0 * p + r)).abs() < 1e-12);
    }
}
