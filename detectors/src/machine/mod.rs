//! Machine text: pure functions from texts to scores, and models learned from two sides.

pub mod annotator;
pub mod compress;
pub mod detector;
pub mod detector_file;
pub mod embedded;
pub mod fewshot;
pub mod linear;
pub mod ngram;
pub mod normalise;
pub mod pool;
pub mod scores;
pub mod sentences;
pub mod style;
pub mod zero_shot;
