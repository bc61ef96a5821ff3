//! `kind = "formal_languages"`: documents of words from random regular languages, for measuring in-context learning.
//!
//! Each document has a language of its own: a random automaton over a few of 18 letters, every state accepting. Its
//! words are random walks. No two documents share a language: automata are compared in their canonical minimal form.
//!
//! Source: RegBench, Akyürek et al. 2024, "In-Context Language Learning" (arXiv:2401.12973), with its constants: 4 to 12
//! states, 4 to 18 letters, 1 to 3 edges per state to different states other than itself, words of 1 to 49 letters, 10
//! to 19 words a document. The released code means to drop repeated languages and does not (its objects hash but do not
//! compare); ours does.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::TEXT;
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use serde::Deserialize;

use crate::kit::rows::{count, text};
use crate::kit::{Drawn, DrawnRecipe, Draws, Row};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "formal_languages",
    version: 2,
    about: "Documents of words from random regular languages, no two of the same language; no model needed.",
    source: "RegBench, Akyürek et al. 2024, arXiv:2401.12973",
    takes_input: false,
    params: &[
        ParamDoc { name: "n", default: "1000", about: "number of documents" },
        ParamDoc { name: "states", default: "[4, 12]", about: "least and most states before minimisation" },
        ParamDoc { name: "letters", default: "[4, 18]", about: "least and most letters, of 18" },
        ParamDoc { name: "edges", default: "[1, 3]", about: "least and most edges out of a state" },
        ParamDoc { name: "word_letters", default: "[1, 49]", about: "least and most letters of a word" },
        ParamDoc { name: "words", default: "[10, 19]", about: "least and most words of a document" },
    ],
    build,
};

const LETTERS: &[u8; 18] = b"abcdefghijklmnopqr";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default = "thousand")]
    n: u64,
    #[serde(default = "states")]
    states: [usize; 2],
    #[serde(default = "letters")]
    letters: [usize; 2],
    #[serde(default = "edges")]
    edges: [usize; 2],
    #[serde(default = "word_letters")]
    word_letters: [usize; 2],
    #[serde(default = "words")]
    words: [usize; 2],
}

fn thousand() -> u64 {
    1000
}
fn states() -> [usize; 2] {
    [4, 12]
}
fn letters() -> [usize; 2] {
    [4, 18]
}
fn edges() -> [usize; 2] {
    [1, 3]
}
fn word_letters() -> [usize; 2] {
    [1, 49]
}
fn words() -> [usize; 2] {
    [10, 19]
}

struct FormalLanguages {
    stage: String,
    seed: u64,
    params: Params,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let mut params: Params = params::parse(spec.params)?;
    params.n = params.n.min(spec.limit.unwrap_or(u64::MAX));
    let ranges = [
        ("states", params.states, 2, 1000),
        ("letters", params.letters, 1, LETTERS.len()),
        ("edges", params.edges, 1, LETTERS.len()),
        ("word_letters", params.word_letters, 1, 10_000),
        ("words", params.words, 1, 10_000),
    ];
    for (key, [least, most], low, high) in ranges {
        if least > most || least < low || most > high {
            return Err(ParamError::at(key, format!("expected [least, most] between {low} and {high}")));
        }
    }
    let recipe = FormalLanguages { stage: spec.name.to_owned(), seed: spec.seed, params };
    Ok(Stage::Maker(Arc::new(Drawn(Arc::new(recipe)))))
}

/// A deterministic automaton whose states all accept: edges by letter, state 0 first.
type Automaton = Vec<BTreeMap<u8, usize>>;

fn between(draws: &mut Draws, [least, most]: [usize; 2]) -> usize {
    least + draws.below(most - least + 1)
}

fn draw_automaton(params: &Params, draws: &mut Draws) -> Automaton {
    let n = between(draws, params.states);
    let k = between(draws, params.letters);
    let alphabet: Vec<u8> = draws.sample(LETTERS, k).into_iter().copied().collect();
    (0..n)
        .map(|state| {
            let targets: Vec<usize> = (0..n).filter(|target| *target != state).collect();
            let degree = between(draws, params.edges).min(targets.len()).min(alphabet.len());
            let targets: Vec<usize> = draws.sample(&targets, degree).into_iter().copied().collect();
            let letters: Vec<u8> = draws.sample(&alphabet, degree).into_iter().copied().collect();
            letters.into_iter().zip(targets).collect()
        })
        .collect()
}

/// The minimal automaton of the same language, states numbered in the order a breadth-first walk by letter meets them:
/// equal languages have equal forms.
fn canonical(automaton: &Automaton) -> Automaton {
    // Moore's refinement: states are the same as long as no letter tells them apart. A missing edge is a letter's no.
    let mut class: Vec<usize> = vec![0; automaton.len()];
    loop {
        let mut names: BTreeMap<Vec<(u8, usize)>, usize> = BTreeMap::new();
        let refined: Vec<usize> = automaton
            .iter()
            .map(|edges| {
                let signature = edges.iter().map(|(letter, target)| (*letter, class[*target])).collect();
                let next = names.len();
                *names.entry(signature).or_insert(next)
            })
            .collect();
        let settled = names.len() == class.iter().collect::<std::collections::BTreeSet<_>>().len();
        class = refined;
        if settled {
            break;
        }
    }
    let member = |c: usize| class.iter().position(|other| *other == c).unwrap_or(0);
    let (mut number, mut queue, mut minimal) =
        (BTreeMap::from([(class[0], 0)]), VecDeque::from([class[0]]), Vec::new());
    while let Some(c) = queue.pop_front() {
        let mut edges = BTreeMap::new();
        for (letter, target) in &automaton[member(c)] {
            let next = number.len();
            let target = *number.entry(class[*target]).or_insert_with(|| {
                queue.push_back(class[*target]);
                next
            });
            edges.insert(*letter, target);
        }
        minimal.push(edges);
    }
    minimal
}

fn spell(automaton: &Automaton) -> String {
    let mut text = String::new();
    for (state, edges) in automaton.iter().enumerate() {
        for (letter, target) in edges {
            // Writing to a String cannot fail.
            let _ = write!(text, "{state}{}{target} ", char::from(*letter));
        }
    }
    text.trim_end().to_owned()
}

fn word(automaton: &Automaton, length: usize, draws: &mut Draws) -> String {
    let (mut state, mut word) = (0, String::with_capacity(length));
    for _ in 0..length {
        let edges: Vec<(&u8, &usize)> = automaton[state].iter().collect();
        let Some((letter, target)) = draws.choose(&edges) else { break };
        word.push(char::from(**letter));
        state = **target;
    }
    word
}

impl DrawnRecipe for FormalLanguages {
    fn kind(&self) -> &'static str {
        ENTRY.kind
    }

    fn stage(&self) -> &str {
        &self.stage
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn n(&self) -> u64 {
        self.params.n
    }

    fn fields(&self) -> Vec<FieldRef> {
        vec![text("automaton"), count("n_states"), count("n_words")]
    }

    fn draw(&self, draws: &mut Draws) -> (Row, Option<String>) {
        let automaton = canonical(&draw_automaton(&self.params, draws));
        let n = between(draws, self.params.words);
        let words: Vec<String> = (0..n)
            .map(|_| {
                let length = between(draws, self.params.word_letters);
                word(&automaton, length, draws)
            })
            .collect();
        let key = spell(&automaton);
        let mut row = Row::new();
        row.insert(TEXT.into(), words.join(" | ").into());
        row.insert("automaton".into(), key.as_str().into());
        row.insert("n_states".into(), automaton.len().into());
        row.insert("n_words".into(), n.into());
        (row, Some(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(automaton: &Automaton, word: &str) -> bool {
        let mut state = 0;
        word.bytes().all(|letter| match automaton[state].get(&letter) {
            Some(target) => {
                state = *target;
                true
            }
            None => false,
        })
    }

    #[test]
    fn the_same_language_has_one_canonical_form() {
        // a* with one state, and with two that take turns.
        let one: Automaton = vec![BTreeMap::from([(b'a', 0)])];
        let two: Automaton = vec![BTreeMap::from([(b'a', 1)]), BTreeMap::from([(b'a', 0)])];
        assert_eq!(canonical(&two), one);
        // (ab)* prefixes; the same with states numbered the other way round and an unreachable one.
        let ab: Automaton = vec![BTreeMap::from([(b'a', 1)]), BTreeMap::from([(b'b', 0)])];
        let ba: Automaton = vec![BTreeMap::from([(b'a', 2)]), BTreeMap::from([(b'c', 1)]), BTreeMap::from([(b'b', 0)])];
        assert_eq!(canonical(&ab), canonical(&ba));
        assert_ne!(canonical(&ab), one);
    }

    #[test]
    fn every_word_is_of_its_language() {
        let params: Params = serde_json::from_str("{}").unwrap();
        for seed in 0..200 {
            let mut draws = Draws::of(seed, &[]);
            let drawn = draw_automaton(&params, &mut draws);
            let minimal = canonical(&drawn);
            assert!(minimal.len() <= drawn.len());
            for _ in 0..5 {
                let length = between(&mut draws, params.word_letters);
                let word = word(&minimal, length, &mut draws);
                assert_eq!(word.len(), length, "every state has a way out");
                assert!(accepts(&drawn, &word) && accepts(&minimal, &word));
            }
        }
    }
}
