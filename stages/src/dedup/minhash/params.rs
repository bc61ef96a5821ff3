//! Bands and rows: how similar two documents must be to become candidates.
//!
//! A signature is cut into bands of rows; two documents meet if all rows of some band are equal, which for Jaccard
//! similarity s happens with probability 1 - (1 - s^rows)^bands (Leskovec, Rajaraman and Ullman, Mining of Massive
//! Datasets, 3.4). FineWeb (Penedo et al. 2024) takes 14 bands of 8 rows; datasketch chooses the split from a threshold.

use thiserror::Error;

/// A split of a signature into bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bands {
    /// Number of bands.
    pub bands: usize,
    /// Signature values per band.
    pub rows: usize,
}

impl Default for Bands {
    /// FineWeb's 14 x 8.
    fn default() -> Self {
        Self { bands: 14, rows: 8 }
    }
}

/// Why a split cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum BadBands {
    /// The threshold is not a similarity that parts anything.
    #[error("expected a threshold between 0 and 1, both excluded, not {0}")]
    Threshold(f64),
    /// No value at all, or more than a signature may have.
    #[error("expected 1 to {MAX_VALUES} signature values, not {0}")]
    Values(usize),
}

/// Most values of a signature; RefinedWeb's 450 x 20 = 9,000 is the largest in use.
pub const MAX_VALUES: usize = 65_536;

impl Bands {
    /// Checks a split given as such.
    ///
    /// # Errors
    /// Without bands or rows, or with more than [`MAX_VALUES`] values.
    pub fn new(bands: usize, rows: usize) -> Result<Self, BadBands> {
        let values = bands.saturating_mul(rows);
        if values == 0 || values > MAX_VALUES {
            return Err(BadBands::Values(values));
        }
        Ok(Self { bands, rows })
    }

    /// The split of at most `permutations` values with the least sum of missed and false candidates about `threshold`.
    ///
    /// Both are areas: of the curve below the threshold, and of what it lacks to 1 above; each has weight 0.5. The first of
    /// equal splits, by bands then rows, is taken. Costs about `permutations` * ln `permutations` integrals.
    ///
    /// # Errors
    /// If the threshold is not inside (0, 1), or `permutations` is 0 or above [`MAX_VALUES`].
    ///
    /// # Source
    /// `_optimal_param` of datasketch.
    pub fn optimal(threshold: f64, permutations: usize) -> Result<Self, BadBands> {
        if !(threshold > 0.0 && threshold < 1.0) {
            return Err(BadBands::Threshold(threshold));
        }
        Self::new(1, permutations)?;
        let mut best = (f64::INFINITY, Self { bands: 1, rows: 1 });
        for bands in 1..=permutations {
            for rows in 1..=permutations / bands {
                let split = Self { bands, rows };
                let below = simpson(0.0, threshold, |s| split.candidate_probability(s));
                let above = simpson(threshold, 1.0, |s| 1.0 - split.candidate_probability(s));
                let error = 0.5 * below + 0.5 * above;
                if error < best.0 {
                    best = (error, split);
                }
            }
        }
        Ok(best.1)
    }

    /// Signature values that the bands take.
    pub fn n_values(self) -> usize {
        self.bands * self.rows
    }

    /// The probability that two documents of Jaccard similarity `s` share a band.
    pub fn candidate_probability(self, s: f64) -> f64 {
        1.0 - (1.0 - s.powf(self.rows as f64)).powf(self.bands as f64)
    }

    /// The similarity near which the curve is steepest, (1 / bands)^(1 / rows).
    pub fn nominal_threshold(self) -> f64 {
        (1.0 / self.bands as f64).powf(1.0 / self.rows as f64)
    }
}

/// Simpson's rule; 200 strips are exact to 1e-6 for the curves above, whose steepest part is some 1 / rows wide.
fn simpson(from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
    const STRIPS: usize = 200;
    let width = (to - from) / STRIPS as f64;
    let inner: f64 = (1..STRIPS).map(|i| f(from + width * i as f64) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
    (f(from) + inner + f(to)) * width / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optimal_splits_are_those_of_datasketch() {
        // datasketch 2.0 _optimal_param, weights 0.5 / 0.5.
        for (threshold, permutations, bands, rows) in [
            (0.7, 64, 8, 8),
            (0.7, 128, 14, 9),
            (0.7, 240, 24, 10),
            (0.7, 256, 25, 10),
            (0.8, 128, 9, 13),
            (0.9, 128, 5, 25),
            (0.45, 256, 47, 5),
            (0.5, 200, 33, 6),
        ] {
            assert_eq!(
                Bands::optimal(threshold, permutations),
                Ok(Bands { bands, rows }),
                "{threshold} {permutations}"
            );
        }
    }

    #[test]
    fn curve_is_that_of_the_formula() {
        // 1 - (1 - s^r)^b, computed apart from this code; rounded to three digits.
        let table = [
            (14, 8, [0.053, 0.211, 0.565, 0.772, 0.924, 0.988]),
            (20, 13, [0.002, 0.026, 0.177, 0.382, 0.677, 0.924]),
            (450, 20, [0.000, 0.016, 0.302, 0.761, 0.995, 1.000]),
            (26, 11, [0.013, 0.090, 0.405, 0.674, 0.903, 0.991]),
            (8, 16, [0.000, 0.002, 0.026, 0.077, 0.204, 0.461]),
            (16, 8, [0.061, 0.237, 0.613, 0.815, 0.947, 0.994]),
        ];
        for (bands, rows, expected) in table {
            for (s, p) in [0.5, 0.6, 0.7, 0.75, 0.8, 0.85].into_iter().zip(expected) {
                let ours = Bands { bands, rows }.candidate_probability(s);
                assert!((ours - p).abs() < 0.0006, "{bands}x{rows} at {s}: {ours}, not {p}");
            }
        }
        assert!((Bands::default().nominal_threshold() - 0.719).abs() < 0.001);
    }

    #[test]
    fn impossible_splits_are_refused() {
        assert_eq!(Bands::new(0, 8), Err(BadBands::Values(0)));
        assert!(Bands::new(MAX_VALUES, 1).is_ok());
        assert_eq!(Bands::new(MAX_VALUES, 2), Err(BadBands::Values(2 * MAX_VALUES)));
        assert_eq!(Bands::optimal(1.0, 128), Err(BadBands::Threshold(1.0)));
        assert!(Bands::optimal(f64::NAN, 128).is_err());
        assert_eq!(Bands::optimal(0.5, 0), Err(BadBands::Values(0)));
        assert_eq!(Bands::optimal(0.5, 1), Ok(Bands { bands: 1, rows: 1 }));
    }
}
