//! From scores to what may be said: thresholds, verdicts, probabilities, the machine share of a corpus, and stacks.
//!
//! A score orders documents; it accuses nobody. Thresholds set on one body of human text fail on another (1 % nominal
//! became 3 to 22 % on older prose and on essays of non-native writers, in our measurements), so a verdict exists only
//! after [`table::CalibrationTable`] has seen human text of the user's own domain, and short text gets none at all.
//!
//! What this module does not do: it reads no text and drops no document. It needs scores of documents that the detector
//! was *not* trained on (out-of-fold or held out); scores of training documents make every number here too good.

pub mod bound;
pub mod isotonic;
pub mod platt;
pub mod prevalence;
pub mod probability;
pub mod stack;
pub mod table;
pub mod verdict;

pub use bound::{Bound, BoundParams};
pub use prevalence::{MachineShare, PrevalenceParams};
pub use probability::{ProbabilityMap, ProbabilityMethod};
pub use stack::{Stack, StackError, StackParams};
pub use table::{CalibrationParams, CalibrationRow, CalibrationTable, ReferenceScores};
pub use verdict::{Abstain, Calibration, Verdict};
