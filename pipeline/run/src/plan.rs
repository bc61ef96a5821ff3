//! The checked plan: stages in order, their fingerprints, what is written and what is fused.
//!
//! Planning reads no documents. It builds every stage, plans every rule against the real schema, and decides which
//! stages write their rows: those that a solver must scan twice, those with several consumers, checkpoints and ends.
//! All others are fused into the pass that follows them.

mod frames;
mod layout;
mod route;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use gristmill_core::error::Error;
use gristmill_core::fingerprint::Fingerprint;
use gristmill_core::params::ParamError;
use gristmill_core::registry::nearest;
use gristmill_core::schema::{DROPPED_BY, is_hidden};
use gristmill_core::source::Source;
use gristmill_core::stage::{Maker, Stage, StageEntry, StageSpec};
use serde_json::json;
use xxhash_rust::xxh3::xxh3_128;

use crate::config::{Config, Diagnostic, Diagnostics, StageDecl, dag};
use crate::session::Sessions;
pub(crate) use frames::live;
pub use frames::{Frames, PlannedShard};
pub use layout::{Done, Journal, Layout, PartRow, StageCounts, commit, make_dir, read_json, write_whole};

/// A stage in the plan.
pub struct Node {
    /// What the config says.
    pub decl: StageDecl,
    /// Its row of the stage table.
    pub entry: &'static StageEntry,
    /// The stage itself.
    pub stage: Stage,
    /// Its inputs, as indices into [`Plan::nodes`].
    pub inputs: Vec<usize>,
    /// The stages that read it.
    pub consumers: Vec<usize>,
    /// The folder its output is kept under; depends on the input files' sizes and times.
    pub fingerprint: String,
    /// The same without file times and folders: equal on every machine.
    pub recipe: String,
    /// Whether its rows are written.
    pub written: bool,
    /// Columns its part files have.
    pub schema: SchemaRef,
}

/// A checked plan.
pub struct Plan {
    /// The config it was made from.
    pub config: Config,
    /// The stages; each comes after its inputs.
    pub nodes: Vec<Node>,
    /// What is allowed but looks like a mistake.
    pub warnings: Vec<String>,
}

/// What has to be done, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Let a solver see its input and write its verdicts, or a maker see its input and make its rows.
    Solve(usize),
    /// Stream rows into part files.
    Write(usize),
}

impl Plan {
    /// Checks a config and plans it.
    ///
    /// # Errors
    /// Every complaint, with file and line.
    pub fn new(mut config: Config, sessions: &Sessions, limit: Option<u64>) -> Result<Self, Diagnostics> {
        let order = dag::order(&config)?;
        let mut complaints = Diagnostics::default();
        let mut nodes: Vec<Node> = Vec::new();
        let mut position: BTreeMap<String, usize> = BTreeMap::new();
        for i in order {
            let mut decl = with_worker(&config, config.stages[i].clone(), sessions);
            if let Some(entry) = sessions.registry().stage(&decl.kind)
                && let Err(some) = route::resolve(&mut config, &mut decl, entry)
            {
                complaints.extend(some);
                continue;
            }
            let Some(inputs) = decl.inputs.iter().map(|name| position.get(name).copied()).collect() else {
                continue; // An input was refused; it has been complained about.
            };
            match build(&config, &decl, sessions, limit) {
                Ok((entry, stage)) => {
                    position.insert(decl.name.clone(), nodes.len());
                    nodes.push(node(&config, decl, entry, stage, inputs, &nodes));
                }
                Err(some) => complaints.extend(some),
            }
        }
        if !complaints.is_empty() {
            return Err(complaints);
        }
        for i in 0..nodes.len() {
            for input in nodes[i].inputs.clone() {
                nodes[input].consumers.push(i);
            }
        }
        let mut plan = Self { config, nodes, warnings: Vec::new() };
        plan.check_schemas(sessions)?;
        for i in 0..plan.nodes.len() {
            plan.nodes[i].written = plan.must_write(i);
        }
        plan.warn_unused();
        Ok(plan)
    }

    /// The steps, in order.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for (i, node) in self.nodes.iter().enumerate() {
            if matches!(node.stage, Stage::Solver(_) | Stage::Maker(_)) {
                steps.push(Step::Solve(i));
            }
            if node.written {
                steps.push(Step::Write(i));
            }
        }
        steps
    }

    /// The stages fused into the pass that writes `target`, in order, `target` last.
    pub fn fused(&self, target: usize) -> Vec<usize> {
        let mut fused: Vec<usize> = self.nodes[target]
            .inputs
            .iter()
            .filter(|input| !self.nodes[**input].written)
            .flat_map(|input| self.fused(*input))
            .collect();
        fused.push(target);
        fused
    }

    fn must_write(&self, i: usize) -> bool {
        let node = &self.nodes[i];
        let scanned_twice = |consumer: &usize| matches!(self.nodes[*consumer].stage, Stage::Solver(_));
        // Rows of a query or a maker are not its input's rows: what ends before them would be in no ledger.
        let makes_rows = |consumer: &usize| matches!(self.nodes[*consumer].stage, Stage::Maker(_) | Stage::Query(_));
        matches!(node.stage, Stage::Release(_) | Stage::Query(_) | Stage::Maker(_))
            || node.decl.checkpoint
            || node.consumers.len() != 1
            || node.consumers.iter().any(makes_rows)
            || (node.consumers.iter().any(scanned_twice) && !self.cheap_to_rescan(i))
    }

    /// Whether reading the stage's rows again costs little: a parsed file, or verdicts over such.
    fn cheap_to_rescan(&self, i: usize) -> bool {
        match &self.nodes[i].stage {
            Stage::Source(source) => source.cheap_to_rescan(),
            Stage::Solver(_) => {
                self.nodes[i].inputs.iter().all(|input| self.must_write(*input) || self.cheap_to_rescan(*input))
            }
            Stage::Row(_) | Stage::Query(_) | Stage::Maker(_) | Stage::Release(_) => false,
        }
    }

    /// Plans every stage against the schema of its inputs and notes the columns it will have.
    fn check_schemas(&mut self, sessions: &Sessions) -> Result<(), Diagnostics> {
        let mut complaints = Diagnostics::default();
        for i in 0..self.nodes.len() {
            let context = sessions.open();
            match Frames::of_schema(self, &context).frame(i) {
                Ok(frame) => self.nodes[i].schema = written_schema(frame.schema().as_arrow()),
                Err(error) => complaints.push(self.complain(i, error)),
            }
            if !complaints.is_empty() {
                return Err(complaints); // What follows would only repeat it.
            }
        }
        Ok(())
    }

    fn complain(&self, i: usize, error: Error) -> Diagnostic {
        let name = &self.nodes[i].decl.name;
        match error {
            Error::Param(param) => self.config.explain(name, &param),
            Error::Stage { cause, .. } => self.config.explain(name, &ParamError { path: vec![], message: cause }),
            Error::Engine(inner) => {
                let is_query = matches!(self.nodes[i].stage, Stage::Query(_));
                let key = if is_query { vec!["query".into()] } else { vec![] };
                let mut message = inner.strip_backtrace();
                if is_query && message.contains("not found") {
                    let inputs = self.nodes[i].decl.inputs.join(", ");
                    message = format!("{message} (the tables of a query are the stage's inputs: {inputs})");
                }
                self.config.explain(name, &ParamError { path: key, message })
            }
            other => self.config.explain(name, &ParamError { path: vec![], message: other.to_string() }),
        }
    }

    fn warn_unused(&mut self) {
        let released = self.nodes.iter().any(|node| matches!(node.stage, Stage::Release(_)));
        for node in &self.nodes {
            if released && node.consumers.is_empty() && !matches!(node.stage, Stage::Release(_)) {
                let name = &node.decl.name;
                self.warnings.push(format!(
                    "stage {name} is read by no other stage and is no release: its rows are written and go nowhere"
                ));
            }
        }
    }
}

/// The columns that part files have: no engine columns, no column without a type.
fn written_schema(schema: &Schema) -> SchemaRef {
    let keep = |name: &str| !is_hidden(name) && name != DROPPED_BY;
    Arc::new(Schema::new(schema.fields().iter().filter(|f| keep(f.name())).cloned().collect::<Vec<_>>()))
}

/// Gives the run's worker to a stage that needs one and names none.
fn with_worker(config: &Config, mut decl: StageDecl, sessions: &Sessions) -> StageDecl {
    let entry = sessions.registry().stage(&decl.kind);
    let needs =
        entry.is_some_and(|e| e.params.iter().any(|param| param.name == "worker" && param.default == "required"));
    if let (true, Some(worker), Some(params)) = (needs, &config.run.worker, decl.params.as_object_mut()) {
        params.entry("worker").or_insert_with(|| worker.clone().into());
    }
    decl
}

fn build(
    config: &Config,
    decl: &StageDecl,
    sessions: &Sessions,
    limit: Option<u64>,
) -> Result<(&'static StageEntry, Stage), Diagnostics> {
    let path = |key: &str| vec!["stage".to_owned(), decl.name.clone(), key.to_owned()];
    let Some(entry) = sessions.registry().stage(&decl.kind) else {
        let kinds = || sessions.registry().stages().iter().map(|entry| entry.kind);
        let hint = nearest(&decl.kind, kinds()).map_or_else(
            || format!("there are {}", kinds().collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean \"{near}\"?"),
        );
        let message = format!("unknown kind of stage \"{}\"", decl.kind);
        return Err(config.document.complain(&path("kind"), message, Some(hint)).into());
    };
    if entry.takes_input == decl.inputs.is_empty() {
        let message = if entry.takes_input {
            format!("a {} stage needs `input`, the name of a stage or a list of names", entry.kind)
        } else {
            format!("a {} stage reads files and takes no `input`", entry.kind)
        };
        let at = if entry.takes_input { "kind" } else { "input" };
        return Err(config.document.complain(&path(at), message, None).into());
    }
    let spec = StageSpec { name: &decl.name, params: &decl.params, seed: config.run.seed, limit };
    let stage = route::build(entry, &spec).map_err(|error| config.explain(&decl.name, &error))?;
    if let Stage::Maker(maker) = &stage {
        check_workers(config, decl, maker.as_ref())?;
        route::check_judged(config, decl, maker.as_ref())?;
    }
    Ok((entry, stage))
}

/// Every worker that a stage names must be in the config.
fn check_workers(config: &Config, decl: &StageDecl, maker: &dyn Maker) -> Result<(), Diagnostics> {
    let mut complaints = Diagnostics::default();
    for (key, name) in maker.workers() {
        if config.workers.contains_key(&name) {
            continue;
        }
        complaints.push(no_such_worker(config, &decl.name, &key, &name));
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints) }
}

/// The complaint about a worker that is not in the config.
fn no_such_worker(config: &Config, stage: &str, key: &str, name: &str) -> Diagnostic {
    // Workers of the config only: a route's own name is none that one could write.
    let names = || config.workers.keys().map(String::as_str).filter(|name| !name.contains(':'));
    let hint = match nearest(name, names()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None if config.workers.is_empty() => {
            format!("add [worker.{name}] with kind = \"ngram\" to try it without a server")
        }
        None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
    };
    let path = ["stage".to_owned(), stage.to_owned(), key.to_owned()];
    config.document.complain(&path, format!("there is no [worker.{name}]"), Some(hint))
}

fn node(
    config: &Config,
    decl: StageDecl,
    entry: &'static StageEntry,
    stage: Stage,
    inputs: Vec<usize>,
    earlier: &[Node],
) -> Node {
    let start = || {
        Fingerprint::new(entry.kind, entry.version)
            .with(&decl.name)
            .with(&config.run.seed.to_string())
            .with_json(&decl.params)
    };
    let (mut local, mut portable) = (start(), start());
    for input in &inputs {
        local = local.with(&earlier[*input].fingerprint);
        portable = portable.with(&earlier[*input].recipe);
    }
    if let Stage::Maker(maker) = &stage {
        for (_, name) in maker.workers() {
            if let Some(worker) = config.workers.get(&name) {
                (local, portable) = (local.with_json(&worker.depends_on), portable.with(&name));
            }
        }
    }
    for model in models(&decl.params) {
        (local, portable) = (local.with(&model), portable.with(&model));
    }
    if let Stage::Solver(solver) = &stage {
        let depends_on = solver.depends_on();
        if !depends_on.is_null() {
            (local, portable) = (local.with_json(&depends_on), portable.with_json(&depends_on));
        }
    }
    if let Stage::Source(source) = &stage {
        (local, portable) = with_files(local, portable, source.as_ref());
    }
    Node {
        decl,
        entry,
        stage,
        inputs,
        consumers: Vec::new(),
        fingerprint: local.finish(),
        recipe: portable.finish(),
        written: false,
        schema: Arc::new(Schema::empty()),
    }
}

/// Hashes of the files that operators, or a stage itself, name as their `model`: another file under the same name is another measure.
fn models(params: &serde_json::Value) -> Vec<String> {
    let presets = params["presets"].as_array().into_iter().flatten();
    let calls = presets.chain([params]).filter_map(|table| table["measure"].as_object()).flatten();
    let paths = calls.map(|(_, call)| call).chain([params]).filter_map(|table| table["model"].as_str());
    // A file that cannot be read has been complained about by its operator.
    paths.filter_map(|path| std::fs::read(path).ok()).map(|bytes| format!("{:032x}", xxh3_128(&bytes))).collect()
}

fn with_files(mut local: Fingerprint, mut portable: Fingerprint, source: &dyn Source) -> (Fingerprint, Fingerprint) {
    for shard in source.shards() {
        for piece in &shard.pieces {
            let modified = std::fs::metadata(&piece.path).and_then(|m| m.modified()).ok();
            local = local
                .with_json(&json!([piece.path, piece.start, piece.end, shard.limit]))
                .with(&format!("{modified:?}"));
            let name: PathBuf = piece.path.file_name().map(PathBuf::from).unwrap_or_default();
            portable = portable.with_json(&json!([name, piece.start, piece.end, shard.limit]));
        }
    }
    (local, portable)
}
