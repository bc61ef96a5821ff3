//! Recipes: how a kind of document is made, each with its source, its prompts and its gates.

mod formal_languages;
mod grounded_qa;
mod karel;
mod list_recall;
mod stories;

use gristmill_core::stage::StageEntry;

/// The recipes, in the order of the reference.
pub static STAGES: &[&StageEntry] =
    &[&grounded_qa::ENTRY, &stories::ENTRY, &formal_languages::ENTRY, &karel::ENTRY, &list_recall::ENTRY];
