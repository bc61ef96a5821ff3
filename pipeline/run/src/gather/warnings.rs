//! What a person should look at in a finished run.

use serde_json::Value;

use crate::commands::{stages, text};
use crate::report::model::{RuleReport, RunReport, Warning, WarningKind};

/// When a rule is worth a look: a choice of ours, for a rule that few documents meet says nothing by its silence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WarningLimits {
    /// Documents that a rule must have judged.
    pub(super) min_rows: u64,
    /// Share of them above which it drops too much.
    pub(super) dropped_share: f64,
}

impl Default for WarningLimits {
    fn default() -> Self {
        Self { min_rows: 10_000, dropped_share: 0.99 }
    }
}

/// A rule that drops all but everything, or nothing, of many documents.
fn of_rule(rule: &RuleReport, limits: WarningLimits) -> Option<Warning> {
    let subject = format!("{}.{}", rule.stage, rule.rule);
    if rule.rows_seen < limits.min_rows {
        return None;
    }
    let share = rule.rows_failed.unwrap_or(rule.rows_dropped) as f64 / rule.rows_seen.max(1) as f64;
    if share > limits.dropped_share {
        let message = format!("The rule drops {:.1} % of the rows it judges.", share * 100.0);
        return Some(Warning { kind: WarningKind::DroppedTooMuch, subject, message, count: rule.rows_failed });
    }
    let message = format!("The rule dropped nothing of {} documents.", rule.rows_seen);
    (rule.rows_failed == Some(0)).then_some(Warning {
        kind: WarningKind::RuleNeverFired,
        subject,
        message,
        count: None,
    })
}

/// All warnings, the gravest kind first.
pub(super) fn warnings(record: &Value, report: &RunReport, limits: WarningLimits) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let Some(release) = &report.release {
        let unknown = release.licences.iter().filter(|licence| licence.name == "unknown").map(|l| l.rows).sum::<u64>();
        if unknown > 0 {
            let message = "Released rows state no licence.".to_owned();
            let subject = release.stage.clone();
            warnings.push(Warning { kind: WarningKind::Licence, subject, message, count: Some(unknown) });
        }
    }
    warnings.extend(report.rules.iter().filter_map(|rule| of_rule(rule, limits)));
    for worker in report.lm.iter().flat_map(|lm| &lm.workers) {
        let failed: u64 = worker.failures.iter().map(|failure| failure.requests).sum();
        if failed > 0 {
            let message = "Requests failed for good; the ledger has each with its cause.".to_owned();
            let subject = worker.name.clone();
            warnings.push(Warning { kind: WarningKind::WorkerFailed, subject, message, count: Some(failed) });
        }
    }
    for source in stages(record).filter(|stage| stage["input"].as_array().is_none_or(Vec::is_empty)) {
        let bad: u64 = source["rows"]["dropped"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(rule, _)| rule.starts_with("bad_"))
            .filter_map(|(_, n)| n.as_u64())
            .sum();
        if bad > 0 {
            let message = "Records could not be read; the ledger names each with file and place.".to_owned();
            let subject = text(source, "name").to_owned();
            warnings.push(Warning { kind: WarningKind::BadRecords, subject, message, count: Some(bad) });
        }
    }
    for message in record["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let (kind, message) = (WarningKind::Other, message.to_owned());
        warnings.push(Warning { kind, subject: "config".into(), message, count: None });
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_told_of_only_after_many_documents() {
        let of = |rows_seen, failed| {
            let rule = RuleReport { rows_seen, rows_failed: Some(failed), ..RuleReport::default() };
            of_rule(&rule, WarningLimits::default()).map(|warning| warning.kind)
        };
        assert_eq!(of(9_999, 0), None);
        assert_eq!(of(10_000, 0), Some(WarningKind::RuleNeverFired));
        assert_eq!(of(10_000, 1), None);
        assert_eq!(of(10_000, 9_900), None);
        assert_eq!(of(10_000, 9_901), Some(WarningKind::DroppedTooMuch));
    }
}
