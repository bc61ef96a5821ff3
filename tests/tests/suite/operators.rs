//! Operators as users see them: `sql/NAME.slt`, queries with the rows they give.
//!
//! A file holds records separated by blank lines: comment lines (`#`), then `query` or `error`, the SQL, a line `----`,
//! and what comes back: one line per row, values between ` | `; or a part of the error. `GRISTMILL_APPROVE=1` rewrites
//! the rows; review them like code.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::SessionContext;
use gristmill_run::session::Sessions;

struct Record {
    comments: String,
    error: bool,
    sql: String,
    expected: String,
}

fn parse(text: &str) -> Vec<Record> {
    let mut records = Vec::new();
    for block in text.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let mut lines = block.lines().peekable();
        let mut comments = String::new();
        while let Some(line) = lines.next_if(|line| line.starts_with('#') || line.is_empty()) {
            writeln!(comments, "{line}").unwrap();
        }
        let Some(kind) = lines.next() else { continue };
        assert!(["query", "error"].contains(&kind), "a record starts with `query` or `error`, not {kind:?}");
        let rest: Vec<&str> = lines.collect();
        let cut = rest.iter().position(|line| *line == "----").unwrap_or_else(|| panic!("no ---- after {rest:?}"));
        let (sql, expected) = (rest[..cut].join("\n"), rest[cut + 1..].join("\n"));
        records.push(Record { comments, error: kind == "error", sql, expected });
    }
    records
}

fn rows(batches: &[RecordBatch]) -> String {
    let options = FormatOptions::default().with_null("NULL");
    let mut lines = Vec::new();
    for batch in batches {
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            lines.push(values.join(" | ").replace('\n', "\\n").trim_end().to_owned());
        }
    }
    lines.join("\n")
}

async fn answer(context: &SessionContext, sql: &str) -> Result<String, String> {
    let frame = context.sql(sql).await.map_err(|e| e.strip_backtrace())?;
    frame.collect().await.map(|batches| rows(&batches)).map_err(|e| e.strip_backtrace())
}

/// Runs a file; returns what differs, or rewrites it when asked to.
async fn check(context: &SessionContext, path: &Path) -> Vec<String> {
    let approve = std::env::var_os("GRISTMILL_APPROVE").is_some();
    let (mut wrong, mut rewritten) = (Vec::new(), Vec::new());
    for record in parse(&fs::read_to_string(path).unwrap()) {
        let (got, fits) = match (answer(context, &record.sql).await, record.error) {
            (Ok(rows), false) => (rows.clone(), rows == record.expected),
            (Err(error), true) => {
                let fits = !record.expected.is_empty() && error.contains(&record.expected);
                (if fits { record.expected.clone() } else { error }, fits)
            }
            (Ok(rows), true) => panic!("{}: no error but {rows}\n{}", path.display(), record.sql),
            (Err(error), false) => panic!("{}: {error}\n{}", path.display(), record.sql),
        };
        if !fits {
            wrong.push(format!(
                "{}:\n{}\n---- expected\n{}\n---- got\n{got}\n",
                path.display(),
                record.sql,
                record.expected
            ));
        }
        let kind = if record.error { "error" } else { "query" };
        rewritten.push(format!("{}{kind}\n{}\n----\n{got}\n", record.comments, record.sql));
    }
    if approve {
        fs::write(path, rewritten.join("\n")).unwrap();
        wrong.clear();
    }
    wrong
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sql")
}

#[test]
fn operators_answer_as_their_files_say() {
    // Paths in the files are relative to the workspace.
    std::env::set_current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sessions = Sessions::new(gristmill_run::registry(), 1 << 30, 1).unwrap();
    let context = sessions.open();
    let mut files: Vec<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let wrong: Vec<String> = files.iter().flat_map(|file| runtime.block_on(check(&context, file))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_operator_has_its_file_and_every_file_its_operator() {
    let registry = gristmill_run::registry();
    let annotators = registry.annotators().iter().map(|entry| entry.name.to_owned());
    let comparisons = registry.comparisons().iter().map(|entry| entry.name.to_owned());
    let transforms = registry.transforms().iter().map(|entry| entry.name.to_owned());
    let operators: BTreeSet<String> = annotators.chain(comparisons).chain(transforms).collect();
    let files: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| !FUNCTIONS.contains(&name.as_str()))
        .collect();
    assert_eq!(operators, files);
}

/// Files about SQL functions that are neither annotator nor transform.
const FUNCTIONS: &[&str] = &["measure", "main_text", "draw"];
