//! A JSON object read for the few fields that matter, without a tree.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::mapping::{Column, Mapping, push_key};

/// A mapped field of a record.
#[derive(Debug, Clone, Default)]
pub(super) enum FieldValue<'a> {
    /// The record lacks it.
    #[default]
    Absent,
    /// A string, unescaped.
    Text(Cow<'a, str>),
    /// Any value, as it was written.
    Raw(&'a RawValue),
    /// A value that is not a string.
    Other(Value),
}

impl FieldValue<'_> {
    /// A string that was read as one.
    pub(super) fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A string, or with `or_number` the digits of a number.
    pub(super) fn text(&self, or_number: bool) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Other(Value::Number(number)) if or_number => Some(Cow::Owned(number.to_string())),
            Self::Raw(raw) => match raw.get().as_bytes() {
                [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => Some(Cow::Borrowed(raw.get().trim_matches('"'))),
                [b'"', ..] => serde_json::from_str(raw.get()).ok().map(Cow::Owned),
                [b'-' | b'0'..=b'9', ..] if or_number => Some(Cow::Borrowed(raw.get())),
                _ => None,
            },
            Self::Absent | Self::Other(_) => None,
        }
    }

    /// Whether the record says anything here; null says nothing.
    pub(super) fn is_given(&self) -> bool {
        match self {
            Self::Absent | Self::Other(Value::Null) => false,
            Self::Raw(raw) => raw.get() != "null",
            _ => true,
        }
    }

    /// What it is instead of a string, to follow the field's name.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Absent => "is missing",
            Self::Text(_) | Self::Raw(_) => "is text",
            Self::Other(Value::Null) => "is null",
            Self::Other(Value::Bool(_)) => "is a boolean, not a string",
            Self::Other(Value::Number(_)) => "is a number, not a string",
            Self::Other(Value::Array(_)) => "is a list, not a string",
            Self::Other(Value::Object(_)) => "is an object, not a string",
            Self::Other(Value::String(_)) => "is a string",
        }
    }
}

/// The mapped fields of one object, by position in [`Mapping::fields`].
pub(super) struct Record<'a>([FieldValue<'a>; Column::ALL.len()]);

impl<'a> Record<'a> {
    /// Reads an object; the fields that no column takes are appended to `meta`, an object without its closing brace.
    ///
    /// # Errors
    /// When the line is not one JSON object.
    pub(super) fn parse(line: &'a str, mapping: &Mapping, meta: Option<&mut String>) -> serde_json::Result<Self> {
        let mut reader = serde_json::Deserializer::from_str(line);
        let record = reader.deserialize_map(ObjectVisitor { mapping, meta })?;
        reader.end()?;
        Ok(record)
    }

    /// A field; absent for no field.
    pub(super) fn get(&self, field: Option<usize>) -> &FieldValue<'a> {
        const ABSENT: &FieldValue<'static> = &FieldValue::Absent;
        field.and_then(|field| self.0.get(field)).unwrap_or(ABSENT)
    }
}

struct ObjectVisitor<'m> {
    mapping: &'m Mapping,
    meta: Option<&'m mut String>,
}

impl<'de> Visitor<'de> for ObjectVisitor<'_> {
    type Value = Record<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields: [FieldValue<'de>; Column::ALL.len()] = Default::default();
        while let Some(key) = map.next_key_seed(TextSeed)? {
            let FieldValue::Text(key) = key else { continue };
            match (self.mapping.position(&key), &mut self.meta) {
                (Some(0), _) => fields[0] = map.next_value_seed(TextSeed)?,
                (Some(i), _) => fields[i] = FieldValue::Raw(map.next_value()?),
                (None, Some(meta)) => {
                    let raw: &RawValue = map.next_value()?;
                    push_key(meta, &key);
                    meta.push_str(raw.get());
                }
                (None, None) => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Record(fields))
    }
}

/// Reads a string without copying it where it has no escapes; any other value as a tree.
struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = FieldValue<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = FieldValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(FieldValue::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(FieldValue::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_bool<E>(self, claim: bool) -> Result<Self::Value, E> {
        Ok(FieldValue::Other(Value::Bool(claim)))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(FieldValue::Other(Value::from(number)))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(FieldValue::Other(Value::from(number)))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(FieldValue::Other(Value::from(number)))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(FieldValue::Other(Value::Null))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(FieldValue::Other(Value::Array(values)))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = serde_json::Map::new();
        while let Some((key, value)) = map.next_entry()? {
            members.insert(key, value);
        }
        Ok(FieldValue::Other(Value::Object(members)))
    }
}
