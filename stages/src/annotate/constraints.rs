//! Whether a text, or each of its words, meets constraints on letters, length, sound and meaning.
//!
//! Source: Constrained Text Generation Studio, Roush et al. 2022 (W22-cai1); see `gristmill_core::measures::constraints`.

use gristmill_core::annotator::{Annotator, AnnotatorEntry, Document, Measure, MeasureType, ParamDoc, RecordSink};
use gristmill_core::measures::constraints::{Checker, Constraints, FILTERS};
use gristmill_core::params::{self, ParamError};
use serde_json::Value;

use super::push_ratio;

/// The row of the annotator table.
pub(super) const ENTRY: AnnotatorEntry = AnnotatorEntry {
    name: "constraints",
    about: "Whether a text, or each word of it, meets constraints on letters, length, sound and meaning.",
    source: "Constrained Text Generation Studio, Roush et al. 2022 (W22-cai1): 21 filters after 12 transforms",
    params: &[
        ParamDoc { name: "unit", default: "\"text\"", about: "text or words: what has to meet them" },
        ParamDoc {
            name: "transforms",
            default: "[]",
            about: "first, in order: upper, lower, remove_spaces, strip_start, strip_end, strip, capitalize, alphanumeric, alphabetic, digits, ascii, filter_blanks",
        },
        ParamDoc { name: "none_of", default: "[]", about: "strings: none occurs (lipogram)" },
        ParamDoc { name: "not_all_of", default: "[]", about: "strings: not all occur (weak lipogram)" },
        ParamDoc { name: "all_of", default: "[]", about: "strings: each occurs (reverse lipogram)" },
        ParamDoc { name: "any_of", default: "[]", about: "strings: one occurs (weak reverse lipogram)" },
        ParamDoc { name: "at", default: "[]", about: "list of { position, text }: strings at their places" },
        ParamDoc { name: "starts_with", default: "none", about: "how it starts" },
        ParamDoc { name: "ends_with", default: "none", about: "how it ends" },
        ParamDoc { name: "within_edits", default: "none", about: "{ of, most }: Levenshtein distance" },
        ParamDoc { name: "n_chars", default: "none", about: "number of characters" },
        ParamDoc { name: "more_chars_than", default: "none", about: "more characters than this" },
        ParamDoc { name: "fewer_chars_than", default: "none", about: "fewer characters than this" },
        ParamDoc { name: "sounds_like", default: "none", about: "a code of Double Metaphone in common with this word" },
        ParamDoc {
            name: "means_like",
            default: "none",
            about: "{ word, least, vectors }: least cosine to a word; vectors is a file in fastText's text form",
        },
        ParamDoc { name: "n_syllables", default: "none", about: "number of syllables; needs pronunciations" },
        ParamDoc { name: "meter", default: "none", about: "stress of each syllable: 0, 1, 2, a point for any" },
        ParamDoc { name: "rhymes_with", default: "none", about: "word that the last word rhymes with" },
        ParamDoc { name: "palindrome", default: "false", about: "the same backwards" },
        ParamDoc { name: "anagram_of", default: "none", about: "the same characters in any order" },
        ParamDoc { name: "partial_anagram_of", default: "none", about: "some of its characters in any order" },
        ParamDoc { name: "isogram", default: "none", about: "no character more often than this" },
        ParamDoc { name: "reverse_isogram", default: "none", about: "each character at least so often" },
        ParamDoc { name: "pronunciations", default: "none", about: "a file in the form of CMUdict" },
    ],
    build,
};

const MEASURES: &[Measure] = &[
    Measure { name: "holds", kind: MeasureType::Bool, about: "every unit meets every constraint, and there is one" },
    Measure {
        name: "first_failed",
        kind: MeasureType::Text,
        about: "the constraint that a unit fails first; null if all are met",
    },
    Measure { name: "n_units", kind: MeasureType::Int, about: "units looked at" },
    Measure {
        name: "kept_ratio",
        kind: MeasureType::Float,
        about: "share of units that meet all, 0 to 1; null without units",
    },
];

fn build(value: &Value) -> Result<Box<dyn Annotator>, ParamError> {
    let given: Constraints = params::parse(value)?;
    let checker = Checker::new(&given)?;
    // Without any parameter it asks for nothing, for the reference; with some, nothing asked for is a slip.
    if checker.n_filters() == 0 && value.as_object().is_some_and(|params| !params.is_empty()) {
        let message = format!("expected at least one constraint: {}", FILTERS.join(", "));
        return Err(ParamError { path: vec![], message });
    }
    Ok(Box::new(Checked(checker)))
}

struct Checked(Checker);

impl Annotator for Checked {
    fn measures(&self) -> &'static [Measure] {
        MEASURES
    }

    fn annotate(&self, document: &Document<'_>, record: &mut dyn RecordSink) {
        let kept = self.0.check(document.view.text());
        record.bool(kept.holds());
        match kept.first_failed {
            Some(name) => record.text(name),
            None => record.null(),
        }
        record.int(kept.n_units);
        push_ratio(record, kept.n_kept, kept.n_units);
    }
}
