//! How well word counts follow Zipf's law: count ~ rank^-s.
//!
//! Least squares of ln count over ln rank (Zipf 1949; Holtzman et al. 2020, arXiv:1904.09751, compare the slope of made text
//! with that of human text). Only ranks up to `max_rank` and counts of at least `min_count` are used: the tail of words seen
//! once is a staircase, not a line.

use super::lexical::counts;

/// A line through (ln rank, ln count).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ZipfFit {
    /// The exponent s, positive; near 1 for prose.
    pub exponent: f64,
    /// Share of the variance that the line explains, in [0, 1].
    pub r_squared: f64,
}

/// Fits the counts of words; none with fewer than three ranks left, or where all counts are equal.
pub fn zipf_fit(words: &[u32], max_rank: usize, min_count: u32) -> Option<ZipfFit> {
    let mut by_rank: Vec<u32> = counts(words).into_values().filter(|count| *count >= min_count.max(1)).collect();
    by_rank.sort_unstable_by(|left, right| right.cmp(left));
    by_rank.truncate(max_rank);
    if by_rank.len() < 3 {
        return None;
    }
    let points = || by_rank.iter().enumerate().map(|(at, count)| (((at + 1) as f64).ln(), f64::from(*count).ln()));
    let n = by_rank.len() as f64;
    let (mean_x, mean_y) = points().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x / n, sum.1 + y / n));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in points() {
        xx += (x - mean_x).powi(2);
        xy += (x - mean_x) * (y - mean_y);
        yy += (y - mean_y).powi(2);
    }
    (xx > 0.0 && yy > 0.0).then(|| ZipfFit { exponent: -xy / xx, r_squared: (xy * xy / (xx * yy)).min(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_on_the_line_fit_exactly() {
        // Counts 60, 30, 20, 15, 12 = 60 / rank.
        let words: Vec<u32> = [60, 30, 20, 15, 12]
            .iter()
            .enumerate()
            .flat_map(|(word, n)| std::iter::repeat_n(word as u32, *n))
            .collect();
        let fit = zipf_fit(&words, 1_000, 2).unwrap();
        assert!((fit.exponent - 1.0).abs() < 1e-12 && (fit.r_squared - 1.0).abs() < 1e-12);
        assert_eq!(zipf_fit(&[1, 1, 2, 2, 3, 3], 1_000, 2), None);
        assert_eq!(zipf_fit(&[], 1_000, 2), None);
    }
}
