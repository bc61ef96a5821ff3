//! A TOML file as JSON, with the place of every key.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use gristmill_core::params::ParamError;
use gristmill_core::registry::nearest;
use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Diagnostic, Diagnostics};

/// Byte ranges of a key and of its value.
#[derive(Debug, Clone)]
struct Place {
    key: Range<usize>,
    value: Range<usize>,
}

/// A config file: its text, its content, and where everything stands.
#[derive(Debug)]
pub struct Document {
    path: PathBuf,
    text: String,
    value: Value,
    places: HashMap<Vec<String>, Place>,
}

impl Document {
    /// Reads a file and applies overrides of the form `a.b=value`.
    ///
    /// # Errors
    /// When the file cannot be read, is not TOML, or an override cannot be understood.
    pub fn read(path: &Path, overrides: &[String]) -> Result<Self, Diagnostics> {
        let text = std::fs::read_to_string(path).map_err(|e| bare(path, format!("cannot read the config: {e}")))?;
        let mut document = Self::parse(path, text)?;
        for text in overrides {
            document.set(text).map_err(|message| bare(path, format!("--set {text}: {message}")))?;
        }
        Ok(document)
    }

    /// Reads TOML text.
    ///
    /// # Errors
    /// The parser's complaint, with its place.
    pub fn parse(path: &Path, text: String) -> Result<Self, Diagnostics> {
        let mut document =
            Self { path: path.to_owned(), text: String::new(), value: Value::Null, places: HashMap::new() };
        let parsed = DeTable::parse(&text);
        match parsed {
            Ok(table) => document.value = document.convert_table(table.get_ref(), &mut Vec::new()),
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                let message = error.message().to_owned();
                document.text = text;
                return Err(document.at(&span, String::new(), message, None).into());
            }
        }
        document.text = text;
        Ok(document)
    }

    /// The content.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn convert_table(&mut self, table: &DeTable<'_>, path: &mut Vec<String>) -> Value {
        let mut map = Map::new();
        for (key, value) in table {
            path.push(key.get_ref().to_string());
            self.places.insert(path.clone(), Place { key: key.span(), value: value.span() });
            map.insert(key.get_ref().to_string(), self.convert(value, path));
            path.pop();
        }
        Value::Object(map)
    }

    fn convert(&mut self, value: &Spanned<DeValue<'_>>, path: &mut Vec<String>) -> Value {
        match value.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(time) => Value::String(time.to_string()),
            DeValue::Integer(number) => i64::from_str_radix(&number.as_str().replace('_', ""), number.radix())
                .map_or_else(|_| Value::String(number.to_string()), |n| Value::Number(n.into())),
            DeValue::Float(number) => number
                .as_str()
                .replace('_', "")
                .parse()
                .ok()
                .and_then(Number::from_f64)
                .map_or_else(|| Value::String(number.to_string()), Value::Number),
            DeValue::Array(items) => {
                let mut converted = Vec::with_capacity(items.len());
                for (i, item) in items.iter().enumerate() {
                    path.push(i.to_string());
                    self.places.insert(path.clone(), Place { key: item.span(), value: item.span() });
                    converted.push(self.convert(item, path));
                    path.pop();
                }
                Value::Array(converted)
            }
            DeValue::Table(table) => self.convert_table(table, path),
        }
    }

    /// Applies `a.b=value`; a value that is no TOML is taken as a string.
    fn set(&mut self, text: &str) -> Result<(), String> {
        let (path, raw) = text.split_once('=').ok_or("expected KEY=VALUE, as in run.seed=7")?;
        let value = format!("value = {raw}");
        let value = match DeTable::parse(&value) {
            Ok(table) => Self::parse(&self.path, format!("value = {raw}"))
                .ok()
                .and_then(|document| document.value.get("value").cloned())
                .filter(|_| table.get_ref().len() == 1)
                .ok_or("expected one value")?,
            Err(_) => Value::String(raw.to_owned()),
        };
        let mut at = &mut self.value;
        for key in path.trim().split('.') {
            let table = at.as_object_mut().ok_or_else(|| format!("`{key}` stands below something that is no table"))?;
            at = table.entry(key.to_owned()).or_insert_with(|| Value::Object(Map::new()));
        }
        *at = value;
        self.places.retain(|known, _| known.join(".") != path.trim());
        Ok(())
    }

    /// A complaint about the value at `path`, shown at the deepest key that stands in the file.
    pub fn complain(&self, path: &[String], message: String, hint: Option<String>) -> Diagnostic {
        let key = path.join(".");
        for depth in (1..=path.len()).rev() {
            if let Some(place) = self.places.get(&path[..depth]) {
                // A scalar of the wrong value is shown itself; a table by its key.
                let multi_line = self.text.get(place.value.clone()).is_none_or(|text| text.contains('\n'));
                let span =
                    if depth == path.len() && !multi_line && !self.is_table(path) { &place.value } else { &place.key };
                return self.at(span, key, message, hint);
            }
        }
        Diagnostic { file: self.path.clone(), place: None, snippet: None, key, message, hint }
    }

    /// A parameter error below `base`, with a suggestion if it names an unknown field.
    pub fn explain(&self, base: &[String], error: &ParamError) -> Diagnostic {
        let path: Vec<String> = base.iter().chain(&error.path).cloned().collect();
        let Some((unknown, expected)) = unknown_field(&error.message) else {
            return self.complain(&path, error.message.clone(), None);
        };
        let hint = match nearest(unknown, expected.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if expected.is_empty() => Some("this table takes no keys".to_owned()),
            None => Some(format!("it takes {}", expected.join(", "))),
        };
        let key_span = self.places.get(&path).map(|place| place.key.clone());
        let message = format!("unknown key `{unknown}`");
        match key_span {
            Some(span) => self.at(&span, path.join("."), message, hint),
            None => self.complain(&path, message, hint),
        }
    }

    fn is_table(&self, path: &[String]) -> bool {
        let mut at = &self.value;
        for key in path {
            let Some(next) = at.get(key).or_else(|| key.parse().ok().and_then(|i: usize| at.get(i))) else {
                return false;
            };
            at = next;
        }
        at.is_object()
    }

    fn at(&self, span: &Range<usize>, key: String, message: String, hint: Option<String>) -> Diagnostic {
        let start = span.start.min(self.text.len());
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let line = self.text[line_start..].lines().next().unwrap_or("").to_owned();
        let column = before[line_start..].chars().count() + 1;
        let width = self.text.get(span.clone()).map_or(1, |t| t.lines().next().unwrap_or("").chars().count());
        Diagnostic {
            file: self.path.clone(),
            place: Some((before.matches('\n').count() + 1, column)),
            snippet: Some((line, width)),
            key,
            message,
            hint,
        }
    }
}

fn bare(path: &Path, message: String) -> Diagnostics {
    Diagnostic { file: path.to_owned(), place: None, snippet: None, key: String::new(), message, hint: None }.into()
}

/// The unknown field and the expected ones in serde's message.
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (name, rest) = rest.split_once('`')?;
    Some((name, rest.split('`').skip(1).step_by(2).collect()))
}
