//! From columns of scores to figures, plots and what the terminal shows.

use std::fmt::Write;

use gristmill_detectors::calibrate::ProbabilityMethod;
use gristmill_detectors::eval::plot::{FprScale, PlotText, RocSeries, reliability_svg, roc_svg};
use gristmill_detectors::eval::probability::Forecast;
use gristmill_detectors::eval::report::{Estimate, Slice};
use gristmill_detectors::eval::splits::{dense_groups, even_folds};
use gristmill_detectors::eval::{Curve, Scored, evaluate, permutation};
use gristmill_detectors::leak_probe::leak_probe;

use super::few_shot::protocol;
use super::{
    CalibrationFigures, Column, DetectorFigures, DetectorKind, DetectorTable, EvalTable, Evaluation, KnownText,
};
use crate::RunError;

/// Least rate that the logarithmic axis of false alarms shows.
const LEAST_FPR: f64 = 0.001;
/// AUROC of a formatting scalar from which the leak probe speaks up.
pub(super) const LEAK: f64 = 0.65;

/// All figures of columns of scores.
///
/// # Errors
/// If few-shot detection has no human texts.
pub fn evaluation(
    name: &str,
    seed: u64,
    eval: &EvalTable,
    texts: &[KnownText],
    columns: &[Column],
    detectors: &[DetectorTable],
) -> Result<Evaluation, RunError> {
    let side = |machine: bool, of: fn(&KnownText) -> &str| {
        texts.iter().filter(|text| text.machine == machine).map(of).collect::<Vec<&str>>()
    };
    let probe = |of: fn(&KnownText) -> &str| leak_probe(&side(false, of), &side(true, of));
    let groups: Vec<u64> = texts.iter().map(|text| text.group).collect();
    let mut few_shot = Vec::new();
    for detector in detectors {
        if let DetectorKind::FewShot(table) = &detector.kind {
            few_shot.extend(protocol(&detector.name, texts, table).map_err(RunError::Usage)?);
        }
    }
    let figures = columns.iter().map(|column| of_column(column, texts, eval, seed)).collect::<Result<_, _>>()?;
    Ok(Evaluation {
        name: name.to_owned(),
        seed,
        normalise: eval.normalise,
        n_human: texts.iter().filter(|text| !text.machine).count(),
        n_machine: texts.iter().filter(|text| text.machine).count(),
        n_groups: dense_groups(&groups).1,
        leak_raw: probe(|text| &text.raw),
        leak: probe(|text| &text.text),
        detectors: figures,
        few_shot,
    })
}

fn of_column(column: &Column, texts: &[KnownText], eval: &EvalTable, seed: u64) -> Result<DetectorFigures, RunError> {
    let bad = |e: gristmill_detectors::eval::BadScores| RunError::Usage(format!("{}: {e}", column.name));
    let scored = texts.iter().zip(&column.scores).filter_map(|(text, score)| Some((text, (*score)?)));
    let rows: Vec<Scored<'_>> = scored
        .map(|(text, score)| Scored {
            score,
            machine: text.machine,
            group: text.group,
            domain: &text.domain,
            source: &text.source,
            n_words: text.n_words,
        })
        .collect();
    let report = evaluate(&rows, &eval.params(seed)).map_err(bad)?;
    let scores: Vec<f64> = rows.iter().map(|row| row.score).collect();
    let machine: Vec<bool> = rows.iter().map(|row| row.machine).collect();
    let shuffles = permutation::PermutationParams { n_shuffles: eval.n_shuffles, seed };
    Ok(DetectorFigures {
        name: column.name.clone(),
        why_missing: column.why_missing.clone(),
        report,
        permutation: permutation::check(&scores, &machine, &shuffles).map_err(bad)?,
        calibration: calibration(&rows, eval, seed),
    })
}

/// Probabilities by a sigmoid that was fitted on other folds; none where a side is missing from some.
fn calibration(rows: &[Scored<'_>], eval: &EvalTable, seed: u64) -> Option<CalibrationFigures> {
    let folds = even_folds(&rows.iter().map(|row| row.group).collect::<Vec<_>>(), eval.n_folds, seed);
    let mut probabilities = vec![0.5; rows.len()];
    for fold in 0..eval.n_folds.min(folds.iter().max()? + 1) {
        let outside = || rows.iter().zip(&folds).filter(|(_, f)| **f != fold).map(|(row, _)| row);
        let scores: Vec<f64> = outside().map(|row| row.score).collect();
        let map = ProbabilityMethod::Platt.fit(&scores, &outside().map(|row| row.machine).collect::<Vec<_>>())?;
        for i in (0..rows.len()).filter(|i| folds[*i] == fold) {
            probabilities[i] = map.probability(rows[i].score)?;
        }
    }
    let machine: Vec<bool> = rows.iter().map(|row| row.machine).collect();
    let forecast = Forecast::new(&probabilities, &machine).ok()?;
    Some(CalibrationFigures {
        brier: forecast.brier()?,
        expected_calibration_error: forecast.expected_calibration_error(eval.n_bins)?,
        bins: forecast.reliability(eval.n_bins),
    })
}

/// The plots by file name: ROC on an even and on a logarithmic axis, and one of calibration for each score.
pub fn plots(evaluation: &Evaluation, texts: &[KnownText], columns: &[Column]) -> Vec<(String, String)> {
    let curve = |column: &Column| {
        let side = |machine: bool| {
            let of = texts.iter().zip(&column.scores).filter(|(text, _)| text.machine == machine);
            of.filter_map(|(_, score)| *score).collect::<Vec<f64>>()
        };
        Curve::of(&side(false), &side(true)).unwrap_or_default()
    };
    let curves: Vec<Curve> = columns.iter().map(curve).collect();
    let series: Vec<RocSeries<'_>> =
        columns.iter().zip(&curves).map(|(column, curve)| RocSeries { name: &column.name, curve }).collect();
    let even = PlotText {
        title: "ROC curves",
        description: "True positive rate by false positive rate of each score, pooled over all domains.",
    };
    let low = PlotText {
        title: "ROC curves at few false alarms",
        description: "The same with a logarithmic axis of false positive rates.",
    };
    let mut plots = vec![
        ("roc.svg".to_owned(), roc_svg(&series, FprScale::Even, even)),
        ("roc-low.svg".to_owned(), roc_svg(&series, FprScale::Logarithmic(LEAST_FPR), low)),
    ];
    for figures in &evaluation.detectors {
        let Some(calibration) = &figures.calibration else { continue };
        let title = format!("Calibration of {}", figures.name);
        let description = "Share of machine texts by probability, after a sigmoid fitted on other folds.";
        let text = PlotText { title: &title, description };
        plots.push((format!("calibration-{}.svg", file_name(&figures.name)), reliability_svg(&calibration.bins, text)));
    }
    plots
}

/// A name as part of a file name.
fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '_' { c } else { '-' }).collect()
}

/// A figure and its interval.
pub(crate) fn shown(estimate: &Estimate) -> String {
    match (estimate.value, estimate.interval) {
        (Some(value), Some(interval)) => format!("{value:.3} [{:.3}, {:.3}]", interval.low, interval.high),
        (Some(value), None) => format!("{value:.3}"),
        _ => "-".into(),
    }
}

/// What a slice is of.
pub(crate) fn slice_name(slice: &Slice) -> String {
    let parts = [slice.domain.as_deref(), slice.source.as_deref(), slice.band.as_deref()];
    let named = |part: &str| if part.is_empty() { "(no name)".to_owned() } else { part.to_owned() };
    let names: Vec<String> = parts
        .into_iter()
        .enumerate()
        .filter_map(|(i, part)| part.map(|part| if i == 2 { format!("{part} words") } else { named(part) }))
        .collect();
    if names.is_empty() { "all".into() } else { names.join(", ") }
}

/// What formatting alone tells, as sentences.
pub(crate) fn leak_sentences(evaluation: &Evaluation) -> Vec<String> {
    let told = |what: &str, probe: &Option<gristmill_detectors::artifact::LeakProbe>| {
        let (name, auroc) = probe.as_ref().and_then(gristmill_detectors::artifact::LeakProbe::worst)?;
        let verdict =
            if auroc > LEAK { "this alone tells the sides apart" } else { "within what chance and style give" };
        Some(format!("{what}: {name}, AUROC {auroc:.3}; {verdict}"))
    };
    [told("leak probe, as in the files", &evaluation.leak_raw), told("leak probe, as read", &evaluation.leak)]
        .into_iter()
        .flatten()
        .collect()
}

/// The table for the terminal: each score overall, and by domain and source where there are several.
pub fn table(evaluation: &Evaluation) -> String {
    let mut out = String::new();
    for sentence in leak_sentences(evaluation) {
        let _ = writeln!(out, "{sentence}");
    }
    let widest = evaluation.detectors.iter().map(|found| found.name.chars().count()).max().unwrap_or(0).max(8);
    for figures in &evaluation.detectors {
        let many = |key: fn(&Slice) -> bool| figures.report.slices.iter().filter(|slice| key(slice)).count() > 1;
        let by_domain: fn(&Slice) -> bool = |s| s.domain.is_some() && s.source.is_none() && s.band.is_none();
        let by_source: fn(&Slice) -> bool = |s| s.source.is_some() && s.domain.is_none() && s.band.is_none();
        let keys: Vec<fn(&Slice) -> bool> = [by_domain, by_source].into_iter().filter(|key| many(*key)).collect();
        for (i, slice) in figures.report.slices.iter().enumerate() {
            if i > 0 && !keys.iter().any(|key| key(slice)) {
                continue;
            }
            let name = if i == 0 { figures.name.clone() } else { format!("  {}", slice_name(slice)) };
            let rates = slice.rates.iter().map(|rate| {
                let percent = 100.0 * rate.target_fpr;
                format!("TPR@{percent}% {}", shown(&rate.tpr))
            });
            let (auroc, partial) = (shown(&slice.auroc), shown(&slice.partial_auroc));
            let rates = rates.collect::<Vec<_>>().join("  ");
            let counts = format!("{}+{}", slice.n_human, slice.n_machine);
            let _ = writeln!(out, "{name:widest$}  AUROC {auroc}  pAUC {partial}  {rates}  ({counts})");
        }
        for (why, n) in &figures.why_missing {
            let _ = writeln!(out, "{:widest$}  no score on {n}: {why}", "");
        }
    }
    for found in &evaluation.few_shot {
        few_shot_lines(&mut out, found);
    }
    let _ = write!(
        out,
        "{} human and {} machine texts of {} human documents, in the form {:?}",
        evaluation.n_human, evaluation.n_machine, evaluation.n_groups, evaluation.normalise
    );
    out
}

fn few_shot_lines(out: &mut String, found: &super::FewShotFigures) {
    let domain = if found.domain.is_empty() { "all" } else { &found.domain };
    for (source, rows) in &found.single {
        for row in rows {
            let _ = writeln!(
                out,
                "{} {domain} {source} N={}: one text AUROC {:.3} TPR {:.2}; episodes AUROC {:.3} pAUC {:.3}",
                found.detector,
                row.size,
                row.single.auroc,
                row.single.tpr,
                row.episodes.auroc,
                row.episodes.partial_auroc
            );
        }
    }
    for row in &found.multiple {
        let _ = writeln!(
            out,
            "{} {domain} of {} machines N={}: attribution {:.3}, episodes AUROC {:.3} pAUC {:.3}",
            found.detector,
            row.names.len(),
            row.size,
            row.accuracy,
            row.episodes.auroc,
            row.episodes.partial_auroc
        );
    }
}
