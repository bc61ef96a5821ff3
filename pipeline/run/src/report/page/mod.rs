//! The two pages, section by section.

pub(crate) mod audit;
pub(crate) mod examples;
pub(crate) mod figures;
pub(crate) mod run;
