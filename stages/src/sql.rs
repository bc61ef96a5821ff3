//! `kind = "sql"`: the escape hatch for everything relational.

use gristmill_core::annotator::ParamDoc;
use gristmill_core::params::{self, ParamError};
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use serde::Deserialize;

/// The row of the stage table.
pub static ENTRY: StageEntry = StageEntry {
    kind: "sql",
    version: 1,
    about: "A SQL query over its inputs, each a table named like its stage; rows come out in the query's order on one core.",
    source: "DataFusion SQL",
    takes_input: true,
    params: &[ParamDoc {
        name: "query", default: "required", about: "SELECT … FROM <input>; must yield id and text"
    }],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    query: String,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    Ok(Stage::Query(params.query))
}
