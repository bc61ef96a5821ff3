//! Few-shot detection: a handful of a machine's texts are enough to know its style again.
//!
//! An [`Encoder`] turns a text into a vector; an *episode* of several texts by one writer is the mean of theirs; the score
//! of an episode is its cosine to the nearest support, and the support's name is the attribution. All vectors are
//! centred on some human texts of the same kind first: what such texts have in common (their subject, their editor) is
//! taken away, and what is left is who wrote them. In our measurements 25 human texts do, and no projection learnt from
//! human authors was worth as much.
//!
//! With human texts at hand a single text can be scored by [`Contrast`], the direction from the human to the machine
//! supports.
//!
//! Source: Soto et al. 2024 (ICLR), "Few-Shot Detection of Machine-Generated Text using Style Representations": episodes,
//! cosine, minimum of the distances over supports. We differ in the encoder (named features instead of LUAR) and in the
//! centring; a neural encoder fits behind the trait.

pub mod protocol;

use rayon::prelude::*;
use thiserror::Error;

use super::normalise::Normaliser;
use super::style::{Language, Reference, Style};

/// Human texts that the centre is worth taking from.
pub const CENTRE_TEXTS: usize = 25;

/// From a text to a vector of its style.
pub trait Encoder: Sync {
    /// Length of the vectors.
    fn n_dims(&self) -> usize;
    /// The vectors of texts, all finite.
    fn encode(&self, texts: &[&str]) -> Vec<Vec<f32>>;
}

/// The style features as z-scores by a human reference.
#[derive(Debug, Clone)]
pub struct StyleEncoder {
    reference: Reference,
    normaliser: Normaliser,
}

impl StyleEncoder {
    /// An encoder whose scale is that of these human texts, of whatever kind; their normal form is read.
    pub fn fit(human: &[&str]) -> Option<Self> {
        let normaliser = Normaliser::default();
        let rows = rows_of(human, normaliser);
        Some(Self { reference: Reference::fit(&rows)?, normaliser })
    }

    /// An encoder with the scale of a detector's reference, such as that of the embedded one.
    pub fn new(reference: Reference) -> Self {
        Self { reference, normaliser: Normaliser::default() }
    }
}

fn rows_of(texts: &[&str], normaliser: Normaliser) -> Vec<Vec<f32>> {
    let extract = |style: &mut Style, text: &&str| style.extract(&normaliser.apply(text).text);
    texts.par_iter().map_init(|| Style::new(Language::English), extract).collect()
}

impl Encoder for StyleEncoder {
    fn n_dims(&self) -> usize {
        self.reference.means.len()
    }

    fn encode(&self, texts: &[&str]) -> Vec<Vec<f32>> {
        rows_of(texts, self.normaliser).iter().map(|row| self.reference.z(row)).collect()
    }
}

/// Why few-shot detection cannot begin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FewShotError {
    /// A support has no texts.
    #[error("the support \"{0}\" has no texts")]
    EmptySupport(String),
    /// There is no support.
    #[error("at least one support (texts of a machine) is needed")]
    NoSupport,
    /// There are no human texts.
    #[error("human texts are needed: {CENTRE_TEXTS} of the same kind are enough")]
    NoHuman,
}

/// The mean of vectors of the same length; zeros for none.
pub fn mean<'a>(rows: impl IntoIterator<Item = &'a Vec<f32>>, n_dims: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; n_dims];
    let mut n = 0_usize;
    for row in rows {
        n += 1;
        sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += f64::from(*v));
    }
    sums.into_iter().map(|sum| (sum / n.max(1) as f64) as f32).collect()
}

/// The cosine of two vectors, in [-1, 1]; 0 where one of them is zero.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    if norms > 0.0 { (dot(a, b) / norms).clamp(-1.0, 1.0) } else { 0.0 }
}

/// Texts of named machines, as one vector each.
#[derive(Debug, Clone)]
pub struct Supports {
    centre: Vec<f32>,
    names: Vec<String>,
    vectors: Vec<Vec<f32>>,
}

/// What an episode is like.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribution {
    /// Cosine to the nearest support, in [-1, 1]; higher is likelier that machine.
    pub score: f64,
    /// Place of the nearest support.
    pub nearest: usize,
    /// Cosine to each support.
    pub cosines: Vec<f64>,
}

impl Supports {
    /// Supports from encoded texts; without human texts nothing is centred.
    ///
    /// # Errors
    /// If there is no support, or one without texts.
    pub fn new(human: &[Vec<f32>], machines: &[(String, Vec<Vec<f32>>)]) -> Result<Self, FewShotError> {
        let n_dims = machines.iter().flat_map(|(_, rows)| rows).map(Vec::len).next();
        let n_dims = n_dims.ok_or(FewShotError::NoSupport)?;
        if let Some((name, _)) = machines.iter().find(|(_, rows)| rows.is_empty()) {
            return Err(FewShotError::EmptySupport(name.clone()));
        }
        let mut supports = Self {
            centre: mean(human, n_dims),
            names: machines.iter().map(|(name, _)| name.clone()).collect(),
            vectors: Vec::new(),
        };
        supports.vectors = machines.iter().map(|(_, rows)| supports.episode(rows)).collect();
        Ok(supports)
    }

    /// Names of the supports.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The vector of several texts by one writer: their mean, centred.
    pub fn episode<'a>(&self, rows: impl IntoIterator<Item = &'a Vec<f32>>) -> Vec<f32> {
        mean(rows, self.centre.len()).iter().zip(&self.centre).map(|(v, c)| v - c).collect()
    }

    /// How near an episode is to the supports; the nearest gives score and name.
    pub fn attribute(&self, episode: &[f32]) -> Attribution {
        let cosines: Vec<f64> = self.vectors.iter().map(|support| cosine(support, episode)).collect();
        let best = cosines.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
        let (nearest, score) = best.map_or((0, 0.0), |(place, score)| (place, *score));
        Attribution { score, nearest, cosines }
    }
}

/// The direction from human to machine supports, for single texts.
#[derive(Debug, Clone)]
pub struct Contrast {
    weights: Vec<f64>,
    middle: f64,
}

impl Contrast {
    /// The difference of the means, each feature divided by its variance about its side's mean; the variance is drawn
    /// towards that of the encoder's reference (1), the more the fewer texts there are.
    ///
    /// # Errors
    /// If a side is empty.
    pub fn fit(human: &[Vec<f32>], machine: &[Vec<f32>]) -> Result<Self, FewShotError> {
        let n_dims = machine.first().ok_or(FewShotError::NoSupport)?.len();
        if human.is_empty() {
            return Err(FewShotError::NoHuman);
        }
        let means = [mean(human, n_dims), mean(machine, n_dims)];
        let mut squares = vec![0.0_f64; n_dims];
        for (rows, mean) in [human, machine].into_iter().zip(&means) {
            for row in rows {
                squares.iter_mut().zip(row.iter().zip(mean)).for_each(|(s, (v, m))| *s += f64::from(v - m).powi(2));
            }
        }
        // As many texts of the reference as it takes to trust a variance: a prior worth PRIOR_TEXTS texts.
        const PRIOR_TEXTS: f64 = 25.0;
        let n = (human.len() + machine.len()) as f64;
        let weights: Vec<f64> = means[0]
            .iter()
            .zip(&means[1])
            .zip(&squares)
            .map(|((h, m), s)| f64::from(m - h) * (n + PRIOR_TEXTS) / (s + PRIOR_TEXTS))
            .collect();
        let at = |mean: &[f32]| weights.iter().zip(mean).map(|(w, v)| w * f64::from(*v)).sum::<f64>();
        let middle = f64::midpoint(at(&means[0]), at(&means[1]));
        Ok(Self { weights, middle })
    }

    /// How far a text lies on the machine's side; 0 halfway between the means.
    pub fn score(&self, row: &[f32]) -> f64 {
        self.weights.iter().zip(row).map(|(w, v)| w * f64::from(*v)).sum::<f64>() - self.middle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_and_centring_by_hand() {
        assert!((cosine(&[3.0, 4.0], &[4.0, 3.0]) - 0.96).abs() < 1e-12);
        assert_eq!(cosine(&[0.0, 0.0], &[1.0, 0.0]), 0.0);
        let human = vec![vec![1.0, 1.0], vec![3.0, 1.0]];
        let machines =
            vec![("a".to_owned(), vec![vec![3.0, 1.0]]), ("b".to_owned(), vec![vec![2.0, 2.0], vec![2.0, 4.0]])];
        let supports = Supports::new(&human, &machines).unwrap();
        // The centre is (2, 1): support a is (1, 0), support b is (0, 2); the episode (2, 3) less the centre is (0, 2).
        let found = supports.attribute(&supports.episode(&[vec![2.0, 3.0]]));
        assert_eq!((found.nearest, found.cosines), (1, vec![0.0, 1.0]));
        assert_eq!(Supports::new(&human, &[]).unwrap_err(), FewShotError::NoSupport);
        assert!(Supports::new(&human, &[("c".into(), vec![]), machines[0].clone()]).is_err());
    }

    #[test]
    fn a_contrast_is_zero_halfway_and_points_to_the_machine() {
        let contrast = Contrast::fit(&[vec![0.0, 5.0]], &[vec![2.0, 5.0]]).unwrap();
        assert!(contrast.score(&[1.0, 5.0]).abs() < 1e-12);
        assert!(contrast.score(&[2.0, 0.0]) > 0.0 && contrast.score(&[0.0, 9.0]) < 0.0);
        assert_eq!(Contrast::fit(&[], &[vec![1.0]]).unwrap_err(), FewShotError::NoHuman);
    }
}
