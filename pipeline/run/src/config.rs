//! The config file: TOML in, a checked list of stages out, every complaint with file, line and a suggestion.
//!
//! Three steps. [`document`] reads TOML into plain JSON and remembers where each key stood. [`Config::load`] takes the
//! two levels that are ours (`[run]`, `[stage.NAME]`) out of it. [`dag`] orders the stages. Parameters of stages stay
//! JSON: their own crates parse them, and a [`gristmill_core::params::ParamError`] finds its way back to the line by
//! the path of keys it carries.

pub mod dag;
mod diagnostic;
mod document;
mod presets;

use std::collections::BTreeMap;
use std::path::Path;

use gristmill_core::params::{self, ParamError};
use gristmill_core::registry::nearest;
use gristmill_lm::WorkerSettings;
use serde::Deserialize;
use serde_json::{Map, Value};

pub use diagnostic::{Diagnostic, Diagnostics};
pub use document::Document;

/// The SQL of a rule of a built-in preset.
pub fn preset_rule(preset: &str, rule: &str) -> Option<String> {
    presets::rule(preset, rule)
}

/// The text of a built-in preset.
pub fn builtin_preset(name: &str) -> Option<&'static str> {
    presets::BUILTIN.iter().find(|(builtin, _)| *builtin == name).map(|(_, text)| *text)
}

/// Names of the built-in presets, each with its one line about it.
pub fn builtin_presets() -> impl Iterator<Item = (&'static str, String)> {
    presets::BUILTIN.iter().map(|(name, text)| (*name, presets::about(text)))
}

/// Settings of the whole run.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Name of the run; output goes to `runs/NAME`.
    pub name: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Bytes of the memory pool.
    pub memory_bytes: usize,
    /// The worker of stages that need one and name none.
    pub worker: Option<String>,
}

/// A stage as the config declares it.
#[derive(Debug, Clone)]
pub struct StageDecl {
    /// Its name.
    pub name: String,
    /// The word after `kind =`.
    pub kind: String,
    /// Names of its inputs, in order.
    pub inputs: Vec<String>,
    /// Whether its rows are written even if nothing asks for it.
    pub checkpoint: bool,
    /// The rest of its table, presets resolved.
    pub params: Value,
}

/// A config file, read and checked as far as it goes without looking at data.
#[derive(Debug)]
pub struct Config {
    /// The file and where its keys stand.
    pub document: Document,
    /// `[run]`.
    pub run: RunSettings,
    /// `[stage.*]` in the order of the file.
    pub stages: Vec<StageDecl>,
    /// `[worker.*]`, by name.
    pub workers: BTreeMap<String, WorkerSettings>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunTable {
    /// None for the file's own.
    name: Option<String>,
    #[serde(default)]
    seed: u64,
    #[serde(default = "default_memory")]
    memory: String,
    worker: Option<String>,
}

fn default_memory() -> String {
    "4GiB".into()
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Inputs {
    One(String),
    Many(Vec<String>),
}

impl Config {
    /// Reads a config file and applies `--set` overrides.
    ///
    /// # Errors
    /// Every complaint that can be made without looking at data.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, Diagnostics> {
        let config = Self::read(path, overrides, &[])?;
        if config.stages.is_empty() {
            return Err(config.document.complain(&[], "there is no [stage.NAME]: nothing to run".into(), None).into());
        }
        Ok(config)
    }

    /// Reads a config for its workers: it need not have stages.
    ///
    /// # Errors
    /// As for [`Config::load`].
    pub fn load_workers(path: &Path) -> Result<Self, Diagnostics> {
        Self::read(path, &[], &[])
    }

    /// Reads a config that has tables of another kind beside its workers; those are left to the caller.
    ///
    /// # Errors
    /// As for [`Config::load`].
    pub fn load_with(path: &Path, overrides: &[String], others: &[&str]) -> Result<Self, Diagnostics> {
        Self::read(path, overrides, others)
    }

    fn read(path: &Path, overrides: &[String], others: &[&str]) -> Result<Self, Diagnostics> {
        Self::parse(Document::read(path, overrides)?, path, others)
    }

    /// A config that stands in no file.
    ///
    /// # Errors
    /// As for [`Config::load`].
    pub fn of(document: Document) -> Result<Self, Diagnostics> {
        let path = document.path().to_owned();
        Self::parse(document, &path, &[])
    }

    fn parse(document: Document, path: &Path, others: &[&str]) -> Result<Self, Diagnostics> {
        let mut complaints = Diagnostics::default();
        let root = document.value().as_object().cloned().unwrap_or_default();
        let own = ["run", "stage", "worker"].iter().chain(others).copied();
        for key in root.keys().filter(|key| own.clone().all(|known| known != key.as_str())) {
            let hint = nearest(key, own.clone()).map(|near| format!("did you mean `[{near}]`?"));
            let message = format!("unknown table `{key}`; expected [run], [stage.NAME] or [worker.NAME]");
            complaints.push(document.complain(std::slice::from_ref(key), message, hint));
        }
        let run = match run_settings(root.get("run"), path) {
            Ok(run) => Some(run),
            Err(error) => {
                complaints.push(document.explain(&["run".into()], &error));
                None
            }
        };
        let mut stages = Vec::new();
        for (name, table) in root.get("stage").and_then(Value::as_object).into_iter().flatten() {
            match stage_decl(name, table, path) {
                Ok(stage) => stages.push(stage),
                Err(error) => complaints.push(document.explain(&["stage".into(), name.clone()], &error)),
            }
        }
        let mut workers = BTreeMap::new();
        for (name, table) in root.get("worker").and_then(Value::as_object).into_iter().flatten() {
            match WorkerSettings::parse(table) {
                Ok(worker) => {
                    workers.insert(name.clone(), worker);
                }
                Err(error) => complaints.push(document.explain(&["worker".into(), name.clone()], &error)),
            }
        }
        if let Some(name) = run.as_ref().and_then(|run| run.worker.as_ref())
            && !workers.contains_key(name)
            && complaints.is_empty()
        {
            let hint =
                nearest(name, workers.keys().map(String::as_str)).map(|near| format!("did you mean \"{near}\"?"));
            complaints.push(document.complain(
                &["run".into(), "worker".into()],
                format!("there is no [worker.{name}]"),
                hint,
            ));
        }
        match run {
            Some(run) if complaints.is_empty() => Ok(Self { document, run, stages, workers }),
            _ => Err(complaints),
        }
    }

    /// A complaint about a stage's parameters.
    pub fn explain(&self, stage: &str, error: &ParamError) -> Diagnostic {
        self.document.explain(&["stage".into(), stage.into()], error)
    }
}

fn run_settings(table: Option<&Value>, config: &Path) -> Result<RunSettings, ParamError> {
    let empty = Value::Object(Map::new());
    let table: RunTable = params::parse(table.unwrap_or(&empty))?;
    let of_file = || config.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = table.name.or_else(of_file).unwrap_or_default();
    if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c)) {
        let message = "a run's name, or its file's where it has none, is made of letters, digits, `-`, `_` and `.`";
        return Err(ParamError::at("name", message));
    }
    let memory_bytes = parse_bytes(&table.memory).map_err(|message| ParamError::at("memory", message))?;
    Ok(RunSettings { name, seed: table.seed, memory_bytes, worker: table.worker })
}

fn stage_decl(name: &str, table: &Value, config: &Path) -> Result<StageDecl, ParamError> {
    let mut table = table
        .as_object()
        .cloned()
        .ok_or_else(|| ParamError { path: vec![], message: format!("[stage.{name}] is not a table") })?;
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        let message = format!("a stage's name is made of letters, digits and `_`, not \"{name}\"");
        return Err(ParamError { path: vec![], message });
    }
    let kind = match table.shift_remove("kind") {
        Some(Value::String(kind)) => kind,
        Some(_) => return Err(ParamError::at("kind", "expected a string, the kind of stage")),
        None => {
            return Err(ParamError {
                path: vec![],
                message: format!("[stage.{name}] has no `kind`; see `gristmill ops`"),
            });
        }
    };
    let inputs = match table.shift_remove("input").map(serde_json::from_value) {
        None => Vec::new(),
        Some(Ok(Inputs::One(one))) => vec![one],
        Some(Ok(Inputs::Many(many))) => many,
        Some(Err(_)) => return Err(ParamError::at("input", "expected the name of a stage or a list of names")),
    };
    let checkpoint = match table.shift_remove("checkpoint") {
        None => false,
        Some(Value::Bool(flag)) => flag,
        Some(_) => return Err(ParamError::at("checkpoint", "expected true or false")),
    };
    if kind == "filter" {
        presets::resolve(&mut table, config)?;
    }
    Ok(StageDecl { name: name.into(), kind, inputs, checkpoint, params: Value::Object(table) })
}

/// Reads a size: `512MiB`, `4GiB`, `2GB`, `1000000`.
///
/// # Errors
/// A sentence that says what was expected.
pub fn parse_bytes(text: &str) -> Result<usize, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let scale: f64 = match text[end..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024.0 * 1024.0,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "t" | "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        unit => return Err(format!("unknown unit \"{unit}\" in \"{text}\"; write a size like \"4GiB\" or \"512MiB\"")),
    };
    let number: f64 =
        text[..end].parse().map_err(|_| format!("\"{text}\" is not a size; write one like \"4GiB\" or \"512MiB\""))?;
    Ok((number * scale) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_bytes("4GiB"), Ok(4 << 30));
        assert_eq!(parse_bytes("1.5 kB"), Ok(1500));
        assert_eq!(parse_bytes("77"), Ok(77));
        assert!(parse_bytes("4 bananas").is_err());
        assert!(parse_bytes("").is_err());
    }
}
