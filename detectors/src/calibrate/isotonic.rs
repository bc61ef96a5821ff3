//! Isotonic regression: the probability that rises with the score and fits the labels best.
//!
//! It assumes nothing of the shape but that a higher score is never less suspicious; it needs some hundred documents.
//! Source: pool adjacent violators (Ayer et al. 1955); Zadrozny and Elkan 2002 for calibration. Between the knots the
//! probability is interpolated, and beyond them constant, as `IsotonicRegression(out_of_bounds="clip")` of scikit-learn
//! does. We differ in one point: probabilities are kept within [1 / (n + 2), 1 - 1 / (n + 2)], because n documents
//! cannot show a certainty, and a 0 or 1 would overrule all other evidence where probabilities are combined.

use serde::{Deserialize, Serialize};

/// A rising line through knots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Isotonic {
    /// Scores of the knots, rising.
    pub scores: Vec<f64>,
    /// Probabilities at the knots, never falling.
    pub probabilities: Vec<f64>,
}

/// Documents pooled to one probability.
#[derive(Debug, Clone, Copy)]
struct Block {
    first: f64,
    last: f64,
    machine: f64,
    docs: f64,
}

impl Block {
    fn mean(self) -> f64 {
        self.machine / self.docs
    }
}

impl Isotonic {
    /// Fits finite scores and labels; none if a side is empty, a score is not finite, or the lengths differ.
    pub fn fit(scores: &[f64], machine: &[bool]) -> Option<Self> {
        let both = machine.contains(&true) && machine.contains(&false);
        if scores.len() != machine.len() || !both || scores.iter().any(|s| !s.is_finite()) {
            return None;
        }
        let mut rows: Vec<(f64, bool)> = scores.iter().copied().zip(machine.iter().copied()).collect();
        rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut blocks: Vec<Block> = Vec::new();
        for same in rows.chunk_by(|a, b| a.0 == b.0) {
            let n_machine = same.iter().filter(|row| row.1).count();
            let mut block =
                Block { first: same[0].0, last: same[0].0, machine: n_machine as f64, docs: same.len() as f64 };
            while let Some(below) = blocks.pop_if(|below| below.mean() >= block.mean()) {
                block.first = below.first;
                block.machine += below.machine;
                block.docs += below.docs;
            }
            blocks.push(block);
        }
        let least = 1.0 / (scores.len() as f64 + 2.0);
        let mut fitted = Self { scores: Vec::new(), probabilities: Vec::new() };
        for block in blocks {
            let ends = if block.first < block.last { vec![block.first, block.last] } else { vec![block.first] };
            for score in ends {
                fitted.scores.push(score);
                fitted.probabilities.push(block.mean().clamp(least, 1.0 - least));
            }
        }
        Some(fitted)
    }

    /// The probability of machine; none if the score is not a number or there are no knots.
    pub fn probability(&self, score: f64) -> Option<f64> {
        if score.is_nan() {
            return None;
        }
        let above = self.scores.partition_point(|knot| *knot <= score);
        let knot = |i: usize| Some((*self.scores.get(i)?, *self.probabilities.get(i)?));
        let probability = match (above.checked_sub(1).and_then(knot), knot(above)) {
            (Some((x0, p0)), Some((x1, p1))) => Some(p0 + (p1 - p0) * ((score - x0) / (x1 - x0)).clamp(0.0, 1.0)),
            (one, other) => one.or(other).map(|(_, p)| p),
        };
        // Knots from a file may coincide.
        probability.filter(|p| p.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_that_of_scikit_learn() {
        let scores = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.0, 7.0, 8.0];
        let machine = [0, 0, 1, 0, 1, 0, 1, 1, 1].map(|label| label == 1);
        let fitted = Isotonic::fit(&scores, &machine).unwrap();
        let least = 1.0 / 11.0;
        // Ours keeps 1 / 11 from either end, scikit-learn's knots there are 0 and 1.
        assert_eq!(fitted.scores, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let expected = [least, least, 0.5, 0.5, 2.0 / 3.0, 2.0 / 3.0, 1.0 - least, 1.0 - least];
        assert!(fitted.probabilities.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{fitted:?}");
        for (score, p) in [(0.0, least), (2.5, (least + 0.5) / 2.0), (3.5, 0.5), (4.5, 7.0 / 12.0), (9.0, 1.0 - least)]
        {
            assert!((fitted.probability(score).unwrap() - p).abs() < 1e-12, "{score}");
        }
    }

    #[test]
    fn probabilities_never_fall_and_one_side_gives_none() {
        let mut draws = crate::eval::rng::Draws::new(1, "isotonic", 0);
        let scores: Vec<f64> = (0..500).map(|_| (draws.normal() * 4.0).round()).collect();
        let machine: Vec<bool> = scores.iter().map(|s| draws.unit() < 1.0 / (1.0 + (-s / 3.0).exp())).collect();
        let fitted = Isotonic::fit(&scores, &machine).unwrap();
        let line: Vec<f64> = (-200..200).map(|i| fitted.probability(f64::from(i) / 10.0).unwrap()).collect();
        assert!(line.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12));
        assert_eq!(Isotonic::fit(&[1.0, 2.0], &[true, true]), None);
        assert_eq!(Isotonic::fit(&[1.0, f64::INFINITY], &[true, false]), None);
        assert_eq!(fitted.probability(f64::NAN), None);
        assert!(fitted.probability(f64::INFINITY).is_some());
        assert_eq!(Isotonic { scores: vec![], probabilities: vec![] }.probability(1.0), None);
    }
}
