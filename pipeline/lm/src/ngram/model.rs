//! Modified Kneser-Ney: an interpolated n-gram model with three discounts per order.
//!
//! Source: Chen and Goodman 1999, "An empirical study of smoothing techniques for language modeling", section 3 (the
//! discounts D1, D2, D3+ from counts of counts). The lowest order is interpolated with a model that spells any token
//! letter by letter, so that every text has a probability and all probabilities of a position sum to one.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use super::tokens::{END, START, Token, Vocabulary, tokens};

/// A fitted model.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) vocabulary: Vocabulary,
    /// `orders[n]` knows what follows `n` tokens.
    orders: Vec<Order>,
    /// Probability of each token of the vocabulary with no context.
    unigram: Vec<f64>,
    /// Share of the lowest order that goes to the spelling model.
    novel: f64,
    spelling: Spelling,
    /// Hash of everything fitted on.
    pub(super) revision: String,
    pub(super) n_tokens: usize,
}

/// What follows contexts of one length.
#[derive(Debug, Default)]
struct Order {
    contexts: HashMap<u64, Context>,
    /// Successors of all contexts, one context after the other, by token.
    successors: Vec<(Token, f32)>,
}

#[derive(Debug, Clone, Copy)]
struct Context {
    start: u32,
    end: u32,
    /// Share of the context's mass that goes to the shorter context.
    backoff: f32,
}

/// Counts on the way to a model.
pub(super) struct Counts {
    order: usize,
    counts: Vec<HashMap<(u64, Token), u32>>,
    vocabulary: Vocabulary,
    spelling: Spelling,
    digest: Vec<u64>,
    n_tokens: usize,
}

impl Counts {
    /// Counts of n-grams up to `order` tokens (at least 1).
    pub(super) fn new(order: usize) -> Self {
        let order = order.max(1);
        Self {
            order,
            counts: vec![HashMap::new(); order],
            vocabulary: Vocabulary::new(),
            spelling: Spelling::default(),
            digest: Vec::new(),
            n_tokens: 0,
        }
    }

    /// Number of tokens seen.
    pub(super) fn n_tokens(&self) -> usize {
        self.n_tokens
    }

    /// Counts a document.
    pub(super) fn add(&mut self, document: &str) {
        self.digest.push(xxh3_64(document.as_bytes()));
        let mut sequence = vec![START];
        for token in tokens(document) {
            let known = self.vocabulary.len();
            let number = self.vocabulary.intern(token);
            if self.vocabulary.len() > known {
                self.spelling.add(token);
            }
            sequence.push(number);
        }
        sequence.push(END);
        self.n_tokens += sequence.len() - 1;
        for i in 1..sequence.len() {
            let start = i.saturating_sub(self.order - 1);
            self.count(&sequence[start..i], sequence[i]);
        }
    }

    /// Counts an n-gram, and where it is new, the shorter one it extends: those count what they are seen after.
    fn count(&mut self, mut context: &[Token], token: Token) {
        loop {
            let count = self.counts[context.len()].entry((hash(context), token)).or_insert(0);
            *count += 1;
            if *count > 1 || context.is_empty() {
                return;
            }
            context = &context[1..];
        }
    }

    /// The model of these counts.
    pub(super) fn fit(self) -> Model {
        let revision = self
            .digest
            .iter()
            .fold(self.order as u64, |sum, digest| xxh3_64(&[sum.to_le_bytes(), digest.to_le_bytes()].concat()));
        let mut orders: Vec<Order> = self.counts.into_iter().map(Order::fit).collect();
        let mut unigram = vec![0.0; self.vocabulary.len()];
        let mut novel = 1.0;
        if let Some(context) = orders[0].contexts.get(&hash(&[])).copied() {
            novel = f64::from(context.backoff);
            for (token, share) in orders[0].of(context) {
                unigram[*token as usize] = f64::from(*share);
            }
        }
        orders[0] = Order::default();
        // What is left for tokens never seen is spelled; known tokens get their share of it too.
        for (token, p) in unigram.iter_mut().enumerate().skip(2) {
            *p += novel * self.spelling.probability(self.vocabulary.text(token as Token));
        }
        Model {
            vocabulary: self.vocabulary,
            orders,
            unigram,
            novel,
            spelling: self.spelling,
            revision: format!("{revision:016x}"),
            n_tokens: self.n_tokens,
        }
    }
}

impl Order {
    fn fit(counts: HashMap<(u64, Token), u32>) -> Self {
        let mut rows: Vec<(u64, Token, u32)> = counts.into_iter().map(|((c, t), n)| (c, t, n)).collect();
        rows.sort_unstable();
        let discounts = discounts(rows.iter().map(|row| row.2));
        let mut order = Self::default();
        for group in rows.chunk_by(|a, b| a.0 == b.0) {
            let total: f64 = group.iter().map(|row| f64::from(row.2)).sum();
            let start = order.successors.len() as u32;
            let mut kept = 0.0;
            for (_, token, n) in group {
                let share = (f64::from(*n) - discounts[(*n).min(3) as usize - 1]).max(0.0) / total;
                kept += share;
                order.successors.push((*token, share as f32));
            }
            let end = order.successors.len() as u32;
            order.contexts.insert(group[0].0, Context { start, end, backoff: (1.0 - kept).max(0.0) as f32 });
        }
        order
    }

    fn of(&self, context: Context) -> &[(Token, f32)] {
        &self.successors[context.start as usize..context.end as usize]
    }
}

/// D1, D2 and D3+ from the counts of counts; 0.5 each where there are too few to tell.
fn discounts(counts: impl Iterator<Item = u32>) -> [f64; 3] {
    let mut n = [0.0f64; 5];
    for count in counts.filter(|count| *count <= 4) {
        n[count as usize] += 1.0;
    }
    if n[1..].contains(&0.0) {
        return [0.5, 0.5, 0.5];
    }
    let y = n[1] / (n[1] + 2.0 * n[2]);
    [1.0 - 2.0 * y * n[2] / n[1], 2.0 - 3.0 * y * n[3] / n[2], 3.0 - 4.0 * y * n[4] / n[3]].map(|d| d.max(0.1))
}

fn hash(context: &[Token]) -> u64 {
    let mut bytes = [0u8; 64];
    let n = context.len().min(16);
    for (slot, token) in bytes.chunks_exact_mut(4).zip(context) {
        slot.copy_from_slice(&token.to_le_bytes());
    }
    xxh3_64(&bytes[..4 * n])
}

impl Model {
    /// The longest context that matters, in tokens.
    fn reach(&self) -> usize {
        self.orders.len().saturating_sub(1)
    }

    /// Contexts of the history that the model knows, shortest first.
    fn contexts<'a>(&'a self, history: &'a [Token]) -> impl Iterator<Item = (&'a Order, Context)> {
        (1..=self.reach().min(history.len())).filter_map(|n| {
            let order = &self.orders[n];
            order.contexts.get(&hash(&history[history.len() - n..])).map(|context| (order, *context))
        })
    }

    /// The probability of a token of the vocabulary after `history`.
    pub(super) fn probability(&self, history: &[Token], token: Token) -> f64 {
        self.interpolate(history, Some(token), self.unigram[token as usize])
    }

    /// The probability of a token that the vocabulary lacks.
    pub(super) fn novel_probability(&self, history: &[Token], text: &str) -> f64 {
        self.interpolate(history, None, self.novel * self.spelling.probability(text))
    }

    fn interpolate(&self, history: &[Token], token: Option<Token>, base: f64) -> f64 {
        self.contexts(history).fold(base, |shorter, (order, context)| {
            let successors = order.of(context);
            let found = token.and_then(|t| successors.binary_search_by_key(&t, |row| row.0).ok());
            found.map_or(0.0, |at| f64::from(successors[at].1)) + f64::from(context.backoff) * shorter
        })
    }

    /// The probabilities of all tokens of the vocabulary after `history`; they sum to at most one, the rest being
    /// tokens never seen.
    pub(super) fn distribution(&self, history: &[Token], out: &mut Vec<f64>) {
        out.clear();
        out.extend_from_slice(&self.unigram);
        for (order, context) in self.contexts(history) {
            let backoff = f64::from(context.backoff);
            for p in out.iter_mut() {
                *p *= backoff;
            }
            for (token, share) in order.of(context) {
                out[*token as usize] += f64::from(*share);
            }
        }
    }
}

/// Letters of a token after the letter before, with add-one smoothing over bytes: a probability for any token.
#[derive(Debug, Default)]
struct Spelling {
    pairs: HashMap<(u16, u16), u32>,
    totals: HashMap<u16, u32>,
}

/// Before the first and after the last byte of a token.
const EDGE: u16 = 256;

impl Spelling {
    fn add(&mut self, token: &str) {
        let mut before = EDGE;
        for byte in token.bytes().map(u16::from).chain([EDGE]) {
            *self.pairs.entry((before, byte)).or_insert(0) += 1;
            *self.totals.entry(before).or_insert(0) += 1;
            before = byte;
        }
    }

    fn probability(&self, token: &str) -> f64 {
        let (mut p, mut before) = (1.0, EDGE);
        for byte in token.bytes().map(u16::from).chain([EDGE]) {
            let pair = self.pairs.get(&(before, byte)).copied().unwrap_or(0);
            let total = self.totals.get(&before).copied().unwrap_or(0);
            p *= (f64::from(pair) + 1.0) / (f64::from(total) + 257.0);
            before = byte;
        }
        // A token of thousands of bytes would underflow; its logarithm must stay finite.
        p.max(f64::MIN_POSITIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(documents: &[&str], order: usize) -> Model {
        let mut counts = Counts::new(order);
        documents.iter().for_each(|document| counts.add(document));
        counts.fit()
    }

    #[test]
    fn probabilities_of_a_position_sum_to_one_with_what_is_left_for_new_tokens() {
        let model = model(&["a b c a b d", "a b c", "b c a"], 3);
        let number = |text: &str| model.vocabulary.get(text).unwrap();
        for history in [vec![START], vec![START, number("a")], vec![number(" a"), number(" b")], vec![9, 9]] {
            let mut all = Vec::new();
            model.distribution(&history, &mut all);
            let backoffs: f64 = model.contexts(&history).map(|(_, c)| f64::from(c.backoff)).product();
            let spelled: f64 =
                (2..all.len()).map(|t| model.spelling.probability(model.vocabulary.text(t as u32))).sum();
            let sum = all.iter().sum::<f64>() + backoffs * model.novel * (1.0 - spelled);
            assert!((sum - 1.0).abs() < 1e-6, "{sum}");
            for (token, p) in all.iter().enumerate() {
                assert!((model.probability(&history, token as Token) - p).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn discounts_follow_chen_and_goodman() {
        // n1 = 6, n2 = 3, n3 = 2, n4 = 1: Y = 6/12, D1 = 1 - 2*.5*3/6, D2 = 2 - 3*.5*2/3, D3 = 3 - 4*.5*1/2.
        let counts = [1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4];
        assert_eq!(discounts(counts.into_iter()), [0.5, 1.0, 2.0]);
    }

    #[test]
    fn what_was_seen_is_likelier_than_what_was_not() {
        let model = model(&["the cat sat on the mat", "the cat ate", "the dog sat on the mat"], 4);
        let number = |text: &str| model.vocabulary.get(text).unwrap();
        let history = [START, number("the")];
        assert!(model.probability(&history, number(" cat")) > model.probability(&history, number(" mat")));
        assert!(model.novel_probability(&history, " cab") > model.novel_probability(&history, " zzzzzz"));
        assert!(model.probability(&history, number(" mat")) > model.novel_probability(&history, " cab"));
    }
}
