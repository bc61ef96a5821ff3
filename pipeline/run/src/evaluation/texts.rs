//! Texts whose writers are known: files, and what their rows say beside the text.

use std::path::PathBuf;

use gristmill_detectors::eval::splits::group_key;
use gristmill_detectors::machine::normalise::Level;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::RunError;
use crate::audit::{text_of, values_of};

/// Characters of a group's text that name the group: machine texts share the beginning of the human one only.
const KEY_CHARS: usize = 60;

/// Who wrote the texts of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Writer {
    /// People.
    Human,
    /// A language model.
    Machine,
}

/// `[texts.NAME]`: files of texts of one side.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextsTable {
    /// JSON lines, JSON objects of lists, or text parted by blank lines.
    pub files: Vec<PathBuf>,
    /// Field of the text, or the list of texts; default `text`.
    pub field: Option<String>,
    /// Who wrote them.
    pub writer: Writer,
    /// Their domain, for all rows.
    #[serde(default)]
    pub domain: String,
    /// Field that holds the domain of a row.
    pub domain_field: Option<String>,
    /// The model that wrote them, for all rows.
    #[serde(default)]
    pub source: String,
    /// Field that holds the model of a row.
    pub source_field: Option<String>,
    /// Field (or list beside that of the texts) whose first 60 characters name the human document to which a row
    /// belongs; rows of one document never part. Default: each text belongs to itself.
    pub group_by: Option<String>,
    /// Most rows of each file.
    pub limit: Option<usize>,
}

/// One text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownText {
    /// As it stands in the file.
    pub raw: String,
    /// In the form in which detectors are compared.
    pub text: String,
    /// Whether a machine wrote it.
    pub machine: bool,
    /// Key of the human document to which it belongs.
    pub group: u64,
    /// Domain; may be empty.
    pub domain: String,
    /// Model that wrote it; may be empty.
    pub source: String,
    /// Words of the normalised text.
    pub n_words: usize,
}

impl KnownText {
    /// A text in a form.
    pub fn new(raw: String, machine: bool, group: u64, level: Level) -> Self {
        let text = level.apply(&raw).into_owned();
        let n_words = text.split_whitespace().count();
        Self { raw, text, machine, group, domain: String::new(), source: String::new(), n_words }
    }
}

impl TextsTable {
    /// The texts, in the order of files and rows; empty ones are left out.
    ///
    /// # Errors
    /// If a file cannot be read, or the lists of texts and groups are not equally long.
    pub fn read(&self, level: Level) -> Result<Vec<KnownText>, RunError> {
        let mut all = Vec::new();
        for path in &self.files {
            let values = values_of(path, self.field.as_deref())?;
            let is_list = values.iter().all(Value::is_string) && !values.is_empty();
            let groups = match &self.group_by {
                Some(list) if is_list && path.extension().is_none_or(|extension| extension != "txt") => {
                    values_of(path, Some(list))?
                }
                _ => Vec::new(),
            };
            if !groups.is_empty() && groups.len() != values.len() {
                let told = format!("{}: {} texts and {} groups", path.display(), values.len(), groups.len());
                return Err(RunError::Usage(told));
            }
            for (i, value) in values.iter().enumerate().take(self.limit.unwrap_or(usize::MAX)) {
                let raw = text_of(value, self.field.as_deref());
                if raw.trim().is_empty() {
                    continue;
                }
                let key = match (groups.get(i), &self.group_by) {
                    (Some(group), _) => words_of(group),
                    (None, Some(field)) => value.get(field).map(words_of).unwrap_or_default(),
                    (None, None) => raw.clone(),
                };
                let group = group_key(&key.chars().take(KEY_CHARS).collect::<String>());
                let mut known = KnownText::new(raw, self.writer == Writer::Machine, group, level);
                let own = |field: &Option<String>, fixed: &String| {
                    let found = field.as_ref().and_then(|field| value.get(field)).map(words_of);
                    found.unwrap_or_else(|| fixed.clone())
                };
                known.domain = own(&self.domain_field, &self.domain);
                known.source = if known.machine { own(&self.source_field, &self.source) } else { String::new() };
                all.push(known);
            }
        }
        Ok(all)
    }
}

fn words_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
