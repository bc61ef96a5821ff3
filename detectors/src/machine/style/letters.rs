//! Predictability of letters, and shapes of words.

use flate2::{Compress, Compression, FlushCompress};

use super::contexts::{Contexts, SelfSurprise};
use super::lexicon::Lexicon;
use super::scan::Scan;
use super::variety::ratio;

/// Word lengths with a bin of their own; longer words share the last.
pub(crate) const LENGTH_BINS: usize = 13;

/// Measures of letters and words; all 0 for a text without any.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Letters {
    /// Bits per character, of a character after none, one and two known ones.
    pub(crate) entropy: [f64; 3],
    /// Bytes after deflate over bytes before.
    pub(crate) deflate_ratio: f64,
    /// What a reader who knows only the text so far is surprised by.
    pub(crate) surprise: SelfSurprise,
    pub(crate) lengths: [f64; LENGTH_BINS],
    pub(crate) mean_word_chars: f64,
    pub(crate) sd_word_chars: f64,
    /// Mean length of open-class words.
    pub(crate) mean_open_chars: f64,
    pub(crate) long_ratio: f64,
    pub(crate) syllables_per_word: f64,
    pub(crate) three_syllable_ratio: f64,
}

/// Memory of one text, reused.
pub(crate) struct LettersMemory {
    trigrams: Vec<u32>,
    compress: Compress,
    compressed: Vec<u8>,
    contexts: Contexts,
}

impl Default for LettersMemory {
    fn default() -> Self {
        Self {
            trigrams: Vec::new(),
            compress: Compress::new(Compression::new(6), false),
            compressed: Vec::new(),
            contexts: Contexts::default(),
        }
    }
}

impl LettersMemory {
    pub(crate) fn measure(&mut self, text: &str, scan: &Scan, lexicon: &Lexicon) -> Letters {
        let mut letters = Letters {
            entropy: self.entropies(text),
            deflate_ratio: self.deflate_ratio(text),
            surprise: self.contexts.measure(text),
            ..Letters::default()
        };
        words(scan, lexicon, &mut letters);
        letters
    }

    /// Entropies H1, H2|1 and H3|2 of characters in small letters, from the sorted trigrams of the text.
    fn entropies(&mut self, text: &str) -> [f64; 3] {
        self.trigrams.clear();
        let mut window = 0_u32;
        for c in text.chars() {
            // A byte per character: ASCII as it is, all others folded into the upper half.
            let code = if c.is_ascii() { u32::from(c.to_ascii_lowercase() as u8) } else { 128 | (u32::from(c) % 127) };
            window = (window << 8 | code) & 0x00FF_FFFF;
            self.trigrams.push(window);
        }
        if self.trigrams.len() < 3 {
            return [0.0; 3];
        }
        self.trigrams.drain(..2);
        self.trigrams.sort_unstable();
        let joint = [16, 8, 0].map(|shift| self.joint_entropy(shift));
        [joint[0], joint[1] - joint[0], joint[2] - joint[1]]
    }

    /// Entropy in bits of the trigrams without their last `shift` bits.
    fn joint_entropy(&self, shift: u32) -> f64 {
        let n = self.trigrams.len() as f64;
        let mut sum = 0.0;
        let mut at = 0;
        while at < self.trigrams.len() {
            let key = self.trigrams[at] >> shift;
            let mut end = at + 1;
            while end < self.trigrams.len() && self.trigrams[end] >> shift == key {
                end += 1;
            }
            let count = (end - at) as f64;
            sum += count * count.log2();
            at = end;
        }
        n.log2() - sum / n
    }

    fn deflate_ratio(&mut self, text: &str) -> f64 {
        if text.is_empty() {
            return 0.0;
        }
        self.compress.reset();
        self.compressed.clear();
        // Deflate grows nothing by more than 5 bytes per 16 kB and a few at the end.
        self.compressed.reserve(text.len() + text.len() / 1000 + 64);
        let done = self.compress.compress_vec(text.as_bytes(), &mut self.compressed, FlushCompress::Finish);
        if done.is_err() { 0.0 } else { self.compressed.len() as f64 / text.len() as f64 }
    }
}

fn words(scan: &Scan, lexicon: &Lexicon, letters: &mut Letters) {
    let n = scan.tokens.len() as f64;
    if scan.tokens.is_empty() {
        return;
    }
    let (mut sum, mut squares, mut open_sum, mut n_open) = (0.0, 0.0, 0.0, 0.0);
    let (mut n_long, mut n_syllables, mut n_three) = (0_usize, 0_usize, 0_usize);
    for (at, token) in scan.tokens.iter().enumerate() {
        let chars = f64::from(token.n_chars);
        sum += chars;
        squares += chars * chars;
        letters.lengths[(token.n_chars as usize).clamp(1, LENGTH_BINS) - 1] += 1.0 / n;
        n_long += usize::from(token.n_chars >= 8);
        if token.class.is_open() {
            open_sum += chars;
            n_open += 1.0;
        }
        let syllables = lexicon.n_syllables(scan.word(at));
        n_syllables += syllables;
        n_three += usize::from(syllables >= 3);
    }
    letters.mean_word_chars = sum / n;
    letters.sd_word_chars = (squares / n - (sum / n) * (sum / n)).max(0.0).sqrt();
    letters.mean_open_chars = ratio(open_sum, n_open);
    letters.long_ratio = n_long as f64 / n;
    letters.syllables_per_word = n_syllables as f64 / n;
    letters.three_syllable_ratio = n_three as f64 / n;
}
