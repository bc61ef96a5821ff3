//! What FineWeb's own filters look at: lines without an end mark, short lines, repeated lines, newlines per word.
//!
//! They catch lists, menus and tables that Gopher's and C4's rules let through. The limits are in
//! `configs/rules/fineweb.toml`; FineWeb measures the text that C4's rules have left.
//!
//! Source: Penedo et al. 2024, arXiv:2406.17557, section 3.6; datatrove 0.10, `FineWebQualityFilter`: lines between
//! newlines, blank ones left out, neither stripped; end marks of all scripts; spaCy's words.
//! Dialect `dclm`: DCLM has no such filter. These are the same formulas on DCLM's lines (stripped) and words (UAX #29,
//! beginning with a letter or digit), for pipelines that should cut a text in one way throughout.

use gristmill_core::annotator::{Annotator, AnnotatorEntry, Document, Measure, MeasureType, ParamDoc, RecordSink};
use gristmill_core::params::{self, ParamError};
use gristmill_core::text::{Tokenizer, python_strip};
use serde::Deserialize;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::dialect::{DIALECT_PARAM, Dialect};
use super::key_table::KeyTable;
use super::punctuation::{is_end_mark, n_chars};
use super::push_ratio;

/// The row of the annotator table.
pub(super) const ENTRY: AnnotatorEntry = AnnotatorEntry {
    name: "fineweb",
    about: "End marks, length and repetition of lines, and newlines per word.",
    source: "Penedo et al. 2024, arXiv:2406.17557, section 3.6; datatrove 0.10",
    params: &[
        DIALECT_PARAM,
        ParamDoc { name: "short_line_chars", default: "30", about: "a line of at most so many characters is short" },
    ],
    build,
};

const MEASURES: &[Measure] = &[
    Measure { name: "n_lines", kind: MeasureType::Int, about: "lines that are not blank" },
    Measure {
        name: "end_mark_line_ratio",
        kind: MeasureType::Float,
        about: "lines that end in an end mark, 0 to 1; null without lines",
    },
    Measure {
        name: "short_line_ratio",
        kind: MeasureType::Float,
        about: "lines that are short, 0 to 1; null without lines",
    },
    Measure {
        name: "dup_line_char_ratio",
        kind: MeasureType::Float,
        about: "characters in lines seen before, of all but newlines, 0 to 1; null without lines",
    },
    Measure {
        name: "newline_word_ratio",
        kind: MeasureType::Float,
        about: "newlines per word, 0 and up; null without words",
    },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    dialect: Dialect,
    #[serde(default = "short_line_chars")]
    short_line_chars: usize,
}

fn short_line_chars() -> usize {
    30
}

struct FineWeb {
    params: Params,
}

fn build(value: &Value) -> Result<Box<dyn Annotator>, ParamError> {
    Ok(Box::new(FineWeb { params: params::parse(value)? }))
}

#[derive(Default)]
struct LineCounts {
    n_lines: usize,
    n_end_mark_lines: usize,
    n_short_lines: usize,
    n_dup_chars: usize,
}

impl Annotator for FineWeb {
    fn measures(&self) -> &'static [Measure] {
        MEASURES
    }

    fn annotate(&self, document: &Document<'_>, record: &mut dyn RecordSink) {
        let view = &document.view;
        let lines = view.lines();
        let n_newlines = lines.len() - 1;
        let counts = self.line_counts(lines);
        record.int(counts.n_lines);
        push_ratio(record, counts.n_end_mark_lines, counts.n_lines);
        push_ratio(record, counts.n_short_lines, counts.n_lines);
        push_ratio(record, counts.n_dup_chars, if counts.n_lines == 0 { 0 } else { view.n_chars() - n_newlines });
        let words = view.words(match self.params.dialect {
            Dialect::Datatrove => Tokenizer::SpacyEnglish,
            Dialect::Dclm => Tokenizer::Uax29,
        });
        push_ratio(record, n_newlines, words.len());
    }
}

impl FineWeb {
    fn line_counts(&self, lines: &[&str]) -> LineCounts {
        let mut counts = LineCounts::default();
        let mut table = KeyTable::default();
        table.begin(lines.len());
        for &line in lines {
            let stripped = python_strip(line);
            if stripped.is_empty() {
                continue;
            }
            let line = if self.params.dialect == Dialect::Dclm { stripped } else { line };
            let n_chars = n_chars(line);
            counts.n_lines += 1;
            counts.n_end_mark_lines += usize::from(line.chars().next_back().is_some_and(is_end_mark));
            counts.n_short_lines += usize::from(n_chars <= self.params.short_line_chars);
            // Two different lines of n have the same key with probability n²/2⁶⁵.
            let n_different = table.n_keys();
            let is_repeated = table.number(xxh3_64(line.as_bytes())) < n_different;
            counts.n_dup_chars += if is_repeated { n_chars } else { 0 };
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{Measured, measure, one, ratio};
    use super::*;

    #[test]
    fn measures_lines_and_words() {
        // Hand calculation: four lines, of which the second has 31 characters and the first comes again.
        let text = "Ends well.\n\n0123456789012345678901234567890\n  \nEnds well.\nसमाप्त।\n";
        let fineweb = build(&json!({})).unwrap();
        assert_eq!(one(&*fineweb, text, "n_lines"), Measured::Int(4));
        assert_eq!(ratio(&*fineweb, text, "end_mark_line_ratio"), 0.75);
        assert_eq!(ratio(&*fineweb, text, "short_line_ratio"), 0.75);
        assert_eq!(ratio(&*fineweb, text, "dup_line_char_ratio"), 0.1667);
        assert_eq!(ratio(&*fineweb, text, "newline_word_ratio"), 0.6667);
        let shorter = build(&json!({"short_line_chars": 9})).unwrap();
        assert_eq!(ratio(&*shorter, text, "short_line_ratio"), 0.25);
    }

    #[test]
    fn a_line_is_stripped_only_in_the_dialect_dclm() {
        // Hand calculation.
        let text = "Ends well.\r\nEnds well. ";
        let datatrove = build(&json!({})).unwrap();
        assert_eq!(ratio(&*datatrove, text, "end_mark_line_ratio"), 0.0);
        assert_eq!(ratio(&*datatrove, text, "dup_line_char_ratio"), 0.0);
        let dclm = build(&json!({"dialect": "dclm"})).unwrap();
        assert_eq!(ratio(&*dclm, text, "end_mark_line_ratio"), 1.0);
        assert_eq!(ratio(&*dclm, text, "dup_line_char_ratio"), 0.4545);
    }

    #[test]
    fn a_blank_text_has_no_ratios() {
        // Hand calculation.
        for text in ["", "\n", " \n\t\n"] {
            let values = measure(&*build(&json!({})).unwrap(), text);
            assert_eq!(values[0], Measured::Int(0));
            assert!(values[1..].iter().all(|value| *value == Measured::Null));
        }
    }
}
