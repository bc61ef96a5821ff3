//! Platt's sigmoid: a probability from two numbers, for when documents are few.
//!
//! Source: Platt 1999, with his targets (n+ + 1) / (n+ + 2) and 1 / (n- + 2) in place of 1 and 0, which keep the slope
//! finite on scores that part perfectly; minimised by Newton's method as Lin, Lin and Weng (2007) advise.

use serde::{Deserialize, Serialize};

use super::stack::irls::{Problem, sigmoid};

/// The probability 1 / (1 + exp(-(slope * score + offset))).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platt {
    /// Change of the log odds per unit of score; negative if the score points the wrong way.
    pub slope: f64,
    /// Log odds at score 0.
    pub offset: f64,
}

impl Platt {
    /// Fits finite scores and labels; none if a side is empty, a score is not finite, or the lengths differ.
    ///
    /// A constant score gives slope 0 and the log odds of the smoothed targets.
    pub fn fit(scores: &[f64], machine: &[bool]) -> Option<Self> {
        let n_machine = machine.iter().filter(|label| **label).count();
        let n_human = machine.len() - n_machine;
        let finite = scores.iter().all(|s| s.is_finite());
        if scores.len() != machine.len() || n_machine == 0 || n_human == 0 || !finite {
            return None;
        }
        let n = scores.len() as f64;
        let mean = scores.iter().map(|s| s / n).sum::<f64>();
        let sd = scores.iter().map(|s| (s - mean).powi(2) / n).sum::<f64>().sqrt();
        if !mean.is_finite() || !sd.is_finite() {
            return None;
        }
        let unit = if sd > 0.0 { 1.0 / sd } else { 0.0 };
        let inputs: Vec<f64> = scores.iter().map(|s| (s - mean) * unit).collect();
        let (high, low) = ((n_machine as f64 + 1.0) / (n_machine as f64 + 2.0), 1.0 / (n_human as f64 + 2.0));
        let targets: Vec<f64> = machine.iter().map(|&label| if label { high } else { low }).collect();
        let weights = vec![1.0; scores.len()];
        let problem = Problem { inputs: &inputs, n_columns: 1, targets: &targets, weights: &weights, l2: 0.0 };
        let solution = problem.solve(100, 1e-10)?;
        let slope = solution.weights[0] * unit;
        Some(Self { slope, offset: solution.bias - slope * mean })
    }

    /// The probability of machine; none if the score is not a number.
    pub fn probability(&self, score: f64) -> Option<f64> {
        (!score.is_nan()).then(|| sigmoid(self.slope * score + self.offset)).filter(|p| p.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sigmoid_is_that_of_scipy() {
        // scipy's BFGS on Platt's loss with his targets, 5 / 6 and 1 / 8.
        let scores = [0.1, 0.4, 0.35, 0.8, 0.2, 0.5, 0.4, 0.9, 0.7, 0.8];
        let machine = [false, false, false, false, false, false, true, true, true, true];
        let fitted = Platt::fit(&scores, &machine).unwrap();
        assert!((fitted.slope - 3.621_164_4).abs() < 1e-6, "{fitted:?}");
        assert!((fitted.offset + 2.313_001_1).abs() < 1e-6, "{fitted:?}");
    }

    #[test]
    fn scores_that_part_perfectly_give_a_finite_slope() {
        let fitted = Platt::fit(&[0.0, 1.0, 2.0, 3.0], &[false, false, true, true]).unwrap();
        assert!(fitted.slope > 0.0 && fitted.slope.is_finite());
        // By symmetry the middle is even.
        assert!((fitted.probability(1.5).unwrap() - 0.5).abs() < 1e-9);
        let constant = Platt::fit(&[1.0; 4], &[false, false, true, true]).unwrap();
        assert_eq!(constant.slope, 0.0);
        assert!((constant.probability(9.0).unwrap() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn bad_input_gives_none() {
        assert_eq!(Platt::fit(&[1.0], &[true]), None);
        assert_eq!(Platt::fit(&[1.0, f64::NAN], &[true, false]), None);
        assert_eq!(Platt::fit(&[1.0], &[true, false]), None);
        assert_eq!(Platt::fit(&[f64::MAX, -f64::MAX], &[true, false]), None);
        assert_eq!(Platt { slope: 1.0, offset: 0.0 }.probability(f64::NAN), None);
    }
}
