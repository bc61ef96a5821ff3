//! `cargo bench --workspace --bench novelty`: 50,000 instructions through the novelty gate, on one core.
//!
//! The instructions are halves of the sample's seed tasks put together with a word or two exchanged: fewer distinct words and
//! more near misses than a model's instructions have, so the time errs on the long side.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use gristmill_core::measures::novelty::{NoveltyIndex, NoveltyParams};
use gristmill_core::measures::tokens::Tokenizer;
use xxhash_rust::xxh3::xxh3_64_with_seed;

const N: u64 = 50_000;

fn seeds() -> Vec<Vec<String>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sample-data/seed_tasks.jsonl");
    let text = std::fs::read_to_string(file).unwrap();
    let instruction = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        row["instruction"].as_str().unwrap().split_whitespace().map(str::to_owned).collect()
    };
    text.lines().map(instruction).collect()
}

fn instruction(seeds: &[Vec<String>], i: u64) -> String {
    let draw = |what: u64, below: usize| (xxh3_64_with_seed(&i.to_le_bytes(), what) % below.max(1) as u64) as usize;
    let (head, tail) = (&seeds[draw(0, seeds.len())], &seeds[draw(1, seeds.len())]);
    let mut words: Vec<String> = head[..head.len() / 2].iter().chain(&tail[tail.len() / 2..]).cloned().collect();
    for what in 2..4 {
        let other = &seeds[draw(10 + what, seeds.len())];
        let at = draw(20 + what, words.len());
        if let Some(place) = words.get_mut(at) {
            place.clone_from(&other[draw(30 + what, other.len())]);
        }
    }
    words.join(" ")
}

fn main() {
    let seeds = seeds();
    let texts: Vec<String> = (0..N).map(|i| instruction(&seeds, i)).collect();
    let mean_words = texts.iter().map(|text| text.split_whitespace().count()).sum::<usize>() as f64 / N as f64;
    for tokenizer in [Tokenizer::RougeScore, Tokenizer::ScriptAware] {
        let mut index = NoveltyIndex::new(NoveltyParams { tokenizer, ..NoveltyParams::default() });
        let started = Instant::now();
        for text in &texts {
            index.offer(text);
        }
        let seconds = started.elapsed().as_secs_f64();
        let kept = index.n_records();
        println!("novelty {tokenizer:?}: {N} instructions of {mean_words:.1} words, {kept} kept, {seconds:.2} s");
    }
}
