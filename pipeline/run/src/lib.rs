//! The roof of gristmill: config -> checked plan -> engine -> report.
//!
//! Everything below this crate is free of config files and command lines; everything here is free of operators.

pub mod audit;
pub mod commands;
pub mod config;
pub mod engine;
pub mod evaluation;
pub mod gather;
pub mod plan;
pub mod release;
pub mod report;
pub mod session;

use gristmill_core::registry::Registry;

/// Every operator and stage of the program, joined from the tables of all crates.
pub fn registry() -> Registry {
    Registry::join(&[
        gristmill_stages::TABLES,
        gristmill_generators::TABLES,
        gristmill_detectors::TABLES,
        audit::TABLES,
    ])
}

/// Why a command ends without its result; each kind has an exit code.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The config or the call is wrong (exit code 2).
    #[error("{0}")]
    Config(#[from] config::Diagnostics),
    /// The call is wrong (exit code 2).
    #[error("{0}")]
    Usage(String),
    /// The world is broken, or we are (exit code 1).
    #[error("{0}")]
    Failed(#[from] gristmill_core::error::Error),
    /// Interrupted by the user; the same command resumes (exit code 130).
    #[error("interrupted; run the same command again to resume")]
    Interrupted,
}

impl From<datafusion::error::DataFusionError> for RunError {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        Self::Failed(error.into())
    }
}
