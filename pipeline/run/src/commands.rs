//! What the program does when asked: one module per command.

pub mod audit;
pub mod bootstrap;
pub mod check;
mod cost;
pub mod detect;
pub mod detect_default;
pub mod evaluate;
pub mod few_shot;
pub mod lm;
pub mod ops;
pub mod plan;
pub mod prevalence;
mod replies;
pub mod report;
pub mod run;
pub mod sql;
pub mod why;
pub mod zero_shot;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::RunError;
use crate::config::Config;
use crate::plan::Plan;
use crate::session::Sessions;

/// Which config, and how it is changed from outside.
#[derive(Debug, Clone, Default)]
pub struct ConfigCall {
    /// The config file.
    pub config: PathBuf,
    /// Overrides `a.b=value`.
    pub overrides: Vec<String>,
    /// Stop each source after this many rows.
    pub limit: Option<u64>,
    /// Shards worked on at a time; default: the number of cores.
    pub jobs: Option<usize>,
    /// Size of the memory pool, instead of the config's.
    pub memory: Option<String>,
}

/// Number of shards worked on at a time.
fn jobs(call: &ConfigCall) -> usize {
    call.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).max(1)
}

/// Loads and plans a config.
fn planned(call: &ConfigCall) -> Result<(Plan, Sessions), RunError> {
    let mut config = Config::load(&call.config, &call.overrides)?;
    if let Some(memory) = &call.memory {
        config.run.memory_bytes =
            crate::config::parse_bytes(memory).map_err(|m| RunError::Usage(format!("--memory: {m}")))?;
    }
    let sessions = Sessions::new(crate::registry(), config.run.memory_bytes, jobs(call))?;
    let plan = Plan::new(config, &sessions, call.limit)?;
    Ok((plan, sessions))
}

/// The record of a run directory.
pub(crate) fn record(run: &Path) -> Result<Value, RunError> {
    let path = run.join("run.json");
    match crate::plan::read_json(&path)? {
        Some(record) => Ok(record),
        None => Err(RunError::Usage(format!(
            "{} is no finished run: there is no run.json in it (give the directory that `gristmill run` printed)",
            run.display()
        ))),
    }
}

/// The stages of a run's record.
pub(crate) fn stages(record: &Value) -> impl Iterator<Item = &Value> {
    record.get("stages").and_then(Value::as_array).into_iter().flatten()
}

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}
