//! The standard error of an AUROC, and whether two detectors differ on the same documents.
//!
//! Faster than the bootstrap and exact for large samples, but it takes documents as independent; for documents paired by
//! a human original the bootstrap over groups is the safer one.
//!
//! Source: DeLong, DeLong and Clarke-Pearson (1988); placements by ranks as Sun and Xu (2014), n log n.

use super::curve::BadScores;
use super::special::normal_two_sided;

/// Scores of the human and the machine documents.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// Scores of the human documents.
    pub human: &'a [f64],
    /// Scores of the machine documents.
    pub machine: &'a [f64],
}

/// Two detectors on the same documents.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// AUROC of the first less that of the second.
    pub difference: f64,
    /// Standard error of the difference.
    pub standard_error: f64,
    /// Two-sided probability of a difference of this size without a true one; none if the standard error is 0.
    pub p_value: Option<f64>,
}

/// AUROC and its standard error; none with fewer than two documents on a side.
///
/// # Errors
/// If a score is not a number; human rows are counted first.
pub fn standard_error(sides: Sides<'_>) -> Result<Option<(f64, f64)>, BadScores> {
    let placements = Placements::of(sides)?;
    let variance = placements.covariance(&placements);
    Ok(variance.map(|v| (placements.auroc(), v.max(0.0).sqrt())))
}

/// Compares two detectors; row i of both is the same document. None with fewer than two documents on a side.
///
/// # Errors
/// If a score is not a number, or the detectors have different numbers of documents on a side.
pub fn compare(first: Sides<'_>, second: Sides<'_>) -> Result<Option<Comparison>, BadScores> {
    for (a, b) in [(first.human, second.human), (first.machine, second.machine)] {
        if a.len() != b.len() {
            return Err(BadScores::Lengths { expected: a.len(), found: b.len() });
        }
    }
    let (a, b) = (Placements::of(first)?, Placements::of(second)?);
    let difference = a.auroc() - b.auroc();
    let variance = || Some(a.covariance(&a)? + b.covariance(&b)? - 2.0 * a.covariance(&b)?);
    Ok(variance().map(|variance| {
        let standard_error = variance.max(0.0).sqrt();
        let p_value = (standard_error > 0.0).then(|| normal_two_sided(difference / standard_error)).flatten();
        Comparison { difference, standard_error, p_value }
    }))
}

/// For each document the share of the other side that it beats (machine) or that beats it (human), ties one half.
struct Placements {
    human: Vec<f64>,
    machine: Vec<f64>,
}

impl Placements {
    fn of(sides: Sides<'_>) -> Result<Self, BadScores> {
        let all = sides.human.iter().chain(sides.machine);
        if let Some(row) = all.clone().position(|s| s.is_nan()) {
            return Err(BadScores::NotANumber { row });
        }
        let (human, machine) = (sorted(sides.human), sorted(sides.machine));
        Ok(Self {
            human: sides.human.iter().map(|&s| 1.0 - share_below(&machine, s)).collect(),
            machine: sides.machine.iter().map(|&s| share_below(&human, s)).collect(),
        })
    }

    fn auroc(&self) -> f64 {
        self.machine.iter().sum::<f64>() / self.machine.len().max(1) as f64
    }

    fn covariance(&self, other: &Self) -> Option<f64> {
        let machine = covariance(&self.machine, &other.machine)? / self.machine.len() as f64;
        Some(machine + covariance(&self.human, &other.human)? / self.human.len() as f64)
    }
}

fn sorted(scores: &[f64]) -> Vec<f64> {
    let mut scores = scores.to_vec();
    scores.sort_unstable_by(f64::total_cmp);
    scores
}

/// Share of the sorted scores below `score`, equal ones one half; 0 of none.
fn share_below(sorted: &[f64], score: f64) -> f64 {
    let below = sorted.partition_point(|s| *s < score);
    let up_to = sorted.partition_point(|s| *s <= score);
    0.5 * (below + up_to) as f64 / sorted.len().max(1) as f64
}

/// The unbiased covariance of two columns of one length; none for fewer than two rows.
fn covariance(a: &[f64], b: &[f64]) -> Option<f64> {
    let n = a.len();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum: f64 = a.iter().zip(b).map(|(x, y)| (x - mean_a) * (y - mean_b)).sum();
    (n > 1).then(|| sum / (n - 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Sides<'_> = Sides { human: &[0.1, 0.4, 0.35, 0.8, 0.2, 0.5], machine: &[0.4, 0.9, 0.7, 0.8, 0.3] };
    const SECOND: Sides<'_> = Sides { human: &[0.2, 0.3, 0.1, 0.6, 0.4, 0.7], machine: &[0.5, 0.8, 0.9, 0.6, 0.65] };

    #[test]
    fn variances_are_those_of_the_full_matrix() {
        // numpy: the matrix of all pairs, variances of its row and column means.
        let (auroc, error) = standard_error(FIRST).unwrap().unwrap();
        assert!((auroc - 0.733_333_333_333_333_3).abs() < 1e-12);
        assert!((error * error - 0.026_638_888_888_888_89).abs() < 1e-12);
        let found = compare(FIRST, SECOND).unwrap().unwrap();
        assert!((found.difference / found.standard_error + 0.814_835_345_064_508).abs() < 1e-10);
        assert!((found.p_value.unwrap() - 0.415_166_566_152_498_9).abs() < 1e-10);
    }

    #[test]
    fn a_detector_does_not_differ_from_itself() {
        let found = compare(FIRST, FIRST).unwrap().unwrap();
        assert_eq!((found.difference, found.p_value), (0.0, None));
    }

    #[test]
    fn too_little_gives_nothing_and_bad_rows_an_error() {
        let one = Sides { human: &[0.0], machine: &[1.0, 2.0] };
        assert_eq!(standard_error(one).unwrap(), None);
        assert_eq!(compare(one, FIRST), Err(BadScores::Lengths { expected: 1, found: 6 }));
        let bad = Sides { human: &[0.0, f64::NAN], machine: &[1.0] };
        assert_eq!(standard_error(bad), Err(BadScores::NotANumber { row: 1 }));
    }
}
