//! Mends what went wrong with characters on the way from an author to a page.
//!
//! * Mojibake: UTF-8 that was once read as windows-1252 or Latin-1 (`â€™` for `’`, `Ã©` for `é`). The idea is ftfy's (Speer 2019,
//!   <https://ftfy.readthedocs.io>): take such characters back to bytes; what then is valid UTF-8 was UTF-8. We differ: ftfy weighs a
//!   whole line by a table of unlikely neighbours; here each sequence stands for itself. One that no language writes (`â€`, `Ã©`, `ðŸ`)
//!   is mended wherever it stands; one that could be meant (`É®`) only on a line where every character beyond ASCII is part of some
//!   sequence and there are several. Double mojibake is mended by running again until nothing changes, at most [`MAX_ROUNDS`] times.
//! * Unicode normal form C.
//! * Control characters: C1 codes stand for windows-1252 (as HTML has it), carriage returns become line feeds, all others but tab and
//!   line feed go, as do byte order marks and noncharacters.
//!
//! Text that needs nothing is borrowed, at the cost of one pass over its bytes.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Mojibake can be made of mojibake; deeper nesting than this was never seen.
const MAX_ROUNDS: usize = 3;

/// What [`repair`] mends. In a config `true`, `false` or a table of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repair {
    /// UTF-8 once read as windows-1252 or Latin-1.
    pub mojibake: bool,
    /// Unicode normal form C.
    pub nfc: bool,
    /// Control characters removed.
    pub control: bool,
}

impl Default for Repair {
    fn default() -> Self {
        Self { mojibake: true, nfc: true, control: true }
    }
}

impl<'de> Deserialize<'de> for Repair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "`repair` is true, false or a table of the booleans mojibake, nfc, control")]
        enum Written {
            All(bool),
            Each(Each),
        }
        #[derive(Deserialize)]
        #[serde(default, deny_unknown_fields)]
        struct Each {
            mojibake: bool,
            nfc: bool,
            control: bool,
        }
        impl Default for Each {
            fn default() -> Self {
                Self { mojibake: true, nfc: true, control: true }
            }
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::All(on) => Self { mojibake: on, nfc: on, control: on },
            Written::Each(Each { mojibake, nfc, control }) => Self { mojibake, nfc, control },
        })
    }
}

/// Mends `text` in the ways that `how` names.
#[must_use]
pub fn repair(text: &str, how: Repair) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    if how.mojibake {
        for _ in 0..MAX_ROUNDS {
            match unscramble(&text) {
                Some(better) => text = Cow::Owned(better),
                None => break,
            }
        }
    }
    if how.control && text.bytes().any(may_be_control) && text.chars().any(is_control) {
        text = Cow::Owned(strip_control(&text));
    }
    if how.nfc && !text.is_ascii() && is_nfc_quick(text.chars()) != IsNormalized::Yes {
        text = Cow::Owned(text.nfc().collect());
    }
    text
}

/// A byte with which a character begins that [`is_control`] names; some others begin so as well.
const fn may_be_control(byte: u8) -> bool {
    matches!(byte, 0..=8 | 11..=31 | 127 | 0xC2 | 0xEF | 0xF0..=0xF4)
}

/// A character that [`strip_control`] would not leave as it is.
const fn is_control(c: char) -> bool {
    match c {
        '\t' | '\n' => false,
        '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' | '\u{FEFF}' | '\u{FDD0}'..='\u{FDEF}' => true,
        c => c as u32 & 0xFFFE == 0xFFFE,
    }
}

fn strip_control(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() != Some(&'\n') => out.push('\n'),
            '\u{80}'..='\u{9F}' => out.extend(CP1252.get(c as usize - 0x80).copied().filter(|c| !c.is_control())),
            c if is_control(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// The characters of windows-1252 from 0x80; where it has none, the C1 code itself, as the WHATWG table has it.
const CP1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

/// The byte that windows-1252 or Latin-1 shows as this character.
fn byte_of(c: char) -> Option<u8> {
    match c {
        '\0'..='\u{FF}' => u8::try_from(c as u32).ok(),
        '\u{152}'..='\u{2122}' => {
            let at = CP1252.iter().position(|shown| *shown == c)?;
            u8::try_from(at + 0x80).ok()
        }
        _ => None,
    }
}

/// One character beyond ASCII, or a sequence that is one character's UTF-8.
struct Piece {
    n_bytes: usize,
    /// What the sequence stands for.
    meant: Option<char>,
    /// No language writes this sequence.
    sure: bool,
}

/// `None` when nothing looks scrambled.
fn unscramble(text: &str) -> Option<String> {
    // Leads of UTF-8 (U+00C2 to U+00F4) are themselves written with the byte C3.
    memchr::memchr(0xC3, text.as_bytes())?;
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if !line.is_ascii() {
            mend_line(text, at, line, &mut copied, &mut out);
        }
        at += line.len();
    }
    if copied == 0 {
        return None;
    }
    out.push_str(&text[copied..]);
    Some(out)
}

/// Writes the mended sequences of the line at `start` to `out`, and what stands between `copied` and them.
fn mend_line(text: &str, start: usize, line: &str, copied: &mut usize, out: &mut String) {
    let (mut n_sequences, mut n_sure, mut n_plain) = (0_usize, 0_usize, 0_usize);
    for_pieces(line, |_, piece| {
        n_sequences += usize::from(piece.meant.is_some());
        n_sure += usize::from(piece.sure);
        n_plain += usize::from(piece.meant.is_none());
    });
    let all = n_sequences >= 3 && n_plain == 0;
    if n_sure == 0 && !all {
        return;
    }
    for_pieces(line, |at, piece| {
        if let Some(meant) = piece.meant.filter(|_| piece.sure || all) {
            out.push_str(&text[*copied..start + at]);
            out.push(meant);
            *copied = start + at + piece.n_bytes;
        }
    });
}

fn for_pieces(line: &str, mut f: impl FnMut(usize, Piece)) {
    let mut at = 0;
    let mut before = ' ';
    while let Some(c) = line[at..].chars().next() {
        let piece = if c.is_ascii() { None } else { Some(piece(&line[at..], c, before)) };
        let n_bytes = piece.as_ref().map_or(c.len_utf8(), |piece| piece.n_bytes);
        if let Some(piece) = piece {
            f(at, piece);
        }
        at += n_bytes;
        before = c;
    }
}

/// The piece that `rest` begins with; `c` is its first character.
fn piece(rest: &str, c: char, before: char) -> Piece {
    let alone = Piece { n_bytes: c.len_utf8(), meant: None, sure: false };
    let n_units = match c {
        '\u{C2}'..='\u{DF}' => 2,
        '\u{E0}'..='\u{EF}' => 3,
        '\u{F0}'..='\u{F4}' => 4,
        _ => return alone,
    };
    let mut bytes = [0_u8; 4];
    let mut n_bytes = 0;
    let mut n_read = 0;
    for (unit, slot) in rest.chars().zip(bytes.iter_mut()).take(n_units) {
        let Some(byte) = byte_of(unit) else { return alone };
        *slot = byte;
        n_bytes += unit.len_utf8();
        n_read += 1;
    }
    let meant = std::str::from_utf8(&bytes[..n_read]).ok().and_then(|s| s.chars().next());
    match meant {
        Some(meant) if n_read == n_units => Piece { n_bytes, meant: Some(meant), sure: is_sure(bytes, before) },
        _ => alone,
    }
}

/// Whether no language writes the characters that windows-1252 shows for these bytes after `before`.
fn is_sure(bytes: [u8; 4], before: char) -> bool {
    match bytes[0] {
        // `Ã` and `Â` end words in capitals (Portuguese, Romanian), where a quotation mark or dash may follow.
        0xC2 | 0xC3 => !(before.is_uppercase() && matches!(bytes[1], 0x80..=0x9F | 0xBB)),
        0xE2 => matches!(bytes[1], 0x80..=0x9F),
        0xEF => matches!(bytes[1], 0xBB..=0xBF),
        0xF0 => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(text: &str) -> String {
        repair(text, Repair::default()).into_owned()
    }

    /// Reads UTF-8 as windows-1252, with Latin-1 for its five gaps.
    fn scrambled(text: &str) -> String {
        text.bytes().map(|b| if (0x80..0xA0).contains(&b) { CP1252[b as usize - 0x80] } else { b as char }).collect()
    }

    #[test]
    fn mojibake_of_many_scripts_comes_back() {
        // Expectations by construction: the round trip that ftfy undoes.
        for text in [
            "It’s “quoted” — really…",
            "café, naïve, Zoë",
            "Привет, мир",
            "日本語のテキスト",
            "Ελληνικά",
            "😀 smile",
            "שלום עולם",
            "Größe über alles",
            "Łódź, żółw i gęś",
        ] {
            assert_eq!(mended(&scrambled(text)), text, "{}", scrambled(text));
            assert_eq!(mended(&scrambled(&scrambled(text))), text, "twice");
        }
    }

    #[test]
    fn good_text_is_left_alone_and_borrowed() {
        for text in [
            "",
            "plain",
            "café",
            "NÃO",
            "IRMÃ”",
            "MANHÃ–TARDE",
            "«olá»…",
            "voilà…",
            "Âge d’or",
            "Россия",
            "日本語",
            "ＡＢＣ",
            "ÀÉÎÕÜ",
            "Đặng Thị Ngọc Thịnh",
            "3 €–5 €",
            "L’Été à Paris",
            "±5 °C",
            "CAFÉ®",
        ] {
            assert!(matches!(repair(text, Repair::default()), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn mixed_text_is_mended_where_it_is_sure() {
        assert_eq!(mended("日本 donâ€™t"), "日本 don’t");
        assert_eq!(mended("a\u{FEFF}b\0c\u{93}d\u{94}\r\ne\rf"), "abc“d”\ne\nf");
    }

    #[test]
    fn each_mend_can_be_left_out() {
        let off = Repair { mojibake: false, nfc: false, control: false };
        for text in ["donâ€™t", "e\u{301}", "a\0b"] {
            assert_eq!(repair(text, off), text);
        }
        assert_eq!(mended("e\u{301}"), "é");
    }
}
