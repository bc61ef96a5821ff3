//! Releases: part files become a dataset others can load, with a card that says what is true of it.

mod card;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::{Expr, ident};
use datafusion::prelude::ParquetReadOptions;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{CREATED, DROPPED_BY, EVIDENCE, ID, LICENSE, META, SOURCE, TEXT, URL};
use gristmill_stages::release::ReleaseParams;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::plan::{Done, Layout, Plan, StageCounts, make_dir, write_whole};
use crate::session::Sessions;

/// Columns of a release that does not choose its own.
const DEFAULT_COLUMNS: &[&str] = &[ID, TEXT, URL, SOURCE, CREATED, LICENSE, META];

/// The release's columns, chosen from its inputs.
///
/// # Errors
/// When an expression of `[stage.x.columns]` does not fit the schema.
pub fn select(input: DataFrame, params: &Value) -> Result<DataFrame> {
    let params: ReleaseParams = params::parse(params)?;
    let mut all: Vec<Expr> = Vec::new();
    if params.columns.is_empty() {
        all.extend(DEFAULT_COLUMNS.iter().map(|name| ident(*name)));
    }
    for (name, sql) in &params.columns {
        let sql = sql.as_str().unwrap_or_default();
        let refuse = |e: datafusion::error::DataFusionError| ParamError {
            path: vec!["columns".into(), name.clone()],
            message: e.strip_backtrace(),
        };
        let column = input.parse_sql_expr(sql).map_err(refuse)?.alias(name);
        input.clone().select(vec![column.clone()]).map_err(refuse)?;
        all.push(column);
    }
    // The ledger needs these whatever the release shows.
    for name in [ID, TEXT, URL] {
        if !params.columns.is_empty() && !params.columns.contains_key(name) {
            all.push(ident(name).alias(format!("_{name}")));
        }
    }
    all.extend([ident(DROPPED_BY), ident(EVIDENCE)]);
    let hidden = input.schema().fields().iter().filter(|field| {
        let name = field.name();
        (gristmill_core::schema::is_hidden(name) && name != EVIDENCE)
            || matches!(field.data_type(), arrow::datatypes::DataType::Struct(_))
    });
    // Verdicts and measures of fused filters, for the ledger; part files leave out what is hidden.
    all.extend(hidden.filter(|field| !params.columns.contains_key(field.name())).map(|field| {
        let name = field.name();
        if gristmill_core::schema::is_hidden(name) {
            ident(name)
        } else {
            ident(name).alias(format!("_measures_{name}"))
        }
    }));
    Ok(input.select(all)?)
}

/// Facts of the released rows that the card states.
struct Facts {
    rows: u64,
    text_bytes: u64,
    licenses: BTreeMap<String, u64>,
    sources: BTreeMap<String, u64>,
    languages: BTreeMap<String, u64>,
}

/// Links the parts into the release folder and writes card, manifest and checksums.
///
/// # Errors
/// When the disk refuses.
pub async fn finish(
    plan: &Plan,
    i: usize,
    layout: &Layout,
    sessions: &Sessions,
    done: &Done,
    counts: &BTreeMap<String, StageCounts>,
) -> Result<()> {
    let node = &plan.nodes[i];
    let params: ReleaseParams = params::parse(&node.decl.params)?;
    let folder = layout.root().join(&node.decl.name);
    let building = layout.root().join(format!("{}.building", node.decl.name));
    if building.exists() {
        fs::remove_dir_all(&building).map_err(Error::path("clearing", &building))?;
    }
    let data = building.join("data");
    make_dir(&data)?;
    let files = link_parts(&layout.parts(node), &data, done, &params.split)?;
    let facts = facts(sessions, &data, done, files.is_empty()).await?;
    let card = card::render(plan, node, &params, &facts, &files, counts);
    write_whole(&building.join("README.md"), card.as_bytes())?;
    let manifest = manifest(plan, &files, counts);
    let manifest = serde_json::to_vec_pretty(&manifest).map_err(|e| Error::Bug(e.to_string()))?;
    write_whole(&building.join("MANIFEST.json"), &manifest)?;
    let mut sums: Vec<(String, String)> = files.iter().map(|file| (file.path.clone(), file.sha256.clone())).collect();
    sums.push(("MANIFEST.json".into(), sha256(&manifest)));
    sums.push(("README.md".into(), sha256(card.as_bytes())));
    sums.sort();
    let sums: String = sums.iter().map(|(path, sum)| format!("{sum}  {path}\n")).collect();
    write_whole(&building.join("SHA256SUMS"), sums.as_bytes())?;
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Error::path("replacing", &folder))?;
    }
    crate::plan::commit(&building, &folder)
}

/// A file of the release.
struct ReleasedFile {
    path: String,
    sha256: String,
    rows: u64,
    bytes: u64,
}

fn link_parts(parts: &Path, data: &Path, done: &Done, split: &str) -> Result<Vec<ReleasedFile>> {
    let kept: Vec<_> = done.parts.iter().filter_map(|part| part.file.as_ref().map(|file| (part, file))).collect();
    let mut files = Vec::with_capacity(kept.len());
    for (i, (part, file)) in kept.iter().enumerate() {
        let name = format!("{split}-{i:05}-of-{:05}.parquet", kept.len());
        let (from, to) = (parts.join(file), data.join(&name));
        // A link costs nothing; where the file system has none, a copy does as well.
        fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(|_| ())).map_err(Error::path("linking", &to))?;
        let sha256 = part.sha256.clone().ok_or_else(|| Error::Bug("a released part has a checksum".into()))?;
        files.push(ReleasedFile { path: format!("data/{name}"), sha256, rows: part.rows, bytes: part.bytes });
    }
    Ok(files)
}

async fn facts(sessions: &Sessions, data: &Path, done: &Done, empty: bool) -> Result<Facts> {
    let mut facts = Facts {
        rows: done.rows(),
        text_bytes: 0,
        licenses: BTreeMap::new(),
        sources: BTreeMap::new(),
        languages: BTreeMap::new(),
    };
    if empty {
        return Ok(facts);
    }
    let context = sessions.open();
    context.register_parquet("released", data.to_string_lossy(), ParquetReadOptions::default()).await?;
    let schema = context.table("released").await?.schema().clone();
    let has = |name: &str| schema.field_with_unqualified_name(name).is_ok();
    if has(TEXT) {
        let total = context.sql("SELECT sum(octet_length(text)) FROM released").await?.collect().await?;
        let total = total.first().map(|batch| batch.column(0).as_primitive::<Int64Type>().value(0));
        facts.text_bytes = total.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    }
    for (column, counts) in
        [(LICENSE, &mut facts.licenses), (SOURCE, &mut facts.sources), ("language", &mut facts.languages)]
    {
        if has(column) {
            *counts = count_values(&context, column).await?;
        }
    }
    Ok(facts)
}

async fn count_values(context: &datafusion::prelude::SessionContext, column: &str) -> Result<BTreeMap<String, u64>> {
    let query = format!("SELECT arrow_cast(coalesce({column}, 'unknown'), 'Utf8'), count(*) FROM released GROUP BY 1");
    let mut counts = BTreeMap::new();
    for batch in context.sql(&query).await?.collect().await? {
        let (names, numbers) = (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Int64Type>());
        for row in 0..names.len() {
            counts.insert(names.value(row).to_owned(), u64::try_from(numbers.value(row)).unwrap_or(0));
        }
    }
    Ok(counts)
}

fn manifest(plan: &Plan, files: &[ReleasedFile], counts: &BTreeMap<String, StageCounts>) -> Value {
    let files: Vec<Value> =
        files.iter().map(|f| json!({ "path": f.path, "sha256": f.sha256, "rows": f.rows, "bytes": f.bytes })).collect();
    let stages: Vec<Value> = plan
        .nodes
        .iter()
        .map(|node| {
            json!({
                "name": node.decl.name, "kind": node.decl.kind, "input": node.decl.inputs, "recipe": node.recipe,
                "rows": counts.get(&node.decl.name),
            })
        })
        .collect();
    json!({
        "gristmill": env!("CARGO_PKG_VERSION"), "name": plan.config.run.name, "seed": plan.config.run.seed,
        "files": files, "stages": stages, "config": plan.config.document.value(), "workers": [],
    })
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
