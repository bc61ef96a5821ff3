//! Which phrases one side uses more than the other: log-odds ratio with a Dirichlet prior (Monroe, Colaresi & Quinn 2008,
//! "Fightin' Words", with an even prior). It finds template phrases that no list holds.

use super::ngrams::hash_of;
use hashbrown::HashMap;

/// A phrase and how far the sides differ in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Lift {
    /// The words, by number.
    pub words: Vec<u32>,
    /// Times in the left side.
    pub n_left: u32,
    /// Times in the right side.
    pub n_right: u32,
    /// Texts of the right side that hold it.
    pub n_right_docs: u32,
    /// The standardised log-odds of right against left; above 1.96 is more than chance for a phrase picked beforehand.
    pub z: f64,
}

#[derive(Default)]
struct Count<'a> {
    words: &'a [u32],
    times: [u32; 2],
    right_docs: u32,
    last_doc: u32,
}

/// The `n_top` phrases of up to `max_words` words that the right side uses most above the left, which at least `min_docs` of
/// its texts hold, the strongest first. `alpha` is the prior count of each phrase (0.01 is usual; more is more cautious).
///
/// A phrase within a longer one of the same counts is left out, so that the list does not say one thing three times.
pub fn lifts(
    left: &[&[u32]],
    right: &[&[u32]],
    max_words: usize,
    min_docs: u32,
    alpha: f64,
    n_top: usize,
) -> Vec<Lift> {
    let mut found = Vec::new();
    for n in 1..=max_words {
        found.extend(lifts_of_length(left, right, n, min_docs, alpha));
    }
    found.sort_by(|one, other| other.z.total_cmp(&one.z).then_with(|| one.words.cmp(&other.words)));
    let mut kept: Vec<Lift> = Vec::new();
    for lift in found {
        if kept.len() == n_top {
            break;
        }
        let holds = |longer: &[u32], shorter: &[u32]| longer.windows(shorter.len()).any(|window| window == shorter);
        if !kept.iter().any(|other| holds(&other.words, &lift.words) || holds(&lift.words, &other.words)) {
            kept.push(lift);
        }
    }
    kept
}

fn lifts_of_length(left: &[&[u32]], right: &[&[u32]], n: usize, min_docs: u32, alpha: f64) -> Vec<Lift> {
    let mut counts: HashMap<u64, Count<'_>> = HashMap::new();
    let mut totals = [0f64; 2];
    for (side, texts) in [left, right].into_iter().enumerate() {
        for (doc, text) in texts.iter().enumerate() {
            for words in text.windows(n) {
                let count = counts.entry(hash_of(words)).or_default();
                count.words = words;
                count.times[side] += 1;
                totals[side] += 1.0;
                if side == 1 && (count.right_docs == 0 || count.last_doc != doc as u32) {
                    count.right_docs += 1;
                    count.last_doc = doc as u32;
                }
            }
        }
    }
    let prior = alpha * counts.len() as f64;
    let log_odds = |times: f64, total: f64| ((times + alpha) / (total + prior - times - alpha).max(alpha)).ln();
    counts
        .into_values()
        .filter(|count| count.right_docs >= min_docs.max(1))
        .map(|count| {
            let [y_left, y_right] = count.times.map(f64::from);
            let delta = log_odds(y_right, totals[1]) - log_odds(y_left, totals[0]);
            let z = delta / (1.0 / (y_right + alpha) + 1.0 / (y_left + alpha)).sqrt();
            let [n_left, n_right] = count.times;
            Lift { words: count.words.to_vec(), n_left, n_right, n_right_docs: count.right_docs, z }
        })
        .filter(|lift| lift.z > 0.0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z_by_hand() {
        // Word 1: left 1 of 4, right 3 of 4; three words in all, alpha 0.5, prior 1.5.
        let (left, right): (&[u32], &[u32]) = (&[1, 2, 2, 3], &[1, 1, 1, 2]);
        let lift = lifts(&[left], &[right], 1, 1, 0.5, 1).remove(0);
        let delta = (3.5f64 / (4.0 + 1.5 - 3.5)).ln() - (1.5f64 / (4.0 + 1.5 - 1.5)).ln();
        let expected = delta / (1.0 / 3.5 + 1.0 / 1.5f64).sqrt();
        assert_eq!((lift.words, lift.n_left, lift.n_right), (vec![1], 1, 3));
        assert!((lift.z - expected).abs() < 1e-12);
    }

    #[test]
    fn nested_phrases_are_said_once() {
        let right: Vec<&[u32]> = vec![&[7, 8, 9, 1], &[7, 8, 9, 2], &[7, 8, 9, 3]];
        let left: Vec<&[u32]> = vec![&[1, 2, 3, 4], &[1, 2, 3, 4], &[4, 3, 2, 1]];
        let found = lifts(&left, &right, 3, 2, 0.01, 10);
        assert_eq!(found.iter().filter(|lift| lift.words.contains(&8)).count(), 1);
        assert!(lifts(&[], &[], 3, 1, 0.01, 5).is_empty());
    }
}
