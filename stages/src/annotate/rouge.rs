//! How many words, pairs of words and ordered words a text shares with its reference.
//!
//! Source: Lin 2004 (W04-1013) as Google's rouge-score 0.1.2 computes it; see `gristmill_core::measures::rouge`.

use gristmill_core::annotator::{Comparison, ComparisonEntry, Measure, MeasureType, ParamDoc, RecordSink};
use gristmill_core::measures::rouge::Rouge;
use gristmill_core::measures::tokens::{Stemmer, Tokenizer};
use gristmill_core::params::{self, ParamError};
use serde::Deserialize;
use serde_json::Value;

/// The row of the table of comparisons.
pub(super) const ENTRY: ComparisonEntry = ComparisonEntry {
    name: "rouge",
    about: "ROUGE-1, ROUGE-2 and ROUGE-L of a text against its reference.",
    source: "Lin 2004 (W04-1013); the numbers of Google's rouge-score 0.1.2",
    params: &[
        ParamDoc { name: "stemmer", default: "false", about: "compare Porter stems of words of four letters and more" },
        ParamDoc {
            name: "tokenizer",
            default: "\"rouge_score\"",
            about: "rouge_score knows a to z and digits alone; script_aware has words for every script",
        },
    ],
    build,
};

const fn share(name: &'static str, about: &'static str) -> Measure {
    Measure { name, kind: MeasureType::Float, about }
}

const MEASURES: &[Measure] = &[
    share("rouge1_precision", "share of the text's words that the reference has, 0 to 1"),
    share("rouge1_recall", "share of the reference's words that the text has"),
    share("rouge1_f", "harmonic mean of the two; 0 if either text has no word"),
    share("rouge2_precision", "the same for pairs of neighbouring words"),
    share("rouge2_recall", "see rouge2_precision"),
    share("rouge2_f", "see rouge2_precision"),
    share("rouge_l_precision", "the same for the longest sequence of words in common, gaps allowed"),
    share("rouge_l_recall", "see rouge_l_precision"),
    share("rouge_l_f", "see rouge_l_precision"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    stemmer: bool,
    #[serde(default = "rouge_score")]
    tokenizer: Tokenizer,
}

fn rouge_score() -> Tokenizer {
    Tokenizer::RougeScore
}

/// A scorer that has seen no text; each pair starts from a copy of it, so that rows do not wait for each other.
struct RougeOfPairs(Rouge);

fn build(value: &Value) -> Result<Box<dyn Comparison>, ParamError> {
    let params: Params = params::parse(value)?;
    let stemmer = if params.stemmer { Stemmer::Porter } else { Stemmer::None };
    Ok(Box::new(RougeOfPairs(Rouge::with_tokenizer(params.tokenizer, stemmer))))
}

impl Comparison for RougeOfPairs {
    fn measures(&self) -> &'static [Measure] {
        MEASURES
    }

    fn compare(&self, text: &str, reference: &str, record: &mut dyn RecordSink) {
        let scores = self.0.clone().score(reference, text);
        for of in [scores.rouge1, scores.rouge2, scores.rouge_l] {
            record.float(of.precision);
            record.float(of.recall);
            record.float(of.f);
        }
    }
}
