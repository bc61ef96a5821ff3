//! Instructions that a model writes from a few seeds: Self-Instruct and Ensemble-Instruct, stage by stage.
//!
//! Both grow a pool of instructions, then make inputs and outputs for each; Ensemble-Instruct asks further workers for
//! outputs and keeps what they agree on. Every stage writes its table, so that each step can be looked at.

pub mod candidates;
mod collect_stage;
pub mod consensus;
mod consensus_stage;
mod encodings;
pub(crate) mod figures;
pub mod instances;
mod instances_stage;
mod instances_tally;
mod instructions_stage;
mod outputs_stage;
pub mod pool;
pub mod python_text;
pub(crate) mod seeds;
mod tasks_stage;
pub(crate) mod whole_tasks;

use gristmill_core::stage::StageEntry;

/// The stages, in the order of the recipe.
pub static STAGES: &[&StageEntry] = &[
    &instructions_stage::SELF_INSTRUCT,
    &instances_stage::CLASSIFICATION,
    &instances_stage::SELF_INSTRUCT,
    &collect_stage::ENTRY,
    &tasks_stage::ENTRY,
    &instructions_stage::ENSEMBLE_INSTRUCT,
    &instances_stage::ENSEMBLE_INSTRUCT,
    &outputs_stage::ENTRY,
    &consensus_stage::ENTRY,
];
