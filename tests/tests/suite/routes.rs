//! Several workers in one stage: who is asked for which row, what the row says of it, and what a rerun costs.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use gristmill_lm::loopback::{Server, ServerSettings};
use gristmill_lm::{
    Capabilities, Completion, CompletionRequest, Failure, Finish, Identity, ScoreRequest, Scored, Worker, WorkerError,
};
use gristmill_run::commands::{ConfigCall, run, sql};
use gristmill_run::engine::Log;
use serde_json::Value;

/// A worker that does well, and says "done", where a prompt has one of its words; else it says "no".
struct Expert {
    words: &'static [&'static str],
}

const CODE: &[&str] = &["function", "loop", "array", "compile", "pointer"];
const VERSE: &[&str] = &["river", "sorrow", "verse", "moon", "garden"];

#[async_trait]
impl Worker for Expert {
    fn name(&self) -> &str {
        "expert"
    }
    fn identity(&self) -> Identity {
        Identity { kind: "test".into(), model: "expert".into(), revision: String::new() }
    }
    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        let prompt = request.prompt.plain();
        let knows = self.words.iter().any(|word| prompt.contains(word));
        Ok(Completion {
            text: if knows { "done" } else { "no" }.into(),
            finish: Finish::Stop,
            prompt_tokens: 10,
            completion_tokens: 1,
            tokens: None,
            model: "expert".into(),
            latency_ms: 0,
            attempts: 1,
            cached: false,
            routed: None,
        })
    }
    async fn score(&self, _: &ScoreRequest) -> Result<Scored, WorkerError> {
        Err(WorkerError::new("expert", Failure::Unsupported, "no scores"))
    }
    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        Ok(Capabilities::default())
    }
}

/// Two servers, and rows of tasks that one or the other is good at.
struct Team {
    folder: tempfile::TempDir,
    coder: Server,
    poet: Server,
}

const N: usize = 400;

impl Team {
    fn new() -> Self {
        let start = |words| Server::start(Arc::new(Expert { words }), ServerSettings::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let task = |i: usize| {
            // Which of the two kinds, and which of its words, from the digits of a product: no pattern in the turns.
            let draw = i * 7919 % 1009;
            let words = if draw.is_multiple_of(2) { CODE } else { VERSE };
            format!("{{\"id\": \"t{i:03}\", \"text\": \"Write number {i} about a {} please.\"}}\n", words[draw / 2 % 5])
        };
        fs::write(folder.path().join("rows.jsonl"), (0..N).map(task).collect::<String>()).unwrap();
        Self { folder, coder: start(CODE), poet: start(VERSE) }
    }

    /// A config in which the stage `tasks` asks both.
    fn config(&self, route: &str) -> PathBuf {
        let worker = |name: &str, server: &Server, price: f64| {
            format!(
                "[worker.{name}]\nkind = \"openai\"\nbase_url = \"{}\"\nmodel = \"{name}\"\nmax_in_flight = 8\n\
                 price_per_million = {{ prompt = {price:.1}, completion = {price:.1} }}\n",
                server.url()
            )
        };
        let text = format!(
            "[run]\nname = \"team\"\nseed = 3\n{}{}\
             [stage.rows]\nkind = \"jsonl\"\nfiles = [\"{}\"]\nfields = {{ id = \"id\" }}\n\
             [stage.tasks]\nkind = \"constrained_text\"\ninput = \"rows\"\nworker = [\"coder\", \"poet\"]\n{route}\n\
             max_attempts = 1\n[stage.tasks.constraints]\nstarts_with = \"done\"\n",
            worker("coder", &self.coder, 1.0),
            worker("poet", &self.poet, 9.0),
            self.folder.path().join("rows.jsonl").display()
        );
        let path = self.folder.path().join("team.toml");
        fs::write(&path, text).unwrap();
        path
    }

    fn run(&self, route: &str, out: &str, jobs: usize) -> PathBuf {
        let out = self.folder.path().join(out);
        let call = ConfigCall { config: self.config(route), jobs: Some(jobs), ..ConfigCall::default() };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(run::run(&call, Some(out.clone()), Log::Json)).unwrap();
        out
    }
}

/// A row of the stage, kept or dropped.
#[derive(Debug, Clone, PartialEq)]
struct Made {
    id: String,
    parent: String,
    worker: String,
    route: Value,
}

fn made(out: &Path) -> Vec<Made> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let select = "id, parents[1] AS parent, made_by['worker'] AS worker, meta";
    let query = format!("SELECT {select} FROM tasks");
    let read = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().unwrap_or("").to_owned();
        let route = serde_json::from_str::<Value>(&text("meta")).unwrap_or_default()["route"]["tasks"].clone();
        Made { id: text("id"), parent: text("parent"), worker: text("worker"), route }
    };
    let kept = runtime.block_on(sql::sql(&query, Some(out), sql::Format::Json)).unwrap();
    kept.lines().map(read).collect()
}

#[test]
fn a_learned_route_finds_the_better_worker_for_each_kind_of_task() {
    let team = Team::new();
    let route = "route = { policy = \"learned\", min_judged = 20, explore = 0.05, fit_every = 32 }";
    let out = team.run(route, "one", 1);
    let rows = made(&out);
    // In turn, half the rows would be kept; an oracle keeps all, less half of the 5 % that explore. Each prompt has a number
    // of its own, which tells nothing and is noise to a regression on 200 rows.
    let late: Vec<&Made> = rows.iter().filter(|row| row.parent.as_str() >= "t200").collect();
    assert!(late.len() >= 170, "{} of 200 rows are kept", late.len());
    let predicted: Vec<&&Made> = late.iter().filter(|row| row.route["by"] == "prediction").collect();
    assert!(predicted.len() >= 160, "{}", predicted.len());
    for row in predicted {
        let losses = row.route["predicted_losses"].as_object().unwrap();
        let least = losses.values().map(|loss| loss.as_f64().unwrap()).fold(f64::INFINITY, f64::min);
        assert!(losses.len() == 2 && row.route["predicted_loss"] == least, "{row:?}");
    }
    assert!(rows.iter().all(|row| row.route["worker"] == row.worker.as_str()));
    let workers: BTreeSet<&str> = rows.iter().map(|row| row.worker.as_str()).collect();
    assert_eq!(workers, BTreeSet::from(["coder", "poet"]));
    // Another number of threads, and replies in another order: the same choices.
    assert_eq!(made(&team.run(route, "two", 8)), rows);
}

#[test]
fn the_cheapest_is_asked_first_and_the_next_where_nothing_came_of_it() {
    let team = Team::new();
    let out = team.run("route = \"cheapest_ok\"", "out", 4);
    let rows = made(&out);
    assert_eq!(rows.len(), N);
    let by_poet: Vec<&Made> = rows.iter().filter(|row| row.worker == "poet").collect();
    assert!(by_poet.iter().all(|row| row.route["tried"] == serde_json::json!(["coder"])));
    assert!((150..250).contains(&by_poet.len()), "{}", by_poet.len());
    // The dear one was asked for nothing but what the cheap one could not do.
    assert_eq!(team.poet.counters().answered, by_poet.len() as u64);
    assert_eq!(team.coder.counters().answered, N as u64);
}

#[test]
fn turns_are_taken_by_row_and_a_rerun_of_the_least_loaded_asks_nobody_again() {
    let team = Team::new();
    let mut by_worker: BTreeMap<String, usize> = BTreeMap::new();
    for row in made(&team.run("route = \"round_robin\"", "turns", 2)) {
        let number: usize = row.parent[1..].parse().unwrap();
        assert_eq!(row.worker, ["coder", "poet"][number % 2]);
        assert_eq!(row.route["by"], "turn");
        *by_worker.entry(row.worker).or_default() += 1;
    }
    assert_eq!(by_worker.len(), 2);
    let out = team.run("route = \"least_loaded\"", "load", 2);
    let (first, asked) = (made(&out), team.coder.counters().answered + team.poet.counters().answered);
    // Everything but the journal is lost.
    fs::remove_dir_all(out.join("stages")).unwrap();
    fs::remove_dir_all(out.join("ledger")).unwrap();
    let again = made(&team.run("route = \"least_loaded\"", "load", 8));
    assert_eq!(team.coder.counters().answered + team.poet.counters().answered, asked);
    let plain = |rows: &[Made]| rows.iter().map(|row| (row.id.clone(), row.worker.clone())).collect::<Vec<_>>();
    assert_eq!(plain(&again), plain(&first));
    assert!(again.iter().all(|row| row.route["by"] == "journal"));
}

#[test]
fn without_a_route_each_worker_answers_every_row() {
    let team = Team::new();
    let rows = made(&team.run("", "each", 2));
    // Each task is one that exactly one of the two can do.
    assert_eq!(rows.len(), N);
    assert_eq!(rows.iter().map(|row| row.id.as_str()).collect::<BTreeSet<_>>().len(), N);
    assert_eq!(team.coder.counters().answered, N as u64);
    assert_eq!(team.poet.counters().answered, N as u64);
}
