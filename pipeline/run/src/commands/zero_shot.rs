//! `gristmill detect zero-shot FILES [--config C --worker W] --scores …`: scores without training.

use std::fmt::Write;
use std::path::PathBuf;

use futures::StreamExt;
use gristmill_detectors::machine::compress::{CompressionParams, Preludes};
use gristmill_detectors::machine::normalise::Normaliser;
use gristmill_detectors::machine::scores::{Basis, Measured};
use gristmill_detectors::machine::zero_shot::{TextScores, Witnesses, ZeroShot, ZeroShotParams};
use gristmill_lm::error::Action;
use gristmill_lm::{WorkerError, Workers};
use serde_json::{Map, Value, json};

use super::detect::read;
use crate::RunError;
use crate::config::Config;
use crate::evaluation::{TABLES, check_name, continue_prompt};

/// Texts in hand at a time; the worker's own pool decides how many requests go out.
const ASKED_AT_ONCE: usize = 16;
/// The score that needs no worker.
const COMPRESSION: &str = "compression";

/// What is scored by what.
#[derive(Debug, Clone)]
pub struct ZeroShotCall {
    /// Files of texts.
    pub files: Vec<PathBuf>,
    /// Field of the text.
    pub field: Option<String>,
    /// Config whose workers are used; none for compression alone.
    pub config: Option<PathBuf>,
    /// The worker that scores; none for the run's.
    pub worker: Option<String>,
    /// A second worker with the same tokenizer.
    pub second: Option<String>,
    /// Names of scores; none for all that need no further requests.
    pub scores: Vec<String>,
    /// Files of machine texts that the compressor reads first; without any files the embedded texts are read.
    pub machine_texts: Vec<PathBuf>,
    /// Files of human texts that it reads first.
    pub human_texts: Vec<PathBuf>,
    /// What is asked and how it is computed.
    pub params: ZeroShotParams,
}

/// Scores texts: a JSON line each; a score that could not be had is null and says why.
///
/// # Errors
/// When a file cannot be read, a score is unknown, a worker is refused, or it can do nothing more.
pub async fn zero_shot(call: &ZeroShotCall) -> Result<String, RunError> {
    let texts = read(&call.files, call.field.as_deref())?;
    let mut lines: Vec<Map<String, Value>> =
        (1..=texts.len()).map(|row| [("row".to_owned(), json!(row))].into_iter().collect()).collect();
    let is_compressed = call.scores.iter().any(|name| name == COMPRESSION);
    let names: Vec<String> = call.scores.iter().filter(|name| *name != COMPRESSION).cloned().collect();
    for name in &names {
        check_name(name).map_err(|e| RunError::Usage(format!("--scores: {e}; and {COMPRESSION}")))?;
    }
    if !names.is_empty() || !is_compressed {
        ask(call, &names, &texts, &mut lines).await?;
    }
    if is_compressed {
        compress(call, &texts, &mut lines)?;
    }
    let mut out = String::new();
    for line in lines {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", Value::Object(line));
    }
    Ok(out.trim_end().to_owned())
}

fn compress(call: &ZeroShotCall, texts: &[String], lines: &mut [Map<String, Value>]) -> Result<(), RunError> {
    let machine = read(&call.machine_texts, call.field.as_deref())?;
    let human = read(&call.human_texts, call.field.as_deref())?;
    let preludes = match machine.is_empty() && human.is_empty() {
        true => Preludes::embedded(),
        false => Preludes::new(machine.iter().map(String::as_str), human.iter().map(String::as_str)),
    };
    // The compressor knows no tokens: its words are held to the limit of theirs.
    let (min_words, max_words) = (call.params.arithmetic.min_tokens, call.params.max_words);
    let params = CompressionParams { min_words, max_words, ..CompressionParams::default() };
    let (mut scorer, normaliser) = (preludes.scorer(), Normaliser::default());
    for (text, line) in texts.iter().zip(lines) {
        match scorer.measure(&normaliser.apply(text).text, &params) {
            Ok(found) => {
                if found.is_cut {
                    line.insert("is_cut".into(), json!(true));
                }
                line.insert(COMPRESSION.into(), json!(found.score));
                line.insert("bits_per_byte".into(), json!(found.alone));
            }
            Err(n_words) => abstain(line, COMPRESSION, &too_few_words(n_words, min_words)),
        }
    }
    Ok(())
}

async fn ask(
    call: &ZeroShotCall,
    names: &[String],
    texts: &[String],
    lines: &mut [Map<String, Value>],
) -> Result<(), RunError> {
    let usage = |e: &dyn std::fmt::Display| RunError::Usage(e.to_string());
    let path = call.config.as_ref().ok_or_else(|| {
        RunError::Usage(format!("these scores need a worker: give --config and --worker, or --scores {COMPRESSION}"))
    })?;
    let config = Config::load_with(path, &[], TABLES)?;
    let name = call.worker.clone().or(config.run.worker.clone());
    let name = name.or_else(|| config.workers.keys().next().cloned());
    let name = name.ok_or_else(|| RunError::Usage(format!("{} names no [worker.NAME]", path.display())))?;
    let workers = Workers::new(config.workers, None);
    // An embedded model without files of its own is not fitted on the texts: it would know them by heart.
    let worker = workers.open(&name, &[]).await.map_err(|e| usage(&e))?;
    let second = match &call.second {
        Some(second) => Some(workers.open(second, &[]).await.map_err(|e| usage(&e))?),
        None => None,
    };
    let prompt = continue_prompt()?;
    let witnesses = Witnesses { worker: worker.as_ref(), second: second.as_deref(), prompt: &prompt };
    let zero_shot = ZeroShot::new(witnesses, names, call.params.clone()).await.map_err(|e| usage(&e))?;
    let asked = futures::stream::iter(texts.iter().map(|text| zero_shot.measure(text)));
    let mut answers = asked.buffered(ASKED_AT_ONCE).zip(futures::stream::iter(lines));
    while let Some((answer, line)) = answers.next().await {
        match answer {
            Err(error) if error.failure.action() == Action::StopWorker => return Err(usage(&error)),
            answer => tell(&zero_shot, answer, line),
        }
    }
    Ok(())
}

/// Puts the scores of a text into its line.
fn tell(zero_shot: &ZeroShot<'_>, answer: Result<TextScores, WorkerError>, line: &mut Map<String, Value>) {
    let found = match answer {
        Ok(found) => found,
        Err(error) => {
            zero_shot.scores().iter().for_each(|score| abstain(line, score.name, &error.to_string()));
            return;
        }
    };
    if found.is_cut {
        line.insert("is_cut".into(), json!(true));
    }
    for (score, outcome) in found.outcomes {
        match outcome {
            Err(why) => abstain(line, score.name, &why.to_string()),
            Ok(measured) => {
                line.insert(score.name.into(), json!(measured.value));
                about(line, score.name, &measured);
            }
        }
    }
}

/// What a score stands on, where that is not all that it needs.
fn about(line: &mut Map<String, Value>, name: &str, measured: &Measured) {
    // Scores of continuations look at the second half only.
    let most = line.get("n_tokens").and_then(Value::as_u64).unwrap_or(0).max(measured.n_tokens as u64);
    line.insert("n_tokens".into(), json!(most));
    if let Basis::GeometricTail { estimated_ratio, bounds } = measured.basis {
        let mut told = json!({ "tail": "geometric", "estimated_ratio": estimated_ratio });
        if let Some((low, high)) = bounds {
            told["bounds"] = json!([low, high]);
        }
        below(line, "estimated")[name] = told;
    }
}

/// Why a text has no score by compression.
pub(crate) fn too_few_words(n_words: usize, min_words: usize) -> String {
    format!("expected at least {min_words} words, found {n_words}")
}

fn abstain(line: &mut Map<String, Value>, name: &str, why: &str) {
    line.insert(name.to_owned(), Value::Null);
    below(line, "why_not")[name] = json!(why);
}

fn below<'a>(line: &'a mut Map<String, Value>, key: &str) -> &'a mut Value {
    line.entry(key.to_owned()).or_insert_with(|| json!({}))
}
