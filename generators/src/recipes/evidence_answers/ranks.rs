//! Four ways to rank answers by the probabilities of evidence e, answer a and question q.

use serde::Deserialize;

/// What answers are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RankBy {
    /// p(a | q, e).
    Direct,
    /// p(q | a, e).
    NoisyChannel,
    /// p(e | q) p(a | q, e), summed over the evidence of equal answers.
    Rag,
    /// p(e | q), p(a | q, e) and p(q | a, e), multiplied, each to the power of its weight.
    #[default]
    Product,
    /// p(e | q): where nobody scores.
    #[serde(skip)]
    Retrieval,
}

/// Exponents of the product.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Weights {
    retrieval: f64,
    direct: f64,
    noisy_channel: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { retrieval: 1.0, direct: 1.0, noisy_channel: 1.0 }
    }
}

/// Logarithms, in nats, of the three probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Logs {
    /// ln p(e | q): the evidence's share of the similarities.
    pub(super) retrieval: f64,
    /// ln p(a | q, e).
    pub(super) direct: f64,
    /// ln p(q | a, e).
    pub(super) noisy_channel: f64,
}

impl Logs {
    /// The score of one answer from one piece of evidence, in nats.
    pub(super) fn score(&self, by: RankBy, weights: &Weights) -> f64 {
        match by {
            RankBy::Direct => self.direct,
            RankBy::NoisyChannel => self.noisy_channel,
            RankBy::Rag => self.retrieval + self.direct,
            RankBy::Product => {
                weights.retrieval * self.retrieval
                    + weights.direct * self.direct
                    + weights.noisy_channel * self.noisy_channel
            }
            RankBy::Retrieval => self.retrieval,
        }
    }
}

/// Different answers, best first, each by the number of the answer that stands for it and its score. Answers are equal
/// but for case, white space and a full stop; for RAG and retrieval equal answers add up, else the best counts.
pub(super) fn aggregated(answers: &[(&str, Logs)], by: RankBy, weights: &Weights) -> Vec<(usize, f64)> {
    let mut kinds: Vec<(String, usize, f64, f64)> = Vec::new();
    for (i, (answer, logs)) in answers.iter().enumerate() {
        let key = answer.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let key = key.trim_end_matches('.').to_owned();
        let score = logs.score(by, weights);
        match kinds.iter_mut().find(|(known, ..)| *known == key) {
            None => kinds.push((key, i, score, score)),
            Some((_, stands, best, total)) => {
                let sums = matches!(by, RankBy::Rag | RankBy::Retrieval);
                *total = if sums { log_sum(*total, score) } else { total.max(score) };
                if score > *best {
                    (*stands, *best) = (i, score);
                }
            }
        }
    }
    kinds.sort_by(|a, b| b.3.total_cmp(&a.3).then(a.1.cmp(&b.1)));
    kinds.into_iter().map(|(_, i, _, total)| (i, total)).collect()
}

/// ln(exp a + exp b).
fn log_sum(a: f64, b: f64) -> f64 {
    let (most, least) = (a.max(b), a.min(b));
    if most == f64::NEG_INFINITY { most } else { most + (least - most).exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_ranks_by_its_own_formula() {
        let logs = |e: f64, a: f64, q: f64| Logs { retrieval: e.ln(), direct: a.ln(), noisy_channel: q.ln() };
        // Products by hand: rag 0.2 + 0.2 for "Oslo", 0.18 for "Rome"; of all three 0.02, 0.04, 0.108.
        let answers = [("Oslo", logs(0.4, 0.5, 0.1)), ("oslo.", logs(0.4, 0.5, 0.2)), ("Rome", logs(0.2, 0.9, 0.6))];
        let first = |by| aggregated(&answers, by, &Weights::default())[0];
        assert_eq!(first(RankBy::Direct).0, 2);
        assert_eq!(first(RankBy::NoisyChannel).0, 2);
        assert_eq!(first(RankBy::Rag).0, 0);
        assert!((first(RankBy::Rag).1 - 0.4_f64.ln()).abs() < 1e-12);
        assert!((first(RankBy::Product).1 - 0.108_f64.ln()).abs() < 1e-12);
        assert_eq!(aggregated(&answers, RankBy::Product, &Weights::default())[1].0, 1);
        assert!(aggregated(&[], RankBy::Rag, &Weights::default()).is_empty());
    }
}
