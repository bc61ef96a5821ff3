//! Expectations by hand; realised rates by simulation and on the published scores.

use super::*;
use crate::calibrate::Calibration;
use crate::eval::published;
use crate::eval::rng::Draws;

fn row(score: f64, machine: bool, group: u64, domain: &'static str, n_words: usize) -> CalibrationRow<'static> {
    CalibrationRow { score, machine, group, domain, n_words }
}

/// 200 human documents of news with scores 0 to 199 in band 80-149, and as many machine ones from 300.
fn news() -> Vec<CalibrationRow<'static>> {
    let side =
        |machine: bool, from: u32| (0..200).map(move |i| row(f64::from(from + i), machine, u64::from(i), "news", 100));
    side(false, 0).chain(side(true, 300)).collect()
}

#[test]
fn verdicts_follow_the_two_thresholds() {
    let table = CalibrationTable::fit(&news(), &CalibrationParams::default()).unwrap();
    // Human: the highest of 200 is 199. Machine at 5 %: P(Bin(200, .05) <= 5) = .062, <= 6 = .124, so 305 is the cut.
    let entry = table.entry("news", 100).unwrap();
    assert_eq!((entry.band, entry.machine_above.unwrap().threshold), (Some(1), 199.0));
    assert_eq!(entry.human_below.unwrap().threshold, -305.0);
    let verdict = |score, n_words| table.verdict(score, "news", n_words);
    assert_eq!((verdict(199.5, 100), verdict(199.0, 100)), (Verdict::Machine, Verdict::Human));
    assert_eq!(verdict(500.0, 79), Verdict::Abstain(Abstain::TooShort { n_words: 79, min_words: 80 }));
    assert_eq!(verdict(f64::NAN, 100), Verdict::Abstain(Abstain::NoScore));
    assert_eq!(table.verdict(500.0, "verse", 100), Verdict::Abstain(Abstain::UnknownDomain));
}

#[test]
fn without_machine_documents_nothing_is_called_human() {
    let human: Vec<_> = news().into_iter().filter(|row| !row.machine).collect();
    let table = CalibrationTable::fit(&human, &CalibrationParams::default()).unwrap();
    assert_eq!(table.verdict(0.0, "news", 100), Verdict::Abstain(Abstain::Undecided));
    assert_eq!(table.verdict(200.0, "news", 100), Verdict::Machine);
}

#[test]
fn overlapping_sides_leave_the_middle_undecided() {
    let mut rows = news();
    rows.iter_mut().filter(|row| row.machine).for_each(|row| row.score -= 200.0);
    let table = CalibrationTable::fit(&rows, &CalibrationParams::default()).unwrap();
    let verdict = |score| table.verdict(score, "news", 100);
    assert_eq!(
        [50.0, 150.0, 250.0].map(verdict),
        [Verdict::Human, Verdict::Abstain(Abstain::Undecided), Verdict::Machine]
    );
}

#[test]
fn a_thin_band_takes_the_threshold_of_its_domain_or_none() {
    let params = CalibrationParams::default();
    let table = CalibrationTable::fit(&news(), &params).unwrap();
    // No document of 150 words and more was seen.
    assert_eq!(table.entry("news", 400).unwrap().band, None);
    assert_eq!(table.verdict(500.0, "news", 400), Verdict::Machine);
    let apart = CalibrationParams { pool_thin_bands: false, ..params.clone() };
    let table = CalibrationTable::fit(&news(), &apart).unwrap();
    let too_few = |n_human| Verdict::Abstain(Abstain::TooFewHuman { n_human, needed: 99 });
    assert_eq!(table.verdict(500.0, "news", 400), too_few(0));
    let few: Vec<_> = news().into_iter().take(98).collect();
    let table = CalibrationTable::fit(&few, &params).unwrap();
    assert_eq!(table.verdict(500.0, "news", 100), too_few(98));
}

#[test]
fn a_text_listed_once_per_source_model_is_one_document() {
    let rows: Vec<_> = (0..5).flat_map(|_| news().into_iter().filter(|row| !row.machine)).collect();
    let table = CalibrationTable::fit(&rows, &CalibrationParams::default()).unwrap();
    let bound = table.entries[0].machine_above.unwrap();
    assert_eq!((bound.n_docs, bound.n_above), (200, 0));
}

#[test]
fn short_documents_are_not_used() {
    let mut rows = news();
    rows.extend((0..500).map(|i| row(1000.0, false, 1000 + i, "news", 20)));
    let table = CalibrationTable::fit(&rows, &CalibrationParams::default()).unwrap();
    assert_eq!(table.entries[0].machine_above.unwrap().threshold, 199.0);
}

#[test]
fn an_uncalibrated_detector_gives_scores_only() {
    let none = Calibration::Uncalibrated;
    assert_eq!(none.verdict(9.0, "news", 500), Verdict::Abstain(Abstain::Uncalibrated));
    assert_eq!(none.probability(9.0), None);
    let params = CalibrationParams { probability: Some(ProbabilityMethod::Platt), ..CalibrationParams::default() };
    let calibrated = Calibration::Calibrated(CalibrationTable::fit(&news(), &params).unwrap());
    assert!(calibrated.probability(400.0).unwrap() > 0.9 && calibrated.probability(100.0).unwrap() < 0.1);
    let json = serde_json::to_string(&calibrated).unwrap();
    assert_eq!(serde_json::from_str::<Calibration>(&json).unwrap(), calibrated);
    assert!(serde_json::from_str::<CalibrationParams>(r#"{"min_word": 3}"#).is_err());
    let verdicts = [Verdict::Machine, Verdict::Abstain(Abstain::TooShort { n_words: 5, min_words: 80 })];
    let json = serde_json::to_string(&verdicts).unwrap();
    assert_eq!(json, r#"["machine",{"abstain":{"too_short":{"n_words":5,"min_words":80}}}]"#);
}

#[test]
fn scores_that_are_not_finite_are_errors() {
    let fit = |score| CalibrationTable::fit(&[row(score, false, 0, "", 100)], &CalibrationParams::default());
    assert_eq!(fit(f64::NAN), Err(BadScores::NotANumber { row: 0 }));
    assert_eq!(fit(f64::INFINITY), Err(BadScores::Infinite { row: 0 }));
    let nothing = CalibrationTable::fit(&[], &CalibrationParams::default()).unwrap();
    assert_eq!(nothing.verdict(1.0, "", 100), Verdict::Abstain(Abstain::UnknownDomain));
}

/// Target: at most 2 % realised at nominal 1 % with 200 human documents. Scores are log-normal, with a heavy tail.
#[test]
fn realised_rate_of_200_human_documents_is_within_the_target() {
    let (mut mean, mut worst) = (0.0, 0.0_f64);
    for seed in 0..200 {
        let mut draws = Draws::new(seed, "realised", 0);
        let rows: Vec<_> = (0..200).map(|i| row(draws.normal().exp(), false, i, "news", 100)).collect();
        let table = CalibrationTable::fit(&rows, &CalibrationParams::default()).unwrap();
        let flagged = (0..5000).filter(|_| table.verdict(draws.normal().exp(), "news", 100) == Verdict::Machine);
        let rate = flagged.count() as f64 / 5000.0;
        mean += rate / 200.0;
        worst = worst.max(rate);
    }
    eprintln!("200 human documents, nominal 1 %: realised {mean:.4} on average, {worst:.4} at worst of 200 seeds");
    assert!(mean <= 0.01, "{mean}");
}

/// On the published scores: thresholds from 110 human texts of a file, tried on the other 40, and on the other domain.
#[test]
fn realised_rate_holds_on_published_scores_of_the_same_domain_only() {
    const SPLITS: u64 = 200;
    let Some(files) = published::files() else { return };
    let (mut same, mut other, mut found, mut worst_other) = (Vec::new(), Vec::new(), Vec::new(), 0.0_f64);
    for (file, detectors) in &files {
        let (domain, model) = file.split_once('_').unwrap();
        let elsewhere = &files[&format!("{}_{model}", if domain == "xsum" { "writing" } else { "xsum" })];
        for (name, scores) in detectors {
            let mut stray = 0.0;
            for seed in 0..SPLITS {
                let mut human = scores.human.clone();
                Draws::new(seed, &format!("{file} {name}"), 0).shuffle(&mut human);
                let bound = BoundParams::default().threshold(&human[..110]).unwrap();
                let above = |s: &[f64]| s.iter().filter(|s| **s > bound.threshold).count() as f64 / s.len() as f64;
                same.push(above(&human[110..]));
                found.push(above(&scores.machine));
                stray += above(&elsewhere[name].human) / SPLITS as f64;
            }
            other.push(stray);
            worst_other = worst_other.max(stray);
        }
    }
    let mean = |rates: &[f64]| rates.iter().sum::<f64>() / rates.len() as f64;
    let (same, other, found) = (mean(&same), mean(&other), mean(&found));
    eprintln!("nominal 1 %, 110 human documents: same domain {same:.4} (found {found:.3} of machine text)");
    eprintln!("the same thresholds in the other domain: {other:.4} on average, {worst_other:.3} at worst");
    // One of 111 is 0.0090; ties lower it.
    assert!((0.007..=0.01).contains(&same), "{same}");
    assert!(worst_other > 0.05, "{worst_other}");
}
