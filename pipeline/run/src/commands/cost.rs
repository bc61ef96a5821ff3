//! What a run will ask of servers and what it will cost, found out by rehearsing it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use gristmill_core::error::Error;
use gristmill_lm::journal::Journal;
use gristmill_lm::pool::Price;
use gristmill_lm::pool::plan::{CostPlan, Span, TokenBasis, plan_cost};
use gristmill_lm::workers::Rehearsed;

use super::{ConfigCall, jobs, planned};
use crate::RunError;
use crate::engine::{Engine, EngineOptions, Log};
use crate::plan::{Layout, make_dir};

/// Replies in the journal from which tokens are measured instead of guessed.
const N_LEAST: usize = 20;

/// A folder that goes when the rehearsal is over, however it ends.
struct Stage(PathBuf);

impl Drop for Stage {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Rehearses a run in a folder of its own and counts what its servers would be asked.
///
/// # Errors
/// As for the run.
pub(super) async fn estimate(call: &ConfigCall, layout: &Layout) -> Result<String, RunError> {
    let (plan, sessions) = planned(call)?;
    let prices = plan.config.workers.iter().map(|(name, worker)| (name.clone(), worker.pool.budget.price_per_million));
    let prices: Vec<(String, Price)> = prices.collect();
    let folder = Stage(std::env::temp_dir().join(format!("gristmill-rehearsal-{}", std::process::id())));
    make_dir(&folder.0)?;
    let options = EngineOptions { jobs: jobs(call), log: Log::Quiet, rehearse: true };
    let engine = Engine::new(plan, Layout::new(&folder.0), sessions, options);
    engine.run().await?;
    let journal = opened(&layout.journal())?;
    let mut text = String::from("what the servers will be asked (rehearsed with the embedded model)\n");
    let rehearsed = engine.workers().rehearsed();
    if rehearsed.is_empty() {
        text.push_str("  nothing: no stage asks a server\n");
    }
    for worker in &rehearsed {
        let price = prices.iter().find(|(name, _)| *name == worker.worker).map(|(_, price)| *price);
        text.push_str(&told(worker, &cost(worker, journal.as_ref(), price.unwrap_or_default())?));
    }
    Ok(text)
}

fn opened(folder: &Path) -> Result<Option<Journal>, RunError> {
    match folder.exists() {
        false => Ok(None),
        true => Ok(Some(Journal::read(folder).map_err(|e| Error::Bug(e.to_string()))?)),
    }
}

fn cost(worker: &Rehearsed, journal: Option<&Journal>, price: Price) -> Result<CostPlan, RunError> {
    let failed = |e: gristmill_lm::journal::JournalError| Error::Bug(e.to_string());
    let basis = match journal {
        Some(journal) => TokenBasis::of_journal(journal, &worker.identity, N_LEAST).map_err(failed)?,
        None => TokenBasis::heuristic(),
    };
    let answered = |key: &str| journal.is_some_and(|journal| journal.contains(key));
    Ok(plan_cost(&worker.requests, &worker.identity, basis, price, answered))
}

fn told(worker: &Rehearsed, plan: &CostPlan) -> String {
    let mut text = String::new();
    let span = |span: Span| format!("{:.0} ({:.0} to {:.0})", span.likely, span.low, span.high);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {} ({})", worker.worker, worker.identity.model);
    let _ = writeln!(text, "    requests           {}", span(plan.requests));
    let _ = writeln!(text, "    prompt tokens      {}", span(plan.prompt_tokens));
    let _ = writeln!(text, "    reply tokens       {}", span(plan.completion_tokens));
    if !worker.scored_bytes.is_empty() {
        let bytes: usize = worker.scored_bytes.iter().sum();
        let _ = writeln!(text, "    texts to score     {}, {bytes} bytes", worker.scored_bytes.len());
    }
    let _ = match plan.cost.high > 0.0 {
        true => writeln!(
            text,
            "    cost               {:.4} ({:.4} to {:.4})",
            plan.cost.likely, plan.cost.low, plan.cost.high
        ),
        false => writeln!(text, "    cost               unknown: give [worker.{}] price_per_million", worker.worker),
    };
    if plan.n_answered > 0 {
        let _ = writeln!(text, "    already answered   {} requests, by the journal", plan.n_answered);
    }
    let basis = match plan.basis.n_measured {
        0 => "guessed: a token is about four characters, a reply half of what it may be".to_owned(),
        n => format!("measured on {n} earlier replies"),
    };
    let _ = writeln!(text, "    tokens are {basis}");
    text
}
