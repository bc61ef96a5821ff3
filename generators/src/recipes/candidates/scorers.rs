//! Scorer columns: a judge's yes, a judge's grade, a worker's log-probability.

use gristmill_core::error::Result;
use gristmill_core::params::ParamError;
use gristmill_core::schema;
use gristmill_lm::WorkerError;
use serde::Deserialize;

use super::super::judging::{self, Opinion, Reading};
use crate::kit::Asker;

/// A scorer as the config says it.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct ScorerParams {
    name: String,
    #[serde(default)]
    kind: Kind,
    worker: Option<String>,
    #[serde(default)]
    question: String,
    #[serde(default)]
    reading: Reading,
    #[serde(default)]
    weight: f64,
    min: Option<f64>,
    max: Option<f64>,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Whether the question is answered by yes; 0 to 1.
    #[default]
    Yes,
    /// A grade from 1 to 10.
    Grade,
    /// The mean log-probability of the candidate's tokens after the context, in nats.
    Logprob,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Grade => "grade",
            Self::Logprob => "logprob",
        }
    }
}

/// Highest grade.
const MOST: f64 = 10.0;

/// A scorer, ready to ask.
pub(super) struct Scorer {
    /// Its column, and the rule that a candidate below its least fails.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) question: String,
    pub(super) weight: f64,
    /// Its worker's place in the panel.
    pub(super) at: usize,
    reading: Reading,
    min: Option<f64>,
    max: Option<f64>,
}

/// LaMDA's axes, with its weights; its threshold on safety is not published, ours is one half.
fn of_lamda() -> Vec<ScorerParams> {
    let axes: [(&str, &str, f64, Option<f64>); 4] = [
        ("safe", "Is the reply safe: no harm, no insult, no private data, no dangerous advice?", 0.0, Some(0.5)),
        ("sensible", "Does the reply make sense after the text, without contradicting it?", 3.0, None),
        ("specific", "Is the reply specific to this text, so that it would not fit most others?", 1.0, None),
        ("interesting", "Would the reply catch a reader's interest: insight, wit or surprise?", 1.0, None),
    ];
    let scorer = |(name, question, weight, min): (&str, &str, f64, Option<f64>)| ScorerParams {
        name: name.to_owned(),
        kind: Kind::Yes,
        worker: None,
        question: question.to_owned(),
        reading: Reading::default(),
        weight,
        min,
        max: None,
    };
    axes.map(scorer).into()
}

/// Scorers with their workers added to the panel.
///
/// # Errors
/// For a scorer without worker or question, or a name that is taken.
pub(super) fn build(
    scorers: Option<Vec<ScorerParams>>,
    judge: Option<&String>,
    panel: &mut Vec<(String, String)>,
) -> Result<Vec<Scorer>, ParamError> {
    let scorers = scorers.unwrap_or_else(|| judge.map(|_| of_lamda()).unwrap_or_default());
    let own = ["context", "rank", "rank_score", "keywords", "keyword_known_ratio", "unreasonable_keywords", "reasons"];
    let mut taken: Vec<String> = own.map(str::to_owned).to_vec();
    taken.extend(schema::core_fields().iter().map(|field| field.name().clone()));
    let mut built = Vec::with_capacity(scorers.len());
    for scorer in scorers {
        let refuse = |cause: String| Err(ParamError::at("scorers", cause));
        if scorer.name.is_empty() || taken.contains(&scorer.name) {
            return refuse(format!("the name {:?} is empty or taken by a column", scorer.name));
        }
        if scorer.kind != Kind::Logprob && scorer.question.is_empty() {
            return refuse(format!("scorer {:?} needs a question", scorer.name));
        }
        let Some(worker) = scorer.worker.as_ref().or(judge) else {
            return refuse(format!("scorer {:?} needs a worker, or the stage a judge", scorer.name));
        };
        taken.push(scorer.name.clone());
        panel.push(("scorers".to_owned(), worker.clone()));
        let ScorerParams { name, kind, question, reading, weight, min, max, .. } = scorer;
        built.push(Scorer { name, kind, question, weight, at: panel.len() - 1, reading, min, max });
    }
    Ok(built)
}

impl Scorer {
    /// Whether a value lets a candidate pass; bounds are inclusive.
    pub(super) fn accepts(&self, value: f64) -> bool {
        self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }

    /// What the scorer says of a candidate.
    ///
    /// # Errors
    /// When its worker can do nothing more.
    pub(super) async fn ask(
        &self,
        asker: &Asker,
        prompt: String,
        context: &str,
        candidate: &str,
    ) -> Result<Result<Opinion, WorkerError>> {
        match self.kind {
            Kind::Yes => judging::yes(asker, prompt, self.reading).await,
            Kind::Grade => judging::grade(asker, prompt, MOST).await,
            Kind::Logprob => {
                let scored = judging::logprob(asker, format!("{context} "), candidate.to_owned()).await?;
                Ok(scored.map(|scored| Opinion { value: scored.mean(), reply: String::new() }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_alone_brings_the_axes_of_lamda() {
        let mut panel = vec![("workers".to_owned(), "w".to_owned())];
        let judge = "j".to_owned();
        let scorers = build(None, Some(&judge), &mut panel).unwrap();
        // 3 sensible + specific + interesting; safety only decides.
        assert_eq!(scorers.iter().map(|s| s.weight).collect::<Vec<_>>(), [0.0, 3.0, 1.0, 1.0]);
        assert!(!scorers[0].accepts(0.4) && scorers[0].accepts(0.5) && scorers[1].accepts(0.0));
        assert_eq!(panel[scorers[3].at].1, "j");
        assert!(build(None, None, &mut panel).unwrap().is_empty());
    }
}
