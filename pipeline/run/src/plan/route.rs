//! `worker = ["a", "b"]` in a stage: with a `route` one of them for each row, without one each of them.
//!
//! A route becomes a worker of the run with a name of its own, so that no recipe needs to know of routes; an ensemble
//! becomes the recipe once for each worker, unless the recipe asks several workers itself.

use std::sync::Arc;

use gristmill_core::params::{self, ParamError};
use gristmill_core::registry::nearest;
use gristmill_core::stage::{Maker, Stage, StageEntry, StageSpec};
use gristmill_generators::kit::Each;
use gristmill_lm::WorkerSettings;
use gristmill_lm::route::{Learned, Policy, RouteSettings};
use gristmill_lm::workers::Kind;
use serde_json::{Map, Value, json};

use crate::config::{Config, Diagnostics, StageDecl};

/// Routes by the names that a config gives them.
const POLICIES: [(&str, Policy); 4] = [
    ("round_robin", Policy::RoundRobin),
    ("least_loaded", Policy::LeastLoaded),
    ("cheapest_ok", Policy::CheapestOk),
    ("learned", Policy::Learned),
];

/// The key under which a kind of stage names its workers, if it asks any and leaves routes to the run.
fn workers_key(entry: &StageEntry) -> Option<&'static str> {
    if entry.params.iter().any(|param| param.name == "route") {
        return None; // It has routes of its own.
    }
    ["worker", "workers"].into_iter().find(|key| entry.params.iter().any(|param| param.name == *key))
}

/// Turns the route of a stage into a worker of the run, and the stage's list of workers into that worker's name.
pub(super) fn resolve(config: &mut Config, decl: &mut StageDecl, entry: &StageEntry) -> Result<(), Diagnostics> {
    let (Some(key), Some(params)) = (workers_key(entry), decl.params.as_object_mut()) else { return Ok(()) };
    let Some(route) = params.shift_remove("route") else { return Ok(()) };
    let refuse = |error: &ParamError| Diagnostics::from(config.explain(&decl.name, error));
    let settings = settings(route).map_err(|error| refuse(&error))?;
    let members = members(params.get(key), key).map_err(|error| refuse(&error))?;
    let unknown: Vec<&String> = members.iter().filter(|name| !config.workers.contains_key(*name)).collect();
    if !unknown.is_empty() {
        let mut complaints = Diagnostics::default();
        for name in unknown {
            complaints.push(super::no_such_worker(config, &decl.name, key, name));
        }
        return Err(complaints);
    }
    let policy = POLICIES.iter().find(|(_, policy)| *policy == settings.policy).map_or("route", |(name, _)| name);
    // The stage is part of the name: what a route has learned is its stage's own, whichever stages a rerun skips.
    let name = format!("{}:{policy}({})", decl.name, members.join(","));
    let depends_on: Vec<Value> = members.iter().map(|name| chosen_by(&config.workers[name])).collect();
    params.insert(key.to_owned(), name.as_str().into());
    config.workers.insert(name, WorkerSettings::route(members, settings, &depends_on));
    Ok(())
}

/// What a choice among workers depends on: which models they are, and what the cheapest and the learned route weigh.
fn chosen_by(worker: &WorkerSettings) -> Value {
    json!([worker.depends_on, worker.pool.budget.price_per_million, worker.size])
}

/// Reads `route = "policy"` or `route = { policy = "learned", … }`.
fn settings(route: Value) -> Result<RouteSettings, ParamError> {
    let (mut table, path) = match route {
        Value::String(_) => (Map::from_iter([("policy".to_owned(), route)]), vec!["route".to_owned()]),
        Value::Object(table) => (table, vec!["route".to_owned(), "policy".to_owned()]),
        _ => return Err(ParamError::at("route", "expected a name, or a table with `policy`")),
    };
    let names = || POLICIES.iter().map(|(name, _)| *name);
    let all = names().collect::<Vec<_>>().join(", ");
    let Some(Value::String(name)) = table.shift_remove("policy") else {
        return Err(ParamError { path, message: format!("expected `policy`, one of {all}") });
    };
    let Some((_, policy)) = POLICIES.iter().find(|(known, _)| *known == name) else {
        let hint = nearest(&name, names())
            .map_or_else(|| format!("there are {all}"), |near| format!("did you mean \"{near}\"?"));
        return Err(ParamError { path, message: format!("there is no route \"{name}\"; {hint}") });
    };
    let learned: Learned = params::parse(&Value::Object(table.clone())).map_err(|error| error.under("route"))?;
    if let Some(key) = table.keys().next().filter(|_| *policy != Policy::Learned) {
        return Err(ParamError::at(key, format!("only the route \"learned\" has `{key}`")).under("route"));
    }
    if !(0.0..=1.0).contains(&learned.explore) {
        return Err(ParamError::at("explore", "expected a share between 0 and 1").under("route"));
    }
    Ok(RouteSettings { policy: *policy, learned, ..RouteSettings::default() })
}

/// The names that a route chooses from.
fn members(list: Option<&Value>, key: &str) -> Result<Vec<String>, ParamError> {
    let names = list.and_then(Value::as_array).map(|names| names.iter().filter_map(Value::as_str).collect::<Vec<_>>());
    let names = names.unwrap_or_default();
    if names.len() < 2 || list.and_then(Value::as_array).is_some_and(|all| all.len() != names.len()) {
        let message = format!("a `route` chooses among several: expected {key} = [\"…\", \"…\"]");
        return Err(ParamError::at(key, message));
    }
    if let Some(twice) = names.iter().enumerate().find_map(|(i, name)| names[..i].contains(name).then_some(*name)) {
        return Err(ParamError::at(key, format!("\"{twice}\" stands there twice")));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// Builds a stage; one with a list of workers that asks one worker itself is built once for each.
pub(super) fn build(entry: &StageEntry, spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let built = (entry.build)(spec);
    let list = spec.params.get("worker").and_then(Value::as_array);
    let (Some(list), Err(error)) = (list, &built) else { return built };
    let names: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
    if names.len() != list.len() || names.is_empty() || error.path.first().map(String::as_str) != Some("worker") {
        return built;
    }
    let mut members: Vec<(String, Arc<dyn Maker>)> = Vec::with_capacity(names.len());
    for name in names {
        let mut params = spec.params.clone();
        params["worker"] = name.into();
        match (entry.build)(&StageSpec { params: &params, ..*spec })? {
            Stage::Maker(maker) => members.push((name.to_owned(), maker)),
            _ => return built,
        }
    }
    Each::new(members).map_or(built, |each| Ok(Stage::Maker(Arc::new(each))))
}

/// Refuses a route in a stage whose rows must come from one model, and a learned one where nothing is judged or rows
/// would wait for a batch between two fits.
pub(super) fn check_routes(config: &Config, decl: &StageDecl, maker: &dyn Maker) -> Result<(), Diagnostics> {
    let uses = maker.workers();
    let routes = uses.iter().filter_map(|(_, name)| match config.workers.get(name).map(|worker| &worker.kind) {
        Some(Kind::Route(table)) => Some(table),
        _ => None,
    });
    let batches = |name: &String| match config.workers.get(name).map(|worker| &worker.kind) {
        Some(Kind::Openai(table)) => table.batch.is_some(),
        _ => false,
    };
    for route in routes {
        let is_learned = route.settings.policy == Policy::Learned;
        let message = if !maker.takes_routes() {
            format!("the rows of {} must come from one model; name one worker", decl.kind)
        } else if is_learned && !maker.judges() {
            format!(
                "{} tells no route how good its replies are; take round_robin, least_loaded or cheapest_ok",
                decl.kind
            )
        } else if is_learned && route.workers.iter().any(batches) {
            "a learned route learns every few rows, and would wait for a batch each time; take another route, or no \
             `batch`"
                .to_owned()
        } else {
            continue;
        };
        return Err(config.explain(&decl.name, &ParamError::at("route", message)).into());
    }
    Ok(())
}
