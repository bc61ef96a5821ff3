//! Linear discriminant with a covariance shrunk towards its diagonal: the style head for few documents.
//!
//! With 300 features and 150 documents a covariance cannot be estimated, a mixture of it with its own diagonal can. The
//! measured baseline of the style features was a discriminant of this kind.
//!
//! Source: Friedman 1989 (regularised discriminant analysis), within-class covariance S, (1 - s) S + s diag(S). Scores
//! are log-odds under two normal distributions with this covariance and equal priors.

use serde::{Deserialize, Serialize};

use super::{FitError, check_sides};

/// How a discriminant is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscriminantParams {
    /// Share of the diagonal in the covariance, in (0, 1].
    pub shrinkage: f64,
    /// Least variance of a feature, above 0; features are z-scores.
    pub variance_floor: f64,
}

impl Default for DiscriminantParams {
    /// Mostly diagonal: on the public pairs of Fast-DetectGPT, in domain, 0.7 beat 0.5 on chat models (AUROC .9928
    /// against .9919) and on base models (.814 against .801).
    fn default() -> Self {
        Self { shrinkage: 0.7, variance_floor: 0.01 }
    }
}

/// A fitted discriminant.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discriminant {
    /// Weight per feature.
    pub weights: Vec<f64>,
    /// Score of a document with all features 0.
    pub bias: f64,
}

impl Discriminant {
    /// Fits dense rows of equal length.
    ///
    /// # Errors
    /// If labels and rows differ in number, a side is empty, a feature is not finite, rows differ in length, or a
    /// parameter is out of range.
    pub fn fit(rows: &[Vec<f32>], is_machine: &[bool], params: DiscriminantParams) -> Result<Self, FitError> {
        let (n_human, n_machine) = check_sides(rows.len(), is_machine)?;
        let in_range = params.shrinkage > 0.0 && params.shrinkage <= 1.0 && params.variance_floor > 0.0;
        if !in_range {
            return Err(FitError::Params("expected a shrinkage in (0, 1] and a variance floor above 0"));
        }
        let dim = rows[0].len();
        if rows.iter().any(|row| row.len() != dim) {
            return Err(FitError::Params("expected rows of equal length"));
        }
        if let Some(row) = rows.iter().position(|row| row.iter().any(|v| !v.is_finite())) {
            return Err(FitError::NotFinite { row });
        }
        let mut means = [vec![0.0; dim], vec![0.0; dim]];
        for (row, &machine) in rows.iter().zip(is_machine) {
            let n = if machine { n_machine } else { n_human } as f64;
            means[usize::from(machine)].iter_mut().zip(row).for_each(|(m, &v)| *m += f64::from(v) / n);
        }
        let covariance = shrunk_covariance(rows, is_machine, &means, params);
        let difference: Vec<f64> = means[1].iter().zip(&means[0]).map(|(m, h)| m - h).collect();
        let Some(weights) = solve_positive(covariance, difference) else {
            return Err(FitError::Params("the covariance is not positive definite; raise shrinkage"));
        };
        let bias = -weights.iter().zip(&means[0]).zip(&means[1]).map(|((w, h), m)| w * (h + m) / 2.0).sum::<f64>();
        Ok(Self { weights, bias })
    }

    /// Log-odds of a row under equal priors; missing features count as 0.
    pub fn score(&self, row: &[f32]) -> f64 {
        self.bias + self.weights.iter().zip(row).map(|(w, &v)| w * f64::from(v)).sum::<f64>()
    }
}

/// Within-class covariance, row-major, shrunk.
fn shrunk_covariance(
    rows: &[Vec<f32>],
    is_machine: &[bool],
    means: &[Vec<f64>; 2],
    params: DiscriminantParams,
) -> Vec<f64> {
    let dim = means[0].len();
    let mut covariance = vec![0.0; dim * dim];
    let mut centred = vec![0.0; dim];
    for (row, &machine) in rows.iter().zip(is_machine) {
        let mean = &means[usize::from(machine)];
        for ((c, &v), m) in centred.iter_mut().zip(row).zip(mean) {
            *c = f64::from(v) - m;
        }
        for (i, line) in covariance.chunks_exact_mut(dim).enumerate() {
            let scale = centred[i];
            line[..=i].iter_mut().zip(&centred).for_each(|(entry, c)| *entry += scale * c);
        }
    }
    let n_free = rows.len().saturating_sub(2).max(1) as f64;
    for i in 0..dim {
        for j in 0..i {
            let shrunk = covariance[i * dim + j] / n_free * (1.0 - params.shrinkage);
            covariance[i * dim + j] = shrunk;
            covariance[j * dim + i] = shrunk;
        }
        covariance[i * dim + i] = (covariance[i * dim + i] / n_free).max(params.variance_floor);
    }
    covariance
}

/// Solves A x = b for a positive definite A by Cholesky; none if A is not.
fn solve_positive(mut a: Vec<f64>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    for i in 0..n {
        for j in 0..=i {
            let (head, tail) = a.split_at(i * n);
            let products = match j < i {
                true => tail[..j].iter().zip(&head[j * n..j * n + j]).map(|(x, y)| x * y).sum::<f64>(),
                false => tail[..j].iter().map(|x| x * x).sum(),
            };
            let rest = a[i * n + j] - products;
            if i != j {
                a[i * n + j] = rest / a[j * n + j];
            } else if rest > 0.0 {
                a[i * n + i] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    for i in 0..n {
        let known: f64 = (0..i).map(|j| a[i * n + j] * b[j]).sum();
        b[i] = (b[i] - known) / a[i * n + i];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| a[j * n + i] * b[j]).sum();
        b[i] = (b[i] - known) / a[i * n + i];
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_a_known_system() {
        // [[4, 2], [2, 3]] x = [2, 5] has x = [-0.5, 2].
        let x = solve_positive(vec![4.0, 2.0, 2.0, 3.0], vec![2.0, 5.0]).unwrap();
        assert!((x[0] + 0.5).abs() < 1e-12 && (x[1] - 2.0).abs() < 1e-12);
        assert_eq!(solve_positive(vec![1.0, 2.0, 2.0, 1.0], vec![1.0, 1.0]), None);
    }

    #[test]
    fn one_feature_is_scored_by_hand() {
        // Human 0, 2 (mean 1), machine 4, 6 (mean 5), pooled variance (1+1+1+1)/2 = 2: w = 4/2 = 2, bias = -2 * 3.
        let rows = [vec![0.0], vec![2.0], vec![4.0], vec![6.0]];
        let model = Discriminant::fit(&rows, &[false, false, true, true], DiscriminantParams::default()).unwrap();
        assert!((model.weights[0] - 2.0).abs() < 1e-12 && (model.bias + 6.0).abs() < 1e-12);
        assert!((model.score(&[3.0])).abs() < 1e-12 && (model.score(&[5.0]) - 4.0).abs() < 1e-12);
    }

    #[test]
    fn shrinkage_to_the_diagonal_ignores_correlation() {
        // Same marginal distributions, correlated or not: with shrinkage 1 the weights are equal.
        let labels = [false, false, false, true, true, true];
        let one = [vec![-1.0, -1.0], vec![0.0, 0.0], vec![1.0, 1.0], vec![1.0, 1.0], vec![2.0, 2.0], vec![3.0, 3.0]];
        let two = [vec![-1.0, 1.0], vec![0.0, -1.0], vec![1.0, 0.0], vec![1.0, 3.0], vec![2.0, 1.0], vec![3.0, 2.0]];
        let params = DiscriminantParams { shrinkage: 1.0, ..Default::default() };
        let fit = |rows| Discriminant::fit(rows, &labels, params).unwrap();
        assert!(fit(&one).weights.iter().zip(&fit(&two).weights).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}
