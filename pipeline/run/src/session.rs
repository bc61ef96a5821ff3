//! DataFusion sessions, with every setting that differs from its default and why.

use std::sync::Arc;

use datafusion::error::Result as DfResult;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use gristmill_core::registry::Registry;
use gristmill_core::source::BATCH_ROWS;

/// Makes sessions that share one memory pool.
#[derive(Clone)]
pub struct Sessions {
    registry: Registry,
    runtime: Arc<RuntimeEnv>,
    partitions: usize,
}

impl Sessions {
    /// Sessions over a pool of `memory_bytes`; sorts, joins and aggregates spill past it.
    ///
    /// # Errors
    /// When the temporary folder for spills cannot be made.
    pub fn new(registry: Registry, memory_bytes: usize, partitions: usize) -> DfResult<Self> {
        let pool = Arc::new(FairSpillPool::new(memory_bytes));
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc()?;
        Ok(Self { registry, runtime, partitions })
    }

    /// The registry whose functions the sessions know.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// A session with all functions registered.
    pub fn open(&self) -> SessionContext {
        self.open_with(self.partitions)
    }

    /// A session whose plans use `partitions` partitions; 1 makes any plan's row order repeatable.
    pub fn open_with(&self, partitions: usize) -> SessionContext {
        let state = SessionStateBuilder::new_with_default_features()
            .with_config(config(partitions))
            .with_runtime_env(Arc::clone(&self.runtime))
            .build();
        let context = SessionContext::new_with_state(state);
        self.registry.register_functions(&context);
        context
    }
}

fn config(partitions: usize) -> SessionConfig {
    let mut config = SessionConfig::new()
        // Small batches: a row may be a long document.
        .with_batch_size(BATCH_ROWS)
        .with_target_partitions(partitions)
        // A partition is a shard and becomes a part file: nothing may deal its rows out to others.
        .with_round_robin_repartition(false)
        .with_repartition_file_scans(false);
    let options = config.options_mut();
    // Pushing field access to the leaves runs a struct-valued function once per field read.
    options.optimizer.enable_leaf_expression_pushdown = false;
    // Partitions that steal files from each other differ from run to run.
    options.execution.enable_file_stream_work_stealing = false;
    // Hash joins do not spill; sort-merge joins do.
    options.optimizer.prefer_hash_join = false;
    // Statistics of part files would be read for nothing.
    options.execution.collect_statistics = false;
    // Identifiers keep their case: a stage may be called `Pages`.
    options.sql_parser.enable_ident_normalization = false;
    config
}
