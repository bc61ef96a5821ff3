//! The grams of a text, hashed: character n-grams across word boundaries, and words with their neighbours.
//!
//! A gram is known by its bucket only, so a model needs no vocabulary and its size is fixed in advance. The hash is part
//! of the file format: changing a constant here makes every saved model worthless, so a test pins it.

use serde::{Deserialize, Serialize};

use crate::machine::linear::FitError;

/// Which grams are taken, and how many buckets they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GramParams {
    /// Shortest character n-gram, at least 1.
    pub char_min: usize,
    /// Longest character n-gram, at most 8; 0 for none.
    pub char_max: usize,
    /// Most words in a word n-gram, at most 2; 0 for none. Words are in small letters, punctuation marks are words.
    pub word_max: usize,
    /// Buckets of character n-grams, as a power of 2; at most 22.
    pub char_bits: u32,
    /// Buckets of word n-grams, as a power of 2; at most 22.
    pub word_bits: u32,
    /// Whether character n-grams are in small letters.
    pub fold_case: bool,
    /// Whether a gram adds or subtracts by its hash, so that grams that share a bucket cancel on average.
    pub signed: bool,
}

impl Default for GramParams {
    /// Characters 2 to 5 as written, words 1 to 2, 2^16 and 2^15 buckets: a saved model below 200 kB.
    fn default() -> Self {
        Self { char_min: 2, char_max: 5, word_max: 2, char_bits: 16, word_bits: 15, fold_case: false, signed: false }
    }
}

/// Longest character n-gram that can be asked for.
const MAX_CHARS: usize = 8;

impl GramParams {
    /// Number of buckets of both kinds.
    pub fn n_buckets(&self) -> usize {
        (1 << self.char_bits) + (1 << self.word_bits)
    }

    /// The first bucket of word n-grams.
    pub(crate) fn first_word_bucket(&self) -> usize {
        1 << self.char_bits
    }

    /// Checks the ranges given with each field.
    ///
    /// # Errors
    /// If one is out of range.
    pub fn check(&self) -> Result<(), FitError> {
        let ok = self.char_min >= 1
            && self.char_max <= MAX_CHARS
            && self.word_max <= 2
            && (1..=22).contains(&self.char_bits)
            && (1..=22).contains(&self.word_bits);
        ok.then_some(()).ok_or(FitError::Params(
            "expected character n-grams from 1 to 8, word n-grams up to 2, and 1 to 22 bits of buckets of each kind",
        ))
    }
}

/// One gram of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gram {
    pub(crate) bucket: u32,
    pub(crate) negative: bool,
    /// Bytes of the text.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
const CHAR_SEED: u64 = 0x243F_6A88_85A3_08D3;
const WORD_SEED: u64 = 0x1319_8A2E_0370_7344;

fn mix(hash: u64, next: u64) -> u64 {
    (hash.rotate_left(23) ^ next).wrapping_mul(MULTIPLIER)
}

/// The bucket (upper bits) and the sign of a hash.
fn place(hash: u64, bits: u32) -> (u32, bool) {
    let hash = (hash ^ (hash >> 29)).wrapping_mul(MULTIPLIER);
    ((hash >> (64 - bits)) as u32, hash & 0x8000_0000 != 0)
}

/// The small letter, where that is one character; a fixed folding, so that hashes do not depend on a locale.
fn small(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// Calls `visit` for each gram of the text. Linear in the length of the text times the number of gram lengths.
pub(crate) fn each_gram(text: &str, params: &GramParams, mut visit: impl FnMut(Gram)) {
    if params.char_max >= params.char_min {
        each_char_gram(text, params, &mut visit);
    }
    if params.word_max > 0 {
        each_word_gram(text, params, &mut visit);
    }
}

#[inline]
fn each_char_gram(text: &str, params: &GramParams, visit: &mut impl FnMut(Gram)) {
    // The last characters with their offsets, newest first.
    let mut recent = [(0_u64, 0_usize); MAX_CHARS];
    let mut n_recent = 0;
    for (at, c) in text.char_indices() {
        let folded = if params.fold_case { small(c) } else { c };
        recent.copy_within(0..MAX_CHARS - 1, 1);
        recent[0] = (u64::from(u32::from(folded)), at);
        n_recent = (n_recent + 1).min(params.char_max);
        let mut hash = CHAR_SEED;
        let end = at + c.len_utf8();
        for (n_before, &(code, start)) in recent[..n_recent].iter().enumerate() {
            hash = mix(hash, code);
            if n_before + 1 >= params.char_min {
                let (bucket, negative) = place(hash, params.char_bits);
                visit(Gram { bucket, negative: negative && params.signed, start, end });
            }
        }
    }
}

/// A word so far: its hash and where it began.
#[derive(Clone, Copy)]
struct Word {
    hash: u64,
    start: usize,
    end: usize,
}

#[inline]
fn each_word_gram(text: &str, params: &GramParams, visit: &mut impl FnMut(Gram)) {
    let offset = params.first_word_bucket() as u32;
    let mut before: Option<Word> = None;
    let mut emit = |word: Word| {
        let mut visit_hash = |hash, start| {
            let (bucket, negative) = place(hash, params.word_bits);
            visit(Gram { bucket: offset + bucket, negative: negative && params.signed, start, end: word.end });
        };
        visit_hash(word.hash, word.start);
        if let (Some(before), true) = (before, params.word_max > 1) {
            visit_hash(mix(before.hash ^ WORD_SEED, word.hash), before.start);
        }
        before = Some(word);
    };
    let mut open: Option<Word> = None;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let inside = c.is_alphanumeric() || (c == '\'' && open.is_some());
        if inside {
            let word = open.get_or_insert(Word { hash: WORD_SEED, start: at, end });
            word.hash = mix(word.hash, u64::from(u32::from(small(c))));
            word.end = end;
            continue;
        }
        if let Some(word) = open.take() {
            emit(word);
        }
        if !c.is_whitespace() {
            emit(Word { hash: mix(WORD_SEED, u64::from(u32::from(c))), start: at, end });
        }
    }
    if let Some(word) = open {
        emit(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grams(text: &str, params: GramParams) -> Vec<&str> {
        let mut found = Vec::new();
        each_gram(text, &params, |gram| found.push(&text[gram.start..gram.end]));
        found
    }

    #[test]
    fn takes_the_grams_that_were_asked_for() {
        let chars = GramParams { char_min: 2, char_max: 3, word_max: 0, ..Default::default() };
        assert_eq!(grams("añb!", chars), ["añ", "ñb", "añb", "b!", "ñb!"]);
        let words = GramParams { char_max: 0, word_max: 2, ..Default::default() };
        assert_eq!(grams("It's so, so", words), ["It's", "so", "It's so", ",", "so,", "so", ", so"]);
        assert_eq!(grams("", GramParams::default()), [""; 0]);
    }

    #[test]
    fn words_are_told_apart_without_regard_to_case_and_characters_with() {
        let buckets = |text: &str, params: GramParams| {
            let mut found = Vec::new();
            each_gram(text, &params, |gram| found.push(gram.bucket));
            found
        };
        let words = GramParams { char_max: 0, ..Default::default() };
        let chars = GramParams { word_max: 0, ..Default::default() };
        assert_eq!(buckets("The Mill", words), buckets("the mill", words));
        assert_ne!(buckets("The", chars), buckets("the", chars));
        let folded = GramParams { fold_case: true, ..chars };
        assert_eq!(buckets("THE MILL", folded), buckets("the mill", folded));
    }

    #[test]
    fn buckets_never_change() {
        // Pinned at the first release of the format: a saved model knows its grams by these numbers.
        let mut found = Vec::new();
        let params = GramParams { char_min: 2, char_max: 2, ..Default::default() };
        each_gram("a b", &params, |gram| found.push(gram.bucket));
        assert_eq!(found, PINNED);
        assert!(found.iter().all(|&b| (b as usize) < params.n_buckets()));
    }

    const PINNED: [u32; 5] = [50380, 44891, 93993, 70221, 79833];

    #[test]
    fn grams_fill_the_buckets_evenly() {
        let params = GramParams { char_bits: 8, word_max: 0, char_min: 3, char_max: 3, ..Default::default() };
        let mut counts = [0_u32; 256];
        for i in 0..100_000 {
            each_gram(&format!("{:03x}", i % 4096), &params, |gram| counts[gram.bucket as usize] += 1);
        }
        // 4,096 distinct grams on 256 buckets: 16 each, with a standard deviation of 4; six of them either way.
        let distinct = counts.map(|c| c / 24);
        assert!(distinct.iter().all(|&n| n < 42), "{distinct:?}");
    }
}
