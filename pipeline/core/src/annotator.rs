//! Annotators: what measures a text.
//!
//! An annotator is a pure, total function from a text to a flat record of measures. It never decides and holds no
//! threshold: rules in a config do that. Everything that turns one into a column, a SQL function or a remote task lives
//! in [`crate::udf`], so that this file, and every annotator, is free of Arrow and of I/O.

use serde_json::Value;

use crate::params::ParamError;
use crate::text::TextView;

/// The type of one measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeasureType {
    /// A count or another whole number (`Int64`).
    Int,
    /// A ratio or another real number (`Float64`).
    Float,
    /// A claim that holds or does not (`Boolean`).
    Bool,
    /// A short code or name (`Utf8`).
    Text,
}

/// One measure of an annotator: its name, type and meaning.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// Name, with its unit or kind: `n_words`, `mean_word_chars`, `symbol_word_ratio`.
    pub name: &'static str,
    /// Type of the value.
    pub kind: MeasureType,
    /// What it says, with its range; shown by `gristmill ops`.
    pub about: &'static str,
}

/// One value of a record; text is borrowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MeasureValue<'a> {
    /// No value: the measure is not defined for this text. A rule over it fails.
    Null,
    /// See [`MeasureType::Int`].
    Int(i64),
    /// See [`MeasureType::Float`]. Never NaN: an undefined ratio is `Null` or the documented value.
    Float(f64),
    /// See [`MeasureType::Bool`].
    Bool(bool),
    /// See [`MeasureType::Text`].
    Text(&'a str),
}

/// Receives the values of one record, in the order of [`Annotator::measures`].
pub trait RecordSink {
    /// Takes the next value.
    fn push(&mut self, value: MeasureValue<'_>);
}

impl dyn RecordSink + '_ {
    /// Takes a count.
    pub fn int(&mut self, value: impl TryInto<i64>) {
        self.push(value.try_into().map_or(MeasureValue::Null, MeasureValue::Int));
    }
    /// Takes a real number; NaN and infinities become null.
    pub fn float(&mut self, value: f64) {
        self.push(if value.is_finite() { MeasureValue::Float(value) } else { MeasureValue::Null });
    }
    /// Takes a claim.
    pub fn bool(&mut self, value: bool) {
        self.push(MeasureValue::Bool(value));
    }
    /// Takes a short text.
    pub fn text(&mut self, value: &str) {
        self.push(MeasureValue::Text(value));
    }
    /// Takes nothing: this measure is not defined for the text.
    pub fn null(&mut self) {
        self.push(MeasureValue::Null);
    }
}

/// What an annotator sees of a document.
pub struct Document<'a> {
    /// The text, with its segmentation cached.
    pub view: TextView<'a>,
    /// Where it came from, if known.
    pub url: Option<&'a str>,
}

impl<'a> Document<'a> {
    /// A document of nothing but a text.
    pub fn of_text(text: &'a str) -> Self {
        Self { view: TextView::new(text), url: None }
    }
}

/// A pure, total function from a document to a record of measures.
///
/// Defined for every text: empty, one word, emoji, 10 MB on one line. No I/O, no randomness, no decision.
pub trait Annotator: Send + Sync {
    /// The record's measures, in order.
    fn measures(&self) -> &'static [Measure];
    /// Measures one document: pushes exactly one value per measure, in order.
    fn annotate(&self, document: &Document<'_>, record: &mut dyn RecordSink);
}

/// A row of an annotator table: everything the rest of the program knows about an operator.
pub struct AnnotatorEntry {
    /// Name in configs and SQL: a noun, what is measured.
    pub name: &'static str,
    /// One sentence for `gristmill ops`.
    pub about: &'static str,
    /// Paper and section, or the tool whose behaviour it reproduces.
    pub source: &'static str,
    /// Parameters: name, default, meaning.
    pub params: &'static [ParamDoc],
    /// Builds the annotator from its parameters (a JSON object; `{}` = defaults).
    pub build: fn(&Value) -> Result<Box<dyn Annotator>, ParamError>,
}

/// A pure, total function from a text and its reference to a record of measures: how alike they are.
///
/// Defined for every two texts, empty ones too. No I/O, no randomness, no decision.
pub trait Comparison: Send + Sync {
    /// The record's measures, in order.
    fn measures(&self) -> &'static [Measure];
    /// Measures a text against its reference: pushes exactly one value per measure, in order.
    fn compare(&self, text: &str, reference: &str, record: &mut dyn RecordSink);
}

/// A row of a table of comparisons.
pub struct ComparisonEntry {
    /// Name in configs and SQL: a noun, what is measured.
    pub name: &'static str,
    /// One sentence for `gristmill ops`.
    pub about: &'static str,
    /// Paper and section, or the tool whose numbers it gives.
    pub source: &'static str,
    /// Parameters: name, default, meaning.
    pub params: &'static [ParamDoc],
    /// Builds the comparison from its parameters (a JSON object; `{}` = defaults).
    pub build: fn(&Value) -> Result<Box<dyn Comparison>, ParamError>,
}

/// One parameter in the reference.
pub struct ParamDoc {
    /// Name of the key.
    pub name: &'static str,
    /// Default, as written in TOML; "required" where there is none.
    pub default: &'static str,
    /// What it changes, with units and range.
    pub about: &'static str,
}

/// A pure, total function from a text to another text, with a record of what it did.
pub trait Transform: Send + Sync {
    /// The measures of what was done, in order.
    fn measures(&self) -> &'static [Measure];
    /// Rewrites one text; `None` means "unchanged".
    fn apply(&self, document: &Document<'_>, record: &mut dyn RecordSink) -> Option<String>;
}

/// A row of a transform table.
pub struct TransformEntry {
    /// Name in configs and SQL.
    pub name: &'static str,
    /// One sentence for `gristmill ops`.
    pub about: &'static str,
    /// Paper and section, or the tool whose behaviour it reproduces.
    pub source: &'static str,
    /// Parameters: name, default, meaning.
    pub params: &'static [ParamDoc],
    /// Builds the transform from its parameters (a JSON object; `{}` = defaults).
    pub build: fn(&Value) -> Result<Box<dyn Transform>, ParamError>,
}
