//! Whether a worker scores at all: tried with a sentence before any document is sent.
//!
//! Servers accept a request for log-probabilities and answer with zeros, with those of tokens they made up, or with
//! nothing (llama.cpp does all three, by version). So a worker must answer for the sentence it was given, token by token,
//! with finite numbers that are not all alike; and it must find the same words in reverse order less likely, which no
//! constant does and every language model does.

use gristmill_lm::{Capabilities, ScoreRequest, Scored, Worker, WorkerError};
use thiserror::Error;

use super::super::scores::Needs;

/// A sentence of common words.
const SENTENCE: &str = "It was the first time that he had seen the whole of the house.";
/// The same words the other way round.
const REVERSED: &str = "house the of whole the seen had he that time first the was It.";

/// Why no scores can be had.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Refusal {
    /// There is no such score.
    #[error("there is no score \"{0}\"")]
    Unknown(String),
    /// The worker fails.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The worker does not score.
    #[error("worker {worker} cannot score a text{}", note(.notes))]
    CannotScore {
        /// Its name.
        worker: String,
        /// What it said.
        notes: Vec<String>,
    },
    /// What it answers are not the log-probabilities of the text.
    #[error("worker {worker} does not score: {problem}")]
    NoScores {
        /// Its name.
        worker: String,
        /// What is wrong.
        problem: String,
    },
    /// It gives no alternatives.
    #[error("worker {0} gives no alternatives to the tokens of a text, which the chosen scores need")]
    NoAlternatives(String),
    /// It writes nothing.
    #[error("worker {0} continues no text, which the chosen scores need")]
    CannotWrite(String),
    /// A second worker is needed.
    #[error("the score {0} needs a second worker with the same tokenizer")]
    NoSecond(&'static str),
}

fn note(notes: &[String]) -> String {
    if notes.is_empty() { String::new() } else { format!(": {}", notes.join("; ")) }
}

/// What a worker says that it can do, by its own probe.
pub(super) async fn capabilities(worker: &dyn Worker) -> Result<Capabilities, Refusal> {
    Ok(worker.probe().await?)
}

/// Checks that a worker scores, and gives alternatives where `needs` ask for them.
///
/// # Errors
/// If it does not, with what it did instead.
pub async fn check(worker: &dyn Worker, found: &Capabilities, needs: Needs) -> Result<(), Refusal> {
    let name = || worker.name().to_owned();
    if !found.score {
        return Err(Refusal::CannotScore { worker: name(), notes: found.notes.clone() });
    }
    let top = u32::from(needs.rank || needs.distribution || needs.perturbation);
    let ask = |text: &str| ScoreRequest { context: String::new(), text: text.to_owned(), top };
    let sentence = worker.score(&ask(SENTENCE)).await?;
    let reversed = worker.score(&ask(REVERSED)).await?;
    if let Some(problem) = problem(&sentence, SENTENCE).or_else(|| unmoved(&sentence, &reversed)) {
        return Err(Refusal::NoScores { worker: name(), problem });
    }
    let has_alternatives = sentence.tokens.iter().skip(1).all(|token| !token.top.is_empty());
    let has_ranks = sentence.tokens.iter().skip(1).all(|token| token.rank.is_some());
    let is_rich = has_alternatives || (has_ranks && !needs.distribution && !needs.perturbation);
    if top > 0 && !is_rich { Err(Refusal::NoAlternatives(name())) } else { Ok(()) }
}

/// Why these cannot be the scores of the text.
fn problem(scored: &Scored, text: &str) -> Option<String> {
    let spelt: String = scored.tokens.iter().map(|token| token.token.as_str()).collect();
    if spelt.trim() != text {
        return Some(format!("asked for the tokens of {text:?}, it answers those of {spelt:?}"));
    }
    // The first has none with most models.
    if scored.tokens.iter().skip(1).any(|token| token.logprob.is_none_or(|logprob| !logprob.is_finite())) {
        return Some("a token after the first has no log-probability".into());
    }
    let values = || scored.tokens.iter().filter_map(|token| token.logprob);
    if values().all(|value| value == 0.0) {
        return Some("all its log-probabilities are zero".into());
    }
    let first = values().next().unwrap_or(0.0);
    (values().count() > 1 && values().all(|value| value == first))
        .then(|| format!("all its log-probabilities are {first}"))
}

/// Why order means nothing to it.
fn unmoved(sentence: &Scored, reversed: &Scored) -> Option<String> {
    let mean = |scored: &Scored| {
        let values: Vec<f64> = scored.tokens.iter().filter_map(|token| token.logprob).collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    };
    let (forwards, backwards) = (mean(sentence), mean(reversed));
    (backwards >= forwards || backwards.is_nan()).then(|| {
        format!(
            "an English sentence (mean log-probability {forwards:.2}) is no likelier to it than its words in reverse order \
             ({backwards:.2}); a model of so little text is of no use here"
        )
    })
}
