//! What gives a text or a data set away: machine text, artifacts, calibration, evaluation.

pub mod artifact;
pub mod calibrate;
pub mod eval;
pub mod leak_probe;
pub mod machine;
pub mod model_file;

use gristmill_core::annotator::AnnotatorEntry;
use gristmill_core::registry::Tables;

/// Everything of this crate that measures a document.
pub static ANNOTATORS: &[AnnotatorEntry] = &[machine::annotator::ENTRY];

/// Everything this crate brings.
pub static TABLES: Tables =
    Tables { annotators: ANNOTATORS, transforms: &[], comparisons: &[], stages: Vec::new, functions: Vec::new };
