//! Shares, rates and sums that follow from a run's figures.
//!
//! The page shows percentages, so `report.json` must hold them: they are computed here once, and both read them.
//! A share of nothing is `None`, not zero.

use serde::Serialize;

use super::model::{LmReport, RuleReport, RunReport, StageFunnel, TOKENS_PER_BYTE, Volume, WhatIf, estimated_tokens};

/// What follows from the figures of a run; its lists run parallel to the report's.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Derived {
    /// Tokens that are estimated for a byte of text.
    pub tokens_per_byte: f64,
    /// What came out as a share of what went in, by rows.
    pub rows_out_share: Option<f64>,
    /// The same by words.
    pub words_out_share: Option<f64>,
    /// The same by tokens.
    pub tokens_out_share: Option<f64>,
    /// The same by bytes.
    pub bytes_out_share: Option<f64>,
    /// Warnings, and stages whose rows do not add up.
    pub concerns: u64,
    /// Rows that went in or were made.
    pub rows_all: u64,
    /// Rows that the stages made.
    pub rows_made: u64,
    /// Rows that the stages dropped.
    pub rows_dropped: u64,
    /// Where the rows went: out, dropped by a stage, or left in a branch that nothing released.
    pub fates: Vec<Fate>,
    /// Shares of each stage.
    pub stages: Vec<StageShares>,
    /// Shares of each rule.
    pub rules: Vec<RuleShares>,
    /// Dropped share of each deduplication stage.
    pub dedup_dropped_share: Vec<Option<f64>>,
    /// Sums over the workers, and their shares.
    pub lm: Option<LmSums>,
    /// Retention of each what-if table: of its points, and last of the run's own limit.
    pub what_if: Vec<Vec<Retention>>,
}

/// Where some of the rows went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fate {
    /// The stage that dropped them; none for those that came out or stayed.
    pub stage: Option<String>,
    /// How they fared.
    pub kind: FateKind,
    /// Rows.
    pub rows: u64,
    /// Share of all rows, 0 to 1; none if there were none.
    pub share: Option<f64>,
}

/// How rows fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FateKind {
    /// They came out.
    CameOut,
    /// A stage dropped them.
    Dropped,
    /// Neither: a branch kept them and nothing released them.
    Stayed,
}

/// Shares of a stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct StageShares {
    /// Rows dropped by all rules.
    pub rows_dropped: u64,
    /// These as a share of the rows that entered or were made.
    pub dropped_share: Option<f64>,
    /// Rows kept as a share of all rows of the run; above 1 if several branches read them.
    pub left_share: Option<f64>,
    /// Rows dropped as a share of all rows of the run.
    pub dropped_of_all_share: Option<f64>,
    /// Dropped words as a share of those that entered.
    pub words_dropped_share: Option<f64>,
    /// Tokens that left, estimated.
    pub tokens_kept: Option<u64>,
    /// Rows that entered or were made, per second.
    pub rows_per_second: Option<f64>,
    /// Each rule's rows as a share of the stage's.
    pub rule_shares: Vec<Option<f64>>,
    /// Rows kept and dropped that did not enter (positive), or rows that are missing from them (negative).
    pub imbalance: i64,
}

/// Shares of a rule, of the rows that were judged.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RuleShares {
    /// Rows recorded under the rule.
    pub dropped_share: Option<f64>,
    /// Rows that fail it.
    pub failed_share: Option<f64>,
    /// Rows that fail only it.
    pub marginal_share: Option<f64>,
}

/// Sums over the workers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LmSums {
    /// Requests.
    pub requests: u64,
    /// Requests answered from the cache.
    pub cached: u64,
    /// Their share.
    pub cached_share: Option<f64>,
    /// Requests that failed.
    pub failed: u64,
    /// Their share.
    pub failed_share: Option<f64>,
    /// Tokens sent.
    pub tokens_in: u64,
    /// Tokens received.
    pub tokens_out: u64,
    /// Known costs.
    pub cost: Option<f64>,
    /// Shares of each worker.
    pub workers: Vec<WorkerShares>,
}

/// Shares of a worker's requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct WorkerShares {
    /// Answered from the cache.
    pub cached_share: Option<f64>,
    /// Failed for good.
    pub failed: u64,
    /// Their share.
    pub failed_share: Option<f64>,
    /// Cut off, as a share of the answered ones.
    pub truncated_share: Option<f64>,
}

/// What a stage keeps under another limit.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Retention {
    /// Share of the judged rows.
    pub kept_share: Option<f64>,
    /// Rows more (positive) or fewer than under the run's limit.
    pub change_rows: i64,
}

impl Derived {
    /// Computes all of it.
    pub fn of(report: &RunReport) -> Self {
        let (went_in, came_out) = (&report.went_in, &report.came_out);
        let share = |of: fn(&Volume) -> Option<u64>| part(of(came_out)?, of(went_in)?);
        let rows_made = sum(report.funnel.iter().map(|stage| stage.rows_made));
        let rows_all = went_in.rows.saturating_add(rows_made);
        let stages: Vec<StageShares> = report.funnel.iter().map(|stage| stage_shares(stage, rows_all)).collect();
        let unbalanced = stages.iter().filter(|stage| stage.imbalance != 0).count();
        Self {
            concerns: (report.warnings.len() + unbalanced) as u64,
            rows_out_share: part(came_out.rows, went_in.rows),
            words_out_share: share(|v| v.words),
            tokens_out_share: share(|v| v.tokens),
            tokens_per_byte: TOKENS_PER_BYTE,
            bytes_out_share: share(|v| v.bytes),
            rows_all,
            rows_made,
            rows_dropped: sum(report.funnel.iter().map(dropped)),
            fates: fates(report, rows_all),
            stages,
            rules: report.rules.iter().map(rule_shares).collect(),
            dedup_dropped_share: report.dedup.iter().map(|stage| part(stage.rows_dropped, stage.rows_in)).collect(),
            lm: report.lm.as_ref().map(lm_sums),
            what_if: report.what_if.iter().map(retention).collect(),
        }
    }
}

/// `some` as a share of `all`; none of nothing.
fn part(some: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| some as f64 / all as f64)
}

fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

/// `a - b`, at the bounds of i64 if it lies outside.
fn difference(a: u64, b: u64) -> i64 {
    i64::try_from(i128::from(a) - i128::from(b)).unwrap_or(if a > b { i64::MAX } else { i64::MIN })
}

fn dropped(stage: &StageFunnel) -> u64 {
    sum(stage.dropped.iter().map(|rule| rule.rows))
}

fn fates(report: &RunReport, rows_all: u64) -> Vec<Fate> {
    let out = report.came_out.rows;
    let fate = |stage: Option<&str>, kind, rows| Fate {
        stage: stage.map(str::to_owned),
        kind,
        rows,
        share: part(rows, rows_all),
    };
    let mut fates = vec![fate(None, FateKind::CameOut, out)];
    let stages = report.funnel.iter().filter(|stage| dropped(stage) > 0);
    fates.extend(stages.map(|stage| fate(Some(&stage.name), FateKind::Dropped, dropped(stage))));
    let told = sum(fates.iter().map(|fate| fate.rows));
    if told < rows_all {
        fates.push(fate(None, FateKind::Stayed, rows_all - told));
    }
    fates
}

fn stage_shares(stage: &StageFunnel, rows_all: u64) -> StageShares {
    let rows_dropped = dropped(stage);
    let entered = stage.rows_in.saturating_add(stage.rows_made);
    let timed = stage.seconds.filter(|seconds| *seconds > 0.0 && seconds.is_finite());
    let words = stage.text_in.zip(stage.text_kept).map(|(all, kept)| (all.words, kept.words));
    StageShares {
        rows_dropped,
        dropped_share: part(rows_dropped, entered),
        left_share: part(stage.rows_kept, rows_all),
        dropped_of_all_share: part(rows_dropped, rows_all),
        words_dropped_share: words.and_then(|(all, kept)| part(all.saturating_sub(kept), all)),
        tokens_kept: stage.text_kept.map(|text| estimated_tokens(text.bytes)),
        rows_per_second: timed.map(|seconds| entered as f64 / seconds).filter(|rate| rate.is_finite()),
        rule_shares: stage.dropped.iter().map(|rule| part(rule.rows, entered)).collect(),
        imbalance: difference(stage.rows_kept.saturating_add(rows_dropped), entered),
    }
}

fn rule_shares(rule: &RuleReport) -> RuleShares {
    let share = |rows: Option<u64>| part(rows?, rule.rows_seen);
    RuleShares {
        dropped_share: share(Some(rule.rows_dropped)),
        failed_share: share(rule.rows_failed),
        marginal_share: share(rule.rows_marginal),
    }
}

fn lm_sums(lm: &LmReport) -> LmSums {
    let workers: Vec<WorkerShares> = lm
        .workers
        .iter()
        .map(|worker| {
            let failed = sum(worker.failures.iter().map(|cause| cause.requests));
            WorkerShares {
                cached_share: part(worker.cached, worker.requests),
                failed,
                failed_share: part(failed, worker.requests),
                truncated_share: part(worker.truncated, worker.requests.saturating_sub(failed)),
            }
        })
        .collect();
    let requests = sum(lm.workers.iter().map(|worker| worker.requests));
    let cached = sum(lm.workers.iter().map(|worker| worker.cached));
    let failed = sum(workers.iter().map(|worker| worker.failed));
    let known: Vec<f64> = lm.workers.iter().filter_map(|worker| worker.cost).collect();
    LmSums {
        requests,
        cached,
        cached_share: part(cached, requests),
        failed,
        failed_share: part(failed, requests),
        tokens_in: sum(lm.workers.iter().map(|worker| worker.tokens_in)),
        tokens_out: sum(lm.workers.iter().map(|worker| worker.tokens_out)),
        cost: (!known.is_empty()).then(|| known.iter().sum()),
        workers,
    }
}

fn retention(what_if: &WhatIf) -> Vec<Retention> {
    let retain = |kept: u64| Retention {
        kept_share: part(kept, what_if.rows_seen),
        change_rows: difference(kept, what_if.rows_kept),
    };
    what_if.points.iter().map(|point| retain(point.rows_kept)).chain([retain(what_if.rows_kept)]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::model::{RuleCount, WorkerReport};
    use super::*;

    fn stage(name: &str, rows_in: u64, rows_kept: u64, drops: u64) -> StageFunnel {
        let dropped = vec![RuleCount { rule: "long".into(), rows: drops }];
        StageFunnel { name: name.into(), rows_in, rows_kept, dropped, seconds: Some(2.0), ..StageFunnel::default() }
    }

    #[test]
    fn shares_add_up() {
        let rows = |rows| Volume { rows, ..Volume::default() };
        let funnel = vec![stage("a", 100, 60, 40), stage("b", 60, 50, 10)];
        let report = RunReport { went_in: rows(100), came_out: rows(45), funnel, ..RunReport::default() };
        let derived = Derived::of(&report);
        assert_eq!(derived.rows_out_share, Some(0.45));
        assert_eq!(derived.words_out_share, None);
        let fates: Vec<(FateKind, u64)> = derived.fates.iter().map(|fate| (fate.kind, fate.rows)).collect();
        let expected =
            [(FateKind::CameOut, 45), (FateKind::Dropped, 40), (FateKind::Dropped, 10), (FateKind::Stayed, 5)];
        assert_eq!(fates, expected);
        assert_eq!(derived.stages[1].dropped_share, Some(10.0 / 60.0));
        assert_eq!(derived.stages[0].rows_per_second, Some(50.0));
        assert!(derived.stages.iter().all(|stage| stage.imbalance == 0));
    }

    #[test]
    fn nothing_and_too_much_are_no_error() {
        assert_eq!(Derived::of(&RunReport::default()).rows_out_share, None);
        let mut odd = stage("a", u64::MAX, u64::MAX, u64::MAX);
        odd.rows_made = u64::MAX;
        odd.seconds = Some(f64::MIN_POSITIVE);
        let worker = WorkerReport { requests: 0, cached: 5, cost: Some(f64::MAX), ..WorkerReport::default() };
        let lm = LmReport { workers: vec![worker.clone(), worker], ..LmReport::default() };
        let report = RunReport { funnel: vec![odd], lm: Some(lm), ..RunReport::default() };
        let derived = Derived::of(&report);
        assert_eq!(derived.lm.map(|lm| lm.cached_share), Some(None));
        assert_eq!(derived.stages[0].rows_per_second, None);
    }

    #[test]
    fn a_stage_that_loses_rows_is_told() {
        let report = RunReport { funnel: vec![stage("a", 100, 60, 30)], ..RunReport::default() };
        assert_eq!(Derived::of(&report).stages[0].imbalance, -10);
    }
}
