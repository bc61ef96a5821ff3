//! The root verb of an instruction and its object, looked up, not parsed.
//!
//! Source: Self-Instruct, Wang et al. 2023, figure 2, where a parser finds the pairs; see
//! `gristmill_core::measures::verb_noun` for how the list does it. `is_found` tells how much the list covers:
//! `SELECT avg(CAST(v.is_found AS DOUBLE))` is the coverage.

use gristmill_core::annotator::{Annotator, AnnotatorEntry, Document, Measure, MeasureType, RecordSink};
use gristmill_core::measures::verb_noun::verb_noun;
use gristmill_core::params::{self, ParamError};
use serde::Deserialize;
use serde_json::Value;

/// The row of the annotator table.
pub(super) const ENTRY: AnnotatorEntry = AnnotatorEntry {
    name: "verb_noun",
    about: "The verb an English instruction begins with, and its object; by a list, so some are not found.",
    source: "Self-Instruct, Wang et al. 2023, arXiv:2212.10560, figure 2; a list of verbs instead of a parser",
    params: &[],
    build,
};

const MEASURES: &[Measure] = &[
    Measure { name: "verb", kind: MeasureType::Text, about: "in small letters; null if the list does not know it" },
    Measure { name: "noun", kind: MeasureType::Text, about: "in small letters; null with the verb" },
    Measure { name: "is_found", kind: MeasureType::Bool, about: "whether there is a pair; the mean is the coverage" },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerbNoun {}

fn build(value: &Value) -> Result<Box<dyn Annotator>, ParamError> {
    let params: VerbNoun = params::parse(value)?;
    Ok(Box::new(params))
}

impl Annotator for VerbNoun {
    fn measures(&self) -> &'static [Measure] {
        MEASURES
    }

    fn annotate(&self, document: &Document<'_>, record: &mut dyn RecordSink) {
        let pair = verb_noun(document.view.text());
        match &pair {
            Some((verb, noun)) => {
                record.text(verb);
                record.text(noun);
            }
            None => {
                record.null();
                record.null();
            }
        }
        record.bool(pair.is_some());
    }
}
