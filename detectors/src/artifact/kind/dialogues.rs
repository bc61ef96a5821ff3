//! Dialogues: turns, roles, digression, echo, farewells.

use super::endings::{endings, personas};
use super::transfer::{Row, trained_across};
use crate::artifact::collect::Collector;
use crate::artifact::corpus::Vocabulary;
use crate::artifact::lexicon::{PhraseKind, WordSet, marks};
use crate::artifact::measure::duplicates::{near_within, shingles};
use crate::artifact::measure::lexical::counts;
use crate::artifact::measure::linear::{Planes, Sparse, features, fold_of};
use crate::artifact::metric::Metric;
use crate::artifact::metrics::dialogues as table;
use crate::artifact::resample::{Part, ratio};
use crate::artifact::side::Dialogue;
use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;
use std::collections::BTreeMap;

const MIN_TRAINED: usize = 20;

/// A dialogue and the words of its turns.
pub(crate) struct Talk<'a> {
    row: u32,
    dialogue: &'a Dialogue,
    turns: Vec<Vec<u32>>,
    /// The words of the turns that are no function words.
    content: Vec<Vec<u32>>,
}

/// Reads the dialogues of both sides.
pub(crate) fn read<'a>(rows: [Vec<(u32, &'a Dialogue)>; 2], vocabulary: &mut Vocabulary) -> [Vec<Talk<'a>>; 2] {
    let mut words = |dialogue: &Dialogue| -> Vec<Vec<u32>> {
        let read = |turn: &crate::artifact::side::Turn| {
            let mut words = Vec::new();
            vocabulary.read(&turn.text, &mut words);
            words
        };
        dialogue.turns.iter().map(read).collect()
    };
    let mut talks = rows.map(|rows| {
        rows.into_iter()
            .map(|(row, dialogue)| Talk { row, dialogue, turns: words(dialogue), content: Vec::new() })
            .collect::<Vec<_>>()
    });
    let function = WordSet::named("function", vocabulary);
    for talk in talks.iter_mut().flatten() {
        let content = |words: &Vec<u32>| words.iter().copied().filter(|word| !function.contains(*word)).collect();
        talk.content = talk.turns.iter().map(content).collect();
    }
    talks
}

impl<'a> Talk<'a> {
    pub(super) fn row(&self) -> u32 {
        self.row
    }

    pub(super) fn n_turns(&self) -> usize {
        self.turns.len()
    }

    pub(super) fn role(&self, turn: usize) -> &'a str {
        &self.dialogue.turns[turn].role
    }

    pub(super) fn text(&self, turn: usize) -> &'a str {
        &self.dialogue.turns[turn].text
    }

    /// The words of a turn.
    pub(super) fn words(&self, turn: usize) -> &[u32] {
        &self.turns[turn]
    }
}

/// The texts of dialogues, their turns joined by line ends, for the measures of text.
pub(crate) fn joined(rows: &[Vec<(u32, &Dialogue)>; 2]) -> [Vec<(u32, String)>; 2] {
    let join =
        |dialogue: &Dialogue| dialogue.turns.iter().map(|turn| turn.text.as_str()).collect::<Vec<_>>().join("\n\n");
    rows.each_ref().map(|rows| rows.iter().map(|(row, dialogue)| (*row, join(dialogue))).collect())
}

/// All of it.
pub(crate) fn dialogues(talks: &[Vec<Talk<'_>>; 2], slices: &[&str], out: &mut Collector<'_>) {
    turns(talks, slices, out);
    roles(talks, slices, out);
    endings(talks, slices, out);
    personas(talks, slices, out);
    digression(talks, slices, out);
    repetition(talks, slices, out);
    entrainment(talks, slices, out);
    transfer(talks, out);
}

fn parts(talks: &[Vec<Talk<'_>>; 2], of: impl Fn(&Talk<'_>) -> Part + Sync) -> [Vec<Part>; 2] {
    talks.each_ref().map(|talks| talks.par_iter().map(&of).collect())
}

pub(super) fn push(metric: &Metric, parts: &[Vec<Part>; 2], slices: &[&str], out: &mut Collector<'_>) {
    out.ratio(metric, parts.each_ref().map(Vec::as_slice)).by_slice(slices.iter().copied(), &parts[1]);
}

/// The numbers of a metric by role, as lines below it.
fn by_role(talks: &[Vec<Talk<'_>>; 2], of: impl Fn(&Talk<'_>, usize) -> Part, out: &mut Collector<'_>) {
    let mut roles: BTreeMap<String, [Vec<Part>; 2]> = BTreeMap::new();
    for (side, talks) in talks.iter().enumerate() {
        for talk in talks {
            for turn in 0..talk.turns.len() {
                roles.entry(talk.role(turn).to_lowercase()).or_default()[side].push(of(talk, turn));
            }
        }
    }
    let n = out.params.n_details;
    out.last(|finding| {
        for (role, parts) in roles.into_iter().take(n) {
            let [reference, candidate] = parts.map(|parts| ratio(parts.into_iter()));
            finding.detail(format!("role {role}"), reference, candidate);
        }
    });
}

fn turns(talks: &[Vec<Talk<'_>>; 2], slices: &[&str], out: &mut Collector<'_>) {
    push(
        &table::TURNS,
        &parts(talks, |talk| (talk.turns.len() as f64, f64::from(u8::from(!talk.turns.is_empty())))),
        slices,
        out,
    );
    let words = |talk: &Talk<'_>| (talk.turns.iter().map(Vec::len).sum::<usize>() as f64, talk.turns.len() as f64);
    push(&table::TURN_WORDS, &parts(talks, words), slices, out);
    by_role(talks, |talk, turn| (talk.turns[turn].len() as f64, 1.0), out);
    let balance = |talk: &Talk<'_>| {
        let mut of_role: BTreeMap<&str, usize> = BTreeMap::new();
        (0..talk.turns.len()).for_each(|turn| *of_role.entry(talk.role(turn)).or_insert(0) += talk.turns[turn].len());
        let most = of_role.values().max().copied().unwrap_or(0);
        let least = of_role.values().min().copied().unwrap_or(0);
        if of_role.len() < 2 || most == 0 { (0.0, 0.0) } else { (least as f64 / most as f64, 1.0) }
    };
    push(&table::TURN_BALANCE, &parts(talks, balance), slices, out);
    let asks = |talk: &Talk<'_>, turn: usize| f64::from(u8::from(talk.text(turn).contains(['?', '？'])));
    let questions =
        |talk: &Talk<'_>| ((0..talk.turns.len()).map(|turn| asks(talk, turn)).sum(), talk.turns.len() as f64);
    push(&table::ROLE_QUESTIONS, &parts(talks, questions), slices, out);
    by_role(talks, |talk, turn| (asks(talk, turn), 1.0), out);
}

fn roles(talks: &[Vec<Talk<'_>>; 2], slices: &[&str], out: &mut Collector<'_>) {
    let params = out.params;
    let flips = |talk: &Talk<'_>, turn: usize| {
        params.role_markers.iter().any(|marker| {
            marker.role.eq_ignore_ascii_case(talk.role(turn)) && talk.text(turn).contains(&marker.foreign)
        })
    };
    let flip_parts = parts(talks, |talk| {
        let has_flip = (0..talk.turns.len()).any(|turn| flips(talk, turn));
        (f64::from(u8::from(has_flip)), f64::from(u8::from(!talk.turns.is_empty())))
    });
    push(&table::ROLE_FLIPS, &flip_parts, slices, out);
    let flipped = talks[1].iter().filter_map(|talk| {
        let turn = (0..talk.turns.len()).find(|turn| flips(talk, *turn))?;
        Some((talk.row, talk.text(turn)))
    });
    out.last(|finding| {
        finding.examples(params, flipped);
    });
    let self_replies = |talk: &Talk<'_>| {
        let n = (1..talk.turns.len()).filter(|turn| talk.role(*turn) == talk.role(turn - 1)).count();
        (n as f64, talk.turns.len().saturating_sub(1) as f64)
    };
    push(&table::SELF_REPLIES, &parts(talks, self_replies), slices, out);
    let leaves = |talk: &Talk<'_>| {
        let n = (0..talk.turns.len())
            .filter(|turn| marks(talk.text(*turn)).any(|mark| mark.kind == PhraseKind::Closing))
            .count();
        (f64::from(u8::from(n >= 3)), f64::from(u8::from(!talk.turns.is_empty())))
    };
    push(&table::CLOSING_LOOPS, &parts(talks, leaves), slices, out);
}

/// A turn's tf-idf words, of unit length, in the order of their numbers.
fn weights(words: &[u32], idf: &dyn Fn(u32) -> f64) -> Vec<(u32, f64)> {
    let mut weights: Vec<(u32, f64)> =
        counts(words).into_iter().map(|(word, count)| (word, f64::from(count) * idf(word))).collect();
    weights.sort_unstable_by_key(|(word, _)| *word);
    let norm = weights.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
    weights.iter_mut().for_each(|(_, weight)| *weight /= norm.max(f64::MIN_POSITIVE));
    weights
}

fn cosine(left: &[(u32, f64)], right: &[(u32, f64)]) -> f64 {
    let find = |word: u32| right.binary_search_by_key(&word, |(word, _)| *word).map_or(0.0, |at| right[at].1);
    left.iter().map(|(word, weight)| weight * find(*word)).sum()
}

fn digression(talks: &[Vec<Talk<'_>>; 2], slices: &[&str], out: &mut Collector<'_>) {
    const MIN_WORDS: usize = 5;
    let params = out.params;
    let mut holders: HashMap<u32, u32> = HashMap::new();
    let mut n_turns = 0u32;
    for words in talks.iter().flatten().flat_map(|talk| &talk.content) {
        n_turns += 1;
        words
            .iter()
            .copied()
            .collect::<HashSet<u32>>()
            .into_iter()
            .for_each(|word| *holders.entry(word).or_insert(0) += 1);
    }
    let idf = |word: u32| (f64::from(n_turns + 1) / f64::from(1 + holders.get(&word).copied().unwrap_or(0))).ln() + 1.0;
    // Turn and cohesion, of the turns that are long enough.
    let cohesion = |talk: &Talk<'_>| -> Vec<(usize, f64)> {
        let of = |turn: usize| {
            let mut before: Vec<u32> = talk.content[turn - 2..turn].concat();
            if turn > 2 {
                before.extend(&talk.content[0]);
            }
            (turn, cosine(&weights(&talk.content[turn], &idf), &weights(&before, &idf)))
        };
        (2..talk.content.len()).filter(|turn| talk.content[*turn].len() >= MIN_WORDS).map(of).collect()
    };
    let of_talks = talks.each_ref().map(|talks| talks.par_iter().map(cohesion).collect::<Vec<_>>());
    let has_reference = of_talks[0].iter().any(|turns| !turns.is_empty());
    let values: Vec<f64> =
        of_talks[usize::from(!has_reference)].iter().flatten().map(|(_, cohesion)| *cohesion).collect();
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    let limit = (mean - params.digression_sigma * deviation).max(0.0);
    let parts = of_talks.each_ref().map(|talks| {
        let part = |turns: &Vec<(usize, f64)>| {
            (turns.iter().filter(|(_, cohesion)| *cohesion <= limit).count() as f64, turns.len() as f64)
        };
        talks.iter().map(part).collect::<Vec<Part>>()
    });
    push(&table::DIGRESSION, &parts, slices, out);
    let shown = talks[1].iter().zip(&of_talks[1]).filter_map(|(talk, turns)| {
        let (turn, _) = turns.iter().find(|(_, cohesion)| *cohesion <= limit)?;
        Some((talk.row, talk.text(*turn)))
    });
    out.last(|finding| {
        finding.examples(params, shown);
    });
}

fn repetition(talks: &[Vec<Talk<'_>>; 2], slices: &[&str], out: &mut Collector<'_>) {
    let limit = out.params.near_jaccard;
    let repeated = |talk: &Talk<'_>| {
        let sets: Vec<Vec<u64>> =
            talk.turns.iter().filter(|words| words.len() >= 4).map(|words| shingles(words, 3)).collect();
        (near_within(&sets, limit).len() as f64, sets.len() as f64)
    };
    push(&table::REPEATED_TURNS, &parts(talks, repeated), slices, out);
}

fn entrainment(talks: &[Vec<Talk<'_>>; 2], slices: &[&str], out: &mut Collector<'_>) {
    let share = |words: &[u32], of: &[u32]| {
        let of: HashSet<u32> = of.iter().copied().collect();
        words.iter().filter(|word| of.contains(*word)).count() as f64 / words.len().max(1) as f64
    };
    let parts = talks.each_ref().map(|talks| {
        let of = |at: usize| {
            let talk = &talks[at];
            // The talk after the next serves as a stranger: neighbours in a file are often of one topic.
            let stranger = &talks[(at + talks.len() / 2).max(at + 1) % talks.len()];
            let replies = (1..talk.content.len())
                .filter(|turn| talk.role(*turn) != talk.role(turn - 1) && !talk.content[*turn].is_empty());
            replies.fold((0.0, 0.0), |sum, turn| match stranger.content.get(turn - 1) {
                Some(other) => (
                    sum.0 + share(&talk.content[turn], &talk.content[turn - 1]) - share(&talk.content[turn], other),
                    sum.1 + 1.0,
                ),
                None => sum,
            })
        };
        (0..talks.len())
            .into_par_iter()
            .map(|at| if talks.len() < 2 { (0.0, 0.0) } else { of(at) })
            .collect::<Vec<Part>>()
    });
    push(&table::ENTRAINMENT, &parts, slices, out);
}

fn transfer(talks: &[Vec<Talk<'_>>; 2], out: &mut Collector<'_>) {
    let params = out.params;
    let training = params.training();
    let n_folds = params.classifier_folds.max(2);
    let mut classes: Vec<String> =
        talks.iter().flatten().flat_map(|talk| &talk.dialogue.turns).map(|turn| turn.role.to_lowercase()).collect();
    classes.sort_unstable();
    classes.dedup();
    let rows: [Vec<Row<usize>>; 2] = talks.each_ref().map(|talks| {
        let of_talk = |talk: &Talk<'_>| {
            let fold = fold_of(
                &talk.dialogue.turns.first().map_or(String::new(), |turn| turn.text.clone()),
                params.seed,
                n_folds,
            );
            let turns = (0..talk.turns.len()).filter(|turn| !talk.turns[*turn].is_empty());
            turns
                .filter_map(|turn| {
                    let class = classes.binary_search(&talk.role(turn).to_lowercase()).ok()?;
                    let words = &talk.turns[turn];
                    Some((
                        features(&words[..words.len().min(params.classifier_words)], training.n_buckets),
                        class,
                        fold,
                    ))
                })
                .collect::<Vec<_>>()
        };
        talks.par_iter().flat_map_iter(of_talk).collect()
    });
    let n_kinds = |rows: &[Row<usize>]| rows.iter().map(|row| row.1).collect::<HashSet<_>>().len();
    if classes.len() > 20
        || talks.iter().any(|talks| talks.len() < MIN_TRAINED)
        || rows.iter().any(|rows| n_kinds(rows) < 2)
    {
        return out.cannot(&table::ROLE_TRANSFER, "it needs at least 20 dialogues a side, of 2 to 20 roles");
    }
    let train = |texts: &[&Sparse], of: &[usize]| Planes::train(texts, of, classes.len(), &training);
    trained_across(&table::ROLE_TRANSFER, &rows, n_folds, train, Planes::class, out);
}
