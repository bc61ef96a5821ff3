//! The measures themselves: pure functions from words, counts or labels to numbers, each with its source.

pub mod agreement;
pub mod answer_rules;
pub mod bleu;
pub mod char_lm;
pub mod compression;
pub mod contamination;
pub mod dates;
pub mod discrete;
pub mod duplicates;
pub mod effect;
pub mod lcs;
pub mod lexical;
pub mod linear;
pub mod log_odds;
pub mod mauve;
pub mod names;
pub mod ngrams;
pub mod persona;
pub mod pii;
pub mod spectrum;
pub mod surface;
pub mod zipf;
