//! `gristmill lm probe` and `gristmill lm serve`

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gristmill_lm::loopback::{Server, ServerSettings};
use gristmill_lm::probe::ProbeSettings;
use gristmill_lm::{WorkerSettings, Workers};
use serde_json::json;

use crate::RunError;
use crate::config::Config;

/// Which workers are probed.
#[derive(Debug, Clone)]
pub enum ProbeCall {
    /// Those of a config: these by name, or all.
    Config {
        /// The config file.
        config: PathBuf,
        /// Names of workers; none for all.
        workers: Vec<String>,
    },
    /// A server that no config names.
    Server {
        /// Its address, with `/v1`.
        url: String,
        /// The model's name.
        model: String,
        /// Environment variable with the key.
        api_key_env: Option<String>,
    },
}

/// Finds out what workers can do by trying; returns what to print.
///
/// # Errors
/// When a worker cannot be reached or refuses the credentials; the others are probed all the same.
pub async fn probe(call: &ProbeCall) -> Result<String, RunError> {
    let (workers, names) = match call {
        ProbeCall::Config { config, workers } => {
            let config = Config::load_workers(config)?;
            let all: Vec<String> = config.workers.keys().cloned().collect();
            if all.is_empty() {
                return Err(RunError::Usage("the config names no [worker.NAME]".into()));
            }
            let names = if workers.is_empty() { all } else { workers.clone() };
            (Workers::new(config.workers, None), names)
        }
        ProbeCall::Server { url, model, api_key_env } => {
            let mut table = json!({ "kind": "openai", "base_url": url, "model": model });
            if let Some(variable) = api_key_env {
                table["api_key_env"] = json!(variable);
            }
            let settings = WorkerSettings::parse(&table).map_err(|e| RunError::Usage(e.message))?;
            (Workers::new([("server".to_owned(), settings)].into(), None), vec!["server".to_owned()])
        }
    };
    let (mut text, mut n_failed) = (String::new(), 0);
    for name in &names {
        let before = Usage::now();
        // Writing to a String cannot fail.
        let _ = match workers.probe(name, &ProbeSettings::default()).await {
            Ok(report) if report.server.is_some() => writeln!(text, "{report}"),
            Ok(report) => writeln!(text, "{report}{}", before.since(report.timing.n_tokens)),
            Err(error) => {
                n_failed += 1;
                writeln!(text, "{name}: {error}\n")
            }
        };
    }
    match n_failed {
        0 => Ok(text.trim_end().to_owned()),
        _ => {
            Err(RunError::Usage(format!("{n_failed} of {} workers do not answer\n\n{}", names.len(), text.trim_end())))
        }
    }
}

/// What this process has used, where the system says so.
struct Usage {
    cpu_seconds: Option<f64>,
}

/// Clock ticks per second in `/proc`, which Linux fixes for user space.
const TICKS: f64 = 100.0;

impl Usage {
    fn now() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").ok();
        // After the name in parentheses, the 12th and 13th fields are ticks in user and system mode.
        let ticks = stat.as_deref().and_then(|stat| stat.rsplit_once(')')).and_then(|(_, rest)| {
            let mut fields = rest.split_whitespace().skip(11);
            Some(fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?)
        });
        Self { cpu_seconds: ticks.map(|ticks| ticks / TICKS) }
    }

    /// Peak memory of the process, and CPU seconds per 1,000 tokens since then.
    fn since(&self, n_tokens: u64) -> String {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        let peak: Option<f64> = peak;
        let mut text = String::new();
        if let Some(kib) = peak {
            let _ = writeln!(text, "  memory              {:.1} MiB peak, the whole process", kib / 1024.0);
        }
        if let (Some(before), Some(now), 1..) = (self.cpu_seconds, Self::now().cpu_seconds, n_tokens) {
            let per_thousand = (now - before) * 1000.0 / n_tokens as f64;
            let _ = writeln!(text, "  CPU                 {per_thousand:.3} s per 1,000 tokens");
        }
        text
    }
}

/// What is served.
#[derive(Debug, Clone)]
pub struct ServeCall {
    /// Port on 127.0.0.1; 0 for any that is free.
    pub port: u16,
    /// Files the model is fitted on.
    pub files: Vec<PathBuf>,
    /// The server's faults, as TOML.
    pub faults: Option<PathBuf>,
    /// Milliseconds before each answer.
    pub latency_ms: u64,
    /// Longest context of the model's cache, in tokens; 1 wanders, 2 and more copy from the prompt.
    pub cache_order: usize,
}

/// Serves the embedded model over OpenAI's protocol until the process ends.
///
/// # Errors
/// When a file cannot be read or the port is taken.
pub async fn serve(call: &ServeCall) -> Result<String, RunError> {
    let table = json!({ "kind": "ngram", "files": call.files, "cache_order": call.cache_order });
    let settings = WorkerSettings::parse(&table).map_err(|e| RunError::Usage(e.message))?;
    let workers = Workers::new([("ngram".to_owned(), settings)].into(), None);
    let worker = workers.open("ngram", &[]).await.map_err(|e| RunError::Usage(e.to_string()))?;
    let faults = call.faults.as_deref().map(faults).transpose()?.unwrap_or_default();
    let settings = ServerSettings {
        port: call.port,
        latency_ms: call.latency_ms,
        remember_requests: faults.rate > 0.0,
        faults,
        ..ServerSettings::default()
    };
    let server = Server::start(Arc::clone(&worker), settings)
        .map_err(|e| RunError::Usage(format!("cannot serve on 127.0.0.1:{}: {e}", call.port)))?;
    let line = format!("serving on {} (model {}); stop with Ctrl-C", server.url(), worker.identity().model);
    // Whoever started it reads this line to find the port.
    let _ = std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{line}\n"));
    tokio::task::spawn_blocking(move || server.serve_forever())
        .await
        .map_err(|e| RunError::Usage(format!("the server stopped: {e}")))?;
    Ok(String::new())
}

fn faults(path: &Path) -> Result<gristmill_lm::loopback::FaultPlan, RunError> {
    let refuse = |cause: String| RunError::Usage(format!("{}: {cause}", path.display()));
    let text = fs::read_to_string(path).map_err(|e| refuse(format!("cannot be read: {e}")))?;
    toml::from_str(&text).map_err(|e| refuse(e.to_string()))
}
