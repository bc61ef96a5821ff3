//! How many runs of one to four words a text shares with its reference.
//!
//! Source: Papineni et al. 2002 (P02-1040) as sacrebleu 2.6 computes it for a sentence; see
//! `gristmill_core::measures::bleu`. The score of a corpus is not the mean of these.

use gristmill_core::annotator::{Comparison, ComparisonEntry, Measure, MeasureType, ParamDoc, RecordSink};
use gristmill_core::measures::bleu::Counter;
use gristmill_core::params::{self, ParamError};
use serde::Deserialize;
use serde_json::Value;

/// The row of the table of comparisons.
pub(super) const ENTRY: ComparisonEntry = ComparisonEntry {
    name: "bleu",
    about: "Sentence BLEU of a text against its reference.",
    source: "Papineni et al. 2002 (P02-1040); the numbers of sacrebleu 2.6, tokenizer 13a, smoothing exp",
    params: &[ParamDoc { name: "lowercase", default: "false", about: "compare small letters" }],
    build,
};

const MEASURES: &[Measure] = &[
    Measure {
        name: "score",
        kind: MeasureType::Float,
        about: "0 to 100, as sacrebleu prints it; 0 for a text of fewer than four words",
    },
    Measure { name: "precision1", kind: MeasureType::Float, about: "words that the reference has, 0 to 100" },
    Measure { name: "precision2", kind: MeasureType::Float, about: "the same for runs of two words, smoothed" },
    Measure { name: "precision3", kind: MeasureType::Float, about: "of three" },
    Measure { name: "precision4", kind: MeasureType::Float, about: "of four" },
    Measure {
        name: "brevity_penalty",
        kind: MeasureType::Float,
        about: "1 for a text as long as its reference or longer, else less, above 0",
    },
    Measure { name: "n_words", kind: MeasureType::Int, about: "words and punctuation marks of the text" },
    Measure { name: "n_reference_words", kind: MeasureType::Int, about: "those of the reference" },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    lowercase: bool,
}

fn build(value: &Value) -> Result<Box<dyn Comparison>, ParamError> {
    let params: Params = params::parse(value)?;
    Ok(Box::new(params))
}

impl Comparison for Params {
    fn measures(&self) -> &'static [Measure] {
        MEASURES
    }

    fn compare(&self, text: &str, reference: &str, record: &mut dyn RecordSink) {
        let counts = Counter::default().count(text, reference, self.lowercase);
        let bleu = counts.score();
        record.float(bleu.score);
        bleu.precisions.iter().for_each(|precision| record.float(*precision));
        record.float(bleu.brevity_penalty);
        record.int(counts.n_words);
        record.int(counts.n_reference_words);
    }
}
