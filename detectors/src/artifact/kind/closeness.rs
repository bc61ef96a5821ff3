//! How far the candidate is from the reference, and what a model trained on one makes of the other.

use super::pair::Pair;
use super::style::punctuation;
use crate::artifact::collect::Collector;
use crate::artifact::corpus::Vocabulary;
use crate::artifact::draws::Draws;
use crate::artifact::finding::Estimate;
use crate::artifact::lexicon::{Openers, WordSet};
use crate::artifact::measure::char_lm::CharModel;
use crate::artifact::measure::effect::Ranked;
use crate::artifact::measure::linear::{Plane, Sparse, features, fold_of, out_of_fold};
use crate::artifact::measure::ngrams::{gram_set, hash_of, novel};
use crate::artifact::measure::{discrete, log_odds, mauve};
use crate::artifact::metric::Metric;
use crate::artifact::metrics::variety;
use crate::artifact::metrics::wholes as table;
use crate::artifact::resample::{Part, about, bootstrap, interval, ratio};
use hashbrown::HashMap;
use rayon::prelude::*;

/// Fewest documents a side for anything that is trained.
const MIN_TRAINED: usize = 20;

/// All of it; says why not where a side is empty.
pub(crate) fn closeness(pair: &Pair<'_>, vocabulary: &Vocabulary, out: &mut Collector<'_>) {
    if !pair.has_both() {
        let all = [
            &table::C2ST_AUROC,
            &table::MAUVE_NGRAM,
            &table::NOVELTY,
            &table::FUNCTION_WORD_JSD,
            &table::PUNCTUATION_JSD,
            &table::LENGTH_KS,
            &table::CROSS_ENTROPY,
            &table::PHRASE_LIFT,
            &variety::CONNECTIVE_FLOW,
            &variety::TOPIC_TOP,
            &variety::TOPIC_ENTROPY,
        ];
        all.into_iter().for_each(|metric| out.cannot(metric, "one side has no text to compare with"));
        return;
    }
    two_samples(pair, vocabulary, out);
    mauve_ngram(pair, out);
    novelty(pair, out);
    let function = WordSet::named("function", vocabulary).sorted();
    let place: HashMap<u32, usize> = function.iter().enumerate().map(|(at, word)| (*word, at)).collect();
    divergence(pair, out, &table::FUNCTION_WORD_JSD, function.len(), |side, doc| {
        pair.doc(side, doc).words.iter().filter_map(|word| place.get(word).copied()).collect()
    });
    let mut signs: Vec<char> =
        pair.corpora.iter().flat_map(|corpus| &corpus.docs).flat_map(|doc| punctuation(doc.text)).collect();
    signs.sort_unstable();
    signs.dedup();
    divergence(pair, out, &table::PUNCTUATION_JSD, signs.len(), |side, doc| {
        punctuation(pair.doc(side, doc).text).filter_map(|sign| signs.binary_search(&sign).ok()).collect()
    });
    connective_flow(pair, vocabulary, out);
    lengths(pair, out);
    cross_entropy(pair, out);
    phrases(pair, vocabulary, out);
}

/// The classifier between the sides, out of fold, and the words it goes by.
fn two_samples(pair: &Pair<'_>, vocabulary: &Vocabulary, out: &mut Collector<'_>) {
    let params = out.params;
    let training = params.training();
    let picked = pair.pick(params.seed, "classifier", params.classifier_docs);
    let n = picked[0].len();
    if n < MIN_TRAINED {
        return out.cannot(&table::C2ST_AUROC, "a classifier needs at least 20 documents a side");
    }
    let docs: Vec<(usize, u32)> =
        (0..2).flat_map(|side: usize| picked[side].iter().map(move |doc| (side, *doc))).collect();
    let words = |side: usize, doc: u32| {
        let words = &pair.doc(side, doc).words;
        &words[..words.len().min(params.classifier_words)]
    };
    let rows: Vec<Sparse> =
        docs.par_iter().map(|(side, doc)| features(words(*side, *doc), training.n_buckets)).collect();
    let targets: Vec<bool> = docs.iter().map(|(side, _)| *side == 1).collect();
    // Texts that open alike, as a text and its continuation by a model do, stay in one fold.
    let opening = |side: usize, doc: u32| vocabulary.phrase(&words(side, doc)[..words(side, doc).len().min(8)]);
    let folds: Vec<usize> =
        docs.iter().map(|(side, doc)| fold_of(&opening(*side, *doc), params.seed, params.classifier_folds)).collect();
    let scores = out_of_fold(&rows, &targets, &folds, params.classifier_folds.max(1), &training);
    let ranked = Ranked::new(&scores[..n], &scores[n..]);
    let auroc = |delta: Option<f64>| delta.map(|delta| (1.0 + delta) / 2.0);
    let draws = bootstrap(params.seed, [n, n], params.n_bootstrap, |[left, right]| {
        auroc(ranked.delta(left.iter().map(|at| *at as usize), right.iter().map(|at| *at as usize)))
    });
    let value = auroc(ranked.delta_of_all()).unwrap_or(0.5);
    let estimate = Estimate::bare(value, n).with(interval(draws.into_iter().flatten(), params.confidence));
    let plane = Plane::train(&rows.iter().collect::<Vec<_>>(), &targets, &training);
    let told = told_by(&plane, pair, training.n_buckets, params.n_details);
    let finding = out.between(&table::C2ST_AUROC, estimate);
    for (words, weight) in told {
        let label = format!("word or pair: {}", vocabulary.phrase(&words));
        finding.detail(label, Some(-weight).filter(|_| weight < 0.0), Some(weight).filter(|_| weight > 0.0));
    }
}

/// The words and pairs with the largest weights, both ways.
fn told_by(plane: &Plane, pair: &Pair<'_>, n_buckets: u32, n_top: usize) -> Vec<(Vec<u32>, f64)> {
    let mut counts: HashMap<u32, HashMap<&[u32], u32>> = HashMap::new();
    for text in pair.matched_words().iter().flatten() {
        for gram in text.windows(1).chain(text.windows(2)) {
            let place = (hash_of(gram) % u64::from(n_buckets.max(1))) as u32;
            *counts.entry(place).or_default().entry(gram).or_insert(0) += 1;
        }
    }
    let mut weights: Vec<(u32, f64)> = counts.keys().map(|place| (*place, plane.weight(*place))).collect();
    weights.sort_by(|left, right| right.1.abs().total_cmp(&left.1.abs()).then(left.0.cmp(&right.0)));
    // The commonest of the phrases that share a place stands for it.
    let name = |place: u32| {
        counts
            .get(&place)?
            .iter()
            .max_by_key(|(gram, count)| (**count, std::cmp::Reverse(**gram)))
            .map(|(gram, _)| gram.to_vec())
    };
    weights.into_iter().take(n_top).filter_map(|(place, weight)| Some((name(place)?, weight))).collect()
}

fn mauve_ngram(pair: &Pair<'_>, out: &mut Collector<'_>) {
    let params = out.params;
    let picked = pair.pick(params.seed, "mauve", params.mauve_docs);
    let n = picked[0].len();
    if n < MIN_TRAINED {
        for metric in [&table::MAUVE_NGRAM, &variety::TOPIC_TOP, &variety::TOPIC_ENTROPY] {
            out.cannot(metric, "clusters need at least 20 documents a side");
        }
        return;
    }
    let texts: Vec<&[u32]> = (0..2).flat_map(|side: usize| pair.words(side, &picked[side])).collect();
    let points = mauve::points(&texts, params.mauve_dims);
    let quantiser = params.quantiser();
    let restarts: Vec<Vec<usize>> = (0..params.mauve_restarts.max(1) as u64)
        .into_par_iter()
        .map(|restart| mauve::clusters(&points, &quantiser, &mut Draws::new(params.seed, "mauve", restart)))
        .collect();
    let areas = |left: &[u32], right: &[u32]| -> Vec<f64> {
        let histogram = |owner: &Vec<usize>, side: usize, docs: &[u32]| {
            mauve::histogram(owner, docs.iter().map(|at| *at as usize + side * n))
        };
        restarts
            .iter()
            .filter_map(|owner| {
                mauve::curve_area(&histogram(owner, 0, left), &histogram(owner, 1, right), quantiser.scale)
            })
            .collect()
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let all: Vec<u32> = (0..n as u32).collect();
    let of_restarts = areas(&all, &all);
    let value = mean(&of_restarts);
    let draws = bootstrap(params.seed, [n, n], params.n_bootstrap, |[left, right]| mean(&areas(left, right)));
    // Resampling adds noise of its own to both histograms and so always lowers the area: only its spread is used.
    let spread = interval(about(value, &draws).into_iter().map(|area| area.min(1.0)), params.confidence);
    let finding = out.between(&table::MAUVE_NGRAM, Estimate::bare(value, n).with(spread));
    let halves = reference_halves(&points[..n], params, &quantiser);
    finding.detail("reference, half against half", halves, None);
    for (restart, area) in of_restarts.iter().enumerate() {
        finding.detail(format!("seed {restart}"), None, Some(*area));
    }
    let clusters = restarts.first().map(Vec::as_slice).unwrap_or(&[]);
    topics(clusters, n, out);
}

/// How the `n` texts of each side spread over clusters of both.
fn topics(clusters: &[usize], n: usize, out: &mut Collector<'_>) {
    let all: Vec<u32> = (0..n as u32).collect();
    let counts = |side: usize, docs: &[u32]| mauve::histogram(clusters, docs.iter().map(|at| *at as usize + side * n));
    out.of_sets(&variety::TOPIC_TOP, [&all, &all], |side, docs| {
        counts(side, docs).into_iter().reduce(f64::max).map(|most| most / docs.len().max(1) as f64)
    });
    out.of_sets(&variety::TOPIC_ENTROPY, [&all, &all], |side, docs| discrete::entropy_bits(&counts(side, docs)));
}

/// MAUVE of the reference's halves: what the measure says of texts of one source.
fn reference_halves(
    points: &[Vec<f32>],
    params: &crate::artifact::params::Params,
    quantiser: &mauve::Quantiser,
) -> Option<f64> {
    let owner = mauve::clusters(points, quantiser, &mut Draws::new(params.seed, "mauve halves", 0));
    let half = |rest: usize| mauve::histogram(&owner, (0..points.len()).filter(move |at| at % 2 == rest));
    mauve::curve_area(&half(0), &half(1), quantiser.scale)
}

/// What is new in the candidate, against one half of the reference, and in the other half.
fn novelty(pair: &Pair<'_>, out: &mut Collector<'_>) {
    let n = out.params.novelty_n;
    let (known, held_out): (Vec<u32>, Vec<u32>) = pair.matched[0].iter().partition(|doc| **doc % 2 == 0);
    let known = gram_set(pair.words(0, &known), n);
    let parts = |side: usize, docs: &[u32]| -> Vec<Part> {
        let count = |words: &&[u32]| {
            let (novel, all) = novel(words, n, &known);
            (novel as f64, all as f64)
        };
        pair.words(side, docs).iter().map(count).collect()
    };
    out.ratio(&table::NOVELTY, [&parts(0, &held_out), &parts(1, &pair.matched[1])]);
}

/// The classes and how often each stands in the list, in their order.
fn tally(mut classes: Vec<usize>) -> Vec<(usize, f64)> {
    classes.sort_unstable();
    let mut counts: Vec<(usize, f64)> = Vec::new();
    for class in classes {
        match counts.last_mut() {
            Some((last, count)) if *last == class => *count += 1.0,
            _ => counts.push((class, 1.0)),
        }
    }
    counts
}

/// Jensen-Shannon divergence of counts over classes, with a permutation test.
fn divergence(
    pair: &Pair<'_>,
    out: &mut Collector<'_>,
    metric: &Metric,
    n_classes: usize,
    classes: impl Fn(usize, u32) -> Vec<usize> + Sync,
) {
    let params = out.params;
    let counts = [0, 1].map(|side: usize| {
        let of_doc = |doc: &u32| tally(classes(side, *doc));
        pair.matched[side].par_iter().map(of_doc).collect::<Vec<_>>()
    });
    let sum = |side: usize, docs: &mut dyn Iterator<Item = usize>| {
        let mut sums = vec![0.0; n_classes];
        docs.for_each(|doc| counts[side][doc].iter().for_each(|(class, count)| sums[*class] += count));
        sums
    };
    let sizes = counts.each_ref().map(Vec::len);
    let whole = [0, 1].map(|side: usize| sum(side, &mut (0..sizes[side])));
    let Some(value) = discrete::js_divergence(&whole[0], &whole[1]) else {
        return out.cannot(metric, "a side holds none of what is counted");
    };
    let draws = bootstrap(params.seed, sizes, params.n_bootstrap, |places| {
        let [left, right] = [0, 1].map(|side: usize| sum(side, &mut places[side].iter().map(|at| *at as usize)));
        discrete::js_divergence(&left, &right)
    });
    let draws: Vec<f64> = draws.into_iter().flatten().collect();
    let estimate =
        Estimate::bare(value, sizes[0].min(sizes[1])).with(interval(about(value, &draws), params.confidence));
    // Documents dealt to the sides anew: how large the divergence is by chance.
    let total: Vec<f64> = whole[0].iter().zip(&whole[1]).map(|(left, right)| left + right).collect();
    let n = sizes[0] + sizes[1];
    let by_chance: Vec<f64> = (0..params.n_bootstrap as u64)
        .into_par_iter()
        .filter_map(|deal| {
            let mut left = vec![0.0; n_classes];
            for at in Draws::new(params.seed, "permutation", deal).choose(n, sizes[0]) {
                let at = at as usize;
                let doc = if at < sizes[0] { &counts[0][at] } else { &counts[1][at - sizes[0]] };
                doc.iter().for_each(|(class, count)| left[*class] += count);
            }
            let right: Vec<f64> = total.iter().zip(&left).map(|(total, left)| total - left).collect();
            discrete::js_divergence(&left, &right)
        })
        .collect();
    let n_as_large = by_chance.iter().filter(|chance| **chance >= value).count();
    let finding = out.between(metric, estimate);
    finding.detail("by chance, mean", None, Some(by_chance.iter().sum::<f64>() / by_chance.len().max(1) as f64));
    finding.detail("p-value", None, Some((n_as_large + 1) as f64 / (by_chance.len() + 1) as f64));
}

/// Pairs of connective classes that open sentences in a row; five classes with "none".
fn connective_flow(pair: &Pair<'_>, vocabulary: &Vocabulary, out: &mut Collector<'_>) {
    use crate::artifact::lexicon::PhraseKind;
    let openers = Openers::new(vocabulary);
    let class = |words: &[u32]| match openers.class(words) {
        Some(PhraseKind::Comparison) => 1,
        Some(PhraseKind::Contingency) => 2,
        Some(PhraseKind::Expansion) => 3,
        Some(PhraseKind::Temporal) => 4,
        _ => 0,
    };
    divergence(pair, out, &variety::CONNECTIVE_FLOW, 25, |side, doc| {
        let classes: Vec<usize> = pair.doc(side, doc).sentences().map(class).collect();
        classes.windows(2).map(|pair| pair[0] * 5 + pair[1]).collect()
    });
}

fn lengths(pair: &Pair<'_>, out: &mut Collector<'_>) {
    let params = out.params;
    let of = [0, 1]
        .map(|side: usize| pair.matched_words()[side].iter().map(|words| words.len() as f64).collect::<Vec<f64>>());
    let sizes = of.each_ref().map(Vec::len);
    let Some(value) = discrete::kolmogorov_smirnov(&of[0], &of[1]) else { return };
    let draws = bootstrap(params.seed, sizes, params.n_bootstrap, |places| {
        let [left, right] =
            [0, 1].map(|side: usize| places[side].iter().map(|at| of[side][*at as usize]).collect::<Vec<f64>>());
        discrete::kolmogorov_smirnov(&left, &right)
    });
    let draws: Vec<f64> = draws.into_iter().flatten().collect();
    let spread = interval(about(value, &draws).into_iter().map(|value| value.min(1.0)), params.confidence);
    out.between(&table::LENGTH_KS, Estimate::bare(value, sizes[0].min(sizes[1])).with(spread));
}

/// Bits per character of the reference by a model of the candidate, less those by a model of its own other half.
fn cross_entropy(pair: &Pair<'_>, out: &mut Collector<'_>) {
    let params = out.params;
    let order = params.char_lm_order;
    let halves = [0, 1].map(|side: usize| {
        let (even, odd): (Vec<usize>, Vec<usize>) = (0..pair.matched[side].len()).partition(|at| at % 2 == 0);
        [even, odd]
            .map(|half| half.into_iter().map(|at| pair.doc(side, pair.matched[side][at]).text).collect::<Vec<&str>>())
    });
    let n_chars = |texts: &[&str]| texts.iter().map(|text| text.chars().count()).sum::<usize>();
    // All models are trained on as many characters.
    let budget = halves.iter().flatten().map(|texts| n_chars(texts)).min().unwrap_or(0).min(params.char_lm_chars);
    if budget == 0 || pair.matched[0].len() < MIN_TRAINED {
        return out.cannot(&table::CROSS_ENTROPY, "a character model needs at least 20 documents a side");
    }
    let models = halves
        .each_ref()
        .map(|halves| halves.each_ref().map(|texts| CharModel::train(texts.iter().copied(), order, budget)));
    // Texts of each half, scored by the other half's model of their own side and of the other side.
    let score = |side: usize| -> Vec<(f64, f64, f64)> {
        let texts: Vec<(usize, &str)> =
            (0..2).flat_map(|half: usize| halves[side][half].iter().map(move |text| (half, *text))).collect();
        let max_chars = (2 * params.char_lm_chars / texts.len().max(1)).max(200);
        let bits = |(half, text): &(usize, &str)| {
            let (own, n) = models[side][1 - half].bits(text, max_chars);
            let (other, _) = models[1 - side][1 - half].bits(text, max_chars);
            (own, other, n as f64)
        };
        texts.par_iter().map(bits).collect()
    };
    let [of_reference, of_candidate] = [score(0), score(1)];
    let gap = |places: &mut dyn Iterator<Item = usize>| {
        ratio(places.map(|at| (of_reference[at].1 - of_reference[at].0, of_reference[at].2)))
    };
    let n = of_reference.len();
    let Some(value) = gap(&mut (0..n)) else {
        return out.cannot(&table::CROSS_ENTROPY, "the reference holds no character");
    };
    let draws =
        bootstrap(params.seed, [n, 0], params.n_bootstrap, |[left, _]| gap(&mut left.iter().map(|at| *at as usize)));
    let estimate = Estimate::bare(value, n).with(interval(draws.into_iter().flatten(), params.confidence));
    let mean = |scores: &[(f64, f64, f64)], own: bool| {
        ratio(scores.iter().map(|(by_own, by_other, n)| (if own { *by_own } else { *by_other }, *n)))
    };
    out.between(&table::CROSS_ENTROPY, estimate)
        .detail("bits per character by a model of its own side", mean(&of_reference, true), mean(&of_candidate, true))
        .detail(
            "bits per character by a model of the other side",
            mean(&of_reference, false),
            mean(&of_candidate, false),
        );
}

fn phrases(pair: &Pair<'_>, vocabulary: &Vocabulary, out: &mut Collector<'_>) {
    let params = out.params;
    let [left, right] = pair.matched_words();
    let lifts = log_odds::lifts(
        &left,
        &right,
        params.log_odds_words,
        params.log_odds_docs,
        params.log_odds_prior,
        params.n_details,
    );
    let Some(top) = lifts.first() else {
        return out.cannot(&table::PHRASE_LIFT, "no phrase is in enough documents of the candidate");
    };
    let finding = out.between(&table::PHRASE_LIFT, Estimate::bare(top.z, right.len()));
    for lift in &lifts {
        let label = format!("times: {}", vocabulary.phrase(&lift.words));
        finding.detail(label, Some(f64::from(lift.n_left)), Some(f64::from(lift.n_right)));
    }
    let holds = |doc: &&u32| pair.doc(1, **doc).words.windows(top.words.len()).any(|words| words == top.words);
    let rows: Vec<(u32, &str)> =
        pair.matched[1].iter().filter(holds).map(|doc| (pair.row(1, *doc), pair.doc(1, *doc).text)).collect();
    finding.examples(params, rows);
}
