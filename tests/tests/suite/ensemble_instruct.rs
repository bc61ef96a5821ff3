//! A recorded run of Ensemble-Instruct, replayed: what its authors published, byte for byte.
//!
//! The data (IBM/ensemble-instruct, `sample/`, Apache-2.0) is no part of this project: it is found through
//! `GRISTMILL_SHARED` or `../shared`.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use gristmill_core::measures::novelty::NoveltyParams;
use gristmill_core::measures::tokens::{Stemmer, Tokenizer};
use gristmill_generators::instruct::candidates::InstructionRules;
use gristmill_generators::instruct::consensus::{Consensus, Policy, Similarity};
use gristmill_generators::instruct::instances::{Compat, labelled};
use gristmill_generators::instruct::pool::{Pool, PoolSettings};
use gristmill_generators::instruct::python_text::json_line;
use gristmill_lm::Finish;
use serde_json::Value;

#[expect(clippy::print_stderr, reason = "a test that cannot see its data says so")]
fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("GRISTMILL_SHARED").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let found = shared.into_iter().chain([beside]).map(|root| root.join("data/instruct/ensemble")).find(|f| f.is_dir());
    if found.is_none() {
        eprintln!("SKIPPED: the recorded run is not there (set GRISTMILL_SHARED)");
    }
    found
}

fn rows(folder: &Path, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap()
}

fn line(instruction: &str, input: &str, output: &str) -> String {
    json_line(&[("instruction", instruction), ("input", input), ("output", output)]) + "\n"
}

/// The samples parsed from recorded replies, as the released code writes them.
fn parsed(folder: &Path, name: &str) -> String {
    let mut lines = String::new();
    for row in rows(folder, name) {
        let instruction = text(&row, "instruction").replace("|EoS|", "");
        for instance in labelled(text(&row, "raw_instances"), "|EoS|", Compat::Released) {
            lines.push_str(&line(instruction.trim(), &instance.input, &instance.output));
        }
    }
    lines
}

#[test]
fn replies_parse_to_the_published_samples_byte_for_byte() {
    let Some(folder) = folder() else { return };
    for (raw, samples, n) in [
        ("openei.io_instances.jsonl", "openei.io_samples.jsonl", 72),
        ("openei.o_instances.jsonl", "openei.o_samples.jsonl", 81),
    ] {
        let got = parsed(&folder, raw);
        assert_eq!(got.lines().count(), n);
        assert_eq!(got, fs::read_to_string(folder.join(samples)).unwrap(), "{samples}");
    }
}

/// The selection under a policy, and how many rows each branch kept.
fn selected(folder: &Path, policy: Policy) -> String {
    let names = ["openei.samples.jsonl", "openei.flan-t5-xxl_output.jsonl", "openei.flan-ul2_output.jsonl"];
    let [own, first, second] = names.map(|name| rows(folder, name));
    let mut consensus = Consensus::new(policy, Similarity::RougeL, 0.01);
    let mut lines = String::new();
    for ((own, first), second) in own.iter().zip(&first).zip(&second) {
        let outputs = [own, first, second].map(|row| text(row, "output"));
        if let Some(output) = consensus.judge(&outputs, &[]).text(&outputs) {
            lines.push_str(&line(text(own, "instruction"), text(own, "input"), output));
        }
    }
    lines
}

#[test]
fn the_selection_is_the_published_one_under_its_policy_and_the_codes_under_the_codes() {
    let Some(folder) = folder() else { return };
    let published = fs::read_to_string(folder.join("openei.ensemble")).unwrap();
    let sample = selected(&folder, Policy::Sample);
    assert_eq!(sample.lines().count(), 105);
    assert_eq!(sample, published);
    // Reference 5.1 c: the unmodified script keeps the same 105 rows and 81 of their outputs.
    let code = selected(&folder, Policy::Code);
    let key = |line: &str| line.split_once("\"output\"").unwrap().0.to_owned();
    let keys = |lines: &str| lines.lines().map(key).collect::<Vec<_>>();
    assert_eq!(keys(&code), keys(&published));
    assert_eq!(code.lines().zip(published.lines()).filter(|(a, b)| a == b).count(), 81);
}

#[test]
fn the_gate_keeps_exactly_the_published_instructions() {
    let Some(folder) = folder() else { return };
    let seeds = rows(&folder, "seed_tasks.jsonl");
    for (name, with_input, n) in
        [("openei.io_instructions.jsonl", true, 101), ("openei.o_instructions.jsonl", false, 102)]
    {
        let of_this_sort = |seed: &&Value| text(&seed["instances"][0], "input").is_empty() != with_input;
        let seeds: Vec<String> =
            seeds.iter().filter(of_this_sort).map(|seed| text(seed, "instruction").to_owned()).collect();
        let rules = InstructionRules {
            ascii_start: true,
            drop_unfinished: false,
            end_mark: "|EoS|".into(),
            ..InstructionRules::default()
        };
        let novelty = NoveltyParams { limit: 0.7, tokenizer: Tokenizer::RougeScore, stemmer: Stemmer::None };
        let settings = PoolSettings { n_demos: 0, n_own_demos: 0, novelty, rules, compare_with_mark: true };
        let mut pool = Pool::new(settings, 0, "replay", seeds);
        let recorded = rows(&folder, name);
        let mut last = (None, "");
        for row in &recorded {
            let reply = (row["request_idx"].as_u64(), row["metadata"]["response"].as_str().unwrap());
            // One reply gave several rows where the same reply stands beside the next.
            if reply != last {
                pool.take(reply.1, Finish::Stop, false);
                last = reply;
            }
        }
        let published: Vec<&str> = recorded.iter().map(|row| text(row, "instruction")).collect();
        assert_eq!(pool.kept(), published, "{name}");
        assert_eq!(published.len(), n);
    }
}

/// A recording for the replay worker: prompts of our own templates with the recorded replies.
fn recording(path: &Path, pairs: &[(String, String)]) {
    let mut lines = String::new();
    for (prompt, reply) in pairs {
        writeln!(lines, "{}", serde_json::json!({ "prompt": prompt, "reply": reply })).unwrap();
    }
    fs::write(path, lines).unwrap();
}

#[test]
fn the_pipeline_over_recorded_replies_ends_in_the_published_table() {
    use gristmill_run::commands::{ConfigCall, run, sql};
    use gristmill_run::engine::Log;
    let Some(folder) = folder() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    // The tables of recorded instructions, both sorts, and the replies of each worker to the prompts of our templates.
    let (mut config, mut replies) = (String::from("[run]\nname = \"replay\"\n"), Vec::new());
    let template = |name: &str| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("configs/prompts/ensemble_instruct");
        let source = fs::read_to_string(root.join(name)).unwrap();
        gristmill_generators::kit::Template::new(&source).unwrap()
    };
    for (sort, prompt, form) in
        [("io", "instances_input_output.j2", "input_output"), ("o", "instances_output.j2", "output")]
    {
        let (mut table, prompt) = (String::new(), template(prompt));
        for row in rows(&folder, &format!("openei.{sort}_instances.jsonl")) {
            let instruction = text(&row, "instruction").replace("|EoS|", "").trim().to_owned();
            writeln!(table, "{}", serde_json::json!({ "instruction": instruction })).unwrap();
            let rendered = prompt.render(&serde_json::json!({ "instruction": instruction })).unwrap();
            replies.push((rendered.trim_end().to_owned(), text(&row, "raw_instances").to_owned()));
        }
        fs::write(at(&format!("{sort}.jsonl")), table).unwrap();
        write!(
            config,
            "[stage.{sort}_recorded]\nkind = \"jsonl\"\nfiles = [{:?}]\nfields = {{ text = \"instruction\" }}\n\
             [stage.{sort}_instructions]\nkind = \"sql\"\ninput = \"{sort}_recorded\"\nquery = \"SELECT *, text AS \
             instruction FROM {sort}_recorded\"\n[stage.{sort}]\nkind = \"ensemble_instruct.instances\"\n\
             input = \"{sort}_instructions\"\nworker = \"falcon\"\nform = \"{form}\"\ncompat = \"released\"\n",
            at(&format!("{sort}.jsonl")).to_string_lossy()
        )
        .unwrap();
    }
    recording(&at("falcon.jsonl"), &replies);
    let output = template("output.j2");
    for worker in ["t5-xxl", "ul2"] {
        let pairs: Vec<(String, String)> = rows(&folder, &format!("openei.flan-{worker}_output.jsonl"))
            .iter()
            .map(|row| {
                let variables = serde_json::json!({
                    "instruction": text(row, "instruction").trim(), "input": text(row, "input").trim(),
                });
                (output.render(&variables).unwrap().trim_end().to_owned(), text(row, "output").to_owned())
            })
            .collect();
        recording(&at(&format!("{worker}.jsonl")), &pairs);
    }
    for (name, file) in [("falcon", "falcon"), ("t5", "t5-xxl"), ("ul2", "ul2")] {
        let file = at(&format!("{file}.jsonl"));
        write!(config, "[worker.{name}]\nkind = \"replay\"\nfile = {:?}\n", file.to_string_lossy()).unwrap();
    }
    config.push_str(
        "[stage.outputs]\nkind = \"ensemble_instruct.outputs\"\ninput = [\"io\", \"o\"]\nworker = [\"t5\", \"ul2\"]\n\
         [stage.ensemble]\nkind = \"ensemble_instruct.consensus\"\ninput = \"outputs\"\npolicy = \"sample\"\n",
    );
    fs::write(at("config.toml"), config).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let call = ConfigCall { config: at("config.toml"), ..ConfigCall::default() };
    runtime.block_on(run::run(&call, Some(at("run")), Log::Quiet)).unwrap();
    let query = "SELECT instruction, input, output FROM ensemble";
    let got = runtime.block_on(sql::sql(query, Some(&at("run")), sql::Format::Json)).unwrap();
    let got: String = got
        .lines()
        .map(|row| serde_json::from_str::<Value>(row).unwrap())
        .map(|row| line(text(&row, "instruction"), text(&row, "input"), text(&row, "output")))
        .collect();
    assert_eq!(got, fs::read_to_string(folder.join("openei.ensemble")).unwrap());
}
