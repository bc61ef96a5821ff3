//! BLEU: how many runs of one to four words a text shares with its reference.
//!
//! Published scores are those of sacrebleu, which fixed the tokenizer and the smoothing that papers left open; so these are
//! the same numbers, for a sentence and for a corpus. The counting is shared with self-BLEU, which smooths otherwise.
//!
//! Source: Papineni et al. 2002 (P02-1040); Post 2018 (W18-6319): sacrebleu 2.6 with its defaults, tokenizer `13a` and
//! smoothing `exp` (method 3 of Chen and Cherry 2014, W14-3346). One reference; no other tokenizer, no `effective_order`.

use hashbrown::HashMap;

use super::interner::Interner;
use super::words::{lower, split_white};

/// The longest run of words that is counted.
pub const MAX_ORDER: usize = 4;

/// A run of one to [`MAX_ORDER`] words by their numbers; places after its last word hold [`NO_WORD`].
pub type Gram = [u32; MAX_ORDER];

/// Stands where a shorter run has no word; no word may have this number.
pub const NO_WORD: u32 = u32::MAX;

/// Counts all runs of one to four words.
pub fn count_grams(words: &[u32]) -> HashMap<Gram, u32> {
    let mut counts = HashMap::new();
    for order in 1..=MAX_ORDER {
        for run in words.windows(order) {
            let mut gram = [NO_WORD; MAX_ORDER];
            gram[..order].copy_from_slice(run);
            *counts.entry(gram).or_insert(0) += 1;
        }
    }
    counts
}

/// What BLEU is computed from; that of a corpus is the sum over its sentences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BleuCounts {
    /// Runs of each length that the reference has too, each as often as it has them.
    pub matched: [u64; MAX_ORDER],
    /// Runs of each length.
    pub total: [u64; MAX_ORDER],
    /// Words of the text.
    pub n_words: u64,
    /// Words of the reference.
    pub n_reference_words: u64,
}

/// A BLEU score.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bleu {
    /// From 0 to 100.
    pub score: f64,
    /// Smoothed shares of matched runs by their length, from 0 to 100.
    pub precisions: [f64; MAX_ORDER],
    /// What a text shorter than its reference is multiplied with, in [0, 1].
    pub brevity_penalty: f64,
}

impl BleuCounts {
    /// Counts for a text whose runs are `grams`, when `most` says how often the reference (or the best of several) has
    /// each.
    pub fn of(
        grams: &HashMap<Gram, u32>,
        n_words: usize,
        n_reference_words: usize,
        most: impl Fn(&Gram) -> u32,
    ) -> Self {
        let mut counts =
            Self { n_words: n_words as u64, n_reference_words: n_reference_words as u64, ..Self::default() };
        for (gram, count) in grams {
            let at = gram.iter().take_while(|word| **word != NO_WORD).count() - 1;
            counts.total[at] += u64::from(*count);
            counts.matched[at] += u64::from((*count).min(most(gram)));
        }
        counts
    }

    /// Adds the counts of another sentence.
    pub fn add(&mut self, other: &Self) {
        for at in 0..MAX_ORDER {
            self.matched[at] += other.matched[at];
            self.total[at] += other.total[at];
        }
        self.n_words += other.n_words;
        self.n_reference_words += other.n_reference_words;
    }

    /// 1 for a text as long as its reference or longer, less for a shorter one; 0 for an empty one beside a reference.
    pub fn brevity_penalty(&self) -> f64 {
        if self.n_words >= self.n_reference_words {
            1.0
        } else if self.n_words == 0 {
            0.0
        } else {
            (1.0 - self.n_reference_words as f64 / self.n_words as f64).exp()
        }
    }

    /// The score as sacrebleu computes it: each length without a match halves the precision it is given; 0 where nothing
    /// matches or the text is too short to have a run of four words.
    pub fn score(&self) -> Bleu {
        let brevity_penalty = self.brevity_penalty();
        let mut precisions = [0.0; MAX_ORDER];
        if self.matched.iter().all(|matched| *matched == 0) {
            return Bleu { score: 0.0, precisions, brevity_penalty };
        }
        let mut halved = 1.0;
        for (at, precision) in precisions.iter_mut().enumerate() {
            let (matched, total) = (self.matched[at] as f64, self.total[at] as f64);
            if total == 0.0 {
                break;
            }
            *precision = if matched == 0.0 {
                halved *= 2.0;
                100.0 / (halved * total)
            } else {
                100.0 * matched / total
            };
        }
        let score = if precisions.contains(&0.0) { 0.0 } else { brevity_penalty * geometric_mean(&precisions) };
        Bleu { score, precisions, brevity_penalty }
    }
}

/// The geometric mean of positive numbers, by their logarithms.
pub fn geometric_mean(values: &[f64; MAX_ORDER]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / MAX_ORDER as f64).exp()
}

/// Counts for pairs of texts; kept for its memory, its counts do not depend on earlier ones.
///
/// # Example
/// ```
/// use gristmill_core::measures::bleu::Counter;
/// let counts = Counter::default().count("The cat sat down.", "The cat sat down.", false);
/// assert!((counts.score().score - 100.0).abs() < 1e-9);
/// ```
#[derive(Debug, Default)]
pub struct Counter {
    interner: Interner,
}

impl Counter {
    /// Counts a text against its reference, in small letters if `lowercase`.
    pub fn count(&mut self, text: &str, reference: &str, lowercase: bool) -> BleuCounts {
        self.interner.clear();
        let mut cut = |text: &str| -> Vec<u32> {
            let text = tokenize_13a(&lower(text, lowercase));
            split_white(&text).map(|word| self.interner.intern(word).0).collect()
        };
        let (words, reference) = (cut(text), cut(reference));
        let grams = count_grams(&reference);
        BleuCounts::of(&count_grams(&words), words.len(), reference.len(), |gram| grams.get(gram).copied().unwrap_or(0))
    }
}

/// The text with spaces around what the tokenizer of mteval-v13a takes for a word of its own.
fn tokenize_13a(text: &str) -> String {
    let mut text = text.trim_end().replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    if text.contains('&') {
        text = text.replace("&quot;", "\"").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
    }
    let mut chars = vec![' '];
    for c in text.chars() {
        // All of ASCII punctuation but the four that may stand inside a word or a number.
        if c.is_ascii_punctuation() && !matches!(c, '\'' | ',' | '-' | '.') {
            chars.extend([' ', c, ' ']);
        } else {
            chars.push(c);
        }
    }
    chars.push(' ');
    let point = |c: char| matches!(c, '.' | ',');
    let digit = |c: char| c.is_ascii_digit();
    let chars = space_pairs(&chars, |a, b| !digit(a) && point(b), |a, b| [a, ' ', b, ' ']);
    let chars = space_pairs(&chars, |a, b| point(a) && !digit(b), |a, b| [' ', a, ' ', b]);
    let chars = space_pairs(&chars, |a, b| digit(a) && b == '-', |a, b| [a, ' ', b, ' ']);
    chars.into_iter().collect()
}

/// Replaces pairs of neighbours that `fit`, from the left; a character is part of one pair at most.
fn space_pairs(
    chars: &[char],
    fit: impl Fn(char, char) -> bool,
    spaced: impl Fn(char, char) -> [char; 4],
) -> Vec<char> {
    let mut out = Vec::with_capacity(chars.len() + chars.len() / 8);
    let mut at = 0;
    while at < chars.len() {
        match chars.get(at + 1) {
            Some(next) if fit(chars[at], *next) => {
                out.extend(spaced(chars[at], *next));
                at += 2;
            }
            _ => {
                out.push(chars[at]);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measures::testing::sacrebleu_table;

    #[test]
    fn equals_sacrebleu_on_the_table() {
        let mut counter = Counter::default();
        let mut corpus = BleuCounts::default();
        let (rows, totals) = sacrebleu_table();
        for row in &rows {
            let counts = counter.count(&row.text, &row.reference, false);
            corpus.add(&counts);
            let found = counts.score();
            assert!((found.score - row.numbers[0]).abs() < 1e-9, "{found:?} {row:?}");
            assert!((found.brevity_penalty - row.numbers[1]).abs() < 1e-9, "{found:?} {row:?}");
            let small = counter.count(&row.text, &row.reference, true).score().score;
            assert!((small - row.numbers[2]).abs() < 1e-9, "{small} {row:?}");
        }
        assert!((corpus.score().score - totals[0]).abs() < 1e-9, "{corpus:?} {totals:?}");
    }

    #[test]
    fn words_of_13a() {
        // By sacrebleu.tokenizers.tokenizer_13a.Tokenizer13a.
        let cut = |text: &str| split_white(&tokenize_13a(text)).collect::<Vec<_>>().join(" ");
        for (text, words) in [
            ("It costs 3,000.50 (approx.), e.g. 1990-1995!", "It costs 3,000.50 ( approx . ) , e . g . 1990 - 1995 !"),
            ("don't a,,b ..5 -\nx", "don't a , , b . .5 x"),
            ("&quot;a&amp;b&quot; <skipped>well-known", "\" a & b \" well-known"),
            ("", ""),
        ] {
            assert_eq!(cut(text), words, "{text}");
        }
    }

    #[test]
    fn empty_texts_score_zero() {
        let mut counter = Counter::default();
        for (text, reference) in [("", ""), ("", "a b c d"), ("a b c d", ""), ("a b c", "a b c")] {
            assert_eq!(counter.count(text, reference, false).score().score, 0.0, "{text:?} {reference:?}");
        }
    }
}
