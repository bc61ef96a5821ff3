//! The verdict on one document, or why there is none.

use serde::{Deserialize, Serialize};

use super::table::CalibrationTable;

/// What may be said of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Scores as low as machine text of this domain rarely does. Needs machine documents in the calibration.
    Human,
    /// Scores as high as human text of this domain rarely does.
    Machine,
    /// Nothing may be said.
    Abstain(Abstain),
}

/// Why there is no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Abstain {
    /// The detector has seen no human text of the user's.
    Uncalibrated,
    /// The document is shorter than the least number of words.
    TooShort {
        /// Words of the document.
        n_words: usize,
        /// Words that a verdict needs.
        min_words: usize,
    },
    /// No human text of this domain was in the calibration.
    UnknownDomain,
    /// Too little human text of this domain (and length) was in the calibration.
    TooFewHuman {
        /// Human documents there were.
        n_human: u64,
        /// Human documents that the target rate needs.
        needed: u64,
    },
    /// The score lies where both human and machine text may lie.
    Undecided,
    /// The detector was trained on another script than most of the document's letters are of, or it has no letters.
    OtherScript,
    /// The detector gave no finite score.
    NoScore,
}

/// The state of a detector: without local human text it has scores only.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calibration {
    /// No human text seen: scores, no verdicts, no probabilities.
    #[default]
    Uncalibrated,
    /// Thresholds from local human text.
    Calibrated(CalibrationTable),
}

impl Calibration {
    /// The verdict on a document of this score, domain and length.
    pub fn verdict(&self, score: f64, domain: &str, n_words: usize) -> Verdict {
        match self {
            Self::Uncalibrated => Verdict::Abstain(Abstain::Uncalibrated),
            Self::Calibrated(table) => table.verdict(score, domain, n_words),
        }
    }

    /// The probability of machine, if probabilities were calibrated and the score is a number.
    pub fn probability(&self, score: f64) -> Option<f64> {
        match self {
            Self::Uncalibrated => None,
            Self::Calibrated(table) => table.probability.as_ref()?.probability(score),
        }
    }
}
