//! `gristmill detect eval [CONFIG | --model M --human F… --machine F…] [--out DIR]`: detectors held against known texts.

use std::path::{Path, PathBuf};

use gristmill_lm::Workers;

use super::detect::{Sides, groups};
use crate::RunError;
use crate::config::{Config, Document};
use crate::evaluation::{
    DetectorKind, DetectorTable, EvalConfig, EvalTable, KnownText, ModelTable, columns, evaluation, plots, table,
};
use crate::plan::{make_dir, write_whole};
use crate::report::evaluation_page;

/// What is evaluated, and where the page goes.
#[derive(Debug, Clone)]
pub struct EvalCall {
    /// Which texts and detectors.
    pub what: EvalWhat,
    /// Folder of the page, the plots and `eval.json`; none for the table alone.
    pub out: Option<PathBuf>,
}

/// Where texts and detectors are named.
#[derive(Debug, Clone)]
pub enum EvalWhat {
    /// In a config, which may be changed from outside.
    Config {
        /// The file.
        config: PathBuf,
        /// Overrides `a.b=value`.
        overrides: Vec<String>,
    },
    /// In the call: one model, two sides.
    Model {
        /// The model file.
        model: PathBuf,
        /// The texts; of files of the same length, texts at the same place are pairs.
        sides: Sides,
    },
}

/// Measures detectors on labelled texts; returns the table.
///
/// # Errors
/// When a file cannot be read, a config is wrong, or a worker is refused.
pub async fn eval(call: &EvalCall) -> Result<String, RunError> {
    let (config, texts) = match &call.what {
        EvalWhat::Config { config, overrides } => {
            let config = EvalConfig::load(config, overrides)?;
            let mut texts = Vec::new();
            for table in &config.texts {
                texts.extend(table.read(config.eval.normalise)?);
            }
            (config, texts)
        }
        EvalWhat::Model { model, sides } => of_model(model, sides)?,
    };
    for (side, machine) in [("human", false), ("machine", true)] {
        if !texts.iter().any(|text| text.machine == machine) {
            return Err(RunError::Usage(format!("there is no {side} text: an evaluation needs both sides")));
        }
    }
    let journal = call.out.as_ref().map(|out| out.join("lm"));
    let workers = Workers::new(config.config.workers.clone(), journal);
    let columns = columns(&config, &workers, &texts).await?;
    let (name, seed) = (&config.config.run.name, config.config.run.seed);
    let found = evaluation(name, seed, &config.eval, &texts, &columns, &config.detectors)?;
    let mut told = table(&found);
    if let Some(out) = &call.out {
        let plots = plots(&found, &texts, &columns);
        make_dir(out)?;
        let json = serde_json::to_string_pretty(&found)
            .map_err(|e| gristmill_core::error::Error::Bug(format!("an evaluation that JSON cannot hold: {e}")))?;
        write_whole(&out.join("eval.json"), json.as_bytes())?;
        for (name, svg) in &plots {
            write_whole(&out.join(name), svg.as_bytes())?;
        }
        let page = out.join("index.html");
        write_whole(&page, evaluation_page(&found, &plots).as_bytes())?;
        told.push_str(&format!("\npage: {}", page.display()));
    }
    Ok(told)
}

/// The evaluation of one model file by two sides.
fn of_model(model: &Path, sides: &Sides) -> Result<(EvalConfig, Vec<KnownText>), RunError> {
    let eval = EvalTable::default();
    let (human, machine) = sides.read()?;
    let keys = groups(human.len(), machine.len());
    let n_human = human.len();
    let all = human.into_iter().chain(machine).zip(keys).enumerate();
    let texts = all.map(|(i, (text, key))| KnownText::new(text, i >= n_human, key, eval.normalise));
    let texts = texts.filter(|text| !text.raw.trim().is_empty()).collect();
    let document = Document::parse(Path::new("the call"), "[run]\nname = \"detector-eval\"\n".into())?;
    let config = Config::of(document)?;
    let kind = DetectorKind::Model(ModelTable { model: model.to_owned() });
    let detectors = vec![DetectorTable { name: "detector".into(), kind }];
    Ok((EvalConfig { config, eval, texts: Vec::new(), detectors }, texts))
}
