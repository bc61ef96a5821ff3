//! Records of measures as Arrow columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringViewBuilder, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{DataFusionError, Result as DfResult};

use crate::annotator::{Measure, MeasureType, MeasureValue, RecordSink};

/// The struct fields of a record.
pub(super) fn fields_of(measures: &[Measure]) -> Fields {
    measures
        .iter()
        .map(|measure| {
            let data_type = match measure.kind {
                MeasureType::Int => DataType::Int64,
                MeasureType::Float => DataType::Float64,
                MeasureType::Bool => DataType::Boolean,
                MeasureType::Text => DataType::Utf8View,
            };
            Field::new(measure.name, data_type, true)
        })
        .collect()
}

enum Column {
    Int(Int64Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    Text(StringViewBuilder),
}

/// One builder per measure, filled row by row.
pub(super) struct RecordColumns {
    measures: &'static [Measure],
    columns: Vec<Column>,
    next: usize,
    mismatch: Option<usize>,
}

impl RecordColumns {
    pub(super) fn new(measures: &'static [Measure], n_rows: usize) -> Self {
        let column = |measure: &Measure| match measure.kind {
            MeasureType::Int => Column::Int(Int64Builder::with_capacity(n_rows)),
            MeasureType::Float => Column::Float(Float64Builder::with_capacity(n_rows)),
            MeasureType::Bool => Column::Bool(BooleanBuilder::with_capacity(n_rows)),
            MeasureType::Text => Column::Text(StringViewBuilder::with_capacity(n_rows)),
        };
        Self { measures, columns: measures.iter().map(column).collect(), next: 0, mismatch: None }
    }

    pub(super) fn push_nulls(&mut self) {
        for _ in 0..self.columns.len() {
            self.push(MeasureValue::Null);
        }
        self.next = 0;
    }

    /// Closes a row.
    ///
    /// # Errors
    /// An internal error when the annotator pushed too few, too many or wrongly typed values.
    pub(super) fn end_row(&mut self) -> DfResult<()> {
        let pushed = std::mem::take(&mut self.next);
        if pushed == self.columns.len() && self.mismatch.is_none() {
            return Ok(());
        }
        let names: Vec<&str> = self.measures.iter().map(|measure| measure.name).collect();
        let fault = self.mismatch.map_or_else(
            || format!("pushed {pushed} values"),
            |at| format!("pushed a value of the wrong type as measure {at}"),
        );
        Err(DataFusionError::Internal(format!("an annotator with the measures {names:?} {fault}")))
    }

    pub(super) fn finish(self, nulls: Option<NullBuffer>) -> DfResult<StructArray> {
        let columns: Vec<ArrayRef> = self
            .columns
            .into_iter()
            .map(|column| -> ArrayRef {
                match column {
                    Column::Int(mut builder) => Arc::new(builder.finish()),
                    Column::Float(mut builder) => Arc::new(builder.finish()),
                    Column::Bool(mut builder) => Arc::new(builder.finish()),
                    Column::Text(mut builder) => Arc::new(builder.finish()),
                }
            })
            .collect();
        Ok(StructArray::try_new(fields_of(self.measures), columns, nulls)?)
    }
}

impl RecordSink for RecordColumns {
    fn push(&mut self, value: MeasureValue<'_>) {
        let at = self.next;
        self.next += 1;
        let Some(column) = self.columns.get_mut(at) else { return };
        match (column, value) {
            (Column::Int(builder), MeasureValue::Int(value)) => builder.append_value(value),
            (Column::Int(builder), MeasureValue::Null) => builder.append_null(),
            (Column::Float(builder), MeasureValue::Float(value)) => builder.append_value(value),
            (Column::Float(builder), MeasureValue::Null) => builder.append_null(),
            (Column::Bool(builder), MeasureValue::Bool(value)) => builder.append_value(value),
            (Column::Bool(builder), MeasureValue::Null) => builder.append_null(),
            (Column::Text(builder), MeasureValue::Text(value)) => builder.append_value(value),
            (Column::Text(builder), MeasureValue::Null) => builder.append_null(),
            _ => self.mismatch = Some(at),
        }
    }
}
