//! Rows as JSON objects: generation waits for models, not for columns, so recipes may handle rows as they read.

use std::sync::Arc;

use arrow::array::RecordBatchOptions;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::json::ReaderBuilder;
use arrow::json::writer::{JsonArray, WriterBuilder};
use arrow::record_batch::RecordBatch;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::ident;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::TryStreamExt;
use gristmill_core::error::{Error, Result};
use gristmill_core::schema::{self, DROPPED_BY, EVIDENCE, ID, TEXT, is_hidden};
use gristmill_core::stage::{Relation, RowSink};
use serde_json::{Map, Value, json};

use super::per_row::Outcome;

/// A row.
pub type Row = Map<String, Value>;

/// Rows handed to the sink at a time.
const BATCH_ROWS: usize = 512;

/// The text in a column of a row; "" where it is null or missing.
pub fn text_of<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).and_then(Value::as_str).unwrap_or("")
}

/// Reads the live rows of an input, in order, a batch at a time.
pub struct RowReader {
    plan: Arc<dyn ExecutionPlan>,
    task: Arc<TaskContext>,
    partition: usize,
    open: Option<SendableRecordBatchStream>,
}

impl RowReader {
    /// A reader at the first row.
    ///
    /// # Errors
    /// When the input cannot be planned.
    pub async fn open(input: &dyn Relation) -> Result<Self> {
        let session = input.session();
        let frame = input.frame(&session)?;
        let visible: Vec<_> =
            frame.schema().fields().iter().filter(|f| !is_hidden(f.name())).map(|f| ident(f.name())).collect();
        let task = session.task_ctx();
        let plan = frame.select(visible)?.create_physical_plan().await?;
        Ok(Self { plan, task, partition: 0, open: None })
    }

    /// The next rows, at least one; none at the end.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub async fn next(&mut self) -> Result<Option<Vec<Row>>> {
        loop {
            let batches = match &mut self.open {
                Some(batches) => batches,
                None if self.partition >= self.plan.output_partitioning().partition_count() => return Ok(None),
                none => {
                    let batches = self.plan.execute(self.partition, Arc::clone(&self.task))?;
                    self.partition += 1;
                    none.insert(batches)
                }
            };
            match batches.try_next().await? {
                None => self.open = None,
                Some(batch) if batch.num_rows() > 0 => return rows_of(&batch).map(Some),
                Some(_) => {}
            }
        }
    }
}

/// All live rows of an input, in order. For inputs that are seeds or tasks, not corpora: they are held in memory.
///
/// # Errors
/// When the input cannot be read.
pub async fn read_rows(input: &dyn Relation) -> Result<Vec<Row>> {
    let (mut all, mut reader) = (Vec::new(), RowReader::open(input).await?);
    while let Some(rows) = reader.next().await? {
        all.extend(rows);
    }
    Ok(all)
}

fn rows_of(batch: &RecordBatch) -> Result<Vec<Row>> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    writer.write(batch)?;
    writer.finish()?;
    serde_json::from_slice(&writer.into_inner()).map_err(|e| Error::Bug(format!("rows are JSON: {e}")))
}

/// A text column.
pub fn text(name: &str) -> FieldRef {
    Arc::new(Field::new(name, DataType::Utf8View, true))
}

/// A number column.
pub fn number(name: &str) -> FieldRef {
    Arc::new(Field::new(name, DataType::Float64, true))
}

/// A column of whole numbers.
pub fn count(name: &str) -> FieldRef {
    Arc::new(Field::new(name, DataType::Int64, true))
}

/// A column of claims.
pub fn claim(name: &str) -> FieldRef {
    Arc::new(Field::new(name, DataType::Boolean, true))
}

/// A column of lists of texts.
pub fn texts(name: &str) -> FieldRef {
    Arc::new(Field::new(name, DataType::List(text("item")), true))
}

/// The schema of generated documents: the core columns, the recipe's own, the engine's verdicts.
pub fn document_schema(own: impl IntoIterator<Item = FieldRef>) -> SchemaRef {
    schema::source_schema(own)
}

/// The schema of a stage that adds columns to its input's rows; an added column replaces one of the same name.
pub fn extended_schema(input: &Schema, own: impl IntoIterator<Item = FieldRef>) -> SchemaRef {
    let own: Vec<FieldRef> = own.into_iter().collect();
    let stays = |field: &&FieldRef| {
        let name = field.name();
        !is_hidden(name) && name != DROPPED_BY && own.iter().all(|added| added.name() != name)
    };
    let mut fields: Vec<FieldRef> = input.fields().iter().filter(stays).cloned().collect();
    fields.extend(own);
    fields.extend(schema::verdict_fields());
    Arc::new(Schema::new(fields))
}

/// Refuses an input without the columns a stage reads.
///
/// # Errors
/// Names the first column that is missing, and what the input has.
pub fn require_columns(stage: &str, input: &Schema, columns: &[&str]) -> Result<()> {
    match columns.iter().find(|name| input.column_with_name(name).is_none()) {
        None => Ok(()),
        Some(missing) => {
            let have: Vec<&str> =
                input.fields().iter().map(|f| f.name().as_str()).filter(|name| !is_hidden(name)).collect();
            let cause = format!("the input has no column `{missing}`; it has {}", have.join(", "));
            Err(Error::Stage { stage: stage.to_owned(), cause })
        }
    }
}

/// Collects rows and writes them a batch at a time, kept or dropped.
pub struct RowWriter<'a> {
    stage: String,
    schema: SchemaRef,
    sink: &'a mut dyn RowSink,
    pending: Vec<Row>,
}

impl<'a> RowWriter<'a> {
    /// A writer of the rows of `stage`.
    pub fn new(stage: &str, schema: SchemaRef, sink: &'a mut dyn RowSink) -> Self {
        Self { stage: stage.to_owned(), schema, sink, pending: Vec::new() }
    }

    /// Writes a row that goes on.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep(&mut self, row: Row) -> Result<()> {
        self.push(row)
    }

    /// Writes a row that ends here, with what shows why.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn drop(&mut self, mut row: Row, rule: &str, evidence: &Value) -> Result<()> {
        row.insert(DROPPED_BY.into(), format!("{}.{rule}", self.stage).into());
        row.insert(EVIDENCE.into(), evidence.to_string().into());
        self.push(row)
    }

    /// Writes what became of a row.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn end(&mut self, outcome: Outcome) -> Result<()> {
        match outcome {
            Outcome::Keep(row) => self.keep(row),
            Outcome::Drop(row, rule, evidence) => self.drop(row, &rule, &evidence),
        }
    }

    /// Keeps a figure for the report.
    pub fn figure(&mut self, name: &str, value: Value) {
        self.sink.figure(name, value);
    }

    /// Writes what is still held back.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(mut self) -> Result<()> {
        self.flush()
    }

    fn push(&mut self, mut row: Row) -> Result<()> {
        // The ledger names every row; a reply that gave no row of its own has the id of its request.
        row.entry(ID).or_insert_with(|| json!(schema::document_id(&self.stage, "")));
        self.pending.push(row);
        if self.pending.len() >= BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.pending);
        if rows.is_empty() {
            return Ok(());
        }
        let batch = batch_of(&self.schema, &rows)?;
        self.sink.write(&batch)
    }
}

fn batch_of(schema: &SchemaRef, rows: &[Row]) -> Result<RecordBatch> {
    if schema.fields().is_empty() {
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        return Ok(RecordBatch::try_new_with_options(Arc::clone(schema), Vec::new(), &options)?);
    }
    let mut decoder = ReaderBuilder::new(Arc::clone(schema)).with_batch_size(rows.len()).build_decoder()?;
    decoder.serialize(rows)?;
    decoder.flush()?.ok_or_else(|| Error::Bug("rows were decoded into no batch".into()))
}

/// The one rendering of an instruction row as a text: its parts, each under its name, empty parts left out.
///
/// # Example
/// ```
/// use gristmill_generators::kit::rows::instruction_text;
/// assert_eq!(instruction_text("Add.", "1 2", "3"), "Instruction: Add.\nInput: 1 2\nOutput: 3");
/// assert_eq!(instruction_text("Sing.", "", "La."), "Instruction: Sing.\nOutput: La.");
/// ```
pub fn instruction_text(instruction: &str, input: &str, output: &str) -> String {
    let parts = [("Instruction", instruction), ("Input", input), ("Output", output)];
    let parts: Vec<String> =
        parts.iter().filter(|(_, part)| !part.is_empty()).map(|(name, part)| format!("{name}: {part}")).collect();
    parts.join("\n")
}

/// What a generated row says of its origin.
#[derive(Debug, Clone)]
pub struct Origin<'a> {
    /// The worker's name in the config.
    pub worker: &'a str,
    /// The kind of the stage.
    pub recipe: &'a str,
    /// Hash of the rendered prompt.
    pub prompt_hash: &'a str,
    /// The documents it was made from.
    pub parents: Vec<String>,
}

impl Origin<'_> {
    /// Sets `made_by` and `parents` of a row.
    pub fn mark(&self, row: &mut Row) {
        let made_by = json!({ "worker": self.worker, "recipe": self.recipe, "prompt_hash": self.prompt_hash });
        row.insert(schema::MADE_BY.into(), made_by);
        row.insert(schema::PARENTS.into(), json!(self.parents));
    }
}

/// Sets `made_by` and `parents` of a row that a recipe made by rules, without a worker.
pub fn mark_drawn(row: &mut Row, recipe: &str, parents: &[&str]) {
    row.insert(schema::MADE_BY.into(), json!({ "worker": null, "recipe": recipe, "prompt_hash": null }));
    row.insert(schema::PARENTS.into(), json!(parents));
}

/// Sets the three parts of an instruction row and their rendering.
pub fn set_instruction(row: &mut Row, instruction: &str, input: &str, output: &str) {
    row.insert("instruction".into(), instruction.into());
    row.insert("input".into(), input.into());
    row.insert("output".into(), output.into());
    row.insert(TEXT.into(), instruction_text(instruction, input, output).into());
}

/// The columns of an instruction row besides the core's.
pub fn instruction_fields() -> Vec<FieldRef> {
    ["instruction", "input", "output"].map(text).to_vec()
}
