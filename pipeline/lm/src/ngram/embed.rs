//! A text as a point, without a model: hashed words and character trigrams.
//!
//! Texts are near that share words and spellings, whatever they mean: enough to run a recipe on a fresh machine, and to
//! find near duplicates and inflected forms. Each feature is hashed to a dimension and a sign, so that features that meet
//! cancel on average, and weighs 1 + ln of its count; the vector has length 1.
//!
//! Source: Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning", arXiv:0902.2206; character
//! trigrams with marks at the borders of words as in Bojanowski et al. 2017, arXiv:1607.04606.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

/// Dimensions of a vector, unless fewer are asked for.
const DIMENSIONS: usize = 256;

/// The vector of a text, with at most `dimensions` of the usual 256; zero for a text without letters or digits.
pub(super) fn embedding(text: &str, dimensions: Option<u32>) -> Vec<f32> {
    let n = dimensions.map_or(DIMENSIONS, |n| (n as usize).clamp(1, DIMENSIONS));
    let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *counts.entry(xxh3_64(word.as_bytes())).or_insert(0) += 1;
        let marked: Vec<char> = std::iter::once('<').chain(word.chars()).chain(['>']).collect();
        for trigram in marked.windows(3) {
            let trigram: String = trigram.iter().collect();
            *counts.entry(xxh3_64(trigram.as_bytes())).or_insert(0) += 1;
        }
    }
    let mut vector = vec![0.0_f64; n];
    for (hash, count) in counts {
        let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
        vector[(hash % n as u64) as usize] += sign * (1.0 + f64::from(count).ln());
    }
    let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    let unit = |x: f64| if length > 0.0 { (x / length) as f32 } else { 0.0 };
    vector.into_iter().map(unit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Embedded;

    fn point(text: &str) -> Embedded {
        Embedded { vector: embedding(text, None), prompt_tokens: 0, cached: false }
    }

    #[test]
    fn what_shares_words_and_spellings_is_near() {
        let text = point("The miller grinds the grain.");
        assert!((text.cosine(&point("the MILLER grinds the grain")) - 1.0).abs() < 1e-6, "case and marks are nothing");
        let (inflected, other) = (point("The millers grind grain"), point("Quarterly revenue exceeded forecasts"));
        assert!(text.cosine(&inflected) > 0.5 && text.cosine(&other).abs() < 0.2);
        assert_eq!(embedding("a mill", Some(16)).len(), 16);
        assert!(embedding("?!", None).iter().all(|x| *x == 0.0));
    }
}
