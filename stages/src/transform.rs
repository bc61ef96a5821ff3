//! `kind = "transform"`: rewrites texts with one operator and remembers what it did.

use std::sync::Arc;

use datafusion::dataframe::DataFrame;
use datafusion::functions::core::expr_fn::{coalesce, get_field, named_struct};
use datafusion::logical_expr::{Expr, ident, lit, when};
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::ParamError;
use gristmill_core::registry::nearest;
use gristmill_core::schema::{DROPPED_BY, TEXT};
use gristmill_core::stage::{RowStage, Stage, StageEntry, StageSpec};
use serde_json::{Map, Value};

use crate::annotate::TRANSFORMS;

/// The row of the stage table.
pub static ENTRY: StageEntry = StageEntry {
    kind: "transform",
    version: 1,
    about: "Rewrites the text of every document with one operator; its measures stay in a column named like the stage.",
    source: "each operator names its own",
    takes_input: true,
    params: &[
        ParamDoc { name: "op", default: "required", about: "the operator, e.g. \"c4_lines\"" },
        ParamDoc { name: "…", default: "", about: "the operator's own parameters, see `gristmill ops NAME`" },
    ],
    build,
};

struct Rewrite {
    stage: String,
    op: &'static str,
    measures: Vec<&'static str>,
    params: Map<String, Value>,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let mut params = spec.params.as_object().cloned().unwrap_or_default();
    let Some(Value::String(op)) = params.shift_remove("op") else {
        return Err(ParamError::at("op", "expected the name of a transform: op = \"c4_lines\""));
    };
    let Some(entry) = TRANSFORMS.iter().find(|entry| entry.name == op) else {
        let hint = nearest(&op, TRANSFORMS.iter().map(|entry| entry.name))
            .map_or_else(|| "see `gristmill ops`".to_owned(), |name| format!("did you mean \"{name}\"?"));
        return Err(ParamError::at("op", format!("unknown transform \"{op}\"; {hint}")));
    };
    let transform = (entry.build)(&Value::Object(params.clone()))?;
    let measures = transform.measures().iter().map(|measure| measure.name).collect();
    Ok(Stage::Row(Arc::new(Rewrite { stage: spec.name.to_owned(), op: entry.name, measures, params })))
}

impl RowStage for Rewrite {
    fn rewrites(&self) -> bool {
        true
    }

    fn apply(&self, input: DataFrame) -> Result<DataFrame> {
        let columns: Vec<String> = input.schema().fields().iter().map(|field| field.name().clone()).collect();
        let udf = input.task_ctx().scalar_functions().get(self.op).cloned();
        let udf = udf.ok_or_else(|| Error::Bug(format!("the function {} is not registered", self.op)))?;
        let call = udf.call(vec![ident(TEXT), lit(Value::Object(self.params.clone()).to_string())]);
        let result = when(ident(DROPPED_BY).is_null(), call).end()?.alias("_rewritten");
        let with_result = input.select(columns.iter().map(ident).chain([result]).collect::<Vec<_>>())?;
        let text = coalesce(vec![get_field(ident("_rewritten"), "text"), ident(TEXT)]).alias(TEXT);
        let mut all: Vec<Expr> = columns.iter().map(|c| if c == TEXT { text.clone() } else { ident(c) }).collect();
        if !self.measures.is_empty() {
            let pairs = self.measures.iter().flat_map(|m| [lit(*m), get_field(ident("_rewritten"), *m)]).collect();
            all.push(named_struct(pairs).alias(&self.stage));
        }
        Ok(with_result.select(all)?)
    }
}
