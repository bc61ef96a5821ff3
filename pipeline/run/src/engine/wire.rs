//! A pass as bytes, for an executor in another process.
//!
//! A pass consists of DataFusion's own nodes, of functions that the registry knows by name, and of two nodes of ours:
//! the reader of shards and the writer of parts. The codec spells those two out as what they are made from, so that the
//! other side needs this program's registry and the same files, and nothing else. What it does not carry: counters of
//! rows read, which belong to the process that reads. It decides nothing about retries or commits: a part counts once
//! the runner has its manifest row in the journal, whoever wrote it.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::{DataFusionError, Result as DfResult, exec_err, internal_err};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::bytes::{
    physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec,
};
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use datafusion_proto::protobuf;
use gristmill_core::registry::Registry;
use gristmill_core::source::{Origin, ShardReadExec, Source};
use gristmill_core::stage::{Reads, Stage, StageSpec};
use gristmill_stages::ingest::parts_source;
use prost::Message;

use super::pass::Pass;
use super::write::{ShardWriteExec, WriteTarget};
use crate::RunError;
use crate::plan::{Layout, Plan};
use crate::session::Sessions;

/// Writes plans of passes as bytes, and reads them back with nothing but a registry.
#[derive(Clone)]
pub struct Wire {
    registry: Registry,
}

impl Wire {
    /// A codec that makes sources and functions from `registry`.
    pub fn new(registry: Registry) -> Self {
        Self { registry }
    }

    /// The bytes of the pass that writes stage `target` of a plan: partition `i` reads shard `i` and writes part `i`.
    ///
    /// # Errors
    /// When a stage that the pass reads is not complete.
    pub async fn pass(
        &self,
        plan: &Arc<Plan>,
        target: usize,
        layout: &Layout,
        sessions: &Sessions,
    ) -> Result<Vec<u8>, RunError> {
        let physical = Pass { plan, target, layout, sessions, jobs: 1 }.physical().await?;
        Ok(self.encode(physical.sink)?)
    }

    /// The bytes of a plan.
    ///
    /// # Errors
    /// When the plan holds a node that is neither DataFusion's nor a pass's.
    pub fn encode(&self, plan: Arc<dyn ExecutionPlan>) -> DfResult<Vec<u8>> {
        Ok(physical_plan_to_bytes_with_extension_codec(plan, self)?.to_vec())
    }

    /// The plan of some bytes. The functions it calls are looked up in `context`.
    ///
    /// # Errors
    /// When the bytes are damaged, the registry lacks a kind of stage or a function, or a source cannot be made here.
    pub fn decode(&self, bytes: &[u8], context: &TaskContext) -> DfResult<Arc<dyn ExecutionPlan>> {
        physical_plan_from_bytes_with_extension_codec(bytes, context, self)
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

/// A node of ours. Tags are part of the format.
#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(oneof = "Kind", tags = "1, 2")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(message, tag = "1")]
    Read(Read),
    #[prost(message, tag = "2")]
    Write(Write),
}

/// [`ShardReadExec`]; its shards are the rows of its child.
#[derive(Clone, PartialEq, Message)]
struct Read {
    /// [`Origin`] as JSON.
    #[prost(string, tag = "1")]
    origin: String,
    /// The source's columns, for part files.
    #[prost(message, optional, tag = "2")]
    parts: Option<protobuf::Schema>,
    /// Columns of the source; -1 is the row number.
    #[prost(int64, repeated, tag = "3")]
    columns: Vec<i64>,
    /// Columns of the rows read.
    #[prost(message, optional, tag = "4")]
    schema: Option<protobuf::Schema>,
}

/// [`ShardWriteExec`].
#[derive(Clone, PartialEq, Message)]
struct Write {
    /// [`WriteTarget`] without its schema, as JSON.
    #[prost(string, tag = "1")]
    target: String,
    #[prost(message, optional, tag = "2")]
    schema: Option<protobuf::Schema>,
}

impl PhysicalExtensionCodec for Wire {
    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> DfResult<()> {
        let kind = if let Some(read) = node.downcast_ref::<ShardReadExec>() {
            Kind::Read(Read::of(read)?)
        } else if let Some(write) = node.downcast_ref::<ShardWriteExec>() {
            Kind::Write(Write { target: json_of(write.target())?, schema: Some(wire_schema(write.target().schema())?) })
        } else {
            return internal_err!("a pass holds the node {}, which has no form as bytes", node.name());
        };
        Node { kind: Some(kind) }.encode(buf).map_err(external)
    }

    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &TaskContext,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let [child] = inputs else { return exec_err!("a node of a pass has one input, not {}", inputs.len()) };
        match Node::decode(buf).map_err(external)?.kind {
            Some(Kind::Read(read)) => self.reader(&read, Arc::clone(child)),
            Some(Kind::Write(write)) => {
                let target: WriteTarget = serde_json::from_str(&write.target).map_err(external)?;
                let target = target.with_schema(schema_of(write.schema.as_ref())?);
                Ok(Arc::new(ShardWriteExec::new(Arc::clone(child), Arc::new(target))))
            }
            None => exec_err!("a node of a pass without content: it was written by another version of this program"),
        }
    }
}

impl Read {
    fn of(node: &ShardReadExec) -> DfResult<Self> {
        let parts = match node.origin() {
            Origin::Parts => Some(wire_schema(&node.source().schema())?),
            Origin::Stage { .. } => None,
        };
        let columns = node.columns().iter().map(|column| column.map_or(-1, |i| i as i64)).collect();
        Ok(Self { origin: json_of(node.origin())?, parts, columns, schema: Some(wire_schema(&node.schema())?) })
    }
}

impl Wire {
    fn reader(&self, read: &Read, child: Arc<dyn ExecutionPlan>) -> DfResult<Arc<dyn ExecutionPlan>> {
        let origin: Origin = serde_json::from_str(&read.origin).map_err(external)?;
        let source = match &origin {
            Origin::Parts => parts_source(Vec::new(), schema_of(read.parts.as_ref())?, 0),
            Origin::Stage { .. } => self.source(&origin)?,
        };
        let columns = read.columns.iter().map(|column| usize::try_from(*column).ok()).collect();
        let schema = schema_of(read.schema.as_ref())?;
        Ok(Arc::new(ShardReadExec::over(source, Arc::new(origin), columns, child, schema, Arc::default())))
    }

    /// Builds the stage that a source was made from.
    fn source(&self, origin: &Origin) -> DfResult<Arc<dyn Source>> {
        let Origin::Stage { kind, name, params, seed } = origin else {
            return internal_err!("part files are not made by a stage");
        };
        let Some(entry) = self.registry.stage(kind) else {
            return exec_err!("this program has no stage of the kind {kind}, which {name} needs");
        };
        // The limit is in the shards.
        let spec = StageSpec { name, params, seed: *seed, limit: None, reads: &Reads::default() };
        match (entry.build)(&spec).map_err(external)? {
            Stage::Source(source) => Ok(source),
            _ => exec_err!("{name} is a {kind} stage, which reads no files"),
        }
    }
}

fn json_of(value: &impl serde::Serialize) -> DfResult<String> {
    serde_json::to_string(value).map_err(external)
}

fn wire_schema(schema: &SchemaRef) -> DfResult<protobuf::Schema> {
    protobuf::Schema::try_from(schema.as_ref()).map_err(external)
}

fn schema_of(schema: Option<&protobuf::Schema>) -> DfResult<SchemaRef> {
    let Some(schema) = schema else { return exec_err!("a node of a pass lacks its columns") };
    Ok(Arc::new(Schema::try_from(schema).map_err(external)?))
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
