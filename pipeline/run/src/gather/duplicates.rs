//! Deduplication stages: how large clusters are, and pairs to judge by eye.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, AsArray};
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use serde_json::Value;

use super::rules::collect_texts;
use crate::RunError;
use crate::commands::{stages, text};
use crate::report::model::{Cluster, DedupReport, Example, PairExample, SizeBin};

/// Clusters and pairs shown.
const SHOWN: usize = 5;

/// A duplicate that may be shown.
struct Pair {
    survivor: String,
    dropped: Example,
    similarity: Option<f64>,
}

/// The deduplication stages of a run.
pub(super) async fn duplicates(context: &SessionContext, record: &Value) -> Result<Vec<DedupReport>, RunError> {
    let mut reports = Vec::new();
    for stage in stages(record).filter(|stage| text(stage, "kind").starts_with("dedup.")) {
        let name = text(stage, "name");
        let dropped = stage["rows"]["dropped"].as_object().into_iter().flatten();
        let mut report = DedupReport {
            stage: name.to_owned(),
            method: method(stage),
            rows_in: stage["rows"]["rows_in"].as_u64().unwrap_or(0),
            rows_dropped: dropped.filter_map(|(_, n)| n.as_u64()).sum(),
            ..DedupReport::default()
        };
        let (sizes, pairs) = read(context, name).await?;
        report.clusters = sizes.len() as u64;
        report.sizes = bins(sizes.values().copied());
        let mut largest: Vec<(&String, &u64)> = sizes.iter().collect();
        largest.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        largest.truncate(SHOWN);
        let wanted: Vec<String> =
            largest.iter().map(|(id, _)| (*id).clone()).chain(pairs.iter().map(|pair| pair.survivor.clone())).collect();
        let texts = survivors(context, record, name, &wanted).await?;
        let example = |id: &str| {
            let (url, excerpt) = texts.get(id).cloned().unwrap_or_default();
            Example { id: id.to_owned(), url, excerpt, value: None }
        };
        report.largest = largest.iter().map(|(id, n)| Cluster { rows: **n, example: example(id) }).collect();
        let pair = |pair: Pair| PairExample {
            kept: example(&pair.survivor),
            dropped: pair.dropped,
            similarity: pair.similarity,
        };
        report.pairs = pairs.into_iter().map(pair).collect();
        reports.push(report);
    }
    Ok(reports)
}

fn method(stage: &Value) -> String {
    let kind = text(stage, "kind").trim_start_matches("dedup.");
    let params: Vec<String> =
        stage["params"].as_object().into_iter().flatten().map(|(key, value)| format!("{key} = {value}")).collect();
    if params.is_empty() { kind.to_owned() } else { format!("{kind}, {}", params.join(", ")) }
}

/// Cluster sizes by survivor, and the pairs that are least alike, which are the ones to doubt.
async fn read(context: &SessionContext, stage: &str) -> Result<(HashMap<String, u64>, Vec<Pair>), RunError> {
    let (mut sizes, mut pairs): (HashMap<String, u64>, Vec<Pair>) = (HashMap::new(), Vec::new());
    if !context.table_exist("ledger")? {
        return Ok((sizes, pairs));
    }
    let query = format!(
        "SELECT arrow_cast(id, 'Utf8View'), arrow_cast(url, 'Utf8View'), arrow_cast(measured, 'Utf8View'), \
         arrow_cast(excerpt, 'Utf8View') FROM ledger WHERE stage = '{stage}'"
    );
    let mut batches = context.sql(&query).await?.execute_stream().await?;
    while let Some(batch) = batches.try_next().await? {
        let column = |i: usize| batch.column(i).as_string_view();
        for row in 0..batch.num_rows() {
            let evidence: Value = serde_json::from_str(column(2).value(row)).unwrap_or_default();
            let Some(survivor) = evidence["survivor"].as_str() else { continue };
            *sizes.entry(survivor.to_owned()).or_insert(1) += 1;
            let similarity = evidence["jaccard_verified"].as_f64().or(evidence["jaccard_estimated"].as_f64());
            let order = |pair: &Pair| (pair.similarity.unwrap_or(1.0), pair.dropped.id.clone());
            let id = column(0).value(row);
            if pairs.len() == SHOWN
                && pairs.last().is_some_and(|last| order(last) <= (similarity.unwrap_or(1.0), id.to_owned()))
            {
                continue;
            }
            let url = column(1).is_valid(row).then(|| column(1).value(row).to_owned());
            let excerpt = column(3).value(row).to_owned();
            let dropped = Example { id: id.to_owned(), url, excerpt, value: None };
            pairs.push(Pair { survivor: survivor.to_owned(), dropped, similarity });
            pairs.sort_by(|a, b| order(a).partial_cmp(&order(b)).unwrap_or(std::cmp::Ordering::Equal));
            pairs.truncate(SHOWN);
        }
    }
    Ok((sizes, pairs))
}

/// Sizes in bins 2, 3 to 4, 5 to 8, …
fn bins(sizes: impl Iterator<Item = u64>) -> Vec<SizeBin> {
    let mut bins: BTreeMap<u64, SizeBin> = BTreeMap::new();
    for size in sizes {
        let high = size.max(2).next_power_of_two();
        let bin = bins.entry(high).or_insert(SizeBin { low: high / 2 + 1, high, clusters: 0, rows: 0 });
        bin.clusters += 1;
        bin.rows += size;
    }
    bins.into_values().collect()
}

/// Url and text of survivors, from any written stage at or before or after the deduplication that still has them.
async fn survivors(
    context: &SessionContext,
    record: &Value,
    stage: &str,
    ids: &[String],
) -> Result<BTreeMap<String, (Option<String>, String)>, RunError> {
    let mut texts = BTreeMap::new();
    if ids.is_empty() {
        return Ok(texts);
    }
    let quoted: Vec<String> = ids.iter().map(|id| format!("'{}'", id.replace('\'', "''"))).collect();
    let own = stages(record).filter(|other| text(other, "name") == stage);
    for other in own.chain(stages(record)) {
        let name = text(other, "name");
        if !context.table_exist(name)? {
            continue;
        }
        let schema = context.table(name).await?.schema().clone();
        let has = |column: &str| schema.field_with_unqualified_name(column).is_ok();
        if !has("id") || !has("text") {
            continue;
        }
        let url = if has("url") { "arrow_cast(url, 'Utf8View')" } else { "arrow_cast(NULL, 'Utf8View')" };
        let query = format!(
            "SELECT arrow_cast(id, 'Utf8View'), {url}, arrow_cast(text, 'Utf8View') FROM \"{name}\" WHERE id IN ({})",
            quoted.join(", ")
        );
        for batch in context.sql(&query).await?.collect().await? {
            collect_texts(&batch, &mut texts);
        }
        if ids.iter().all(|id| texts.contains_key(id)) {
            break;
        }
    }
    Ok(texts)
}
