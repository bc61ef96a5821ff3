//! `[worker.NAME]`: what it says and what it may say.

use std::path::PathBuf;

use gristmill_core::params::{self, ParamError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::openai_table::OpenAiTable;
use super::shorten::Shorten;
use crate::ngram::NgramSettings;
use crate::pool::PoolSettings;
use crate::request::Identity;
use crate::route::RouteSettings;

/// A worker as the config describes it.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// What it is.
    pub kind: Kind,
    /// How it is asked.
    pub pool: PoolSettings,
    /// Where its replies are written for replay, if anywhere.
    pub record: Option<PathBuf>,
    /// Whether requests that failed in an earlier attempt for reasons of their own (too long for the context, refused)
    /// are sent again instead of failing from the journal, as after the server's context was made longer.
    pub ask_failures_again: bool,
    /// How a request is asked again that is too long for the model's context; none to let it fail.
    pub shorten_reply: Option<Shorten>,
    /// Size of its model in any unit that is the same for all workers; weighed by learned routing.
    pub size: f64,
    /// What its replies depend on, as far as the config says it; part of the fingerprint of the stages that ask it.
    pub depends_on: Value,
}

/// What a worker is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A server that speaks OpenAI's protocol.
    Openai(Box<OpenAiTable>),
    /// The embedded n-gram model.
    Ngram(NgramTable),
    /// A recording.
    Replay(ReplayTable),
    /// One of several other workers for each row or request.
    Route(RouteTable),
}

/// A worker that is one of several others: `worker = ["a", "b"]` with a `route` in a stage.
#[derive(Debug, Clone)]
pub struct RouteTable {
    /// The others, none of them a route.
    pub workers: Vec<String>,
    /// How one is chosen.
    pub settings: RouteSettings,
}

/// `kind = "ngram"`.
#[derive(Debug, Clone, Default)]
pub struct NgramTable {
    /// What it is fitted on; none for the input of the stage that asks.
    pub files: Vec<PathBuf>,
    /// How it is fitted.
    pub model: NgramSettings,
}

/// `kind = "replay"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayTable {
    /// The recording: JSON lines.
    pub file: PathBuf,
    /// The model whose requests it answers; none for the recording's own.
    pub identity: Option<Identity>,
}

/// Requests of a file where the table does not say it.
const BATCH_REQUESTS: u64 = 10_000;
/// A batch takes a day, and may be sent again where it failed.
const BATCH_SECONDS: f64 = 7.0 * 24.0 * 3600.0;
/// Keys that belong to every kind.
pub(super) const OWN_KEYS: &[&str] = &["record", "size", "ask_failures_again", "shorten_reply"];
/// Keys of the budget that may stand in the worker's table itself.
const BUDGET_KEYS: &[&str] = &["max_requests", "max_tokens", "max_cost", "price_per_million"];

impl WorkerSettings {
    /// A worker that is one of several others; `depends_on` is what theirs is.
    pub fn route(workers: Vec<String>, settings: RouteSettings, depends_on: &[Value]) -> Self {
        let depends_on = json!(["route", settings, workers, depends_on]);
        let kind = Kind::Route(RouteTable { workers, settings });
        Self {
            kind,
            pool: PoolSettings::default(),
            record: None,
            size: 0.0,
            ask_failures_again: false,
            shorten_reply: None,
            depends_on,
        }
    }

    /// The workers that are asked in the end: itself under its name, or those a route chooses from.
    pub fn asked<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        match &self.kind {
            Kind::Route(table) => table.workers.iter().map(String::as_str).collect(),
            _ => vec![name],
        }
    }

    /// Reads a worker's table.
    ///
    /// # Errors
    /// The path of the offending key and what was expected.
    pub fn parse(table: &Value) -> Result<Self, ParamError> {
        let table = table.as_object().ok_or_else(|| ParamError { path: vec![], message: "not a table".into() })?;
        let (mut pool, mut own, mut of_kind) = (Map::new(), Map::new(), Map::new());
        let pool_keys = serde_json::to_value(PoolSettings::default()).unwrap_or_default();
        for (key, value) in table.iter().filter(|(key, _)| *key != "kind") {
            if BUDGET_KEYS.contains(&key.as_str()) {
                let budget = pool.entry("budget").or_insert_with(|| json!({}));
                if let Some(budget) = budget.as_object_mut() {
                    budget.insert(key.clone(), value.clone());
                }
            } else if pool_keys.get(key).is_some() {
                pool.insert(key.clone(), value.clone());
            } else if OWN_KEYS.contains(&key.as_str()) {
                own.insert(key.clone(), value.clone());
            } else {
                of_kind.insert(key.clone(), value.clone());
            }
        }
        if let Some(batch) = of_kind.get("batch") {
            for_batches(&mut pool, batch)?;
        }
        let pool: PoolSettings = params::parse(&Value::Object(pool))?;
        if let Some(problem) = pool.problems().into_iter().next() {
            let key = problem.split(' ').find(|word| pool_keys.get(word.split('.').next().unwrap_or("")).is_some());
            return Err(ParamError { path: key.into_iter().map(str::to_owned).collect(), message: problem });
        }
        let (kind, depends_on) = kind(table.get("kind").and_then(Value::as_str), Value::Object(of_kind))?;
        let OwnKeys { record, size, ask_failures_again, shorten_reply } = params::parse(&Value::Object(own))?;
        if let Some(rule) = &shorten_reply {
            rule.check().map_err(|error| error.under("shorten_reply"))?;
        }
        // Rows that failed as too long may now be rows.
        let depends_on = shorten_reply.as_ref().map_or(depends_on.clone(), |rule| json!([depends_on, rule]));
        Ok(Self { kind, pool, record, ask_failures_again, shorten_reply, size, depends_on })
    }
}

/// Keys that belong to every kind.
#[derive(Default, Deserialize)]
#[serde(default)]
struct OwnKeys {
    record: Option<PathBuf>,
    size: f64,
    ask_failures_again: bool,
    shorten_reply: Option<Shorten>,
}

/// What a worker is, and what its replies depend on.
fn kind(name: Option<&str>, table: Value) -> Result<(Kind, Value), ParamError> {
    match name {
        Some("openai") => {
            let table: OpenAiTable = params::parse(&table)?;
            let depends_on = json!(["openai", table.model, table.revision]);
            Ok((Kind::Openai(Box::new(table)), depends_on))
        }
        Some("ngram") => ngram(table),
        Some("replay") => {
            let table: ReplayTable = params::parse(&table)?;
            let depends_on = json!(["replay", stamp(&table.file), table.identity]);
            Ok((Kind::Replay(table), depends_on))
        }
        None | Some("") => {
            Err(ParamError { path: vec![], message: "it has no `kind`: openai, ngram or replay".into() })
        }
        Some(other) => {
            let message = format!("unknown kind of worker \"{other}\"; there are openai, ngram and replay");
            Err(ParamError::at("kind", message))
        }
    }
}

fn ngram(mut own: Value) -> Result<(Kind, Value), ParamError> {
    let files = own.as_object_mut().and_then(|own| own.shift_remove("files")).unwrap_or_else(|| json!([]));
    let expected = "expected a list of files: .jsonl rows, or plain texts";
    let files: Vec<PathBuf> = serde_json::from_value(files).map_err(|_| ParamError::at("files", expected))?;
    if let Some(missing) = files.iter().find(|path| !path.is_file()) {
        return Err(ParamError::at("files", format!("there is no file {}", missing.display())));
    }
    let model: NgramSettings = params::parse(&own)?;
    let stamps: Vec<Value> = files.iter().map(stamp).collect();
    let depends_on = json!(["ngram", stamps, model]);
    Ok((Kind::Ngram(NgramTable { files, model }), depends_on))
}

/// Tells the pool of a worker whose requests go in files that a whole file is in flight, for as long as it takes.
fn for_batches(pool: &mut Map<String, Value>, batch: &Value) -> Result<(), ParamError> {
    let most = batch["max_requests"].as_u64().unwrap_or(BATCH_REQUESTS);
    if most == 0 {
        return Err(ParamError::at("max_requests", "expected max_requests of 1 or more").under("batch"));
    }
    if pool.get("max_in_flight").and_then(Value::as_u64).is_some_and(|n| n < most) {
        let message = format!(
            "with `batch` as many requests are in flight as a file holds: leave it out, or set {most} or more, or \
             batch.max_requests to less"
        );
        return Err(ParamError::at("max_in_flight", message));
    }
    let own = [
        ("max_in_flight", json!(most)),
        ("request_seconds", json!(BATCH_SECONDS)),
        ("adaptive", json!({ "enabled": false })),
    ];
    for (key, value) in own {
        pool.entry(key).or_insert(value);
    }
    Ok(())
}

/// What tells whether a file has changed.
fn stamp(path: impl AsRef<std::path::Path>) -> Value {
    let path = path.as_ref();
    let about = std::fs::metadata(path).ok();
    let modified = about.as_ref().and_then(|about| about.modified().ok()).map(|time| format!("{time:?}"));
    json!([path, about.map(|about| about.len()), modified])
}
