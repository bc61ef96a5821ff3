//! How new documents come to be: self-instruct, ensemble-instruct and the recipes.

pub mod instruct;
pub mod kit;
pub mod recipes;

use gristmill_core::registry::Tables;
use gristmill_core::stage::StageEntry;

/// Everything this crate brings.
pub static TABLES: Tables =
    Tables { annotators: &[], comparisons: &[], transforms: &[], stages: stage_entries, functions: Vec::new };

fn stage_entries() -> Vec<&'static StageEntry> {
    instruct::STAGES.iter().chain(recipes::STAGES).copied().collect()
}
