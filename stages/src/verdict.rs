//! Verdicts: what a stage that saw the whole relation says of single rows.
//!
//! A solver writes one small Parquet file, sorted by row number; the SQL function `verdict(row, 'file')` looks rows up
//! in it. So a dedup stage is, once solved, a row stage like any other: its drops are fused with whatever follows, and
//! text is never shuffled. In memory a verdict costs 8 bytes plus its evidence (about 120 bytes for a duplicate); rows
//! without a verdict cost nothing.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, AsArray, Int64Builder, StringViewBuilder, StructArray, UInt32Array, UInt64Array};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, UInt64Type};
use arrow::record_batch::RecordBatch;
use datafusion::common::types::{logical_string, logical_uint64};
use datafusion::common::{DataFusionError, Result as DfResult, ScalarValue, exec_err};
use datafusion::dataframe::DataFrame;
use datafusion::functions::core::expr_fn::{coalesce, get_field, named_struct};
use datafusion::functions::string::expr_fn::concat;
use datafusion::logical_expr::{
    Coercion, ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignatureClass,
    Volatility, cast, ident, lit, when,
};
use gristmill_core::error::{Error, Result};
use gristmill_core::schema::{DROPPED_BY, EVIDENCE, ID, ROW};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// One verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Row number.
    pub row: u64,
    /// The rule that ends its journey; none for a row that only gets a cluster.
    pub rule: Option<&'static str>,
    /// JSON for the ledger.
    pub evidence: Option<String>,
    /// The cluster it belongs to, where the stage was asked for clusters.
    pub cluster: Option<Cluster>,
}

/// Documents that count as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The survivor's identifier.
    pub id: String,
    /// Number of documents, the survivor included.
    pub size: u32,
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("rule", DataType::Utf8View, true),
        Field::new("evidence", DataType::Utf8View, true),
        Field::new("cluster_id", DataType::Utf8View, true),
        Field::new("cluster_size", DataType::Int64, true),
    ])
}

fn file_schema() -> SchemaRef {
    let row: FieldRef = Arc::new(Field::new("row", DataType::UInt64, false));
    Arc::new(Schema::new([row].into_iter().chain(fields().iter().cloned()).collect::<Vec<_>>()))
}

/// Writes verdicts, sorted by row, in batches.
///
/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, verdicts: impl Iterator<Item = Result<Verdict>>) -> Result<()> {
    let file = File::create(path).map_err(Error::path("writing", path))?;
    let mut writer = ArrowWriter::try_new(file, file_schema(), None).map_err(|e| content("writing", path, &e))?;
    let mut verdicts = verdicts.peekable();
    while verdicts.peek().is_some() {
        let mut rows = Vec::new();
        let [mut rules, mut evidence, mut clusters] = std::array::from_fn(|_| StringViewBuilder::new());
        let mut sizes = Int64Builder::new();
        for verdict in verdicts.by_ref().take(8192) {
            let verdict = verdict?;
            rows.push(verdict.row);
            rules.append_option(verdict.rule);
            evidence.append_option(verdict.evidence);
            sizes.append_option(verdict.cluster.as_ref().map(|cluster| i64::from(cluster.size)));
            clusters.append_option(verdict.cluster.map(|cluster| cluster.id));
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from(rows)),
            Arc::new(rules.finish()),
            Arc::new(evidence.finish()),
            Arc::new(clusters.finish()),
            Arc::new(sizes.finish()),
        ];
        let batch = RecordBatch::try_new(file_schema(), columns)?;
        writer.write(&batch).map_err(|e| content("writing", path, &e))?;
    }
    let file = writer.into_inner().map_err(|e| content("writing", path, &e))?;
    file.sync_all().map_err(Error::path("syncing", path))
}

fn content(doing: &'static str, path: &Path, cause: &dyn std::fmt::Display) -> Error {
    Error::Content { doing, path: path.to_owned(), cause: cause.to_string() }
}

/// Adds the verdicts of `file` to a relation: sets `dropped_by` and the evidence, and adds the column `cluster`, if one
/// is asked for: a struct of `cluster_id` and `cluster_size`. A row without a verdict is a cluster of its own.
///
/// # Errors
/// When the relation lacks the row number, or has a column with the name of the new one.
pub fn apply(input: DataFrame, stage: &str, file: &Path, cluster: Option<&str>) -> Result<DataFrame> {
    let columns: Vec<String> = input.schema().fields().iter().map(|field| field.name().clone()).collect();
    let udf = input.task_ctx().scalar_functions().get("verdict").cloned();
    let udf = udf.ok_or_else(|| Error::Bug("the function verdict is not registered".into()))?;
    let call = udf.call(vec![ident(ROW), lit(file.to_string_lossy().into_owned())]).alias("_verdict");
    let looked_up = input.select(columns.iter().map(ident).chain([call]).collect::<Vec<_>>())?;
    let rule = get_field(ident("_verdict"), "rule");
    let view = |e: Expr| cast(e, DataType::Utf8View);
    let named = view(concat(vec![lit(format!("{stage}.")), rule.clone()]));
    let fresh = when(rule.clone().is_not_null(), named).end()?;
    let dropped = coalesce(vec![ident(DROPPED_BY), fresh]).alias(DROPPED_BY);
    let why = when(ident(DROPPED_BY).is_null(), get_field(ident("_verdict"), "evidence")).end()?;
    let evidence = coalesce(vec![ident(EVIDENCE), why]).alias(EVIDENCE);
    let mut all: Vec<Expr> = columns
        .iter()
        .map(|c| match c.as_str() {
            DROPPED_BY => dropped.clone(),
            EVIDENCE => evidence.clone(),
            other => ident(other),
        })
        .collect();
    if let Some(name) = cluster {
        if columns.iter().any(|column| column == name) {
            let cause = format!("a column \"{name}\" exists already; name the stage differently");
            return Err(Error::Stage { stage: stage.to_owned(), cause });
        }
        let field = |field: &str| get_field(ident("_verdict"), field);
        let members = vec![
            lit("cluster_id"),
            coalesce(vec![field("cluster_id"), view(ident(ID))]),
            lit("cluster_size"),
            coalesce(vec![field("cluster_size"), lit(1i64)]),
        ];
        all.push(named_struct(members).alias(name));
    }
    Ok(looked_up.select(all)?)
}

/// The SQL function `verdict(row, 'file')`.
pub fn function() -> ScalarUDF {
    let number = Coercion::new_exact(TypeSignatureClass::Native(logical_uint64()));
    let string = Coercion::new_exact(TypeSignatureClass::Native(logical_string()));
    // Volatile: the file is not an argument's value, so the call must never be folded at planning time.
    let signature = Signature::coercible(vec![number, string], Volatility::Volatile);
    ScalarUDF::from(VerdictUdf { signature, tables: Mutex::default() })
}

#[derive(Debug)]
struct VerdictUdf {
    signature: Signature,
    tables: Mutex<HashMap<PathBuf, Arc<RecordBatch>>>,
}

impl PartialEq for VerdictUdf {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for VerdictUdf {}
impl Hash for VerdictUdf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        "verdict".hash(state);
    }
}

impl VerdictUdf {
    fn table(&self, path: &Path) -> DfResult<Arc<RecordBatch>> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = tables.get(path) {
            return Ok(Arc::clone(table));
        }
        let table = Arc::new(read(path)?);
        tables.insert(path.to_owned(), Arc::clone(&table));
        Ok(table)
    }
}

fn read(path: &Path) -> Result<RecordBatch> {
    let file = File::open(path).map_err(Error::path("reading", path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .map_err(|e| content("reading", path, &e))?;
    let batches: Vec<RecordBatch> = reader.collect::<std::result::Result<_, _>>()?;
    Ok(concat_batches(&file_schema(), &batches)?)
}

impl ScalarUDFImpl for VerdictUdf {
    fn name(&self) -> &'static str {
        "verdict"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Struct(fields()))
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let Some(ColumnarValue::Scalar(path)) = args.args.get(1) else {
            return exec_err!("verdict: the file must be a literal");
        };
        let Some(Some(path)) = ScalarValue::try_as_str(path) else { return exec_err!("verdict: the file is null") };
        let table = self.table(Path::new(path))?;
        let wanted = args.args[0].to_array(args.number_rows)?;
        let wanted = wanted.as_primitive::<UInt64Type>();
        let known = table.column(0).as_primitive::<UInt64Type>().values();
        let found: UInt32Array = wanted
            .values()
            .iter()
            .map(|row| known.binary_search(row).ok().and_then(|at| u32::try_from(at).ok()))
            .collect();
        let columns: Vec<ArrayRef> = table.columns()[1..]
            .iter()
            .map(|column| take(column, &found, None))
            .collect::<std::result::Result<_, _>>()?;
        let result = StructArray::try_new(fields(), columns, None).map_err(DataFusionError::from)?;
        Ok(ColumnarValue::Array(Arc::new(result)))
    }
}
