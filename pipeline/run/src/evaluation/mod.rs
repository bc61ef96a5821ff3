//! Evaluations: detectors held against texts whose writers are known.
//!
//! A config names texts, detectors and, where they ask one, workers. Everything is read in one form (N2 by default) and
//! whatever is fitted on the texts is fitted on folds by human document. The leak probe comes first, raw and normalised:
//! where formatting alone tells the sides apart, no other figure means much. Thresholds are RAID's: in each domain from
//! its human texts. What comes out is a page, its plots and a JSON file that holds every figure.

mod columns;
mod few_shot;
mod figures;
mod settings;
mod texts;

#[cfg(test)]
mod tests;

use gristmill_detectors::artifact::LeakProbe;
use gristmill_detectors::eval::EvalReport;
use gristmill_detectors::eval::permutation::PermutationCheck;
use gristmill_detectors::eval::probability::ReliabilityBin;
use gristmill_detectors::machine::normalise::Level;
use serde::{Deserialize, Serialize};

pub(crate) use columns::continue_prompt;
pub use columns::{Column, columns};
pub use few_shot::FewShotFigures;
pub use figures::{evaluation, plots, table};
pub(crate) use figures::{leak_sentences, shown, slice_name};
pub(crate) use settings::check_name;
pub use settings::{DetectorKind, DetectorTable, EvalConfig, EvalTable, ModelTable, TABLES};
pub use texts::{KnownText, TextsTable, Writer};

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Name of the run.
    pub name: String,
    /// Seed of folds, intervals and draws.
    pub seed: u64,
    /// The form in which texts were read.
    pub normalise: Level,
    /// Human texts.
    pub n_human: usize,
    /// Machine texts.
    pub n_machine: usize,
    /// Human documents to which they belong.
    pub n_groups: usize,
    /// What formatting alone tells of the texts as they stand in the files.
    pub leak_raw: Option<LeakProbe>,
    /// The same of the texts as they were read.
    pub leak: Option<LeakProbe>,
    /// Each score of each detector.
    pub detectors: Vec<DetectorFigures>,
    /// Few-shot detection by episodes.
    pub few_shot: Vec<FewShotFigures>,
}

/// Figures of one score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectorFigures {
    /// Its name.
    pub name: String,
    /// Texts on which it abstained, by reason.
    pub why_missing: std::collections::BTreeMap<String, usize>,
    /// Every measure, overall and by slice.
    pub report: EvalReport,
    /// What permuted labels give: near 0.5, or rows are counted wrongly.
    pub permutation: Option<PermutationCheck>,
    /// How far its scores can be read as probabilities, after a sigmoid fitted on other folds.
    pub calibration: Option<CalibrationFigures>,
}

/// How probabilities come true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationFigures {
    /// Mean squared error.
    pub brier: f64,
    /// Mean distance of probability and truth over the bins.
    pub expected_calibration_error: f64,
    /// The bins.
    pub bins: Vec<ReliabilityBin>,
}
