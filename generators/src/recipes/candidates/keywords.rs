//! Keyword labels: which words of a continuation the source does not bear out.
//!
//! Source: UHGEval: keywords are named by a model and count only where the continuation has them; candidates with all or
//! none of them in the source are dropped, the one with the smallest share is kept and its keywords are labelled.

use futures::future::join_all;
use gristmill_core::error::{Error, Result};
use gristmill_core::params::ParamError;
use gristmill_core::stage::Reads;
use gristmill_lm::{CompletionRequest, Prompt, Sampling};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Candidate, Subject};
use crate::kit::params::template;
use crate::kit::{Outcome, Panel, Template};

/// Rules of this part.
pub(super) const RULES: &[&str] =
    &["enough_keywords", "keywords_partly_known", "least_known", "has_unreasonable_keyword"];

/// The part as the config says it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    worker: String,
    labeller: Option<String>,
    #[serde(default = "two")]
    min_found: usize,
    prompt: Option<String>,
    label_prompt: Option<String>,
}

fn two() -> usize {
    2
}

/// Ready to judge.
pub(super) struct Keywords {
    namer: usize,
    labeller: Option<usize>,
    min_found: usize,
    prompt: Template,
    label_prompt: Template,
}

/// Longest reply, in tokens.
const REPLY_TOKENS: u32 = 400;

impl Keywords {
    /// Adds its workers to the panel.
    ///
    /// # Errors
    /// For a template that cannot be read.
    pub(super) fn build(reads: &Reads, params: Params, panel: &mut Vec<(String, String)>) -> Result<Self, ParamError> {
        panel.push(("keywords".to_owned(), params.worker));
        let namer = panel.len() - 1;
        let labeller = params.labeller.map(|name| {
            panel.push(("keywords".to_owned(), name));
            panel.len() - 1
        });
        let builtin = include_str!("../../../../configs/prompts/recipes/candidates_keywords.j2");
        let builtin_label = include_str!("../../../../configs/prompts/recipes/candidates_labels.j2");
        Ok(Self {
            namer,
            labeller,
            min_found: params.min_found,
            prompt: template(reads, "prompt", params.prompt.as_deref(), builtin).map_err(|e| e.under("keywords"))?,
            label_prompt: template(reads, "label_prompt", params.label_prompt.as_deref(), builtin_label)
                .map_err(|e| e.under("keywords"))?,
        })
    }

    /// Keeps at most one of the candidates.
    ///
    /// # Errors
    /// When a worker can do nothing more.
    pub(super) async fn judge(
        &self,
        error: &(dyn Fn(String) -> Error + Sync),
        subject: &Subject<'_>,
        candidates: Vec<Candidate>,
        workers: &Panel,
    ) -> Result<Vec<Outcome>> {
        let (mut outcomes, mut passed) = (Vec::new(), Vec::<(f64, Vec<String>, Candidate)>::new());
        let named = candidates.iter().map(|candidate| async {
            let prompt = self.prompt.render(&json!({ "candidate": candidate.text })).map_err(error)?;
            workers.askers[self.namer].ask(request(prompt)).await
        });
        let replies = join_all(named).await;
        for (mut candidate, reply) in candidates.into_iter().zip(replies) {
            let reply = match reply? {
                Ok(reply) => reply,
                Err(error) => {
                    outcomes.push(Outcome::failed(candidate.row, &error));
                    continue;
                }
            };
            let keywords = keywords(&reply.text, &candidate.text);
            let known_ratio = known_ratio(&keywords, subject.reference);
            candidate.row.insert("keywords".into(), json!(keywords));
            candidate.row.insert("keyword_known_ratio".into(), json!(known_ratio));
            match known_ratio {
                Some(ratio) if keywords.len() >= self.min_found => match ratio > 0.0 && ratio < 1.0 {
                    true => passed.push((ratio, keywords, candidate)),
                    false => {
                        let evidence = json!({ "keywords": keywords, "known_ratio": ratio });
                        outcomes.push(Outcome::drop(candidate.row, "keywords_partly_known", evidence));
                    }
                },
                _ => {
                    let evidence = json!({ "keywords": keywords, "reply": reply.text });
                    outcomes.push(Outcome::drop(candidate.row, "enough_keywords", evidence));
                }
            }
        }
        // The sort is stable: of equals, the one that ranked first.
        passed.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut passed = passed.into_iter();
        if let Some((_, keywords, candidate)) = passed.next() {
            outcomes.push(self.label(error, subject, keywords, candidate, workers).await?);
        }
        outcomes.extend(
            passed.map(|(ratio, _, candidate)| {
                Outcome::drop(candidate.row, "least_known", json!({ "known_ratio": ratio }))
            }),
        );
        Ok(outcomes)
    }

    async fn label(
        &self,
        error: &(dyn Fn(String) -> Error + Sync),
        subject: &Subject<'_>,
        keywords: Vec<String>,
        mut candidate: Candidate,
        workers: &Panel,
    ) -> Result<Outcome> {
        let Some(labeller) = self.labeller else { return Ok(Outcome::Keep(candidate.row)) };
        let variables = json!({ "context": subject.context, "candidate": candidate.text, "keywords": keywords });
        let prompt = self.label_prompt.render(&variables).map_err(error)?;
        let reply = match workers.askers[labeller].ask(request(prompt)).await? {
            Ok(reply) => reply,
            Err(error) => return Ok(Outcome::failed(candidate.row, &error)),
        };
        let unreasonable = unreasonable(&reply.text, &keywords);
        if unreasonable.is_empty() {
            let evidence = json!({ "reply": reply.text });
            return Ok(Outcome::drop(candidate.row, "has_unreasonable_keyword", evidence));
        }
        let names: Vec<&str> = unreasonable.iter().map(|(keyword, _)| *keyword).collect();
        candidate.row.insert("unreasonable_keywords".into(), json!(names));
        let reasons: serde_json::Map<String, Value> =
            unreasonable.iter().map(|(keyword, reason)| ((*keyword).to_owned(), (*reason).into())).collect();
        candidate.row.insert("reasons".into(), Value::Object(reasons).to_string().into());
        Ok(Outcome::Keep(candidate.row))
    }
}

fn request(prompt: String) -> CompletionRequest {
    CompletionRequest::new(Prompt::user(prompt), Sampling { max_tokens: REPLY_TOKENS, ..Sampling::default() })
}

/// The keywords of a reply, one per line or parted by commas, that the candidate has; each once.
fn keywords(reply: &str, candidate: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for piece in reply.split(['\n', ',', '，', '、', ';']) {
        let mark = |c: char| c.is_whitespace() || matches!(c, '-' | '*' | '"' | '•' | '“' | '”' | '.');
        let keyword = piece.trim_matches(mark);
        if !keyword.is_empty() && candidate.contains(keyword) && !found.iter().any(|known| known == keyword) {
            found.push(keyword.to_owned());
        }
    }
    found
}

/// Share of the keywords that the source has; none without keywords.
fn known_ratio(keywords: &[String], source: &str) -> Option<f64> {
    let known = keywords.iter().filter(|keyword| source.contains(keyword.as_str())).count();
    (!keywords.is_empty()).then(|| known as f64 / keywords.len() as f64)
}

/// The keywords called unreasonable, with the reason given: lines of the form `keyword: unreasonable, reason`.
fn unreasonable<'a>(reply: &'a str, keywords: &'a [String]) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    for keyword in keywords {
        let verdict = reply.lines().find_map(|line| {
            let line = line.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '*' | '"'));
            let rest = line.strip_prefix(keyword.as_str())?.trim_start_matches('"').trim_start();
            rest.strip_prefix([':', '：'])
        });
        let Some(verdict) = verdict.map(str::trim) else { continue };
        const WORD: &str = "unreasonable";
        if verdict.get(..WORD.len()).is_some_and(|start| start.eq_ignore_ascii_case(WORD)) {
            let reason = verdict[WORD.len()..].trim_start_matches([',', ':', '-', '–', '—', ' ', '.']);
            found.push((keyword.as_str(), reason));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_count_only_where_the_candidate_has_them() {
        let found = keywords("- 1987\n- Bergen, Paris\n1987", "The mill at Bergen burnt in 1987.");
        assert_eq!(found, ["1987", "Bergen"]);
        assert_eq!(known_ratio(&found, "Bergen is a town."), Some(0.5));
        assert_eq!(known_ratio(&[], "Bergen"), None);
    }

    #[test]
    fn labels_are_read_by_keyword() {
        let keywords = ["1987", "Bergen"].map(str::to_owned);
        let reply = "1987: Unreasonable, the text says 1978.\nBergen: reasonable\nOslo: unreasonable";
        assert_eq!(unreasonable(reply, &keywords), [("1987", "the text says 1978.")]);
    }
}
