//! `kind = "detect"`: every document scored by a detector of machine text, and named rules over what it says.
//!
//! A filter with one measure, `machine = { op = "machine_text", … }`, and nothing of its own: the measures are the
//! operator's, the rules are those of any filter, and each document is read once however many rules there are. It stands
//! as a kind of its own because this is the one measure that is worth a stage without any rule: scores as columns, with
//! which a later stage, an audit or a query decides. No threshold lives here; a verdict is the model's calibration.
//!
//! Source: the operator `machine_text`.

use std::sync::Arc;

use datafusion::dataframe::DataFrame;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::stage::{RowStage, Stage, StageEntry, StageSpec};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::filter::{Filter, own_rules};

/// The operator that measures.
const OPERATOR: &str = "machine_text";
/// What its measures are called in rules and columns.
const MEASURE: &str = "machine";

/// The row of the stage table.
pub static ENTRY: StageEntry = StageEntry {
    kind: "detect",
    version: 1,
    about: "Scores every document by a detector of machine text, the embedded heads or a model of yours; keeps by rules, if any.",
    source: "a filter over the operator machine_text",
    takes_input: true,
    params: &[
        ParamDoc {
            name: "model",
            default: "the embedded heads",
            about: "file of `gristmill detect train`, `bootstrap` or `calibrate`",
        },
        ParamDoc { name: "domain", default: "\"\"", about: "the domain whose calibration gives the model's verdict" },
        ParamDoc { name: "min_words", default: "80", about: "shorter texts have no scores" },
        ParamDoc { name: "max_bytes", default: "100000", about: "looks at no more than so many bytes from the start" },
        ParamDoc { name: "column", default: "\"text\"", about: "the column of texts that is read" },
        ParamDoc {
            name: "keep",
            default: "{}",
            about: "rule = \"SQL over machine.… and columns\", as in a filter; without rules nothing is dropped",
        },
    ],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    model: Option<String>,
    domain: Option<String>,
    min_words: Option<u64>,
    max_bytes: Option<u64>,
    column: Option<String>,
    #[serde(default)]
    keep: Map<String, Value>,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    let mut call = Map::new();
    call.insert("op".into(), OPERATOR.into());
    let given = [
        ("model", params.model.map(Value::from)),
        ("domain", params.domain.map(Value::from)),
        ("min_words", params.min_words.map(Value::from)),
        ("max_bytes", params.max_bytes.map(Value::from)),
        ("column", params.column.map(Value::from)),
    ];
    call.extend(given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    let measure = [(MEASURE.to_owned(), json!(call))].into_iter().collect();
    Ok(Stage::Row(Arc::new(Detect(Filter::new(spec.name, measure, own_rules(&params.keep)?)))))
}

struct Detect(Filter);

impl RowStage for Detect {
    fn apply(&self, input: DataFrame) -> Result<DataFrame> {
        self.0.apply(input).map_err(|error| match error {
            Error::Param(param) => at_own_key(param).into(),
            other => other,
        })
    }

    fn rules(&self) -> Vec<String> {
        self.0.rules()
    }
}

/// A refusal of the measure's parameter leads to the stage's, which is where it was written.
fn at_own_key(mut param: ParamError) -> ParamError {
    let of_measure = ["measure", MEASURE];
    if param.path.len() >= 2 && param.path.iter().zip(of_measure).all(|(key, of)| key == of) {
        param.path.drain(..2);
    }
    param
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_parameter_is_told_where_it_stands() {
        let of_measure =
            ParamError { path: ["measure", "machine", "model"].map(str::to_owned).to_vec(), message: String::new() };
        assert_eq!(at_own_key(of_measure).path, ["model"]);
        let of_rule = ParamError { path: ["keep", "human"].map(str::to_owned).to_vec(), message: String::new() };
        assert_eq!(at_own_key(of_rule).path, ["keep", "human"]);
    }
}
