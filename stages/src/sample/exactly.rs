//! Exactly n documents: those whose identifiers have the n smallest hashes.
//!
//! A sample of 100 is part of the sample of 1,000 with the same seed, and a document that joins the input changes the sample by
//! one document at most. Documents with the same identifier are told apart by their place. Memory: 16 bytes per document
//! of the sample and shard being read, whatever the size of the input.

use std::collections::BinaryHeap;
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, UInt64Type};
use async_trait::async_trait;
use datafusion::dataframe::DataFrame;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{Expr, ident, lit, when};
use datafusion::scalar::ScalarValue;
use gristmill_core::error::{Error, Result};
use gristmill_core::schema::{DROPPED_BY, ID, ROW};
use gristmill_core::seed;
use gristmill_core::stage::{Relation, SolveContext, Solver};

use super::RULE;
use crate::dedup::scan;
use crate::verdict::{self, Verdict};

pub(super) struct Exactly {
    pub(super) stage: String,
    pub(super) seed: u64,
    pub(super) n: usize,
}

/// The documents of least hash so far, the largest of them on top.
type Least = BinaryHeap<(u64, u64)>;

fn offer(least: &mut Least, entry: (u64, u64), n: usize) {
    if least.len() < n {
        least.push(entry);
    } else if let Some(mut top) = least.peek_mut()
        && entry < *top
    {
        *top = entry;
    }
}

#[async_trait]
impl Solver for Exactly {
    async fn solve(&self, input: &dyn Relation, context: &SolveContext) -> Result<()> {
        let (seed, n) = (self.seed, self.n);
        let mut least = Least::new();
        let each = move |_, state: &mut Least, batch: &arrow::record_batch::RecordBatch| {
            let rows = batch.column(0).as_primitive::<UInt64Type>().values();
            let ids = arrow::compute::cast(batch.column(1), &DataType::Utf8View)?;
            for (row, id) in rows.iter().zip(ids.as_string_view()) {
                offer(state, (seed::draw(seed, id.unwrap_or_default()), *row), n);
            }
            Ok(())
        };
        scan::scan(input, vec![ident(ROW), ident(ID)], context.jobs, each, |_, shard: Least| {
            shard.into_iter().for_each(|entry| offer(&mut least, entry, n));
            Ok(())
        })
        .await?;
        let mut rows: Vec<u64> = least.into_iter().map(|(_, row)| row).collect();
        rows.sort_unstable();
        // The file names those that stay: as a rule they are few.
        let stays = |row| Ok(Verdict { row, rule: Some(RULE), evidence: None, cluster: None });
        verdict::write(&context.verdicts, rows.into_iter().map(stays))
    }

    fn apply(&self, input: DataFrame, verdicts: &Path) -> Result<DataFrame> {
        let columns: Vec<String> = input.schema().fields().iter().map(|field| field.name().clone()).collect();
        let udf = input.task_ctx().scalar_functions().get("verdict").cloned();
        let udf = udf.ok_or_else(|| Error::Bug("the function verdict is not registered".into()))?;
        let call = udf.call(vec![ident(ROW), lit(verdicts.to_string_lossy().into_owned())]);
        let rule = lit(ScalarValue::Utf8View(Some(format!("{}.{RULE}", self.stage))));
        let dropped = when(ident(DROPPED_BY).is_not_null(), ident(DROPPED_BY))
            .when(get_field(call, "rule").is_null(), rule)
            .otherwise(lit(ScalarValue::Utf8View(None)))?
            .alias(DROPPED_BY);
        let all: Vec<Expr> = columns.iter().map(|c| if c == DROPPED_BY { dropped.clone() } else { ident(c) }).collect();
        Ok(input.select(all)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_are_kept_whatever_the_order() {
        let entries: Vec<(u64, u64)> = (0..100u64).map(|row| (row.wrapping_mul(7919) % 101, row)).collect();
        let kept = |order: &mut dyn Iterator<Item = &(u64, u64)>| {
            let mut least = Least::new();
            order.for_each(|entry| offer(&mut least, *entry, 10));
            least.into_sorted_vec()
        };
        let mut sorted = entries.clone();
        sorted.sort_unstable();
        assert_eq!(kept(&mut entries.iter()), sorted[..10]);
        assert_eq!(kept(&mut entries.iter().rev()), sorted[..10]);
        let mut none = Least::new();
        offer(&mut none, (1, 1), 0);
        assert!(none.is_empty());
    }
}
