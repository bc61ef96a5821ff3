//! Random numbers as a hash of (seed, stage, index, counter): the same on every machine and for any number of threads.
//!
//! Resampling and shuffling need many cheap draws that do not depend on the order in which threads run. Each unit of work
//! (a resample, a trial) therefore owns a stream named by its index, and draw number i of a stream is XXH3 of i under the
//! stream's key. Not for secrets.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A stream of draws.
#[derive(Debug, Clone)]
pub struct Draws {
    key: u64,
    counter: u64,
}

impl Draws {
    /// The stream of unit `index` of `stage` in a run with `seed`.
    pub fn new(seed: u64, stage: &str, index: u64) -> Self {
        let stage_key = xxh3_64_with_seed(stage.as_bytes(), seed);
        Self { key: xxh3_64_with_seed(&index.to_le_bytes(), stage_key), counter: 0 }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let bits = xxh3_64_with_seed(&self.counter.to_le_bytes(), self.key);
        self.counter = self.counter.wrapping_add(1);
        bits
    }

    /// A whole number in `0..n`; 0 when `n` is 0.
    ///
    /// By multiplication (Lemire 2019, arXiv:1805.10941) without his rejection step: the bias is below n / 2^64.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A number in [0, 1) with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A standard normal number, by Box and Muller (1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Puts the items in random order (Fisher and Yates).
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
    fn a_stream_is_told_apart_by_seed_stage_and_index() {
        let first = |seed, stage, index| Draws::new(seed, stage, index).bits();
        let all = [first(1, "a", 0), first(2, "a", 0), first(1, "b", 0), first(1, "a", 1)];
        assert!((0..4).all(|i| (0..i).all(|j| all[i] != all[j])));
        assert_eq!(first(1, "a", 0), first(1, "a", 0));
    }

    #[test]
    fn draws_are_even_and_normal_draws_have_mean_0_and_variance_1() {
        let mut draws = Draws::new(7, "test", 0);
        let mut counts = [0_u32; 10];
        (0..100_000).for_each(|_| counts[draws.below(10)] += 1);
        assert!(counts.iter().all(|&c| (9_500..10_500).contains(&c)), "{counts:?}");
        let normals: Vec<f64> = (0..100_000).map(|_| draws.normal()).collect();
        let mean = normals.iter().sum::<f64>() / 1e5;
        let variance = normals.iter().map(|x| x * x).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
        assert_eq!(draws.below(0), 0);
    }

    #[test]
    fn a_shuffle_keeps_the_items() {
        let mut items: Vec<u32> = (0..100).collect();
        Draws::new(3, "test", 1).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
