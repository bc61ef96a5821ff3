//! Stages as `DataFrame`s.
//!
//! The same code serves two ends: at planning time every stage is framed over its inputs' schemas, written or not, to
//! check it; at run time the frame of a pass begins at sources and at part files that earlier passes wrote.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arrow::datatypes::{DataType, Schema};
use datafusion::catalog::TableProvider;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, ident, lit};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use gristmill_core::error::{Error, Result};
use gristmill_core::schema::{DROPPED_BY, EVIDENCE, ID, TEXT};
use gristmill_core::source::{InputFile, Origin, Shard, ShardTable, Source};
use gristmill_core::stage::{Maker, Stage};
use gristmill_stages::ingest::parts_source;

use super::{Layout, Node, Plan};
use crate::config::StageDecl;

/// Bytes of part files read as one shard: parts that filters left small are packed together.
const PACKED_BYTES: u64 = 64 << 20;

/// A shard of a pass.
#[derive(Debug, Clone)]
pub struct PlannedShard {
    /// What is read.
    pub shard: Shard,
    /// The stages its rows go through, the first that is not a part file first.
    pub path: Vec<usize>,
}

/// Builds frames in one session and notes the shards they read.
pub struct Frames<'a> {
    plan: &'a Plan,
    context: &'a SessionContext,
    /// Where part files are; none at planning time.
    layout: Option<&'a Layout>,
    /// The shards, in the order of the plan's partitions.
    pub shards: Vec<PlannedShard>,
    /// Rows read so far, one counter per table.
    pub rows_read: Vec<Arc<AtomicU64>>,
}

impl<'a> Frames<'a> {
    /// Frames that know schemas only.
    pub fn of_schema(plan: &'a Plan, context: &'a SessionContext) -> Self {
        Self { plan, context, layout: None, shards: Vec::new(), rows_read: Vec::new() }
    }

    /// Frames that can be run.
    pub fn of_run(plan: &'a Plan, context: &'a SessionContext, layout: &'a Layout) -> Self {
        Self { plan, context, layout: Some(layout), shards: Vec::new(), rows_read: Vec::new() }
    }

    /// The frame of a stage: its part files if it is written, else the stage over its inputs.
    ///
    /// # Errors
    /// When the stage does not fit its inputs.
    pub fn frame(&mut self, i: usize) -> Result<DataFrame> {
        let node = &self.plan.nodes[i];
        match self.layout {
            Some(layout) if node.written => self.part_files(node, layout),
            _ => self.computed(i),
        }
    }

    /// The stage over its inputs, whether it is written or not.
    ///
    /// # Errors
    /// When the stage does not fit its inputs.
    pub fn computed(&mut self, i: usize) -> Result<DataFrame> {
        let node = &self.plan.nodes[i];
        let first = self.shards.len();
        let frame = match &node.stage {
            Stage::Source(source) => self.source(source, self.origin(node)),
            Stage::Row(stage) => stage.apply(self.inputs(i)?),
            Stage::Solver(solver) => {
                let verdicts = self.layout.map(|layout| layout.verdicts(node)).unwrap_or_default();
                solver.apply(self.inputs(i)?, &verdicts)
            }
            Stage::Query(query) => self.query(i, query),
            Stage::Maker(maker) => self.made(i, maker.as_ref()),
            Stage::Release(params) => crate::release::select(self.inputs(i)?, params, &node.decl.name),
        }?;
        for shard in &mut self.shards[first..] {
            shard.path.push(i);
        }
        Ok(frame)
    }

    /// The union, by column name, of a stage's inputs.
    ///
    /// # Errors
    /// When two inputs give a column different types.
    pub fn inputs(&mut self, i: usize) -> Result<DataFrame> {
        let mut union: Option<DataFrame> = None;
        for input in self.plan.nodes[i].inputs.clone() {
            let frame = self.frame(input)?;
            union = Some(match union {
                None => frame,
                Some(earlier) => earlier.union_by_name(frame)?,
            });
        }
        union.ok_or_else(|| Error::Bug("a stage without inputs was asked for them".into()))
    }

    /// The columns of a stage's inputs; none of a stage that has no input.
    ///
    /// # Errors
    /// When two inputs give a column different types.
    pub fn input_schema(&mut self, i: usize) -> Result<Schema> {
        match self.plan.nodes[i].inputs.is_empty() {
            true => Ok(Schema::empty()),
            false => Ok(self.inputs(i)?.schema().as_arrow().clone()),
        }
    }

    fn origin(&self, node: &Node) -> Origin {
        let StageDecl { name, kind, params, .. } = node.decl.clone();
        Origin::Stage { kind, name, params, seed: self.plan.config.run.seed }
    }

    fn source(&mut self, source: &Arc<dyn Source>, origin: Origin) -> Result<DataFrame> {
        if self.layout.is_none() {
            return self.table(Arc::new(ShardTable::new(Arc::clone(source), origin, 0)));
        }
        let first = u32::try_from(self.shards.len()).map_err(|_| Error::Bug("more than 2^32 shards".into()))?;
        let table = ShardTable::new(Arc::clone(source), origin, first);
        self.rows_read.push(table.rows_read());
        let planned = source.shards().iter().map(|shard| PlannedShard { shard: shard.clone(), path: Vec::new() });
        self.shards.extend(planned);
        self.table(Arc::new(table))
    }

    fn part_files(&mut self, node: &Node, layout: &Layout) -> Result<DataFrame> {
        let done = layout.done(node)?.ok_or_else(|| Error::Bug(format!("stage {} is not complete", node.decl.name)))?;
        let folder = layout.parts(node);
        let file = |part: &super::PartRow| {
            part.file.as_ref().map(|name| InputFile { path: folder.join(name), bytes: part.bytes, modified_ns: 0 })
        };
        let files = done.parts.iter().filter_map(file).collect();
        let frame = self.source(&parts_source(files, Arc::clone(&node.schema), PACKED_BYTES), Origin::Parts)?;
        with_verdict_columns(frame)
    }

    /// The rows a maker made, verdicts included.
    fn made(&mut self, i: usize, maker: &dyn Maker) -> Result<DataFrame> {
        let node = &self.plan.nodes[i];
        let schema = maker.schema(&Frames::of_schema(self.plan, self.context).input_schema(i)?)?;
        let path = self.layout.map(|layout| layout.made(node)).unwrap_or_default();
        let bytes = std::fs::metadata(&path).map_or(0, |file| file.len());
        let files = (bytes > 0).then_some(InputFile { path, bytes, modified_ns: 0 });
        self.source(&parts_source(files.into_iter().collect(), schema, PACKED_BYTES), Origin::Parts)
    }

    fn table(&self, provider: Arc<dyn TableProvider>) -> Result<DataFrame> {
        let plan = LogicalPlanBuilder::scan("source", provider_as_source(provider), None)?.build()?;
        let frame = DataFrame::new(self.context.state(), plan);
        // The table's name would otherwise qualify every column.
        let all: Vec<Expr> = frame.schema().fields().iter().map(|f| ident(f.name())).collect();
        Ok(frame.select(all)?)
    }

    fn query(&mut self, i: usize, query: &str) -> Result<DataFrame> {
        for input in self.plan.nodes[i].inputs.clone() {
            let name = self.plan.nodes[input].decl.name.clone();
            let provider: Arc<dyn TableProvider> = if self.layout.is_some() {
                live(self.frame(input)?)?.into_view()
            } else {
                Arc::new(EmptyTable::new(Arc::clone(&self.plan.nodes[input].schema)))
            };
            self.context.register_table(name.as_str(), provider)?;
        }
        // The rows come out of one partition, whatever went in.
        self.shards = vec![PlannedShard { shard: Shard::default(), path: Vec::new() }];
        let state = self.context.state();
        let plan = futures::executor::block_on(state.create_logical_plan(query))?;
        let frame = DataFrame::new(state, plan);
        for column in [ID, TEXT] {
            if frame.schema().field_with_unqualified_name(column).is_err() {
                let cause = format!("the query yields no column `{column}`; every document has one");
                return Err(Error::Stage { stage: self.plan.nodes[i].decl.name.clone(), cause });
            }
        }
        with_verdict_columns(frame)
    }
}

/// The rows that still travel, without the engine's columns but the row number.
pub(crate) fn live(frame: DataFrame) -> Result<DataFrame> {
    Ok(frame.filter(ident(DROPPED_BY).is_null())?.drop_columns(&[DROPPED_BY, EVIDENCE])?)
}

/// Adds the verdict columns that part files and queries lack.
fn with_verdict_columns(frame: DataFrame) -> Result<DataFrame> {
    let null = || lit(ScalarValue::Utf8View(None));
    let mut all: Vec<Expr> = Vec::new();
    for (qualifier, field) in frame.schema().iter() {
        let column = Expr::Column(datafusion::common::Column::new(qualifier.cloned(), field.name()));
        // Queries may make plain strings; union and the ledger want views.
        all.push(match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => {
                datafusion::logical_expr::cast(column, DataType::Utf8View).alias(field.name())
            }
            _ => column.alias(field.name()),
        });
    }
    all.push(null().alias(DROPPED_BY));
    all.push(null().alias(EVIDENCE));
    Ok(frame.select(all)?)
}
