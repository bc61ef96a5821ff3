//! Makers: their rows go to one file first, kept and dropped together, and a pass splits them like any others.
//!
//! A maker's run is repeated from the start when it is killed: what was costly, the workers' replies, is in their
//! journal by then and costs nothing the second time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use gristmill_core::error::{Error, Result};
use gristmill_core::stage::{MakeContext, RowSink, Stage};
use serde_json::{Value, json};

use super::relation::InputRelation;
use super::write::part::{PartOptions, PartWriter};
use super::{Engine, round};
use crate::RunError;
use crate::plan::{Frames, make_dir, write_whole};

impl Engine {
    /// Lets a maker make its rows, unless they are there; returns the seconds it took.
    pub(super) async fn make(&self, i: usize) -> Result<f64, RunError> {
        let node = &self.plan.nodes[i];
        let Stage::Maker(maker) = &node.stage else { return Err(Error::Bug("not a maker".into()).into()) };
        let (made, figures) = (self.layout.made(node), self.layout.figures(node));
        let note: Option<Value> = crate::plan::read_json(&figures)?;
        let empty = note.as_ref().is_some_and(|note| note["rows"] == 0);
        if note.is_some() && (empty || made.exists() || self.layout.done(node)?.is_some()) {
            self.reporter.event("skipped", &node.decl.name, &json!({ "because": "its rows are made" }));
            return Ok(0.0);
        }
        self.reporter.event("making", &node.decl.name, &json!({}));
        let started = std::time::Instant::now();
        let scratch = made.with_extension("scratch");
        if scratch.exists() {
            fs::remove_dir_all(&scratch).map_err(Error::path("clearing", &scratch))?;
        }
        make_dir(&scratch)?;
        let session = self.sessions.open();
        let schema = maker.schema(&Frames::of_schema(&self.plan, &session).input_schema(i)?)?;
        let context = MakeContext {
            scratch: scratch.clone(),
            memory_bytes: self.plan.config.run.memory_bytes / 2,
            workers: self.workers.clone(),
        };
        let input = InputRelation::new(&self.plan, i, &self.layout, &self.sessions)?;
        let mut sink = MadeRows::new(made, schema);
        maker.make(&input, &context, &mut sink).await?;
        sink.finish(&figures)?;
        fs::remove_dir_all(&scratch).map_err(Error::path("clearing", &scratch))?;
        let seconds = started.elapsed().as_secs_f64();
        self.reporter.event("made", &node.decl.name, &json!({ "seconds": round(seconds) }));
        Ok(seconds)
    }

    /// Frees the space of a maker's rows once its pass has split them.
    pub(super) fn forget_made(&self, i: usize) -> Result<()> {
        let made = self.layout.made(&self.plan.nodes[i]);
        match fs::remove_file(&made) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::path("removing", &made)(e)),
            _ => Ok(()),
        }
    }
}

/// The file a maker writes to, and its figures.
struct MadeRows {
    path: PathBuf,
    schema: SchemaRef,
    writer: PartWriter,
    rows: u64,
    figures: BTreeMap<String, Value>,
}

impl MadeRows {
    fn new(path: PathBuf, schema: SchemaRef) -> Self {
        let writer = PartWriter::new(path.clone(), schema.clone(), PartOptions { release: false });
        Self { path, schema, writer, rows: 0, figures: BTreeMap::new() }
    }

    fn finish(self, figures: &Path) -> Result<()> {
        if self.writer.finish()?.is_none() && self.path.exists() {
            fs::remove_file(&self.path).map_err(Error::path("removing", &self.path))?;
        }
        let note = json!({ "rows": self.rows, "figures": self.figures });
        let note = serde_json::to_vec_pretty(&note).map_err(|e| Error::Bug(e.to_string()))?;
        write_whole(figures, &note)
    }
}

impl RowSink for MadeRows {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        if rows.schema().fields() != self.schema.fields() {
            return Err(Error::Bug(format!("a maker wrote {:?}, it had promised {:?}", rows.schema(), self.schema)));
        }
        self.rows += rows.num_rows() as u64;
        self.writer.write(rows)
    }

    fn figure(&mut self, name: &str, value: Value) {
        self.figures.insert(name.to_owned(), value);
    }
}
