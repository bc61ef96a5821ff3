//! What an audit says: findings with their numbers, and the audit that holds them, as written to `audit.json`.

use super::bands::Limits;
use super::inputs::{LeakProbe, MachineShare};
use super::metric::{EffectKind, Group, Judged, Unit};
use super::params::Params;
use super::side::DataType;
use serde::{Deserialize, Serialize};

/// How bad a value is, by the preset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Not computed, or of too few rows to say.
    Unknown,
    /// The preset sets no limit.
    Info,
    /// Within the limits.
    Ok,
    /// Beyond the first limit, or beyond the second by a hair.
    Watch,
    /// Beyond the second limit.
    Alarm,
}

impl Level {
    /// The word on the page.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Info => "info",
            Self::Ok => "ok",
            Self::Watch => "watch",
            Self::Alarm => "alarm",
        }
    }
}

/// A number with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Lower end of the interval, where there is one.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Documents, pairs, items or dialogues that it rests on.
    pub n: usize,
}

impl Estimate {
    pub(crate) fn bare(value: f64, n: usize) -> Self {
        Self { value, low: None, high: None, n }
    }

    pub(crate) fn with(self, interval: Option<(f64, f64)>) -> Self {
        Self { low: interval.map(|interval| interval.0), high: interval.map(|interval| interval.1), ..self }
    }

    /// Whether its interval leaves out zero; false without one.
    pub fn excludes_zero(&self) -> bool {
        matches!((self.low, self.high), (Some(low), Some(high)) if low > 0.0 || high < 0.0)
    }
}

/// How large the difference is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Which effect size.
    pub kind: EffectKind,
    /// Its value and interval.
    pub estimate: Estimate,
}

/// A line below a finding, such as the count of a label or a phrase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    /// What the numbers are of.
    pub label: String,
    /// The reference's number.
    pub reference: Option<f64>,
    /// The candidate's number.
    pub candidate: Option<f64>,
}

/// A row shown verbatim, or masked where it holds personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The row's place in the side as given.
    pub row: usize,
    /// The text, cut.
    pub text: String,
}

/// The value of a metric in one slice of the candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SliceValue {
    /// The slice.
    pub slice: String,
    /// The value.
    pub value: f64,
    /// Rows.
    pub n: usize,
}

/// One metric of an audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The metric's name.
    pub metric: String,
    /// Which field it was computed of, such as "output"; "" for all.
    pub field: String,
    /// Its name on the page.
    pub title: String,
    /// Where it stands.
    pub group: Group,
    /// What the values count.
    pub unit: Unit,
    /// What is computed.
    pub definition: String,
    /// Where it is from.
    pub source: String,
    /// The reference's value.
    pub reference: Option<Estimate>,
    /// The candidate's value.
    pub candidate: Option<Estimate>,
    /// The value that compares the sides, for metrics that do.
    pub between: Option<Estimate>,
    /// Candidate less reference.
    pub difference: Option<Estimate>,
    /// The effect size.
    pub effect: Option<Effect>,
    /// Whether the larger side was cut to the size of the smaller.
    pub is_size_matched: bool,
    /// Which number the limit judges.
    pub judged_as: Judged,
    /// That number.
    pub judged: Option<f64>,
    /// The verdict.
    pub level: Level,
    /// The limits that gave it, and why they are such.
    pub band: Option<String>,
    /// The second limit as a number, beyond which the level is an alarm.
    #[serde(default)]
    pub alarm: Limits,
    /// What it says, in a sentence.
    pub sentence: String,
    /// Why it could not be computed.
    pub cannot: Option<String>,
    /// What helps.
    pub remedy: String,
    /// Lines below it.
    pub details: Vec<Detail>,
    /// Rows that show it.
    pub examples: Vec<Example>,
    /// Its value per slice of the candidate.
    pub slices: Vec<SliceValue>,
}

/// A histogram of both sides over the same bins, as shares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// What is counted.
    pub title: String,
    /// Edges of the bins, one more than there are bins; or none, where the bins are named.
    pub edges: Vec<f64>,
    /// Names of the bins, where they have no edges.
    pub names: Vec<String>,
    /// Shares of the reference.
    pub reference: Vec<f64>,
    /// Shares of the candidate.
    pub candidate: Vec<f64>,
}

/// A side as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideSummary {
    /// Its name.
    pub name: String,
    /// Rows given.
    pub n_rows_given: usize,
    /// Rows read.
    pub n_rows: usize,
    /// Words read.
    pub n_words: usize,
    /// XXH3 of the rows read, in hexadecimal.
    pub hash: String,
}

/// An audit, as in `audit.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// The version of this format.
    pub version: u32,
    /// What the rows are.
    pub data_type: DataType,
    /// The reference, then the candidate.
    pub sides: Vec<SideSummary>,
    /// The settings.
    pub params: Params,
    /// The preset of limits.
    pub bands: String,
    /// The leak probe's result, if it was run.
    pub leak_probe: Option<LeakProbe>,
    /// The detector's estimate, if it was made.
    pub machine_share: Option<MachineShare>,
    /// The findings, by part of the page; the leak probe first.
    pub findings: Vec<Finding>,
    /// Histograms of lengths, labels and the like.
    pub histograms: Vec<Histogram>,
}

/// The version of the format of `audit.json`.
pub const FORMAT_VERSION: u32 = 1;

impl Audit {
    /// The first finding of a metric.
    pub fn finding(&self, metric: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.metric == metric)
    }

    /// The worst level of all findings.
    pub fn level(&self) -> Level {
        self.findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Unknown)
    }

    /// The audit as `audit.json`, with a line end.
    ///
    /// # Errors
    /// Never for an audit that `audit` made: its numbers are finite.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }

    /// Reads an `audit.json`.
    ///
    /// # Errors
    /// Where the text is not an audit of this version's shape.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }
}
