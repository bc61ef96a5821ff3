//! `gristmill detect bootstrap`: human texts and a worker become a calibrated detector of that worker's text.
//!
//! A pipeline that makes text has what a detector wants: human text of its own domain, and the model whose text is to be
//! found. The worker continues the beginning of each human text; both sides are cut to the same number of words; pairs
//! are dealt into a part to learn from and a part held out, from which come the figures and the thresholds.

use std::fmt::Write;
use std::path::PathBuf;

use futures::StreamExt;
use gristmill_core::error::Error;
use gristmill_detectors::calibrate::{
    Calibration, CalibrationParams, CalibrationRow, CalibrationTable, ProbabilityMethod,
};
use gristmill_detectors::eval::Curve;
use gristmill_detectors::leak_probe::leak_probe;
use gristmill_detectors::machine::detector::{Detector, DetectorParams, LEAST_TEXTS};
use gristmill_detectors::machine::detector_file::Passport;
use gristmill_detectors::machine::normalise::Level;
use gristmill_detectors::model_file::{Figure, TrainingSource};
use gristmill_generators::kit::Template;
use gristmill_lm::{CompletionRequest, Prompt, Sampling, Worker, Workers};
use serde_json::json;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::detect::{read, save};
use crate::RunError;
use crate::config::Config;

/// Requests in flight here; the worker's own pool decides how many go out.
const ASKED_AT_ONCE: usize = 64;
/// Tokens allowed for each word that is wanted.
const TOKENS_PER_WORD: f64 = 1.6;
/// Of ten pairs, those to learn from; the others are held out.
const LEARNT_OF_TEN: u64 = 6;

/// What is made from what.
#[derive(Debug, Clone)]
pub struct BootstrapCall {
    /// Config whose workers are used.
    pub config: PathBuf,
    /// The worker whose text is to be found; none for the run's.
    pub worker: Option<String>,
    /// Files of human texts.
    pub human: Vec<PathBuf>,
    /// Field of the text.
    pub field: Option<String>,
    /// Most texts used.
    pub n: usize,
    /// Words of each human text that the worker sees and that both sides share.
    pub start_words: usize,
    /// Fewest words of a human text.
    pub least_words: usize,
    /// Family of writers: chat or base.
    pub head: String,
    /// Name of the domain, for the thresholds.
    pub domain: String,
    /// Where the model goes.
    pub out: PathBuf,
}

/// A human text and what the worker made of its beginning, without the beginning and equally long.
struct Pair {
    human: String,
    machine: String,
}

/// Makes the pairs, learns, measures, calibrates and writes the model with its card.
///
/// # Errors
/// When files cannot be read, the worker stops answering, or too few pairs come about.
pub async fn bootstrap(call: &BootstrapCall) -> Result<String, RunError> {
    let config = Config::load_workers(&call.config)?;
    let name = call.worker.clone().or(config.run.worker.clone());
    let name = name.or_else(|| config.workers.keys().next().cloned());
    let name = name.ok_or_else(|| RunError::Usage(format!("{} names no [worker.NAME]", call.config.display())))?;
    let humans: Vec<String> = read(&call.human, call.field.as_deref())?
        .into_iter()
        .map(|text| Level::N2.apply(&text).into_owned())
        .filter(|text| text.split_whitespace().count() >= call.least_words)
        .take(call.n)
        .collect();
    let workers = Workers::new(config.workers, Some(call.out.with_extension("replies")));
    let documents: Vec<&str> = humans.iter().map(String::as_str).collect();
    let worker = workers.open(&name, &documents).await.map_err(|e| RunError::Usage(e.to_string()))?;
    let (pairs, failed) = pairs(call, &humans, worker.as_ref()).await?;
    if pairs.len() < 4 * LEAST_TEXTS {
        let why = failed.first().map_or_else(String::new, |first| format!("; the first failure: {first}"));
        return Err(RunError::Usage(format!(
            "{} pairs of {} texts with {} words and more are too few to learn from and to measure: {} are needed{why}",
            pairs.len(),
            humans.len(),
            call.least_words,
            4 * LEAST_TEXTS
        )));
    }
    let mut told = format!("{} pairs from {} texts, {} requests failed\n", pairs.len(), humans.len(), failed.len());
    told.push_str(&learn(call, &name, worker.as_ref(), &pairs)?);
    Ok(told)
}

/// Asks for a continuation of every text.
async fn pairs(
    call: &BootstrapCall,
    humans: &[String],
    worker: &dyn Worker,
) -> Result<(Vec<Pair>, Vec<String>), RunError> {
    let template = Template::new(include_str!("../../../../configs/prompts/detect/continue.j2"));
    let template = template.map_err(Error::Bug)?;
    let mut requests = Vec::with_capacity(humans.len());
    for text in humans {
        let words: Vec<&str> = text.split_whitespace().collect();
        let n_words = words.len() - call.start_words.min(words.len());
        let start = words[..words.len() - n_words].join(" ");
        let prompt = template.render(&json!({ "start": start, "n_words": n_words })).map_err(Error::Bug)?;
        let max_tokens = (n_words as f64 * TOKENS_PER_WORD).ceil() as u32;
        let sampling = Sampling { temperature: 0.8, max_tokens, seed: Some(0), ..Sampling::default() };
        // Models that only continue text get the beginning itself.
        let prompt = if call.head == "base" { Prompt::Text(start) } else { Prompt::user(prompt) };
        requests.push(CompletionRequest::new(prompt, sampling));
    }
    let asked = futures::stream::iter(requests.iter().map(|request| worker.complete(request)));
    let replies: Vec<_> = asked.buffered(ASKED_AT_ONCE).collect().await;
    let (mut pairs, mut failed) = (Vec::new(), Vec::new());
    for (text, reply) in humans.iter().zip(replies) {
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => {
                failed.push(error.to_string());
                continue;
            }
        };
        let made = Level::N2.apply(&reply.text).into_owned();
        let human: Vec<&str> = text.split_whitespace().skip(call.start_words).collect();
        let machine: Vec<&str> = made.split_whitespace().collect();
        let n = human.len().min(machine.len());
        if n >= call.start_words {
            pairs.push(Pair { human: human[..n].join(" "), machine: machine[..n].join(" ") });
        }
    }
    Ok((pairs, failed))
}

/// Learns from some pairs, measures and calibrates on the others, and writes the model.
fn learn(call: &BootstrapCall, name: &str, worker: &dyn Worker, pairs: &[Pair]) -> Result<String, RunError> {
    let is_learnt = |pair: &Pair| xxh3_64_with_seed(pair.human.as_bytes(), 0) % 10 < LEARNT_OF_TEN;
    let (learnt, held): (Vec<&Pair>, Vec<&Pair>) = pairs.iter().partition(|pair| is_learnt(pair));
    let (humans, machines): (Vec<&str>, Vec<&str>) =
        pairs.iter().map(|pair| (pair.human.as_str(), pair.machine.as_str())).unzip();
    let mut told = String::new();
    if let Some((scalar, auroc)) = leak_probe(&humans, &machines).as_ref().and_then(|probe| probe.worst()) {
        // Writing to a String cannot fail.
        let _ = writeln!(told, "leak probe: {scalar} tells the sides apart best, AUROC {auroc:.2}");
    }
    let texts: Vec<&str> = learnt.iter().flat_map(|pair| [pair.human.as_str(), pair.machine.as_str()]).collect();
    let labels: Vec<bool> = (0..texts.len()).map(|i| i % 2 == 1).collect();
    let groups: Vec<u64> = (0..texts.len() as u64).map(|i| i / 2).collect();
    let detector = Detector::fit(&texts, &labels, &groups, DetectorParams::default())
        .map_err(|e| RunError::Usage(e.to_string()))?;
    let (figures, table) = measure(call, &detector, &held, &mut told)?;
    let training = TrainingSource {
        name: format!("{} human texts and their counterparts", learnt.len()),
        domains: vec![call.domain.clone()].into_iter().filter(|domain| !domain.is_empty()).collect(),
        source_models: vec![worker.identity().model],
        n_human: learnt.len() as u64,
        n_machine: learnt.len() as u64,
        ..TrainingSource::default()
    };
    let passport = Passport {
        name: format!("bootstrap against {name}"),
        head: call.head.clone(),
        training: vec![training],
        figures,
        calibration: Calibration::Calibrated(table),
        ..Passport::default()
    };
    told.push_str(&save(&detector, &passport, &call.out)?);
    Ok(told)
}

/// Measures and calibrates a detector on the pairs held out, and says what came of it.
fn measure(
    call: &BootstrapCall,
    detector: &Detector,
    held: &[&Pair],
    told: &mut String,
) -> Result<(Vec<Figure>, CalibrationTable), RunError> {
    let bug = |e: &dyn std::fmt::Display| RunError::from(Error::Bug(e.to_string()));
    let mut scorer = detector.scorer();
    let (mut human, mut machine, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for (group, pair) in (0..).zip(held) {
        for (text, is_machine) in [(&pair.human, false), (&pair.machine, true)] {
            let score = scorer.score(text).score;
            if is_machine { &mut machine } else { &mut human }.push(score);
            let n_words = text.split_whitespace().count();
            rows.push(CalibrationRow { score, machine: is_machine, group, domain: &call.domain, n_words });
        }
    }
    let curve = Curve::of(&human, &machine).map_err(|e| bug(&e))?;
    let figure = |measure: &str, value: Option<f64>| {
        let on = "held-out pairs of this domain".to_owned();
        value.map(|value| Figure { measure: measure.into(), on, value, interval: None, n_docs: held.len() as u64 })
    };
    let tpr = curve.at_fpr(0.01).and_then(|point| point.tpr);
    let figures: Vec<Figure> =
        [figure("AUROC", curve.auroc()), figure("TPR at 1 % FPR", tpr)].into_iter().flatten().collect();
    for figure in &figures {
        // Writing to a String cannot fail.
        let _ = writeln!(told, "{}: {:.3} on {} held-out pairs", figure.measure, figure.value, held.len());
    }
    let params = CalibrationParams { probability: Some(ProbabilityMethod::Platt), ..CalibrationParams::default() };
    let table = CalibrationTable::fit(&rows, &params).map_err(|e| bug(&e))?;
    let bound = table.entry(&call.domain, params.min_words).and_then(|entry| entry.machine_above.as_ref());
    let _ = match bound {
        Some(bound) => writeln!(told, "calibrated: at most 1 % of such human texts score above {:.3}", bound.threshold),
        None => writeln!(
            told,
            "too few held-out human texts of {} words and more for a threshold at 1 %: scores without verdicts; add human \
             texts with `detect calibrate`",
            params.min_words
        ),
    };
    Ok((figures, table))
}
