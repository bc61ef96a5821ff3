//! Audits: two sides of rows become a page that reads as findings.

mod page;
mod rows;
mod stage;
mod written;

use std::path::{Path, PathBuf};

use gristmill_core::measures::verb_noun::verb_noun;
use gristmill_detectors::artifact::{
    Audit, Bands, DetectorAccuracy, EvalSet, Inputs, MachineShare, Params, Side, audit,
};
use gristmill_detectors::calibrate::Calibration;
use gristmill_detectors::calibrate::prevalence::from_probabilities;
use gristmill_detectors::eval::bootstrap::BootstrapParams;
use gristmill_detectors::eval::delong::{Sides, standard_error};
use gristmill_detectors::leak_probe::leak_probe;

use crate::RunError;
pub use page::page;
pub use rows::{DataKind, Keys, normalise, read_side, texts};
pub(crate) use rows::{text_of, values_of};
pub use stage::{AuditParams, TABLES};
pub use written::{Written, finish, write};
pub(crate) use written::{hold, of_run};

/// What an audit is given beside the two sides.
#[derive(Debug, Clone, Default)]
pub struct AuditOptions {
    /// Seed of samples and intervals.
    pub seed: u64,
    /// A preset of limits instead of the built-in one.
    pub bands: Option<PathBuf>,
    /// A detector: its accuracy on the two sides, and its estimate of the machine share.
    pub detector: Option<PathBuf>,
    /// The language declared for the rows, an ISO 639-3 code.
    pub language: Option<String>,
    /// Files of seeds that the rows were made from: copies of them are found.
    pub seeds: Vec<PathBuf>,
    /// Files of evaluation sets that the rows must not hold.
    pub eval_sets: Vec<PathBuf>,
    /// Files of prompts that made the rows: runs of their words in the rows are leaks.
    pub prompts: Vec<PathBuf>,
    /// All labels in their order, where they have one.
    pub label_order: Vec<String>,
    /// The key whose value is a row's slice: source model, prompt template, topic.
    pub slice: Option<String>,
    /// The key whose value is a row's split: held-out rows that stand in `train` are found.
    pub split: Option<String>,
}

/// Compares two sides; the reference (human) first.
///
/// # Errors
/// When a file of the options cannot be read, or the sides are of different types.
pub fn compare_sides(reference: &Side, candidate: &Side, options: &AuditOptions) -> Result<Audit, RunError> {
    let usage = |e: String| RunError::Usage(e);
    let bands = match &options.bands {
        None => Bands::shipped().map_err(|e| usage(e.to_string()))?,
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|e| usage(format!("cannot read the limits {}: {e}", path.display())))?;
            Bands::parse(&text).map_err(|e| usage(format!("{}: {e}", path.display())))?
        }
    };
    let (human, made) = (texts(reference), texts(candidate));
    let seeds: Vec<String> = options.seeds.iter().map(|path| read_texts(path)).collect::<Result<Vec<_>, _>>()?.concat();
    let mut eval_sets = Vec::new();
    for path in &options.eval_sets {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        eval_sets.push(EvalSet { name, items: read_texts(path)? });
    }
    let mut prompts = Vec::new();
    for path in &options.prompts {
        let read = std::fs::read_to_string(path);
        prompts.push(read.map_err(|e| usage(format!("cannot read the prompt {}: {e}", path.display())))?);
    }
    let (detector, machine_share) = match &options.detector {
        Some(model) => detected(model, &human, &made)?,
        None => (None, None),
    };
    let language_of = |text: &str| {
        let found = whatlang::detect(text).filter(whatlang::Info::is_reliable)?;
        Some(found.lang().code().to_owned())
    };
    let inputs = Inputs {
        leak_probe: leak_probe(&human, &made),
        machine_share,
        detector,
        seeds: &seeds,
        eval_sets: &eval_sets,
        prompts: &prompts,
        label_order: &options.label_order,
        language: options.language.as_deref(),
        language_of: Some(&language_of),
        verb_noun_of: Some(&verb_noun),
    };
    let params = Params { seed: options.seed, ..Params::default() };
    audit(reference, candidate, &inputs, &params, &bands).map_err(|e| usage(e.to_string()))
}

/// The texts of a file: instructions, questions or whole texts, whichever its rows have.
fn read_texts(path: &Path) -> Result<Vec<String>, RunError> {
    let values = rows::values_of(path, None)?;
    let of = |value: &serde_json::Value| {
        let keys = ["text", "instruction", "question", "prompt"];
        let found = value.as_str().or_else(|| keys.iter().find_map(|key| value.get(*key)?.as_str()));
        found.unwrap_or_default().to_owned()
    };
    Ok(values.iter().map(of).filter(|text| !text.is_empty()).collect())
}

/// What a detector makes of the two sides.
fn detected(
    model: &Path,
    human: &[String],
    made: &[String],
) -> Result<(Option<DetectorAccuracy>, Option<MachineShare>), RunError> {
    let (detector, passport) = crate::commands::detect::load(model)?;
    let mut scorer = detector.scorer();
    let mut scores = |texts: &[String]| texts.iter().map(|text| scorer.score(text).score).collect::<Vec<f64>>();
    let (human, made) = (scores(human), scores(made));
    let bug = |e: &dyn std::fmt::Display| RunError::Usage(e.to_string());
    let accuracy = standard_error(Sides { human: &human, machine: &made }).map_err(|e| bug(&e))?;
    let accuracy = accuracy.map(|(auroc, error)| DetectorAccuracy {
        auroc,
        low: (auroc - 1.96 * error).max(0.0),
        high: (auroc + 1.96 * error).min(1.0),
        detector: passport.name.clone(),
    });
    // Scores are log-odds for as many texts of either side.
    let probabilities: Vec<f64> = made.iter().map(|score| 1.0 / (1.0 + (-score).exp())).collect();
    let share = from_probabilities(&probabilities, 0.5, &BootstrapParams::default()).map_err(|e| bug(&e))?;
    let share = share.map(|found| MachineShare {
        share: found.share,
        low: found.interval.map_or(found.share, |interval| interval.low),
        high: found.interval.map_or(found.share, |interval| interval.high),
        n_docs: found.n_docs as usize,
        detector: passport.name.clone(),
        is_calibrated: passport.calibration != Calibration::Uncalibrated,
    });
    Ok((accuracy, share))
}
