//! What the server has seen: how a test knows that nothing was asked, or paid for, twice.

use std::collections::BTreeMap;

use serde::Serialize;
use xxhash_rust::xxh3::Xxh3;

/// A snapshot of the counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Connections accepted.
    pub connections: u64,
    /// Requests read to their end.
    pub requests: u64,
    /// Requests by method and path; those to unknown routes are under `other`.
    pub by_route: BTreeMap<String, u64>,
    /// Answers sent by status, whole or not; resets are not among them.
    pub by_status: BTreeMap<u16, u64>,
    /// Good answers sent to their end: what a metered server would have charged for.
    pub answered: u64,
    /// The same by request, under [`Counters::key`]; only with [`super::ServerSettings::remember_requests`].
    pub answers: BTreeMap<u128, u64>,
    /// Faults played by [`super::Fault::name`].
    pub faults: BTreeMap<String, u64>,
    /// Requests whose client closed the connection before the answer was sent.
    pub abandoned: u64,
    /// Most requests that were in the server at once.
    pub peak_in_flight: u64,
}

impl Counters {
    /// The key of a request in [`Counters::answers`]: a hash of route (`/v1/completions`) and body.
    pub fn key(route: &str, body: &[u8]) -> u128 {
        let mut hash = Xxh3::new();
        hash.update(route.as_bytes());
        hash.update(&[0]);
        hash.update(body);
        hash.digest128()
    }

    /// Number of different requests that got a good answer.
    pub fn n_distinct_answered(&self) -> u64 {
        self.answers.len() as u64
    }

    /// Number of good answers beyond the first to the same request: what was paid for twice.
    pub fn n_repeated(&self) -> u64 {
        self.answers.values().map(|n| n.saturating_sub(1)).sum()
    }
}

/// The counts with what is kept to make them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) counters: Counters,
    pub(super) in_flight: u64,
    /// Model requests so far: their order of arrival.
    pub(super) n_arrived: u64,
    /// Attempts by request.
    pub(super) attempts: std::collections::HashMap<u128, u64>,
    /// Draws by request that set no seed.
    pub(super) draws: std::collections::HashMap<u128, u32>,
}
