//! Randomness without a generator: a hash of (run seed, stage, document id).
//!
//! The draw for a document is the same whatever thread, partition or order it is seen in.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The seed of a stage: the run's seed mixed with the stage's name.
pub fn stage_seed(run_seed: u64, stage: &str) -> u64 {
    xxh3_64_with_seed(stage.as_bytes(), run_seed)
}

/// A uniform 64-bit draw for one document.
pub fn draw(stage_seed: u64, document_id: &str) -> u64 {
    xxh3_64_with_seed(document_id.as_bytes(), stage_seed)
}

/// A uniform draw in `[0, 1)` with 53 bits.
///
/// # Example
/// ```
/// let u = gristmill_core::seed::unit(7, "doc");
/// assert!((0.0..1.0).contains(&u));
/// ```
pub fn unit(stage_seed: u64, document_id: &str) -> f64 {
    (draw(stage_seed, document_id) >> 11) as f64 / (1u64 << 53) as f64
}
