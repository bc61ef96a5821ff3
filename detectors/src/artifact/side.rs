//! The two sides of an audit: rows of one data type held in memory, human ones and made ones.
//!
//! A side is a sample; drawing it from a table is the caller's work. A row that lacks a field holds an empty string there.

use serde::{Deserialize, Serialize};

/// What the rows of a data set are, as in Das et al. 2024 ("Under the Surface", arXiv:2401.14698).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataType {
    /// Labels that annotators gave to items.
    Labels,
    /// Judgements of which of two answers is better.
    Preferences,
    /// Instructions with input and output.
    Instructions,
    /// Dialogues of turns with roles.
    Dialogues,
    /// Free text.
    Text,
}

impl DataType {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Labels => "labels",
            Self::Preferences => "preferences",
            Self::Instructions => "instructions",
            Self::Dialogues => "dialogues",
            Self::Text => "text",
        }
    }
}

/// An instruction, what it works on, and the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Instruction {
    /// What is asked.
    pub instruction: String,
    /// What it is asked about; empty where the instruction stands alone.
    pub input: String,
    /// The answer.
    pub output: String,
}

/// One annotator's label of one item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LabelRow {
    /// The item's id; items of both sides meet by it.
    pub item: String,
    /// The annotator's id, or the model's.
    pub annotator: String,
    /// The label.
    pub label: String,
    /// The item's text, needed for what is learnt from the labels; may be empty, and need stand in one row of the item only.
    pub text: String,
}

/// Which answer won.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Winner {
    /// The first answer as shown.
    A,
    /// The second answer as shown.
    B,
    /// Neither.
    #[default]
    Tie,
}

/// A judged pair of answers, `a` being the one shown first.
///
/// Rows of "chosen" and "rejected" without an order shown are `a` = chosen, `winner` = A, `order_known` = false: what
/// depends on the order is then not computed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preference {
    /// What was asked.
    pub prompt: String,
    /// The answer shown first.
    pub a: String,
    /// The answer shown second.
    pub b: String,
    /// Which won.
    pub winner: Winner,
    /// Whether `a` was indeed shown first.
    pub order_known: bool,
    /// The model that wrote `a`; may be empty.
    pub model_a: String,
    /// The model that wrote `b`; may be empty.
    pub model_b: String,
    /// Who judged; may be empty.
    pub judge: String,
}

/// One turn of a dialogue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Turn {
    /// Who speaks, such as "user".
    pub role: String,
    /// What is said.
    pub text: String,
}

/// A dialogue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dialogue {
    /// Its turns in order.
    pub turns: Vec<Turn>,
}

/// The rows of a side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "data_type", content = "rows", rename_all = "snake_case")]
pub enum Rows {
    /// See [`DataType::Labels`].
    Labels(Vec<LabelRow>),
    /// See [`DataType::Preferences`].
    Preferences(Vec<Preference>),
    /// See [`DataType::Instructions`].
    Instructions(Vec<Instruction>),
    /// See [`DataType::Dialogues`].
    Dialogues(Vec<Dialogue>),
    /// See [`DataType::Text`].
    Text(Vec<String>),
}

impl Rows {
    /// What the rows are.
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Labels(_) => DataType::Labels,
            Self::Preferences(_) => DataType::Preferences,
            Self::Instructions(_) => DataType::Instructions,
            Self::Dialogues(_) => DataType::Dialogues,
            Self::Text(_) => DataType::Text,
        }
    }

    /// How many there are.
    pub fn n_rows(&self) -> usize {
        match self {
            Self::Labels(rows) => rows.len(),
            Self::Preferences(rows) => rows.len(),
            Self::Instructions(rows) => rows.len(),
            Self::Dialogues(rows) => rows.len(),
            Self::Text(rows) => rows.len(),
        }
    }
}

/// One side of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Its name on the page, such as "human" or the model's.
    pub name: String,
    /// Its rows. A reference side without rows means that there is no reference.
    pub rows: Rows,
    /// The slice (source model, prompt template, topic) of each row; empty, or as many as there are rows.
    pub slices: Vec<String>,
    /// The split (train, test) of each row; empty, or as many as there are rows.
    pub splits: Vec<String>,
}

impl Side {
    /// A side without slices and splits.
    pub fn new(name: impl Into<String>, rows: Rows) -> Self {
        Self { name: name.into(), rows, slices: Vec::new(), splits: Vec::new() }
    }

    /// The slice of a row; "" where there are none.
    pub(crate) fn slice(&self, row: usize) -> &str {
        self.slices.get(row).map_or("", String::as_str)
    }
}
