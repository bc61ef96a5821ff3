//! Recipes that work row by row: each row is asked about on its own, side by side, and what comes of it stays in order.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use gristmill_core::error::{Error, Result};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink};
use serde_json::{Value, json};

use super::ask::Panel;
use super::rows::{Row, RowReader, RowWriter, text_of};

/// Rows worked on at a time: their requests fill the worker's places, their texts are what memory holds.
const WINDOW: usize = 128;

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

    async fn make(&self, input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        let session = input.session();
        let schema = self.0.schema(input.frame(&session)?.schema().as_arrow())?;
        let names: Vec<String> = self.0.workers().into_iter().map(|(_, name)| name).collect();
        let documents = fitting_documents(input).await?;
        let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
        let panel = Arc::new(Panel::open(context, &names, &documents).await?);
        if self.0.looks() {
            self.0.look(&super::rows::read_rows(input).await?)?;
        }
        let mut writer = RowWriter::new(self.0.stage(), schema, out);
        let (mut n, mut reader) = (0, RowReader::open(input).await?);
        while let Some(rows) = reader.next().await? {
            let first = n;
            n += rows.len() as u64;
            let mut outcomes = stream::iter(rows.into_iter().enumerate())
                .map(|(i, row)| {
                    let (recipe, panel) = (Arc::clone(&self.0), Arc::clone(&panel));
                    tokio::spawn(async move { recipe.work(first + i as u64, row, &panel).await })
                })
                .buffered(WINDOW);
            while let Some(done) = outcomes.next().await {
                let done = done.map_err(|e| Error::Bug(format!("a row's task died: {e}")))??;
                for outcome in done {
                    match outcome {
                        Outcome::Keep(row) => writer.keep(row)?,
                        Outcome::Drop(row, rule, evidence) => writer.drop(row, &rule, &evidence)?,
                    }
                }
            }
        }
        writer.finish()
    }
}

/// Characters of input that an embedded model without files of its own is fitted on.
const FITTING_CHARS: usize = 4_000_000;

/// The texts of an input, as far as an embedded model is fitted on them.
///
/// # Errors
/// When the input cannot be read.
pub async fn fitting_documents(input: &dyn Relation) -> Result<Vec<String>> {
    let (mut documents, mut chars) = (Vec::new(), 0);
    let mut reader = RowReader::open(input).await?;
    while let Some(rows) = reader.next().await? {
        for row in rows {
            let text = ["text", "instruction"].map(|column| text_of(&row, column)).into_iter().find(|t| !t.is_empty());
            if let Some(text) = text.filter(|_| chars < FITTING_CHARS) {
                chars += text.len();
                documents.push(text.to_owned());
            }
        }
    }
    Ok(documents)
}
