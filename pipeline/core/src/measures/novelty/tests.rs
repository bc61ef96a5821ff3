//! The index against a full scan, on drawn texts and on a recorded run.

use serde_json::Value;

use super::*;
use crate::measures::rouge::Rouge;
use crate::measures::testing::{Rng, shared};

fn index(limit: f64, tokenizer: Tokenizer) -> NoveltyIndex {
    NoveltyIndex::new(NoveltyParams { limit, tokenizer, ..Default::default() })
}

/// F of a text with every record, by the scorer that is checked against rouge-score.
fn all_f(records: &[String], text: &str) -> Vec<Similar> {
    let mut rouge = Rouge::new(Stemmer::None);
    records.iter().enumerate().map(|(record, old)| Similar { record, f: rouge.rouge_l(old, text).f }).collect()
}

fn sorted(mut all: Vec<Similar>) -> Vec<Similar> {
    all.sort_by(|a, b| b.f.total_cmp(&a.f).then(a.record.cmp(&b.record)));
    all
}

fn random_text(rng: &mut Rng, n_longest: u64, n_words: u64) -> String {
    let n = rng.below(n_longest + 1);
    // Squared: some words are much more frequent than others.
    (0..n).map(|_| format!("w{} ", rng.below(n_words) * rng.below(n_words) / n_words)).collect()
}

#[test]
fn decides_as_a_full_scan() {
    let mut rng = Rng::new(3);
    for (limit, n_longest, n_words) in [
        (0.7, 12, 8),
        (0.7, 25, 60),
        (0.7, 90, 20),
        (0.5, 10, 5),
        (0.0, 6, 40),
        (0.25, 15, 200),
        (0.95, 9, 3),
        (1.0, 5, 2),
        (-0.5, 5, 5),
        (f64::NAN, 5, 5),
    ] {
        let mut kept = index(limit, Tokenizer::RougeScore);
        let mut records: Vec<String> = Vec::new();
        let mut n_blocked = 0;
        // Beyond 256 and 512 records the order of tokens is made anew.
        for round in 0..900 {
            let text = random_text(&mut rng, n_longest, n_words);
            let all = sorted(all_f(&records, &text));
            let blocker = all.first().copied().filter(|best| best.f > limit);
            assert_eq!(kept.check(&text), Novelty { blocker }, "{limit} {text}");
            n_blocked += usize::from(blocker.is_some());
            if round % 7 == 0 {
                let shared = all.iter().filter(|similar| similar.f > 0.0).take(5).copied().collect::<Vec<_>>();
                assert_eq!(kept.most_similar(&text, 5), shared);
                let scan = kept.scan(&text, 5);
                assert_eq!(scan.top, all.iter().take(5).copied().collect::<Vec<_>>());
                let mean = all.iter().map(|similar| similar.f).sum::<f64>() / all.len().max(1) as f64;
                assert!((scan.mean_f - mean).abs() < 1e-12);
            }
            // Most are kept whatever the verdict, so that the pool grows.
            if blocker.is_none() || rng.below(3) > 0 {
                assert_eq!(kept.insert(&text), records.len());
                records.push(text);
            }
        }
        assert_eq!(n_blocked > 0, limit < 1.0, "{limit}: {n_blocked}");
    }
}

#[test]
fn the_limit_itself_is_kept() {
    // 7 common words of 10 and 10: F is 0.7 to the bit in rouge-score, and Self-Instruct rejects above 0.7 only.
    let mut kept = index(0.7, Tokenizer::RougeScore);
    kept.insert("a b c d e f g h i j");
    assert!(kept.check("a b c d e f g x y z").is_novel());
    let blocker = kept.check("a b c d e f g h y z").blocker.expect("8 of 10");
    assert_eq!((blocker.record, blocker.f), (0, 0.8000000000000002));
}

#[test]
fn the_gate_works_in_every_script() {
    let (first, second) = ("请写一首关于大海的诗", "请写一首关于大海的长诗");
    for (tokenizer, is_novel) in [(Tokenizer::RougeScore, true), (Tokenizer::ScriptAware, false)] {
        let mut kept = index(0.7, tokenizer);
        kept.insert(first);
        assert_eq!(kept.check(second).is_novel(), is_novel, "{tokenizer:?}");
    }
}

#[test]
fn texts_without_words_block_nothing() {
    let mut kept = NoveltyIndex::new(NoveltyParams::default());
    for text in ["", "!?", "\u{1f980}", ""] {
        assert!(kept.offer(text).is_novel());
    }
    assert_eq!((kept.n_records(), kept.most_similar("word", 3)), (4, vec![]));
    assert_eq!(NoveltyIndex::new(NoveltyParams::default()).scan("word", 3), Scan::default());
}

#[test]
fn misspelt_parameters_are_refused() {
    let read = |text| serde_json::from_str::<NoveltyParams>(text);
    let given = read(r#"{"limit": 0.6, "tokenizer": "rouge_score", "stemmer": "porter"}"#).unwrap();
    assert_eq!(given, NoveltyParams { limit: 0.6, tokenizer: Tokenizer::RougeScore, stemmer: Stemmer::Porter });
    assert_eq!(read("{}").unwrap().limit, 0.7);
    assert!(read(r#"{"limits": 0.6}"#).is_err());
}

/// Instructions of the 175 seed tasks whose input is empty, or those whose input is not.
fn seeds(path: &std::path::Path, with_input: bool) -> Vec<String> {
    let rows = std::fs::read_to_string(path).unwrap();
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["instances"][0]["input"].as_str().unwrap().is_empty() != with_input)
        .map(|row| row["instruction"].as_str().unwrap().to_owned())
        .collect()
}

/// Replays the gate of a real run: the similarities it recorded, instruction by instruction.
fn replay(with_input: bool, file: &str, n_seeds: usize, n_rows: usize) {
    let (Some(seed_file), Some(file)) =
        (shared("data/instruct/ensemble/seed_tasks.jsonl"), shared(&format!("data/instruct/ensemble/{file}")))
    else {
        return;
    };
    let mut texts = seeds(&seed_file, with_input);
    assert_eq!(texts.len(), n_seeds);
    let mut kept = index(0.7, Tokenizer::RougeScore);
    for text in &texts {
        kept.insert(text);
    }
    let rows = std::fs::read_to_string(file).unwrap();
    assert_eq!(rows.lines().count(), n_rows);
    for line in rows.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = row["instruction"].as_str().unwrap();
        let scan = kept.scan(text, 10);
        assert!((scan.mean_f - row["avg_similarity_score"].as_f64().unwrap()).abs() < 1e-9, "{text}");
        // Equal scores at the end of the ten came out in any order; the scores themselves are fixed.
        let recorded = row["most_similar"].as_object().unwrap();
        let mut expected: Vec<f64> = recorded.values().map(|f| f.as_f64().unwrap()).collect();
        expected.sort_by(|a, b| b.total_cmp(a));
        assert_eq!(recorded.len(), scan.top.len(), "{text}");
        for (expected, found) in expected.iter().zip(&scan.top) {
            assert!((expected - found.f).abs() < 1e-9, "{text}");
        }
        for similar in scan.top.iter().filter(|similar| similar.f > expected[9]) {
            let f = recorded[&texts[similar.record]].as_f64().unwrap();
            assert!((f - similar.f).abs() < 1e-9, "{text}");
        }
        assert!(kept.offer(text).is_novel(), "{text}");
        texts.push(text.to_owned());
    }
}

#[test]
fn replays_the_recorded_runs_of_ensemble_instruct() {
    // Its files record, per kept instruction, the mean ROUGE-L with the pool of that moment and the ten most similar.
    if shared("data/instruct/ensemble").is_none() {
        eprintln!("SKIPPED: recorded runs of Ensemble-Instruct not found (GRISTMILL_SHARED)");
        return;
    }
    replay(true, "openei.io_instructions.jsonl", 125, 101);
    replay(false, "openei.o_instructions.jsonl", 50, 102);
}
