//! Intervals from resampling documents, seeded.
//!
//! Two ways, for two kinds of metric. A mean or share of documents is bootstrapped (Efron 1979), percentile interval. A metric
//! of the whole set that repetition moves (compression, n-grams shared across documents, Vendi) cannot be: a resample with
//! replacement holds documents twice and looks repetitive by itself. Those are computed of halves drawn without replacement,
//! whose variance is that of the full set's (delete-half jackknife, Shao & Wu 1989): (1 - 1/2) s^2 / (n/2) = s^2 / n. The
//! spread of the halves about their own mean, taken relative to it, is laid about the full value, for some of these metrics
//! grow with the number of documents.

use super::draws::Draws;
use super::measure::effect::quantile;
use rayon::prelude::*;

/// A document's share in a ratio of sums: what is counted, and out of how much. (0, 0) is a document it does not apply to.
pub type Part = (f64, f64);

/// Sum of what is counted over sum of how much; none where that is 0.
pub fn ratio(parts: impl Iterator<Item = Part>) -> Option<f64> {
    let (top, bottom) = parts.fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    (bottom > 0.0).then(|| top / bottom).filter(|ratio| ratio.is_finite())
}

/// The percentile interval of values; none of fewer than ten, of which no tail can be read.
pub fn interval(values: impl IntoIterator<Item = f64>, confidence: f64) -> Option<(f64, f64)> {
    let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    if values.len() < 10 {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence.clamp(0.0, 1.0)) / 2.0;
    Some((quantile(&values, tail)?, quantile(&values, 1.0 - tail)?))
}

/// Places of a resample of `n` with replacement: a function of seed, side and number of the resample.
pub fn with_replacement(seed: u64, side: usize, resample: usize, n: usize) -> Vec<u32> {
    let mut draws =
        Draws::new(seed, if side == 0 { "bootstrap reference" } else { "bootstrap candidate" }, resample as u64);
    (0..n).map(|_| draws.below(n) as u32).collect()
}

/// What `statistic` gives for each of `n_resamples` pairs of resamples of two sides, in order.
pub fn bootstrap<T: Send>(
    seed: u64,
    sizes: [usize; 2],
    n_resamples: usize,
    statistic: impl Fn([&[u32]; 2]) -> T + Sync,
) -> Vec<T> {
    let one = |resample: usize| {
        let left = with_replacement(seed, 0, resample, sizes[0]);
        let right = with_replacement(seed, 1, resample, sizes[1]);
        statistic([&left, &right])
    };
    (0..n_resamples).into_par_iter().map(one).collect()
}

/// What `statistic` gives for each of `n_halves` halves of some members, in order.
pub fn halves<T: Send>(
    seed: u64,
    side: usize,
    members: &[u32],
    n_halves: usize,
    statistic: impl Fn(&[u32]) -> T + Sync,
) -> Vec<T> {
    let one = |half: usize| {
        let stage = if side == 0 { "halves reference" } else { "halves candidate" };
        let places = Draws::new(seed, stage, half as u64).choose(members.len(), members.len() / 2);
        let half: Vec<u32> = places.into_iter().map(|place| members[place as usize]).collect();
        statistic(&half)
    };
    (0..n_halves).into_par_iter().map(one).collect()
}

/// Lays the spread of values of halves about the value of the whole.
pub fn about(value: f64, of_halves: &[f64]) -> Vec<f64> {
    let mean = of_halves.iter().sum::<f64>() / of_halves.len().max(1) as f64;
    let is_scaled = mean > 0.0 && value > 0.0;
    of_halves.iter().map(|half| if is_scaled { value * half / mean } else { value + half - mean }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_and_intervals_by_hand() {
        assert_eq!(ratio([(1.0, 2.0), (2.0, 4.0)].into_iter()), Some(0.5));
        assert_eq!(ratio([(0.0, 0.0)].into_iter()), None);
        let (low, high) = interval((0..=100).map(f64::from), 0.9).unwrap();
        assert!((low - 5.0).abs() < 1e-9 && (high - 95.0).abs() < 1e-9);
        assert_eq!(interval([1.0; 9], 0.95), None);
    }

    #[test]
    fn the_bootstrap_of_a_mean_has_its_standard_error() {
        let values: Vec<f64> = (0..200).map(|at| f64::from(at % 10)).collect();
        let means =
            bootstrap(1, [200, 0], 2_000, |[left, _]| left.iter().map(|at| values[*at as usize]).sum::<f64>() / 200.0);
        let mean = means.iter().sum::<f64>() / 2_000.0;
        let deviation = (means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / 2_000.0).sqrt();
        // Population deviation of 0..9 is 2.8723; over sqrt(200) it is 0.2031.
        assert!((mean - 4.5).abs() < 0.03 && (deviation - 0.2031).abs() < 0.015, "{mean} {deviation}");
    }

    #[test]
    fn halves_have_the_standard_error_of_the_whole() {
        let values: Vec<f64> = (0..200).map(|at| f64::from(at % 10)).collect();
        let members: Vec<u32> = (0..200).collect();
        let means =
            halves(1, 0, &members, 2_000, |half| half.iter().map(|at| values[*at as usize]).sum::<f64>() / 100.0);
        let mean = means.iter().sum::<f64>() / 2_000.0;
        let deviation = (means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / 2_000.0).sqrt();
        assert!((deviation - 0.2031).abs() < 0.015, "{deviation}");
        assert!(halves(1, 0, &[], 3, <[u32]>::len).iter().all(|n| *n == 0));
    }

    #[test]
    fn spread_is_laid_about_the_value() {
        assert_eq!(about(10.0, &[4.0, 6.0]), vec![8.0, 12.0]);
        assert_eq!(about(0.0, &[-1.0, 1.0]), vec![-1.0, 1.0]);
        assert!(about(1.0, &[]).is_empty());
    }
}
