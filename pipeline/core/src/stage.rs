//! Stages: relations in, one relation out.
//!
//! A stage never deletes a row: it sets `dropped_by` to the name of the rule that ends the row's journey, and the
//! writer splits kept from dropped. Four shapes cover everything: a *source* makes rows from files; a *row stage*
//! rewrites a `DataFrame` row by row and is fused with its neighbours into one streaming pass; a *solver* needs the
//! whole relation, writes its verdicts to a small file and then applies them row by row like any row stage; a *query*
//! is SQL over its inputs; a *release* is where rows leave for the world.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::dataframe::DataFrame;
use datafusion::prelude::SessionContext;
use serde_json::Value;

use crate::annotator::ParamDoc;
use crate::error::Result;
use crate::params::ParamError;
use crate::source::{Shard, Source};

/// What a stage is built from.
pub struct StageSpec<'a> {
    /// Its name in the config.
    pub name: &'a str,
    /// Its table, without `kind`, `input` and `checkpoint`.
    pub params: &'a Value,
    /// The run's seed.
    pub seed: u64,
    /// Stop each source after this many rows.
    pub limit: Option<u64>,
}

/// A stage, ready to be planned.
pub enum Stage {
    /// Makes rows from files.
    Source(Arc<dyn Source>),
    /// Works row by row.
    Row(Arc<dyn RowStage>),
    /// Needs the whole relation, then works row by row.
    Solver(Arc<dyn Solver>),
    /// SQL over the inputs.
    Query(String),
    /// Writes a dataset for others.
    Release(Box<Value>),
}

/// A stage that works row by row.
pub trait RowStage: Send + Sync {
    /// Adds columns and sets `dropped_by`.
    ///
    /// # Errors
    /// When an expression does not fit the relation's schema; the path of a [`ParamError`] leads to the offending key.
    fn apply(&self, input: DataFrame) -> Result<DataFrame>;
    /// Names of the rules this stage may drop by, without the stage's name; empty when they are not known beforehand.
    fn rules(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A stage that must see the whole relation before it can judge a row.
#[async_trait]
pub trait Solver: Send + Sync {
    /// Reads the relation as often as it needs and writes `verdicts` (see `dedup::verdict` for the columns).
    async fn solve(&self, input: &dyn Relation, context: &SolveContext) -> Result<()>;
    /// Applies the verdicts file row by row; called before it exists, to learn the schema.
    ///
    /// # Errors
    /// When the relation lacks a column the stage needs.
    fn apply(&self, input: DataFrame, verdicts: &Path) -> Result<DataFrame>;
}

/// What a solver works with.
pub struct SolveContext {
    /// Where to write the verdicts (a temporary name; the runner commits it).
    pub verdicts: PathBuf,
    /// A folder for intermediate files, empty at start, removed afterwards.
    pub scratch: PathBuf,
    /// Bytes the solver may hold at a time.
    pub memory_bytes: usize,
    /// Number of shards that may be read at a time.
    pub jobs: usize,
}

/// A relation that can be read more than once, shard by shard.
pub trait Relation: Send + Sync {
    /// A fresh session with all functions registered, and the relation as a `DataFrame` of it: live rows only
    /// (`dropped_by` is null), columns as in the schema and the row number.
    ///
    /// # Errors
    /// When the plan cannot be made.
    fn frame(&self, context: &SessionContext) -> Result<DataFrame>;
    /// A session for such plans.
    fn session(&self) -> SessionContext;
    /// The shards; partition `i` of the physical plan reads shard `i`, and its rows are numbered `i << 32 | row`.
    fn shards(&self) -> Vec<Shard>;
}

/// A row of a stage table: everything the rest of the program knows about a kind of stage.
pub struct StageEntry {
    /// The word after `kind =`.
    pub kind: &'static str,
    /// Raised when the output changes for the same parameters: old results are then recomputed.
    pub version: u32,
    /// One sentence for `gristmill ops`.
    pub about: &'static str,
    /// Paper, tool or standard it follows.
    pub source: &'static str,
    /// Number of inputs: none for a source.
    pub takes_input: bool,
    /// Parameters.
    pub params: &'static [ParamDoc],
    /// Builds the stage.
    pub build: fn(&StageSpec<'_>) -> Result<Stage, ParamError>,
}
