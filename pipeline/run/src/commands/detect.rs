//! `gristmill detect score|train|calibrate`: machine text, told by a detector of your own.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use gristmill_core::error::Error;
use gristmill_detectors::artifact::Bands;
use gristmill_detectors::calibrate::{
    Abstain, Calibration, CalibrationParams, CalibrationRow, CalibrationTable, ProbabilityMethod, Verdict,
};
use gristmill_detectors::leak_probe::leak_probe;
use gristmill_detectors::machine::detector::{Detector, DetectorParams, Score};
use gristmill_detectors::machine::detector_file::Passport;
use gristmill_detectors::machine::sentences::{PartScores, SentenceScore, WindowParams, score_parts};
use gristmill_detectors::model_file::{TrainingSource, card};
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use crate::RunError;
use crate::audit::{text_of, values_of};
use crate::plan::write_whole;

/// Characters of a sentence that are shown.
const SENTENCE_CHARS: usize = 200;

/// Human and machine texts, and how they are read.
#[derive(Debug, Clone, Default)]
pub struct Sides {
    /// Files of human texts.
    pub human: Vec<PathBuf>,
    /// Field of the text in them.
    pub human_field: Option<String>,
    /// Files of machine texts.
    pub machine: Vec<PathBuf>,
    /// Field of the text in them.
    pub machine_field: Option<String>,
}

impl Sides {
    /// The texts of both sides.
    pub(super) fn read(&self) -> Result<(Vec<String>, Vec<String>), RunError> {
        let human = read(&self.human, self.human_field.as_deref())?;
        Ok((human, read(&self.machine, self.machine_field.as_deref())?))
    }
}

/// The texts of files, in order. A file that has rows and not one text under the field is refused: it would be read as
/// so many empty texts.
pub(crate) fn read(files: &[PathBuf], field: Option<&str>) -> Result<Vec<String>, RunError> {
    let key = field.unwrap_or("text");
    let mut texts = Vec::new();
    for file in files {
        let rows = values_of(file, field).map_err(|error| of_lists(file).unwrap_or(error))?;
        let has_text = |row: &Value| row.is_string() || row.get(key).is_some_and(Value::is_string);
        if !rows.is_empty() && !rows.iter().any(has_text) {
            return Err(RunError::Usage(format!(
                "{}: no row has a text under `{key}`; {}",
                file.display(),
                kind_of(&rows[0])
            )));
        }
        texts.extend(rows.iter().map(|row| text_of(row, field)));
    }
    Ok(texts)
}

/// A better complaint about a file that is one object of lists, one of which was to be named.
fn of_lists(file: &Path) -> Option<RunError> {
    let Value::Object(lists) = serde_json::from_slice(&fs::read(file).ok()?).ok()? else { return None };
    let lists: Vec<&str> = lists.iter().filter(|(_, list)| list.is_array()).map(|(name, _)| name.as_str()).collect();
    let (file, lists) = (file.display(), lists.join(", "));
    Some(RunError::Usage(format!(
        "{file}: one JSON object, not lines of them; name one of its lists as the field: {lists}"
    )))
}

/// What a row is that is no text: for errors.
fn kind_of(row: &Value) -> String {
    match row {
        Value::Object(keys) if keys.is_empty() => "the first is empty".into(),
        Value::Object(keys) => {
            let keys: Vec<&str> = keys.keys().map(String::as_str).collect();
            format!("the first has {}: name the right one as the field", keys.join(", "))
        }
        Value::Array(_) => "the first is a list".into(),
        Value::Null => "the first is null".into(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => format!("the first is {row}"),
    }
}

pub(crate) fn load(model: &Path) -> Result<(Detector, Passport), RunError> {
    let refuse = |cause: String| RunError::Usage(format!("{}: {cause}", model.display()));
    let bytes = fs::read(model).map_err(|e| refuse(format!("cannot be read: {e}")))?;
    Detector::from_bytes(&bytes).map_err(|e| refuse(e.to_string()))
}

pub(super) fn save(detector: &Detector, passport: &Passport, out: &Path) -> Result<String, RunError> {
    let bytes = detector.to_bytes(passport).map_err(|e| Error::Bug(e.to_string()))?;
    write_whole(out, &bytes)?;
    let beside = out.with_extension("md");
    write_whole(&beside, card(&detector.model(passport)).as_bytes())?;
    Ok(format!("{} ({} KB), its card in {}", out.display(), bytes.len() / 1000, beside.display()))
}

/// What formatting alone tells, in a sentence; empty when it tells nothing.
fn warning(human: &[String], machine: &[String]) -> String {
    let limit = Bands::shipped().ok().and_then(|bands| bands.alarm("leak_probe").above);
    match leak_probe(human, machine)
        .as_ref()
        .and_then(|probe| probe.worst().map(|(name, auroc)| (name.to_owned(), auroc)))
    {
        Some((name, auroc)) if limit.is_some_and(|limit| (auroc - 0.5).abs() > limit - 0.5) => format!(
            "warning: {name} alone tells the sides apart (AUROC {auroc:.2}); the detector reads normalised text, but check \
             how the files were made\n"
        ),
        _ => String::new(),
    }
}

/// What belongs together when texts are dealt into folds: the pair of the same place, where both sides are as long.
pub(super) fn groups(n_human: usize, n_machine: usize) -> Vec<u64> {
    let first = if n_human == n_machine { 0 } else { n_human as u64 };
    (0..n_human as u64).chain((0..n_machine as u64).map(|i| first + i)).collect()
}

/// Fits a detector on two sides and writes it with its card.
///
/// # Errors
/// When a file cannot be read or a side is too small.
pub fn train(sides: &Sides, head: &str, name: &str, out: &Path) -> Result<String, RunError> {
    let (human, machine) = sides.read()?;
    let mut told = warning(&human, &machine);
    let all: Vec<&str> = human.iter().chain(&machine).map(String::as_str).collect();
    let labels: Vec<bool> = (0..all.len()).map(|i| i >= human.len()).collect();
    let detector = Detector::fit(&all, &labels, &groups(human.len(), machine.len()), DetectorParams::default())
        .map_err(|e| RunError::Usage(e.to_string()))?;
    let file = |path: &PathBuf| path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let training = TrainingSource {
        name: sides.human.iter().chain(&sides.machine).map(file).collect::<Vec<_>>().join(", "),
        n_human: human.len() as u64,
        n_machine: machine.len() as u64,
        ..TrainingSource::default()
    };
    let passport =
        Passport { name: name.to_owned(), head: head.to_owned(), training: vec![training], ..Passport::default() };
    let _ = write!(told, "trained on {} human and {} machine texts: ", human.len(), machine.len());
    told.push_str(&save(&detector, &passport, out)?);
    told.push_str("\nit has seen no human text of yours: calibrate it before it may say more than a score");
    Ok(told)
}

/// Sets a detector's thresholds by human text of the user's own kind; with machine text too, its probabilities.
///
/// # Errors
/// When a file cannot be read.
pub fn calibrate(model: (Detector, Passport), sides: &Sides, domain: &str, out: &Path) -> Result<String, RunError> {
    let (detector, mut passport) = model;
    let (human, machine) = sides.read()?;
    let mut scorer = detector.scorer();
    let row = |(text, machine): (&String, bool)| CalibrationRow {
        score: scorer.score(text).score,
        machine,
        group: xxh3_64(text.as_bytes()),
        domain,
        n_words: text.split_whitespace().count(),
    };
    let both = human.iter().map(|text| (text, false)).chain(machine.iter().map(|text| (text, true)));
    let rows: Vec<CalibrationRow<'_>> = both.map(row).collect();
    // A sigmoid: machine texts are seldom many.
    let probability = if machine.is_empty() { None } else { Some(ProbabilityMethod::Platt) };
    let params = CalibrationParams { probability, ..CalibrationParams::default() };
    let table = CalibrationTable::fit(&rows, &params).map_err(|e| Error::Bug(e.to_string()))?;
    let threshold = table.entry(domain, params.min_words).and_then(|entry| entry.machine_above.as_ref());
    let told = match threshold {
        Some(bound) => format!(
            "calibrated on {} human and {} machine texts; at most 1 % of such human texts score above {:.3}",
            human.len(),
            machine.len(),
            bound.threshold
        ),
        None => format!(
            "{} human texts of {} words and more are too few for a threshold at 1 %: there will be no verdicts",
            rows.iter().filter(|row| !row.machine && row.n_words >= params.min_words).count(),
            params.min_words
        ),
    };
    passport.calibration = Calibration::Calibrated(table);
    Ok(format!("{told}\n{}", save(&detector, &passport, out)?))
}

/// Sentences with the mean of the windows that hold them, and how much of the text lies above the domain's threshold.
fn tell_parts(
    text: &str,
    parts: &PartScores,
    calibration: &Calibration,
    domain: &str,
    windows: WindowParams,
    line: &mut Value,
) {
    let sentence = |part: &SentenceScore| {
        let shown: String = text[part.bytes.clone()].chars().take(SENTENCE_CHARS).collect();
        json!({ "text": shown, "bytes": [part.bytes.start, part.bytes.end], "score": part.score })
    };
    line["sentences"] = parts.sentences.iter().map(sentence).collect();
    if let Some(window) = parts.highest() {
        let (bytes, sentences) = (&window.bytes, &window.sentences);
        line["highest_window"] = json!({
            "score": window.score,
            "sentences": [sentences.start + 1, sentences.end],
            "bytes": [bytes.start, bytes.end],
        });
    }
    let threshold = match calibration {
        Calibration::Calibrated(table) => {
            table.entry(domain, windows.min_words).and_then(|entry| entry.machine_above.as_ref())
        }
        Calibration::Uncalibrated => None,
    };
    line["machine_ratio"] = json!(threshold.map(|bound| parts.share_above(bound.threshold)));
    if threshold.is_none() {
        line["why_no_ratio"] = json!("there is no threshold for windows of this length: calibrate the model");
    }
}

/// What is scored, by whatever detector.
#[derive(Debug, Clone)]
pub struct ScoreCall {
    /// Files of texts.
    pub files: Vec<PathBuf>,
    /// Field of the text.
    pub field: Option<String>,
    /// Words below which a text has no score.
    pub min_words: usize,
    /// Reasons given for each text.
    pub n_reasons: usize,
}

/// Scores texts: a JSON line each, with a verdict where the detector may give one, and its reasons.
///
/// # Errors
/// When a file cannot be read.
pub fn score(model: &Path, call: &ScoreCall, domain: &str, windows: Option<WindowParams>) -> Result<String, RunError> {
    let (detector, passport) = load(model)?;
    let mut scorer = detector.scorer();
    let mut out = String::new();
    for (i, text) in read(&call.files, call.field.as_deref())?.iter().enumerate() {
        let n_words = text.split_whitespace().count();
        let mut line = json!({ "row": i + 1, "n_words": n_words, "score": null, "ngram": null, "style": null });
        let mut verdict = Verdict::Abstain(Abstain::TooShort { n_words, min_words: call.min_words });
        if n_words >= call.min_words {
            let Score { score, ngram, style } = scorer.score(text);
            (line["score"], line["ngram"], line["style"]) = (json!(score), json!(ngram), json!(style));
            verdict = passport.calibration.verdict(score, domain, n_words);
            if let Some(probability) = passport.calibration.probability(score) {
                line["probability"] = json!(probability);
            }
            if call.n_reasons > 0 {
                line["reasons"] = json!(detector.reasons(text, call.n_reasons));
            }
        }
        line["verdict"] = match verdict {
            Verdict::Machine => json!("machine"),
            Verdict::Human => json!("human"),
            Verdict::Abstain(_) => json!(null),
        };
        if let Verdict::Abstain(why) = verdict {
            line["why_not"] = json!(why);
        }
        if let Some(windows) = windows.filter(|_| n_words >= call.min_words) {
            let parts = score_parts(text, windows, |part| scorer.score(part).score);
            tell_parts(text, &parts, &passport.calibration, domain, windows, &mut line);
        }
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{line}");
    }
    Ok(out.trim_end().to_owned())
}
