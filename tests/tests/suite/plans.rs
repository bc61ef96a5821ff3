//! Laws of plans: what they run, how often, and where.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::TryStreamExt;
use gristmill_core::annotator::{Annotator, AnnotatorEntry, Document, Measure, MeasureType, RecordSink};
use gristmill_core::registry::{Registry, Tables};
use gristmill_detectors::machine::annotator as machine_text;
use gristmill_detectors::machine::embedded::{BASE_BYTES, CHAT_BYTES};
use gristmill_run::config::Config;
use gristmill_run::engine::{Engine, EngineOptions, Log, Outcome, Wire};
use gristmill_run::plan::{Layout, Plan, Step};
use gristmill_run::session::Sessions;

/// How often `counted` has been called in this process; only one test uses it.
static CALLS: AtomicUsize = AtomicUsize::new(0);

struct Counted;

impl Annotator for Counted {
    fn measures(&self) -> &'static [Measure] {
        &[
            Measure { name: "n_bytes", kind: MeasureType::Int, about: "bytes of the text" },
            Measure { name: "has_the", kind: MeasureType::Bool, about: "whether it says `the`" },
        ]
    }
    fn annotate(&self, document: &Document<'_>, record: &mut dyn RecordSink) {
        CALLS.fetch_add(1, Ordering::Relaxed);
        let text = document.view.text();
        record.int(text.len());
        record.bool(text.contains("the"));
    }
}

static COUNTED: &[AnnotatorEntry] = &[AnnotatorEntry {
    name: "counted",
    about: "Counts its calls.",
    source: "this test",
    params: &[],
    build: |_| Ok(Box::new(Counted)),
}];

/// How often `machine_text` has read a document in this process; only one test uses it.
static READS: AtomicUsize = AtomicUsize::new(0);

/// The operator `machine_text`, counting.
struct MachineText(Box<dyn Annotator>);

impl Annotator for MachineText {
    fn measures(&self) -> &'static [Measure] {
        self.0.measures()
    }
    fn annotate(&self, document: &Document<'_>, record: &mut dyn RecordSink) {
        READS.fetch_add(1, Ordering::Relaxed);
        self.0.annotate(document, record);
    }
}

static MACHINE_TEXT: &[AnnotatorEntry] = &[AnnotatorEntry {
    build: |params| Ok(Box::new(MachineText((machine_text::ENTRY.build)(params)?))),
    ..machine_text::ENTRY
}];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Plans a config with further operators beside the program's own.
fn planned(config: &Path, overrides: &[String], registry: Registry) -> (Plan, Sessions) {
    std::env::set_current_dir(root()).unwrap();
    let sessions = Sessions::new(registry, 1 << 30, 2).unwrap();
    let plan = Plan::new(Config::load(config, overrides).unwrap(), &sessions, None).unwrap();
    (plan, sessions)
}

/// Runs a config with these annotators beside the operators and stages of `stages`.
async fn run_with(annotators: &'static [AnnotatorEntry], text: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("counted.toml");
    fs::write(&config, text).unwrap();
    let own = Tables { annotators, comparisons: &[], transforms: &[], stages: Vec::new, functions: Vec::new };
    let registry = Registry::join(&[gristmill_stages::TABLES, own]);
    let (plan, sessions) = planned(&config, &[], registry);
    let options = EngineOptions { jobs: 2, log: Log::Quiet, rehearse: false };
    Engine::new(plan, Layout::new(folder.path().join("run")), sessions, options).run().await.unwrap()
}

#[tokio::test]
async fn an_annotator_runs_once_per_document_however_many_rules_read_it() {
    // Four rules and a later stage read the measures of the first filter; all three stages are one pass.
    let text = r#"
[run]
name = "counted"
[stage.docs]
kind = "jsonl"
files = ["sample-data/docs.jsonl"]
max_bad_ratio = 0.1
fields = { text = "content", id = "uuid" }
[stage.first]
kind = "filter"
input = "docs"
[stage.first.measure]
counted = { op = "counted" }
[stage.first.keep]
some = "counted.n_bytes > 0"
few = "counted.n_bytes < 1000000"
the = "counted.has_the"
both = "counted.has_the OR counted.n_bytes > 10"
[stage.second]
kind = "filter"
input = "first"
[stage.second.keep]
again = "first.counted.n_bytes > 1 AND first.counted.has_the"
[stage.release]
kind = "release"
input = "second"
[stage.release.columns]
id = "id"
text = "text"
n_bytes = "first.counted.n_bytes"
"#;
    let outcome = run_with(COUNTED, text).await;
    let documents = outcome.stages.iter().find(|(name, _)| name == "first").unwrap().1.rows_in;
    // Two of the twenty lines, one damaged and one without a text, end before the filter.
    assert_eq!(documents, 18);
    assert_eq!(CALLS.load(Ordering::Relaxed), 18);
}

#[tokio::test]
async fn a_detector_reads_a_document_once_in_a_filter_and_once_in_a_detect_stage() {
    // All three stages are one pass; every one of their rules looks at what a detector said.
    let text = r#"
[run]
name = "detected"
[stage.docs]
kind = "jsonl"
files = ["sample-data/docs.jsonl"]
max_bad_ratio = 0.1
fields = { text = "content", id = "uuid" }
[stage.first]
kind = "filter"
input = "docs"
[stage.first.measure]
machine = { op = "machine_text", min_words = 10 }
[stage.first.keep]
plain = "machine.attack_ratio < 0.5"
few_hidden = "machine.n_invisible < 100"
chat_where_scored = "machine.is_scored = (machine.chat_score IS NOT NULL)"
base_where_scored = "machine.is_scored = (machine.base_score IS NOT NULL)"
[stage.second]
kind = "detect"
input = "first"
[stage.second.keep]
plain = "machine.attack_ratio < 0.5"
longer_texts_are_scored = "machine.is_scored <= first.machine.is_scored"
[stage.release]
kind = "release"
input = "second"
[stage.release.columns]
id = "id"
text = "text"
score = "first.machine.chat_score"
strict = "second.machine.chat_score"
"#;
    let outcome = run_with(MACHINE_TEXT, text).await;
    let counts = |name: &str| outcome.stages.iter().find(|(stage, _)| stage == name).unwrap().1.clone();
    assert_eq!((counts("first").rows_in, counts("second").rows_in), (18, 18));
    assert_eq!(READS.load(Ordering::Relaxed), 18 + 18);
}

/// The plan of a `detect` stage with a model file of these bytes.
fn with_model(folder: &Path, bytes: &[u8]) -> Plan {
    let (model, config) = (folder.join("own.model"), folder.join("own.toml"));
    fs::write(&model, bytes).unwrap();
    let text = format!(
        "[run]\nname = \"own\"\n[stage.docs]\nkind = \"jsonl\"\nfiles = [\"sample-data/docs.jsonl\"]\n\
         fields = {{ text = \"content\", id = \"uuid\" }}\n\
         [stage.scored]\nkind = \"detect\"\ninput = \"docs\"\nmodel = \"{}\"\n",
        model.display()
    );
    fs::write(&config, text).unwrap();
    planned(&config, &[], gristmill_run::registry()).0
}

#[test]
fn a_detect_stage_without_rules_measures_and_knows_its_model_file_by_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let scored = |bytes: &[u8]| {
        let plan = with_model(folder.path(), bytes);
        let node = plan.nodes.iter().find(|node| node.decl.name == "scored").unwrap();
        (node.fingerprint.clone(), node.schema.field_with_name("scored").unwrap().data_type().to_string())
    };
    let (chat, columns) = scored(CHAT_BYTES);
    assert!(columns.contains("verdict") && columns.contains("ngram_score"), "{columns}");
    // Another file under the same name is another stage; the same bytes are the same.
    assert_ne!(scored(BASE_BYTES).0, chat);
    assert_eq!(scored(CHAT_BYTES).0, chat);
}

/// The files of a folder that end in `.parquet`, with their bytes.
fn parts(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "parquet"))
        .map(|path| (path.file_name().unwrap().into(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_pass_sent_as_bytes_writes_the_same_parts_with_only_the_registry_there() {
    let folder = tempfile::tempdir().unwrap();
    let config = Path::new("configs/quickstart.toml");
    // Small shards, so that there are several partitions.
    let overrides = ["stage.crawl.shard_bytes=30000".to_owned()];
    let plan = || planned(config, &overrides, gristmill_run::registry());
    let here = Layout::new(folder.path().join("here"));
    let (local, sessions) = plan();
    let options = EngineOptions { jobs: 2, log: Log::Quiet, rehearse: false };
    Engine::new(local, Layout::new(here.root()), sessions, options).run().await.unwrap();

    let (plan, sessions) = plan();
    let there = Layout::new(folder.path().join("there"));
    let plan = Arc::new(plan);
    // The pass that reads archives, extracts, identifies languages and applies 40 rules.
    let Some(Step::Write(target)) = plan.steps().into_iter().find(|step| matches!(step, Step::Write(_))) else {
        unreachable!("the quickstart writes something")
    };
    let bytes = Wire::new(gristmill_run::registry()).pass(&plan, target, &there, &sessions).await.unwrap();

    let node = &plan.nodes[target];
    let (written, ledger) = (there.parts(node), there.ledger(node));
    fs::create_dir_all(&written).unwrap();
    fs::create_dir_all(&ledger).unwrap();
    // The other side: a session of its own, nothing shared but the registry's tables and the files.
    let elsewhere = Sessions::new(gristmill_run::registry(), 1 << 30, 1).unwrap().open();
    let pass = Wire::new(gristmill_run::registry()).decode(&bytes, &elsewhere.task_ctx()).unwrap();
    let n = pass.properties().output_partitioning().partition_count();
    assert!(n > 3, "{n} partitions");
    for partition in 0..n {
        let manifest: Vec<_> = pass.execute(partition, elsewhere.task_ctx()).unwrap().try_collect().await.unwrap();
        assert_eq!(manifest.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
    }
    assert!(!parts(&written).is_empty());
    assert!(parts(&written) == parts(&here.parts(node)), "kept rows differ");
    assert!(parts(&ledger) == parts(&here.ledger(node)), "ledgers differ");
}

#[test]
fn another_prompt_under_the_same_name_and_another_price_make_another_stage() {
    let folder = tempfile::tempdir().unwrap();
    let (config, prompt) = (folder.path().join("asks.toml"), folder.path().join("prompt.j2"));
    let recipes = |price: u32, words: &str| {
        fs::write(&prompt, words).unwrap();
        let text = format!(
            r#"
[run]
name = "asks"
[worker.a]
kind = "ngram"
price_per_million = {{ prompt = {price}, completion = {price} }}
[worker.b]
kind = "ngram"
[stage.docs]
kind = "jsonl"
files = ["sample-data/docs.jsonl"]
max_bad_ratio = 0.1
fields = {{ text = "content", id = "uuid" }}
[stage.asked]
kind = "ask"
input = "docs"
worker = "a"
prompt = "{prompt}"
[stage.routed]
kind = "constrained_text"
input = "docs"
worker = ["a", "b"]
route = "cheapest_ok"
constraints = {{ without_letters = "z" }}
"#,
            prompt = prompt.display()
        );
        fs::write(&config, text).unwrap();
        let (plan, _) = planned(&config, &[], gristmill_run::registry());
        let of = |name: &str| plan.nodes.iter().find(|node| node.decl.name == name).unwrap().fingerprint.clone();
        (of("docs"), of("asked"), of("routed"))
    };
    let first = recipes(1, "Sum up: {{ text }}");
    assert_eq!(recipes(1, "Sum up: {{ text }}"), first);
    let other_words = recipes(1, "In one line: {{ text }}");
    assert_eq!((&other_words.0, &other_words.2), (&first.0, &first.2));
    assert_ne!(other_words.1, first.1);
    let other_price = recipes(2, "Sum up: {{ text }}");
    assert_eq!((&other_price.0, &other_price.1), (&first.0, &first.1));
    assert_ne!(other_price.2, first.2);
}
