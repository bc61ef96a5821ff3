//! Parameters that recipes share: which worker, which prompt, how a reply is drawn.

use std::path::Path;

use gristmill_core::params::{self, ParamError};
use gristmill_core::stage::Reads;
use gristmill_lm::Sampling;
use serde_json::{Map, Value};

use super::prompt::Template;

/// Reads a recipe's `sampling` table over its own defaults: a key that is not named keeps the recipe's value.
///
/// # Errors
/// The path of an unknown key or a value out of range.
pub fn sampling(own: &Sampling, over: Option<&Value>) -> Result<Sampling, ParamError> {
    let mut merged = match serde_json::to_value(own) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    if let Some(over) = over {
        let over = over.as_object().ok_or_else(|| ParamError::at("sampling", "expected a table"))?;
        merged.extend(over.clone());
    }
    let merged: Sampling = params::parse(&Value::Object(merged)).map_err(|e| e.under("sampling"))?;
    let in_range = [
        ("temperature", merged.temperature >= 0.0 && merged.temperature <= 10.0, "between 0 and 10"),
        ("top_p", merged.top_p > 0.0 && merged.top_p <= 1.0, "above 0 and at most 1"),
        ("max_tokens", merged.max_tokens > 0, "of 1 or more"),
    ];
    match in_range.iter().find(|(_, holds, _)| !holds) {
        Some((key, _, range)) => Err(ParamError::at(*key, format!("expected {key} {range}")).under("sampling")),
        None => Ok(merged),
    }
}

/// Reads a prompt template: the built-in one, or the file that the key names.
///
/// # Errors
/// When the file cannot be read or is no template.
pub fn template(reads: &Reads, key: &str, path: Option<&str>, builtin: &str) -> Result<Template, ParamError> {
    let source = match path {
        None => reads.text(builtin),
        Some(path) => reads.file(key, "the prompt", Path::new(path))?,
    };
    Template::new(&source).map_err(|message| ParamError::at(key, message))
}

/// One name or a list of names.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(untagged)]
pub enum Names {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Names {
    /// The names, in order.
    pub fn list(&self) -> Vec<String> {
        match self {
            Self::One(name) => vec![name.clone()],
            Self::Many(names) => names.clone(),
        }
    }
}
