//! A labelled table of figures: the form in which generation stages and audits show ours beside a paper's.

use serde::{Deserialize, Serialize};

/// A table of figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FigureTable {
    /// What it shows.
    pub title: String,
    /// What the rows are, the head of the first column: "figure".
    #[serde(default)]
    pub subject: String,
    /// The columns after the label.
    pub columns: Vec<Column>,
    /// The rows; one with fewer cells than columns is filled with dashes, one with more shows all.
    pub rows: Vec<FigureRow>,
    /// Where the figures come from and what they leave out.
    #[serde(default)]
    pub note: Option<String>,
}

/// A column of figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its head: "this run", "the paper".
    pub name: String,
    /// How its numbers are shown, unless a row says otherwise.
    #[serde(default)]
    pub unit: Unit,
}

/// How a number is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// As it is, to four digits.
    #[default]
    Plain,
    /// A share from 0 to 1, shown in percent.
    Share,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Milliseconds,
}

/// A row of figures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FigureRow {
    /// What the figures are of.
    pub label: String,
    /// How this row's numbers are shown, if not as the columns say.
    #[serde(default)]
    pub unit: Option<Unit>,
    /// One cell per column.
    pub cells: Vec<Cell>,
}

/// A cell: in JSON a number, a text or null.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// A whole number.
    Count(u64),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Nothing to show.
    #[default]
    Missing,
}
