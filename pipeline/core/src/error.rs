//! The three kinds of failure, kept apart up to the command line.
//!
//! A bad document is not an error: it is a row with `dropped_by`. What remains: the config is wrong (exit code 2), the
//! world is broken (exit code 1, names the path or worker), or an assumption of ours is (a bug). They travel through
//! DataFusion as `External` errors and are taken out again by [`Error::from_datafusion`].

use std::path::{Path, PathBuf};

use datafusion::error::DataFusionError;

use crate::params::ParamError;

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder that could not be read or written.
    #[error("{doing} {}: {source}", path.display())]
    Path {
        /// What we were doing, as a gerund: "reading".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file whose content is not what its kind says.
    #[error("{doing} {}: {cause}", path.display())]
    Content {
        /// What we were doing, as a gerund.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A stage's parameters that only turn out wrong against real data.
    #[error("stage {stage}: {cause}")]
    Stage {
        /// The stage's name in the config.
        stage: String,
        /// What is wrong.
        cause: String,
    },
    /// A language model that cannot go on.
    #[error("worker {worker}: {cause}")]
    Worker {
        /// Its name in the config.
        worker: String,
        /// What happened, and what to do about it.
        cause: String,
    },
    /// A parameter that cannot be accepted.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// The engine refused or failed.
    #[error("{0}")]
    Engine(Box<DataFusionError>),
    /// An invariant of ours does not hold. Please report it.
    #[error("this is a bug in gristmill: {0}")]
    Bug(String),
}

/// A result with our error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Wraps an I/O error with the path and what was being done.
    pub fn path(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Path { doing, path, source }
    }

    /// Takes our own error out of a DataFusion error, if one travelled in it.
    pub fn from_datafusion(error: DataFusionError) -> Self {
        match error {
            DataFusionError::External(inner) => match inner.downcast::<Self>() {
                Ok(ours) => *ours,
                Err(other) => Self::Engine(Box::new(DataFusionError::External(other))),
            },
            DataFusionError::Context(_, inner) => Self::from_datafusion(*inner),
            DataFusionError::Shared(inner) => Self::Engine(Box::new(DataFusionError::Shared(inner))),
            other => Self::Engine(Box::new(other)),
        }
    }
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        Self::from_datafusion(error)
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Engine(Box::new(error.into()))
    }
}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        match error {
            Error::Engine(inner) => *inner,
            other => Self::External(Box::new(other)),
        }
    }
}
