//! Longest common subsequence of two word lists, and ROUGE-L from it (Lin 2004).
//!
//! Bit-parallel after Hyyrö 2004: 64 cells of the table at a time, so that all pairs of a sample can be compared.

use hashbrown::HashMap;

/// A text ready to be compared with many.
#[derive(Debug, Clone)]
pub struct Pattern {
    n_words: usize,
    places: HashMap<u32, Vec<u64>>,
}

impl Pattern {
    /// Notes where each word of the text stands.
    pub fn new(words: &[u32]) -> Self {
        let n_blocks = words.len().div_ceil(64);
        let mut places: HashMap<u32, Vec<u64>> = HashMap::new();
        for (at, word) in words.iter().enumerate() {
            places.entry(*word).or_insert_with(|| vec![0; n_blocks])[at / 64] |= 1 << (at % 64);
        }
        Self { n_words: words.len(), places }
    }

    /// Length of the longest common subsequence with another text.
    pub fn lcs(&self, words: &[u32]) -> usize {
        let n_blocks = self.n_words.div_ceil(64);
        let mut rows = vec![u64::MAX; n_blocks];
        for word in words {
            let Some(places) = self.places.get(word) else { continue };
            let mut carry = 0u64;
            for (row, place) in rows.iter_mut().zip(places) {
                let matched = *row & place;
                let (sum, over) = row.overflowing_add(matched);
                let (sum, over_carry) = sum.overflowing_add(carry);
                carry = u64::from(over) | u64::from(over_carry);
                *row = sum | (*row & !place);
            }
        }
        // Bits past the end were never matched and stay set.
        rows.iter().map(|row| row.count_zeros() as usize).sum()
    }

    /// ROUGE-L F1 in [0, 1]; 0 where a text has no word.
    pub fn rouge_l(&self, words: &[u32]) -> f64 {
        let total = self.n_words + words.len();
        if self.n_words == 0 || words.is_empty() { 0.0 } else { 2.0 * self.lcs(words) as f64 / total as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_table(a: &[u32], b: &[u32]) -> usize {
        let mut row = vec![0usize; b.len() + 1];
        for x in a {
            let mut diagonal = 0;
            for (j, y) in b.iter().enumerate() {
                let above = row[j + 1];
                row[j + 1] = if x == y { diagonal + 1 } else { above.max(row[j]) };
                diagonal = above;
            }
        }
        row[b.len()]
    }

    #[test]
    fn equals_the_table() {
        let mut draws = super::super::super::draws::Draws::new(5, "lcs", 0);
        for length in [0usize, 1, 5, 63, 64, 65, 130, 200] {
            let a: Vec<u32> = (0..length).map(|_| draws.below(7) as u32).collect();
            let b: Vec<u32> = (0..length / 2 + 9).map(|_| draws.below(7) as u32).collect();
            assert_eq!(Pattern::new(&a).lcs(&b), by_table(&a, &b), "{length}");
        }
    }

    #[test]
    fn rouge_by_hand() {
        // "police killed the gunman" and "police kill the gunman": 3 common of 4 and 4.
        assert!((Pattern::new(&[1, 2, 3, 4]).rouge_l(&[1, 9, 3, 4]) - 0.75).abs() < 1e-12);
        assert_eq!(Pattern::new(&[]).rouge_l(&[1]), 0.0);
    }
}
