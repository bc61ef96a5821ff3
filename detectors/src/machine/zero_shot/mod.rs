//! Zero-shot detection with a worker: what the chosen scores need is asked for, and nothing else.
//!
//! [`super::scores`] is arithmetic on answers; here are the questions. A worker is believed only after
//! [`trust::check`] has seen it score a sentence as a language model would; a worker that cannot score, or answers zeros,
//! is refused before a document is sent. Texts go out whole up to a number of words and one answer serves all scores
//! that can use it. A document that a worker refuses has no scores and says why; a worker that can do nothing more ends
//! the work.
//!
//! Source: the papers named in [`super::scores::SCORES`]. Two deviations. Perturbed copies are made from the
//! alternatives that the worker itself (or the second, where there is one) gave at each token, not by a mask-filling
//! model, of which servers have none: spans of about two words, 15 % of the words, as in DetectGPT. And continuations
//! are asked for as the worker can: as a bare text, else by a prompt that the caller gives.

mod ask;
mod perturb;
pub mod trust;

#[cfg(test)]
mod tests;

use gristmill_lm::{Capabilities, Prompt, Worker, WorkerError};
use serde::{Deserialize, Serialize};

use super::scores::{Needs, Outcome, SCORES, Score, ScoreParams};
pub(crate) use ask::first_words;
pub use trust::Refusal;

/// What is asked of a worker, and how scores are computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZeroShotParams {
    /// The arithmetic.
    pub arithmetic: ScoreParams,
    /// Alternatives asked for at each token; none for 20, or for `arithmetic.n_ranks` of a worker that sees the whole
    /// distribution.
    pub top: Option<u32>,
    /// Words of a text that are scored; what follows is cut off, and the result says so.
    pub max_words: usize,
    /// Perturbed copies of each text.
    pub n_perturbed: u32,
    /// Share of words that a copy replaces, in (0, 1).
    pub perturbed_ratio: f64,
    /// Words of a replaced span.
    pub span_words: usize,
    /// Continuations of each text.
    pub n_continuations: u32,
    /// Share of words that are continued, in (0, 1).
    pub kept_ratio: f64,
    /// Temperature of continuations.
    pub temperature: f64,
    /// Seed of copies, continuations and draws.
    pub seed: u64,
}

impl Default for ZeroShotParams {
    /// 20 alternatives are what servers give unasked (vLLM, OpenAI); 512 words are about the 512 to 1,024 tokens of the
    /// papers; 15 % in spans of 2 words are DetectGPT's, its 100 copies are 20 here for their price; 10 continuations of
    /// half of the words at temperature 0.7 are DNA-GPT's.
    fn default() -> Self {
        Self {
            arithmetic: ScoreParams::default(),
            top: None,
            max_words: 512,
            n_perturbed: 20,
            perturbed_ratio: 0.15,
            span_words: 2,
            n_continuations: 10,
            kept_ratio: 0.5,
            temperature: 0.7,
            seed: 0,
        }
    }
}

/// Alternatives asked of a worker that does not see the whole distribution.
const TOP: u32 = 20;

/// From the beginning of a text and the number of words wanted to what a chat worker is asked.
pub type ContinuePrompt<'a> = &'a (dyn Fn(&str, usize) -> Prompt + Sync);

/// The workers of zero-shot detection.
#[derive(Clone, Copy)]
pub struct Witnesses<'a> {
    /// The one that scores: q.
    pub worker: &'a dyn Worker,
    /// A second with the same tokenizer: p of Fast-DetectGPT, the observer of Binoculars.
    pub second: Option<&'a dyn Worker>,
    /// How a chat worker is asked to continue a text.
    pub prompt: ContinuePrompt<'a>,
}

/// Scores of one text.
#[derive(Debug, Clone)]
pub struct TextScores {
    /// Each chosen score, in the order chosen.
    pub outcomes: Vec<(&'static Score, Outcome)>,
    /// Whether the text was cut to `max_words`.
    pub is_cut: bool,
}

/// Workers that were found fit for the chosen scores.
pub struct ZeroShot<'a> {
    witnesses: Witnesses<'a>,
    scores: Vec<&'static Score>,
    params: ZeroShotParams,
    found: Capabilities,
    top: u32,
}

impl<'a> ZeroShot<'a> {
    /// Checks that the workers can do what the scores need; no name chooses all that they can.
    ///
    /// # Errors
    /// If a name is unknown, or a worker cannot do what a named score needs, with the reason.
    pub async fn new(witnesses: Witnesses<'a>, names: &[String], params: ZeroShotParams) -> Result<Self, Refusal> {
        let mut scores = Vec::new();
        for name in names {
            scores.push(Score::find(name).ok_or_else(|| Refusal::Unknown(name.clone()))?);
        }
        let found = trust::capabilities(witnesses.worker).await?;
        if names.is_empty() {
            let offered = offered(&found, &witnesses);
            scores = SCORES.iter().filter(|score| score.needs.met_by(offered)).collect();
        }
        let needs = scores.iter().fold(Needs::default(), |needs, score| needs.and(score.needs));
        if let Some(score) = scores.iter().find(|score| score.needs.second_worker)
            && witnesses.second.is_none()
        {
            return Err(Refusal::NoSecond(score.name));
        }
        if needs.logprob {
            trust::check(witnesses.worker, &found, needs).await?;
            if let Some(second) = witnesses.second {
                let found = trust::capabilities(second).await?;
                trust::check(second, &found, needs).await?;
            }
        }
        if needs.generation && !(found.text || found.chat) {
            return Err(Refusal::CannotWrite(witnesses.worker.name().to_owned()));
        }
        let whole = if found.full_distribution { params.arithmetic.n_ranks as u32 } else { TOP };
        let top = if needs.rank || needs.distribution || needs.perturbation { params.top.unwrap_or(whole) } else { 0 };
        Ok(Self { witnesses, scores, params, found, top })
    }

    /// The chosen scores.
    pub fn scores(&self) -> &[&'static Score] {
        &self.scores
    }

    /// What the worker was found to be able to do.
    pub fn found(&self) -> &Capabilities {
        &self.found
    }

    /// Alternatives asked for at each token.
    pub fn top(&self) -> u32 {
        self.top
    }

    /// The scores of a text.
    ///
    /// # Errors
    /// If a worker gives no answer; its class says whether others will.
    pub async fn measure(&self, text: &str) -> Result<TextScores, WorkerError> {
        let (text, is_cut) = ask::first_words(text, self.params.max_words);
        let needs = |of: fn(&Needs) -> bool| self.scores.iter().any(|score| of(&score.needs));
        let is_whole = |score: &&&Score| score.needs.logprob && !score.needs.generation;
        let whole = match self.scores.iter().find(is_whole) {
            Some(_) => Some(self.read_whole(text, needs(|n| n.perturbation)).await?),
            None => None,
        };
        let halves = if needs(|n| n.generation) { Some(self.read_halves(text).await?) } else { None };
        let outcome = |score: &&'static Score| {
            let evidence = match (&whole, &halves) {
                (_, Some(halves)) if score.needs.generation => halves.evidence(self.params.seed),
                (Some(whole), _) => whole.evidence(self.params.seed),
                _ => super::scores::Evidence::default(),
            };
            (*score, (score.measure)(&evidence, &self.params.arithmetic))
        };
        Ok(TextScores { outcomes: self.scores.iter().map(outcome).collect(), is_cut })
    }
}

/// What can be had of the workers.
fn offered(found: &Capabilities, witnesses: &Witnesses<'_>) -> Needs {
    Needs {
        logprob: found.score,
        rank: found.score,
        distribution: found.score,
        second_worker: witnesses.second.is_some(),
        // Copies and continuations multiply the price: only who names such a score gets it.
        generation: false,
        perturbation: false,
    }
}
