//! Rhythm of sentences: how long they are, how they begin, how they hang together.

use super::lexicon::Class;
use super::scan::Scan;
use super::variety::ratio;

/// Measures of sentences; all 0 without one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rhythm {
    pub(crate) mean_words: f64,
    pub(crate) sd_words: f64,
    /// Standard deviation over mean.
    pub(crate) variation: f64,
    pub(crate) most_words: f64,
    pub(crate) least_words: f64,
    /// Mean absolute difference of neighbours.
    pub(crate) mean_step: f64,
    /// Mean step over mean length.
    pub(crate) relative_step: f64,
    pub(crate) short_ratio: f64,
    pub(crate) long_ratio: f64,
    pub(crate) commas_per_sentence: f64,
    pub(crate) sd_commas: f64,
    pub(crate) asking_ratio: f64,
    pub(crate) exclaiming_ratio: f64,
    pub(crate) quotes_per_sentence: f64,
    /// Share of sentences that open with a word of each class.
    pub(crate) openers: [f64; Class::ALL.len()],
    /// Distinct first words over sentences.
    pub(crate) opener_variety: f64,
    /// Sentences that open like the one before.
    pub(crate) same_opener_ratio: f64,
    /// Sentences that have a comma in their first four words.
    pub(crate) early_comma_ratio: f64,
    /// Open-class words of a sentence that the sentence before had.
    pub(crate) overlap: f64,
    /// Kinds of open-class words of the second half that the first half had.
    pub(crate) return_ratio: f64,
    /// Names that occurred before.
    pub(crate) name_return_ratio: f64,
    /// Mean place of the first comma-free stretch: words between commas.
    pub(crate) clause_words: f64,
}

pub(crate) fn rhythm(scan: &Scan, n_quotes: usize) -> Rhythm {
    let n = scan.sentences.len() as f64;
    if scan.sentences.is_empty() {
        return Rhythm::default();
    }
    let words = |at: usize| scan.sentences[at].n_tokens as f64;
    let all = || (0..scan.sentences.len()).map(words);
    let mean = all().sum::<f64>() / n;
    let sd = (all().map(|w| (w - mean) * (w - mean)).sum::<f64>() / n).sqrt();
    let steps: f64 = (1..scan.sentences.len()).map(|at| (words(at) - words(at - 1)).abs()).sum();
    let mean_step = ratio(steps, n - 1.0);
    let n_commas: usize = scan.sentences.iter().map(|s| s.n_commas).sum();
    let mean_commas = n_commas as f64 / n;
    let spread: f64 = scan.sentences.iter().map(|s| (s.n_commas as f64 - mean_commas).powi(2)).sum();
    let share = |count: usize| count as f64 / n;
    let mut rhythm = Rhythm {
        mean_words: mean,
        sd_words: sd,
        variation: ratio(sd, mean),
        most_words: all().fold(0.0, f64::max),
        least_words: all().fold(f64::INFINITY, f64::min),
        mean_step,
        relative_step: ratio(mean_step, mean),
        short_ratio: share(scan.sentences.iter().filter(|s| s.n_tokens <= 7).count()),
        long_ratio: share(scan.sentences.iter().filter(|s| s.n_tokens >= 30).count()),
        commas_per_sentence: mean_commas,
        sd_commas: (spread / n).sqrt(),
        asking_ratio: share(scan.sentences.iter().filter(|s| s.asks).count()),
        exclaiming_ratio: share(scan.sentences.iter().filter(|s| s.exclaims).count()),
        quotes_per_sentence: n_quotes as f64 / n,
        clause_words: scan.tokens.len() as f64 / (n_commas as f64 + n),
        ..Rhythm::default()
    };
    openers(scan, &mut rhythm);
    cohesion(scan, &mut rhythm);
    rhythm
}

fn openers(scan: &Scan, rhythm: &mut Rhythm) {
    let n = scan.sentences.len() as f64;
    let mut kinds: Vec<u32> = Vec::with_capacity(scan.sentences.len());
    let mut n_early = 0;
    for sentence in &scan.sentences {
        let tokens = scan.tokens_of(sentence);
        let Some(first) = tokens.first() else { continue };
        rhythm.openers[first.class as usize] += 1.0 / n;
        n_early += usize::from(tokens.iter().take(5).skip(1).any(|token| token.shape.after_comma));
        kinds.push(first.kind);
    }
    let n_same = kinds.windows(2).filter(|pair| pair[0] == pair[1]).count();
    rhythm.early_comma_ratio = n_early as f64 / n;
    rhythm.same_opener_ratio = ratio(n_same as f64, n - 1.0);
    kinds.sort_unstable();
    kinds.dedup();
    rhythm.opener_variety = kinds.len() as f64 / n;
}

/// Where the text comes back to words it had.
fn cohesion(scan: &Scan, rhythm: &mut Rhythm) {
    const NEVER: u32 = u32::MAX;
    let mut last_sentence = vec![NEVER; scan.n_kinds];
    let half = scan.tokens.len() / 2;
    let (mut n_open, mut n_overlap) = (0_usize, 0_usize);
    let (mut n_late, mut n_return) = (0_usize, 0_usize);
    let (mut n_names, mut n_name_return) = (0_usize, 0_usize);
    let mut first_at = vec![NEVER; scan.n_kinds];
    for (at, token) in scan.tokens.iter().enumerate().filter(|(_, token)| token.class.is_open()) {
        let kind = token.kind as usize;
        let before = last_sentence[kind];
        if token.sentence > 0 {
            n_open += 1;
            n_overlap += usize::from(before != NEVER && before + 1 == token.sentence);
        }
        if at >= half {
            n_late += 1;
            n_return += usize::from((first_at[kind] as usize) < half);
        }
        if token.class == Class::Name {
            n_names += 1;
            n_name_return += usize::from(before != NEVER);
        }
        last_sentence[kind] = token.sentence;
        if first_at[kind] == NEVER {
            first_at[kind] = at as u32;
        }
    }
    rhythm.overlap = ratio(n_overlap as f64, n_open as f64);
    rhythm.return_ratio = ratio(n_return as f64, n_late as f64);
    rhythm.name_return_ratio = ratio(n_name_return as f64, n_names as f64);
}
