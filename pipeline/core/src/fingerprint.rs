//! Fingerprints: the name under which a stage's output is kept.
//!
//! A fingerprint is a hash of everything the output is a function of. Same fingerprint, same bytes: a rerun skips what
//! is done, a changed threshold recomputes only what follows.

use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

/// Accumulates the parts of a fingerprint; each part is framed by its length, so that parts never run together.
#[derive(Default)]
pub struct Fingerprint(Xxh3);

impl Fingerprint {
    /// Starts a fingerprint for a kind of thing and the version of its code.
    pub fn new(kind: &str, version: u32) -> Self {
        Self(Xxh3::new()).with(kind).with(&version.to_string())
    }

    /// Adds a part.
    #[must_use]
    pub fn with(mut self, part: &str) -> Self {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part.as_bytes());
        self
    }

    /// Adds a JSON value; the order of keys matters, as it does for rules.
    #[must_use]
    pub fn with_json(self, value: &Value) -> Self {
        self.with(&value.to_string())
    }

    /// 16 hex digits.
    pub fn finish(&self) -> String {
        format!("{:016x}", self.0.digest())
    }
}
