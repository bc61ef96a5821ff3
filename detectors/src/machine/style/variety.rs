//! Variety of words: how soon a text repeats itself.
//!
//! Source: MTLD, McCarthy and Jarvis 2010 (threshold 0.72, mean of both directions, partial factor at the end); K, Yule
//! 1944; HD-D, McCarthy and Jarvis 2007 (samples of 42 words). Values for short texts are those the formulas give; the
//! empty text has 0 in all.

use super::scan::Scan;

/// Measures of variety.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Variety {
    /// Distinct words of the first 100.
    pub(crate) ttr_100: f64,
    /// Mean share of distinct words over windows of 50 words; of all words if there are fewer.
    pub(crate) mattr_50: f64,
    pub(crate) hapax_ratio: f64,
    pub(crate) twice_ratio: f64,
    pub(crate) mtld: f64,
    pub(crate) yule_k: f64,
    pub(crate) hdd_42: f64,
    /// Entropy of words over its maximum.
    pub(crate) word_evenness: f64,
    /// Share of 2-, 3- and 4-grams of words that occurred before.
    pub(crate) repeated: [f64; 3],
    /// Words that follow themselves.
    pub(crate) stutter_ratio: f64,
}

/// a / b; 0 if b is 0.
pub(crate) fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

/// Memory of one text, reused.
#[derive(Debug, Default)]
pub(crate) struct VarietyMemory {
    counts: Vec<u32>,
    seen: Vec<u32>,
    grams: hashbrown::HashSet<u64>,
}

impl VarietyMemory {
    pub(crate) fn measure(&mut self, scan: &Scan) -> Variety {
        let n = scan.tokens.len();
        if n == 0 {
            return Variety::default();
        }
        self.counts.clear();
        self.counts.resize(scan.n_kinds, 0);
        scan.tokens.iter().for_each(|token| self.counts[token.kind as usize] += 1);
        let n_words = n as f64;
        let of_count = |wanted| self.counts.iter().filter(|&&c| c == wanted).count() as f64;
        let (hapax, twice) = (of_count(1), of_count(2));
        let squares: f64 = self.counts.iter().map(|&c| f64::from(c) * f64::from(c)).sum();
        let entropy: f64 = self.counts.iter().map(|&c| -(f64::from(c) / n_words) * (f64::from(c) / n_words).ln()).sum();
        let hdd_42 = self.hdd(n, 42);
        let stutter = scan.tokens.windows(2).filter(|pair| pair[0].kind == pair[1].kind).count();
        let first_100 = &scan.tokens[..n.min(100)];
        // Kinds are numbered in order of appearance, so the highest number among the first words counts them.
        let kinds_100 = first_100.iter().map(|t| t.kind + 1).max().unwrap_or(0);
        Variety {
            ttr_100: f64::from(kinds_100) / first_100.len() as f64,
            mattr_50: self.moving_ratio(scan, 50),
            hapax_ratio: hapax / n_words,
            twice_ratio: twice / n_words,
            mtld: (self.mtld(scan, false) + self.mtld(scan, true)) / 2.0,
            yule_k: 1e4 * (squares - n_words) / (n_words * n_words),
            hdd_42,
            word_evenness: ratio(entropy, n_words.ln()),
            repeated: [2, 3, 4].map(|order| self.repeated(scan, order)),
            stutter_ratio: stutter as f64 / n_words,
        }
    }

    /// Mean share of distinct words in windows of `size` words.
    fn moving_ratio(&mut self, scan: &Scan, size: usize) -> f64 {
        let size = size.min(scan.tokens.len());
        self.seen.clear();
        self.seen.resize(scan.n_kinds, 0);
        let (mut distinct, mut sum, mut n_windows) = (0_usize, 0_usize, 0_usize);
        for (at, token) in scan.tokens.iter().enumerate() {
            let count = &mut self.seen[token.kind as usize];
            distinct += usize::from(*count == 0);
            *count += 1;
            if at >= size {
                let gone = &mut self.seen[scan.tokens[at - size].kind as usize];
                *gone -= 1;
                distinct -= usize::from(*gone == 0);
            }
            if at + 1 >= size {
                sum += distinct;
                n_windows += 1;
            }
        }
        ratio(sum as f64, (n_windows * size) as f64)
    }

    /// Mean words per stretch in which the share of distinct words stays above 0.72.
    fn mtld(&mut self, scan: &Scan, backward: bool) -> f64 {
        const THRESHOLD: f64 = 0.72;
        let n = scan.tokens.len();
        self.seen.clear();
        self.seen.resize(scan.n_kinds, 0);
        // The stretch in which a word was last seen, so that nothing is cleared between stretches.
        let (mut stretch, mut words, mut distinct) = (1_u32, 0_usize, 0_usize);
        for step in 0..n {
            let token = &scan.tokens[if backward { n - 1 - step } else { step }];
            let last = &mut self.seen[token.kind as usize];
            distinct += usize::from(*last != stretch);
            *last = stretch;
            words += 1;
            if (distinct as f64) < THRESHOLD * words as f64 {
                stretch += 1;
                (words, distinct) = (0, 0);
            }
        }
        let whole = f64::from(stretch - 1);
        let partial = if words == 0 { 0.0 } else { (1.0 - distinct as f64 / words as f64) / (1.0 - THRESHOLD) };
        let factors = whole + partial;
        // A text without any repetition has no factor; its length is the least that can be said.
        if factors == 0.0 { n as f64 } else { (n as f64 / factors).min(n as f64 * 4.0) }
    }

    /// Chance that a word kind is in a sample of `size` words, summed over kinds, over `size`.
    fn hdd(&self, n: usize, size: usize) -> f64 {
        let size = size.min(n);
        let most = self.counts.iter().copied().max().unwrap_or(0) as usize;
        // absent[f] = C(n - f, size) / C(n, size), step by step; frequencies are at most `most`.
        let mut sum = 0.0;
        let mut absent = 1.0;
        for frequency in 1..=most.min(2_000) {
            let left = n - (frequency - 1);
            absent *= if left > size { (left - size) as f64 / left as f64 } else { 0.0 };
            let kinds = match frequency <= 64 {
                true => self.counts.iter().filter(|&&c| c as usize == frequency).count(),
                false => usize::from(self.counts.iter().any(|&c| c as usize == frequency)),
            };
            sum += kinds as f64 * (1.0 - absent);
        }
        sum / size as f64
    }

    fn repeated(&mut self, scan: &Scan, order: usize) -> f64 {
        if scan.tokens.len() < order {
            return 0.0;
        }
        self.grams.clear();
        let n = scan.tokens.len() + 1 - order;
        for gram in scan.tokens.windows(order) {
            let hash = gram.iter().fold(0_u64, |hash, token| {
                (hash.rotate_left(23) ^ (u64::from(token.kind) + 1)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            });
            self.grams.insert(hash);
        }
        1.0 - self.grams.len() as f64 / n as f64
    }
}
