//! Compression: how many bits a text costs a compressor that has read something else before.
//!
//! Chat models write what is easy to foresee, so their text compresses better; and it compresses better still after a
//! text of the same kind. Nothing is trained: the compressor's state after the prelude is kept and shared, and each text
//! is read on top of it, with a memory of its own that is forgotten afterwards.
//!
//! The compressor is an adaptive context model over bytes: contexts of 1 to [`Prelude::MAX_ORDER`] bytes and none, each blended
//! with the next shorter by its number of different successors (Witten-Bell, which is PPM's escape C without exclusion).
//! No bits are written; their number is the sum of -log2 of what each byte was given.
//!
//! Source: ZipPy (Thinkst 2023) for the primed ratio; Bell, Cleary and Witten 1990 for PPM; Jiang et al. 2023, "Low-Resource
//! Text Classification", for classes as preludes. We differ in the compressor: LZMA's matches of three bytes and more see
//! less of a text of 150 words.

mod embedded;
mod preludes;
mod tables;

pub use preludes::{Compression, CompressionParams, CompressionScorer, Preludes};

use self::tables::Tables;

/// What a compressor has read.
#[derive(Debug, Clone, Default)]
pub struct Prelude {
    tables: Tables,
}

/// The first bytes of every context: as if a line had just ended.
const START: u8 = b'\n';

impl Prelude {
    /// Longest context, in bytes.
    pub const MAX_ORDER: usize = 5;

    /// A compressor that has read nothing.
    pub fn empty() -> Self {
        Self::default()
    }

    /// A compressor that has read texts, each from a fresh line.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut tables = Tables::default();
        let nothing = Tables::default();
        for text in texts {
            read(text, &nothing, &mut tables);
        }
        Self { tables }
    }

    /// A reader of texts that reuses its memory.
    pub fn compressor(&self) -> Compressor<'_> {
        Compressor { prelude: self, own: Tables::default() }
    }
}

/// Measures one text after the other.
#[derive(Debug)]
pub struct Compressor<'p> {
    prelude: &'p Prelude,
    own: Tables,
}

impl Compressor<'_> {
    /// Bits that the text costs after the prelude; 0 for the empty text.
    pub fn bits(&mut self, text: &str) -> f64 {
        self.own.clear();
        read(text, &self.prelude.tables, &mut self.own)
    }

    /// Bits per byte, in [0, about 10]; 8 for the empty text, of which nothing is known.
    pub fn bits_per_byte(&mut self, text: &str) -> f64 {
        if text.is_empty() { 8.0 } else { self.bits(text) / text.len() as f64 }
    }
}

/// Reads a text into `own` on top of `before`; returns what it cost, in bits.
fn read(text: &str, before: &Tables, own: &mut Tables) -> f64 {
    let mut context = [START; Prelude::MAX_ORDER];
    let mut bits = 0.0;
    for &byte in text.as_bytes() {
        let mut hashes = [0_u64; Prelude::MAX_ORDER + 1];
        let mut hash = 0_u64;
        for order in 0..=Prelude::MAX_ORDER {
            hashes[order] = hash;
            if order < Prelude::MAX_ORDER {
                let back = context[Prelude::MAX_ORDER - 1 - order];
                hash = (hash ^ (u64::from(back) + 1)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                hash ^= hash >> 29;
            }
        }
        let mut probability = 1.0 / 256.0;
        for (order, hash) in hashes.iter().enumerate() {
            let (a, b) = (before.get(order, *hash, byte), own.get(order, *hash, byte));
            let seen = f64::from(a.n) + f64::from(b.n);
            if seen == 0.0 {
                break;
            }
            let kinds = f64::from(a.kinds.max(b.kinds));
            probability = (f64::from(a.of_byte) + f64::from(b.of_byte) + kinds * probability) / (seen + kinds);
        }
        bits -= probability.log2();
        for (order, hash) in hashes.iter().enumerate() {
            own.add(order, *hash, byte);
        }
        context.rotate_left(1);
        context[Prelude::MAX_ORDER - 1] = byte;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_those_of_the_model_by_hand() {
        // The first byte costs 8 bits, nothing being known. Before the second a: order 0 has seen one a (1 kind), so
        // (1 + 1/256) / 2; the context "a" is new, so it stays at that.
        let bits = Prelude::empty().compressor().bits("aa");
        let second = -(((1.0 + 1.0 / 256.0) / 2.0_f64).log2());
        assert!((bits - 8.0 - second).abs() < 1e-12, "{bits}");
    }

    #[test]
    fn a_prelude_of_the_same_kind_saves_bits_and_is_not_changed_by_reading() {
        let prelude = Prelude::of(["the miller grinds the corn of the village every autumn"]);
        let mut primed = prelude.compressor();
        let text = "the miller grinds the corn";
        let first = primed.bits(text);
        assert!(first < 0.6 * Prelude::empty().compressor().bits(text), "{first}");
        primed.bits("something else entirely");
        assert_eq!(primed.bits(text), first);
        for text in ["", "\u{0}", "日本語", &"x".repeat(1 << 20)] {
            assert!(primed.bits_per_byte(text).is_finite());
        }
    }
}
