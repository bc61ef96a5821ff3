//! What C4's rules see of a page: the lines they would keep, the sentences in them, and what makes them drop it.
//!
//! Source: Raffel et al. 2020, JMLR 21 (20-074), section 2.2; lines are judged as the shared walk describes, by
//! datatrove or as DCLM has it. Limits (sentences per page) are in `configs/rules/c4.toml` and `c4_fineweb.toml`. The
//! transform `c4_lines` with the same parameters leaves exactly the lines that are counted as kept here; measure first,
//! then rewrite.
//!
//! Sentences are those of spaCy's rule, line by line, as in datatrove. We differ from DCLM and the original C4, which
//! use NLTK's Punkt model, and from both in what a page that says "lorem ipsum" or has a `{` measures: they stop there,
//! here the walk goes on. So a page with both fails both rules, and is dropped under the first one's name.
//! Not here: the list of bad words and the language (rules of their own), and C4's deduplication of lines.

use std::borrow::Cow;

use gristmill_core::annotator::{Annotator, AnnotatorEntry, Document, Measure, MeasureType, RecordSink};
use gristmill_core::params::ParamError;
use gristmill_core::text::{TextView, count_sentences};
use serde_json::Value;

use super::c4_walk::{Fate, Fates, LineWalk, PARAMS, WalkedLine};

/// The row of the annotator table.
pub(super) const ENTRY: AnnotatorEntry = AnnotatorEntry {
    name: "c4",
    about: "Lines and sentences that C4's rules would keep, and what makes them drop a page.",
    source: "Raffel et al. 2020, JMLR 21 (20-074), section 2.2; datatrove 0.10 or DCLM",
    params: PARAMS,
    build,
};

const MEASURES: &[Measure] = &[
    Measure { name: "n_lines", kind: MeasureType::Int, about: "lines, blank ones included" },
    Measure { name: "n_lines_kept", kind: MeasureType::Int, about: "lines that pass all rules for lines" },
    Measure { name: "n_sentences", kind: MeasureType::Int, about: "sentences in the kept lines" },
    Measure { name: "has_lorem_ipsum", kind: MeasureType::Bool, about: "a line that ends well says \"lorem ipsum\"" },
    Measure { name: "has_curly_bracket", kind: MeasureType::Bool, about: "a line that ends well has a {" },
];

struct C4 {
    walk: LineWalk,
}

fn build(value: &Value) -> Result<Box<dyn Annotator>, ParamError> {
    Ok(Box::new(C4 { walk: LineWalk::new(value)? }))
}

impl Annotator for C4 {
    fn measures(&self) -> &'static [Measure] {
        MEASURES
    }

    fn annotate(&self, document: &Document<'_>, record: &mut dyn RecordSink) {
        let mut fates = Fates::default();
        let mut n_sentences = 0;
        let (mut has_lorem_ipsum, mut has_curly_bracket) = (false, false);
        let mut counter = SentenceCounter::new(&document.view);
        for walked in self.walk.walk(&document.view) {
            fates.add(walked.fate);
            has_lorem_ipsum |= walked.has_lorem_ipsum;
            has_curly_bracket |= walked.has_curly_bracket;
            if walked.fate == Fate::Kept {
                n_sentences += counter.count(&walked);
            }
        }
        record.int(fates.n_lines());
        record.int(fates.of(Fate::Kept));
        record.int(n_sentences);
        record.bool(has_lorem_ipsum);
        record.bool(has_curly_bracket);
    }
}

/// Counts the sentences of one line after the other.
///
/// A line break after an end mark begins a sentence, so the sentences of a whole line, seen by itself, are one and those
/// that begin inside it. Only a line that lost a citation has to be cut anew.
struct SentenceCounter<'v, 'a> {
    view: &'v TextView<'a>,
    /// Sentences that begin before the current line are behind this one.
    next: usize,
}

impl<'v, 'a> SentenceCounter<'v, 'a> {
    fn new(view: &'v TextView<'a>) -> Self {
        Self { view, next: 0 }
    }

    fn count(&mut self, line: &WalkedLine<'a>) -> usize {
        let line = match &line.text {
            Cow::Owned(text) => return count_sentences(text),
            Cow::Borrowed("") => return 0,
            Cow::Borrowed(text) => *text,
        };
        let sentences = self.view.sentences();
        let start = line.as_ptr() as usize;
        let begins_before = |limit: usize| move |s: &&str| (s.as_ptr() as usize) < limit;
        self.next += sentences[self.next..].iter().take_while(|s| begins_before(start + 1)(s)).count();
        1 + sentences[self.next..].iter().take_while(|s| begins_before(start + line.len())(s)).count()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{Measured, measure, one};
    use super::*;

    fn c4(params: &Value) -> Box<dyn Annotator> {
        build(params).unwrap()
    }

    #[test]
    fn measures_what_is_left_of_a_page() {
        // Hand calculation: the first, third and last line stay, with 2, 1 and 2 sentences.
        let text = "The mill is old. It still grinds.\nHome | News | About\n\
                    It was built in 1750.[1]\n\nOk then.\nWho runs it? The village does!";
        let values = measure(&*c4(&json!({})), text);
        let expected =
            [Measured::Int(6), Measured::Int(3), Measured::Int(5), Measured::Bool(false), Measured::Bool(false)];
        assert_eq!(values, expected);
        assert_eq!(one(&*c4(&json!({"needs_end_mark": false})), text, "n_lines_kept"), Measured::Int(4));
    }

    #[test]
    fn sentences_of_lines_are_those_of_each_line_alone() {
        // Law: the same count as cutting each kept line by itself.
        let lines = [
            "One is here. Two is. three",
            "\"Now then,\" he said. (Yes.) And so on",
            "e.g. Mr. Smith, 3.50 a piece!  Two spaces.  Three.",
            "no end mark in here",
            "- a list item. another one",
            "...and more. . . yes sir",
        ];
        let text = lines.join("\n");
        let expected: usize = lines.iter().map(|line| count_sentences(line)).sum();
        let counted = one(&*c4(&json!({"needs_end_mark": false})), &text, "n_sentences");
        assert_eq!(counted, Measured::Int(i64::try_from(expected).unwrap()));
    }

    #[test]
    fn sees_lorem_ipsum_and_curly_brackets_in_lines_that_end_well() {
        // Expectations: read off C4QualityFilter of datatrove 0.10.1.
        let has = |text, name| one(&*c4(&json!({})), text, name) == Measured::Bool(true);
        assert!(has("Lorem ipsum dolor sit amet.", "has_lorem_ipsum"));
        assert!(has("Write { to open a block.", "has_curly_bracket"));
        assert!(!has("Write { to open a block", "has_curly_bracket"));
    }
}
