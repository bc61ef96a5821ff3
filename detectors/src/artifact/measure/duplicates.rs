//! Near duplicates within a set and against another, by Jaccard similarity of word shingles, exactly.
//!
//! The pairs are found by prefix filtering (Chaudhuri et al. 2006; Xiao et al. 2011, "PPJoin"): two sets that reach a
//! similarity share one of the rarest shingles of each. No hashing bands, so no pair is missed and there is nothing to tune.

use super::ngrams::ngrams;
use hashbrown::HashMap;
use rayon::prelude::*;

/// Shingles of a text, sorted and distinct; a text shorter than a shingle is one shingle by itself.
pub fn shingles(words: &[u32], n: usize) -> Vec<u64> {
    let mut shingles: Vec<u64> = ngrams(words, n.min(words.len()).max(1)).collect();
    shingles.sort_unstable();
    shingles.dedup();
    shingles
}

/// Jaccard similarity of two sorted sets; 0 where both are empty.
pub fn jaccard(left: &[u64], right: &[u64]) -> f64 {
    let (mut i, mut j, mut shared) = (0, 0, 0usize);
    while i < left.len() && j < right.len() {
        match left[i].cmp(&right[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                shared += 1;
                i += 1;
                j += 1;
            }
        }
    }
    let either = left.len() + right.len() - shared;
    if either == 0 { 0.0 } else { shared as f64 / either as f64 }
}

/// A text that is close to an earlier one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// The text.
    pub at: usize,
    /// The other one: an earlier text of the set, or one of the other set.
    pub other: usize,
    /// Their similarity.
    pub jaccard: f64,
}

/// For each set that has an earlier set at `threshold` or closer, one such pair: what a deduplication would drop.
/// `threshold` is in (0, 1]; empty sets are near to nothing.
pub fn near_within(sets: &[Vec<u64>], threshold: f64) -> Vec<Near> {
    let prefixes = Order::of(sets, &[]).prefixes(sets, threshold);
    let mut held: HashMap<u64, Vec<u32>> = HashMap::new();
    let mut found = Vec::new();
    for (at, (set, prefix)) in sets.iter().zip(&prefixes).enumerate() {
        match first_near(prefix, set, &held, sets, threshold) {
            Some((other, jaccard)) => found.push(Near { at, other, jaccard }),
            // A text near to an earlier one need not be found itself, unless it is near to a third that the first is not.
            None => prefix.iter().for_each(|shingle| held.entry(*shingle).or_default().push(at as u32)),
        }
    }
    found
}

/// For each set that has one in `others` at `threshold` or closer, one such pair.
pub fn near_across(sets: &[Vec<u64>], others: &[Vec<u64>], threshold: f64) -> Vec<Near> {
    let index = Order::of(sets, others);
    let mut held: HashMap<u64, Vec<u32>> = HashMap::new();
    for (at, prefix) in index.prefixes(others, threshold).into_iter().enumerate() {
        prefix.into_iter().for_each(|shingle| held.entry(shingle).or_default().push(at as u32));
    }
    let near = |(at, set): (usize, &Vec<u64>)| {
        let (other, jaccard) = first_near(&index.prefix(set, threshold), set, &held, others, threshold)?;
        Some(Near { at, other, jaccard })
    };
    sets.par_iter().enumerate().filter_map(near).collect()
}

/// The nearest of the sets held under a shingle of the prefix, if it is near enough; the earlier of equals.
fn first_near(
    prefix: &[u64],
    set: &[u64],
    held: &HashMap<u64, Vec<u32>>,
    sets: &[Vec<u64>],
    threshold: f64,
) -> Option<(usize, f64)> {
    let mut candidates: Vec<u32> = prefix.iter().filter_map(|shingle| held.get(shingle)).flatten().copied().collect();
    candidates.sort_unstable();
    candidates.dedup();
    let fits = |other: &[u64]| {
        let (less, more) = (set.len().min(other.len()) as f64, set.len().max(other.len()) as f64);
        less >= threshold * more
    };
    let near = candidates.into_iter().map(|other| other as usize).filter(|other| fits(&sets[*other]));
    near.map(|other| (other, jaccard(set, &sets[other]))).filter(|(_, similarity)| *similarity >= threshold).fold(
        None,
        |best: Option<(usize, f64)>, found| match best {
            Some((_, most)) if most >= found.1 => best,
            _ => Some(found),
        },
    )
}

/// About how often each shingle occurs, which puts the rare ones first.
///
/// Shingles that share a place of the table share a count. No pair is missed by it: any order does that is the same for
/// all sets, and the rarer the first shingles, the fewer sets are held under them.
struct Order {
    counts: Vec<u32>,
}

impl Order {
    /// Places of the largest table, 16 MiB of it.
    const MAX_PLACES: usize = 1 << 22;

    fn of(sets: &[Vec<u64>], others: &[Vec<u64>]) -> Self {
        let all = || sets.iter().chain(others);
        let n: usize = all().map(Vec::len).sum();
        let mut order = Self { counts: vec![0; n.next_power_of_two().clamp(64, Self::MAX_PLACES)] };
        for shingle in all().flatten() {
            let place = order.place(*shingle);
            order.counts[place] = order.counts[place].saturating_add(1);
        }
        order
    }

    fn place(&self, shingle: u64) -> usize {
        // Fibonacci hashing: the upper bits of a product with 2^64 over the golden ratio.
        (shingle.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - self.counts.len().trailing_zeros())) as usize
    }

    /// The rarest shingles of each set, as many as it takes that a set near enough must hold one.
    fn prefixes(&self, sets: &[Vec<u64>], threshold: f64) -> Vec<Vec<u64>> {
        sets.par_iter().map(|set| self.prefix(set, threshold)).collect()
    }

    fn prefix(&self, set: &[u64], threshold: f64) -> Vec<u64> {
        let least_shared = (threshold * set.len() as f64).ceil() as usize;
        let n = (set.len() + 1).saturating_sub(least_shared.max(1));
        let mut ranked: Vec<(u32, u64)> =
            set.iter().map(|shingle| (self.counts[self.place(*shingle)], *shingle)).collect();
        if n < ranked.len() {
            ranked.select_nth_unstable(n);
        }
        ranked.into_iter().take(n).map(|(_, shingle)| shingle).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jaccard_by_hand() {
        assert!((jaccard(&[1, 2, 3], &[2, 3, 4]) - 0.5).abs() < 1e-12);
        assert_eq!(jaccard(&[], &[]), 0.0);
        assert_eq!(shingles(&[1, 2], 5).len(), 1);
        assert!(shingles(&[], 5).is_empty());
    }

    #[test]
    fn finds_what_comparing_all_pairs_finds() {
        let mut draws = super::super::super::draws::Draws::new(9, "near", 0);
        let mut sets: Vec<Vec<u64>> = Vec::new();
        for _ in 0..200 {
            let set: Vec<u64> = match draws.below(3) {
                0 if !sets.is_empty() => {
                    let mut copy = sets[draws.below(sets.len())].clone();
                    let drop = draws.below(copy.len());
                    copy.remove(drop);
                    copy.push(1_000_000 + draws.below(50) as u64);
                    copy
                }
                _ => (0..5 + draws.below(20)).map(|_| draws.below(60) as u64).collect(),
            };
            let mut set = set;
            set.sort_unstable();
            set.dedup();
            sets.push(set);
        }
        let (left, right) = sets.split_at(100);
        let found: Vec<usize> = near_across(left, right, 0.7).iter().map(|near| near.at).collect();
        let by_pairs: Vec<usize> =
            (0..100).filter(|at| right.iter().any(|other| jaccard(&left[*at], other) >= 0.7)).collect();
        assert_eq!(found, by_pairs);
        // Within: each text kept is far from all kept before it; each text found is near to a kept one.
        let near = near_within(&sets, 0.7);
        let dropped: Vec<usize> = near.iter().map(|near| near.at).collect();
        let kept: Vec<usize> = (0..sets.len()).filter(|at| !dropped.contains(at)).collect();
        for (place, at) in kept.iter().enumerate() {
            assert!(kept[..place].iter().all(|other| jaccard(&sets[*at], &sets[*other]) < 0.7));
        }
        assert!(near.iter().all(|near| kept.contains(&near.other) && near.jaccard >= 0.7));
        assert!(!near.is_empty());
    }
}
