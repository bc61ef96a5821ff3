//! Mapping: which field of the input becomes which core column.
//!
//! A core column is filled from the field that `fields` names, else from the field of its own name. What no column
//! takes, and what a column could not use (a date it cannot read, a link that is a list), stays in `meta`, so nothing
//! of a record is lost by reading it.

use std::collections::BTreeMap;

use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use gristmill_core::params::ParamError;
use gristmill_core::schema::{CREATED, ID, LICENSE, SOURCE, TEXT, URL};

/// A core column that a field can fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// `text`.
    Text,
    /// `id`.
    Id,
    /// `url`.
    Url,
    /// `created`.
    Created,
    /// `license`.
    License,
    /// `source`.
    Source,
}

impl Column {
    /// All of them.
    pub(super) const ALL: [Self; 6] = [Self::Text, Self::Id, Self::Url, Self::Created, Self::License, Self::Source];

    /// Its name in the schema.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => TEXT,
            Self::Id => ID,
            Self::Url => URL,
            Self::Created => CREATED,
            Self::License => LICENSE,
            Self::Source => SOURCE,
        }
    }
}

/// The input fields of the core columns.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    /// Names of the fields, each once; the text's is the first.
    pub(super) fields: Vec<String>,
    /// The field of each column, in the order of [`Column::ALL`].
    columns: [Option<usize>; Column::ALL.len()],
    /// Columns whose field the config names: their absence from a header is an error.
    named: Vec<Column>,
}

impl Mapping {
    /// Reads the parameter `fields`; `fixed` names columns whose value the config gives, so that no field of their own
    /// name fills them.
    ///
    /// # Errors
    /// At a key of `fields` that is not a core column a field can fill.
    pub(super) fn new(fields: &BTreeMap<String, String>, fixed: &[Column]) -> Result<Self, ParamError> {
        let known: Vec<&str> = Column::ALL.iter().map(|column| column.name()).collect();
        if let Some(key) = fields.keys().find(|key| !known.contains(&key.as_str())) {
            let message = format!("unknown field `{key}`, expected one of `{}`", known.join("`, `"));
            return Err(ParamError::at(key, message).under("fields"));
        }
        let mut mapping = Self { fields: Vec::new(), columns: [None; Column::ALL.len()], named: Vec::new() };
        for (column, slot) in Column::ALL.into_iter().zip(&mut mapping.columns) {
            let field = match fields.get(column.name()) {
                Some(field) => {
                    mapping.named.push(column);
                    field.as_str()
                }
                None if fixed.contains(&column) => continue,
                None => column.name(),
            };
            let i = mapping.fields.iter().position(|known| known == field).unwrap_or_else(|| {
                mapping.fields.push(field.to_owned());
                mapping.fields.len() - 1
            });
            *slot = Some(i);
        }
        Ok(mapping)
    }

    /// Position in [`Mapping::fields`] of the field that fills a column.
    pub(super) fn field_of(&self, column: Column) -> Option<usize> {
        self.columns[column as usize]
    }

    /// Position of a field that fills some column.
    pub(super) fn position(&self, field: &str) -> Option<usize> {
        self.fields.iter().position(|known| known == field)
    }

    /// Whether a column must be filled: the text, and what the config names.
    pub(super) fn is_needed(&self, column: Column) -> bool {
        column == Column::Text || self.named.contains(&column)
    }

    /// The first field that must be in a header and is not: that of the text, or one the config names.
    pub(super) fn missing_from<'a>(&'a self, header: &[&str]) -> Option<(Column, &'a str)> {
        let needed = Column::ALL.into_iter().filter(|column| self.is_needed(*column));
        needed
            .filter_map(|column| Some((column, self.fields[self.field_of(column)?].as_str())))
            .find(|(_, field)| !header.contains(field))
    }
}

/// Milliseconds since 1970 of an RFC 3339 time or a `YYYY-MM-DD` date (its midnight, UTC); none for anything else.
pub(super) fn created_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    // Too short to be a date: arrow's parser would accept less than we promise.
    (text.len() >= "2024-01-31".len())
        .then(|| string_to_timestamp_nanos(text).ok())
        .flatten()
        .map(|nanos| nanos.div_euclid(1_000_000))
}

/// Appends `"key":` to an open JSON object.
pub(super) fn push_key(object: &mut String, key: &str) {
    object.push(if object.is_empty() { '{' } else { ',' });
    push_string(object, key);
    object.push(':');
}

/// Appends a JSON string.
pub(super) fn push_string(json: &mut String, text: &str) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        json.push('"');
        json.push_str(text);
        json.push('"');
    } else {
        json.push_str(&serde_json::Value::from(text).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_take_named_fields_then_their_own() {
        let named = BTreeMap::from([("text".to_owned(), "content".to_owned()), ("id".to_owned(), "url".to_owned())]);
        let mapping = Mapping::new(&named, &[Column::Source]).unwrap();
        assert_eq!(mapping.fields, ["content", "url", "created", "license"]);
        assert_eq!(mapping.field_of(Column::Id), mapping.field_of(Column::Url));
        assert_eq!(mapping.field_of(Column::Source), None);
        assert_eq!(mapping.missing_from(&["content", "url"]), None);
        assert_eq!(mapping.missing_from(&["content"]), Some((Column::Id, "url")));
        let error = Mapping::new(&BTreeMap::from([("txt".to_owned(), "a".to_owned())]), &[]).unwrap_err();
        assert_eq!(error.path, ["fields", "txt"]);
    }

    #[test]
    fn dates_of_two_shapes_are_read() {
        // date -d … +%s
        assert_eq!(created_ms("2024-03-01"), Some(1_709_251_200_000));
        assert_eq!(created_ms("2024-03-01T12:00:00.250Z"), Some(1_709_294_400_250));
        assert_eq!(created_ms("2024-03-01T12:00:00+01:00"), Some(1_709_290_800_000));
        for not in ["", "yesterday", "2024", "2024-13-01", "01.03.2024"] {
            assert_eq!(created_ms(not), None, "{not}");
        }
    }
}
