//! Two audits side by side: what moved, and whether it moved further than sampling does.

use super::finding::{Audit, Estimate, Finding, Level};
use serde::{Deserialize, Serialize};

/// A metric that both audits hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The metric's name.
    pub metric: String,
    /// The field.
    pub field: String,
    /// The name on the page.
    pub title: String,
    /// The judged number of the older audit.
    pub old: Option<f64>,
    /// The judged number of the newer audit.
    pub new: Option<f64>,
    /// New less old.
    pub difference: Option<f64>,
    /// The level of the older audit.
    pub old_level: Level,
    /// The level of the newer audit.
    pub new_level: Level,
    /// Whether the intervals of the compared values do not overlap; none where one has none.
    pub is_beyond_chance: Option<bool>,
}

/// Two audits compared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Metrics of both, in the newer audit's order.
    pub changes: Vec<Change>,
    /// Metrics (with field) that only the newer audit holds a number of.
    pub appeared: Vec<String>,
    /// Metrics (with field) that only the older audit holds a number of.
    pub vanished: Vec<String>,
    /// What makes the two less comparable, such as other settings or another reference.
    pub cautions: Vec<String>,
}

impl Comparison {
    /// Metrics whose level got worse, the unknown ones left out.
    pub fn worsened(&self) -> impl Iterator<Item = &Change> {
        let is_known = |level: Level| level >= Level::Ok;
        self.changes.iter().filter(move |change| {
            is_known(change.old_level) && is_known(change.new_level) && change.new_level > change.old_level
        })
    }
}

/// The estimate that a finding is judged by, or nearest to it.
fn estimate(finding: &Finding) -> Option<Estimate> {
    finding.between.or(finding.candidate)
}

fn key(finding: &Finding) -> String {
    if finding.field.is_empty() { finding.metric.clone() } else { format!("{} ({})", finding.metric, finding.field) }
}

/// Compares a newer audit with an older one.
pub fn compare(old: &Audit, new: &Audit) -> Comparison {
    let mut comparison = Comparison { cautions: cautions(old, new), ..Comparison::default() };
    for finding in &new.findings {
        let same = |other: &&Finding| other.metric == finding.metric && other.field == finding.field;
        let before = old.findings.iter().find(same);
        match (before.and_then(|before| before.judged), finding.judged) {
            (None, Some(_)) => comparison.appeared.push(key(finding)),
            (Some(_), None) => comparison.vanished.push(key(finding)),
            _ => {}
        }
        let Some(before) = before else { continue };
        let apart = |old: Estimate, new: Estimate| Some(old.high? < new.low? || new.high? < old.low?);
        comparison.changes.push(Change {
            metric: finding.metric.clone(),
            field: finding.field.clone(),
            title: finding.title.clone(),
            old: before.judged,
            new: finding.judged,
            difference: before.judged.zip(finding.judged).map(|(old, new)| new - old),
            old_level: before.level,
            new_level: finding.level,
            is_beyond_chance: estimate(before).zip(estimate(finding)).and_then(|(old, new)| apart(old, new)),
        });
    }
    let gone = old.findings.iter().filter(|before| {
        before.judged.is_some()
            && !new.findings.iter().any(|finding| finding.metric == before.metric && finding.field == before.field)
    });
    comparison.vanished.extend(gone.map(key));
    comparison
}

fn cautions(old: &Audit, new: &Audit) -> Vec<String> {
    let mut cautions = Vec::new();
    if old.data_type != new.data_type {
        cautions.push(format!("the older audit is of {}, the newer of {}", old.data_type.name(), new.data_type.name()));
    }
    if old.version != new.version {
        cautions.push(format!("the older audit is of format {}, the newer of format {}", old.version, new.version));
    }
    if old.params != new.params {
        cautions.push("the settings differ".to_owned());
    }
    if old.bands != new.bands {
        cautions.push(format!("levels are by `{}` and by `{}`", old.bands, new.bands));
    }
    let reference = |audit: &Audit| audit.sides.first().map(|side| (side.hash.clone(), side.n_rows));
    if reference(old) != reference(new) {
        cautions.push("the reference is another one".to_owned());
    }
    let n_rows = |audit: &Audit| audit.sides.get(1).map_or(0, |side| side.n_rows);
    let (less, more) = (n_rows(old).min(n_rows(new)), n_rows(old).max(n_rows(new)));
    if more > 2 * less {
        cautions.push(format!(
            "the candidates have {} and {} rows: measures that grow with size are not comparable",
            n_rows(old),
            n_rows(new)
        ));
    }
    cautions
}
