//! Detection as users get it: seeds and a worker become a detector, and the embedded heads answer without one.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use gristmill_detectors::calibrate::Calibration;
use gristmill_detectors::machine::embedded::Head;
use gristmill_lm::loopback::{Server, ServerSettings};
use gristmill_lm::{WorkerSettings, Workers};
use gristmill_run::commands::bootstrap::{BootstrapCall, bootstrap};
use gristmill_run::commands::detect::ScoreCall;
use gristmill_run::commands::detect_default;

fn sample_texts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-data/crawl/texts");
    ["en-craft.txt", "en-mixed.txt", "en-nature.txt", "en-place.txt"].map(|name| folder.join(name)).to_vec()
}

/// Bootstraps from the sample texts and one worker; gives back what was told and the model.
fn bootstrapped(worker: &str, head: &str) -> (String, Head, String) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("workers.toml");
    fs::write(&config, format!("[run]\nname = \"b\"\n[worker.teacher]\n{worker}\n")).unwrap();
    let out = folder.path().join("own.model");
    let call = BootstrapCall {
        config,
        worker: None,
        human: sample_texts(),
        field: None,
        n: 1000,
        start_words: 15,
        least_words: 60,
        head: head.into(),
        domain: "sample".into(),
        out: out.clone(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let told = runtime.block_on(bootstrap(&call)).unwrap();
    let head = Head::from_bytes(&fs::read(&out).unwrap()).unwrap();
    (told, head, fs::read_to_string(out.with_extension("md")).unwrap())
}

#[test]
fn seeds_and_the_embedded_worker_become_a_calibrated_detector() {
    let (told, head, card) = bootstrapped("kind = \"ngram\"\ncache_order = 1", "base");
    assert!(told.contains("0 requests failed") && told.contains("leak probe"), "{told}");
    let auroc = head.passport.figures.iter().find(|figure| figure.measure == "AUROC").unwrap();
    // The embedded model's text is easily told from people's: anything less would be a fault of the detector.
    assert!(auroc.value > 0.9, "{told}");
    assert!(matches!(head.passport.calibration, Calibration::Calibrated(_)));
    assert_eq!(head.passport.training[0].n_human, head.passport.training[0].n_machine);
    assert!(card.contains("sample"));
}

#[test]
fn seeds_and_a_server_become_a_detector_of_its_text() {
    // The server that `gristmill lm serve` runs, spoken to over OpenAI's protocol, as a chat model is.
    let table = serde_json::json!({ "kind": "ngram", "files": sample_texts(), "cache_order": 1 });
    let workers = Workers::new([("ngram".to_owned(), WorkerSettings::parse(&table).unwrap())].into(), None);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let served = runtime.block_on(workers.open("ngram", &[])).unwrap();
    let server = Server::start(served, ServerSettings::default()).unwrap();
    let worker = format!("kind = \"openai\"\nbase_url = \"{}\"\nmodel = \"ngram\"", server.url());
    let (told, head, card) = bootstrapped(&worker, "chat");
    assert!(told.contains("0 requests failed"), "{told}");
    let n_pairs: u64 = told.split(' ').next().unwrap().parse().unwrap();
    assert!(n_pairs > 80, "{told}");
    let auroc = head.passport.figures.iter().find(|figure| figure.measure == "AUROC").unwrap();
    assert!(auroc.value > 0.9, "{told}");
    assert!(card.contains("teacher"), "{card}");
}

#[test]
fn without_a_model_both_heads_answer_and_none_gives_a_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("texts.jsonl");
    let long = "the miller of the old mill grinds corn for farmers in autumn ".repeat(10);
    fs::write(&file, format!("{{\"text\": \"{long}\"}}\n{{\"text\": \"too short\"}}\n")).unwrap();
    let call = ScoreCall { files: vec![file], field: None, min_words: 80, n_reasons: 2 };
    let lines: Vec<serde_json::Value> =
        detect_default::score(&call).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines[0]["chat"].is_number() && lines[0]["base"].is_number());
    assert_eq!(lines[0]["why_not"], "uncalibrated");
    assert_eq!(lines[0]["reasons"]["chat"].as_array().unwrap().len(), 2);
    assert!(lines[1]["chat"].is_null() && lines[1]["why_not"]["too_short"]["n_words"] == 2);
    assert!(lines.iter().all(|line| line["verdict"].is_null() && line["calibrated"] == false));
}
