//! `kind = "filter"`: named rules over measures.
//!
//! The stage lowers all its measures to one fused `measure(…)` call and its rules to SQL expressions over them. It
//! deletes nothing: the first rule that fails is written to `dropped_by`; which others failed is kept for the ledger.
//! A rule that is NULL counts as failed. No threshold lives here: they are all in the config.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::functions::core::expr_fn::{get_field, named_struct};
use datafusion::logical_expr::{Expr, ExprSchemable, ident, lit, when};
use datafusion::scalar::ScalarValue;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::registry::nearest;
use gristmill_core::schema::{DROPPED_BY, RULES_PREFIX, TEXT, URL, is_hidden};
use gristmill_core::stage::{RowStage, Stage, StageEntry, StageSpec};
use gristmill_core::udf::{columns_of, distinct_columns};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The struct of all measures, until it gets the stage's name: a measure may be called like the stage.
const MEASURES: &str = "_measures";

/// The row of the stage table.
pub static ENTRY: StageEntry = StageEntry {
    kind: "filter",
    version: 1,
    about: "Measures every document once and keeps those that satisfy all named rules.",
    source: "rules are SQL boolean expressions; presets name their papers",
    takes_input: true,
    params: &[
        ParamDoc {
            name: "presets",
            default: "[]",
            about: "rule files: names from configs/rules, or paths ending in .toml",
        },
        ParamDoc {
            name: "measure",
            default: "{}",
            about: "name = { op = \"…\", params… }: what to measure; column = \"…\" measures another column than text, reference = \"…\" is what a comparison holds it against",
        },
        ParamDoc {
            name: "keep",
            default: "{}",
            about: "rule = \"SQL over measures and columns\"; replaces a preset's rule of the same name",
        },
        ParamDoc { name: "except", default: "[]", about: "names of preset rules not to apply" },
    ],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    presets: Vec<Preset>,
    #[serde(default)]
    measure: Map<String, Value>,
    #[serde(default)]
    keep: Map<String, Value>,
    #[serde(default)]
    except: Vec<String>,
}

/// A preset as the config loader resolved it.
#[derive(Deserialize)]
struct Preset {
    name: String,
    #[serde(default)]
    measure: Map<String, Value>,
    #[serde(default)]
    keep: Map<String, Value>,
}

/// A named rule.
pub(crate) struct Rule {
    name: String,
    sql: String,
    /// Keys that lead to it in the config.
    path: Vec<String>,
}

/// Measures and rules over them.
pub(crate) struct Filter {
    stage: String,
    measure: Map<String, Value>,
    rules: Vec<Rule>,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    let measure = merge_measures(&params)?;
    let rules = merge_rules(&params)?;
    if rules.is_empty() {
        return Err(ParamError::at("keep", "a filter needs at least one rule: give `presets` or a [keep] table"));
    }
    Ok(Stage::Row(Arc::new(Filter::new(spec.name, measure, rules))))
}

fn merge_measures(params: &Params) -> Result<Map<String, Value>, ParamError> {
    let mut measure: Map<String, Value> = Map::new();
    for preset in &params.presets {
        for (name, call) in &preset.measure {
            if measure.insert(name.clone(), call.clone()).is_some_and(|earlier| earlier != *call) {
                let message =
                    format!("preset {}: an earlier preset defines the measure \"{name}\" differently", preset.name);
                return Err(ParamError::at("presets", message));
            }
        }
    }
    measure.extend(params.measure.clone());
    Ok(measure)
}

/// Rules in order: presets first; the stage's own rule replaces a preset's of the same name in place.
fn merge_rules(params: &Params) -> Result<Vec<Rule>, ParamError> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut unused: BTreeSet<&str> = params.except.iter().map(String::as_str).collect();
    for preset in &params.presets {
        for (name, sql) in &preset.keep {
            unused.remove(name.as_str());
            if params.except.contains(name) {
                continue;
            }
            if rules.iter().any(|rule| rule.name == *name) {
                let message = format!(
                    "preset {}: an earlier preset has a rule \"{name}\" too; list it in `except` and give your own in [keep]",
                    preset.name
                );
                return Err(ParamError::at("presets", message));
            }
            rules.push(rule(name, sql, vec!["presets".into()])?);
        }
    }
    if let Some(unknown) = unused.first() {
        return Err(ParamError::at("except", format!("no preset of this stage has a rule \"{unknown}\"")));
    }
    for own in own_rules(&params.keep)? {
        match rules.iter_mut().find(|rule| rule.name == own.name) {
            Some(existing) => *existing = own,
            None => rules.push(own),
        }
    }
    Ok(rules)
}

/// The rules of a stage's `[keep]` table, in its order.
pub(crate) fn own_rules(keep: &Map<String, Value>) -> Result<Vec<Rule>, ParamError> {
    keep.iter().map(|(name, sql)| rule(name, sql, vec!["keep".into(), name.clone()])).collect()
}

fn rule(name: &str, sql: &Value, path: Vec<String>) -> Result<Rule, ParamError> {
    let Some(sql) = sql.as_str() else {
        let message = format!("rule \"{name}\": expected a string with a SQL boolean expression");
        return Err(ParamError { path, message });
    };
    Ok(Rule { name: name.to_owned(), sql: sql.to_owned(), path })
}

impl RowStage for Filter {
    fn apply(&self, input: DataFrame) -> Result<DataFrame> {
        let columns: Vec<String> = input.schema().fields().iter().map(|field| field.name().clone()).collect();
        let taken = |name: &str| columns.iter().any(|column| column == name);
        if taken(&self.stage) {
            let cause = format!("a column \"{}\" exists already; name the stage differently", self.stage);
            return Err(Error::Stage { stage: self.stage.clone(), cause });
        }
        if let Some(name) = self.measure.keys().find(|name| taken(name)) {
            let message = format!("a column \"{name}\" exists already; name the measure differently");
            return Err(ParamError { path: vec!["measure".into(), name.clone()], message }.into());
        }
        let measured = self.measured(input, &columns)?;
        if self.rules.is_empty() {
            let measures = ident(MEASURES).alias(&self.stage);
            return Ok(measured.select(columns.iter().map(ident).chain([measures]).collect::<Vec<_>>())?);
        }
        let judged = self.judged(measured, &columns)?;
        self.decided(judged, &columns)
    }

    fn rules(&self) -> Vec<String> {
        self.rules.iter().map(|rule| rule.name.clone()).collect()
    }
}

impl Filter {
    /// A stage of this name; with neither measures nor rules it would do nothing.
    pub(crate) fn new(stage: &str, measure: Map<String, Value>, rules: Vec<Rule>) -> Self {
        Self { stage: stage.to_owned(), measure, rules }
    }

    /// Adds the stage's column: a struct of all measures, null for rows that were dropped before.
    fn measured(&self, input: DataFrame, columns: &[String]) -> Result<DataFrame> {
        if self.measure.is_empty() {
            let nothing = lit(ScalarValue::Boolean(None)).alias(MEASURES);
            return Ok(input.select(columns.iter().map(ident).chain([nothing]).collect::<Vec<_>>())?);
        }
        let udf = input.task_ctx().scalar_functions().get("measure").cloned();
        let udf = udf.ok_or_else(|| Error::Bug("the function measure is not registered".into()))?;
        let url = if columns.iter().any(|c| c == URL) { ident(URL) } else { lit(ScalarValue::Utf8View(None)) };
        let table = Value::Object(self.measure.clone());
        check_columns(input.schema().as_arrow(), &table)?;
        let further = distinct_columns(&table);
        let arguments = [ident(TEXT), url].into_iter().chain(further.iter().map(ident)).chain([lit(table.to_string())]);
        let call = udf.call(arguments.collect());
        let measured = when(ident(DROPPED_BY).is_null(), call).end().map_err(|e| in_measure(&e))?.alias(MEASURES);
        let all: Vec<Expr> = columns.iter().map(ident).chain([measured]).collect();
        input.select(all).map_err(|e| in_measure(&e))
    }

    /// Adds the verdict of every rule, as a struct of booleans.
    fn judged(&self, measured: DataFrame, columns: &[String]) -> Result<DataFrame> {
        let whole = || columns.iter().map(String::as_str).chain([MEASURES]).map(ident);
        let parts = self.measure.keys().map(|name| get_field(ident(MEASURES), name.as_str()).alias(name));
        let flat = measured.select(whole().chain(parts).collect::<Vec<_>>())?;
        let mut pairs = Vec::with_capacity(self.rules.len() * 2);
        for rule in &self.rules {
            pairs.push(lit(rule.name.as_str()));
            pairs.push(plan_rule(&flat, rule)?.is_true());
        }
        let verdicts = named_struct(pairs).alias(format!("{RULES_PREFIX}{}", self.stage));
        Ok(flat.select(whole().chain([verdicts]).collect::<Vec<_>>())?)
    }

    /// Writes the first failed rule to `dropped_by`.
    fn decided(&self, judged: DataFrame, columns: &[String]) -> Result<DataFrame> {
        let verdicts = format!("{RULES_PREFIX}{}", self.stage);
        let view = |text: String| lit(ScalarValue::Utf8View(Some(text)));
        let mut dropped = when(ident(DROPPED_BY).is_not_null(), ident(DROPPED_BY));
        for rule in &self.rules {
            let held = get_field(ident(&verdicts), rule.name.as_str());
            dropped = dropped.when(Expr::Not(Box::new(held)), view(format!("{}.{}", self.stage, rule.name)));
        }
        let dropped = dropped.otherwise(lit(ScalarValue::Utf8View(None)))?.alias(DROPPED_BY);
        let mut all: Vec<Expr> =
            columns.iter().map(|c| if c == DROPPED_BY { dropped.clone() } else { ident(c) }).collect();
        if !self.measure.is_empty() {
            all.push(ident(MEASURES).alias(&self.stage));
        }
        all.push(ident(&verdicts));
        Ok(judged.select(all)?)
    }
}

fn plan_rule(frame: &DataFrame, rule: &Rule) -> Result<Expr> {
    let refuse = |message: String| {
        let message = format!("rule \"{}\": {message}", rule.name);
        Error::Param(ParamError { path: rule.path.clone(), message })
    };
    let known = known_names(frame.schema().as_arrow());
    let engine = |e: DataFusionError| refuse(explain(&rule.sql, &known, &e.strip_backtrace()));
    let expr = frame.parse_sql_expr(&rule.sql).map_err(engine)?;
    let kind = expr.get_type(frame.schema()).map_err(engine)?;
    if kind != DataType::Boolean {
        return Err(refuse(format!("expected a boolean, `{}` is {kind}", rule.sql)));
    }
    // Planning as a projection finds what parsing does not: a wrong type in a comparison, for one.
    frame.clone().select(vec![expr.clone()]).map_err(engine)?;
    Ok(expr)
}

/// Refuses measures over columns that the input lacks or that are no text.
fn check_columns(input: &Schema, table: &Value) -> Result<()> {
    let is_text = |kind: &DataType| matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    for found in columns_of(table) {
        let message = match input.field_with_name(&found.column) {
            Ok(field) if is_text(field.data_type()) => continue,
            Ok(field) => format!("expected a column of texts, `{}` is {}", found.column, field.data_type()),
            Err(_) => {
                let names = || input.fields().iter().map(|field| field.name().as_str()).filter(|name| !is_hidden(name));
                let hint = nearest(&found.column, names()).map_or_else(
                    || format!("it has {}", names().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean \"{near}\"?"),
                );
                format!("the input has no column `{}`; {hint}", found.column)
            }
        };
        return Err(ParamError { path: vec!["measure".into(), found.measure, found.key.into()], message }.into());
    }
    Ok(())
}

/// An operator's refusal of its parameters, as an error under `[measure]`.
fn in_measure(error: &DataFusionError) -> Error {
    match error.find_root() {
        DataFusionError::External(inner) => match inner.downcast_ref::<ParamError>() {
            Some(param) => param.clone().under("measure").into(),
            None => Error::Bug(error.to_string()),
        },
        _ => Error::Bug(error.strip_backtrace()),
    }
}

/// Column names, and `column.field` for structs.
fn known_names(schema: &Schema) -> Vec<String> {
    let mut names = Vec::new();
    for field in schema.fields() {
        if let DataType::Struct(inner) = field.data_type() {
            names.extend(inner.iter().map(|f| format!("{}.{}", field.name(), f.name())));
        }
        names.push(field.name().clone());
    }
    names
}

/// The engine's message, or a better one if the rule names something that does not exist.
fn explain(sql: &str, known: &[String], message: &str) -> String {
    // Every second piece between quotes is a string literal.
    let unquoted: Vec<&str> = sql.split('\'').step_by(2).collect();
    let unquoted = unquoted.join(" ");
    let names = unquoted.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
    for name in names.filter(|name| name.contains('.') && name.starts_with(char::is_alphabetic)) {
        if known.iter().any(|k| k == name) {
            continue;
        }
        let group = name.split('.').next().unwrap_or(name);
        let siblings: Vec<&str> = known
            .iter()
            .filter(|k| k.strip_prefix(group).is_some_and(|rest| rest.starts_with('.')))
            .map(String::as_str)
            .collect();
        let hint = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if siblings.is_empty() => "no measure has that name; define it under [measure]".to_owned(),
            None => format!("there are {}", siblings.join(", ")),
        };
        return format!("unknown measure `{name}`; {hint}");
    }
    format!("{message} (in `{sql}`)")
}
