//! Lines and paragraphs, in the ways the field cuts them.
//!
//! `split("\n")`, `splitlines()` and "runs of newlines" give different counts for the same page, so each has its own
//! function and an operator names the one it reproduces. White space here is Python's `str.isspace()`, which has four
//! control characters (U+001C to U+001F) more than Rust's.

/// Whether Python's `str.isspace()` holds for `c`.
pub fn is_python_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// The text without white space at both ends, as Python's `str.strip()`.
pub fn python_strip(text: &str) -> &str {
    text.trim_matches(is_python_space)
}

/// Number of bytes of the white-space character that starts at `at`; 0 if there is none.
pub(crate) fn python_space_len(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..) {
        Some([b'\t'..=b'\r' | 0x1c..=b' ', ..]) => 1,
        Some([0xc2, 0x85 | 0xa0, ..]) => 2,
        Some([0xe1, 0x9a, 0x80, ..] | [0xe2, 0x80, 0x80..=0x8a | 0xa8 | 0xa9 | 0xaf, ..]) => 3,
        Some([0xe2, 0x81, 0x9f, ..] | [0xe3, 0x80, 0x80, ..]) => 3,
        _ => 0,
    }
}

/// The lines of Python's `str.splitlines()`: eleven kinds of line break, none kept, no empty line after the last one.
pub fn split_lines(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut lines = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < bytes.len() {
        let break_len = match bytes[at] {
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => 2,
            b'\n'..=b'\r' | 0x1c..=0x1e => 1,
            0xc2 if bytes.get(at + 1) == Some(&0x85) => 2,
            0xe2 if bytes.get(at + 1) == Some(&0x80) && matches!(bytes.get(at + 2), Some(0xa8 | 0xa9)) => 3,
            _ => 0,
        };
        if break_len == 0 {
            at += 1;
            continue;
        }
        lines.push(&text[start..at]);
        at += break_len;
        start = at;
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

/// The pieces between runs of at least `min_newlines` newlines, empty first and last pieces included
/// (Python's `re.split("\n{min,}", text)`).
pub fn split_newline_runs(text: &str, min_newlines: usize) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(found) = memchr::memchr(b'\n', &bytes[at..]) {
        let run_start = at + found;
        let run_len = bytes[run_start..].iter().take_while(|&&b| b == b'\n').count();
        at = run_start + run_len;
        if run_len >= min_newlines {
            pieces.push(&text[start..run_start]);
            start = at;
        }
    }
    pieces.push(&text[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_lines_as_python_does() {
        // Expectations: CPython 3.11, str.splitlines().
        assert_eq!(split_lines(""), Vec::<&str>::new());
        assert_eq!(split_lines("\n"), [""]);
        assert_eq!(split_lines("a\n"), ["a"]);
        assert_eq!(split_lines("a\r\nb\rc\n\nd"), ["a", "b", "c", "", "d"]);
        assert_eq!(
            split_lines("a\u{b}b\u{c}c\u{1c}d\u{1d}e\u{1e}f\u{85}g\u{2028}h\u{2029}i\u{1f}j"),
            ["a", "b", "c", "d", "e", "f", "g", "h", "i\u{1f}j"]
        );
        assert_eq!(split_lines("é\u{a0}…\u{2027}"), ["é\u{a0}…\u{2027}"]);
    }

    #[test]
    fn splits_newline_runs_as_python_does() {
        // Expectations: CPython 3.11, re.split.
        assert_eq!(split_newline_runs("", 1), [""]);
        assert_eq!(split_newline_runs("\na\n\n\nb\n", 1), ["", "a", "b", ""]);
        assert_eq!(split_newline_runs("a\nb\n\nc\n\n\n\nd", 2), ["a\nb", "c", "d"]);
    }

    #[test]
    fn space_is_the_same_by_character_and_by_bytes() {
        // CPython 3.11: 29 characters for which str.isspace() holds.
        let spaces = (0..=0x10_ffff).filter_map(char::from_u32).filter(|&c| is_python_space(c)).count();
        assert_eq!(spaces, 29);
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let text = c.to_string();
            let expected = if is_python_space(c) { text.len() } else { 0 };
            assert_eq!(python_space_len(text.as_bytes(), 0), expected, "{c:?}");
        }
        assert_eq!(python_strip(" \u{1f}\u{3000}a b\u{a0}\n"), "a b");
    }
}
