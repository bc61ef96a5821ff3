//! `kind = "sample"`: a seeded draw of documents.
//!
//! The draw is a hash of (run seed, stage, document id): the same documents whatever the order, partition or thread.
//! A share of the documents is drawn row by row; an exact number needs a look at all identifiers first.

mod exactly;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, Float64Array};
use arrow::datatypes::DataType;
use datafusion::common::types::{logical_int64, logical_string};
use datafusion::common::{Result as DfResult, ScalarValue, exec_err};
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::{
    Coercion, ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignatureClass,
    Volatility, ident, lit, when,
};
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{DROPPED_BY, ID};
use gristmill_core::seed;
use gristmill_core::stage::{RowStage, Stage, StageEntry, StageSpec};
use gristmill_core::udf::string_argument;
use serde::Deserialize;

/// The row of the stage table.
pub static ENTRY: StageEntry = StageEntry {
    kind: "sample",
    version: 1,
    about: "Keeps a seeded random share or number of the documents; the others are dropped by the rule `drawn`.",
    source: "Bernoulli sampling by hash; bottom-k sampling by hash (Cohen and Kaplan 2007)",
    takes_input: true,
    params: &[
        ParamDoc { name: "fraction", default: "this or n", about: "share of documents to keep, in [0, 1]" },
        ParamDoc {
            name: "n",
            default: "this or fraction",
            about: "number of documents to keep; all, if there are fewer",
        },
    ],
    build,
};

const RULE: &str = "drawn";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    fraction: Option<f64>,
    n: Option<usize>,
}

struct Sample {
    stage: String,
    seed: u64,
    fraction: f64,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    let (stage, seed) = (spec.name.to_owned(), seed::stage_seed(spec.seed, spec.name));
    match (params.fraction, params.n) {
        (Some(fraction), None) if (0.0..=1.0).contains(&fraction) => {
            Ok(Stage::Row(Arc::new(Sample { stage, seed, fraction })))
        }
        (Some(_), None) => Err(ParamError::at("fraction", "expected a number in [0, 1]")),
        (None, Some(n)) => Ok(Stage::Solver(Arc::new(exactly::Exactly { stage, seed, n }))),
        _ => Err(ParamError::at("fraction", "give either `fraction` or `n`")),
    }
}

impl RowStage for Sample {
    fn apply(&self, input: DataFrame) -> Result<DataFrame> {
        let columns: Vec<String> = input.schema().fields().iter().map(|field| field.name().clone()).collect();
        let udf = input.task_ctx().scalar_functions().get("draw").cloned();
        let udf = udf.ok_or_else(|| Error::Bug("the function draw is not registered".into()))?;
        // SQL has no unsigned literal: the seed travels as the Int64 of the same bits.
        let draw = udf.call(vec![ident(ID), lit(i64::from_ne_bytes(self.seed.to_ne_bytes()))]);
        let rule = lit(ScalarValue::Utf8View(Some(format!("{}.{RULE}", self.stage))));
        let dropped = when(ident(DROPPED_BY).is_not_null(), ident(DROPPED_BY))
            .when(draw.gt_eq(lit(self.fraction)), rule)
            .otherwise(lit(ScalarValue::Utf8View(None)))?
            .alias(DROPPED_BY);
        let all: Vec<Expr> = columns.iter().map(|c| if c == DROPPED_BY { dropped.clone() } else { ident(c) }).collect();
        Ok(input.select(all)?)
    }

    fn rules(&self) -> Vec<String> {
        vec![RULE.into()]
    }
}

/// The SQL function `draw(id, seed)`: a uniform number in `[0, 1)`.
pub fn function() -> ScalarUDF {
    let string = Coercion::new_exact(TypeSignatureClass::Native(logical_string()));
    let number = Coercion::new_exact(TypeSignatureClass::Native(logical_int64()));
    ScalarUDF::from(Draw { signature: Signature::coercible(vec![string, number], Volatility::Immutable) })
}

#[derive(Debug)]
struct Draw {
    signature: Signature,
}

impl PartialEq for Draw {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Draw {}
impl Hash for Draw {
    fn hash<H: Hasher>(&self, state: &mut H) {
        "draw".hash(state);
    }
}

impl ScalarUDFImpl for Draw {
    fn name(&self) -> &'static str {
        "draw"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Float64)
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let Some(ColumnarValue::Scalar(ScalarValue::Int64(Some(seed)))) = args.args.get(1) else {
            return exec_err!("draw: the seed must be a whole number");
        };
        let seed = u64::from_ne_bytes(seed.to_ne_bytes());
        let ids = string_argument(&args.args[0], args.number_rows)?;
        let draws: Float64Array =
            (0..ids.len()).map(|row| ids.is_valid(row).then(|| seed::unit(seed, ids.value(row)))).collect();
        Ok(ColumnarValue::Array(Arc::new(draws)))
    }
}
