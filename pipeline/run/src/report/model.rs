//! What a run has to tell: every figure of the report page, as `report.json` holds it.
//!
//! The page is a pure function of these types, so that a figure on it can be looked up, compared between two runs and
//! drawn again by another program. Shares and rates that follow from the figures here are in [`super::derived`], which
//! `report.json` carries too; nothing is computed only for the page. Nothing here knows a run directory.
//!
//! Floats are finite: JSON has no other, and a figure that could not be computed is `None`, shown as a dash.

mod dedup;
mod figures;
mod lm;
mod rule;

use serde::{Deserialize, Serialize};

use crate::plan::TextVolume;

pub use dedup::{Cluster, DedupReport, PairExample, SizeBin};
pub use figures::{Cell, Column, FigureRow, FigureTable, Unit};
pub use lm::{FailureCause, LmReport, WorkerReport};
pub use rule::{Direction, Example, Histogram, Limit, RuleReport, Scale, WhatIf, WhatIfPoint};

/// Everything that the report of one run shows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// The run's name in the config.
    pub name: String,
    /// Programs and formats with their versions, the program that ran first.
    pub versions: Vec<Version>,
    /// The run's seed.
    pub seed: u64,
    /// The config file's text.
    pub config: String,
    /// Seconds of work, over all attempts that committed something.
    pub seconds: f64,
    /// What was read.
    pub went_in: Volume,
    /// What was written at the end.
    pub came_out: Volume,
    /// What was read, by source; may be empty.
    #[serde(default)]
    pub sources: Vec<SourceVolume>,
    /// The stages in the order they ran.
    pub funnel: Vec<StageFunnel>,
    /// How the stages hang together.
    #[serde(default)]
    pub graph: Graph,
    /// What a person should look at, the worst first.
    #[serde(default)]
    pub warnings: Vec<Warning>,
    /// The rules, in the order they are tried.
    #[serde(default)]
    pub rules: Vec<RuleReport>,
    /// The deduplication stages.
    #[serde(default)]
    pub dedup: Vec<DedupReport>,
    /// The language model workers; none if the run called no model.
    #[serde(default)]
    pub lm: Option<LmReport>,
    /// Figures of generation stages, beside the paper's where it gives them.
    #[serde(default)]
    pub generation: Vec<FigureTable>,
    /// Retention under other limits, from the stored measures.
    #[serde(default)]
    pub what_if: Vec<WhatIf>,
    /// The release; none if the run made none.
    #[serde(default)]
    pub release: Option<ReleaseReport>,
}

/// A program or format and its version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// What it is, "gristmill".
    pub name: String,
    /// Its version, "0.1.0".
    pub version: String,
}

/// An amount of data; what was not counted is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Volume {
    /// Rows: documents, pairs, instructions.
    pub rows: u64,
    /// Words of text.
    #[serde(default)]
    pub words: Option<u64>,
    /// Tokens of text, estimated from its bytes: see [`estimated_tokens`].
    #[serde(default)]
    pub tokens: Option<u64>,
    /// UTF-8 bytes of text.
    #[serde(default)]
    pub bytes: Option<u64>,
}

impl Volume {
    /// Rows with text that was counted, or not.
    pub fn of(rows: u64, text: Option<TextVolume>) -> Self {
        let bytes = text.map(|text| text.bytes);
        Self { rows, words: text.map(|text| text.words), tokens: bytes.map(estimated_tokens), bytes }
    }
}

/// Tokens of the GPT-2 vocabulary in a byte of text, as measured over the Pile (Gao et al. 2020, arXiv:2101.00027, section
/// 3.1).
pub const TOKENS_PER_BYTE: f64 = 0.29335;

/// About how many tokens a language model would read in so many bytes, by [`TOKENS_PER_BYTE`]. Larger vocabularies and plain
/// English take fewer, code and most other languages more.
pub fn estimated_tokens(bytes: u64) -> u64 {
    (bytes as f64 * TOKENS_PER_BYTE).round() as u64
}

/// What one source gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceVolume {
    /// The source's name.
    pub name: String,
    /// How much it gave.
    pub volume: Volume,
}

/// One stage of the funnel: rows in + rows made = rows kept + rows dropped.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StageFunnel {
    /// The stage's name.
    pub name: String,
    /// Its kind, "filter".
    pub kind: String,
    /// Rows that entered.
    pub rows_in: u64,
    /// Rows that the stage made itself, 0 for all but generators and ingesting stages.
    #[serde(default)]
    pub rows_made: u64,
    /// Rows that left.
    pub rows_kept: u64,
    /// Rows dropped, by rule in the order of trial.
    #[serde(default)]
    pub dropped: Vec<RuleCount>,
    /// Text that entered.
    #[serde(default)]
    pub text_in: Option<TextVolume>,
    /// Text that left.
    #[serde(default)]
    pub text_kept: Option<TextVolume>,
    /// Seconds that the stage took; none where it was fused and only the pass was timed.
    #[serde(default)]
    pub seconds: Option<f64>,
}

/// Rows that a rule was recorded for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleCount {
    /// The rule's name within its stage.
    pub rule: String,
    /// Rows.
    pub rows: u64,
}

/// The stages as nodes and who reads whom as edges.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// The stages.
    pub nodes: Vec<GraphNode>,
    /// Edges along which rows flow; one that names no node is listed but not drawn.
    pub edges: Vec<GraphEdge>,
    /// The passes over the data, in order.
    #[serde(default)]
    pub passes: Vec<Pass>,
}

/// A stage in the graph.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GraphNode {
    /// The stage's name, unique in the graph.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Whether its rows are written to disk; if not, it is fused with what follows.
    #[serde(default)]
    pub written: bool,
}

/// An edge from a stage to one that reads it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GraphEdge {
    /// Name of the stage that is read.
    pub from: String,
    /// Name of the stage that reads.
    pub to: String,
}

/// Stages that were run together in one pass over the rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// Names of the stages.
    pub stages: Vec<String>,
    /// Seconds that the pass took.
    #[serde(default)]
    pub seconds: Option<f64>,
}

/// Something a person should look at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// What sort of thing it is.
    pub kind: WarningKind,
    /// The stage, rule, worker or file it is about.
    pub subject: String,
    /// One plain sentence.
    pub message: String,
    /// How many rows, requests or records are concerned.
    #[serde(default)]
    pub count: Option<u64>,
}

/// What sort of thing a warning is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// A rule that dropped nothing.
    RuleNeverFired,
    /// A rule or stage that dropped more than one would expect.
    DroppedTooMuch,
    /// A worker that failed or refused.
    WorkerFailed,
    /// Records that could not be read.
    BadRecords,
    /// Rows whose licence is unknown, or does not allow a release.
    Licence,
    /// Anything else.
    #[default]
    Other,
}

/// What was released.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReleaseReport {
    /// The stage's name, which is the folder's too.
    pub stage: String,
    /// Rows and text released.
    pub volume: Volume,
    /// The files.
    #[serde(default)]
    pub files: Vec<ReleaseFile>,
    /// Rows by licence; rows without one are under "unknown".
    #[serde(default)]
    pub licences: Vec<NameCount>,
    /// Rows by language.
    #[serde(default)]
    pub languages: Vec<NameCount>,
    /// Rows dropped or marked because their publisher opted out.
    #[serde(default)]
    pub opted_out: Option<u64>,
}

/// A released file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReleaseFile {
    /// Its path in the release folder.
    pub path: String,
    /// Rows in it.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// A name and how many rows bear it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NameCount {
    /// The name.
    pub name: String,
    /// Rows.
    pub rows: u64,
}
