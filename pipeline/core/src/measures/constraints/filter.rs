//! The 21 filters: what a unit is checked for.

use hashbrown::HashMap;

use super::metaphone::{Codes, double_metaphone};
use super::sound::Pronunciations;
use super::vectors::Vectors;
use super::{Constraints, Place};
use crate::params::ParamError;

/// Names of the filters, in the order they are checked.
pub const FILTERS: [&str; 21] = [
    "none_of",
    "not_all_of",
    "all_of",
    "any_of",
    "at",
    "starts_with",
    "ends_with",
    "within_edits",
    "n_chars",
    "more_chars_than",
    "fewer_chars_than",
    "sounds_like",
    "means_like",
    "n_syllables",
    "meter",
    "rhymes_with",
    "palindrome",
    "anagram_of",
    "partial_anagram_of",
    "isogram",
    "reverse_isogram",
];

/// One filter and its name.
pub(super) struct Filter {
    name: &'static str,
    test: Test,
}

type Test = Box<dyn Fn(&str) -> bool + Send + Sync>;

impl Filter {
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn holds(&self, text: &str) -> bool {
        (self.test)(text)
    }
}

/// The filters that are asked for, in the order of [`FILTERS`].
pub(super) fn compile(
    given: &Constraints,
    sounds: Option<Pronunciations>,
    vectors: Option<Vectors>,
) -> Result<Vec<Filter>, ParamError> {
    let mut filters = Vec::new();
    let mut add = |name: &'static str, test: Option<Test>| filters.extend(test.map(|test| Filter { name, test }));
    strings(given, &mut add);
    lengths(given, &mut add);
    if let Some(word) = &given.sounds_like {
        let codes = double_metaphone(word);
        if codes.is_empty() {
            return Err(ParamError::at("sounds_like", format!("{word:?} has no sound that Double Metaphone codes")));
        }
        add("sounds_like", Some(Box::new(move |text| sounds_alike(text, &codes))));
    }
    if let (Some(meaning), Some(vectors)) = (&given.means_like, vectors) {
        let Some(wanted) = vectors.of(&meaning.word) else {
            let message = format!("there is no vector of {:?} in {}", meaning.word, meaning.vectors.display());
            return Err(ParamError::at("word", message).under("means_like"));
        };
        let least = meaning.least;
        add(
            "means_like",
            Some(Box::new(move |text| vectors.cosine(text, &wanted).is_some_and(|cosine| cosine >= least))),
        );
    }
    by_ear(given, sounds, &mut add)?;
    letters(given, &mut add);
    Ok(filters)
}

fn strings(given: &Constraints, add: &mut impl FnMut(&'static str, Option<Test>)) {
    let occurs = |text: &str, string: &String| text.contains(string.as_str());
    let list = |strings: &Vec<String>| (!strings.is_empty()).then(|| strings.clone());
    add(
        "none_of",
        list(&given.none_of).map(|all| -> Test { Box::new(move |text| !all.iter().any(|s| occurs(text, s))) }),
    );
    add(
        "not_all_of",
        list(&given.not_all_of).map(|all| -> Test { Box::new(move |text| !all.iter().all(|s| occurs(text, s))) }),
    );
    add("all_of", list(&given.all_of).map(|all| -> Test { Box::new(move |text| all.iter().all(|s| occurs(text, s))) }));
    add("any_of", list(&given.any_of).map(|all| -> Test { Box::new(move |text| all.iter().any(|s| occurs(text, s))) }));
    let places = (!given.at.is_empty()).then(|| given.at.clone());
    add("at", places.map(|places| -> Test { Box::new(move |text| places.iter().all(|place| stands(text, place))) }));
    let start = given.starts_with.clone();
    add("starts_with", start.map(|start| -> Test { Box::new(move |text| text.starts_with(&start)) }));
    let end = given.ends_with.clone();
    add("ends_with", end.map(|end| -> Test { Box::new(move |text| text.ends_with(&end)) }));
    let edits = given.within_edits.clone();
    add("within_edits", edits.map(|edits| -> Test { Box::new(move |text| within(text, &edits.of, edits.most)) }));
}

fn lengths(given: &Constraints, add: &mut impl FnMut(&'static str, Option<Test>)) {
    let n_chars = |text: &str| text.chars().count();
    add("n_chars", given.n_chars.map(|n| -> Test { Box::new(move |text| n_chars(text) == n) }));
    add("more_chars_than", given.more_chars_than.map(|n| -> Test { Box::new(move |text| n_chars(text) > n) }));
    add("fewer_chars_than", given.fewer_chars_than.map(|n| -> Test { Box::new(move |text| n_chars(text) < n) }));
}

/// Syllables, metre and rhyme, which need a dictionary.
fn by_ear(
    given: &Constraints,
    sounds: Option<Pronunciations>,
    add: &mut impl FnMut(&'static str, Option<Test>),
) -> Result<(), ParamError> {
    let asked = [
        ("n_syllables", given.n_syllables.is_some()),
        ("meter", given.meter.is_some()),
        ("rhymes_with", given.rhymes_with.is_some()),
    ];
    let Some((key, _)) = asked.into_iter().find(|(_, asked)| *asked) else { return Ok(()) };
    let Some(sounds) = sounds.map(std::sync::Arc::new) else {
        let message = "this needs `pronunciations = \"FILE\"`, a pronouncing dictionary in the form of CMUdict";
        return Err(ParamError::at(key, message));
    };
    if let Some(n) = given.n_syllables {
        let sounds = std::sync::Arc::clone(&sounds);
        add("n_syllables", Some(Box::new(move |text| sounds.has_syllables(text, n))));
    }
    if let Some(meter) = given.meter.clone() {
        if meter.is_empty() || !meter.chars().all(|c| matches!(c, '0'..='2' | '.')) {
            return Err(ParamError::at("meter", "expected one of 0, 1, 2 or a point for each syllable"));
        }
        let sounds = std::sync::Arc::clone(&sounds);
        add("meter", Some(Box::new(move |text| sounds.has_meter(text, meter.as_bytes()))));
    }
    if let Some(word) = given.rhymes_with.clone() {
        if !sounds.knows(&word) {
            return Err(ParamError::at("rhymes_with", format!("the dictionary has no word {word:?}")));
        }
        add("rhymes_with", Some(Box::new(move |text| sounds.rhymes(text, &word))));
    }
    Ok(())
}

fn letters(given: &Constraints, add: &mut impl FnMut(&'static str, Option<Test>)) {
    let palindrome: Test = Box::new(|text| text.chars().eq(text.chars().rev()));
    add("palindrome", given.palindrome.then_some(palindrome));
    let whole = given.anagram_of.as_deref().map(tally);
    add("anagram_of", whole.map(|whole| -> Test { Box::new(move |text| tally(text) == whole) }));
    let whole = given.partial_anagram_of.as_deref().map(tally);
    add(
        "partial_anagram_of",
        whole.map(|whole| -> Test {
            Box::new(move |text| tally(text).iter().all(|(c, n)| whole.get(c).is_some_and(|all| n <= all)))
        }),
    );
    add(
        "isogram",
        given.isogram.map(|most| -> Test { Box::new(move |text| tally(text).values().all(|n| *n <= most)) }),
    );
    let reverse = given.reverse_isogram;
    add(
        "reverse_isogram",
        reverse.map(|least| -> Test { Box::new(move |text| tally(text).values().all(|n| *n >= least)) }),
    );
}

/// How often each character occurs.
fn tally(text: &str) -> HashMap<char, usize> {
    let mut counts = HashMap::new();
    for c in text.chars() {
        *counts.entry(c).or_insert(0) += 1;
    }
    counts
}

fn stands(text: &str, place: &Place) -> bool {
    let start = text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(place.position);
    start.is_some_and(|start| text[start..].starts_with(&place.text))
}

/// Whether two strings are within `most` edits; their lengths alone may say no.
fn within(a: &str, b: &str, most: usize) -> bool {
    a.chars().count().abs_diff(b.chars().count()) <= most && strsim::levenshtein(a, b) <= most
}

fn sounds_alike(text: &str, wanted: &Codes) -> bool {
    let codes = double_metaphone(text);
    codes.iter().any(|code| wanted.iter().any(|other| code == other))
}
