//! The evaluation of a detector: every measure with its interval, overall and by domain, source model and length.
//!
//! Averages hide what users meet: a detector that is perfect on news and blind on abstracts has a fine mean. So each
//! slice stands by itself, with the number of documents behind it. A slice of a source model holds that model's
//! documents and the human documents of the domains in which the model occurs; human text has no source model.
//!
//! TPR at a FPR follows RAID (Dugan et al. 2024): in each domain the threshold comes from the human documents of the
//! slice, and machine documents of all domains are then counted together. Domains without human documents give no
//! threshold and are left out of this measure. AUROC and partial AUROC are taken over the pooled scores.

use serde::{Deserialize, Serialize};

use super::bootstrap::{BootstrapParams, Interval, intervals};
use super::curve::{BadScores, Confusion, Curve, Ranked};
use super::splits::dense_groups;

/// A document with its score and what it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored<'a> {
    /// Higher means machine.
    pub score: f64,
    /// Whether a machine wrote it.
    pub machine: bool,
    /// The key of the human document to which it belongs, see `splits::group_key`.
    pub group: u64,
    /// Domain; may be empty.
    pub domain: &'a str,
    /// Source model; not looked at for human documents.
    pub source: &'a str,
    /// Words.
    pub n_words: usize,
}

/// Length bands by the number of words at which each but the first begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LengthBands(Vec<usize>);

impl Default for LengthBands {
    /// Under 80 words, then from 80, 150, 300 and 600.
    fn default() -> Self {
        Self(vec![80, 150, 300, 600])
    }
}

impl LengthBands {
    /// Bands that begin at these numbers of words, in any order; no number gives a single band.
    pub fn new(mut starts: Vec<usize>) -> Self {
        starts.sort_unstable();
        starts.dedup();
        Self(starts)
    }

    /// The band of a document, from 0.
    pub fn of(&self, n_words: usize) -> usize {
        self.0.iter().filter(|start| **start <= n_words).count()
    }

    /// Number of bands, at least 1.
    pub fn n_bands(&self) -> usize {
        self.0.len() + 1
    }

    /// A band as words: `< 80`, `80-149`, `>= 600`, or `all`.
    pub fn label(&self, band: usize) -> String {
        let mut starts = self.0.clone();
        starts.sort_unstable();
        match (band.checked_sub(1).and_then(|below| starts.get(below)), starts.get(band)) {
            (None, None) => "all".into(),
            (None, Some(end)) => format!("< {end}"),
            (Some(start), Some(end)) => format!("{start}-{}", end.saturating_sub(1)),
            (Some(start), None) => format!(">= {start}"),
        }
    }
}

/// What to measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvalParams {
    /// Where the partial AUROC ends, in (0, 1].
    pub max_fpr: f64,
    /// Rates at which the TPR is taken, each in [0, 1).
    pub target_fprs: Vec<f64>,
    /// Length bands.
    pub bands: LengthBands,
    /// Intervals.
    pub bootstrap: BootstrapParams,
}

impl Default for EvalParams {
    /// Partial AUROC to 1 % (Soto et al. 2024), TPR at 1 % and 5 % (RAID), 1,000 resamples.
    fn default() -> Self {
        Self {
            max_fpr: 0.01,
            target_fprs: vec![0.01, 0.05],
            bands: LengthBands::default(),
            bootstrap: BootstrapParams::default(),
        }
    }
}

/// A measure and its interval; both none where it is undefined.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Estimate {
    /// The measure on the documents as they are.
    pub value: Option<f64>,
    /// Its bootstrap interval over groups.
    pub interval: Option<Interval>,
}

/// Detection at one rate of false alarms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RateEstimate {
    /// The rate asked for.
    pub target_fpr: f64,
    /// The rate on the human documents from which the thresholds come; at most the target.
    pub realised_fpr: Option<f64>,
    /// Share of machine documents found.
    pub tpr: Estimate,
    /// Share of right verdicts at these thresholds.
    pub accuracy: Option<f64>,
}

/// Measures of one slice; a key that is none stands for all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Domain of all its documents.
    pub domain: Option<String>,
    /// Source model of its machine documents.
    pub source: Option<String>,
    /// Length band of all its documents, in words.
    pub band: Option<String>,
    /// Human documents.
    pub n_human: u64,
    /// Machine documents.
    pub n_machine: u64,
    /// Groups, the units of the bootstrap.
    pub n_groups: usize,
    /// Area under the ROC curve.
    pub auroc: Estimate,
    /// Standardised partial area, chance 0.5.
    pub partial_auroc: Estimate,
    /// Equal error rate.
    pub equal_error_rate: Estimate,
    /// TPR at each target.
    pub rates: Vec<RateEstimate>,
}

/// The whole evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvalReport {
    /// All, then by domain, source, band, then each (domain, source, band) that has documents; each in order of name.
    pub slices: Vec<Slice>,
}

/// Measures all slices; a slice with one side only is listed with its counts.
///
/// # Errors
/// If a score is not a number.
pub fn evaluate(rows: &[Scored<'_>], params: &EvalParams) -> Result<EvalReport, BadScores> {
    let domains = distinct(rows.iter().map(|row| row.domain));
    let sources = distinct(rows.iter().filter(|row| row.machine).map(|row| row.source));
    let bands: Vec<usize> = (0..params.bands.n_bands()).collect();
    let mut keys = vec![Key::default()];
    keys.extend(domains.iter().map(|&domain| Key { domain: Some(domain), ..Key::default() }));
    keys.extend(sources.iter().map(|&source| Key { source: Some(source), ..Key::default() }));
    keys.extend(bands.iter().map(|&band| Key { band: Some(band), ..Key::default() }));
    for &domain in &domains {
        for &source in &sources {
            let cell = |&band: &usize| Key { domain: Some(domain), source: Some(source), band: Some(band) };
            keys.extend(bands.iter().map(cell));
        }
    }
    let mut slices = Vec::with_capacity(keys.len());
    for key in keys {
        let chosen = key.choose(rows, &params.bands);
        if key == Key::default() || chosen.iter().any(|row| key.source.is_none() || row.machine) {
            slices.push(measure(key, &chosen, params)?);
        }
    }
    Ok(EvalReport { slices })
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Key<'a> {
    domain: Option<&'a str>,
    source: Option<&'a str>,
    band: Option<usize>,
}

impl Key<'_> {
    fn choose<'r>(&self, rows: &[Scored<'r>], bands: &LengthBands) -> Vec<Scored<'r>> {
        let of_source = |row: &&Scored<'_>| row.machine && self.source.is_none_or(|source| row.source == source);
        let source_domains = distinct(rows.iter().filter(of_source).map(|row| row.domain));
        let fits = |row: &&Scored<'_>| {
            let by_source = match self.source {
                Some(source) if row.machine => row.source == source,
                Some(_) => source_domains.binary_search(&row.domain).is_ok(),
                None => true,
            };
            by_source
                && self.domain.is_none_or(|domain| row.domain == domain)
                && self.band.is_none_or(|band| bands.of(row.n_words) == band)
        };
        rows.iter().filter(fits).copied().collect()
    }
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The documents of a slice, in order of score, together and by domain.
struct Sample {
    pooled: Ranked,
    domains: Vec<Ranked>,
    n_groups: usize,
}

/// Curves that a thread fills again for each resample.
#[derive(Default)]
struct Curves {
    pooled: Curve,
    domains: Vec<Curve>,
}

impl Sample {
    fn of(rows: &[Scored<'_>]) -> Result<Self, BadScores> {
        let (groups, n_groups) = dense_groups(&rows.iter().map(|row| row.group).collect::<Vec<_>>());
        let ranked = |domain: Option<&str>| {
            let chosen = || rows.iter().zip(&groups).filter(|(row, _)| domain.is_none_or(|d| d == row.domain));
            let scores: Vec<f64> = chosen().map(|(row, _)| row.score).collect();
            let machine: Vec<bool> = chosen().map(|(row, _)| row.machine).collect();
            Ranked::new(&scores, &machine, &chosen().map(|(_, group)| *group).collect::<Vec<_>>())
        };
        let names = distinct(rows.iter().map(|row| row.domain));
        let domains = names.into_iter().map(|name| ranked(Some(name))).collect::<Result<_, _>>()?;
        Ok(Self { pooled: ranked(None)?, domains, n_groups })
    }

    fn fill(&self, weights: &[u32], curves: &mut Curves) {
        curves.domains.resize_with(self.domains.len(), Curve::default);
        self.pooled.curve_into(weights, &mut curves.pooled);
        self.domains.iter().zip(&mut curves.domains).for_each(|(ranked, curve)| ranked.curve_into(weights, curve));
    }
}

impl Curves {
    /// Verdicts at thresholds set in each domain on its human documents.
    fn verdicts(&self, target_fpr: f64) -> Confusion {
        let verdicts = |curve: &Curve| curve.at_fpr(target_fpr).map(|point| curve.confusion(point.threshold));
        self.domains.iter().filter_map(verdicts).fold(Confusion::default(), Confusion::plus)
    }

    fn measures(&self, params: &EvalParams) -> Vec<Option<f64>> {
        let curve = &self.pooled;
        let areas = [curve.auroc(), curve.partial_auroc(params.max_fpr), curve.equal_error_rate()];
        let rates = params.target_fprs.iter().map(|&target| self.verdicts(target).tpr());
        areas.into_iter().chain(rates).collect()
    }
}

fn measure(key: Key<'_>, rows: &[Scored<'_>], params: &EvalParams) -> Result<Slice, BadScores> {
    let sample = Sample::of(rows)?;
    let mut curves = Curves::default();
    sample.fill(&vec![1; sample.n_groups], &mut curves);
    let values = curves.measures(params);
    let resample = |curves: &mut Curves, weights: &[u32], out: &mut [f64]| {
        sample.fill(weights, curves);
        let measures = curves.measures(params);
        out.iter_mut().zip(measures).for_each(|(place, value)| *place = value.unwrap_or(f64::NAN));
    };
    let intervals = intervals(sample.n_groups, values.len(), &params.bootstrap, Curves::default, resample);
    // An undefined measure has no interval, even if some resample defined it.
    let estimate = |i: usize| Estimate { value: values[i], interval: values[i].and(intervals[i]) };
    let rate = |(i, &target_fpr): (usize, &f64)| {
        let verdicts = curves.verdicts(target_fpr);
        let (realised_fpr, accuracy) = (verdicts.fpr(), verdicts.accuracy());
        RateEstimate { target_fpr, realised_fpr, tpr: estimate(3 + i), accuracy }
    };
    Ok(Slice {
        domain: key.domain.map(Into::into),
        source: key.source.map(Into::into),
        band: key.band.map(|band| params.bands.label(band)),
        n_human: curves.pooled.n_human(),
        n_machine: curves.pooled.n_machine(),
        n_groups: sample.n_groups,
        auroc: estimate(0),
        partial_auroc: estimate(1),
        equal_error_rate: estimate(2),
        rates: params.target_fprs.iter().enumerate().map(rate).collect(),
    })
}

#[cfg(test)]
mod tests;
