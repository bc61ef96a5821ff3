//! Tests of the whole program, in one binary: each binary links the engine once more, which takes a minute.

mod ask;
mod bad_configs;
mod browser;
mod dedup;
mod detection;
mod detection_default;
mod ensemble_instruct;
mod laws;
mod operators;
mod plans;
mod recipes;
mod routes;
mod tidy;
mod workers;
