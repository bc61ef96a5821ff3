//! The vocabulary of gristmill: documents, annotators, stages, the registry, the ledger, fingerprints, errors.
//!
//! Everything here is free of sockets, config files and command lines. Operators *measure*, rules *decide*, the ledger
//! *remembers*; this crate holds the nouns those three sentences need and the one adapter that turns an annotator into
//! a SQL function.

pub mod annotator;
pub mod error;
pub mod fingerprint;
pub mod ledger;
pub mod measures;
pub mod params;
pub mod registry;
pub mod schema;
pub mod seed;
pub mod source;
pub mod stage;
pub mod text;
pub mod udf;
