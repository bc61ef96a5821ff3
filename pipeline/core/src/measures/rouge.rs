//! ROUGE-1, ROUGE-2 and ROUGE-L: how many words, pairs of words and ordered words two texts share.
//!
//! The novelty gates of Self-Instruct, the agreement of Ensemble-Instruct and the diversity gate of Impossible
//! Distillation are thresholds on ROUGE-L as Google's rouge-score computes it, so these numbers are the same ones.
//!
//! Source: Lin 2004, ROUGE: A Package for Automatic Evaluation of Summaries (W04-1013); rouge-score 0.1.2, with and
//! without its stemmer. Not here: the summary-level ROUGE-Lsum, skip-bigrams and the bootstrap.

use super::lcs::{Pattern, lcs_len};
use super::tokens::{Lexer, Stemmer, Tokenizer};

/// Precision, recall and their harmonic mean, each in [0, 1]; all 0 where nothing can be shared.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Prf {
    /// Share of the prediction that is in the target.
    pub precision: f64,
    /// Share of the target that is in the prediction.
    pub recall: f64,
    /// 2 P R / (P + R); 0 if both are 0.
    pub f: f64,
}

impl Prf {
    /// From counts: `n_common` of `n_target` units of the target and of `n_prediction` units of the prediction.
    ///
    /// A text without units has precision or recall 0. The order of operations is that of rouge-score, so the bits are too.
    pub fn of_counts(n_common: usize, n_target: usize, n_prediction: usize) -> Self {
        let precision = n_common as f64 / n_prediction.max(1) as f64;
        let recall = n_common as f64 / n_target.max(1) as f64;
        let f = if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 };
        Self { precision, recall, f }
    }
}

/// The three scores of one pair of texts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RougeScores {
    /// Tokens in common, each as often as in the text that has it less often.
    pub rouge1: Prf,
    /// Pairs of neighbouring tokens in common.
    pub rouge2: Prf,
    /// Longest common subsequence of tokens.
    pub rouge_l: Prf,
}

/// A scorer; it is kept for its memory, its scores do not depend on what it scored before.
///
/// # Example
/// ```
/// use gristmill_core::measures::rouge::Rouge;
/// use gristmill_core::measures::tokens::Stemmer;
/// let scores = Rouge::new(Stemmer::None).score("the cat sat", "the cat ran");
/// assert_eq!(scores.rouge1.f, 2.0 / 3.0);
/// assert_eq!(scores.rouge2.precision, 0.5);
/// ```
#[derive(Debug, Clone)]
pub struct Rouge {
    lexer: Lexer,
    target: Vec<u32>,
    prediction: Vec<u32>,
    scratch: Scratch,
}

/// Distinct words after which the lexer starts anew, so that a scorer for a whole run stays small.
const MAX_WORDS: usize = 1 << 16;

impl Rouge {
    /// A scorer with the tokenizer of rouge-score.
    pub fn new(stemmer: Stemmer) -> Self {
        Self::with_tokenizer(Tokenizer::RougeScore, stemmer)
    }

    /// A scorer with a chosen tokenizer.
    pub fn with_tokenizer(tokenizer: Tokenizer, stemmer: Stemmer) -> Self {
        let lexer = Lexer::new(tokenizer, stemmer);
        Self { lexer, target: Vec::new(), prediction: Vec::new(), scratch: Scratch::default() }
    }

    /// Scores a prediction against its target. Texts without tokens score 0.
    pub fn score(&mut self, target: &str, prediction: &str) -> RougeScores {
        self.cut(target, prediction);
        score_tokens(&self.target, &self.prediction, &mut self.scratch)
    }

    /// ROUGE-L alone, at a fraction of the cost.
    pub fn rouge_l(&mut self, target: &str, prediction: &str) -> Prf {
        self.cut(target, prediction);
        rouge_l_of_tokens(&self.target, &self.prediction, &mut self.scratch.pattern)
    }

    fn cut(&mut self, target: &str, prediction: &str) {
        if self.lexer.n_words() > MAX_WORDS {
            self.lexer.clear();
        }
        self.lexer.tokens(target, &mut self.target);
        self.lexer.tokens(prediction, &mut self.prediction);
    }
}

/// Memory that [`score_tokens`] uses.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    pattern: Pattern,
    target: Vec<u64>,
    prediction: Vec<u64>,
}

/// The scores of two texts that one [`Lexer`] has cut.
pub fn score_tokens(target: &[u32], prediction: &[u32], scratch: &mut Scratch) -> RougeScores {
    let one = |tokens: &[u32], out: &mut Vec<u64>| out.extend(tokens.iter().map(|token| u64::from(*token)));
    let two = |tokens: &[u32], out: &mut Vec<u64>| {
        out.extend(tokens.windows(2).map(|pair| u64::from(pair[0]) << 32 | u64::from(pair[1])));
    };
    RougeScores {
        rouge1: rouge_n(target, prediction, scratch, one),
        rouge2: rouge_n(target, prediction, scratch, two),
        rouge_l: rouge_l_of_tokens(target, prediction, &mut scratch.pattern),
    }
}

/// ROUGE-L of two texts that one [`Lexer`] has cut.
pub fn rouge_l_of_tokens(target: &[u32], prediction: &[u32], scratch: &mut Pattern) -> Prf {
    Prf::of_counts(lcs_len(target, prediction, scratch), target.len(), prediction.len())
}

fn rouge_n(target: &[u32], prediction: &[u32], scratch: &mut Scratch, units: impl Fn(&[u32], &mut Vec<u64>)) -> Prf {
    scratch.target.clear();
    scratch.prediction.clear();
    units(target, &mut scratch.target);
    units(prediction, &mut scratch.prediction);
    scratch.target.sort_unstable();
    scratch.prediction.sort_unstable();
    let n_common = n_in_both(&scratch.target, &scratch.prediction);
    Prf::of_counts(n_common, scratch.target.len(), scratch.prediction.len())
}

/// Size of the intersection of two sorted multisets.
pub(crate) fn n_in_both<T: Ord>(a: &[T], b: &[T]) -> usize {
    let (mut i, mut j, mut n) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                n += 1;
                i += 1;
                j += 1;
            }
        }
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measures::testing::unescaped;

    fn flat(scores: RougeScores) -> [f64; 9] {
        let prf = |prf: Prf| [prf.precision, prf.recall, prf.f];
        let [a, b, c] = [scores.rouge1, scores.rouge2, scores.rouge_l].map(prf);
        [a[0], a[1], a[2], b[0], b[1], b[2], c[0], c[1], c[2]]
    }

    #[test]
    fn equals_rouge_score_on_the_table() {
        let mut plain = Rouge::new(Stemmer::None);
        let mut stemmed = Rouge::new(Stemmer::Porter);
        let mut n_rows = 0;
        for line in include_str!("testdata/rouge.tsv").lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<&str> = line.split('\t').collect();
            let (target, prediction) = (unescaped(columns[0]), unescaped(columns[1]));
            for (scorer, expected) in [(&mut plain, columns[2]), (&mut stemmed, columns[3])] {
                let found = flat(scorer.score(&target, &prediction));
                assert_eq!(
                    found[6..],
                    flat(RougeScores { rouge_l: scorer.rouge_l(&target, &prediction), ..Default::default() })[6..]
                );
                for (found, expected) in found.iter().zip(expected.split(' ')) {
                    assert!((found - number(expected)).abs() < 1e-12, "{found} {expected}: {line}");
                }
            }
            n_rows += 1;
        }
        assert_eq!(n_rows, 1000);
    }

    /// Reads `3/7` or `1`.
    fn number(text: &str) -> f64 {
        let (above, below) = text.split_once('/').unwrap_or((text, "1"));
        above.parse::<f64>().unwrap() / below.parse::<f64>().unwrap()
    }

    #[test]
    fn texts_beyond_ascii_score_with_the_script_aware_tokenizer() {
        let (a, b) = ("Напиши короткое письмо другу", "Напиши короткое стихотворение");
        assert_eq!(Rouge::new(Stemmer::None).rouge_l(a, a), Prf::default());
        let mut rouge = Rouge::with_tokenizer(Tokenizer::ScriptAware, Stemmer::None);
        assert_eq!(rouge.rouge_l(a, b), Prf::of_counts(2, 4, 3));
        assert_eq!(rouge.score("写一首诗", "写一封信").rouge1.f, 0.5);
    }

    #[test]
    fn texts_without_words_score_zero() {
        let mut rouge = Rouge::new(Stemmer::Porter);
        for (a, b) in [("", ""), ("", "a b"), ("a b", "?!"), ("\u{1f980}", "日")] {
            assert_eq!(rouge.score(a, b), RougeScores::default());
        }
        assert_eq!(rouge.score("one", "one").rouge2, Prf::default());
    }

    #[test]
    fn scores_do_not_depend_on_what_was_scored_before() {
        let mut rouge = Rouge::new(Stemmer::None);
        let first = rouge.score("a b c d", "a c d e");
        for i in 0..MAX_WORDS + 10 {
            rouge.rouge_l(&format!("word{i}"), "");
        }
        assert_eq!(rouge.score("a b c d", "a c d e"), first);
    }
}
