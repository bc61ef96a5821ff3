//! Releases: part files become a dataset others can load, with a card that says what is true of it.

mod card;
mod croissant;
mod facts;
mod files;
mod push;
mod tokens;

use std::collections::BTreeMap;
use std::fs;

use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::{Expr, ident};
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{CREATED, DROPPED_BY, EVIDENCE, ID, LICENSE, META, SOURCE, TEXT, URL};
use gristmill_core::stage::Stage;
use gristmill_detectors::artifact::Audit;
use gristmill_stages::release::{OptOutPolicy, ReleaseParams};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::plan::{Done, Layout, Node, Plan, StageCounts, make_dir, write_whole};
use crate::session::Sessions;
use facts::Facts;

/// Stands before the name of a filter whose measures a release carries for the ledger.
pub(crate) const MEASURES_PREFIX: &str = "_measures_";
/// Columns of a release that does not choose its own.
const DEFAULT_COLUMNS: &[&str] = &[ID, TEXT, URL, SOURCE, CREATED, LICENSE, META];

/// The release's columns, chosen from its inputs.
///
/// # Errors
/// When an expression of `[stage.x.columns]` does not fit the schema.
pub fn select(input: DataFrame, params: &Value, stage: &str) -> Result<DataFrame> {
    let params: ReleaseParams = params::parse(params)?;
    let input = withhold(input, &params, stage)?;
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
    if params.opt_out == Some(OptOutPolicy::Mark) && !params.columns.contains_key(OPT_OUT) {
        all.push(ident(OPT_OUT));
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
            ident(name).alias(format!("{MEASURES_PREFIX}{name}"))
        }
    }));
    Ok(input.select(all)?)
}

/// What card, manifest and Croissant tell of a release.
struct Told<'a> {
    plan: &'a Plan,
    node: &'a Node,
    params: &'a ReleaseParams,
    facts: &'a Facts,
    files: &'a [files::ReleasedFile],
    counts: &'a BTreeMap<String, StageCounts>,
    audits: &'a [(String, Audit)],
}

impl Told<'_> {
    fn title(&self) -> &str {
        self.params.pretty_name.as_deref().unwrap_or(&self.plan.config.run.name)
    }

    /// The day that the config gives, or that of the newest row; the clock is never asked.
    fn published(&self) -> Option<&str> {
        self.params.published.as_deref().or(self.facts.newest.as_deref())
    }

    /// Stages that made rows, with the workers they asked.
    fn makers(&self) -> Vec<(&Node, Vec<String>)> {
        let mut makers = Vec::new();
        for node in &self.plan.nodes {
            if let Stage::Maker(maker) = &node.stage {
                makers.push((node, maker.workers().into_iter().map(|(_, worker)| worker).collect()));
            }
        }
        makers
    }

    /// Whether a stage measures, rewrites or drops with an operator of that name, or is of that kind.
    fn uses(&self, operator: &str) -> bool {
        let named = |value: &Value| named_in(value, operator);
        self.plan.nodes.iter().any(|node| node.decl.kind.contains(operator) || named(&node.decl.params))
    }
}

/// Whether an `op` of the parameters holds a name.
fn named_in(value: &Value, operator: &str) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| {
            (key == "op" && value.as_str().is_some_and(|op| op.contains(operator))) || named_in(value, operator)
        }),
        Value::Array(items) => items.iter().any(|item| named_in(item, operator)),
        _ => false,
    }
}

/// Signals of a page against its use for models; `noindex` speaks of search engines only.
const OPT_OUT: &str = "opt_out";
const OPT_OUT_SIGNALS: &str = "(header|meta)_(noai|tdm)";

/// Lets pages that withhold themselves end here, where the release says so.
fn withhold(input: DataFrame, params: &ReleaseParams, stage: &str) -> Result<DataFrame> {
    let Some(policy) = params.opt_out else { return Ok(input) };
    if input.schema().field_with_unqualified_name(OPT_OUT).is_err() {
        let message = format!("the input has no column `{OPT_OUT}`: of these sources, only warc reads such signals");
        return Err(ParamError::at("opt_out", message).into());
    }
    if policy == OptOutPolicy::Mark {
        return Ok(input);
    }
    let case = format!(
        "CASE WHEN {DROPPED_BY} IS NULL AND regexp_like({OPT_OUT}, '{OPT_OUT_SIGNALS}') THEN '{stage}.{OPT_OUT}' \
         ELSE {DROPPED_BY} END"
    );
    let kind = input.schema().field_with_unqualified_name(DROPPED_BY)?.data_type().clone();
    let dropped_by = datafusion::logical_expr::cast(input.parse_sql_expr(&case)?, kind);
    Ok(input.with_column(DROPPED_BY, dropped_by)?)
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
    make_dir(&building)?;
    let files = files::lay_out(&layout.parts(node), &building, done, &params, plan.config.run.seed)?;
    let facts = Facts::of(sessions, &layout.parts(node), done, counts.get(&node.decl.name), files.is_empty()).await?;
    let audits = crate::audit::of_run(plan, layout)?;
    let told = Told { plan, node, params: &params, facts: &facts, files: &files, counts, audits: &audits };
    let card = card::render(&told);
    write_whole(&building.join("README.md"), card.as_bytes())?;
    let manifest = manifest(&told);
    let manifest = serde_json::to_vec_pretty(&manifest).map_err(|e| Error::Bug(e.to_string()))?;
    write_whole(&building.join("MANIFEST.json"), &manifest)?;
    let mut sums: Vec<(String, String)> = files.iter().map(|file| (file.path.clone(), file.sha256.clone())).collect();
    let manifest_sum = sha256(&manifest);
    sums.push(("MANIFEST.json".into(), manifest_sum.clone()));
    let described = croissant::croissant(&told);
    let described = serde_json::to_vec_pretty(&described).map_err(|e| Error::Bug(e.to_string()))?;
    write_whole(&building.join("croissant.json"), &described)?;
    let mut notes =
        vec![("README.md".to_owned(), sha256(card.as_bytes())), ("croissant.json".to_owned(), sha256(&described))];
    sums.extend(notes.iter().cloned());
    sums.sort();
    let sums: String = sums.iter().map(|(path, sum)| format!("{sum}  {path}\n")).collect();
    write_whole(&building.join("SHA256SUMS"), sums.as_bytes())?;
    notes.extend([("SHA256SUMS".into(), sha256(sums.as_bytes())), ("MANIFEST.json".into(), manifest_sum)]);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Error::path("replacing", &folder))?;
    }
    crate::plan::commit(&building, &folder)?;
    let Some(url) = &params.push else { return Ok(()) };
    let mut all: Vec<(String, String)> = files.iter().map(|file| (file.path.clone(), file.sha256.clone())).collect();
    all.extend(notes);
    let journal = layout.root().join("push").join(format!("{}.tsv", node.decl.name));
    push::push(&folder, url, &all, &journal).await
}

fn manifest(told: &Told<'_>) -> Value {
    let (plan, facts) = (told.plan, told.facts);
    let files: Vec<Value> = told
        .files
        .iter()
        .map(|f| json!({ "path": f.path, "split": f.split, "sha256": f.sha256, "rows": f.rows, "bytes": f.bytes }))
        .collect();
    let stages: Vec<Value> = plan
        .nodes
        .iter()
        .map(|node| {
            json!({
                "name": node.decl.name, "kind": node.decl.kind, "input": node.decl.inputs, "recipe": node.recipe,
                "fingerprint": node.fingerprint, "rows": told.counts.get(&node.decl.name),
            })
        })
        .collect();
    json!({
        "gristmill": env!("CARGO_PKG_VERSION"), "name": plan.config.run.name, "seed": plan.config.run.seed,
        "rows": facts.rows, "text_bytes": facts.text_bytes, "words": facts.words, "published": told.published(),
        "licenses": facts.licenses, "sources": facts.sources, "languages": facts.languages,
        "opted_out": facts.opted_out,
        "files": files, "stages": stages, "config": plan.config.document.value(), "workers": workers(plan),
    })
}

/// The workers that stages ask, with what their replies depend on.
fn workers(plan: &Plan) -> Vec<Value> {
    let asked: BTreeMap<String, Vec<&str>> = plan.nodes.iter().fold(BTreeMap::new(), |mut asked, node| {
        if let Stage::Maker(maker) = &node.stage {
            for (_, worker) in maker.workers() {
                let stages: &mut Vec<&str> = asked.entry(worker).or_default();
                stages.push(&node.decl.name);
            }
        }
        asked
    });
    let told = |(name, stages): (String, Vec<&str>)| {
        let model = plan.config.workers.get(&name).map(|worker| worker.depends_on.clone());
        json!({ "worker": name, "model": model, "stages": stages })
    };
    asked.into_iter().map(told).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
