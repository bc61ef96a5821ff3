//! Self-BLEU: how much a text of a set reads like the others (Zhu et al. 2018, "Texygen", arXiv:1802.01886).
//!
//! BLEU-4 of each text against all others of a small sample, with clipped counts, the reference length nearest to the
//! text's, and smoothing method 1 of Chen & Cherry 2014: a count of zero becomes `EPSILON`.

use super::ngrams::hash_of;
use hashbrown::HashMap;

/// What a count of zero matches becomes.
const EPSILON: f64 = 0.1;
const MAX_ORDER: usize = 4;

/// The greatest count of an n-gram in a text, whose it is, and the greatest in any other text.
#[derive(Clone, Copy, Default)]
struct Top {
    first: u32,
    owner: u32,
    second: u32,
}

/// Mean BLEU-4 of each text against the others, in [0, 1]; none for fewer than two texts that hold a word.
///
/// Linear in the words of all texts: an n-gram keeps its two greatest counts, so that a text is left out of its own references.
pub fn self_bleu(texts: &[&[u32]]) -> Option<f64> {
    let texts: Vec<&[u32]> = texts.iter().copied().filter(|text| !text.is_empty()).collect();
    if texts.len() < 2 {
        return None;
    }
    let counts: Vec<[HashMap<u64, u32>; MAX_ORDER]> = texts.iter().map(|text| orders(text)).collect();
    let mut tops: HashMap<u64, Top> = HashMap::new();
    for (at, orders) in counts.iter().enumerate() {
        for (gram, count) in orders.iter().flatten() {
            let top = tops.entry(*gram).or_default();
            if *count > top.first {
                *top = Top { first: *count, owner: at as u32, second: top.first };
            } else {
                top.second = top.second.max(*count);
            }
        }
    }
    let mut lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
    lengths.sort_unstable();
    let score = |at: usize| {
        let most =
            |gram: &u64| tops.get(gram).map_or(0, |top| if top.owner == at as u32 { top.second } else { top.first });
        bleu(&counts[at], texts[at].len(), closest_other(&lengths, texts[at].len()), most)
    };
    Some((0..texts.len()).map(score).sum::<f64>() / texts.len() as f64)
}

/// Counts of the n-grams of each order; the order is part of the hash.
fn orders(text: &[u32]) -> [HashMap<u64, u32>; MAX_ORDER] {
    std::array::from_fn(|order| {
        let mut counts = HashMap::new();
        for gram in text.windows(order + 1).map(hash_of) {
            *counts.entry(gram).or_insert(0) += 1;
        }
        counts
    })
}

/// The length nearest to `length` among all but one of that length; the shorter of two as near.
fn closest_other(sorted: &[usize], length: usize) -> usize {
    let from = sorted.partition_point(|other| *other < length);
    let to = sorted.partition_point(|other| *other <= length);
    if to - from > 1 {
        return length;
    }
    let below = from.checked_sub(1).map(|at| sorted[at]);
    let above = sorted.get(to).copied();
    match (below, above) {
        (Some(below), Some(above)) if above - length < length - below => above,
        (Some(below), _) => below,
        (None, above) => above.unwrap_or(length),
    }
}

fn bleu(orders: &[HashMap<u64, u32>; MAX_ORDER], n_words: usize, reference: usize, most: impl Fn(&u64) -> u32) -> f64 {
    let mut log_sum = 0.0;
    for (order, counts) in orders.iter().enumerate() {
        let matched: u64 = counts.iter().map(|(gram, count)| u64::from((*count).min(most(gram)))).sum();
        let all = n_words.saturating_sub(order).max(1);
        let matched = if matched == 0 { EPSILON } else { matched as f64 };
        log_sum += (matched / all as f64).ln();
    }
    let brevity = if n_words >= reference { 0.0 } else { 1.0 - reference as f64 / n_words as f64 };
    (brevity + log_sum / MAX_ORDER as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_twice_is_one() {
        let text: &[u32] = &[1, 2, 3, 4, 5];
        assert!((self_bleu(&[text, text]).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(self_bleu(&[text]), None);
        assert_eq!(self_bleu(&[text, &[]]), None);
    }

    #[test]
    fn lengths_nearest() {
        assert_eq!(closest_other(&[3, 5, 9], 5), 3);
        assert_eq!(closest_other(&[3, 5, 5], 5), 5);
        assert_eq!(closest_other(&[1, 5, 6], 5), 6);
        assert_eq!(closest_other(&[5], 5), 5);
    }

    #[test]
    fn by_hand() {
        // a b c d e against a b c d f: precisions 4/5, 3/4, 2/3, 1/2; their fourth root of the product 0.2.
        let expected = (0.8f64 * 0.75 * (2.0 / 3.0) * 0.5).powf(0.25);
        assert!((self_bleu(&[&[1, 2, 3, 4, 5], &[1, 2, 3, 4, 6]]).unwrap() - expected).abs() < 1e-12);
    }
}
