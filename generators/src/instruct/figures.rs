//! Figures of a generation stage, in the layout of the report's tables: ours beside the paper's.

use std::collections::{BTreeMap, HashSet};

use gristmill_core::measures::verb_noun::verb_noun;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

/// A table with this run's figures and, where the paper gives them, the paper's.
pub(crate) fn table(title: &str, paper: &str, rows: &[(&str, Value, Value)], note: &str) -> Value {
    let rows: Vec<Value> =
        rows.iter().map(|(label, ours, theirs)| json!({ "label": label, "cells": [ours, theirs] })).collect();
    json!({
        "title": title, "subject": "figure", "columns": [{ "name": "this run" }, { "name": paper }], "rows": rows,
        "note": note,
    })
}

/// Counts by rule, in the order of `rules`; further ones follow.
pub(crate) fn by_rule(title: &str, rules: &[&str], counts: &BTreeMap<String, u64>) -> Value {
    let known = rules.iter().map(|rule| ((*rule).to_owned(), counts.get(*rule).copied().unwrap_or(0)));
    let others = counts.iter().filter(|(rule, _)| !rules.contains(&rule.as_str())).map(|(rule, n)| (rule.clone(), *n));
    let rows: Vec<Value> = known.chain(others).map(|(rule, n)| json!({ "label": rule, "cells": [n] })).collect();
    json!({ "title": title, "subject": "rule", "columns": [{ "name": "rows" }], "rows": rows })
}

/// A share; null of nothing.
pub(crate) fn share(part: u64, whole: u64) -> Value {
    if whole == 0 { Value::Null } else { json!(part as f64 / whole as f64) }
}

/// Number of words, as white space cuts them: the papers' lengths are counted so.
pub(crate) fn n_words(text: &str) -> f64 {
    text.split_whitespace().count() as f64
}

/// Mean, 10th percentile, median, 90th percentile and largest of some values; nulls of none.
pub(crate) fn spread(values: &[f64]) -> [Value; 5] {
    if values.is_empty() {
        return [const { Value::Null }; 5];
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| json!(sorted[((sorted.len() - 1) as f64 * share).round() as usize]);
    let mean = sorted.iter().sum::<f64>() / sorted.len() as f64;
    [json!(mean), at(0.1), at(0.5), at(0.9), at(1.0)]
}

/// The spread of several sorts of value, with the paper's mean of each where it gives one.
pub(crate) fn spreads(title: &str, paper: &str, rows: &[(&str, &[f64], Value)]) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|(label, values, theirs)| {
            let mut cells = spread(values).to_vec();
            cells.push(theirs.clone());
            json!({ "label": label, "cells": cells })
        })
        .collect();
    let theirs = format!("{paper}, mean");
    let columns = ["mean", "10 %", "median", "90 %", "most", &theirs].map(|name| json!({ "name": name }));
    json!({ "title": title, "subject": "figure", "columns": columns, "rows": rows })
}

/// How many values lie in each tenth of [0, 1]; the last one includes 1.
pub(crate) fn tenths(title: &str, values: &[f64]) -> Value {
    let mut counts = [0_u64; 10];
    for value in values {
        counts[((value * 10.0).floor().clamp(0.0, 9.0)) as usize] += 1;
    }
    let rows: Vec<Value> = counts
        .iter()
        .enumerate()
        .map(|(i, n)| json!({ "label": format!("0.{i} to {:.1}", (i + 1) as f64 / 10.0), "cells": [n] }))
        .collect();
    json!({ "title": title, "subject": "range", "columns": [{ "name": "candidates" }], "rows": rows })
}

/// Verbs whose share is told, and objects of each: the paper's circle has so many.
const TOP_VERBS: usize = 20;
const TOP_OBJECTS: usize = 4;
/// Pairs that are named.
const NAMED_PAIRS: usize = 10;

/// How diverse instructions are: root verbs with their objects, words and pairs of words used once and again.
#[derive(Default)]
pub(crate) struct Diversity {
    n: u64,
    pairs: BTreeMap<String, BTreeMap<String, u64>>,
    words: (u64, HashSet<u64>),
    bigrams: (u64, HashSet<u64>),
}

impl Diversity {
    pub(crate) fn add(&mut self, instruction: &str) {
        self.n += 1;
        if let Some((verb, object)) = verb_noun(instruction) {
            *self.pairs.entry(verb).or_default().entry(object).or_insert(0) += 1;
        }
        let lower = instruction.to_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        self.words.0 += words.len() as u64;
        self.words.1.extend(words.iter().map(|word| xxh3_64(word.as_bytes())));
        self.bigrams.0 += words.len().saturating_sub(1) as u64;
        self.bigrams.1.extend(words.windows(2).map(|pair| xxh3_64(pair.join(" ").as_bytes())));
    }

    /// Instructions whose verb is among the commonest and whose object among its commonest.
    fn n_in_top(&self) -> u64 {
        let mut verbs: Vec<Vec<u64>> = self.pairs.values().map(|objects| objects.values().copied().collect()).collect();
        verbs.sort_by_key(|counts| std::cmp::Reverse(counts.iter().sum::<u64>()));
        let top = verbs.iter_mut().take(TOP_VERBS).map(|counts| {
            counts.sort_unstable_by(|a, b| b.cmp(a));
            counts.iter().take(TOP_OBJECTS).sum::<u64>()
        });
        top.sum()
    }

    /// The table of it.
    pub(crate) fn table(&self, paper: &str) -> Value {
        let mut pairs: Vec<(String, u64)> = self
            .pairs
            .iter()
            .flat_map(|(verb, objects)| objects.iter().map(move |(object, n)| (format!("{verb} {object}"), *n)))
            .collect();
        let n_found: u64 = pairs.iter().map(|(_, n)| n).sum();
        let mut rows = vec![
            json!({ "label": "instructions", "cells": [self.n, 52_445] }),
            json!({ "label": "with a verb and an object found", "cells": [n_found, 26_559] }),
            json!({ "label": "different pairs", "cells": [pairs.len(), null] }),
            json!({
                "label": "share in the 20 commonest verbs with their 4 commonest objects", "unit": "share",
                "cells": [share(self.n_in_top(), self.n), 0.14],
            }),
            json!({
                "label": "different words, share of all", "unit": "share",
                "cells": [share(self.words.1.len() as u64, self.words.0), null],
            }),
            json!({
                "label": "different pairs of words, share of all", "unit": "share",
                "cells": [share(self.bigrams.1.len() as u64, self.bigrams.0), null],
            }),
        ];
        pairs.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        rows.extend(pairs.iter().take(NAMED_PAIRS).map(|(pair, n)| json!({ "label": pair, "cells": [n, null] })));
        json!({
            "title": "diversity of instructions", "subject": "figure",
            "columns": [{ "name": "this run" }, { "name": paper }], "rows": rows,
            "note": "Verbs and objects are looked up in lists, for English only; the paper's were parsed, so the \
                     shares found do not compare.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_counted_by_hand() {
        let values: Vec<f64> = (0..=10).map(f64::from).collect();
        assert_eq!(spread(&values), [5.0, 1.0, 5.0, 9.0, 10.0].map(|value| json!(value)));
        assert_eq!(spread(&[]), [const { Value::Null }; 5]);
        let told = tenths("t", &[0.0, 0.05, 0.7, 1.0]);
        let counts: Vec<u64> =
            told["rows"].as_array().unwrap().iter().map(|row| row["cells"][0].as_u64().unwrap()).collect();
        assert_eq!(counts, [2, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
    }

    #[test]
    fn diversity_counts_pairs_and_repeated_words() {
        let mut diversity = Diversity::default();
        for instruction in ["Write a poem.", "Write a poem.", "Sort the list."] {
            diversity.add(instruction);
        }
        let told = diversity.table("paper");
        let cell = |i: usize| told["rows"][i]["cells"][0].clone();
        // 3 instructions, all with a pair, 2 different ones; words: write a poem. sort the list. = 6 of 9; pairs 4 of 6.
        assert_eq!([cell(0), cell(1), cell(2), cell(3)], [json!(3), json!(3), json!(2), json!(1.0)]);
        assert_eq!([cell(4), cell(5)], [json!(6.0 / 9.0), json!(4.0 / 6.0)]);
        assert_eq!(told["rows"][6]["label"], "write poem");
    }
}
