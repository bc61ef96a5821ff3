//! `kind = "candidates"`: several continuations of a text, scored along axes, thinned by thresholds, ranked by weights.
//!
//! Candidates come from one or more workers. Each scorer is a column: a judge's yes, a judge's grade or a worker's
//! log-probability; a candidate below a scorer's least is dropped by the scorer's name, those left are ranked by the
//! weighted sum. With `keywords`, the candidates that rank first are searched for claims that the source does not bear out.
//!
//! Source: LaMDA, Thoppilan et al. 2022, arXiv:2201.08239: 16 candidates, a gate on safety, rank by
//! 3 sensible + specific + interesting; UHGEval, Liang et al. 2023, arXiv:2311.15296: openings of 2 to 5 sentences in 80
//! to 120 characters, first sentences of 20 to 70 characters, three best, keywords. We differ: a judge or a scoring
//! worker stands in for LaMDA's discriminators and UHGEval's reward model; no research loop with tools.

mod keywords;
mod scorers;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::future::join_all;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, LICENSE, SOURCE, TEXT, URL, document_id};
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use gristmill_lm::{CompletionRequest, Prompt, Sampling};
use serde::Deserialize;
use serde_json::{Value, json};

use self::keywords::Keywords;
use self::scorers::{Scorer, ScorerParams};
use super::sentences::{first_sentence, sentence_ends};
use crate::kit::params::{Names, sampling, template};
use crate::kit::prompt::prompt_hash;
use crate::kit::rows::{Origin, count, document_schema, number, require_columns, text, texts};
use crate::kit::{Outcome, Panel, PerRow, Row, RowRecipe, Template, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "candidates",
    version: 1,
    about: "Several continuations per text: scorer columns, thresholds, weighted rank, keyword labels.",
    source: "LaMDA, Thoppilan et al. 2022, arXiv:2201.08239; UHGEval, Liang et al. 2023, arXiv:2311.15296",
    takes_input: true,
    params: &[
        ParamDoc { name: "workers", default: "required", about: "one or more that write" },
        ParamDoc { name: "n_samples", default: "16", about: "candidates per worker and row" },
        ParamDoc { name: "context_column", default: "\"text\"", about: "column that is continued" },
        ParamDoc {
            name: "reference_column",
            default: "the context column",
            about: "column in which keywords are looked up: the whole source",
        },
        ParamDoc {
            name: "opening",
            default: "none",
            about: "{ sentences = [2, 5], chars = [80, 120] }: continue only the opening",
        },
        ParamDoc { name: "first_sentence", default: "false", about: "keep the first sentence of a reply only" },
        ParamDoc { name: "chars", default: "none", about: "[least, most] characters of a candidate" },
        ParamDoc { name: "judge", default: "none", about: "worker of scorers that name none" },
        ParamDoc {
            name: "scorers",
            default: "LaMDA's four where there is a judge",
            about: "list of { name, kind (yes, grade, logprob), question, worker, reading, weight, min, max }",
        },
        ParamDoc { name: "keep", default: "1", about: "candidates kept per row, best first" },
        ParamDoc {
            name: "keywords",
            default: "none",
            about: "{ worker, labeller, min_found = 2 }: keep the candidate whose keywords the source knows least",
        },
        ParamDoc { name: "prompt", default: "configs/prompts/recipes/candidates.j2", about: "template with `context`" },
        ParamDoc {
            name: "judge_prompt",
            default: "configs/prompts/recipes/candidates_judge.j2",
            about: "template with `context`, `candidate`, `question`, `kind`",
        },
        ParamDoc { name: "sampling", default: "temperature 1, max_tokens 128", about: "how candidates are drawn" },
    ],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    workers: Names,
    #[serde(default = "sixteen")]
    n_samples: u32,
    #[serde(default = "text_column")]
    context_column: String,
    reference_column: Option<String>,
    opening: Option<Opening>,
    #[serde(default)]
    first_sentence: bool,
    chars: Option<[usize; 2]>,
    judge: Option<String>,
    scorers: Option<Vec<ScorerParams>>,
    #[serde(default = "one")]
    keep: usize,
    keywords: Option<keywords::Params>,
    prompt: Option<String>,
    judge_prompt: Option<String>,
    sampling: Option<Value>,
}

fn sixteen() -> u32 {
    16
}
fn one() -> usize {
    1
}
fn text_column() -> String {
    TEXT.to_owned()
}

/// How much of a document is its opening.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Opening {
    sentences: [usize; 2],
    chars: [usize; 2],
}

impl Default for Opening {
    /// Those of UHGEval.
    fn default() -> Self {
        Self { sentences: [2, 5], chars: [80, 120] }
    }
}

impl Opening {
    /// The longest run of first sentences within both ranges; none when there is none.
    fn of<'a>(&self, text: &'a str) -> Option<&'a str> {
        let text = text.trim_start();
        let ends = sentence_ends(text);
        let [least, most] = self.sentences;
        let in_range = |n: usize| {
            let opening = &text[..ends[n - 1]];
            (self.chars[0]..=self.chars[1]).contains(&opening.chars().count()).then_some(opening)
        };
        (least.max(1)..=most.min(ends.len())).rev().find_map(in_range)
    }
}

struct Candidates {
    stage: String,
    params: Params,
    writers: Vec<String>,
    /// All workers, as the panel holds them: writers, scorers' workers, those of the keywords.
    panel: Vec<(String, String)>,
    scorers: Vec<Scorer>,
    keywords: Option<Keywords>,
    prompt: Template,
    judge_prompt: Template,
    sampling: Sampling,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let mut params: Params = params::parse(spec.params)?;
    let own = Sampling { temperature: 1.0, max_tokens: 128, ..Sampling::default() };
    let writers = params.workers.list();
    if writers.is_empty() {
        return Err(ParamError::at("workers", "expected at least one"));
    }
    let mut panel: Vec<(String, String)> = writers.iter().map(|name| ("workers".to_owned(), name.clone())).collect();
    let scorers = scorers::build(params.scorers.take(), params.judge.as_ref(), &mut panel)?;
    let keywords =
        params.keywords.take().map(|keywords| Keywords::build(spec.reads, keywords, &mut panel)).transpose()?;
    let candidates = Candidates {
        stage: spec.name.to_owned(),
        prompt: template(
            spec.reads,
            "prompt",
            params.prompt.as_deref(),
            include_str!("../../../../configs/prompts/recipes/candidates.j2"),
        )?,
        judge_prompt: template(
            spec.reads,
            "judge_prompt",
            params.judge_prompt.as_deref(),
            include_str!("../../../../configs/prompts/recipes/candidates_judge.j2"),
        )?,
        sampling: sampling(&own, params.sampling.as_ref())?,
        writers,
        panel,
        scorers,
        keywords,
        params,
    };
    Ok(Stage::Maker(Arc::new(PerRow(Arc::new(candidates)))))
}

/// A candidate on its way.
struct Candidate {
    text: String,
    row: Row,
    rank_score: f64,
}

/// What a row is about: what is continued, and where keywords are looked up.
struct Subject<'a> {
    row: &'a Row,
    context: &'a str,
    reference: &'a str,
    hash: String,
}

impl Candidates {
    fn error(&self, cause: String) -> Error {
        Error::Stage { stage: self.stage.clone(), cause }
    }

    fn row(&self, subject: &Subject<'_>, writer: usize, sample: u32, text: &str) -> Row {
        let parent = text_of(subject.row, ID);
        let mut row = Row::new();
        row.insert(ID.into(), document_id(&self.stage, &format!("{parent}#{writer}#{sample}")).into());
        for column in [SOURCE, LICENSE, URL] {
            row.insert(column.into(), subject.row.get(column).cloned().unwrap_or(Value::Null));
        }
        row.insert(TEXT.into(), text.into());
        row.insert("context".into(), subject.context.into());
        let parents = vec![parent.to_owned()];
        Origin { worker: &self.writers[writer], recipe: ENTRY.kind, prompt_hash: &subject.hash, parents }
            .mark(&mut row);
        row
    }

    /// The text of a reply, or the rule it fails.
    fn read<'a>(&self, reply: &'a str, seen: &mut HashSet<String>) -> Result<&'a str, &'static str> {
        let text = if self.params.first_sentence { first_sentence(reply).unwrap_or("") } else { reply.trim() };
        let chars = text.chars().count();
        if text.is_empty() {
            Err("has_text")
        } else if self.params.chars.is_some_and(|[least, most]| chars < least || chars > most) {
            Err("of_expected_length")
        } else if !seen.insert(text.to_owned()) {
            Err("first_of_its_kind")
        } else {
            Ok(text)
        }
    }

    /// Asks every worker for its candidates; those that read well, and what became of the others.
    async fn write(
        &self,
        subject: &Subject<'_>,
        prompt: &str,
        workers: &Panel,
    ) -> Result<(Vec<Candidate>, Vec<Outcome>)> {
        let request = CompletionRequest::new(Prompt::user(prompt), self.sampling.clone());
        let draws: Vec<(usize, u32)> =
            (0..self.writers.len()).flat_map(|w| (0..self.params.n_samples).map(move |sample| (w, sample))).collect();
        let asked = draws.iter().map(|(w, sample)| workers.askers[*w].ask(request.clone().with_sample(*sample)));
        let (mut candidates, mut outcomes, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for ((w, sample), reply) in draws.iter().zip(join_all(asked).await) {
            let reply = match reply? {
                Ok(reply) => reply,
                Err(error) => {
                    outcomes.push(Outcome::failed(self.row(subject, *w, *sample, ""), &error));
                    continue;
                }
            };
            let read = self.read(&reply.text, &mut seen);
            let row = self.row(subject, *w, *sample, read.unwrap_or(""));
            match read {
                Ok(text) => candidates.push(Candidate { text: text.to_owned(), row, rank_score: 0.0 }),
                Err(rule) => outcomes.push(Outcome::drop(row, rule, json!({ "reply": reply.text }))),
            }
        }
        Ok((candidates, outcomes))
    }

    /// Runs a candidate past the scorers, in their order, until one refuses it.
    async fn score(
        &self,
        subject: &Subject<'_>,
        mut candidate: Candidate,
        workers: &Panel,
    ) -> Result<Result<Candidate, Outcome>> {
        for scorer in &self.scorers {
            let variables = json!({
                "context": subject.context,
                "candidate": candidate.text,
                "question": scorer.question,
                "kind": scorer.kind.name(),
            });
            let prompt = self.judge_prompt.render(&variables).map_err(|cause| self.error(cause))?;
            let asker = &workers.askers[scorer.at];
            let opinion = match scorer.ask(asker, prompt, subject.context, &candidate.text).await? {
                Ok(opinion) => opinion,
                Err(error) => return Ok(Err(Outcome::failed(candidate.row, &error))),
            };
            candidate.row.insert(scorer.name.clone(), json!(opinion.value));
            match opinion.value.filter(|value| scorer.accepts(*value)) {
                Some(value) => candidate.rank_score += scorer.weight * value,
                None => {
                    let evidence = json!({ "value": opinion.value, "reply": opinion.reply });
                    return Ok(Err(Outcome::drop(candidate.row, scorer.name.clone(), evidence)));
                }
            }
        }
        Ok(Ok(candidate))
    }
}

/// Best first, equals in the order they were written; sets `rank` and `rank_score` and splits after the first `keep`.
fn ranked(mut candidates: Vec<Candidate>, keep: usize) -> (Vec<Candidate>, Vec<Outcome>) {
    candidates.sort_by(|a, b| b.rank_score.total_cmp(&a.rank_score));
    for (rank, candidate) in candidates.iter_mut().enumerate() {
        candidate.row.insert("rank".into(), (rank + 1).into());
        candidate.row.insert("rank_score".into(), json!(candidate.rank_score));
    }
    let others = candidates.split_off(keep.min(candidates.len()));
    let drop = |candidate: Candidate| {
        let evidence = json!({ "rank": candidate.row["rank"], "rank_score": candidate.rank_score });
        Outcome::drop(candidate.row, "ranked_first", evidence)
    };
    (candidates, others.into_iter().map(drop).collect())
}

#[async_trait]
impl RowRecipe for Candidates {
    fn stage(&self) -> &str {
        &self.stage
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        let reference = self.params.reference_column.as_deref().unwrap_or(&self.params.context_column);
        require_columns(&self.stage, input, &["id", &self.params.context_column, reference])?;
        let mut own = vec![text("context"), count("rank"), number("rank_score")];
        own.extend(self.scorers.iter().map(|scorer| number(&scorer.name)));
        if self.keywords.is_some() {
            own.extend([
                texts("keywords"),
                number("keyword_known_ratio"),
                texts("unreasonable_keywords"),
                text("reasons"),
            ]);
        }
        Ok(document_schema(own))
    }

    fn rules(&self) -> Vec<String> {
        let mut rules =
            ["opens_in_range", "has_text", "of_expected_length", "first_of_its_kind"].map(str::to_owned).to_vec();
        rules.extend(self.scorers.iter().map(|scorer| scorer.name.clone()));
        rules.push("ranked_first".to_owned());
        if self.keywords.is_some() {
            rules.extend(keywords::RULES.iter().map(|rule| (*rule).to_owned()));
        }
        rules
    }

    fn workers(&self) -> Vec<(String, String)> {
        self.panel.clone()
    }

    async fn work(&self, _n: u64, row: Row, workers: &Panel) -> Result<Vec<Outcome>> {
        let text = text_of(&row, &self.params.context_column);
        let reference = self.params.reference_column.as_ref().map_or(text, |column| text_of(&row, column));
        let mut subject = Subject { row: &row, context: text.trim(), reference, hash: String::new() };
        if let Some(opening) = &self.params.opening {
            match opening.of(text) {
                Some(opening) => subject.context = opening,
                None => {
                    let made = self.row(&subject, 0, u32::MAX, "");
                    return Ok(vec![Outcome::drop(made, "opens_in_range", json!({}))]);
                }
            }
        }
        let prompt = self.prompt.render(&json!({ "context": subject.context })).map_err(|cause| self.error(cause))?;
        subject.hash = prompt_hash(&prompt);
        let (candidates, mut outcomes) = self.write(&subject, prompt.trim_end(), workers).await?;
        let scored = candidates.into_iter().map(|candidate| self.score(&subject, candidate, workers));
        let mut passed = Vec::new();
        for scored in join_all(scored).await {
            match scored? {
                Ok(candidate) => passed.push(candidate),
                Err(outcome) => outcomes.push(outcome),
            }
        }
        let (best, others) = ranked(passed, self.params.keep);
        outcomes.extend(others);
        match &self.keywords {
            None => outcomes.extend(best.into_iter().map(|candidate| Outcome::Keep(candidate.row))),
            Some(keywords) => {
                let stage = |cause: String| self.error(cause);
                outcomes.extend(keywords.judge(&stage, &subject, best, workers).await?);
            }
        }
        Ok(outcomes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opening_has_sentences_and_characters_in_range() {
        let opening = Opening { sentences: [2, 3], chars: [8, 14] };
        // Sentences end after 4, 9, 14 and 19 characters.
        assert_eq!(opening.of("One. Two. Ten. Six."), Some("One. Two. Ten."));
        assert_eq!(opening.of("One. A much longer second one."), None);
        assert_eq!(opening.of(""), None);
    }

    #[test]
    fn the_best_come_first_and_the_others_are_told_their_rank() {
        let candidate = |text: &str, rank_score| Candidate { text: text.into(), row: Row::new(), rank_score };
        let (best, others) = ranked(vec![candidate("a", 1.0), candidate("b", 4.5), candidate("c", 1.0)], 2);
        assert_eq!(best.iter().map(|c| c.text.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        let [Outcome::Drop(_, rule, evidence)] = &others[..] else { panic!("one is left over") };
        assert_eq!((rule.as_str(), &evidence["rank"]), ("ranked_first", &json!(3)));
    }
}
