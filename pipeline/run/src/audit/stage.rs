//! `kind = "audit"`: the rows of a stage held against human rows of the same type; the rows pass unchanged.
//!
//! An audit looks at a sample: the rows whose numbers hash lowest, so that the sample depends on the seed and the input
//! only and its memory does not grow. What it found stands where a solver's verdicts would; the engine draws the page
//! from it, and stops the run when a limit is crossed.

use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{AsArray, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::DataType;
use arrow::json::writer::{JsonArray, WriterBuilder};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::ident;
use futures::TryStreamExt;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::registry::Tables;
use gristmill_core::schema::is_hidden;
use gristmill_core::stage::{Relation, SolveContext, Solver, Stage, StageEntry, StageSpec, content_hash};
use gristmill_detectors::artifact::Gate;
use serde::Deserialize;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::rows::{DataKind, Keys, read_side, rows_of};
use super::{AuditOptions, compare_sides};
use crate::RunError;

/// What this crate brings to the registry.
pub static TABLES: Tables =
    Tables { annotators: &[], comparisons: &[], transforms: &[], stages: || vec![&ENTRY], functions: Vec::new };

static ENTRY: StageEntry = StageEntry {
    kind: "audit",
    version: 1,
    about: "Holds a sample of the rows against human rows: leak probe, diversity, artifacts, what a model would learn.",
    source: "Das et al. 2024, \"Under the Surface\", arXiv:2401.14698",
    takes_input: true,
    params: &[
        ParamDoc { name: "type", default: "required", about: "instructions, labels, preferences, dialogues or text" },
        ParamDoc { name: "human", default: "[]", about: "files of human rows of that type (JSON lines)" },
        ParamDoc { name: "human_where", default: "none", about: "SQL: which rows of the input are the human ones" },
        ParamDoc { name: "max_rows", default: "5000", about: "rows looked at, of each side" },
        ParamDoc { name: "bands", default: "built in", about: "file with the limits of the levels" },
        ParamDoc { name: "detector", default: "none", about: "model file of `gristmill detect train`: machine share" },
        ParamDoc { name: "language", default: "none", about: "ISO 639-3 code declared for the rows" },
        ParamDoc { name: "seeds", default: "[]", about: "files of seeds the rows were made from: copies are found" },
        ParamDoc { name: "eval_sets", default: "[]", about: "files of evaluation sets that the rows must not hold" },
        ParamDoc {
            name: "prompts",
            default: "[]",
            about: "files of prompts that made the rows: leaks of them are found",
        },
        ParamDoc { name: "label_order", default: "[]", about: "all labels in their order, where they have one" },
        ParamDoc { name: "slice", default: "none", about: "column whose values part the rows: model, template, topic" },
        ParamDoc {
            name: "split",
            default: "none",
            about: "column of the rows' splits: held-out rows in train are found",
        },
        ParamDoc {
            name: "fail_on",
            default: "none",
            about: "stops the run when a limit is crossed: \"leak>0.65,near_duplicates>0.05\"",
        },
    ],
    build,
};

/// The parameters of an audit stage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditParams {
    /// What the rows are.
    #[serde(rename = "type")]
    pub kind: DataKind,
    /// Files of human rows.
    #[serde(default)]
    pub human: Vec<PathBuf>,
    /// Which rows of the input are human.
    pub human_where: Option<String>,
    /// Rows of each side.
    #[serde(default = "max_rows")]
    pub max_rows: usize,
    /// A preset of limits.
    pub bands: Option<PathBuf>,
    /// A detector's model file.
    pub detector: Option<PathBuf>,
    /// Language declared for the rows.
    pub language: Option<String>,
    /// Files of seeds.
    #[serde(default)]
    pub seeds: Vec<PathBuf>,
    /// Files of evaluation sets.
    #[serde(default)]
    pub eval_sets: Vec<PathBuf>,
    /// Files of prompts.
    #[serde(default)]
    pub prompts: Vec<PathBuf>,
    /// Labels in their order.
    #[serde(default)]
    pub label_order: Vec<String>,
    /// Column of the rows' slices.
    pub slice: Option<String>,
    /// Column of the rows' splits.
    pub split: Option<String>,
    /// Limits that stop the run.
    pub fail_on: Option<String>,
}

impl AuditParams {
    /// Every file that the audit reads, with the key that names it.
    fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let lists = [
            ("human", &self.human),
            ("seeds", &self.seeds),
            ("eval_sets", &self.eval_sets),
            ("prompts", &self.prompts),
        ];
        let listed = lists.into_iter().flat_map(|(key, files)| files.iter().map(move |path| (key, path.as_path())));
        let single = [("bands", &self.bands), ("detector", &self.detector)];
        listed.chain(single.into_iter().filter_map(|(key, path)| Some((key, path.as_deref()?))))
    }
}

fn max_rows() -> usize {
    5_000
}

struct AuditStage {
    stage: String,
    params: AuditParams,
    seed: u64,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: AuditParams = params::parse(spec.params)?;
    if let Some(Err(error)) = params.fail_on.as_ref().map(|text| text.parse::<Gate>()) {
        return Err(ParamError::at("fail_on", error.to_string()));
    }
    if let Some((key, missing)) = params.files().find(|(_, path)| !path.is_file()) {
        return Err(ParamError::at(key, format!("there is no file {}", missing.display())));
    }
    if params.max_rows < 2 {
        return Err(ParamError::at("max_rows", "an audit looks at 2 rows at least"));
    }
    Ok(Stage::Solver(Arc::new(AuditStage { stage: spec.name.to_owned(), params, seed: spec.seed })))
}

/// The columns that a type of data is read from.
fn columns(kind: DataKind) -> &'static [&'static str] {
    match kind {
        DataKind::Instructions => &["instruction", "input", "output"],
        DataKind::Labels => &["item", "annotator", "label", "text"],
        DataKind::Preferences => {
            &["prompt", "a", "b", "winner", "order_known", "model_a", "model_b", "judge", "chosen", "rejected"]
        }
        DataKind::Dialogues => &["turns"],
        DataKind::Text => &["text"],
    }
}

impl AuditStage {
    fn failed(&self, cause: &dyn std::fmt::Display) -> Error {
        Error::Stage { stage: self.stage.clone(), cause: cause.to_string() }
    }

    /// A sample of the input's rows, as JSON objects.
    async fn sample(&self, input: &dyn Relation, condition: Option<String>) -> Result<Vec<Value>> {
        let session = input.session();
        let mut frame = input.frame(&session)?;
        if let Some(condition) = condition {
            let predicate = frame.parse_sql_expr(&condition)?;
            frame = frame.filter(predicate)?;
        }
        let wanted = columns(self.params.kind);
        let names: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
        let names = names.iter().filter(|name| {
            let parts = [&self.params.slice, &self.params.split].iter().any(|key| key.as_ref() == Some(*name));
            (wanted.contains(&name.as_str()) || parts) && !is_hidden(name)
        });
        let frame = frame.clone().select(names.map(|name| ident(name.as_str())).collect::<Vec<_>>())?;
        let mut sample = Sample::new(self.params.max_rows, self.seed);
        for mut partition in frame.execute_stream_partitioned().await? {
            while let Some(batch) = partition.try_next().await? {
                sample.add(&batch)?;
            }
        }
        sample.rows()
    }
}

#[async_trait]
impl Solver for AuditStage {
    async fn solve(&self, input: &dyn Relation, context: &SolveContext) -> Result<()> {
        let (params, kind) = (&self.params, self.params.kind);
        let human_where = params.human_where.as_ref();
        let made = self.sample(input, human_where.map(|sql| format!("({sql}) IS NOT TRUE"))).await?;
        let keys = Keys { field: None, slice: params.slice.as_deref(), split: params.split.as_deref() };
        let of_rows = |name: &str, rows, keys| rows_of(name, rows, kind, keys).map_err(|e| self.failed(&e));
        let candidate = of_rows("artificial", made, keys)?;
        let reference = match human_where {
            Some(sql) => of_rows("human", self.sample(input, Some(sql.clone())).await?, Keys::default())?,
            None => read_side("human", &params.human, kind, Keys::default()).map_err(|e| self.failed(&e))?,
        };
        let options = AuditOptions {
            seed: self.seed,
            bands: params.bands.clone(),
            detector: params.detector.clone(),
            language: params.language.clone(),
            seeds: params.seeds.clone(),
            eval_sets: params.eval_sets.clone(),
            prompts: params.prompts.clone(),
            label_order: params.label_order.clone(),
            slice: params.slice.clone(),
            split: params.split.clone(),
        };
        let audit = tokio::task::spawn_blocking(move || compare_sides(&reference, &candidate, &options));
        let audit = audit.await.map_err(|e| Error::Bug(e.to_string()))?.map_err(|e: RunError| self.failed(&e))?;
        let json = audit.to_json().map_err(|e| Error::Bug(e.to_string()))?;
        crate::plan::write_whole(&context.verdicts, json.as_bytes())
    }

    /// Other rows, limits or prompts under the same names are another audit.
    fn depends_on(&self) -> Value {
        let hash = |(key, path)| match content_hash(path) {
            Ok(hash) => format!("{key} {hash}"),
            Err(error) => format!("{key} {error}"),
        };
        let hashes: Vec<String> = self.params.files().map(hash).collect();
        if hashes.is_empty() { Value::Null } else { hashes.into() }
    }

    fn apply(&self, input: DataFrame, _verdicts: &Path) -> Result<DataFrame> {
        let wanted = columns(self.params.kind);
        if !wanted.iter().any(|name| input.schema().field_with_unqualified_name(name).is_ok()) {
            let message = format!("the input has none of the columns {}", wanted.join(", "));
            return Err(ParamError::at("type", message).into());
        }
        for (key, column) in [("slice", &self.params.slice), ("split", &self.params.split)] {
            if let Some(column) = column
                && input.schema().field_with_unqualified_name(column).is_err()
            {
                return Err(ParamError::at(key, format!("the input has no column \"{column}\"")).into());
            }
        }
        if let Some(sql) = &self.params.human_where {
            input.parse_sql_expr(sql).map_err(|e| Error::from(ParamError::at("human_where", e.strip_backtrace())))?;
        }
        Ok(input)
    }
}

/// The rows whose numbers hash lowest.
struct Sample {
    most: usize,
    seed: u64,
    n_seen: u64,
    /// Hashes of the kept rows, the highest on top, with the place of each.
    kept: BinaryHeap<(u64, usize, usize)>,
    batches: Vec<RecordBatch>,
}

impl Sample {
    fn new(most: usize, seed: u64) -> Self {
        Self { most, seed, n_seen: 0, kept: BinaryHeap::new(), batches: Vec::new() }
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut chosen = Vec::new();
        for row in 0..batch.num_rows() {
            let hash = xxh3_64_with_seed(&self.n_seen.to_le_bytes(), self.seed);
            self.n_seen += 1;
            if self.kept.len() == self.most {
                if self.kept.peek().is_some_and(|(highest, _, _)| *highest <= hash) {
                    continue;
                }
                self.kept.pop();
            }
            self.kept.push((hash, self.batches.len(), chosen.len()));
            chosen.push(row as u64);
        }
        if !chosen.is_empty() {
            self.batches.push(take_record_batch(batch, &UInt64Array::from(chosen))?);
        }
        // Rows that were pushed out again are let go before they are as many as those that stay.
        let held: usize = self.batches.iter().map(RecordBatch::num_rows).sum();
        if held > 2 * self.most + 8192 {
            self.compact()?;
        }
        Ok(())
    }

    /// Leaves one batch of kept rows, in the order of the input.
    fn compact(&mut self) -> Result<()> {
        let mut places: Vec<(usize, usize, u64)> = self.kept.drain().map(|(hash, b, row)| (b, row, hash)).collect();
        places.sort_unstable();
        let mut kept = Vec::new();
        for (b, batch) in self.batches.iter().enumerate() {
            let rows = places.iter().filter(|(of, _, _)| *of == b).map(|(_, row, _)| *row as u64);
            kept.push(take_record_batch(batch, &rows.collect::<UInt64Array>())?);
        }
        if let Some(first) = kept.first() {
            self.batches = vec![concat_batches(&first.schema(), &kept)?];
        }
        self.kept = places.into_iter().enumerate().map(|(i, (_, _, hash))| (hash, 0, i)).collect();
        Ok(())
    }

    fn rows(mut self) -> Result<Vec<Value>> {
        self.compact()?;
        let Some(batch) = self.batches.first() else { return Ok(Vec::new()) };
        let mut writer = WriterBuilder::new().with_explicit_nulls(false).build::<_, JsonArray>(Vec::new());
        writer.write(batch)?;
        writer.finish()?;
        let mut rows: Vec<Value> =
            serde_json::from_slice(&writer.into_inner()).map_err(|e| Error::Bug(format!("rows are JSON: {e}")))?;
        // JSON within a text column, such as a dialogue's turns, is read as what it is.
        let nested = batch.schema().field_with_name("turns").is_ok_and(|f| f.data_type() == &DataType::Utf8View);
        if nested && batch["turns"].as_string_view_opt().is_some() {
            for row in &mut rows {
                if let Some(turns) = row["turns"].as_str().and_then(|text| serde_json::from_str(text).ok()) {
                    row["turns"] = turns;
                }
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array};
    use serde_json::json;

    use super::*;

    #[test]
    fn other_human_rows_under_the_same_name_are_another_audit() {
        let folder = tempfile::tempdir().unwrap();
        let human = folder.path().join("human.jsonl");
        let stage = |human: Vec<PathBuf>| {
            let params = json!({ "type": "text", "human": human });
            AuditStage { stage: "audit".into(), params: params::parse(&params).unwrap(), seed: 1 }
        };
        let depends_on = |text: &str| {
            std::fs::write(&human, text).unwrap();
            stage(vec![human.clone()]).depends_on()
        };
        let [one, other, again] = ["{\"text\":\"a\"}", "{\"text\":\"b\"}", "{\"text\":\"a\"}"].map(depends_on);
        assert!(one != other && one == again);
        assert_eq!(stage(Vec::new()).depends_on(), Value::Null);
    }

    #[test]
    fn a_sample_is_the_same_however_the_rows_are_cut_into_batches() {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..50_000));
        let batch = RecordBatch::try_from_iter([("text", column)]).unwrap();
        let drawn = |size: usize| {
            let mut sample = Sample::new(500, 7);
            for start in (0..batch.num_rows()).step_by(size) {
                sample.add(&batch.slice(start, size.min(batch.num_rows() - start))).unwrap();
            }
            sample.rows().unwrap()
        };
        let rows = drawn(1_000);
        assert_eq!((rows.len(), &rows), (500, &drawn(7_777)));
        let mean = rows.iter().map(|row| row["text"].as_f64().unwrap()).sum::<f64>() / 500.0;
        // Five standard errors of a uniform sample of 500.
        assert!((mean - 25_000.0).abs() < 5.0 * 50_000.0 / 12f64.sqrt() / 500f64.sqrt(), "{mean}");
        assert!(rows.windows(2).all(|pair| pair[0]["text"].as_i64() < pair[1]["text"].as_i64()));
    }
}
