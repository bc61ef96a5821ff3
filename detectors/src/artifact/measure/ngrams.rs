//! N-grams of word numbers as 64-bit hashes, and what texts share by them.

use hashbrown::{HashMap, HashSet};

/// The hash of each run of `n` words; none where there are fewer, or `n` is 0.
pub fn ngrams(words: &[u32], n: usize) -> impl Iterator<Item = u64> {
    // `windows` refuses 0; a text shorter than n has no window.
    words.windows(n.max(1)).filter(move |_| n > 0).map(hash_of)
}

/// The hash of a run of words: two rounds of multiply and shift per word, enough for tables of a sample.
pub fn hash_of(words: &[u32]) -> u64 {
    words.iter().fold(0x9e37_79b9_7f4a_7c15 ^ words.len() as u64, |hash, word| {
        let mixed = (hash ^ u64::from(*word).wrapping_add(1)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        (mixed ^ (mixed >> 32)).wrapping_mul(0xc4ce_b9fe_1a85_ec53)
    })
}

/// Share of the n-grams (each occurrence counts) that another text of the set also holds. None without n-grams.
pub fn shared_across<'a>(texts: impl Iterator<Item = &'a [u32]> + Clone, n: usize) -> Option<f64> {
    let owners = owners(texts.clone(), n);
    let (mut total, mut shared) = (0usize, 0usize);
    for gram in texts.flat_map(|text| ngrams(text, n)) {
        total += 1;
        shared += usize::from(owners.get(&gram).copied() == Some(MANY));
    }
    (total > 0).then(|| shared as f64 / total as f64)
}

/// Self-repetition of Salkar et al. 2022 (as in Shaib et al. 2024, arXiv:2403.00553): the mean over texts of
/// ln(1 + number of its n-grams, n = 4, that another text holds). None without texts.
pub fn self_repetition<'a>(texts: impl Iterator<Item = &'a [u32]> + Clone, n: usize) -> Option<f64> {
    let owners = owners(texts.clone(), n);
    let (mut n_texts, mut sum) = (0usize, 0.0);
    for text in texts {
        let repeated = ngrams(text, n).filter(|gram| owners.get(gram).copied() == Some(MANY)).count();
        n_texts += 1;
        sum += (1.0 + repeated as f64).ln();
    }
    (n_texts > 0).then(|| sum / n_texts as f64)
}

const MANY: u32 = u32::MAX;

/// The one text that holds an n-gram, or `MANY`.
fn owners<'a>(texts: impl Iterator<Item = &'a [u32]>, n: usize) -> HashMap<u64, u32> {
    let mut owners = HashMap::new();
    for (at, text) in texts.enumerate() {
        let at = at as u32;
        for gram in ngrams(text, n) {
            let owner = owners.entry(gram).or_insert(at);
            if *owner != at {
                *owner = MANY;
            }
        }
    }
    owners
}

/// Share of the words of a text covered by an n-gram that occurred before in the same text, the measure of loops and
/// refrains; (covered, all) as counts.
pub fn repeated_within(words: &[u32], n: usize) -> (usize, usize) {
    let mut seen = HashSet::new();
    let (mut covered, mut covered_to) = (0usize, 0usize);
    for (start, gram) in ngrams(words, n).enumerate() {
        if !seen.insert(gram) {
            let end = start + n;
            covered += end - start.max(covered_to);
            covered_to = end;
        }
    }
    (covered, words.len())
}

/// The n-grams of a set of texts.
pub fn gram_set<'a>(texts: impl IntoIterator<Item = &'a [u32]>, n: usize) -> HashSet<u64> {
    texts.into_iter().flat_map(|text| ngrams(text, n)).collect()
}

/// (n-grams of a text that are not in `known`, its n-grams).
pub fn novel(words: &[u32], n: usize, known: &HashSet<u64>) -> (usize, usize) {
    ngrams(words, n).fold((0, 0), |(novel, all), gram| (novel + usize::from(!known.contains(&gram)), all + 1))
}

/// Number of words from the first to the last, counted once, that lie in an n-gram of `known`.
pub fn covered(words: &[u32], n: usize, known: &HashSet<u64>) -> usize {
    let (mut covered, mut covered_to) = (0, 0);
    for (start, gram) in ngrams(words, n).enumerate() {
        if known.contains(&gram) {
            covered += start + n - start.max(covered_to);
            covered_to = start + n;
        }
    }
    covered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_zero_or_too_many_words_are_none() {
        assert_eq!(ngrams(&[1, 2, 3], 0).count(), 0);
        assert_eq!(ngrams(&[1, 2, 3], 4).count(), 0);
        assert_eq!(ngrams(&[1, 2, 3], 2).count(), 2);
        assert_ne!(hash_of(&[0]), hash_of(&[0, 0]));
        assert_ne!(hash_of(&[1, 2]), hash_of(&[2, 1]));
    }

    #[test]
    fn sharing_across_texts_by_hand() {
        let texts: [&[u32]; 3] = [&[1, 2, 3], &[2, 3, 4], &[7, 7, 7]];
        // Bigrams: 12 23 | 23 34 | 77 77: two of six are in another text.
        assert!((shared_across(texts.into_iter(), 2).unwrap() - 2.0 / 6.0).abs() < 1e-12);
        let expected = (2f64.ln() + 2f64.ln() + 0.0) / 3.0;
        assert!((self_repetition(texts.into_iter(), 2).unwrap() - expected).abs() < 1e-12);
        assert_eq!(shared_across(std::iter::empty(), 2), None);
    }

    #[test]
    fn repeated_words_are_counted_once() {
        // 1 2 1 2 1: the bigrams 12 (at 2) and 21 (at 3) occurred before and cover words 2, 3, 4.
        assert_eq!(repeated_within(&[1, 2, 1, 2, 1], 2), (3, 5));
        assert_eq!(repeated_within(&[1, 2, 3], 2), (0, 3));
        assert_eq!(repeated_within(&[], 2), (0, 0));
    }

    #[test]
    fn novelty_and_cover_by_hand() {
        let known = gram_set([&[1, 2, 3][..]], 2);
        assert_eq!(novel(&[1, 2, 9, 2, 3], 2, &known), (2, 4));
        assert_eq!(covered(&[1, 2, 3, 9, 2, 3], 2, &known), 5);
    }
}
