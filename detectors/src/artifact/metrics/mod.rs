//! The rows of the metric table, by subject.

pub(crate) mod dialogues;
pub(crate) mod instructions;
pub(crate) mod labels;
pub(crate) mod preferences;
pub(crate) mod traces;
pub(crate) mod variety;
pub(crate) mod wholes;

use super::metric::Metric;

/// All tables.
pub(crate) const TABLES: &[&[Metric]] =
    &[wholes::ALL, variety::ALL, traces::ALL, instructions::ALL, labels::ALL, preferences::ALL, dialogues::ALL];
