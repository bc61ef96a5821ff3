//! Effect sizes: how large a difference is, apart from how sure it is.
//!
//! Cohen's d with the pooled deviation (Cohen 1988); Cliff's delta (Cliff 1993) = 2 AUROC - 1, which asks for no shape of the
//! distributions. Both are of the second sample against the first: positive where the second is larger.

/// Mean and sum of squared deviations, of weighted values.
fn moments(values: &[f64]) -> (f64, f64, f64) {
    let n = values.len() as f64;
    if n == 0.0 {
        return (0.0, 0.0, 0.0);
    }
    let mean = values.iter().sum::<f64>() / n;
    (n, mean, values.iter().map(|value| (value - mean).powi(2)).sum())
}

/// Cohen's d of `right` against `left`; none with fewer than two values on a side, or where neither side varies.
pub fn cohen_d(left: &[f64], right: &[f64]) -> Option<f64> {
    let ((n_left, mean_left, left), (n_right, mean_right, right)) = (moments(left), moments(right));
    if n_left < 2.0 || n_right < 2.0 {
        return None;
    }
    let deviation = ((left + right) / (n_left + n_right - 2.0)).sqrt();
    (deviation > 0.0).then(|| (mean_right - mean_left) / deviation).filter(|d| d.is_finite())
}

/// Two samples as places in the sorted list of their distinct values, so that Cliff's delta of a resample takes linear time.
#[derive(Debug, Clone)]
pub struct Ranked {
    left: Vec<u32>,
    right: Vec<u32>,
    n_places: usize,
}

impl Ranked {
    /// Ranks two samples together. NaN sorts above all numbers.
    pub fn new(left: &[f64], right: &[f64]) -> Self {
        let mut values: Vec<f64> = left.iter().chain(right).copied().collect();
        values.sort_by(f64::total_cmp);
        values.dedup_by(|a, b| a.total_cmp(b).is_eq());
        let place = |value: &f64| values.partition_point(|other| other.total_cmp(value).is_lt()) as u32;
        Self {
            left: left.iter().map(place).collect(),
            right: right.iter().map(place).collect(),
            n_places: values.len(),
        }
    }

    /// Cliff's delta in [-1, 1] of the given members of each side; none where a side is empty.
    pub fn delta(&self, left: impl Iterator<Item = usize>, right: impl Iterator<Item = usize>) -> Option<f64> {
        let mut counts = vec![(0u64, 0u64); self.n_places];
        left.for_each(|at| counts[self.left[at] as usize].0 += 1);
        right.for_each(|at| counts[self.right[at] as usize].1 += 1);
        let (mut below, mut wins) = ((0u64, 0u64), 0i128);
        for (left, right) in counts {
            wins += i128::from(right) * i128::from(below.0) - i128::from(left) * i128::from(below.1);
            below = (below.0 + left, below.1 + right);
        }
        let pairs = i128::from(below.0) * i128::from(below.1);
        (pairs > 0).then(|| wins as f64 / pairs as f64)
    }

    /// Cliff's delta of all members.
    pub fn delta_of_all(&self) -> Option<f64> {
        self.delta(0..self.left.len(), 0..self.right.len())
    }
}

/// Cliff's delta of `right` against `left`.
pub fn cliffs_delta(left: &[f64], right: &[f64]) -> Option<f64> {
    Ranked::new(left, right).delta_of_all()
}

/// Area under the ROC curve of scores, `right` being the positives; ties count half.
pub fn auroc(left: &[f64], right: &[f64]) -> Option<f64> {
    cliffs_delta(left, right).map(|delta| (1.0 + delta) / 2.0)
}

/// The value at quantile `q` of values in rising order, by linear interpolation; none of none.
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = q.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    Some(sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64))
}

/// The Wilson interval of a share
/// at 95 %, which stays inside [0, 1] and is sound for no wins at all. None for no trials.
pub fn wilson(n_wins: f64, n: f64) -> Option<(f64, f64)> {
    const Z: f64 = 1.959_963_984_540_054;
    if n <= 0.0 {
        return None;
    }
    let (share, z2) = (n_wins / n, Z * Z);
    let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).max(0.0).sqrt() / (1.0 + z2 / n);
    Some(((middle - half).max(0.0), (middle + half).min(1.0)))
}

/// The interval of the difference of two shares, `right` less `left`, from their Wilson intervals (Newcombe 1998, method 10).
/// Each share is (hits, trials); none where a side has no trial.
pub fn newcombe(left: (f64, f64), right: (f64, f64)) -> Option<(f64, f64)> {
    let (left_range, right_range) = (wilson(left.0, left.1)?, wilson(right.0, right.1)?);
    let (left, right) = (left.0 / left.1, right.0 / right.1);
    let gap = right - left;
    let down = (right - right_range.0).hypot(left_range.1 - left);
    let up = (right_range.1 - right).hypot(left - left_range.0);
    Some((gap - down, gap + up))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d_by_hand() {
        // 1 2 3 against 3 4 5: both variances 1, difference 2.
        assert!((cohen_d(&[1.0, 2.0, 3.0], &[3.0, 4.0, 5.0]).unwrap() - 2.0).abs() < 1e-12);
        assert_eq!(cohen_d(&[1.0], &[3.0, 4.0]), None);
        assert_eq!(cohen_d(&[1.0, 1.0], &[1.0, 1.0]), None);
    }

    #[test]
    fn delta_by_hand() {
        // Pairs of {1, 2} and {2, 3}: 2 > 1, 3 > 1, 3 > 2 win, 2 = 2 ties: 3 of 4.
        assert!((cliffs_delta(&[1.0, 2.0], &[2.0, 3.0]).unwrap() - 0.75).abs() < 1e-12);
        assert!((auroc(&[1.0, 2.0], &[2.0, 3.0]).unwrap() - 0.875).abs() < 1e-12);
        assert_eq!(cliffs_delta(&[], &[1.0]), None);
    }

    #[test]
    fn quantiles_and_wilson() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
        assert_eq!(quantile(&[], 0.5), None);
        // Wilson 1927 for 0 of 10: upper end z^2 / (n + z^2) = 0.2775.
        let (low, high) = wilson(0.0, 10.0).unwrap();
        assert!(low == 0.0 && (high - 0.27753).abs() < 1e-4);
        assert_eq!(wilson(0.0, 0.0), None);
        // Newcombe 1998, table II, method 10: 56 of 70 less 48 of 80 is 0.2, interval 0.0524 to 0.3339.
        let (low, high) = newcombe((48.0, 80.0), (56.0, 70.0)).unwrap();
        assert!((low - 0.0524).abs() < 1e-4 && (high - 0.3339).abs() < 1e-4, "{low} {high}");
        assert_eq!(newcombe((0.0, 0.0), (1.0, 2.0)), None);
    }
}
