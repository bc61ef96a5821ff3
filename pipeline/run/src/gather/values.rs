//! A rule's measure over many rows: a seeded sample of its values, and the rows nearest the limit.

use std::collections::{BTreeMap, BinaryHeap};

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
#[derive(Debug, Default)]
pub(super) struct Values {
    sample: BinaryHeap<(u64, u64)>,
    /// Rows seen with a value.
    pub(super) n: u64,
    /// Rows without a value.
    pub(super) missing: u64,
}

impl Values {
    /// Takes the value of a row; `hash` is that of its id, see [`sample_hash`].
    pub(super) fn add(&mut self, hash: u64, value: Option<f64>) {
        let Some(value) = value.filter(|value| value.is_finite()) else {
            self.missing += 1;
            return;
        };
        self.n += 1;
        if self.sample.len() < SAMPLE_ROWS {
            self.sample.push((hash, value.to_bits()));
        } else if self.sample.peek().is_some_and(|(largest, _)| hash < *largest) {
            self.sample.pop();
            self.sample.push((hash, value.to_bits()));
        }
    }

    /// The sampled values, each standing for this many rows.
    pub(super) fn weighted(&self) -> (Vec<f64>, f64) {
        let mut values: Vec<f64> = self.sample.iter().map(|(_, bits)| f64::from_bits(*bits)).collect();
        values.sort_unstable_by(f64::total_cmp);
        let weight = self.n as f64 / values.len().max(1) as f64;
        (values, weight)
    }
}

/// The histogram of kept and dropped rows together; none without values.
pub(super) fn histogram(parts: &[&Values], limit: Limit) -> Option<Histogram> {
    let weighted: Vec<(Vec<f64>, f64)> = parts.iter().map(|part| part.weighted()).collect();
    let mut all: Vec<f64> = weighted.iter().flat_map(|(values, _)| values.iter().copied()).collect();
    all.sort_unstable_by(f64::total_cmp);
    let (first, last) = (*all.first()?, *all.last()?);
    // The outermost hundredth would squeeze the rest together; it is counted beside the bins.
    let at = |q: f64| all[((all.len() - 1) as f64 * q).round() as usize];
    let (mut low, mut high) = (at(0.005).min(limit.value).max(first), at(0.995).max(limit.value));
    if last < high {
        high = last.max(limit.value);
    }
    if limit.value < low {
        low = limit.value;
    }
    let log = low > 0.0 && high / low > 1000.0;
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
        limits: vec![limit],
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
