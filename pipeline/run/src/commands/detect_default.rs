//! `gristmill detect score` without a model, and `detect train-default`, which makes the embedded heads.
//!
//! The embedded heads give scores and no verdicts: they have seen no human text of the user's. Both are reported, since a
//! text of a base model looks to the chat head more human than people do.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use gristmill_core::error::Error;
use gristmill_detectors::calibrate::Abstain;
use gristmill_detectors::machine::detector::{Detector, Reader};
use gristmill_detectors::machine::detector_file::Passport;
use gristmill_detectors::machine::embedded::{Embedded, embedded};
use gristmill_detectors::machine::pool::{Cell, fit, small_params, unseen_domain_figures};
use gristmill_detectors::model_file::TrainingSource;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::detect::{self, ScoreCall, read, save};
use crate::RunError;

/// What the embedded heads are made from.
#[derive(Debug, Clone)]
pub struct TrainDefaultCall {
    /// Files of pairs whose machine side chat models wrote, named `DOMAIN_MODEL.json`.
    pub chat: Vec<PathBuf>,
    /// The same for models that only continue text.
    pub base: Vec<PathBuf>,
    /// Where the pairs come from, for the cards.
    pub source: String,
    /// Licence of the pairs, for the cards.
    pub licence: String,
    /// Date for the cards.
    pub date: String,
    /// Folder for `chat.model` and `base.model` with their cards.
    pub out: PathBuf,
}

/// Scores texts by the embedded heads: a JSON line each, never a verdict.
///
/// # Errors
/// When a file cannot be read.
pub fn score(call: &ScoreCall) -> Result<String, RunError> {
    let Embedded { chat, base } = embedded().map_err(|cause| Error::Bug(cause.into()))?;
    let mut reader = Reader::new(&chat.detector);
    let mut out = String::new();
    for (i, text) in read(&call.files, call.field.as_deref())?.iter().enumerate() {
        let (n_words, min_words) = (text.split_whitespace().count(), call.min_words);
        let mut line = json!({ "row": i + 1, "n_words": n_words, "chat": null, "base": null });
        let why_not = if n_words < min_words {
            Abstain::TooShort { n_words, min_words }
        } else if reader.read(text).is_latin {
            Abstain::Uncalibrated
        } else {
            Abstain::OtherScript
        };
        let is_scored = why_not == Abstain::Uncalibrated;
        if is_scored {
            line["chat"] = json!(chat.detector.score(&reader).score);
            line["base"] = json!(base.detector.score(&reader).score);
        }
        line["calibrated"] = json!(false);
        line["verdict"] = json!(null);
        line["why_not"] = json!(why_not);
        if call.n_reasons > 0 && is_scored {
            let reasons = |head: &Detector| head.reasons(text, call.n_reasons);
            line["reasons"] = json!({ "chat": reasons(&chat.detector), "base": reasons(&base.detector) });
        }
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{line}");
    }
    Ok(out.trim_end().to_owned())
}

/// The model of a file, or the embedded head of this name.
///
/// # Errors
/// When the file cannot be read or there is no such head.
pub fn load(model: Option<&Path>, head: &str) -> Result<(Detector, Passport), RunError> {
    if let Some(model) = model {
        return detect::load(model);
    }
    let heads = embedded().map_err(|cause| Error::Bug(cause.into()))?;
    match head {
        "chat" => Ok((heads.chat.detector.clone(), heads.chat.passport.clone())),
        "base" => Ok((heads.base.detector.clone(), heads.base.passport.clone())),
        _ => Err(RunError::Usage(format!("there is no embedded head \"{head}\": expected chat or base"))),
    }
}

/// Fits both heads, each on its own family, and writes them with their cards.
///
/// # Errors
/// When a file cannot be read or is not named and made as expected, or a model is in both pools.
pub fn train(call: &TrainDefaultCall) -> Result<String, RunError> {
    // Whatever the order in which they were named, the same files make the same heads.
    let [chat, base] = [&call.chat, &call.base].map(|files| {
        let mut files = files.clone();
        files.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
        files
    });
    let pools = [("chat", cells(&chat)?), ("base", cells(&base)?)];
    let both = pools[0].1.iter().find(|cell| pools[1].1.iter().any(|other| other.model == cell.model));
    if let Some(cell) = both {
        let message =
            format!("{} is among the chat and the base models: mixing the families ruins both heads", cell.model);
        return Err(RunError::Usage(message));
    }
    fs::create_dir_all(&call.out).map_err(|e| RunError::Usage(format!("{}: {e}", call.out.display())))?;
    let mut told = String::new();
    for ((head, cells), files) in pools.iter().zip([&chat, &base]) {
        let refuse = |e: &dyn std::fmt::Display| RunError::Usage(format!("{head} head: {e}"));
        let figures = unseen_domain_figures(cells, small_params()).map_err(|e| refuse(&e))?;
        for figure in &figures {
            let _ = writeln!(told, "{head} head, {}: {} {:.3}", figure.on, figure.measure, figure.value);
        }
        let detector = fit(cells, small_params()).map_err(|e| refuse(&e))?;
        let passport = Passport {
            name: format!("gristmill embedded {head} head"),
            head: (*head).to_owned(),
            date: call.date.clone(),
            training: vec![training(call, cells, files)?],
            figures,
            ..Passport::default()
        };
        told.push_str(&save(&detector, &passport, &call.out.join(format!("{head}.model")))?);
        told.push('\n');
    }
    Ok(told.trim_end().to_owned())
}

/// The pairs of files named `DOMAIN_MODEL.json`: objects of two lists, `original` and `sampled`.
fn cells(files: &[PathBuf]) -> Result<Vec<Cell>, RunError> {
    files.iter().map(|path| cell(path)).collect()
}

fn cell(path: &Path) -> Result<Cell, RunError> {
    let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let Some((domain, model)) = stem.split_once('_') else {
        return Err(RunError::Usage(format!("{}: expected a file named DOMAIN_MODEL.json", path.display())));
    };
    let files = [path.to_owned()];
    let (human, machine) = (read(&files, Some("original"))?, read(&files, Some("sampled"))?);
    if human.len() != machine.len() || human.is_empty() {
        let (n, m) = (human.len(), machine.len());
        let message = format!("{}: expected pairs, found {n} original and {m} sampled texts", path.display());
        return Err(RunError::Usage(message));
    }
    Ok(Cell::new(domain, model, &human, &machine))
}

fn training(call: &TrainDefaultCall, cells: &[Cell], files: &[PathBuf]) -> Result<TrainingSource, RunError> {
    let mut digest = Sha256::new();
    for path in files {
        digest.update(fs::read(path).map_err(|e| RunError::Usage(format!("{}: {e}", path.display())))?);
    }
    let sorted = |mut names: Vec<String>| {
        names.sort_unstable();
        names.dedup();
        names
    };
    let mut keys: Vec<u64> = cells.iter().flat_map(|cell| cell.keys.iter().copied()).collect();
    keys.sort_unstable();
    keys.dedup();
    Ok(TrainingSource {
        name: format!("{}; weights were learnt from the texts, no text is in the file", call.source),
        licence: call.licence.clone(),
        domains: sorted(cells.iter().map(|cell| cell.domain.clone()).collect()),
        source_models: sorted(cells.iter().map(|cell| cell.model.clone()).collect()),
        n_human: keys.len() as u64,
        n_machine: cells.iter().map(|cell| cell.machine.len() as u64).sum(),
        sha256: digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}
