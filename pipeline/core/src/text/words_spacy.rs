//! Words of spaCy's blank English pipeline, as datatrove uses them.
//!
//! A text is cut at white space into chunks. Each chunk loses what its list of exceptions or the affix rules cut off;
//! the middle stays whole if it has the shape of a URL and is cut at infixes otherwise. Punctuation marks are words of
//! their own, `don't` is two. Nothing is normalised and nothing is dropped but white space.
//!
//! spaCy runs four regular expressions over each chunk; here the usual chunk, ASCII letters with perhaps one mark
//! behind them, takes one scan and one look-up, and only the others go through the rules. Time is linear in the text.
//!
//! Source: the algorithm and the rule data of spaCy 3.8 (`Tokenizer`, language `en`); tokens are stripped and empty
//! ones dropped as in datatrove 0.10, `SpaCyTokenizer.word_tokenize`, which tokenizes a text of any length in one go.

mod exceptions;
mod rejoin;
mod rules;
mod url;

use super::lines::python_space_len;
use exceptions::Exceptions;
use rejoin::Patterns;
use rules::{SUFFIX, class_of, for_each_infix, prefix_len, suffix_len};

/// What the scan knows of a byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Byte {
    Letter,
    Space,
    /// A digit, a mark, a control character or a byte of a character that is no white space.
    Other,
    /// First byte of a character that may be white space.
    MaybeSpace,
}

const BYTES: [Byte; 256] = classify_bytes();

const fn classify_bytes() -> [Byte; 256] {
    let mut table = [Byte::Other; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = match i as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => Byte::Letter,
            b'\t'..=b'\r' | 0x1c..=b' ' => Byte::Space,
            0xc2 | 0xe1 | 0xe2 | 0xe3 => Byte::MaybeSpace,
            _ => Byte::Other,
        };
        i += 1;
    }
    table
}

/// The words of `text`, in order.
pub(crate) fn words(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut words = Vec::with_capacity(text.len() / 5);
    let mut cutter = Cutter::english();
    let mut needs_rejoining = false;
    let mut at = 0;
    while at < bytes.len() {
        let space_len = python_space_len(bytes, at);
        if space_len > 0 {
            at += space_len;
            continue;
        }
        let letters_end = skip_letters(bytes, at);
        let end = chunk_end(bytes, letters_end);
        let chunk = &text[at..end];
        let is_cut = match end - letters_end {
            0 => cutter.push_letters(chunk, &mut words),
            1 => cutter.push_letters_and_mark(chunk, &mut words),
            _ => false,
        };
        if !is_cut {
            needs_rejoining |= cutter.cut(chunk, &mut words);
        }
        at = end;
    }
    if needs_rejoining { Patterns::english().rejoin(text, &words) } else { words }
}

fn skip_letters(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|&b| BYTES[usize::from(b)] != Byte::Letter).map_or(bytes.len(), |n| from + n)
}

/// Where the chunk that holds the byte at `from` ends: at white space or at the end of the text.
fn chunk_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        match BYTES[usize::from(byte)] {
            Byte::Space => break,
            Byte::MaybeSpace if python_space_len(bytes, at) > 0 => break,
            _ => at += 1,
        }
    }
    at
}

/// Byte offset of `word`, a slice of `text`.
pub(crate) fn offset_in(text: &str, word: &str) -> usize {
    word.as_ptr() as usize - text.as_ptr() as usize
}

/// Whether spaCy makes a token of the white space between two words: of all but one plain space.
pub(crate) fn gap_has_token(gap: &str) -> bool {
    !matches!(gap, "" | " ")
}

/// Cuts chunks; keeps its scratch space between them.
struct Cutter<'a> {
    exceptions: Option<&'static Exceptions>,
    suffixes: Vec<&'a str>,
}

impl<'a> Cutter<'a> {
    fn english() -> Self {
        Self { exceptions: Some(Exceptions::english()), suffixes: Vec::new() }
    }

    /// Knows the rules only; for finding out what they would make of an exception.
    fn without_exceptions() -> Self {
        Self { exceptions: None, suffixes: Vec::new() }
    }

    fn is_exception(&self, chunk: &str) -> bool {
        self.exceptions.is_some_and(|exceptions| exceptions.get(chunk).is_some())
    }

    /// Takes a chunk of ASCII letters; false if it is an exception.
    fn push_letters(&self, chunk: &'a str, words: &mut Vec<&'a str>) -> bool {
        let is_word = !self.is_exception(chunk);
        if is_word {
            words.push(chunk);
        }
        is_word
    }

    /// Takes a chunk of ASCII letters and one more ASCII character if the rules for it are simple; false if not.
    fn push_letters_and_mark(&self, chunk: &'a str, words: &mut Vec<&'a str>) -> bool {
        let Some((stem, mark)) = chunk.split_at_checked(chunk.len() - 1) else { return false };
        let is_stop = mark == ".";
        let is_suffix = mark.chars().all(|c| class_of(c) & SUFFIX != 0);
        if stem.is_empty() || !(is_stop || is_suffix) || self.is_exception(chunk) || self.is_exception(stem) {
            return false;
        }
        if is_stop && suffix_len(chunk) == 0 {
            words.push(chunk);
        } else {
            words.extend([stem, mark]);
        }
        true
    }

    /// Cuts any chunk. True if the words hold an exception that was cut apart and may have to be joined again.
    fn cut(&mut self, chunk: &'a str, words: &mut Vec<&'a str>) -> bool {
        if self.push_exception(chunk, words) {
            return false;
        }
        let first = words.len();
        let middle = self.cut_affixes(chunk, words);
        if !middle.is_empty() && !self.push_exception(middle, words) {
            push_middle(middle, words);
        }
        words.extend(self.suffixes.drain(..).rev());
        self.exceptions.is_some() && Patterns::english().would_change(&words[first..])
    }

    /// Takes a chunk that is an exception; false if it is none.
    fn push_exception(&self, chunk: &'a str, words: &mut Vec<&'a str>) -> bool {
        let exception = self.exceptions.and_then(|exceptions| exceptions.get(chunk));
        exception.map(|exception| words.extend(exception.pieces(chunk))).is_some()
    }

    /// Takes prefixes and lays suffixes aside, the outermost first, until no rule applies or an exception is left.
    fn cut_affixes(&mut self, chunk: &'a str, words: &mut Vec<&'a str>) -> &'a str {
        let mut rest = chunk;
        while !rest.is_empty() && !self.is_exception(rest) {
            let (prefix, after) = rest.split_at(prefix_len(rest));
            if !prefix.is_empty() && self.is_exception(after) {
                words.push(prefix);
                return after;
            }
            let (before, suffix) = rest.split_at(rest.len() - suffix_len(after));
            if !suffix.is_empty() && self.is_exception(before) {
                self.suffixes.push(suffix);
                return before;
            }
            if prefix.is_empty() && suffix.is_empty() {
                break;
            }
            if !prefix.is_empty() {
                words.push(prefix);
            }
            if !suffix.is_empty() {
                self.suffixes.push(suffix);
            }
            rest = &before[prefix.len()..];
        }
        rest
    }
}

/// Takes what the affixes left: whole if it is a URL, else cut at infixes. An infix in front stays where it is.
fn push_middle<'a>(middle: &'a str, words: &mut Vec<&'a str>) {
    if url::is_url(middle) {
        words.push(middle);
        return;
    }
    let mut start = 0;
    for_each_infix(middle, |infix_start, infix_end| {
        if infix_start == 0 {
            return;
        }
        if infix_start > start {
            words.push(&middle[start..infix_start]);
        }
        words.push(&middle[infix_start..infix_end]);
        start = infix_end;
    });
    if start < middle.len() {
        words.push(&middle[start..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_spacy() {
        // Expectations: datatrove 0.10.1, SpaCyTokenizer("en").word_tokenize with spaCy 3.8.18.
        let expectations: &[(&str, &[&str])] = &[
            ("", &[]),
            ("   ", &[]),
            ("Hello, world!", &["Hello", ",", "world", "!"]),
            (
                "Don't panic; it's 5km away (really).",
                &["Do", "n't", "panic", ";", "it", "'s", "5", "km", "away", "(", "really", ")", "."],
            ),
            (
                "Mr. O'Neil can't've paid US$5.50 at 10am.",
                &["Mr.", "O'Neil", "ca", "n't", "'ve", "paid", "US$", "5.50", "at", "10", "am", "."],
            ),
            ("the U.S. and the U.S.A., etc.", &["the", "U.S.", "and", "the", "U.S.A.", ",", "etc", "."]),
            (
                "e.g. NASA. Ab. AB. a.B end.Start",
                &["e.g.", "NASA", ".", "Ab", ".", "AB", ".", "a.", "B", "end", ".", "Start"],
            ),
            (
                "see http://example.com/a,b?c=d or mail me@example.org.",
                &["see", "http://example.com/a,b?c=d", "or", "mail", "me@example.org", "."],
            ),
            (
                "well-known 1-2 5--a re--do --- a/b and/or",
                &[
                    "well", "-", "known", "1", "-", "2", "5", "-", "-a", "re", "--", "do", "---", "a", "/", "b",
                    "and/or",
                ],
            ),
            ("wow!!! :-) :) foo:) (^_^) <3", &["wow", "!", "!", "!", ":-)", ":)", "foo", ":)", "(^_^)", "<3"]),
            (
                "“Quoted,” she said… really…… no..",
                &["“", "Quoted", ",", "”", "she", "said", "…", "really", "……", "no", ".."],
            ),
            (
                "it’s John’s I’d dogs' goin' 'cause",
                &["it", "’s", "John", "’s", "I", "’d", "dogs", "'", "goin'", "'cause"],
            ),
            (
                "ill its shell were Im dont dont.",
                &["ill", "its", "shell", "were", "I", "m", "do", "nt", "do", "nt", "."],
            ),
            (
                "5°C. 100% $5 €5 5€ 20kg. 3m²",
                &["5", "°", "C", ".", "100", "%", "$", "5", "€", "5", "5", "€", "20", "kg", ".", "3", "m²"],
            ),
            ("emoji😀here 中文，日本語。 ไทย", &["emoji", "😀", "here", "中文，日本語", "。", "ไทย"]),
            ("a\u{a0}b\u{3000}c\u{2028}d\u{1c}e", &["a", "b", "c", "d", "e"]),
            (
                "NUL\u{0}byte _under_ snake_case #tag @user",
                &["NUL\u{0}byte", "_", "under", "_", "snake_case", "#", "tag", "@user"],
            ),
            ("foo-Mr. bar-a. (it's) Mr .", &["foo", "-", "Mr.", "bar", "-", "a.", "(", "it", "'s", ")", "Mr", "."]),
            ("(foo): )", &["(", "foo", "):", ")"]),
            ("a:):)b ((:) ", &["a:):)b", "(", "(:", ")"]),
        ];
        for (text, expected) in expectations {
            assert_eq!(words(text), *expected, "{text}");
        }
    }

    #[test]
    fn usual_chunks_are_cut_as_the_rules_would() {
        // The short cuts for letters, and letters and a mark, against the rules proper.
        for stem in ["a", "A", "ab", "AB", "aB", "Ab", "dont", "Mr", "US", "s", "ill", "goin", "x"] {
            for mark in (0..=127u8).map(char::from).filter(|c| !c.is_ascii_whitespace() && !c.is_control()) {
                let chunk = format!("{stem}{mark}");
                let mut by_rules = Vec::new();
                let must_rejoin = Cutter::english().cut(&chunk, &mut by_rules);
                assert!(!must_rejoin, "{chunk}");
                assert_eq!(words(&chunk), by_rules, "{chunk}");
            }
        }
    }

    #[test]
    fn nothing_but_white_space_is_lost_and_long_lines_take_linear_time() {
        for unit in ["a", "!", "...", "a,", "a.b@", "…", "😀", "中", "it's", ":)(", "'", "5-", "\0", "\u{301}", "x.y:)"]
        {
            let text = unit.repeat(1_000_000 / unit.len());
            assert_eq!(words(&text).iter().map(|word| word.len()).sum::<usize>(), text.len(), "{unit}");
        }
        assert_eq!(words(&"    \n".repeat(200_000)), Vec::<&str>::new());
    }
}
