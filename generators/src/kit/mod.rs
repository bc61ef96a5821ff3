//! What every recipe is made of: rows in and out, prompts, replies in order.
//!
//! A recipe is a chain: draw examples, render a prompt, ask one or many workers, parse the reply, let the result
//! through a gate. Every completion ends as rows or as a ledger row with the raw reply in its evidence.

pub mod ask;
pub mod drawn;
pub mod draws;
pub mod each;
pub mod params;
pub mod per_row;
pub mod prompt;
pub mod route;
pub mod rows;
#[cfg(test)]
pub(crate) mod scripted;

pub use ask::{Asker, Panel};
pub use drawn::{Drawn, DrawnRecipe};
pub use draws::Draws;
pub use each::Each;
pub use per_row::{Outcome, PerRow, RowRecipe, Tally};
pub use prompt::Template;
pub use rows::{Row, RowWriter, read_rows, text_of};
