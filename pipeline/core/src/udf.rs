//! The adapter: annotators and transforms as DataFusion scalar functions.
//!
//! Each operator becomes a SQL function `name(text [, params])` that returns a struct; parameters are a JSON literal.
//! A filter stage lowers all its measures to one call, `measure(text, url, '{"lang": {"op": "lang_id"}, …}')`, a struct
//! of structs: one view and one segmentation per document. Plans carry nothing but the function's name and a literal,
//! so they run wherever the registry is.

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

use crate::annotator::{Annotator, AnnotatorEntry, Document, Transform, TransformEntry};
use crate::params::ParamError;
use crate::text::TextView;
use columns::{RecordColumns, fields_of};

/// The fused function `measure(text, url, '{name: {op, params…}}')`.
pub fn measure(entries: &Arc<[&'static AnnotatorEntry]>) -> ScalarUDF {
    ScalarUDF::from(OperatorUdf::new("measure".into(), Operator::Measure(Arc::clone(entries)), &[3]))
}

/// The function of one annotator: `name(text [, params])`.
pub fn annotator(entry: &'static AnnotatorEntry) -> ScalarUDF {
    ScalarUDF::from(OperatorUdf::new(entry.name.into(), Operator::Annotator(entry), &[1, 2]))
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

/// What a literal says once it has been read: the operators to run, and where their measures go.
enum Compiled {
    Groups(Groups),
    One(Box<dyn Annotator>),
    Rewrite(Box<dyn Transform>),
}

impl Compiled {
    fn fields(&self) -> Fields {
        match self {
            Self::Groups(groups) => groups
                .iter()
                .map(|(name, annotator)| Field::new(name, DataType::Struct(fields_of(annotator.measures())), true))
                .collect(),
            Self::One(annotator) => fields_of(annotator.measures()),
            Self::Rewrite(transform) => {
                let text: FieldRef = Arc::new(Field::new("text", DataType::Utf8View, true));
                [text].into_iter().chain(fields_of(transform.measures()).iter().cloned()).collect()
            }
        }
    }
}

enum Operator {
    Measure(Arc<[&'static AnnotatorEntry]>),
    Annotator(&'static AnnotatorEntry),
    Transform(&'static TransformEntry),
}

impl Operator {
    fn compile(&self, literal: &str) -> Result<Compiled, ParamError> {
        let value: Value =
            serde_json::from_str(literal).map_err(|e| ParamError::at("params", format!("not a JSON object: {e}")))?;
        match self {
            Self::Measure(entries) => compile_groups(entries, &value).map(Compiled::Groups),
            Self::Annotator(entry) => (entry.build)(&value).map(Compiled::One),
            Self::Transform(entry) => (entry.build)(&value).map(Compiled::Rewrite),
        }
    }
}

/// Annotators by the names a config gives their measures.
pub type Groups = Vec<(String, Box<dyn Annotator>)>;

/// Builds the annotators of a `[stage.x.measure]` table: name -> `{op, params…}`.
///
/// # Errors
/// An unknown operator (with the nearest name) or a parameter it does not accept.
pub fn compile_groups(entries: &[&'static AnnotatorEntry], table: &Value) -> Result<Groups, ParamError> {
    let Some(table) = table.as_object() else {
        return Err(ParamError::at("measure", "expected a table of measures"));
    };
    table
        .iter()
        .map(|(name, call)| Ok((name.clone(), compile_call(entries, call).map_err(|e| e.under(name))?)))
        .collect()
}

fn compile_call(entries: &[&'static AnnotatorEntry], call: &Value) -> Result<Box<dyn Annotator>, ParamError> {
    let mut params = call.as_object().cloned().unwrap_or_default();
    let Some(Value::String(op)) = params.shift_remove("op") else {
        return Err(ParamError {
            path: vec![],
            message: "expected { op = \"…\" }, the operator to measure with".into(),
        });
    };
    let Some(entry) = entries.iter().find(|entry| entry.name == op) else {
        let hint = crate::registry::nearest(&op, entries.iter().map(|entry| entry.name))
            .map_or_else(|| "see `gristmill ops`".to_owned(), |name| format!("did you mean \"{name}\"?"));
        return Err(ParamError::at("op", format!("unknown operator \"{op}\"; {hint}")));
    };
    (entry.build)(&Value::Object(params))
}

/// One operator as a scalar function.
struct OperatorUdf {
    name: String,
    operator: Operator,
    signature: Signature,
    /// Literals already read. Building an operator may compile regexes: once per plan, not per batch.
    compiled: Mutex<HashMap<String, Arc<Compiled>>>,
}

impl OperatorUdf {
    fn new(name: String, operator: Operator, arities: &[usize]) -> Self {
        Self { name, operator, signature: string_signature(arities), compiled: Mutex::default() }
    }

    fn compiled(&self, literal: &str) -> DfResult<Arc<Compiled>> {
        let mut cache = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = cache.get(literal) {
            return Ok(Arc::clone(found));
        }
        let fresh = Arc::new(self.operator.compile(literal).map_err(|e| DataFusionError::External(Box::new(e)))?);
        cache.insert(literal.to_owned(), Arc::clone(&fresh));
        Ok(fresh)
    }

    fn literal<'a>(&self, last: Option<&'a ScalarValue>, arity: usize) -> DfResult<&'a str> {
        match last {
            None if arity == 1 => Ok("{}"),
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
        let last = if arity == 1 { None } else { args.scalar_arguments.last().copied().flatten() };
        let fields = self.compiled(self.literal(last, arity)?)?.fields();
        Ok(Arc::new(Field::new(&self.name, DataType::Struct(fields), true)))
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let (n, arity) = (args.number_rows, args.args.len());
        let last = match args.args.last() {
            Some(ColumnarValue::Scalar(value)) if arity > 1 => Some(value),
            _ => None,
        };
        let compiled = self.compiled(self.literal(last, arity)?)?;
        let texts = string_argument(&args.args[0], n)?;
        let urls = if arity == 3 { Some(string_argument(&args.args[1], n)?) } else { None };
        let result = run(&compiled, &texts, urls.as_ref())?;
        Ok(ColumnarValue::Array(result))
    }
}

/// Runs a compiled call over a batch; null in, null out.
fn run(compiled: &Compiled, texts: &StringViewArray, urls: Option<&StringViewArray>) -> DfResult<ArrayRef> {
    let annotators: Vec<&dyn Annotator> = match compiled {
        Compiled::Groups(groups) => groups.iter().map(|(_, annotator)| annotator.as_ref()).collect(),
        Compiled::One(annotator) => vec![annotator.as_ref()],
        Compiled::Rewrite(transform) => return rewrite(transform.as_ref(), texts),
    };
    let mut outputs: Vec<RecordColumns> =
        annotators.iter().map(|annotator| RecordColumns::new(annotator.measures(), texts.len())).collect();
    for row in 0..texts.len() {
        if texts.is_null(row) {
            outputs.iter_mut().for_each(RecordColumns::push_nulls);
            continue;
        }
        let url = urls.filter(|urls| urls.is_valid(row)).map(|urls| urls.value(row));
        let document = Document { view: TextView::new(texts.value(row)), url };
        for (annotator, output) in annotators.iter().zip(&mut outputs) {
            annotator.annotate(&document, output);
            output.end_row()?;
        }
    }
    let nulls = texts.nulls().cloned();
    let mut records = outputs.into_iter().map(|output| output.finish(nulls.clone()));
    match compiled {
        Compiled::Groups(_) => {
            let columns: Vec<ArrayRef> =
                records.map(|record| record.map(|r| Arc::new(r) as ArrayRef)).collect::<DfResult<_>>()?;
            if columns.is_empty() {
                return Ok(Arc::new(StructArray::new_empty_fields(texts.len(), nulls)));
            }
            Ok(Arc::new(StructArray::try_new(compiled.fields(), columns, nulls)?))
        }
        _ => Ok(Arc::new(records.next().ok_or_else(|| DataFusionError::Internal("one record".into()))??)),
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
