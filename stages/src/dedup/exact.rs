//! `kind = "dedup.exact"`: one document of each text.
//!
//! The relation is read once for its keys and a second time when the verdicts are applied; no text is held. Memory:
//! about 75 bytes and the identifier per document (key 16, row 8, table 25 to 38, shard buffers), whatever the texts' length.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::dataframe::DataFrame;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::Result;
use gristmill_core::params::{self, ParamError};
use gristmill_core::stage::{Relation, SolveContext, Solver, Stage, StageEntry, StageSpec};
use serde::Deserialize;
use serde_json::{Value, json};

use super::exact_key::{Level, exact_key};
use super::first_seen::FirstSeen;
use super::scan::{self, Batch, Documents};
use super::survivor::{Policy, survivors};
use crate::verdict::{self, Verdict};

/// The row of the stage table.
pub const ENTRY: StageEntry = StageEntry {
    kind: "dedup.exact",
    version: 2,
    about: "Keeps one document of each text; the others are dropped by the rule `first_of_its_text`, with the survivor's id.",
    source: "xxh3-128 of the text, as it stands or with case and white space levelled",
    takes_input: true,
    params: &[
        ParamDoc { name: "ignore", default: "[]", about: "what does not count as a difference: \"case\", \"space\"" },
        ParamDoc {
            name: "survivor",
            default: "\"first\"",
            about: "first, longest, newest, best:COLUMN, or a list of sources; ties go to the first",
        },
    ],
    build,
};

const RULE: &str = "first_of_its_text";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    ignore: Vec<Ignore>,
    survivor: Option<Value>,
}

#[derive(Deserialize, PartialEq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Ignore {
    Case,
    Space,
}

struct Exact {
    stage: String,
    level: Level,
    policy: Policy,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    let level = Level { case: params.ignore.contains(&Ignore::Case), space: params.ignore.contains(&Ignore::Space) };
    let policy = scan::policy(params.survivor.as_ref())?;
    Ok(Stage::Solver(Arc::new(Exact { stage: spec.name.to_owned(), level, policy })))
}

/// What one shard yields.
#[derive(Default)]
struct Keys {
    keys: Vec<u128>,
    documents: Documents,
}

#[async_trait]
impl Solver for Exact {
    async fn solve(&self, input: &dyn Relation, context: &SolveContext) -> Result<()> {
        let (level, policy) = (self.level, self.policy.clone());
        let mut documents = Documents::default();
        let mut table = FirstSeen::with_capacity(0);
        let mut roots: Vec<u32> = Vec::new();
        let each = move |_, state: &mut Keys, batch: &_| {
            let batch = Batch::of(batch)?;
            for row in 0..batch.rows.len() {
                state.keys.push(exact_key(batch.text(row), level));
                state.documents.push(&batch, row, &policy);
            }
            Ok(())
        };
        scan::scan(input, scan::columns(&self.policy), context.jobs, each, |_, shard: Keys| {
            documents.append(&shard.documents);
            documents.n(&self.stage)?;
            for key in shard.keys {
                let doc = roots.len() as u32;
                roots.push(table.insert(key, doc).unwrap_or(doc));
            }
            Ok(())
        })
        .await?;
        drop(table);
        let survivors = survivors(&roots, |doc| documents.rank(doc));
        let verdicts = (0u32..).zip(&roots).filter_map(|(doc, root)| {
            let survivor = survivors[*root as usize];
            (survivor != doc).then(|| Verdict {
                row: documents.rows[doc as usize],
                rule: Some(RULE),
                evidence: Some(json!({ "survivor": documents.id(survivor) }).to_string()),
                cluster: None,
            })
        });
        verdict::write(&context.verdicts, verdicts.map(Ok))
    }

    fn apply(&self, input: DataFrame, verdicts: &Path) -> Result<DataFrame> {
        scan::check_policy(&input, &self.policy, &self.stage)?;
        verdict::apply(input, &self.stage, verdicts, None)
    }
}
