//! Locality-sensitive hashing: documents whose signatures agree in all rows of a band share a bucket.
//!
//! A band is a column of (key, document). Buckets are found by sorting, not by a table of all keys, so that memory is a
//! budget and not a function of the input: the caller's column is read again for each range of keys that fits.
//! Source: Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, 3.4. datatrove merges sorted files to the same end.
//!
//! Keys are 64-bit hashes of the rows, not the rows: two different bands of n documents share a key with odds of about
//! n^2 / 2^65 per band, and verification parts those.

use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

/// The key of one band of a signature: xxh3 of its rows in little-endian order, seeded with the band's number.
pub fn band_key(band: u32, rows: &[u32]) -> u64 {
    const AT_ONCE: usize = 32;
    let mut bytes = [0u8; 4 * AT_ONCE];
    if rows.len() > AT_ONCE {
        let mut hasher = Xxh3::with_seed(u64::from(band));
        rows.iter().for_each(|row| hasher.update(&row.to_le_bytes()));
        return hasher.digest();
    }
    for (place, row) in bytes.chunks_exact_mut(4).zip(rows) {
        place.copy_from_slice(&row.to_le_bytes());
    }
    xxh3_64_with_seed(&bytes[..4 * rows.len()], u64::from(band))
}

/// Reads a band's column from its start, in any order, and hands on each (key, document).
pub type Scan<'a, E> = dyn FnMut(&mut dyn FnMut(u64, u32)) -> Result<(), E> + 'a;

/// Takes one bucket: two or more documents, ascending and distinct.
pub type Emit<'a, E> = dyn FnMut(&[u32]) -> Result<(), E> + 'a;

/// Bytes that one (key, document) takes while a range of keys is sorted.
pub const ENTRY_BYTES: usize = 16;

/// The least that a budget counts as: below it, passes over the column would cost more than the memory is worth.
pub const MIN_BUDGET_BYTES: usize = 1 << 16;

/// Finds all buckets of one band of `n_docs` documents; returns how many passes over the column that took.
///
/// Memory: `budget_bytes`, plus 4 bytes per document of the largest bucket. Passes: ceil(16 * `n_docs` / `budget_bytes`)
/// where the keys are spread, and a few more for each key so frequent that its documents alone exceed the budget.
/// Buckets come in the order of their keys, hence the same for any order and partition of the column.
///
/// # Errors
/// Those of `scan` and `emit`, at once.
pub fn groups_of_band<E>(
    n_docs: usize,
    budget_bytes: usize,
    scan: &mut Scan<'_, E>,
    emit: &mut Emit<'_, E>,
) -> Result<usize, E> {
    let cap = budget_bytes.max(MIN_BUDGET_BYTES) / ENTRY_BYTES;
    let mut entries: Vec<u128> = Vec::with_capacity(n_docs.min(cap));
    let mut bucket = Vec::new();
    let mut passes = 0;
    // Ranges still to do, the lowest last.
    let mut ranges = even_ranges(n_docs, cap);
    while let Some((low, high)) = ranges.pop() {
        passes += 1;
        if low == high {
            one_key(low, scan, &mut bucket)?;
            emit_bucket(&mut bucket, emit)?;
            continue;
        }
        entries.clear();
        let mut too_many = false;
        scan(&mut |key, doc| {
            if (low..=high).contains(&key) {
                too_many |= entries.len() == cap;
                if !too_many {
                    entries.push(u128::from(key) << 32 | u128::from(doc));
                }
            }
        })?;
        entries.sort_unstable();
        if too_many {
            split(low, high, &entries, &mut ranges);
            continue;
        }
        for run in entries.chunk_by(|a, b| a >> 32 == b >> 32).filter(|run| run.len() > 1) {
            bucket.clear();
            bucket.extend(run.iter().map(|entry| *entry as u32));
            emit_bucket(&mut bucket, emit)?;
        }
    }
    Ok(passes)
}

/// Equal parts of the key space, the lowest last, each expected to hold at most `cap` documents.
fn even_ranges(n_docs: usize, cap: usize) -> Vec<(u64, u64)> {
    let parts = match n_docs.div_ceil(cap) {
        0 | 1 => 1,
        // Parts vary about the mean by its square root; a thirty-second of room makes a second try rare.
        _ => n_docs.div_ceil(cap - cap / 32) as u128,
    };
    let border = |part: u128| (part << 64) / parts;
    (0..parts).rev().map(|part| (border(part) as u64, (border(part + 1) - 1) as u64)).collect()
}

/// Replaces a range that did not fit by smaller ones, from a sorted sample of what it holds.
fn split(low: u64, high: u64, sample: &[u128], ranges: &mut Vec<(u64, u64)>) {
    let key_at = |at: usize| sample.get(at).map_or(low, |entry| (*entry >> 32) as u64);
    let middle = key_at(sample.len() / 2);
    let hot = [sample.len() / 4, sample.len() * 3 / 4].into_iter().any(|at| key_at(at) == middle);
    if !hot && middle < high {
        ranges.extend([(middle + 1, high), (low, middle)]);
        return;
    }
    // One key is a quarter of the range or more: it gets a pass of its own, which keeps documents only.
    if middle < high {
        ranges.push((middle + 1, high));
    }
    ranges.push((middle, middle));
    if middle > low {
        ranges.push((low, middle - 1));
    }
}

/// Replaces `bucket` by the documents of one key.
fn one_key<E>(wanted: u64, scan: &mut Scan<'_, E>, bucket: &mut Vec<u32>) -> Result<(), E> {
    bucket.clear();
    scan(&mut |key, doc| {
        if key == wanted {
            bucket.push(doc);
        }
    })?;
    bucket.sort_unstable();
    Ok(())
}

/// Hands on a sorted bucket, if two documents are in it.
fn emit_bucket<E>(bucket: &mut Vec<u32>, emit: &mut Emit<'_, E>) -> Result<(), E> {
    bucket.dedup();
    if bucket.len() > 1 { emit(bucket) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use super::*;

    fn groups(column: &[(u64, u32)], budget: usize) -> (usize, Vec<Vec<u32>>) {
        let mut found = Vec::new();
        let passes = groups_of_band::<Infallible>(
            column.len(),
            budget,
            &mut |take| {
                column.iter().for_each(|(key, doc)| take(*key, *doc));
                Ok(())
            },
            &mut |bucket| {
                found.push(bucket.to_vec());
                Ok(())
            },
        );
        let Ok(passes) = passes;
        (passes, found)
    }

    /// Oracle: an ordered map.
    fn expected(column: &[(u64, u32)]) -> Vec<Vec<u32>> {
        let mut map = BTreeMap::<u64, Vec<u32>>::new();
        for (key, doc) in column {
            map.entry(*key).or_default().push(*doc);
        }
        map.into_values()
            .map(|mut docs| {
                docs.sort_unstable();
                docs
            })
            .filter(|docs| docs.len() > 1)
            .collect()
    }

    fn key(i: u32) -> u64 {
        band_key(0, &[i])
    }

    #[test]
    fn keys_depend_on_band_and_rows() {
        assert_ne!(band_key(0, &[1, 2]), band_key(1, &[1, 2]));
        assert_ne!(band_key(0, &[1, 2]), band_key(0, &[2, 1]));
        // The two ways to hash agree: 33 rows stream, and equal the one-shot hash of the same bytes.
        let rows: Vec<u32> = (0..33).collect();
        let bytes: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
        assert_eq!(band_key(5, &rows), xxh3_64_with_seed(&bytes, 5));
        assert_eq!(band_key(5, &rows[..8]), xxh3_64_with_seed(&bytes[..32], 5));
    }

    #[test]
    fn buckets_are_the_same_for_any_budget_and_order() {
        let mut column: Vec<(u64, u32)> = (0..50_000).map(|doc| (key(doc % 30_000), doc)).collect();
        let expected = expected(&column);
        assert_eq!(expected.len(), 20_000);
        assert_eq!(groups(&column, usize::MAX), (1, expected.clone()));
        column.reverse();
        let (passes, found) = groups(&column, MIN_BUDGET_BYTES);
        assert_eq!(found, expected);
        // By hand: 50,000 entries over ranges of 4,096 less a 32nd are 13 passes; a range or two may be split.
        assert!((13..=17).contains(&passes), "{passes}");
    }

    #[test]
    fn a_key_larger_than_the_budget_has_its_own_pass() {
        let column: Vec<(u64, u32)> =
            (0..40_000).map(|doc| (if doc % 4 == 0 { key(doc / 8) } else { key(7 + doc % 2) }, doc)).collect();
        let (passes, found) = groups(&column, MIN_BUDGET_BYTES);
        assert_eq!(found, expected(&column));
        assert!(passes < 40, "{passes}");
        let same: Vec<(u64, u32)> = (0..40_000).map(|doc| (u64::MAX, doc)).collect();
        assert_eq!(groups(&same, 0).1, expected(&same));
    }

    #[test]
    fn edges_of_the_input() {
        assert_eq!(groups(&[], 0).1, Vec::<Vec<u32>>::new());
        assert_eq!(groups(&[(1, 0)], 0).1, Vec::<Vec<u32>>::new());
        // The same document twice under a key is no bucket.
        assert_eq!(groups(&[(1, 4), (1, 4)], 0).1, Vec::<Vec<u32>>::new());
        assert_eq!(groups(&[(0, 4), (u64::MAX, 3), (0, 2), (u64::MAX, 1)], 0).1, [[2, 4], [1, 3]]);
    }

    #[test]
    fn an_error_of_the_column_ends_it() {
        let result = groups_of_band(9, 0, &mut |_| Err("torn file"), &mut |_| Ok(()));
        assert_eq!(result, Err("torn file"));
    }
}
