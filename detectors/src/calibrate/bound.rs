//! A threshold from human scores whose false-positive rate on *new* human text is bounded, not merely estimated.
//!
//! The threshold that 1 % of a sample exceeds is exceeded by more than 1 % of new text about half of the time. Here the
//! threshold is the (k + 1)-th highest of n human scores. For scores of the same source, drawn independently, the true
//! rate above it follows at worst Beta(k + 1, n - k), whatever the distribution of scores; ties only lower it. So
//! P(rate > target) = P(Bin(n, target) <= k), and the mean rate is (k + 1) / (n + 1).
//!
//! We take the largest k that keeps the first probability within 1 - confidence. If there is none (under 230 documents at
//! 1 % and 90 %), k is 0, provided that the mean rate still is within the target (from 99 documents at 1 %); the
//! confidence that was reached is stated and not the one asked for. With fewer documents there is no threshold.
//!
//! Source: order statistics as distribution-free tolerance limits (Wilks 1941; Clopper and Pearson 1934). RAID takes the
//! plain sample quantile; we differ because the number is used for verdicts.

use serde::{Deserialize, Serialize};

use crate::eval::special::{binomial_cdf, binomial_quantile_below};

/// How often human text may be exceeded, and how sure that should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BoundParams {
    /// The rate that new text should not exceed, in (0, 1).
    pub target_rate: f64,
    /// The probability, over samples, that it does not; in (0, 1).
    pub confidence: f64,
}

impl Default for BoundParams {
    /// 1 % with 90 % confidence.
    fn default() -> Self {
        Self { target_rate: 0.01, confidence: 0.9 }
    }
}

/// A threshold and what is known of the rate above it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// Scores above this one exceed the bound; one of the scores of the sample.
    pub threshold: f64,
    /// Documents in the sample.
    pub n_docs: u64,
    /// Documents of the sample that may lie above the threshold, k.
    pub n_above: u64,
    /// Mean rate on new text, (k + 1) / (n + 1), or less with ties.
    pub mean_rate: f64,
    /// The probability that the rate on new text is within the target. Below the confidence asked for if the sample was
    /// too small for that.
    pub confidence: f64,
}

impl BoundParams {
    /// The threshold that few enough of these scores exceed; scores that are not finite must not be given.
    ///
    /// None with fewer than [`Self::least_docs`] scores, or with a rate or a confidence outside (0, 1).
    pub fn threshold(&self, scores: &[f64]) -> Option<Bound> {
        let n = scores.len() as u64;
        let inside = |x: f64| x > 0.0 && x < 1.0;
        if !inside(self.target_rate) || !inside(self.confidence) || n < self.least_docs()? {
            return None;
        }
        let (n_above, exceeded) = binomial_quantile_below(n, self.target_rate, 1.0 - self.confidence)
            .unwrap_or_else(|| (0, binomial_cdf(0, n, self.target_rate)));
        let mut scores = scores.to_vec();
        let place = usize::try_from(n_above).ok().filter(|place| *place < scores.len())?;
        let (_, threshold, _) = scores.select_nth_unstable_by(place, |a, b| b.total_cmp(a));
        let mean_rate = (n_above + 1) as f64 / (n + 1) as f64;
        Some(Bound { threshold: *threshold, n_docs: n, n_above, mean_rate, confidence: 1.0 - exceeded })
    }

    /// The smallest sample that gives a threshold, 1 / target - 1 rounded up; none for a target outside (0, 1).
    pub fn least_docs(&self) -> Option<u64> {
        let inside = self.target_rate > 0.0 && self.target_rate < 1.0;
        inside.then(|| (1.0 / self.target_rate - 1.0 - 1e-9).ceil() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::rng::Draws;

    fn ascending(n: u32) -> Vec<f64> {
        (1..=n).map(f64::from).collect()
    }

    #[test]
    fn the_order_statistic_is_the_one_of_the_binomial_sum() {
        // scipy: Bin(1000, .01) has cdf(5) = .0661 and cdf(6) = .1289, so at 90 % five may be above.
        let bound = BoundParams::default().threshold(&ascending(1000)).unwrap();
        assert_eq!((bound.n_above, bound.threshold), (5, 995.0));
        assert!((bound.confidence - 0.933_9).abs() < 1e-4, "{bound:?}");
        // 200 documents: .99^200 = .134 is above .1, so the highest score with 86.6 % is the best there is.
        let bound = BoundParams::default().threshold(&ascending(200)).unwrap();
        assert_eq!((bound.n_above, bound.threshold), (0, 200.0));
        assert!((bound.confidence - 0.866).abs() < 1e-4 && (bound.mean_rate - 1.0 / 201.0).abs() < 1e-12);
    }

    #[test]
    fn too_few_documents_give_no_threshold() {
        let params = BoundParams::default();
        assert_eq!(params.least_docs(), Some(99));
        assert_eq!(params.threshold(&ascending(98)), None);
        assert!(params.threshold(&ascending(99)).unwrap().mean_rate <= 0.01);
        assert_eq!(BoundParams { target_rate: 0.0, ..params }.threshold(&ascending(500)), None);
        assert_eq!(BoundParams { confidence: 1.0, ..params }.threshold(&ascending(500)), None);
        assert_eq!(BoundParams { target_rate: f64::NAN, ..params }.least_docs(), None);
    }

    #[test]
    fn new_human_text_exceeds_the_threshold_as_rarely_as_promised() {
        // Uniform scores: the true rate above a threshold t is 1 - t, with no test sample needed.
        for (n_docs, target_rate) in [(200, 0.01), (300, 0.01), (1000, 0.01), (5000, 0.01), (200, 0.05)] {
            let params = BoundParams { target_rate, ..BoundParams::default() };
            let rate = |seed: u64| {
                let mut draws = Draws::new(seed, "bound", n_docs);
                let scores: Vec<f64> = (0..n_docs).map(|_| draws.unit()).collect();
                let bound = params.threshold(&scores).unwrap();
                (1.0 - bound.threshold, bound)
            };
            let trials: Vec<(f64, Bound)> = (0..2000).map(rate).collect();
            let mean = trials.iter().map(|t| t.0).sum::<f64>() / 2000.0;
            let kept = trials.iter().filter(|t| t.0 <= target_rate).count() as f64 / 2000.0;
            let promised = trials[0].1;
            eprintln!("n {n_docs} target {target_rate}: mean {mean:.4}, within target {kept:.3}, {promised:?}");
            assert!((mean - promised.mean_rate).abs() < 0.1 * target_rate, "{mean} {promised:?}");
            assert!(mean <= target_rate, "{mean}");
            // Three standard errors of 2,000 trials at 86.6 %.
            assert!((kept - promised.confidence).abs() < 0.023, "{kept} {promised:?}");
        }
    }
}
