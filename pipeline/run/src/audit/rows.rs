//! Reading the rows of a side: JSON lines, or a JSON object whose keys hold lists of texts.

use std::path::{Path, PathBuf};

use gristmill_detectors::artifact::{Dialogue, Instruction, LabelRow, Preference, Rows, Side};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::RunError;

/// What the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataKind {
    /// `instruction`, `input`, `output`.
    Instructions,
    /// `item`, `annotator`, `label`, `text`.
    Labels,
    /// `prompt`, `a`, `b`, `winner`; or `chosen` and `rejected`.
    Preferences,
    /// `turns` of `role` and `text`.
    Dialogues,
    /// `text`, or one text per line of a JSON string.
    Text,
}

/// Where a row holds what.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keys<'a> {
    /// The text, or the list of texts in an object of lists; default: `text`.
    pub field: Option<&'a str>,
    /// The row's slice: source model, prompt template, topic.
    pub slice: Option<&'a str>,
    /// The row's split: train, test.
    pub split: Option<&'a str>,
}

/// Reads the rows of one side from files.
///
/// # Errors
/// Names the file and line that cannot be read.
pub fn read_side(name: &str, files: &[PathBuf], kind: DataKind, keys: Keys<'_>) -> Result<Side, RunError> {
    let mut values = Vec::new();
    for path in files {
        values.extend(values_of(path, keys.field)?);
    }
    rows_of(name, values, kind, keys)
}

/// A side of rows that are read already.
///
/// # Errors
/// Names the row that is not of that kind.
pub(super) fn rows_of(name: &str, values: Vec<Value>, kind: DataKind, keys: Keys<'_>) -> Result<Side, RunError> {
    let named = |value: &Value, key: &str| match value.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let parted = |key: Option<&str>| {
        key.map_or_else(Vec::new, |key| values.iter().map(|value| named(value, key)).collect::<Vec<String>>())
    };
    for key in [keys.slice, keys.split].into_iter().flatten() {
        if let Some(first) = values.first().filter(|_| values.iter().all(|value| value.get(key).is_none())) {
            let have = first.as_object().map(|row| row.keys().map(String::as_str).collect::<Vec<_>>().join(", "));
            let message = format!("{name}: no row has `{key}`; the first has {}", have.unwrap_or_default());
            return Err(RunError::Usage(message));
        }
    }
    let (slices, splits) = (parted(keys.slice), parted(keys.split));
    let rows = match kind {
        DataKind::Instructions => Rows::Instructions(values.iter().map(instruction).collect()),
        DataKind::Labels => Rows::Labels(typed::<LabelRow>(values)?),
        DataKind::Preferences => Rows::Preferences(values.into_iter().map(preference).collect::<Result<_, _>>()?),
        DataKind::Dialogues => Rows::Dialogues(typed::<Dialogue>(values)?),
        DataKind::Text => Rows::Text(values.iter().map(|value| text_of(value, keys.field)).collect()),
    };
    Ok(Side { name: name.to_owned(), rows, slices, splits })
}

/// The rows of a file: its lines, or the list that `field` names in an object of lists.
///
/// # Errors
/// Names the file and line that cannot be read.
pub(crate) fn values_of(path: &Path, field: Option<&str>) -> Result<Vec<Value>, RunError> {
    let refuse = |cause: String| RunError::Usage(format!("{}: {cause}", path.display()));
    let content = std::fs::read_to_string(path).map_err(|e| refuse(format!("cannot be read: {e}")))?;
    // One object of lists, such as {"original": […], "sampled": […]}: `field` names the list.
    if let (Some(field), Ok(Value::Object(object))) = (field, serde_json::from_str::<Value>(&content)) {
        if let Some(Value::Array(items)) = object.get(field) {
            return Ok(items.clone());
        }
        if object.values().all(Value::is_array) {
            let keys: Vec<&str> = object.keys().map(String::as_str).collect();
            return Err(refuse(format!("there is no list \"{field}\"; there are {}", keys.join(", "))));
        }
    }
    if path.extension().is_some_and(|extension| extension == "txt") {
        let paragraphs = content.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
        return Ok(paragraphs.map(|paragraph| Value::String(paragraph.to_owned())).collect());
    }
    let lines = content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(i, line)| serde_json::from_str(line).map_err(|e| refuse(format!("line {}: {e}", i + 1)))).collect()
}

fn typed<T: DeserializeOwned>(values: Vec<Value>) -> Result<Vec<T>, RunError> {
    let read = |(i, value)| serde_json::from_value(value).map_err(|e| RunError::Usage(format!("row {}: {e}", i + 1)));
    values.into_iter().enumerate().map(read).collect()
}

fn key<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

/// An instruction row, or a seed task with its first instance.
fn instruction(value: &Value) -> Instruction {
    let first = value.get("instances").and_then(|instances| instances.get(0));
    let part = |name: &str| first.map_or_else(|| key(value, name), |instance| key(instance, name)).to_owned();
    Instruction { instruction: key(value, "instruction").to_owned(), input: part("input"), output: part("output") }
}

fn preference(value: Value) -> Result<Preference, RunError> {
    if value.get("chosen").is_some() {
        let (prompt, a, b) = (key(&value, "prompt"), key(&value, "chosen"), key(&value, "rejected"));
        let winner = gristmill_detectors::artifact::Winner::A;
        return Ok(Preference {
            prompt: prompt.to_owned(),
            a: a.to_owned(),
            b: b.to_owned(),
            winner,
            ..Preference::default()
        });
    }
    serde_json::from_value(value).map_err(|e| RunError::Usage(format!("a preference row: {e}")))
}

/// The text of a row.
pub(crate) fn text_of(value: &Value, field: Option<&str>) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => key(other, field.unwrap_or("text")).to_owned(),
    }
}

/// Brings the texts of a side into the form N2, in which formatting tells nothing.
pub fn normalise(side: &mut Side) {
    use gristmill_detectors::machine::normalise::Level;
    let form = |text: &mut String| *text = Level::N2.apply(text).into_owned();
    match &mut side.rows {
        Rows::Text(texts) => texts.iter_mut().for_each(form),
        Rows::Instructions(rows) => rows.iter_mut().for_each(|row| form(&mut row.output)),
        Rows::Labels(rows) => rows.iter_mut().for_each(|row| form(&mut row.text)),
        Rows::Preferences(rows) => rows.iter_mut().for_each(|row| [&mut row.a, &mut row.b].into_iter().for_each(form)),
        Rows::Dialogues(rows) => {
            rows.iter_mut().flat_map(|row| &mut row.turns).for_each(|turn| form(&mut turn.text));
        }
    }
}

/// The texts of a side, one per row, as far as its rows have one.
pub fn texts(side: &Side) -> Vec<String> {
    match &side.rows {
        Rows::Text(texts) => texts.clone(),
        Rows::Instructions(rows) => rows.iter().map(|row| row.output.clone()).collect(),
        Rows::Labels(rows) => rows.iter().map(|row| row.text.clone()).collect(),
        Rows::Preferences(rows) => rows.iter().map(|row| row.a.clone()).collect(),
        Rows::Dialogues(rows) => rows
            .iter()
            .map(|row| row.turns.iter().map(|turn| turn.text.as_str()).collect::<Vec<_>>().join("\n"))
            .collect(),
    }
}
