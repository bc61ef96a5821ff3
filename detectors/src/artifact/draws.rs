//! Random numbers that are a function of (seed, stage, index, count), so that an audit prints the same intervals each time.
//!
//! A counter hashed by XXH3: no state is shared between stages or threads, and any draw can be made without those before it.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A stream of draws for one index of one stage.
#[derive(Debug, Clone)]
pub struct Draws {
    key: u64,
    at: u64,
}

impl Draws {
    /// The stream of `index` (a resample, a fold, a restart) within `stage`, under the run's `seed`.
    pub fn new(seed: u64, stage: &str, index: u64) -> Self {
        let stage_key = xxh3_64_with_seed(stage.as_bytes(), seed);
        Self { key: xxh3_64_with_seed(&index.to_le_bytes(), stage_key), at: 0 }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.at += 1;
        xxh3_64_with_seed(&self.at.to_le_bytes(), self.key)
    }

    /// The next number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The next index below `n`; 0 where `n` is 0. The bias of the multiplication is below n / 2^64.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// `k` distinct indices below `n` in ascending order; all of them where `k` is at least `n`.
    pub fn choose(&mut self, n: usize, k: usize) -> Vec<u32> {
        let mut all: Vec<u32> = (0..n as u32).collect();
        if k >= n {
            return all;
        }
        for at in 0..k {
            let other = at + self.below(n - at);
            all.swap(at, other);
        }
        all.truncate(k);
        all.sort_unstable();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ_by_stage_and_index() {
        let first: Vec<u64> = (0..4).map(|index| Draws::new(7, "a", index).bits()).collect();
        let again: Vec<u64> = (0..4).map(|index| Draws::new(7, "a", index).bits()).collect();
        assert_eq!(first, again);
        assert_ne!(Draws::new(7, "a", 0).bits(), Draws::new(7, "b", 0).bits());
        assert_ne!(Draws::new(7, "a", 0).bits(), Draws::new(8, "a", 0).bits());
        assert_ne!(first[0], first[1]);
    }

    #[test]
    fn draws_are_even() {
        let mut draws = Draws::new(1, "even", 0);
        let mean = (0..20_000).map(|_| draws.unit()).sum::<f64>() / 20_000.0;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        let mut counts = [0u32; 5];
        for _ in 0..20_000 {
            counts[draws.below(5)] += 1;
        }
        assert!(counts.iter().all(|count| (3_700..4_300).contains(count)), "{counts:?}");
        assert_eq!(draws.below(0), 0);
    }

    #[test]
    fn chosen_indices_are_distinct_and_in_order() {
        let chosen = Draws::new(1, "choose", 3).choose(100, 40);
        assert_eq!(chosen.len(), 40);
        assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(Draws::new(1, "choose", 3).choose(3, 9), vec![0, 1, 2]);
        assert!(Draws::new(1, "choose", 3).choose(0, 9).is_empty());
    }
}
