//! Constraints on the letters, length, sound and meaning of a text or of each of its words.
//!
//! Source: Constrained Text Generation Studio, Roush et al. 2022 (W22-cai1): its 21 filters and the 12 transforms applied
//! before them. There they act on the tokens of a model's vocabulary while it writes; here on whole texts or on words, so
//! that they hold whatever wrote them. Meaning needs word vectors and metre, rhyme and syllables a pronouncing dictionary;
//! none is built in: the config names a file, and a word that the file lacks fails, as in the original.

mod filter;
mod metaphone;
mod sound;
#[cfg(test)]
mod tests;
mod transform;
mod vectors;

use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use filter::FILTERS;
use filter::Filter;
use sound::Pronunciations;
pub use transform::Transform;
use vectors::Vectors;

use super::words::split_white;
use crate::params::ParamError;

/// What has to meet the constraints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The text as a whole.
    #[default]
    Text,
    /// Each piece between white space.
    Words,
}

/// Constraints as a config states them; what is not given asks for nothing. Letters count in their case: `transforms`
/// with `lower` makes them equal.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Constraints {
    /// What has to meet them.
    pub unit: Unit,
    /// What is done to each unit first, in order.
    pub transforms: Vec<Transform>,
    /// None of these strings occurs (lipogram).
    pub none_of: Vec<String>,
    /// Not all of these strings occur (weak lipogram).
    pub not_all_of: Vec<String>,
    /// Each of these strings occurs (reverse lipogram).
    pub all_of: Vec<String>,
    /// One of these strings occurs (weak reverse lipogram).
    pub any_of: Vec<String>,
    /// These strings stand at these places.
    pub at: Vec<Place>,
    /// How it starts.
    pub starts_with: Option<String>,
    /// How it ends.
    pub ends_with: Option<String>,
    /// Within so many insertions, deletions and replacements of characters.
    pub within_edits: Option<Edits>,
    /// Number of characters.
    pub n_chars: Option<usize>,
    /// More characters than this.
    pub more_chars_than: Option<usize>,
    /// Fewer characters than this.
    pub fewer_chars_than: Option<usize>,
    /// Sounds like this word: a code of Double Metaphone in common.
    pub sounds_like: Option<String>,
    /// Means about the same as this word.
    pub means_like: Option<Meaning>,
    /// Number of syllables.
    pub n_syllables: Option<usize>,
    /// Stress of each syllable: 0 none, 1 first, 2 second, and a point for any.
    pub meter: Option<String>,
    /// Rhymes with this word: the same sounds from the last stressed vowel on.
    pub rhymes_with: Option<String>,
    /// The same backwards.
    pub palindrome: bool,
    /// The same characters as this string, in any order.
    pub anagram_of: Option<String>,
    /// Some of the characters of this string, in any order.
    pub partial_anagram_of: Option<String>,
    /// No character more often than this (1: an isogram).
    pub isogram: Option<usize>,
    /// Each character that occurs at least so often.
    pub reverse_isogram: Option<usize>,
    /// A pronouncing dictionary in the form of CMUdict.
    pub pronunciations: Option<PathBuf>,
}

/// A string at a place.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Characters before it.
    pub position: usize,
    /// The string.
    pub text: String,
}

/// A string and how far from it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edits {
    /// The string.
    pub of: String,
    /// Most edits.
    pub most: usize,
}

/// A word and how near to it in meaning.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    /// The word.
    pub word: String,
    /// Least cosine of the two vectors.
    pub least: f64,
    /// Word vectors as text, one word and its numbers a line, as fastText and GloVe write them.
    pub vectors: PathBuf,
}

/// What was found of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kept {
    /// Units looked at.
    pub n_units: usize,
    /// Units that meet every constraint.
    pub n_kept: usize,
    /// The first constraint that a unit fails; none when all are met.
    pub first_failed: Option<&'static str>,
}

impl Constraints {
    /// The files that it is checked with.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let vectors = self.means_like.as_ref().map(|meaning| meaning.vectors.as_path());
        self.pronunciations.as_deref().into_iter().chain(vectors)
    }
}

impl Kept {
    /// Whether there is a unit and every one meets every constraint.
    pub fn holds(&self) -> bool {
        self.n_units > 0 && self.n_kept == self.n_units
    }
}

/// Constraints, ready to check.
pub struct Checker {
    unit: Unit,
    transforms: Vec<Transform>,
    filters: Vec<Filter>,
}

impl Checker {
    /// Reads the files that the constraints name and compiles them.
    ///
    /// # Errors
    /// A file is missing or cannot be read, or a word that others are compared with is not in it.
    pub fn new(given: &Constraints) -> Result<Self, ParamError> {
        let sounds = match &given.pronunciations {
            Some(path) => Some(Pronunciations::read(path).map_err(|cause| ParamError::at("pronunciations", cause))?),
            None => None,
        };
        let vectors = match &given.means_like {
            Some(meaning) => {
                let read = Vectors::read(&meaning.vectors).map_err(|cause| ParamError::at("vectors", cause));
                Some(read.map_err(|e| e.under("means_like"))?)
            }
            None => None,
        };
        let filters = filter::compile(given, sounds, vectors)?;
        Ok(Self { unit: given.unit, transforms: given.transforms.clone(), filters })
    }

    /// How many constraints there are.
    pub fn n_filters(&self) -> usize {
        self.filters.len()
    }

    /// Checks a text. Time is linear in its characters, but for `within_edits`, where it is their product with the
    /// string's.
    pub fn check(&self, text: &str) -> Kept {
        let mut kept = Kept { n_units: 0, n_kept: 0, first_failed: None };
        match self.unit {
            Unit::Text => self.take(text, &mut kept),
            Unit::Words => split_white(text).for_each(|word| self.take(word, &mut kept)),
        }
        kept
    }

    fn take(&self, unit: &str, kept: &mut Kept) {
        let mut now = unit.to_owned();
        for transform in &self.transforms {
            match transform.apply(&now) {
                Some(next) => now = next,
                None => return,
            }
        }
        kept.n_units += 1;
        match self.filters.iter().find(|filter| !filter.holds(&now)) {
            None => kept.n_kept += 1,
            Some(failed) => kept.first_failed = kept.first_failed.or(Some(failed.name())),
        }
    }
}
