//! A question of one's own about every row: replies held to a schema, and routes over several servers.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use gristmill_lm::loopback::{Server, ServerSettings};
use gristmill_lm::request::Finish;
use gristmill_lm::{
    Capabilities, Completion, CompletionRequest, Failure, Identity, ScoreRequest, Scored, Worker, WorkerError,
};
use gristmill_run::commands::{ConfigCall, run, sql};
use gristmill_run::engine::Log;
use serde_json::Value;

/// A worker whose every reply is a function of the prompt.
struct Scripted(fn(&str) -> String);

#[async_trait]
impl Worker for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn identity(&self) -> Identity {
        Identity { kind: "scripted".into(), model: "scripted".into(), revision: String::new() }
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        Ok(Completion {
            text: self.0(&request.prompt.plain()),
            finish: Finish::Stop,
            prompt_tokens: 10,
            completion_tokens: 5,
            tokens: None,
            model: "scripted".into(),
            latency_ms: 0,
            attempts: 1,
            cached: false,
            routed: None,
        })
    }

    async fn score(&self, _: &ScoreRequest) -> Result<Scored, WorkerError> {
        Err(WorkerError::new("scripted", Failure::Unsupported, "it completes only"))
    }

    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        Ok(Capabilities::default())
    }
}

fn server(reply: fn(&str) -> String) -> Server {
    Server::start(Arc::new(Scripted(reply)), ServerSettings::default()).unwrap()
}

/// Runs an `ask` stage over texts with servers of growing price; gives back its rows and its ledger, as JSON lines.
fn ask(folder: &Path, texts: &[String], servers: &[(&str, &Server)], stage: &str) -> (Vec<Value>, Vec<Value>) {
    let rows: String = texts.iter().map(|text| format!("{}\n", serde_json::json!({ "text": text }))).collect();
    fs::write(folder.join("rows.jsonl"), rows).unwrap();
    fs::write(folder.join("prompt.j2"), "Is this even? {{ text }}").unwrap();
    fs::write(folder.join("judge.j2"), "Grade {{ reply }} for {{ text }}").unwrap();
    let mut text = String::from("[run]\nname = \"asks\"\n");
    for (price, (name, server)) in (1..).zip(servers) {
        let url = server.url();
        writeln!(
            text,
            "[worker.{name}]\nkind = \"openai\"\nbase_url = \"{url}\"\nmodel = \"{name}\"\nguided = \"none\"\n\
             price_per_million = {{ prompt = {price}, completion = {price} }}"
        )
        .unwrap();
    }
    let folder_name = folder.display();
    write!(
        text,
        r#"
[stage.rows]
kind = "jsonl"
files = ["{folder_name}/rows.jsonl"]
license = "CC0-1.0"
[stage.asked]
kind = "ask"
input = "rows"
prompt = "{folder_name}/prompt.j2"
{stage}
"#
    )
    .unwrap();
    let config = folder.join("asks.toml");
    fs::write(&config, text).unwrap();
    let out = folder.join("out");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let call = ConfigCall { config, ..ConfigCall::default() };
    runtime.block_on(run::run(&call, Some(out.clone()), Log::Quiet)).unwrap();
    let lines = |query: &str| -> Vec<Value> {
        let rows = runtime.block_on(sql::sql(query, Some(&out), sql::Format::Json)).unwrap();
        rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect()
    };
    (lines("SELECT * FROM asked"), lines("SELECT * FROM ledger"))
}

/// What a row says of who was chosen for it, and why.
fn route(row: &Value) -> Value {
    let meta: Value = row.get("meta").and_then(Value::as_str).map_or(Value::Null, |m| serde_json::from_str(m).unwrap());
    meta["route"]["asked"].clone()
}

const SCHEMA: &str = r#"
schema = { type = "object", properties = { even = { type = "boolean" } }, required = ["even"] }
"#;

/// Right about even numbers, and about nothing else.
fn small(prompt: &str) -> String {
    if prompt.contains(" 2") { "It is: {\"even\": true}".into() } else { "Who knows?".into() }
}

/// Right about all numbers but 7, once it has been told what is wrong.
fn large(prompt: &str) -> String {
    let told = prompt.contains("does not fit");
    if told && !prompt.contains(" 7") { "{\"even\": false}".into() } else { "No!".into() }
}

#[test]
fn a_reply_is_held_to_its_schema_repaired_once_passed_on_and_dropped_at_last() {
    let (small, large) = (server(small), server(large));
    let folder = tempfile::tempdir().unwrap();
    let texts = ["number 2", "number 5", "number 7"].map(str::to_owned);
    let stage = format!("worker = [\"large\", \"small\"]\nroute = \"cheapest_ok\"{SCHEMA}");
    let (rows, ledger) = ask(folder.path(), &texts, &[("small", &small), ("large", &large)], &stage);
    let shown = |row: &Value| ["text", "reply", "reply_worker"].map(|key| row[key].as_str().unwrap().to_owned());
    assert_eq!(shown(&rows[0]), ["number 2", "{\"even\":true}", "small"]);
    assert_eq!(shown(&rows[1]), ["number 5", "{\"even\":false}", "large"]);
    assert_eq!((&rows[0]["reply_repaired"], &rows[1]["reply_repaired"]), (&false.into(), &true.into()));
    assert_eq!((&rows[0]["reply_loss"], &rows[1]["reply_loss"]), (&0.0.into(), &0.5.into()));
    let route = route(&rows[1]);
    assert_eq!((route["by"].as_str(), route["tried"][0].as_str()), (Some("price"), Some("small")));
    // The row is its input's: a question about a document makes it no other.
    assert!(rows.iter().all(|row| row.get("made_by").is_none() && row.get("parents").is_none()), "{rows:?}");
    assert_eq!((rows.len(), ledger.len()), (2, 1));
    assert_eq!((ledger[0]["stage"].as_str(), ledger[0]["rule"].as_str()), (Some("asked"), Some("lm_malformed")));
    assert!(ledger[0]["measured"].as_str().unwrap().contains("No!"), "{ledger:?}");
    // Small was asked for three rows and to repair two, large for two and to repair both.
    assert_eq!((small.counters().answered, large.counters().answered), (5, 4));
}

#[test]
fn a_reply_that_is_the_text_is_a_new_document() {
    let server = server(|prompt| prompt.to_uppercase());
    let folder = tempfile::tempdir().unwrap();
    let stage = "worker = \"only\"\ninto = \"text\"";
    let (rows, _) = ask(folder.path(), &["a".to_owned()], &[("only", &server)], stage);
    assert_eq!(rows[0]["text"], "IS THIS EVEN? A");
    assert_eq!(rows[0]["made_by"]["worker"], "only");
    assert!(rows[0]["parents"][0].is_string() && rows[0]["parents"][0] != rows[0]["id"]);
    assert_eq!(route(&rows[0]), Value::Null, "there was no choice");
}

fn poet(prompt: &str) -> String {
    if prompt.contains("poem") { "good" } else { "bad" }.into()
}

fn coder(prompt: &str) -> String {
    if prompt.contains("code") { "good" } else { "bad" }.into()
}

fn grader(prompt: &str) -> String {
    if prompt.contains("Grade good") { "10" } else { "1" }.into()
}

#[test]
fn a_learned_route_finds_who_is_good_at_what_and_learns_the_same_again() {
    let (poet, coder, grader) = (server(poet), server(coder), server(grader));
    let servers = [("poet", &poet), ("coder", &coder), ("grader", &grader)];
    let texts: Vec<String> =
        (0..400).map(|i| format!("{} number {i}", if i % 3 == 0 { "poem" } else { "code" })).collect();
    let run = || {
        let folder = tempfile::tempdir().unwrap();
        let judge = folder.path().join("judge.j2");
        let stage = format!(
            "worker = [\"poet\", \"coder\"]\nroute = {{ policy = \"learned\", fit_every = 50, explore = 0.0 }}\n\
             judge = {{ worker = \"grader\", prompt = \"{}\" }}",
            judge.display()
        );
        ask(folder.path(), &texts, &servers, &stage).0
    };
    let rows = run();
    assert_eq!(rows.len(), 400);
    let is_good = |row: &&Value| row["reply"] == "good";
    let (early, late) = (rows[..100].iter().filter(is_good).count(), rows[200..].iter().filter(is_good).count());
    // The first 50 take turns, and half of them are lucky. Later a number's word may share its place with a kind's.
    assert!(early < 80 && late > 190, "{early} of the first 100, {late} of the last 200");
    let route = route(&rows[399]);
    assert_eq!(route["by"], "prediction");
    assert!(route["predicted_loss"].as_f64().unwrap() < 0.3, "{route}");
    let chosen = |rows: &[Value]| rows.iter().map(|row| row["reply_worker"].clone()).collect::<Vec<_>>();
    assert_eq!(chosen(&run()), chosen(&rows));
}
