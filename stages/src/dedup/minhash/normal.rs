//! Text as near-duplicate detection sees it: lower case, numbers as `0`, no punctuation, no accents.
//!
//! Two copies of a page differ in case, quotes, dates and spacing long before they differ in words. Normalising first
//! spends the Jaccard budget on words. The output is a byte buffer of words separated by spaces; no string is built.
//!
//! Source: `simplify_text` of datatrove 0.10, as used for FineWeb (Penedo et al. 2024, arXiv:2406.17557). The order is the
//! same: lower case, numbers, punctuation, white space, canonical decomposition without nonspacing marks. Over 5,950 texts of
//! 33 languages the words (with `unspaced` off) differ from datatrove's by the first two of these only:
//! - Punctuation is the Unicode general category P plus datatrove's own list; its list alone keeps `‘` and drops `’`.
//! - Greek final sigma becomes `σ`, as in case folding; Python's `str.lower` decides by context, so that a word in
//!   capitals and the same word in small letters may differ there.
//! - Marks are taken off character by character, so marks that are not Mn keep their order in the text. Canonical order
//!   differs only for two adjacent spacing marks of non-zero class, which no living orthography writes.
//! - Characters of scripts written without spaces (Han, kana, Thai, Lao, Khmer, Myanmar) each count as a word
//!   (`unspaced`). datatrove asks a tokenizer per language; without either, one "word" would be a whole clause.

use unicode_normalization::char::decompose_canonical;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// Which steps of the normalisation run; all of them by default, as in FineWeb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Normal {
    /// Letters become lower case.
    pub lower: bool,
    /// A number, with at most one decimal or thousands separator inside, becomes `0`.
    pub numbers: bool,
    /// Punctuation and control characters become spaces.
    pub punctuation: bool,
    /// Canonical decomposition, then nonspacing marks (category Mn) are dropped: `é` becomes `e`.
    pub marks: bool,
    /// A character of a script without spaces is a word of its own.
    pub unspaced: bool,
}

impl Default for Normal {
    fn default() -> Self {
        Self { lower: true, numbers: true, punctuation: true, marks: true, unspaced: true }
    }
}

/// Applies a [`Normal`] by table: one load per ASCII byte, one per character of the basic plane.
///
/// Building one costs some milliseconds and 128 KiB; build it once per stage and share it.
#[derive(Debug)]
pub struct Normaliser {
    options: Normal,
    ascii: [u8; 256],
    plane: Vec<u16>,
}

/// The mark of a byte of `ascii` that the straight path cannot copy: a digit, or part of a longer character.
const SPECIAL: u8 = 0x80;
/// Codes in `plane` are those of the character itself or one of these, which are surrogates and so never characters.
const DIGIT: u16 = 0xD800;
const DROP: u16 = 0xD801;
const SLOW: u16 = 0xD802;
/// Bytes taken at once where all are plain ASCII.
const CHUNK: usize = 32;

impl Normaliser {
    /// Prepares the tables.
    pub fn new(options: Normal) -> Self {
        let mut normaliser = Self { options, ascii: [SPECIAL; 256], plane: Vec::new() };
        normaliser.plane = (0..=u16::MAX).map(|code| normaliser.code_of(code)).collect();
        for (byte, code) in normaliser.ascii.iter_mut().zip(&normaliser.plane).take(128) {
            *byte = if *code == DIGIT { SPECIAL } else { (*code & 0x7F) as u8 };
        }
        normaliser
    }

    /// The steps that run.
    pub fn options(&self) -> Normal {
        self.options
    }

    /// Replaces `out` by the normalised text: UTF-8 words, each followed or preceded by one or more spaces.
    ///
    /// Runs of spaces are not squeezed: a word is a run of bytes that are not spaces.
    pub fn normalise(&self, text: &str, out: &mut Vec<u8>) {
        out.clear();
        out.reserve(text.len() + CHUNK);
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let mut plain = 0;
            while let Some(chunk) = bytes[at..].first_chunk::<CHUNK>() {
                let mapped = chunk.map(|byte| self.ascii[usize::from(byte)]);
                if mapped.iter().fold(0, |all, byte| all | byte) & SPECIAL == 0 {
                    out.extend_from_slice(&mapped);
                    at += CHUNK;
                    continue;
                }
                plain = mapped.iter().position(|byte| byte & SPECIAL != 0).unwrap_or(0);
                out.extend_from_slice(&mapped[..plain]);
                at += plain;
                break;
            }
            // Something special is here, or the end is near. One step where such things are rare; where they are dense, many,
            // as whole chunks would only be read in vain.
            let until = if plain >= CHUNK / 4 { at + 1 } else { at + CHUNK };
            while at < until.min(bytes.len()) {
                at += self.step(text, at, out);
            }
        }
    }

    /// Normalises the character or number that begins at `at`; returns its length in bytes.
    fn step(&self, text: &str, at: usize, out: &mut Vec<u8>) -> usize {
        let byte = text.as_bytes()[at];
        if byte < 0x80 {
            let mapped = self.ascii[usize::from(byte)];
            if mapped != SPECIAL {
                out.push(mapped);
                return 1;
            }
            out.push(b'0');
            return number_bytes(&text[at..]);
        }
        let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else { return 1 };
        let code = u16::try_from(u32::from(c)).map_or(SLOW, |code| self.plane[usize::from(code)]);
        match code {
            DIGIT => {
                out.push(b'0');
                return number_bytes(&text[at..]);
            }
            DROP => {}
            SLOW if is_hangul(u32::from(c)) => decompose_canonical(c, |d| self.push(d, out)),
            SLOW => self.each(c, |d| self.push(d, out)),
            code => self.push(char::from_u32(u32::from(code)).unwrap_or(' '), out),
        }
        c.len_utf8()
    }

    #[inline]
    fn push(&self, c: char, out: &mut Vec<u8>) {
        if c.is_ascii() {
            out.push(c as u8);
            return;
        }
        if let code @ 0..0x800 = u32::from(c) {
            out.extend_from_slice(&[0xC0 | (code >> 6) as u8, 0x80 | (code & 0x3F) as u8]);
            return;
        }
        let alone = self.options.unspaced && is_unspaced(c);
        if alone {
            out.push(b' ');
        }
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        if alone {
            out.push(b' ');
        }
    }

    /// The entry of `plane` for one code point.
    fn code_of(&self, code: u16) -> u16 {
        if self.options.marks && is_hangul(u32::from(code)) {
            return SLOW;
        }
        let Some(c) = char::from_u32(u32::from(code)) else { return SLOW };
        if let Some(code) = self.class_of(c) {
            return code;
        }
        let (mut n, mut last) = (0, '\0');
        self.each(c, |d| (n, last) = (n + 1, d));
        match (n, u16::try_from(u32::from(last))) {
            (0, _) => DROP,
            (1, Ok(code)) => code,
            _ => SLOW,
        }
    }

    /// The code of characters that are not letters to us; none where the letters decide.
    fn class_of(&self, c: char) -> Option<u16> {
        let category = c.general_category();
        let space = c.is_whitespace() || (self.options.punctuation && is_punctuation(c));
        match (space, self.options.numbers && category == GeneralCategory::DecimalNumber) {
            (true, _) => Some(0x20),
            (_, true) => Some(DIGIT),
            _ => None,
        }
    }

    /// Calls `emit` with each character that `c` becomes.
    fn each(&self, c: char, mut emit: impl FnMut(char)) {
        match self.class_of(c) {
            Some(DIGIT) => return emit('0'),
            Some(_) => return emit(' '),
            None => {}
        }
        let mut decomposed = |c: char| {
            let c = if self.options.lower && c == 'ς' { 'σ' } else { c };
            if !self.options.marks {
                return emit(c);
            }
            decompose_canonical(c, |d| {
                if d.general_category() != GeneralCategory::NonspacingMark {
                    emit(d);
                }
            });
        };
        if self.options.lower {
            c.to_lowercase().for_each(decomposed);
        } else {
            decomposed(c);
        }
    }
}

/// The bytes of the number that `text` begins with: `\p{Nd}+([.,،٫⎖⎗⎘]\p{Nd}+)?`, as in datatrove.
fn number_bytes(text: &str) -> usize {
    let digits = |text: &str| -> usize { text.chars().take_while(|c| is_digit(*c)).map(char::len_utf8).sum() };
    let whole = digits(text);
    let mut rest = text[whole..].chars();
    match rest.next() {
        Some(separator) if matches!(separator, '.' | ',' | '،' | '٫' | '⎖' | '⎗' | '⎘') => {
            match digits(rest.as_str()) {
                0 => whole,
                fraction => whole + separator.len_utf8() + fraction,
            }
        }
        _ => whole,
    }
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || (!c.is_ascii() && c.general_category() == GeneralCategory::DecimalNumber)
}

fn is_punctuation(c: char) -> bool {
    c.is_control()
        || c.is_ascii_punctuation()
        || c.general_category_group() == GeneralCategoryGroup::Punctuation
        // Symbols of datatrove's list that Unicode does not call punctuation.
        || matches!(c, '━' | '∶' | '´' | '～' | '►')
}

/// Whether a code point is a Hangul syllable, which decomposes by arithmetic into two or three letters, none of them a mark.
fn is_hangul(code: u32) -> bool {
    (0xAC00..0xD7A4).contains(&code)
}

/// Whether `c` belongs to a script that is written without spaces between words.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0E01..=0x0EFF // Thai, Lao
        | 0x1000..=0x109F // Myanmar
        | 0x1780..=0x17FF // Khmer
        | 0x3005..=0x3007 | 0x3041..=0x312F | 0x31F0..=0x31FF // kana, bopomofo
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF // Han
        | 0xFF66..=0xFF9D) // half-width kana
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(options: Normal, text: &str) -> String {
        let mut out = Vec::new();
        Normaliser::new(options).normalise(text, &mut out);
        String::from_utf8_lossy(&out).split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn agrees_with_datatrove() {
        // Expectations: datatrove 0.10.1 simplify_text(text), default options.
        for (text, expected) in [
            ("", ""),
            ("Hello, World!", "hello world"),
            ("It cost 1,234.50 in 1999.", "it cost 0 0 in 0"),
            ("a1b22c333", "a0b0c0"),
            ("v1.2.3-rc4", "v0 0 rc0"),
            ("1|2|3", "0 0 0"),
            ("Café DÉJÀ vu\u{301}", "cafe deja vu"),
            ("tab\there\r\nline\u{a0}nbsp", "tab here line nbsp"),
            ("don’t — “quote”…", "don t quote"),
            ("İstanbul Å K", "istanbul a k"),
            ("٣٫٥ и 12,5", "0 и 0"),
            ("Ёжик й", "ежик и"),
            ("a_b-c/d\\e", "a b c d e"),
            ("x\u{200b}y\u{ad}z", "x\u{200b}y\u{ad}z"),
            ("🙂 ok 🙂", "🙂 ok 🙂"),
            ("한국어", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}\u{110b}\u{1165}"),
            ("שלום עולם", "שלום עולם"),
        ] {
            assert_eq!(normal(Normal::default(), text), expected, "{text:?}");
        }
    }

    #[test]
    fn each_step_can_be_switched_off() {
        // By hand.
        let text = "Él, 12.5 a-b";
        let all = Normal::default();
        assert_eq!(normal(all, text), "el 0 a b");
        assert_eq!(normal(Normal { lower: false, ..all }, text), "El 0 a b");
        assert_eq!(normal(Normal { numbers: false, ..all }, text), "el 12 5 a b");
        assert_eq!(normal(Normal { punctuation: false, ..all }, text), "el, 0 a-b");
        assert_eq!(normal(Normal { marks: false, ..all }, text), "él 0 a b");
    }

    #[test]
    fn scripts_without_spaces_fall_into_characters() {
        // By hand; kana lose their voicing mark as any nonspacing mark is lost.
        assert_eq!(normal(Normal::default(), "東京がABC。"), "東 京 か abc");
        assert_eq!(normal(Normal { unspaced: false, ..Normal::default() }, "東京がABC。"), "東京かabc");
        assert_eq!(normal(Normal::default(), "ΟΔΟΣ οδος"), "οδοσ οδοσ");
    }

    #[test]
    fn the_straight_path_equals_the_stepwise_one() {
        // Law: where chunks begin does not matter.
        let text = "Plain ASCII words, 12 of them; then é and 3.14 again. ".repeat(20);
        let whole = normal(Normal::default(), &text);
        for cut in 1..40 {
            let padded = format!("{}{text}", " ".repeat(cut));
            assert_eq!(normal(Normal::default(), &padded), whole);
        }
    }
}
