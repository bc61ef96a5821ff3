//! Zero-shot scores: how likely a language model finds a text, token by token, and what that says of who wrote it.
//!
//! They need no training, only a worker that scores. Each row of [`SCORES`] says what it needs of a worker; all are
//! turned so that higher means machine. Everything here is arithmetic on what workers answered: nothing asks a worker
//! (that is [`super::zero_shot`]), nothing cuts a text, and nothing decides. Servers seldom give whole distributions:
//! what lies beyond the likeliest tokens is estimated and, where one worker is used, bounded, never ignored, and
//! [`Basis`] says which it was. Short texts, and answers that cannot be right, are an [`Abstain`] and never a NaN.
//!
//! Source: the papers named in the table; the geometric tail of Bao et al. 2025 (Glimpse, arXiv:2412.11506). We differ
//! in that both workers of a pair are read at the same positions: the released Binoculars averages the cross-entropy
//! over one position more than the likelihood.

mod atoms;
mod chosen;
mod continued;
mod curvature;
mod likelihood;
mod normals;
mod perturbed;
mod table;
mod tail;

#[cfg(test)]
mod tests;

use gristmill_lm::Scored;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use continued::{dna_gpt_b, dna_gpt_w};
pub use curvature::{binoculars, fast_detect_gpt, fast_detect_gpt_sampled};
pub use likelihood::{burstiness, entropy, gltr, log_likelihood, log_rank, lrr, rank, rank_histogram};
pub use normals::{BINOCULARS_THRESHOLDS, NORMALS, Normals};
pub use perturbed::{detect_gpt, npr};
pub use table::SCORES;

/// How scores are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScoreParams {
    /// Fewest tokens (for `dna_gpt_b`: words) that a text is scored on; at least 1 is always asked for.
    pub min_tokens: usize,
    /// Ranks up to this count for `gltr`.
    pub gltr_rank: u32,
    /// Draws of `fast_detect_gpt_sampled`; at least 2 are needed.
    pub n_draws: usize,
    /// Tokens that an estimated distribution has, those given included.
    pub n_ranks: usize,
    /// Tokens that a vocabulary may have at most; bounds of what was not given depend on it.
    pub max_vocabulary: usize,
    /// Shortest n-grams of `dna_gpt_b`, in words, at least 1.
    pub min_gram_words: usize,
    /// Longest n-grams of `dna_gpt_b`, in words.
    pub max_gram_words: usize,
}

impl Default for ScoreParams {
    /// 50 tokens are where the published detectors begin to say anything; rank 10 is RAID's reading of GLTR; 10,000 draws
    /// are Fast-DetectGPT's, 1,000 ranks Glimpse's, n-grams of 4 to 25 words DNA-GPT's. 262,144 is the largest vocabulary
    /// in wide use (Gemma's).
    fn default() -> Self {
        Self {
            min_tokens: 50,
            gltr_rank: 10,
            n_draws: 10_000,
            n_ranks: 1_000,
            max_vocabulary: 262_144,
            min_gram_words: 4,
            max_gram_words: 25,
        }
    }
}

/// A score, and what it stands on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measured {
    /// The score; finite, higher is likelier machine.
    pub value: f64,
    /// Tokens (for `dna_gpt_b`: words) of the text that it is computed from.
    pub n_tokens: usize,
    /// Other texts that it compares with: perturbed ones or continuations; 0 for scores of the text alone.
    pub n_texts: usize,
    /// Whether anything had to be estimated.
    pub basis: Basis,
}

/// Whether a score had to guess what the worker did not say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Everything it needs was given.
    Exact,
    /// Tokens beyond those given were taken to fall off geometrically.
    GeometricTail {
        /// How much was estimated, in [0, 1]: for distributions the mean probability of what was not given, for ranks
        /// the share of tokens whose rank was not given.
        estimated_ratio: f64,
        /// Least and greatest value that the score could have, whatever was not given; none where nothing is known,
        /// as for two workers.
        bounds: Option<(f64, f64)>,
    },
}

/// Why there is no score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Abstain {
    /// The text is too short.
    #[error("expected at least {least} scored tokens, found {found}")]
    TooShort {
        /// Tokens (or words) there are.
        found: usize,
        /// Tokens (or words) needed.
        least: usize,
    },
    /// What the score needs was not given.
    #[error("{0} needed and not given")]
    Missing(Need),
    /// Two workers cut the text differently, so that their probabilities cannot be compared.
    #[error("two workers need the same tokenizer: their tokens differ at token {at}")]
    Tokens {
        /// First token that differs, from 0.
        at: usize,
    },
    /// Every token has probability 1: the server echoes instead of scoring.
    #[error("the worker gives every token probability 1: it does not score")]
    Silent,
    /// What the score would be divided by is zero.
    #[error("{0}, and the score is a ratio to it")]
    NoSpread(&'static str),
    /// The answers are so far off that the score is no finite number.
    #[error("the score is not a finite number")]
    NotFinite,
}

/// A score or why there is none.
pub type Outcome = Result<Measured, Abstain>;

/// One thing that a score can need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Log-probabilities of the text's tokens.
    #[error("log-probabilities are")]
    Logprob,
    /// Their ranks, or the likeliest tokens from which ranks follow.
    #[error("ranks, or the likeliest tokens, are")]
    Rank,
    /// The likeliest tokens at each position, the whole vocabulary if possible.
    #[error("the likeliest tokens at each position are")]
    Distribution,
    /// The text scored by a second worker with the same tokenizer.
    #[error("the scores of a second worker are")]
    SecondWorker,
    /// Continuations of the beginning of the text.
    #[error("continuations of the text are")]
    Generation,
    /// Perturbed copies of the text.
    #[error("perturbed copies of the text are")]
    Perturbation,
}

/// What a score needs, or what there is; who has distributions has ranks too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Needs {
    /// [`Need::Logprob`].
    pub logprob: bool,
    /// [`Need::Rank`].
    pub rank: bool,
    /// [`Need::Distribution`].
    pub distribution: bool,
    /// [`Need::SecondWorker`].
    pub second_worker: bool,
    /// [`Need::Generation`].
    pub generation: bool,
    /// [`Need::Perturbation`].
    pub perturbation: bool,
}

impl Needs {
    const fn of(list: &[Need]) -> Self {
        let mut needs = Self {
            logprob: false,
            rank: false,
            distribution: false,
            second_worker: false,
            generation: false,
            perturbation: false,
        };
        let mut i = 0;
        while i < list.len() {
            match list[i] {
                Need::Logprob => needs.logprob = true,
                Need::Rank => needs.rank = true,
                Need::Distribution => needs.distribution = true,
                Need::SecondWorker => needs.second_worker = true,
                Need::Generation => needs.generation = true,
                Need::Perturbation => needs.perturbation = true,
            }
            i += 1;
        }
        needs
    }

    /// What either needs.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            logprob: self.logprob || other.logprob,
            rank: self.rank || other.rank,
            distribution: self.distribution || other.distribution,
            second_worker: self.second_worker || other.second_worker,
            generation: self.generation || other.generation,
            perturbation: self.perturbation || other.perturbation,
        }
    }

    /// Whether all of it is in `offered`.
    pub fn met_by(self, offered: Self) -> bool {
        let pairs = [
            (self.logprob, offered.logprob),
            (self.rank, offered.rank),
            (self.distribution, offered.distribution),
            (self.second_worker, offered.second_worker),
            (self.generation, offered.generation),
            (self.perturbation, offered.perturbation),
        ];
        pairs.iter().all(|(needed, offered)| *offered || !needed)
    }
}

/// What is known of a text; what a score does not need may be left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// The text's scores; for `dna_gpt_w` those of its second half with the first as context.
    pub scored: Option<&'a Scored>,
    /// The same by a second worker: the one that draws in Fast-DetectGPT, the observer of Binoculars.
    pub second: Option<&'a Scored>,
    /// Scores of perturbed copies, by the first worker.
    pub perturbed: &'a [Scored],
    /// What follows the words that were continued.
    pub remainder: Option<&'a str>,
    /// Continuations of the words before it.
    pub continuations: &'a [String],
    /// Scores of the continuations, each with the words before it as context.
    pub scored_continuations: &'a [Scored],
    /// Seed of whatever is drawn.
    pub seed: u64,
}

/// How the published quantity points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Higher is machine; the score is the quantity itself.
    HigherIsMachine,
    /// Lower is machine; the score is its negative.
    LowerIsMachine,
}

/// A row of [`SCORES`].
#[derive(Debug, Clone, Copy)]
pub struct Score {
    /// Name in configs and reports.
    pub name: &'static str,
    /// The published quantity; q scores, p draws, r is a rank, t runs over the n scored tokens.
    pub formula: &'static str,
    /// How it points.
    pub direction: Direction,
    /// What it needs.
    pub needs: Needs,
    /// Where it comes from.
    pub source: &'static str,
    /// Computes it.
    pub measure: fn(&Evidence<'_>, &ScoreParams) -> Outcome,
}

impl Score {
    /// The row of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        SCORES.iter().find(|score| score.name == name)
    }

    /// The quantity as its paper gives it, from ours.
    pub fn published(&self, value: f64) -> f64 {
        match self.direction {
            Direction::HigherIsMachine => value,
            Direction::LowerIsMachine => -value,
        }
    }
}

/// A finite value as a score.
fn measured(value: f64, n_tokens: usize, n_texts: usize, basis: Basis) -> Outcome {
    if value.is_finite() { Ok(Measured { value, n_tokens, n_texts, basis }) } else { Err(Abstain::NotFinite) }
}

/// What a score stands on, `estimated` of which (in [0, 1]) was not given; bounds that are not finite say nothing.
fn basis(estimated: f64, bounds: Option<(f64, f64)>) -> Basis {
    if estimated <= 0.0 {
        return Basis::Exact;
    }
    let bounds = bounds.filter(|(low, high)| low.is_finite() && high.is_finite());
    Basis::GeometricTail { estimated_ratio: estimated.min(1.0), bounds }
}
