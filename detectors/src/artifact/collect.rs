//! Makes findings of measures: values of both sides, difference, effect size, intervals, level and sentence.
//!
//! The measures know nothing of all that. There are four ways in: a ratio of sums over documents, a metric of a whole set, a
//! number that compares the sides, and a reason why there is none.

use super::bands::Bands;
use super::finding::{Detail, Effect, Estimate, Example, Finding, Level, SliceValue};
use super::measure::effect::{Ranked, cohen_d, wilson};
use super::metric::{EffectKind, Judged, Metric};
use super::params::Params;
use super::resample::{Part, about, bootstrap, halves, interval, ratio};
use super::sentence;
use std::collections::BTreeMap;

/// Collects the findings of an audit.
pub(crate) struct Collector<'a> {
    pub(crate) params: &'a Params,
    bands: &'a Bands,
    names: [&'a str; 2],
    field: &'static str,
    findings: Vec<Finding>,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(params: &'a Params, bands: &'a Bands, names: [&'a str; 2]) -> Self {
        Self { params, bands, names, field: "", findings: Vec::new() }
    }

    /// Names the field that the following findings are of.
    pub(crate) fn set_field(&mut self, field: &'static str) {
        self.field = field;
    }

    pub(crate) fn finish(self) -> Vec<Finding> {
        self.findings
    }

    /// A ratio of sums over documents of each side.
    pub(crate) fn ratio(&mut self, metric: &Metric, parts: [&[Part]; 2]) -> &mut Finding {
        let defined = parts.map(|parts| parts.iter().copied().filter(|part| part.1 > 0.0).collect::<Vec<Part>>());
        let of_doc = defined.each_ref().map(|parts| parts.iter().map(|part| part.0 / part.1).collect::<Vec<f64>>());
        let sizes = [defined[0].len(), defined[1].len()];
        let ranked = (metric.effect == EffectKind::CliffDelta).then(|| Ranked::new(&of_doc[0], &of_doc[1]));
        let effect = |places: [&[u32]; 2]| -> Option<f64> {
            let at = |side: usize| places[side].iter().map(|at| *at as usize);
            match metric.effect {
                EffectKind::CohenD => {
                    let values = |side: usize| at(side).map(|at| of_doc[side][at]).collect::<Vec<f64>>();
                    cohen_d(&values(0), &values(1))
                }
                EffectKind::CliffDelta => ranked.as_ref()?.delta(at(0), at(1)),
                EffectKind::Difference | EffectKind::None => None,
            }
        };
        let side_ratio = |side: usize, places: &[u32]| ratio(places.iter().map(|at| defined[side][*at as usize]));
        let all = sizes.map(|n| (0..n as u32).collect::<Vec<u32>>());
        let values = [side_ratio(0, &all[0]), side_ratio(1, &all[1])];
        let draws = bootstrap(self.params.seed, sizes, self.params.n_bootstrap, |places| {
            ([side_ratio(0, places[0]), side_ratio(1, places[1])], effect(places))
        });
        let confidence = self.params.confidence;
        let spread = |side: usize| {
            let drawn = interval(draws.iter().filter_map(|(ratios, _)| ratios[side]), confidence);
            // Of shares that are all 0 or all 1 the bootstrap knows no spread.
            let is_share = defined[side].iter().all(|part| part.1 == 1.0 && (part.0 == 0.0 || part.0 == 1.0));
            match drawn {
                Some((low, high)) if low == high && is_share => {
                    wilson(defined[side].iter().map(|part| part.0).sum(), sizes[side] as f64)
                }
                drawn => drawn.filter(|_| sizes[side] > 1),
            }
        };
        let estimates =
            [0, 1].map(|side| values[side].map(|value| Estimate::bare(value, sizes[side]).with(spread(side))));
        let gaps = draws.iter().filter_map(|(ratios, _)| Some(ratios[1]? - ratios[0]?));
        let difference = self.difference(estimates, interval(gaps, confidence));
        let effect = match metric.effect {
            EffectKind::None => None,
            EffectKind::Difference => difference.map(|estimate| Effect { kind: metric.effect, estimate }),
            kind => effect([&all[0], &all[1]]).map(|value| {
                let estimate = Estimate::bare(value, sizes[0].min(sizes[1]));
                Effect {
                    kind,
                    estimate: estimate.with(interval(draws.iter().filter_map(|(_, effect)| *effect), confidence)),
                }
            }),
        };
        self.push(metric, Values { estimates, difference, effect, between: None, is_size_matched: false })
    }

    /// A metric of sets of documents: of `members` on each side, which the caller has matched in size.
    pub(crate) fn of_sets(
        &mut self,
        metric: &Metric,
        members: [&[u32]; 2],
        statistic: impl Fn(usize, &[u32]) -> Option<f64> + Sync,
    ) -> &mut Finding {
        let (seed, n_halves, confidence) = (self.params.seed, self.params.n_subsamples, self.params.confidence);
        let values = [statistic(0, members[0]), statistic(1, members[1])];
        let spreads = [0, 1].map(|side: usize| {
            let of_halves = halves(seed, side, members[side], n_halves, |half| statistic(side, half));
            // Half by half, so that the differences below pair what belongs together.
            let of_halves: Option<Vec<f64>> = of_halves.into_iter().collect();
            values[side].zip(of_halves).map(|(value, of_halves)| about(value, &of_halves))
        });
        let estimates = [0, 1].map(|side: usize| {
            let spread = spreads[side].as_ref().filter(|_| members[side].len() >= 4);
            let spread = spread.and_then(|values| interval(values.iter().copied(), confidence));
            values[side].map(|value| Estimate::bare(value, members[side].len()).with(spread))
        });
        let gaps = match &spreads {
            [Some(left), Some(right)] if members.iter().all(|members| members.len() >= 4) => {
                interval(left.iter().zip(right).map(|(left, right)| right - left), confidence)
            }
            _ => None,
        };
        let difference = self.difference(estimates, gaps);
        let effect = difference.map(|estimate| Effect { kind: EffectKind::Difference, estimate });
        self.push(metric, Values { estimates, difference, effect, between: None, is_size_matched: true })
    }

    /// Values with intervals that the caller has computed.
    pub(crate) fn values(
        &mut self,
        metric: &Metric,
        estimates: [Option<Estimate>; 2],
        gap: Option<(f64, f64)>,
    ) -> &mut Finding {
        let difference = self.difference(estimates, gap);
        let effect = difference.map(|estimate| Effect { kind: EffectKind::Difference, estimate });
        self.push(metric, Values { estimates, difference, effect, between: None, is_size_matched: false })
    }

    /// A statistic of units (items, pairs, dialogues) of each side, bootstrapped.
    pub(crate) fn of_units(
        &mut self,
        metric: &Metric,
        sizes: [usize; 2],
        statistic: impl Fn(usize, &[u32]) -> Option<f64> + Sync,
    ) -> &mut Finding {
        let all = sizes.map(|n| (0..n as u32).collect::<Vec<u32>>());
        let draws = bootstrap(self.params.seed, sizes, self.params.n_bootstrap, |places| {
            [0, 1].map(|side: usize| statistic(side, places[side]))
        });
        let confidence = self.params.confidence;
        let estimates = [0, 1].map(|side: usize| {
            let value = statistic(side, &all[side])?;
            Some(
                Estimate::bare(value, sizes[side])
                    .with(interval(draws.iter().filter_map(|draw| draw[side]), confidence)),
            )
        });
        let gaps = draws.iter().filter_map(|draw| Some(draw[1]? - draw[0]?));
        self.values(metric, estimates, interval(gaps, confidence))
    }

    /// A statistic that compares units of the sides, bootstrapped; none where it has no value. Where resampling shifts it, as
    /// it does a distance, only its spread is used.
    pub(crate) fn between_units(
        &mut self,
        metric: &Metric,
        sizes: [usize; 2],
        is_shifted: bool,
        statistic: impl Fn([&[u32]; 2]) -> Option<f64> + Sync,
    ) -> Option<&mut Finding> {
        let all = sizes.map(|n| (0..n as u32).collect::<Vec<u32>>());
        let value = statistic([&all[0], &all[1]])?;
        let draws: Vec<f64> =
            bootstrap(self.params.seed, sizes, self.params.n_bootstrap, &statistic).into_iter().flatten().collect();
        let draws = if is_shifted { about(value, &draws) } else { draws };
        let n = sizes.into_iter().filter(|n| *n > 0).min().unwrap_or(0);
        let estimate = Estimate::bare(value, n).with(interval(draws, self.params.confidence));
        Some(self.between(metric, estimate))
    }

    /// A number that compares the sides.
    pub(crate) fn between(&mut self, metric: &Metric, estimate: Estimate) -> &mut Finding {
        let between = Some(estimate).filter(|estimate| estimate.value.is_finite());
        self.push(metric, Values { between, ..Values::default() })
    }

    /// Adds lines to the last finding, as many as the settings show.
    pub(crate) fn last_details(&mut self, lines: impl Iterator<Item = (String, f64, f64)>) {
        let n = self.params.n_details;
        if let Some(finding) = self.findings.last_mut() {
            lines.take(n).for_each(|(label, reference, candidate)| {
                finding.detail(label, Some(reference), Some(candidate));
            });
        }
    }

    /// Works on the last finding.
    pub(crate) fn last(&mut self, work: impl FnOnce(&mut Finding)) {
        if let Some(finding) = self.findings.last_mut() {
            work(finding);
        }
    }

    /// A metric that cannot be computed, and why.
    pub(crate) fn cannot(&mut self, metric: &Metric, reason: &str) {
        self.push(metric, Values::default()).explain_absence(reason);
    }

    fn difference(&self, estimates: [Option<Estimate>; 2], gap: Option<(f64, f64)>) -> Option<Estimate> {
        let [reference, candidate] = [estimates[0]?, estimates[1]?];
        Some(Estimate::bare(candidate.value - reference.value, reference.n.min(candidate.n)).with(gap))
    }

    fn push(&mut self, metric: &Metric, values: Values) -> &mut Finding {
        let [reference, candidate] =
            values.estimates.map(|estimate| estimate.filter(|estimate| estimate.value.is_finite()));
        let judged = match metric.judged {
            Judged::Candidate => candidate,
            Judged::Difference => values.difference,
            Judged::Between => values.between,
            Judged::RelativeDifference => relative(reference, values.difference),
        };
        let (level, band) = judged.map_or((Level::Unknown, None), |judged| self.bands.judge(metric.id, &judged));
        let mut finding = Finding {
            metric: metric.id.to_owned(),
            field: self.field.to_owned(),
            title: metric.title.to_owned(),
            group: metric.group,
            unit: metric.unit,
            definition: metric.definition.to_owned(),
            source: metric.source.to_owned(),
            reference,
            candidate,
            between: values.between,
            difference: values.difference,
            effect: values.effect,
            is_size_matched: values.is_size_matched,
            judged_as: metric.judged,
            judged: judged.map(|judged| judged.value),
            level,
            band,
            alarm: self.bands.alarm(metric.id),
            sentence: String::new(),
            cannot: None,
            remedy: metric.remedy.to_owned(),
            details: Vec::new(),
            examples: Vec::new(),
            slices: Vec::new(),
        };
        if reference.is_none() && candidate.is_none() && values.between.is_none() {
            finding.explain_absence("neither side has a row that it applies to");
        } else if judged.is_none() && metric.judged != Judged::Candidate {
            finding.cannot = Some("one side has no row that it applies to".to_owned());
        }
        finding.sentence = sentence::of(&finding, metric, self.names);
        self.findings.push(finding);
        match self.findings.last_mut() {
            Some(finding) => finding,
            None => unreachable!("a finding was pushed in the line above"),
        }
    }
}

/// The numbers of a finding.
#[derive(Clone, Copy, Default)]
struct Values {
    estimates: [Option<Estimate>; 2],
    difference: Option<Estimate>,
    effect: Option<Effect>,
    between: Option<Estimate>,
    is_size_matched: bool,
}

/// A difference over the size of the reference; none where that is 0.
fn relative(reference: Option<Estimate>, difference: Option<Estimate>) -> Option<Estimate> {
    let (scale, difference) = (reference?.value.abs(), difference?);
    let over = |value: f64| value / scale;
    (scale > 0.0).then(|| Estimate {
        value: over(difference.value),
        low: difference.low.map(over),
        high: difference.high.map(over),
        n: difference.n,
    })
}

impl Finding {
    /// Says why there is no number.
    pub(crate) fn explain_absence(&mut self, reason: &str) {
        self.sentence = format!("{} cannot be computed because {reason}.", self.title);
        self.cannot = Some(reason.to_owned());
        self.level = Level::Unknown;
    }

    /// Adds a line.
    pub(crate) fn detail(
        &mut self,
        label: impl Into<String>,
        reference: Option<f64>,
        candidate: Option<f64>,
    ) -> &mut Self {
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        self.details.push(Detail { label: label.into(), reference: finite(reference), candidate: finite(candidate) });
        self
    }

    /// Adds rows that show it, as many as asked for.
    pub(crate) fn examples<S: AsRef<str>>(
        &mut self,
        params: &Params,
        rows: impl IntoIterator<Item = (u32, S)>,
    ) -> &mut Self {
        let room = params.n_examples.saturating_sub(self.examples.len());
        self.examples.extend(
            rows.into_iter()
                .take(room)
                .map(|(row, text)| Example { row: row as usize, text: cut(text.as_ref(), params.example_chars) }),
        );
        self
    }

    /// Adds the value of each slice of the candidate.
    pub(crate) fn by_slice<'s>(&mut self, slices: impl IntoIterator<Item = &'s str>, parts: &[Part]) -> &mut Self {
        let mut by_slice: BTreeMap<&str, Vec<Part>> = BTreeMap::new();
        for (slice, part) in slices.into_iter().zip(parts).filter(|(slice, part)| !slice.is_empty() && part.1 > 0.0) {
            by_slice.entry(slice).or_default().push(*part);
        }
        let value = |(slice, parts): (&str, Vec<Part>)| {
            ratio(parts.iter().copied()).map(|value| SliceValue { slice: slice.to_owned(), value, n: parts.len() })
        };
        self.slices = by_slice.into_iter().filter_map(value).collect();
        self
    }
}

/// The first characters of a text on one line.
pub(crate) fn cut(text: &str, n_chars: usize) -> String {
    let mut short = String::new();
    // White space is folded while reading, so that a text of a megabyte costs no more than what is shown of it.
    let mut chars = text.chars().map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c });
    let mut n = 0;
    for c in chars.by_ref() {
        if c == ' ' && (short.is_empty() || short.ends_with(' ')) {
            continue;
        }
        if n == n_chars {
            short.push('…');
            break;
        }
        short.push(c);
        n += 1;
    }
    short.truncate(short.trim_end().len());
    short
}
