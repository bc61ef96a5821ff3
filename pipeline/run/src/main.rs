//! The command line of gristmill.

#[path = "main/audit.rs"]
mod audit;
#[path = "main/detection.rs"]
mod detection;
#[path = "main/lm.rs"]
mod lm;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use audit::AuditArgs;
use clap::{Args, Parser, Subcommand, ValueEnum};
use detection::{EvalArgs, FewShotArgs, PrevalenceArgs, ZeroShotArgs};
use gristmill_detectors::machine::embedded::LEAST_WORDS;
use gristmill_detectors::machine::sentences::WindowParams;
use gristmill_run::RunError;
use gristmill_run::commands::bootstrap::BootstrapCall;
use gristmill_run::commands::detect::{self, ScoreCall, Sides};
use gristmill_run::commands::detect_default::{self, TrainDefaultCall};
use gristmill_run::commands::{self, ConfigCall, sql::Format};
use gristmill_run::engine::Log;
use lm::LmCommand;

/// Dataset synthesis and data curation: one config describes a DAG of stages, every decision is explained.
///
/// Exit codes: 0 done; 1 the run failed; 2 the config or the call is wrong; 130 interrupted, resumable.
#[derive(Parser)]
#[command(name = "gristmill", version, after_help = "Start with: gristmill run configs/quickstart.toml")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a config; a run that was killed goes on where it stopped
    Run {
        #[command(flatten)]
        call: Call,
        /// Run directory (default: runs/NAME)
        #[arg(long)]
        out: Option<PathBuf>,
        #[command(flatten)]
        log: LogArgs,
    },
    /// Check a config without running it
    Check {
        #[command(flatten)]
        call: Call,
        /// Also open every input file and ask every worker what it can do
        #[arg(long)]
        deep: bool,
    },
    /// Show the DAG, the fused passes and what is already done
    Plan {
        #[command(flatten)]
        call: Call,
        /// Run directory (default: runs/NAME)
        #[arg(long)]
        out: Option<PathBuf>,
        /// Rehearse the run with the embedded model and tell what the servers would be asked, and the price
        #[arg(long)]
        cost: bool,
    },
    /// Ask what language models can do, or serve the embedded one
    #[command(subcommand)]
    Lm(LmCommand),
    /// Tell one document's journey: every stage, measure and rule
    Why {
        /// Run directory
        run: PathBuf,
        /// The document's id or url
        id: String,
    },
    /// Rebuild the report of a run: RUN_DIR/report/index.html and report.json
    Report {
        /// Run directory
        run: PathBuf,
    },
    /// SQL with every operator, over files or a run's stages (a table each, and `ledger`)
    Sql {
        /// The query; a path in quotes is a table: SELECT … FROM 'file.parquet'
        query: String,
        /// Run directory
        #[arg(long)]
        run: Option<PathBuf>,
        /// How to print the rows
        #[arg(short, long, default_value = "table")]
        format: FormatArg,
    },
    /// Tell machine text from human text, with a detector trained and calibrated on your own
    #[command(subcommand)]
    Detect(DetectCommand),
    /// Compare LLM-made data with human data: a page, audit.json, audit.md
    Audit(AuditArgs),
    /// The reference of stages, operators and presets, with sources
    Ops {
        /// Show this one with its parameters and measures
        name: Option<String>,
    },
}

#[derive(Subcommand)]
enum DetectCommand {
    /// Score texts: a JSON line each; a verdict only where the model is calibrated, never from the embedded heads
    Score {
        /// Files of texts: JSON lines, or text parted by blank lines
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The model (default: the embedded heads, one against chat and one against base models)
        #[arg(long)]
        model: Option<PathBuf>,
        /// Field of the text (default: text)
        #[arg(long)]
        field: Option<String>,
        /// Domain whose thresholds hold
        #[arg(long, default_value = "")]
        domain: String,
        /// Words below which a text has no score
        #[arg(long, default_value_t = LEAST_WORDS)]
        min_words: usize,
        /// Reasons given for each text
        #[arg(long, default_value_t = 3)]
        reasons: usize,
        /// Score every sentence too, by the windows of sentences that hold it: for texts that a machine wrote in part
        #[arg(long)]
        sentences: bool,
        /// Words of such a window
        #[arg(long, default_value_t = 80)]
        window_words: usize,
    },
    /// Score texts by a language model without training: likelihood, ranks, curvature, …; or by compression
    ZeroShot(ZeroShotArgs),
    /// Tell whose texts they are from a handful of examples of each machine
    FewShot(FewShotArgs),
    /// Estimate the share of machine text in a corpus
    Prevalence(PrevalenceArgs),
    /// Learn from human and machine texts; rows at the same place of files of the same length count as pairs
    Train {
        #[command(flatten)]
        sides: SidesArgs,
        /// Family of writers on the machine side: chat or base; the two must not be mixed
        #[arg(long, default_value = "chat")]
        head: String,
        /// Name for the card
        #[arg(long, default_value = "detector")]
        name: String,
        /// Where the model goes; its card is written beside it
        #[arg(long)]
        out: PathBuf,
    },
    /// Make the embedded heads again from pairs: files DOMAIN_MODEL.json with the lists `original` and `sampled`
    TrainDefault {
        /// Files whose machine side chat models wrote
        #[arg(long, required = true, num_args = 1..)]
        chat: Vec<PathBuf>,
        /// Files whose machine side models wrote that only continue text
        #[arg(long, required = true, num_args = 1..)]
        base: Vec<PathBuf>,
        /// Where the pairs come from, for the cards
        #[arg(long)]
        source: String,
        /// Their licence, for the cards
        #[arg(long)]
        licence: String,
        /// Date for the cards
        #[arg(long)]
        date: String,
        /// Folder for chat.model and base.model with their cards
        #[arg(long)]
        out: PathBuf,
    },
    /// Human texts and a worker become a calibrated detector of that worker's text
    Bootstrap {
        /// Config whose [worker.NAME] is used; it needs no stages
        config: PathBuf,
        /// The worker whose text is to be found (default: run.worker, else the first)
        #[arg(long)]
        worker: Option<String>,
        /// Files of human texts
        #[arg(long, required = true, num_args = 1..)]
        human: Vec<PathBuf>,
        /// Field of the text (default: text)
        #[arg(long)]
        field: Option<String>,
        /// Most texts used, one request each
        #[arg(long, default_value_t = 1000)]
        n: usize,
        /// Words of each text that the worker is shown
        #[arg(long, default_value_t = 25)]
        start_words: usize,
        /// Fewest words of a human text
        #[arg(long, default_value_t = 60)]
        least_words: usize,
        /// Family of writers: chat, or base for models that only continue text
        #[arg(long, default_value = "chat")]
        head: String,
        /// Name of the domain, for the thresholds
        #[arg(long, default_value = "")]
        domain: String,
        /// Where the model goes; its card is written beside it
        #[arg(long)]
        out: PathBuf,
    },
    /// Set the thresholds of a model by human text of your own kind
    Calibrate {
        /// The model (default: the embedded head named by --head)
        #[arg(long)]
        model: Option<PathBuf>,
        /// The embedded head to calibrate: chat or base
        #[arg(long, default_value = "chat", conflicts_with = "model")]
        head: String,
        /// Files of human texts that the model was not trained on
        #[arg(long, required = true, num_args = 1..)]
        human: Vec<PathBuf>,
        /// Field of the text (default: text)
        #[arg(long)]
        field: Option<String>,
        /// Files of machine texts that it was not trained on: they give probabilities, and verdicts of human
        #[arg(long, num_args = 1..)]
        machine: Vec<PathBuf>,
        /// Field of the text in them (default: --field)
        #[arg(long)]
        machine_field: Option<String>,
        /// Name of their domain
        #[arg(long, default_value = "")]
        domain: String,
        /// Where the calibrated model goes
        #[arg(long)]
        out: PathBuf,
    },
    /// Measure detectors on texts whose writers are known: AUROC, TPR at 1 % and 5 % FPR, plots; a config or one model
    Eval(EvalArgs),
}

#[derive(Args)]
struct SidesArgs {
    /// Files of human texts: JSON lines, or a JSON object of lists (see --human-field)
    #[arg(long, required = true, num_args = 1..)]
    human: Vec<PathBuf>,
    /// Field of the text, or the list of texts
    #[arg(long)]
    human_field: Option<String>,
    /// Files of machine texts
    #[arg(long, required = true, num_args = 1..)]
    machine: Vec<PathBuf>,
    /// Field of the text, or the list of texts
    #[arg(long)]
    machine_field: Option<String>,
}

impl From<SidesArgs> for Sides {
    fn from(args: SidesArgs) -> Self {
        let SidesArgs { human, human_field, machine, machine_field } = args;
        Self { human, human_field, machine, machine_field }
    }
}

impl DetectCommand {
    async fn run(self) -> Result<String, RunError> {
        match self {
            Self::Bootstrap { config, worker, human, field, n, start_words, least_words, head, domain, out } => {
                let call =
                    BootstrapCall { config, worker, human, field, n, start_words, least_words, head, domain, out };
                commands::bootstrap::bootstrap(&call).await
            }
            Self::Score { model: None, sentences: true, .. } => Err(RunError::Usage(
                "--sentences needs a --model of yours: the embedded heads say too little of so few words".into(),
            )),
            Self::Score { files, model, field, domain, min_words, reasons, sentences, window_words } => {
                let call = ScoreCall { files, field, min_words, n_reasons: reasons };
                let windows = WindowParams { min_words: window_words, ..WindowParams::default() };
                match model {
                    Some(model) => detect::score(&model, &call, &domain, sentences.then_some(windows)),
                    None if !domain.is_empty() => Err(RunError::Usage(
                        "--domain chooses the thresholds of a calibrated --model: the embedded heads have none".into(),
                    )),
                    None => detect_default::score(&call),
                }
            }
            Self::ZeroShot(args) => commands::zero_shot::zero_shot(&args.into()).await,
            Self::FewShot(args) => commands::few_shot::few_shot(&args.into()),
            Self::Prevalence(args) => commands::prevalence::prevalence(&args.into()),
            Self::Train { sides, head, name, out } => detect::train(&sides.into(), &head, &name, &out),
            Self::TrainDefault { chat, base, source, licence, date, out } => {
                detect_default::train(&TrainDefaultCall { chat, base, source, licence, date, out })
            }
            Self::Calibrate { model, head, human, field, machine, machine_field, domain, out } => {
                let machine_field = machine_field.or_else(|| field.clone());
                let sides = Sides { human, human_field: field, machine, machine_field };
                let model = detect_default::load(model.as_deref(), &head)?;
                detect::calibrate(model, &sides, &domain, &out)
            }
            Self::Eval(args) => commands::evaluate::eval(&args.into()).await,
        }
    }
}

#[derive(Args)]
struct Call {
    /// The config file (TOML)
    config: PathBuf,
    /// Override a key of the config: --set run.seed=7 --set stage.quality.presets='["c4"]'
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Read only the first N documents of each source
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Shards to work on at a time (default: the number of cores)
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Memory pool, e.g. 2GiB (default: the config's run.memory)
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
}

#[derive(Args)]
struct LogArgs {
    /// How to tell what happens
    #[arg(long, default_value = "text")]
    log: LogArg,
    /// Say nothing but errors
    #[arg(long)]
    quiet: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogArg {
    Text,
    Json,
}

#[derive(Clone, Copy, ValueEnum)]
enum FormatArg {
    Table,
    Csv,
    Json,
}

impl From<Call> for ConfigCall {
    fn from(call: Call) -> Self {
        let Call { config, overrides, limit, jobs, memory } = call;
        Self { config, overrides, limit, jobs, memory }
    }
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(text) => {
            // A reader that has gone (`| head`) is no failure.
            let _ = writeln!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let prefix = if matches!(error, RunError::Config(_)) { "" } else { "error: " };
            let _ = writeln!(std::io::stderr(), "{prefix}{error}");
            ExitCode::from(match error {
                RunError::Config(_) | RunError::Usage(_) => 2,
                RunError::Interrupted => 130,
                RunError::Failed(_) => 1,
            })
        }
    }
}

fn run(command: Command) -> Result<String, RunError> {
    let jobs = if let Command::Run { call, .. } = &command { call.jobs } else { None };
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(jobs) = jobs {
        builder.worker_threads(jobs.max(1));
    }
    let runtime = builder.enable_all().build().map_err(|e| RunError::Usage(format!("cannot start threads: {e}")))?;
    runtime.block_on(async {
        match command {
            Command::Run { call, out, log } => {
                let log = match (log.quiet, log.log) {
                    (true, _) => Log::Quiet,
                    (false, LogArg::Json) => Log::Json,
                    (false, LogArg::Text) => Log::Text,
                };
                commands::run::run(&call.into(), out, log).await
            }
            Command::Check { call, deep } => commands::check::check(&call.into(), deep).await,
            Command::Plan { call, out, cost } => commands::plan::plan(&call.into(), out, cost).await,
            Command::Lm(command) => command.run().await,
            Command::Why { run, id } => commands::why::why(&run, &id).await,
            Command::Report { run } => commands::report::report(&run).await,
            Command::Sql { query, run, format } => {
                let format = match format {
                    FormatArg::Table => Format::Table,
                    FormatArg::Csv => Format::Csv,
                    FormatArg::Json => Format::Json,
                };
                commands::sql::sql(&query, run.as_deref(), format).await
            }
            Command::Detect(command) => command.run().await,
            Command::Audit(args) => commands::audit::audit(&args.into()),
            Command::Ops { name } => commands::ops::ops(name.as_deref()),
        }
    })
}
