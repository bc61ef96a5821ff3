//! Duplicate detection: algorithms without I/O, and the stages that run them.

pub mod exact;
pub mod exact_key;
pub mod first_seen;
pub mod minhash;
mod near;
pub(crate) mod scan;
mod signatures;
pub mod survivor;
pub mod union_find;

use gristmill_core::stage::StageEntry;

/// The kinds of stage of this folder.
pub static STAGES: &[StageEntry] = &[exact::ENTRY, near::ENTRY];
