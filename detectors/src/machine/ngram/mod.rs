//! The n-gram head: hashed character and word n-grams, tf-idf, logistic regression.
//!
//! The plainest supervised detector there is, and with a few hundred documents of the user's own domain hard to beat: it
//! finds the phrases that a machine repeats and shows them as its reasons. It needs no vocabulary file; weights and
//! document frequencies live in hashed buckets of one byte each, so that a model is below 200 kB whatever it was
//! trained on.
//!
//! Source: hashing, Weinberger et al. 2009 (arXiv:0902.2206); tf-idf with sublinear tf, smoothed idf and vectors of
//! length 1 as scikit-learn has it. We differ: characters and words are normalised apart, so that neither drowns the
//! other, and punctuation marks count as words.

mod codec;
mod grams;
#[cfg(test)]
mod tests;
mod vector;

use serde::{Deserialize, Serialize};

pub use self::codec::BadNgramBytes;
pub use self::grams::GramParams;
pub(crate) use self::grams::each_gram;
pub(crate) use self::vector::{Counts, inverse_frequencies, inverse_root};
use super::linear::{FitError, Logistic, LogisticParams, SparseRows, check_sides};

/// How an n-gram head is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NgramParams {
    /// Which grams, and into how many buckets.
    pub grams: GramParams,
    /// The regression on them.
    pub regression: LogisticParams,
}

/// A fitted n-gram head, as it is saved: one byte per weight and one per document frequency.
#[derive(Clone, PartialEq)]
pub struct Ngram {
    grams: GramParams,
    bias: f32,
    /// The largest absolute weight; weights are `sign(q) (q / 127)^2` of it, fine near zero, where most are.
    largest_weight: f32,
    weights: Vec<i8>,
    /// idf is 1 + q / 255 of this.
    idf_range: f32,
    idf: Vec<u8>,
    /// The same, unpacked.
    unpacked: Unpacked,
}

#[derive(Clone, PartialEq, Default)]
struct Unpacked {
    weights: Vec<f32>,
    idf: Vec<f32>,
}

/// A gram of a text with what it adds to the log-odds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GramShare<'a> {
    /// The gram as it stands in the text, at its first place.
    pub gram: &'a str,
    /// Log-odds added; above 0 towards machine.
    pub share: f64,
    /// Times the gram, or another of its bucket, occurs.
    pub n: usize,
}

impl std::fmt::Debug for Ngram {
    /// Without the weights, which would fill screens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ngram").field("grams", &self.grams).field("bias", &self.bias).finish_non_exhaustive()
    }
}

impl Ngram {
    /// Learns from texts and whether a machine wrote them. Deterministic; linear in the length of the texts.
    ///
    /// # Errors
    /// If labels and texts differ in number, a side is empty, or a parameter is out of range.
    pub fn fit(texts: &[&str], is_machine: &[bool], params: NgramParams) -> Result<Self, FitError> {
        params.grams.check()?;
        check_sides(texts.len(), is_machine)?;
        let idf = learn_idf(texts, &params.grams);
        let (idf_range, packed_idf) = codec::pack_idf(&idf);
        let idf = codec::unpack_idf(idf_range, &packed_idf);
        let rows = rows(texts, &params.grams, &idf);
        let model = Logistic::fit(&rows, is_machine, params.regression)?;
        Ok(Self::assemble(params.grams, &model, idf_range, packed_idf))
    }

    fn assemble(grams: GramParams, model: &Logistic, idf_range: f32, idf: Vec<u8>) -> Self {
        let (largest_weight, weights) = codec::pack_weights(&model.weights);
        let mut ngram = Self {
            grams,
            bias: model.bias as f32,
            largest_weight,
            weights,
            idf_range,
            idf,
            unpacked: Unpacked::default(),
        };
        ngram.unpack();
        ngram
    }

    fn unpack(&mut self) {
        self.unpacked = Unpacked {
            weights: codec::unpack_weights(self.largest_weight, &self.weights),
            idf: codec::unpack_idf(self.idf_range, &self.idf),
        };
    }

    /// The grams that the model reads.
    pub fn grams(&self) -> &GramParams {
        &self.grams
    }

    /// Log-odds that a machine wrote the text, for equal numbers of both; the bias for a text without grams.
    ///
    /// Makes room for all buckets each time; for many texts use [`Ngram::scorer`].
    pub fn score(&self, text: &str) -> f64 {
        self.scorer().score(text)
    }

    /// A scorer that reuses its memory.
    pub fn scorer(&self) -> NgramScorer<'_> {
        NgramScorer { model: self, counts: Counts::new(&self.grams) }
    }

    /// As [`Ngram::score`], of a text whose grams were counted with this model's parameters.
    pub(crate) fn score_counts(&self, counts: &Counts) -> f64 {
        let first_word = self.grams.first_word_bucket() as u32;
        let (mut sums, mut squares) = ([0.0_f32; 2], [0.0_f32; 2]);
        counts.each_weight(&self.unpacked.idf, |bucket, value| {
            let kind = usize::from(bucket >= first_word);
            squares[kind] += value * value;
            sums[kind] += value * self.unpacked.weights[bucket as usize];
        });
        let total = sums[0] * inverse_root(squares[0]) + sums[1] * inverse_root(squares[1]);
        f64::from(self.bias) + f64::from(total)
    }

    /// The grams that move the score of a text the most, by absolute share; at most `n`.
    ///
    /// Grams that share a bucket cannot be told apart and are shown as the first of them. Shares of all grams add up to
    /// the score less the bias.
    pub fn explain<'a>(&self, text: &'a str, n: usize) -> Vec<GramShare<'a>> {
        let mut counts = Counts::new(&self.grams);
        counts.count(text, &self.grams);
        let vector = counts.vector(&self.unpacked.idf, &self.grams);
        let mut places: hashbrown::HashMap<u32, (&str, usize)> = hashbrown::HashMap::with_capacity(vector.len());
        each_gram(text, &self.grams, |gram| {
            places.entry(gram.bucket).or_insert((&text[gram.start..gram.end], 0)).1 += 1;
        });
        let mut shares: Vec<(u32, f64)> = vector
            .iter()
            .map(|&(bucket, value)| (bucket, f64::from(value) * f64::from(self.unpacked.weights[bucket as usize])))
            .filter(|(_, share)| *share != 0.0)
            .collect();
        shares.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
        shares.truncate(n);
        shares
            .into_iter()
            .map(|(bucket, share)| {
                let (gram, n) = places.get(&bucket).copied().unwrap_or(("", 0));
                GramShare { gram, share, n }
            })
            .collect()
    }
}

/// Scores texts one after the other with an [`Ngram`].
#[derive(Debug, Clone)]
pub struct NgramScorer<'a> {
    model: &'a Ngram,
    counts: Counts,
}

impl NgramScorer<'_> {
    /// As [`Ngram::score`].
    pub fn score(&mut self, text: &str) -> f64 {
        self.counts.count(text, &self.model.grams);
        self.model.score_counts(&self.counts)
    }
}

/// Inverse document frequencies of all buckets in these texts.
pub(crate) fn learn_idf(texts: &[&str], grams: &GramParams) -> Vec<f32> {
    let mut counts = Counts::new(grams);
    let mut frequencies = vec![0_u32; grams.n_buckets()];
    for text in texts {
        counts.count(text, grams);
        counts.buckets().iter().for_each(|&bucket| frequencies[bucket as usize] += 1);
    }
    inverse_frequencies(&frequencies, texts.len())
}

/// The tf-idf vectors of texts.
pub(crate) fn rows(texts: &[&str], grams: &GramParams, idf: &[f32]) -> SparseRows {
    let mut counts = Counts::new(grams);
    let mut rows = SparseRows::new(grams.n_buckets());
    for text in texts {
        counts.count(text, grams);
        rows.push(counts.vector(idf, grams));
    }
    rows
}
