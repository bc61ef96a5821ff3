//! `gristmill detect prevalence --model M FILES`: how much of a corpus a machine wrote, without a verdict on any text.

use std::path::PathBuf;

use gristmill_detectors::calibrate::prevalence::{Reference, from_probabilities, from_scores};
use gristmill_detectors::calibrate::{Calibration, MachineShare, PrevalenceParams};
use serde_json::json;

use super::detect::{Sides, load, read};
use crate::RunError;

/// What is estimated by what.
#[derive(Debug, Clone)]
pub struct PrevalenceCall {
    /// The model.
    pub model: PathBuf,
    /// Files of the corpus.
    pub files: Vec<PathBuf>,
    /// Field of the text.
    pub field: Option<String>,
    /// Texts of both sides that the model was not trained on and that are like the corpus; may be empty.
    pub sides: Sides,
    /// Resamples, level and seed of the interval.
    pub params: PrevalenceParams,
}

/// The share of machine text in a corpus, as JSON: an estimate with its interval, or why there is none.
///
/// # Errors
/// When a file cannot be read.
pub fn prevalence(call: &PrevalenceCall) -> Result<String, RunError> {
    let (detector, passport) = load(&call.model)?;
    let mut scorer = detector.scorer();
    let texts = read(&call.files, call.field.as_deref())?;
    // Short texts score anyhow, and would be counted as whatever they look like.
    let min_words = match &passport.calibration {
        Calibration::Calibrated(table) => table.params.min_words,
        Calibration::Uncalibrated => gristmill_detectors::calibrate::CalibrationParams::default().min_words,
    };
    let mut scores = |texts: &[String]| -> Vec<f64> {
        let long = texts.iter().filter(|text| text.split_whitespace().count() >= min_words);
        long.map(|text| scorer.score(text).score).collect()
    };
    let corpus = scores(&texts);
    let (human, machine) = call.sides.read()?;
    let (human, machine) = (scores(&human), scores(&machine));
    let mut line = json!({ "n_texts": texts.len(), "n_counted": corpus.len(), "min_words": min_words });
    let bad = |e: gristmill_detectors::eval::BadScores| RunError::Usage(e.to_string());
    let found = match (&passport.calibration, human.is_empty() && machine.is_empty()) {
        (_, false) => {
            let reference = Reference { human: &human, machine: &machine };
            let found = from_scores(reference, &corpus, &call.params).map_err(bad)?;
            let n = (human.len(), machine.len());
            let why =
                format!("of {min_words} words and more there are {} human and {} machine texts to go by", n.0, n.1);
            found.ok_or(why)
        }
        (Calibration::Calibrated(table), true) => match (&table.probability, table.machine_ratio) {
            (Some(map), Some(prior)) => {
                let probabilities: Option<Vec<f64>> = corpus.iter().map(|score| map.probability(*score)).collect();
                let probabilities = probabilities.unwrap_or_default();
                from_probabilities(&probabilities, prior, &call.params.bootstrap).map_err(bad)?.ok_or_else(empty)
            }
            _ => {
                Err("the model is calibrated on human texts alone: `detect calibrate` it with --machine too, or give \
                      --human and --machine here"
                    .into())
            }
        },
        (Calibration::Uncalibrated, true) => Err(
            "the model has seen no text of yours: `detect calibrate` it with --human and --machine, or give both here"
                .into(),
        ),
    };
    let found = if corpus.is_empty() { Err(empty()) } else { found };
    match found {
        Ok(MachineShare { share, interval, .. }) => {
            line["machine_ratio"] = json!(share);
            line["interval"] = json!(interval.map(|interval| [interval.low, interval.high]));
            line["level"] = json!(call.params.bootstrap.level);
        }
        Err(why) => {
            line["machine_ratio"] = json!(null);
            line["why_not"] = json!(why);
        }
    }
    Ok(line.to_string())
}

fn empty() -> String {
    "there is no text long enough to count".into()
}
