//! What a `[stage.x.measure]` table asks for: which operators, over which columns.
//!
//! `column` names the column that is measured, the document's text without it; a comparison needs `reference`, the column
//! it is held against. Both belong to the call, not to the operator, so that every operator has them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::Fields;
use datafusion::common::Result as DfResult;
use serde_json::Value;

use super::columns::RecordColumns;
use crate::annotator::{Annotator, AnnotatorEntry, Comparison, ComparisonEntry, Document, Measure, RecordSink};
use crate::params::ParamError;
use crate::registry::nearest;
use crate::schema::TEXT;
use crate::text::TextView;

/// Keys of a call that name columns.
const COLUMN: &str = "column";
const REFERENCE: &str = "reference";

/// A column that a measure reads besides the document's text and address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnUse {
    /// The measure's name.
    pub measure: String,
    /// The key that names the column.
    pub key: &'static str,
    /// The column.
    pub column: String,
}

/// The columns that the measures of a table read besides the text, measure by measure.
pub fn columns_of(table: &Value) -> Vec<ColumnUse> {
    let mut uses = Vec::new();
    for (measure, call) in table.as_object().into_iter().flatten() {
        for key in [COLUMN, REFERENCE] {
            if let Some(column) = call.get(key).and_then(Value::as_str).filter(|column| *column != TEXT) {
                uses.push(ColumnUse { measure: measure.clone(), key, column: column.to_owned() });
            }
        }
    }
    uses
}

/// The columns of [`columns_of`], each once where it is first named: the order in which `measure(…)` takes them.
pub fn distinct_columns(table: &Value) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for found in columns_of(table) {
        if !columns.contains(&found.column) {
            columns.push(found.column);
        }
    }
    columns
}

/// An operator over certain texts of a row.
pub(super) struct Call {
    pub(super) name: String,
    operator: Operator,
    /// Which text is measured: 0 the document's, then the further columns.
    of: usize,
}

enum Operator {
    Annotator(Box<dyn Annotator>),
    /// With the place of the reference.
    Comparison(Box<dyn Comparison>, usize),
}

impl Call {
    /// An annotator of the first text.
    pub(super) fn annotator(name: &str, annotator: Box<dyn Annotator>) -> Self {
        Self { name: name.to_owned(), operator: Operator::Annotator(annotator), of: 0 }
    }

    /// A comparison of the first text with the second.
    pub(super) fn comparison(name: &str, comparison: Box<dyn Comparison>) -> Self {
        Self { name: name.to_owned(), operator: Operator::Comparison(comparison, 1), of: 0 }
    }

    pub(super) fn measures(&self) -> &'static [Measure] {
        match &self.operator {
            Operator::Annotator(annotator) => annotator.measures(),
            Operator::Comparison(comparison, _) => comparison.measures(),
        }
    }

    /// Measures a row; false if a text it needs is null.
    fn measure(&self, row: &[Option<Document<'_>>], record: &mut dyn RecordSink) -> bool {
        let Some(document) = &row[self.of] else { return false };
        match &self.operator {
            Operator::Annotator(annotator) => annotator.annotate(document, record),
            Operator::Comparison(comparison, reference) => {
                let Some(reference) = &row[*reference] else { return false };
                comparison.compare(document.view.text(), reference.view.text(), record);
            }
        }
        true
    }
}

/// Builds the calls of a measure table: name -> `{op, column, reference, params…}`.
///
/// # Errors
/// An unknown operator (with the nearest name) or a parameter it does not accept.
pub(super) fn compile(
    annotators: &[&'static AnnotatorEntry],
    comparisons: &[&'static ComparisonEntry],
    value: &Value,
) -> Result<Vec<Call>, ParamError> {
    let Some(table) = value.as_object() else {
        return Err(ParamError::at("measure", "expected a table of measures"));
    };
    let columns = distinct_columns(value);
    let compile = |name: &String, call: &Value| compile_call(annotators, comparisons, &columns, name, call);
    table.iter().map(|(name, call)| compile(name, call).map_err(|e| e.under(name))).collect()
}

fn compile_call(
    annotators: &[&'static AnnotatorEntry],
    comparisons: &[&'static ComparisonEntry],
    columns: &[String],
    name: &str,
    call: &Value,
) -> Result<Call, ParamError> {
    let mut params = call.as_object().cloned().unwrap_or_default();
    let Some(Value::String(op)) = params.shift_remove("op") else {
        return Err(ParamError {
            path: vec![],
            message: "expected { op = \"…\" }, the operator to measure with".into(),
        });
    };
    let mut place = |key: &str| match params.shift_remove(key) {
        None => Ok(None),
        Some(Value::String(column)) if column == TEXT => Ok(Some(0)),
        Some(Value::String(column)) => Ok(columns.iter().position(|c| *c == column).map(|at| at + 1)),
        Some(_) => Err(ParamError::at(key, "expected the name of a column")),
    };
    let (of, reference) = (place(COLUMN)?.unwrap_or(0), place(REFERENCE)?);
    let params = Value::Object(params);
    if let Some(entry) = annotators.iter().find(|entry| entry.name == op) {
        if reference.is_some() {
            return Err(ParamError::at(REFERENCE, format!("{op} measures one text and takes no reference")));
        }
        return Ok(Call { name: name.to_owned(), operator: Operator::Annotator((entry.build)(&params)?), of });
    }
    if let Some(entry) = comparisons.iter().find(|entry| entry.name == op) {
        let Some(reference) = reference else {
            let message = format!("{op} needs `{REFERENCE} = \"…\"`, the column that the text is held against");
            return Err(ParamError { path: vec![], message });
        };
        let operator = Operator::Comparison((entry.build)(&params)?, reference);
        return Ok(Call { name: name.to_owned(), operator, of });
    }
    let names = annotators.iter().map(|entry| entry.name).chain(comparisons.iter().map(|entry| entry.name));
    let hint = nearest(&op, names)
        .map_or_else(|| "see `gristmill ops`".to_owned(), |name| format!("did you mean \"{name}\"?"));
    Err(ParamError::at("op", format!("unknown operator \"{op}\"; {hint}")))
}

/// Runs calls over a batch: one record per row and call, null where a text that the call needs is null.
pub(super) fn run(
    calls: &[Call],
    texts: &[StringViewArray],
    urls: Option<&StringViewArray>,
) -> DfResult<Vec<StructArray>> {
    let n_rows = texts.first().map_or(0, StringViewArray::len);
    let mut outputs: Vec<(RecordColumns, Vec<bool>)> =
        calls.iter().map(|call| (RecordColumns::new(call.measures(), n_rows), Vec::with_capacity(n_rows))).collect();
    for row in 0..n_rows {
        let url = urls.filter(|urls| urls.is_valid(row)).map(|urls| urls.value(row));
        let documents: Vec<Option<Document<'_>>> = texts
            .iter()
            .map(|texts| texts.is_valid(row).then(|| Document { view: TextView::new(texts.value(row)), url }))
            .collect();
        for (call, (output, valid)) in calls.iter().zip(&mut outputs) {
            if call.measure(&documents, output) {
                output.end_row()?;
                valid.push(true);
            } else {
                output.push_nulls();
                valid.push(false);
            }
        }
    }
    outputs.into_iter().map(|(output, valid)| output.finish(Some(NullBuffer::from(valid)))).collect()
}

/// The records of all calls as one struct, null where the document's text is null and nothing else was to be read.
pub(super) fn joined(
    calls: &[Call],
    fields: Fields,
    texts: &[StringViewArray],
    urls: Option<&StringViewArray>,
) -> DfResult<StructArray> {
    let nulls = if texts.len() == 1 { texts[0].nulls().cloned() } else { None };
    let n_rows = texts.first().map_or(0, StringViewArray::len);
    if calls.is_empty() {
        return Ok(StructArray::new_empty_fields(n_rows, nulls));
    }
    let columns: Vec<ArrayRef> =
        run(calls, texts, urls)?.into_iter().map(|record| Arc::new(record) as ArrayRef).collect();
    Ok(StructArray::try_new(fields, columns, nulls)?)
}
