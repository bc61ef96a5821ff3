//! chrF++: how many runs of characters and of words a text shares with its reference.
//!
//! Source: Popović 2017 (W17-4770) with sacrebleu's choices for a single sentence: runs of 1 to 6 characters without
//! white space and of 1 or 2 words, recall twice as important as precision, orders that one text lacks left out,
//! punctuation at a word's end a word of its own.

use std::collections::HashMap;

const CHAR_ORDERS: usize = 6;
const WORD_ORDERS: usize = 2;
const BETA: f64 = 2.0;

/// chrF++ in [0, 1]; 0 where a text has no characters.
pub(super) fn chrf_pp(hypothesis: &str, reference: &str) -> f64 {
    let chars = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<Vec<char>>();
    let (hypothesis_chars, reference_chars) = (chars(hypothesis), chars(reference));
    let (hypothesis_words, reference_words) = (words(hypothesis), words(reference));
    let of_chars = (1..=CHAR_ORDERS).filter_map(|n| overlap(&hypothesis_chars, &reference_chars, n));
    let of_words = (1..=WORD_ORDERS).filter_map(|n| overlap(&hypothesis_words, &reference_words, n));
    let (mut precision, mut recall, mut orders) = (0.0, 0.0, 0.0);
    for (p, r) in of_chars.chain(of_words) {
        precision += p;
        recall += r;
        orders += 1.0;
    }
    if precision + recall == 0.0 {
        return 0.0;
    }
    let (precision, recall) = (precision / orders, recall / orders);
    let square = BETA * BETA;
    (1.0 + square) * precision * recall / (square * precision + recall)
}

/// Precision and recall of the runs of `n` units; none where a text has no such run.
fn overlap<T: std::hash::Hash + Eq>(hypothesis: &[T], reference: &[T], n: usize) -> Option<(f64, f64)> {
    if hypothesis.len() < n || reference.len() < n {
        return None;
    }
    let mut left: HashMap<&[T], usize> = HashMap::new();
    for run in reference.windows(n) {
        *left.entry(run).or_insert(0) += 1;
    }
    let mut common = 0.0;
    for run in hypothesis.windows(n) {
        if let Some(n) = left.get_mut(run).filter(|n| **n > 0) {
            *n -= 1;
            common += 1.0;
        }
    }
    Some((common / (hypothesis.len() - n + 1) as f64, common / (reference.len() - n + 1) as f64))
}

/// Words between white space; one ASCII punctuation mark at a word's end, else at its start, stands alone.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let mark = |c: char| c.is_ascii_punctuation();
        if word.chars().nth(1).is_none() {
            words.push(word);
        } else if let Some(start) = word.strip_suffix(mark) {
            words.extend([start, &word[start.len()..]]);
        } else if let Some(rest) = word.strip_prefix(mark) {
            words.extend([&word[..word.len() - rest.len()], rest]);
        } else {
            words.push(word);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(chrf_pp("a cat.", "a cat."), 1.0);
        assert_eq!(chrf_pp("", "a"), 0.0);
        assert_eq!(chrf_pp("xyz", "abc"), 0.0);
        // "ab" in "abc": runs of 1: P 1, R 2/3; of 2: P 1, R 1/2; words: 0. Means over three orders: P 2/3, R 7/18.
        let (p, r) = (2.0 / 3.0, 7.0 / 18.0);
        assert!((chrf_pp("ab", "abc") - 5.0 * p * r / (4.0 * p + r)).abs() < 1e-12);
    }
}
