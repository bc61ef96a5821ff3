//! White space: runs collapsed, none before punctuation, one after a full stop.

use std::borrow::Cow;

use super::Changes;

/// Runs of white space as one space and none at the ends, with the number of characters removed or replaced.
pub(super) fn collapse(text: &str) -> (Cow<'_, str>, usize) {
    let trimmed = text.trim();
    let n_outside = if trimmed.len() == text.len() { 0 } else { text.chars().count() - trimmed.chars().count() };
    let Some(first) = first_uneven(trimmed) else { return (Cow::Borrowed(trimmed), n_outside) };
    let mut collapsed = String::with_capacity(trimmed.len());
    collapsed.push_str(&trimmed[..first]);
    let mut n_changed = n_outside;
    let mut after_space = false;
    for c in trimmed[first..].chars() {
        if !c.is_whitespace() {
            collapsed.push(c);
            after_space = false;
        } else if after_space {
            n_changed += 1;
        } else {
            collapsed.push(' ');
            n_changed += usize::from(c != ' ');
            after_space = true;
        }
    }
    (Cow::Owned(collapsed), n_changed)
}

/// Where the first white space stands that is not a single plain space.
fn first_uneven(text: &str) -> Option<usize> {
    let mut before_is_space = false;
    for (at, c) in text.char_indices() {
        if c == ' ' {
            if before_is_space {
                return Some(at - 1);
            }
            before_is_space = true;
        } else if c.is_whitespace() {
            // From the space before on, if there is one, so that the two count as one run.
            return Some(at - usize::from(before_is_space));
        } else {
            before_is_space = false;
        }
    }
    None
}

/// Removes spaces before `. , ; : ! ?`: tokenisers leave them there, people do not.
pub(super) fn before_punctuation<'a>(text: &'a str, changes: &mut Changes) -> Cow<'a, str> {
    let bytes = text.as_bytes();
    let mut parts = String::new();
    let mut kept_to = 0;
    for at in memchr::memchr_iter(b' ', bytes) {
        if matches!(bytes.get(at + 1), Some(b'.' | b',' | b';' | b':' | b'!' | b'?')) {
            parts.push_str(&text[kept_to..at]);
            kept_to = at + 1;
            changes.n_punctuation_spaces += 1;
        }
    }
    if kept_to == 0 {
        return Cow::Borrowed(text);
    }
    parts.push_str(&text[kept_to..]);
    Cow::Owned(parts)
}

/// Puts a space between a sentence and the next that was glued to it: two small letters, an end mark, a capital and a
/// small letter ("ago.An"). Names like "U.S.A" and "Node.JS" stay.
pub(super) fn after_full_stop<'a>(text: &'a str, changes: &mut Changes) -> Cow<'a, str> {
    let bytes = text.as_bytes();
    let mut parts = String::new();
    let mut kept_to = 0;
    for at in memchr::memchr3_iter(b'.', b'!', b'?', bytes) {
        let glued = at >= 2
            && bytes[at - 1].is_ascii_lowercase()
            && bytes[at - 2].is_ascii_lowercase()
            && bytes.get(at + 1).is_some_and(u8::is_ascii_uppercase)
            && bytes.get(at + 2).is_some_and(u8::is_ascii_lowercase);
        if glued {
            parts.push_str(&text[kept_to..=at]);
            parts.push(' ');
            kept_to = at + 1;
            changes.n_parted_sentences += 1;
        }
    }
    if kept_to == 0 {
        return Cow::Borrowed(text);
    }
    parts.push_str(&text[kept_to..]);
    Cow::Owned(parts)
}

/// The text before its last space; empty if there is none.
pub(super) fn drop_last_word(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(memchr::memrchr(b' ', text.as_bytes()).map_or("", |at| &text[..at]))
}
