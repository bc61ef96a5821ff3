//! A logistic stack: several scores of one document made into one, with the share of each kept.
//!
//! No single score wins everywhere: curvature finds base models, style finds chat models, and in our measurements their
//! stack won or tied on all 24 files. The stack is linear in standardised inputs, so that a verdict can be explained as a
//! sum of contributions.
//!
//! Figures of a stack must come from rows that it was not fitted on: [`out_of_fold`] fits once per fold and scores the
//! rows left out, with all rows of a human document in one fold. Inputs that were themselves trained must be out-of-fold
//! too, on the same groups.
//!
//! Source: stacked generalisation (Wolpert 1992) with an L2 logistic regression; `l2` is 1 / C of scikit-learn.

pub(crate) mod irls;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use self::irls::Problem;
use crate::eval::splits::even_folds;

/// Most inputs of a stack; a step of the solver holds the square of it.
pub const MAX_INPUTS: usize = 2048;

/// How a stack is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StackParams {
    /// Penalty on the squared weights of standardised inputs, not negative.
    pub l2: f64,
    /// Whether both sides weigh the same in sum, whatever their numbers.
    pub balanced: bool,
    /// Most Newton steps.
    pub max_iterations: u32,
    /// Gradient per document at which the solver stops.
    pub tolerance: f64,
    /// Folds of the out-of-fold scores.
    pub n_folds: usize,
    /// Seed of the folds.
    pub seed: u64,
}

impl Default for StackParams {
    /// Penalty 1, balanced, 5 folds.
    fn default() -> Self {
        Self { l2: 1.0, balanced: true, max_iterations: 100, tolerance: 1e-9, n_folds: 5, seed: 0 }
    }
}

/// Why a stack cannot be fitted or used.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum StackError {
    /// The number of inputs is not that of the names, or is beyond the limit.
    #[error("expected {expected} inputs per document, found {found}")]
    Inputs {
        /// Inputs by name, or the limit.
        expected: usize,
        /// Inputs found; of the last, shorter document if they do not divide evenly.
        found: usize,
    },
    /// Labels or groups are not as many as documents.
    #[error("expected {expected} labels and groups, found {found}")]
    Rows {
        /// Documents.
        expected: usize,
        /// Labels or groups.
        found: usize,
    },
    /// An input is not finite: the score behind it failed.
    #[error("input {column} of row {row} is not a finite number")]
    NotFinite {
        /// Row, from 0.
        row: usize,
        /// Input, from 0.
        column: usize,
    },
    /// All documents of a fit are human, or all machine.
    #[error("human and machine documents are both needed{}", fold.map(|f| format!(", also outside fold {f}")).unwrap_or_default())]
    OneSide {
        /// The fold whose complement has one side only.
        fold: Option<usize>,
    },
    /// A parameter is out of range.
    #[error("expected a penalty of at least 0, a tolerance above 0 and at least 2 folds")]
    Params,
    /// The solver did not arrive; without a penalty this happens on inputs that part the sides perfectly.
    #[error("the solver did not converge; raise l2 or max_iterations")]
    NotConverged,
}

/// Inputs of documents, row by row.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    values: &'a [f64],
    n_columns: usize,
}

impl<'a> Inputs<'a> {
    /// Takes `values` as rows of `n_columns`.
    ///
    /// # Errors
    /// If they do not divide evenly, there are no or too many columns, or a value is not finite.
    pub fn new(values: &'a [f64], n_columns: usize) -> Result<Self, StackError> {
        if n_columns == 0 || n_columns > MAX_INPUTS {
            return Err(StackError::Inputs { expected: MAX_INPUTS, found: n_columns });
        }
        if !values.len().is_multiple_of(n_columns) {
            return Err(StackError::Inputs { expected: n_columns, found: values.len() % n_columns });
        }
        match values.iter().position(|v| !v.is_finite()) {
            Some(i) => Err(StackError::NotFinite { row: i / n_columns, column: i % n_columns }),
            None => Ok(Self { values, n_columns }),
        }
    }

    /// Documents.
    pub fn n_rows(&self) -> usize {
        self.values.len() / self.n_columns
    }

    fn row(&self, row: usize) -> &'a [f64] {
        &self.values[row * self.n_columns..(row + 1) * self.n_columns]
    }
}

/// A fitted stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    inputs: Vec<StackInput>,
    bias: f64,
}

/// One input of a stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackInput {
    /// Name of the score.
    pub name: String,
    /// Its mean over the fitted documents.
    pub mean: f64,
    /// Its standard deviation; 0 for a constant input, which then contributes nothing.
    pub sd: f64,
    /// Change of the log odds per standard deviation.
    pub weight: f64,
}

impl StackInput {
    fn contribution(&self, value: f64) -> f64 {
        if self.sd > 0.0 { self.weight * (value - self.mean) / self.sd } else { 0.0 }
    }
}

impl Stack {
    /// Fits all rows.
    ///
    /// # Errors
    /// See [`StackError`].
    pub fn fit(names: &[&str], inputs: Inputs<'_>, machine: &[bool], params: &StackParams) -> Result<Self, StackError> {
        if names.len() != inputs.n_columns {
            return Err(StackError::Inputs { expected: names.len(), found: inputs.n_columns });
        }
        if machine.len() != inputs.n_rows() {
            return Err(StackError::Rows { expected: inputs.n_rows(), found: machine.len() });
        }
        fit_rows(names, inputs, machine, &(0..machine.len()).collect::<Vec<_>>(), params)
    }

    /// The inputs, in the order in which values are expected.
    pub fn inputs(&self) -> &[StackInput] {
        &self.inputs
    }

    /// The log odds of machine for a document, at equal numbers of both sides if the fit was balanced.
    ///
    /// # Errors
    /// If the number of values is wrong or one is not finite; the row named is 0.
    pub fn logit(&self, values: &[f64]) -> Result<f64, StackError> {
        Ok(self.bias + self.contributions(values)?.sum::<f64>())
    }

    /// What each input adds to the log odds, in the order of [`Self::inputs`]; positive speaks for machine.
    ///
    /// # Errors
    /// As [`Self::logit`].
    pub fn contributions(&self, values: &[f64]) -> Result<impl Iterator<Item = f64>, StackError> {
        if values.len() != self.inputs.len() {
            return Err(StackError::Inputs { expected: self.inputs.len(), found: values.len() });
        }
        if let Some(column) = values.iter().position(|v| !v.is_finite()) {
            return Err(StackError::NotFinite { row: 0, column });
        }
        Ok(self.inputs.iter().zip(values).map(|(input, &value)| input.contribution(value)))
    }
}

/// Scores of rows by stacks that did not see them.
#[derive(Debug, Clone, PartialEq)]
pub struct OutOfFold {
    /// Log odds of machine by row.
    pub logits: Vec<f64>,
    /// Fold by row.
    pub folds: Vec<usize>,
    /// The stack that scored each fold.
    pub stacks: Vec<Stack>,
}

/// Fits one stack per fold on the rows outside it and scores those inside; rows of a group share a fold.
///
/// # Errors
/// See [`StackError`]; also if the rows outside a fold have one side only.
pub fn out_of_fold(
    names: &[&str],
    inputs: Inputs<'_>,
    machine: &[bool],
    groups: &[u64],
    params: &StackParams,
) -> Result<OutOfFold, StackError> {
    let n_rows = inputs.n_rows();
    for found in [machine.len(), groups.len()] {
        if found != n_rows {
            return Err(StackError::Rows { expected: n_rows, found });
        }
    }
    if names.len() != inputs.n_columns {
        return Err(StackError::Inputs { expected: names.len(), found: inputs.n_columns });
    }
    if params.n_folds < 2 {
        return Err(StackError::Params);
    }
    let folds = even_folds(groups, params.n_folds, params.seed);
    let n_folds = folds.iter().max().map_or(0, |last| last + 1);
    let mut logits = vec![0.0; n_rows];
    let mut stacks = Vec::with_capacity(n_folds);
    for fold in 0..n_folds {
        let outside: Vec<usize> = (0..n_rows).filter(|&row| folds[row] != fold).collect();
        let stack = fit_rows(names, inputs, machine, &outside, params).map_err(|error| match error {
            StackError::OneSide { .. } => StackError::OneSide { fold: Some(fold) },
            other => other,
        })?;
        for row in (0..n_rows).filter(|&row| folds[row] == fold) {
            logits[row] = stack.logit(inputs.row(row))?;
        }
        stacks.push(stack);
    }
    Ok(OutOfFold { logits, folds, stacks })
}

fn fit_rows(
    names: &[&str],
    inputs: Inputs<'_>,
    machine: &[bool],
    rows: &[usize],
    params: &StackParams,
) -> Result<Stack, StackError> {
    if !(params.l2 >= 0.0 && params.l2.is_finite() && params.tolerance > 0.0) {
        return Err(StackError::Params);
    }
    let n_machine = rows.iter().filter(|&&row| machine[row]).count();
    let n_human = rows.len() - n_machine;
    if n_machine == 0 || n_human == 0 {
        return Err(StackError::OneSide { fold: None });
    }
    let mut columns = standards(names, inputs, rows);
    let standardised: Vec<f64> = rows
        .iter()
        .flat_map(|&row| inputs.row(row).iter().zip(&columns))
        .map(|(value, column)| if column.sd > 0.0 { (value - column.mean) / column.sd } else { 0.0 })
        .collect();
    let half = 0.5 * rows.len() as f64;
    let weight = |label: bool| match (params.balanced, label) {
        (false, _) => 1.0,
        (true, true) => half / n_machine as f64,
        (true, false) => half / n_human as f64,
    };
    let labels = || rows.iter().map(|&row| machine[row]);
    let targets: Vec<f64> = labels().map(|label| f64::from(u8::from(label))).collect();
    let weights: Vec<f64> = labels().map(weight).collect();
    let problem = Problem {
        inputs: &standardised,
        n_columns: columns.len(),
        targets: &targets,
        weights: &weights,
        l2: params.l2,
    };
    let solution = problem.solve(params.max_iterations, params.tolerance).ok_or(StackError::NotConverged)?;
    columns.iter_mut().zip(solution.weights).for_each(|(column, weight)| column.weight = weight);
    Ok(Stack { inputs: columns, bias: solution.bias })
}

/// Mean and standard deviation (of the sample itself, over n) of each input; weights are still 0.
fn standards(names: &[&str], inputs: Inputs<'_>, rows: &[usize]) -> Vec<StackInput> {
    let n = rows.len().max(1) as f64;
    let standard = |(column, name): (usize, &&str)| {
        let values = || rows.iter().map(|&row| inputs.row(row)[column]);
        let mean = values().map(|v| v / n).sum::<f64>();
        let variance = values().map(|v| (v - mean).powi(2) / n).sum::<f64>();
        // Rounding leaves a constant column a deviation of some 1e-16 of its size.
        let sd = variance.sqrt();
        let sd = if sd.is_finite() && sd > 1e-12 * mean.abs() { sd } else { 0.0 };
        StackInput { name: (*name).into(), mean, sd, weight: 0.0 }
    };
    names.iter().enumerate().map(standard).collect()
}

#[cfg(test)]
mod tests;
