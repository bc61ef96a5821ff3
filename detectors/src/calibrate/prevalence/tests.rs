//! Simulated corpora with a known share; the fixed point of EM as the reference of the maximum.

use super::*;
use crate::eval::published;

/// Human scores are standard normal, machine scores `apart` higher: AUROC Phi(apart / sqrt 2).
fn scores(n: usize, share: f64, apart: f64, stream: u64) -> Vec<f64> {
    let mut draws = Draws::new(8, "prevalence test", stream);
    let n_machine = (share * n as f64).round() as usize;
    (0..n).map(|i| draws.normal() + if i < n_machine { apart } else { 0.0 }).collect()
}

fn estimate(share: f64, apart: f64, n: usize, stream: u64) -> MachineShare {
    let human = scores(300, 0.0, apart, 3 * stream);
    let machine = scores(300, 1.0, apart, 3 * stream + 1);
    let corpus = scores(n, share, apart, 3 * stream + 2);
    let bootstrap = BootstrapParams { n_resamples: 200, ..BootstrapParams::default() };
    let params = PrevalenceParams { bootstrap, ..PrevalenceParams::default() };
    from_scores(Reference { human: &human, machine: &machine }, &corpus, &params).unwrap().unwrap()
}

#[test]
fn intervals_hold_the_true_share_and_errors_are_small() {
    // AUROC .98 and .80, a chat and a base model.
    for (apart, largest_mean_error) in [(2.9, 0.03), (1.2, 0.06)] {
        for share in [0.0, 0.05, 0.3, 1.0] {
            let found: Vec<MachineShare> = (0..60).map(|stream| estimate(share, apart, 400, stream)).collect();
            let covered = found.iter().filter(|e| e.interval.unwrap().contains(share)).count();
            let error = found.iter().map(|e| (e.share - share).abs()).sum::<f64>() / 60.0;
            eprintln!("apart {apart} share {share}: mean error {error:.3}, {covered} of 60 intervals hold it");
            assert!(covered >= 53, "{covered} of 60 intervals of 95 %");
            assert!(error <= largest_mean_error, "{error}");
        }
    }
}

#[test]
fn a_corpus_of_three_tenths_and_a_human_one_are_told() {
    let found = estimate(0.3, 2.9, 1000, 100);
    assert!((found.share - 0.3).abs() < 0.05 && found.interval.unwrap().contains(0.3), "{found:?}");
    let human = estimate(0.0, 2.9, 1000, 101);
    assert!(human.interval.unwrap().low == 0.0 && human.share < 0.03, "{human:?}");
}

#[test]
fn the_maximum_is_the_fixed_point_of_expectation_maximisation() {
    let mut draws = Draws::new(1, "em", 0);
    let probabilities: Vec<f64> = (0..200).map(|_| draws.unit()).collect();
    let params = BootstrapParams { n_resamples: 0, ..BootstrapParams::default() };
    for prior in [0.3, 0.5] {
        let found = from_probabilities(&probabilities, prior, &params).unwrap().unwrap();
        let mut share = 0.5;
        for _ in 0..20_000 {
            let posterior = |p: &f64| {
                let (machine, human) = (p * share / prior, (1.0 - p) * (1.0 - share) / (1.0 - prior));
                machine / (machine + human)
            };
            share = probabilities.iter().map(posterior).sum::<f64>() / 200.0;
        }
        assert!((found.share - share).abs() < 1e-6, "{} against {share}", found.share);
        assert_eq!(found.interval, None);
    }
}

#[test]
fn certain_documents_are_counted() {
    let params = BootstrapParams::default();
    let share = |p: &[f64]| from_probabilities(p, 0.5, &params).unwrap().unwrap().share;
    assert!((share(&[1.0, 0.0, 0.0, 0.0]) - 0.25).abs() < 1e-9);
    assert_eq!((share(&[1.0, 1.0]), share(&[0.0]), share(&[0.5])), (1.0, 0.0, 0.0));
}

#[test]
fn nothing_to_go_by_gives_nothing() {
    let params = PrevalenceParams::default();
    let reference = Reference { human: &[0.0, 1.0], machine: &[2.0] };
    assert_eq!(from_scores(reference, &[], &params).unwrap(), None);
    assert_eq!(from_scores(Reference { machine: &[], ..reference }, &[1.0], &params).unwrap(), None);
    assert_eq!(from_scores(reference, &[1.0], &PrevalenceParams { n_bins: 1, ..params }).unwrap(), None);
    assert_eq!(from_scores(reference, &[f64::NAN], &params), Err(BadScores::NotANumber { row: 3 }));
    assert_eq!(from_probabilities(&[], 0.5, &params.bootstrap).unwrap(), None);
    assert_eq!(from_probabilities(&[0.5], 1.0, &params.bootstrap).unwrap(), None);
    assert!(from_probabilities(&[1.5], 0.5, &params.bootstrap).is_err());
    // Scores that say nothing: every share explains them.
    let same = from_scores(Reference { human: &[1.0; 9], machine: &[1.0; 9] }, &[1.0; 9], &params).unwrap().unwrap();
    assert_eq!(same.share, 0.0);
}

/// Corpora of 75 held-out documents with 30 % machine text, from the published scores of Fast-DetectGPT.
#[test]
fn published_scores_give_the_share_of_a_mixed_corpus() {
    let Some(files) = published::files() else { return };
    let params = PrevalenceParams::default();
    let (mut error, mut covered) = (0.0, 0);
    for (file, detectors) in &files {
        let scores = &detectors["gpt-j-6B_gpt-neo-2.7B.sampling_discrepancy_analytic"];
        let reference = Reference { human: &scores.human[..75], machine: &scores.machine[..75] };
        let corpus: Vec<f64> = scores.human[75..145].iter().chain(&scores.machine[75..105]).copied().collect();
        let found = from_scores(reference, &corpus, &params).unwrap().unwrap();
        let interval = found.interval.unwrap();
        eprintln!("{file}: share {:.3} in [{:.3}, {:.3}], true 0.3", found.share, interval.low, interval.high);
        error += (found.share - 0.3).abs() / files.len() as f64;
        covered += usize::from(interval.contains(0.3));
    }
    eprintln!("mean error {error:.3}, {covered} of {} intervals hold 0.3", files.len());
    assert!(error < 0.1 && covered >= 5, "{error} {covered}");
}
