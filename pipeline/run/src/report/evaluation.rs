//! The page of an evaluation of detectors: the leak probe first, then every score with its interval, plots, slices.

use gristmill_detectors::artifact::LeakProbe;

use super::html::table::{Col, cell, data_head, row, table, table_with};
use super::html::{Html, Id, at, number, shell};
use crate::evaluation::{DetectorFigures, Evaluation, FewShotFigures, leak_sentences, shown, slice_name};

/// The page; `plots` are drawings by file name, ROC curves first.
pub fn evaluation_page(evaluation: &Evaluation, plots: &[(String, String)]) -> String {
    let ids = ["leak", "scores", "few-shot", "slices", "calibration"].map(Id::named);
    let [leak_id, scores_id, few_id, slices_id, calibration_id] = &ids;
    let mut sections = vec![(leak_id.clone(), "Leak probe"), (scores_id.clone(), "Scores")];
    if !evaluation.few_shot.is_empty() {
        sections.push((few_id.clone(), "Few-shot"));
    }
    sections.extend([(slices_id.clone(), "Slices"), (calibration_id.clone(), "Calibration")]);
    let shell = shell::Shell { kind: "Detector evaluation", name: &evaluation.name, sections: &sections };
    let is_roc = |name: &str| name.starts_with("roc");
    shell::page(
        &shell,
        |h| lede(h, evaluation),
        |h| {
            section(h, leak_id, "Leak probe", |h| leak(h, evaluation));
            section(h, scores_id, "Scores", |h| {
                scores(h, evaluation);
                plots.iter().filter(|(name, _)| is_roc(name)).for_each(|(_, svg)| h.drawing(svg));
            });
            if !evaluation.few_shot.is_empty() {
                section(h, few_id, "Few-shot", |h| evaluation.few_shot.iter().for_each(|found| few_shot(h, found)));
            }
            section(h, slices_id, "Slices", |h| evaluation.detectors.iter().for_each(|found| slices(h, found)));
            section(h, calibration_id, "Calibration", |h| {
                h.leaf(
                    "p",
                    &at(),
                    "Scores as probabilities, by a sigmoid fitted on other folds. They hold for as many machine texts as \
                     are here, and not for another corpus.",
                );
                plots.iter().filter(|(name, _)| !is_roc(name)).for_each(|(_, svg)| h.drawing(svg));
            });
        },
    )
}

fn section(h: &mut Html, id: &Id, title: &'static str, body: impl FnOnce(&mut Html)) {
    h.el("section", &at().id(id), |h| {
        h.leaf("h2", &at(), title);
        body(h);
    });
    h.line();
}

fn lede(h: &mut Html, evaluation: &Evaluation) {
    h.el("p", &at(), |h| {
        h.shown(&number::count(evaluation.n_human as u64));
        h.words(" human and ");
        h.shown(&number::count(evaluation.n_machine as u64));
        h.words(" machine texts of ");
        h.shown(&number::count(evaluation.n_groups as u64));
        h.words(" human documents, read in the form ");
        h.plain(&format!("{:?}", evaluation.normalise));
        h.words(". Seed ");
        h.shown(&number::count(evaluation.seed));
        h.words(". Thresholds come from the human texts of each domain; intervals from resampled human documents.");
    });
}

fn leak(h: &mut Html, evaluation: &Evaluation) {
    for sentence in leak_sentences(evaluation) {
        h.el("p", &at(), |h| h.data(&sentence));
    }
    let columns =
        [Col::Words("formatting alone"), Col::Numbers("AUROC, as in the files"), Col::Numbers("AUROC, as read")];
    let auroc = |probe: &Option<LeakProbe>, name: &str| {
        let scalar = probe.as_ref()?.scalars.iter().find(|scalar| scalar.name == name)?;
        Some(scalar.auroc)
    };
    let scalars = evaluation.leak_raw.iter().flat_map(|probe| &probe.scalars);
    table(
        h,
        |h| h.words("AUROC of formatting alone; 0.5 tells nothing"),
        &columns,
        |h| {
            for scalar in scalars {
                row(
                    h,
                    &at(),
                    |h| h.data(&scalar.name),
                    |h| {
                        for probe in [&evaluation.leak_raw, &evaluation.leak] {
                            super::html::table::number(h, &number::maybe_real(auroc(probe, &scalar.name)));
                        }
                    },
                );
            }
        },
    );
}

fn scores(h: &mut Html, evaluation: &Evaluation) {
    let rates: Vec<f64> = evaluation
        .detectors
        .first()
        .and_then(|found| found.report.slices.first())
        .map(|slice| slice.rates.iter().map(|rate| rate.target_fpr).collect())
        .unwrap_or_default();
    let heads = |h: &mut Html| {
        h.leaf("th", &at().set("scope", "col"), "score");
        ["texts", "AUROC", "partial AUROC"].iter().for_each(|name| data_head(h, name));
        rates.iter().for_each(|rate| data_head(h, &format!("TPR at {} % FPR", 100.0 * rate)));
        ["labels permuted", "calibration error", "no score"].iter().for_each(|name| data_head(h, name));
    };
    let caption = |h: &mut Html| h.words("All texts together; in brackets the interval of resampled human documents");
    table_with(h, caption, heads, |h| {
        for found in &evaluation.detectors {
            let Some(all) = found.report.slices.first() else { continue };
            row(
                h,
                &at(),
                |h| h.data(&found.name),
                |h| {
                    text(h, &format!("{} + {}", all.n_human, all.n_machine));
                    text(h, &shown(&all.auroc));
                    text(h, &shown(&all.partial_auroc));
                    all.rates.iter().for_each(|rate| text(h, &shown(&rate.tpr)));
                    text(h, &found.permutation.map_or_else(|| "-".into(), |p| format!("{:.3} ± {:.3}", p.mean, p.sd)));
                    let error = found.calibration.as_ref().map(|c| c.expected_calibration_error);
                    text(h, &error.map_or_else(|| "-".into(), |error| format!("{error:.3}")));
                    text(h, &missing(found));
                },
            );
        }
    });
}

fn missing(found: &DetectorFigures) -> String {
    let reasons: Vec<String> = found.why_missing.iter().map(|(why, n)| format!("{n}: {why}")).collect();
    if reasons.is_empty() { "-".into() } else { reasons.join("; ") }
}

fn text(h: &mut Html, words: &str) {
    cell(h, |h| h.plain(words));
}

fn slices(h: &mut Html, found: &DetectorFigures) {
    let heads = |h: &mut Html| {
        h.leaf("th", &at().set("scope", "col"), "slice");
        ["human", "machine", "AUROC", "partial AUROC"].iter().for_each(|name| data_head(h, name));
        let rates = found.report.slices.first().map(|slice| slice.rates.as_slice()).unwrap_or_default();
        rates.iter().for_each(|rate| data_head(h, &format!("TPR at {} % FPR", 100.0 * rate.target_fpr)));
    };
    let caption = |h: &mut Html| h.data(&found.name);
    table_with(h, caption, heads, |h| {
        for slice in &found.report.slices {
            row(
                h,
                &at(),
                |h| h.data(&slice_name(slice)),
                |h| {
                    super::html::table::number(h, &number::count(slice.n_human));
                    super::html::table::number(h, &number::count(slice.n_machine));
                    text(h, &shown(&slice.auroc));
                    text(h, &shown(&slice.partial_auroc));
                    slice.rates.iter().for_each(|rate| text(h, &shown(&rate.tpr)));
                },
            );
        }
    });
}

fn few_shot(h: &mut Html, found: &FewShotFigures) {
    let heads = |h: &mut Html| {
        let names =
            ["machine", "examples", "human texts", "one text: AUROC", "TPR", "episodes: AUROC", "partial AUROC"];
        names.iter().for_each(|name| data_head(h, name));
    };
    let domain = if found.domain.is_empty() { "all texts" } else { &found.domain };
    table_with(
        h,
        |h| h.data(&format!("{}, {domain}", found.detector)),
        heads,
        |h| {
            for (source, rows) in &found.single {
                for figures in rows {
                    row(
                        h,
                        &at(),
                        |h| h.data(source),
                        |h| {
                            super::html::table::number(h, &number::count(figures.size as u64));
                            super::html::table::number(h, &number::count(figures.n_human_rest as u64));
                            for value in [
                                figures.single.auroc,
                                figures.single.tpr,
                                figures.episodes.auroc,
                                figures.episodes.partial_auroc,
                            ] {
                                text(h, &format!("{value:.3}"));
                            }
                        },
                    );
                }
            }
        },
    );
    for figures in &found.multiple {
        let names = figures.names.join(", ");
        let told = format!(
            "{} examples each of {names}: the nearest is the right one in {:.1} % of episodes (chance {:.1} %); episodes \
             against human ones AUROC {:.3}, partial {:.3}.",
            figures.size,
            100.0 * figures.accuracy,
            100.0 / figures.names.len().max(1) as f64,
            figures.episodes.auroc,
            figures.episodes.partial_auroc
        );
        h.el("p", &at(), |h| h.data(&told));
    }
}
