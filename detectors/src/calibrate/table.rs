//! Thresholds by domain and length band, as a table that is kept with a model.
//!
//! Short text scores differently from long text and news differently from verse, so each (domain, band) has thresholds
//! of its own where there is enough human text, and those of the whole domain otherwise (which
//! [`CalibrationTable::entry`] tells). There is no threshold over all domains: a domain that was not calibrated gets no
//! verdict. Documents under `min_words` are neither judged nor used.
//!
//! Calling a document human needs to know how machine text scores here; with human documents alone the verdicts are
//! machine and undecided.

use serde::{Deserialize, Serialize};

use super::bound::{Bound, BoundParams};
use super::probability::{ProbabilityMap, ProbabilityMethod};
use super::verdict::{Abstain, Verdict};
use crate::eval::LengthBands;
use crate::eval::curve::BadScores;

/// How a detector is calibrated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CalibrationParams {
    /// Human text above the machine threshold: rate and confidence.
    pub false_machine: BoundParams,
    /// Machine text below the human threshold: rate and confidence.
    pub false_human: BoundParams,
    /// Words under which there is no verdict.
    pub min_words: usize,
    /// Length bands.
    pub bands: LengthBands,
    /// Whether a band with too little human text takes the threshold of its whole domain.
    pub pool_thin_bands: bool,
    /// How probabilities are made; none for no probabilities.
    pub probability: Option<ProbabilityMethod>,
}

impl Default for CalibrationParams {
    /// 1 % and 5 % with 90 % confidence, 80 words, thin bands pooled, no probabilities.
    fn default() -> Self {
        Self {
            false_machine: BoundParams::default(),
            false_human: BoundParams { target_rate: 0.05, ..BoundParams::default() },
            min_words: 80,
            bands: LengthBands::default(),
            pool_thin_bands: true,
            probability: None,
        }
    }
}

/// A document for calibration. The detector must not have been trained on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationRow<'a> {
    /// Higher means machine.
    pub score: f64,
    /// Whether a machine wrote it.
    pub machine: bool,
    /// The key of the human document, see `eval::splits::group_key`. Human rows of one group count as one document with
    /// the highest of their scores: a text that is listed once per source model is not more evidence.
    pub group: u64,
    /// Domain; may be empty.
    pub domain: &'a str,
    /// Words.
    pub n_words: usize,
}

/// Thresholds of one domain, or of one length band of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Domain.
    pub domain: String,
    /// Length band, numbered from 0; none for all lengths.
    pub band: Option<usize>,
    /// Human documents behind it.
    pub n_human: u64,
    /// Scores above its threshold are machine; none with too few human documents.
    pub machine_above: Option<Bound>,
    /// Bound on negated scores: scores below minus its threshold are human; none with too few machine documents.
    pub human_below: Option<Bound>,
}

/// All thresholds of a calibrated detector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationTable {
    /// How it was made.
    pub params: CalibrationParams,
    /// In order of domain, all lengths before the bands.
    pub entries: Vec<Entry>,
    /// From score to probability of machine.
    pub probability: Option<ProbabilityMap>,
    /// Scores of either side, by which the machine share of a corpus is told (see `prevalence`); none with one side only.
    #[serde(default)]
    pub reference: Option<ReferenceScores>,
}

/// Scores of documents whose writers are known, in rising order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceScores {
    /// Of human documents.
    pub human: Vec<f64>,
    /// Of machine documents.
    pub machine: Vec<f64>,
}

/// Scores kept of either side: eight bins need no more, and a model file stays small.
const MAX_REFERENCE: usize = 500;

impl ReferenceScores {
    /// The scores of all domains and lengths; of many, as many as are kept, evenly by rank.
    fn of(rows: &[&CalibrationRow<'_>]) -> Option<Self> {
        let side = |machine: bool| {
            let mut scores: Vec<f64> = rows.iter().filter(|row| row.machine == machine).map(|row| row.score).collect();
            scores.sort_unstable_by(f64::total_cmp);
            let n = scores.len();
            if n <= MAX_REFERENCE {
                return scores;
            }
            (0..MAX_REFERENCE).map(|i| scores[(2 * i + 1) * n / (2 * MAX_REFERENCE)]).collect()
        };
        let reference = Self { human: side(false), machine: side(true) };
        (!reference.human.is_empty() && !reference.machine.is_empty()).then_some(reference)
    }
}

impl CalibrationTable {
    /// Sets the thresholds; documents under `min_words` are passed over.
    ///
    /// # Errors
    /// If a score is not finite. Too few documents are no error: their entries have no threshold.
    pub fn fit(rows: &[CalibrationRow<'_>], params: &CalibrationParams) -> Result<Self, BadScores> {
        for (row, CalibrationRow { score, .. }) in rows.iter().enumerate() {
            if score.is_nan() {
                return Err(BadScores::NotANumber { row });
            }
            if score.is_infinite() {
                return Err(BadScores::Infinite { row });
            }
        }
        let usable: Vec<&CalibrationRow<'_>> = rows.iter().filter(|row| row.n_words >= params.min_words).collect();
        let mut domains: Vec<&str> = usable.iter().filter(|row| !row.machine).map(|row| row.domain).collect();
        domains.sort_unstable();
        domains.dedup();
        let mut entries = Vec::new();
        for domain in domains {
            let of_domain: Vec<_> = usable.iter().filter(|row| row.domain == domain).copied().collect();
            entries.push(entry(domain, None, &of_domain, params));
            for band in 0..params.bands.n_bands() {
                let in_band = of_domain.iter().filter(|row| params.bands.of(row.n_words) == band);
                let in_band: Vec<_> = in_band.copied().collect();
                if in_band.iter().any(|row| !row.machine) {
                    entries.push(entry(domain, Some(band), &in_band, params));
                }
            }
        }
        let probability = params.probability.and_then(|method| {
            let scores: Vec<f64> = usable.iter().map(|row| row.score).collect();
            method.fit(&scores, &usable.iter().map(|row| row.machine).collect::<Vec<_>>())
        });
        let reference = ReferenceScores::of(&usable);
        Ok(Self { params: params.clone(), entries, probability, reference })
    }

    /// The thresholds that hold for a document: of its band if that has one, else of its whole domain.
    ///
    /// None for a domain that was not calibrated, and for a band without human text if thin bands are not pooled. The
    /// entry may have no threshold, for lack of human text.
    pub fn entry(&self, domain: &str, n_words: usize) -> Option<&Entry> {
        let band = Some(self.params.bands.of(n_words));
        let find = |band| self.entries.iter().find(|entry| entry.band == band && entry.domain == domain);
        if !self.params.pool_thin_bands {
            return find(band);
        }
        find(band).filter(|entry| entry.machine_above.is_some()).or_else(|| find(None))
    }

    /// The verdict on a document of this score, domain and length.
    pub fn verdict(&self, score: f64, domain: &str, n_words: usize) -> Verdict {
        let min_words = self.params.min_words;
        if n_words < min_words {
            return Verdict::Abstain(Abstain::TooShort { n_words, min_words });
        }
        if !score.is_finite() {
            return Verdict::Abstain(Abstain::NoScore);
        }
        let needed = self.params.false_machine.least_docs().unwrap_or(u64::MAX);
        let Some(entry) = self.entry(domain, n_words) else {
            let is_known = self.entries.iter().any(|entry| entry.domain == domain);
            let reason = if is_known { Abstain::TooFewHuman { n_human: 0, needed } } else { Abstain::UnknownDomain };
            return Verdict::Abstain(reason);
        };
        let Some(machine_above) = entry.machine_above else {
            return Verdict::Abstain(Abstain::TooFewHuman { n_human: entry.n_human, needed });
        };
        if score > machine_above.threshold {
            return Verdict::Machine;
        }
        match entry.human_below {
            Some(human_below) if -score > human_below.threshold => Verdict::Human,
            _ => Verdict::Abstain(Abstain::Undecided),
        }
    }
}

fn entry(domain: &str, band: Option<usize>, rows: &[&CalibrationRow<'_>], params: &CalibrationParams) -> Entry {
    let human = highest_by_group(rows);
    let negated: Vec<f64> = rows.iter().filter(|row| row.machine).map(|row| -row.score).collect();
    Entry {
        domain: domain.into(),
        band,
        n_human: human.len() as u64,
        machine_above: params.false_machine.threshold(&human),
        human_below: params.false_human.threshold(&negated),
    }
}

/// The highest score of each human group.
fn highest_by_group(rows: &[&CalibrationRow<'_>]) -> Vec<f64> {
    let mut human: Vec<(u64, f64)> = rows.iter().filter(|row| !row.machine).map(|row| (row.group, row.score)).collect();
    human.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    human.dedup_by_key(|(group, _)| *group);
    human.into_iter().map(|(_, score)| score).collect()
}

#[cfg(test)]
mod tests;
