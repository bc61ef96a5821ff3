//! First-seen table: for each 128-bit key the document that brought it first.
//!
//! Open addressing over two flat arrays, 20 bytes per place, at most four fifths full: 25 bytes per distinct key when made
//! for the right number, up to 38 after growth by half, and both tables at once while it grows. A hash map of the standard
//! library takes 38 to 75 for the same and is seeded at random. Answers depend on the order of insertion alone.

/// Maps 128-bit keys to the first document that had them. Keys must be well mixed (hashes).
#[derive(Debug)]
pub struct FirstSeen {
    keys: Vec<u128>,
    /// `NONE` marks a free place.
    docs: Vec<u32>,
    n: usize,
}

const NONE: u32 = u32::MAX;

/// Places of the smallest table.
const MIN_PLACES: usize = 16;

impl FirstSeen {
    /// A table for `n_keys` distinct keys without growth.
    pub fn with_capacity(n_keys: usize) -> Self {
        Self::with_places(n_keys + n_keys / 4 + 1)
    }

    /// Bytes that [`with_capacity`](Self::with_capacity) takes.
    pub fn bytes_for(n_keys: usize) -> usize {
        (n_keys + n_keys / 4 + 1).max(MIN_PLACES) * (size_of::<u128>() + size_of::<u32>())
    }

    fn with_places(places: usize) -> Self {
        let places = places.max(MIN_PLACES);
        Self { keys: vec![0; places], docs: vec![NONE; places], n: 0 }
    }

    /// Distinct keys.
    pub fn n_keys(&self) -> usize {
        self.n
    }

    /// The document that brought `key`, if any.
    pub fn get(&self, key: u128) -> Option<u32> {
        let at = self.place(key);
        (self.docs[at] != NONE).then(|| self.docs[at])
    }

    /// Returns the document that brought `key` before; if none did, `doc` is remembered as the one that does.
    ///
    /// `doc` must be less than `u32::MAX`, which marks free places; that one is not remembered.
    pub fn insert(&mut self, key: u128, doc: u32) -> Option<u32> {
        let at = self.place(key);
        if self.docs[at] != NONE {
            return Some(self.docs[at]);
        }
        if doc != NONE {
            (self.keys[at], self.docs[at]) = (key, doc);
            self.n += 1;
            if self.n * 5 > self.keys.len() * 4 {
                self.grow();
            }
        }
        None
    }

    /// Where `key` is, or the free place where it would be. Ends, as a fifth of the places is free.
    fn place(&self, key: u128) -> usize {
        let places = self.keys.len();
        // Both halves, scaled to the number of places: no power of two is needed.
        let mixed = (key >> 64) as u64 ^ key as u64;
        let mut at = ((u128::from(mixed) * places as u128) >> 64) as usize;
        while self.docs[at] != NONE && self.keys[at] != key {
            at = if at + 1 == places { 0 } else { at + 1 };
        }
        at
    }

    fn grow(&mut self) {
        let places = self.keys.len() + self.keys.len() / 2;
        let old = std::mem::replace(self, Self::with_places(places));
        self.n = old.n;
        for (key, doc) in old.keys.into_iter().zip(old.docs).filter(|(_, doc)| *doc != NONE) {
            let at = self.place(key);
            (self.keys[at], self.docs[at]) = (key, doc);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use xxhash_rust::xxh3::xxh3_128;

    use super::*;

    #[test]
    fn remembers_the_first_document_of_each_key() {
        // Oracle: the standard library's map.
        for capacity in [0, 1, 30_000] {
            let mut table = FirstSeen::with_capacity(capacity);
            let mut oracle = HashMap::new();
            for doc in 0..50_000u32 {
                let key = xxh3_128(&(doc.wrapping_mul(2_654_435_761) % 30_000).to_le_bytes());
                let before = oracle.get(&key).copied();
                oracle.entry(key).or_insert(doc);
                assert_eq!(table.insert(key, doc), before);
            }
            assert_eq!(table.n_keys(), oracle.len());
            assert!(oracle.iter().all(|(key, doc)| table.get(*key) == Some(*doc)));
            assert_eq!(table.get(7), None);
        }
    }

    #[test]
    fn the_right_capacity_never_grows() {
        let mut table = FirstSeen::with_capacity(10_000);
        let places = table.keys.len();
        for doc in 0..10_000u32 {
            table.insert(xxh3_128(&doc.to_le_bytes()), doc);
        }
        assert_eq!(table.keys.len(), places);
        assert_eq!(FirstSeen::bytes_for(10_000), places * 20);
        assert_eq!(places * 20 / 10_000, 25);
    }

    #[test]
    fn any_key_is_a_key() {
        let mut table = FirstSeen::with_capacity(0);
        assert_eq!((table.insert(0, 3), table.insert(0, 4), table.insert(u128::MAX, 5)), (None, Some(3), None));
        assert_eq!((table.insert(1, u32::MAX), table.get(1), table.n_keys()), (None, None, 2));
    }
}
