//! What is measured of each data type.

pub(crate) mod closeness;
pub(crate) mod copies;
pub(crate) mod dialogues;
mod endings;
pub(crate) mod instructions;
pub(crate) mod labels;
pub(crate) mod pair;
pub(crate) mod preferences;
pub(crate) mod style;
pub(crate) mod tournament;
pub(crate) mod traces;
mod transfer;
pub(crate) mod variety;
