//! What the report says of instances and of the question whether a task is classification.
//!
//! Source: the figures of Self-Instruct, Wang et al. 2023, arXiv:2212.10560, table 1.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::figures;
use crate::kit::{Outcome, Tally, text_of};

/// Counts instances, row by row of instructions.
pub(super) struct InstancesTally {
    rules: &'static [&'static str],
    paper: &'static str,
    completions: u64,
    with_instances: u64,
    unfinished: u64,
    kept: u64,
    without_input: u64,
    dropped: BTreeMap<String, u64>,
    words: [Vec<f64>; 2],
}

impl InstancesTally {
    pub(super) fn new(rules: &'static [&'static str], paper: &'static str) -> Self {
        Self {
            rules,
            paper,
            completions: 0,
            with_instances: 0,
            unfinished: 0,
            kept: 0,
            without_input: 0,
            dropped: BTreeMap::new(),
            words: Default::default(),
        }
    }
}

impl Tally for InstancesTally {
    fn see(&mut self, outcomes: &[Outcome]) {
        self.completions += 1;
        let nothing = |outcome: &Outcome| matches!(outcome, Outcome::Drop(_, rule, _) if rule == "reply_has_instances" || rule.starts_with("lm_"));
        self.with_instances += u64::from(!outcomes.iter().any(nothing));
        let row = outcomes.first().map(|outcome| match outcome {
            Outcome::Keep(row) | Outcome::Drop(row, ..) => row,
        });
        self.unfinished += u64::from(row.is_some_and(|row| text_of(row, "finish") == "length"));
        for outcome in outcomes {
            match outcome {
                Outcome::Drop(_, rule, _) => *self.dropped.entry(rule.clone()).or_insert(0) += 1,
                Outcome::Keep(row) => {
                    self.kept += 1;
                    self.without_input += u64::from(text_of(row, "input").is_empty());
                    for (words, key) in self.words.iter_mut().zip(["input", "output"]) {
                        let n = figures::n_words(text_of(row, key));
                        words.extend((n > 0.0).then_some(n));
                    }
                }
            }
        }
    }

    fn figures(self: Box<Self>) -> Vec<(&'static str, Value)> {
        // Table 1 is Self-Instruct's; there is none of Ensemble-Instruct that was read for this program.
        let theirs = |value: Value| if self.paper == "Self-Instruct" { value } else { Value::Null };
        let repeated = self.dropped.get("said_once").copied().unwrap_or(0);
        let rows = [
            ("completions", json!(self.completions), Value::Null),
            ("share of replies with instances", figures::share(self.with_instances, self.completions), Value::Null),
            ("share of replies cut at their longest", figures::share(self.unfinished, self.completions), Value::Null),
            ("instances kept", json!(self.kept), theirs(json!(82_439))),
            ("kept per completion", figures::share(self.kept, self.completions), Value::Null),
            ("repeated within an instruction", json!(repeated), Value::Null),
            ("share without input", figures::share(self.without_input, self.kept), theirs(json!(0.4352))),
        ];
        let [input, output] = &self.words;
        let spread: [(&str, &[f64], Value); 2] = [
            ("words of an input that is not empty", input, theirs(json!(12.7))),
            ("words of an output", output, theirs(json!(18.9))),
        ];
        vec![
            ("instances", figures::table("instances", self.paper, &rows, "")),
            ("instances by rule", figures::by_rule("instances dropped, by rule", self.rules, &self.dropped)),
            ("lengths", figures::spreads("lengths", self.paper, &spread)),
        ]
    }
}

/// Counts answers to the question whether a task is classification.
#[derive(Default)]
pub(super) struct ClassificationTally {
    asked: u64,
    classified: u64,
}

impl Tally for ClassificationTally {
    fn see(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            if let Outcome::Keep(row) = outcome {
                self.asked += 1;
                let yes = row.get("is_classification").and_then(Value::as_bool).unwrap_or(false);
                self.classified += u64::from(yes);
            }
        }
    }

    fn figures(self: Box<Self>) -> Vec<(&'static str, Value)> {
        let rows = [
            ("instructions", json!(self.asked), json!(52_445)),
            ("classification", json!(self.classified), json!(11_584)),
            ("share of classification", figures::share(self.classified, self.asked), json!(0.2209)),
        ];
        vec![("classification", figures::table("classification tasks", "Self-Instruct", &rows, ""))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::Row;

    #[test]
    fn shares_are_counted_by_hand() {
        let row = |input: &str, finish: &str| -> Row {
            json!({ "input": input, "output": "two words", "finish": finish }).as_object().unwrap().clone()
        };
        let mut tally = Box::new(InstancesTally::new(&["said_once"], "Self-Instruct"));
        tally.see(&[Outcome::Keep(row("", "stop")), Outcome::drop(row("", "stop"), "said_once", json!({}))]);
        tally.see(&[Outcome::Keep(row("one", "length"))]);
        tally.see(&[Outcome::drop(row("", "stop"), "reply_has_instances", json!({}))]);
        let told = tally.figures();
        let cells: Vec<&Value> = told[0].1["rows"].as_array().unwrap().iter().map(|row| &row["cells"][0]).collect();
        let expected = [json!(3), json!(2.0 / 3.0), json!(1.0 / 3.0), json!(2), json!(2.0 / 3.0), json!(1), json!(0.5)];
        assert_eq!(cells, expected.iter().collect::<Vec<_>>());
    }
}
