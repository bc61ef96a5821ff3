//! A solver's input, readable as often as it likes.

use std::sync::Arc;

use datafusion::dataframe::DataFrame;
use datafusion::prelude::SessionContext;
use gristmill_core::error::Result;
use gristmill_core::source::Shard;
use gristmill_core::stage::Relation;

use crate::plan::{Frames, Layout, Plan, live};
use crate::session::Sessions;

/// The inputs of one stage, as they will be seen again by the pass that applies its verdicts.
pub(super) struct InputRelation {
    plan: Arc<Plan>,
    stage: usize,
    layout: Layout,
    sessions: Sessions,
    shards: Vec<Shard>,
}

impl InputRelation {
    pub(super) fn new(plan: &Arc<Plan>, stage: usize, layout: &Layout, sessions: &Sessions) -> Result<Self> {
        let context = sessions.open();
        let mut frames = Frames::of_run(plan, &context, layout);
        if !plan.nodes[stage].inputs.is_empty() {
            frames.inputs(stage)?;
        }
        let shards = frames.shards.into_iter().map(|planned| planned.shard).collect();
        Ok(Self { plan: Arc::clone(plan), stage, layout: layout.clone(), sessions: sessions.clone(), shards })
    }
}

impl Relation for InputRelation {
    fn frame(&self, context: &SessionContext) -> Result<DataFrame> {
        if self.plan.nodes[self.stage].inputs.is_empty() {
            return Ok(context.read_empty()?);
        }
        live(Frames::of_run(&self.plan, context, &self.layout).inputs(self.stage)?)
    }
    fn session(&self) -> SessionContext {
        self.sessions.open()
    }
    fn shards(&self) -> Vec<Shard> {
        self.shards.clone()
    }
}
