//! What a run tells while it goes: bars on a terminal, one line per event otherwise, JSON for machines.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::plan::Done;

/// How to tell what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// Bars on a terminal, lines elsewhere.
    Text,
    /// One JSON object per line.
    Json,
    /// Nothing but errors.
    Quiet,
}

/// Tells what happens, on standard error.
#[derive(Debug)]
pub struct Reporter {
    log: Log,
    started: Instant,
    terminal: bool,
}

impl Reporter {
    /// A reporter that starts its clock now.
    pub fn new(log: Log) -> Self {
        Self { log, started: Instant::now(), terminal: std::io::stderr().is_terminal() }
    }

    /// Something a person should look at.
    pub fn warning(&self, message: &str) {
        match self.log {
            Log::Quiet => {}
            Log::Json => self.line(&json!({ "event": "warning", "message": message }).to_string()),
            Log::Text => self.line(&format!("warning: {message}")),
        }
    }

    /// A stage's event with its facts.
    pub fn event(&self, event: &str, stage: &str, facts: &Value) {
        let seconds = (self.started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        match self.log {
            Log::Quiet => {}
            Log::Json => {
                let mut line = json!({ "event": event, "stage": stage, "at_seconds": seconds });
                if let (Some(line), Some(facts)) = (line.as_object_mut(), facts.as_object()) {
                    line.extend(facts.clone());
                }
                self.line(&line.to_string());
            }
            Log::Text => {
                let facts: Vec<String> = facts.as_object().into_iter().flatten().map(|(k, v)| fact(k, v)).collect();
                self.line(format!("[{seconds:8.2} s] {event:8} {stage}  {}", facts.join("  ")).trim_end());
            }
        }
    }

    pub(super) fn finished(&self, stage: &str, done: &Done) {
        for (name, count) in &done.stages {
            let dropped: u64 = count.dropped.values().sum();
            self.event("counted", name, &json!({ "in": count.rows_in, "kept": count.kept, "dropped": dropped }));
        }
        let rate = done.parts.iter().map(|part| part.rows_in).sum::<u64>() as f64 / done.seconds.max(1e-9);
        let facts = json!({ "rows": done.rows(), "seconds": (done.seconds * 1000.0).round() / 1000.0, "rows_per_second": rate.round() });
        self.event("finished", stage, &facts);
    }

    /// A bar over a pass's shards; on anything but a terminal it draws nothing.
    pub(super) fn bar(&self, stage: &str, shards: usize, done: usize, rows: &[Arc<AtomicU64>]) -> Bar {
        let visible = self.terminal && self.log == Log::Text;
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(shards as u64), target);
        let template = "{prefix:>12} [{bar:30}] {pos}/{len} shards, {msg}, {elapsed} (ETA {eta})";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(stage.to_owned());
        bar.set_position(done as u64);
        let ticker = visible.then(|| tick(bar.clone(), rows.to_vec()));
        Bar { bar, ticker }
    }

    fn line(&self, text: &str) {
        // A closed standard error must not end the run.
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

fn fact(key: &str, value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("{key}: {}", items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" > "))
        }
        Value::String(text) => format!("{key}: {text}"),
        other => format!("{key}: {other}"),
    }
}

fn tick(bar: ProgressBar, rows: Vec<Arc<AtomicU64>>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut clock = tokio::time::interval(Duration::from_millis(200));
        loop {
            clock.tick().await;
            let read: u64 = rows.iter().map(|counter| counter.load(Ordering::Relaxed)).sum();
            let rate = read as f64 / bar.elapsed().as_secs_f64().max(1e-9);
            bar.set_message(format!("{read} rows, {rate:.0}/s"));
            bar.tick();
        }
    })
}

/// A pass's progress bar.
pub(super) struct Bar {
    bar: ProgressBar,
    ticker: Option<tokio::task::JoinHandle<()>>,
}

impl Bar {
    pub(super) fn shard_done(&self) {
        self.bar.inc(1);
    }
    pub(super) fn close(self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(ticker) = &self.ticker {
            ticker.abort();
        }
        self.bar.finish_and_clear();
    }
}
