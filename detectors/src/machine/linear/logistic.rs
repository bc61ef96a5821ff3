//! L2 logistic regression on sparse rows.

use serde::{Deserialize, Serialize};

use super::lbfgs::{LbfgsParams, minimise};
use super::{FitError, SparseRows, check_sides};

/// How a logistic regression is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogisticParams {
    /// Penalty on half the squared weights, above 0; 1 / C of scikit-learn. The bias is free.
    pub l2: f64,
    /// Whether both sides weigh the same in sum, whatever their numbers.
    pub balanced: bool,
    /// Most steps of the solver.
    pub max_steps: usize,
    /// Relative gradient at which the solver stops.
    pub tolerance: f64,
}

impl Default for LogisticParams {
    /// Penalty 1, balanced.
    fn default() -> Self {
        Self { l2: 1.0, balanced: true, max_steps: 300, tolerance: 1e-5 }
    }
}

/// A fitted regression: log-odds that a document is a machine's, for equal numbers of both if it was balanced.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logistic {
    /// Weight per column.
    pub weights: Vec<f64>,
    /// Log-odds of the empty row.
    pub bias: f64,
}

impl Logistic {
    /// Fits the rows; deterministic.
    ///
    /// # Errors
    /// If labels and rows differ in number, a side is empty, a feature is not finite, or the penalty is not above 0.
    pub fn fit(rows: &SparseRows, is_machine: &[bool], params: LogisticParams) -> Result<Self, FitError> {
        let start = Self { weights: vec![0.0; rows.n_columns()], bias: 0.0 };
        start.refit(rows, is_machine, params)
    }

    /// Fits the rows, starting from this model: fewer steps when only the penalty changes.
    ///
    /// # Errors
    /// As [`Logistic::fit`]; also if the columns are not those of this model.
    pub fn refit(mut self, rows: &SparseRows, is_machine: &[bool], params: LogisticParams) -> Result<Self, FitError> {
        let (n_human, n_machine) = check_sides(rows.n_rows(), is_machine)?;
        if let Some(row) = rows.first_not_finite() {
            return Err(FitError::NotFinite { row });
        }
        if !(params.l2.is_finite() && params.l2 > 0.0) {
            return Err(FitError::Params("expected a finite penalty l2 above 0"));
        }
        if self.weights.len() != rows.n_columns() {
            return Err(FitError::Params("expected a start with the columns of the rows"));
        }
        let half = rows.n_rows() as f64 / 2.0;
        let importance = match params.balanced {
            true => [half / n_human as f64, half / n_machine as f64],
            false => [1.0, 1.0],
        };
        let n_weights = self.weights.len();
        let mut point = std::mem::take(&mut self.weights);
        point.push(self.bias);
        let limits = LbfgsParams { max_steps: params.max_steps, tolerance: params.tolerance, ..LbfgsParams::default() };
        minimise(&mut point, limits, |at, gradient| loss(rows, is_machine, importance, params.l2, at, gradient));
        self.bias = point[n_weights];
        point.truncate(n_weights);
        self.weights = point;
        Ok(self)
    }

    /// Log-odds of a row.
    pub fn score(&self, rows: &SparseRows, row: usize) -> f64 {
        self.bias + rows.dot(row, &self.weights)
    }
}

/// Penalised negative log-likelihood and its gradient.
fn loss(
    rows: &SparseRows,
    is_machine: &[bool],
    importance: [f64; 2],
    l2: f64,
    at: &[f64],
    gradient: &mut [f64],
) -> f64 {
    let (weights, bias) = (&at[..at.len() - 1], at[at.len() - 1]);
    let mut value = 0.0;
    for (g, w) in gradient.iter_mut().zip(weights) {
        *g = l2 * w;
        value += 0.5 * l2 * w * w;
    }
    let mut bias_gradient = 0.0;
    for (row, &machine) in is_machine.iter().enumerate() {
        let sign = if machine { 1.0 } else { -1.0 };
        let margin = sign * (bias + rows.dot(row, weights));
        let weight = importance[usize::from(machine)];
        value += weight * softplus(-margin);
        let pull = -sign * weight / (1.0 + margin.exp());
        bias_gradient += pull;
        for (column, entry) in rows.row(row) {
            gradient[column] += pull * entry;
        }
    }
    gradient[weights.len()] = bias_gradient;
    value
}

/// ln(1 + e^x) without overflow.
pub(crate) fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(dense: &[&[f32]]) -> SparseRows {
        let mut rows = SparseRows::new(dense[0].len());
        for row in dense {
            rows.push(row.iter().enumerate().map(|(i, &v)| (i as u32, v)));
        }
        rows
    }

    #[test]
    fn weights_satisfy_the_normal_equations() {
        // At the optimum: l2 * w = sum of (label - p) * x, and sum of (label - p) = 0. Checked, not trusted.
        let data = rows(&[&[1.0, 0.5], &[2.0, -1.0], &[0.5, 0.1], &[-1.0, 0.3], &[0.2, 2.0], &[-0.4, -0.6]]);
        let labels = [true, true, false, false, true, false];
        let params = LogisticParams { l2: 0.7, balanced: false, tolerance: 1e-10, ..Default::default() };
        let model = Logistic::fit(&data, &labels, params).unwrap();
        let residual = |row: usize| f64::from(u8::from(labels[row])) - 1.0 / (1.0 + (-model.score(&data, row)).exp());
        let mut pull = [0.0; 2];
        for row in 0..labels.len() {
            data.row(row).for_each(|(column, value)| pull[column] += residual(row) * value);
        }
        assert!((0.7 * model.weights[0] - pull[0]).abs() < 1e-7 && (0.7 * model.weights[1] - pull[1]).abs() < 1e-7);
        assert!((0..labels.len()).map(residual).sum::<f64>().abs() < 1e-7);
    }

    #[test]
    fn balance_makes_the_bias_of_an_uninformative_set_zero() {
        let data = rows(&[&[0.0], &[0.0], &[0.0], &[0.0]]);
        let labels = [true, false, false, false];
        let fit =
            |balanced| Logistic::fit(&data, &labels, LogisticParams { balanced, ..Default::default() }).unwrap().bias;
        assert!(fit(true).abs() < 1e-6);
        // ln(1 / 3)
        assert!((fit(false) + 3.0_f64.ln()).abs() < 1e-4);
    }

    #[test]
    fn impossible_tasks_are_refused() {
        let data = rows(&[&[1.0], &[f32::NAN]]);
        let fit = |labels: &[bool], l2| Logistic::fit(&data, labels, LogisticParams { l2, ..Default::default() });
        assert_eq!(fit(&[true, true], 1.0), Err(FitError::OneSide { n_human: 0, n_machine: 2 }));
        assert_eq!(fit(&[true], 1.0), Err(FitError::Labels { expected: 2, found: 1 }));
        assert_eq!(fit(&[true, false], 1.0), Err(FitError::NotFinite { row: 1 }));
        let one = rows(&[&[1.0], &[2.0]]);
        let zero = LogisticParams { l2: 0.0, ..Default::default() };
        assert!(matches!(Logistic::fit(&one, &[true, false], zero), Err(FitError::Params(_))));
    }
}
