//! Flaws that can be seen in the characters of a text: encoding, markup, brackets, loops, cut ends.

use regex::Regex;
use std::sync::LazyLock;

/// The flaws of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Surface {
    /// Holds the replacement character, or UTF-8 read as Latin-1 ("â€™", "Ã©").
    pub has_mojibake: bool,
    /// Holds a zero-width or direction-changing character; the joiner of an emoji does not count.
    pub has_zero_width: bool,
    /// A word mixes Latin letters with Cyrillic or Greek ones.
    pub has_mixed_script: bool,
    /// Holds headings, bullets, bold marks or code fences.
    pub has_markdown: bool,
    /// A code fence or a bracket is not closed, or is closed without having been opened.
    pub is_unbalanced: bool,
    /// Ends without a sign that ends a sentence, a list item or code.
    pub is_cut: bool,
    /// Names a host that is set aside for examples.
    pub has_placeholder_url: bool,
    /// Holds a hole to be filled, such as "[your name]" or "{topic}".
    pub has_placeholder: bool,
}

static MARKDOWN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?m)^ {0,3}#{1,6} \S|^ {0,3}[*+-] \S|^ {0,3}[0-9]{1,3}[.)] \S|\*\*[^*\n]{1,200}\*\*|```")
});
static PLACEHOLDER_URL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?-u:\b)(?:https?://)?(?:www\.)?(?:example\.(?:com|org|net)|yourwebsite\.com|website\.com|domain\.com)(?-u:\b)",
    )
});
static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\[(?:insert|your|name|date|company|city|address|recipient|placeholder|topic|link)(?-u:\b)[^\]\n]{0,60}\]|\{(?:name|topic|input|date|city|text)\}|<(?:noinput|input|your [a-z ]{1,20})>|(?-u:\b)x{5,}(?-u:\b)",
    )
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|_| unreachable!("the patterns are used in tests"))
}

impl Surface {
    /// Looks at a text; linear in its length.
    pub fn of(text: &str) -> Self {
        let is_ascii = text.is_ascii();
        Self {
            has_mojibake: !is_ascii
                && ["\u{fffd}", "â€", "Ã©", "Ã¨", "Ã¼", "Ã¶", "Â "].iter().any(|sign| text.contains(sign)),
            has_zero_width: !is_ascii && has_zero_width(text),
            has_mixed_script: !is_ascii && has_mixed_script(text),
            has_markdown: MARKDOWN.is_match(text),
            is_unbalanced: is_unbalanced(text),
            is_cut: is_cut(text),
            has_placeholder_url: PLACEHOLDER_URL.is_match(text),
            has_placeholder: PLACEHOLDER.is_match(text),
        }
    }
}

fn has_zero_width(text: &str) -> bool {
    let mut last = '\0';
    text.chars().any(|c| {
        let is_emoji_join = c == '\u{200d}' && (last as u32 >= 0x2190 || last == '\u{fe0f}');
        // A zero-width non-joiner belongs to the spelling of Persian and of Indic scripts, a joiner to the latter.
        let is_spelling = matches!(c, '\u{200c}' | '\u{200d}') && ('\u{600}'..='\u{dff}').contains(&last);
        last = c;
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}')
            && !is_emoji_join
            && !is_spelling
    })
}

/// Latin beside Cyrillic or Greek within a run of letters: the homoglyph attack.
fn has_mixed_script(text: &str) -> bool {
    let (mut has_latin, mut has_other) = (false, false);
    text.chars().any(|c| {
        if !c.is_alphabetic() {
            (has_latin, has_other) = (false, false);
        }
        has_latin |= c.is_ascii_alphabetic() || matches!(c, '\u{c0}'..='\u{24f}');
        has_other |= matches!(c, '\u{370}'..='\u{52f}');
        has_latin && has_other
    })
}

/// Fences must be even; the brackets outside smileys and list marks must match. Only round, square and curly ones.
fn is_unbalanced(text: &str) -> bool {
    if text.matches("```").count() % 2 == 1 {
        return true;
    }
    let mut depth = [0i64; 3];
    let mut last = b' ';
    for byte in text.bytes() {
        let (at, step) = match byte {
            b'(' => (0, 1),
            b')' => (0, -1),
            b'[' => (1, 1),
            b']' => (1, -1),
            b'{' => (2, 1),
            b'}' => (2, -1),
            _ => {
                last = byte;
                continue;
            }
        };
        // "1)", "a)" and ":)" close nothing.
        let closes_nothing =
            byte == b')' && depth[0] == 0 && (last.is_ascii_alphanumeric() || matches!(last, b':' | b';' | b'-'));
        let opens_nothing = byte == b'(' && matches!(last, b':' | b';');
        last = byte;
        if closes_nothing || opens_nothing {
            continue;
        }
        depth[at] += step;
        if depth[at] < 0 {
            return true;
        }
    }
    depth.iter().any(|depth| *depth != 0)
}

fn is_cut(text: &str) -> bool {
    let text = text.trim_end();
    let closing = |c: char| matches!(c, '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '*' | '_' | '`');
    match text.trim_end_matches(closing).chars().next_back() {
        None => false,
        Some(last) => {
            let ends_with_mark = matches!(last, '.' | '!' | '?' | '…' | '。' | '！' | '？' | ':' | ';' | '}' | '>');
            // A symbol such as an emoji ends a text too; a letter, a figure or a comma does not.
            !ends_with_mark && (last.is_alphanumeric() || last == ',')
        }
    }
}

/// Share of the words of a text that its tail spends on repeating one run: for the best period up to `max_period`, the words
/// at the end that equal those a period before. 0 where the run is not repeated at least twice.
pub fn tail_loop(words: &[u32], max_period: usize) -> f64 {
    let n = words.len();
    let repeats = |period: usize| {
        let n_equal = (period..n).rev().take_while(|at| words[*at] == words[at - period]).count();
        if n_equal >= 2 * period { n_equal + period } else { 0 }
    };
    let longest = (1..=max_period.min(n / 3)).map(repeats).max().unwrap_or(0);
    if n == 0 { 0.0 } else { longest as f64 / n as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_text_has_no_flaw() {
        for text in [
            "",
            "A sentence (with brackets).",
            "Either 1) one or a) two :).",
            "family 👨\u{200d}👩\u{200d}👧!",
            "می\u{200c}خواهم.",
        ] {
            assert_eq!(Surface::of(text), Surface::default(), "{text}");
        }
    }

    #[test]
    fn flaws_are_seen() {
        assert!(Surface::of("itâ€™s").has_mojibake);
        assert!(Surface::of("a\u{200b}b").has_zero_width);
        assert!(Surface::of("p\u{430}ypal").has_mixed_script);
        assert!(!Surface::of("Привет hello").has_mixed_script);
        assert!(Surface::of("# Title\ntext").has_markdown);
        assert!(Surface::of("- item").has_markdown);
        assert!(
            Surface::of("a (b").is_unbalanced && Surface::of("```x").is_unbalanced && Surface::of("]").is_unbalanced
        );
        assert!(Surface::of("and then he").is_cut && !Surface::of("\"Yes.\"").is_cut && !Surface::of("Yes 😀").is_cut);
        assert!(Surface::of("see www.example.com/x").has_placeholder_url);
        assert!(Surface::of("Dear [Your Name],").has_placeholder);
    }

    #[test]
    fn loops_at_the_end() {
        assert!((tail_loop(&[9, 1, 2, 1, 2, 1, 2], 5) - 6.0 / 7.0).abs() < 1e-12);
        assert_eq!(tail_loop(&[1, 2, 3, 4], 3), 0.0);
        assert_eq!(tail_loop(&[1, 2, 1, 2], 3), 0.0);
        assert_eq!(tail_loop(&[7; 50], 10), 1.0);
        assert_eq!(tail_loop(&[], 10), 0.0);
    }
}
