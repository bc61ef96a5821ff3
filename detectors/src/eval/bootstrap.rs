//! Bootstrap intervals over groups: how much a measure would move with other documents.
//!
//! Rows of one human document (itself and its machine counterparts) are drawn together, because they rise and fall
//! together; drawing rows by themselves would give intervals that are too narrow for paired data.
//!
//! Source: the percentile interval of Efron and Tibshirani (1993), chapter 13. A resample in which the measure is
//! undefined (a side was not drawn at all) is left out and counted. Resample i draws from stream i of the seed, so the
//! interval does not depend on the number of threads.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::curve::{Curve, Ranked};
use super::rng::Draws;

/// How intervals are made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BootstrapParams {
    /// Resamples; 0 gives no interval. 1,000 as in Soto et al. (ICLR 2024).
    pub n_resamples: u32,
    /// Share of resamples inside the interval, in (0, 1).
    pub level: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for BootstrapParams {
    /// 1,000 resamples, 95 %, seed 0.
    fn default() -> Self {
        Self { n_resamples: 1000, level: 0.95, seed: 0 }
    }
}

/// A percentile interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Resamples in which the measure was defined.
    pub n_resamples: u32,
}

impl Interval {
    /// Whether the value lies inside, ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// Intervals of several statistics of one set of groups, each from the same resamples.
///
/// `statistics` gets a scratch value of its thread, how often each of the `n_groups` groups is drawn, and `n_statistics`
/// places to fill; not a number means undefined. An interval is none if its statistic was never defined, the level is
/// not in (0, 1), or there are no groups.
pub fn intervals<S>(
    n_groups: usize,
    n_statistics: usize,
    params: &BootstrapParams,
    scratch: impl Fn() -> S + Sync + Send,
    statistics: impl Fn(&mut S, &[u32], &mut [f64]) + Sync + Send,
) -> Vec<Option<Interval>> {
    if n_groups == 0 || !(params.level > 0.0 && params.level < 1.0) {
        return vec![None; n_statistics];
    }
    let draw = |(weights, state): &mut (Vec<u32>, S), resample: u32| {
        weights.fill(0);
        let mut draws = Draws::new(params.seed, "bootstrap", u64::from(resample));
        (0..n_groups).for_each(|_| weights[draws.below(n_groups)] += 1);
        let mut values = vec![f64::NAN; n_statistics];
        statistics(state, weights, &mut values);
        values
    };
    let fresh = || (vec![0_u32; n_groups], scratch());
    let resamples: Vec<Vec<f64>> = (0..params.n_resamples).into_par_iter().map_init(fresh, draw).collect();
    let column = |i: usize| resamples.iter().map(|row| row[i]).filter(|v| !v.is_nan()).collect();
    (0..n_statistics).map(|i| percentile_interval(column(i), params.level)).collect()
}

/// The interval of one statistic of a curve.
pub fn interval(
    ranked: &Ranked,
    n_groups: usize,
    params: &BootstrapParams,
    statistic: impl Fn(&Curve) -> Option<f64> + Sync + Send,
) -> Option<Interval> {
    let measure = |curve: &mut Curve, weights: &[u32], out: &mut [f64]| {
        ranked.curve_into(weights, curve);
        out[0] = statistic(curve).unwrap_or(f64::NAN);
    };
    intervals(n_groups, 1, params, Curve::default, measure).pop().flatten()
}

/// The central `level` of the values, ends interpolated; none without values. The values must be numbers.
pub(crate) fn percentile_interval(mut values: Vec<f64>, level: f64) -> Option<Interval> {
    values.sort_unstable_by(f64::total_cmp);
    let tail = 0.5 * (1.0 - level);
    let low = quantile(&values, tail)?;
    Some(Interval { low, high: quantile(&values, 1.0 - tail)?, n_resamples: values.len() as u32 })
}

/// The `q` quantile of sorted values by linear interpolation (type 7 of Hyndman and Fan); none without values.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let place = q.clamp(0.0, 1.0) * sorted.len().checked_sub(1)? as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    Some(sorted[below] + (place - below as f64) * (sorted[above] - sorted[below]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(n: u32, stream: u64) -> (Ranked, usize) {
        let mut draws = Draws::new(5, "sample", stream);
        let scores: Vec<f64> = (0..2 * n).map(|i| draws.normal() + f64::from(i % 2)).collect();
        let machine: Vec<bool> = (0..2 * n).map(|i| i % 2 == 1).collect();
        let groups: Vec<u32> = (0..2 * n).map(|i| i / 2).collect();
        (Ranked::new(&scores, &machine, &groups).unwrap(), n as usize)
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.25), Some(1.5));
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 1.0), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn the_interval_covers_the_truth_as_often_as_it_says() {
        // Normal scores one deviation apart: AUROC = Phi(1 / sqrt 2) = 0.7602.
        let params = BootstrapParams { n_resamples: 300, ..BootstrapParams::default() };
        let covered = |stream: &u64| {
            let (ranked, n_groups) = sample(100, *stream);
            interval(&ranked, n_groups, &params, Curve::auroc).unwrap().contains(0.760_25)
        };
        let n = (0..200).filter(covered).count();
        assert!((180..=199).contains(&n), "{n} of 200 intervals of 95 %");
    }

    #[test]
    fn any_number_of_threads_gives_the_same_interval() {
        let (ranked, n_groups) = sample(60, 0);
        let params = BootstrapParams { n_resamples: 200, ..BootstrapParams::default() };
        let measure = || interval(&ranked, n_groups, &params, |c| c.partial_auroc(0.05));
        let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        assert_eq!(pool(1).install(measure), pool(4).install(measure));
        let other = BootstrapParams { seed: 1, ..params };
        assert_ne!(measure(), interval(&ranked, n_groups, &other, |c| c.partial_auroc(0.05)));
    }

    #[test]
    fn undefined_resamples_are_left_out_and_counted() {
        // Two groups, one per side: half of the resamples draw one side only.
        let ranked = Ranked::new(&[0.0, 1.0], &[false, true], &[0, 1]).unwrap();
        let found = interval(&ranked, 2, &BootstrapParams::default(), Curve::auroc).unwrap();
        assert!((400..600).contains(&found.n_resamples), "{found:?}");
        assert_eq!((found.low, found.high), (1.0, 1.0));
        let none = Ranked::new(&[0.0], &[false], &[0]).unwrap();
        assert_eq!(interval(&none, 1, &BootstrapParams::default(), Curve::auroc), None);
        assert_eq!(interval(&none, 0, &BootstrapParams::default(), Curve::auroc), None);
    }
}
