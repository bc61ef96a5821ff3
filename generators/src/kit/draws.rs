//! Seeded draws: a hash of (seed, what the draw is for, number of the draw), so that no draw depends on another's
//! having been made.

use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

/// A sequence of uniform draws.
#[derive(Debug, Clone)]
pub struct Draws {
    seed: u64,
    n: u64,
}

impl Draws {
    /// The draws of one purpose: a stage, a round, a document.
    pub fn of(seed: u64, purpose: &[&str]) -> Self {
        let mut hasher = Xxh3::with_seed(seed);
        for part in purpose {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Self { seed: hasher.digest(), n: 0 }
    }

    /// The next 64 bits.
    pub fn next_bits(&mut self) -> u64 {
        self.n += 1;
        xxh3_64_with_seed(&self.n.to_le_bytes(), self.seed)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next_bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform below `n`; 0 when `n` is 0. The bias of the multiplication is below n / 2^64.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next_bits()) * n as u128) >> 64) as usize
    }

    /// One of the items; none of none.
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// `k` different items in the order drawn; all of them, shuffled, when there are fewer.
    pub fn sample<'a, T>(&mut self, items: &'a [T], k: usize) -> Vec<&'a T> {
        let mut left: Vec<&T> = items.iter().collect();
        let k = k.min(left.len());
        for i in 0..k {
            let j = i + self.below(left.len() - i);
            left.swap(i, j);
        }
        left.truncate(k);
        left
    }

    /// Shuffles in place (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i + 1);
            items.swap(i, j);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_and_depend_on_their_purpose() {
        let mut draws = Draws::of(1, &["a"]);
        let mean: f64 = (0..10_000).map(|_| draws.unit()).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        assert_ne!(Draws::of(1, &["a"]).next_bits(), Draws::of(1, &["b"]).next_bits());
        assert_ne!(Draws::of(1, &["ab", "c"]).next_bits(), Draws::of(1, &["a", "bc"]).next_bits());
    }

    #[test]
    fn a_sample_has_different_items_and_a_shuffle_all_of_them() {
        let items: Vec<u32> = (0..20).collect();
        let mut drawn: Vec<u32> = Draws::of(7, &[]).sample(&items, 8).into_iter().copied().collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 8);
        let mut shuffled = items.clone();
        Draws::of(7, &[]).shuffle(&mut shuffled);
        assert_ne!(shuffled, items);
        shuffled.sort_unstable();
        assert_eq!(shuffled, items);
    }
}
