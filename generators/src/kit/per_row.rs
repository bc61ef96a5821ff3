//! Recipes that work row by row: each row is asked about on its own, side by side, and what comes of it stays in order.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use gristmill_core::error::{Error, Result};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink};
use serde_json::{Value, json};

use super::ask::Panel;
use super::route::RowRoute;
use super::rows::{Row, RowReader, RowWriter, text_of};

/// What becomes of a row.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// A row that goes on.
    Keep(Row),
    /// A row that ends here, by a rule, with what shows why.
    Drop(Row, String, Value),
}

impl Outcome {
    /// A row that ends here.
    pub fn drop(row: Row, rule: impl Into<String>, evidence: Value) -> Self {
        Self::Drop(row, rule.into(), evidence)
    }

    /// A row whose request failed.
    pub fn failed(row: Row, error: &gristmill_lm::WorkerError) -> Self {
        let evidence = json!({ "cause": error.message, "attempts": error.attempts, "worker": error.worker });
        Self::Drop(row, super::ask::failure_rule(error), evidence)
    }
}

/// Counts what becomes of the rows, in their order, for the report.
pub trait Tally: Send {
    /// Looks at what became of one row of the input.
    fn see(&mut self, outcomes: &[Outcome]);
    /// The figures, by name, once all rows have been seen.
    fn figures(self: Box<Self>) -> Vec<(&'static str, Value)>;
}

/// A recipe that works row by row.
#[async_trait]
pub trait RowRecipe: Send + Sync + 'static {
    /// The stage's name in the config.
    fn stage(&self) -> &str;
    /// The columns of what it makes from an input with this schema.
    ///
    /// # Errors
    /// When the input lacks a column.
    fn schema(&self, input: &Schema) -> Result<SchemaRef>;
    /// Names of the rules it may drop by.
    fn rules(&self) -> Vec<String>;
    /// Workers it asks, as `(key, name)`; they are opened in this order.
    fn workers(&self) -> Vec<(String, String)>;
    /// Looks at all rows before the first is worked on; for recipes that compare rows with each other.
    ///
    /// # Errors
    /// When the rows are not what the recipe needs.
    fn look(&self, _rows: &[Row]) -> Result<()> {
        Ok(())
    }
    /// Whether [`RowRecipe::look`] needs the rows, which are then all held in memory.
    fn looks(&self) -> bool {
        false
    }
    /// Whether [`RowRecipe::loss`] says something, so that a learned route has what to learn from.
    fn judges(&self) -> bool {
        true
    }
    /// Whether each row may go to another worker; not where the rows of one stage must come from one model.
    fn takes_routes(&self) -> bool {
        true
    }
    /// Whether another worker might do better with a row that came to nothing.
    fn is_worth_another_try(&self, _outcomes: &[Outcome]) -> bool {
        true
    }
    /// How bad what came of a row is, from 0 for perfect to 1; none where it says nothing of the worker. The share that
    /// was dropped, unless the recipe knows better.
    fn loss(&self, outcomes: &[Outcome]) -> Option<f64> {
        let kept = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Keep(_))).count();
        Some(1.0 - kept as f64 / outcomes.len().max(1) as f64)
    }
    /// Counts for the report, if it has any.
    fn tally(&self) -> Option<Box<dyn Tally>> {
        None
    }
    /// What becomes of row number `n`.
    ///
    /// # Errors
    /// When a worker can do nothing more.
    async fn work(&self, n: u64, row: Row, workers: &Panel) -> Result<Vec<Outcome>>;
}

/// A row recipe as a stage.
pub struct PerRow<R>(pub Arc<R>);

#[async_trait]
impl<R: RowRecipe> Maker for PerRow<R> {
    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        self.0.schema(input)
    }

    fn rules(&self) -> Vec<String> {
        self.0.rules()
    }

    fn workers(&self) -> Vec<(String, String)> {
        self.0.workers()
    }

    fn judges(&self) -> bool {
        self.0.judges()
    }

    fn takes_routes(&self) -> bool {
        self.0.takes_routes()
    }

    async fn make(&self, input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        let session = input.session();
        let schema = self.0.schema(input.frame(&session)?.schema().as_arrow())?;
        let uses = self.0.workers();
        let names: Vec<String> = uses.iter().map(|(_, name)| name.clone()).collect();
        let documents = fitting_documents(input, context, &names).await?;
        let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
        let panel = Arc::new(Panel::open(context, &names, &documents).await?);
        let route = RowRoute::of(&panel, &uses);
        if self.0.looks() {
            self.0.look(&super::rows::read_rows(input).await?)?;
        }
        let mut writer = RowWriter::new(self.0.stage(), schema, out);
        let mut tally = self.0.tally();
        let fit_every = route.as_ref().and_then(RowRoute::fit_every);
        let rows = numbered(RowReader::open(input).await?).peekable();
        futures::pin_mut!(rows);
        // Up to the next fit, wherever the batches of the input end.
        let n_together = fit_every.and_then(|every| usize::try_from(every).ok()).unwrap_or(usize::MAX);
        while rows.as_mut().peek().await.is_some() {
            let together = rows.as_mut().take(n_together);
            self.work_all(together, &panel, route.as_ref(), &mut writer, &mut tally).await?;
            if let Some(route) = &route {
                route.fit();
            }
        }
        for (name, value) in tally.map(|tally| tally.figures()).unwrap_or_default() {
            writer.figure(name, value);
        }
        writer.finish()
    }
}

/// The rows of an input with their numbers, read as they are wanted.
fn numbered(reader: RowReader) -> impl Stream<Item = Result<(u64, Row)>> + Send {
    stream::try_unfold((reader, 0, Vec::new().into_iter()), |(mut reader, n, mut rows)| async move {
        loop {
            if let Some(row) = rows.next() {
                return Ok(Some(((n, row), (reader, n + 1, rows))));
            }
            match reader.next().await? {
                Some(more) => rows = more.into_iter(),
                None => return Ok(None),
            }
        }
    })
}

impl<R: RowRecipe> PerRow<R> {
    /// Works on rows side by side; what comes of them is written in their order.
    async fn work_all(
        &self,
        rows: impl Stream<Item = Result<(u64, Row)>> + Send,
        panel: &Arc<Panel>,
        route: Option<&RowRoute>,
        writer: &mut RowWriter<'_>,
        tally: &mut Option<Box<dyn Tally>>,
    ) -> Result<()> {
        let outcomes = rows
            .map_ok(|(n, row)| {
                let (recipe, panel, route) = (Arc::clone(&self.0), Arc::clone(panel), route.cloned());
                let task = tokio::spawn(async move {
                    match route {
                        Some(route) => route.work(recipe.as_ref(), n, row, &panel).await,
                        None => recipe.work(n, row, &panel).await,
                    }
                });
                async move { task.await.map_err(|e| Error::Bug(format!("a row's task died: {e}")))? }
            })
            .try_buffered(panel.window());
        futures::pin_mut!(outcomes);
        while let Some(done) = outcomes.try_next().await? {
            if let Some(tally) = tally {
                tally.see(&done);
            }
            for outcome in done {
                writer.end(outcome)?;
            }
        }
        Ok(())
    }
}

/// Bytes of input text that an embedded model without files of its own is fitted on.
const FITTING_BYTES: usize = 4_000_000;

/// The first texts of an input, for those of the named workers that are embedded models without files of their own; none
/// where there is no such worker.
///
/// # Errors
/// When the input cannot be read.
pub async fn fitting_documents(input: &dyn Relation, context: &MakeContext, workers: &[String]) -> Result<Vec<String>> {
    let (mut documents, mut bytes) = (Vec::new(), 0);
    let opened = super::ask::workers_of(context)?;
    if !workers.iter().any(|name| opened.is_fitted(name)) {
        return Ok(documents);
    }
    let mut reader = RowReader::open(input).await?;
    while let Some(rows) = reader.next().await? {
        for row in rows {
            let text = ["text", "instruction"].map(|column| text_of(&row, column)).into_iter().find(|t| !t.is_empty());
            let Some(text) = text else { continue };
            if bytes >= FITTING_BYTES {
                return Ok(documents);
            }
            bytes += text.len();
            documents.push(text.to_owned());
        }
    }
    Ok(documents)
}
