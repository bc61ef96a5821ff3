//! Fields of a request's JSON object, taken out one by one, with an error that names the field.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// What is left of the object. Null is the same as no field, as OpenAI has it.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// The object of a request's body.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Refusal::bad_request("The body must be a JSON object.")),
            Err(error) => Err(Refusal::bad_request(format!("The body is not JSON: {error}."))),
        }
    }

    /// Any value.
    pub(super) fn any(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        match self.any(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(name, "a string")),
        }
    }

    /// True or false; false when absent.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, Refusal> {
        match self.any(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(wrong(name, "true or false")),
        }
    }

    /// A number within bounds.
    pub(super) fn number(&mut self, name: &str, bounds: RangeInclusive<f64>) -> Result<Option<f64>, Refusal> {
        let Some(value) = self.any(name) else { return Ok(None) };
        let number = value.as_f64().filter(|number| bounds.contains(number));
        let expected = || wrong(name, &format!("a number from {} to {}", bounds.start(), bounds.end()));
        number.map(Some).ok_or_else(expected)
    }

    /// An integer, of either sign.
    pub(super) fn integer(&mut self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.any(name) else { return Ok(None) };
        // Seeds above i64::MAX wrap: which seed it is matters, not its size.
        let integer = value.as_i64().or_else(|| value.as_u64().map(u64::cast_signed));
        integer.map(Some).ok_or_else(|| wrong(name, "an integer"))
    }

    /// A count of at most `most`.
    pub(super) fn count(&mut self, name: &str, most: u32) -> Result<Option<u32>, Refusal> {
        let Some(value) = self.any(name) else { return Ok(None) };
        let count = value.as_u64().and_then(|count| u32::try_from(count).ok()).filter(|count| *count <= most);
        count.map(Some).ok_or_else(|| wrong(name, &format!("an integer from 0 to {most}")))
    }

    /// A text or a list of texts; empty when absent.
    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>, Refusal> {
        let expected = || wrong(name, "a string or a list of strings");
        match self.any(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text]),
            Some(Value::Array(texts)) => {
                let text = |value| if let Value::String(text) = value { Ok(text) } else { Err(expected()) };
                texts.into_iter().map(text).collect()
            }
            Some(_) => Err(expected()),
        }
    }

    /// Numbers by name; empty when absent.
    pub(super) fn numbers(&mut self, name: &str) -> Result<BTreeMap<String, f64>, Refusal> {
        let Some(value) = self.any(name) else { return Ok(BTreeMap::new()) };
        serde_json::from_value(value).map_err(|_| wrong(name, "an object of numbers"))
    }

    /// The fields not taken, without nulls.
    pub(super) fn rest(self) -> BTreeMap<String, Value> {
        self.0.into_iter().filter(|(_, value)| !value.is_null()).collect()
    }
}

/// A field that is not what it must be.
pub(super) fn wrong(name: &str, expected: &str) -> Refusal {
    Refusal::bad_request(format!("`{name}` must be {expected}."))
}
