//! Text in the form in which detectors read it, and counts of what had to be changed to get there.
//!
//! A detector that reads text as stored learns the tools that wrote the file: the published files of Fast-DetectGPT lost
//! the line breaks of their human side only, and counting line breaks tells the sides apart better than any detector.
//! Attackers do the same on purpose with look-alike letters and invisible characters. Both vanish here; and since nobody
//! types a Cyrillic letter in an English word by accident, the counts are measures of their own.
//!
//! Two uses. [`Level`] gives the forms N0, N1 and N2 in which figures are compared. [`Normaliser`] is what the product
//! applies before every score: N2 without the loss of the last word, and with attacks undone.
//!
//! Source: the forms are those of our own measurements; the attacks are those of RAID (Dugan et al. 2024,
//! arXiv:2405.07940, section 4.2). What is not undone: synonyms, paraphrase, misspelling, swapped case.

mod fold;
mod homoglyph;
mod invisible;
mod spacing;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// The form of a text in which two sides are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// As stored.
    N0,
    /// Runs of white space are one space, none at the ends.
    N1,
    /// N1, compatibility composed (NFKC), typographic marks as ASCII, no space before a punctuation mark, last word gone.
    N2,
}

impl Level {
    /// The text in this form; borrowed where nothing had to change.
    ///
    /// The last word goes because generators stop at a token limit and human text is cut at a word: how a text breaks off
    /// says who cut it. A text of one word is empty in N2.
    pub fn apply(self, text: &str) -> Cow<'_, str> {
        match self {
            Level::N0 => Cow::Borrowed(text),
            Level::N1 => spacing::collapse(text).0,
            Level::N2 => {
                let params = NormaliseParams { drop_last_word: true, ..NormaliseParams::plain() };
                Normaliser::new(params).apply(text).text
            }
        }
    }
}

/// What a [`Normaliser`] undoes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NormaliseParams {
    /// Characters without width, bidirectional controls and tag characters are removed.
    pub remove_invisible: bool,
    /// Letters of other scripts that look Latin become Latin in Latin text.
    pub fold_homoglyphs: bool,
    /// A space is put between a full stop and the capital that follows it ("ago.An").
    pub part_sentences: bool,
    /// The last word is removed, as in N2.
    pub drop_last_word: bool,
}

impl Default for NormaliseParams {
    /// Undo everything, keep the last word.
    fn default() -> Self {
        Self { remove_invisible: true, fold_homoglyphs: true, part_sentences: true, drop_last_word: false }
    }
}

impl NormaliseParams {
    /// Only what N2 does, less the loss of the last word.
    pub fn plain() -> Self {
        Self { remove_invisible: false, fold_homoglyphs: false, part_sentences: false, drop_last_word: false }
    }
}

/// What was changed, in characters of the text before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Changes {
    /// Characters of the text as given.
    pub n_chars: usize,
    /// Invisible characters removed.
    pub n_invisible: usize,
    /// Letters of another script that stood for Latin ones.
    pub n_homoglyphs: usize,
    /// Characters that NFKC writes in another way: full width, ligatures, mathematical letters.
    pub n_compatibility: usize,
    /// Typographic quotes, dashes and ellipses, and pairs of grave accents or apostrophes, made ASCII.
    pub n_typographic: usize,
    /// White space removed or made a plain space.
    pub n_spaces: usize,
    /// Spaces removed before punctuation marks.
    pub n_punctuation_spaces: usize,
    /// Spaces put after full stops.
    pub n_parted_sentences: usize,
}

impl Changes {
    /// The share of characters that only an attack or a broken tool puts there, in [0, 1]; 0 for the empty text.
    ///
    /// Counts invisible characters and homoglyphs.
    pub fn attack_ratio(&self) -> f64 {
        if self.n_chars == 0 {
            return 0.0;
        }
        (self.n_invisible + self.n_homoglyphs) as f64 / self.n_chars as f64
    }
}

/// A text in normal form with what was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised<'a> {
    /// The text; borrowed where nothing had to change.
    pub text: Cow<'a, str>,
    /// What was changed.
    pub changes: Changes,
}

/// Brings texts into the form that detectors read.
///
/// Idempotent without `drop_last_word`: the normal form of a normal form is itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Normaliser {
    params: NormaliseParams,
}

impl Normaliser {
    /// A normaliser that undoes what `params` say.
    pub fn new(params: NormaliseParams) -> Self {
        Self { params }
    }

    /// The normal form of `text`. Linear in its length; plain ASCII is scanned once or twice and rarely copied.
    ///
    /// # Example
    /// A reader sees the same word twice, and so does a detector afterwards: "p\u{430}per" (Cyrillic a) is "paper".
    pub fn apply<'a>(&self, text: &'a str) -> Normalised<'a> {
        let mut changes = Changes { n_chars: text.chars().count(), ..Changes::default() };
        let mut text = Cow::Borrowed(text);
        if !text.is_ascii() {
            text = then(text, |t| self.beyond_ascii(t, &mut changes));
        }
        text = then(text, |t| fold::grave_pairs(t, &mut changes));
        text = then(text, |t| {
            let (collapsed, n_spaces) = spacing::collapse(t);
            changes.n_spaces += n_spaces;
            collapsed
        });
        text = then(text, |t| spacing::before_punctuation(t, &mut changes));
        if self.params.part_sentences {
            text = then(text, |t| spacing::after_full_stop(t, &mut changes));
        }
        if self.params.drop_last_word {
            text = then(text, spacing::drop_last_word);
        }
        Normalised { text, changes }
    }

    /// The steps that ASCII does not need.
    fn beyond_ascii<'a>(&self, text: &'a str, changes: &mut Changes) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        if self.params.remove_invisible {
            text = then(text, |t| invisible::remove(t, changes));
        }
        // Typographic marks first: NFKC would make three full stops of an ellipsis and call it compatibility.
        text = then(text, |t| fold::typographic(t, changes));
        let n_before = changes.n_compatibility;
        text = then(text, |t| compose(t, changes));
        if changes.n_compatibility > n_before {
            // Marks in presentation forms for vertical text become dashes and quotes only now.
            text = then(text, |t| fold::typographic(t, changes));
        }
        if self.params.fold_homoglyphs {
            text = then(text, |t| homoglyph::fold(t, changes));
        }
        text
    }
}

/// Applies a step to a text that may be borrowed or owned already, and keeps what is unchanged.
fn then<'a>(text: Cow<'a, str>, step: impl FnOnce(&str) -> Cow<'_, str>) -> Cow<'a, str> {
    let changed = match step(&text) {
        Cow::Owned(changed) => Some(changed),
        Cow::Borrowed(part) if part.len() < text.len() => Some(part.to_owned()),
        Cow::Borrowed(_) => None,
    };
    match changed {
        Some(changed) => Cow::Owned(changed),
        None => text,
    }
}

/// NFKC, counting the characters that are not their own compatibility form.
fn compose<'a>(text: &'a str, changes: &mut Changes) -> Cow<'a, str> {
    if is_nfkc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    let composed: String = text.nfkc().collect();
    if composed == text {
        return Cow::Borrowed(text);
    }
    changes.n_compatibility +=
        text.chars().filter(|c| !c.is_ascii() && is_nfkc_quick(std::iter::once(*c)) == IsNormalized::No).count();
    Cow::Owned(composed)
}
