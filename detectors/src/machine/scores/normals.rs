//! Published constants: what Fast-DetectGPT's curvature says as a probability, and the thresholds of Binoculars.
//!
//! They hold for the pairs of models they were fitted with, for English, and for nothing else: another pair needs human
//! text of its own (see `calibrate`).
//!
//! Source: the tool that Bao et al. published with Fast-DetectGPT (`local_infer.py`); `detector.py` of Hans et al. 2024,
//! Falcon-7B and Falcon-7B-instruct in bfloat16, at most 512 tokens.

use serde::Serialize;

/// Normal distributions of the curvature of human and of machine text, for a pair of models.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Normals {
    /// Model that draws, p.
    pub sampling: &'static str,
    /// Model that scores, q.
    pub scoring: &'static str,
    /// Mean curvature of human text.
    pub human_mean: f64,
    /// Its standard deviation.
    pub human_sd: f64,
    /// Mean curvature of machine text.
    pub machine_mean: f64,
    /// Its standard deviation: set to twice the human one, for machines that were not seen.
    pub machine_sd: f64,
}

const fn normals(sampling: &'static str, scoring: &'static str, constants: [f64; 4]) -> Normals {
    let [human_mean, human_sd, machine_mean, machine_sd] = constants;
    Normals { sampling, scoring, human_mean, human_sd, machine_mean, machine_sd }
}

/// The published constants; the last pair is said to be the best.
pub const NORMALS: [Normals; 4] = [
    normals("gpt-j-6B", "gpt-neo-2.7B", [0.2713, 0.9366, 2.2334, 1.8731]),
    normals("gpt-neo-2.7B", "gpt-neo-2.7B", [-0.2489, 0.9968, 1.8983, 1.9935]),
    normals("falcon-7b", "falcon-7b-instruct", [-0.0707, 0.9520, 2.9306, 1.9039]),
    normals("llama3-8b", "llama3-8b-instruct", [0.1603, 1.0791, 2.4686, 2.1582]),
];

/// Thresholds of the Binoculars score, below which a text is said to be machine-made: for the best F1, and for a false
/// positive rate of 0.01 %. Our score is the negative.
pub const BINOCULARS_THRESHOLDS: [f64; 2] = [0.901_531_074_927_684_3, 0.853_643_231_078_552_7];

impl Normals {
    /// The constants of a pair of models.
    pub fn find(sampling: &str, scoring: &str) -> Option<&'static Self> {
        NORMALS.iter().find(|normals| normals.sampling == sampling && normals.scoring == scoring)
    }

    /// Probability of a machine, for as many texts of either side, as published: the share of the machine density.
    ///
    /// Since that is the wider one, it rises again on the far human side; see [`Normals::rising`].
    pub fn probability(&self, curvature: f64) -> f64 {
        let human = (curvature - self.human_mean) / self.human_sd;
        let machine = (curvature - self.machine_mean) / self.machine_sd;
        let log_odds = (self.human_sd / self.machine_sd).ln() + 0.5 * (human - machine) * (human + machine);
        1.0 / (1.0 + (-log_odds).exp())
    }

    /// The curvature at which [`Normals::probability`] is least.
    pub fn turning_point(&self) -> f64 {
        let (human, machine) = (self.human_sd.powi(2), self.machine_sd.powi(2));
        (machine * self.human_mean - human * self.machine_mean) / (machine - human)
    }

    /// The probability, held at its least below the turning point: what is far less likely than the model expects is not
    /// machine-made for that. A deviation from the published tool.
    pub fn rising(&self, curvature: f64) -> f64 {
        self.probability(curvature.max(self.turning_point()))
    }
}
