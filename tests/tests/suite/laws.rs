//! Laws that hold for every run, tried on the sample crawl.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use gristmill_run::commands::{ConfigCall, run, sql};
use gristmill_run::engine::Log;
use serde_json::Value;

/// Runs the quickstart into `out` with some shards at a time.
fn quickstart(out: &Path, jobs: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::env::set_current_dir(root).unwrap();
    let call = ConfigCall {
        config: PathBuf::from("configs/quickstart.toml"),
        // Small shards, so that there are several.
        overrides: vec!["stage.crawl.shard_bytes=30000".into()],
        jobs: Some(jobs),
        ..ConfigCall::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run::run(&call, Some(out.to_owned()), Log::Quiet)).unwrap();
}

fn sums(out: &Path) -> String {
    fs::read_to_string(out.join("release/SHA256SUMS")).unwrap()
}

#[test]
fn one_and_eight_at_a_time_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (one, eight) = (folder.path().join("one"), folder.path().join("eight"));
    quickstart(&one, 1);
    quickstart(&eight, 8);
    assert_eq!(sums(&one), sums(&eight));
}

#[test]
fn what_goes_in_is_kept_or_dropped() {
    let folder = tempfile::tempdir().unwrap();
    quickstart(folder.path(), 2);
    let record: Value = serde_json::from_slice(&fs::read(folder.path().join("run.json")).unwrap()).unwrap();
    let stages = record["stages"].as_array().unwrap();
    assert_eq!(stages.len(), 7);
    let mut entering = None;
    for stage in stages {
        let rows = &stage["rows"];
        let dropped: u64 = rows["dropped"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!(rows["rows_in"].as_u64().unwrap(), rows["kept"].as_u64().unwrap() + dropped, "{stage}");
        // The quickstart is a chain: what one stage keeps is what the next gets.
        assert!(entering.is_none_or(|n| n == rows["rows_in"].as_u64().unwrap()), "{stage}");
        entering = rows["kept"].as_u64();
    }
}

#[test]
fn an_interrupted_run_resumes_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, torn) = (folder.path().join("whole"), folder.path().join("torn"));
    quickstart(&whole, 2);
    quickstart(&torn, 2);
    // As a crash leaves it: a pass without its note of completion, half a journal with a torn line, no release.
    fs::remove_dir_all(torn.join("release")).unwrap();
    fs::remove_dir_all(torn.join("verdicts")).unwrap();
    fs::remove_dir_all(torn.join("stages/release")).unwrap();
    let pass = fs::read_dir(torn.join("stages/quality")).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(pass.join("_done.json")).unwrap();
    let journal = fs::read_to_string(pass.join("_parts.jsonl")).unwrap();
    assert!(journal.lines().count() > 3);
    fs::write(pass.join("_parts.jsonl"), &journal[..journal.len() / 2]).unwrap();
    quickstart(&torn, 2);
    assert_eq!(sums(&whole), sums(&torn));
}

#[test]
fn every_dropped_document_is_in_the_ledger_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    quickstart(folder.path(), 2);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ask = |query: &str| {
        let answer = sql::sql(query, Some(folder.path()), sql::Format::Csv);
        runtime.block_on(answer).unwrap().lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    // Planted in sample-data/crawl (planted.tsv): four damaged places, three statuses, two media types.
    let damage = "SELECT rule, count(*) FROM ledger WHERE stage = 'crawl' GROUP BY rule ORDER BY rule";
    let expected = ["bad_chunk,1", "bad_record,1", "content_html,2", "garbage,1", "status_200,3", "truncated_member,1"];
    assert_eq!(ask(damage), expected);
    assert_eq!(ask("SELECT count(*) FROM ledger WHERE measured IS NULL AND stage <> 'crawl'"), ["0"]);
    // Five pages are planted under a second address.
    assert_eq!(ask("SELECT count(*) FROM ledger WHERE stage = 'exact'"), ["5"]);
}

#[test]
fn what_ends_before_a_query_or_a_maker_is_in_the_ledger() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::env::set_current_dir(root).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let call = ConfigCall { config: PathBuf::from("configs/release.toml"), ..ConfigCall::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run::run(&call, Some(folder.path().to_owned()), Log::Quiet)).unwrap();
    let record: Value = serde_json::from_slice(&fs::read(folder.path().join("run.json")).unwrap()).unwrap();
    let stages = record["stages"].as_array().unwrap();
    let rows = |name: &str, key: &str| {
        let stage = stages.iter().find(|stage| stage["name"] == name).unwrap();
        stage["rows"][key].as_u64().unwrap()
    };
    // The near duplicates end between a filter and a query, the damaged records far before.
    assert_eq!(rows("near", "rows_in"), rows("quality", "kept"));
    assert_eq!(rows("page_rows", "rows_in"), rows("near", "kept"));
    assert!(rows("near", "kept") < rows("near", "rows_in"));
    assert_eq!(rows("release", "rows_in"), rows("page_rows", "kept") + rows("instruction_rows", "kept"));
    let query = "SELECT count(*) AS n FROM ledger WHERE stage IN ('near', 'release')";
    let told = runtime.block_on(sql::sql(query, Some(folder.path()), sql::Format::Json)).unwrap();
    let dropped = rows("near", "rows_in") - rows("near", "kept") + rows("release", "rows_in") - rows("release", "kept");
    assert_eq!(told, format!("{{\"n\":{dropped}}}"));
}

#[test]
fn a_stage_that_kept_nothing_is_an_empty_table() {
    std::env::set_current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("strict.toml");
    let text = r#"
[run]
name = "strict"
[stage.docs]
kind = "jsonl"
files = ["sample-data/docs.jsonl"]
max_bad_ratio = 0.2
fields = { text = "content", id = "uuid" }
[stage.strict]
kind = "filter"
input = "docs"
keep = { endless = "length(text) > 1000000" }
[stage.release]
kind = "release"
input = "strict"
license = "CC0-1.0"
"#;
    fs::write(&config, text.replacen("input = \"docs\"", "input = \"docs\"\ncheckpoint = true", 1)).unwrap();
    let out = folder.path().join("out");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let call = ConfigCall { config, ..ConfigCall::default() };
    runtime.block_on(run::run(&call, Some(out.clone()), Log::Quiet)).unwrap();
    let query = "SELECT count(*) AS n, count(text) AS texts FROM strict";
    let told = runtime.block_on(sql::sql(query, Some(&out), sql::Format::Json)).unwrap();
    assert_eq!(told, "{\"n\":0,\"texts\":0}");
}

#[test]
fn what_opts_out_is_in_the_ledger_with_its_text_though_the_release_has_none() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::env::set_current_dir(root).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (folder.path().join("opt_out.toml"), folder.path().join("run"));
    let text = r#"
[run]
name = "opt_out"
[stage.docs]
kind = "jsonl"
files = ["sample-data/docs.jsonl"]
max_bad_ratio = 0.1
fields = { text = "content", id = "uuid" }
[stage.signals]
kind = "sql"
input = "docs"
query = "SELECT *, CASE WHEN char_length(text) % 2 = 0 THEN 'header_noai' END AS opt_out FROM docs"
[stage.release]
kind = "release"
input = "signals"
opt_out = "drop"
[stage.release.columns]
id = "id"
n_chars = "char_length(text)"
"#;
    fs::write(&config, text).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let call = ConfigCall { config, ..ConfigCall::default() };
    runtime.block_on(run::run(&call, Some(out.clone()), Log::Quiet)).unwrap();
    let ask = |query: &str| runtime.block_on(sql::sql(query, Some(&out), sql::Format::Json)).unwrap();
    let withheld = ask("SELECT id, substr(text, 1, 8) AS start FROM docs WHERE char_length(text) % 2 = 0 ORDER BY id");
    assert!(withheld.lines().count() > 2, "{withheld}");
    let told = "SELECT id, substr(excerpt, 1, 8) AS start FROM ledger WHERE stage = 'release' AND rule = 'opt_out' ORDER BY id";
    assert_eq!(ask(told), withheld);
    assert_eq!(ask("SELECT count(*) AS n FROM release WHERE n_chars % 2 = 0"), "{\"n\":0}");
    let manifest: Value = serde_json::from_slice(&fs::read(out.join("release/MANIFEST.json")).unwrap()).unwrap();
    assert_eq!(manifest["opted_out"], withheld.lines().count());
}
