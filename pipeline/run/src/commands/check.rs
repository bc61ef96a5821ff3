//! `gristmill check CONFIG [--deep]`

use gristmill_core::error::Error;
use gristmill_core::stage::Stage;

use super::{ConfigCall, planned};
use crate::RunError;

/// Checks a config; returns what to print.
///
/// # Errors
/// Every complaint about it; with `deep`, also the first file that cannot be read.
pub fn check(call: &ConfigCall, deep: bool) -> Result<String, RunError> {
    let (plan, _) = planned(call)?;
    let mut lines: Vec<String> = plan.warnings.iter().map(|warning| format!("warning: {warning}")).collect();
    if deep {
        for node in &plan.nodes {
            let Stage::Source(source) = &node.stage else { continue };
            let all: Vec<usize> = (0..source.schema().fields().len()).collect();
            for shard in source.shards() {
                // The first batch shows whether the file is what it is said to be.
                if let Some(batch) = source.open(shard, &all)?.next() {
                    batch.map_err(|error: Error| error)?;
                }
            }
            lines.push(format!("{}: {} shards open", node.decl.name, source.shards().len()));
        }
    }
    lines.push(format!("{} is fine: {} stages", call.config.display(), plan.nodes.len()));
    Ok(lines.join("\n"))
}
