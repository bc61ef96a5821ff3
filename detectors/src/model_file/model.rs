//! What a model file holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::ModelError;
use super::weights::Weights;
use crate::calibrate::Calibration;
use crate::eval::Interval;

/// A trained detector.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Name for people.
    pub name: String,
    /// Which code reads the weights, such as `ngram` or `style`.
    pub kind: String,
    /// Family of writers it finds, such as `chat` or `base`; the two behave oppositely and must not be mixed.
    pub head: String,
    /// Date of training as the caller gives it.
    pub date: String,
    /// What it was trained on.
    pub training: Vec<TrainingSource>,
    /// What was measured, on documents not trained on.
    pub figures: Vec<Figure>,
    /// What it should not be used for, a sentence each.
    pub limits: Vec<String>,
    /// Inputs in the order of the weights.
    pub features: FeatureSet,
    /// Numbers and switches of the kind, such as n-gram lengths.
    pub settings: BTreeMap<String, serde_json::Value>,
    /// Weights.
    pub blocks: Vec<Block>,
    /// Thresholds from local human text, or the word that there are none.
    pub calibration: Calibration,
}

/// Data that a model was trained on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingSource {
    /// Name, with version.
    pub name: String,
    /// Licence.
    pub licence: String,
    /// Domains.
    pub domains: Vec<String>,
    /// Models that wrote its machine side.
    pub source_models: Vec<String>,
    /// Human documents.
    pub n_human: u64,
    /// Machine documents.
    pub n_machine: u64,
    /// SHA-256 of the data in hex, or empty.
    pub sha256: String,
}

/// A measured value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Measure, such as `AUROC`.
    pub measure: String,
    /// On which documents.
    pub on: String,
    /// Value.
    pub value: f64,
    /// Its interval.
    pub interval: Option<Interval>,
    /// Documents.
    pub n_docs: u64,
}

/// Weights and their name.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Name, unique in the file.
    pub name: String,
    /// Weights.
    pub weights: Weights,
}

/// Names of features in order, with a digest that changes with any name or place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureSet {
    names: Vec<String>,
    sha256: String,
}

impl FeatureSet {
    /// Takes the names in order. Features that are hashed have one name that says how.
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let sha256 = digest_of(&names);
        Self { names, sha256 }
    }

    /// The names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// SHA-256 of the names in hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Checks that the program computes these features, in this order.
    ///
    /// # Errors
    /// Names the first place that differs.
    pub fn expect<S: AsRef<str>>(&self, computed: &[S]) -> Result<(), ModelError> {
        let pairs = self.names.iter().zip(computed).enumerate();
        if let Some((i, (wanted, found))) = pairs.into_iter().find(|(_, (a, b))| a.as_str() != b.as_ref()) {
            let found = found.as_ref();
            return Err(ModelError::Features(format!("feature {i} is {wanted:?} in the file and {found:?} here")));
        }
        if self.names.len() != computed.len() {
            let (file, here) = (self.names.len(), computed.len());
            return Err(ModelError::Features(format!("{file} features in the file and {here} here")));
        }
        Ok(())
    }

    pub(super) fn check_digest(&self) -> Result<(), ModelError> {
        let is_right = digest_of(&self.names) == self.sha256;
        is_right.then_some(()).ok_or_else(|| ModelError::Features("their names do not fit their SHA-256".into()))
    }
}

/// SHA-256 over each name with its length before it, so that no two lists read alike.
fn digest_of(names: &[String]) -> String {
    let mut sha = Sha256::new();
    for name in names {
        sha.update((name.len() as u64).to_le_bytes());
        sha.update(name.as_bytes());
    }
    sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Model {
    /// The weights of a block.
    ///
    /// # Errors
    /// If there is no such block, or it has another number of weights.
    pub fn weights(&self, name: &str, n_values: usize) -> Result<Vec<f32>, ModelError> {
        let block = self.blocks.iter().find(|block| block.name == name);
        let block = block.ok_or_else(|| ModelError::weights(name, "the file has no such block"))?;
        let found = block.weights.n_values();
        if found != n_values {
            return Err(ModelError::weights(name, format!("expected {n_values} weights, found {found}")));
        }
        Ok(block.weights.to_f32())
    }
}
