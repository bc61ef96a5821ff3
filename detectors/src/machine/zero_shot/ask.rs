//! The questions: a text whole, its copies, its second half, and other second halves.

use futures::future::try_join_all;
use gristmill_lm::{CompletionRequest, Prompt, Sampling, ScoreRequest, Scored, Worker, WorkerError};

use super::super::scores::Evidence;
use super::perturb::copies;
use super::{ZeroShot, ZeroShotParams};

/// Tokens allowed for each word of a continuation.
const TOKENS_PER_WORD: f64 = 1.6;

/// What was answered about a whole text.
#[derive(Debug)]
pub(super) struct Whole {
    scored: Scored,
    second: Option<Scored>,
    perturbed: Vec<Scored>,
}

impl Whole {
    pub(super) fn evidence(&self, seed: u64) -> Evidence<'_> {
        Evidence {
            scored: Some(&self.scored),
            second: self.second.as_ref(),
            perturbed: &self.perturbed,
            seed,
            ..Evidence::default()
        }
    }
}

/// What was answered about the second half of a text.
#[derive(Debug)]
pub(super) struct Halves {
    remainder: String,
    scored: Option<Scored>,
    continuations: Vec<String>,
    scored_continuations: Vec<Scored>,
}

impl Halves {
    pub(super) fn evidence(&self, seed: u64) -> Evidence<'_> {
        Evidence {
            scored: self.scored.as_ref(),
            remainder: Some(&self.remainder),
            continuations: &self.continuations,
            scored_continuations: &self.scored_continuations,
            seed,
            ..Evidence::default()
        }
    }
}

impl ZeroShot<'_> {
    pub(super) async fn read_whole(&self, text: &str, is_perturbed: bool) -> Result<Whole, WorkerError> {
        let scored = score(self.witnesses.worker, "", text, self.top).await?;
        let second = match self.witnesses.second {
            Some(second) => Some(score(second, "", text, self.top).await?),
            None => None,
        };
        let mut perturbed = Vec::new();
        if is_perturbed {
            // Enough for ranks where they are wanted; a copy's alternatives are of no use.
            let top = u32::from(self.scores.iter().any(|score| score.needs.rank));
            let texts = copies(second.as_ref().unwrap_or(&scored), &self.params);
            let asked = texts.iter().map(|text| score(self.witnesses.worker, "", text, top));
            perturbed = try_join_all(asked).await?;
        }
        Ok(Whole { scored, second, perturbed })
    }

    pub(super) async fn read_halves(&self, text: &str) -> Result<Halves, WorkerError> {
        let n_words = text.split_whitespace().count();
        let kept = (self.params.kept_ratio.clamp(0.0, 1.0) * n_words as f64).floor() as usize;
        let (start, _) = first_words(text, kept);
        let remainder = &text[start.len()..];
        let requests = self.continuation_requests(start, n_words - kept);
        let replies = try_join_all(requests.iter().map(|request| self.witnesses.worker.complete(request))).await?;
        let continuations: Vec<String> = replies.iter().map(|reply| continuation(start, &reply.text)).collect();
        let (mut scored, mut scored_continuations) = (None, Vec::new());
        if self.scores.iter().any(|score| score.needs.generation && score.needs.logprob) {
            scored = Some(score(self.witnesses.worker, start, remainder, 0).await?);
            let asked = continuations.iter().map(|text| score(self.witnesses.worker, start, text, 0));
            scored_continuations = try_join_all(asked).await?;
        }
        Ok(Halves { remainder: remainder.to_owned(), scored, continuations, scored_continuations })
    }

    fn continuation_requests(&self, start: &str, n_words: usize) -> Vec<CompletionRequest> {
        let ZeroShotParams { temperature, n_continuations, seed, .. } = self.params;
        let max_tokens = ((n_words as f64 * TOKENS_PER_WORD).ceil() as u32).max(1);
        let sampling = Sampling { temperature, max_tokens, seed: Some(seed), ..Sampling::default() };
        let prompt = match self.found.text {
            true => Prompt::Text(start.to_owned()),
            false => (self.witnesses.prompt)(start, n_words),
        };
        let request = CompletionRequest::new(prompt, sampling);
        (0..n_continuations).map(|sample| request.clone().with_sample(sample)).collect()
    }
}

async fn score(worker: &dyn Worker, context: &str, text: &str, top: u32) -> Result<Scored, WorkerError> {
    worker.score(&ScoreRequest { context: context.to_owned(), text: text.to_owned(), top }).await
}

/// The beginning of a text up to its `n`-th word, without the white space after it, and whether anything was cut off.
pub(crate) fn first_words(text: &str, n: usize) -> (&str, bool) {
    let (mut n_words, mut in_word) = (0, false);
    for (at, c) in text.char_indices() {
        if c.is_whitespace() {
            in_word = false;
        } else if !in_word {
            if n_words == n {
                return (text[..at].trim_end(), true);
            }
            (n_words, in_word) = (n_words + 1, true);
        }
    }
    (text.trim_end(), false)
}

/// A reply as what follows `start`: chat models like to say the beginning again.
fn continuation(start: &str, reply: &str) -> String {
    let rest = reply.strip_prefix(start).unwrap_or(reply);
    let joint = if start.is_empty() || rest.is_empty() || rest.starts_with(char::is_whitespace) { "" } else { " " };
    format!("{joint}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_words() {
        assert_eq!(first_words("one  two three", 2), ("one  two", true));
        assert_eq!(first_words("one two ", 2), ("one two", false));
        assert_eq!(first_words(" one", 0), ("", true));
        assert_eq!(first_words("", 3), ("", false));
        assert_eq!(first_words("a\u{3000}b", 1), ("a", true));
    }

    #[test]
    fn a_reply_goes_on_from_the_start() {
        assert_eq!(continuation("The cat", "The cat sat."), " sat.");
        assert_eq!(continuation("The cat", " sat."), " sat.");
        assert_eq!(continuation("The cat", "sat."), " sat.");
        assert_eq!(continuation("The cat", ""), "");
    }
}
