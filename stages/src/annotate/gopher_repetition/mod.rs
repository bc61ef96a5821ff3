//! How much of a text repeats itself: lines, paragraphs and runs of words, as Gopher's repetition rules look at it.
//!
//! Source: Rae et al. 2021, arXiv:2112.11446, section A1.1 and table A1. The paper leaves open how occurrences are
//! counted, and the tools differ by a factor of two on the same text; `dialect` names one:
//!
//! | | `datatrove` | `dclm` | `dolma` | `nemo` |
//! |---|---|---|---|---|
//! | lines | between runs of newlines | stripped, non-blank | all, blank too | non-blank |
//! | paragraphs | between runs of two and more newlines | `\n\n`, stripped, non-blank | none (0) | `\n\n`, blank too |
//! | repeated | all but the first | all, if more than one | all, if more than one | all but the first |
//! | in characters, of | the text | all segments | all words | all segments |
//! | words | spaCy's | UAX #29, beginning with a letter or digit | between white space | between white space |
//! | top n-gram | with spaces, x count, of the text | letters x count, of all words | as `dclm` | what deleting it removes |
//! | of equals | the first | the longest | the first | the first (there: any) |
//! | if none repeats | counts once | 0 | counts once | what deleting it removes |
//! | repeated n-grams | scan that jumps over each repetition | words covered by any occurrence | share of all n-grams' characters | characters newly covered by repetitions |
//! | fewer than n words | 0 | 0 | 0 | 1 |
//!
//! So `dclm` and `nemo` repeated n-grams stay within 0 and 1, and a top n-gram that overlaps itself can exceed 1 in
//! `dclm` and `dolma` ("a a a a b": 1.2). A ratio is null where the tool drops the text without measuring it.
//!
//! Words and segments are compared by 64-bit xxh3: two different ones among n are taken for one with probability
//! n²/2⁶⁵, about 10⁻⁸ for a million words. n-grams are compared exactly, by the numbers of their words. datatrove joins
//! the words of a repeated n-gram without spaces, so that "a bc" equals "ab c" there; here these are different.
//! Time and memory are linear in the text.

mod ngrams;
mod segments;

use std::cell::RefCell;

use gristmill_core::annotator::{Annotator, AnnotatorEntry, Document, Measure, MeasureType, ParamDoc, RecordSink};
use gristmill_core::params::{self, ParamError};
use gristmill_core::text::{TextView, Tokenizer};
use ngrams::NGrams;
use segments::{Shares, line_shares, paragraph_shares};
use serde::Deserialize;
use serde_json::Value;

use super::key_table::KeyTable;

/// The row of the annotator table.
pub(super) const ENTRY: AnnotatorEntry = AnnotatorEntry {
    name: "gopher_repetition",
    about: "Shares of repeated lines, paragraphs and runs of 2 to 10 words.",
    source: "Rae et al. 2021, arXiv:2112.11446, table A1; datatrove 0.10, DCLM, Dolma or NeMo Curator",
    params: &[ParamDoc {
        name: "dialect",
        default: "\"datatrove\"",
        about: "whose computation: \"datatrove\" (FineWeb), \"dclm\" (DCLM-baseline), \"dolma\" or \"nemo\" (NeMo Curator)",
    }],
    build,
};

const fn ratio(name: &'static str, about: &'static str) -> Measure {
    Measure { name, kind: MeasureType::Float, about }
}

const MEASURES: &[Measure] = &[
    Measure { name: "n_chars", kind: MeasureType::Int, about: "characters of the text" },
    ratio("dup_paragraph_ratio", "repeated paragraphs among all, 0 to 1"),
    ratio("dup_paragraph_char_ratio", "characters in repeated paragraphs, 0 to 1"),
    ratio("dup_line_ratio", "repeated lines among all, 0 to 1"),
    ratio("dup_line_char_ratio", "characters in repeated lines, 0 to 1"),
    ratio("top_2_gram_char_ratio", "characters of the most frequent 2-gram, 0 and up"),
    ratio("top_3_gram_char_ratio", "characters of the most frequent 3-gram, 0 and up"),
    ratio("top_4_gram_char_ratio", "characters of the most frequent 4-gram, 0 and up"),
    ratio("dup_5_gram_char_ratio", "characters in repeated 5-grams, 0 to 1"),
    ratio("dup_6_gram_char_ratio", "characters in repeated 6-grams, 0 to 1"),
    ratio("dup_7_gram_char_ratio", "characters in repeated 7-grams, 0 to 1"),
    ratio("dup_8_gram_char_ratio", "characters in repeated 8-grams, 0 to 1"),
    ratio("dup_9_gram_char_ratio", "characters in repeated 9-grams, 0 to 1"),
    ratio("dup_10_gram_char_ratio", "characters in repeated 10-grams, 0 to 1"),
];

/// n of the n-grams of which the most frequent is measured.
const TOP_GRAMS: std::ops::RangeInclusive<usize> = 2..=4;
/// n of the n-grams of which all repeated ones are measured.
const DUP_GRAMS: std::ops::RangeInclusive<usize> = 5..=10;

/// A tool that states the rules and computes them in its own way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RepetitionDialect {
    /// datatrove 0.10, `GopherRepetitionFilter`.
    #[default]
    Datatrove,
    /// DCLM, `massive_web_repetition_filters`.
    Dclm,
    /// Dolma, the tagger `gopher_v1`.
    Dolma,
    /// NeMo Curator, its repetition filters.
    Nemo,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    dialect: RepetitionDialect,
}

struct GopherRepetition {
    dialect: RepetitionDialect,
}

fn build(value: &Value) -> Result<Box<dyn Annotator>, ParamError> {
    let params: Params = params::parse(value)?;
    Ok(Box::new(GopherRepetition { dialect: params.dialect }))
}

/// What is reused from document to document.
#[derive(Default)]
struct Scratch {
    table: KeyTable,
    ngrams: NGrams,
}

/// A table larger than this is not kept for the next document, nor is the rest: a core holds on to 8 MB at most.
const MAX_KEPT_SLOTS: usize = 1 << 18;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Annotator for GopherRepetition {
    fn measures(&self) -> &'static [Measure] {
        MEASURES
    }

    fn annotate(&self, document: &Document<'_>, record: &mut dyn RecordSink) {
        SCRATCH.with_borrow_mut(|scratch| {
            self.annotate_with(scratch, &document.view, record);
            if scratch.table.capacity() > MAX_KEPT_SLOTS {
                *scratch = Scratch::default();
            }
        });
    }
}

impl GopherRepetition {
    fn annotate_with(&self, scratch: &mut Scratch, view: &TextView<'_>, record: &mut dyn RecordSink) {
        let table = &mut scratch.table;
        record.int(view.n_chars());
        for shares in [paragraph_shares(self.dialect, view, table), line_shares(self.dialect, view, table)] {
            match shares {
                Some(Shares { of_segments, of_chars }) => {
                    record.float(of_segments);
                    record.float(of_chars);
                }
                None => (0..2).for_each(|_| record.null()),
            }
        }
        let words = view.words(match self.dialect {
            RepetitionDialect::Datatrove => Tokenizer::SpacyEnglish,
            RepetitionDialect::Dclm => Tokenizer::Uax29,
            RepetitionDialect::Dolma | RepetitionDialect::Nemo => Tokenizer::Whitespace,
        });
        let ngrams = &mut scratch.ngrams;
        ngrams.begin(view, words, table);
        for n in TOP_GRAMS {
            ngrams.lengthen_to(n, table);
            record.float(ngrams.top_share(self.dialect, view, words));
        }
        for n in DUP_GRAMS {
            ngrams.lengthen_to(n, table);
            record.float(ngrams.dup_share(self.dialect, view));
        }
    }
}

/// A share of nothing is nothing.
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests;
