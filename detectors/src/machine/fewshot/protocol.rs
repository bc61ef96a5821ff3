//! How well few-shot detection does on given texts: the protocol of Soto et al., by drawn episodes.
//!
//! In each trial some human texts give the centre and some machine texts the support; of all the others episodes are
//! drawn, and each is scored by its cosine to the support. Single texts are scored by the contrast of the same supports.
//! With several machines one support each is drawn, the score is that of the nearest, and its name is the attribution.
//!
//! Source: Soto et al. 2024, section 4: area under the curve up to 1 % of false alarms, standardised after McClish (chance
//! is 0.5). We differ: episodes are drawn from the texts at hand and overlap, where the paper has 3,000 human episodes
//! that do not; so figures near 1 on a small pool mean "saturated", and `n_human_rest` says how small it was.

use serde::{Deserialize, Serialize};

use super::{Contrast, FewShotError, Supports};
use crate::eval::Curve;
use crate::eval::rng::Draws;

/// How the protocol is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProtocolParams {
    /// Numbers of machine texts in a support and of texts in an episode.
    pub sizes: Vec<usize>,
    /// Human texts that give the centre.
    pub n_human: usize,
    /// Trials, over which figures are averaged.
    pub n_trials: u32,
    /// Episodes drawn of each side in a trial.
    pub n_episodes: usize,
    /// Where the partial AUROC ends.
    pub max_fpr: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for ProtocolParams {
    /// 1, 5, 10 and 25 texts, 25 human ones, 8 trials, 500 episodes a side, up to 1 % of false alarms.
    fn default() -> Self {
        Self { sizes: vec![1, 5, 10, 25], n_human: 25, n_trials: 8, n_episodes: 500, max_fpr: 0.01, seed: 0 }
    }
}

/// Means over the trials.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Means {
    /// Area under the ROC curve.
    pub auroc: f64,
    /// Standardised partial area.
    pub partial_auroc: f64,
    /// Share of machine texts or episodes found at `max_fpr`.
    pub tpr: f64,
}

/// The figures for one size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProtocolRow {
    /// Machine texts in a support, and texts in an episode.
    pub size: usize,
    /// Human texts from which episodes are drawn.
    pub n_human_rest: usize,
    /// Single texts by the contrast.
    pub single: Means,
    /// Episodes by their cosine.
    pub episodes: Means,
}

/// Several machines at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attributions {
    /// Machine texts in a support, and texts in an episode.
    pub size: usize,
    /// Machine against human episodes, by the nearest support.
    pub episodes: Means,
    /// Share of machine episodes whose nearest support is their own machine's; chance is one in the number of machines.
    pub accuracy: f64,
    /// Names of the machines.
    pub names: Vec<String>,
    /// Share of the episodes of a machine (row) that are nearest to the support of another (column).
    pub confusion: Vec<Vec<f64>>,
}

/// One machine against human texts; a size for which there are too few texts is left out.
///
/// # Errors
/// If there are no human or no machine texts.
pub fn single_target(
    human: &[Vec<f32>],
    machine: &[Vec<f32>],
    params: &ProtocolParams,
) -> Result<Vec<ProtocolRow>, FewShotError> {
    if human.is_empty() {
        return Err(FewShotError::NoHuman);
    }
    if machine.is_empty() {
        return Err(FewShotError::NoSupport);
    }
    let mut rows = Vec::new();
    for &size in &params.sizes {
        if !is_enough(human.len(), params.n_human, size) || !is_enough(machine.len(), size, size) {
            continue;
        }
        let (mut single, mut episodes) = (Vec::new(), Vec::new());
        for trial in 0..params.n_trials {
            let mut draws = Draws::new(params.seed, "few-shot", u64::from(trial) << 32 | size as u64);
            let [centre, human_rest] = parted(human, params.n_human, &mut draws);
            let [support, machine_rest] = parted(machine, size, &mut draws);
            let contrast = Contrast::fit(&centre, &support)?;
            let by_contrast = |rows: &[Vec<f32>]| rows.iter().map(|row| contrast.score(row)).collect::<Vec<f64>>();
            single.push(means(&by_contrast(&human_rest), &by_contrast(&machine_rest), params.max_fpr));
            let supports = Supports::new(&centre, &[(String::new(), support)])?;
            let mut drawn = |rows: &[Vec<f32>]| scores(&supports, rows, size, params.n_episodes, &mut draws);
            let (human, machine) = (drawn(&human_rest), drawn(&machine_rest));
            episodes.push(means(&human, &machine, params.max_fpr));
        }
        let n_human_rest = human.len() - params.n_human;
        rows.push(ProtocolRow { size, n_human_rest, single: average(&single), episodes: average(&episodes) });
    }
    Ok(rows)
}

/// Several machines against human texts and each other; none if there are too few texts of any.
///
/// # Errors
/// If there are no human texts or fewer than two machines.
pub fn multiple_target(
    human: &[Vec<f32>],
    machines: &[(String, Vec<Vec<f32>>)],
    size: usize,
    params: &ProtocolParams,
) -> Result<Option<Attributions>, FewShotError> {
    if human.is_empty() {
        return Err(FewShotError::NoHuman);
    }
    if machines.len() < 2 {
        return Err(FewShotError::NoSupport);
    }
    let too_few = machines.iter().any(|(_, rows)| !is_enough(rows.len(), size, size));
    if too_few || !is_enough(human.len(), params.n_human, size) || params.n_trials == 0 {
        return Ok(None);
    }
    let mut figures = Vec::new();
    let mut confusion = vec![vec![0.0; machines.len()]; machines.len()];
    let n_each = params.n_episodes.div_ceil(machines.len()).max(1);
    for trial in 0..params.n_trials {
        let mut draws = Draws::new(params.seed, "few-shot attribution", u64::from(trial) << 32 | size as u64);
        let [centre, human_rest] = parted(human, params.n_human, &mut draws);
        let (mut chosen, mut rests) = (Vec::new(), Vec::new());
        for (name, rows) in machines {
            let [support, rest] = parted(rows, size, &mut draws);
            chosen.push((name.clone(), support));
            rests.push(rest);
        }
        let supports = Supports::new(&centre, &chosen)?;
        let human = scores(&supports, &human_rest, size, params.n_episodes, &mut draws);
        let mut machine = Vec::new();
        for (own, rest) in rests.iter().enumerate() {
            for _ in 0..n_each {
                let found = supports.attribute(&episode(&supports, rest, size, &mut draws));
                confusion[own][found.nearest] += 1.0 / (n_each as f64 * f64::from(params.n_trials));
                machine.push(found.score);
            }
        }
        figures.push(means(&human, &machine, params.max_fpr));
    }
    let accuracy = (0..machines.len()).map(|own| confusion[own][own]).sum::<f64>() / machines.len() as f64;
    let names = machines.iter().map(|(name, _)| name.clone()).collect();
    Ok(Some(Attributions { size, episodes: average(&figures), accuracy, names, confusion }))
}

/// Whether some texts can be set aside and an episode be drawn from the others.
fn is_enough(n: usize, n_aside: usize, size: usize) -> bool {
    n_aside > 0 && size > 0 && n >= n_aside + size
}

/// Some rows by chance, and the others.
fn parted(rows: &[Vec<f32>], n: usize, draws: &mut Draws) -> [Vec<Vec<f32>>; 2] {
    let mut rows = rows.to_vec();
    draws.shuffle(&mut rows);
    let rest = rows.split_off(n.min(rows.len()));
    [rows, rest]
}

fn episode(supports: &Supports, rows: &[Vec<f32>], size: usize, draws: &mut Draws) -> Vec<f32> {
    let mut places: Vec<usize> = (0..rows.len()).collect();
    // The first places of a shuffle, as far as they are needed.
    for i in 0..size.min(rows.len()) {
        let j = i + draws.below(rows.len() - i);
        places.swap(i, j);
    }
    supports.episode(places[..size.min(rows.len())].iter().map(|place| &rows[*place]))
}

fn scores(supports: &Supports, rows: &[Vec<f32>], size: usize, n: usize, draws: &mut Draws) -> Vec<f64> {
    (0..n).map(|_| supports.attribute(&episode(supports, rows, size, draws)).score).collect()
}

fn means(human: &[f64], machine: &[f64], max_fpr: f64) -> Means {
    let Ok(curve) = Curve::of(human, machine) else { return Means::default() };
    Means {
        auroc: curve.auroc().unwrap_or(0.5),
        partial_auroc: curve.partial_auroc(max_fpr).unwrap_or(0.5),
        tpr: curve.at_fpr(max_fpr).and_then(|point| point.tpr).unwrap_or(0.0),
    }
}

fn average(all: &[Means]) -> Means {
    let n = all.len().max(1) as f64;
    let mean = |of: fn(&Means) -> f64| all.iter().map(of).sum::<f64>() / n;
    Means { auroc: mean(|m| m.auroc), partial_auroc: mean(|m| m.partial_auroc), tpr: mean(|m| m.tpr) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Normal rows of 20 features about a mean that differs in one feature.
    fn rows(n: usize, feature: usize, shift: f64, stream: u64) -> Vec<Vec<f32>> {
        let mut draws = Draws::new(3, "rows", stream);
        let value = |i: usize, draws: &mut Draws| draws.normal() + if i == feature { shift } else { 0.0 };
        (0..n).map(|_| (0..20).map(|i| value(i, &mut draws) as f32).collect()).collect()
    }

    fn params() -> ProtocolParams {
        ProtocolParams { n_trials: 4, n_episodes: 200, ..ProtocolParams::default() }
    }

    #[test]
    fn more_examples_tell_more_and_no_difference_tells_nothing() {
        let found = single_target(&rows(150, 0, 0.0, 0), &rows(150, 3, 2.5, 1), &params()).unwrap();
        assert_eq!(
            found.iter().map(|row| (row.size, row.n_human_rest)).collect::<Vec<_>>(),
            [(1, 125), (5, 125), (10, 125), (25, 125)]
        );
        assert!(found.windows(2).all(|pair| pair[0].episodes.auroc <= pair[1].episodes.auroc + 0.02), "{found:?}");
        assert!(found[0].episodes.auroc < 0.9 && found[3].episodes.partial_auroc > 0.95, "{found:?}");
        let same = single_target(&rows(150, 0, 0.0, 0), &rows(150, 0, 0.0, 2), &params()).unwrap();
        assert!(same.iter().all(|row| (row.single.auroc - 0.5).abs() < 0.12), "{same:?}");
        assert_eq!(found, single_target(&rows(150, 0, 0.0, 0), &rows(150, 3, 2.5, 1), &params()).unwrap());
    }

    #[test]
    fn machines_are_told_apart_by_name() {
        let machines = [("a".to_owned(), rows(60, 1, 3.0, 5)), ("b".to_owned(), rows(60, 2, 3.0, 6))];
        let found = multiple_target(&rows(100, 0, 0.0, 4), &machines, 5, &params()).unwrap().unwrap();
        assert!(found.accuracy > 0.9 && found.episodes.auroc > 0.9, "{found:?}");
        assert!(found.confusion.iter().all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-9));
        assert_eq!(multiple_target(&rows(10, 0, 0.0, 4), &machines, 5, &params()).unwrap(), None);
        assert!(multiple_target(&rows(100, 0, 0.0, 4), &machines[..1], 5, &params()).is_err());
    }

    #[test]
    fn too_few_texts_leave_a_size_out() {
        let found = single_target(&rows(40, 0, 0.0, 0), &rows(12, 3, 1.0, 1), &params()).unwrap();
        assert_eq!(found.iter().map(|row| row.size).collect::<Vec<_>>(), [1, 5]);
        assert_eq!(single_target(&[], &rows(5, 0, 0.0, 1), &params()).unwrap_err(), FewShotError::NoHuman);
    }
}
