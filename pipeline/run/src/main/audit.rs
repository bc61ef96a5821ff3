//! Arguments of `gristmill audit`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gristmill_run::audit::{AuditOptions, DataKind};
use gristmill_run::commands::audit::AuditCall;

#[derive(Args)]
pub(super) struct AuditArgs {
    /// Files of made rows: JSON lines, or a JSON object of lists (see --field)
    #[arg(long, required = true, num_args = 1..)]
    artificial: Vec<PathBuf>,
    /// Files of human rows of the same type
    #[arg(long, num_args = 1..)]
    human: Vec<PathBuf>,
    /// What the rows are
    #[arg(long = "type", value_enum)]
    kind: KindArg,
    /// Field of the text, or the list of texts in an object of lists
    #[arg(long)]
    field: Option<String>,
    /// The same for the human files (default: --field)
    #[arg(long)]
    human_field: Option<String>,
    /// Folder for index.html, audit.json, audit.md
    #[arg(long)]
    out: PathBuf,
    /// Exit with 1 when a limit is crossed: leak>0.65,near_duplicates>0.05
    #[arg(long)]
    fail_on: Option<String>,
    /// An older audit.json to compare with
    #[arg(long)]
    compare: Option<PathBuf>,
    /// A preset of limits (default: configs/audit/bands.toml, built in)
    #[arg(long)]
    bands: Option<PathBuf>,
    /// Bring texts into one form first (white space, quotes, dashes), so that formatting tells nothing
    #[arg(long)]
    normalise: bool,
    /// A detector of `gristmill detect train`: its accuracy, and the share of machine text
    #[arg(long)]
    detector: Option<PathBuf>,
    /// Language declared for the rows, an ISO 639-3 code
    #[arg(long)]
    language: Option<String>,
    /// Files of seeds that the rows were made from: copies of them are found
    #[arg(long, num_args = 1..)]
    seeds: Vec<PathBuf>,
    /// Files of prompts that made the rows: runs of their words in the rows are leaks
    #[arg(long, num_args = 1.., value_name = "FILE")]
    prompts: Vec<PathBuf>,
    /// All labels in their order, where they have one
    #[arg(long, value_delimiter = ',', value_name = "LABEL")]
    label_order: Vec<String>,
    /// Key of the made rows whose value parts them: source model, prompt template, topic
    #[arg(long, value_name = "KEY")]
    slice: Option<String>,
    /// Key of the made rows whose value is their split: held-out rows that stand in `train` are found
    #[arg(long, value_name = "KEY")]
    split: Option<String>,
    /// Files of evaluation sets that the rows must not hold
    #[arg(long, num_args = 1..)]
    eval_sets: Vec<PathBuf>,
    /// Seed of samples and intervals
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum KindArg {
    Instructions,
    Labels,
    Preferences,
    Dialogues,
    Text,
}

impl From<AuditArgs> for AuditCall {
    fn from(args: AuditArgs) -> Self {
        let kind = match args.kind {
            KindArg::Instructions => DataKind::Instructions,
            KindArg::Labels => DataKind::Labels,
            KindArg::Preferences => DataKind::Preferences,
            KindArg::Dialogues => DataKind::Dialogues,
            KindArg::Text => DataKind::Text,
        };
        let AuditArgs { artificial, human, field, human_field, out, fail_on, compare, normalise, .. } = args;
        let AuditArgs { bands, detector, language, seeds, eval_sets, prompts, label_order, slice, split, seed, .. } =
            args;
        let options =
            AuditOptions { seed, bands, detector, language, seeds, eval_sets, prompts, label_order, slice, split };
        Self { artificial, human, kind, field, human_field, out, fail_on, compare, normalise, options }
    }
}
