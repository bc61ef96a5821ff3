//! Arguments of `gristmill detect`'s larger subcommands.

use std::path::PathBuf;

use clap::Args;
use gristmill_detectors::calibrate::PrevalenceParams;
use gristmill_detectors::eval::BootstrapParams;
use gristmill_detectors::machine::embedded::LEAST_WORDS;
use gristmill_detectors::machine::scores::ScoreParams;
use gristmill_detectors::machine::zero_shot::ZeroShotParams;
use gristmill_run::commands::detect::Sides;
use gristmill_run::commands::evaluate::{EvalCall, EvalWhat};
use gristmill_run::commands::few_shot::{self, FewShotCall};
use gristmill_run::commands::prevalence::PrevalenceCall;
use gristmill_run::commands::zero_shot::ZeroShotCall;

#[derive(Args)]
pub(super) struct EvalArgs {
    /// The config: [texts.NAME], [detector.NAME]; see configs/detector-eval.toml
    #[arg(required_unless_present = "model", conflicts_with_all = ["model", "human", "machine"])]
    config: Option<PathBuf>,
    /// Override a key of the config
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// One model instead, on texts it was not trained on
    #[arg(long, requires_all = ["human", "machine"])]
    model: Option<PathBuf>,
    /// Files of human texts: JSON lines, or a JSON object of lists (see --human-field)
    #[arg(long, num_args = 1..)]
    human: Vec<PathBuf>,
    /// Field of the text, or the list of texts
    #[arg(long)]
    human_field: Option<String>,
    /// Files of machine texts
    #[arg(long, num_args = 1..)]
    machine: Vec<PathBuf>,
    /// Field of the text, or the list of texts
    #[arg(long)]
    machine_field: Option<String>,
    /// Folder for index.html, eval.json and the plots
    #[arg(long)]
    out: Option<PathBuf>,
}

impl From<EvalArgs> for EvalCall {
    fn from(args: EvalArgs) -> Self {
        let EvalArgs { config, overrides, model, human, human_field, machine, machine_field, out } = args;
        let sides = Sides { human, human_field, machine, machine_field };
        let what = match config {
            Some(config) => EvalWhat::Config { config, overrides },
            None => EvalWhat::Model { model: model.unwrap_or_default(), sides },
        };
        Self { what, out }
    }
}

#[derive(Args)]
pub(super) struct ZeroShotArgs {
    /// Files of texts: JSON lines, or text parted by blank lines
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Config whose [worker.NAME] are used; it needs no stages
    #[arg(long)]
    config: Option<PathBuf>,
    /// The worker that scores (default: run.worker, else the first)
    #[arg(long, requires = "config")]
    worker: Option<String>,
    /// A second worker with the same tokenizer, for binoculars and fast_detect_gpt
    #[arg(long, requires = "config")]
    second: Option<String>,
    /// Scores by name, `compression` among them (default: all that need no further requests)
    #[arg(long, value_delimiter = ',')]
    scores: Vec<String>,
    /// Field of the text (default: text)
    #[arg(long)]
    field: Option<String>,
    /// Alternatives asked for at each token
    #[arg(long)]
    top: Option<u32>,
    /// Fewest tokens of a text; words, for compression
    #[arg(long, default_value_t = 50)]
    min_tokens: usize,
    /// Words of a text that are scored
    #[arg(long, default_value_t = 512)]
    max_words: usize,
    /// Perturbed copies, for detect_gpt and npr
    #[arg(long, default_value_t = 20)]
    copies: u32,
    /// Continuations, for dna_gpt_w and dna_gpt_b
    #[arg(long, default_value_t = 10)]
    continuations: u32,
    /// Seed of copies and continuations
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Files of machine texts that the compressor reads first (default for both sides: embedded ones)
    #[arg(long, num_args = 1..)]
    machine_texts: Vec<PathBuf>,
    /// Files of human texts that it reads first
    #[arg(long, num_args = 1..)]
    human_texts: Vec<PathBuf>,
}

impl From<ZeroShotArgs> for ZeroShotCall {
    fn from(args: ZeroShotArgs) -> Self {
        let ZeroShotArgs { files, config, worker, second, scores, field, machine_texts, human_texts, .. } = args;
        let arithmetic = ScoreParams { min_tokens: args.min_tokens, ..ScoreParams::default() };
        let params = ZeroShotParams {
            arithmetic,
            top: args.top,
            max_words: args.max_words,
            n_perturbed: args.copies,
            n_continuations: args.continuations,
            seed: args.seed,
            ..ZeroShotParams::default()
        };
        Self { files, field, config, worker, second, scores, machine_texts, human_texts, params }
    }
}

#[derive(Args)]
pub(super) struct FewShotArgs {
    /// Files of the texts in question
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Examples of a machine: gpt-4=examples.jsonl; may be given many times
    #[arg(long = "support", value_name = "NAME=FILE", required = true, value_parser = few_shot::parse_support)]
    supports: Vec<(String, PathBuf)>,
    /// Files of human texts of the same kind; 25 texts are enough
    #[arg(long, required = true, num_args = 1..)]
    human: Vec<PathBuf>,
    /// Field of the text in all files (default: text)
    #[arg(long)]
    field: Option<String>,
    /// Texts that follow each other and are by one writer, scored together
    #[arg(long, default_value_t = 1)]
    episode: usize,
    /// Words of a text, or of all texts of an episode, below which it has no score
    #[arg(long, default_value_t = LEAST_WORDS)]
    min_words: usize,
    /// A model whose human reference gives the scale (default: that of --human)
    #[arg(long)]
    model: Option<PathBuf>,
}

impl From<FewShotArgs> for FewShotCall {
    fn from(args: FewShotArgs) -> Self {
        let FewShotArgs { files, supports, human, field, episode, min_words, model } = args;
        Self { supports, human, files, field, episode, min_words, model }
    }
}

#[derive(Args)]
pub(super) struct PrevalenceArgs {
    /// Files of the corpus
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The model, calibrated with both sides (or give both here)
    #[arg(long)]
    model: PathBuf,
    /// Field of the text in the corpus (default: text)
    #[arg(long)]
    field: Option<String>,
    /// Files of human texts like the corpus, which the model was not trained on
    #[arg(long, num_args = 1.., requires = "machine")]
    human: Vec<PathBuf>,
    /// Field of the text in them
    #[arg(long)]
    human_field: Option<String>,
    /// Files of machine texts like the corpus
    #[arg(long, num_args = 1.., requires = "human")]
    machine: Vec<PathBuf>,
    /// Field of the text in them
    #[arg(long)]
    machine_field: Option<String>,
    /// Seed of the interval
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl From<PrevalenceArgs> for PrevalenceCall {
    fn from(args: PrevalenceArgs) -> Self {
        let PrevalenceArgs { files, model, field, human, human_field, machine, machine_field, seed } = args;
        let sides = Sides { human, human_field, machine, machine_field };
        let bootstrap = BootstrapParams { seed, ..BootstrapParams::default() };
        let params = PrevalenceParams { bootstrap, ..PrevalenceParams::default() };
        Self { model, files, field, sides, params }
    }
}
