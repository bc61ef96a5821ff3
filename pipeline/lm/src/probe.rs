//! What a worker can do and how fast, for `gristmill lm probe`.
//!
//! A recipe that needs scores or a schema should fail before it spends, and what a server claims is no evidence:
//! everything here was tried. Memory and CPU of in-process workers are the caller's to measure.

use std::fmt;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::error::WorkerError;
use crate::openai::OpenAi;
use crate::request::{CompletionRequest, Identity, Prompt, Sampling};
use crate::worker::{Capabilities, Worker};

/// How a worker is probed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProbeSettings {
    /// Number of short requests that are timed, one after another; 0 for none.
    pub n_timed: u32,
    /// Longest reply of each, in tokens.
    pub max_tokens: u32,
}

impl Default for ProbeSettings {
    fn default() -> Self {
        Self { n_timed: 10, max_tokens: 16 }
    }
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// What.
    pub what: String,
    /// Whether it works.
    pub works: bool,
    /// Why it does not, or what else was seen; may be empty.
    pub note: String,
}

/// How fast a worker answers short requests, one at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Requests that were answered.
    pub n_replies: u32,
    /// Requests that failed; they are not in the figures.
    pub n_failed: u32,
    /// Tokens of all replies.
    #[serde(default)]
    pub n_tokens: u64,
    /// Median of the milliseconds to a whole reply; none without replies.
    pub p50_ms: Option<f64>,
    /// Their 95th percentile, by nearest rank.
    pub p95_ms: Option<f64>,
    /// Tokens of replies per second of waiting; none when the worker counts none.
    pub tokens_per_second: Option<f64>,
    /// The last failure's words.
    pub last_failure: Option<String>,
}

/// What was found out about a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// Its name in the config.
    pub worker: String,
    /// Which model it is.
    pub identity: Identity,
    /// Where it is, and the dialect it was spoken to in; none for workers in this process.
    pub server: Option<String>,
    /// What was tried, in that order.
    pub trials: Vec<Trial>,
    /// The same, as stages ask for it.
    pub capabilities: Capabilities,
    /// How fast it answers.
    pub timing: Timing,
}

/// Probes any worker by its own [`Worker::probe`]. Give it the bare worker: a journal would answer for it.
///
/// # Errors
/// When it cannot be reached.
pub async fn probe(worker: &dyn Worker, settings: &ProbeSettings) -> Result<ProbeReport, WorkerError> {
    let capabilities = worker.probe().await?;
    let timing = time(worker, &capabilities, settings).await;
    let trials = trials_of(&capabilities);
    Ok(report(worker, None, trials, capabilities, timing))
}

/// Probes a server, with a row for each thing tried.
///
/// # Errors
/// When it cannot be reached or refuses the credentials.
pub async fn probe_server(worker: &OpenAi, settings: &ProbeSettings) -> Result<ProbeReport, WorkerError> {
    let (trials, capabilities) = worker.trials().await?;
    let timing = time(worker, &capabilities, settings).await;
    let dialect = worker.dialect().await.map_or_else(|_| "unknown".to_owned(), |dialect| format!("{dialect:?}"));
    let server = format!("{} (dialect {dialect})", worker.base_url());
    Ok(report(worker, Some(server), trials, capabilities, timing))
}

fn report(
    worker: &dyn Worker,
    server: Option<String>,
    trials: Vec<Trial>,
    capabilities: Capabilities,
    timing: Timing,
) -> ProbeReport {
    ProbeReport { worker: worker.name().to_owned(), identity: worker.identity(), server, trials, capabilities, timing }
}

/// The capabilities as rows; their notes stand below, since they do not say which row they are of.
fn trials_of(found: &Capabilities) -> Vec<Trial> {
    let rows = [
        ("completions", found.text),
        ("chat", found.chat),
        ("seed", found.seed),
        ("reply logprobs", found.reply_logprobs),
        ("score", found.score),
        ("embeddings", found.embeddings),
        ("whole distribution", found.full_distribution),
        ("json_schema", found.json_schema),
        ("regex", found.regex),
        ("grammar", found.grammar),
    ];
    let notes = found.notes.iter().map(|note| Trial { what: "note".to_owned(), works: false, note: note.clone() });
    let row = |(what, works): (&str, bool)| Trial { what: what.to_owned(), works, note: String::new() };
    rows.into_iter().map(row).chain(notes).collect()
}

/// Times short requests, each with a prompt of its own so that no cache answers.
async fn time(worker: &dyn Worker, found: &Capabilities, settings: &ProbeSettings) -> Timing {
    let (mut times_ms, mut tokens, mut n_failed, mut last_failure) = (Vec::new(), 0, 0, None);
    let n_timed = if found.text || found.chat { settings.n_timed } else { 0 };
    for i in 0..n_timed {
        let text = format!("Write a short sentence about the number {}.", i + 1);
        let prompt = if found.chat { Prompt::user(text) } else { Prompt::Text(text) };
        let sampling = Sampling { max_tokens: settings.max_tokens, ..Sampling::default() };
        let clock = Instant::now();
        match worker.complete(&CompletionRequest::new(prompt, sampling)).await {
            Ok(reply) => {
                times_ms.push(clock.elapsed().as_secs_f64() * 1e3);
                tokens += reply.completion_tokens;
            }
            Err(error) => {
                n_failed += 1;
                last_failure = Some(error.message);
            }
        }
    }
    let seconds = times_ms.iter().sum::<f64>() / 1e3;
    times_ms.sort_by(f64::total_cmp);
    Timing {
        n_replies: n_timed - n_failed,
        n_failed,
        n_tokens: tokens,
        p50_ms: nearest_rank(&times_ms, 0.5),
        p95_ms: nearest_rank(&times_ms, 0.95),
        tokens_per_second: (tokens > 0 && seconds > 0.0).then(|| tokens as f64 / seconds),
        last_failure,
    }
}

/// The smallest value that at least this share of sorted values does not exceed.
fn nearest_rank(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

impl fmt::Display for ProbeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Identity { kind, model, revision } = &self.identity;
        let at = if revision.is_empty() { String::new() } else { format!(" at {revision}") };
        writeln!(f, "{}: {kind}, model {model}{at}", self.worker)?;
        if let Some(server) = &self.server {
            writeln!(f, "{server}")?;
        }
        for Trial { what, works, note } in &self.trials {
            let works = if *works { "yes" } else { "no " };
            writeln!(f, "{}", format!("  {what:<19} {works}  {note}").trim_end())?;
        }
        self.timing.fmt(f)
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.p50_ms, self.p95_ms) {
            (Some(p50), Some(p95)) => {
                write!(f, "  latency             p50 {p50:.1} ms, p95 {p95:.1} ms over {} replies", self.n_replies)?;
            }
            _ => write!(f, "  latency             no replies")?,
        }
        if let Some(rate) = self.tokens_per_second {
            write!(f, ", {rate:.1} tokens/s")?;
        }
        if let Some(failure) = &self.last_failure {
            write!(f, "; {} failed, the last: {failure}", self.n_failed)?;
        }
        writeln!(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!((nearest_rank(&values, 0.5), nearest_rank(&values, 0.95)), (Some(10.0), Some(19.0)));
        assert_eq!((nearest_rank(&[], 0.5), nearest_rank(&[3.0], 0.95)), (None, Some(3.0)));
    }
}
