//! The affix rules of spaCy's English tokenizer: what is cut off a chunk's front and back, and out of its middle.
//!
//! spaCy states them as regular expressions. Here they are character classes and a few comparisons, so that the usual
//! word costs two table look-ups. Lengths and positions are in bytes.

use std::sync::LazyLock;

/// A letter of the scripts the rules know.
pub(super) const LETTER: u8 = 1;
/// A lower-case letter, or one of a script without case.
pub(super) const LOWER: u8 = 1 << 1;
/// An upper-case letter, or one of a script without case.
pub(super) const UPPER: u8 = 1 << 2;
/// A quotation mark or bracket-like quote.
const QUOTE: u8 = 1 << 3;
/// An emoji, dingbat or another symbol.
const ICON: u8 = 1 << 4;
/// Cut off in front.
const PREFIX: u8 = 1 << 5;
/// Cut off at the end.
pub(super) const SUFFIX: u8 = 1 << 6;
/// A final full stop after this one is cut off.
const BEFORE_STOP: u8 = 1 << 7;

/// Longest unit or currency sign that is cut off after a digit, in characters.
const MAX_UNIT_CHARS: usize = 5;

const ASCII: [u8; 128] = ascii_classes();

static CLASSES: LazyLock<Classes> = LazyLock::new(|| Classes::parse(include_str!("char_classes.txt")));

struct Classes {
    /// One entry per code point below U+10000.
    basic_plane: Vec<u8>,
    /// First and last code point and classes, sorted, above U+FFFF.
    beyond: Vec<(u32, u32, u8)>,
}

impl Classes {
    fn parse(source: &str) -> Self {
        let mut classes = Self { basic_plane: vec![0; 0x1_0000], beyond: Vec::new() };
        for line in source.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split_ascii_whitespace();
            let mask = fields.next().map_or(0, class_mask);
            for (first, last, step) in fields.filter_map(parse_range) {
                if first > 0xffff {
                    classes.beyond.push((first, last, mask));
                } else {
                    (first..=last).step_by(step).for_each(|c| classes.basic_plane[c as usize] |= mask);
                }
            }
        }
        classes.beyond.sort_unstable();
        classes
    }

    fn of(&self, c: u32) -> u8 {
        if let Some(&mask) = self.basic_plane.get(c as usize) {
            return mask;
        }
        let after = self.beyond.partition_point(|&(first, ..)| first <= c);
        match after.checked_sub(1).and_then(|i| self.beyond.get(i)) {
            Some(&(_, last, mask)) if c <= last => mask,
            _ => 0,
        }
    }
}

/// The bits of a word such as `alp`, as the head of the data file explains it.
fn class_mask(letters: &str) -> u8 {
    letters.bytes().fold(0, |mask, letter| {
        mask | match letter {
            b'a' => LETTER,
            b'l' => LOWER,
            b'u' => UPPER,
            b'q' => QUOTE,
            b'i' => ICON,
            b'p' => PREFIX,
            b's' => SUFFIX,
            b'd' => BEFORE_STOP,
            _ => 0,
        }
    })
}

/// `41`, `41-5A` or `100-17E/2` as first, last and step.
fn parse_range(field: &str) -> Option<(u32, u32, usize)> {
    let (range, step) = field.split_once('/').map_or((field, 1), |(range, _)| (range, 2));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    Some((u32::from_str_radix(first, 16).ok()?, u32::from_str_radix(last, 16).ok()?, step))
}

const fn ascii_classes() -> [u8; 128] {
    let mut table = [0; 128];
    let mut i = 0u8;
    while i < 128 {
        table[i as usize] = match i {
            b'a'..=b'z' => LETTER | LOWER | BEFORE_STOP,
            b'A'..=b'Z' => LETTER | UPPER,
            b'0'..=b'9' | b'-' | b'|' => BEFORE_STOP,
            b'"' | b'\'' | b',' | b'`' => QUOTE | PREFIX | SUFFIX | BEFORE_STOP,
            b'!' | b'#' | b'&' | b'(' | b')' | b'*' | b':' | b';' | b'<' | b'>' => PREFIX | SUFFIX | BEFORE_STOP,
            b'?' | b'[' | b']' | b'_' | b'{' | b'}' => PREFIX | SUFFIX | BEFORE_STOP,
            b'%' | b'+' => PREFIX | BEFORE_STOP,
            b'$' | b'=' => PREFIX,
            _ => 0,
        };
        i += 1;
    }
    table
}

/// The classes of a character.
pub(super) fn class_of(c: char) -> u8 {
    ASCII.get(c as usize).copied().unwrap_or_else(|| CLASSES.of(c as u32))
}

fn is(c: Option<char>, classes: u8) -> bool {
    c.is_some_and(|c| class_of(c) & classes != 0)
}

fn is_letter_or_digit(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_ascii_digit() || class_of(c) & LETTER != 0)
}

/// Length of what is cut off in front; 0 if nothing is.
pub(super) fn prefix_len(chunk: &str) -> usize {
    let bytes = chunk.as_bytes();
    match bytes {
        [b'+', next, ..] if next.is_ascii_digit() => 0,
        [b'.', b'.', ..] => leading_stops(bytes),
        [b'U', b'S', b'$', ..] => 3,
        [b'C' | b'A', b'$', ..] => 2,
        _ => chunk.chars().next().filter(|&c| class_of(c) & PREFIX != 0).map_or(0, char::len_utf8),
    }
}

/// Length of what is cut off at the end; 0 if nothing is. Of several rules, the longest piece wins.
pub(super) fn suffix_len(chunk: &str) -> usize {
    let mut back = chunk.chars().rev();
    let Some(last) = back.next() else { return 0 };
    let before = back.next();
    let by_sign = match last {
        '.' => return stop_suffix_len(chunk),
        '…' if before == Some('…') => 2 * '…'.len_utf8(),
        's' | 'S' if matches!(before, Some('\'' | '’')) => 1 + before.map_or(0, char::len_utf8),
        '+' if before.is_some_and(|c| c.is_ascii_digit()) => 1,
        _ if class_of(last) & SUFFIX != 0 => last.len_utf8(),
        _ => 0,
    };
    by_sign.max(unit_suffix_len(chunk))
}

/// The suffix of a chunk that ends in a full stop.
fn stop_suffix_len(chunk: &str) -> usize {
    let n_stops = chunk.bytes().rev().take_while(|&b| b == b'.').count();
    if n_stops > 1 {
        return n_stops;
    }
    let mut back = chunk.chars().rev().skip(1);
    let (before, second) = (back.next(), back.next());
    let is_degree = second == Some('°') && matches!(before, Some('F' | 'f' | 'C' | 'c' | 'K' | 'k'));
    usize::from(is(before, BEFORE_STOP) || (is(before, UPPER) && is(second, UPPER)) || is_degree)
}

/// The suffix of a chunk that ends in a digit and a unit or currency.
fn unit_suffix_len(chunk: &str) -> usize {
    let mut len = 0;
    for (n_chars, c) in chunk.chars().rev().take(MAX_UNIT_CHARS + 1).enumerate() {
        if c.is_ascii_digit() {
            let unit = &chunk[chunk.len() - len..];
            return if n_chars > 0 && (is_unit(unit) || is_currency(unit)) { len } else { 0 };
        }
        len += c.len_utf8();
    }
    0
}

fn is_currency(sign: &str) -> bool {
    match sign {
        "$" | "US$" | "C$" | "A$" | "£" | "¥" | "฿" | "﷼" => true,
        _ => matches!(sign.chars().next(), Some('₠'..='₿') if sign.len() == '₠'.len_utf8()),
    }
}

fn is_unit(unit: &str) -> bool {
    matches!(
        unit,
        "km" | "km²"
            | "km³"
            | "m"
            | "m²"
            | "m³"
            | "dm"
            | "dm²"
            | "dm³"
            | "cm"
            | "cm²"
            | "cm³"
            | "mm"
            | "mm²"
            | "mm³"
            | "ha"
            | "µm"
            | "nm"
            | "yd"
            | "in"
            | "ft"
            | "kg"
            | "g"
            | "mg"
            | "µg"
            | "t"
            | "lb"
            | "oz"
            | "m/s"
            | "km/h"
            | "kmh"
            | "mph"
            | "hPa"
            | "Pa"
            | "mbar"
            | "mb"
            | "MB"
            | "kb"
            | "KB"
            | "gb"
            | "GB"
            | "tb"
            | "TB"
            | "T"
            | "G"
            | "M"
            | "K"
            | "%"
            | "км"
            | "км²"
            | "км³"
            | "м"
            | "м²"
            | "м³"
            | "дм"
            | "дм²"
            | "дм³"
            | "см"
            | "см²"
            | "см³"
            | "мм"
            | "мм²"
            | "мм³"
            | "нм"
            | "кг"
            | "г"
            | "мг"
            | "м/с"
            | "км/ч"
            | "кПа"
            | "Па"
            | "мбар"
            | "Кб"
            | "КБ"
            | "кб"
            | "Мб"
            | "МБ"
            | "мб"
            | "Гб"
            | "ГБ"
            | "гб"
            | "Тб"
            | "ТБ"
            | "тбكم"
            | "كم²"
            | "كم³"
            | "م"
            | "م²"
            | "م³"
            | "سم"
            | "سم²"
            | "سم³"
            | "مم"
            | "مم²"
            | "مم³"
            | "كم"
            | "غرام"
            | "جرام"
            | "جم"
            | "كغ"
            | "ملغ"
            | "كوب"
            | "اكواب"
    )
}

fn leading_stops(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&b| b == b'.').count()
}

/// Calls `take` with start and end of each piece that is cut out of the middle, in order, none overlapping.
pub(super) fn for_each_infix(chunk: &str, mut take: impl FnMut(usize, usize)) {
    let bytes = chunk.as_bytes();
    let mut before: Option<char> = None;
    let mut at = 0;
    while let Some(c) = chunk[at..].chars().next() {
        let rest = &bytes[at..];
        let len = if c.is_ascii_alphanumeric() { 0 } else { infix_len(c, before, rest, &chunk[at..]) };
        if len > 0 {
            take(at, at + len);
        }
        let step = len.max(c.len_utf8());
        before = if step == c.len_utf8() { Some(c) } else { chunk[..at + step].chars().next_back() };
        at += step;
    }
}

/// Length of the infix that starts with `c` at the start of `rest`; 0 if there is none.
fn infix_len(c: char, before: Option<char>, bytes: &[u8], rest: &str) -> usize {
    let next = || rest.chars().nth(1);
    match c {
        '.' => match leading_stops(bytes) {
            1 => usize::from(is(before, LOWER | QUOTE) && is(next(), UPPER | QUOTE)),
            n_stops => n_stops,
        },
        '+' | '-' | '*' | '^' if before.is_some_and(|c| c.is_ascii_digit()) && is_digit_or_hyphen(bytes.get(1)) => 1,
        ',' => usize::from(is(before, LETTER) && is(next(), LETTER)),
        '-' | '–' | '—' | '~' if is_letter_or_digit(before) => hyphen_len(c, rest),
        ':' | '<' | '>' | '=' | '/' => usize::from(is_letter_or_digit(before) && is(next(), LETTER)),
        '…' => c.len_utf8(),
        _ if class_of(c) & ICON != 0 => c.len_utf8(),
        _ => 0,
    }
}

fn is_digit_or_hyphen(byte: Option<&u8>) -> bool {
    byte.is_some_and(|b| b.is_ascii_digit() || *b == b'-')
}

/// Length of the hyphens (at most three `-`, two `—`, one of the others) that stand right before a letter.
fn hyphen_len(hyphen: char, rest: &str) -> usize {
    let n_max = match hyphen {
        '-' => 3,
        '—' => 2,
        _ => 1,
    };
    let n_hyphens = rest.chars().take(n_max).take_while(|&c| c == hyphen).count();
    if is(rest.chars().nth(n_hyphens), LETTER) { n_hyphens * hyphen.len_utf8() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_of_the_data_file_is_read() {
        let source = include_str!("char_classes.txt");
        for line in source.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split(' ');
            assert!(fields.next().is_some_and(|letters| class_mask(letters).count_ones() as usize == letters.len()));
            assert!(fields.all(|field| parse_range(field).is_some()), "{line}");
        }
    }

    #[test]
    fn classes_have_the_sizes_of_the_character_classes() {
        // Counted with Python's re over all code points, classes of spaCy 3.8.18.
        let n = |mask| (0..=0x10_ffff).filter_map(char::from_u32).filter(|&c| class_of(c) & mask != 0).count();
        assert_eq!([n(LETTER), n(LOWER), n(UPPER), n(QUOTE)], [105_724, 105_177, 104_939, 31]);
        // Prefixes without '+' rule's condition; suffixes that need no look-behind; what may stand before a full stop.
        assert_eq!([n(ICON), n(PREFIX), n(SUFFIX), n(BEFORE_STOP)], [5_984, 6_092, 6_051, 105_241]);
    }

    #[test]
    fn affixes() {
        // Expectations: find_prefix and find_suffix of spaCy 3.8.18, in bytes.
        for (chunk, len) in [("", 0), ("+1", 0), ("+a", 1), ("..a", 2), (".a", 0), ("US$5", 3), ("USD", 0), ("“a", 3)]
        {
            assert_eq!(prefix_len(chunk), len, "{chunk}");
        }
        for (chunk, len) in
            [("", 0), ("a.", 1), ("A.", 0), ("AB.", 1), ("a...", 3), ("5km/h", 4), ("5US$", 3), ("km", 0)]
        {
            assert_eq!(suffix_len(chunk), len, "{chunk}");
        }
        for (chunk, len) in [("dog’s", 4), ("100%", 1), ("5+", 1), ("a+", 0), ("a……", 6), ("5°C.", 1), ("1m²", 3)]
        {
            assert_eq!(suffix_len(chunk), len, "{chunk}");
        }
    }
}
