//! Language models as workers: requests, replies, failures, and the one trait that generators and detectors see.
//!
//! The only crate that opens a socket to a model. Nothing here reads a config file.

pub mod error;
pub mod journal;
pub mod loopback;
pub mod ngram;
pub mod openai;
pub mod pool;
pub mod probe;
pub mod request;
pub mod route;
pub mod structured;
pub mod worker;
pub mod workers;

pub use error::{Action, Failure, WorkerError};
pub use request::{
    Completion, CompletionRequest, EmbedRequest, Embedded, Finish, Identity, Message, Prompt, Role, Sampling,
    ScoreRequest, Scored, Shape, TokenScore,
};
pub use worker::{Capabilities, Worker};
pub use workers::{WorkerSettings, Workers};
