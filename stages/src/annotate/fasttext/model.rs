//! A supervised model: features to a mean vector, the vector to probabilities of labels.

use super::bytes::Bytes;
use super::matrix::Matrix;
use super::vocabulary::{Settings, Vocabulary};

const MAGIC: i32 = 793_712_314;
const VERSION: i32 = 12;
/// The kind of model that has labels.
const SUPERVISED: i32 = 3;

/// How labels share the probability.
enum Loss {
    /// A tree of yes-or-no questions: for each label the inner nodes on its way, and the answers.
    Hierarchical(Vec<Vec<(usize, bool)>>),
    Softmax,
    /// Each label by itself; the sum need not be 1.
    OneVsAll,
}

pub(super) struct Model {
    vocabulary: Vocabulary,
    input: Matrix,
    output: Matrix,
    loss: Loss,
}

impl Model {
    /// Reads a model file.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut bytes = Bytes::new(bytes);
        let (magic, version) = (bytes.i32()?, bytes.i32()?);
        if magic != MAGIC {
            return Err("this is no fastText model".into());
        }
        if version > VERSION {
            return Err(format!("a model of version {version}; versions up to {VERSION} are known"));
        }
        let dim = bytes.count()?;
        let (_window, _epochs, _min_count, _negatives) = (bytes.i32()?, bytes.i32()?, bytes.i32()?, bytes.i32()?);
        let word_ngrams = bytes.count()?;
        let (loss, kind) = (bytes.i32()?, bytes.i32()?);
        let (n_buckets, min_chars, mut max_chars) = (bytes.count()?, bytes.count()?, bytes.count()?);
        let (_update_rate, _sampling) = (bytes.i32()?, bytes.f64()?);
        if kind != SUPERVISED {
            return Err("a model of word vectors, not a supervised one: it has no labels".into());
        }
        if version == 11 {
            // That version wrote, but did not use, character n-grams of supervised models.
            max_chars = 0;
        }
        let settings = Settings { word_ngrams, n_buckets, min_chars, max_chars };
        let vocabulary = Vocabulary::read(&mut bytes, settings)?;
        let is_quantised = bytes.bool()?;
        let input = Matrix::read(&mut bytes, is_quantised)?;
        let output_is_quantised = bytes.bool()?;
        let output = Matrix::read(&mut bytes, is_quantised && output_is_quantised)?;
        let loss = match loss {
            1 => Loss::Hierarchical(paths(vocabulary.labels())),
            // Negative sampling is a way to train; what comes out is judged by softmax.
            2 | 3 => Loss::Softmax,
            4 => Loss::OneVsAll,
            other => return Err(format!("an unknown loss, number {other}")),
        };
        let model = Self { vocabulary, input, output, loss };
        model.check(dim, bytes.is_empty())?;
        Ok(model)
    }

    fn check(&self, dim: usize, is_read: bool) -> Result<(), String> {
        let n_labels = self.vocabulary.labels().len();
        let shapes = [
            ("vector size", dim, self.input.n_columns()),
            ("vector size", dim, self.output.n_columns()),
            ("number of labels", n_labels, self.output.n_rows()),
        ];
        if let Some((what, said, is)) = shapes.into_iter().find(|(_, said, is)| said != is) {
            return Err(format!("the {what} is {said} in the head and {is} in a matrix"));
        }
        if self.input.n_rows() < self.vocabulary.n_features() {
            return Err(format!("{} rows for {} features", self.input.n_rows(), self.vocabulary.n_features()));
        }
        if n_labels == 0 {
            return Err("a model without labels".into());
        }
        if is_read { Ok(()) } else { Err("the file is longer than its model".into()) }
    }

    /// The number of a label.
    pub(super) fn label(&self, name: &str) -> Option<usize> {
        self.labels().position(|label| label == name)
    }

    /// All labels, the most frequent first.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.vocabulary.labels().iter().map(|(name, _)| name.as_str())
    }

    pub(super) fn label_name(&self, label: usize) -> &str {
        &self.vocabulary.labels()[label].0
    }

    /// The probability of each label; none for a text without a word.
    pub(super) fn scores(&self, text: &str) -> Option<Vec<f32>> {
        let mut features = Vec::new();
        if !self.vocabulary.features(text, &mut features) || features.is_empty() {
            return None;
        }
        let mut hidden = vec![0.0f32; self.input.n_columns()];
        features.iter().for_each(|feature| self.input.add_row(*feature as usize, &mut hidden));
        let share = 1.0 / features.len() as f32;
        hidden.iter_mut().for_each(|value| *value *= share);
        let products: Vec<f32> = (0..self.output.n_rows()).map(|row| self.output.dot(row, &hidden)).collect();
        Some(match &self.loss {
            Loss::Softmax => softmax(&products),
            Loss::OneVsAll => products.into_iter().map(tabled_sigmoid).collect(),
            Loss::Hierarchical(paths) => {
                let answer = |(node, is_right): &(usize, bool)| {
                    let right = sigmoid(products[*node]);
                    if *is_right { right } else { 1.0 - right }
                };
                paths.iter().map(|path| path.iter().map(answer).product()).collect()
            }
        })
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// The sigmoid where fastText reads it from a table: 512 steps from -8 to 8.
fn tabled_sigmoid(x: f32) -> f32 {
    const BOUND: f32 = 8.0;
    const STEPS: f32 = 512.0;
    if x < -BOUND {
        return 0.0;
    }
    if x > BOUND {
        return 1.0;
    }
    let step = ((x + BOUND) * STEPS / BOUND / 2.0).floor();
    sigmoid(step * 2.0 * BOUND / STEPS - BOUND)
}

fn softmax(products: &[f32]) -> Vec<f32> {
    let largest = products.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut scores: Vec<f32> = products.iter().map(|product| (product - largest).exp()).collect();
    let sum: f32 = scores.iter().sum();
    scores.iter_mut().for_each(|score| *score /= sum);
    scores
}

/// The way to each label in the Huffman tree over label counts, which come in descending order.
fn paths(labels: &[(String, u64)]) -> Vec<Vec<(usize, bool)>> {
    let n = labels.len();
    let mut counts: Vec<u64> = labels.iter().map(|(_, count)| *count).collect();
    // Nodes 0 to n - 1 are labels, the others inner nodes; the last is the root.
    let mut parents: Vec<Option<(usize, bool)>> = vec![None; (2 * n).saturating_sub(1)];
    let (mut leaf, mut inner) = (n, n);
    for node in n..(2 * n).saturating_sub(1) {
        let mut sum = 0;
        for is_right in [false, true] {
            let takes_leaf = leaf > 0 && counts.get(inner).is_none_or(|count| counts[leaf - 1] < *count);
            let child = if takes_leaf {
                leaf -= 1;
                leaf
            } else {
                inner += 1;
                inner - 1
            };
            parents[child] = Some((node, is_right));
            sum = u64::saturating_add(sum, counts[child]);
        }
        counts.push(sum);
    }
    let path = |label: usize| {
        let mut path = Vec::new();
        let mut at = label;
        while let Some((parent, is_right)) = parents[at] {
            path.push((parent - n, is_right));
            at = parent;
        }
        path
    };
    (0..n).map(path).collect()
}
