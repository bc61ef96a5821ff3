//! A detector against the public pairs, split by human document, and against abuse.

use std::path::{Path, PathBuf};

use super::super::normalise::Level;
use super::*;
use crate::eval::Curve;

fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("GRISTMILL_SHARED").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    shared.into_iter().chain([beside]).map(|root| root.join("data/detect")).find(|folder| folder.is_dir())
}

/// The pairs of a cell in the form N2, with the fold of each human document.
fn pairs(folder: &Path, cell: &str) -> Vec<(String, String, usize)> {
    let text = std::fs::read_to_string(folder.join(format!("{cell}.json"))).unwrap();
    let data: serde_json::Value = serde_json::from_str(&text).unwrap();
    let side = |key: &str, i: usize| data[key][i].as_str().unwrap().to_owned();
    let n = data["original"].as_array().unwrap().len();
    (0..n)
        .map(|i| {
            let (human, machine) = (side("original", i), side("sampled", i));
            let start: String = human.chars().take(60).collect();
            let fold = (xxh3_64(start.as_bytes()) % 2) as usize;
            (Level::N2.apply(&human).into_owned(), Level::N2.apply(&machine).into_owned(), fold)
        })
        .collect()
}

/// AUROC and TPR at 1 % FPR over both folds, scored by the detector of the other.
fn in_domain(pairs: &[(String, String, usize)], shuffle: bool) -> (f64, f64) {
    let (mut auroc, mut tpr) = (0.0, 0.0);
    for fold in 0..2 {
        let (mut texts, mut machine, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for (i, (h, m, _)) in pairs.iter().enumerate().filter(|(_, pair)| pair.2 != fold) {
            let flip = shuffle && xxh3_64(&i.to_le_bytes()).is_multiple_of(2);
            texts.extend([h.as_str(), m.as_str()]);
            machine.extend([flip, !flip]);
            groups.extend([i as u64; 2]);
        }
        let detector = Detector::fit(&texts, &machine, &groups, DetectorParams::default()).unwrap();
        let mut scorer = detector.scorer();
        let (mut human, mut made) = (Vec::new(), Vec::new());
        for (h, m, _) in pairs.iter().filter(|pair| pair.2 == fold) {
            human.push(scorer.score(h).score);
            made.push(scorer.score(m).score);
        }
        let curve = Curve::of(&human, &made).unwrap();
        auroc += curve.auroc().unwrap() / 2.0;
        tpr += curve.at_fpr(0.01).and_then(|point| point.tpr).unwrap_or(0.0) / 2.0;
    }
    (auroc, tpr)
}

#[test]
fn in_domain_figures_are_those_of_the_table() {
    let Some(folder) = folder() else {
        eprintln!("SKIPPED: the detection data is not there (set GRISTMILL_SHARED)");
        return;
    };
    let (mut aurocs, mut tprs) = (Vec::new(), Vec::new());
    for cell in ["xsum_gpt-3.5-turbo", "xsum_gpt-4", "writing_gpt-3.5-turbo", "writing_gpt-4"] {
        let (auroc, tpr) = in_domain(&pairs(&folder, cell), false);
        println!("{cell}: AUROC {auroc:.4}, TPR at 1 % FPR {tpr:.3}");
        aurocs.push(auroc);
        tprs.push(tpr);
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    println!("chat: AUROC {:.4}, TPR {:.3}", mean(&aurocs), mean(&tprs));
    // Measured with scikit-learn on the same cells and features of its own kind: .988 (style) and .9925 (n-grams).
    assert!(mean(&aurocs) > 0.98, "{aurocs:?}");
}

#[test]
fn labels_at_random_teach_nothing() {
    let Some(folder) = folder() else {
        eprintln!("SKIPPED: the detection data is not there (set GRISTMILL_SHARED)");
        return;
    };
    let (auroc, _) = in_domain(&pairs(&folder, "xsum_gpt-4"), true);
    assert!((auroc - 0.5).abs() < 0.2, "{auroc}");
}

#[test]
fn attacked_text_scores_as_its_normal_form_and_abuse_has_a_score() {
    let human: Vec<String> =
        (0..20).map(|i| format!("Well, I went there on day {i}. It rained! Nobody came, so home we went.")).collect();
    let made: Vec<String> = (0..20)
        .map(|i| format!("Moreover, it is important to note that plan {i} highlights a comprehensive approach."))
        .collect();
    let texts: Vec<&str> = human.iter().chain(&made).map(String::as_str).collect();
    let machine: Vec<bool> = (0..40).map(|i| i >= 20).collect();
    let groups: Vec<u64> = (0..40).map(|i| i % 20).collect();
    let detector = Detector::fit(&texts, &machine, &groups, DetectorParams::default()).unwrap();
    let mut scorer = detector.scorer();
    assert!(scorer.score(&made[3]).score > 0.0 && scorer.score(&human[3]).score < 0.0);
    let attacked = made[3].replace('a', "\u{430}").replace(' ', " \u{200b}");
    assert_eq!(scorer.score(&attacked), scorer.score(&made[3]));
    let reasons = detector.reasons(&made[3], 5);
    assert!(reasons.len() == 5 && reasons.iter().any(|reason| reason.contains("machine")), "{reasons:?}");
    let line = "x".repeat(10 << 20);
    for text in ["", " ", "word", "?!...", "日本語のテキスト", &line] {
        let score = scorer.score(text);
        assert!(score.score.is_finite() && score.ngram.is_finite() && score.style.is_finite());
    }
    assert!(Detector::fit(&texts[..5], &machine[..5], &groups[..5], DetectorParams::default()).is_err());
}
