//! Cutting texts as Python does, for measures that must give the numbers of tools written in it.

use std::borrow::Cow;

/// Pieces between white space, as Python's `str.split()` finds them: it counts the four separators of ASCII as well.
pub fn split_white(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_white).filter(|piece| !piece.is_empty())
}

/// Whether Python's `str.isspace()` holds for the character.
pub fn is_white(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// The text, in small letters if asked.
pub fn lower(text: &str, lowercase: bool) -> Cow<'_, str> {
    if lowercase { Cow::Owned(text.to_lowercase()) } else { Cow::Borrowed(text) }
}

/// `str.capitalize()`: the first character in upper case, all others in lower case.
pub fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        None => String::new(),
        Some(first) => first.to_uppercase().chain(chars.as_str().to_lowercase().chars()).collect(),
    }
}
