//! The adapter: annotators, comparisons and transforms as DataFusion scalar functions.
//!
//! Each operator becomes a SQL function `name(text [, params])`, or `name(text, reference [, params])` for a comparison,
//! that returns a struct; parameters are a JSON literal. A filter stage lowers all its measures to one call,
//! `measure(text, url, '{"lang": {"op": "lang_id"}, …}')`, a struct of structs: one view and one segmentation per text.
//! Plans carry nothing but the function's name and a literal, so they run wherever the registry is.

mod calls;
mod columns;

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, StringViewBuilder, StructArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::types::logical_string;
use datafusion::common::{DataFusionError, Result as DfResult, ScalarValue, plan_err};
use datafusion::logical_expr::{
    Coercion, ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    TypeSignatureClass, Volatility,
};
use serde_json::Value;

use crate::annotator::{AnnotatorEntry, ComparisonEntry, Document, Transform, TransformEntry};
use crate::params::ParamError;
use calls::Call;
pub use calls::{ColumnUse, columns_of, distinct_columns};
use columns::{RecordColumns, fields_of};

/// The fused function `measure(text, url, columns…, '{name: {op, column, reference, params…}}')`, with a column for each
/// that [`distinct_columns`] finds, in its order.
pub fn measure(
    annotators: &Arc<[&'static AnnotatorEntry]>,
    comparisons: &Arc<[&'static ComparisonEntry]>,
) -> ScalarUDF {
    let arities: Vec<usize> = (3..=3 + MAX_COLUMNS).collect();
    let operator = Operator::Measure(Arc::clone(annotators), Arc::clone(comparisons));
    ScalarUDF::from(OperatorUdf::new("measure".into(), operator, &arities))
}

/// The function of one annotator: `name(text [, params])`.
pub fn annotator(entry: &'static AnnotatorEntry) -> ScalarUDF {
    ScalarUDF::from(OperatorUdf::new(entry.name.into(), Operator::Annotator(entry), &[1, 2]))
}

/// The function of one comparison: `name(text, reference [, params])`.
pub fn comparison(entry: &'static ComparisonEntry) -> ScalarUDF {
    ScalarUDF::from(OperatorUdf::new(entry.name.into(), Operator::Comparison(entry), &[2, 3]))
}

/// The function of one transform: `name(text [, params])`, a struct of `text` and its measures.
pub fn transform(entry: &'static TransformEntry) -> ScalarUDF {
    ScalarUDF::from(OperatorUdf::new(entry.name.into(), Operator::Transform(entry), &[1, 2]))
}

/// A signature of `n` strings, for each `n` given. (`Exact(Utf8View)` would let an Int64 column pass.)
pub fn string_signature(arities: &[usize]) -> Signature {
    let string = || Coercion::new_exact(TypeSignatureClass::Native(logical_string()));
    let one_of = arities.iter().map(|n| TypeSignature::Coercible((0..*n).map(|_| string()).collect())).collect();
    Signature::one_of(one_of, Volatility::Immutable)
}

/// An argument as a view array, whatever string type it came as.
///
/// # Errors
/// When it is not a string.
pub fn string_argument(value: &ColumnarValue, n_rows: usize) -> DfResult<StringViewArray> {
    let array = value.to_array(n_rows)?;
    let array = if array.data_type() == &DataType::Utf8View { array } else { cast(&array, &DataType::Utf8View)? };
    Ok(array.as_string_view().clone())
}

/// Columns that one `measure(…)` may read besides text and address.
const MAX_COLUMNS: usize = 8;

/// What a literal says once it has been read: the operators to run, and where their measures go.
enum Compiled {
    Many(Vec<Call>),
    One(Call),
    Rewrite(Box<dyn Transform>),
}

impl Compiled {
    fn fields(&self) -> Fields {
        match self {
            Self::Many(calls) => calls
                .iter()
                .map(|call| Field::new(&call.name, DataType::Struct(fields_of(call.measures())), true))
                .collect(),
            Self::One(call) => fields_of(call.measures()),
            Self::Rewrite(transform) => {
                let text: FieldRef = Arc::new(Field::new("text", DataType::Utf8View, true));
                [text].into_iter().chain(fields_of(transform.measures()).iter().cloned()).collect()
            }
        }
    }
}

enum Operator {
    Measure(Arc<[&'static AnnotatorEntry]>, Arc<[&'static ComparisonEntry]>),
    Annotator(&'static AnnotatorEntry),
    Comparison(&'static ComparisonEntry),
    Transform(&'static TransformEntry),
}

impl Operator {
    /// Compiles the literal of a call that gives `n_columns` further columns.
    fn compile(&self, literal: &str, n_columns: usize) -> Result<Compiled, ParamError> {
        let value: Value =
            serde_json::from_str(literal).map_err(|e| ParamError::at("params", format!("not a JSON object: {e}")))?;
        match self {
            Self::Measure(annotators, comparisons) => {
                let columns = calls::distinct_columns(&value);
                if columns.len() != n_columns {
                    let message = format!("the measures read {columns:?}, the call gives {n_columns} columns for them");
                    return Err(ParamError::at("measure", message));
                }
                calls::compile(annotators, comparisons, &value).map(Compiled::Many)
            }
            Self::Annotator(entry) => (entry.build)(&value).map(|it| Compiled::One(Call::annotator(entry.name, it))),
            Self::Comparison(entry) => (entry.build)(&value).map(|it| Compiled::One(Call::comparison(entry.name, it))),
            Self::Transform(entry) => (entry.build)(&value).map(Compiled::Rewrite),
        }
    }

    /// Arguments before the parameters, if these are given: texts, and for [`Operator::Measure`] the address.
    fn n_texts(&self, arity: usize) -> usize {
        match self {
            Self::Measure(..) => arity - 1,
            Self::Annotator(_) | Self::Transform(_) => 1,
            Self::Comparison(_) => 2,
        }
    }
}

/// One operator as a scalar function.
struct OperatorUdf {
    name: String,
    operator: Operator,
    signature: Signature,
    /// Literals already read. Building an operator may compile regexes: once per plan, not per batch.
    compiled: Mutex<HashMap<(String, usize), Arc<Compiled>>>,
}

impl OperatorUdf {
    fn new(name: String, operator: Operator, arities: &[usize]) -> Self {
        Self { name, operator, signature: string_signature(arities), compiled: Mutex::default() }
    }

    fn compiled(&self, literal: &str, arity: usize) -> DfResult<Arc<Compiled>> {
        let mut cache = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (literal.to_owned(), self.operator.n_texts(arity));
        if let Some(found) = cache.get(&key) {
            return Ok(Arc::clone(found));
        }
        let n_columns = key.1.saturating_sub(2);
        let fresh = self.operator.compile(literal, n_columns).map_err(|e| DataFusionError::External(Box::new(e)))?;
        let fresh = Arc::new(fresh);
        cache.insert(key, Arc::clone(&fresh));
        Ok(fresh)
    }

    fn literal<'a>(&self, last: Option<&'a ScalarValue>, arity: usize) -> DfResult<&'a str> {
        match last {
            None if arity == self.operator.n_texts(arity) => Ok("{}"),
            Some(value) => match value.try_as_str() {
                Some(Some(literal)) => Ok(literal),
                _ => plan_err!("{}: parameters must be a JSON literal", self.name),
            },
            None => plan_err!("{}: parameters must be a literal, not a column", self.name),
        }
    }
}

impl std::fmt::Debug for OperatorUdf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OperatorUdf").field(&self.name).finish()
    }
}

impl PartialEq for OperatorUdf {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for OperatorUdf {}
impl Hash for OperatorUdf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for OperatorUdf {
    fn name(&self) -> &str {
        &self.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        plan_err!("{} returns a struct that depends on its parameters", self.name)
    }
    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> DfResult<FieldRef> {
        let arity = args.scalar_arguments.len();
        let given = arity > self.operator.n_texts(arity);
        let last = if given { args.scalar_arguments.last().copied().flatten() } else { None };
        let fields = self.compiled(self.literal(last, arity)?, arity)?.fields();
        Ok(Arc::new(Field::new(&self.name, DataType::Struct(fields), true)))
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let (n, arity) = (args.number_rows, args.args.len());
        let n_texts = self.operator.n_texts(arity);
        let last = match args.args.last() {
            Some(ColumnarValue::Scalar(value)) if arity > n_texts => Some(value),
            _ => None,
        };
        let compiled = self.compiled(self.literal(last, arity)?, arity)?;
        let mut texts: Vec<StringViewArray> =
            args.args[..n_texts].iter().map(|text| string_argument(text, n)).collect::<DfResult<_>>()?;
        let urls = matches!(self.operator, Operator::Measure(..)).then(|| texts.remove(1));
        let result: ArrayRef = match compiled.as_ref() {
            Compiled::Many(calls) => Arc::new(calls::joined(calls, compiled.fields(), &texts, urls.as_ref())?),
            Compiled::One(call) => {
                let records = calls::run(std::slice::from_ref(call), &texts, None)?;
                Arc::new(records.into_iter().next().ok_or_else(|| DataFusionError::Internal("one record".into()))?)
            }
            Compiled::Rewrite(transform) => rewrite(transform.as_ref(), &texts[0])?,
        };
        Ok(ColumnarValue::Array(result))
    }
}

fn rewrite(transform: &dyn Transform, texts: &StringViewArray) -> DfResult<ArrayRef> {
    let mut output = RecordColumns::new(transform.measures(), texts.len());
    let mut rewritten = StringViewBuilder::with_capacity(texts.len()).with_fixed_block_size(1 << 20);
    for row in 0..texts.len() {
        if texts.is_null(row) {
            output.push_nulls();
            rewritten.append_null();
            continue;
        }
        let document = Document::of_text(texts.value(row));
        match transform.apply(&document, &mut output) {
            Some(text) => rewritten.append_value(text),
            None => rewritten.append_value(texts.value(row)),
        }
        output.end_row()?;
    }
    let nulls: Option<NullBuffer> = texts.nulls().cloned();
    let (fields, mut columns, _) = output.finish(None)?.into_parts();
    columns.insert(0, Arc::new(rewritten.finish()));
    let text: FieldRef = Arc::new(Field::new("text", DataType::Utf8View, true));
    let fields: Fields = [text].into_iter().chain(fields.iter().cloned()).collect();
    Ok(Arc::new(StructArray::try_new(fields, columns, nulls)?))
}
