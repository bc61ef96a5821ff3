//! The novelty gate: is a new text too close, by ROUGE-L, to any text kept so far?
//!
//! Self-Instruct and its descendants keep an instruction only if its ROUGE-L F against every seed and every instruction
//! kept before is at most 0.7. Done by comparing with each of them, that is n² scores. Here an index names the few
//! records that could score more than the limit, and only these are scored; the decision is the one a full scan would make.
//!
//! Why that is exact: F > limit asks for a certain number of common tokens of two texts of m and n, and the longest
//! common subsequence is no longer than what the two bags of tokens share. Texts of too different lengths fall out, and
//! two bags that share t tokens share one among the n - t + 1 rarest of the one and the m - t + 1 rarest of the other.
//!
//! Source: Wang et al. 2023, Self-Instruct (arXiv:2212.10560), section 2.2; the prefix and position filters of Xiao
//! et al. 2008 (PPJoin, WWW), on bags by numbering repeated tokens. We differ in the default tokenizer: that of
//! rouge-score finds no word in most scripts, which leaves the gate open for them. `tokenizer = "rouge_score"` restores it.

mod index;

use serde::Deserialize;

use super::lcs::Pattern;
use super::rouge::Prf;
use super::tokens::{Lexer, Stemmer, Tokenizer};
use index::Index;

/// What counts as too close.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoveltyParams {
    /// Highest ROUGE-L F that a new text may have with any record. 0.7 in Self-Instruct; at 1 or more nothing is too close.
    pub limit: f64,
    /// How texts are cut. Self-Instruct: `rouge_score`.
    pub tokenizer: Tokenizer,
    /// Whether tokens are stemmed. Self-Instruct: `none`.
    pub stemmer: Stemmer,
}

impl Default for NoveltyParams {
    fn default() -> Self {
        Self { limit: 0.7, tokenizer: Tokenizer::ScriptAware, stemmer: Stemmer::None }
    }
}

/// A record and how similar it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similar {
    /// Number of the record, in the order of insertion, from 0.
    pub record: usize,
    /// ROUGE-L F, in [0, 1].
    pub f: f64,
}

/// Verdict on a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Novelty {
    /// The most similar record if it is above the limit, the earliest of equals; none if the text is novel.
    pub blocker: Option<Similar>,
}

impl Novelty {
    /// Whether no record is above the limit.
    pub fn is_novel(&self) -> bool {
        self.blocker.is_none()
    }
}

/// What a comparison with every record gives.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scan {
    /// The most similar records, best first, the earlier of equals first; records that share nothing have F 0.
    pub top: Vec<Similar>,
    /// Mean of F over all records, which Self-Instruct writes as `avg_similarity_score`; 0 if there are none.
    pub mean_f: f64,
}

/// The texts kept so far.
///
/// # Example
/// ```
/// use gristmill_core::measures::novelty::{NoveltyIndex, NoveltyParams};
/// let mut kept = NoveltyIndex::new(NoveltyParams::default());
/// kept.insert("Write a poem about the sea.");
/// assert!(!kept.offer("Write a poem about the lake.").is_novel());
/// assert!(kept.offer("Sort these numbers.").is_novel());
/// assert_eq!(kept.n_records(), 2);
/// ```
#[derive(Debug, Clone)]
pub struct NoveltyIndex {
    limit: f64,
    lexer: Lexer,
    index: Index,
    pattern: Pattern,
    tokens: Vec<u32>,
    candidates: Vec<usize>,
}

impl NoveltyIndex {
    /// An index without records.
    pub fn new(params: NoveltyParams) -> Self {
        Self {
            limit: params.limit,
            lexer: Lexer::new(params.tokenizer, params.stemmer),
            index: Index::default(),
            pattern: Pattern::default(),
            tokens: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// How many texts have been inserted.
    pub fn n_records(&self) -> usize {
        self.index.n_records()
    }

    /// Adds a text whatever its similarity; returns its record number.
    pub fn insert(&mut self, text: &str) -> usize {
        self.lexer.tokens(text, &mut self.tokens);
        self.index.insert(&self.tokens)
    }

    /// Judges a text without adding it.
    ///
    /// A text without tokens is as similar as 0 to everything, hence novel unless the limit is negative.
    pub fn check(&mut self, text: &str) -> Novelty {
        self.lexer.tokens(text, &mut self.tokens);
        self.judge()
    }

    /// Judges a text and adds it if it is novel.
    pub fn offer(&mut self, text: &str) -> Novelty {
        let novelty = self.check(text);
        if novelty.is_novel() {
            self.index.insert(&self.tokens);
        }
        novelty
    }

    /// The `k` most similar records that share a token with the text, best first, the earlier of equals first.
    ///
    /// Scores those records only whose shared tokens promise a place among the `k`; the result is that of a full scan.
    pub fn most_similar(&mut self, text: &str, k: usize) -> Vec<Similar> {
        self.lexer.tokens(text, &mut self.tokens);
        self.pattern.prepare(&self.tokens);
        let mut top = Top::new(k);
        for (record, n_shared) in self.index.by_shared_tokens(&self.tokens) {
            let bound = f_of(n_shared, self.index.tokens(record).len(), self.tokens.len());
            if top.would_take(Similar { record, f: bound }) {
                top.offer(similar(&mut self.pattern, &self.index, record, self.tokens.len()));
            }
        }
        top.best
    }

    /// Compares a text with every record.
    pub fn scan(&mut self, text: &str, k: usize) -> Scan {
        self.lexer.tokens(text, &mut self.tokens);
        self.pattern.prepare(&self.tokens);
        let mut top = Top::new(k);
        let mut sum = 0.0;
        for record in 0..self.index.n_records() {
            let found = similar(&mut self.pattern, &self.index, record, self.tokens.len());
            sum += found.f;
            top.offer(found);
        }
        Scan { top: top.best, mean_f: sum / self.index.n_records().max(1) as f64 }
    }

    fn judge(&mut self) -> Novelty {
        let n = self.tokens.len();
        self.pattern.prepare(&self.tokens);
        let mut top = Top::new(1);
        if self.limit < 0.0 {
            // Even records that share nothing are above: no index helps.
            for record in 0..self.index.n_records() {
                top.offer(similar(&mut self.pattern, &self.index, record, n));
            }
        } else {
            self.index.candidates(&self.tokens, self.limit, &mut self.candidates);
            for record in &self.candidates {
                top.offer(similar(&mut self.pattern, &self.index, *record, n));
            }
        }
        Novelty { blocker: top.best.first().copied().filter(|best| best.f > self.limit) }
    }
}

fn similar(pattern: &mut Pattern, index: &Index, record: usize, n_tokens: usize) -> Similar {
    let tokens = index.tokens(record);
    Similar { record, f: f_of(pattern.lcs_len(tokens), tokens.len(), n_tokens) }
}

/// ROUGE-L F of texts of `m` and `n` tokens with a common subsequence of `n_common`, to the bit as rouge-score has it.
fn f_of(n_common: usize, m: usize, n: usize) -> f64 {
    Prf::of_counts(n_common, m, n).f
}

/// The best so many.
struct Top {
    k: usize,
    best: Vec<Similar>,
}

impl Top {
    fn new(k: usize) -> Self {
        Self { k, best: Vec::new() }
    }

    fn would_take(&self, new: Similar) -> bool {
        match self.best.last() {
            Some(worst) if self.best.len() >= self.k => is_before(new, *worst),
            _ => self.k > 0,
        }
    }

    fn offer(&mut self, new: Similar) {
        if self.would_take(new) {
            let at = self.best.partition_point(|old| is_before(*old, new));
            self.best.insert(at, new);
            self.best.truncate(self.k);
        }
    }
}

fn is_before(a: Similar, b: Similar) -> bool {
    a.f > b.f || (a.f == b.f && a.record < b.record)
}

#[cfg(test)]
mod tests;
