//! The counts behind the compressor: contexts, and bytes that followed them.

use hashbrown::HashMap;

type Map<K> = HashMap<K, u32>;

/// What is known of a context and a byte.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// Times the byte followed.
    pub of_byte: u32,
    /// Times the context occurred.
    pub n: u32,
    /// Different bytes that followed.
    pub kinds: u32,
}

/// Counts of contexts and their successors.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables {
    /// Times each context occurred.
    contexts: Map<u64>,
    /// Different bytes that followed it.
    kinds: Map<u64>,
    /// Times each byte followed it.
    followed: Map<(u64, u8)>,
}

fn key(order: usize, hash: u64) -> u64 {
    hash.rotate_left(7) ^ order as u64
}

impl Tables {
    pub(super) fn get(&self, order: usize, hash: u64, byte: u8) -> Seen {
        let key = key(order, hash);
        match self.contexts.get(&key) {
            None => Seen::default(),
            Some(&n) => Seen {
                n,
                kinds: self.kinds.get(&key).copied().unwrap_or(0),
                of_byte: self.followed.get(&(key, byte)).copied().unwrap_or(0),
            },
        }
    }

    pub(super) fn add(&mut self, order: usize, hash: u64, byte: u8) {
        let key = key(order, hash);
        *self.contexts.entry(key).or_default() += 1;
        let followed = self.followed.entry((key, byte)).or_default();
        *followed += 1;
        if *followed == 1 {
            *self.kinds.entry(key).or_default() += 1;
        }
    }

    pub(super) fn clear(&mut self) {
        self.contexts.clear();
        self.kinds.clear();
        self.followed.clear();
    }
}
