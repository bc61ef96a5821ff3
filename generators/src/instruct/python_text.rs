//! Texts as CPython treats them, where the released scripts' results depend on it.

use std::fmt::Write;

pub use gristmill_core::measures::words::capitalize;

/// ASCII punctuation, `string.punctuation`.
pub const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// `str.splitlines()`: lines without their ends; no empty line after a final end.
pub fn split_lines(text: &str) -> Vec<&str> {
    let (mut lines, mut start) = (Vec::new(), 0);
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if !matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}') {
            continue;
        }
        lines.push(&text[start..at]);
        if c == '\r' {
            chars.next_if(|(_, next)| *next == '\n');
        }
        start = chars.peek().map_or(text.len(), |(next, _)| *next);
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

/// White space runs as one space, none at the ends: `re.sub(r"\s+", " ", s).strip()`.
pub fn level(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c))
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// `json.dumps` of an object of texts: `", "` and `": "` between, non-ASCII characters as `\u` escapes.
pub fn json_line(fields: &[(&str, &str)]) -> String {
    let mut line = String::from("{");
    for (i, (name, value)) in fields.iter().enumerate() {
        if i > 0 {
            line.push_str(", ");
        }
        escape(name, &mut line);
        line.push_str(": ");
        escape(value, &mut line);
    }
    line.push('}');
    line
}

fn escape(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_cpython_has_it() {
        assert_eq!(split_lines("a\r\nb\n\nc\u{2028}d\n"), ["a", "b", "", "c", "d"]);
        assert_eq!(split_lines(""), Vec::<&str>::new());
        assert_eq!(capitalize("hELLO ÄB"), "Hello äb");
        assert_eq!(level("  a\t\n b "), "a b");
        assert_eq!(json_line(&[("a", "“x” \"y\"\n😀")]), r#"{"a": "\u201cx\u201d \"y\"\n\ud83d\ude00"}"#);
    }
}
