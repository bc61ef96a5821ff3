//! Characters that a reader does not see.
//!
//! Zero-width characters split words for a detector and not for a reader. Two of them are honest in other scripts: the
//! joiner in emoji and Indic text and the non-joiner in Persian. They stay there.

use std::borrow::Cow;

use super::Changes;

const NON_JOINER: char = '\u{200C}';
const JOINER: char = '\u{200D}';

/// Whether the character has no width and no honest use inside running text.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180E}'
        | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{1D173}'..='\u{1D17A}')
        || is_tag(c)
        || (c.is_control() && !c.is_whitespace())
}

/// Tag characters, which can hide whole messages; in flags of regions they follow an emoji.
fn is_tag(c: char) -> bool {
    matches!(c, '\u{E0000}'..='\u{E007F}')
}

/// Whether a joiner after this character is of no use: Latin, Greek and Cyrillic letters do not join.
fn never_joins(before: Option<char>) -> bool {
    before.is_none_or(|c| (c as u32) < 0x0590)
}

/// Removes invisible characters.
pub(super) fn remove<'a>(text: &'a str, changes: &mut Changes) -> Cow<'a, str> {
    let mut before = None;
    let mut visible = String::new();
    let mut kept_to = 0;
    for (at, c) in text.char_indices() {
        let joins = matches!(c, JOINER | NON_JOINER);
        // A variation selector belongs to the symbol or ideograph before it.
        let selects = matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}');
        let honest_tag = is_tag(c) && before.is_some_and(|b| b >= '\u{1F000}');
        if (is_invisible(c) && !honest_tag) || ((joins || selects) && never_joins(before)) {
            visible.push_str(&text[kept_to..at]);
            kept_to = at + c.len_utf8();
            changes.n_invisible += 1;
        } else {
            before = Some(c);
        }
    }
    if kept_to == 0 {
        return Cow::Borrowed(text);
    }
    visible.push_str(&text[kept_to..]);
    Cow::Owned(visible)
}
