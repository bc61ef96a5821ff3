//! How many runs of characters, and of words, a text shares with its reference.
//!
//! Source: Popović 2015 (W15-3049) and 2017 (W17-4770) as sacrebleu 2.6 computes them; see `gristmill_core::measures::chrf`.

use gristmill_core::annotator::{Comparison, ComparisonEntry, Measure, MeasureType, ParamDoc, RecordSink};
use gristmill_core::measures::chrf::{Chrf, MAX_CHAR_ORDER};
use gristmill_core::params::{self, ParamError};
use serde::Deserialize;
use serde_json::Value;

/// The row of the table of comparisons.
pub(super) const ENTRY: ComparisonEntry = ComparisonEntry {
    name: "chrf",
    about: "chrF and chrF++ of a text against its reference, in any script.",
    source: "Popović 2015 (W15-3049), 2017 (W17-4770); the numbers of sacrebleu 2.6",
    params: &[
        ParamDoc { name: "char_order", default: "6", about: "longest run of characters, 1 to 6" },
        ParamDoc { name: "beta", default: "2", about: "how many times recall is as important as precision" },
        ParamDoc { name: "lowercase", default: "false", about: "compare small letters" },
        ParamDoc { name: "whitespace", default: "false", about: "white space is part of the runs of characters" },
    ],
    build,
};

const MEASURES: &[Measure] = &[
    Measure {
        name: "chrf",
        kind: MeasureType::Float,
        about: "0 to 100, as sacrebleu prints it; 0 if either text has no character",
    },
    Measure { name: "chrf_pp", kind: MeasureType::Float, about: "with runs of one and two words as well: chrF++" },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default = "six")]
    char_order: usize,
    #[serde(default = "two")]
    beta: f64,
    #[serde(default)]
    lowercase: bool,
    #[serde(default)]
    whitespace: bool,
}

fn six() -> usize {
    Chrf::CHRF.char_order
}
fn two() -> f64 {
    Chrf::CHRF.beta
}

struct ChrfOfPairs {
    chrf: Chrf,
    chrf_pp: Chrf,
}

fn build(value: &Value) -> Result<Box<dyn Comparison>, ParamError> {
    let params: Params = params::parse(value)?;
    if params.char_order == 0 || params.char_order > MAX_CHAR_ORDER {
        return Err(ParamError::at("char_order", format!("expected 1 to {MAX_CHAR_ORDER}")));
    }
    if params.beta.is_nan() || params.beta <= 0.0 {
        return Err(ParamError::at("beta", "expected a number above 0"));
    }
    let Params { char_order, beta, lowercase, whitespace } = params;
    let chrf = Chrf { char_order, beta, lowercase, whitespace, word_order: 0 };
    Ok(Box::new(ChrfOfPairs { chrf, chrf_pp: Chrf { word_order: Chrf::CHRF_PP.word_order, ..chrf } }))
}

impl Comparison for ChrfOfPairs {
    fn measures(&self) -> &'static [Measure] {
        MEASURES
    }

    fn compare(&self, text: &str, reference: &str, record: &mut dyn RecordSink) {
        record.float(100.0 * self.chrf.score(text, reference));
        record.float(100.0 * self.chrf_pp.score(text, reference));
    }
}
