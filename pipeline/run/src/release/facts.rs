//! What is counted of released rows: amounts, licences, sources, languages, signals against their use.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use gristmill_core::error::Result;
use gristmill_core::schema::{CREATED, LICENSE, SOURCE, TEXT};

use super::{OPT_OUT, OPT_OUT_SIGNALS};
use crate::plan::{Done, StageCounts};
use crate::session::Sessions;

/// Facts of the released rows that card, manifest and Croissant state.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) rows: u64,
    pub(super) text_bytes: u64,
    /// Words of the texts; none where a release has no text.
    pub(super) words: Option<u64>,
    /// Rows by licence, those without under "unknown"; empty where the rows carry no licence.
    pub(super) licenses: BTreeMap<String, u64>,
    pub(super) sources: BTreeMap<String, u64>,
    pub(super) languages: BTreeMap<String, u64>,
    /// The day of the newest row.
    pub(super) newest: Option<String>,
    /// Rows that withheld themselves and were dropped or marked; none where nobody looked.
    pub(super) opted_out: Option<u64>,
}

impl Facts {
    /// Counts the rows of the parts in `data`.
    pub(super) async fn of(
        sessions: &Sessions,
        data: &Path,
        done: &Done,
        counts: Option<&StageCounts>,
        is_empty: bool,
    ) -> Result<Self> {
        let words = counts.and_then(|count| count.text_kept).map(|text| text.words);
        let mut facts = Self { rows: done.rows(), words, ..Self::default() };
        facts.opted_out = counts.and_then(|count| count.dropped.get(OPT_OUT).copied());
        if is_empty {
            return Ok(facts);
        }
        let context = sessions.open();
        context.register_parquet("released", data.to_string_lossy(), ParquetReadOptions::default()).await?;
        let schema = context.table("released").await?.schema().clone();
        let has = |name: &str| schema.field_with_unqualified_name(name).is_ok();
        if has(TEXT) {
            facts.text_bytes = number(&context, "sum(octet_length(text))").await?;
        }
        if has(CREATED) {
            facts.newest = newest(&context).await?;
        }
        if has(OPT_OUT) && facts.opted_out.is_none() {
            let marked = format!("count(*) FILTER (WHERE regexp_like({OPT_OUT}, '{OPT_OUT_SIGNALS}'))");
            facts.opted_out = Some(number(&context, &marked).await?);
        }
        for (column, counts) in
            [(LICENSE, &mut facts.licenses), (SOURCE, &mut facts.sources), ("language", &mut facts.languages)]
        {
            if has(column) {
                *counts = count_values(&context, column).await?;
            }
        }
        Ok(facts)
    }

    /// Rows whose licence is not known.
    pub(super) fn unlicensed(&self) -> u64 {
        self.licenses.get("unknown").copied().unwrap_or(0)
    }

    /// The languages that are known.
    pub(super) fn known_languages(&self) -> Vec<&str> {
        self.languages.keys().map(String::as_str).filter(|code| *code != "unknown").collect()
    }
}

async fn number(context: &SessionContext, sql: &str) -> Result<u64> {
    let batches = context.sql(&format!("SELECT {sql} FROM released")).await?.collect().await?;
    let value = batches.first().map(|batch| batch.column(0).as_primitive::<Int64Type>().value(0));
    Ok(value.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

/// The first ten characters of a time stamp are its day.
async fn newest(context: &SessionContext) -> Result<Option<String>> {
    let query = format!("SELECT arrow_cast(CAST(max({CREATED}) AS VARCHAR), 'Utf8') FROM released");
    let batches = context.sql(&query).await?.collect().await?;
    let column = batches.first().map(|batch| batch.column(0).as_string::<i32>().clone());
    Ok(column.filter(|column| column.is_valid(0)).map(|column| column.value(0).chars().take(10).collect()))
}

async fn count_values(context: &SessionContext, column: &str) -> Result<BTreeMap<String, u64>> {
    let query = format!("SELECT arrow_cast(coalesce({column}, 'unknown'), 'Utf8'), count(*) FROM released GROUP BY 1");
    let mut counts = BTreeMap::new();
    for batch in context.sql(&query).await?.collect().await? {
        let (names, numbers) = (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Int64Type>());
        for row in 0..names.len() {
            counts.insert(names.value(row).to_owned(), u64::try_from(numbers.value(row)).unwrap_or(0));
        }
    }
    Ok(counts)
}
