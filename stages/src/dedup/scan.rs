//! Reading a relation shard by shard, in parallel, with results in shard order; the table of documents.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::{Expr, cast, ident};
use futures::{StreamExt, stream};
use gristmill_core::error::{Error, Result};
use gristmill_core::schema::{CREATED, ID, ROW, SOURCE, TEXT};
use gristmill_core::stage::Relation;

use super::survivor::{Policy, rank_of_f64, rank_of_i64, rank_of_source};

/// Reads some columns of every shard, `jobs` at a time; hands the state of each shard to `take`, in shard order.
///
/// # Errors
/// Those of the relation, of `each` and of `take`.
pub(crate) async fn scan<S, F>(
    relation: &dyn Relation,
    columns: Vec<Expr>,
    jobs: usize,
    each: F,
    mut take: impl FnMut(usize, S) -> Result<()>,
) -> Result<()>
where
    S: Default + Send + 'static,
    F: Fn(usize, &mut S, &RecordBatch) -> Result<()> + Send + Sync + 'static,
{
    let context = relation.session();
    let plan = relation.frame(&context)?.select(columns)?.create_physical_plan().await?;
    let each = Arc::new(each);
    let n_shards = plan.properties().output_partitioning().partition_count().min(relation.shards().len());
    let mut states = stream::iter(0..n_shards)
        .map(|shard| {
            let (plan, task, each) = (Arc::clone(&plan), context.task_ctx(), Arc::clone(&each));
            tokio::spawn(async move {
                let mut state = S::default();
                let mut batches = plan.execute(shard, task)?;
                while let Some(batch) = batches.next().await {
                    each(shard, &mut state, &batch?)?;
                }
                Ok::<S, Error>(state)
            })
        })
        .buffered(jobs.max(1));
    let mut shard = 0;
    while let Some(state) = states.next().await {
        take(shard, state.map_err(|e| Error::Bug(format!("a shard's task died: {e}")))??)?;
        shard += 1;
    }
    Ok(())
}

/// The columns that [`Documents`] and a policy need: row number, id, text, rank.
pub(super) fn columns(policy: &Policy) -> Vec<Expr> {
    let rank = match policy {
        Policy::First | Policy::Longest => ident(ROW),
        Policy::Newest => cast(ident(CREATED), DataType::Int64),
        Policy::Best(column) => cast(ident(column), DataType::Float64),
        Policy::Source(_) => ident(SOURCE),
    };
    vec![ident(ROW), ident(ID), ident(TEXT), rank.alias("_rank")]
}

/// Checks that a policy's column is there.
pub(super) fn check_policy(input: &DataFrame, policy: &Policy, stage: &str) -> Result<()> {
    match policy {
        Policy::Best(column) if input.schema().field_with_unqualified_name(column).is_err() => {
            let cause = format!("survivor = \"best:{column}\": there is no column \"{column}\"");
            Err(Error::Stage { stage: stage.to_owned(), cause })
        }
        _ => Ok(()),
    }
}

/// One batch of the columns of [`columns`].
pub(super) struct Batch<'a> {
    /// Row numbers.
    pub(super) rows: &'a [u64],
    ids: ArrayRef,
    texts: ArrayRef,
    ranks: ArrayRef,
}

impl<'a> Batch<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> Result<Self> {
        Ok(Self {
            rows: batch.column(0).as_primitive::<UInt64Type>().values(),
            ids: arrow::compute::cast(batch.column(1), &DataType::Utf8View)?,
            texts: arrow::compute::cast(batch.column(2), &DataType::Utf8View)?,
            ranks: Arc::clone(batch.column(3)),
        })
    }

    pub(super) fn id(&self, row: usize) -> &str {
        self.ids.as_string_view().value(row)
    }

    /// The text; a document without one counts as empty.
    pub(super) fn text(&self, row: usize) -> &str {
        let texts = self.texts.as_string_view();
        if texts.is_valid(row) { texts.value(row) } else { "" }
    }

    /// The rank by which a survivor is chosen; the smaller the better.
    pub(super) fn rank(&self, row: usize, policy: &Policy) -> u64 {
        match policy {
            Policy::First => 0,
            Policy::Longest => rank_of_i64(i64::try_from(self.text(row).len()).ok()),
            Policy::Newest => {
                let ranks = self.ranks.as_primitive::<Int64Type>();
                rank_of_i64(ranks.is_valid(row).then(|| ranks.value(row)))
            }
            Policy::Best(_) => {
                let ranks = self.ranks.as_primitive::<Float64Type>();
                rank_of_f64(ranks.is_valid(row).then(|| ranks.value(row)))
            }
            Policy::Source(priority) => {
                let sources = self.ranks.as_string_view();
                rank_of_source(sources.is_valid(row).then(|| sources.value(row)), priority)
            }
        }
    }
}

/// What is remembered of every document: 24 bytes and its identifier.
#[derive(Debug, Default)]
pub(super) struct Documents {
    /// Row numbers, ascending.
    pub(super) rows: Vec<u64>,
    /// Ranks; empty while the policy is `first`.
    ranks: Vec<u64>,
    id_ends: Vec<u64>,
    ids: String,
}

impl Documents {
    pub(super) fn push(&mut self, batch: &Batch<'_>, row: usize, policy: &Policy) {
        self.rows.push(batch.rows[row]);
        if *policy != Policy::First {
            self.ranks.push(batch.rank(row, policy));
        }
        self.ids.push_str(batch.id(row));
        self.id_ends.push(self.ids.len() as u64);
    }

    /// Adds a document that is in no relation.
    pub(super) fn push_known(&mut self, id: &str, policy: &Policy) {
        self.rows.push(0);
        if *policy != Policy::First {
            self.ranks.push(0);
        }
        self.ids.push_str(id);
        self.id_ends.push(self.ids.len() as u64);
    }

    pub(super) fn append(&mut self, other: &Self) {
        let base = self.ids.len() as u64;
        self.rows.extend_from_slice(&other.rows);
        self.ranks.extend_from_slice(&other.ranks);
        self.ids.push_str(&other.ids);
        self.id_ends.extend(other.id_ends.iter().map(|end| base + end));
    }

    /// Number of documents.
    ///
    /// # Errors
    /// When there are more than 2^32 - 2: a stage numbers documents with 32 bits.
    pub(super) fn n(&self, stage: &str) -> Result<u32> {
        u32::try_from(self.rows.len()).ok().filter(|n| *n < u32::MAX).ok_or_else(|| Error::Stage {
            stage: stage.to_owned(),
            cause: format!("{} documents; a dedup stage takes at most {}", self.rows.len(), u32::MAX - 1),
        })
    }

    pub(super) fn rank(&self, doc: u32) -> u64 {
        self.ranks.get(doc as usize).copied().unwrap_or(0)
    }

    pub(super) fn id(&self, doc: u32) -> &str {
        let doc = doc as usize;
        let start = if doc == 0 { 0 } else { self.id_ends[doc - 1] as usize };
        &self.ids[start..self.id_ends[doc] as usize]
    }
}

/// `survivor = "first"` and its kin, or a list of sources.
pub(super) fn policy(value: Option<&serde_json::Value>) -> Result<Policy, gristmill_core::params::ParamError> {
    use serde_json::Value;
    let refuse = || {
        let message =
            "expected \"first\", \"longest\", \"newest\", \"best:COLUMN\" or a list of sources, the best first";
        gristmill_core::params::ParamError::at("survivor", message)
    };
    match value {
        None => Ok(Policy::First),
        Some(Value::String(text)) => Policy::parse(text).ok_or_else(refuse),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .map(Policy::Source)
            .ok_or_else(refuse),
        Some(_) => Err(refuse()),
    }
}
