//! How varied the vocabulary of a text is, by measures that a longer text does not lower by itself.
//!
//! MTLD: McCarthy & Jarvis 2010 (Behavior Research Methods 42). HD-D: the same, after vocd-D. Yule's K: Yule 1944.
//! Distinct-n: Li et al. 2016 (arXiv:1510.03055), here over the first K tokens only, since it falls with length.

use super::ngrams::ngrams;
use hashbrown::{HashMap, HashSet};

/// Mean number of words per factor, a factor being a stretch whose type-token ratio stays at or above `threshold` (0.72 in
/// the paper), read forwards and backwards, the rest at the end counting as a part of a factor.
///
/// A text none of whose words repeats has no factor: its number of words is returned, the least it can be. 0 for no words.
pub fn mtld(words: &[u32], threshold: f64) -> f64 {
    let forward = one_way(words.iter(), words.len(), threshold);
    let backward = one_way(words.iter().rev(), words.len(), threshold);
    (forward + backward) / 2.0
}

fn one_way<'a>(words: impl Iterator<Item = &'a u32>, n_words: usize, threshold: f64) -> f64 {
    let (mut n_factors, mut n_read, mut ratio) = (0.0, 0usize, 1.0);
    let mut types = HashSet::new();
    for word in words {
        n_read += 1;
        types.insert(*word);
        ratio = types.len() as f64 / n_read as f64;
        if ratio < threshold {
            n_factors += 1.0;
            n_read = 0;
            types.clear();
        }
    }
    if n_read > 0 && threshold < 1.0 {
        n_factors += (1.0 - ratio) / (1.0 - threshold);
    }
    if n_factors > 0.0 { n_words as f64 / n_factors } else { n_words as f64 }
}

/// How often each word occurs.
pub fn counts(words: &[u32]) -> HashMap<u32, u32> {
    let mut counts = HashMap::new();
    for word in words {
        *counts.entry(*word).or_insert(0u32) += 1;
    }
    counts
}

/// Expected type-token ratio of a sample of `n_draws` words (42 in the paper) drawn without replacement: the sum over types
/// of the chance to be drawn, over the draws. None where the text is shorter than the sample.
pub fn hdd(words: &[u32], n_draws: usize) -> Option<f64> {
    let n = words.len();
    if n_draws == 0 || n < n_draws {
        return None;
    }
    // Sum over frequencies, in order, so that the sum does not depend on the hash table's order.
    let mut by_count: HashMap<u32, u32> = HashMap::new();
    for count in counts(words).into_values() {
        *by_count.entry(count).or_insert(0) += 1;
    }
    let mut spectrum: Vec<(u32, u32)> = by_count.into_iter().collect();
    spectrum.sort_unstable();
    let drawn = |count: u32| 1.0 - chance_of_none(n, count as usize, n_draws);
    let sum: f64 = spectrum.iter().map(|(count, n_types)| f64::from(*n_types) * drawn(*count)).sum();
    Some(sum / n_draws as f64)
}

/// C(n - f, k) / C(n, k) = product over i < k of (n - f - i) / (n - i).
fn chance_of_none(n: usize, f: usize, k: usize) -> f64 {
    if n < f + k {
        return 0.0;
    }
    (0..k).map(|i| (n - f - i) as f64 / (n - i) as f64).product()
}

/// Yule's K = 10^4 (sum of i^2 V_i - N) / N^2, V_i being the number of types that occur i times; higher is poorer.
/// None for no words.
pub fn yule_k(words: &[u32]) -> Option<f64> {
    if words.is_empty() {
        return None;
    }
    let n = words.len() as f64;
    let squares: u64 = counts(words).into_values().map(|count| u64::from(count) * u64::from(count)).sum();
    Some(1e4 * (squares as f64 - n) / (n * n))
}

/// Distinct tokens over those expected of as many draws from `n_types` equally likely ones, V (1 - ((V - 1) / V)^C): unlike
/// distinct-1 it does not fall with length (Liu et al. 2022, arXiv:2202.13587). Of the first `n_tokens` of texts taken one
/// after the other; none where there are none.
pub fn adjusted_distinct<'a>(
    texts: impl IntoIterator<Item = &'a [u32]>,
    n_types: usize,
    n_tokens: usize,
) -> Option<f64> {
    let (mut seen, mut n_drawn) = (HashSet::new(), 0u32);
    for token in texts.into_iter().flatten().take(n_tokens) {
        seen.insert(*token);
        n_drawn += 1;
    }
    let types = n_types.max(seen.len()) as f64;
    (n_drawn > 0).then(|| seen.len() as f64 / (types * (1.0 - ((types - 1.0) / types).powf(f64::from(n_drawn)))))
}

/// Distinct n-grams over all n-grams, of the first `n_words` words of texts taken one after the other; an n-gram does not
/// cross from a text to the next. None where there is no n-gram.
pub fn distinct_n<'a>(texts: impl IntoIterator<Item = &'a [u32]>, n: usize, n_words: usize) -> Option<f64> {
    let mut seen = HashSet::new();
    let (mut total, mut left) = (0usize, n_words);
    for text in texts {
        let text = &text[..text.len().min(left)];
        left -= text.len();
        for gram in ngrams(text, n) {
            total += 1;
            seen.insert(gram);
        }
    }
    (total > 0).then(|| seen.len() as f64 / total as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<u32> {
        let mut vocabulary = super::super::super::corpus::Vocabulary::default();
        let mut words = Vec::new();
        vocabulary.read(text, &mut words);
        words
    }

    #[test]
    fn mtld_by_hand() {
        // a b a a: ratios 1, 1, 2/3 < 0.72 closes a factor; then "a" alone, ratio 1, adds 0. Backwards a a: 1/2 closes; b a: adds 0.
        assert!((mtld(&[0, 1, 0, 0], 0.72) - 4.0).abs() < 1e-12);
        // a b c d a e: last ratio 5/6 both ways: factors (1/6) / 0.28, so 6 * 0.28 * 6 = 10.08.
        assert!((mtld(&[0, 1, 2, 3, 0, 4], 0.72) - 10.08).abs() < 1e-9);
        assert_eq!(mtld(&[1, 2, 3], 0.72), 3.0);
        assert_eq!(mtld(&[], 0.72), 0.0);
    }

    #[test]
    fn hdd_by_hand() {
        // 4 words, types a x2, b, c; sample of 2: a is missed with C(2,2)/C(4,2) = 1/6, b and c with 3/6.
        let expected = (5.0 / 6.0 + 0.5 + 0.5) / 2.0;
        assert!((hdd(&[0, 0, 1, 2], 2).unwrap() - expected).abs() < 1e-12);
        assert_eq!(hdd(&[0; 41], 42), None);
        assert!((hdd(&[7; 50], 42).unwrap() - 1.0 / 42.0).abs() < 1e-12);
    }

    #[test]
    fn yule_by_hand() {
        // a x2, b, c: sum i^2 V_i = 4 + 2 = 6; 10^4 (6 - 4) / 16.
        assert!((yule_k(&[0, 0, 1, 2]).unwrap() - 1250.0).abs() < 1e-9);
        assert_eq!(yule_k(&[]), None);
    }

    #[test]
    fn distinct_by_hand() {
        let words = ids("the cat sat on the mat the cat ran");
        assert!((distinct_n([&words[..]], 1, 8_000).unwrap() - 6.0 / 9.0).abs() < 1e-12);
        // Bigrams: the-cat twice, else distinct: 7 of 8.
        assert!((distinct_n([&words[..]], 2, 8_000).unwrap() - 7.0 / 8.0).abs() < 1e-12);
        // The first four words only; and no bigram across texts.
        assert_eq!(distinct_n([&words[..]], 1, 4), Some(1.0));
        assert_eq!(distinct_n([&words[..1], &words[1..2]], 2, 100), None);
        assert_eq!(distinct_n([], 1, 100), None);
    }
}
