//! Arguments of `gristmill lm`.

use std::path::PathBuf;

use clap::Subcommand;
use gristmill_run::RunError;
use gristmill_run::commands;
use gristmill_run::commands::lm::{ProbeCall, ServeCall};

#[derive(Subcommand)]
pub(super) enum LmCommand {
    /// Try what workers can do and how fast they are: those of a config, or a server by its address
    Probe {
        /// The config file whose workers are probed
        #[arg(required_unless_present = "url")]
        config: Option<PathBuf>,
        /// Names of workers (default: all)
        workers: Vec<String>,
        /// A server instead: http://127.0.0.1:8000/v1
        #[arg(long, requires = "model", conflicts_with = "config")]
        url: Option<String>,
        /// The model's name, as the server knows it
        #[arg(long)]
        model: Option<String>,
        /// Environment variable that holds the key
        #[arg(long)]
        api_key_env: Option<String>,
    },
    /// Serve the embedded n-gram model over OpenAI's protocol on 127.0.0.1, for tests and examples
    Serve {
        /// Files the model is fitted on: text, or JSON lines
        #[arg(long, required = true, num_args = 1..)]
        files: Vec<PathBuf>,
        /// Port; 0 for any that is free
        #[arg(long, default_value_t = 8000)]
        port: u16,
        /// Milliseconds before each answer
        #[arg(long, default_value_t = 0)]
        latency_ms: u64,
        /// Longest context of the model's cache, in tokens: 1 wanders, 2 and more copy from the prompt
        #[arg(long, default_value_t = 1)]
        cache_order: usize,
        /// A plan of faults (TOML: rate, seed, kinds), to see how clients bear them
        #[arg(long)]
        faults: Option<PathBuf>,
    },
}

impl LmCommand {
    /// Runs the command; returns what to print.
    pub(super) async fn run(self) -> Result<String, RunError> {
        match self {
            Self::Probe { config: Some(config), workers, .. } => {
                commands::lm::probe(&ProbeCall::Config { config, workers }).await
            }
            Self::Probe { config: None, url, model, api_key_env, .. } => {
                let (url, model) = (url.unwrap_or_default(), model.unwrap_or_default());
                commands::lm::probe(&ProbeCall::Server { url, model, api_key_env }).await
            }
            Self::Serve { files, port, latency_ms, cache_order, faults } => {
                commands::lm::serve(&ServeCall { port, files, faults, latency_ms, cache_order }).await
            }
        }
    }
}
