//! Instructions that a model writes from a few seeds: Self-Instruct and Ensemble-Instruct, stage by stage.
//!
//! Both grow a pool of instructions, then make inputs and outputs for each; Ensemble-Instruct asks further workers for
//! outputs and keeps what they agree on. Every stage writes its table, so that each step can be looked at.

pub mod candidates;
pub mod consensus;
mod consensus_stage;
mod figures;
pub mod instances;
mod instances_stage;
mod instructions_stage;
mod outputs_stage;
pub mod pool;
pub mod python_text;
mod seeds;

use gristmill_core::stage::StageEntry;

/// The stages, in the order of the recipe.
pub static STAGES: &[&StageEntry] = &[
    &instructions_stage::SELF_INSTRUCT,
    &instances_stage::CLASSIFICATION,
    &instances_stage::SELF_INSTRUCT,
    &instructions_stage::ENSEMBLE_INSTRUCT,
    &instances_stage::ENSEMBLE_INSTRUCT,
    &outputs_stage::ENTRY,
    &consensus_stage::ENTRY,
];
