//! The word tables of a language: closed classes, lists of markers, suffixes.
//!
//! Tables are data, one file per language (`data/README.md` says what each section is for). English was written first and
//! is the one that was measured; the others hold the closed classes of their language and are otherwise shorter.

use std::sync::LazyLock;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// A language with word tables, by its ISO 639-3 code in configs and files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "eng")]
    English,
    /// German.
    #[serde(rename = "deu")]
    German,
    /// French.
    #[serde(rename = "fra")]
    French,
    /// Spanish.
    #[serde(rename = "spa")]
    Spanish,
    /// Italian.
    #[serde(rename = "ita")]
    Italian,
}

impl Language {
    /// All languages with tables.
    pub const ALL: [Language; 5] =
        [Language::English, Language::German, Language::French, Language::Spanish, Language::Italian];

    /// ISO 639-3 code.
    pub fn code(self) -> &'static str {
        match self {
            Language::English => "eng",
            Language::German => "deu",
            Language::French => "fra",
            Language::Spanish => "spa",
            Language::Italian => "ita",
        }
    }

    /// The language with this ISO 639-3 code, if it has tables.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The tables, read once.
    pub(crate) fn lexicon(self) -> &'static Lexicon {
        static ENGLISH: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::parse(include_str!("data/eng.txt")));
        static GERMAN: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::parse(include_str!("data/deu.txt")));
        static FRENCH: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::parse(include_str!("data/fra.txt")));
        static SPANISH: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::parse(include_str!("data/spa.txt")));
        static ITALIAN: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::parse(include_str!("data/ita.txt")));
        match self {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
            Language::French => &FRENCH,
            Language::Spanish => &SPANISH,
            Language::Italian => &ITALIAN,
        }
    }
}

/// What a word is to the skeleton of a sentence: a closed class, or the shape of an open one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum Class {
    Boundary,
    Determiner,
    Preposition,
    Pronoun,
    Auxiliary,
    Conjunction,
    Subordinator,
    Particle,
    Name,
    Number,
    Participle,
    Verbal,
    Adverb,
    Content,
}

impl Class {
    pub(crate) const ALL: [Class; 14] = [
        Class::Boundary,
        Class::Determiner,
        Class::Preposition,
        Class::Pronoun,
        Class::Auxiliary,
        Class::Conjunction,
        Class::Subordinator,
        Class::Particle,
        Class::Name,
        Class::Number,
        Class::Participle,
        Class::Verbal,
        Class::Adverb,
        Class::Content,
    ];

    /// Name in feature names.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Class::Boundary => "boundary",
            Class::Determiner => "determiner",
            Class::Preposition => "preposition",
            Class::Pronoun => "pronoun",
            Class::Auxiliary => "auxiliary",
            Class::Conjunction => "conjunction",
            Class::Subordinator => "subordinator",
            Class::Particle => "particle",
            Class::Name => "name",
            Class::Number => "number",
            Class::Participle => "participle",
            Class::Verbal => "verbal",
            Class::Adverb => "adverb",
            Class::Content => "content",
        }
    }

    /// Whether the word carries meaning rather than structure.
    pub(crate) fn is_open(self) -> bool {
        self >= Class::Name
    }
}

/// Lists whose words and phrases are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    First,
    Second,
    Third,
    Discourse,
    Hedge,
    Booster,
    Stock,
}

impl List {
    pub(crate) const N: usize = 7;
}

/// What the tables say of one word.
#[derive(Debug, Clone, Default)]
pub(crate) struct WordEntry {
    /// Number among the function words, and class.
    pub(crate) function: Option<(u16, Class)>,
    /// Lists that hold the word, a bit each.
    pub(crate) lists: u8,
    /// Phrases that begin with the word: the words that follow, and the list.
    pub(crate) phrases: Vec<(Vec<Box<str>>, List)>,
}

/// The word tables of one language.
#[derive(Debug, Default)]
pub(crate) struct Lexicon {
    words: HashMap<Box<str>, WordEntry>,
    /// Function words in the order of their numbers.
    pub(crate) function_words: Vec<Box<str>>,
    pub(crate) suffixes: Vec<Box<str>>,
    participle: Vec<Box<str>>,
    verbal: Vec<Box<str>>,
    adverb: Vec<Box<str>>,
    vowels: Vec<char>,
}

fn class_of_section(section: &str) -> Option<Class> {
    Some(match section {
        "determiner" => Class::Determiner,
        "preposition" => Class::Preposition,
        "pronoun" => Class::Pronoun,
        "auxiliary" => Class::Auxiliary,
        "conjunction" => Class::Conjunction,
        "subordinator" | "relative" => Class::Subordinator,
        "particle" => Class::Particle,
        _ => return None,
    })
}

fn list_of_section(section: &str) -> Option<List> {
    Some(match section {
        "first" => List::First,
        "second" => List::Second,
        "third" => List::Third,
        "discourse" => List::Discourse,
        "hedge" => List::Hedge,
        "booster" => List::Booster,
        "stock" => List::Stock,
        _ => return None,
    })
}

impl Lexicon {
    /// Reads a table file; sections that it does not know are left out, and a test sees to it that there are none.
    fn parse(table: &str) -> Self {
        let mut lexicon = Self::default();
        let mut section = "";
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name;
                continue;
            }
            line.split_whitespace().for_each(|word| lexicon.add(section, word));
        }
        lexicon
    }

    fn add(&mut self, section: &str, word: &str) {
        if let Some(class) = class_of_section(section) {
            let number = self.function_words.len() as u16;
            let entry = self.words.entry(word.into()).or_default();
            if entry.function.is_none() {
                entry.function = Some((number, class));
                self.function_words.push(word.into());
            }
        } else if let Some(list) = list_of_section(section) {
            let mut words = word.split(['_', '-']);
            let first = words.next().unwrap_or_default();
            let rest: Vec<Box<str>> = words.map(Into::into).collect();
            let entry = self.words.entry(first.into()).or_default();
            if rest.is_empty() {
                entry.lists |= 1 << list as u8;
            } else {
                entry.phrases.push((rest, list));
            }
        } else {
            match section {
                "suffix" => self.suffixes.push(word.into()),
                "ending_participle" => self.participle.push(word.into()),
                "ending_verbal" => self.verbal.push(word.into()),
                "ending_adverb" => self.adverb.push(word.into()),
                "vowel" => self.vowels.extend(word.chars()),
                _ => {}
            }
        }
    }

    /// What the tables say of a word in small letters.
    pub(crate) fn word(&self, word: &str) -> Option<&WordEntry> {
        self.words.get(word)
    }

    /// The class of a word that is in no closed class and is no name or number, by its ending.
    pub(crate) fn class_by_ending(&self, word: &str) -> Class {
        let ends = |endings: &[Box<str>]| endings.iter().any(|e| word.len() > e.len() + 2 && word.ends_with(&**e));
        if ends(&self.verbal) {
            Class::Verbal
        } else if ends(&self.adverb) {
            Class::Adverb
        } else if ends(&self.participle) {
            Class::Participle
        } else {
            Class::Content
        }
    }

    /// Syllables of a word in small letters: runs of vowels, at least 1; a silent e at the end counts in no language
    /// that has one and is left out.
    pub(crate) fn n_syllables(&self, word: &str) -> usize {
        let mut n = 0;
        let mut in_vowels = false;
        for c in word.chars() {
            let vowel = self.vowels.contains(&c);
            n += usize::from(vowel && !in_vowels);
            in_vowels = vowel;
        }
        let silent = n > 1 && word.ends_with('e') && !word.ends_with("le");
        (n - usize::from(silent)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_read_whole() {
        for language in Language::ALL {
            let lexicon = language.lexicon();
            let (n_function, n_suffixes) = (lexicon.function_words.len(), lexicon.suffixes.len());
            assert!(n_function >= 120 && n_suffixes >= 20, "{language:?} {n_function} {n_suffixes}");
            assert!(!lexicon.vowels.is_empty() && !lexicon.verbal.is_empty() && !lexicon.adverb.is_empty());
            for list in 0..List::N {
                let phrases = |e: &WordEntry| e.phrases.iter().filter(|(_, of)| *of as usize == list).count();
                let n = |e: &WordEntry| usize::from(e.lists & (1 << list) != 0) + phrases(e);
                assert!(lexicon.words.values().map(n).sum::<usize>() >= 5, "{language:?} list {list}");
            }
            assert_eq!(Language::of_code(language.code()), Some(language));
        }
        assert_eq!(Language::of_code("xxx"), None);
    }

    #[test]
    fn sections_are_all_known() {
        let known = ["suffix", "ending_participle", "ending_verbal", "ending_adverb", "vowel"];
        for table in [include_str!("data/eng.txt"), include_str!("data/deu.txt"), include_str!("data/ita.txt")] {
            for line in table.lines().filter(|line| line.starts_with('[')) {
                let name = line.trim_matches(['[', ']']);
                let is_known =
                    class_of_section(name).is_some() || list_of_section(name).is_some() || known.contains(&name);
                assert!(is_known, "{name}");
            }
        }
    }

    #[test]
    fn english_words_are_what_they_are() {
        let english = Language::English.lexicon();
        let class = |word| english.word(word).and_then(|e| e.function).map(|(_, class)| class);
        assert_eq!(class("the"), Some(Class::Determiner));
        assert_eq!(class("would"), Some(Class::Auxiliary));
        assert_eq!(class("mill"), None);
        assert_eq!(english.class_by_ending("slowly"), Class::Adverb);
        assert_eq!(english.class_by_ending("grinding"), Class::Verbal);
        assert_eq!(english.class_by_ending("red"), Class::Content);
        let syllables = ["a", "mill", "grinding", "table", "release", "hmm"].map(|w| english.n_syllables(w));
        assert_eq!(syllables, [1, 1, 2, 2, 2, 1]);
    }
}
