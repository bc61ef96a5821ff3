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
mod workers;

use std::path::Path;

use serde_json::Value;

use crate::RunError;
use crate::commands::sql::register_run;
use crate::commands::{record, stages, text};
use crate::report::model::{
    FigureTable, Graph, GraphEdge, GraphNode, NameCount, Pass, ReleaseFile, ReleaseReport, RuleCount, RunReport,
    SourceVolume, StageFunnel, Version, Volume, Warning, WarningKind,
};
use crate::session::Sessions;

/// Rows whose measures are kept for a rule's histogram.
pub const SAMPLE_ROWS: usize = 20_000;
/// Memory of the queries.
const QUERY_MEMORY_BYTES: usize = 512 << 20;
/// Share of a stage's rows above which a drop is worth a look.
const MUCH: f64 = 0.5;

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
        seconds: record["seconds"].as_f64().unwrap_or(0.0),
        funnel: stages(&record).filter_map(funnel).collect(),
        graph: graph(&record),
        ..RunReport::default()
    };
    report.sources = sources(&record);
    report.went_in.rows = report.sources.iter().map(|source| source.volume.rows).sum();
    report.release = release(run, &record)?;
    report.came_out = came_out(&record, report.release.as_ref());
    (report.rules, report.what_if) = rules::rules(&context, &record).await?;
    report.dedup = duplicates::duplicates(&context, &record).await?;
    report.lm = workers::workers(&record);
    report.generation = generation(run, &record)?;
    report.warnings = warnings(&record, &report);
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
        words_in: None,
        words_kept: None,
        seconds: stage["seconds"].as_f64().map(|own| own + stage["solve_seconds"].as_f64().unwrap_or(0.0)),
    })
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
    let volume = |stage: &Value| Volume { rows: stage["rows"]["rows_in"].as_u64().unwrap_or(0), ..Volume::default() };
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
    let mut volume = Volume::default();
    for stage in stages(record).filter(ends) {
        volume.rows += stage["rows"]["kept"].as_u64().unwrap_or(0);
        if let Some(bytes) = stage["rows"]["text_bytes_kept"].as_u64() {
            volume.bytes = Some(volume.bytes.unwrap_or(0) + bytes);
        }
    }
    volume
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
    let volume = Volume { rows: files.iter().map(|file| file.rows).sum(), ..Volume::default() };
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

fn warnings(record: &Value, report: &RunReport) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let Some(release) = &report.release {
        let unknown = release.licences.iter().filter(|licence| licence.name == "unknown").map(|l| l.rows).sum::<u64>();
        if unknown > 0 {
            let message = "Released rows state no licence.".to_owned();
            let subject = release.stage.clone();
            warnings.push(Warning { kind: WarningKind::Licence, subject, message, count: Some(unknown) });
        }
    }
    for rule in &report.rules {
        let share = rule.rows_dropped as f64 / rule.rows_seen.max(1) as f64;
        let subject = format!("{}.{}", rule.stage, rule.rule);
        if share > MUCH {
            let message = format!("The rule drops {:.1} % of the rows it judges.", share * 100.0);
            let count = Some(rule.rows_dropped);
            warnings.push(Warning { kind: WarningKind::DroppedTooMuch, subject, message, count });
        } else if rule.rows_seen > 0 && rule.rows_failed == Some(0) {
            let message = "The rule dropped nothing.".to_owned();
            warnings.push(Warning { kind: WarningKind::RuleNeverFired, subject, message, count: None });
        }
    }
    for worker in report.lm.iter().flat_map(|lm| &lm.workers) {
        let failed: u64 = worker.failures.iter().map(|failure| failure.requests).sum();
        if failed > 0 {
            let message = "Requests failed for good; the ledger has each with its cause.".to_owned();
            let subject = worker.name.clone();
            warnings.push(Warning { kind: WarningKind::WorkerFailed, subject, message, count: Some(failed) });
        }
    }
    for source in stages(record).filter(|stage| stage["input"].as_array().is_none_or(Vec::is_empty)) {
        let bad: u64 = source["rows"]["dropped"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(rule, _)| rule.starts_with("bad_"))
            .filter_map(|(_, n)| n.as_u64())
            .sum();
        if bad > 0 {
            let message = "Records could not be read; the ledger names each with file and place.".to_owned();
            let subject = text(source, "name").to_owned();
            warnings.push(Warning { kind: WarningKind::BadRecords, subject, message, count: Some(bad) });
        }
    }
    for message in record["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let (kind, message) = (WarningKind::Other, message.to_owned());
        warnings.push(Warning { kind, subject: "config".into(), message, count: None });
    }
    warnings
}
