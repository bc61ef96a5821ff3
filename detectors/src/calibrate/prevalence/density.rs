//! How scores fall over bins: the densities of the mixture, cheap to count again in each resample.

use crate::eval::rng::Draws;

/// Edges between bins, rising.
pub(super) struct Bins {
    edges: Vec<f64>,
}

impl Bins {
    /// Bins that hold about equally much of the two sides, each side weighing the same; tied scores share a bin.
    pub(super) fn of(human: &[f64], machine: &[f64], n_bins: usize) -> Self {
        let share = |side: &[f64]| 1.0 / side.len().max(1) as f64;
        let (human_share, machine_share) = (share(human), share(machine));
        let human = human.iter().map(|&score| (score, human_share));
        let mut rows: Vec<(f64, f64)> = human.chain(machine.iter().map(|&score| (score, machine_share))).collect();
        rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let whole: f64 = rows.iter().map(|row| row.1).sum();
        let mut edges = Vec::with_capacity(n_bins);
        let mut below = 0.0;
        for pair in rows.windows(2) {
            below += pair[0].1;
            let wanted = (edges.len() + 1) as f64 / n_bins as f64;
            let is_room = edges.len() + 1 < n_bins && pair[0].0 < pair[1].0;
            if is_room && below >= wanted * whole - 1e-9 {
                edges.push(pair[1].0);
            }
        }
        Self { edges }
    }

    /// Number of bins, at least 1.
    pub(super) fn n_bins(&self) -> usize {
        self.edges.len() + 1
    }

    /// The bin of each score.
    pub(super) fn places(&self, scores: &[f64]) -> Vec<u32> {
        scores.iter().map(|score| self.edges.partition_point(|edge| edge <= score) as u32).collect()
    }
}

/// Documents by bin.
pub(super) struct Counts(Vec<u32>);

impl Counts {
    /// Each document once.
    pub(super) fn of(places: &[u32], n_bins: usize) -> Self {
        Self::counted(places.iter().copied(), n_bins)
    }

    /// As many documents, drawn with replacement.
    pub(super) fn drawn(places: &[u32], n_bins: usize, draws: &mut Draws) -> Self {
        Self::counted(places.iter().map(|_| places[draws.below(places.len())]), n_bins)
    }

    fn counted(places: impl Iterator<Item = u32>, n_bins: usize) -> Self {
        let mut counts = vec![0; n_bins];
        places.for_each(|place| counts[place as usize] += 1);
        Self(counts)
    }

    /// Documents in each bin.
    pub(super) fn weights(&self) -> impl Iterator<Item = f64> + Clone + '_ {
        self.0.iter().map(|&count| f64::from(count))
    }

    /// Density of the other side over that of this one, by bin.
    pub(super) fn ratios(&self, other: &Self, pseudo_count: f64) -> Vec<f64> {
        let whole = |counts: &Self| counts.weights().sum::<f64>() + pseudo_count * counts.0.len() as f64;
        let scale = whole(self) / whole(other);
        let pairs = self.weights().zip(other.weights());
        pairs.map(|(this, other)| (other + pseudo_count) / (this + pseudo_count) * scale).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_equally_much_and_ties_share_one() {
        let human: Vec<f64> = (0..100).map(f64::from).collect();
        let machine: Vec<f64> = (100..1000).map(f64::from).collect();
        let bins = Bins::of(&human, &machine, 4);
        assert_eq!(bins.edges, [50.0, 100.0, 550.0]);
        assert_eq!(bins.places(&[-5.0, 49.0, 50.0, 1e9, f64::INFINITY]), [0, 0, 1, 3, 3]);
        assert_eq!(Bins::of(&[1.0; 50], &[1.0; 50], 10).n_bins(), 1);
        assert_eq!(Bins::of(&[1.0; 50], &[2.0; 50], 10).edges, [2.0]);
    }

    #[test]
    fn ratios_are_of_densities_not_of_counts() {
        let (human, machine) = (Counts(vec![90, 10]), Counts(vec![1, 9]));
        let ratios = human.ratios(&machine, 1e-9);
        assert!((ratios[0] - 0.1 / 0.9).abs() < 1e-6 && (ratios[1] - 9.0).abs() < 1e-6, "{ratios:?}");
    }
}
