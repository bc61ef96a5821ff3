//! Audits: two sides of rows become a page that reads as findings.

mod page;
mod rows;
mod stage;
mod written;

use std::path::Path;

use gristmill_detectors::artifact::{Audit, Bands, Inputs, Params, Side, audit};
use gristmill_detectors::leak_probe::leak_probe;

use crate::RunError;
pub use page::page;
pub use rows::{DataKind, read_side, texts};
pub use stage::{AuditParams, TABLES};
pub(crate) use written::hold;
pub use written::{Written, finish, write};

/// Compares two sides; the reference (human) first.
///
/// # Errors
/// When the preset of limits cannot be read, or the sides are of different types.
pub fn compare_sides(reference: &Side, candidate: &Side, seed: u64, bands: Option<&Path>) -> Result<Audit, RunError> {
    let usage = |e: String| RunError::Usage(e);
    let bands = match bands {
        None => Bands::shipped().map_err(|e| usage(e.to_string()))?,
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|e| usage(format!("cannot read the limits {}: {e}", path.display())))?;
            Bands::parse(&text).map_err(|e| usage(format!("{}: {e}", path.display())))?
        }
    };
    let probe = leak_probe(&texts(reference), &texts(candidate));
    let inputs = Inputs { leak_probe: probe, ..Inputs::default() };
    let params = Params { seed, ..Params::default() };
    audit(reference, candidate, &inputs, &params, &bands).map_err(|e| usage(e.to_string()))
}
