//! Figures of a generation stage, in the layout of the report's tables: ours beside the paper's.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A table with this run's figures and, where the paper gives them, the paper's.
pub(super) fn table(title: &str, paper: &str, rows: &[(&str, Value, Value)], note: &str) -> Value {
    let rows: Vec<Value> =
        rows.iter().map(|(label, ours, theirs)| json!({ "label": label, "cells": [ours, theirs] })).collect();
    json!({
        "title": title, "subject": "figure", "columns": [{ "name": "this run" }, { "name": paper }], "rows": rows,
        "note": note,
    })
}

/// Counts by rule, in the order of `rules`; further ones follow.
pub(super) fn by_rule(title: &str, rules: &[&str], counts: &BTreeMap<String, u64>) -> Value {
    let known = rules.iter().map(|rule| ((*rule).to_owned(), counts.get(*rule).copied().unwrap_or(0)));
    let others = counts.iter().filter(|(rule, _)| !rules.contains(&rule.as_str())).map(|(rule, n)| (rule.clone(), *n));
    let rows: Vec<Value> = known.chain(others).map(|(rule, n)| json!({ "label": rule, "cells": [n] })).collect();
    json!({ "title": title, "subject": "rule", "columns": [{ "name": "rows" }], "rows": rows })
}

/// Median and mean of some values; null of none.
pub(super) fn middle(values: &mut [f64]) -> (Value, Value) {
    if values.is_empty() {
        return (Value::Null, Value::Null);
    }
    values.sort_unstable_by(f64::total_cmp);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (json!(values[values.len() / 2]), json!(mean))
}

/// A share; null of nothing.
pub(super) fn share(part: u64, whole: u64) -> Value {
    if whole == 0 { Value::Null } else { json!(part as f64 / whole as f64) }
}
