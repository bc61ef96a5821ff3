//! From score to probability of machine, by either of two fits.

use serde::{Deserialize, Serialize};

use super::isotonic::Isotonic;
use super::platt::Platt;

/// How probabilities are fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbabilityMethod {
    /// A rising line through knots; for some hundred documents and more.
    Isotonic,
    /// A sigmoid of two numbers; for fewer.
    Platt,
}

impl ProbabilityMethod {
    /// Fits finite scores and labels; none if a side is empty or a score is not finite.
    ///
    /// The probabilities hold for a mixture of human and machine text like the one given, seldom that of a corpus: see
    /// `prevalence` for the share in a corpus.
    pub fn fit(self, scores: &[f64], machine: &[bool]) -> Option<ProbabilityMap> {
        match self {
            Self::Isotonic => Isotonic::fit(scores, machine).map(ProbabilityMap::Isotonic),
            Self::Platt => Platt::fit(scores, machine).map(ProbabilityMap::Platt),
        }
    }
}

/// A fitted map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbabilityMap {
    /// A rising line through knots.
    Isotonic(Isotonic),
    /// A sigmoid.
    Platt(Platt),
}

impl ProbabilityMap {
    /// The probability of machine; none if the score is not a number.
    pub fn probability(&self, score: f64) -> Option<f64> {
        match self {
            Self::Isotonic(fitted) => fitted.probability(score),
            Self::Platt(fitted) => fitted.probability(score),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::probability::Forecast;
    use crate::eval::rng::Draws;

    /// Normal scores two apart, taken at their face as log odds of 6 times the right size: far too sure.
    fn sample(stream: u64) -> (Vec<f64>, Vec<bool>) {
        let mut draws = Draws::new(2, "probability", stream);
        let machine: Vec<bool> = (0..2000).map(|i| i % 2 == 0).collect();
        let scores = machine.iter().map(|&m| 6.0 * (draws.normal() + if m { 1.0 } else { -1.0 }));
        (scores.collect(), machine)
    }

    #[test]
    fn both_fits_mend_probabilities_that_are_too_sure() {
        let (scores, machine) = sample(0);
        let (new_scores, new_machine) = sample(1);
        let error = |probabilities: &[f64]| {
            let forecast = Forecast::new(probabilities, &new_machine).unwrap();
            (forecast.expected_calibration_error(10).unwrap(), forecast.brier().unwrap())
        };
        let raw: Vec<f64> = new_scores.iter().map(|s| 1.0 / (1.0 + (-s).exp())).collect();
        let (raw_ece, raw_brier) = error(&raw);
        for method in [ProbabilityMethod::Isotonic, ProbabilityMethod::Platt] {
            let map = method.fit(&scores, &machine).unwrap();
            let mended: Vec<f64> = new_scores.iter().map(|&s| map.probability(s).unwrap()).collect();
            let (ece, brier) = error(&mended);
            eprintln!("{method:?}: ECE {raw_ece:.3} -> {ece:.3}, Brier {raw_brier:.3} -> {brier:.3}");
            assert!(raw_ece > 0.08 && ece < 0.035 && brier < raw_brier, "{ece} {brier}");
        }
    }
}
