//! How foreseeable a text is to a reader who knows nothing but what it has said so far.
//!
//! An adaptive context model over bytes: contexts of up to [`MAX_ORDER`] bytes, each blended with the next shorter by its
//! number of different successors (Witten-Bell; PPM's escape C without exclusion). Nothing is written; the model's
//! surprise is the measure. Deflate sees matches of three bytes and more in such a text; this sees every letter.
//!
//! Only the first [`MAX_BYTES`] are read, so that memory and time are bounded and long texts are comparable.
//!
//! Source: Bell, Cleary and Witten 1990, "Text Compression"; compression as a detector, ZipPy (Thinkst 2023).

/// Longest context, in bytes.
const MAX_ORDER: usize = 5;
/// Bytes of a text that are read.
const MAX_BYTES: usize = 8192;
/// The order of the short contexts.
const SHORT_ORDER: usize = 2;

/// What the model was surprised by; all 0 for the empty text.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct SelfSurprise {
    /// Bits per byte.
    pub(crate) bits: f64,
    /// Bits per byte with contexts of two bytes.
    pub(crate) short_bits: f64,
    /// Bits per byte of the first half less those of the second: what the text taught.
    pub(crate) taught_bits: f64,
    /// Share of bytes after five that had stood together before.
    pub(crate) known_ratio: f64,
}

/// A context, or a context with its successor: what was counted of it. An empty slot has tag 0.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    tag: u32,
    n: u16,
    kinds: u16,
}

/// The counts of one text at a time, reused from text to text.
#[derive(Debug, Default)]
pub(crate) struct Contexts {
    slots: Vec<Slot>,
}

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(hash: u64, next: u64) -> u64 {
    let hash = (hash ^ (next + 1)).wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 29)
}

impl Contexts {
    /// Reads a text from nothing.
    pub(crate) fn measure(&mut self, text: &str) -> SelfSurprise {
        let bytes = &text.as_bytes()[..text.len().min(MAX_BYTES)];
        if bytes.is_empty() {
            return SelfSurprise::default();
        }
        // Two slots per byte and order at most; twice as many keep the searches short.
        let n_slots = (4 * (MAX_ORDER + 1) * bytes.len()).next_power_of_two();
        self.slots.clear();
        self.slots.resize(n_slots, Slot::default());
        let mut halves = [0.0; 2];
        let (mut short, mut n_known) = (0.0, 0_usize);
        let mut recent = [0_u64; MAX_ORDER];
        for (at, &byte) in bytes.iter().enumerate() {
            let (probabilities, known) = self.read(&recent, byte);
            halves[usize::from(2 * at >= bytes.len())] -= probabilities[1].log2();
            short -= probabilities[0].log2();
            n_known += usize::from(known);
            recent.rotate_right(1);
            recent[0] = u64::from(byte) + 1;
        }
        let n = bytes.len() as f64;
        let sizes = [bytes.len().div_ceil(2), bytes.len() / 2].map(|size| size.max(1) as f64);
        SelfSurprise {
            bits: (halves[0] + halves[1]) / n,
            short_bits: short / n,
            taught_bits: halves[0] / sizes[0] - halves[1] / sizes[1],
            known_ratio: n_known as f64 / n,
        }
    }

    /// What a byte was given by short and by long contexts, and whether the longest context was known; then learns it.
    fn read(&mut self, recent: &[u64; MAX_ORDER], byte: u8) -> ([f64; 2], bool) {
        let mut probability = 1.0 / 256.0;
        let mut short = probability;
        let mut known = false;
        let mut hash = 0x243F_6A88_85A3_08D3;
        for order in 0..=MAX_ORDER {
            if order > 0 {
                hash = mix(hash, recent[order - 1]);
            }
            let context = self.place(hash);
            let followed = self.place(mix(hash, u64::from(byte) << 9 | 0x100));
            let Slot { n, kinds, .. } = self.slots[context];
            let of_byte = self.slots[followed].n;
            known = n > 0;
            if n > 0 {
                let kinds = f64::from(kinds);
                probability = (f64::from(of_byte) + kinds * probability) / (f64::from(n) + kinds);
            }
            if order == SHORT_ORDER {
                short = probability;
            }
            self.slots[context].n += 1;
            self.slots[context].kinds += u16::from(of_byte == 0);
            self.slots[followed].n += 1;
        }
        ([short, probability], known)
    }

    /// The slot of a hash, empty if it is new. The table is never full.
    fn place(&mut self, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let tag = (hash >> 32) as u32 | 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = &mut self.slots[at];
            if slot.tag == tag {
                return at;
            }
            if slot.tag == 0 {
                slot.tag = tag;
                return at;
            }
            at = (at + 1) & mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surprise_is_that_of_the_model_by_hand() {
        // The first byte costs 8 bits, nothing being known. Before the second: order 0 has seen one a of one kind, so
        // (1 + 1/256) / 2; the context "a" is new.
        let found = Contexts::default().measure("aa");
        let second = -((1.0 + 1.0 / 256.0) / 2.0_f64).log2();
        assert!((found.bits - (8.0 + second) / 2.0).abs() < 1e-12);
        assert!((found.taught_bits - (8.0 - second)).abs() < 1e-12);
        // Before the third a: order 0 gives (2 + 1 p) / 3 with p = 1/256; the context "a" has been followed by one a.
        let third = (1.0 + (2.0 + 1.0 / 256.0) / 3.0) / 2.0_f64;
        let found = Contexts::default().measure("aaa");
        assert!((found.bits - (8.0 + second - third.log2()) / 3.0).abs() < 1e-12);
        assert_eq!(Contexts::default().measure(""), SelfSurprise::default());
    }

    #[test]
    fn repetition_is_foreseen_and_a_reader_forgets_the_text_before() {
        let mut contexts = Contexts::default();
        let fresh = "The miller grinds the corn that the farmers bring in autumn.";
        let once = contexts.measure(fresh);
        let twice = contexts.measure(&format!("{fresh} {fresh}"));
        assert!(twice.bits < 0.75 * once.bits && twice.known_ratio > 0.4 && twice.taught_bits > once.taught_bits);
        assert_eq!(contexts.measure(fresh), once);
        let line = "x".repeat(1 << 20);
        assert_eq!(contexts.measure(&line), contexts.measure(&line[..MAX_BYTES]));
    }
}
