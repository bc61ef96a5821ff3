//! What each detector says of each text: columns of scores.
//!
//! A text on which a detector abstains has no score there, and the reason is counted. Whatever is fitted on the texts
//! themselves is fitted on folds that the scored text is not in.

use std::collections::BTreeMap;

use futures::StreamExt;
use gristmill_core::error::Error;
use gristmill_detectors::calibrate::StackParams;
use gristmill_detectors::calibrate::stack::{Inputs, out_of_fold};
use gristmill_detectors::eval::splits::even_folds;
use gristmill_detectors::machine::compress::{CompressionScorer, Preludes};
use gristmill_detectors::machine::detector::{Detector, DetectorParams, LEAST_TEXTS, Scorer};
use gristmill_detectors::machine::scores::Score;
use gristmill_detectors::machine::zero_shot::{TextScores, Witnesses, ZeroShot};
use gristmill_generators::kit::Template;
use gristmill_lm::error::Action;
use gristmill_lm::{Prompt, WorkerError, Workers};
use rayon::prelude::*;
use serde_json::json;

use super::few_shot::column as few_shot;
use super::settings::{
    CompressionTable, DetectorKind, EvalConfig, ScoresTable, Split, StackTable, TrainedTable, Within,
};
use super::texts::KnownText;
use crate::RunError;
use crate::commands::detect::{load, read};
use crate::commands::zero_shot::too_few_words;

/// Texts in the hands of a worker at a time; its pool decides how many requests go out.
const ASKED_AT_ONCE: usize = 16;

/// Scores of one detector, one place per text.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Higher means machine; none where it abstained.
    pub scores: Vec<Option<f64>>,
    /// Why it abstained, and how often.
    pub why_missing: BTreeMap<String, usize>,
}

impl Column {
    /// A column from scores or reasons.
    pub fn new(name: String, scores: impl IntoIterator<Item = Result<f64, String>>) -> Self {
        let mut why_missing = BTreeMap::new();
        let keep = |score: Result<f64, String>| match score {
            Ok(score) if score.is_finite() => Some(score),
            other => {
                let why = other.err().unwrap_or_else(|| "the score is not a finite number".into());
                *why_missing.entry(why).or_insert(0) += 1;
                None
            }
        };
        let scores = scores.into_iter().map(keep).collect();
        Self { name, scores, why_missing }
    }
}

/// The columns of all detectors.
///
/// # Errors
/// If a file cannot be read, a worker is refused or stops answering, or too few texts are there to learn from.
pub async fn columns(call: &EvalConfig, workers: &Workers, texts: &[KnownText]) -> Result<Vec<Column>, RunError> {
    let (seed, n_folds) = (call.config.run.seed, call.eval.n_folds);
    let mut all: Vec<Column> = Vec::new();
    for detector in &call.detectors {
        let name = &detector.name;
        let usage = |cause: String| RunError::Usage(format!("[detector.{name}]: {cause}"));
        let found = match &detector.kind {
            DetectorKind::Model(table) => {
                let (detector, _) = load(&table.model)?;
                let score = |scorer: &mut Scorer<'_>, text: &KnownText| Ok(three(scorer.score(&text.text)));
                heads(name, &texts.par_iter().map_init(|| detector.scorer(), score).collect::<Vec<_>>())
            }
            DetectorKind::Trained(table) => trained(name, texts, table, n_folds, seed).map_err(usage)?,
            DetectorKind::Compression(table) => vec![compression(name, texts, table)?],
            DetectorKind::Scores(table) => {
                let default = call.config.run.worker.as_ref().or_else(|| call.config.workers.keys().next());
                let worker = table.worker.as_ref().or(default);
                let worker = worker.ok_or_else(|| usage("the config names no [worker.NAME]".into()))?;
                zero_shot(name, texts, table, worker, workers).await?
            }
            DetectorKind::FewShot(table) => vec![few_shot(name, texts, table, seed).map_err(usage)?],
            DetectorKind::Stack(table) => vec![stack(name, &all, texts, table, n_folds, seed).map_err(usage)?],
        };
        all.extend(found);
    }
    Ok(all)
}

/// The score of a detector and of its heads.
fn three(score: gristmill_detectors::machine::detector::Score) -> [f64; 3] {
    [score.score, score.ngram, score.style]
}

/// The columns of a detector with its heads.
fn heads(name: &str, scores: &[Result<[f64; 3], String>]) -> Vec<Column> {
    let column = |(i, suffix): (usize, &&str)| {
        Column::new(format!("{name}{suffix}"), scores.iter().map(|score| score.clone().map(|heads| heads[i])))
    };
    ["", ".ngram", ".style"].iter().enumerate().map(column).collect()
}

pub(super) fn trained(
    name: &str,
    texts: &[KnownText],
    table: &TrainedTable,
    n_folds: usize,
    seed: u64,
) -> Result<Vec<Column>, String> {
    let groups: Vec<u64> = match table.split {
        Split::Group => texts.iter().map(|text| text.group).collect(),
        Split::Row => (0..texts.len() as u64).collect(),
    };
    let folds = even_folds(&groups, n_folds, seed);
    let cell = |text: &KnownText| match table.within {
        Within::All => (String::new(), String::new()),
        Within::Domain => (text.domain.clone(), String::new()),
        Within::Cell => (text.domain.clone(), text.source.clone()),
    };
    let mut cells: Vec<(String, String)> = texts.iter().filter(|text| text.machine).map(cell).collect();
    cells.sort();
    cells.dedup();
    // A human text belongs to every cell of its domain and gets the mean of what their detectors say.
    let belongs = |text: &KnownText, (domain, source): &(String, String)| {
        (table.within == Within::All || text.domain == *domain)
            && (table.within != Within::Cell || !text.machine || text.source == *source)
    };
    let jobs: Vec<(&(String, String), usize)> =
        cells.iter().flat_map(|cell| (0..n_folds).map(move |fold| (cell, fold))).collect();
    let fitted: Vec<Vec<(usize, [f64; 3])>> = jobs
        .par_iter()
        .map(|(cell, fold)| {
            let of_cell = || (0..texts.len()).filter(|i| belongs(&texts[*i], cell));
            let learnt: Vec<usize> = of_cell().filter(|i| folds[*i] != *fold).collect();
            let chosen: Vec<&str> = learnt.iter().map(|i| texts[*i].text.as_str()).collect();
            let labels: Vec<bool> = learnt.iter().map(|i| texts[*i].machine).collect();
            let keys: Vec<u64> = learnt.iter().map(|i| groups[*i]).collect();
            let detector = Detector::fit(&chosen, &labels, &keys, DetectorParams::default())
                .map_err(|e| format!("{e}; a detector is fitted on at least {LEAST_TEXTS} texts of either side"))?;
            let mut scorer = detector.scorer();
            let scored = of_cell().filter(|i| folds[*i] == *fold);
            Ok(scored.map(|i| (i, three(scorer.score(&texts[i].text)))).collect())
        })
        .collect::<Result<_, String>>()?;
    let mut sums = vec![([0.0; 3], 0_usize); texts.len()];
    for (i, scores) in fitted.into_iter().flatten() {
        (0..3).for_each(|head| sums[i].0[head] += scores[head]);
        sums[i].1 += 1;
    }
    let mean = |(sum, n): &([f64; 3], usize)| match n {
        0 => Err("no machine text of its domain to learn from".to_owned()),
        n => Ok(sum.map(|sum| sum / *n as f64)),
    };
    Ok(heads(name, &sums.iter().map(mean).collect::<Vec<_>>()))
}

fn compression(name: &str, texts: &[KnownText], table: &CompressionTable) -> Result<Column, RunError> {
    let read = |files: &[std::path::PathBuf]| read(files, table.field.as_deref());
    let (machine, human) = (read(&table.machine_texts)?, read(&table.human_texts)?);
    let preludes = match table.embedded {
        true => Preludes::embedded(),
        false => Preludes::new(machine.iter().map(String::as_str), human.iter().map(String::as_str)),
    };
    let score = |scorer: &mut CompressionScorer<'_>, text: &KnownText| {
        let found = scorer.measure(&text.text, &table.limits);
        found.map(|found| found.score).map_err(|n_words| too_few_words(n_words, table.limits.min_words))
    };
    let scores: Vec<Result<f64, String>> = texts.par_iter().map_init(|| preludes.scorer(), score).collect();
    Ok(Column::new(name.to_owned(), scores))
}

/// How a chat worker is asked to continue a text.
///
/// # Errors
/// Our bug, if the built-in prompt is none.
pub(crate) fn continue_prompt() -> Result<impl Fn(&str, usize) -> Prompt + Sync, RunError> {
    let template = Template::new(include_str!("../../../../configs/prompts/detect/continue.j2")).map_err(Error::Bug)?;
    Ok(move |start: &str, n_words: usize| {
        Prompt::user(
            template.render(&json!({ "start": start, "n_words": n_words })).unwrap_or_else(|_| start.to_owned()),
        )
    })
}

async fn zero_shot(
    name: &str,
    texts: &[KnownText],
    table: &ScoresTable,
    worker: &str,
    workers: &Workers,
) -> Result<Vec<Column>, RunError> {
    let usage = |e: &dyn std::fmt::Display| RunError::Usage(format!("[detector.{name}]: {e}"));
    // An embedded model without files of its own is not fitted on what is evaluated: it would know the texts by heart.
    let open = async |name: &str| workers.open(name, &[]).await.map_err(|e| usage(&e));
    let first = open(worker).await?;
    let second = match &table.second {
        Some(second) => Some(open(second).await?),
        None => None,
    };
    let prompt = continue_prompt()?;
    let witnesses = Witnesses { worker: first.as_ref(), second: second.as_deref(), prompt: &prompt };
    let zero_shot = ZeroShot::new(witnesses, &table.scores, table.params.clone()).await.map_err(|e| usage(&e))?;
    let asked = futures::stream::iter(texts.iter().map(|text| zero_shot.measure(&text.text)));
    let answers: Vec<_> = asked.buffered(ASKED_AT_ONCE).collect().await;
    if let Some(Err(error)) =
        answers.iter().find(|a| a.as_ref().is_err_and(|e| e.failure.action() == Action::StopWorker))
    {
        return Err(usage(error));
    }
    let column = |(i, score): (usize, &&'static Score)| {
        let of = |answer: &Result<TextScores, WorkerError>| {
            let found = answer.as_ref().map_err(|e| format!("the worker failed: {}", e.failure.name()))?;
            found.outcomes[i].1.map(|measured| measured.value).map_err(|e| e.to_string())
        };
        Column::new(format!("{name}.{}", score.name), answers.iter().map(of))
    };
    Ok(zero_shot.scores().iter().enumerate().map(column).collect())
}

fn stack(
    name: &str,
    known: &[Column],
    texts: &[KnownText],
    table: &StackTable,
    n_folds: usize,
    seed: u64,
) -> Result<Column, String> {
    let mut inputs: Vec<&Column> = Vec::new();
    for wanted in &table.of {
        let found = known.iter().find(|column| column.name == *wanted);
        let names = || known.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
        inputs.push(found.ok_or_else(|| format!("there is no score \"{wanted}\" to stack; there are {}", names()))?);
    }
    let rows: Vec<usize> =
        (0..texts.len()).filter(|i| inputs.iter().all(|column| column.scores[*i].is_some())).collect();
    let values: Vec<f64> =
        rows.iter().flat_map(|i| inputs.iter().map(|column| column.scores[*i].unwrap_or_default())).collect();
    let machine: Vec<bool> = rows.iter().map(|i| texts[*i].machine).collect();
    let groups: Vec<u64> = rows.iter().map(|i| texts[*i].group).collect();
    let names: Vec<&str> = inputs.iter().map(|column| column.name.as_str()).collect();
    let params = StackParams { l2: table.l2, n_folds, seed, ..StackParams::default() };
    let inputs = Inputs::new(&values, names.len()).map_err(|e| e.to_string())?;
    let logits = out_of_fold(&names, inputs, &machine, &groups, &params).map_err(|e| e.to_string())?.logits;
    let mut scores = vec![Err("one of the stacked scores is missing".to_owned()); texts.len()];
    rows.iter().zip(logits).for_each(|(row, logit)| scores[*row] = Ok(logit));
    Ok(Column::new(name.to_owned(), scores))
}
