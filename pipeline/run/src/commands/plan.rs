//! `gristmill plan CONFIG [--cost]`

use std::fmt::Write;
use std::path::PathBuf;

use gristmill_core::stage::Stage;

use super::{ConfigCall, planned};
use crate::RunError;
use crate::plan::{Layout, Step};

/// The DAG, the passes and what is done already; with `cost` also what the servers will be asked and paid.
///
/// # Errors
/// Every complaint about the config.
pub async fn plan(call: &ConfigCall, out: Option<PathBuf>, cost: bool) -> Result<String, RunError> {
    let (plan, _) = planned(call)?;
    let layout = Layout::new(out.unwrap_or_else(|| PathBuf::from("runs").join(&plan.config.run.name)));
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "stages of {} (run {}, seed {})",
        call.config.display(),
        plan.config.run.name,
        plan.config.run.seed
    );
    for node in &plan.nodes {
        let inputs =
            if node.decl.inputs.is_empty() { String::new() } else { format!(" <- {}", node.decl.inputs.join(", ")) };
        let shards = match &node.stage {
            Stage::Source(source) => {
                let bytes: u64 = source.shards().iter().map(gristmill_core::source::Shard::bytes).sum();
                format!("  {} shards, {:.1} MB", source.shards().len(), bytes as f64 / 1e6)
            }
            _ => String::new(),
        };
        let _ = writeln!(text, "  {:16} {:14}{inputs}  [{}]{shards}", node.decl.name, node.decl.kind, node.fingerprint);
        if let Stage::Row(stage) = &node.stage
            && !stage.rules().is_empty()
        {
            let _ = writeln!(text, "  {:16} rules: {}", "", stage.rules().join(", "));
        }
    }
    let _ = writeln!(text, "\nsteps");
    for (n, step) in plan.steps().iter().enumerate() {
        let line = match *step {
            Step::Solve(i) => {
                let done = if layout.verdicts(&plan.nodes[i]).exists() { "done" } else { "to do" };
                format!("solve {} [{done}]", plan.nodes[i].decl.name)
            }
            Step::Write(i) => {
                let names: Vec<&str> = plan.fused(i).iter().map(|j| plan.nodes[*j].decl.name.as_str()).collect();
                let done = if layout.done(&plan.nodes[i])?.is_some() { "done" } else { "to do" };
                format!("one pass: {} -> part files [{done}]", names.join(" > "))
            }
        };
        let _ = writeln!(text, "  {}. {line}", n + 1);
    }
    for warning in &plan.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    if cost {
        let _ = write!(text, "\n{}", super::cost::estimate(call, &layout).await?);
    }
    Ok(text.trim_end().to_owned())
}
