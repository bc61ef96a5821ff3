//! The registry: every operator and stage of the program, by name.
//!
//! Each crate offers explicit tables; they are joined in one place (`gristmill-run`). A remote executor needs nothing
//! but this registry to run a plan that was made elsewhere.

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;

use crate::annotator::{AnnotatorEntry, ComparisonEntry, TransformEntry};
use crate::stage::StageEntry;
use crate::udf;

/// What one crate brings.
#[derive(Clone, Copy)]
pub struct Tables {
    /// Operators that measure.
    pub annotators: &'static [AnnotatorEntry],
    /// Operators that measure a text against a reference.
    pub comparisons: &'static [ComparisonEntry],
    /// Operators that rewrite.
    pub transforms: &'static [TransformEntry],
    /// Kinds of stage.
    pub stages: fn() -> Vec<&'static StageEntry>,
    /// Further SQL functions.
    pub functions: fn() -> Vec<ScalarUDF>,
}

/// All operators and stages.
#[derive(Clone)]
pub struct Registry {
    annotators: Arc<[&'static AnnotatorEntry]>,
    comparisons: Arc<[&'static ComparisonEntry]>,
    transforms: Arc<[&'static TransformEntry]>,
    stages: Arc<[&'static StageEntry]>,
    functions: Arc<[Arc<ScalarUDF>]>,
}

impl Registry {
    /// Joins the tables of all crates.
    pub fn join(tables: &[Tables]) -> Self {
        let annotators: Arc<[_]> = tables.iter().flat_map(|t| t.annotators).collect();
        let comparisons: Arc<[_]> = tables.iter().flat_map(|t| t.comparisons).collect();
        let transforms: Arc<[_]> = tables.iter().flat_map(|t| t.transforms).collect();
        let mut functions: Vec<ScalarUDF> = vec![udf::measure(&annotators, &comparisons)];
        functions.extend(annotators.iter().map(|entry| udf::annotator(entry)));
        functions.extend(comparisons.iter().map(|entry| udf::comparison(entry)));
        functions.extend(transforms.iter().map(|entry| udf::transform(entry)));
        functions.extend(tables.iter().flat_map(|t| (t.functions)()));
        Self {
            annotators,
            comparisons,
            transforms,
            stages: tables.iter().flat_map(|t| (t.stages)()).collect(),
            functions: functions.into_iter().map(Arc::new).collect(),
        }
    }

    /// Operators that measure, in table order.
    pub fn annotators(&self) -> &[&'static AnnotatorEntry] {
        &self.annotators
    }

    /// Operators that measure a text against a reference, in table order.
    pub fn comparisons(&self) -> &[&'static ComparisonEntry] {
        &self.comparisons
    }

    /// Operators that rewrite, in table order.
    pub fn transforms(&self) -> &[&'static TransformEntry] {
        &self.transforms
    }

    /// Kinds of stage, in table order.
    pub fn stages(&self) -> &[&'static StageEntry] {
        &self.stages
    }

    /// The kind of stage with this name.
    pub fn stage(&self, kind: &str) -> Option<&'static StageEntry> {
        self.stages.iter().copied().find(|entry| entry.kind == kind)
    }

    /// Makes every operator a SQL function of the session.
    pub fn register_functions(&self, context: &SessionContext) {
        for function in self.functions.iter() {
            context.register_udf(ScalarUDF::clone(function));
        }
    }
}

/// The entry whose name is nearest to `name`, if any is near enough to be meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.len().max(name.len()) / 3))
        .min()
        .map(|(_, candidate)| candidate)
}
