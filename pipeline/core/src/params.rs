//! Parameters of operators and stages: JSON in, a typed struct out, errors that know the path of the offending key.
//!
//! Only the crate `gristmill-run` reads config files. It hands parameters down as JSON values and maps the path of a
//! [`ParamError`] back to file, line and column.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// A parameter that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParamError {
    /// Keys from the stage's or operator's table down to the offending one.
    pub path: Vec<String>,
    /// What is wrong and what was expected.
    pub message: String,
}

impl ParamError {
    /// An error at a key of the table itself.
    pub fn at(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: vec![key.into()], message: message.into() }
    }
    /// The same error, seen from the table that holds `key`.
    #[must_use]
    pub fn under(mut self, key: impl Into<String>) -> Self {
        self.path.insert(0, key.into());
        self
    }
}

/// Reads a JSON object into the parameter struct `T` (which denies unknown fields).
///
/// # Errors
/// The path of the first key that is unknown, missing or of the wrong type.
pub fn parse<T: DeserializeOwned>(value: &Value) -> Result<T, ParamError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let mut path: Vec<String> = error.path().iter().map(ToString::to_string).filter(|p| p != "?").collect();
        let message = error.inner().to_string();
        if let Some(name) = unknown_field(&message)
            && path.last().map(String::as_str) != Some(name)
        {
            path.push(name.to_owned());
        }
        ParamError { path, message }
    })
}

/// The field that serde's "unknown field" message names.
fn unknown_field(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}
