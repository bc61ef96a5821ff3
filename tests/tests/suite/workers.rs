//! Runs that ask a server: what it costs when it fails, what survives a kill, and where the key is not.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use gristmill_lm::loopback::{ContextWording, ErrorBody, Fault, FaultPlan, Server, ServerSettings};
use gristmill_lm::ngram::{Ngram, NgramSettings};
use gristmill_run::commands::{ConfigCall, run, sql};
use gristmill_run::engine::Log;
use serde_json::Value;

/// The secret that must be seen nowhere.
const KEY: &str = "sk-hunter2-hunter2";
const KEY_VARIABLE: &str = "GRISTMILL_TEST_KEY";
/// Requests on the wire at a time.
const MAX_IN_FLIGHT: u64 = 16;
/// Names the run directory in a process that a test has started.
const CHILD: &str = "GRISTMILL_TEST_CHILD";

fn server(settings: ServerSettings) -> Server {
    let texts = ["The miller grinds the grain. Yes, he does.", "No one grinds stones.", "Yes. No."];
    let model = NgramSettings { cache_order: 1, ..NgramSettings::default() };
    Server::start(Arc::new(Ngram::fit("made-up", model, texts)), settings).unwrap()
}

/// A config of one request per row, for `n` rows, each sent by itself.
fn config(folder: &Path, url: &str, n: usize) -> PathBuf {
    config_of(folder, url, n, &format!("max_in_flight = {MAX_IN_FLIGHT}"))
}

/// The same with `how` in the worker's table.
fn config_of(folder: &Path, url: &str, n: usize, how: &str) -> PathBuf {
    let rows: String = (0..n).map(|i| format!("{{\"text\": \"Say whether {i} is even.\"}}\n")).collect();
    fs::write(folder.join("rows.jsonl"), rows).unwrap();
    let text = format!(
        r#"
[run]
name = "asks"
[worker.w]
kind = "openai"
base_url = "{url}"
model = "made-up"
api_key_env = "{KEY_VARIABLE}"
first_byte_seconds = 0.5
{how}
max_attempts = 12
backoff = {{ first_seconds = 0.001, most_seconds = 0.01 }}
breaker = {{ first_probe_seconds = 0.001, most_probe_seconds = 0.01 }}
[stage.rows]
kind = "jsonl"
files = ["{}"]
license = "CC0-1.0"
[stage.asked]
kind = "sql"
input = "rows"
query = "SELECT *, text AS instruction FROM rows"
[stage.tasks]
kind = "self_instruct.is_classification"
input = "asked"
worker = "w"
[stage.release]
kind = "release"
input = "tasks"
license = "CC0-1.0"
"#,
        folder.join("rows.jsonl").display()
    );
    let path = folder.join("asks.toml");
    fs::write(&path, text).unwrap();
    path
}

fn child(test: &str, config: &Path, out: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture", &format!("workers::{test}")])
        .env(KEY_VARIABLE, KEY)
        .env(CHILD, out)
        .env("CONFIG", config);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// In a process that a test has started: runs the config and returns true.
fn is_child() -> bool {
    let (Some(out), Some(config)) = (std::env::var_os(CHILD), std::env::var_os("CONFIG")) else { return false };
    let call = ConfigCall { config: PathBuf::from(config), ..ConfigCall::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let told = runtime.block_on(run::run(&call, Some(PathBuf::from(out)), Log::Json)).unwrap();
    assert!(told.contains("run directory"), "{told}");
    true
}

fn finish(mut child: Command) -> String {
    let done = child.output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    said
}

/// The rows of a query over a run, as JSON lines.
fn rows(out: &Path, query: &str) -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(sql::sql(query, Some(out), sql::Format::Json)).unwrap()
}

fn ids(out: &Path) -> Vec<String> {
    let query = "SELECT id FROM tasks UNION ALL SELECT id FROM ledger WHERE stage = 'tasks'";
    rows(out, query).lines().map(|row| serde_json::from_str::<Value>(row).unwrap()["id"].to_string()).collect()
}

#[test]
fn thirty_per_cent_of_faults_lose_nothing_and_double_nothing() {
    if is_child() {
        return;
    }
    const N: usize = 5_000;
    let kinds = vec![
        Fault::Rate { body: ErrorBody::Text, retry_after: None },
        Fault::Rate { body: ErrorBody::IntegerCode, retry_after: Some("0".into()) },
        Fault::Broken(500),
        Fault::CutBody,
        Fault::MalformedJson,
        Fault::FinishAbort,
        Fault::SlowBody { ms: 5 },
        // Asked again, it would be the same: these rows end in the ledger.
        Fault::ContextLength(ContextWording::Vllm),
    ];
    let faults = FaultPlan { rate: 0.3, seed: 7, kinds };
    let server = server(ServerSettings { faults, ..ServerSettings::default() });
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), &server.url(), N);
    let out = folder.path().join("out");
    finish(child("thirty_per_cent_of_faults_lose_nothing_and_double_nothing", &config, &out));
    let ids = ids(&out);
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (N, N));
    let seen = server.counters();
    let faults: u64 = seen.faults.values().sum();
    assert!(faults as f64 > 0.25 * seen.requests as f64, "{seen:?}");
    assert_eq!(seen.n_repeated(), 0, "an answered request was asked again");
    let rules = rows(&out, "SELECT rule, count(*) AS n FROM ledger WHERE stage = 'tasks' GROUP BY rule");
    let n_too_long = seen.faults["context_length"];
    assert_eq!(rules, format!("{{\"rule\":\"lm_context_length\",\"n\":{n_too_long}}}"));
    let kept = "SELECT count(reply) AS replies, count(failure) AS failures FROM replies";
    assert_eq!(rows(&out, kept), format!("{{\"replies\":{},\"failures\":{n_too_long}}}", N as u64 - n_too_long));
}

#[test]
fn requests_in_files_lose_nothing_and_are_paid_once() {
    if is_child() {
        return;
    }
    const N: usize = 1_000;
    let kinds = vec![
        Fault::Rate { body: ErrorBody::OpenAi, retry_after: None },
        Fault::Broken(500),
        Fault::FinishAbort,
        Fault::MalformedJson,
        Fault::ContextLength(ContextWording::OpenAi),
    ];
    let faults = FaultPlan { rate: 0.3, seed: 7, kinds };
    let server = server(ServerSettings { faults, ..ServerSettings::default() });
    let folder = tempfile::tempdir().unwrap();
    let how = "batch = { max_requests = 400, gather_seconds = 0.02, poll_seconds = 0.01 }";
    let config = config_of(folder.path(), &server.url(), N, how);
    let out = folder.path().join("out");
    finish(child("requests_in_files_lose_nothing_and_are_paid_once", &config, &out));
    let ids = ids(&out);
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (N, N));
    let seen = server.counters();
    assert_eq!(seen.n_repeated(), 0, "an answered request was asked again");
    assert_eq!(seen.by_route.get("POST /v1/completions").or(seen.by_route.get("POST /v1/chat/completions")), None);
    let rules = rows(&out, "SELECT rule, count(*) AS n FROM ledger WHERE stage = 'tasks' GROUP BY rule");
    assert_eq!(rules, format!("{{\"rule\":\"lm_context_length\",\"n\":{}}}", seen.faults["context_length"]));
    // Three files hold the rows; what failed in passing goes into a few more.
    let n_batches = seen.by_route["POST /v1/batches"];
    assert!((3..N as u64 / 10).contains(&n_batches), "{n_batches} batches");
    let register = fs::read_to_string(out.join("lm/batches-w.jsonl")).unwrap();
    assert_eq!(register.lines().count() as u64, n_batches);
}

/// Kills a run once the server has answered some requests.
fn kill_after(mut child: Child, server: &Server, answers: u64) {
    while server.counters().answered < answers && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_killed_run_pays_again_for_what_is_in_flight_at_most() {
    if is_child() {
        return;
    }
    let name = "a_killed_run_pays_again_for_what_is_in_flight_at_most";
    let settings = ServerSettings { latency_ms: 2, ..ServerSettings::default() };
    let folder = tempfile::tempdir().unwrap();
    let (whole, torn) = (folder.path().join("whole"), folder.path().join("torn"));
    let undisturbed = server(settings.clone());
    finish(child(name, &config(folder.path(), &undisturbed.url(), 1_000), &whole));
    let server = server(settings);
    let config = config(folder.path(), &server.url(), 1_000);
    for answers in [150, 400, 700] {
        kill_after(child(name, &config, &torn).spawn().unwrap(), &server, answers);
    }
    finish(child(name, &config, &torn));
    // The manifests differ: the servers had different ports.
    let released = |out: &Path| fs::read(out.join("release/data/train-00000-of-00001.parquet")).unwrap();
    assert!(released(&whole) == released(&torn));
    let seen = server.counters();
    assert!(seen.n_distinct_answered() >= 1_000);
    // A request is in flight until its reply is synced; at each of three kills all that are may be lost.
    assert!(seen.n_repeated() <= 3 * MAX_IN_FLIGHT, "{} requests were paid for twice", seen.n_repeated());
}

/// The key as it is, as JSON may escape it, and as an address does.
fn spellings() -> [String; 3] {
    let spell = |start: &str| KEY.bytes().map(|byte| format!("{start}{byte:02x}")).collect::<String>();
    [KEY.to_owned(), spell("\\u00"), spell("%")]
}

/// Every file of a folder, however deep.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn the_key_is_in_no_file_and_no_line() {
    if is_child() {
        return;
    }
    let kinds = vec![Fault::Broken(500), Fault::MalformedJson, Fault::RepeatedKey];
    let faults = FaultPlan { rate: 0.4, seed: 1, kinds };
    let server = server(ServerSettings { required_key: Some(KEY.into()), faults, ..ServerSettings::default() });
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), &server.url(), 100);
    let out = folder.path().join("out");
    let said = finish(child("the_key_is_in_no_file_and_no_line", &config, &out));
    assert!(said.contains("tasks"), "{said}");
    let seen = server.counters();
    assert!(seen.answered >= 50 && seen.faults["repeated_key"] > 5, "{seen:?}");
    let clean = |place: &str, text: &[u8]| {
        for key in spellings() {
            let found = text.windows(key.len()).any(|window| window.eq_ignore_ascii_case(key.as_bytes()));
            assert!(!found, "{place} holds the key as {key}");
        }
    };
    clean("what was said", said.as_bytes());
    let files = files(&out);
    assert!(files.len() > 10, "{files:?}");
    for file in &files {
        clean(&file.to_string_lossy(), &fs::read(file).unwrap());
        // What is compressed is looked at again as rows.
        if file.extension().is_some_and(|extension| extension == "parquet") {
            let content = rows(&out, &format!("SELECT * FROM '{}'", file.display()));
            clean(&file.to_string_lossy(), content.as_bytes());
        }
    }
    let replies = rows(&out, "SELECT * FROM replies");
    clean("the journal", replies.as_bytes());
    let ledger = rows(&out, "SELECT * FROM ledger");
    for (place, text) in [("the journal", replies), ("the ledger", ledger)] {
        assert!(text.contains("Authorization: Bearer [redacted]"), "{place} has the server's words: {text}");
    }
}
