//! `kind = "translate_exemplars"`: parallel text for a language that has none, by way of languages that have.
//!
//! Exemplars in several scripts, each with its English, prompt a worker to translate unlabelled text into English; the
//! pairs that pass become exemplars of the language itself, and prompt the way back. A pair is kept when the way back
//! arrives near the original.
//!
//! Source: Nguyen et al. 2023, "Democratizing LLMs for Low-Resource Languages by Leveraging their English Dominant
//! Abilities with Linguistically-Diverse Prompts", arXiv:2306.11372. We differ: the languages of replies are checked by
//! script, not by a language detector, so Spanish for English passes that check; the thresholds on the round trip and
//! on length are ours.

mod exemplars;
pub(super) mod scripts;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::StreamExt;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::measures::chrf::Chrf;
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, LICENSE, SOURCE, TEXT, URL, document_id};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink, Stage, StageEntry, StageSpec};
use gristmill_lm::{CompletionRequest, Prompt, Sampling};
use serde::Deserialize;
use serde_json::{Value, json};

use self::exemplars::{ENGLISH, Exemplar, Shown, diverse};
use self::scripts::{Script, main_script, script_ratio};
use crate::kit::ask::{Reply, failure_rule};
use crate::kit::params::{sampling, template};
use crate::kit::per_row::fitting_documents;
use crate::kit::prompt::prompt_hash;
use crate::kit::rows::{Origin, RowReader, RowWriter, document_schema, number, require_columns, text};
use crate::kit::{Asker, Draws, Row, Template, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "translate_exemplars",
    version: 1,
    about: "Pairs of a language with English by exemplars in many scripts; kept when the way back arrives.",
    source: "Nguyen et al. 2023, arXiv:2306.11372",
    takes_input: true,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "translates" },
        ParamDoc { name: "language", default: "required", about: "name of the input's language, for the prompt" },
        ParamDoc {
            name: "exemplars",
            default: "configs/prompts/recipes/translate_exemplars.json",
            about: "JSON file: list of { language, text, english }",
        },
        ParamDoc { name: "n_exemplars", default: "6", about: "exemplars in a prompt; one script after the other" },
        ParamDoc { name: "min_chrf", default: "0.3", about: "least chrF++ of the way back with the original, 0 to 1" },
        ParamDoc {
            name: "char_ratio",
            default: "[0.3, 3.0]",
            about: "least and most length of the English by the text",
        },
        ParamDoc {
            name: "min_script_ratio",
            default: "0.8",
            about: "share of letters in the script a reply should have; Latin for English",
        },
        ParamDoc {
            name: "prompt",
            default: "configs/prompts/recipes/translate_exemplars.j2",
            about: "template with `exemplars`, `from`, `to`, `text`",
        },
        ParamDoc { name: "sampling", default: "greedy, max_tokens 512", about: "how replies are drawn" },
    ],
    build,
};

const RULES: &[&str] = &[
    "has_text",
    "translation_given",
    "translation_in_english_script",
    "of_expected_length",
    "not_copied",
    "way_back_in_own_script",
    "way_back_arrives",
];
/// Rows worked on together: of the first block come the exemplars of the way back.
const BLOCK: usize = 512;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: String,
    language: String,
    exemplars: Option<PathBuf>,
    #[serde(default = "six")]
    n_exemplars: usize,
    #[serde(default = "three_tenths")]
    min_chrf: f64,
    #[serde(default = "char_ratio")]
    char_ratio: [f64; 2],
    #[serde(default = "four_fifths")]
    min_script_ratio: f64,
    prompt: Option<String>,
    sampling: Option<Value>,
}

fn six() -> usize {
    6
}
fn three_tenths() -> f64 {
    0.3
}
fn char_ratio() -> [f64; 2] {
    [0.3, 3.0]
}
fn four_fifths() -> f64 {
    0.8
}

struct TranslateExemplars {
    stage: String,
    params: Params,
    /// Those of the prompts into English.
    diverse: Vec<Exemplar>,
    prompt: Template,
    sampling: Sampling,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    let refuse = |cause: String| ParamError::at("exemplars", cause);
    let file = match &params.exemplars {
        None => spec.reads.text(include_str!("../../../../configs/prompts/recipes/translate_exemplars.json")),
        Some(path) => spec.reads.file("exemplars", "the exemplars", path)?,
    };
    let exemplars: Vec<Exemplar> = serde_json::from_str(&file).map_err(|e| refuse(e.to_string()))?;
    if exemplars.is_empty() || params.n_exemplars == 0 {
        return Err(refuse("expected at least one exemplar".into()));
    }
    let mut draws = Draws::of(spec.seed, &[spec.name, "exemplars"]);
    let recipe = TranslateExemplars {
        stage: spec.name.to_owned(),
        diverse: diverse(&exemplars, &params.language, params.n_exemplars, &mut draws),
        prompt: template(
            spec.reads,
            "prompt",
            params.prompt.as_deref(),
            include_str!("../../../../configs/prompts/recipes/translate_exemplars.j2"),
        )?,
        sampling: sampling(&Sampling::default(), params.sampling.as_ref())?,
        params,
    };
    Ok(Stage::Maker(Arc::new(recipe)))
}

/// A row on its way: the original, and what has been made of it.
struct Pair {
    made: Row,
    text: String,
    english: String,
}

/// What became of a pair at a step.
enum Step {
    Passed(Pair),
    Dropped(Row, String, Value),
}

impl TranslateExemplars {
    fn request(
        &self,
        exemplars: &[Shown<'_>],
        from: &str,
        to: &str,
        text: &str,
    ) -> Result<(String, CompletionRequest)> {
        let variables = json!({ "exemplars": exemplars, "from": from, "to": to, "text": text });
        let prompt =
            self.prompt.render(&variables).map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })?;
        let prompt = prompt.trim_end().to_owned();
        Ok((prompt_hash(&prompt), CompletionRequest::new(Prompt::user(prompt), self.sampling.clone())))
    }

    fn begin(&self, row: &Row, hash: &str) -> Pair {
        let (parent, text) = (text_of(row, ID), text_of(row, TEXT).trim());
        let mut made = Row::new();
        made.insert(ID.into(), document_id(&self.stage, parent).into());
        for column in [SOURCE, LICENSE, URL] {
            made.insert(column.into(), row.get(column).cloned().unwrap_or(Value::Null));
        }
        made.insert("original".into(), text.into());
        let parents = vec![parent.to_owned()];
        Origin { worker: &self.params.worker, recipe: ENTRY.kind, prompt_hash: hash, parents }.mark(&mut made);
        Pair { made, text: text.to_owned(), english: String::new() }
    }

    /// The rule a translation into English fails.
    fn fault(&self, text: &str, english: &str) -> Option<(&'static str, Value)> {
        let ratio = english.chars().count() as f64 / (text.chars().count() as f64).max(1.0);
        let latin = script_ratio(english, Script::Latin);
        if english.is_empty() {
            Some(("translation_given", json!({})))
        } else if latin < self.params.min_script_ratio {
            Some(("translation_in_english_script", json!({ "latin_ratio": latin })))
        } else if ratio < self.params.char_ratio[0] || ratio > self.params.char_ratio[1] {
            Some(("of_expected_length", json!({ "char_ratio": ratio })))
        } else if english == text {
            Some(("not_copied", json!({})))
        } else {
            None
        }
    }

    /// The first half: into English.
    fn forth(&self, mut pair: Pair, reply: Reply) -> Step {
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => return Step::Dropped(pair.made, failure_rule(&error), json!({ "cause": error.message })),
        };
        pair.english = first_block(&reply.text).to_owned();
        pair.made.insert("english".into(), pair.english.as_str().into());
        pair.made.insert(TEXT.into(), format!("{}\n{}", pair.text, pair.english).trim().into());
        let fault =
            if pair.text.is_empty() { Some(("has_text", json!({}))) } else { self.fault(&pair.text, &pair.english) };
        match fault {
            None => Step::Passed(pair),
            Some((rule, why)) => Step::Dropped(pair.made, rule.to_owned(), json!({ "reply": reply.text, "why": why })),
        }
    }

    /// The second half: back, and whether it arrives.
    fn back(&self, mut pair: Pair, reply: Reply) -> Step {
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => return Step::Dropped(pair.made, failure_rule(&error), json!({ "cause": error.message })),
        };
        let back = first_block(&reply.text);
        let own = script_ratio(back, main_script(&pair.text));
        let chrf = Chrf::CHRF_PP.score(back, &pair.text);
        pair.made.insert("way_back".into(), back.into());
        pair.made.insert("chrf".into(), chrf.into());
        if own < self.params.min_script_ratio {
            return Step::Dropped(pair.made, "way_back_in_own_script".to_owned(), json!({ "script_ratio": own }));
        }
        if chrf < self.params.min_chrf {
            return Step::Dropped(pair.made, "way_back_arrives".to_owned(), json!({ "chrf": chrf }));
        }
        Step::Passed(pair)
    }

    async fn block(
        &self,
        block: &[Row],
        pool: &mut Vec<Exemplar>,
        asker: &Asker,
        rows: &mut RowWriter<'_>,
    ) -> Result<()> {
        let language = &self.params.language;
        let mut requests = Vec::with_capacity(block.len());
        let shown: Vec<Shown<'_>> = self.diverse.iter().map(Exemplar::forth).collect();
        for row in block {
            let (hash, request) = self.request(&shown, language, ENGLISH, text_of(row, TEXT).trim())?;
            requests.push((self.begin(row, &hash), request));
        }
        let mut passed = Vec::new();
        let mut replies = std::pin::pin!(asker.ask_all(requests));
        while let Some(reply) = replies.next().await {
            let (pair, reply) = reply?;
            match self.forth(pair, reply) {
                Step::Passed(pair) => passed.push(pair),
                Step::Dropped(row, rule, evidence) => rows.drop(row, &rule, &evidence)?,
            }
        }
        if pool.is_empty() {
            // One more than a prompt shows: a pair is never its own exemplar.
            let own = passed.iter().take(self.params.n_exemplars + 1);
            let exemplar = |pair: &Pair| Exemplar {
                language: language.clone(),
                text: pair.text.clone(),
                english: pair.english.clone(),
            };
            pool.extend(own.map(exemplar));
        }
        let mut requests = Vec::with_capacity(passed.len());
        for pair in passed {
            let own: Vec<&Exemplar> =
                pool.iter().filter(|e| e.text != pair.text).take(self.params.n_exemplars).collect();
            let shown: Vec<Shown<'_>> = match own.is_empty() {
                true => self.diverse.iter().map(Exemplar::back).collect(),
                false => own.into_iter().map(Exemplar::back).collect(),
            };
            let (_, request) = self.request(&shown, ENGLISH, language, &pair.english)?;
            requests.push((pair, request));
        }
        let mut replies = std::pin::pin!(asker.ask_all(requests));
        while let Some(reply) = replies.next().await {
            let (pair, reply) = reply?;
            match self.back(pair, reply) {
                Step::Passed(pair) => rows.keep(pair.made)?,
                Step::Dropped(row, rule, evidence) => rows.drop(row, &rule, &evidence)?,
            }
        }
        Ok(())
    }
}

/// The reply up to its first blank line: what follows is the next exemplar that a base model makes up.
fn first_block(reply: &str) -> &str {
    let reply = reply.trim();
    reply.split("\n\n").next().unwrap_or("").trim()
}

#[async_trait]
impl Maker for TranslateExemplars {
    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        require_columns(&self.stage, input, &[ID, TEXT])?;
        let own = ["original", "english", "way_back"].map(text).into_iter().chain([number("chrf")]);
        Ok(document_schema(own))
    }

    fn rules(&self) -> Vec<String> {
        RULES.iter().map(|rule| (*rule).to_owned()).collect()
    }

    fn workers(&self) -> Vec<(String, String)> {
        vec![("worker".to_owned(), self.params.worker.clone())]
    }

    async fn make(&self, input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        let session = input.session();
        let schema = self.schema(input.frame(&session)?.schema().as_arrow())?;
        let documents = fitting_documents(input, context, std::slice::from_ref(&self.params.worker)).await?;
        let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
        let asker = Asker::open(context, &self.params.worker, &documents).await?;
        let mut rows = RowWriter::new(&self.stage, schema, out);
        let (mut pending, mut pool, mut reader) = (Vec::new(), Vec::new(), RowReader::open(input).await?);
        while let Some(more) = reader.next().await? {
            pending.extend(more);
            while pending.len() >= BLOCK {
                let rest = pending.split_off(BLOCK);
                let block = std::mem::replace(&mut pending, rest);
                self.block(&block, &mut pool, &asker, &mut rows).await?;
            }
        }
        self.block(&pending, &mut pool, &asker, &mut rows).await?;
        rows.figure("own_exemplars", json!(pool.len()));
        rows.finish()
    }
}
