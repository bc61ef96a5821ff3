//! One row of a struct column as JSON text.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use serde_json::{Map, Value};

/// The row as a JSON object (or scalar); types that measures do not have become null.
pub(super) fn of_row(column: &ArrayRef, row: usize) -> String {
    convert(column, row).to_string()
}

fn convert(column: &ArrayRef, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).into(),
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Utf8View => column.as_string_view().value(row).into(),
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Struct(fields) => {
            let columns = column.as_struct().columns();
            let pairs = fields.iter().zip(columns).map(|(field, inner)| (field.name().clone(), convert(inner, row)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        _ => Value::Null,
    }
}
