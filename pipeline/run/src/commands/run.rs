//! `gristmill run CONFIG`

use std::fmt::Write;
use std::path::PathBuf;

use super::{ConfigCall, jobs, planned};
use crate::RunError;
use crate::engine::{Engine, EngineOptions, Log, Outcome};
use crate::plan::{Layout, make_dir};

/// Runs a config; returns what to print.
///
/// # Errors
/// See [`Engine::run`].
pub async fn run(call: &ConfigCall, out: Option<PathBuf>, log: Log) -> Result<String, RunError> {
    let (plan, sessions) = planned(call)?;
    let root = out.unwrap_or_else(|| PathBuf::from("runs").join(&plan.config.run.name));
    make_dir(&root)?;
    let layout = Layout::new(&root);
    let engine = Engine::new(plan, layout, sessions, EngineOptions { jobs: jobs(call), log, rehearse: false });
    let outcome = engine.run().await?;
    let page = super::report::report(&root).await?;
    let mut text = summary(&outcome, &root.display().to_string());
    text.push('\n');
    text.push_str(&page);
    Ok(text)
}

/// The funnel as a table.
fn summary(outcome: &Outcome, root: &str) -> String {
    let width = outcome.stages.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max(5);
    let mut table = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(table, "{:width$}  {:>10}  {:>10}  {:>10}  dropped most by", "stage", "in", "kept", "dropped");
    for (name, count) in &outcome.stages {
        let dropped: u64 = count.dropped.values().sum();
        let mut by: Vec<(&String, &u64)> = count.dropped.iter().collect();
        by.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let by: Vec<String> = by.iter().take(4).map(|(rule, n)| format!("{rule} {n}")).collect();
        let line =
            format!("{name:width$}  {:>10}  {:>10}  {dropped:>10}  {}", count.rows_in, count.kept, by.join(", "));
        let _ = writeln!(table, "{}", line.trim_end());
    }
    let _ = writeln!(table, "\nrun directory: {root}");
    let _ = write!(
        table,
        "ask `gristmill why {root} ID` about a document, `gristmill sql --run {root} 'SELECT …'` about all"
    );
    table
}
