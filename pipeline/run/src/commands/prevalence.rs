//! `gristmill detect prevalence --model M FILES`: how much of a corpus a machine wrote, without a verdict on any text.

use std::path::PathBuf;

use gristmill_detectors::calibrate::prevalence::{Reference, from_scores};
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
    let kept = match &passport.calibration {
        Calibration::Calibrated(table) => table.reference.as_ref(),
        Calibration::Uncalibrated => None,
    };
    let given = !call.sides.human.is_empty() || !call.sides.machine.is_empty();
    let found = match (given, kept, &passport.calibration) {
        (true, ..) => share(&human, &machine, &corpus, &call.params)?,
        (false, Some(kept), _) => share(&kept.human, &kept.machine, &corpus, &call.params)?,
        (false, None, Calibration::Calibrated(_)) => Err("the model is calibrated on human texts alone: `detect \
             calibrate` it with --machine too, or give --human and --machine here"
            .into()),
        (false, None, Calibration::Uncalibrated) => {
            Err("the model has seen no text of yours: `detect calibrate` it with \
             --human and --machine, or give both here"
                .into())
        }
    };
    let found = if corpus.is_empty() { Err("there is no text long enough to count".to_owned()) } else { found };
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

/// The share, or why there is none.
fn share(
    human: &[f64],
    machine: &[f64],
    corpus: &[f64],
    params: &PrevalenceParams,
) -> Result<Result<MachineShare, String>, RunError> {
    let found =
        from_scores(Reference { human, machine }, corpus, params).map_err(|e| RunError::Usage(e.to_string()))?;
    let (human, machine) = (human.len(), machine.len());
    Ok(found.ok_or_else(|| format!("there are {human} human and {machine} machine texts long enough to go by")))
}
