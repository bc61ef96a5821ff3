//! The config of an evaluation: `[eval]`, `[texts.NAME]`, `[detector.NAME]`, and the workers that detectors ask.

use std::path::{Path, PathBuf};

use gristmill_core::params::{self, ParamError};
use gristmill_core::registry::nearest;
use gristmill_detectors::eval::{BootstrapParams, EvalParams, LengthBands};
use gristmill_detectors::machine::compress::CompressionParams;
use gristmill_detectors::machine::fewshot::protocol::ProtocolParams;
use gristmill_detectors::machine::normalise::Level;
use gristmill_detectors::machine::scores::Score;
use gristmill_detectors::machine::zero_shot::ZeroShotParams;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::texts::TextsTable;
use crate::RunError;
use crate::config::{Config, Diagnostics};

/// Tables of an evaluation beside those of any config.
pub const TABLES: &[&str] = &["eval", "texts", "detector"];

/// `[eval]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvalTable {
    /// The form in which both sides are read.
    pub normalise: Level,
    /// Where the partial AUROC ends.
    pub max_fpr: f64,
    /// Rates at which the TPR is taken.
    pub target_fprs: Vec<f64>,
    /// Words at which length bands begin.
    pub bands: LengthBands,
    /// Resamples of the intervals.
    pub n_resamples: u32,
    /// Share of resamples inside an interval.
    pub level: f64,
    /// Bins of the calibration plot.
    pub n_bins: usize,
    /// Folds of whatever is fitted on the texts themselves.
    pub n_folds: usize,
    /// Shuffles of the check with permuted labels.
    pub n_shuffles: u32,
}

impl Default for EvalTable {
    /// N2; RAID's 1 % and 5 %; the defaults of the library elsewhere; ten bins, five folds.
    fn default() -> Self {
        let EvalParams { max_fpr, target_fprs, bands, bootstrap } = EvalParams::default();
        let BootstrapParams { n_resamples, level, .. } = bootstrap;
        Self {
            normalise: Level::N2,
            max_fpr,
            target_fprs,
            bands,
            n_resamples,
            level,
            n_bins: 10,
            n_folds: 5,
            n_shuffles: 200,
        }
    }
}

impl EvalTable {
    /// The library's parameters.
    pub fn params(&self, seed: u64) -> EvalParams {
        EvalParams {
            max_fpr: self.max_fpr,
            target_fprs: self.target_fprs.clone(),
            bands: self.bands.clone(),
            bootstrap: BootstrapParams { n_resamples: self.n_resamples, level: self.level, seed },
        }
    }
}

/// What is evaluated.
#[derive(Debug, Clone)]
pub struct DetectorTable {
    /// Its name in figures and plots.
    pub name: String,
    /// What it is.
    pub kind: DetectorKind,
}

/// `[detector.NAME]`, by kind.
#[derive(Debug, Clone)]
pub enum DetectorKind {
    /// A model file.
    Model(ModelTable),
    /// The style and n-gram detector, fitted on the texts themselves and scored on those left out.
    Trained(TrainedTable),
    /// Bits of a compressor.
    Compression(CompressionTable),
    /// Zero-shot scores of a worker.
    Scores(Box<ScoresTable>),
    /// A handful of machine texts of each domain.
    FewShot(FewShotTable),
    /// A logistic stack of others, out of fold.
    Stack(StackTable),
}

/// `kind = "model"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelTable {
    /// The file.
    pub model: PathBuf,
}

/// What a trained detector may learn from when it scores a text of a domain and a source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Within {
    /// Everything.
    #[default]
    All,
    /// Texts of the domain.
    Domain,
    /// Texts of the domain and the source: one machine at a time.
    Cell,
}

/// What never parts when folds are dealt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Texts of one human document.
    #[default]
    Group,
    /// Nothing: a machine text may be learnt from while its human twin is scored. Only to show what that does.
    Row,
}

/// `kind = "trained"`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainedTable {
    /// What it learns from.
    pub within: Within,
    /// How folds are dealt.
    pub split: Split,
}

/// `kind = "compression"`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompressionTable {
    /// Whether the texts that come with the program are read first; not to be held against the sample data, which they are.
    pub embedded: bool,
    /// Files of machine texts that are read first; of no text that is evaluated.
    pub machine_texts: Vec<PathBuf>,
    /// Files of human texts that are read first.
    pub human_texts: Vec<PathBuf>,
    /// Field of the text in these.
    pub field: Option<String>,
    /// Which texts are scored, and how much of each.
    pub limits: CompressionParams,
}

/// `kind = "scores"`.
#[derive(Debug, Clone)]
pub struct ScoresTable {
    /// The worker that scores; none for the run's.
    pub worker: Option<String>,
    /// A second one.
    pub second: Option<String>,
    /// Names of scores; none for all that the worker can without further requests.
    pub scores: Vec<String>,
    /// Everything else.
    pub params: ZeroShotParams,
}

/// `kind = "few_shot"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FewShotTable {
    /// Machine texts of each source that single texts are scored by.
    pub size: usize,
    /// The protocol by episodes.
    pub protocol: ProtocolParams,
}

impl Default for FewShotTable {
    /// Ten texts.
    fn default() -> Self {
        Self { size: 10, protocol: ProtocolParams::default() }
    }
}

/// `kind = "stack"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackTable {
    /// Names of the scores that are stacked, as they stand in the figures.
    pub of: Vec<String>,
    /// Penalty on the weights.
    #[serde(default = "one")]
    pub l2: f64,
}

fn one() -> f64 {
    1.0
}

/// A whole config.
#[derive(Debug)]
pub struct EvalConfig {
    /// Run and workers.
    pub config: Config,
    /// `[eval]`.
    pub eval: EvalTable,
    /// `[texts.NAME]`, in the order of the file.
    pub texts: Vec<TextsTable>,
    /// `[detector.NAME]`, in the order of the file, stacks last.
    pub detectors: Vec<DetectorTable>,
}

impl EvalConfig {
    /// Reads and checks a config without looking at data.
    ///
    /// # Errors
    /// Every complaint, with file and line.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, RunError> {
        let config = Config::load_with(path, overrides, TABLES)?;
        let root = config.document.value();
        let mut complaints = Diagnostics::default();
        let mut explain = |base: &[&str], error: &ParamError| {
            let base: Vec<String> = base.iter().map(|key| (*key).to_owned()).collect();
            complaints.push(config.document.explain(&base, error));
        };
        let empty = Value::Object(Map::new());
        let eval = params::parse(root.get("eval").unwrap_or(&empty)).unwrap_or_else(|error| {
            explain(&["eval"], &error);
            EvalTable::default()
        });
        let tables = |name: &str| root.get(name).and_then(Value::as_object).into_iter().flatten();
        let mut texts: Vec<TextsTable> = Vec::new();
        for (name, table) in tables("texts") {
            match params::parse(table) {
                Ok(table) => texts.push(table),
                Err(error) => explain(&["texts", name], &error),
            }
        }
        let mut detectors = Vec::new();
        for (name, table) in tables("detector") {
            match detector(table, &config) {
                Ok(kind) => detectors.push(DetectorTable { name: name.clone(), kind }),
                Err(error) => explain(&["detector", name], &error),
            }
        }
        detectors.sort_by_key(|detector| matches!(detector.kind, DetectorKind::Stack(_)));
        for (what, is_missing) in [("texts", texts.is_empty()), ("detector", detectors.is_empty())] {
            if is_missing && complaints.is_empty() {
                let message = format!("there is no [{what}.NAME]: nothing to evaluate");
                complaints.push(config.document.complain(&[], message, None));
            }
        }
        if complaints.is_empty() { Ok(Self { config, eval, texts, detectors }) } else { Err(complaints.into()) }
    }
}

const KINDS: [&str; 6] = ["model", "trained", "compression", "scores", "few_shot", "stack"];

fn detector(table: &Value, config: &Config) -> Result<DetectorKind, ParamError> {
    let Some(mut table) = table.as_object().cloned() else {
        return Err(ParamError { path: vec![], message: "not a table".into() });
    };
    let kind = table.shift_remove("kind");
    let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
    let rest = Value::Object(table.clone());
    Ok(match kind {
        "model" => DetectorKind::Model(params::parse(&rest)?),
        "trained" => DetectorKind::Trained(params::parse(&rest)?),
        "compression" => DetectorKind::Compression(params::parse(&rest)?),
        "scores" => DetectorKind::Scores(Box::new(scores(table, config)?)),
        "few_shot" => DetectorKind::FewShot(params::parse(&rest)?),
        "stack" => DetectorKind::Stack(params::parse(&rest)?),
        other => {
            let near = nearest(other, KINDS).map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
            let message = format!("unknown kind of detector \"{other}\"; there are {}{near}", KINDS.join(", "));
            return Err(ParamError::at("kind", message));
        }
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    worker: Option<String>,
    second: Option<String>,
    #[serde(default)]
    scores: Vec<String>,
}

fn scores(mut table: Map<String, Value>, config: &Config) -> Result<ScoresTable, ParamError> {
    let mut own = Map::new();
    for key in ["worker", "second", "scores"] {
        own.extend(table.shift_remove(key).map(|value| (key.to_owned(), value)));
    }
    let Asked { worker, second, scores } = params::parse(&Value::Object(own))?;
    for (key, name) in [("worker", &worker), ("second", &second)] {
        if let Some(name) = name.as_ref().filter(|name| !config.workers.contains_key(*name)) {
            return Err(ParamError::at(key, format!("there is no [worker.{name}]")));
        }
    }
    for (i, name) in scores.iter().enumerate() {
        check_name(name).map_err(|message| ParamError { path: vec!["scores".into(), i.to_string()], message })?;
    }
    Ok(ScoresTable { worker, second, scores, params: params::parse(&Value::Object(table))? })
}

/// Complains about a score that does not exist.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    if Score::find(name).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = gristmill_detectors::machine::scores::SCORES.iter().map(|score| score.name).collect();
    let near =
        nearest(name, known.iter().copied()).map_or_else(String::new, |near| format!("did you mean \"{near}\"? "));
    Err(format!("there is no score \"{name}\"; {near}there are {}", known.join(", ")))
}
