//! What a run knows of each rule: how much it drops, how its measure lies around the limit, and documents close to it.

use serde::{Deserialize, Serialize};

/// One rule of a stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleReport {
    /// The stage's name.
    pub stage: String,
    /// The rule's name, which says what a kept row has.
    pub rule: String,
    /// The rule as the config states it, in SQL.
    pub sql: String,
    /// Rows that were judged.
    pub rows_seen: u64,
    /// Rows whose drop is recorded under this rule: it is the first that they failed.
    pub rows_dropped: u64,
    /// Rows that fail this rule: what it would drop if it were alone.
    #[serde(default)]
    pub rows_failed: Option<u64>,
    /// Rows that fail this rule and no other: what would come back without it.
    #[serde(default)]
    pub rows_marginal: Option<u64>,
    /// The measure that the rule limits; none if it limits several or none.
    #[serde(default)]
    pub measure: Option<String>,
    /// How the measure is spread over the judged rows.
    #[serde(default)]
    pub histogram: Option<Histogram>,
    /// Kept rows nearest the limit, nearest first.
    #[serde(default)]
    pub kept_examples: Vec<Example>,
    /// Dropped rows nearest the limit, nearest first.
    #[serde(default)]
    pub dropped_examples: Vec<Example>,
}

/// Counts of a measure in bins, with the limits that a rule sets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Ascending edges of the bins, one more than `counts`.
    pub edges: Vec<f64>,
    /// Rows in each bin: from its lower edge up to, but for the last without, its upper edge.
    pub counts: Vec<u64>,
    /// Rows below the first edge.
    #[serde(default)]
    pub below: u64,
    /// Rows above the last edge.
    #[serde(default)]
    pub above: u64,
    /// Rows without the measure.
    #[serde(default)]
    pub missing: u64,
    /// How the axis is drawn.
    #[serde(default)]
    pub scale: Scale,
    /// The limits; two for a range, none for a measure that no rule reads.
    #[serde(default)]
    pub limits: Vec<Limit>,
}

/// How an axis is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Equal steps are equal lengths.
    #[default]
    Linear,
    /// Equal ratios are equal lengths; needs positive edges, else the bins are drawn equally wide.
    Log,
}

/// A limit on a measure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Where it lies.
    pub value: f64,
    /// On which side the kept rows lie.
    pub direction: Direction,
}

/// On which side of a limit rows are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Kept are rows at the limit or above.
    #[default]
    AtLeast,
    /// Kept are rows at the limit or below.
    AtMost,
    /// Kept are rows above the limit.
    Above,
    /// Kept are rows below the limit.
    Below,
}

impl Direction {
    /// Whether rows above the limit are the kept ones.
    pub fn keeps_high(self) -> bool {
        matches!(self, Self::AtLeast | Self::Above)
    }

    /// How it is written before the limit: "≥".
    pub fn sign(self) -> &'static str {
        match self {
            Self::AtLeast => "≥",
            Self::AtMost => "≤",
            Self::Above => ">",
            Self::Below => "<",
        }
    }
}

/// A document that shows what a figure means.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The row's id.
    pub id: String,
    /// Where it came from.
    #[serde(default)]
    pub url: Option<String>,
    /// Text of the row, or its beginning.
    pub excerpt: String,
    /// Its measure.
    #[serde(default)]
    pub value: Option<f64>,
}

/// What a rule would keep under other limits, all else equal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WhatIf {
    /// The stage's name.
    pub stage: String,
    /// The rule's name.
    pub rule: String,
    /// The measure it limits.
    pub measure: String,
    /// The limit of this run.
    pub current: Limit,
    /// Rows that the stage judged.
    pub rows_seen: u64,
    /// Rows that the stage keeps under the limit of this run.
    pub rows_kept: u64,
    /// Words that it keeps then.
    #[serde(default)]
    pub words_kept: Option<u64>,
    /// The other limits, in order.
    pub points: Vec<WhatIfPoint>,
}

/// Rows that the stage would keep under another limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct WhatIfPoint {
    /// The other limit.
    pub limit: f64,
    /// Rows kept under it.
    pub rows_kept: u64,
    /// Words kept under it.
    #[serde(default)]
    pub words_kept: Option<u64>,
}
