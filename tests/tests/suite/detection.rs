//! Detection from the command's end, on the sample data: evaluation, zero-shot, few-shot, parts of texts, shares.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use gristmill_detectors::calibrate::PrevalenceParams;
use gristmill_detectors::machine::normalise::Level;
use gristmill_detectors::machine::sentences::WindowParams;
use gristmill_detectors::machine::zero_shot::ZeroShotParams;
use gristmill_run::RunError;
use gristmill_run::commands::detect::{self, ScoreCall, Sides};
use gristmill_run::commands::detect_default;
use gristmill_run::commands::evaluate::{EvalCall, EvalWhat, eval};
use gristmill_run::commands::few_shot::{FewShotCall, few_shot};
use gristmill_run::commands::prevalence::{PrevalenceCall, prevalence};
use gristmill_run::commands::zero_shot::{ZeroShotCall, zero_shot};
use gristmill_run::evaluation::{EvalConfig, Evaluation, TextsTable};
use serde_json::{Value, json};

const HUMAN: &str = "sample-data/detect/human.jsonl";
const MACHINE: &str = "sample-data/detect/machine.jsonl";
const CONFIG: &str = "configs/detector-eval.toml";

fn at_root() {
    std::env::set_current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()).unwrap();
}

fn wait<T>(future: impl Future<Output = Result<T, RunError>>) -> Result<T, RunError> {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Some rows of a file as a file of its own.
fn part(folder: &Path, name: &str, file: &str, chosen: impl Fn(&Value, usize) -> bool) -> PathBuf {
    let path = folder.join(name);
    let rows = rows(&fs::read_to_string(file).unwrap());
    let lines: Vec<String> =
        rows.iter().enumerate().filter(|(i, row)| chosen(row, *i)).map(|(_, row)| row.to_string()).collect();
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

fn is_assistant(row: &Value) -> bool {
    row["model"].as_str().is_none_or(|model| model == "assistant-style")
}

#[test]
fn the_sample_evaluation_runs_on_a_fresh_machine() {
    at_root();
    let folder = tempfile::tempdir().unwrap();
    let overrides = ["eval.n_resamples=40", "eval.n_shuffles=40"].map(str::to_owned).to_vec();
    let what = EvalWhat::Config { config: CONFIG.into(), overrides };
    let told = wait(eval(&EvalCall { what, out: Some(folder.path().to_owned()) })).unwrap();
    eprintln!("{told}");
    let found: Evaluation = serde_json::from_slice(&fs::read(folder.path().join("eval.json")).unwrap()).unwrap();
    let all = |name: &str| found.detectors.iter().find(|d| d.name == name).unwrap().report.slices[0].clone();
    // The assistant's manner is easy; the point is that every kind of detector arrives at figures.
    assert!(all("trained").auroc.value.unwrap() > 0.9);
    for name in ["compression", "after_prose", "zero_shot.fast_detect_gpt", "zero_shot.log_rank", "few_shot", "stack"] {
        let slice = all(name);
        let auroc = slice.auroc.value.unwrap();
        assert!(slice.auroc.interval.is_some() && (0.0..=1.0).contains(&auroc), "{name} {auroc}");
    }
    assert!(found.detectors.iter().all(|d| (d.permutation.unwrap().mean - 0.5).abs() < 0.06));
    // Both sides were cut to as many words: neither length nor ending tells the sides apart.
    let leak = found.leak.unwrap();
    let scalar = |name: &str| leak.scalars.iter().find(|scalar| scalar.name == name).unwrap().auroc;
    assert!((scalar("words") - 0.5).abs() < 0.1 && scalar("newlines") == 0.5, "{}", scalar("words"));
    let page = fs::read_to_string(folder.path().join("index.html")).unwrap();
    assert!(!page.contains("<script") && page.contains("Leak probe") && page.matches("<svg").count() > 5);
    assert!(!page.contains("NaN"));
    for plot in ["roc.svg", "roc-low.svg", "calibration-trained.svg"] {
        assert!(fs::read_to_string(folder.path().join(plot)).unwrap().starts_with("<svg"));
    }
}

fn zero(scores: &[&str], files: PathBuf) -> ZeroShotCall {
    ZeroShotCall {
        files: vec![files],
        field: None,
        config: Some(CONFIG.into()),
        worker: Some("embedded".into()),
        second: None,
        scores: scores.iter().map(|name| (*name).to_owned()).collect(),
        machine_texts: Vec::new(),
        human_texts: Vec::new(),
        params: ZeroShotParams::default(),
    }
}

#[test]
fn zero_shot_scores_or_says_why_not() {
    at_root();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("texts.jsonl");
    let long = rows(&fs::read_to_string(HUMAN).unwrap())[0]["text"].clone();
    let texts =
        [json!({ "text": long }), json!({ "text": "Too short." }), json!({ "text": "" }), json!({"text": "?!? ,"})];
    fs::write(&file, texts.map(|row| row.to_string()).join("\n")).unwrap();
    let names = ["fast_detect_gpt", "log_rank", "compression"];
    let lines = rows(&wait(zero_shot(&zero(&names, file.clone()))).unwrap());
    assert_eq!(lines.len(), 4);
    assert!(names.iter().all(|name| lines[0][*name].is_f64()) && lines[0].get("why_not").is_none(), "{}", lines[0]);
    // The worker sees its vocabulary but not the words it lacks, and says how much that was.
    assert!(lines[0]["n_tokens"].as_u64().unwrap() > 80);
    assert!(lines[1]["log_rank"].is_null());
    assert!(lines[1]["why_not"]["log_rank"].as_str().unwrap().contains("at least 50 scored tokens, found 3"));
    assert!(lines[1..].iter().all(|line| line["compression"].is_null()));
    assert_eq!(lines[1]["why_not"]["compression"], "expected at least 50 words, found 2");
    assert!(!lines.iter().any(|line| line.to_string().contains("NaN")));
    // Compression alone needs no worker.
    let alone = ZeroShotCall { config: None, worker: None, ..zero(&["compression"], file.clone()) };
    assert_eq!(rows(&wait(zero_shot(&alone)).unwrap()).len(), 4);
    for (call, said) in [
        (ZeroShotCall { config: None, worker: None, ..zero(&["log_rank"], file.clone()) }, "need a worker"),
        (zero(&["logrank"], file.clone()), "did you mean \"log_rank\"?"),
        (zero(&["binoculars"], file.clone()), "needs a second worker"),
        (ZeroShotCall { worker: Some("nobody".into()), ..zero(&["log_rank"], file.clone()) }, "no [worker.nobody]"),
    ] {
        let error = wait(zero_shot(&call)).unwrap_err();
        assert!(matches!(error, RunError::Usage(_)) && error.to_string().contains(said), "{error}");
    }
}

#[test]
fn a_handful_of_examples_tells_whose_texts_they_are() {
    at_root();
    let folder = tempfile::tempdir().unwrap();
    let support = part(folder.path(), "a.jsonl", MACHINE, |row, i| is_assistant(row) && i < 10);
    let human = part(folder.path(), "h.jsonl", HUMAN, |_, i| i < 15);
    let other = part(folder.path(), "b.jsonl", HUMAN, |_, i| (15..20).contains(&i));
    let call = FewShotCall {
        supports: vec![("assistant".into(), support), ("somebody".into(), other)],
        human: vec![human],
        files: vec![part(folder.path(), "q.jsonl", MACHINE, |row, i| is_assistant(row) && (20..40).contains(&i))],
        field: None,
        episode: 5,
        min_words: 80,
        model: None,
    };
    let lines = rows(&few_shot(&call).unwrap());
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().all(|line| line["nearest"] == "assistant" && line["contrast"].as_f64().unwrap() > 0.0));
    assert_eq!(lines[3]["rows"], json!([16, 20]));
    assert!(lines[0]["note"].as_str().unwrap().contains("15 human texts"));
}

#[test]
fn a_model_tells_shares_and_parts_once_it_is_calibrated() {
    at_root();
    let folder = tempfile::tempdir().unwrap();
    let [human, machine, more_human, more_machine] =
        [(HUMAN, 0), (MACHINE, 0), (HUMAN, 1), (MACHINE, 1)].map(|(f, odd)| {
            let name = format!("{}-{odd}", Path::new(f).file_name().unwrap().to_string_lossy());
            part(folder.path(), &name, f, |row, i| is_assistant(row) && i % 2 == odd)
        });
    let sides = |human: &Path, machine: &Path| Sides {
        human: vec![human.to_owned()],
        machine: vec![machine.to_owned()],
        ..Sides::default()
    };
    let model = folder.path().join("m.model");
    detect::train(&sides(&human, &machine), "chat", "m", &model).unwrap();
    // The corpus: 20 human and 5 machine texts that it has not seen.
    let five = part(folder.path(), "five.jsonl", more_machine.to_str().unwrap(), |_, i| i < 5);
    let call = |model: &Path, sides: Sides| PrevalenceCall {
        model: model.to_owned(),
        files: vec![more_human.clone(), five.clone()],
        field: None,
        sides,
        params: PrevalenceParams::default(),
    };
    let share = |call: &PrevalenceCall| rows(&prevalence(call).unwrap()).remove(0);
    let unknown = share(&call(&model, Sides::default()));
    assert!(
        unknown["machine_ratio"].is_null() && unknown["why_not"].as_str().unwrap().contains("seen no text of yours")
    );
    let only_human = folder.path().join("h.model");
    let loaded = || detect_default::load(Some(&model), "chat").unwrap();
    detect::calibrate(loaded(), &Sides { human: vec![human.clone()], ..Sides::default() }, "", &only_human).unwrap();
    assert!(share(&call(&only_human, Sides::default()))["why_not"].as_str().unwrap().contains("human texts alone"));
    let calibrated = folder.path().join("c.model");
    detect::calibrate(loaded(), &sides(&more_human, &more_machine), "", &calibrated).unwrap();
    for found in [share(&call(&calibrated, Sides::default())), share(&call(&model, sides(&more_human, &more_machine)))]
    {
        let (ratio, interval) = (found["machine_ratio"].as_f64().unwrap(), &found["interval"]);
        assert!((ratio - 0.2).abs() < 0.1 && interval[0].as_f64().unwrap() <= ratio, "{found}");
        assert_eq!(found["n_counted"], 25);
    }
    // A text that a person began and a machine went on with.
    let text = |file: &Path, i: usize| rows(&fs::read_to_string(file).unwrap())[i]["text"].as_str().unwrap().to_owned();
    let (start, end) = (text(&more_human, 3), text(&more_machine, 7));
    let mixed = folder.path().join("mixed.jsonl");
    fs::write(&mixed, json!({ "text": format!("{start}. {end}.") }).to_string()).unwrap();
    let windows = Some(WindowParams { min_words: 60, ..WindowParams::default() });
    let call = ScoreCall { files: vec![mixed], field: None, min_words: 80, n_reasons: 0 };
    let line = rows(&detect::score(&calibrated, &call, "", windows).unwrap()).remove(0);
    let sentences = line["sentences"].as_array().unwrap();
    let score = |i: usize| sentences[i]["score"].as_f64().unwrap();
    assert!(score(sentences.len() - 1) > score(0), "{line}");
    assert!(line["highest_window"]["bytes"][1].as_u64().unwrap() as usize > start.len(), "{line}");
    assert!(line["probability"].is_f64() && line["machine_ratio"].is_null() && line["why_no_ratio"].is_string());
}

#[test]
fn rows_say_what_they_are_and_empty_ones_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    let rows = [
        r#"{"text": "one two three", "id": "a", "topic": "news", "model": "m1"}"#,
        r#"{"text": " ", "id": "b", "topic": "news", "model": "m1"}"#,
        r#"{"text": "four five “six” seven", "id": "a", "topic": "verse", "model": "m2"}"#,
    ];
    fs::write(&path, rows.join("\n")).unwrap();
    let table = json!({
        "files": [path], "writer": "machine", "domain_field": "topic", "source_field": "model", "group_by": "id"
    });
    let texts = serde_json::from_value::<TextsTable>(table).unwrap().read(Level::N2).unwrap();
    assert_eq!(texts.len(), 2);
    // N2: the last word is gone, quotes are plain.
    assert_eq!((texts[1].text.as_str(), texts[1].n_words), ("four five \"six\"", 3));
    assert_eq!((texts[1].domain.as_str(), texts[1].source.as_str(), texts[1].machine), ("verse", "m2", true));
    assert_eq!(texts[0].group, texts[1].group);
}

#[test]
fn a_wrong_evaluation_is_told_with_file_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eval.toml");
    for (text, said) in [
        ("[detector.x]\nkind = \"stak\"", "did you mean \"stack\"?"),
        ("[detector.x]\nkind = \"trained\"\nwithn = \"all\"", "did you mean `within`?"),
        ("[detector.x]\nkind = \"scores\"\nworker = \"w\"", "there is no [worker.w]"),
        ("[detector.x]\nkind = \"scores\"\nscores = [\"logrank\"]", "did you mean \"log_rank\"?"),
        ("[eval]\nbandz = []", "did you mean `bands`?"),
        ("[detektor.x]\nkind = \"trained\"", "did you mean `[detector]`?"),
        ("", "there is no [texts.NAME]"),
    ] {
        fs::write(&path, format!("[run]\nname = \"x\"\n{text}\n")).unwrap();
        let error = EvalConfig::load(&path, &[]).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains("eval.toml"), "{error}");
    }
}
