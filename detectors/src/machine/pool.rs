//! A pool of paired texts, by domain and by the model that wrote the machine side; and a head fitted on it.
//!
//! This is how the embedded heads are made. A pool holds one family of writers: mixing them ruins both. What a head is
//! worth on texts unlike its own is measured by leaving out each domain in turn; the head that is kept then learns from all.
//!
//! Source: the splits of our measurements: by human document, whole domains left out.

use hashbrown::HashSet;

use super::detector::{Detector, DetectorParams};
use super::linear::FitError;
use super::ngram::GramParams;
use super::normalise::Level;
use crate::eval::splits::{dense_groups, group_key};
use crate::eval::{BootstrapParams, Curve, Interval, Ranked, bootstrap};
use crate::model_file::Figure;

/// Characters of a human text by which it is known again under another source model.
const KEY_CHARS: usize = 60;

/// Human texts and their machine counterparts: one domain, one model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cell {
    /// Domain, such as `xsum`.
    pub domain: String,
    /// Who wrote the machine side.
    pub model: String,
    /// Human texts in the form N2.
    pub human: Vec<String>,
    /// Machine texts in the form N2, at the place of their human text.
    pub machine: Vec<String>,
    /// What a human text is known by.
    pub keys: Vec<u64>,
}

impl Cell {
    /// A cell from texts as they are stored; the longer side is cut to the shorter.
    pub fn new(domain: &str, model: &str, human: &[String], machine: &[String]) -> Self {
        let mut cell = Self { domain: domain.into(), model: model.into(), ..Self::default() };
        for (human, machine) in human.iter().zip(machine) {
            cell.keys.push(group_key(&human.chars().take(KEY_CHARS).collect::<String>()));
            cell.human.push(Level::N2.apply(human).into_owned());
            cell.machine.push(Level::N2.apply(machine).into_owned());
        }
        cell
    }
}

/// How an embedded head is fitted: as any detector, with a third of the buckets, so that two heads stay below 300 kB.
pub fn small_params() -> DetectorParams {
    let mut params = DetectorParams::default();
    params.ngram.grams = GramParams { char_bits: 15, word_bits: 14, ..GramParams::default() };
    params
}

/// Fits a detector on the pairs of some cells.
///
/// # Errors
/// If there are too few pairs.
pub fn fit<'c>(cells: impl IntoIterator<Item = &'c Cell>, params: DetectorParams) -> Result<Detector, FitError> {
    let (mut texts, mut machine, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for cell in cells {
        for ((human, made), key) in cell.human.iter().zip(&cell.machine).zip(&cell.keys) {
            texts.extend([human.as_str(), made.as_str()]);
            machine.extend([false, true]);
            groups.extend([*key; 2]);
        }
    }
    Detector::fit(&texts, &machine, &groups, params)
}

/// Scores of the texts of a cell, and what each human text is known by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CellScores {
    /// Of the human texts.
    pub human: Vec<f64>,
    /// Of their machine counterparts.
    pub machine: Vec<f64>,
    /// Keys of the human texts.
    pub keys: Vec<u64>,
}

impl CellScores {
    /// Scores of the texts of a cell at these places.
    pub fn of(cell: &Cell, places: impl IntoIterator<Item = usize>, mut score: impl FnMut(&str) -> f64) -> Self {
        let mut scores = Self::default();
        for place in places {
            scores.human.push(score(&cell.human[place]));
            scores.machine.push(score(&cell.machine[place]));
            scores.keys.push(cell.keys[place]);
        }
        scores
    }

    fn ranked(&self, groups: &[u32]) -> Option<Ranked> {
        let scores: Vec<f64> = self.human.iter().chain(&self.machine).copied().collect();
        let labels: Vec<bool> = (0..scores.len()).map(|i| i >= self.human.len()).collect();
        Ranked::new(&scores, &labels, &[groups, groups].concat()).ok()
    }
}

/// The mean over cells of a statistic, and its interval: human documents are drawn, each with all that became of it in
/// every cell. None without cells, or where the statistic is undefined.
pub fn mean_over_cells(
    cells: &[CellScores],
    statistic: impl Fn(&Curve) -> Option<f64> + Sync + Send,
) -> Option<(f64, Option<Interval>)> {
    let keys: Vec<u64> = cells.iter().flat_map(|cell| cell.keys.iter().copied()).collect();
    let (dense, n_groups) = dense_groups(&keys);
    let mut from = 0;
    let mut ranked = Vec::with_capacity(cells.len());
    for cell in cells {
        ranked.push(cell.ranked(&dense[from..from + cell.keys.len()])?);
        from += cell.keys.len();
    }
    let value = mean(ranked.iter().map(|cell| statistic(&cell.curve()))).filter(|_| !ranked.is_empty())?;
    let measure = |curve: &mut Curve, weights: &[u32], out: &mut [f64]| {
        let each = |cell: &Ranked| {
            cell.curve_into(weights, curve);
            statistic(curve)
        };
        out[0] = mean(ranked.iter().map(each)).unwrap_or(f64::NAN);
    };
    let interval = bootstrap::intervals(n_groups, 1, &BootstrapParams::default(), Curve::default, measure);
    Some((value, interval.into_iter().next().flatten()))
}

/// The mean; none if one of them is.
fn mean(values: impl ExactSizeIterator<Item = Option<f64>>) -> Option<f64> {
    let n = values.len() as f64;
    values.sum::<Option<f64>>().map(|sum| sum / n)
}

/// The share of machine texts above the threshold that 1 % of these human texts exceed.
pub fn tpr_at_1_percent(curve: &Curve) -> Option<f64> {
    curve.at_fpr(0.01).and_then(|point| point.tpr)
}

/// What is read off a curve.
type Statistic = fn(&Curve) -> Option<f64>;

/// What a detector does on domains that it did not learn from: means over the cells, each scored by a detector of the
/// other domains. Nothing for a pool of one domain.
///
/// # Errors
/// If the other domains have too few pairs.
pub fn unseen_domain_figures(cells: &[Cell], params: DetectorParams) -> Result<Vec<Figure>, FitError> {
    let mut domains: Vec<&str> = cells.iter().map(|cell| cell.domain.as_str()).collect();
    domains.sort_unstable();
    domains.dedup();
    if domains.len() < 2 {
        return Ok(Vec::new());
    }
    let mut scores = Vec::with_capacity(cells.len());
    for domain in domains {
        let detector = fit(cells.iter().filter(|cell| cell.domain != domain), params)?;
        let mut scorer = detector.scorer();
        for cell in cells.iter().filter(|cell| cell.domain == domain) {
            scores.push(CellScores::of(cell, 0..cell.keys.len(), |text| scorer.score(text).score));
        }
    }
    let documents: HashSet<u64> = scores.iter().flat_map(|cell| cell.keys.iter().copied()).collect();
    let measures: [(&str, Statistic); 2] = [("AUROC", Curve::auroc), ("TPR at 1 % FPR", tpr_at_1_percent)];
    let figure = |(measure, statistic): (&str, Statistic)| {
        let (value, interval) = mean_over_cells(&scores, statistic)?;
        let on = "domains left out of training, mean over domains and models".to_owned();
        Some(Figure { measure: measure.into(), on, value, interval, n_docs: documents.len() as u64 })
    };
    Ok(measures.into_iter().filter_map(figure).collect())
}
