//! One text, segmented at most once.
//!
//! Every annotator of a stage receives the same [`TextView`]; the first that asks for lines, words or sentences pays
//! for them, the others borrow. Spans are slices of the text: nothing is copied.

mod lines;
mod sentences;
mod words_spaced;
mod words_spacy;
mod words_unicode;

use std::cell::OnceCell;

pub use lines::{is_python_space, python_strip, split_lines, split_newline_runs};
pub use sentences::count_sentences;
pub use words_spaced::n_spaced_words;

/// How a text is cut into words. The tools of the field disagree; a dialect names one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tokenizer {
    /// The words of spaCy's blank English pipeline, as datatrove uses them: punctuation marks are words of their own.
    SpacyEnglish,
    /// Runs of non-white-space (Python's `str.split()`).
    Whitespace,
    /// Words of Unicode UAX #29 that begin with a letter or digit (dictionary words for Chinese, Japanese, Thai, Khmer, Lao, Burmese).
    Uax29,
}

/// A text with its segmentation cached.
pub struct TextView<'a> {
    text: &'a str,
    n_chars: OnceCell<usize>,
    words: [OnceCell<Vec<&'a str>>; 3],
    sentences: OnceCell<Vec<&'a str>>,
    lines: OnceCell<Vec<&'a str>>,
    split_lines: OnceCell<Vec<&'a str>>,
    paragraphs: OnceCell<Vec<&'a str>>,
}

impl<'a> TextView<'a> {
    /// A view of `text`; nothing is computed yet.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            n_chars: OnceCell::new(),
            words: Default::default(),
            sentences: OnceCell::new(),
            lines: OnceCell::new(),
            split_lines: OnceCell::new(),
            paragraphs: OnceCell::new(),
        }
    }
    /// The text itself.
    pub fn text(&self) -> &'a str {
        self.text
    }
    /// Number of Unicode scalar values.
    pub fn n_chars(&self) -> usize {
        *self.n_chars.get_or_init(|| self.text.chars().count())
    }
    /// The words, in order.
    pub fn words(&self, tokenizer: Tokenizer) -> &[&'a str] {
        self.words[tokenizer as usize].get_or_init(|| match tokenizer {
            Tokenizer::Whitespace => self.text.split(is_python_space).filter(|word| !word.is_empty()).collect(),
            Tokenizer::SpacyEnglish => words_spacy::words(self.text),
            Tokenizer::Uax29 => words_unicode::words(self.text),
        })
    }
    /// The sentences, in order, as spaCy's rule-based sentencizer cuts them; stripped, none empty.
    pub fn sentences(&self) -> &[&'a str] {
        self.sentences.get_or_init(|| {
            let mut sentences = Vec::new();
            let words = self.words(Tokenizer::SpacyEnglish);
            sentences::for_each_sentence(self.text, words, |sentence| sentences.push(sentence));
            sentences
        })
    }
    /// The pieces between newlines (Python's `split("\n")`): "" is one empty line, a final newline ends in one.
    pub fn lines(&self) -> &[&'a str] {
        self.lines.get_or_init(|| split_newlines(self.text))
    }
    /// The lines of Python's `str.splitlines()`: more kinds of line break, no empty line after the last one.
    pub fn split_lines(&self) -> &[&'a str] {
        self.split_lines.get_or_init(|| split_lines(self.text))
    }
    /// The pieces of the stripped text between runs of two or more newlines; one, perhaps empty, if there is no run.
    pub fn paragraphs(&self) -> &[&'a str] {
        self.paragraphs.get_or_init(|| split_newline_runs(python_strip(self.text), 2))
    }
}

fn split_newlines(text: &str) -> Vec<&str> {
    let mut start = 0;
    let mut lines = Vec::new();
    for end in memchr::memchr_iter(b'\n', text.as_bytes()) {
        lines.push(&text[start..end]);
        start = end + 1;
    }
    lines.push(&text[start..]);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_text() {
        let view = TextView::new("");
        assert_eq!(view.n_chars(), 0);
        for tokenizer in [Tokenizer::SpacyEnglish, Tokenizer::Whitespace, Tokenizer::Uax29] {
            assert!(view.words(tokenizer).is_empty());
        }
        assert!(view.sentences().is_empty() && view.split_lines().is_empty());
        // CPython 3.11: "".split("\n") and re.split(r"\n{2,}", "") are [""].
        assert_eq!((view.lines(), view.paragraphs()), (&[""][..], &[""][..]));
    }

    #[test]
    fn the_ways_to_cut_disagree_as_they_should() {
        // Hand count.
        let view = TextView::new("\nDon't, é.\r\n\n\nEnd\u{1f}\n");
        assert_eq!(view.n_chars(), 19);
        assert_eq!(view.words(Tokenizer::Whitespace), ["Don't,", "é.", "End"]);
        assert_eq!(view.words(Tokenizer::SpacyEnglish), ["Do", "n't", ",", "é", ".", "End"]);
        assert_eq!(view.words(Tokenizer::Uax29), ["Don't", "é", "End"]);
        assert_eq!(view.sentences(), ["Don't, é.", "End"]);
        assert_eq!(view.lines(), ["", "Don't, é.\r", "", "", "End\u{1f}", ""]);
        assert_eq!(view.split_lines(), ["", "Don't, é.", "", "", "End\u{1f}"]);
        assert_eq!(view.paragraphs(), ["Don't, é.\r", "End"]);
    }
}
