//! Short answers held against a reference: equal, and the share of words in common.
//!
//! Source: the evaluation script of SQuAD 2.0, Rajpurkar et al. 2018 (P18-2124); what is normalised and how answers without
//! words count is said in `gristmill_core::measures::answers`.

use gristmill_core::annotator::{Comparison, ComparisonEntry, Measure, MeasureType, ParamDoc, RecordSink};
use gristmill_core::measures::answers::{normalise, token_f1};
use gristmill_core::params::{self, ParamError};
use serde::Deserialize;
use serde_json::Value;

const SOURCE: &str = "the evaluation script of SQuAD 2.0, Rajpurkar et al. 2018 (P18-2124)";

const PARAMS: &[ParamDoc] =
    &[ParamDoc { name: "articles", default: "\"drop\"", about: "drop or keep the English words a, an, the" }];

/// The row of the table of comparisons.
pub(super) const TOKEN_F1: ComparisonEntry = ComparisonEntry {
    name: "token_f1",
    about: "Share of words that a text and its reference have in common, after normalisation.",
    source: SOURCE,
    params: PARAMS,
    build: build_token_f1,
};

/// The row of the table of comparisons.
pub(super) const EXACT_MATCH: ComparisonEntry = ComparisonEntry {
    name: "exact_match",
    about: "Whether a text equals its reference: small letters, without punctuation and articles, single spaces.",
    source: SOURCE,
    params: PARAMS,
    build: build_exact_match,
};

const F1_MEASURES: &[Measure] = &[
    Measure { name: "precision", kind: MeasureType::Float, about: "share of the text's words, 0 to 1" },
    Measure { name: "recall", kind: MeasureType::Float, about: "share of the reference's words, 0 to 1" },
    Measure {
        name: "f1",
        kind: MeasureType::Float,
        about: "harmonic mean of the two; 1 if neither text has a word, 0 if one has none",
    },
];

const MATCH_MEASURES: &[Measure] = &[
    Measure { name: "equal", kind: MeasureType::Bool, about: "equal after normalisation" },
    Measure { name: "identical", kind: MeasureType::Bool, about: "equal to the last character" },
];

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Articles {
    #[default]
    Drop,
    Keep,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    articles: Articles,
}

impl Params {
    fn normalised(&self, text: &str) -> String {
        normalise(text, self.articles == Articles::Drop)
    }
}

struct TokenF1(Params);
struct ExactMatch(Params);

fn build_token_f1(value: &Value) -> Result<Box<dyn Comparison>, ParamError> {
    Ok(Box::new(TokenF1(params::parse(value)?)))
}

fn build_exact_match(value: &Value) -> Result<Box<dyn Comparison>, ParamError> {
    Ok(Box::new(ExactMatch(params::parse(value)?)))
}

impl Comparison for TokenF1 {
    fn measures(&self) -> &'static [Measure] {
        F1_MEASURES
    }

    fn compare(&self, text: &str, reference: &str, record: &mut dyn RecordSink) {
        let found = token_f1(&self.0.normalised(text), &self.0.normalised(reference));
        record.float(found.precision);
        record.float(found.recall);
        record.float(found.f);
    }
}

impl Comparison for ExactMatch {
    fn measures(&self) -> &'static [Measure] {
        MATCH_MEASURES
    }

    fn compare(&self, text: &str, reference: &str, record: &mut dyn RecordSink) {
        record.bool(self.0.normalised(text) == self.0.normalised(reference));
        record.bool(text == reference);
    }
}
