//! How far probabilities can be believed: Brier score, log loss, reliability bins and expected calibration error.
//!
//! AUROC looks at the order only; a probability of 0.9 should also come true nine times in ten. Source: Brier (1950);
//! expected calibration error with bins of equal width as Guo et al. (2017, arXiv:1706.04599), on the probability of
//! *machine* rather than of the likelier class, so that an over-confident human side shows too.

use serde::{Deserialize, Serialize};

use super::curve::BadScores;

/// Documents with probabilities in one bin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Lower end of the bin, included.
    pub low: f64,
    /// Upper end, excluded except in the last bin.
    pub high: f64,
    /// Documents in the bin.
    pub n_docs: u64,
    /// Mean probability of these documents; the middle of an empty bin.
    pub mean_probability: f64,
    /// Share of machine documents among them; none in an empty bin.
    pub machine_share: Option<f64>,
}

/// Probabilities of machine and what the documents are.
#[derive(Debug, Clone, Copy)]
pub struct Forecast<'a> {
    probabilities: &'a [f64],
    machine: &'a [bool],
}

impl<'a> Forecast<'a> {
    /// Takes the two columns.
    ///
    /// # Errors
    /// If they differ in length or a probability is not in [0, 1].
    pub fn new(probabilities: &'a [f64], machine: &'a [bool]) -> Result<Self, BadScores> {
        if probabilities.len() != machine.len() {
            return Err(BadScores::Lengths { expected: probabilities.len(), found: machine.len() });
        }
        match probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
            Some(row) => Err(BadScores::NotAProbability { row }),
            None => Ok(Self { probabilities, machine }),
        }
    }

    /// The mean squared error, in [0, 1]; 0.25 for a constant 0.5. None without documents.
    pub fn brier(&self) -> Option<f64> {
        self.mean(|p, machine| (p - f64::from(u8::from(machine))).powi(2))
    }

    /// The mean of -ln of the probability of the truth, in nats; infinite if a certain forecast failed. None without
    /// documents.
    pub fn log_loss(&self) -> Option<f64> {
        self.mean(|p, machine| -(if machine { p } else { 1.0 - p }).ln())
    }

    /// Bins of equal width from 0 to 1; none for 0 bins.
    pub fn reliability(&self, n_bins: usize) -> Vec<ReliabilityBin> {
        let mut sums = vec![(0_u64, 0.0, 0_u64); n_bins];
        let last_bin = n_bins.saturating_sub(1);
        for (&p, &machine) in self.probabilities.iter().zip(self.machine) {
            if let Some(sum) = sums.get_mut(((p * n_bins as f64) as usize).min(last_bin)) {
                *sum = (sum.0 + 1, sum.1 + p, sum.2 + u64::from(machine));
            }
        }
        let edge = |i: usize| i as f64 / n_bins as f64;
        let bins = sums.into_iter().enumerate().map(|(i, (n_docs, sum, n_machine))| ReliabilityBin {
            low: edge(i),
            high: edge(i + 1),
            n_docs,
            mean_probability: if n_docs > 0 { sum / n_docs as f64 } else { 0.5 * (edge(i) + edge(i + 1)) },
            machine_share: (n_docs > 0).then(|| n_machine as f64 / n_docs as f64),
        });
        bins.collect()
    }

    /// The mean distance of probability and truth over the bins, weighted by documents, in [0, 1]; none without
    /// documents or bins.
    pub fn expected_calibration_error(&self, n_bins: usize) -> Option<f64> {
        let n = self.probabilities.len();
        if n == 0 || n_bins == 0 {
            return None;
        }
        let gap = |bin: &ReliabilityBin| {
            bin.machine_share.map_or(0.0, |share| (share - bin.mean_probability).abs() * bin.n_docs as f64)
        };
        Some(self.reliability(n_bins).iter().map(gap).sum::<f64>() / n as f64)
    }

    fn mean(&self, loss: impl Fn(f64, bool) -> f64) -> Option<f64> {
        let n = self.probabilities.len();
        let sum: f64 = self.probabilities.iter().zip(self.machine).map(|(&p, &machine)| loss(p, machine)).sum();
        (n > 0).then(|| sum / n as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_by_hand() {
        let forecast = Forecast::new(&[0.9, 0.2, 0.6, 0.4], &[true, false, false, true]).unwrap();
        // (.01 + .04 + .36 + .36) / 4
        assert!((forecast.brier().unwrap() - 0.192_5).abs() < 1e-12);
        // -(ln .9 + ln .8 + ln .4 + ln .4) / 4
        let expected = -(0.9_f64.ln() + 0.8_f64.ln() + 2.0 * 0.4_f64.ln()) / 4.0;
        assert!((forecast.log_loss().unwrap() - expected).abs() < 1e-12);
        // Two bins: {.2, .4} mean .3, share .5; {.9, .6} mean .75, share .5. (2 * .2 + 2 * .25) / 4
        assert!((forecast.expected_calibration_error(2).unwrap() - 0.225).abs() < 1e-12);
    }

    #[test]
    fn every_document_is_in_one_bin() {
        let probabilities: Vec<f64> = (0..=100).map(|i| f64::from(i) / 100.0).collect();
        let machine = vec![true; 101];
        let bins = Forecast::new(&probabilities, &machine).unwrap().reliability(10);
        assert_eq!(bins.iter().map(|b| b.n_docs).sum::<u64>(), 101);
        assert_eq!((bins[9].low, bins[9].high, bins[9].n_docs), (0.9, 1.0, 11));
    }

    #[test]
    fn nothing_has_no_loss_and_a_bad_probability_is_an_error() {
        let none = Forecast::new(&[], &[]).unwrap();
        assert_eq!((none.brier(), none.log_loss(), none.expected_calibration_error(10)), (None, None, None));
        assert!(none.reliability(0).is_empty());
        assert!(none.reliability(3).iter().all(|bin| bin.machine_share.is_none()));
        for bad in [-0.1, 1.1, f64::NAN] {
            assert_eq!(Forecast::new(&[0.5, bad], &[true; 2]).unwrap_err(), BadScores::NotAProbability { row: 1 });
        }
        assert!(Forecast::new(&[0.5], &[]).is_err());
        assert_eq!(Forecast::new(&[0.0], &[true]).unwrap().log_loss(), Some(f64::INFINITY));
    }
}
