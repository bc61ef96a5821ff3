//! A rule's measure over many rows: a seeded sample of its values, and the rows nearest the limit.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use super::SAMPLE_ROWS;
use crate::report::model::{Example, Histogram, Limit, Scale};

/// Examples kept on each side of a limit.
pub(super) const EXAMPLES: usize = 5;
/// Bins of a histogram.
const BINS: usize = 40;

/// The hash by which rows are sampled.
pub(super) fn sample_hash(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

/// Values of one measure: those of the rows with the smallest hashes of their ids, which is a sample that does not
/// depend on the order of the rows.
///
/// Twice as many as are kept are gathered before the larger half is let go: a heap, which parts with one value at a time,
/// took two fifths of a report's seconds.
#[derive(Debug)]
pub(super) struct Values {
    /// Hashes and values, the values as bits so that rows with equal hashes have an order too.
    sample: Vec<(u64, u64)>,
    /// Hashes above this are of no row in the sample.
    largest: u64,
    /// Rows seen with a value.
    pub(super) n: u64,
    /// Rows without a value.
    pub(super) missing: u64,
}

impl Default for Values {
    fn default() -> Self {
        Self { sample: Vec::new(), largest: u64::MAX, n: 0, missing: 0 }
    }
}

impl Values {
    /// Takes the value of a row; `hash` is that of its id, see [`sample_hash`].
    pub(super) fn add(&mut self, hash: u64, value: Option<f64>) {
        let Some(value) = value.filter(|value| value.is_finite()) else {
            self.missing += 1;
            return;
        };
        self.n += 1;
        if hash <= self.largest {
            self.sample.push((hash, value.to_bits()));
            if self.sample.len() == 2 * SAMPLE_ROWS {
                let (_, largest, _) = self.sample.select_nth_unstable(SAMPLE_ROWS - 1);
                self.largest = largest.0;
                self.sample.truncate(SAMPLE_ROWS);
            }
        }
    }

    /// The sampled values in no order, each standing for this many rows.
    fn weighted(&self) -> (Vec<f64>, f64) {
        let mut sample = self.sample.clone();
        if sample.len() > SAMPLE_ROWS {
            sample.select_nth_unstable(SAMPLE_ROWS - 1);
            sample.truncate(SAMPLE_ROWS);
        }
        let values: Vec<f64> = sample.iter().map(|(_, bits)| f64::from_bits(*bits)).collect();
        let weight = self.n as f64 / values.len().max(1) as f64;
        (values, weight)
    }

    /// The sampled values in their order, each standing for this many rows.
    pub(super) fn sorted(&self) -> (Vec<f64>, f64) {
        let (mut values, weight) = self.weighted();
        values.sort_unstable_by(f64::total_cmp);
        (values, weight)
    }
}

/// The histogram of kept and dropped rows together, all limits within it; none without values.
pub(super) fn histogram(parts: &[&Values], limits: &[Limit]) -> Option<Histogram> {
    let weighted: Vec<(Vec<f64>, f64)> = parts.iter().map(|part| part.weighted()).collect();
    let mut all: Vec<f64> = weighted.iter().flat_map(|(values, _)| values.iter().copied()).collect();
    let last = all.len().checked_sub(1)?;
    // The outermost hundredth would squeeze the rest together; it is counted beside the bins.
    let mut at = |q: f64| *all.select_nth_unstable_by((last as f64 * q).round() as usize, f64::total_cmp).1;
    let (mut low, mut high) = (at(0.005), at(0.995));
    for limit in limits {
        (low, high) = (low.min(limit.value), high.max(limit.value));
    }
    // Over more than two powers of ten the bins of a linear axis would hold all rows in the first few.
    let log = low > 0.0 && high / low > 100.0;
    if high <= low {
        high = low + 1.0;
    }
    let edge = |i: usize| {
        let t = i as f64 / BINS as f64;
        if log { (low.ln() + t * (high.ln() - low.ln())).exp() } else { low + t * (high - low) }
    };
    let mut edges: Vec<f64> = (0..=BINS).map(edge).collect();
    (edges[0], edges[BINS]) = (low, high);
    let (mut counts, mut below, mut above) = (vec![0.0; BINS], 0.0, 0.0);
    for (values, weight) in &weighted {
        for value in values {
            if *value < low {
                below += weight;
            } else if *value > high {
                above += weight;
            } else {
                counts[edges.partition_point(|edge| edge <= value).saturating_sub(1).min(BINS - 1)] += weight;
            }
        }
    }
    Some(Histogram {
        edges,
        counts: counts.into_iter().map(|n: f64| n.round() as u64).collect(),
        below: below.round() as u64,
        above: f64::round(above) as u64,
        missing: parts.iter().map(|part| part.missing).sum(),
        scale: if log { Scale::Log } else { Scale::Linear },
        limits: limits.to_vec(),
    })
}

/// The rows nearest a limit, nearest first; of equals the one with the smaller id.
#[derive(Debug, Default)]
pub(super) struct Nearest(Vec<(f64, Example)>);

impl Nearest {
    /// Takes a row.
    pub(super) fn add(&mut self, distance: f64, example: impl FnOnce() -> Example) {
        if self.0.len() == EXAMPLES && self.0.last().is_some_and(|(farthest, _)| distance >= *farthest) {
            return;
        }
        let example = example();
        let at = self.0.partition_point(|(d, other)| (*d, &other.id) < (distance, &example.id));
        self.0.insert(at, (distance, example));
        self.0.truncate(EXAMPLES);
    }

    /// Identifiers of the rows.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, example)| example.id.as_str())
    }

    /// Adds url and text, by id.
    pub(super) fn fill(&mut self, texts: &BTreeMap<String, (Option<String>, String)>) {
        for (_, example) in &mut self.0 {
            if let Some((url, excerpt)) = texts.get(&example.id) {
                example.url.clone_from(url);
                example.excerpt.clone_from(excerpt);
            }
        }
    }

    /// The rows.
    pub(super) fn into_examples(self) -> Vec<Example> {
        self.0.into_iter().map(|(_, example)| example).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_holds_the_rows_of_smallest_hash_in_any_order() {
        let n = 5 * SAMPLE_ROWS as u64 + 7;
        // An odd factor deals the hashes 0 to n - 1 in another order; a row's value is its hash.
        let hash = |i: u64| i * 7_919 % n;
        let mut values = Values::default();
        (0..n).for_each(|i| values.add(hash(i), Some(hash(i) as f64)));
        values.add(0, None);
        let (sample, weight) = values.sorted();
        assert_eq!((values.n, values.missing), (n, 1));
        assert!(sample.iter().zip(0..SAMPLE_ROWS as u32).all(|(value, i)| *value == f64::from(i)));
        assert_eq!((sample.len(), weight), (SAMPLE_ROWS, n as f64 / SAMPLE_ROWS as f64));
    }
}
