//! One pass: a physical plan run shard by shard into part files.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use futures::{StreamExt, TryStreamExt, stream};
use gristmill_core::error::Error;
use gristmill_core::ledger::split_rule;
use gristmill_core::stage::Stage;

use super::progress::Reporter;
use super::write::part::write_columns;
use super::write::{ShardWriteExec, WriteTarget, manifest_row};
use crate::RunError;
use crate::plan::{
    Done, Frames, Journal, Layout, PartRow, Plan, PlannedShard, StageCounts, TextVolume, make_dir, write_whole,
};
use crate::session::Sessions;

/// A pass to run.
pub(super) struct Pass<'a> {
    pub(super) plan: &'a Arc<Plan>,
    pub(super) target: usize,
    pub(super) layout: &'a Layout,
    pub(super) sessions: &'a Sessions,
    pub(super) jobs: usize,
}

impl Pass<'_> {
    /// Runs the shards that are not committed yet and writes `_done.json`.
    pub(super) async fn run(&self, reporter: &Reporter) -> Result<Done, RunError> {
        let started = Instant::now();
        let node = &self.plan.nodes[self.target];
        let (parts, ledger) = (self.layout.parts(node), self.layout.ledger(node));
        make_dir(&parts)?;
        make_dir(&ledger)?;
        let (mut journal, committed) = Journal::open(&parts, &ledger)?;
        let Physical { sink, shards, rows_read, task } = self.physical().await?;
        let mut rows: Vec<PartRow> = committed.into_iter().filter(|part| part.shard < shards.len()).collect();
        let pending: Vec<usize> = (0..shards.len()).filter(|s| rows.iter().all(|part| part.shard != *s)).collect();
        let bar = reporter.bar(&node.decl.name, shards.len(), rows.len(), &rows_read);
        let mut results = stream::iter(pending)
            .map(|shard| {
                let (sink, task) = (Arc::clone(&sink), Arc::clone(&task));
                // A task of its own: shards are CPU-bound and must run on different threads.
                let work = tokio::spawn(async move {
                    let batches: Vec<_> = sink.execute(shard, task)?.try_collect().await?;
                    manifest_row(&batches)
                });
                AbortOnDrop(work)
            })
            .buffer_unordered(self.jobs.max(1));
        let mut fresh = 0;
        while let Some(part) = results.next().await {
            let part = part?;
            journal.append(&part)?;
            fresh += part.rows_in;
            rows.push(part);
            bar.shard_done();
        }
        bar.close();
        rows.sort_by_key(|part| part.shard);
        if !matches!(node.stage, Stage::Query(_)) {
            check_conservation(&node.decl.name, fresh, &rows_read, &rows)?;
        }
        if rows.iter().all(|part| part.rows == 0) && !matches!(node.stage, Stage::Release(_)) {
            write_columns(&parts, &node.schema)?;
        }
        let stages = count_stages(self.plan, &shards, &rows)?;
        check_damage(self.plan, &stages)?;
        let done = Done {
            fingerprint: node.fingerprint.clone(),
            seconds: started.elapsed().as_secs_f64(),
            parts: rows,
            stages,
        };
        let text = serde_json::to_vec_pretty(&done).map_err(|e| Error::Bug(e.to_string()))?;
        write_whole(&parts.join("_done.json"), &text)?;
        Ok(done)
    }

    /// The plan, the sink on top.
    pub(super) async fn physical(&self) -> Result<Physical, RunError> {
        let node = &self.plan.nodes[self.target];
        let is_query = matches!(node.stage, Stage::Query(_));
        // A query's plan keeps to one partition: then its rows come out in a repeatable order.
        let context = if is_query { self.sessions.open_with(1) } else { self.sessions.open() };
        let mut frames = Frames::of_run(self.plan, &context, self.layout);
        let frame = frames.computed(self.target)?;
        let (shards, rows_read) = (frames.shards, frames.rows_read);
        let mut input = frame.create_physical_plan().await?;
        if is_query && input.properties().output_partitioning().partition_count() > 1 {
            input = Arc::new(CoalescePartitionsExec::new(input));
        }
        check_partitions(input.as_ref(), &shards)?;
        let target = WriteTarget::of(node, self.layout.parts(node), self.layout.ledger(node));
        let sink = Arc::new(ShardWriteExec::new(input, Arc::new(target)));
        Ok(Physical { sink, shards, rows_read, task: context.task_ctx() })
    }
}

/// A pass as the engine runs it: partition `i` of the sink reads shard `i` and writes part `i`.
pub(super) struct Physical {
    pub(super) sink: Arc<ShardWriteExec>,
    shards: Vec<PlannedShard>,
    rows_read: Vec<Arc<AtomicU64>>,
    task: Arc<TaskContext>,
}

/// A spawned shard; dropping it (an error elsewhere, Ctrl-C) stops the work.
struct AbortOnDrop(tokio::task::JoinHandle<Result<PartRow, Error>>);

impl Future for AbortOnDrop {
    type Output = Result<PartRow, RunError>;
    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(cx).map(|joined| match joined {
            Ok(result) => result.map_err(RunError::from),
            Err(e) => Err(Error::Bug(format!("a shard's task died: {e}")).into()),
        })
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn check_partitions(input: &dyn ExecutionPlan, shards: &[PlannedShard]) -> Result<(), Error> {
    let n = input.properties().output_partitioning().partition_count();
    if n == shards.len() || (shards.is_empty() && n <= 1) {
        return Ok(());
    }
    Err(Error::Bug(format!("the plan has {n} partitions for {} shards", shards.len())))
}

/// In = kept + dropped, counted where rows are read and where they are written.
fn check_conservation(stage: &str, fresh: u64, read: &[Arc<AtomicU64>], rows: &[PartRow]) -> Result<(), Error> {
    let read: u64 = read.iter().map(|counter| counter.load(Ordering::Relaxed)).sum();
    if read != fresh {
        return Err(Error::Bug(format!("the pass of {stage} read {read} rows and wrote {fresh}")));
    }
    for part in rows {
        let dropped: u64 = part.dropped.values().sum();
        if part.rows_in != part.rows + dropped {
            let PartRow { shard, rows_in, rows: kept, .. } = part;
            return Err(Error::Bug(format!("{stage}, shard {shard}: {rows_in} in, {kept} kept, {dropped} dropped")));
        }
    }
    Ok(())
}

/// Follows every shard's rows through the stages of its path.
fn count_stages(
    plan: &Plan,
    shards: &[PlannedShard],
    rows: &[PartRow],
) -> Result<BTreeMap<String, StageCounts>, Error> {
    let mut stages: BTreeMap<String, StageCounts> = BTreeMap::new();
    for part in rows {
        let Some(planned) = shards.get(part.shard) else { continue };
        let mut alive = part.rows_in;
        for i in &planned.path {
            let name = &plan.nodes[*i].decl.name;
            let count = stages.entry(name.clone()).or_default();
            count.rows_in += alive;
            for (dropped_by, n) in part.dropped.iter().filter(|(by, _)| split_rule(by).0 == name) {
                *count.dropped.entry(split_rule(dropped_by).1.to_owned()).or_default() += n;
                alive = alive.checked_sub(*n).ok_or_else(|| Error::Bug(format!("{name} dropped more than it got")))?;
            }
            count.kept += alive;
        }
        if alive != part.rows {
            return Err(Error::Bug(format!("shard {}: {alive} rows should be left, {} are", part.shard, part.rows)));
        }
    }
    count_text(plan, shards, rows, &mut stages);
    Ok(stages)
}

/// Follows every shard's text back along its path, as far as no stage rewrites texts.
fn count_text(plan: &Plan, shards: &[PlannedShard], rows: &[PartRow], stages: &mut BTreeMap<String, StageCounts>) {
    let nothing = Some(TextVolume::default());
    let mut known: BTreeMap<&str, [Option<TextVolume>; 2]> = BTreeMap::new();
    for part in rows {
        let Some(planned) = shards.get(part.shard) else { continue };
        let mut text = part.text;
        for i in planned.path.iter().rev() {
            let node = &plan.nodes[*i];
            let name = node.decl.name.as_str();
            let [entered, left] = known.entry(name).or_insert([nothing; 2]);
            *left = left.zip(text).map(|(sum, text)| sum + text);
            let of_stage = part.dropped_text.iter().filter(|(by, _)| split_rule(by).0 == name);
            let dropped = of_stage.fold(TextVolume::default(), |sum, (_, text)| sum + *text);
            let rewrites = matches!(&node.stage, Stage::Row(stage) if stage.rewrites());
            text = text.filter(|_| !rewrites).map(|text| text + dropped);
            *entered = entered.zip(text).map(|(sum, text)| sum + text);
        }
    }
    for (name, [entered, left]) in known {
        if let Some(count) = stages.get_mut(name) {
            (count.text_in, count.text_kept) = (entered, left);
        }
    }
}

/// Too many damaged records make a failed run, not a small data set.
fn check_damage(plan: &Plan, stages: &BTreeMap<String, StageCounts>) -> Result<(), Error> {
    for node in &plan.nodes {
        let (Stage::Source(source), Some(count)) = (&node.stage, stages.get(&node.decl.name)) else { continue };
        let bad_rules = source.bad_rules();
        let bad: u64 =
            count.dropped.iter().filter(|(rule, _)| bad_rules.contains(&rule.as_str())).map(|(_, n)| n).sum();
        let ratio = bad as f64 / count.rows_in.max(1) as f64;
        if ratio > source.max_bad_ratio() {
            let cause = format!(
                "{bad} of {} records are damaged ({:.1} %), more than max_bad_ratio = {}; the ledger of this stage lists them",
                count.rows_in,
                ratio * 100.0,
                source.max_bad_ratio()
            );
            return Err(Error::Stage { stage: node.decl.name.clone(), cause });
        }
    }
    Ok(())
}
