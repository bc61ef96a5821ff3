//! `gristmill ops [NAME]`: the reference of operators, stages and workers.

use std::fmt::Write;

use gristmill_core::annotator::{Measure, ParamDoc};
use gristmill_core::registry::{Registry, nearest};
use gristmill_lm::workers::reference::{COMMON, KINDS};
use serde_json::json;

use crate::RunError;
use crate::config::builtin_presets;

/// The reference, or one page of it.
///
/// # Errors
/// When there is no operator, stage, preset or worker of that name.
pub fn ops(name: Option<&str>) -> Result<String, RunError> {
    let registry = crate::registry();
    match name {
        None => Ok(list(&registry)),
        Some(name) => page(&registry, name).ok_or_else(|| unknown(&registry, name)),
    }
}

fn list(registry: &Registry) -> String {
    let mut out = String::from("stages (kind = \"…\")\n");
    // Writing to a String cannot fail.
    for entry in registry.stages() {
        let _ = writeln!(out, "  {:18} {}", entry.kind, entry.about);
    }
    out.push_str("\nannotators (op = \"…\" under [stage.NAME.measure]; also SQL functions)\n");
    for entry in registry.annotators() {
        let _ = writeln!(out, "  {:18} {}", entry.name, entry.about);
    }
    out.push_str("\ncomparisons (as annotators, with reference = \"a column\"; SQL functions of two texts)\n");
    for entry in registry.comparisons() {
        let _ = writeln!(out, "  {:18} {}", entry.name, entry.about);
    }
    out.push_str("\ntransforms (op = \"…\" in a transform stage; also SQL functions)\n");
    for entry in registry.transforms() {
        let _ = writeln!(out, "  {:18} {}", entry.name, entry.about);
    }
    out.push_str("\npresets (presets = [\"…\"] in a filter stage)\n");
    for (name, about) in builtin_presets() {
        let _ = writeln!(out, "  {name:18} {about}");
    }
    out.push_str("\nworkers (kind = \"…\" in [worker.NAME])\n");
    for entry in KINDS {
        let _ = writeln!(out, "  {:18} {}", entry.kind, entry.about);
    }
    out.push_str("\n`gristmill ops NAME` shows one with its parameters, measures and source.");
    out
}

fn page(registry: &Registry, name: &str) -> Option<String> {
    let mut out = String::new();
    for entry in registry.stages().iter().filter(|entry| entry.kind == name) {
        let _ = writeln!(out, "{name} (stage)\n  {}\n  source: {}", entry.about, entry.source);
        params(&mut out, entry.params);
        if entry.params.iter().any(|param| matches!(param.name, "worker" | "workers")) {
            let _ = writeln!(out, "{ROUTES}");
        }
    }
    for entry in registry.annotators().iter().filter(|entry| entry.name == name) {
        let _ = writeln!(out, "{name} (annotator)\n  {}\n  source: {}", entry.about, entry.source);
        params(&mut out, entry.params);
        if let Ok(annotator) = (entry.build)(&json!({})) {
            measures(&mut out, annotator.measures());
        }
    }
    for entry in registry.comparisons().iter().filter(|entry| entry.name == name) {
        let _ = writeln!(out, "{name} (comparison)\n  {}\n  source: {}", entry.about, entry.source);
        let _ = writeln!(out, "  in a filter: {{ op = \"{name}\", column = \"output\", reference = \"…\" }}");
        let _ = writeln!(out, "  in SQL: {name}(output, reference [, '{{params}}'])");
        params(&mut out, entry.params);
        if let Ok(comparison) = (entry.build)(&json!({})) {
            measures(&mut out, comparison.measures());
        }
    }
    for entry in registry.transforms().iter().filter(|entry| entry.name == name) {
        let _ = writeln!(out, "{name} (transform)\n  {}\n  source: {}", entry.about, entry.source);
        params(&mut out, entry.params);
        if let Ok(transform) = (entry.build)(&json!({})) {
            measures(&mut out, transform.measures());
        }
    }
    for entry in KINDS.iter().filter(|entry| entry.kind == name) {
        let _ = writeln!(out, "{name} (worker)\n  {}", entry.about);
        params(&mut out, entry.params);
        let _ = writeln!(out, "  parameters of every worker");
        list_params(&mut out, COMMON);
    }
    if let Some(text) = crate::config::builtin_preset(name) {
        let _ = writeln!(out, "{name} (preset, configs/rules/{name}.toml)\n\n{text}");
    }
    (!out.is_empty()).then(|| out.trim_end().to_owned())
}

/// What every stage that asks a model takes besides its own parameters.
const ROUTES: &str = "    worker may be a list: each of them is asked, or with `route` one for each row
    route (default none): round_robin, least_loaded, cheapest_ok or learned; or { policy = \"learned\", … } with
      lambda_cost 0, lambda_latency 0, lambda_size 0: loss that one unit of money, a second, a unit of size outweighs
      min_judged 20: judged rows of a worker before predictions count; explore 0.05: share of rows left to chance
      n_hashed 64: places for the prompt's words; ridge 1: penalty of the regression; fit_every 64: rows between fits
      source of learned: Tryage, Hari and Thomson 2023, arXiv:2308.11601";

fn params(out: &mut String, params: &[ParamDoc]) {
    if !params.is_empty() {
        let _ = writeln!(out, "  parameters");
    }
    list_params(out, params);
}

fn list_params(out: &mut String, params: &[ParamDoc]) {
    for param in params {
        let _ = writeln!(out, "    {} (default {}): {}", param.name, param.default, param.about);
    }
}

fn measures(out: &mut String, measures: &[Measure]) {
    let _ = writeln!(out, "  measures");
    for measure in measures {
        let _ = writeln!(
            out,
            "    {:36} {:5} {}",
            measure.name,
            format!("{:?}", measure.kind).to_lowercase(),
            measure.about
        );
    }
}

fn unknown(registry: &Registry, name: &str) -> RunError {
    let stages = registry.stages().iter().map(|entry| entry.kind);
    let annotators = registry.annotators().iter().map(|entry| entry.name);
    let comparisons = registry.comparisons().iter().map(|entry| entry.name);
    let transforms = registry.transforms().iter().map(|entry| entry.name);
    let workers = KINDS.iter().map(|entry| entry.kind);
    let hint = nearest(name, stages.chain(annotators).chain(comparisons).chain(transforms).chain(workers))
        .map_or_else(|| "`gristmill ops` lists all".to_owned(), |near| format!("did you mean \"{near}\"?"));
    RunError::Usage(format!("there is no operator, stage, preset or worker \"{name}\"; {hint}"))
}
