//! What a score would reach if the labels meant nothing: a check of the evaluation itself.
//!
//! Labels are shuffled over the rows and the AUROC taken again. Its mean must lie near 0.5 (we ask for 0.5 +- 0.03 in
//! our own runs); a mean elsewhere says that rows are counted wrongly, not that a detector is good. The share of
//! shuffles that reach the observed AUROC is a probability of seeing it by chance, with the observed one counted among
//! the shuffles (Phipson and Smyth 2010), so that it is never 0.
//!
//! This does not find a leak of formatting, nor a model that was trained on its test rows: those survive in the scores.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::curve::{BadScores, Curve, Ranked};
use super::rng::Draws;

/// How many shuffles, from which seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PermutationParams {
    /// Shuffles.
    pub n_shuffles: u32,
    /// Seed of the shuffles.
    pub seed: u64,
}

impl Default for PermutationParams {
    /// 200 shuffles, seed 0.
    fn default() -> Self {
        Self { n_shuffles: 200, seed: 0 }
    }
}

/// The AUROC of shuffled labels beside the observed one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PermutationCheck {
    /// AUROC of the labels as given.
    pub observed: f64,
    /// Mean AUROC of the shuffles.
    pub mean: f64,
    /// Standard deviation of the AUROC of the shuffles.
    pub sd: f64,
    /// (1 + shuffles with at least the observed AUROC) / (1 + shuffles).
    pub p_value: f64,
}

/// Shuffles the labels; none when a side is empty or no shuffle is asked for.
///
/// # Errors
/// If the columns differ in length or a score is not a number.
pub fn check(
    scores: &[f64],
    machine: &[bool],
    params: &PermutationParams,
) -> Result<Option<PermutationCheck>, BadScores> {
    let ranked = Ranked::new(scores, machine, &vec![0; scores.len()])?;
    let labels = ranked.labels();
    let shuffled = |(ranked, curve): &mut (Ranked, Curve), shuffle: u32| {
        let mut labels = labels.clone();
        Draws::new(params.seed, "permutation", u64::from(shuffle)).shuffle(&mut labels);
        ranked.relabel(&labels);
        ranked.curve_into(&[1], curve);
        curve.auroc()
    };
    let fresh = || (ranked.clone(), Curve::default());
    let aurocs: Option<Vec<f64>> = (0..params.n_shuffles).into_par_iter().map_init(fresh, shuffled).collect();
    Ok(ranked.curve().auroc().zip(aurocs).and_then(|(observed, aurocs)| summary(observed, &aurocs)))
}

fn summary(observed: f64, aurocs: &[f64]) -> Option<PermutationCheck> {
    let n = aurocs.len();
    if n == 0 {
        return None;
    }
    let mean = aurocs.iter().sum::<f64>() / n as f64;
    let variance = aurocs.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / n as f64;
    let reached = aurocs.iter().filter(|a| **a >= observed).count();
    Some(PermutationCheck { observed, mean, sd: variance.sqrt(), p_value: (1 + reached) as f64 / (1 + n) as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffled_labels_give_one_half() {
        let mut draws = Draws::new(1, "test", 0);
        let scores: Vec<f64> = (0..300).map(|i| draws.normal() + f64::from(i % 2)).collect();
        let machine: Vec<bool> = (0..300).map(|i| i % 2 == 1).collect();
        let found = check(&scores, &machine, &PermutationParams::default()).unwrap().unwrap();
        assert!((found.mean - 0.5).abs() < 0.01, "{found:?}");
        // Hanley and McNeil under no effect: sqrt((n1 + n2 + 1) / (12 n1 n2)) = 0.0334.
        assert!((found.sd - 0.0334).abs() < 0.006, "{found:?}");
        assert!(found.observed > 0.7 && found.p_value < 0.01, "{found:?}");
    }

    #[test]
    fn a_constant_score_is_no_surprise_and_one_side_no_measure() {
        let constant = check(&[1.0; 10], &[true, false].repeat(5), &PermutationParams::default()).unwrap().unwrap();
        assert_eq!((constant.observed, constant.mean, constant.p_value), (0.5, 0.5, 1.0));
        assert_eq!(check(&[1.0], &[true], &PermutationParams::default()).unwrap(), None);
        assert!(check(&[1.0], &[], &PermutationParams::default()).is_err());
    }
}
