//! The ROC curve of a score and everything read from it: AUROC, partial AUROC, TPR at a FPR, equal error rate.
//!
//! All measures are taken from one list of distinct scores with the numbers of human and machine documents at each. The
//! list is built once by sorting; a bootstrap resample only changes the numbers, so each costs one pass and no sort.
//!
//! Source: AUROC as the Mann-Whitney statistic, ties one half (Hanley and McNeil 1982); partial AUROC standardised by
//! McClish (1989), as `roc_auc_score(max_fpr=..)` of scikit-learn prints it; TPR at a FPR by the rule of RAID (Dugan et
//! al. 2024, arXiv:2405.07940): the threshold comes from human text alone. We differ from RAID in searching no threshold
//! to a tolerance: the exact order statistic is taken, and the realised FPR is reported beside it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why scores cannot be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadScores {
    /// Columns that should describe the same rows have different lengths.
    #[error("expected {expected} rows in each column, found {found}")]
    Lengths {
        /// Rows of the first column.
        expected: usize,
        /// Rows of the column that differs.
        found: usize,
    },
    /// A score is not a number: the detector failed on this row.
    #[error("the score of row {row} is not a number")]
    NotANumber {
        /// Row, from 0.
        row: usize,
    },
    /// A score is infinite where it must be finite.
    #[error("the score of row {row} is infinite")]
    Infinite {
        /// Row, from 0.
        row: usize,
    },
    /// A probability lies outside [0, 1].
    #[error("the probability of row {row} is not between 0 and 1")]
    NotAProbability {
        /// Row, from 0.
        row: usize,
    },
    /// More rows than a resample can count.
    #[error("expected at most {max} rows")]
    TooMany {
        /// The limit.
        max: usize,
    },
}

/// Documents at one distinct score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The score.
    pub score: f64,
    /// Human documents with this score.
    pub n_human: u64,
    /// Machine documents with this score.
    pub n_machine: u64,
}

/// Distinct scores from the highest down, with the documents at each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curve {
    steps: Vec<Step>,
    n_human: u64,
    n_machine: u64,
}

/// A point of the ROC curve: the rates of documents with a score above `threshold`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RocPoint {
    /// Share of human documents above the threshold, in [0, 1].
    pub fpr: f64,
    /// Share of machine documents above the threshold, in [0, 1].
    pub tpr: f64,
}

/// A threshold and what it does on the sample from which it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OperatingPoint {
    /// Documents with a higher score count as machine. One of the human scores.
    pub threshold: f64,
    /// Realised share of human documents above it; at most the target.
    pub fpr: f64,
    /// Share of machine documents above it; none without machine documents.
    pub tpr: Option<f64>,
}

/// Documents by truth and verdict at a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Confusion {
    /// Machine documents above the threshold.
    pub true_machine: u64,
    /// Human documents above the threshold.
    pub false_machine: u64,
    /// Human documents at or below it.
    pub true_human: u64,
    /// Machine documents at or below it.
    pub false_human: u64,
}

impl Confusion {
    /// Share of right verdicts; none without documents.
    pub fn accuracy(self) -> Option<f64> {
        ratio(self.true_machine + self.true_human, self.n_human() + self.n_machine())
    }

    /// Mean of the shares of right verdicts on either side; none when a side is empty.
    pub fn balanced_accuracy(self) -> Option<f64> {
        let machine = ratio(self.true_machine, self.n_machine())?;
        Some(0.5 * (machine + ratio(self.true_human, self.n_human())?))
    }

    /// Share of human documents taken for machine; none without human documents.
    pub fn fpr(self) -> Option<f64> {
        ratio(self.false_machine, self.n_human())
    }

    /// Share of machine documents found; none without machine documents.
    pub fn tpr(self) -> Option<f64> {
        ratio(self.true_machine, self.n_machine())
    }

    /// Adds the counts of another sample.
    pub fn plus(self, other: Self) -> Self {
        Self {
            true_machine: self.true_machine + other.true_machine,
            false_machine: self.false_machine + other.false_machine,
            true_human: self.true_human + other.true_human,
            false_human: self.false_human + other.false_human,
        }
    }

    fn n_human(self) -> u64 {
        self.false_machine + self.true_human
    }

    fn n_machine(self) -> u64 {
        self.true_machine + self.false_human
    }
}

/// `part / whole`, none when the whole is 0.
pub(crate) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

impl Curve {
    /// The curve of two samples of scores; infinite scores are ordered like others.
    ///
    /// # Errors
    /// If a score is not a number; rows are counted from the first human score through the last machine score.
    pub fn of(human: &[f64], machine: &[f64]) -> Result<Self, BadScores> {
        let scores: Vec<f64> = human.iter().chain(machine).copied().collect();
        let labels: Vec<bool> = (0..scores.len()).map(|i| i >= human.len()).collect();
        let groups = vec![0; scores.len()];
        Ok(Ranked::new(&scores, &labels, &groups)?.curve())
    }

    /// Distinct scores, from the highest.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Human documents.
    pub fn n_human(&self) -> u64 {
        self.n_human
    }

    /// Machine documents.
    pub fn n_machine(&self) -> u64 {
        self.n_machine
    }

    /// The probability that a machine document scores above a human one, ties one half; none when a side is empty.
    pub fn auroc(&self) -> Option<f64> {
        let pairs = u128::from(self.n_human) * u128::from(self.n_machine);
        let mut human_below = self.n_human;
        let mut twice_won = 0_u128;
        for step in &self.steps {
            human_below -= step.n_human;
            twice_won += u128::from(step.n_machine) * u128::from(2 * human_below + step.n_human);
        }
        (pairs > 0).then(|| twice_won as f64 / (2 * pairs) as f64)
    }

    /// Pairs of a human and a machine document with the same score, as a share of all; none when a side is empty.
    pub fn tied_share(&self) -> Option<f64> {
        let tied: u128 = self.steps.iter().map(|s| u128::from(s.n_human) * u128::from(s.n_machine)).sum();
        let pairs = u128::from(self.n_human) * u128::from(self.n_machine);
        (pairs > 0).then(|| tied as f64 / pairs as f64)
    }

    /// The area under the curve left of `max_fpr`, scaled so that chance is 0.5 and a perfect score 1.
    ///
    /// None when a side is empty or `max_fpr` is not in (0, 1]. At 1 it is the AUROC. Below chance it may fall under
    /// 0.5, to (1 - m / (M - m)) / 2 at worst with m = max_fpr^2 / 2 and M = max_fpr.
    pub fn partial_auroc(&self, max_fpr: f64) -> Option<f64> {
        if !(max_fpr > 0.0 && max_fpr <= 1.0) || self.n_human == 0 || self.n_machine == 0 {
            return None;
        }
        let mut area = 0.0;
        let mut last = RocPoint { fpr: 0.0, tpr: 0.0 };
        for point in self.points().skip(1) {
            let width = point.fpr.min(max_fpr) - last.fpr;
            if width > 0.0 {
                let right = last.tpr + (point.tpr - last.tpr) * width / (point.fpr - last.fpr);
                area += width * 0.5 * (last.tpr + right);
            }
            if point.fpr >= max_fpr {
                break;
            }
            last = point;
        }
        let (least, most) = (0.5 * max_fpr * max_fpr, max_fpr);
        Some(0.5 * (1.0 + (area - least) / (most - least)))
    }

    /// The lowest threshold that at most `target_fpr` of the human documents exceed, with its rates.
    ///
    /// None without human documents, or when the target is not in [0, 1). With fewer than 1 / target human documents
    /// this is the highest human score, a threshold that says little: use `calibrate` for verdicts.
    pub fn at_fpr(&self, target_fpr: f64) -> Option<OperatingPoint> {
        if !(0.0..1.0).contains(&target_fpr) || self.n_human == 0 {
            return None;
        }
        let allowed = allowed_exceedances(target_fpr, self.n_human);
        let (mut above_human, mut above_machine) = (0, 0);
        for step in &self.steps {
            if above_human + step.n_human > allowed {
                let fpr = above_human as f64 / self.n_human as f64;
                return Some(OperatingPoint { threshold: step.score, fpr, tpr: ratio(above_machine, self.n_machine) });
            }
            above_human += step.n_human;
            above_machine += step.n_machine;
        }
        None
    }

    /// The rate at which as many human documents are taken for machine as machine documents for human.
    ///
    /// On the straight line between the two points of the curve about the crossing; none when a side is empty.
    pub fn equal_error_rate(&self) -> Option<f64> {
        let mut last = RocPoint { fpr: 0.0, tpr: 0.0 };
        if self.n_human == 0 || self.n_machine == 0 {
            return None;
        }
        for point in self.points() {
            let (before, after) = (last.fpr + last.tpr - 1.0, point.fpr + point.tpr - 1.0);
            if after >= 0.0 {
                let share = if after > before { -before / (after - before) } else { 0.0 };
                return Some(last.fpr + share * (point.fpr - last.fpr));
            }
            last = point;
        }
        None
    }

    /// Documents by truth and verdict when scores above `threshold` count as machine.
    pub fn confusion(&self, threshold: f64) -> Confusion {
        let above = self.steps.iter().take_while(|s| s.score > threshold);
        let (false_machine, true_machine) = above.fold((0, 0), |(h, m), s| (h + s.n_human, m + s.n_machine));
        Confusion {
            true_machine,
            false_machine,
            true_human: self.n_human - false_machine,
            false_human: self.n_machine - true_machine,
        }
    }

    /// The points of the curve from (0, 0) to (1, 1), one per distinct score; an empty side has rate 0 throughout.
    pub fn points(&self) -> impl Iterator<Item = RocPoint> + '_ {
        let (mut human, mut machine) = (0, 0);
        let rates = self.steps.iter().map(move |step| {
            human += step.n_human;
            machine += step.n_machine;
            RocPoint {
                fpr: ratio(human, self.n_human).unwrap_or(0.0),
                tpr: ratio(machine, self.n_machine).unwrap_or(0.0),
            }
        });
        std::iter::once(RocPoint { fpr: 0.0, tpr: 0.0 }).chain(rates)
    }
}

/// How many of `n` human documents may exceed a threshold at this rate; a rounding error of the product is forgiven.
fn allowed_exceedances(target_fpr: f64, n: u64) -> u64 {
    (target_fpr * n as f64 + 1e-9).floor() as u64
}

/// Rows in order of score, ready to be counted again under other weights.
#[derive(Debug, Clone, Default)]
pub struct Ranked {
    rows: Vec<RankedRow>,
}

#[derive(Debug, Clone, Copy)]
struct RankedRow {
    score: f64,
    group: u32,
    machine: bool,
}

impl Ranked {
    /// Sorts the rows; `groups` are numbers below the count of weights given later.
    ///
    /// # Errors
    /// If the columns differ in length or a score is not a number.
    pub fn new(scores: &[f64], machine: &[bool], groups: &[u32]) -> Result<Self, BadScores> {
        for found in [machine.len(), groups.len()] {
            if found != scores.len() {
                return Err(BadScores::Lengths { expected: scores.len(), found });
            }
        }
        if let Some(row) = scores.iter().position(|s| s.is_nan()) {
            return Err(BadScores::NotANumber { row });
        }
        let columns = scores.iter().zip(groups).zip(machine);
        let mut rows: Vec<_> =
            columns.map(|((&score, &group), &machine)| RankedRow { score, group, machine }).collect();
        rows.sort_unstable_by(|a, b| b.score.total_cmp(&a.score));
        Ok(Self { rows })
    }

    /// The curve with each row counted once.
    pub fn curve(&self) -> Curve {
        let mut curve = Curve::default();
        self.fill(&mut curve, |_| 1);
        curve
    }

    /// Counts each row as often as its group is drawn; rows of groups beyond `weights` count 0.
    pub fn curve_into(&self, weights: &[u32], curve: &mut Curve) {
        self.fill(curve, |group| weights.get(group as usize).copied().unwrap_or(0));
    }

    fn fill(&self, curve: &mut Curve, weight: impl Fn(u32) -> u32) {
        curve.steps.clear();
        (curve.n_human, curve.n_machine) = (0, 0);
        for row in &self.rows {
            let count = u64::from(weight(row.group));
            if count == 0 {
                continue;
            }
            let (human, machine) = if row.machine { (0, count) } else { (count, 0) };
            curve.n_human += human;
            curve.n_machine += machine;
            match curve.steps.last_mut() {
                // Equal, not `total_cmp`: 0 and -0 are one score.
                Some(step) if step.score == row.score => {
                    step.n_human += human;
                    step.n_machine += machine;
                }
                _ => curve.steps.push(Step { score: row.score, n_human: human, n_machine: machine }),
            }
        }
    }

    /// The label of each row in order of score, for shuffling.
    pub(crate) fn labels(&self) -> Vec<bool> {
        self.rows.iter().map(|row| row.machine).collect()
    }

    /// The same rows under other labels, in order of score.
    pub(crate) fn relabel(&mut self, labels: &[bool]) {
        self.rows.iter_mut().zip(labels).for_each(|(row, &label)| row.machine = label);
    }
}

#[cfg(test)]
mod tests;
