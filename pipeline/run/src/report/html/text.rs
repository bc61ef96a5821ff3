//! Text on its way into a page: escaped, cut, with nothing invisible left in it.
//!
//! Text from data can hold anything: markup, marks that turn the order of letters around, nulls, a megabyte in a line.
//! All of it is shown as text. What has no glyph is written as one: C0 controls as the pictures Unicode has for them
//! (U+2400 on), every other control, direction mark, zero-width space, tag and non-character as its number, ⟦U+202E⟧.
//! Zero-width joiners stay: words of Persian and Hindi, and emoji, need them.
//! Source: Boucher and Anderson, Trojan Source, arXiv:2111.00169, for the marks that reorder; WHATWG HTML 13.2.6 for
//! the characters a parser refuses.

use std::fmt::Write;

/// Writes text so that it stands for itself in an element or in a quoted attribute.
pub(super) fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\0'..='\u{1f}' => out.extend(char::from_u32(0x2400 + c as u32)),
            '\u{7f}' => out.push('\u{2421}'),
            c if has_no_glyph(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "⟦U+{:04X}⟧", c as u32);
            }
            c => out.push(c),
        }
    }
}

/// Whether a character is shown by its number, because a reader would not see it or it would reorder what follows.
fn has_no_glyph(c: char) -> bool {
    matches!(
        c,
        '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    ) || (c as u32 & 0xfffe) == 0xfffe
}

/// About how many letters' room a character takes once it is escaped, for drawings whose text cannot wrap.
pub(crate) fn columns(c: char) -> usize {
    match c {
        c if has_no_glyph(c) => 8,
        c if c.is_ascii() => 1,
        _ => 2,
    }
}

/// The beginning of a text, at most `chars` characters of it, and how many characters were cut off.
pub(super) fn cut(text: &str, chars: usize) -> (&str, u64) {
    match text.char_indices().nth(chars) {
        None => (text, 0),
        Some((end, _)) => (&text[..end], text[end..].chars().count() as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        escape(&mut out, text);
        out
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(
            escaped(r#"</p><script>alert('x')</script>&amp;""#),
            "&lt;/p&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;&quot;"
        );
    }

    #[test]
    fn what_has_no_glyph_is_named() {
        assert_eq!(escaped("a\0b\r\u{1b}[0m\u{7f}"), "a␀b␍␛[0m␡");
        assert_eq!(escaped("user\u{202e}txt.exe\u{2066}"), "user⟦U+202E⟧txt.exe⟦U+2066⟧");
        assert_eq!(escaped("\u{feff}\u{200b}\u{ffff}\u{1fffe}\u{e0041}"), "⟦U+FEFF⟧⟦U+200B⟧⟦U+FFFF⟧⟦U+1FFFE⟧⟦U+E0041⟧");
        assert_eq!(escaped("line\n\ttab"), "line\n\ttab");
    }

    #[test]
    fn scripts_that_need_joiners_keep_them() {
        assert_eq!(escaped("می\u{200c}خواهم 👩\u{200d}🚀 שלום"), "می\u{200c}خواهم 👩\u{200d}🚀 שלום");
    }

    #[test]
    fn a_cut_counts_what_is_missing() {
        assert_eq!(cut("", 3), ("", 0));
        assert_eq!(cut("äöü", 3), ("äöü", 0));
        assert_eq!(cut("äöüß€", 3), ("äöü", 2));
        assert_eq!(cut(&"x".repeat(1 << 20), 10).1, (1 << 20) - 10);
    }
}
