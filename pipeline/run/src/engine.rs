//! The engine: runs the steps of a plan, part by part, so that nothing committed is ever lost.
//!
//! One pass is one physical plan with one partition per shard. The runner executes the partitions that the journal
//! does not name yet, `jobs` at a time, and commits each part as it comes back: file renamed, then a journal line,
//! both synced. `_done.json` is written last. DataFusion never retries and never commits.

mod make;
mod pass;
mod progress;
mod relation;
mod wire;
mod write;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Instant;

use gristmill_core::error::Error;
use gristmill_core::params;
use gristmill_core::stage::{SolveContext, Stage};
use gristmill_lm::Workers;
use serde_json::{Value, json};

pub use progress::{Log, Reporter};
pub use wire::Wire;
pub(crate) use write::part::{Part, PartOptions, PartWriter, hex};

use crate::RunError;
use crate::plan::{Done, Layout, Plan, StageCounts, Step};
use crate::session::Sessions;

/// How to run.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Shards worked on at a time.
    pub jobs: usize,
    /// How to tell what happens.
    pub log: Log,
    /// Ask no server: the embedded model stands in, and what servers would have been asked is kept.
    pub rehearse: bool,
}

/// A run in progress.
pub struct Engine {
    plan: Arc<Plan>,
    layout: Layout,
    sessions: Sessions,
    options: EngineOptions,
    reporter: Reporter,
    workers: Arc<Workers>,
}

/// What a finished run has to say.
#[derive(Debug)]
pub struct Outcome {
    /// Rows by stage, in the order of the plan.
    pub stages: Vec<(String, StageCounts)>,
    /// The content of `run.json`.
    pub record: Value,
}

impl Engine {
    /// An engine for `plan` in the run directory of `layout`.
    pub fn new(plan: Plan, layout: Layout, sessions: Sessions, options: EngineOptions) -> Self {
        let reporter = Reporter::new(options.log);
        let settings = plan.config.workers.clone();
        let workers = Arc::new(match options.rehearse {
            true => Workers::rehearsing(settings),
            false => Workers::new(settings, Some(layout.journal())),
        });
        Self { plan: Arc::new(plan), layout, sessions, options, reporter, workers }
    }

    /// The run's workers.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Runs every step that is not done.
    ///
    /// # Errors
    /// When a file cannot be read or written, a source holds too much damage, rows are not conserved, or the user
    /// interrupts. What was committed stays; the same command goes on from there.
    pub async fn run(&self) -> Result<Outcome, RunError> {
        let started = Instant::now();
        for warning in &self.plan.warnings {
            self.reporter.warning(warning);
        }
        let mut counts: BTreeMap<String, StageCounts> = BTreeMap::new();
        let mut seconds: BTreeMap<String, f64> = BTreeMap::new();
        for step in self.plan.steps() {
            let done = match step {
                Step::Solve(i) => {
                    let spent = interruptible(self.prepare(i)).await?;
                    seconds.insert(format!("{} (solve)", self.plan.nodes[i].decl.name), spent);
                    if self.plan.nodes[i].decl.kind == "audit" {
                        let page = crate::audit::finish(&self.plan, i, &self.layout)?;
                        let page = page.display().to_string();
                        self.reporter.event("audited", &self.plan.nodes[i].decl.name, &json!({ "page": page }));
                    }
                    continue;
                }
                Step::Write(i) => {
                    self.allow(i)?;
                    interruptible(self.write(i)).await?
                }
            };
            let Step::Write(i) = step else { continue };
            seconds.insert(self.plan.nodes[i].decl.name.clone(), done.seconds);
            counts.extend(done.stages.clone());
            if matches!(self.plan.nodes[i].stage, Stage::Release(_)) {
                crate::release::finish(&self.plan, i, &self.layout, &self.sessions, &done, &counts).await?;
                self.reporter.event("released", &self.plan.nodes[i].decl.name, &json!({ "rows": done.rows() }));
            }
        }
        let record = self.record(&counts, &seconds, started.elapsed().as_secs_f64())?;
        let stages = self.plan.nodes.iter().filter_map(|node| {
            let name = node.decl.name.clone();
            counts.remove(&name).map(|count| (name, count))
        });
        Ok(Outcome { stages: stages.collect(), record })
    }

    /// Whether a release may be built: the audit that it requires must not have found worse than it allows.
    fn allow(&self, i: usize) -> Result<(), RunError> {
        let node = &self.plan.nodes[i];
        let Stage::Release(params) = &node.stage else { return Ok(()) };
        let params: gristmill_stages::release::ReleaseParams = params::parse(params).map_err(Error::from)?;
        match &params.require {
            None => Ok(()),
            Some(require) => crate::audit::hold(&self.plan, i, &self.layout, &require.audit, &require.level),
        }
    }

    /// Gives a stage its look at the whole input, unless all that follows from it is done; returns the seconds it took.
    async fn prepare(&self, i: usize) -> Result<f64, RunError> {
        match self.plan.nodes[i].stage {
            Stage::Maker(_) => self.make(i).await,
            _ => self.solve(i).await,
        }
    }

    /// Lets a solver see its input, unless its verdicts are there; returns the seconds it took.
    async fn solve(&self, i: usize) -> Result<f64, RunError> {
        let node = &self.plan.nodes[i];
        let Stage::Solver(solver) = &node.stage else { return Err(Error::Bug("not a solver".into()).into()) };
        let verdicts = self.layout.verdicts(node);
        if verdicts.exists() && solver.is_whole() {
            self.reporter.event("skipped", &node.decl.name, &json!({ "because": "its verdicts are there" }));
            return Ok(0.0);
        }
        self.reporter.event("solving", &node.decl.name, &json!({}));
        let started = Instant::now();
        let folder = verdicts.parent().ok_or_else(|| Error::Bug("verdicts have a folder".into()))?;
        let scratch = folder.join(format!("{}.scratch", node.fingerprint));
        if scratch.exists() {
            fs::remove_dir_all(&scratch).map_err(Error::path("clearing", &scratch))?;
        }
        crate::plan::make_dir(&scratch)?;
        let temporary = verdicts.with_extension("tmp");
        let context = SolveContext {
            verdicts: temporary.clone(),
            scratch: scratch.clone(),
            memory_bytes: self.plan.config.run.memory_bytes / 2,
            jobs: self.options.jobs,
        };
        let input = relation::InputRelation::new(&self.plan, i, &self.layout, &self.sessions)?;
        solver.solve(&input, &context).await?;
        crate::plan::commit(&temporary, &verdicts)?;
        fs::remove_dir_all(&scratch).map_err(Error::path("clearing", &scratch))?;
        let seconds = started.elapsed().as_secs_f64();
        self.reporter.event("solved", &node.decl.name, &json!({ "seconds": round(seconds) }));
        Ok(seconds)
    }

    /// Runs the pass that writes a stage, unless it is done.
    async fn write(&self, i: usize) -> Result<Done, RunError> {
        let node = &self.plan.nodes[i];
        if let Some(done) = self.layout.done(node)? {
            self.reporter.event("skipped", &node.decl.name, &json!({ "because": "done before", "rows": done.rows() }));
            return Ok(done);
        }
        let fused: Vec<&str> = self.plan.fused(i).iter().map(|j| self.plan.nodes[*j].decl.name.as_str()).collect();
        self.reporter.event("started", &node.decl.name, &json!({ "pass": fused }));
        let pass = pass::Pass {
            plan: &self.plan,
            target: i,
            layout: &self.layout,
            sessions: &self.sessions,
            jobs: self.options.jobs,
        };
        let done = pass.run(&self.reporter).await?;
        if matches!(node.stage, Stage::Maker(_)) {
            self.forget_made(i)?;
        }
        self.reporter.finished(&node.decl.name, &done);
        Ok(done)
    }

    /// Names of the stages of each pass, in order.
    fn passes(&self) -> Vec<Vec<&str>> {
        let name = |i: usize| self.plan.nodes[i].decl.name.as_str();
        let pass = |step| match step {
            Step::Write(i) => Some(self.plan.fused(i).into_iter().map(name).collect()),
            Step::Solve(_) => None,
        };
        self.plan.steps().into_iter().filter_map(pass).collect()
    }

    /// Writes and returns `run.json`.
    fn record(
        &self,
        counts: &BTreeMap<String, StageCounts>,
        seconds: &BTreeMap<String, f64>,
        total: f64,
    ) -> Result<Value, RunError> {
        let stages: Vec<Value> = self
            .plan
            .nodes
            .iter()
            .map(|node| {
                let name = &node.decl.name;
                json!({
                    "name": name, "kind": node.decl.kind, "input": node.decl.inputs, "fingerprint": node.fingerprint,
                    "written": node.written, "rows": counts.get(name), "seconds": seconds.get(name),
                    "solve_seconds": seconds.get(&format!("{name} (solve)")),
                    "makes": matches!(node.stage, Stage::Maker(_)), "params": node.decl.params,
                })
            })
            .collect();
        let record = json!({
            "gristmill": env!("CARGO_PKG_VERSION"), "name": self.plan.config.run.name, "seed": self.plan.config.run.seed,
            "config_file": self.plan.config.document.path(), "config": self.plan.config.document.value(),
            "warnings": self.plan.warnings, "stages": stages, "seconds": round(total),
            "workers": self.workers.reports(), "passes": self.passes(),
            "config_text": self.plan.config.document.text(),
        });
        let text = serde_json::to_vec_pretty(&record).map_err(|e| Error::Bug(e.to_string()))?;
        crate::plan::write_whole(&self.layout.root().join("run.json"), &text)?;
        Ok(record)
    }
}

fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// Runs a future until it ends or the user presses Ctrl-C.
async fn interruptible<T>(work: impl Future<Output = Result<T, RunError>>) -> Result<T, RunError> {
    tokio::select! {
        result = work => result,
        _ = tokio::signal::ctrl_c() => Err(RunError::Interrupted),
    }
}
