//! `cargo bench --workspace --bench detectors`: documents of 150 words per second and core, of each embedded detector and
//! of its parts.
//!
//! The documents are cut from the prose of the sample crawl. One thread; the readers' memory is warm.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gristmill_core::annotator::{Document, MeasureValue, RecordSink};
use gristmill_detectors::machine::annotator::ENTRY;
use gristmill_detectors::machine::compress::Preludes;
use gristmill_detectors::machine::detector::Reader;
use gristmill_detectors::machine::embedded::embedded;
use gristmill_detectors::machine::fewshot::{CENTRE_TEXTS, Encoder, StyleEncoder, Supports};
use gristmill_detectors::machine::normalise::Normaliser;
use gristmill_detectors::machine::style::{Language, Style};
use serde_json::json;

const WORDS: usize = 150;

/// The sample crawl's English prose in pieces of [`WORDS`] words.
fn documents() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-data/crawl/texts");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap()).filter(|text| text.is_ascii());
    let words = |text: String| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    texts.flat_map(|text| words(text).chunks_exact(WORDS).map(|piece| piece.join(" ")).collect::<Vec<_>>()).collect()
}

/// Takes measures and forgets them.
struct Nowhere;

impl RecordSink for Nowhere {
    fn push(&mut self, value: MeasureValue<'_>) {
        black_box(&value);
    }
}

fn detectors(criterion: &mut Criterion) {
    let documents = documents();
    let heads = embedded().unwrap();
    let mut group = criterion.benchmark_group("documents");
    group.throughput(Throughput::Elements(documents.len() as u64));
    let mut bench = |name: &str, each: &mut dyn FnMut(&str)| {
        group.bench_function(name, |bencher| bencher.iter(|| documents.iter().for_each(|text| each(black_box(text)))));
    };
    let normaliser = Normaliser::default();
    bench("normalise", &mut |text| {
        black_box(normaliser.apply(text));
    });
    let mut style = Style::new(Language::English);
    bench("style and compression", &mut |text| {
        black_box(style.extract(text));
    });
    for (name, head) in [("chat head", &heads.chat), ("base head", &heads.base)] {
        let mut scorer = head.detector.scorer();
        bench(name, &mut |text| {
            black_box(scorer.score(text));
        });
    }
    let mut reader = Reader::new(&heads.chat.detector);
    bench("both heads of one reading", &mut |text| {
        reader.read(text);
        black_box((heads.chat.detector.score(&reader), heads.base.detector.score(&reader)));
    });
    let preludes = Preludes::embedded();
    let mut compression = preludes.scorer();
    bench("zero-shot compression", &mut |text| {
        black_box(compression.score(text));
    });
    let people: Vec<&str> = documents.iter().take(CENTRE_TEXTS).map(String::as_str).collect();
    let encoder = StyleEncoder::fit(&people).unwrap();
    let vectors = encoder.encode(&people);
    let supports = Supports::new(&vectors, &[("a machine".to_owned(), vectors.clone())]).unwrap();
    bench("few-shot, one support", &mut |text| {
        black_box(supports.attribute(&supports.episode(&encoder.encode(&[text]))));
    });
    let annotator = (ENTRY.build)(&json!({})).unwrap();
    bench("the annotator machine_text", &mut |text| annotator.annotate(&Document::of_text(text), &mut Nowhere));
    group.finish();
}

criterion_group!(benches, detectors);
criterion_main!(benches);
