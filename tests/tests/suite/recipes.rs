//! Every config in `configs/recipes/` runs with the embedded model, and what it makes says where it comes from.
//!
//! A new recipe is covered by its config; one without a config is told.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use gristmill_generators::recipes::STAGES;
use gristmill_run::commands::{ConfigCall, run, sql};
use gristmill_run::engine::Log;
use serde_json::Value;

/// Recipes that hand rows of people on, changed or with an answer beside them: of these `made_by` may be null.
const PASSES_ROWS_ON: &[&str] = &["anonymize_terms", "ask", "embed"];

fn run_config(config: &Path, out: &Path, overrides: &[&str]) -> Value {
    let overrides = overrides.iter().map(|set| (*set).to_owned()).collect();
    let call = ConfigCall { config: config.to_owned(), overrides, ..ConfigCall::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let done = runtime.block_on(run::run(&call, Some(out.to_owned()), Log::Quiet));
    done.unwrap_or_else(|error| panic!("{}: {error}", config.display()));
    serde_json::from_slice(&fs::read(out.join("run.json")).unwrap()).unwrap()
}

fn ask(out: &Path, query: &str) -> Vec<Value> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let told = runtime.block_on(sql::sql(query, Some(out), sql::Format::Json));
    let told = told.unwrap_or_else(|error| panic!("{query}: {error}"));
    told.lines().map(|row| serde_json::from_str(row).unwrap()).collect()
}

fn count(out: &Path, query: &str) -> u64 {
    ask(out, &format!("SELECT count(*) AS n FROM {query}"))[0]["n"].as_u64().unwrap()
}

fn to_the_root() {
    std::env::set_current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()).unwrap();
}

fn configs() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir("configs/recipes").unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn every_recipe_has_a_config_of_its_name() {
    to_the_root();
    let named: BTreeSet<String> =
        configs().iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let without: Vec<&str> = STAGES.iter().map(|entry| entry.kind).filter(|kind| !named.contains(*kind)).collect();
    assert_eq!(without, Vec::<&str>::new());
}

#[test]
fn every_recipe_runs_loses_nothing_and_says_what_made_its_rows() {
    to_the_root();
    let kinds: BTreeSet<&str> = STAGES.iter().map(|entry| entry.kind).collect();
    for config in configs() {
        let folder = tempfile::tempdir().unwrap();
        let record = run_config(&config, folder.path(), &[]);
        let stages = record["stages"].as_array().unwrap();
        let mut made = 0;
        for stage in stages {
            let rows = &stage["rows"];
            // A stage that no row reached has no counts.
            let Some(dropped) = rows["dropped"].as_object() else { continue };
            let dropped: u64 = dropped.values().map(|n| n.as_u64().unwrap()).sum();
            assert_eq!(rows["rows_in"].as_u64().unwrap(), rows["kept"].as_u64().unwrap() + dropped, "{stage}");
            let kind = stage["kind"].as_str().unwrap();
            if kinds.contains(kind) {
                made += rows["rows_in"].as_u64().unwrap();
                let name = stage["name"].as_str().unwrap();
                let unexplained = format!("ledger WHERE stage = '{name}' AND measured IS NULL");
                assert_eq!(count(folder.path(), &unexplained), 0, "{} {name}", config.display());
            }
        }
        assert!(made > 0, "{} made no rows", config.display());
        let last = stages.last().unwrap();
        // Without rows there is no table.
        let has_rows = last["rows"]["kept"].as_u64().is_some_and(|n| n > 0);
        let last = last["name"].as_str().unwrap();
        if has_rows && !PASSES_ROWS_ON.iter().any(|kind| config.file_stem().unwrap() == *kind) {
            let orphans = format!("{last} WHERE made_by IS NULL OR made_by['recipe'] IS NULL OR parents IS NULL");
            assert_eq!(count(folder.path(), &orphans), 0, "{}", config.display());
        }
    }
}

#[test]
fn generated_rows_pass_filters_and_are_held_against_the_seeds() {
    to_the_root();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let record = run_config(Path::new("configs/self-instruct.toml"), out, &[]);
    let stage = |name: &str| record["stages"].as_array().unwrap().iter().find(|s| s["name"] == name).unwrap().clone();
    let n_seeds = stage("seeds")["rows"]["kept"].as_u64().unwrap();
    // All seeds go the road with the rows and end before the release, by a rule.
    assert_eq!(stage("quality")["rows"]["dropped"]["made_by_a_worker"], n_seeds);
    let kept = stage("quality")["rows"]["kept"].as_u64().unwrap();
    assert!(kept > 0);
    assert_eq!(kept, stage("release")["rows"]["rows_in"].as_u64().unwrap());
    // Each has a parent, an instruction that is in the ledger or the table of its stage, a prompt and a completion.
    let traced = "instances WHERE cardinality(parents) = 1 AND made_by['recipe'] IS NOT NULL";
    assert_eq!(count(out, traced), count(out, "instances"));
    assert_eq!(count(out, "release WHERE prompt IS NOT NULL AND completion LIKE '%<|endoftext|>'"), kept);
    let rules: BTreeSet<String> = ask(out, "SELECT DISTINCT stage || '.' || rule AS rule FROM ledger")
        .iter()
        .map(|row| row["rule"].as_str().unwrap().to_owned())
        .collect();
    assert!(rules.contains("quality.made_by_a_worker") && rules.contains("instructions.novel"), "{rules:?}");
    assert!(rules.iter().any(|rule| rule.starts_with("quality.") && !rule.ends_with("made_by_a_worker")), "{rules:?}");
    let report: Value = serde_json::from_slice(&fs::read(out.join("report/report.json")).unwrap()).unwrap();
    let told = report.to_string();
    // The figures of the reference, section 1C.
    for figure in [
        "kept per completion",
        "similarity to the closest earlier instruction",
        "diversity of instructions",
        "share of classification",
        "share without input",
        "share of replies cut at their longest",
        "words of an output",
        "instances that repeat one before or a seed",
    ] {
        assert!(told.contains(figure), "the report does not tell {figure}");
    }
}

/// Two seeds, and three rows as if a worker had made them: a seed's copy, a near copy, a new task.
const PLANTED: &str = r#"
[run]
name = "planted"
seed = 1
[stage.seeds]
kind = "jsonl"
files = ["SEEDS"]
fields = { text = "instruction" }
license = "CC0-1.0"
[stage.made]
kind = "sql"
input = "seeds"
query = """
SELECT made.*, one.source, one.parents, one.meta, CAST(NULL AS VARCHAR) AS text,
  named_struct('worker', arrow_cast('w', 'Utf8View'), 'recipe', arrow_cast('planted', 'Utf8View'),
               'prompt_hash', arrow_cast('h', 'Utf8View')) AS made_by
FROM (SELECT * FROM seeds LIMIT 1) AS one CROSS JOIN (VALUES
  ('copy', 'Sort the words by the alphabet.', 'river, apple, stone', 'apple, river, stone'),
  ('near', 'Explain how a tide mill uses the sea to grind grain.', '', 'The flood fills a pond behind a gate; at ebb the water is let out over a wheel, the wheel turns the stones and the stones grind the corn.'),
  ('new', 'Name a river that flows north.', '', 'The Nile flows north.')
) AS made (id, instruction, input, output)
"""
[stage.collected]
kind = "self_instruct.collect"
input = ["seeds", "made"]
include_seed_tasks = true
[stage.distinct]
kind = "dedup.minhash"
input = "collected"
verify = 0.7
survivor = ["seeds"]
[stage.kept]
kind = "filter"
input = "distinct"
[stage.kept.measure]
gopher = { op = "gopher_quality" }
[stage.kept.keep]
made_by_a_worker = "made_by IS NOT NULL"
enough_words = "gopher.n_words >= 6"
"#;

#[test]
fn copies_and_near_copies_of_seeds_end_in_the_ledger() {
    to_the_root();
    let folder = tempfile::tempdir().unwrap();
    let seed = |id: &str, instruction: &str, input: &str, output: &str| {
        let instances = serde_json::json!([{ "input": input, "output": output }]);
        serde_json::json!({ "id": id, "instruction": instruction, "instances": instances }).to_string()
    };
    let answer = "The flood fills a pond behind a gate; at ebb the water is let out over a wheel, the wheel turns the \
                  stones and the stones grind the grain.";
    let seeds = [
        seed("s1", "Explain how a tide mill uses the sea to grind grain.", "", answer),
        seed("s2", "Sort the words by the alphabet.", "river, apple, stone", "apple, river, stone"),
    ];
    let path = folder.path().join("seeds.jsonl");
    fs::write(&path, seeds.join("\n")).unwrap();
    let config = folder.path().join("planted.toml");
    fs::write(&config, PLANTED.replace("SEEDS", &path.display().to_string())).unwrap();
    let out = folder.path().join("out");
    run_config(&config, &out, &[]);
    let ended: BTreeSet<String> = ask(&out, "SELECT id || ' ' || stage || '.' || rule AS what FROM ledger")
        .iter()
        .map(|row| row["what"].as_str().unwrap().to_owned())
        .collect();
    let expected = [
        "copy collected.unlike_seeds",
        "near distinct.first_of_its_kind",
        "s1 kept.made_by_a_worker",
        "s2 kept.made_by_a_worker",
    ];
    assert_eq!(ended, expected.map(str::to_owned).into());
    assert_eq!(ask(&out, "SELECT id FROM kept"), [serde_json::json!({ "id": "new" })]);
}
