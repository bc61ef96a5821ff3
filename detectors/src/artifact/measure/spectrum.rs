//! Vendi score: the effective number of distinct texts in a set (Friedman & Dieng 2023, arXiv:2210.02410).
//!
//! exp of the entropy of the eigenvalues of K / n, K being cosine similarities; here of hashed character trigrams with tf-idf
//! weights, since no embedding is at hand. Values are not comparable with those over neural embeddings, nor between sets of
//! other sizes, for n texts score n at most.

use hashbrown::HashMap;

/// A symmetric matrix in rows.
#[derive(Debug, Clone)]
pub struct Similarities {
    n: usize,
    cells: Vec<f64>,
}

impl Similarities {
    /// Cosine similarities of texts over character trigrams of their lower case, weighted by
    /// (1 + ln tf) times ln((1 + n) / (1 + df)) + 1, as in scikit-learn with sublinear tf. A text without a trigram is similar only to itself.
    pub fn of_trigrams(texts: &[&str], max_chars: usize) -> Self {
        let mut document_counts: HashMap<u64, u32> = HashMap::new();
        let vectors: Vec<Vec<(u64, f64)>> = texts.iter().map(|text| trigrams(text, max_chars)).collect();
        for (gram, _) in vectors.iter().flatten() {
            *document_counts.entry(*gram).or_insert(0) += 1;
        }
        let n = texts.len();
        let weight = |gram: u64, count: f64| {
            let held = f64::from(document_counts.get(&gram).copied().unwrap_or(0));
            (1.0 + count.ln()) * (((1.0 + n as f64) / (1.0 + held)).ln() + 1.0)
        };
        let weighted: Vec<Vec<(u64, f64)>> = vectors
            .into_iter()
            .map(|vector| unit(vector.into_iter().map(|(gram, count)| (gram, weight(gram, count))).collect()))
            .collect();
        let mut cells = vec![0.0; n * n];
        for row in 0..n {
            cells[row * n + row] = 1.0;
            for column in 0..row {
                let cosine = dot(&weighted[row], &weighted[column]);
                cells[row * n + column] = cosine;
                cells[column * n + row] = cosine;
            }
        }
        Self { n, cells }
    }

    /// From rows given; for tests and for kernels of others.
    pub fn from_rows(rows: &[Vec<f64>]) -> Self {
        Self { n: rows.len(), cells: rows.iter().flatten().copied().collect() }
    }

    /// The Vendi score of some of the texts, in [1, their number]; none for none.
    pub fn vendi(&self, members: &[u32]) -> Option<f64> {
        let n = members.len();
        if n == 0 {
            return None;
        }
        let mut part = vec![0.0; n * n];
        for (row, from) in members.iter().enumerate() {
            for (column, to) in members.iter().enumerate() {
                part[row * n + column] = self.cells[*from as usize * self.n + *to as usize] / n as f64;
            }
        }
        let values = eigenvalues(part, n);
        Some((-values.iter().filter(|value| **value > 1e-12).map(|value| value * value.ln()).sum::<f64>()).exp())
    }
}

fn trigrams(text: &str, max_chars: usize) -> Vec<(u64, f64)> {
    let mut counts: HashMap<u64, f64> = HashMap::new();
    let (mut window, mut n_read) = (0u64, 0usize);
    for c in text.chars().take(max_chars).flat_map(char::to_lowercase) {
        window = (window << 21 | u64::from(u32::from(c))) & ((1 << 63) - 1);
        n_read += 1;
        if n_read >= 3 {
            *counts.entry(window).or_insert(0.0) += 1.0;
        }
    }
    let mut counts: Vec<(u64, f64)> = counts.into_iter().collect();
    counts.sort_unstable_by_key(|(gram, _)| *gram);
    counts
}

fn unit(mut vector: Vec<(u64, f64)>) -> Vec<(u64, f64)> {
    let norm = vector.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|(_, weight)| *weight /= norm);
    }
    vector
}

fn dot(left: &[(u64, f64)], right: &[(u64, f64)]) -> f64 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while i < left.len() && j < right.len() {
        match left[i].0.cmp(&right[j].0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                sum += left[i].1 * right[j].1;
                i += 1;
                j += 1;
            }
        }
    }
    sum
}

/// Eigenvalues of a symmetric matrix: Householder reduction to three diagonals, then implicit QL steps. About 4/3 n^3 operations.
pub fn eigenvalues(mut cells: Vec<f64>, n: usize) -> Vec<f64> {
    let (mut diagonal, mut beside) = (vec![0.0; n], vec![0.0; n]);
    for row in (1..n).rev() {
        beside[row] = reflect(&mut cells, n, row);
    }
    for (row, value) in diagonal.iter_mut().enumerate() {
        *value = cells[row * n + row];
    }
    beside.rotate_left(usize::from(n > 0));
    ql(&mut diagonal, &mut beside);
    diagonal
}

/// Zeroes the part of `row` left of its neighbour by a reflection of the leading block; returns what stands beside the diagonal.
fn reflect(cells: &mut [f64], n: usize, row: usize) -> f64 {
    let mut vector: Vec<f64> = cells[row * n..row * n + row].to_vec();
    let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    let rest = vector[..row - 1].iter().map(|x| x.abs()).sum::<f64>();
    if norm == 0.0 || rest == 0.0 {
        return vector[row - 1];
    }
    let beside = if vector[row - 1] > 0.0 { -norm } else { norm };
    vector[row - 1] -= beside;
    let scale = vector.iter().map(|x| x * x).sum::<f64>() / 2.0;
    let mut image: Vec<f64> = (0..row)
        .map(|i| cells[i * n..i * n + row].iter().zip(&vector).map(|(cell, x)| cell * x).sum::<f64>() / scale)
        .collect();
    let shift = image.iter().zip(&vector).map(|(y, x)| y * x).sum::<f64>() / (2.0 * scale);
    image.iter_mut().zip(&vector).for_each(|(y, x)| *y -= shift * x);
    for i in 0..row {
        for j in 0..row {
            cells[i * n + j] -= vector[i] * image[j] + image[i] * vector[j];
        }
    }
    beside
}

/// Implicit QL with Wilkinson's shift on a tridiagonal matrix; `beside[i]` couples i and i + 1.
fn ql(diagonal: &mut [f64], beside: &mut [f64]) {
    const MAX_STEPS: usize = 60;
    let n = diagonal.len();
    for low in 0..n {
        'steps: for _ in 0..MAX_STEPS {
            let is_small = |m: usize| beside[m].abs() <= f64::EPSILON * (diagonal[m].abs() + diagonal[m + 1].abs());
            let high = (low..n - 1).find(|m| is_small(*m)).unwrap_or(n - 1);
            if high == low {
                break;
            }
            let half = (diagonal[low + 1] - diagonal[low]) / (2.0 * beside[low]);
            let mut g = diagonal[high] - diagonal[low] + beside[low] / (half + half.hypot(1.0).copysign(half));
            let (mut sine, mut cosine, mut p) = (1.0, 1.0, 0.0);
            for i in (low..high).rev() {
                let (f, b) = (sine * beside[i], cosine * beside[i]);
                let r = f.hypot(g);
                beside[i + 1] = r;
                if r == 0.0 {
                    // The matrix falls apart here; the next step starts below.
                    diagonal[i + 1] -= p;
                    beside[high] = 0.0;
                    continue 'steps;
                }
                (sine, cosine) = (f / r, g / r);
                g = diagonal[i + 1] - p;
                let t = (diagonal[i] - g) * sine + 2.0 * cosine * b;
                p = sine * t;
                diagonal[i + 1] = g + p;
                g = cosine * t - b;
            }
            diagonal[low] -= p;
            beside[low] = g;
            beside[high] = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvalues_of_known_matrices() {
        // [[2, 1], [1, 2]] has 1 and 3; the path of n nodes has 2 cos(pi k / (n + 1)).
        let mut two = eigenvalues(vec![2.0, 1.0, 1.0, 2.0], 2);
        two.sort_by(f64::total_cmp);
        assert!((two[0] - 1.0).abs() < 1e-12 && (two[1] - 3.0).abs() < 1e-12);
        let n = 9usize;
        let path = (0..n * n).map(|at| f64::from(u8::from((at / n).abs_diff(at % n) == 1))).collect();
        let mut values = eigenvalues(path, n);
        values.sort_by(f64::total_cmp);
        for (k, value) in values.iter().rev().enumerate() {
            let expected = 2.0 * (std::f64::consts::PI * (k + 1) as f64 / (n + 1) as f64).cos();
            assert!((value - expected).abs() < 1e-10, "{k}: {value} {expected}");
        }
        // All ones: n once, 0 else.
        let mut ones = eigenvalues(vec![1.0; 25], 5);
        ones.sort_by(f64::total_cmp);
        assert!((ones[4] - 5.0).abs() < 1e-10 && ones[3].abs() < 1e-10);
        assert!(eigenvalues(Vec::new(), 0).is_empty());
    }

    #[test]
    fn vendi_counts_kinds() {
        // Two kinds of two equal texts each: the score is 2. All different (no shared trigram): n.
        let texts = ["abc abc", "abc abc", "xyz uvw", "xyz uvw"];
        let kinds = Similarities::of_trigrams(&texts, 100);
        assert!((kinds.vendi(&[0, 1, 2, 3]).unwrap() - 2.0).abs() < 1e-9);
        assert!((kinds.vendi(&[0, 2]).unwrap() - 2.0).abs() < 1e-9);
        assert!((kinds.vendi(&[0, 1]).unwrap() - 1.0).abs() < 1e-9);
        assert_eq!(kinds.vendi(&[]), None);
        // Dense 3 x 3 with cosine 1/2: eigenvalues of K / 3 are 2/3, 1/6, 1/6.
        let half = Similarities::from_rows(&[vec![1.0, 0.5, 0.5], vec![0.5, 1.0, 0.5], vec![0.5, 0.5, 1.0]]);
        let expected = (-(2.0 / 3.0 * (2.0f64 / 3.0).ln() + 2.0 / 6.0 * (1.0f64 / 6.0).ln())).exp();
        assert!((half.vendi(&[0, 1, 2]).unwrap() - expected).abs() < 1e-9);
    }

    #[test]
    fn random_matrices_keep_trace_and_squares() {
        let n = 40;
        let mut draws = super::super::super::draws::Draws::new(3, "matrix", 0);
        let mut cells = vec![0.0; n * n];
        for row in 0..n {
            for column in 0..=row {
                let x = draws.unit() - 0.5;
                cells[row * n + column] = x;
                cells[column * n + row] = x;
            }
        }
        let trace: f64 = (0..n).map(|i| cells[i * n + i]).sum();
        let squares: f64 = cells.iter().map(|x| x * x).sum();
        let values = eigenvalues(cells, n);
        assert!((values.iter().sum::<f64>() - trace).abs() < 1e-9);
        assert!((values.iter().map(|x| x * x).sum::<f64>() - squares).abs() < 1e-9);
    }
}
