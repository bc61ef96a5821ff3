//! Why a model file cannot be read or written. The caller adds the path.

use thiserror::Error;

/// What is wrong with a model file.
#[derive(Debug, Error)]
pub enum ModelError {
    /// The file does not begin as a model file does.
    #[error("not a model file: it does not begin with GRISTMDL")]
    WrongMagic,
    /// A newer program wrote it.
    #[error("the model file has version {found}; this program knows versions up to {known}")]
    NewerVersion {
        /// Version of the file.
        found: u32,
        /// Newest version that is known.
        known: u32,
    },
    /// Bytes are missing at the end.
    #[error("the model file is cut short: {found} bytes of {expected}")]
    Truncated {
        /// Bytes that the file should have, as far as can be told.
        expected: u64,
        /// Bytes that it has.
        found: u64,
    },
    /// Bytes follow the end.
    #[error("the model file has {found} bytes, {} more than it says", found.saturating_sub(*expected))]
    TooLong {
        /// Bytes that the file should have.
        expected: u64,
        /// Bytes that it has.
        found: u64,
    },
    /// The digest does not fit the content.
    #[error("the model file is damaged: its SHA-256 does not fit its content")]
    Damaged,
    /// A length is beyond what any model has.
    #[error("the model file says that its {part} has {bytes} bytes; the limit is {limit}")]
    TooLarge {
        /// `header` or `payload`.
        part: &'static str,
        /// Its length.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The header is not the JSON that it should be.
    #[error("the header of the model file cannot be read: {0}")]
    Header(String),
    /// The header does not describe the payload, or a block is not usable.
    #[error("weight block {block:?}: {reason}")]
    Weights {
        /// Name of the block.
        block: String,
        /// What is wrong.
        reason: String,
    },
    /// The model was made for other features than the program computes.
    #[error("the model was made for other features: {0}")]
    Features(String),
    /// The file could not be written.
    #[error("the model file cannot be written")]
    Io(#[from] std::io::Error),
}

impl ModelError {
    pub(crate) fn weights(block: &str, reason: impl Into<String>) -> Self {
        Self::Weights { block: block.into(), reason: reason.into() }
    }
}
