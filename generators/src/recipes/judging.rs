//! What recipes ask of judges and scorers: yes or no, a grade, a log-probability.
//!
//! Three ways to learn how sure a worker is of "yes": its word (every server), the log-probabilities of the first token
//! of its reply (most servers), the log-probabilities of " Yes" and " No" after the prompt (servers that score).

use gristmill_core::error::Result;
use gristmill_lm::{Completion, CompletionRequest, Prompt, Sampling, ScoreRequest, TokenScore, WorkerError};
use serde::Deserialize;

use crate::kit::Asker;

/// How a yes is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reading {
    /// The reply's first word: 1 or 0.
    #[default]
    Reply,
    /// The first token's alternatives: yes / (yes + no); the word where the server gives none.
    FirstToken,
    /// The scores of " Yes" and " No" after the prompt.
    Scored,
}

/// What a judge said.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Opinion {
    /// The number read; none when the reply holds none.
    pub(super) value: Option<f64>,
    /// The reply as it came; empty where nothing was written.
    pub(super) reply: String,
}

/// Longest reply of a judge, in tokens.
const JUDGE_TOKENS: u32 = 16;
/// Alternatives of the first token that are asked for.
const TOP: u32 = 10;

/// How sure a worker is of "yes", in [0, 1]. The outer error ends the run, the inner one is this request's.
///
/// # Errors
/// When the worker can do nothing more, or cannot score.
pub(super) async fn yes(judge: &Asker, prompt: String, reading: Reading) -> Result<Result<Opinion, WorkerError>> {
    if reading == Reading::Scored {
        let (yes, no) = futures::future::join(
            logprob(judge, prompt.clone(), " Yes".to_owned()),
            logprob(judge, prompt, " No".to_owned()),
        )
        .await;
        return Ok(match (yes?, no?) {
            (Err(error), _) | (_, Err(error)) => Err(error),
            (Ok(yes), Ok(no)) => {
                let known = yes.n > 0 && no.n > 0;
                Ok(Opinion { value: known.then(|| 1.0 / (1.0 + (no.sum - yes.sum).exp())), reply: String::new() })
            }
        });
    }
    let mut request = request(prompt);
    request.top_logprobs = (reading == Reading::FirstToken).then_some(TOP);
    Ok(judge.ask(request).await?.map(|reply| {
        let first = reply.tokens.as_ref().and_then(|tokens| tokens.iter().find(|token| !token.token.trim().is_empty()));
        let value = first.and_then(yes_of_token).or_else(|| yes_of_words(&reply.text));
        Opinion { value, reply: reply.text }
    }))
}

/// A grade from 1 to `most`: the first number of the reply, none where it is out of range.
///
/// # Errors
/// When the worker can do nothing more.
pub(super) async fn grade(judge: &Asker, prompt: String, most: f64) -> Result<Result<Opinion, WorkerError>> {
    let read = |reply: Completion| {
        let value = first_number(&reply.text).filter(|grade| (1.0..=most).contains(grade));
        Opinion { value, reply: reply.text }
    };
    Ok(judge.ask(request(prompt)).await?.map(read))
}

fn request(prompt: String) -> CompletionRequest {
    CompletionRequest::new(Prompt::user(prompt), Sampling { max_tokens: JUDGE_TOKENS, ..Sampling::default() })
}

/// Sum of log-probabilities over the tokens that have one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Logprob {
    /// In nats, 0 or less.
    pub(super) sum: f64,
    /// Number of tokens summed.
    pub(super) n: usize,
}

impl Logprob {
    /// Per token; none for no token.
    pub(super) fn mean(self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / self.n as f64)
    }
}

/// How likely a text is after a context.
///
/// # Errors
/// When the worker can do nothing more, or cannot score.
pub(super) async fn logprob(scorer: &Asker, context: String, text: String) -> Result<Result<Logprob, WorkerError>> {
    Ok(scorer.score(ScoreRequest { context, text, top: 0 }).await?.map(|scored| {
        let known = scored.tokens.iter().filter_map(|token| token.logprob);
        known.fold(Logprob { sum: 0.0, n: 0 }, |so_far, logprob| Logprob { sum: so_far.sum + logprob, n: so_far.n + 1 })
    }))
}

fn yes_of_words(reply: &str) -> Option<f64> {
    let word = reply.split(|c: char| !c.is_alphabetic()).find(|word| !word.is_empty())?;
    match word.to_lowercase().as_str() {
        "yes" => Some(1.0),
        "no" => Some(0.0),
        _ => None,
    }
}

fn yes_of_token(token: &TokenScore) -> Option<f64> {
    let mass = |word: &str| -> f64 {
        let is_word = |(token, _): &&(String, f64)| token.trim().eq_ignore_ascii_case(word);
        token.top.iter().filter(is_word).map(|(_, logprob)| logprob.exp()).sum()
    };
    let (yes, no) = (mass("yes"), mass("no"));
    (yes + no > 0.0).then(|| yes / (yes + no))
}

fn first_number(reply: &str) -> Option<f64> {
    let from = reply.find(|c: char| c.is_ascii_digit())?;
    let rest = &reply[from..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].trim_end_matches('.').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yes_is_a_word_or_the_mass_of_tokens() {
        assert_eq!(yes_of_words("**Yes**, it does."), Some(1.0));
        assert_eq!(yes_of_words("no"), Some(0.0));
        assert_eq!(yes_of_words("Yesterday"), None);
        let top = [("Yes", 0.5_f64), (" yes", 0.1), ("No", 0.2), ("Maybe", 0.2)];
        let top = top.map(|(token, p)| (token.to_owned(), p.ln())).to_vec();
        let token = TokenScore { token: "Yes".into(), logprob: None, rank: None, top, entropy: None };
        assert!((yes_of_token(&token).unwrap() - 0.75).abs() < 1e-12);
    }

    #[test]
    fn the_first_number_is_the_grade() {
        assert_eq!(first_number("Grade: 7/10."), Some(7.0));
        assert_eq!(first_number("8.5."), Some(8.5));
        assert_eq!(first_number("none"), None);
    }
}
