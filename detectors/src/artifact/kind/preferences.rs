//! Preferences: what the judge leans to, how steady it is, what its judgements teach.

use super::tournament::{Game, cycles, win_rates, wins};
use super::transfer::{Row, trained_across};
use crate::artifact::collect::Collector;
use crate::artifact::corpus::Vocabulary;
use crate::artifact::lexicon::{PhraseKind, WordSet, marks};
use crate::artifact::measure::agreement::cohen_kappa;
use crate::artifact::measure::effect::quantile;
use crate::artifact::measure::linear::{Plane, Sparse, Training, difference, features, fold_of};
use crate::artifact::measure::surface::Surface;
use crate::artifact::metric::Metric;
use crate::artifact::metrics::preferences as table;
use crate::artifact::resample::{Part, ratio};
use crate::artifact::side::{Preference, Winner};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const MIN_TRAINED: usize = 40;

/// A judged pair with what is measured of its answers.
pub(crate) struct Judged<'a> {
    row: &'a Preference,
    words: [Vec<u32>; 2],
    has_markdown: [bool; 2],
    is_refusal: [bool; 2],
    /// Positive less negative words per hundred.
    sentiment: [f64; 2],
}

/// Reads the pairs of both sides; the row numbers are not needed, for no example is shown of them.
pub(crate) fn read<'a>(rows: [Vec<&'a Preference>; 2], vocabulary: &mut Vocabulary) -> [Vec<Judged<'a>>; 2] {
    let mut read = |text: &str| {
        let mut words = Vec::new();
        vocabulary.read(text, &mut words);
        words
    };
    let words = rows.each_ref().map(|rows| rows.iter().map(|row| [read(&row.a), read(&row.b)]).collect::<Vec<_>>());
    let lists = ["positive", "negative"].map(|name| WordSet::named(name, vocabulary));
    let judged = |(row, words): (&'a Preference, [Vec<u32>; 2])| {
        let texts = [&row.a, &row.b];
        let sentiment = words.each_ref().map(|words| {
            let gap = lists[0].count(words) as f64 - lists[1].count(words) as f64;
            100.0 * gap / words.len().max(1) as f64
        });
        let has_markdown = texts.map(|text| Surface::of(text).has_markdown);
        let is_refusal = texts.map(|text| marks(text).any(|mark| mark.kind == PhraseKind::Refusal));
        Judged { row, words, has_markdown, is_refusal, sentiment }
    };
    let [left, right] = words;
    let [left_rows, right_rows] = rows;
    [(left_rows, left), (right_rows, right)].map(|(rows, words)| rows.into_par_iter().zip(words).map(judged).collect())
}

impl Judged<'_> {
    /// 0 where the first won, 1 where the second did.
    fn winner(&self) -> Option<usize> {
        match self.row.winner {
            Winner::A => Some(0),
            Winner::B => Some(1),
            Winner::Tie => None,
        }
    }

    /// Whether the answer at `at` won, of decided pairs.
    fn won(&self, at: Option<usize>) -> Part {
        match (self.winner(), at) {
            (Some(winner), Some(at)) => (f64::from(u8::from(winner == at)), 1.0),
            _ => (0.0, 0.0),
        }
    }

    fn game(&self) -> Game<'_> {
        (&self.row.model_a, &self.row.model_b, self.row.winner)
    }

    fn longer(&self) -> Option<usize> {
        let [a, b] = self.words.each_ref().map(Vec::len);
        (a != b).then(|| usize::from(b > a))
    }

    fn log_length_gap(&self) -> f64 {
        let [a, b] = self.words.each_ref().map(|words| (words.len() as f64).ln_1p());
        a - b
    }

    /// Prompt and both answers in the order of their texts, and whether that order is not the one shown.
    fn key(&self) -> ((&str, &str, &str), bool) {
        let (a, b) = (self.row.a.as_str(), self.row.b.as_str());
        if a <= b { ((&self.row.prompt, a, b), false) } else { ((&self.row.prompt, b, a), true) }
    }

    /// The class of the outcome in the order of the key: 0 first, 1 second, 2 tie.
    fn outcome(&self) -> usize {
        match (self.winner(), self.key().1) {
            (Some(winner), is_turned) => {
                if is_turned {
                    1 - winner
                } else {
                    winner
                }
            }
            (None, _) => 2,
        }
    }
}

/// The one of two that has a property the other lacks.
fn only(has: [bool; 2]) -> Option<usize> {
    (has[0] != has[1]).then(|| usize::from(has[1]))
}

/// The letters that a model's name starts with, after any owner: "org/gpt-4" is of the family "gpt".
fn family(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    name.chars().take_while(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect()
}

fn own(judged: &Judged<'_>) -> Option<usize> {
    let judge = family(&judged.row.judge);
    let is_own = [&judged.row.model_a, &judged.row.model_b].map(|model| !judge.is_empty() && family(model) == judge);
    only(is_own)
}

/// All of it.
pub(crate) fn preferences(sides: &[Vec<Judged<'_>>; 2], out: &mut Collector<'_>) {
    leanings(sides, out);
    steadiness(sides, out);
    length_slope(sides, out);
    models(sides, out);
    across(sides, out);
    transfer(sides, out);
}

fn leanings(sides: &[Vec<Judged<'_>>; 2], out: &mut Collector<'_>) {
    let parts =
        |of: &dyn Fn(&Judged<'_>) -> Part| sides.each_ref().map(|rows| rows.iter().map(of).collect::<Vec<Part>>());
    let mut each = |metric: &Metric, of: &dyn Fn(&Judged<'_>) -> Part| {
        out.ratio(metric, parts(of).each_ref().map(Vec::as_slice));
    };
    each(&table::TIES, &|judged| (f64::from(u8::from(judged.winner().is_none())), 1.0));
    each(&table::FIRST_WINS, &|judged| judged.won(Some(0).filter(|_| judged.row.order_known)));
    each(&table::MARKDOWN_WINS, &|judged| judged.won(only(judged.has_markdown)));
    each(&table::REFUSAL_WINS, &|judged| judged.won(only(judged.is_refusal)));
    each(&table::SELF_PREFERENCE, &|judged| judged.won(own(judged)));
    each(&table::LONGER_WINS, &|judged| judged.won(judged.longer()));
    for (third, name) in ["nearest third in length", "middle third", "farthest third"].into_iter().enumerate() {
        let [reference, candidate] = sides.each_ref().map(|rows| {
            let mut gaps: Vec<f64> = rows.iter().map(|judged| judged.log_length_gap().abs()).collect();
            gaps.sort_by(f64::total_cmp);
            let edge = |at: usize| quantile(&gaps, at as f64 / 3.0).unwrap_or(0.0);
            let (low, high) = (edge(third), if third == 2 { f64::INFINITY } else { edge(third + 1) });
            let of_third = rows.iter().filter(|judged| (low..high).contains(&judged.log_length_gap().abs()));
            ratio(of_third.map(|judged| judged.won(judged.longer())))
        });
        out.last(|finding| {
            finding.detail(format!("longer wins, {name}"), reference, candidate);
        });
    }
    let sizes = sides.each_ref().map(Vec::len);
    out.of_units(&table::LEXICAL, sizes, |side, places| {
        let decided = places.iter().map(|at| &sides[side][*at as usize]).filter_map(|judged| {
            let winner = judged.winner()?;
            Some((1.0 - 2.0 * winner as f64, judged.sentiment[0] - judged.sentiment[1]))
        });
        pearson(&decided.collect::<Vec<_>>())
    });
}

/// Pearson's correlation; none where a variable does not vary.
fn pearson(points: &[(f64, f64)]) -> Option<f64> {
    let n = points.len() as f64;
    if n < 3.0 {
        return None;
    }
    let (mean_x, mean_y) = points.iter().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x / n, sum.1 + y / n));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in points {
        xx += (x - mean_x).powi(2);
        xy += (x - mean_x) * (y - mean_y);
        yy += (y - mean_y).powi(2);
    }
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
}

fn steadiness(sides: &[Vec<Judged<'_>>; 2], out: &mut Collector<'_>) {
    let swaps = sides.each_ref().map(|rows| {
        // For each pair of answers: whether turned, and the outcome.
        let mut judgements: BTreeMap<_, Vec<(bool, usize)>> = BTreeMap::new();
        for judged in rows.iter().filter(|judged| judged.row.order_known) {
            let (key, is_turned) = judged.key();
            judgements.entry(key).or_default().push((is_turned, judged.outcome()));
        }
        judgements.into_values().collect::<Vec<_>>()
    });
    let both = |judgements: &Vec<(bool, usize)>| {
        let of =
            |turned: bool| judgements.iter().find(|(is_turned, _)| *is_turned == turned).map(|(_, outcome)| *outcome);
        Some((of(false)?, of(true)?))
    };
    let parts = swaps.each_ref().map(|pairs| {
        let part = |pair: &Vec<(bool, usize)>| {
            both(pair).map_or((0.0, 0.0), |(one, other)| (f64::from(u8::from(one == other)), 1.0))
        };
        pairs.iter().map(part).collect::<Vec<Part>>()
    });
    let [reference, candidate] = swaps.each_ref().map(|pairs| {
        // In the order shown first wins: outcome 0 as it is, outcome 1 when turned.
        let unlike = pairs.iter().filter_map(both).filter(|(one, other)| one != other && *one != 2 && *other != 2);
        ratio(unlike.map(|(one, _)| (f64::from(u8::from(one == 0)), 1.0)))
    });
    out.ratio(&table::SWAP, parts.each_ref().map(Vec::as_slice)).detail(
        "of the unsteady, leans to the first",
        reference,
        candidate,
    );
    let parts = swaps.each_ref().map(|pairs| {
        let part = |pair: &Vec<(bool, usize)>| {
            let of = |turned: bool| {
                pair.iter().filter(move |(is_turned, _)| *is_turned == turned).map(|(_, outcome)| *outcome)
            };
            let repeated = [false, true].map(|turned| (of(turned).count(), of(turned).collect::<BTreeSet<_>>().len()));
            let applies = repeated.iter().any(|(n, _)| *n > 1);
            (f64::from(u8::from(repeated.iter().any(|(_, kinds)| *kinds > 1))), f64::from(u8::from(applies)))
        };
        pairs.iter().map(part).collect::<Vec<Part>>()
    });
    out.ratio(&table::CONTRADICTIONS, parts.each_ref().map(Vec::as_slice));
}

fn length_slope(sides: &[Vec<Judged<'_>>; 2], out: &mut Collector<'_>) {
    const N_FEATURES: usize = 4;
    // Nearly no penalty: four features, all scaled.
    let training = Training { n_buckets: N_FEATURES as u32, inverse_l2: 1e3, max_rounds: 50 };
    let rows = sides.each_ref().map(|rows| {
        let flag = |has: [bool; 2]| f64::from(u8::from(has[0])) - f64::from(u8::from(has[1]));
        let of = |judged: &Judged<'_>| {
            let row = [
                judged.log_length_gap(),
                flag(judged.has_markdown),
                flag(judged.is_refusal),
                judged.sentiment[0] - judged.sentiment[1],
            ];
            Some((row, judged.winner()? == 0))
        };
        rows.iter().filter_map(of).collect::<Vec<([f64; N_FEATURES], bool)>>()
    });
    let scaled = rows.each_ref().map(|rows| {
        let deviation =
            |at: usize| (rows.iter().map(|row| row.0[at] * row.0[at]).sum::<f64>() / rows.len().max(1) as f64).sqrt();
        let scales: [f64; N_FEATURES] = std::array::from_fn(deviation);
        let row = |(row, target): &([f64; N_FEATURES], bool)| {
            let values = row.iter().zip(scales).enumerate().filter(|(_, (_, scale))| *scale > 0.0);
            (values.map(|(at, (x, scale))| (at as u32, (x / scale) as f32)).collect::<Sparse>(), *target)
        };
        rows.iter().map(row).collect::<Vec<(Sparse, bool)>>()
    });
    let sizes = scaled.each_ref().map(Vec::len);
    out.of_units(&table::LENGTH_SLOPE, sizes, |side, places| {
        let rows: Vec<&(Sparse, bool)> = places.iter().map(|at| &scaled[side][*at as usize]).collect();
        let targets: Vec<bool> = rows.iter().map(|row| row.1).collect();
        let has_both = targets.contains(&true) && targets.contains(&false);
        let texts: Vec<&Sparse> = rows.iter().map(|row| &row.0).collect();
        (has_both && rows.len() >= 20).then(|| Plane::train(&texts, &targets, &training).weight(0))
    });
}

fn models(sides: &[Vec<Judged<'_>>; 2], out: &mut Collector<'_>) {
    let sizes = sides.each_ref().map(Vec::len);
    let of = |side: usize, places: &[u32]| wins(places.iter().map(|at| sides[side][*at as usize].game()));
    let has_value = out.of_units(&table::CYCLES, sizes, |side, places| cycles(&of(side, places))).candidate.is_some();
    if !has_value {
        out.last(|finding| {
            finding.explain_absence("no three models of the candidate were all judged against each other");
        });
    }
    let gap = |places: [&[u32]; 2]| {
        let [left, right] = [0, 1].map(|side: usize| win_rates(&of(side, places[side])));
        let gaps: Vec<f64> = left.iter().filter_map(|(model, rate)| Some((rate - right.get(model)?).abs())).collect();
        (!gaps.is_empty()).then(|| gaps.iter().sum::<f64>() / gaps.len() as f64)
    };
    let [left, right] = sides.each_ref().map(|rows| win_rates(&wins(rows.iter().map(Judged::game))));
    let Some(finding) = out.between_units(&table::WIN_RATE_GAP, sizes, true, gap) else {
        return out.cannot(&table::WIN_RATE_GAP, "the sides share no model by name");
    };
    for model in left.keys().chain(right.keys()).collect::<BTreeSet<_>>() {
        finding.detail(format!("win rate of {model}"), left.get(*model).copied(), right.get(*model).copied());
    }
}

/// Agreement on the pairs that both sides judged.
fn across(sides: &[Vec<Judged<'_>>; 2], out: &mut Collector<'_>) {
    let of_reference: BTreeMap<_, usize> =
        sides[0].iter().rev().map(|judged| (judged.key().0, judged.outcome())).collect();
    let pair = |judged: &Judged<'_>| Some((*of_reference.get(&judged.key().0)?, judged.outcome()));
    let pairs: Vec<(usize, usize)> = sides[1].iter().filter_map(pair).collect();
    let statistic =
        |places: [&[u32]; 2]| cohen_kappa(&places[0].iter().map(|at| pairs[*at as usize]).collect::<Vec<_>>(), 3);
    if out.between_units(&table::PREFERENCE_KAPPA, [pairs.len(), 0], false, statistic).is_none() {
        out.cannot(&table::PREFERENCE_KAPPA, "the sides judged no pair in common, or gave but one outcome");
    }
}

fn transfer(sides: &[Vec<Judged<'_>>; 2], out: &mut Collector<'_>) {
    let params = out.params;
    let training = params.training();
    let n_folds = params.classifier_folds.max(2);
    // The last place is kept for length.
    let n_words = training.n_buckets.saturating_sub(1).max(1);
    let row = |judged: &Judged<'_>| {
        let target = judged.winner()? == 0;
        let [a, b] =
            judged.words.each_ref().map(|words| features(&words[..words.len().min(params.classifier_words)], n_words));
        let mut row = difference(&a, &b);
        if training.n_buckets > n_words {
            row.push((n_words, judged.log_length_gap() as f32));
        }
        Some((row, target, fold_of(&judged.row.prompt, params.seed, n_folds)))
    };
    let rows: [Vec<Row<bool>>; 2] = sides.each_ref().map(|rows| rows.par_iter().filter_map(row).collect());
    let has_both = |rows: &[Row<bool>]| rows.iter().any(|row| row.1) && rows.iter().any(|row| !row.1);
    if rows.iter().any(|rows| rows.len() < MIN_TRAINED || !has_both(rows)) {
        return out.cannot(&table::TRANSFER, "it needs at least 40 decided pairs a side, won by either place");
    }
    let train = |rows: &[&Sparse], targets: &[bool]| Plane::train(rows, targets, &training);
    let wins = |plane: &Plane, row: &Sparse| Some(plane.score(row) > 0.0);
    trained_across(&table::TRANSFER, &rows, n_folds, train, wins, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_and_the_only_one() {
        assert_eq!(family("openai/GPT-4o"), "gpt");
        assert_eq!(family(""), "");
        assert_eq!(only([true, false]), Some(0));
        assert_eq!(only([true, true]), None);
    }

    #[test]
    fn pearson_by_hand() {
        assert!((pearson(&[(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(pearson(&[(1.0, 2.0), (1.0, 4.0), (1.0, 6.0)]), None);
    }
}
