//! What dedup and sampling promise of whole runs.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use gristmill_run::RunError;
use gristmill_run::commands::{ConfigCall, run, sql};
use gristmill_run::engine::Log;
use serde_json::Value;

/// A text of `n` words that differs from the one of the same `topic` in the words at `changed`.
fn text(topic: usize, n: usize, changed: &[usize]) -> String {
    let word = |at: usize| {
        let salt = if changed.contains(&at) { 7919 } else { 0 };
        format!("w{:x}", gristmill_core::seed::draw((topic * 1000 + at + salt) as u64, "word") % 100_000)
    };
    (0..n).map(word).collect::<Vec<_>>().join(" ")
}

/// Documents of two crawls: originals, near copies of some within each, and near copies across.
fn crawls() -> [Vec<(String, String)>; 2] {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for topic in 0..60 {
        first.push((format!("a{topic:02}"), text(topic, 200, &[])));
        match topic % 4 {
            // One changed word of 200 leaves a Jaccard similarity of 191 / 201 of the 5-word shingles.
            0 => first.push((format!("a{topic:02}b"), text(topic, 200, &[20]))),
            1 => second.push((format!("b{topic:02}"), text(topic, 200, &[90]))),
            2 => {
                second.push((format!("b{topic:02}"), text(topic + 500, 200, &[])));
                second.push((format!("b{topic:02}b"), text(topic + 500, 200, &[150])));
            }
            _ => {}
        }
    }
    [first, second]
}

fn write(path: &Path, documents: &[(String, String)]) {
    let mut lines = String::new();
    for (id, text) in documents {
        let _ = writeln!(lines, "{}", serde_json::json!({ "id": id, "text": text }));
    }
    fs::write(path, lines).unwrap();
}

/// Runs a config made of a source of `files` and one more stage, called `near`.
fn try_run(folder: &Path, name: &str, files: &[&str], stage: &str) -> Result<(), RunError> {
    let files: Vec<_> = files.iter().map(|file| folder.join(file).display().to_string()).collect();
    let text = format!(
        "[run]\nname = \"{name}\"\nseed = 5\n[stage.docs]\nkind = \"jsonl\"\nfiles = {files:?}\n[stage.near]\ninput = \"docs\"\n{stage}\n"
    );
    let config = folder.join(format!("{name}.toml"));
    fs::write(&config, text).unwrap();
    let call = ConfigCall { config, jobs: Some(2), ..ConfigCall::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run::run(&call, Some(folder.join(name)), Log::Quiet)).map(|_| ())
}

fn ask(folder: &Path, name: &str, query: &str) -> Vec<String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answer = runtime.block_on(sql::sql(query, Some(&folder.join(name)), sql::Format::Csv)).unwrap();
    answer.lines().skip(1).map(str::to_owned).collect()
}

fn dropped(folder: &Path, name: &str) -> BTreeMap<String, String> {
    let rows = ask(folder, name, "SELECT id, measured FROM ledger WHERE stage = 'near' ORDER BY id");
    rows.iter()
        .map(|row| {
            let (id, evidence) = row.split_once(',').unwrap();
            let evidence = evidence.trim_matches('"').replace("\"\"", "\"");
            let evidence: Value = serde_json::from_str(&evidence).unwrap();
            (id.to_owned(), evidence["survivor"].as_str().unwrap().to_owned())
        })
        .collect()
}

#[test]
fn a_run_with_an_index_drops_what_one_run_over_everything_would() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = crawls();
    write(&folder.path().join("first.jsonl"), &first);
    write(&folder.path().join("second.jsonl"), &second);
    for verify in ["", "verify = 0.7\n"] {
        let tag = if verify.is_empty() { "plain" } else { "verified" };
        let stage = format!("kind = \"dedup.minhash\"\n{verify}");
        let index = |name: &str| folder.path().join(format!("{tag}-{name}.index")).display().to_string();
        let whole = format!("{tag}-whole");
        try_run(folder.path(), &whole, &["first.jsonl", "second.jsonl"], &stage).unwrap();
        let one = format!("{stage}write_index = {:?}", index("one"));
        try_run(folder.path(), &format!("{tag}-one"), &["first.jsonl"], &one).unwrap();
        let two = format!("{stage}index = {:?}\nwrite_index = {:?}", index("one"), index("two"));
        try_run(folder.path(), &format!("{tag}-two"), &["second.jsonl"], &two).unwrap();

        let mut parts = dropped(folder.path(), &format!("{tag}-one"));
        assert_eq!(parts.len(), 15, "{tag}");
        parts.extend(dropped(folder.path(), &format!("{tag}-two")));
        assert_eq!(parts, dropped(folder.path(), &whole), "{tag}");
        assert_eq!(parts["b01"], "a01");
        // A third run meets the documents of both: everything is known.
        let three = format!("{stage}index = {:?}", index("two"));
        try_run(folder.path(), &format!("{tag}-three"), &["second.jsonl"], &three).unwrap();
        assert_eq!(dropped(folder.path(), &format!("{tag}-three")).len(), second.len());
    }
}

#[test]
fn an_index_that_cannot_be_compared_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let [first, _] = crawls();
    write(&folder.path().join("first.jsonl"), &first);
    let index = folder.path().join("index").display().to_string();
    let stage = |more: &str| format!("kind = \"dedup.minhash\"\n{more}");
    try_run(folder.path(), "made", &["first.jsonl"], &stage(&format!("write_index = {index:?}"))).unwrap();
    for (more, reason) in [
        ("shingle_words = 4", "was made with shingle_words = 5; this stage has 4"),
        ("verify = 0.7", "lacks the shingles that verification compares"),
        ("bands = 20\nrows = 5", "bands, rows = (14, 8)"),
    ] {
        let error = try_run(folder.path(), "refused", &["first.jsonl"], &stage(&format!("index = {index:?}\n{more}")));
        let told = error.unwrap_err().to_string();
        assert!(told.contains(reason) && told.contains("refused.toml:"), "{told}");
    }
    let bands = Path::new(&index).join("bands.bin");
    fs::write(&bands, b"short").unwrap();
    let told = try_run(folder.path(), "torn", &["first.jsonl"], &stage(&format!("index = {index:?}"))).unwrap_err();
    assert!(told.to_string().contains("bands.bin is damaged: 5 bytes"), "{told}");
}

#[test]
fn clusters_are_a_column_where_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let [first, _] = crawls();
    write(&folder.path().join("first.jsonl"), &first);
    try_run(folder.path(), "clusters", &["first.jsonl"], "kind = \"dedup.minhash\"\ncluster = true").unwrap();
    let query =
        "SELECT near.cluster_size AS size, count(*), min(near.cluster_id) = min(id) FROM near GROUP BY 1 ORDER BY 1";
    assert_eq!(ask(folder.path(), "clusters", query), ["1,45,true", "2,15,true"]);
}

#[test]
fn an_exact_sample_has_that_many_and_grows_with_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = crawls();
    write(&folder.path().join("first.jsonl"), &first);
    write(&folder.path().join("second.jsonl"), &second);
    let drawn = |name: &str, files: &[&str], n: usize| {
        try_run(folder.path(), name, files, &format!("kind = \"sample\"\nn = {n}")).unwrap();
        ask(folder.path(), name, "SELECT id FROM near ORDER BY id")
    };
    let files = ["first.jsonl", "second.jsonl"];
    let (few, more) = (drawn("few", &files, 10), drawn("more", &files, 25));
    assert_eq!((few.len(), more.len()), (10, 25));
    assert!(few.iter().all(|id| more.contains(id)), "{few:?} {more:?}");
    // Wherever a document stands, it is drawn or not.
    assert_eq!(drawn("turned", &["second.jsonl", "first.jsonl"], 10), few);
    assert_eq!(drawn("all", &files, 1000).len(), first.len() + second.len());
}
