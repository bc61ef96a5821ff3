//! A detector: two linear heads on the normal form of a text, n-grams and style, and a logistic stack of both.
//!
//! The heads fail differently: n-grams know the words of a domain and carry far within it, style carries to domains it
//! has not seen. The stack is fitted on scores that each head gave to texts it was not fitted on (5 folds by document),
//! so that it trusts neither for having learnt by heart. A score is the log-odds that a machine wrote the text, for as
//! many texts of either side; a verdict needs a threshold from human text of the same kind (see `calibrate`).
//!
//! Source: stacked generalisation, Wolpert 1992; shrunk discriminant and n-gram regression, see `linear` and `ngram`.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::linear::{Discriminant, DiscriminantParams, FitError, Logistic, LogisticParams, SparseRows};
use super::ngram::{Counts, GramParams, Ngram, NgramParams};
use super::normalise::{Changes, NormaliseParams, Normaliser};
use super::style::{Language, Reference, Style};

/// Folds by which the stack's scores are made.
const FOLDS: usize = 5;
/// Fewest texts of each side that a detector is fitted on.
pub const LEAST_TEXTS: usize = 10;

/// How a detector is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectorParams {
    /// What is undone before a text is read.
    pub normalise: NormaliseParams,
    /// The n-gram head.
    pub ngram: NgramParams,
    /// The style head.
    pub style: DiscriminantParams,
}

impl Default for DetectorParams {
    /// The penalty of the n-gram head and the shrinkage of the style head are those that did best by cross-validation
    /// on the public pairs of Fast-DetectGPT.
    fn default() -> Self {
        let regression = LogisticParams { l2: 0.1, ..LogisticParams::default() };
        Self {
            normalise: NormaliseParams::default(),
            ngram: NgramParams { regression, ..NgramParams::default() },
            style: DiscriminantParams::default(),
        }
    }
}

/// The score of a text and what the heads say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Score {
    /// Log-odds that a machine wrote it, for as many texts of either side.
    pub score: f64,
    /// The n-gram head's.
    pub ngram: f64,
    /// The style head's.
    pub style: f64,
}

/// A fitted detector.
#[derive(Debug, Clone)]
pub struct Detector {
    pub(super) normalise: NormaliseParams,
    pub(super) ngram: Ngram,
    pub(super) reference: Reference,
    pub(super) discriminant: Discriminant,
    /// Weights of n-gram and style head, and bias.
    pub(super) stack: [f64; 3],
}

/// The heads, fitted on the same texts.
struct Heads {
    ngram: Ngram,
    reference: Reference,
    discriminant: Discriminant,
}

impl Heads {
    fn fit(texts: &[&str], rows: &[&Vec<f32>], machine: &[bool], params: &DetectorParams) -> Result<Self, FitError> {
        let ngram = Ngram::fit(texts, machine, params.ngram)?;
        let human = rows.iter().zip(machine).filter(|(_, m)| !**m).map(|(row, _)| (*row).clone());
        let reference = Reference::fit(&human.collect::<Vec<_>>()).unwrap_or_default();
        let scores: Vec<Vec<f32>> = rows.iter().map(|row| reference.z(row)).collect();
        let discriminant = Discriminant::fit(&scores, machine, params.style)?;
        Ok(Self { ngram, reference, discriminant })
    }

    fn score(&self, text: &str, row: &[f32]) -> [f64; 2] {
        [self.ngram.score(text), self.discriminant.score(&self.reference.z(row))]
    }
}

impl Detector {
    /// Learns from texts and whether a machine wrote each. `groups` keep what belongs together in one fold: a human text
    /// and its machine counterpart, or a text's own number where nothing does.
    ///
    /// # Errors
    /// If a side has fewer than [`LEAST_TEXTS`] texts, or labels and texts differ in number.
    pub fn fit(texts: &[&str], machine: &[bool], groups: &[u64], params: DetectorParams) -> Result<Self, FitError> {
        let n_machine = machine.iter().filter(|m| **m).count();
        if n_machine < LEAST_TEXTS || machine.len() - n_machine < LEAST_TEXTS {
            return Err(FitError::OneSide { n_human: machine.len() - n_machine, n_machine });
        }
        let normaliser = Normaliser::new(params.normalise);
        let normal: Vec<String> = texts.iter().map(|text| normaliser.apply(text).text.into_owned()).collect();
        let texts: Vec<&str> = normal.iter().map(String::as_str).collect();
        let mut style = Style::new(Language::English);
        let rows: Vec<Vec<f32>> = texts.iter().map(|text| style.extract(text)).collect();
        let stack = stack(&texts, &rows, machine, groups, &params)?;
        let heads = Heads::fit(&texts, &rows.iter().collect::<Vec<_>>(), machine, &params)?;
        let Heads { ngram, reference, discriminant } = heads;
        Ok(Self { normalise: params.normalise, ngram, reference, discriminant, stack })
    }

    /// Means and deviations of the style features of human text, as the style head reads them.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// What brings a text into the form that the detector reads.
    pub fn normaliser(&self) -> Normaliser {
        Normaliser::new(self.normalise)
    }

    /// A scorer that reuses its memory from text to text.
    pub fn scorer(&self) -> Scorer<'_> {
        Scorer { detector: self, reader: Reader::new(self) }
    }

    /// The score of the text that was read; finite. The reader must suit the detector, else the n-grams count for nothing.
    pub fn score(&self, reader: &Reader) -> Score {
        let ngram = if reader.suits(self) { self.ngram.score_counts(&reader.counts) } else { 0.0 };
        let style = self.discriminant.score(&self.reference.z(&reader.row));
        let [a, b, bias] = self.stack;
        Score { score: a * ngram + b * style + bias, ngram, style }
    }

    /// Why a text scores as it does: the features and grams that move it most, in words, the strongest first.
    pub fn reasons(&self, text: &str, n: usize) -> Vec<String> {
        let normal = Normaliser::new(self.normalise).apply(text);
        let mut style = Style::new(Language::English);
        let z = self.reference.z(&style.extract(&normal.text));
        let mut told: Vec<(f64, String)> = style
            .features()
            .iter()
            .zip(z.iter().zip(&self.discriminant.weights))
            .map(|(feature, (z, weight))| {
                let (more, sd) = (if *z > 0.0 { "more" } else { "less" }, z.abs());
                let towards = if f64::from(*z) * weight > 0.0 { "machine" } else { "human" };
                let told = format!("{more} {} than people write ({sd:.1} sd), towards {towards}", feature.about);
                ((f64::from(*z) * weight * self.stack[1]).abs(), told)
            })
            .collect();
        told.extend(self.ngram.explain(&normal.text, n).into_iter().map(|gram| {
            let towards = if gram.share > 0.0 { "machine" } else { "human" };
            (
                (gram.share * self.stack[0]).abs(),
                format!("\u{201c}{}\u{201d} {} times, towards {towards}", gram.gram, gram.n),
            )
        }));
        told.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        told.into_iter().take(n).filter(|(share, _)| *share > 0.0).map(|(_, told)| told).collect()
    }
}

/// Weights of the heads, from scores of texts that they were not fitted on.
fn stack(
    texts: &[&str],
    rows: &[Vec<f32>],
    machine: &[bool],
    groups: &[u64],
    params: &DetectorParams,
) -> Result<[f64; 3], FitError> {
    let fold_of = |i: usize| {
        let group = groups.get(i).copied().unwrap_or(i as u64);
        (xxh3_64(&group.to_le_bytes()) % FOLDS as u64) as usize
    };
    let mut scored = SparseRows::new(2);
    let mut labels = Vec::with_capacity(texts.len());
    for fold in 0..FOLDS {
        let (inside, outside): (Vec<usize>, Vec<usize>) = (0..texts.len()).partition(|i| fold_of(*i) != fold);
        let of = |places: &[usize]| places.iter().map(|i| machine[*i]).collect::<Vec<bool>>();
        let chosen: Vec<&str> = inside.iter().map(|i| texts[*i]).collect();
        let chosen_rows: Vec<&Vec<f32>> = inside.iter().map(|i| &rows[*i]).collect();
        // A fold that leaves one side empty says nothing of the heads.
        let Ok(heads) = Heads::fit(&chosen, &chosen_rows, &of(&inside), params) else { continue };
        for i in outside {
            let [ngram, style] = heads.score(texts[i], &rows[i]);
            scored.push([(0, ngram as f32), (1, style as f32)]);
            labels.push(machine[i]);
        }
    }
    let model = Logistic::fit(&scored, &labels, LogisticParams { l2: 1.0, ..LogisticParams::default() })?;
    Ok([model.weights[0], model.weights[1], model.bias])
}

/// What is read of a text once, however many detectors score it: normal form, grams and style. Reuses its memory.
pub struct Reader {
    normaliser: Normaliser,
    grams: GramParams,
    counts: Counts,
    style: Style,
    row: Vec<f32>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("normaliser", &self.normaliser).finish_non_exhaustive()
    }
}

impl Reader {
    /// A reader for this detector, and for others that read texts in the same form.
    pub fn new(detector: &Detector) -> Self {
        let grams = *detector.ngram.grams();
        Self {
            normaliser: detector.normaliser(),
            grams,
            counts: Counts::new(&grams),
            style: Style::new(Language::English),
            row: Vec::new(),
        }
    }

    /// Whether the detector reads texts in the form of this reader.
    pub fn suits(&self, detector: &Detector) -> bool {
        self.grams == *detector.ngram.grams() && self.normaliser == detector.normaliser()
    }

    /// Reads a text, forgetting the one before.
    pub fn read(&mut self, text: &str) -> WasRead {
        let normal = self.normaliser.apply(text);
        self.counts.count(&normal.text, &self.grams);
        self.row = self.style.extract(&normal.text);
        WasRead { changes: normal.changes, is_latin: is_latin(&normal.text) }
    }
}

/// What a reader says of a text besides what it keeps for the detectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WasRead {
    /// What an attacker had put in.
    pub changes: Changes,
    /// Whether most letters of the normal form are Latin: what was learnt from English says nothing of other scripts.
    pub is_latin: bool,
}

/// Latin letters lie below this character, the rarer ones apart; Greek begins a little later.
const BEYOND_LATIN: char = '\u{250}';

/// Whether more letters are Latin than are not; false for a text without letters.
fn is_latin(text: &str) -> bool {
    let (mut n_latin, mut n_other) = (0_usize, 0_usize);
    for c in text.chars().filter(|c| c.is_alphabetic()) {
        if c < BEYOND_LATIN { n_latin += 1 } else { n_other += 1 }
    }
    n_latin > n_other
}

/// Scores texts one after the other.
#[derive(Debug)]
pub struct Scorer<'a> {
    detector: &'a Detector,
    reader: Reader,
}

impl Scorer<'_> {
    /// The score of a text; finite for any.
    pub fn score(&mut self, text: &str) -> Score {
        self.reader.read(text);
        self.detector.score(&self.reader)
    }
}

#[cfg(test)]
#[path = "detector_tests.rs"]
mod tests;
