//! Linear models of two sides: what the n-gram head, the style head and their union are fitted with.
//!
//! Linear, because trees and kernels that win inside one domain lose their calibration in the next, and because a sum of
//! contributions can be told to a user. Everything is deterministic: no sampling, fixed order of sums.
//!
//! Source: L2 logistic regression by L-BFGS (Nocedal 1980; Nocedal and Wright 2006, algorithm 7.5); linear discriminant
//! with a shrunk covariance (Friedman 1989).

pub mod discriminant;
pub mod lbfgs;
pub mod logistic;
pub mod rows;

pub use discriminant::{Discriminant, DiscriminantParams};
pub use logistic::{Logistic, LogisticParams};
pub use rows::SparseRows;

use thiserror::Error;

/// Why a model cannot be fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FitError {
    /// Labels are not as many as documents.
    #[error("expected {expected} labels, found {found}")]
    Labels {
        /// Documents.
        expected: usize,
        /// Labels.
        found: usize,
    },
    /// All documents are human, or all machine, or there are none.
    #[error("human and machine documents are both needed, found {n_human} human and {n_machine} machine")]
    OneSide {
        /// Human documents.
        n_human: usize,
        /// Machine documents.
        n_machine: usize,
    },
    /// A feature is not a finite number.
    #[error("a feature of document {row} is not a finite number")]
    NotFinite {
        /// Document, from 0.
        row: usize,
    },
    /// A parameter is out of its range.
    #[error("{0}")]
    Params(&'static str),
}

/// Checks that there is a label for each row and a row on each side; returns the number of (human, machine) rows.
pub(crate) fn check_sides(n_rows: usize, is_machine: &[bool]) -> Result<(usize, usize), FitError> {
    if n_rows != is_machine.len() {
        return Err(FitError::Labels { expected: n_rows, found: is_machine.len() });
    }
    let n_machine = is_machine.iter().filter(|&&m| m).count();
    let n_human = n_rows - n_machine;
    if n_human == 0 || n_machine == 0 {
        return Err(FitError::OneSide { n_human, n_machine });
    }
    Ok((n_human, n_machine))
}
