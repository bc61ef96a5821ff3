//! `kind = "stories"`: small stories that must use drawn words and features, checked by program before any judge.
//!
//! Each prompt draws a verb, a noun and an adjective and some features; what is checked needs no model: the words are
//! there (in a form of theirs), few words are outside the vocabulary, the opening is not one that half of the set has.
//! A judge may grade along several axes.
//!
//! Source: TinyStories, Eldan and Li 2023, arXiv:2305.07759: word lists, features, grading after `***`. The checks
//! answer what SimpleStories (Finke et al. 2025) found wrong with it: 59 % of the stories open alike.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::StreamExt;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, SOURCE, TEXT, document_id};
use gristmill_core::stage::{MakeContext, Maker, Relation, RowSink, Stage, StageEntry, StageSpec};
use gristmill_lm::{CompletionRequest, Finish, Prompt, Sampling};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kit::ask::failure_rule;
use crate::kit::params::{sampling, template};
use crate::kit::prompt::prompt_hash;
use crate::kit::route::mark;
use crate::kit::rows::{Origin, RowWriter, count, document_schema, number, text, texts};
use crate::kit::{Asker, Draws, Row, Template};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "stories",
    version: 1,
    about: "Small stories around drawn words and features, checked by program and graded by a judge.",
    source: "TinyStories, Eldan and Li 2023, arXiv:2305.07759",
    takes_input: false,
    params: &[
        ParamDoc { name: "worker", default: "required", about: "writes" },
        ParamDoc {
            name: "judge",
            default: "none",
            about: "worker that grades; adds grammar, creativity, consistency, plot (1 to 10)",
        },
        ParamDoc { name: "n", default: "100", about: "number of stories asked for" },
        ParamDoc {
            name: "words",
            default: "required",
            about: "JSON file { verbs, nouns, adjectives }: the vocabulary",
        },
        ParamDoc {
            name: "features",
            default: "dialogue, moral, twist, …",
            about: "features a story may be asked to have",
        },
        ParamDoc {
            name: "max_foreign_word_ratio",
            default: "none",
            about: "share of words outside the vocabulary and its forms, 0 to 1",
        },
        ParamDoc {
            name: "max_opening_ratio",
            default: "0.2",
            about: "largest share of stories that may open with the same four words",
        },
        ParamDoc {
            name: "prompt",
            default: "configs/prompts/recipes/stories.j2",
            about: "template with `verb`, `noun`, `adjective`, `features`",
        },
        ParamDoc { name: "sampling", default: "temperature 1, max_tokens 500", about: "how stories are drawn" },
    ],
    build,
};

const FEATURES: &[&str] =
    &["dialogue", "a bad ending", "a moral", "a twist in the plot", "foreshadowing", "a conflict that is solved"];
const AXES: &[&str] = &["grammar", "creativity", "consistency", "plot"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    worker: String,
    judge: Option<String>,
    #[serde(default = "hundred")]
    n: u64,
    words: PathBuf,
    features: Option<Vec<String>>,
    max_foreign_word_ratio: Option<f64>,
    #[serde(default = "fifth")]
    max_opening_ratio: f64,
    prompt: Option<String>,
    sampling: Option<Value>,
}

fn hundred() -> u64 {
    100
}
fn fifth() -> f64 {
    0.2
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    verbs: Vec<String>,
    nouns: Vec<String>,
    adjectives: Vec<String>,
}

struct Stories {
    stage: String,
    seed: u64,
    params: Params,
    words: Words,
    vocabulary: HashSet<String>,
    features: Vec<String>,
    prompt: Template,
    grades: Template,
    sampling: Sampling,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let mut params: Params = params::parse(spec.params)?;
    params.n = params.n.min(spec.limit.unwrap_or(u64::MAX));
    let refuse = |cause: String| ParamError::at("words", cause);
    let file = spec.reads.file("words", "the words", &params.words)?;
    let words: Words = serde_json::from_str(&file).map_err(|e| refuse(format!("{}: {e}", params.words.display())))?;
    if words.verbs.is_empty() || words.nouns.is_empty() || words.adjectives.is_empty() {
        return Err(refuse("each of verbs, nouns and adjectives needs at least one word".into()));
    }
    let own = Sampling { temperature: 1.0, max_tokens: 500, ..Sampling::default() };
    let vocabulary = words.verbs.iter().chain(&words.nouns).chain(&words.adjectives).map(|w| root(w)).collect();
    let features = params.features.clone().unwrap_or_else(|| FEATURES.iter().map(|f| (*f).to_owned()).collect());
    let stories = Stories {
        stage: spec.name.to_owned(),
        seed: spec.seed,
        sampling: sampling(&own, params.sampling.as_ref())?,
        prompt: template(
            spec.reads,
            "prompt",
            params.prompt.as_deref(),
            include_str!("../../../configs/prompts/recipes/stories.j2"),
        )?,
        grades: template(spec.reads, "judge", None, include_str!("../../../configs/prompts/recipes/story_grades.j2"))?,
        words,
        vocabulary,
        features,
        params,
    };
    Ok(Stage::Maker(Arc::new(stories)))
}

/// A word without its commonest English endings, so that "jumped" is a form of "jump" and "stories" of "story".
fn root(word: &str) -> String {
    let word = word.to_lowercase();
    for (ending, instead) in
        [("ies", "y"), ("ied", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""), ("ly", ""), ("e", "")]
    {
        if let Some(stem) = word.strip_suffix(ending).filter(|stem| stem.chars().count() >= 3) {
            let doubled = matches!(ending, "ing" | "ed") && {
                let tail: Vec<char> = stem.chars().rev().take(2).collect();
                tail.len() == 2 && tail[0] == tail[1] && !"aeiouls".contains(tail[0])
            };
            let stem = if doubled { &stem[..stem.len() - 1] } else { stem };
            return format!("{stem}{instead}");
        }
    }
    word
}

/// Words of a text, as roots.
fn roots(story: &str) -> Vec<String> {
    story.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|w| !w.is_empty()).map(root).collect()
}

/// What one prompt asks for.
struct Task<'a> {
    words: [&'a str; 3],
    features: Vec<&'a str>,
}

impl Stories {
    fn task(&self, n: u64) -> Task<'_> {
        let mut draws = Draws::of(self.seed, &[&self.stage, &n.to_string()]);
        let Words { verbs, nouns, adjectives } = &self.words;
        let words = [verbs, nouns, adjectives].map(|list| list[draws.below(list.len())].as_str());
        let k = draws.below(self.features.len().min(3) + 1);
        Task { words, features: draws.sample(&self.features, k).into_iter().map(String::as_str).collect() }
    }

    /// The rule a story fails, with what shows it.
    fn fault(&self, task: &Task<'_>, story: &str) -> Option<(&'static str, Value)> {
        let present = roots(story);
        if present.is_empty() {
            return Some(("has_a_story", json!({})));
        }
        let missing: Vec<&&str> = task.words.iter().filter(|word| !present.contains(&root(word))).collect();
        if !missing.is_empty() {
            return Some(("uses_its_words", json!({ "missing": missing })));
        }
        let ratio = self.foreign_ratio(&present);
        match self.params.max_foreign_word_ratio {
            Some(limit) if ratio > limit => Some(("simple_words", json!({ "foreign_word_ratio": ratio }))),
            _ => None,
        }
    }

    fn foreign_ratio(&self, present: &[String]) -> f64 {
        let foreign = present.iter().filter(|word| !self.vocabulary.contains(*word)).count();
        foreign as f64 / present.len().max(1) as f64
    }

    async fn grade(&self, judge: &Asker, story: &str) -> Result<BTreeMap<&'static str, f64>> {
        let middle = story.char_indices().nth(story.chars().count() / 2).map_or(0, |(at, _)| at);
        let variables = json!({ "beginning": &story[..middle], "rest": &story[middle..] });
        let prompt =
            self.grades.render(&variables).map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })?;
        let request = CompletionRequest::new(Prompt::user(prompt), Sampling { max_tokens: 80, ..Sampling::default() });
        Ok(judge.ask(request).await?.map(|reply| grades(&reply.text)).unwrap_or_default())
    }
}

/// The grades in a reply, one per line `axis: number`.
fn grades(reply: &str) -> BTreeMap<&'static str, f64> {
    let mut found = BTreeMap::new();
    for line in reply.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let axis = AXES.iter().find(|axis| name.trim().eq_ignore_ascii_case(axis));
        let number: String = value.trim().chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        if let (Some(axis), Ok(grade)) = (axis, number.parse::<f64>())
            && (1.0..=10.0).contains(&grade)
        {
            found.entry(*axis).or_insert(grade);
        }
    }
    found
}

/// Counts openings in the order of the stories and tells when one is too common.
#[derive(Default)]
struct Openings(Mutex<(u64, BTreeMap<String, u64>)>);

/// Stories before the share of an opening means something.
const OPENINGS_WARM_UP: u64 = 20;

impl Openings {
    fn too_common(&self, story: &str, limit: f64) -> Option<Value> {
        let opening: Vec<String> = story.split_whitespace().take(4).map(str::to_lowercase).collect();
        let opening = opening.join(" ");
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 += 1;
        let total = state.0;
        let n = state.1.entry(opening.clone()).or_insert(0);
        let ratio = (*n + 1) as f64 / total as f64;
        if total > OPENINGS_WARM_UP && ratio > limit {
            return Some(json!({ "opening": opening, "ratio": ratio }));
        }
        *n += 1;
        None
    }
}

#[async_trait]
impl Maker for Stories {
    fn schema(&self, _input: &Schema) -> Result<SchemaRef> {
        let own = [texts("words"), texts("features"), number("foreign_word_ratio"), count("n_words"), text("prompt")];
        Ok(document_schema(own.into_iter().chain(AXES.iter().map(|axis| number(axis)))))
    }

    fn rules(&self) -> Vec<String> {
        ["finished", "has_a_story", "uses_its_words", "simple_words", "fresh_opening"].map(str::to_owned).to_vec()
    }

    fn workers(&self) -> Vec<(String, String)> {
        let judge = self.params.judge.iter().map(|name| ("judge".to_owned(), name.clone()));
        std::iter::once(("worker".to_owned(), self.params.worker.clone())).chain(judge).collect()
    }

    async fn make(&self, _input: &dyn Relation, context: &MakeContext, out: &mut dyn RowSink) -> Result<()> {
        let writer = Asker::open(context, &self.params.worker, &[]).await?;
        let judge = match &self.params.judge {
            Some(name) => Some(Asker::open(context, name, &[]).await?),
            None => None,
        };
        let mut rows = RowWriter::new(&self.stage, self.schema(&Schema::empty())?, out);
        let openings = Openings::default();
        let render = |n: u64| {
            let task = self.task(n);
            let [verb, noun, adjective] = task.words;
            let variables = json!({ "verb": verb, "noun": noun, "adjective": adjective, "features": task.features });
            self.prompt.render(&variables).map_err(|cause| Error::Stage { stage: self.stage.clone(), cause })
        };
        let prompts: Vec<String> = (0..self.params.n).map(render).collect::<Result<_>>()?;
        let request = |prompt: &String| CompletionRequest::new(Prompt::user(prompt.clone()), self.sampling.clone());
        let requests: Vec<(u64, CompletionRequest)> = (0..self.params.n)
            .zip(prompts.iter().map(request))
            .map(|(n, request)| (n, request.with_sample(n as u32)))
            .collect();
        let mut replies = std::pin::pin!(writer.ask_all(requests));
        while let Some(reply) = replies.next().await {
            let (n, reply) = reply?;
            let task = self.task(n);
            let prompt = &prompts[n as usize];
            let mut row = Row::new();
            row.insert(ID.into(), document_id(&self.stage, &n.to_string()).into());
            row.insert(SOURCE.into(), self.stage.as_str().into());
            row.insert("words".into(), json!(task.words));
            row.insert("features".into(), json!(task.features));
            row.insert("prompt".into(), prompt.as_str().into());
            let hash = prompt_hash(prompt);
            Origin { worker: &self.params.worker, recipe: ENTRY.kind, prompt_hash: &hash, parents: vec![] }
                .mark(&mut row);
            let reply = match reply {
                Ok(reply) => reply,
                Err(error) => {
                    rows.drop(row, &failure_rule(&error), &json!({ "cause": error.message }))?;
                    continue;
                }
            };
            if let Some(choice) = &reply.routed {
                mark(&mut row, &self.stage, &self.params.worker, choice, &[]);
            }
            let story = reply.text.trim();
            let present = roots(story);
            row.insert(TEXT.into(), story.into());
            row.insert("n_words".into(), present.len().into());
            row.insert("foreign_word_ratio".into(), json!(self.foreign_ratio(&present)));
            let fault = match reply.finish {
                Finish::Stop => self.fault(&task, story),
                Finish::Length | Finish::Filtered => Some(("finished", json!({ "finish": reply.finish }))),
            };
            let limit = self.params.max_opening_ratio;
            let fault = fault.or_else(|| openings.too_common(story, limit).map(|evidence| ("fresh_opening", evidence)));
            if let Some((rule, evidence)) = fault {
                rows.drop(row, rule, &evidence)?;
                continue;
            }
            if let Some(judge) = &judge {
                for (axis, grade) in self.grade(judge, story).await? {
                    row.insert(axis.into(), grade.into());
                }
            }
            rows.keep(row)?;
        }
        rows.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_share_its_root() {
        for (form, word) in
            [("jumped", "jump"), ("running", "run"), ("stories", "story"), ("Cats", "cat"), ("baking", "bake")]
        {
            assert_eq!(root(form), root(word), "{form}");
        }
        assert_ne!(root("sing"), root("s"));
    }

    #[test]
    fn grades_outside_the_scale_are_no_grades() {
        let read = grades("Grammar: 8\ncreativity: 11\nplot: 3/10\nnonsense");
        assert_eq!(read, BTreeMap::from([("grammar", 8.0), ("plot", 3.0)]));
    }

    #[test]
    fn an_opening_that_is_everywhere_is_refused() {
        let openings = Openings::default();
        let refused = (0..100).filter(|_| openings.too_common("One day a cat sat.", 0.2).is_some()).count();
        assert!(refused > 70, "{refused}");
        assert!(openings.too_common("A quite different start here.", 0.2).is_none());
    }
}
