//! Recipes: how a kind of document is made, each with its source, its prompts and its gates.

mod anonymize_terms;
mod ask;
mod candidates;
mod class_prompts;
mod constrained_text;
mod cultural_instructions;
mod embed;
mod evidence_answers;
mod evol;
mod formal_languages;
mod grounded_qa;
mod interleave;
mod judging;
mod karel;
mod keyphrases;
mod list_recall;
mod magpie;
mod paraphrase_pairs;
mod self_guide;
mod sentences;
mod stories;
mod translate_exemplars;

use gristmill_core::stage::StageEntry;

/// The recipes, in the order of the reference.
pub static STAGES: &[&StageEntry] = &[
    &self_guide::ENTRY,
    &grounded_qa::ENTRY,
    &candidates::ENTRY,
    &stories::ENTRY,
    &paraphrase_pairs::ENTRY,
    &anonymize_terms::ENTRY,
    &translate_exemplars::ENTRY,
    &evidence_answers::ENTRY,
    &constrained_text::ENTRY,
    &ask::ENTRY,
    &embed::ENTRY,
    &class_prompts::ENTRY,
    &evol::ENTRY,
    &magpie::ENTRY,
    &cultural_instructions::ENTRY,
    &keyphrases::ENTRY,
    &formal_languages::ENTRY,
    &karel::ENTRY,
    &list_recall::ENTRY,
    &interleave::ENTRY,
];
