//! What can be done to documents without a model: ingest, extract, measure, filter, transform, dedup, release.

pub mod annotate;
pub mod dedup;
pub mod detect;
pub mod extract;
pub mod extract_stage;
pub mod filter;
pub mod ingest;
pub mod release;
pub mod sample;
pub mod sql;
pub mod transform;
pub mod verdict;

use gristmill_core::registry::Tables;
use gristmill_core::stage::StageEntry;

/// Everything this crate brings.
pub static TABLES: Tables = Tables {
    annotators: annotate::ANNOTATORS,
    comparisons: annotate::COMPARISONS,
    transforms: annotate::TRANSFORMS,
    stages: stage_entries,
    functions: || vec![verdict::function(), extract_stage::function(), sample::function()],
};

fn stage_entries() -> Vec<&'static StageEntry> {
    let rows = [&extract_stage::ENTRY, &filter::ENTRY, &detect::ENTRY, &transform::ENTRY];
    let own = rows.into_iter().chain([&sql::ENTRY, &sample::ENTRY, &release::ENTRY]);
    ingest::STAGES.iter().chain(own).chain(dedup::STAGES).collect()
}
