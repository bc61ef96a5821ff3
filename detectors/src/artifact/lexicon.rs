//! The word lists and phrase lists of the audit, kept as data files and matched fast.
//!
//! The lists are small, English and ours; they are evidence, not a dictionary. What no list holds is found by log-odds
//! (`measure::log_odds`) from the two sides themselves.

use super::corpus::Vocabulary;
use aho_corasick::{AhoCorasick, MatchKind};
use hashbrown::{HashMap, HashSet};
use std::sync::LazyLock;

const WORDS: &str = include_str!("data/words.txt");
const PHRASES: &str = include_str!("data/phrases.txt");

/// The entries of a section of a list file: `[name]` lines open sections, `#` lines are remarks.
fn section<'a>(file: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let opening = format!("[{name}]");
    let is_head =
        |line: &&str| line.starts_with('[') && line.ends_with(']') && !line.contains(' ') && !line.contains('/');
    let lines = file.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("# "));
    lines.skip_while(move |line| *line != opening).skip(1).take_while(move |line| !is_head(line) || *line == "[inst]")
}

/// A list of single words as numbers of a vocabulary.
#[derive(Debug, Clone, Default)]
pub struct WordSet(HashSet<u32>);

impl WordSet {
    /// The words of the named list that the vocabulary holds.
    pub fn named(name: &str, vocabulary: &Vocabulary) -> Self {
        Self(section(WORDS, name).flat_map(str::split_whitespace).filter_map(|word| vocabulary.id(word)).collect())
    }

    /// Whether a word is on the list.
    pub fn contains(&self, word: u32) -> bool {
        self.0.contains(&word)
    }

    /// How many of the words are on the list.
    pub fn count(&self, words: &[u32]) -> usize {
        words.iter().filter(|word| self.contains(**word)).count()
    }

    /// The list in the order of its numbers.
    pub fn sorted(&self) -> Vec<u32> {
        let mut words: Vec<u32> = self.0.iter().copied().collect();
        words.sort_unstable();
        words
    }
}

/// The words of a named list.
pub fn words(name: &str) -> impl Iterator<Item = &'static str> {
    section(WORDS, name).flat_map(str::split_whitespace)
}

/// Which phrase list a match is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PhraseKind {
    /// A refusal or a mention of being a model.
    Refusal,
    /// A phrase of made prose.
    Template,
    /// A sign that an instruction cannot be answered from text.
    Unanswerable,
    /// The end of a talk.
    Closing,
    /// A token of a chat template, which no text should hold.
    ChatToken,
    /// An insult, a curse or a threat.
    Toxic,
    /// A sign by which a talk is declared done.
    Done,
    /// A connective of comparison (the four classes are those of the Penn Discourse Treebank).
    Comparison,
    /// A connective of cause or condition.
    Contingency,
    /// A connective of expansion.
    Expansion,
    /// A connective of time.
    Temporal,
}

const KINDS: &[(&str, PhraseKind)] = &[
    ("refusal", PhraseKind::Refusal),
    ("template", PhraseKind::Template),
    ("unanswerable", PhraseKind::Unanswerable),
    ("closing", PhraseKind::Closing),
    ("chat_token", PhraseKind::ChatToken),
    ("toxic", PhraseKind::Toxic),
    ("done", PhraseKind::Done),
    ("comparison", PhraseKind::Comparison),
    ("contingency", PhraseKind::Contingency),
    ("expansion", PhraseKind::Expansion),
    ("temporal", PhraseKind::Temporal),
];

struct Phrases {
    automaton: AhoCorasick,
    entries: Vec<(&'static str, PhraseKind)>,
}

/// Connectives are looked for at the opening of sentences only, apart from the rest.
fn build(of_connectives: bool) -> Phrases {
    let mut patterns: Vec<String> = Vec::new();
    let mut entries = Vec::new();
    let is_connective = |kind: PhraseKind| kind >= PhraseKind::Comparison;
    for (name, kind) in KINDS.iter().filter(|(_, kind)| is_connective(*kind) == of_connectives) {
        for phrase in section(PHRASES, name) {
            patterns.push(phrase.to_owned());
            entries.push((phrase, *kind));
            if phrase.contains('\'') {
                patterns.push(phrase.replace('\'', "’"));
                entries.push((phrase, *kind));
            }
        }
    }
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .build(&patterns)
        .unwrap_or_else(|_| unreachable!("a few hundred short phrases fit an automaton"));
    Phrases { automaton, entries }
}

static MARKS: LazyLock<Phrases> = LazyLock::new(|| build(false));
static CONNECTIVES: LazyLock<Phrases> = LazyLock::new(|| build(true));

/// A phrase found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhraseMatch {
    /// The list.
    pub kind: PhraseKind,
    /// The phrase as listed.
    pub phrase: &'static str,
    /// Byte offset of its start.
    pub start: usize,
    /// Byte offset of its end.
    pub end: usize,
}

/// Phrases of made text and chat tokens in a text, the longest of those that start together, without overlap.
pub fn marks(text: &str) -> impl Iterator<Item = PhraseMatch> {
    MARKS.automaton.find_iter(text).filter(|found| at_boundaries(text, found.start(), found.end())).map(|found| {
        let (phrase, kind) = MARKS.entries[found.pattern().as_usize()];
        PhraseMatch { kind, phrase, start: found.start(), end: found.end() }
    })
}

/// A word must not go on where a phrase starts or ends; a phrase that starts or ends with a sign needs no boundary there.
fn at_boundaries(text: &str, start: usize, end: usize) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (before, within, after) = (&text[..start], &text[start..end], &text[end..]);
    let opens_amid = is_word(within.chars().next()) && is_word(before.chars().next_back());
    let ends_amid = is_word(within.chars().next_back()) && is_word(after.chars().next());
    !opens_amid && !ends_amid
}

/// Connectives by the words they open a sentence with.
#[derive(Debug, Default)]
pub struct Openers(HashMap<Vec<u32>, PhraseKind>);

/// Words of the longest connective.
const MAX_OPENER_WORDS: usize = 5;

impl Openers {
    /// The connectives whose words the vocabulary holds.
    pub fn new(vocabulary: &Vocabulary) -> Self {
        let ids = |phrase: &str| phrase.split(' ').map(|word| vocabulary.id(word)).collect::<Option<Vec<u32>>>();
        Self(CONNECTIVES.entries.iter().filter_map(|(phrase, kind)| Some((ids(phrase)?, *kind))).collect())
    }

    /// The class of the connective that a sentence opens with, the longest.
    pub fn class(&self, sentence: &[u32]) -> Option<PhraseKind> {
        (1..=MAX_OPENER_WORDS.min(sentence.len())).rev().find_map(|n| self.0.get(&sentence[..n]).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(PhraseKind, &'static str)> {
        marks(text).map(|mark| (mark.kind, mark.phrase)).collect()
    }

    #[test]
    fn every_list_has_entries() {
        for (name, _) in KINDS {
            assert!(section(PHRASES, name).count() > 5, "{name}");
        }
        for name in ["function", "positive", "negative", "formal", "informal", "hedge", "verb"] {
            assert!(words(name).count() > 20, "{name}");
        }
        assert!(section(PHRASES, "chat_token").any(|phrase| phrase == "<pad>"));
        assert!(section(PHRASES, "chat_token").all(|phrase| phrase != "but"));
    }

    #[test]
    fn phrases_match_at_word_boundaries() {
        assert_eq!(found("I’m sorry, but I can't."), vec![(PhraseKind::Refusal, "i'm sorry, but i")]);
        assert_eq!(found("As an AI model"), vec![(PhraseKind::Refusal, "as an ai")]);
        assert_eq!(found("as an airplane"), vec![]);
        assert_eq!(
            found("<|im_start|>user [/INST]x"),
            vec![(PhraseKind::ChatToken, "<|im_start|>"), (PhraseKind::ChatToken, "[/inst]")]
        );
        assert_eq!(found(""), vec![]);
        assert_eq!(found("😀 Certainly! Goodbyes"), vec![(PhraseKind::Template, "certainly!")]);
    }

    #[test]
    fn sentences_open_with_the_longest_connective() {
        let mut vocabulary = Vocabulary::default();
        let mut words = Vec::new();
        vocabulary.read("on the other hand he left but so what", &mut words);
        let openers = Openers::new(&vocabulary);
        assert_eq!(openers.class(&words), Some(PhraseKind::Comparison));
        assert_eq!(openers.class(&words[4..]), None);
        assert_eq!(openers.class(&words[7..]), Some(PhraseKind::Contingency));
        assert_eq!(openers.class(&[]), None);
    }
}
