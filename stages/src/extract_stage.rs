//! `kind = "extract"`: the main text of HTML pages, as a stage and as the SQL function `main_text(html, url, '{…}')`.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, StringViewBuilder, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result as DfResult, ScalarValue, exec_err};
use datafusion::dataframe::DataFrame;
use datafusion::functions::core::expr_fn::{coalesce, get_field};
use datafusion::functions::string::expr_fn::concat;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, cast, ident, lit, when,
};
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{DROPPED_BY, EVIDENCE, TEXT, URL};
use gristmill_core::stage::{RowStage, Stage, StageEntry, StageSpec};
use gristmill_core::udf::{string_argument, string_signature};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::extract::{self, Options};

/// The column that holds pages; consumed by this stage.
const HTML: &str = "html";

/// The row of the stage table.
pub static ENTRY: StageEntry = StageEntry {
    kind: "extract",
    version: 1,
    about: "Finds the main text of HTML pages, with title, author and date where the page names them.",
    source: "Readability (Arc90, Mozilla); trafilatura (Barbaresi 2021) as second opinion",
    takes_input: true,
    params: &[
        ParamDoc {
            name: "mode",
            default: "\"fast\"",
            about: "fast: readability, trafilatura when it finds too little; quality: trafilatura first; all: every visible text",
        },
        ParamDoc { name: "keep_html", default: "false", about: "carry the page itself along" },
        ParamDoc {
            name: "min_chars",
            default: "250",
            about: "below this many characters the second extractor is asked",
        },
        ParamDoc {
            name: "repair",
            default: "true",
            about: "mend mojibake, bring to Unicode NFC, remove control characters",
        },
        ParamDoc {
            name: "max_bytes, max_elements, max_depth, max_millis",
            default: "see below",
            about: "budget of a page; going over it is a ledger row",
        },
    ],
    build,
};

#[derive(Deserialize)]
struct StageParams {
    #[serde(default)]
    keep_html: bool,
}

struct Extract {
    stage: String,
    keep_html: bool,
    options: Map<String, Value>,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let own: StageParams = params::parse(spec.params)?;
    let mut options = spec.params.as_object().cloned().unwrap_or_default();
    options.shift_remove("keep_html");
    params::parse::<Options>(&Value::Object(options.clone()))?;
    Ok(Stage::Row(Arc::new(Extract { stage: spec.name.to_owned(), keep_html: own.keep_html, options })))
}

impl RowStage for Extract {
    fn rewrites(&self) -> bool {
        true
    }

    fn apply(&self, input: DataFrame) -> Result<DataFrame> {
        let columns: Vec<String> = input.schema().fields().iter().map(|field| field.name().clone()).collect();
        if !columns.iter().any(|c| c == HTML) {
            let cause = "its input has no column `html`; extract works on crawl pages (kind = \"warc\")".to_owned();
            return Err(Error::Stage { stage: self.stage.clone(), cause });
        }
        let udf = input.task_ctx().scalar_functions().get("main_text").cloned();
        let udf = udf.ok_or_else(|| Error::Bug("the function main_text is not registered".into()))?;
        let call = udf.call(vec![ident(HTML), ident(URL), lit(Value::Object(self.options.clone()).to_string())]);
        let todo = ident(DROPPED_BY).is_null().and(ident(TEXT).is_null());
        let page = when(todo, call).end()?.alias("_page");
        let extracted = input.select(columns.iter().map(ident).chain([page]).collect::<Vec<_>>())?;
        let part = |name: &str| get_field(ident("_page"), name);
        let view = |e: Expr| cast(e, DataType::Utf8View);
        let fault = view(concat(vec![lit(format!("{}.", self.stage)), part("fault")]));
        let fault = when(part("fault").is_not_null(), fault).end()?;
        let mut all = Vec::new();
        for column in columns.iter().filter(|c| self.keep_html || *c != HTML) {
            all.push(match column.as_str() {
                TEXT => coalesce(vec![ident(TEXT), part("text")]).alias(TEXT),
                DROPPED_BY => coalesce(vec![ident(DROPPED_BY), fault.clone()]).alias(DROPPED_BY),
                EVIDENCE => coalesce(vec![ident(EVIDENCE), part("cause")]).alias(EVIDENCE),
                other => ident(other),
            });
        }
        for name in ["title", "author", "date", "extractor"] {
            all.push(if columns.iter().any(|c| c == name) {
                continue;
            } else {
                part(name).alias(name)
            });
        }
        Ok(extracted.select(all)?)
    }
}

fn fields() -> Fields {
    ["text", "title", "author", "date", "extractor", "fault", "cause"]
        .into_iter()
        .map(|name| Field::new(name, DataType::Utf8View, true))
        .collect()
}

/// The SQL function `main_text(html, url, '{"mode": "fast", …}')`.
pub fn function() -> ScalarUDF {
    ScalarUDF::from(ExtractUdf { signature: string_signature(&[3]), options: Mutex::default() })
}

#[derive(Debug)]
struct ExtractUdf {
    signature: Signature,
    options: Mutex<HashMap<String, Arc<Options>>>,
}

impl PartialEq for ExtractUdf {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for ExtractUdf {}
impl Hash for ExtractUdf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        "main_text".hash(state);
    }
}

impl ExtractUdf {
    fn options(&self, literal: &str) -> Result<Arc<Options>> {
        let mut cache = self.options.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = cache.get(literal) {
            return Ok(Arc::clone(found));
        }
        let value: Value =
            serde_json::from_str(literal).map_err(|e| ParamError::at("extract", format!("not a JSON object: {e}")))?;
        let fresh = Arc::new(params::parse::<Options>(&value)?);
        cache.insert(literal.to_owned(), Arc::clone(&fresh));
        Ok(fresh)
    }
}

impl ScalarUDFImpl for ExtractUdf {
    fn name(&self) -> &'static str {
        "main_text"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Struct(fields()))
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let Some(ColumnarValue::Scalar(literal)) = args.args.get(2) else {
            return exec_err!("main_text: parameters must be a JSON literal");
        };
        let Some(Some(literal)) = ScalarValue::try_as_str(literal) else {
            return exec_err!("main_text: parameters must be a JSON literal");
        };
        let options = self.options(literal)?;
        let pages = string_argument(&args.args[0], args.number_rows)?;
        let urls = string_argument(&args.args[1], args.number_rows)?;
        let mut columns: Vec<StringViewBuilder> =
            (0..fields().len()).map(|_| StringViewBuilder::new().with_fixed_block_size(1 << 20)).collect();
        for row in 0..pages.len() {
            let url = urls.is_valid(row).then(|| urls.value(row));
            let values = if pages.is_valid(row) { one(pages.value(row), url, &options) } else { Default::default() };
            for (column, value) in columns.iter_mut().zip(values) {
                column.append_option(value);
            }
        }
        let arrays: Vec<ArrayRef> = columns.into_iter().map(|mut c| Arc::new(c.finish()) as ArrayRef).collect();
        Ok(ColumnarValue::Array(Arc::new(StructArray::try_new(fields(), arrays, None)?)))
    }
}

/// One page as the values of [`fields`].
fn one(html: &str, url: Option<&str>, options: &Options) -> [Option<String>; 7] {
    match extract::extract(html, url, options) {
        Ok(page) => [Some(page.text), page.title, page.author, page.date, Some(page.extractor.to_owned()), None, None],
        Err(fault) => {
            let cause = json!({ "cause": fault.to_string(), "page_bytes": html.len() }).to_string();
            [None, None, None, None, None, Some(fault.name().to_owned()), Some(cause)]
        }
    }
}
