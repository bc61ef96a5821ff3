//! Folds by group: every row of one human document falls in one fold, the same on every machine.
//!
//! The machine counterparts of a human document share its opening words, and a human document recurs with each source
//! model; splitting by row puts such twins on both sides and reports a leak as skill. A group is named by a key, usually
//! a hash of the human document or its identifier.
//!
//! Two rules. [`fold_of`] looks at one key only, so that adding documents moves none; folds are even only on average.
//! [`even_folds`] deals the distinct keys out in order of hash, so that folds differ by one group at most, but a new
//! document may move others. Our measurements behind the targets used MD5 of the first 60 characters and two folds; we
//! differ in the hash (XXH3, seeded) and leave the key to the caller.

use hashbrown::HashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// The key of a group that is known by name or by its text.
pub fn group_key(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}

/// The fold of a group, in `0..n_folds`; 0 when `n_folds` is 0 or 1.
pub fn fold_of(group: u64, n_folds: usize, seed: u64) -> usize {
    let hash = xxh3_64_with_seed(&group.to_le_bytes(), seed);
    ((u128::from(hash) * n_folds as u128) >> 64) as usize
}

/// The fold of each row, such that the numbers of groups in any two folds differ by one at most.
///
/// All 0 when `n_folds` is 0 or 1. With fewer groups than folds the last folds are empty.
pub fn even_folds(groups: &[u64], n_folds: usize, seed: u64) -> Vec<usize> {
    let mut distinct = groups.to_vec();
    distinct.sort_unstable_by_key(|group| (xxh3_64_with_seed(&group.to_le_bytes(), seed), *group));
    distinct.dedup();
    let fold: HashMap<u64, usize> = distinct.iter().enumerate().map(|(i, &g)| (g, i % n_folds.max(1))).collect();
    groups.iter().map(|group| fold[group]).collect()
}

/// Groups numbered from 0 in order of first appearance, and how many there are.
pub fn dense_groups(groups: &[u64]) -> (Vec<u32>, usize) {
    let mut numbers: HashMap<u64, u32> = HashMap::with_capacity(groups.len());
    let dense = groups
        .iter()
        .map(|&group| {
            let next = numbers.len() as u32;
            *numbers.entry(group).or_insert(next)
        })
        .collect();
    (dense, numbers.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fold_never_changes() {
        // From python-xxhash: (xxh3_64(le_bytes(xxh3_64(name)), seed=1) * 5) >> 64. Out-of-fold figures of an old model
        // file mean nothing under other folds.
        let folds = ["a", "b", "c", "d", "e", "f"].map(|name| fold_of(group_key(name), 5, 1));
        assert_eq!(folds, [4, 4, 3, 4, 1, 0]);
    }

    #[test]
    fn rows_of_a_group_share_a_fold_and_folds_are_even() {
        let groups: Vec<u64> = (0..1000_u64).map(|i| group_key(&(i % 103).to_string())).collect();
        let folds = even_folds(&groups, 5, 9);
        assert!((0..1000).all(|i| folds[i] == folds[i % 103]));
        let mut sizes = [0; 5];
        (0..103).for_each(|i| sizes[folds[i]] += 1);
        sizes.sort_unstable();
        assert_eq!(sizes, [20, 20, 21, 21, 21]);
        let mut hashed = [0; 5];
        (0..10_000_u64).for_each(|i| hashed[fold_of(i, 5, 9)] += 1);
        assert!(hashed.iter().all(|n| (1_850..2_150).contains(n)), "{hashed:?}");
    }

    #[test]
    fn folds_follow_the_seed_but_not_the_order_of_rows() {
        let groups: Vec<u64> = (0..50).collect();
        let reversed: Vec<u64> = groups.iter().rev().copied().collect();
        let mut back = even_folds(&reversed, 4, 1);
        back.reverse();
        assert_eq!(even_folds(&groups, 4, 1), back);
        assert_ne!(even_folds(&groups, 4, 1), even_folds(&groups, 4, 2));
    }

    #[test]
    fn no_fold_and_no_row_are_no_trouble() {
        assert_eq!(even_folds(&[1, 2], 0, 0), [0, 0]);
        assert_eq!(fold_of(5, 0, 0), 0);
        assert!(even_folds(&[], 3, 0).is_empty());
        assert_eq!(dense_groups(&[7, 9, 7]), (vec![0, 1, 0], 2));
    }
}
