//! Shingles: the set of runs of k consecutive words that stands for a document.
//!
//! Two documents are near-duplicates when their shingle sets overlap (resemblance, Broder 1997). Word shingles of five,
//! as in FineWeb (Penedo et al. 2024, arXiv:2406.17557) and Lee et al. 2022 (arXiv:2107.06499, there of space-separated
//! tokens).
//!
//! Words are runs of bytes that are not spaces after [`normalisation`](super::normal). datatrove splits with spaCy, which
//! needs a model per language and also cuts words such as `cannot`; punctuation, where tokenizers differ most, is space
//! by then.
//!
//! Each shingle is a 64-bit hash. Two documents of n and m words have two different shingles of the same hash with odds of about
//! n * m / 2^60: `finish` says which bits are lost.
//!
//! Documents without k words are named, not hidden: see [`Short`].

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::normal::{Normal, Normaliser};

/// What becomes of a document with at least one word but fewer than k.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Short {
    /// All its words make one shingle: it meets only documents whose normalised words are the same.
    #[default]
    Whole,
    /// It has no shingles and is never a duplicate, as in datatrove.
    Keep,
}

/// How long a document is, in shingles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extent {
    /// At least k words.
    Full,
    /// At least one word, fewer than k: see [`Short`].
    Short,
    /// No word at all ("", only punctuation): never a shingle, whatever the policy, as nothing was compared.
    Empty,
}

/// Buffers of one thread, grown to the longest document seen: about 5 bytes per byte of its text.
#[derive(Debug, Default)]
pub struct Scratch {
    text: Vec<u8>,
    words: Vec<u64>,
}

/// Turns texts into shingle hashes.
#[derive(Debug, Clone)]
pub struct Shingler {
    normaliser: Arc<Normaliser>,
    k: usize,
    short: Short,
    /// BASE to the power k.
    power: u64,
}

/// Odd multipliers: the first 64 bits of the fractions of pi, e and the golden ratio.
const MIX_A: u64 = 0x243F_6A88_85A3_08D3;
const MIX_B: u64 = 0xB7E1_5162_8AED_2A6B;
const BASE: u64 = 0x9E37_79B9_7F4A_7C15;
/// Spaces appended so that a word can be read as two machine words wherever it ends.
const PAD: [u8; BLOCK + 16] = [b' '; BLOCK + 16];
/// Bytes searched for spaces at once.
const BLOCK: usize = 64;
/// Longest word that is hashed by two loads.
const LOADED: usize = 16;

impl Shingler {
    /// Shingles of `k` words (at least 1; 0 counts as 1) after the given normalisation.
    pub fn new(k: usize, short: Short, normal: Normal) -> Self {
        let k = k.max(1);
        let power = (0..k).fold(1u64, |power, _| power.wrapping_mul(BASE));
        Self { normaliser: Arc::new(Normaliser::new(normal)), k, short, power }
    }

    /// Replaces `out` by the shingles of `text` in the order of the text, repeated ones included.
    ///
    /// A signature needs no more; for exact Jaccard pass them through [`distinct`].
    pub fn shingles(&self, text: &str, scratch: &mut Scratch, out: &mut Vec<u64>) -> Extent {
        out.clear();
        self.normaliser.normalise(text, &mut scratch.text);
        let n_words = hash_words(&mut scratch.text, &mut scratch.words);
        let words = &scratch.words[..n_words];
        if words.is_empty() {
            return Extent::Empty;
        }
        if words.len() < self.k {
            if self.short == Short::Whole {
                let all = words.iter().fold(0u64, |hash, word| hash.wrapping_mul(BASE).wrapping_add(*word));
                out.push(finish(all ^ (words.len() as u64).wrapping_mul(MIX_B)));
            }
            return Extent::Short;
        }
        let mut hash = 0u64;
        for word in &words[..self.k] {
            hash = hash.wrapping_mul(BASE).wrapping_add(*word);
        }
        out.reserve(words.len() - self.k + 1);
        out.push(finish(hash));
        out.extend(words[self.k..].iter().zip(words).map(|(new, old)| {
            hash = hash.wrapping_mul(BASE).wrapping_add(*new).wrapping_sub(old.wrapping_mul(self.power));
            finish(hash)
        }));
        Extent::Full
    }
}

/// Sorts shingles and drops repeated ones: the set that exact Jaccard takes.
pub fn distinct(shingles: &mut Vec<u64>) {
    shingles.sort_unstable();
    shingles.dedup();
}

/// Spreads a rolling hash over all 64 bits (the finaliser of splitmix64, Steele et al. 2014); one to one.
///
/// The rolling hash is a polynomial over word hashes modulo 2^64. Shingles that differ in unrelated words collide with
/// odds 2^-64. Those with the same words in another order differ by (w1 - w2)(BASE^i - BASE^j), whose second factor is
/// even: BASE = 1 mod 4 makes it a multiple of 4 for neighbours and of at most 2^4 for k <= 8, hence the 2^60 above.
fn finish(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ (hash >> 31)
}

/// Writes the hash of each run of bytes of `text` that are not spaces to the head of `words`; returns how many there are.
///
/// Pads `text` with spaces. `words` only ever grows, as clearing it anew would cost more than the text is long.
fn hash_words(text: &mut Vec<u8>, words: &mut Vec<u64>) -> usize {
    let len = text.len();
    text.extend_from_slice(&PAD);
    // A word and its space take two bytes at least.
    words.resize(words.len().max(len / 2 + 2), 0);
    let (mut n, mut start) = (0, 0);
    let mut base = 0;
    // The first space at or after `len` ends the last word; any further ones end empty words, which are not counted.
    while base <= len {
        let Some(block) = text[base..].first_chunk::<BLOCK>() else { break };
        let mut spaces = space_mask(block);
        while spaces != 0 {
            let end = base + spaces.trailing_zeros() as usize;
            spaces &= spaces - 1;
            // Written always, counted only if there is a word: two spaces in a row must not cost a wrong guess.
            if let Some(slot) = words.get_mut(n) {
                *slot = hash_word(text, start, end);
            }
            n += usize::from(end > start);
            start = end + 1;
        }
        base += BLOCK;
    }
    n
}

/// One bit per byte of the block, set where it is a space.
fn space_mask(block: &[u8; BLOCK]) -> u64 {
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    let mut mask = 0;
    for (i, eight) in block.as_chunks::<8>().0.iter().enumerate() {
        let x = u64::from_le_bytes(*eight) ^ 0x2020_2020_2020_2020;
        let zero = !((((x & LOW) + LOW) | x) | LOW) >> 7; // bit 0 of each byte that is a space
        mask |= (zero.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i);
    }
    mask
}

/// The hash of `text[start..end]`; up to 16 bytes by one wide multiplication, longer words by xxh3.
fn hash_word(text: &[u8], start: usize, end: usize) -> u64 {
    let len = end - start;
    let Some(sixteen) = text.get(start..).and_then(<[u8]>::first_chunk::<LOADED>) else { return 0 };
    if len > LOADED {
        return xxh3_64(&text[start..end]);
    }
    let wide = u128::from_le_bytes(*sixteen);
    let (low, high) = (wide as u64 & MASK[len.min(8)], (wide >> 64) as u64 & MASK[len.saturating_sub(8)]);
    let product = u128::from(low ^ MIX_A) * u128::from(high ^ MIX_B ^ ((len as u64) << 56));
    (product as u64 ^ (product >> 64) as u64).wrapping_add(low.wrapping_mul(BASE))
}

/// The lowest n bytes set.
const MASK: [u64; 9] = {
    let mut mask = [u64::MAX; 9];
    let mut n = 0;
    while n < 8 {
        mask[n] = (1 << (8 * n)) - 1;
        n += 1;
    }
    mask
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn shingles(k: usize, short: Short, text: &str) -> (Extent, Vec<u64>) {
        let mut out = Vec::new();
        let extent = Shingler::new(k, short, Normal::default()).shingles(text, &mut Scratch::default(), &mut out);
        (extent, out)
    }

    #[test]
    fn counts_runs_of_k_words() {
        // By hand: n words have n - k + 1 shingles; "b c" occurs twice.
        let (extent, found) = shingles(2, Short::Whole, "a b c, B  C");
        assert_eq!((extent, found.len()), (Extent::Full, 4));
        assert_eq!(found[1], found[3]);
        let mut set = found.clone();
        distinct(&mut set);
        assert_eq!(set.len(), 3);
        assert_ne!(found[0], found[2]);
    }

    #[test]
    fn order_and_borders_of_words_matter() {
        let one = |text| shingles(2, Short::Whole, text).1;
        assert_ne!(one("a b"), one("b a"));
        assert_ne!(one("ab c"), one("a bc"));
        assert_ne!(one("aa a"), one("a aa"));
        assert_eq!(one("A, b"), one("a\n\nB!"));
    }

    #[test]
    fn short_and_empty_documents_follow_the_policy() {
        let whole = |text| shingles(5, Short::Whole, text);
        assert_eq!(whole("one two").0, Extent::Short);
        assert_eq!(whole("One, two!"), whole("one two"));
        assert_ne!(whole("one two").1, whole("one three").1);
        assert_eq!(shingles(5, Short::Keep, "one two"), (Extent::Short, vec![]));
        for text in ["", " \n", "!!!", "\u{301}"] {
            assert_eq!(whole(text), (Extent::Empty, vec![]), "{text:?}");
        }
    }

    #[test]
    fn words_are_found_wherever_they_lie() {
        // Oracle: split of the standard library.
        let text = "a bb ccc  dddd eeeeeeee fffffffff sixteen_bytes_ok seventeen_bytes__ ".repeat(30);
        for shift in 0..70 {
            let line = format!("{}{text}tail", "x".repeat(shift));
            let mut words = Vec::new();
            let n = hash_words(&mut line.clone().into_bytes(), &mut words);
            let expected: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
            assert_eq!(n, expected.len());
            for (hash, word) in words.iter().zip(expected) {
                let padded = format!("{word}{}", " ".repeat(20));
                assert_eq!(*hash, hash_word(padded.as_bytes(), 0, word.len()));
            }
        }
    }

    #[test]
    fn different_words_have_different_hashes() {
        // 2^-64 odds per pair: any collision among 200,000 related words is a fault.
        let mut seen = HashSet::new();
        for i in 0..100_000u32 {
            for word in [format!("w{i}"), format!("{i}abcdefghij")] {
                let padded = format!("{word}{}", " ".repeat(20));
                assert!(seen.insert(hash_word(padded.as_bytes(), 0, word.len())), "{word}");
            }
        }
    }

    #[test]
    fn a_megabyte_on_one_line_is_one_word() {
        assert_eq!(shingles(5, Short::Whole, &"x".repeat(1 << 20)).0, Extent::Short);
    }
}
