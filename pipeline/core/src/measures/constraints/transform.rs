//! The twelve transforms: what is done to a unit before it is checked.

use serde::Deserialize;

use crate::measures::words::{capitalize, is_white};

/// One transform; characters are Unicode's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// Capital letters.
    Upper,
    /// Small letters.
    Lower,
    /// No spaces (U+0020).
    RemoveSpaces,
    /// No white space at the start.
    StripStart,
    /// No white space at the end.
    StripEnd,
    /// No white space at either end.
    Strip,
    /// The first character a capital, the others small.
    Capitalize,
    /// Letters and digits alone.
    Alphanumeric,
    /// Letters alone.
    Alphabetic,
    /// Digits alone.
    Digits,
    /// ASCII alone.
    Ascii,
    /// Units without anything but white space are not looked at.
    FilterBlanks,
}

impl Transform {
    /// The text, transformed; none if it is not to be looked at.
    pub fn apply(self, text: &str) -> Option<String> {
        let only = |keep: fn(char) -> bool| text.chars().filter(|c| keep(*c)).collect::<String>();
        Some(match self {
            Self::Upper => text.to_uppercase(),
            Self::Lower => text.to_lowercase(),
            Self::RemoveSpaces => text.replace(' ', ""),
            Self::StripStart => text.trim_start_matches(is_white).to_owned(),
            Self::StripEnd => text.trim_end_matches(is_white).to_owned(),
            Self::Strip => text.trim_matches(is_white).to_owned(),
            Self::Capitalize => capitalize(text),
            Self::Alphanumeric => only(char::is_alphanumeric),
            Self::Alphabetic => only(char::is_alphabetic),
            Self::Digits => only(char::is_numeric),
            Self::Ascii => only(|c| c.is_ascii()),
            Self::FilterBlanks if text.chars().all(is_white) => return None,
            Self::FilterBlanks => text.to_owned(),
        })
    }
}
