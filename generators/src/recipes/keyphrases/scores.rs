//! Key phrases held against those that people gave: stems, present and absent, F1 at 5 and at all.
//!
//! Source: the usual protocol of key phrase generation (Meng et al. 2017, arXiv:1704.06879; Chan et al. 2019,
//! arXiv:1906.04106; Yuan et al. 2020, arXiv:1810.05241): both sides stemmed with Porter's stemmer, repetitions taken out,
//! split by whether the stems stand in the text side by side, then F1 over the first 5 (precision is always out of 5, so
//! that saying little is no gain) and over all that were said (F1@M). Macro means are over the documents that have a
//! given phrase of the sort. Not re-read for this program: the conventions are those in common use.

use std::collections::BTreeSet;

use gristmill_core::measures::porter::stem;

/// Phrases counted by F1@5.
const FIRST: usize = 5;

/// The stems of a text's words, in small letters.
pub(super) fn stems(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let mut out = String::new();
            stem(word, &mut out);
            out
        })
        .collect()
}

/// Phrases without repetitions, those that stand in the text and those that do not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) present: Vec<String>,
    pub(super) absent: Vec<String>,
}

/// Splits phrases by whether their stems stand in the text side by side; the first of equals stays.
pub(super) fn split(phrases: &[String], text: &str) -> Split {
    let (text, mut seen, mut split) = (stems(text), BTreeSet::new(), Split::default());
    for phrase in phrases {
        let phrase_stems = stems(phrase);
        if phrase_stems.is_empty() || !seen.insert(phrase_stems.clone()) {
            continue;
        }
        let stands = text.windows(phrase_stems.len()).any(|window| window == phrase_stems);
        if stands { split.present.push(phrase.clone()) } else { split.absent.push(phrase.clone()) }
    }
    split
}

/// F1 of predicted phrases against given ones, over the first five and over all; none where none is given.
pub(super) fn f1(predicted: &[String], given: &[String]) -> Option<[f64; 2]> {
    let given: BTreeSet<Vec<String>> = given.iter().map(|phrase| stems(phrase)).collect();
    if given.is_empty() {
        return None;
    }
    let at = |first: usize, out_of: usize| {
        let hits = predicted.iter().take(first).filter(|phrase| given.contains(&stems(phrase))).count() as f64;
        if hits == 0.0 {
            return 0.0;
        }
        let (precision, recall) = (hits / out_of as f64, hits / given.len() as f64);
        2.0 * precision * recall / (precision + recall)
    };
    Some([at(FIRST, FIRST), at(predicted.len(), predicted.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(phrases: &[&str]) -> Vec<String> {
        phrases.iter().map(|phrase| (*phrase).to_owned()).collect()
    }

    #[test]
    fn phrases_are_split_by_their_stems() {
        let found =
            split(&list(&["Neural Networks", "neural network", "deep learning", "…"]), "A neural network learns.");
        assert_eq!(found, Split { present: list(&["Neural Networks"]), absent: list(&["deep learning"]) });
    }

    /// Counted by hand: 2 of 3 right, 4 given. At 5: P 2/5, R 2/4, F 4/9; at all: P 2/3, R 2/4, F 4/7.
    #[test]
    fn scores_are_those_of_hand_calculation() {
        let given = list(&["tidal mill", "sluices", "ebb", "pond"]);
        let [at_5, at_all] = f1(&list(&["Tidal mills", "sluice", "river"]), &given).unwrap();
        assert!((at_5 - 4.0 / 9.0).abs() < 1e-12 && (at_all - 4.0 / 7.0).abs() < 1e-12);
        assert_eq!(f1(&list(&["x"]), &given), Some([0.0, 0.0]));
        assert_eq!(f1(&list(&["x"]), &[]), None);
    }
}
