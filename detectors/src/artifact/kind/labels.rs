//! Labels: how they are spread, whose opinion is lost, how far annotators agree, what the labels teach.

use super::transfer::{Row, trained_across};
use crate::artifact::collect::Collector;
use crate::artifact::corpus::Vocabulary;
use crate::artifact::finding::Histogram;
use crate::artifact::inputs::Inputs;
use crate::artifact::measure::agreement::{self, Scale};
use crate::artifact::measure::discrete;
use crate::artifact::measure::linear::{Planes, Sparse, features, fold_of};
use crate::artifact::metric::Metric;
use crate::artifact::metrics::labels as table;
use crate::artifact::resample::{Part, ratio};
use crate::artifact::side::LabelRow;
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Fewest items that a classifier of labels is trained on.
const MIN_TRAINED: usize = 40;

/// An item with its labels.
#[derive(Debug, Clone, Default)]
struct Item<'a> {
    id: &'a str,
    text: &'a str,
    labels: Vec<usize>,
}

/// The items of both sides.
#[derive(Debug)]
pub(crate) struct Items<'a> {
    sides: [Vec<Item<'a>>; 2],
    /// Names of the classes; those with an order first.
    classes: Vec<&'a str>,
    /// Places in the two sides of the items that both hold.
    shared: Vec<(usize, usize)>,
    is_ordered: bool,
}

impl<'a> Items<'a> {
    /// Gathers rows by item, in the order of ids. Of more than `max_items` those with the least hash of the id are kept, so that
    /// both sides keep the same ones.
    pub(crate) fn read(rows: [&'a [LabelRow]; 2], order: &'a [String], max_items: usize, seed: u64) -> Self {
        let mut classes: Vec<&str> = order.iter().map(String::as_str).collect();
        let mut others: Vec<&str> = rows.iter().copied().flatten().map(|row| row.label.as_str()).collect();
        others.sort_unstable();
        others.dedup();
        others.retain(|label| !classes.contains(label));
        let is_ordered = classes.len() > 1 && others.is_empty();
        classes.extend(others);
        let place: BTreeMap<&str, usize> = classes.iter().enumerate().map(|(at, label)| (*label, at)).collect();
        let sides = rows.map(|rows| {
            let mut items: BTreeMap<&str, Item<'a>> = BTreeMap::new();
            for row in rows {
                let item = items.entry(&row.item).or_insert_with(|| Item { id: &row.item, ..Item::default() });
                item.labels.extend(place.get(row.label.as_str()));
                if item.text.is_empty() {
                    item.text = &row.text;
                }
            }
            let mut items: Vec<Item<'a>> = items.into_values().collect();
            if items.len() > max_items {
                items.sort_by_key(|item| (xxh3_64_with_seed(item.id.as_bytes(), seed), item.id));
                items.truncate(max_items);
                items.sort_by_key(|item| item.id);
            }
            items
        });
        let at: BTreeMap<&str, usize> = sides[0].iter().enumerate().map(|(at, item)| (item.id, at)).collect();
        let shared =
            sides[1].iter().enumerate().filter_map(|(candidate, item)| Some((*at.get(item.id)?, candidate))).collect();
        Self { sides, classes, shared, is_ordered }
    }

    pub(crate) fn n_items(&self) -> [usize; 2] {
        self.sides.each_ref().map(Vec::len)
    }

    /// The texts of each side, for the count of words read.
    pub(crate) fn texts(&self, side: usize) -> impl Iterator<Item = &'a str> + '_ {
        self.sides[side].iter().map(|item| item.text)
    }

    fn counts(&self, side: usize, items: &[u32]) -> Vec<f64> {
        let mut counts = vec![0.0; self.classes.len()];
        items.iter().flat_map(|item| &self.sides[side][*item as usize].labels).for_each(|class| counts[*class] += 1.0);
        counts
    }

    fn all_counts(&self, side: usize) -> Vec<f64> {
        self.counts(side, &(0..self.sides[side].len() as u32).collect::<Vec<u32>>())
    }

    fn parts(&self, of: impl Fn(&Item<'a>) -> Part) -> [Vec<Part>; 2] {
        self.sides.each_ref().map(|items| items.iter().map(&of).collect())
    }
}

/// The classes and how often an item has each; only those it has.
fn tally(labels: &[usize]) -> Vec<(usize, usize)> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    labels.iter().for_each(|class| *counts.entry(*class).or_insert(0) += 1);
    counts.into_iter().collect()
}

/// The commonest classes of an item.
fn majority(labels: &[usize]) -> Vec<usize> {
    let tally = tally(labels);
    let most = tally.iter().map(|(_, count)| *count).max().unwrap_or(0);
    tally.into_iter().filter(|(_, count)| *count == most).map(|(class, _)| class).collect()
}

/// The rarest classes of an item; none where all are as frequent.
fn rarest(labels: &[usize]) -> Vec<usize> {
    let tally = tally(labels);
    let counts = || tally.iter().map(|(_, count)| *count);
    let (least, most) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
    if least == most {
        Vec::new()
    } else {
        tally.iter().filter(|(_, count)| *count == least).map(|(class, _)| *class).collect()
    }
}

/// The one commonest class, if there is one.
fn decided(labels: &[usize]) -> Option<usize> {
    match majority(labels)[..] {
        [class] => Some(class),
        _ => None,
    }
}

/// All of it; the histogram of labels is the return.
pub(crate) fn labels(
    items: &Items<'_>,
    inputs: &Inputs<'_>,
    vocabulary: &mut Vocabulary,
    out: &mut Collector<'_>,
) -> Vec<Histogram> {
    spread(items, out);
    within(items, out);
    opinions(items, out);
    agreements(items, out);
    majorities(items, out);
    leak(items, out);
    transfer(items, vocabulary, out);
    if inputs.label_order.is_empty() || !items.is_ordered {
        for metric in [&table::LABEL_DISTANCE, &table::ALPHA_ORDINAL, &table::ALPHA_INTERVAL, &table::LABEL_SPREAD] {
            out.cannot(metric, "no order of all the labels was given");
        }
    }
    let shares = [0, 1].map(|side: usize| discrete::shares(&items.all_counts(side)).unwrap_or_default());
    let [reference, candidate] = shares;
    let names = items.classes.iter().map(|name| (*name).to_owned()).collect();
    vec![Histogram { title: "Labels".into(), edges: Vec::new(), names, reference, candidate }]
}

fn spread(items: &Items<'_>, out: &mut Collector<'_>) {
    let sizes = items.n_items();
    let counts = |places: [&[u32]; 2]| [0, 1].map(|side: usize| items.counts(side, places[side]));
    let whole = [0, 1].map(|side: usize| items.all_counts(side));
    let shares = whole.each_ref().map(|counts| discrete::shares(counts));
    let share = |side: usize, class: usize| shares[side].as_ref().map(|shares| shares[class]);
    let of = |of: fn(&[f64], &[f64]) -> Option<f64>| {
        move |places: [&[u32]; 2]| {
            let [left, right] = counts(places);
            of(&left, &right)
        }
    };
    let absent = "one side has no label";
    match out.between_units(&table::LABEL_JSD, sizes, true, of(discrete::js_divergence)) {
        None => out.cannot(&table::LABEL_JSD, absent),
        Some(finding) => {
            finding.detail("total variation", None, discrete::total_variation(&whole[0], &whole[1]));
            for (class, name) in items.classes.iter().enumerate() {
                finding.detail(format!("share of {name}"), share(0, class), share(1, class));
            }
        }
    }
    let cramers_v = |left: &[f64], right: &[f64]| discrete::chi_square(left, right).map(|test| test.cramers_v);
    match out.between_units(&table::LABEL_CHI, sizes, true, of(cramers_v)) {
        None => out.cannot(&table::LABEL_CHI, "one side has no label, or there is but one label"),
        Some(finding) => {
            let test = discrete::chi_square(&whole[0], &whole[1]);
            finding.detail("chi-square", None, test.map(|test| test.statistic));
            finding.detail("degrees of freedom", None, test.map(|test| test.n_free as f64));
            finding.detail("p-value", None, test.map(|test| test.p_value));
        }
    }
    if items.is_ordered && out.between_units(&table::LABEL_DISTANCE, sizes, true, of(discrete::wasserstein)).is_none() {
        out.cannot(&table::LABEL_DISTANCE, absent);
    }
    out.of_units(&table::EFFECTIVE_LABELS, sizes, |side, docs| {
        discrete::entropy_bits(&items.counts(side, docs)).map(f64::exp2)
    });
}

fn within(items: &Items<'_>, out: &mut Collector<'_>) {
    let rated =
        |of: &dyn Fn(&Item<'_>) -> Part| items.parts(|item| if item.labels.len() < 2 { (0.0, 0.0) } else { of(item) });
    let mut each = |metric: &Metric, parts: [Vec<Part>; 2]| {
        out.ratio(metric, parts.each_ref().map(Vec::as_slice));
    };
    each(
        &table::ITEM_ENTROPY,
        rated(&|item| {
            let counts: Vec<f64> = tally(&item.labels).iter().map(|(_, count)| *count as f64).collect();
            (discrete::entropy_bits(&counts).unwrap_or(0.0), 1.0)
        }),
    );
    each(&table::UNANIMITY, rated(&|item| (f64::from(u8::from(tally(&item.labels).len() == 1)), 1.0)));
    if items.is_ordered {
        each(
            &table::LABEL_SPREAD,
            rated(&|item| {
                let n = item.labels.len() as f64;
                let mean = item.labels.iter().sum::<usize>() as f64 / n;
                ((item.labels.iter().map(|class| (*class as f64 - mean).powi(2)).sum::<f64>() / n).sqrt(), 1.0)
            }),
        );
    }
}

/// The labels of an item that fewer than a share of its annotators gave.
fn minority(labels: &[usize], share: f64) -> Vec<(usize, usize)> {
    let n = labels.len() as f64;
    tally(labels).into_iter().filter(|(_, count)| (*count as f64) < share * n).collect()
}

fn opinions(items: &Items<'_>, out: &mut Collector<'_>) {
    let share = out.params.minority_share;
    let parts = items.parts(|item| match item.labels.len() {
        0 | 1 => (0.0, 0.0),
        n => (minority(&item.labels, share).iter().map(|(_, count)| *count).sum::<usize>() as f64, n as f64),
    });
    out.ratio(&table::MINORITY_MASS, parts.each_ref().map(Vec::as_slice));
    let shared: Vec<(&Item<'_>, &Item<'_>)> =
        items.shared.iter().map(|(left, right)| (&items.sides[0][*left], &items.sides[1][*right])).collect();
    let any = |left: &[usize], right: &[usize]| left.iter().any(|class| right.contains(class));
    let share_of = |n: usize, of: usize| (n as f64, of as f64);
    let mut each = |metric: &Metric, of: &(dyn Fn(&Item<'_>, &Item<'_>) -> Part + Sync)| {
        let parts: Vec<Part> = shared.iter().map(|(left, right)| of(left, right)).filter(|part| part.1 > 0.0).collect();
        let statistic = |places: [&[u32]; 2]| ratio(places[0].iter().map(|at| parts[*at as usize]));
        if out.between_units(metric, [parts.len(), 0], false, statistic).is_none() {
            out.cannot(metric, "no item that both sides labelled has what it needs");
        }
    };
    each(&table::MAJORITY_MATCH, &|left, right| {
        share_of(usize::from(any(&majority(&left.labels), &majority(&right.labels))), 1)
    });
    each(&table::MINORITY_RECALL, &|left, right| {
        let wanted = minority(&left.labels, share);
        share_of(wanted.iter().filter(|(class, _)| right.labels.contains(class)).count(), wanted.len())
    });
    each(&table::MINORITY_MATCH, &|left, right| {
        let (left, right) = (rarest(&left.labels), rarest(&right.labels));
        share_of(usize::from(any(&left, &right)), usize::from(!left.is_empty() && !right.is_empty()))
    });
    each(&table::LABEL_COVERAGE, &|left, right| {
        let wanted = tally(&left.labels);
        share_of(wanted.iter().filter(|(class, _)| right.labels.contains(class)).count(), wanted.len())
    });
}

fn agreements(items: &Items<'_>, out: &mut Collector<'_>) {
    let n_classes = items.classes.len();
    let sizes = items.n_items();
    let units = items.sides.each_ref().map(|items| items.iter().map(|item| item.labels.clone()).collect::<Vec<_>>());
    let mut each = |metric: &Metric, of: &(dyn Fn(&agreement::Units) -> Option<f64> + Sync)| {
        let picked =
            |side: usize, places: &[u32]| places.iter().map(|at| units[side][*at as usize].clone()).collect::<Vec<_>>();
        let has_value = out.of_units(metric, sizes, |side, places| of(&picked(side, places))).candidate.is_some();
        if !has_value {
            out.last(|finding| {
                finding.explain_absence("the candidate has no item with two labels, or only one label in all");
            });
        }
    };
    each(&table::FLEISS, &|units| agreement::fleiss_kappa(units, n_classes));
    each(&table::ALPHA_NOMINAL, &|units| agreement::krippendorff_alpha(units, n_classes, Scale::Nominal));
    if items.is_ordered {
        each(&table::ALPHA_ORDINAL, &|units| agreement::krippendorff_alpha(units, n_classes, Scale::Ordinal));
        each(&table::ALPHA_INTERVAL, &|units| agreement::krippendorff_alpha(units, n_classes, Scale::Interval));
    }
    each(&table::AC1, &|units| agreement::gwet_ac1(units, n_classes));
}

/// Kappa of the majorities, and which labels flip to which.
fn majorities(items: &Items<'_>, out: &mut Collector<'_>) {
    let n_classes = items.classes.len();
    let of = |(left, right): &(usize, usize)| {
        Some((decided(&items.sides[0][*left].labels)?, decided(&items.sides[1][*right].labels)?))
    };
    let pairs: Vec<(usize, usize)> = items.shared.iter().filter_map(of).collect();
    let picked = |places: [&[u32]; 2]| places[0].iter().map(|at| pairs[*at as usize]).collect::<Vec<_>>();
    let statistic = |places: [&[u32]; 2]| agreement::cohen_kappa(&picked(places), n_classes);
    let n_details = out.params.n_details;
    let Some(finding) = out.between_units(&table::KAPPA, [pairs.len(), 0], false, statistic) else {
        return out.cannot(&table::KAPPA, "the sides share no item with a majority, or use but one label");
    };
    if items.is_ordered {
        finding.detail("with quadratic weights", None, agreement::quadratic_kappa(&pairs, n_classes));
    }
    let mut flips: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    pairs.iter().filter(|(left, right)| left != right).for_each(|pair| *flips.entry(*pair).or_insert(0.0) += 1.0);
    let mut flips: Vec<((usize, usize), f64)> = flips.into_iter().collect();
    flips.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
    for ((from, to), count) in flips.into_iter().take(n_details) {
        finding.detail(format!("items: {} becomes {}", items.classes[from], items.classes[to]), None, Some(count));
    }
}

fn leak(items: &Items<'_>, out: &mut Collector<'_>) {
    let params = out.params;
    let holds = |text: &str, label: &str| {
        let (text, label) = (text.to_lowercase(), label.to_lowercase());
        text.split(|c: char| !c.is_alphanumeric()).any(|word| word == label)
    };
    let parts = items.parts(|item| match decided(&item.labels).map(|class| items.classes[class]) {
        // A label that is a number or a letter stands in texts for other reasons.
        Some(label) if !item.text.is_empty() && label.chars().filter(|c| c.is_alphabetic()).count() > 1 => {
            (f64::from(u8::from(holds(item.text, label))), 1.0)
        }
        _ => (0.0, 0.0),
    });
    let shown = items.sides[1].iter().enumerate().zip(&parts[1]).filter(|(_, part)| part.0 > 0.0);
    let shown = shown.map(|((at, item), _)| (at as u32, item.text));
    out.ratio(&table::LABEL_LEAK, parts.each_ref().map(Vec::as_slice)).examples(params, shown);
}

/// Accuracy on the majorities of one side of what was trained on a side, items held out.
fn transfer(items: &Items<'_>, vocabulary: &mut Vocabulary, out: &mut Collector<'_>) {
    let params = out.params;
    let training = params.training();
    let n_folds = params.classifier_folds.max(2);
    let mut read = |item: &Item<'_>| {
        let mut words = Vec::new();
        vocabulary.read(item.text, &mut words);
        words.truncate(params.classifier_words);
        let class = decided(&item.labels)?;
        (!words.is_empty())
            .then(|| (features(&words, training.n_buckets), class, fold_of(item.id, params.seed, n_folds)))
    };
    let rows: [Vec<Row<usize>>; 2] = items.sides.each_ref().map(|items| items.iter().filter_map(&mut read).collect());
    let n_kinds = |rows: &[Row<usize>]| tally(&rows.iter().map(|row| row.1).collect::<Vec<_>>()).len();
    if rows.iter().any(|rows| rows.len() < MIN_TRAINED || n_kinds(rows) < 2) {
        return out.cannot(
            &table::TRANSFER,
            "it needs at least 40 items a side with a text and a majority, of two labels or more",
        );
    }
    let train = |texts: &[&Sparse], classes: &[usize]| Planes::train(texts, classes, items.classes.len(), &training);
    trained_across(&table::TRANSFER, &rows, n_folds, train, Planes::class, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn majorities_and_minorities_by_hand() {
        assert_eq!(majority(&[1, 1, 2]), vec![1]);
        assert_eq!(majority(&[1, 2]), vec![1, 2]);
        assert_eq!(rarest(&[1, 1, 2]), vec![2]);
        assert_eq!(rarest(&[1, 2]), Vec::<usize>::new());
        assert_eq!(decided(&[1, 2]), None);
        assert_eq!(decided(&[]), None);
        // 1 of 3 is a minority below one half; 1 of 2 is not.
        assert_eq!(minority(&[0, 0, 1], 0.5), vec![(1, 1)]);
        assert_eq!(minority(&[0, 1], 0.5), vec![]);
    }
}
