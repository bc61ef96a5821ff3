//! Self-BLEU: how much a text of a set reads like the others (Zhu et al. 2018, "Texygen", arXiv:1802.01886).
//!
//! BLEU-4 of each text against all others of a small sample, with clipped counts, the reference length nearest to the
//! text's, and smoothing method 2 of Chen & Cherry 2014, from Lin & Och 2004: matched and all n-grams of two and more
//! words are one more.

use gristmill_core::measures::bleu::{BleuCounts, Gram, MAX_ORDER, count_grams, geometric_mean};
use hashbrown::HashMap;

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
    let counts: Vec<HashMap<Gram, u32>> = texts.iter().map(|text| count_grams(text)).collect();
    let mut tops: HashMap<Gram, Top> = HashMap::new();
    for (at, grams) in counts.iter().enumerate() {
        for (gram, count) in grams {
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
            |gram: &Gram| tops.get(gram).map_or(0, |top| if top.owner == at as u32 { top.second } else { top.first });
        smoothed(&BleuCounts::of(&counts[at], texts[at].len(), closest_other(&lengths, texts[at].len()), most))
    };
    Some((0..texts.len()).map(score).sum::<f64>() / texts.len() as f64)
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

/// BLEU in [0, 1] with method 2.
fn smoothed(counts: &BleuCounts) -> f64 {
    let precisions: [f64; MAX_ORDER] = std::array::from_fn(|order| {
        let added = if order > 0 { 1.0 } else { 0.0 };
        (counts.matched[order] as f64 + added) / (counts.total[order].max(1) as f64 + added)
    });
    counts.brevity_penalty() * geometric_mean(&precisions)
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
        // a b c d e against a b c d f: precisions 4/5, (3 + 1)/(4 + 1), (2 + 1)/(3 + 1), (1 + 1)/(2 + 1).
        let expected = (0.8f64 * 0.8 * 0.75 * (2.0 / 3.0)).powf(0.25);
        assert!((self_bleu(&[&[1, 2, 3, 4, 5], &[1, 2, 3, 4, 6]]).unwrap() - expected).abs() < 1e-12);
    }
}
