//! `kind = "anonymize_terms"`: the terms that belong to one corpus become generic ones, everywhere the same.
//!
//! A worker names the terms of each passage and a generic counterpart; the dictionaries are merged over all documents,
//! with a report of the conflicts; then every text is rewritten, the output is searched for terms that are left, and
//! each replacement is kept with its place. A second run over the output changes nothing.
//!
//! Source: Who's Harry Potter?, Eldan and Russinovich 2023, arXiv:2310.02238: anchored terms and their generic
//! translations, merged into one dictionary, replaced consistently. We differ: no term is treated otherwise when it
//! repeats inside a block, as that answers a need of their fine-tuning; articles ("a", "an") before a term stay as they are.

mod dictionary;
mod matcher;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::StreamExt;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, MADE_BY, TEXT};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink, Stage, StageEntry, StageSpec};
use gristmill_lm::{CompletionRequest, Prompt, Sampling};
use serde::Deserialize;
use serde_json::{Value, json};

use self::dictionary::{Votes, terms_of};
use self::matcher::Terms;
use super::grounded_qa::passages;
use crate::kit::ask::failure_rule;
use crate::kit::params::{sampling, template};
use crate::kit::per_row::fitting_documents;
use crate::kit::prompt::prompt_hash;
use crate::kit::rows::{RowReader, RowWriter, count, extended_schema, require_columns, text};
use crate::kit::{Asker, Row, Template, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "anonymize_terms",
    version: 1,
    about: "Replaces the terms that belong to a corpus by generic ones, consistently, and checks that none is left.",
    source: "Who's Harry Potter?, Eldan and Russinovich 2023, arXiv:2310.02238",
    takes_input: true,
    params: &[
        ParamDoc { name: "worker", default: "none", about: "names terms and counterparts; without it, `terms` alone" },
        ParamDoc { name: "terms", default: "none", about: "table term = counterpart; beats what the worker says" },
        ParamDoc { name: "passage_words", default: "300", about: "longest passage the worker sees at once" },
        ParamDoc { name: "min_votes", default: "1", about: "passages that must name a term" },
        ParamDoc {
            name: "prompt",
            default: "configs/prompts/recipes/anonymize_terms.j2",
            about: "template with `passage`",
        },
        ParamDoc { name: "sampling", default: "greedy, max_tokens 600", about: "how the worker replies" },
    ],
    build,
};

/// Conflicts told in the report.
const TOLD: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: Option<String>,
    #[serde(default)]
    terms: BTreeMap<String, String>,
    #[serde(default = "passage_words")]
    passage_words: usize,
    #[serde(default = "one")]
    min_votes: u64,
    prompt: Option<String>,
    sampling: Option<Value>,
}

fn passage_words() -> usize {
    300
}
fn one() -> u64 {
    1
}

struct AnonymizeTerms {
    stage: String,
    params: Params,
    prompt: Template,
    sampling: Sampling,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    if params.worker.is_none() && params.terms.is_empty() {
        return Err(ParamError::at("worker", "expected a worker, or terms"));
    }
    let own = Sampling { max_tokens: 600, ..Sampling::default() };
    let recipe = AnonymizeTerms {
        stage: spec.name.to_owned(),
        prompt: template(
            spec.reads,
            "prompt",
            params.prompt.as_deref(),
            include_str!("../../../../configs/prompts/recipes/anonymize_terms.j2"),
        )?,
        sampling: sampling(&own, params.sampling.as_ref())?,
        params,
    };
    Ok(Stage::Maker(Arc::new(recipe)))
}

/// Why a document cannot be rewritten, by its place in the input.
type Refused = BTreeMap<u64, (String, Value)>;

impl AnonymizeTerms {
    /// First pass: what the worker says of every passage. A document with a passage it says nothing usable of must not
    /// go on as if it held no terms.
    async fn collect(&self, input: &dyn Relation, asker: &Asker, votes: &mut Votes) -> Result<Refused> {
        let (mut refused, mut n) = (Refused::new(), 0);
        let mut reader = RowReader::open(input).await?;
        while let Some(rows) = reader.next().await? {
            let mut requests = Vec::new();
            for row in &rows {
                for passage in passages(text_of(row, TEXT), self.params.passage_words) {
                    let prompt = self.prompt.render(&json!({ "passage": passage }));
                    let prompt = prompt.map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })?;
                    let request = CompletionRequest::new(Prompt::user(prompt), self.sampling.clone());
                    requests.push(((n, passage), request));
                }
                n += 1;
            }
            let mut replies = std::pin::pin!(asker.ask_all(requests));
            while let Some(reply) = replies.next().await {
                let ((n, passage), reply) = reply?;
                let fault = match reply {
                    Err(error) => Some((failure_rule(&error), json!({ "cause": error.message }))),
                    Ok(reply) => match terms_of(&reply.text, &passage) {
                        Some(terms) => {
                            terms.into_iter().for_each(|(term, generic)| votes.add(term, generic));
                            None
                        }
                        None => Some(("reply_has_terms".to_owned(), json!({ "reply": reply.text }))),
                    },
                };
                if let Some(fault) = fault {
                    refused.entry(n).or_insert(fault);
                }
            }
        }
        Ok(refused)
    }

    /// Rewrites a row; the rule it fails when a term is left.
    fn rewrite(&self, terms: &Terms, hash: &str, row: &mut Row) -> Option<(&'static str, Value)> {
        let (rewritten, replaced) = terms.replace(text_of(row, TEXT));
        row.insert("n_replacements".into(), replaced.len().into());
        let audit: Vec<Value> =
            replaced.iter().map(|r| json!({ "at": r.at, "bytes": r.bytes, "term": r.term, "with": r.with })).collect();
        row.insert("replacements".into(), Value::Array(audit).to_string().into());
        if !replaced.is_empty() {
            let worker = self.params.worker.as_deref().unwrap_or("terms");
            let made_by = json!({ "worker": worker, "recipe": ENTRY.kind, "prompt_hash": hash });
            row.insert(MADE_BY.into(), made_by);
        }
        let left = terms.first_left(&rewritten).map(|term| ("no_term_left", json!({ "term": term })));
        row.insert(TEXT.into(), rewritten.into());
        left
    }
}

#[async_trait]
impl Maker for AnonymizeTerms {
    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        require_columns(&self.stage, input, &[ID, TEXT, MADE_BY])?;
        Ok(extended_schema(input, [count("n_replacements"), text("replacements")]))
    }

    fn rules(&self) -> Vec<String> {
        ["reply_has_terms", "no_term_left"].map(str::to_owned).to_vec()
    }

    fn workers(&self) -> Vec<(String, String)> {
        self.params.worker.iter().map(|name| ("worker".to_owned(), name.clone())).collect()
    }

    async fn make(&self, input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        let session = input.session();
        let schema = self.schema(input.frame(&session)?.schema().as_arrow())?;
        let mut votes = Votes::default();
        let refused = match &self.params.worker {
            None => Refused::new(),
            Some(name) => {
                let documents = fitting_documents(input, context, std::slice::from_ref(name)).await?;
                let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
                self.collect(input, &Asker::open(context, name, &documents).await?, &mut votes).await?
            }
        };
        let dictionary = votes.decide(&self.params.terms, self.params.min_votes);
        let terms = Terms::new(&dictionary.terms);
        // The dictionary is what made the texts: its hash takes the place of a prompt's.
        let hash = prompt_hash(&json!(dictionary.terms).to_string());
        let mut rows = RowWriter::new(&self.stage, schema, out);
        rows.figure("terms", json!(dictionary.terms.len()));
        rows.figure("n_conflicts", json!(dictionary.conflicts.len()));
        rows.figure("conflicts", json!(dictionary.conflicts.iter().take(TOLD).collect::<Vec<_>>()));
        rows.figure("unsafe_terms", json!(dictionary.unsafe_terms.iter().take(TOLD).collect::<Vec<_>>()));
        let (mut n, mut reader) = (0, RowReader::open(input).await?);
        while let Some(batch) = reader.next().await? {
            for mut row in batch {
                let fault = self.rewrite(&terms, &hash, &mut row);
                let fault = refused.get(&n).map(|(rule, evidence)| (rule.as_str(), evidence.clone())).or(fault);
                n += 1;
                match fault {
                    None => rows.keep(row)?,
                    Some((rule, evidence)) => rows.drop(row, rule, &evidence)?,
                }
            }
        }
        rows.finish()
    }
}
