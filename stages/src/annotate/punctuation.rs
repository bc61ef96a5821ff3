//! Characters: which are punctuation, letters or ends of a sentence to the filters of the field, and how many.
//!
//! The sets are datatrove's (`utils/text.py`, version 0.10), restated as ranges. They are not Unicode's: its set of
//! punctuation is that of ASCII, the control characters without tab and newline, some marks of typography and of
//! Chinese, and the ends of sentences of all scripts; `・` and `¿`, for instance, are in neither.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// Whether a line that ends in `c` ends a sentence, in any script.
pub(super) fn is_end_mark(c: char) -> bool {
    match c {
        '\0'..='\u{7f}' => matches!(c, '!' | '.' | '?'),
        '\u{80}'..='\u{fff}' => is_end_mark_below_1000(c),
        '\u{1000}'..='\u{ffff}' => is_end_mark_of_basic_plane(c),
        _ => is_end_mark_beyond(c),
    }
}

fn is_end_mark_below_1000(c: char) -> bool {
    matches!(
        c,
        '\u{589}' | '\u{61d}'..='\u{61f}' | '\u{6d4}' | '\u{700}'..='\u{702}' | '\u{7f9}' | '\u{837}' | '\u{839}'
            | '\u{83d}'..='\u{83e}' | '\u{964}'..='\u{965}'
    )
}

fn is_end_mark_of_basic_plane(c: char) -> bool {
    matches!(
        c,
        '\u{104a}'..='\u{104b}' | '\u{1362}' | '\u{1367}'..='\u{1368}' | '\u{166e}' | '\u{1735}'..='\u{1736}'
            | '\u{17d4}'..='\u{17d6}' | '\u{17d9}'..='\u{17da}' | '\u{1803}' | '\u{1809}' | '\u{1944}'..='\u{1945}'
            | '\u{1aa8}'..='\u{1aab}' | '\u{1b5a}'..='\u{1b5b}' | '\u{1b5e}'..='\u{1b5f}' | '\u{1b7d}'..='\u{1b7e}'
            | '\u{1c3b}'..='\u{1c3c}' | '\u{1c7e}'..='\u{1c7f}' | '\u{203c}'..='\u{203d}' | '\u{2047}'..='\u{2049}'
            | '\u{2e2e}' | '\u{2e3c}' | '\u{2e53}'..='\u{2e54}' | '\u{3002}' | '\u{a4ff}' | '\u{a60e}'..='\u{a60f}'
            | '\u{a6f3}' | '\u{a6f7}' | '\u{a876}'..='\u{a877}' | '\u{a8ce}'..='\u{a8cf}' | '\u{a92f}'
            | '\u{a9c8}'..='\u{a9c9}' | '\u{aa5d}'..='\u{aa5f}' | '\u{aaf0}'..='\u{aaf1}' | '\u{abeb}' | '\u{fe52}'
            | '\u{fe56}'..='\u{fe57}' | '\u{ff01}' | '\u{ff0e}' | '\u{ff1f}' | '\u{ff61}'
    )
}

fn is_end_mark_beyond(c: char) -> bool {
    matches!(
        c,
        '\u{10a56}'..='\u{10a57}' | '\u{10f55}'..='\u{10f59}' | '\u{10f86}'..='\u{10f89}' | '\u{11047}'..='\u{11048}'
            | '\u{110be}'..='\u{110c1}' | '\u{11141}'..='\u{11143}' | '\u{111c5}'..='\u{111c6}' | '\u{111cd}'
            | '\u{111de}'..='\u{111df}' | '\u{11238}'..='\u{11239}' | '\u{1123b}'..='\u{1123c}' | '\u{112a9}'
            | '\u{1144b}'..='\u{1144c}' | '\u{115c2}'..='\u{115c3}' | '\u{115c9}'..='\u{115d7}'
            | '\u{11641}'..='\u{11642}' | '\u{1173c}'..='\u{1173e}' | '\u{11944}' | '\u{11946}'
            | '\u{11a42}'..='\u{11a43}' | '\u{11a9b}'..='\u{11a9c}' | '\u{11c41}'..='\u{11c42}'
            | '\u{11ef7}'..='\u{11ef8}' | '\u{11f43}'..='\u{11f44}' | '\u{16a6e}'..='\u{16a6f}' | '\u{16af5}'
            | '\u{16b37}'..='\u{16b38}' | '\u{16b44}' | '\u{16e98}' | '\u{1bc9f}' | '\u{1da88}'
    )
}

/// Whether a word made of such characters alone is a symbol, not a word.
pub(super) fn is_punctuation(c: char) -> bool {
    match c {
        '\0'..='\u{7f}' => !(c.is_ascii_alphanumeric() || matches!(c, '\t' | '\n' | ' ')),
        _ => {
            matches!(
                c,
                '\u{80}'..='\u{9f}' | '«' | '´' | '»' | '–' | '—' | '’' | '“' | '”' | '„' | '…' | '∶' | '━' | '►'
                    | '、' | '\u{3008}'..='\u{300d}' | '【' | '】' | '％' | '（' | '）' | '，' | '１' | '：' | '；' | '～'
            ) || is_end_mark(c)
        }
    }
}

/// Whether `c` is a letter: of the general category L, as Python's `str.isalpha()`.
///
/// Rust's `char::is_alphabetic` also takes vowel signs and letter-like numbers.
pub(super) fn is_letter(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { c.general_category_group() == GeneralCategoryGroup::Letter }
}

/// Number of characters; quick for the short ASCII words that make up most texts, those with curly quotes too.
#[inline]
pub(super) fn n_chars(word: &str) -> usize {
    if word.is_ascii() { word.len() } else { word.chars().count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_have_the_sizes_of_datatroves() {
        // datatrove 0.10.1: len(TERMINAL_PUNCTUATION), len(PUNCTUATION_SET).
        let all = || (0..=0x10_ffff).filter_map(char::from_u32);
        assert_eq!(all().filter(|&c| is_end_mark(c)).count(), 159);
        assert_eq!(all().filter(|&c| is_punctuation(c)).count(), 281);
    }

    #[test]
    fn letters_are_pythons() {
        // CPython 3.11: str.isalpha().
        for (c, expected) in
            [('a', true), ('é', true), ('一', true), ('ª', true), ('1', false), ('Ⅷ', false), ('\u{94d}', false)]
        {
            assert_eq!(is_letter(c), expected, "{c:?}");
        }
    }
}
