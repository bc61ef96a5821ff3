//! `ShardWriteExec`: splits kept from dropped and writes one file of each per shard.

mod json;
pub(super) mod part;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListBuilder, StringArray, StringBuilder};
use arrow::compute::{cast, filter_record_batch, is_null};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result as DfResult;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::{StreamExt, stream};
use gristmill_core::error::{Error, Result};
use gristmill_core::ledger;
use gristmill_core::schema::{DROPPED_BY, EVIDENCE, ID, RULES_PREFIX, TEXT, URL};
use gristmill_core::stage::Stage;
use gristmill_core::text::n_spaced_words;
use serde::{Deserialize, Serialize};

use crate::plan::{Node, PartRow, TextVolume};
use crate::release::MEASURES_PREFIX;
use part::{PartOptions, PartWriter};

/// Where and how a pass writes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WriteTarget {
    parts: PathBuf,
    ledger: PathBuf,
    #[serde(skip, default = "no_columns")]
    schema: SchemaRef,
    options: PartOptions,
}

fn no_columns() -> SchemaRef {
    Arc::new(Schema::empty())
}

impl WriteTarget {
    pub(super) fn of(node: &Node, parts: PathBuf, ledger: PathBuf) -> Self {
        let release = matches!(node.stage, Stage::Release(_));
        Self { parts, ledger, schema: Arc::clone(&node.schema), options: PartOptions { release } }
    }

    /// The columns that are written.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The same target for these columns.
    pub(super) fn with_schema(self, schema: SchemaRef) -> Self {
        Self { schema, ..self }
    }
}

/// The sink of a pass; yields one row per shard, its [`PartRow`] as JSON.
#[derive(Debug)]
pub(super) struct ShardWriteExec {
    input: Arc<dyn ExecutionPlan>,
    target: Arc<WriteTarget>,
    properties: Arc<PlanProperties>,
}

impl ShardWriteExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, target: Arc<WriteTarget>) -> Self {
        let n = input.properties().output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(manifest_schema()),
            Partitioning::UnknownPartitioning(n),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self { input, target, properties: Arc::new(properties) }
    }

    pub(super) fn target(&self) -> &WriteTarget {
        &self.target
    }
}

fn manifest_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("manifest", DataType::Utf8, false)]))
}

/// The part that a partition of [`ShardWriteExec`] reports.
pub(super) fn manifest_row(batches: &[RecordBatch]) -> Result<PartRow> {
    let row = batches.first().filter(|batch| batch.num_rows() == 1);
    let row = row.ok_or_else(|| Error::Bug("the sink reports one row per shard".into()))?;
    serde_json::from_str(row.column(0).as_string::<i32>().value(0)).map_err(|e| Error::Bug(e.to_string()))
}

impl DisplayAs for ShardWriteExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShardWriteExec: to={}", self.target.parts.display())
    }
}

impl ExecutionPlan for ShardWriteExec {
    fn name(&self) -> &'static str {
        "ShardWriteExec"
    }
    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }
    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let input = children.pop().ok_or_else(|| DataFusionError::Internal("ShardWriteExec needs a child".into()))?;
        Ok(Arc::new(Self::new(input, Arc::clone(&self.target))))
    }
    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }
    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let target = Arc::clone(&self.target);
        let work = async move {
            let row = write_shard(input, &target, partition).await?;
            let text = serde_json::to_string(&row).map_err(|e| DataFusionError::External(Box::new(e)))?;
            Ok(RecordBatch::try_new(manifest_schema(), vec![Arc::new(StringArray::from(vec![text]))])?)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(manifest_schema(), stream::once(work))))
    }
}

async fn write_shard(mut input: SendableRecordBatchStream, target: &WriteTarget, shard: usize) -> Result<PartRow> {
    let mut writer = ShardWriter::new(target, shard, &input.schema())?;
    while let Some(batch) = input.next().await {
        writer.write(&batch?)?;
    }
    writer.finish()
}

/// Writes the rows of one shard.
struct ShardWriter<'a> {
    target: &'a WriteTarget,
    shard: usize,
    /// Input columns that are written, in the order of the target's schema.
    columns: Vec<usize>,
    kept: PartWriter,
    ledger: PartWriter,
    rows_in: u64,
    dropped: BTreeMap<String, u64>,
    /// None where the rows have no text.
    texts: Option<Texts>,
}

/// How much text was kept, and dropped by `stage.rule`.
#[derive(Debug, Default)]
struct Texts {
    kept: TextVolume,
    dropped: BTreeMap<String, TextVolume>,
}

impl<'a> ShardWriter<'a> {
    fn new(target: &'a WriteTarget, shard: usize, input: &Schema) -> Result<Self> {
        let columns = target.schema.fields().iter().map(|field| input.index_of(field.name()));
        let columns =
            columns.collect::<Result<_, _>>().map_err(|e| Error::Bug(format!("a planned column is missing: {e}")))?;
        let name = format!("part-{shard:05}.parquet");
        let kept = PartWriter::new(target.parts.join(&name), Arc::clone(&target.schema), target.options);
        let ledger = PartWriter::new(target.ledger.join(name), ledger::schema(), PartOptions { release: false });
        Ok(Self {
            target,
            shard,
            columns,
            kept,
            ledger,
            rows_in: 0,
            dropped: BTreeMap::new(),
            texts: Some(Texts::default()),
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows_in += batch.num_rows() as u64;
        let dropped_by = column(batch, DROPPED_BY)?;
        self.count_text(batch, &dropped_by)?;
        let written = batch.project(&self.columns)?;
        if dropped_by.null_count() == batch.num_rows() {
            return self.keep(&written);
        }
        let alive: BooleanArray = is_null(&dropped_by)?;
        if alive.true_count() > 0 {
            self.keep(&filter_record_batch(&written, &alive)?)?;
        }
        let rows = ledger_rows(batch, &mut self.dropped)?;
        self.ledger.write(&rows)
    }

    fn keep(&mut self, rows: &RecordBatch) -> Result<()> {
        self.kept.write(&retype(rows, &self.target.schema)?)
    }

    /// Text is counted here, where all of it passes once, whatever becomes of it.
    fn count_text(&mut self, batch: &RecordBatch, dropped_by: &ArrayRef) -> Result<()> {
        let text = ledger_column(batch, TEXT).ok().filter(|text| text.data_type().is_string());
        let (Some(texts), Some(text)) = (&mut self.texts, text) else {
            self.texts = None;
            return Ok(());
        };
        let text = cast(&text, &DataType::Utf8View)?;
        let by = dropped_by.as_string_view();
        for row in 0..batch.num_rows() {
            let text = value(&text, row).unwrap_or("");
            let volume = match by.is_valid(row).then(|| by.value(row)) {
                None => &mut texts.kept,
                Some(by) => texts.dropped.entry(by.to_owned()).or_default(),
            };
            volume.words += n_spaced_words(text);
            volume.bytes += text.len() as u64;
        }
        Ok(())
    }

    fn finish(self) -> Result<PartRow> {
        let kept = self.kept.finish()?;
        let ledger = self.ledger.finish()?;
        let name = format!("part-{:05}.parquet", self.shard);
        Ok(PartRow {
            shard: self.shard,
            rows_in: self.rows_in,
            rows: kept.as_ref().map_or(0, |part| part.rows),
            file: kept.as_ref().map(|_| name.clone()),
            bytes: kept.as_ref().map_or(0, |part| part.bytes),
            sha256: kept.and_then(|part| part.sha256),
            ledger: ledger.map(|_| name),
            dropped: self.dropped,
            text: self.texts.as_ref().map(|texts| texts.kept),
            dropped_text: self.texts.map_or_else(BTreeMap::new, |texts| texts.dropped),
        })
    }
}

fn column(batch: &RecordBatch, name: &str) -> Result<ArrayRef> {
    batch.column_by_name(name).cloned().ok_or_else(|| Error::Bug(format!("the pass has no column {name}")))
}

/// A column that the ledger needs; a release that does not show it carries it under a hidden name.
fn ledger_column(batch: &RecordBatch, name: &str) -> Result<ArrayRef> {
    column(batch, name).or_else(|_| column(batch, &format!("_{name}")))
}

/// Gives a batch the planned schema: the engine may have changed nullability and metadata, never types.
fn retype(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if column.data_type() == field.data_type() {
                Ok(Arc::clone(column))
            } else {
                cast(column, field.data_type())
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// The ledger rows of a batch's dropped rows.
fn ledger_rows(batch: &RecordBatch, counts: &mut BTreeMap<String, u64>) -> Result<RecordBatch> {
    let dropped_by = column(batch, DROPPED_BY)?;
    let dropped_by = dropped_by.as_string_view();
    let (evidence, text) = (column(batch, EVIDENCE)?, ledger_column(batch, TEXT)?);
    let (id, url) = (ledger_column(batch, ID)?, ledger_column(batch, URL).ok());
    let [mut ids, mut urls, mut stages, mut rules, mut measured, mut excerpts] =
        std::array::from_fn::<StringBuilder, 6, _>(|_| StringBuilder::new());
    let mut failed = ListBuilder::new(StringBuilder::new());
    for row in (0..batch.num_rows()).filter(|row| dropped_by.is_valid(*row)) {
        let by = dropped_by.value(row);
        match counts.get_mut(by) {
            Some(count) => *count += 1,
            None => {
                counts.insert(by.to_owned(), 1);
            }
        }
        let (stage, rule) = ledger::split_rule(by);
        ids.append_value(value(&id, row).unwrap_or_default());
        urls.append_option(url.as_ref().and_then(|url| value(url, row)));
        stages.append_value(stage);
        rules.append_value(rule);
        append_failed(&mut failed, batch, stage, rule, row);
        // A release shows no measures; it carries those of the filters before it under hidden names.
        let measures = [stage, &format!("{MEASURES_PREFIX}{stage}")];
        let measures =
            measures.into_iter().find_map(|name| batch.column_by_name(name).filter(|c| c.data_type().is_nested()));
        match value(&evidence, row) {
            Some(evidence) => measured.append_value(evidence),
            None => measured.append_option(measures.map(|column| json::of_row(column, row))),
        }
        excerpts.append_option(value(&text, row).map(ledger::excerpt));
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(ids.finish()),
        Arc::new(urls.finish()),
        Arc::new(stages.finish()),
        Arc::new(rules.finish()),
        Arc::new(failed.finish()),
        Arc::new(measured.finish()),
        Arc::new(excerpts.finish()),
    ];
    Ok(RecordBatch::try_new(ledger::schema(), columns)?)
}

fn value(column: &ArrayRef, row: usize) -> Option<&str> {
    let views = column.as_string_view_opt()?;
    views.is_valid(row).then(|| views.value(row))
}

/// All rules of the stage that the row fails; a stage without a verdict column has only the one.
fn append_failed(failed: &mut ListBuilder<StringBuilder>, batch: &RecordBatch, stage: &str, rule: &str, row: usize) {
    match batch.column_by_name(&format!("{RULES_PREFIX}{stage}")).and_then(|column| column.as_struct_opt()) {
        Some(verdicts) => {
            for (name, held) in verdicts.column_names().iter().zip(verdicts.columns()) {
                if held.as_boolean_opt().is_some_and(|held| !held.value(row)) {
                    failed.values().append_value(name);
                }
            }
        }
        None => failed.values().append_value(rule),
    }
    failed.append(true);
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringViewArray, StructArray};

    use super::*;

    /// What a shard of three rows reports, the second of which is dropped.
    fn reported(text: ArrayRef) -> PartRow {
        let folder = tempfile::tempdir().unwrap();
        let views = |texts: [Option<&str>; 3]| Arc::new(StringViewArray::from(texts.to_vec())) as ArrayRef;
        let batch = RecordBatch::try_from_iter([
            (ID, views([Some("1"), Some("2"), Some("3")])),
            (TEXT, text),
            (DROPPED_BY, views([None, Some("quality.long"), None])),
            (EVIDENCE, views([None, None, None])),
        ])
        .unwrap();
        let target = WriteTarget {
            parts: folder.path().to_owned(),
            ledger: folder.path().join("ledger"),
            schema: Arc::new(batch.schema().project(&[0, 1]).unwrap()),
            options: PartOptions { release: false },
        };
        std::fs::create_dir(&target.ledger).unwrap();
        let mut writer = ShardWriter::new(&target, 0, &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn text_is_counted_in_every_string_type_and_unknown_in_others() {
        let texts = vec![Some("one two"), Some("three"), None];
        for text in
            [Arc::new(StringViewArray::from(texts.clone())) as ArrayRef, Arc::new(StringArray::from(texts)) as ArrayRef]
        {
            let part = reported(text);
            assert_eq!(part.text, Some(TextVolume { words: 2, bytes: 7 }));
            assert_eq!(part.dropped_text["quality.long"], TextVolume { words: 1, bytes: 5 });
        }
        let part = reported(Arc::new(Int64Array::from(vec![1, 2, 3])));
        assert_eq!((part.text, part.dropped_text.len(), part.rows), (None, 0, 2));
    }

    #[test]
    fn measures_that_a_release_hides_are_in_its_ledger() {
        let views = |text: &str| Arc::new(StringViewArray::from(vec![text])) as ArrayRef;
        let n_words = Arc::new(Field::new("n_words", DataType::Int64, false));
        let measures = StructArray::from(vec![(n_words, Arc::new(Int64Array::from(vec![7])) as ArrayRef)]);
        let batch = RecordBatch::try_from_iter([
            (ID, views("1")),
            (TEXT, views("a text")),
            (DROPPED_BY, views("quality.long")),
            (EVIDENCE, Arc::new(StringViewArray::new_null(1)) as ArrayRef),
            ("_measures_quality", Arc::new(measures) as ArrayRef),
        ])
        .unwrap();
        let rows = ledger_rows(&batch, &mut BTreeMap::new()).unwrap();
        assert_eq!(rows["measured"].as_string::<i32>().value(0), r#"{"n_words":7}"#);
    }
}
