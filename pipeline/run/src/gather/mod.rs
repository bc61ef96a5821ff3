//! Gathering: a run directory becomes the figures of its report.
//!
//! Everything comes from what the run wrote down: `run.json`, part files, ledger, the makers' figures. Nothing is
//! measured again. Exact are all counts; histograms and what-if tables come from a seeded sample of at most
//! [`SAMPLE_ROWS`] rows per rule, so that memory does not grow with the run.

mod duplicates;
mod limit;
mod measured;
mod rules;
mod values;
mod warnings;
mod workers;

use std::path::Path;

use serde_json::Value;

use crate::RunError;
use crate::commands::sql::register_run;
use crate::commands::{record, stages, text};
use crate::plan::TextVolume;
use crate::report::model::{
    FigureTable, Graph, GraphEdge, GraphNode, NameCount, Pass, ReleaseFile, ReleaseReport, RuleCount, RunReport,
    SourceVolume, StageFunnel, Version, Volume, estimated_tokens,
};
use crate::session::Sessions;
use warnings::WarningLimits;

/// Rows whose measures are kept for a rule's histogram.
pub const SAMPLE_ROWS: usize = 20_000;
/// Memory of the queries.
const QUERY_MEMORY_BYTES: usize = 512 << 20;

/// The figures of a run.
///
/// # Errors
/// When the directory is no finished run, or a file of it cannot be read.
pub async fn gather(run: &Path) -> Result<RunReport, RunError> {
    let record = record(run)?;
    let sessions = Sessions::new(crate::registry(), QUERY_MEMORY_BYTES, 1)?;
    let context = sessions.open();
    // The texts of a few examples are fetched by id: without this every text of the run would be decoded for them.
    context.sql("SET datafusion.execution.parquet.pushdown_filters = true").await?;
    register_run(&context, run).await?;
    let mut report = RunReport {
        name: text(&record, "name").to_owned(),
        versions: vec![Version { name: "gristmill".into(), version: text(&record, "gristmill").to_owned() }],
        seed: record["seed"].as_u64().unwrap_or(0),
        config: text(&record, "config_text").to_owned(),
        seconds: seconds(&record),
        funnel: stages(&record).filter_map(funnel).collect(),
        graph: graph(&record),
        ..RunReport::default()
    };
    report.sources = sources(&record);
    let sum = |of: fn(&Volume) -> Option<u64>| report.sources.iter().map(|source| of(&source.volume)).sum();
    let rows = report.sources.iter().map(|source| source.volume.rows).sum();
    report.went_in = Volume { rows, words: sum(|v| v.words), tokens: sum(|v| v.tokens), bytes: sum(|v| v.bytes) };
    report.release = release(run, &record)?;
    report.came_out = came_out(&record, report.release.as_ref());
    (report.rules, report.what_if) = rules::rules(&context, &record).await?;
    report.dedup = duplicates::duplicates(&context, &record).await?;
    report.lm = workers::workers(&record);
    report.generation = generation(run, &record)?;
    report.warnings = warnings::warnings(&record, &report, WarningLimits::default());
    Ok(report)
}

fn funnel(stage: &Value) -> Option<StageFunnel> {
    let rows = stage.get("rows").filter(|rows| rows.is_object())?;
    let dropped: Vec<RuleCount> = rows["dropped"]
        .as_object()?
        .iter()
        .map(|(rule, n)| RuleCount { rule: rule.clone(), rows: n.as_u64().unwrap_or(0) })
        .collect();
    let rows_in = rows["rows_in"].as_u64().unwrap_or(0);
    // A maker reads rows and makes others: what its pass counts as coming in, it made.
    let makes = stage["makes"].as_bool().unwrap_or(false);
    Some(StageFunnel {
        name: text(stage, "name").to_owned(),
        kind: text(stage, "kind").to_owned(),
        rows_in: if makes { 0 } else { rows_in },
        rows_made: if makes { rows_in } else { 0 },
        rows_kept: rows["kept"].as_u64().unwrap_or(0),
        dropped,
        text_in: text_volume(rows, "text_in").filter(|_| !makes),
        text_kept: text_volume(rows, "text_kept"),
        seconds: own_seconds(stage),
    })
}

/// Seconds of a stage's pass and of what it did beforehand, as far as it has either: a fused solver has only the latter.
fn own_seconds(stage: &Value) -> Option<f64> {
    match (stage["seconds"].as_f64(), stage["solve_seconds"].as_f64()) {
        (None, None) => None,
        (pass, solve) => Some(pass.unwrap_or(0.0) + solve.unwrap_or(0.0)),
    }
}

/// Seconds of the last attempt, or of the stages' work where earlier attempts did some of it and that is more.
fn seconds(record: &Value) -> f64 {
    let worked: f64 = stages(record).filter_map(own_seconds).sum();
    record["seconds"].as_f64().unwrap_or(0.0).max(worked)
}

/// The text that a stage's counts tell of under a key; none where it was not counted.
fn text_volume(rows: &Value, key: &str) -> Option<TextVolume> {
    serde_json::from_value(rows.get(key)?.clone()).ok()
}

fn graph(record: &Value) -> Graph {
    let mut graph = Graph::default();
    for stage in stages(record) {
        let name = text(stage, "name").to_owned();
        for from in stage["input"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            graph.edges.push(GraphEdge { from: from.to_owned(), to: name.clone() });
        }
        let written = stage["written"].as_bool().unwrap_or(false);
        graph.nodes.push(GraphNode { name, kind: text(stage, "kind").to_owned(), written });
    }
    for pass in record["passes"].as_array().into_iter().flatten().filter_map(Value::as_array) {
        let names: Vec<String> = pass.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let last = names.last().and_then(|name| stages(record).find(|stage| text(stage, "name") == name));
        graph.passes.push(Pass { stages: names, seconds: last.and_then(|stage| stage["seconds"].as_f64()) });
    }
    graph
}

fn sources(record: &Value) -> Vec<SourceVolume> {
    let has_input = |stage: &&Value| stage["input"].as_array().is_none_or(Vec::is_empty);
    let volume = |stage: &Value| {
        let rows = stage["rows"]["rows_in"].as_u64().unwrap_or(0);
        Volume::of(rows, text_volume(&stage["rows"], "text_in"))
    };
    stages(record)
        .filter(has_input)
        .map(|stage| SourceVolume { name: text(stage, "name").to_owned(), volume: volume(stage) })
        .collect()
}

/// Rows of the releases, or where there are none of the stages that no other reads.
fn came_out(record: &Value, release: Option<&ReleaseReport>) -> Volume {
    let read: Vec<&str> = stages(record)
        .flat_map(|stage| stage["input"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    let ends = |stage: &&Value| match release {
        Some(_) => text(stage, "kind") == "release",
        None => !read.contains(&text(stage, "name")),
    };
    let ends: Vec<&Value> = stages(record).filter(ends).collect();
    let rows = ends.iter().map(|stage| stage["rows"]["kept"].as_u64().unwrap_or(0)).sum();
    // What is not known of one of them is not known of all.
    let texts = ends.iter().map(|stage| text_volume(&stage["rows"], "text_kept"));
    let text = texts.reduce(|sum, more| Some(sum? + more?)).flatten();
    Volume::of(rows, text)
}

fn release(run: &Path, record: &Value) -> Result<Option<ReleaseReport>, RunError> {
    let Some(stage) = stages(record).find(|stage| text(stage, "kind") == "release") else { return Ok(None) };
    let name = text(stage, "name").to_owned();
    let Some(manifest) = crate::plan::read_json::<Value>(&run.join(&name).join("MANIFEST.json"))? else {
        return Ok(None);
    };
    let file = |file: &Value| ReleaseFile {
        path: text(file, "path").to_owned(),
        rows: file["rows"].as_u64().unwrap_or(0),
        bytes: file["bytes"].as_u64().unwrap_or(0),
        sha256: text(file, "sha256").to_owned(),
    };
    let counts = |key: &str| -> Vec<NameCount> {
        let named = manifest[key].as_object().into_iter().flatten();
        let mut counts: Vec<NameCount> =
            named.map(|(name, n)| NameCount { name: name.clone(), rows: n.as_u64().unwrap_or(0) }).collect();
        counts.sort_by(|a, b| b.rows.cmp(&a.rows).then(a.name.cmp(&b.name)));
        counts
    };
    let files: Vec<ReleaseFile> = manifest["files"].as_array().into_iter().flatten().map(file).collect();
    let (words, bytes) = (manifest["words"].as_u64(), manifest["text_bytes"].as_u64());
    let tokens = bytes.map(estimated_tokens);
    let volume = Volume { rows: manifest["rows"].as_u64().unwrap_or(0), words, bytes, tokens };
    let opted_out = manifest["opted_out"].as_u64();
    let (licences, languages) = (counts("licenses"), counts("languages"));
    Ok(Some(ReleaseReport { stage: name, volume, files, licences, languages, opted_out }))
}

/// The tables that makers left, in the order of the stages.
fn generation(run: &Path, record: &Value) -> Result<Vec<FigureTable>, RunError> {
    let mut tables = Vec::new();
    for stage in stages(record) {
        let (name, fingerprint) = (text(stage, "name"), text(stage, "fingerprint"));
        let path = run.join("made").join(name).join(format!("{fingerprint}.json"));
        let Some(note) = crate::plan::read_json::<Value>(&path)? else { continue };
        for (_, figure) in note["figures"].as_object().into_iter().flatten() {
            if let Ok(mut table) = serde_json::from_value::<FigureTable>(figure.clone()) {
                table.title = format!("{name}: {}", table.title);
                tables.push(table);
            }
        }
    }
    Ok(tables)
}
