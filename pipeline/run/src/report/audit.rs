//! What an audit has to tell: every figure of the audit page, as `audit.json` holds it.
//!
//! It compares two sides, say human and model-made rows, and shows them in the order of the page: the leak probe, the
//! headline findings as a strip of verdicts, the worst findings with examples and a remedy, all findings, plots, slices,
//! method. Which level a value deserves is decided by whoever fills this in, from a preset; nothing here judges.
//!
//! Source of the order: the first-order and second-order effects of Das et al. 2024, arXiv:2401.14698; the leak probe
//! first is ours, because a difference of format alone makes every later figure void.

use serde::{Deserialize, Serialize};

use super::model::{Example, FigureTable, Unit, Version};

/// Everything that an audit shows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditPage {
    /// The dataset's name.
    pub title: String,
    /// What sort of data was compared: "instructions".
    pub data_type: String,
    /// The two sides.
    pub sides: [Side; 2],
    /// Programs and presets with their versions.
    pub versions: Vec<Version>,
    /// The seed of samples and intervals.
    pub seed: u64,
    /// The fingerprint of what was read; none if it was not taken.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// The leak probe.
    pub leak: LeakProbe,
    /// The findings, in the order of the table.
    pub findings: Vec<Finding>,
    /// Limits that were asked for on the command line.
    #[serde(default)]
    pub gates: Vec<Gate>,
    /// The plots.
    #[serde(default)]
    pub plots: Vec<Plot>,
    /// Figures by slice, for example by source model; and further tables.
    #[serde(default)]
    pub tables: Vec<FigureTable>,
}

/// One of the two sides.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Its name: "human".
    pub name: String,
    /// Where it comes from: a path, a stage, a model.
    pub origin: String,
    /// Rows read.
    pub rows: u64,
    /// Words read.
    pub words: u64,
}

/// How well formatting alone tells the sides apart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LeakProbe {
    /// The largest area under the ROC curve of any formatting scalar, 0.5 to 1; none if there was too little data.
    pub auroc: Option<f64>,
    /// The area above which it counts as a leak; none if the preset has no such limit.
    pub limit: Option<f64>,
    /// What it means, in a sentence.
    pub sentence: String,
    /// What to do about it; shown where the limit is crossed.
    #[serde(default)]
    pub remedy: String,
    /// How grave it is.
    pub level: Level,
    /// The scalars, the most telling first.
    #[serde(default)]
    pub scalars: Vec<LeakScalar>,
}

/// A formatting scalar of the leak probe.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LeakScalar {
    /// Its name: "n_newlines".
    pub name: String,
    /// Area under the ROC curve, 0 to 1; 0.5 tells nothing.
    pub auroc: f64,
    /// Its mean on both sides.
    pub means: [f64; 2],
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Could not be computed, or there is no band to judge it by.
    #[default]
    Unknown,
    /// Within its band.
    Fine,
    /// Worth a look.
    Look,
    /// Outside its band.
    Alarm,
}

/// One metric on both sides.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Its key in `audit.json` and in gates: "near_duplicates".
    pub key: String,
    /// Its name: "Near duplicates".
    pub name: String,
    /// The part of the audit it belongs to: "diversity". Findings of a part follow each other.
    pub part: String,
    /// What is computed.
    pub definition: String,
    /// Where the definition comes from.
    pub source: String,
    /// Its value on both sides; a metric of the pair has only the second.
    pub values: [Option<f64>; 2],
    /// The value of the second side in the audit it is compared with.
    #[serde(default)]
    pub previous: Option<f64>,
    /// How the values are shown.
    #[serde(default)]
    pub unit: Unit,
    /// Values of the second side that count as fine.
    #[serde(default)]
    pub band: Option<[f64; 2]>,
    /// The limits of the levels in words, where they are no band of the second side's value.
    #[serde(default)]
    pub limits: Option<String>,
    /// Intervals of the values.
    #[serde(default)]
    pub intervals: [Option<[f64; 2]>; 2],
    /// How far the sides are apart.
    #[serde(default)]
    pub effect: Option<Effect>,
    /// Rows of both sides that it was computed on.
    pub n: [u64; 2],
    /// What it means, in a sentence.
    pub sentence: String,
    /// How grave it is.
    pub level: Level,
    /// Whether it belongs to the strip at the top.
    #[serde(default)]
    pub headline: bool,
    /// Why it could not be computed.
    #[serde(default)]
    pub not_computed: Option<String>,
    /// The command or rule that would mend it.
    #[serde(default)]
    pub remedy: Option<String>,
    /// Rows that show it.
    #[serde(default)]
    pub examples: Vec<Example>,
}

/// An effect size with its interval.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Which one: "Cliff's delta".
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Bounds of its bootstrap interval.
    #[serde(default)]
    pub interval: Option<[f64; 2]>,
}

/// A limit that the audit was asked to keep.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// As it was given: "leak>0.65".
    pub expression: String,
    /// The value that was compared; none if it could not be computed.
    pub value: Option<f64>,
    /// Whether the limit was crossed.
    pub crossed: bool,
}

/// A plot of both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Plot {
    /// A pair of bars for each label.
    BarPairs {
        /// What it shows.
        title: String,
        /// How the values are shown.
        #[serde(default)]
        unit: Unit,
        /// The pairs.
        pairs: Vec<BarPair>,
    },
    /// How a measure is spread on both sides, as shares of each side.
    Distributions {
        /// What it shows.
        title: String,
        /// The measure.
        measure: String,
        /// Ascending edges of the bins.
        edges: Vec<f64>,
        /// Rows in each bin, of both sides.
        counts: [Vec<u64>; 2],
    },
}

/// A value of both sides.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BarPair {
    /// What the values are of.
    pub label: String,
    /// The values of both sides.
    pub values: [f64; 2],
}
