//! Whether a text has the shape of prose: what the quality rules of Gopher look at.
//!
//! Counts words, their mean length, symbols per word, lines that start with a bullet or end in an ellipsis, words with
//! a letter and stop words. The limits are in `configs/rules/gopher_quality.toml`.
//!
//! Source: Rae et al. 2021, arXiv:2112.11446, section A1.1. The paper leaves open what a word, a line and a symbol is.
//! Dialect `datatrove` (version 0.10, `GopherQualityFilter`): spaCy's words; `n_words` and the mean length leave out
//! words of nothing but punctuation, the ratios are over all words; distinct stop words, case-sensitive.
//! Dialect `dclm` (`baselines/mappers/filters`): words between white space, but `n_words` counts those of UAX #29 that
//! begin with a letter or digit; lines stripped and non-blank; more bullets and ellipses; stop words with repetition
//! and in any case. It has one limit for hashes and ellipses together: see `symbol_word_ratio`.
//! We differ in `dclm`: lower-casing looks at ASCII only, which matters to no English stop word.

use std::ops::Range;

use gristmill_core::annotator::{Annotator, AnnotatorEntry, Document, Measure, MeasureType, ParamDoc, RecordSink};
use gristmill_core::params::{self, ParamError};
use gristmill_core::text::{TextView, Tokenizer, python_strip};
use memchr::{memchr_iter, memmem};
use serde::Deserialize;
use serde_json::Value;

use super::dialect::{DIALECT_PARAM, Dialect};
use super::punctuation::{is_letter, is_punctuation, n_chars};
use super::push_ratio;

/// The row of the annotator table.
pub(super) const ENTRY: AnnotatorEntry = AnnotatorEntry {
    name: "gopher_quality",
    about: "Words, symbols, bullets, ellipses, letters and stop words of a text.",
    source: "Rae et al. 2021, arXiv:2112.11446, section A1.1; datatrove 0.10 or DCLM",
    params: &[
        DIALECT_PARAM,
        ParamDoc {
            name: "stop_words",
            default: "[\"the\", \"be\", \"to\", \"of\", \"and\", \"that\", \"have\", \"with\"]",
            about: "the words that `n_stop_words` counts",
        },
    ],
    build,
};

const MEASURES: &[Measure] = &[
    Measure { name: "n_words", kind: MeasureType::Int, about: "words that are not mere punctuation" },
    Measure {
        name: "mean_word_chars",
        kind: MeasureType::Float,
        about: "mean characters of those words; null without any",
    },
    Measure {
        name: "hash_word_ratio",
        kind: MeasureType::Float,
        about: "hash signs per word, 0 and up; null without words",
    },
    Measure {
        name: "ellipsis_word_ratio",
        kind: MeasureType::Float,
        about: "ellipses per word, 0 and up; null without words",
    },
    Measure {
        name: "symbol_word_ratio",
        kind: MeasureType::Float,
        about: "hash signs and ellipses per word; null without words",
    },
    Measure {
        name: "bullet_line_ratio",
        kind: MeasureType::Float,
        about: "lines that start with a bullet, 0 to 1; null without lines",
    },
    Measure {
        name: "ellipsis_line_ratio",
        kind: MeasureType::Float,
        about: "lines that end in an ellipsis, 0 to 1; null without lines",
    },
    Measure {
        name: "alpha_word_ratio",
        kind: MeasureType::Float,
        about: "words with at least one letter, 0 to 1; null without words",
    },
    Measure {
        name: "n_stop_words",
        kind: MeasureType::Int,
        about: "stop words: different ones (datatrove) or all (dclm)",
    },
];

const STOP_WORDS: [&str; 8] = ["the", "be", "to", "of", "and", "that", "have", "with"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    dialect: Dialect,
    stop_words: Option<Vec<String>>,
}

struct GopherQuality {
    dialect: Dialect,
    stop_words: StopWords,
}

fn build(value: &Value) -> Result<Box<dyn Annotator>, ParamError> {
    let params: Params = params::parse(value)?;
    let stop_words = params.stop_words.unwrap_or_else(|| STOP_WORDS.map(str::to_owned).to_vec());
    if stop_words.iter().any(String::is_empty) {
        return Err(ParamError::at("stop_words", "a stop word is empty"));
    }
    Ok(Box::new(GopherQuality { dialect: params.dialect, stop_words: StopWords::new(stop_words) }))
}

/// What one pass over the words finds.
#[derive(Default)]
struct WordCounts {
    /// All words; the denominator of the ratios.
    n_tokens: usize,
    /// Words that are not mere punctuation.
    n_words: usize,
    word_chars: usize,
    n_alpha_words: usize,
    n_stop_words: usize,
}

/// What one pass over the lines finds.
#[derive(Default)]
struct LineCounts {
    n_lines: usize,
    n_bullet_lines: usize,
    n_ellipsis_lines: usize,
}

impl Annotator for GopherQuality {
    fn measures(&self) -> &'static [Measure] {
        MEASURES
    }

    fn annotate(&self, document: &Document<'_>, record: &mut dyn RecordSink) {
        let view = &document.view;
        let text = view.text();
        let (words, lines, n_ellipses) = match self.dialect {
            Dialect::Datatrove => {
                (self.spacy_words(view), datatrove_lines(view), count(text, "...") + count(text, "…"))
            }
            Dialect::Dclm => {
                (self.dclm_words(view), dclm_lines(view), count(text, "...") + count(text, ". . .") + count(text, "…"))
            }
        };
        let n_hashes = memchr_iter(b'#', text.as_bytes()).count();
        let n_spaced = if self.dialect == Dialect::Dclm { words.n_tokens } else { words.n_words };
        record.int(words.n_words);
        push_ratio(record, words.word_chars, n_spaced);
        push_ratio(record, n_hashes, words.n_tokens);
        push_ratio(record, n_ellipses, words.n_tokens);
        push_ratio(record, n_hashes + n_ellipses, words.n_tokens);
        push_ratio(record, lines.n_bullet_lines, lines.n_lines);
        push_ratio(record, lines.n_ellipsis_lines, lines.n_lines);
        push_ratio(record, words.n_alpha_words, words.n_tokens);
        record.int(words.n_stop_words);
    }
}

impl GopherQuality {
    fn spacy_words(&self, view: &TextView<'_>) -> WordCounts {
        let words = view.words(Tokenizer::SpacyEnglish);
        let is_ascii = view.n_chars() == view.text().len();
        let mut counts = WordCounts { n_tokens: words.len(), ..WordCounts::default() };
        let mut seen = vec![false; self.stop_words.len()];
        for word in words {
            let kind = kind_of(word);
            if kind.is_word {
                counts.n_words += 1;
                counts.word_chars += if is_ascii { word.len() } else { n_chars(word) };
            }
            counts.n_alpha_words += usize::from(kind.is_alpha);
            if let Some(at) = self.stop_words.position(word) {
                seen[at] = true;
            }
        }
        counts.n_stop_words = seen.iter().filter(|&&is_seen| is_seen).count();
        counts
    }

    fn dclm_words(&self, view: &TextView<'_>) -> WordCounts {
        let words = view.words(Tokenizer::Whitespace);
        WordCounts {
            n_tokens: words.len(),
            n_words: view.words(Tokenizer::Uax29).len(),
            word_chars: words.iter().map(|word| n_chars(word)).sum(),
            n_alpha_words: words.iter().filter(|word| word.chars().any(is_letter)).count(),
            n_stop_words: words.iter().filter(|word| self.stop_words.has_in_any_case(word)).count(),
        }
    }
}

/// Occurrences that do not overlap, as Python's `str.count`.
fn count(text: &str, needle: &str) -> usize {
    memmem::find_iter(text.as_bytes(), needle).count()
}

struct WordKind {
    is_word: bool,
    is_alpha: bool,
}

fn kind_of(word: &str) -> WordKind {
    // Most words begin with an ASCII letter, which settles both questions.
    if word.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) {
        return WordKind { is_word: true, is_alpha: true };
    }
    WordKind { is_word: word.chars().any(|c| !is_punctuation(c)), is_alpha: word.chars().any(is_letter) }
}

fn datatrove_lines(view: &TextView<'_>) -> LineCounts {
    let mut counts = LineCounts::default();
    for line in view.split_lines() {
        counts.n_lines += 1;
        let stripped = python_strip(line);
        counts.n_bullet_lines += usize::from(stripped.starts_with(['•', '-']));
        counts.n_ellipsis_lines += usize::from(stripped.ends_with("...") || stripped.ends_with('…'));
    }
    counts
}

fn dclm_lines(view: &TextView<'_>) -> LineCounts {
    let mut counts = LineCounts::default();
    for line in view.lines().iter().map(|line| python_strip(line)).filter(|line| !line.is_empty()) {
        counts.n_lines += 1;
        counts.n_bullet_lines += usize::from(line.starts_with(['●', '•', '*', '-']));
        counts.n_ellipsis_lines += usize::from(["...", ". . .", "…"].iter().any(|end| line.ends_with(end)));
    }
    counts
}

/// A set of words that says no to most words without comparing them.
struct StopWords {
    sorted: Vec<String>,
    /// Which stop words begin with this byte.
    by_first_byte: Vec<Range<usize>>,
    max_bytes: usize,
}

impl StopWords {
    fn new(mut words: Vec<String>) -> Self {
        words.sort_unstable();
        words.dedup();
        let first_at_least = |byte: usize| words.partition_point(|w| w.bytes().next().map(usize::from) < Some(byte));
        let by_first_byte = (0..256).map(|byte| first_at_least(byte)..first_at_least(byte + 1)).collect();
        Self { max_bytes: words.iter().map(String::len).max().unwrap_or(0), by_first_byte, sorted: words }
    }

    fn len(&self) -> usize {
        self.sorted.len()
    }

    fn position(&self, word: &str) -> Option<usize> {
        if word.len() > self.max_bytes {
            return None;
        }
        let first = *word.as_bytes().first()?;
        self.by_first_byte[usize::from(first)].clone().find(|&at| self.sorted[at] == word)
    }

    fn has_in_any_case(&self, word: &str) -> bool {
        word.len() <= self.max_bytes && self.sorted.iter().any(|stop_word| stop_word.eq_ignore_ascii_case(word))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{Measured, measure, one, ratio};
    use super::*;

    fn datatrove() -> Box<dyn Annotator> {
        build(&json!({})).unwrap()
    }

    fn dclm() -> Box<dyn Annotator> {
        build(&json!({"dialect": "dclm"})).unwrap()
    }

    #[test]
    fn measures_what_datatrove_measures() {
        // Hand calculation after spaCy's words: # The mill … grinds , 12 ... the corn .
        let text = "# The mill… grinds, 12 ... the corn.";
        let annotator = datatrove();
        assert_eq!(one(&*annotator, text, "n_words"), Measured::Int(6));
        assert_eq!(ratio(&*annotator, text, "mean_word_chars"), 3.6667);
        assert_eq!(ratio(&*annotator, text, "hash_word_ratio"), 0.0909);
        assert_eq!(ratio(&*annotator, text, "ellipsis_word_ratio"), 0.1818);
        assert_eq!(ratio(&*annotator, text, "symbol_word_ratio"), 0.2727);
        assert_eq!(ratio(&*annotator, text, "alpha_word_ratio"), 0.4545);
        assert_eq!(one(&*annotator, text, "n_stop_words"), Measured::Int(1));
    }

    #[test]
    fn counts_distinct_stop_words_by_case_or_all_of_them() {
        // Hand calculation; the dialects as in their sources.
        let text = "The cat and the dog and the bird with The hat";
        assert_eq!(one(&*datatrove(), text, "n_stop_words"), Measured::Int(3));
        assert_eq!(one(&*dclm(), text, "n_stop_words"), Measured::Int(7));
        let own = build(&json!({"stop_words": ["cat", "hat", "cat"]})).unwrap();
        assert_eq!(one(&*own, text, "n_stop_words"), Measured::Int(2));
    }

    #[test]
    fn looks_at_the_lines_as_each_dialect_does() {
        // Hand calculation: datatrove has 6 lines, one of them empty; DCLM has 5, knows more bullets and
        // sees three ellipses in eleven words.
        let text = "- one\n  • two\n* three…\n\nfour...  \nfive . . .";
        assert_eq!(ratio(&*datatrove(), text, "bullet_line_ratio"), 0.3333);
        assert_eq!(ratio(&*datatrove(), text, "ellipsis_line_ratio"), 0.3333);
        assert_eq!(ratio(&*dclm(), text, "bullet_line_ratio"), 0.6);
        assert_eq!(ratio(&*dclm(), text, "ellipsis_line_ratio"), 0.6);
        assert_eq!(ratio(&*dclm(), text, "symbol_word_ratio"), 0.2727);
        assert_eq!(one(&*dclm(), text, "n_words"), Measured::Int(5));
    }

    #[test]
    fn a_text_without_words_has_no_ratios() {
        // Hand calculation.
        let values = measure(&*datatrove(), "");
        assert_eq!(values[0], Measured::Int(0));
        assert!(values[1..8].iter().all(|value| *value == Measured::Null));
        assert_eq!(values[8], Measured::Int(0));
        assert!(build(&json!({"stop_words": [""]})).is_err());
        assert!(build(&json!({"dialect": "dolma"})).is_err());
    }
}
