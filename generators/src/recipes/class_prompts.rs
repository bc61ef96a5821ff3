//! `kind = "class_prompts"`: sentences that describe each class of a list, for classifiers that read text.
//!
//! Every question is asked of every class, several times; what comes is one sentence each, which must name its class and
//! must not have come before. A zero-shot image classifier averages the embeddings of a class's sentences.
//!
//! Source: CuPL, Pratt et al. 2023, arXiv:2209.03320, and its released scripts: five questions, ten draws each at
//! temperature 0.99, at most 50 tokens, ended by a full stop. We differ: the questions are ours; repeated sentences go
//! (the released set for pets has 1,079 different ones of 1,110), so do those that never name the class; "an" stands
//! before small vowels too, which `compat = "released"` undoes.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::StreamExt;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, SOURCE, TEXT, document_id};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink, Stage, StageEntry, StageSpec};
use gristmill_lm::{Completion, CompletionRequest, Finish, Prompt, Sampling};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::instruct::instances::Compat;
use crate::instruct::python_text::level;
use crate::kit::ask::failure_rule;
use crate::kit::params::sampling;
use crate::kit::prompt::prompt_hash;
use crate::kit::rows::{Origin, RowWriter, document_schema, text};
use crate::kit::{Asker, Row, Template};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "class_prompts",
    version: 1,
    about: "Sentences that describe each class of a list; each names its class and comes once.",
    source: "CuPL, Pratt et al. 2023, arXiv:2209.03320",
    takes_input: false,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "describes" },
        ParamDoc { name: "classes", default: "required", about: "list of names" },
        ParamDoc {
            name: "questions",
            default: "configs/prompts/recipes/class_prompts.json",
            about: "list of templates with `class`, `article`",
        },
        ParamDoc { name: "n_samples", default: "10", about: "sentences drawn per class and question" },
        ParamDoc { name: "compat", default: "\"mended\"", about: "released: \"an\" before capital vowels only" },
        ParamDoc {
            name: "sampling",
            default: "temperature 0.99, max_tokens 50, stop \".\"",
            about: "how sentences are drawn",
        },
    ],
    build,
};

const RULES: &[&str] = &["has_a_sentence", "finished", "names_its_class", "first_of_its_kind"];
const QUESTIONS: &str = include_str!("../../../configs/prompts/recipes/class_prompts.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: String,
    classes: Vec<String>,
    questions: Option<Vec<String>>,
    #[serde(default = "ten")]
    n_samples: u32,
    #[serde(default)]
    compat: Compat,
    sampling: Option<Value>,
}

fn ten() -> u32 {
    10
}

struct ClassPrompts {
    stage: String,
    questions: Vec<Template>,
    sampling: Sampling,
    params: Params,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    Ok(Stage::Maker(Arc::new(recipe(spec)?)))
}

fn recipe(spec: &StageSpec<'_>) -> Result<ClassPrompts, ParamError> {
    let mut params: Params = params::parse(spec.params)?;
    params.classes.iter_mut().for_each(|class| *class = level(class));
    params.classes.retain(|class| !class.is_empty());
    if let Some(limit) = spec.limit {
        params.classes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    if params.classes.is_empty() {
        return Err(ParamError::at("classes", "expected at least one name"));
    }
    let refuse = |cause: String| ParamError::at("questions", cause);
    let questions: Vec<String> = match &params.questions {
        Some(questions) => questions.clone(),
        None => serde_json::from_str(&spec.reads.text(QUESTIONS)).map_err(|e| refuse(e.to_string()))?,
    };
    if questions.is_empty() {
        return Err(refuse("expected at least one question".into()));
    }
    let questions = questions.iter().map(|question| Template::new(question)).collect::<Result<_, _>>();
    let own = Sampling { temperature: 0.99, max_tokens: 50, stop: vec![".".to_owned()], ..Sampling::default() };
    Ok(ClassPrompts {
        stage: spec.name.to_owned(),
        questions: questions.map_err(refuse)?,
        sampling: sampling(&own, params.sampling.as_ref())?,
        params,
    })
}

/// "a" or "an", by the first letter; the sound ("hour", "unicorn") is not known.
fn article(class: &str, compat: Compat) -> &'static str {
    let first = class.chars().next().unwrap_or(' ');
    let vowel = match compat {
        Compat::Mended => "aeiouAEIOU".contains(first),
        Compat::Released => "AEIOU".contains(first),
    };
    if vowel { "an" } else { "a" }
}

/// Whether a sentence names a class: all its words in their order, the last one perhaps in the plural.
fn names(sentence: &str, class: &str) -> bool {
    let plain = |text: &str| -> String {
        let text: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
        level(&text).to_lowercase()
    };
    let (sentence, class) = (format!(" {} ", plain(sentence)), plain(class));
    let found = |form: &str| sentence.contains(&format!(" {form} "));
    let changed = class.strip_suffix('y').map(|stem| format!("{stem}ies"));
    // Scripts without spaces have no words to find: the name is looked for as it stands.
    let spaceless = !class.is_ascii() && sentence.contains(class.as_str());
    found(&class)
        || found(&format!("{class}s"))
        || found(&format!("{class}es"))
        || spaceless
        || changed.is_some_and(|form| found(&form))
}

/// A request on its way.
struct Asked {
    class: usize,
    question: usize,
    sample: u32,
    prompt: String,
}

impl ClassPrompts {
    /// Every class with every question, so many times.
    fn requests(&self) -> Result<Vec<(Asked, CompletionRequest)>> {
        let mut requests = Vec::new();
        for (class, name) in self.params.classes.iter().enumerate() {
            let variables = json!({ "class": name, "article": article(name, self.params.compat) });
            for (question, template) in self.questions.iter().enumerate() {
                let prompt = template.render(&variables);
                let prompt = prompt.map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })?;
                for sample in 0..self.params.n_samples {
                    let request = CompletionRequest::new(Prompt::user(prompt.clone()), self.sampling.clone());
                    let asked = Asked { class, question, sample, prompt: prompt.clone() };
                    requests.push((asked, request.with_sample(sample)));
                }
            }
        }
        Ok(requests)
    }

    fn row(&self, asked: &Asked, sentence: &str) -> Row {
        let mut row = Row::new();
        let locator = format!("{}#{}#{}", asked.class, asked.question, asked.sample);
        row.insert(ID.into(), document_id(&self.stage, &locator).into());
        row.insert(SOURCE.into(), self.stage.as_str().into());
        row.insert(TEXT.into(), sentence.into());
        row.insert("class".into(), self.params.classes[asked.class].as_str().into());
        row.insert("question".into(), asked.prompt.as_str().into());
        let hash = prompt_hash(&asked.prompt);
        Origin { worker: &self.params.worker, recipe: ENTRY.kind, prompt_hash: &hash, parents: vec![] }.mark(&mut row);
        row
    }

    /// The sentence of a reply with the rule it fails, if any.
    fn read(
        &self,
        asked: &Asked,
        reply: &Completion,
        seen: &mut HashSet<(usize, String)>,
    ) -> (String, Option<&'static str>) {
        let mut sentence = level(&reply.text);
        if !sentence.chars().any(char::is_alphanumeric) {
            return (sentence, Some("has_a_sentence"));
        }
        if reply.finish == Finish::Length {
            return (sentence, Some("finished"));
        }
        // The full stop that ended the reply is not part of it.
        if !sentence.ends_with(['.', '!', '?', '。', '！', '？']) {
            sentence.push('.');
        }
        let fails = if !names(&sentence, &self.params.classes[asked.class]) {
            Some("names_its_class")
        } else if !seen.insert((asked.class, sentence.to_lowercase())) {
            Some("first_of_its_kind")
        } else {
            None
        };
        (sentence, fails)
    }

    fn figure(&self, kept: &BTreeMap<usize, u64>, dropped: &BTreeMap<usize, u64>) -> Value {
        let of = |counts: &BTreeMap<usize, u64>, class| counts.get(&class).copied().unwrap_or(0);
        let rows: Vec<Value> = self
            .params
            .classes
            .iter()
            .enumerate()
            .map(|(i, class)| json!({ "label": class, "cells": [of(kept, i), of(dropped, i)] }))
            .collect();
        json!({
            "title": "sentences of each class", "subject": "class",
            "columns": [{ "name": "kept" }, { "name": "dropped" }], "rows": rows,
        })
    }

    async fn write(&self, asker: &Asker, rows: &mut RowWriter<'_>) -> Result<()> {
        let (mut seen, mut kept, mut dropped) = (HashSet::new(), BTreeMap::new(), BTreeMap::new());
        let mut replies = std::pin::pin!(asker.ask_all(self.requests()?));
        while let Some(reply) = replies.next().await {
            let (asked, reply) = reply?;
            let reply = match reply {
                Ok(reply) => reply,
                Err(error) => {
                    *dropped.entry(asked.class).or_insert(0) += 1;
                    let evidence = json!({ "cause": error.message });
                    rows.drop(self.row(&asked, ""), &failure_rule(&error), &evidence)?;
                    continue;
                }
            };
            let (sentence, fails) = self.read(&asked, &reply, &mut seen);
            let row = self.row(&asked, &sentence);
            match fails {
                None => {
                    *kept.entry(asked.class).or_insert(0) += 1;
                    rows.keep(row)?;
                }
                Some(rule) => {
                    *dropped.entry(asked.class).or_insert(0) += 1;
                    rows.drop(row, rule, &json!({ "reply": reply.text }))?;
                }
            }
        }
        rows.figure("sentences", self.figure(&kept, &dropped));
        Ok(())
    }
}

#[async_trait]
impl Maker for ClassPrompts {
    fn schema(&self, _input: &Schema) -> Result<SchemaRef> {
        Ok(document_schema([text("class"), text("question")]))
    }

    fn rules(&self) -> Vec<String> {
        RULES.iter().map(|rule| (*rule).to_owned()).collect()
    }

    fn workers(&self) -> Vec<(String, String)> {
        vec![("worker".to_owned(), self.params.worker.clone())]
    }

    async fn make(&self, _input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        let documents: Vec<&str> = self.params.classes.iter().map(String::as_str).collect();
        let asker = Asker::open(context, &self.params.worker, &documents).await?;
        let mut rows = RowWriter::new(&self.stage, self.schema(&Schema::empty())?, out);
        self.write(&asker, &mut rows).await?;
        rows.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::scripted::{cut, said};
    use gristmill_core::stage::Reads;

    fn made(params: &Value) -> ClassPrompts {
        recipe(&StageSpec { name: "c", params, seed: 1, limit: None, reads: &Reads::default() }).unwrap()
    }

    #[test]
    fn every_class_is_asked_every_question_as_often_as_the_paper_says() {
        let recipe = made(&json!({ "worker": "w", "classes": ["owl", "tea  pot"] }));
        let requests = recipe.requests().unwrap();
        assert_eq!(requests.len(), 2 * 5 * 10);
        let (asked, request) = &requests[0];
        assert_eq!(asked.prompt, "In one sentence, say what an owl looks like.");
        assert!(requests[99].0.prompt.contains("a tea pot"));
        assert_eq!((request.sampling.temperature, request.sampling.max_tokens), (0.99, 50));
        // The released scripts look for capital vowels only.
        assert_eq!([article("owl", Compat::Released), article("Owl", Compat::Released)], ["a", "an"]);
    }

    #[test]
    fn a_sentence_is_whole_names_its_class_and_comes_once() {
        let recipe = made(&json!({ "worker": "w", "classes": ["pony"] }));
        let (asked, _) = recipe.requests().unwrap().remove(0);
        let mut seen = HashSet::new();
        let mut read = |reply: &Completion| recipe.read(&asked, reply, &mut seen);
        assert_eq!(read(&said("Ponies are\nsmall horses")), ("Ponies are small horses.".into(), None));
        assert_eq!(read(&said("ponies are small horses.")).1, Some("first_of_its_kind"));
        assert_eq!(read(&said("It is small")).1, Some("names_its_class"));
        assert_eq!(read(&cut("A pony is")).1, Some("finished"));
        assert_eq!(read(&said(" \n")).1, Some("has_a_sentence"));
        assert!(names("その馬は小さい。", "馬") && !names("Component parts", "pony"));
    }
}
