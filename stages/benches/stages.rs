//! `cargo bench --workspace --bench stages`: the hot paths over the sample crawl, in bytes per second.
//!
//! Criterion keeps the last result and says what changed. The crawl is small, so that a bench takes seconds and figures are
//! of warm caches: they compare one version of the code with the next, not this program with others.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gristmill_core::annotator::{Document, MeasureValue, RecordSink};
use gristmill_stages::annotate::ANNOTATORS;
use gristmill_stages::dedup::exact_key::{Level, exact_key};
use gristmill_stages::dedup::minhash::normal::Normal;
use gristmill_stages::dedup::minhash::shingle::{Scratch, Shingler, Short, distinct};
use gristmill_stages::dedup::minhash::signature::Permutations;
use gristmill_stages::extract::{Options, extract};
use gristmill_stages::ingest::warc::{Entry, WarcOptions, WarcReader};
use serde_json::json;

/// The archives of the sample crawl.
fn archives() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-data/crawl");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "gz"));
    files.sort();
    files
}

/// Reads an archive and hands out the decoded pages; returns the bytes of HTML.
fn pages(archive: &Path, mut each: impl FnMut(&str)) -> usize {
    let length = fs::metadata(archive).unwrap().len();
    let mut reader = WarcReader::open(archive, 0..length, WarcOptions::default()).unwrap();
    let mut n_bytes = 0;
    while let Some(entry) = reader.next() {
        if let Entry::Page(page) = entry.unwrap()
            && let Some(html) = page.html
        {
            n_bytes += html.len();
            each(&html);
        }
    }
    n_bytes
}

/// Takes measures and forgets them.
struct Nowhere;

impl RecordSink for Nowhere {
    fn push(&mut self, value: MeasureValue<'_>) {
        black_box(&value);
    }
}

fn sample() -> (Vec<String>, Vec<String>) {
    let mut html = Vec::new();
    for archive in archives() {
        pages(&archive, |page| html.push(page.to_owned()));
    }
    let found = |page: &String| extract(page, None, &Options::default()).ok().map(|extracted| extracted.text);
    let texts = html.iter().filter_map(found).collect();
    (html, texts)
}

fn ingest(c: &mut Criterion) {
    let mut group = c.benchmark_group("ingest");
    let bytes: usize = archives().iter().map(|archive| pages(archive, |_| {})).sum();
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("warc", |b| {
        b.iter(|| archives().iter().map(|archive| pages(archive, |page| _ = black_box(page))).sum::<usize>());
    });
    let (html, _) = sample();
    group.throughput(Throughput::Bytes(html.iter().map(String::len).sum::<usize>() as u64));
    group.bench_function("extract", |b| {
        b.iter(|| html.iter().filter(|page| extract(page, None, &Options::default()).is_ok()).count());
    });
    group.finish();
}

fn signals(c: &mut Criterion) {
    let (_, texts) = sample();
    let mut group = c.benchmark_group("signals");
    group.throughput(Throughput::Bytes(texts.iter().map(String::len).sum::<usize>() as u64));
    for entry in ANNOTATORS {
        let annotator = (entry.build)(&json!({})).unwrap();
        group.bench_function(entry.name, |b| {
            b.iter(|| texts.iter().for_each(|text| annotator.annotate(&Document::of_text(text), &mut Nowhere)));
        });
    }
    group.finish();
}

fn dedup(c: &mut Criterion) {
    let (_, texts) = sample();
    let mut group = c.benchmark_group("dedup");
    group.throughput(Throughput::Bytes(texts.iter().map(String::len).sum::<usize>() as u64));
    let level = Level { case: false, space: false };
    group.bench_function("exact keys", |b| {
        b.iter(|| texts.iter().fold(0, |all, text| all ^ exact_key(text, level)));
    });
    let shingler = Shingler::new(5, Short::Whole, Normal::default());
    let permutations = Permutations::new(112, 1);
    group.bench_function("minhash 14 x 8", |b| {
        let (mut scratch, mut shingles) = (Scratch::default(), Vec::new());
        let mut signature = vec![0; permutations.n_values()];
        b.iter(|| {
            for text in &texts {
                shingler.shingles(text, &mut scratch, &mut shingles);
                distinct(&mut shingles);
                permutations.sign(&shingles, &mut signature);
                black_box(&signature);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, ingest, signals, dedup);
criterion_main!(benches);
