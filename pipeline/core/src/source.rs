//! Sources: how files become rows, in shards that do not depend on the machine.
//!
//! A shard is the unit of work, of commit and of resume: a fixed list of byte ranges of files, chosen from names and
//! sizes alone. One shard becomes one part file, so the same input gives the same parts on one core or on eight.
//! A source is read through [`table::ShardTable`], an interior plan node over a list of shards: a distributed engine
//! can slice it, where it would run a custom leaf whole in every task.

mod exec;
mod shards;
mod table;

pub use exec::ShardReadExec;
pub use shards::{InputFile, Piece, Shard, pack_files, split_file};
pub use table::ShardTable;

use std::fmt::Debug;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;

/// The batches of one shard, in order.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// Rows in a batch that carries text: small, because a row may be a long document.
pub const BATCH_ROWS: usize = 1024;
/// Bytes of text in a batch after which it is handed on even if it has few rows.
pub const BATCH_BYTES: usize = 8 << 20;

/// What a source was made from: enough for another process with the same registry to make it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A stage of the config.
    Stage {
        /// The word after `kind =`.
        kind: String,
        /// Its name in the config.
        name: String,
        /// Its table, as in [`crate::stage::StageSpec`].
        params: Value,
        /// The run's seed.
        seed: u64,
    },
    /// Part files of the engine with the source's own schema.
    Parts,
}

/// Something that turns shards into rows.
pub trait Source: Debug + Send + Sync {
    /// Columns, see [`crate::schema::source_schema`].
    fn schema(&self) -> SchemaRef;
    /// The shards, in order; a function of file names and sizes only.
    fn shards(&self) -> &[Shard];
    /// Reads one shard; yields the columns of `projection` (indices into the schema), in that order.
    ///
    /// # Errors
    /// When a file cannot be opened. A damaged record is a row with `dropped_by`, not an error.
    fn open(&self, shard: &Shard, projection: &[usize]) -> Result<Batches>;
    /// Whether reading twice costs less than writing a copy.
    fn cheap_to_rescan(&self) -> bool {
        false
    }
    /// Share of damaged records, in [0, 1], above which the run fails.
    fn max_bad_ratio(&self) -> f64 {
        1.0
    }
    /// Rules, without the stage's name, whose rows are damaged rather than unwanted; they count against
    /// [`Source::max_bad_ratio`].
    fn bad_rules(&self) -> Vec<&'static str> {
        Vec::new()
    }
}
