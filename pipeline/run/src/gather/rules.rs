//! Rules: what each dropped, alone and beside the others, how its measure lies around the limit, what another limit
//! would keep.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::{Array, AsArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::record_batch::RecordBatch;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use gristmill_core::error::Error;
use serde_json::Value;

use super::limit::{Limited, keeps};
use super::measured::Paths;
use super::values::{Nearest, Values, histogram, sample_hash};
use crate::RunError;
use crate::commands::{stages, text};
use crate::report::model::{Example, Limit, RuleReport, WhatIf, WhatIfPoint};

/// Other limits shown for a rule.
const POINTS: usize = 6;

/// One rule while its rows are read.
struct Gathered {
    report: RuleReport,
    limited: Option<Limited>,
    /// The number of its measure's path.
    path: usize,
    kept: Values,
    dropped: Values,
    /// Rows that fail this rule and no other.
    marginal: Values,
    kept_nearest: Nearest,
    dropped_nearest: Nearest,
}

/// The rules of every filter of a run, and what other limits would keep.
pub(super) async fn rules(
    context: &SessionContext,
    record: &Value,
) -> Result<(Vec<RuleReport>, Vec<WhatIf>), RunError> {
    let (mut reports, mut what_if) = (Vec::new(), Vec::new());
    for stage in stages(record) {
        let keep = keep_rules(&stage["params"]);
        if keep.is_empty() {
            continue;
        }
        let seen = stage["rows"]["rows_in"].as_u64().unwrap_or(0);
        let name = text(stage, "name");
        let mut paths = Paths::default();
        let rule = |(rule, sql): &(&str, &str)| Gathered::new(name, rule, sql, seen, &stage["rows"], &mut paths);
        let mut rules: Vec<Gathered> = keep.iter().map(rule).collect();
        read_dropped(context, name, &paths, &mut rules).await?;
        if let Some(table) = table_with_measures(context, record, name).await? {
            read_kept(context, &table, name, &mut rules).await?;
        }
        let kept = stage["rows"]["kept"].as_u64().unwrap_or(0);
        for rule in rules {
            what_if.extend(rule.what_if(kept));
            reports.push(rule.finish(kept));
        }
    }
    Ok((reports, what_if))
}

/// The rules of a filter with their SQL: those of its presets in order, then its own, which replace theirs.
fn keep_rules(params: &Value) -> Vec<(&str, &str)> {
    let presets = params["presets"].as_array().into_iter().flatten();
    let tables = presets.chain([params]).filter_map(|table| table["keep"].as_object());
    let mut rules: Vec<(&str, &str)> = Vec::new();
    for (rule, sql) in tables.flatten() {
        let sql = sql.as_str().unwrap_or("");
        match rules.iter_mut().find(|(known, _)| *known == rule) {
            Some(known) => known.1 = sql,
            None => rules.push((rule, sql)),
        }
    }
    rules
}

impl Gathered {
    fn new(stage: &str, rule: &str, sql: &str, rows_seen: u64, rows: &Value, paths: &mut Paths) -> Self {
        let limited = Limited::read(sql);
        let path = limited.as_ref().map_or(0, |limited| paths.number(&limited.measure));
        let report = RuleReport {
            stage: stage.to_owned(),
            rule: rule.to_owned(),
            sql: sql.to_owned(),
            rows_seen,
            rows_dropped: rows["dropped"][rule].as_u64().unwrap_or(0),
            rows_failed: Some(0),
            rows_marginal: Some(0),
            measure: limited.as_ref().map(|limited| limited.measure.clone()),
            ..RuleReport::default()
        };
        Self {
            report,
            limited,
            path,
            kept: Values::default(),
            dropped: Values::default(),
            marginal: Values::default(),
            kept_nearest: Nearest::default(),
            dropped_nearest: Nearest::default(),
        }
    }

    fn drop_row(&mut self, row: &DroppedRow<'_>, fails: bool) {
        let alone = fails && row.n_failed == 1;
        if fails {
            *self.report.rows_failed.get_or_insert(0) += 1;
        }
        if alone {
            *self.report.rows_marginal.get_or_insert(0) += 1;
        }
        let Some(limited) = &self.limited else { return };
        let value = row.measured.get(self.path).copied().flatten();
        self.dropped.add(row.hash, value);
        if alone {
            self.marginal.add(row.hash, value);
        }
        if let Some(value) = value.filter(|_| fails) {
            self.dropped_nearest.add(limited.distance(value), || Example {
                id: row.id.to_owned(),
                url: row.url.map(str::to_owned),
                excerpt: row.excerpt.to_owned(),
                value: Some(value),
            });
        }
    }

    /// What the stage would keep were only one limit of this rule another: a table for each of its limits.
    fn what_if(&self, rows_kept: u64) -> Vec<WhatIf> {
        let Some(limited) = &self.limited else { return Vec::new() };
        let (kept, marginal) = (self.kept.sorted(), self.marginal.sorted());
        if kept.0.is_empty() {
            return Vec::new();
        }
        let table = |at: usize| {
            let current = limited.limits[at];
            let others = || limited.limits.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, limit)| *limit);
            let spread = |values: &[f64]| -> Vec<f64> {
                let n = POINTS / 2;
                (1..=n).filter_map(|i| values.get(values.len() * i / (n + 1)).copied()).collect()
            };
            // A row beyond the other limit stays dropped wherever this one lies: its value is no limit to try.
            let within: Vec<f64> =
                marginal.0.iter().copied().filter(|value| others().all(|limit| keeps(limit, *value))).collect();
            let mut values = [spread(&kept.0), spread(&within)].concat();
            values.retain(|value| *value != current.value);
            values.sort_unstable_by(f64::total_cmp);
            values.dedup();
            let count = |values: &[f64], weight: f64, limit: Limit| {
                values.iter().filter(|value| keeps(limit, **value)).count() as f64 * weight
            };
            let point = |value: f64| {
                let limit = Limit { value, ..current };
                let rows = count(&kept.0, kept.1, limit) + count(&within, marginal.1, limit);
                WhatIfPoint { limit: value, rows_kept: rows.round() as u64, words_kept: None }
            };
            WhatIf {
                stage: self.report.stage.clone(),
                rule: self.report.rule.clone(),
                measure: limited.measure.clone(),
                current,
                rows_seen: self.report.rows_seen,
                rows_kept,
                words_kept: None,
                points: values.into_iter().map(point).collect(),
            }
        };
        (0..limited.limits.len()).map(table).collect()
    }

    fn finish(mut self, rows_kept: u64) -> RuleReport {
        // Of dropped rows alone a histogram would show a limit that all lie beyond.
        let has_kept = self.kept.n > 0 || rows_kept == 0;
        if let Some(limited) = self.limited.as_ref().filter(|_| has_kept) {
            self.report.histogram = histogram(&[&self.kept, &self.dropped], &limited.limits);
        }
        self.report.kept_examples = self.kept_nearest.into_examples();
        self.report.dropped_examples = self.dropped_nearest.into_examples();
        self.report
    }
}

struct DroppedRow<'a> {
    id: &'a str,
    url: Option<&'a str>,
    /// By which rows are sampled.
    hash: u64,
    /// Rules of the stage that the row fails.
    n_failed: usize,
    /// By the number of the measure's path.
    measured: &'a [Option<f64>],
    excerpt: &'a str,
}

async fn read_dropped(
    context: &SessionContext,
    stage: &str,
    paths: &Paths,
    rules: &mut [Gathered],
) -> Result<(), RunError> {
    if !context.table_exist("ledger")? {
        return Ok(());
    }
    let query = format!(
        "SELECT arrow_cast(id, 'Utf8View'), arrow_cast(url, 'Utf8View'), arrow_cast(measured, 'Utf8View'), \
         arrow_cast(excerpt, 'Utf8View'), failed FROM ledger WHERE stage = '{stage}'"
    );
    let mut batches = context.sql(&query).await?.execute_stream().await?;
    let numbers: HashMap<String, usize> =
        rules.iter().enumerate().map(|(i, rule)| (rule.report.rule.clone(), i)).collect();
    let (mut measured, mut fails) = (Vec::new(), vec![false; rules.len()]);
    while let Some(batch) = batches.try_next().await? {
        let column = |i: usize| batch.column(i).as_string_view();
        let [id, url, measures, excerpt] = [column(0), column(1), column(2), column(3)];
        let failed = batch.column(4).as_list::<i32>();
        let names = cast(failed.values(), &DataType::Utf8View).map_err(Error::from)?;
        for row in 0..batch.num_rows() {
            let failed = failed.value_offsets()[row] as usize..failed.value_offsets()[row + 1] as usize;
            fails.fill(false);
            for name in failed.clone().filter_map(|at| valid(names.as_string_view(), at)) {
                if let Some(i) = numbers.get(name) {
                    fails[*i] = true;
                }
            }
            paths.read(valid(measures, row).unwrap_or(""), &mut measured);
            let dropped = DroppedRow {
                id: id.value(row),
                hash: sample_hash(id.value(row)),
                url: valid(url, row),
                n_failed: failed.len(),
                measured: &measured,
                excerpt: valid(excerpt, row).unwrap_or(""),
            };
            rules.iter_mut().zip(&fails).for_each(|(rule, fails)| rule.drop_row(&dropped, *fails));
        }
    }
    Ok(())
}

fn valid(column: &StringViewArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

/// The first written stage, the filter itself or one after it, whose rows still carry the filter's measures.
async fn table_with_measures(
    context: &SessionContext,
    record: &Value,
    stage: &str,
) -> Result<Option<String>, RunError> {
    let mut reached = BTreeSet::from([stage]);
    for candidate in stages(record) {
        let name = text(candidate, "name");
        let reads = candidate["input"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if name != stage && !reads.into_iter().any(|input| reached.contains(input)) {
            continue;
        }
        reached.insert(name);
        if context.table_exist(name)? {
            let frame = context.table(name).await?;
            let field = frame.schema().field_with_unqualified_name(stage);
            if field.is_ok_and(|field| field.data_type().is_nested()) {
                return Ok(Some(name.to_owned()));
            }
        }
    }
    Ok(None)
}

async fn read_kept(context: &SessionContext, table: &str, stage: &str, rules: &mut [Gathered]) -> Result<(), RunError> {
    let limited: Vec<usize> = (0..rules.len()).filter(|i| rules[*i].limited.is_some()).collect();
    let fields: Vec<String> = limited
        .iter()
        .filter_map(|i| rules[*i].limited.as_ref())
        .enumerate()
        .map(|(i, limited)| {
            let path = limited.measure.split('.');
            let field = path.fold(format!("\"{stage}\""), |outer, key| format!("get_field({outer}, '{key}')"));
            format!("arrow_cast({field}, 'Float64') AS value_{i}")
        })
        .collect();
    if fields.is_empty() {
        return Ok(());
    }
    let query = format!("SELECT arrow_cast(id, 'Utf8View'), {} FROM \"{table}\"", fields.join(", "));
    let mut batches = context.sql(&query).await?.execute_stream().await?;
    while let Some(batch) = batches.try_next().await? {
        let ids = batch.column(0).as_string_view();
        let hashes: Vec<u64> = (0..batch.num_rows()).map(|row| sample_hash(ids.value(row))).collect();
        for (at, i) in limited.iter().enumerate() {
            let values = batch.column(at + 1).as_primitive::<Float64Type>();
            let rule = &mut rules[*i];
            let Some(limited) = &rule.limited else { continue };
            for (row, hash) in hashes.iter().enumerate() {
                let value = values.is_valid(row).then(|| values.value(row));
                rule.kept.add(*hash, value);
                if let Some(value) = value {
                    rule.kept_nearest.add(limited.distance(value), || Example {
                        id: ids.value(row).to_owned(),
                        value: Some(value),
                        ..Example::default()
                    });
                }
            }
        }
    }
    add_texts(context, table, rules).await
}

/// Fetches the texts of the examples, which are few, in one more scan.
async fn add_texts(context: &SessionContext, table: &str, rules: &mut [Gathered]) -> Result<(), RunError> {
    let wanted: BTreeSet<String> = rules
        .iter()
        .flat_map(|rule| rule.kept_nearest.ids())
        .map(|id| format!("'{}'", id.replace('\'', "''")))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let has_url = context.table(table).await?.schema().field_with_unqualified_name("url").is_ok();
    let url = if has_url { "arrow_cast(url, 'Utf8View')" } else { "arrow_cast(NULL, 'Utf8View')" };
    let ids: Vec<String> = wanted.into_iter().collect();
    let query = format!(
        "SELECT arrow_cast(id, 'Utf8View'), {url}, arrow_cast(text, 'Utf8View') FROM \"{table}\" WHERE id IN ({})",
        ids.join(", ")
    );
    let mut texts: BTreeMap<String, (Option<String>, String)> = BTreeMap::new();
    for batch in context.sql(&query).await?.collect().await? {
        collect_texts(&batch, &mut texts);
    }
    rules.iter_mut().for_each(|rule| rule.kept_nearest.fill(&texts));
    Ok(())
}

/// Notes url and the beginning of the text of each row, by id.
pub(super) fn collect_texts(batch: &RecordBatch, texts: &mut BTreeMap<String, (Option<String>, String)>) {
    let column = |i: usize| batch.column(i).as_string_view();
    for row in 0..batch.num_rows() {
        let excerpt = gristmill_core::ledger::excerpt(valid(column(2), row).unwrap_or("")).to_owned();
        texts.insert(column(0).value(row).to_owned(), (valid(column(1), row).map(str::to_owned), excerpt));
    }
}
