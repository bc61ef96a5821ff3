//! What a deduplication stage found: how large the clusters are, the largest ones, and pairs to judge by eye.

use serde::{Deserialize, Serialize};

use super::Example;

/// One deduplication stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DedupReport {
    /// The stage's name.
    pub stage: String,
    /// How it compares: "minhash", with its parameters.
    pub method: String,
    /// Rows that were compared.
    pub rows_in: u64,
    /// Rows dropped as copies of a kept one.
    pub rows_dropped: u64,
    /// Clusters of two or more rows.
    pub clusters: u64,
    /// How large these are, ascending.
    #[serde(default)]
    pub sizes: Vec<SizeBin>,
    /// The largest clusters, largest first.
    #[serde(default)]
    pub largest: Vec<Cluster>,
    /// Pairs that were taken for copies.
    #[serde(default)]
    pub pairs: Vec<PairExample>,
}

/// Clusters of similar size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct SizeBin {
    /// The smallest size, in rows.
    pub low: u64,
    /// The largest size, in rows; at least `low`.
    pub high: u64,
    /// Clusters of such a size.
    pub clusters: u64,
    /// Rows in them.
    pub rows: u64,
}

/// A cluster of rows taken for copies of each other.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// Rows in it.
    pub rows: u64,
    /// The row that was kept, or any.
    pub example: Example,
}

/// Two rows that were taken for copies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PairExample {
    /// The kept one.
    pub kept: Example,
    /// The dropped one.
    pub dropped: Example,
    /// Their similarity by the stage's measure, 0 to 1.
    #[serde(default)]
    pub similarity: Option<f64>,
}
