//! Model files: a detector's weights with what is needed to trust them, in one small file that cannot be read wrongly.
//!
//! A detector without its training data, its features and its calibration is a number machine of unknown meaning, so all
//! of it travels together, and [`card`] prints it for people. A file that is cut, damaged, newer than this code or made
//! for other features is an error that says which.
//!
//! Layout, all numbers little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 0-7 | `GRISTMDL` |
//! | 8-11 | version, u32; this is version 1 |
//! | 12-15 | length of the header in bytes, u32 |
//! | 16-23 | length of the payload in bytes, u64 |
//! | 24-55 | SHA-256 of bytes 0-23, the header and the payload |
//! | 56- | header: JSON, see [`Model`]; then the payload: weight blocks in the order of the header, without gaps |
//!
//! Why not safetensors: it has no digest and no place for a calibration table but string metadata, and the embedded
//! models have a handful of vectors. The digest guards against accident, not against malice: whoever can change the file
//! can change the digest. Reading is total on hostile bytes all the same, and allocates no more than the file's size
//! calls for. Like every leaf, this module reads no clock: the date is the caller's.

mod bytes;
mod card;
mod error;
mod model;
mod weights;

#[cfg(test)]
mod tests;

pub use bytes::{read, write};
pub use card::card;
pub use error::ModelError;
pub use model::{Block, FeatureSet, Figure, Model, TrainingSource};
pub use weights::Weights;
