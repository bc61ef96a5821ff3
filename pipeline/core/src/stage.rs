//! Stages: relations in, one relation out.
//!
//! A stage never deletes a row: it sets `dropped_by` to the name of the rule that ends the row's journey, and the
//! writer splits kept from dropped. Five shapes cover everything: a *source* makes rows from files; a *row stage*
//! rewrites a `DataFrame` row by row and is fused with its neighbours into one streaming pass; a *solver* needs the
//! whole relation, writes its verdicts to a small file and then applies them row by row like any row stage; a *maker*
//! reads its inputs and writes rows of its own, such as generated instructions; a *query* is SQL over its inputs; a
//! *release* is where rows leave for the world.

use std::any::Any;
use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::dataframe::DataFrame;
use datafusion::prelude::SessionContext;
use serde_json::Value;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

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
    /// Takes note of the files it is built from.
    pub reads: &'a Reads,
}

/// The texts that a stage is built from besides its table: prompts, word lists, examples, in files or built in.
///
/// Another text under the same name makes another stage, so each is part of the stage's fingerprint. Whoever builds a
/// stage reads them through this, and cannot forget to say so.
#[derive(Debug, Default)]
pub struct Reads(RefCell<Vec<String>>);

impl Reads {
    /// The content of a file that `key` names; `what` it is stands in the complaint.
    ///
    /// # Errors
    /// When the file cannot be read as UTF-8 text.
    pub fn file(&self, key: &str, what: &str, path: &Path) -> Result<String, ParamError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| ParamError::at(key, format!("cannot read {what} {}: {e}", path.display())))?;
        Ok(self.text(text))
    }

    /// A text that comes with the program, or was read by other means.
    pub fn text(&self, text: impl Into<String>) -> String {
        let text = text.into();
        self.0.borrow_mut().push(format!("{:032x}", xxh3_128(text.as_bytes())));
        text
    }

    /// Takes note of a file that is read by other means; one that cannot be read is for its reader to complain about.
    pub fn note(&self, path: &Path) {
        if let Ok(hash) = content_hash(path) {
            self.0.borrow_mut().push(hash);
        }
    }

    /// Hashes of the texts, in the order in which they were read.
    pub fn hashes(&self) -> Vec<String> {
        self.0.borrow().clone()
    }
}

/// The hash of a file's content, however long it is.
///
/// # Errors
/// When it cannot be read.
pub fn content_hash(path: &Path) -> std::io::Result<String> {
    let mut hasher = Xxh3::new();
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    loop {
        let bytes = file.fill_buf()?;
        if bytes.is_empty() {
            return Ok(format!("{:032x}", hasher.digest128()));
        }
        hasher.update(bytes);
        let n_bytes = bytes.len();
        file.consume(n_bytes);
    }
}

/// A stage, ready to be planned.
pub enum Stage {
    /// Makes rows from files.
    Source(Arc<dyn Source>),
    /// Works row by row.
    Row(Arc<dyn RowStage>),
    /// Needs the whole relation, then works row by row.
    Solver(Arc<dyn Solver>),
    /// Makes rows out of other rows.
    Maker(Arc<dyn Maker>),
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
    /// Whether the texts that leave it are others than those that came in, so that their words cannot be set beside each
    /// other.
    fn rewrites(&self) -> bool {
        false
    }
}

/// A stage that must see the whole relation before it can judge a row.
#[async_trait]
pub trait Solver: Send + Sync {
    /// Reads the relation as often as it needs and writes `verdicts` (see `dedup::verdict` for the columns).
    async fn solve(&self, input: &dyn Relation, context: &SolveContext) -> Result<()>;
    /// What the verdicts depend on besides the parameters and the input, such as the content of a file it is given.
    fn depends_on(&self) -> Value {
        Value::Null
    }
    /// Whether what it writes beside the verdicts is there; if not, it is solved again.
    fn is_whole(&self) -> bool {
        true
    }
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

/// A stage whose rows are not its input's rows: it makes new ones, from a model or from rules.
#[async_trait]
pub trait Maker: Send + Sync {
    /// The columns of the rows it makes from an input with this schema, the engine's verdict columns included.
    ///
    /// # Errors
    /// When the input lacks a column the stage needs.
    fn schema(&self, input: &Schema) -> Result<SchemaRef>;
    /// Names of the rules it may drop by, without the stage's name.
    fn rules(&self) -> Vec<String> {
        Vec::new()
    }
    /// Parameters that name workers, as `(key, worker)`: each must be in the config.
    fn workers(&self) -> Vec<(String, String)> {
        Vec::new()
    }
    /// Whether it tells a route how good the replies of its workers were, so that a learned one has what to learn from.
    fn judges(&self) -> bool {
        false
    }
    /// Whether its worker may be a route, which sends each row to one of several.
    fn takes_routes(&self) -> bool {
        true
    }
    /// Makes the rows. They must depend on the input, the parameters, the seed and the workers' replies only.
    ///
    /// # Errors
    /// When a worker can do nothing more, or the disk refuses. A request that fails alone is a dropped row.
    async fn make(&self, input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()>;
}

/// What a maker works with.
pub struct MakeContext {
    /// A folder for intermediate files, empty at start, removed afterwards.
    pub scratch: PathBuf,
    /// Bytes the maker may hold at a time.
    pub memory_bytes: usize,
    /// The run's workers, a `gristmill_lm::Workers`. This crate knows no models, so it carries them unseen.
    pub workers: Arc<dyn Any + Send + Sync>,
}

/// Where a maker's rows go.
pub trait RowSink: Send {
    /// Takes rows with the columns of [`Maker::schema`]; `dropped_by` holds `stage.rule` for those that end here.
    ///
    /// # Errors
    /// When the disk refuses.
    fn write(&mut self, rows: &RecordBatch) -> Result<()>;
    /// Keeps a figure of this stage for the report, replacing an earlier one of the same name.
    fn figure(&mut self, name: &str, value: Value);
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
