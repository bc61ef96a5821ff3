//! The walk over lines that C4's rules share.
//!
//! C4 judges a page line by line and drops it or keeps the lines that passed. Here that is an annotator (`c4`), which
//! measures, and a transform (`c4_lines`), which rewrites; both see each line through this walk, so they cannot differ.
//!
//! A line is stripped, then: a very long word ends it; citations such as `[1]`, `[edit]` are deleted; it must end in an
//! end mark (not an ellipsis) and have enough words; it must not speak of JavaScript, cookies or terms of use.
//!
//! Source: Raffel et al. 2020, JMLR 21 (20-074), section 2.2, and the code behind C4 (TFDS, `c4_utils.py`).
//! Dialect `datatrove` (version 0.10, `C4QualityFilter`): lines of `splitlines()`, words counted before citations are
//! deleted, at least 3 of them, end marks `.?!"'`. Dialect `dclm` (`c4.yaml`, after TFDS): lines between newlines, words
//! counted after, at least 5, end marks `.?!"`.

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, Span, packed};
use gristmill_core::annotator::ParamDoc;
use gristmill_core::params::{self, ParamError};
use gristmill_core::text::{TextView, is_python_space, python_strip};
use serde::Deserialize;
use serde_json::Value;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::dialect::{DIALECT_PARAM, Dialect};

/// The parameters of `c4` and `c4_lines`; give both the same.
pub(super) const PARAMS: &[ParamDoc] = &[
    DIALECT_PARAM,
    ParamDoc {
        name: "needs_end_mark",
        default: "true",
        about: "whether a line without an end mark goes; FineWeb says false",
    },
    ParamDoc {
        name: "min_line_words",
        default: "3 (datatrove), 5 (dclm)",
        about: "words between white space that a line needs",
    },
    ParamDoc { name: "max_word_chars", default: "1000", about: "a line with a longer word goes" },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    dialect: Dialect,
    #[serde(default = "yes")]
    needs_end_mark: bool,
    min_line_words: Option<usize>,
    #[serde(default = "max_word_chars")]
    max_word_chars: usize,
}

fn yes() -> bool {
    true
}

fn max_word_chars() -> usize {
    1000
}

/// What becomes of a line: the first cause that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    LongWord,
    NoEndMark,
    FewWords,
    Javascript,
    Policy,
}

/// Number of lines of each fate.
#[derive(Debug, Default)]
pub(super) struct Fates([usize; 6]);

impl Fates {
    /// Counts one line.
    pub(super) fn add(&mut self, fate: Fate) {
        self.0[fate as usize] += 1;
    }
    /// How many lines had this fate.
    pub(super) fn of(&self, fate: Fate) -> usize {
        self.0[fate as usize]
    }
    /// How many lines there were.
    pub(super) fn n_lines(&self) -> usize {
        self.0.iter().sum()
    }
}

/// A line that was looked at.
pub(super) struct WalkedLine<'a> {
    /// What is left of it: stripped, without citations.
    pub(super) text: Cow<'a, str>,
    pub(super) fate: Fate,
    pub(super) n_citations: usize,
    /// Whether it says "lorem ipsum"; only looked at in lines with an end mark and enough words.
    pub(super) has_lorem_ipsum: bool,
    /// Whether it has a `{`; only looked at in such lines that do not speak of JavaScript.
    pub(super) has_curly_bracket: bool,
}

/// The rules for one line.
pub(super) struct LineWalk {
    dialect: Dialect,
    needs_end_mark: bool,
    min_line_words: usize,
    max_word_chars: usize,
    phrases: AhoCorasick,
    /// Finds a piece of any phrase, fast; none where the processor has no instructions for it.
    anchors: Option<packed::Searcher>,
}

/// What is looked for in any case of ASCII letters. `cookie` is there twice: the Kelvin sign is an upper-case `k` too.
const PHRASES: [&str; 12] = [
    "lorem ipsum",
    "javascript",
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
    "coo\u{212a}ie policy",
    "uses coo\u{212a}ies",
    "use of coo\u{212a}ies",
    "use coo\u{212a}ies",
];
/// Three bytes of each phrase that few words have; every phrase holds one of them.
const ANCHORS: [&str; 6] = ["psu", "vas", "rms", "icy", "oki", "\u{212a}"];
const LOREM_IPSUM: usize = 0;
const JAVASCRIPT: usize = 1;

impl LineWalk {
    /// Reads the parameters.
    pub(super) fn new(value: &Value) -> Result<Self, ParamError> {
        let params: Params = params::parse(value)?;
        let phrases = AhoCorasick::builder().ascii_case_insensitive(true).build(PHRASES);
        let phrases = phrases.map_err(|error| ParamError { path: Vec::new(), message: error.to_string() })?;
        Ok(Self {
            dialect: params.dialect,
            needs_end_mark: params.needs_end_mark,
            min_line_words: params.min_line_words.unwrap_or(match params.dialect {
                Dialect::Datatrove => 3,
                Dialect::Dclm => 5,
            }),
            max_word_chars: params.max_word_chars,
            phrases,
            anchors: packed::Searcher::new(ANCHORS.iter().flat_map(|anchor| cases_of(anchor))),
        })
    }

    /// Looks at the lines of a text, as the dialect cuts them.
    pub(super) fn walk<'w, 'v, 'a>(
        &'w self,
        view: &'v TextView<'a>,
    ) -> impl Iterator<Item = WalkedLine<'a>> + use<'w, 'v, 'a> {
        let lines = match self.dialect {
            Dialect::Datatrove => view.split_lines(),
            Dialect::Dclm => view.lines(),
        };
        let mut next_anchor = None;
        lines.iter().map(move |line| {
            let start = line.as_ptr() as usize - view.text().as_ptr() as usize;
            let anchor = match next_anchor {
                Some(anchor) if anchor >= start => anchor,
                _ => self.anchor_from(view.text(), start),
            };
            next_anchor = Some(anchor);
            self.look_at(line, anchor < start + line.len())
        })
    }

    /// Where the first piece of a phrase is that begins at `start` or later; the end of the text if there is none.
    fn anchor_from(&self, text: &str, start: usize) -> usize {
        let Some(anchors) = &self.anchors else { return start };
        anchors.find_in(text, Span { start, end: text.len() }).map_or(text.len(), |found| found.start())
    }

    /// Looks at one line, in which there is a piece of a phrase or not.
    fn look_at<'a>(&self, line: &'a str, has_anchor: bool) -> WalkedLine<'a> {
        let line = python_strip(line);
        let mut walked = WalkedLine {
            text: Cow::Borrowed(line),
            fate: Fate::Kept,
            n_citations: 0,
            has_lorem_ipsum: false,
            has_curly_bracket: false,
        };
        if has_long_word(line, self.max_word_chars) {
            walked.fate = Fate::LongWord;
            return walked;
        }
        (walked.text, walked.n_citations) = without_citations(line);
        let counted = if self.dialect == Dialect::Datatrove { line } else { &walked.text };
        if self.needs_end_mark && !self.ends_well(&walked.text) {
            walked.fate = Fate::NoEndMark;
        } else if !has_words(counted, self.min_line_words) {
            walked.fate = Fate::FewWords;
        } else {
            // Deleting a citation may have joined a phrase.
            let may_have_phrase = has_anchor || walked.n_citations > 0;
            self.look_for_what_drops(&mut walked, may_have_phrase);
        }
        walked
    }

    fn ends_well(&self, line: &str) -> bool {
        match line.as_bytes().last() {
            Some(b'?' | b'!' | b'"') => true,
            Some(b'.') => !line.ends_with("..."),
            Some(b'\'') => self.dialect == Dialect::Datatrove,
            _ => false,
        }
    }

    fn look_for_what_drops(&self, line: &mut WalkedLine<'_>, may_have_phrase: bool) {
        let text: &str = &line.text;
        let (mut is_javascript, mut is_policy) = (false, false);
        if may_have_phrase {
            for found in self.phrases.find_overlapping_iter(text) {
                match found.pattern().as_usize() {
                    LOREM_IPSUM => line.has_lorem_ipsum = true,
                    JAVASCRIPT => is_javascript = true,
                    _ => is_policy = true,
                }
            }
        }
        line.has_curly_bracket = !is_javascript && memchr::memchr(b'{', text.as_bytes()).is_some();
        line.fate = match (is_javascript, is_policy) {
            (true, _) => Fate::Javascript,
            (_, true) => Fate::Policy,
            _ => Fate::Kept,
        };
    }
}

/// The word in all spellings with upper- and lower-case letters.
fn cases_of(word: &str) -> Vec<String> {
    let spell = |upper: usize| {
        let letters = word.chars().enumerate();
        letters.map(|(at, c)| if upper >> at & 1 == 1 { c.to_ascii_uppercase() } else { c }).collect()
    };
    (0..1 << word.chars().count()).map(spell).collect()
}

/// Whether the line has at least `min_words` words between white space; reads no further than it must.
fn has_words(line: &str, min_words: usize) -> bool {
    line.split(is_python_space).filter(|word| !word.is_empty()).take(min_words).count() == min_words
}

fn has_long_word(line: &str, max_chars: usize) -> bool {
    // Plain spaces alone rule it out for nearly all long lines, much faster.
    let is_long = |word: &str| word.len() > max_chars && word.chars().count() > max_chars;
    line.len() > max_chars && widest_gap(line) > max_chars && line.split(is_python_space).any(is_long)
}

/// Most bytes between two plain spaces, or between one and an end of the line.
fn widest_gap(line: &str) -> usize {
    let mut from = 0;
    let gaps = memchr::memchr_iter(b' ', line.as_bytes()).chain([line.len()]).map(|at| {
        let gap = at - from;
        from = at + 1;
        gap
    });
    gaps.max().unwrap_or(0)
}

/// The line without `[digits]`, `[]`, `[edit]` and `[citation needed]`, and how many there were.
fn without_citations(line: &str) -> (Cow<'_, str>, usize) {
    let mut left = String::new();
    let (mut n_citations, mut copied_to) = (0, 0);
    for at in memchr::memchr_iter(b'[', line.as_bytes()) {
        if let Some(end) = citation_end(&line[at + 1..]) {
            left.push_str(&line[copied_to..at]);
            copied_to = at + 1 + end;
            n_citations += 1;
        }
    }
    if n_citations == 0 {
        return (Cow::Borrowed(line), 0);
    }
    left.push_str(&line[copied_to..]);
    (Cow::Owned(left), n_citations)
}

/// Where the citation ends whose bracket was opened before `rest`.
fn citation_end(rest: &str) -> Option<usize> {
    for word in ["edit]", "citation needed]"] {
        if rest.starts_with(word) {
            return Some(word.len());
        }
    }
    let after_digits = rest.trim_start_matches(is_digit);
    after_digits.starts_with(']').then(|| rest.len() - after_digits.len() + 1)
}

/// Whether Python's `\d` matches: a decimal digit of any script.
fn is_digit(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_digit() } else { c.general_category() == GeneralCategory::DecimalNumber }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fate(params: &Value, line: &str) -> Fate {
        LineWalk::new(params).unwrap().walk(&TextView::new(line)).next().unwrap().fate
    }

    #[test]
    fn the_first_cause_that_applies_decides() {
        // Expectations: read off C4QualityFilter of datatrove 0.10.1.
        for (line, expected) in [
            (" ", Fate::NoEndMark),
            ("The mill is closed today", Fate::NoEndMark),
            ("The mill is closed...", Fate::NoEndMark),
            ("The mill is closed today.", Fate::Kept),
            ("  'The mill is closed'  ", Fate::Kept),
            ("It closed.", Fate::FewWords),
            ("Please enable JAVAscript to read this.", Fate::Javascript),
            ("See the javascript privacy policy.", Fate::Javascript),
            ("We may use cookies here.", Fate::Policy),
            ("We may USE COO\u{212a}IES here.", Fate::Policy),
            ("The mill is closed.[12]", Fate::Kept),
            ("The mill is closed. [12]", Fate::NoEndMark),
            ("The mill.[1] [2]", Fate::NoEndMark),
            ("mill[1 ].", Fate::FewWords),
        ] {
            assert_eq!(fate(&json!({}), line), expected, "{line}");
        }
        assert_eq!(fate(&json!({"needs_end_mark": false}), "The mill is closed today"), Fate::Kept);
        assert_eq!(fate(&json!({"needs_end_mark": false}), " "), Fate::FewWords);
        assert_eq!(fate(&json!({}), &format!("The {} is closed.", "m".repeat(1001))), Fate::LongWord);
        assert_eq!(fate(&json!({}), &format!("The {} is closed.", "é".repeat(1000))), Fate::Kept);
    }

    #[test]
    fn dclm_asks_for_five_words_and_takes_no_single_quote() {
        // Expectations: c4.yaml of DCLM.
        let params = json!({"dialect": "dclm"});
        assert_eq!(fate(&params, "The mill is closed today'"), Fate::NoEndMark);
        assert_eq!(fate(&params, "The mill is closed."), Fate::FewWords);
        assert_eq!(fate(&params, "The [1] mill is closed."), Fate::FewWords);
        assert_eq!(fate(&params, "The mill is closed today."), Fate::Kept);
    }

    #[test]
    fn deletes_citations_and_nothing_else() {
        // CPython 3.11: re.sub(r"\[\d*]|\[edit]|\[citation needed]", "", line).
        for (line, expected, n) in [
            ("a[1]b[23]c[]d[edit]e[citation needed]f", "abcdef", 5),
            ("[[1]] [ 1] [Edit] [1", "[] [ 1] [Edit] [1", 1),
            ("[٣]é", "é", 1),
            ("none", "none", 0),
        ] {
            assert_eq!(without_citations(line), (Cow::Borrowed(expected), n), "{line}");
        }
    }

    #[test]
    fn sees_what_ends_a_page() {
        // Expectations: read off C4QualityFilter of datatrove 0.10.1.
        let walk = LineWalk::new(&json!({})).unwrap();
        let has = |line| {
            let walked = walk.walk(&TextView::new(line)).next().unwrap();
            (walked.has_lorem_ipsum, walked.has_curly_bracket)
        };
        assert_eq!(has("Lorem Ipsum dolor sit amet."), (true, false));
        assert_eq!(has("fn main() { run(); it } ends."), (false, true));
        assert_eq!(has("In javascript one writes {}."), (false, false));
        assert_eq!(has("lorem ipsum {"), (false, false));
    }

    #[test]
    fn every_phrase_holds_an_anchor() {
        // Law: the quick search finds every phrase, in any case.
        let walk = LineWalk::new(&json!({})).unwrap();
        for phrase in PHRASES {
            assert!(ANCHORS.iter().any(|anchor| phrase.contains(anchor)), "{phrase}");
            for text in [phrase.to_owned(), phrase.to_uppercase()] {
                assert!(walk.anchor_from(&text, 0) < text.len(), "{text}");
            }
        }
        assert_eq!(fate(&json!({}), "We say java[1]script here."), Fate::Javascript);
    }
}
