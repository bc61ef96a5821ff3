//! `gristmill check CONFIG [--deep]`

use gristmill_core::error::Error;
use gristmill_core::stage::Stage;
use gristmill_lm::Workers;
use gristmill_lm::probe::ProbeSettings;

use super::{ConfigCall, planned};
use crate::RunError;
use crate::plan::Plan;

/// Checks a config; returns what to print.
///
/// # Errors
/// Every complaint about it; with `deep`, also the first file that cannot be read, and the first worker that does not
/// answer or cannot do what a stage wants of it.
pub async fn check(call: &ConfigCall, deep: bool) -> Result<String, RunError> {
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
    if deep {
        lines.extend(workers(&plan).await?);
    }
    lines.push(format!("{} is fine: {} stages", call.config.display(), plan.nodes.len()));
    Ok(lines.join("\n"))
}

/// Tries every worker that a stage names: one that cannot be reached, or cannot score where a stage wants scores, is
/// found before anything is spent.
async fn workers(plan: &Plan) -> Result<Vec<String>, RunError> {
    let probing = ProbeSettings { n_timed: 0, ..ProbeSettings::default() };
    let workers = Workers::new(plan.config.workers.clone(), None);
    let mut lines = Vec::new();
    // A route is not tried itself: those it chooses from are.
    let asked = |worker: &str| -> Vec<&str> {
        plan.config.workers.get_key_value(worker).map_or_else(Vec::new, |(name, settings)| settings.asked(name))
    };
    for name in plan.config.workers.iter().filter(|(name, it)| it.asked(name) == [name.as_str()]).map(|(name, _)| name)
    {
        let uses: Vec<(&str, String)> = plan
            .nodes
            .iter()
            .filter_map(|node| match &node.stage {
                Stage::Maker(maker) => Some((node.decl.name.as_str(), maker.workers())),
                _ => None,
            })
            .flat_map(|(stage, uses)| uses.into_iter().map(move |(key, worker)| (stage, key, worker)))
            .filter(|(_, _, worker)| asked(worker).contains(&name.as_str()))
            .map(|(stage, key, _)| (stage, key))
            .collect();
        if uses.is_empty() {
            lines.push(format!("worker {name}: no stage asks it"));
            continue;
        }
        let refuse = |cause: String| Error::Worker { worker: name.clone(), cause };
        let report = workers.probe(name, &probing).await.map_err(|e| refuse(e.message))?;
        let found = report.capabilities;
        if let Some((stage, _)) = uses.iter().find(|(_, key)| key == "scorer" && !found.score) {
            let why = found.notes.iter().filter(|note| note.contains("logprobs")).cloned().collect::<Vec<_>>();
            let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
            return Err(refuse(format!("stage {stage} needs scores of given texts, which it cannot give{why}")).into());
        }
        let can: Vec<&str> = [
            ("text", found.text),
            ("chat", found.chat),
            ("scores", found.score),
            ("JSON schemas", found.json_schema),
            ("seeds", found.seed),
        ]
        .into_iter()
        .filter_map(|(what, works)| works.then_some(what))
        .collect();
        lines.push(format!("worker {name} answers: {}", can.join(", ")));
    }
    Ok(lines)
}
