//! What an audit is given beside the two sides: the work of other parts, as plain values and closures.
//!
//! All of it is optional. What is absent makes the measures that need it say so, never return a zero.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How well one formatting scalar tells the sides apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeakScalar {
    /// Such as "newlines".
    pub name: String,
    /// Area under the ROC curve, in [0, 1]; 0.5 is no leak.
    pub auroc: f64,
    /// Mean on the human and on the machine side.
    #[serde(default)]
    pub means: [f64; 2],
}

/// What the leak probe found: AUROC of formatting scalars between the sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeakProbe {
    /// The scalars, in any order.
    pub scalars: Vec<LeakScalar>,
    /// What to do about the worst, in one sentence.
    pub remedy: String,
}

impl LeakProbe {
    /// The scalar farthest from 0.5, with its AUROC turned to [0.5, 1]; the earlier of equals.
    pub fn worst(&self) -> Option<(&str, f64)> {
        let folded = |scalar: &LeakScalar| 0.5 + (scalar.auroc - 0.5).abs();
        self.scalars.iter().filter(|scalar| scalar.auroc.is_finite()).fold(None, |worst, scalar| match worst {
            Some((_, auroc)) if auroc >= folded(scalar) => worst,
            _ => Some((scalar.name.as_str(), folded(scalar))),
        })
    }
}

/// The share of machine text in the candidate side as a calibrated detector estimates it (EM, Saerens et al. 2002).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineShare {
    /// Estimated share in [0, 1].
    pub share: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
    /// Documents scored.
    pub n_docs: usize,
    /// Which detector.
    pub detector: String,
    /// Whether it was calibrated on local human text.
    pub is_calibrated: bool,
}

/// A detector's accuracy on the two sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectorAccuracy {
    /// AUROC of its scores, candidate against reference.
    pub auroc: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
    /// Which detector.
    pub detector: String,
}

/// An evaluation set that the data must not contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalSet {
    /// Its name.
    pub name: String,
    /// The texts of its items.
    pub items: Vec<String>,
}

/// Finds the language of a text, as an ISO 639 code; none where it cannot tell.
pub type LanguageOf<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// Finds the root verb and its object noun of an instruction; none where it has none.
pub type VerbNounOf<'a> = &'a (dyn Fn(&str) -> Option<(String, String)> + Sync);

/// Everything beside the sides.
#[derive(Clone, Default)]
pub struct Inputs<'a> {
    /// The leak probe's result; it is printed first.
    pub leak_probe: Option<LeakProbe>,
    /// The detector's estimate of the machine share.
    pub machine_share: Option<MachineShare>,
    /// How well the detector tells the sides apart.
    pub detector: Option<DetectorAccuracy>,
    /// The human seeds that the candidate was made from.
    pub seeds: &'a [String],
    /// Prompt templates and few-shot examples that the candidate was made with.
    pub prompts: &'a [String],
    /// Evaluation sets of the user.
    pub eval_sets: &'a [EvalSet],
    /// The language declared for the data, as the code that `language_of` returns.
    pub language: Option<&'a str>,
    /// Language identification.
    pub language_of: Option<LanguageOf<'a>>,
    /// Verb and noun of an instruction.
    pub verb_noun_of: Option<VerbNounOf<'a>>,
    /// The labels in their order, where they have one: the ordinal measures need it.
    pub label_order: &'a [String],
}

impl fmt::Debug for Inputs<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Inputs")
            .field("leak_probe", &self.leak_probe)
            .field("machine_share", &self.machine_share)
            .field("detector", &self.detector)
            .field("n_seeds", &self.seeds.len())
            .field("n_prompts", &self.prompts.len())
            .field("n_eval_sets", &self.eval_sets.len())
            .field("language", &self.language)
            .field("label_order", &self.label_order)
            .finish_non_exhaustive()
    }
}
