//! Near-duplicates by MinHash and locality-sensitive hashing: text, shingles, signature, bands, verified edges.

pub mod bands;
pub mod normal;
pub mod params;
pub mod shingle;
pub mod signature;
pub mod verify;
