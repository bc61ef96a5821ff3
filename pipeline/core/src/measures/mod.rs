//! Measures of texts and pairs of texts that generation and audits share.

pub mod answers;
pub mod bleu;
pub mod chrf;
pub mod constraints;
pub(crate) mod interner;
pub mod lcs;
pub mod novelty;
pub mod porter;
pub mod rouge;
#[cfg(test)]
mod testing;
pub mod tokens;
pub mod verb_noun;
pub mod words;
