//! How well scores tell machine text from human text: measures, intervals, slices, checks and plots.
//!
//! Everything here takes scores, labels and group keys and never sees text, so that any detector, ours or another's,
//! can be measured in the same way. Higher scores mean machine throughout; a document counts as machine when its score
//! is *above* a threshold, never when equal to it, so that a threshold may be one of the human scores themselves.
//!
//! What this module does not do: it chooses no threshold for use (that is `calibrate`) and drops no row in silence. A
//! score that is not a number is an error, because a detector that failed must not become a measure.

pub mod bootstrap;
pub mod curve;
pub mod delong;
pub mod permutation;
pub mod plot;
pub mod probability;
pub mod report;
pub mod rng;
pub mod special;
pub mod splits;

#[cfg(test)]
pub(crate) mod published;

pub use bootstrap::{BootstrapParams, Interval};
pub use curve::{BadScores, Confusion, Curve, OperatingPoint, Ranked, RocPoint};
pub use report::{EvalParams, EvalReport, LengthBands, Scored, evaluate};
