//! Numbers for equal keys, in the order they are first seen.
//!
//! Counting repeated words, lines and n-grams needs a table per document and nothing that lives longer. This one is
//! reused: a slot belongs to a document only if it carries the current generation, so starting anew costs nothing.

/// A slot of the table; empty unless its generation is the current one.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    key: u64,
    generation: u32,
    number: u32,
}

/// A table from 64-bit keys to the numbers 0, 1, 2, …
#[derive(Debug, Default)]
pub(super) struct KeyTable {
    slots: Vec<Slot>,
    generation: u32,
    shift: u32,
    n_keys: u32,
}

impl KeyTable {
    /// Forgets all keys and makes room for `max_keys`; at most two thirds of the slots are ever in use.
    pub(super) fn begin(&mut self, max_keys: usize) {
        let n_slots = (max_keys.max(8) * 3 / 2).next_power_of_two();
        if self.slots.len() < n_slots {
            self.slots.resize(n_slots, Slot::default());
        }
        if self.generation == u32::MAX {
            self.slots.fill(Slot::default());
            self.generation = 0;
        }
        self.generation += 1;
        self.shift = u64::BITS - n_slots.trailing_zeros();
        self.n_keys = 0;
    }

    /// The number of `key`: a new one, the count of keys seen so far, if it was not seen since `begin`.
    pub(super) fn number(&mut self, key: u64) -> u32 {
        let mask = (1_usize << (u64::BITS - self.shift)) - 1;
        // Fibonacci hashing: the high bits of the product depend on all bits of the key.
        let mut at = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize;
        loop {
            let slot = &mut self.slots[at];
            if slot.generation != self.generation {
                *slot = Slot { key, generation: self.generation, number: self.n_keys };
                self.n_keys += 1;
                return slot.number;
            }
            if slot.key == key {
                return slot.number;
            }
            at = (at + 1) & mask;
        }
    }

    /// How many different keys were seen since `begin`.
    pub(super) fn n_keys(&self) -> u32 {
        self.n_keys
    }

    /// Memory held, in slots of 16 bytes.
    pub(super) fn capacity(&self) -> usize {
        self.slots.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keys_in_the_order_of_first_sight() {
        // Hand calculation.
        let mut table = KeyTable::default();
        for round in 0..3_u64 {
            table.begin(3);
            let numbers: Vec<u32> = [7, 9, 7, 0, 9].iter().map(|key| table.number(key + round)).collect();
            assert_eq!(numbers, [0, 1, 0, 2, 1]);
            assert_eq!(table.n_keys(), 3);
        }
        table.begin(100_000);
        for key in 0..100_000_u64 {
            assert_eq!(u64::from(table.number(key << 32)), key);
        }
        table.begin(1);
        table.generation = u32::MAX;
        table.begin(1);
        assert_eq!((table.number(5), table.number(5)), (0, 0));
    }
}
