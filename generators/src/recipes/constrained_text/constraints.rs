//! Constraints on a text: how they are told to a model, checked, and pushed down to a server as a regular expression.

use std::path::Path;

use gristmill_core::measures::constraints::{self as units, Checker};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a text must keep to; what is not given asks for nothing. Letters and words count in any case.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Constraints {
    /// None of these letters.
    without_letters: String,
    /// Each of these letters.
    with_letters: String,
    /// None of these words or phrases.
    without_words: Vec<String>,
    /// Each of these words or phrases.
    with_words: Vec<String>,
    /// Least and most characters.
    chars: Option<[usize; 2]>,
    /// Least and most words between white space.
    words: Option<[usize; 2]>,
    /// How it starts, exactly.
    starts_with: Option<String>,
    /// How it ends, exactly.
    ends_with: Option<String>,
    /// A regular expression that matches it as a whole.
    pattern: Option<String>,
    /// Constraints of the measure `constraints`, with the words that tell the model.
    checks: Vec<Check>,
}

/// A constraint on a text or on each of its words.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    /// The constraint as a sentence.
    say: String,
    /// The constraint.
    that: units::Constraints,
}

/// Rules, in the order they are checked.
pub(super) const RULES: &[&str] = &[
    "has_text",
    "without_letters",
    "with_letters",
    "without_words",
    "with_words",
    "chars_in_range",
    "words_in_range",
    "starts_as_asked",
    "ends_as_asked",
    "matches_pattern",
    "checks_hold",
];

/// Most characters counted by a pushed-down expression: servers build an automaton with as many states.
const MOST_COUNTED: usize = 1_000;

impl Constraints {
    /// The files that its checks need.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.checks.iter().flat_map(|check| check.that.files())
    }

    /// The constraints in words, one sentence each.
    pub(super) fn sentences(&self) -> Vec<String> {
        let letters = |letters: &str| letters.chars().map(String::from).collect::<Vec<_>>().join(", ");
        let quoted = |words: &[String]| words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        let range = |[least, most]: &[usize; 2]| format!("{least} to {most}");
        let mut sentences = Vec::new();
        let mut say = |holds: bool, sentence: String| sentences.extend(holds.then_some(sentence));
        let given = |text: &Option<String>| text.clone().unwrap_or_default();
        say(
            !self.without_letters.is_empty(),
            format!("Use none of these letters: {}.", letters(&self.without_letters)),
        );
        say(!self.with_letters.is_empty(), format!("Use each of these letters: {}.", letters(&self.with_letters)));
        say(!self.without_words.is_empty(), format!("Use none of these words: {}.", quoted(&self.without_words)));
        say(!self.with_words.is_empty(), format!("Use each of these words: {}.", quoted(&self.with_words)));
        say(self.chars.is_some(), format!("Write {} characters.", range(&self.chars.unwrap_or_default())));
        say(self.words.is_some(), format!("Write {} words.", range(&self.words.unwrap_or_default())));
        say(self.starts_with.is_some(), format!("Start with \"{}\".", given(&self.starts_with)));
        say(self.ends_with.is_some(), format!("End with \"{}\".", given(&self.ends_with)));
        say(self.pattern.is_some(), format!("The text must match this regular expression: {}", given(&self.pattern)));
        sentences.extend(self.checks.iter().map(|check| check.say.clone()));
        sentences
    }

    /// A regular expression that whole texts of one line match, as far as the constraints can be said in one that every
    /// server takes: the pattern if there is one, else start, end, forbidden letters and number of characters.
    pub(super) fn regex(&self) -> Option<String> {
        if self.pattern.is_some() {
            return self.pattern.clone();
        }
        if self.without_letters.is_empty()
            && self.chars.is_none()
            && self.starts_with.is_none()
            && self.ends_with.is_none()
        {
            return None;
        }
        let (start, end) = (self.starts_with.as_deref().unwrap_or(""), self.ends_with.as_deref().unwrap_or(""));
        let fixed = start.chars().count() + end.chars().count();
        let mut forbidden: Vec<char> = Vec::new();
        for c in self.without_letters.chars().flat_map(|c| c.to_lowercase().chain(c.to_uppercase())) {
            if !forbidden.contains(&c) {
                forbidden.push(c);
            }
        }
        let forbidden: String = forbidden.into_iter().map(|c| regex::escape(&c.to_string())).collect();
        let times = match self.chars.map(|[least, most]| [least.saturating_sub(fixed), most.saturating_sub(fixed)]) {
            Some([least, most]) if most <= MOST_COUNTED => format!("{{{least},{most}}}"),
            _ => "*".to_owned(),
        };
        Some(format!("{}[^{forbidden}\\n]{times}{}", regex::escape(start), regex::escape(end)))
    }
}

/// Constraints, ready to check.
pub(super) struct Validator {
    given: Constraints,
    without_letters: Vec<char>,
    with_letters: Vec<char>,
    without_words: Vec<(String, Regex)>,
    with_words: Vec<(String, Regex)>,
    pattern: Option<Regex>,
    checks: Vec<Checker>,
}

impl Validator {
    /// Compiles the constraints.
    ///
    /// # Errors
    /// A sentence: nothing is asked for, a range is empty, a pattern is none, or what is asked for is forbidden as well.
    pub(super) fn new(given: &Constraints) -> Result<Self, String> {
        if given.sentences().is_empty() {
            return Err("expected at least one constraint".to_owned());
        }
        if [given.chars, given.words].into_iter().flatten().any(|[least, most]| least > most) {
            return Err("expected [least, most] with least not above most".to_owned());
        }
        let pattern = match &given.pattern {
            None => None,
            Some(pattern) => Some(Regex::new(&format!(r"\A(?:{pattern})\z")).map_err(|e| format!("pattern: {e}"))?),
        };
        let checker = |check: &Check| match Checker::new(&check.that) {
            Ok(checker) if checker.n_filters() > 0 => Ok(checker),
            Ok(_) => Err(format!("check {:?}: expected at least one constraint in `that`", check.say)),
            Err(error) => Err(format!("check {:?}: {}: {error}", check.say, error.path.join("."))),
        };
        let validator = Self {
            checks: given.checks.iter().map(checker).collect::<Result<_, _>>()?,
            without_letters: lower(&given.without_letters),
            with_letters: lower(&given.with_letters),
            without_words: words(&given.without_words)?,
            with_words: words(&given.with_words)?,
            pattern,
            given: given.clone(),
        };
        let asked = [&given.starts_with, &given.ends_with].into_iter().flatten().map(String::as_str);
        let asked = asked.chain([given.with_letters.as_str()]).chain(given.with_words.iter().map(String::as_str));
        for asked in asked {
            if let Some(letter) = validator.forbidden_letter(asked) {
                return Err(format!("{asked:?} is asked for, but its letter {letter:?} is forbidden"));
            }
        }
        Ok(validator)
    }

    fn forbidden_letter(&self, text: &str) -> Option<char> {
        text.chars().flat_map(char::to_lowercase).find(|c| self.without_letters.contains(c))
    }

    /// The first rule a text fails, with what shows it. A text without characters fails always.
    pub(super) fn first_violated(&self, text: &str) -> Option<(&'static str, Value)> {
        let outside = |n: usize, range: Option<[usize; 2]>| range.is_some_and(|[least, most]| n < least || n > most);
        let found = |words: &[(String, Regex)], wanted: bool| {
            words.iter().find(|(_, regex)| regex.is_match(text) == wanted).map(|(word, _)| word.clone())
        };
        let missing_letter = || {
            let mut missing = self.with_letters.clone();
            missing.retain(|wanted| !text.chars().flat_map(char::to_lowercase).any(|c| c == *wanted));
            missing.first().copied()
        };
        if text.is_empty() {
            return Some(("has_text", json!({})));
        }
        if let Some(letter) = self.forbidden_letter(text) {
            return Some(("without_letters", json!({ "letter": letter })));
        }
        if let Some(letter) = missing_letter() {
            return Some(("with_letters", json!({ "letter": letter })));
        }
        if let Some(word) = found(&self.without_words, true) {
            return Some(("without_words", json!({ "word": word })));
        }
        if let Some(word) = found(&self.with_words, false) {
            return Some(("with_words", json!({ "word": word })));
        }
        let (chars, words) = (text.chars().count(), text.split_whitespace().count());
        if outside(chars, self.given.chars) {
            return Some(("chars_in_range", json!({ "chars": chars })));
        }
        if outside(words, self.given.words) {
            return Some(("words_in_range", json!({ "words": words })));
        }
        if self.given.starts_with.as_deref().is_some_and(|start| !text.starts_with(start)) {
            return Some(("starts_as_asked", json!({})));
        }
        if self.given.ends_with.as_deref().is_some_and(|end| !text.ends_with(end)) {
            return Some(("ends_as_asked", json!({})));
        }
        if self.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(text)) {
            return Some(("matches_pattern", json!({})));
        }
        let failed = self.checks.iter().zip(&self.given.checks).find_map(|(checker, check)| {
            let kept = checker.check(text);
            (!kept.holds()).then(|| json!({ "check": check.say, "constraint": kept.first_failed }))
        });
        failed.map(|evidence| ("checks_hold", evidence))
    }
}

fn lower(letters: &str) -> Vec<char> {
    letters.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// Words as expressions: at word boundaries where the word itself begins or ends with a letter or digit.
fn words(words: &[String]) -> Result<Vec<(String, Regex)>, String> {
    let compile = |word: &String| {
        let edge = |c: Option<char>| if c.is_some_and(char::is_alphanumeric) { r"\b" } else { "" };
        let (before, after) = (edge(word.chars().next()), edge(word.chars().next_back()));
        let regex =
            RegexBuilder::new(&format!("{before}{}{after}", regex::escape(word))).case_insensitive(true).build();
        regex.map(|regex| (word.clone(), regex)).map_err(|e| e.to_string())
    };
    words.iter().map(compile).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constraints(json: Value) -> Constraints {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn each_constraint_is_checked() {
        let cases = [
            (json!({ "without_letters": "e" }), "A calm dog", "The dog", "without_letters"),
            (json!({ "with_letters": "xY" }), "Xylem", "box", "with_letters"),
            (json!({ "without_words": ["cat"] }), "a category", "a Cat.", "without_words"),
            (json!({ "with_words": ["cat"] }), "CAT!", "category", "with_words"),
            (json!({ "chars": [2, 3] }), "日本", "日", "chars_in_range"),
            (json!({ "words": [2, 2] }), "two words", "one", "words_in_range"),
            (json!({ "starts_with": "So", "ends_with": "." }), "So it is.", "so it is.", "starts_as_asked"),
            (json!({ "ends_with": "." }), "It is.", "It is", "ends_as_asked"),
            (json!({ "pattern": "a|b+" }), "bbb", "ab", "matches_pattern"),
            (
                json!({ "checks": [{ "say": "Short words.", "that": { "unit": "words", "fewer_chars_than": 4 } }] }),
                "a dog",
                "a calm dog",
                "checks_hold",
            ),
        ];
        for (given, good, bad, rule) in cases {
            let validator = Validator::new(&constraints(given)).unwrap();
            assert_eq!(validator.first_violated(good), None, "{good}");
            assert_eq!(validator.first_violated(bad).map(|(rule, _)| rule), Some(rule), "{bad}");
            assert_eq!(validator.first_violated("").map(|(rule, _)| rule), Some("has_text"));
        }
    }

    #[test]
    fn what_is_pushed_down_makes_texts_that_pass() {
        let given =
            constraints(json!({ "without_letters": "e", "chars": [5, 8], "starts_with": "A.", "ends_with": "!" }));
        let pushed = given.regex().unwrap();
        assert_eq!(pushed, r"A\.[^eE\n]{2,5}!");
        let (regex, validator) = (Regex::new(&format!("^(?:{pushed})$")).unwrap(), Validator::new(&given).unwrap());
        for text in ["A.bc!", "A.b c d!", "A.bEd!", "A.b!", "A.bcdefg!"] {
            assert_eq!(regex.is_match(text), validator.first_violated(text).is_none(), "{text}");
        }
        assert_eq!(constraints(json!({ "with_words": ["a"] })).regex(), None);
    }

    #[test]
    fn contradictions_and_empty_constraints_are_refused() {
        for given in [json!({}), json!({ "without_letters": "e", "with_words": ["tree"] }), json!({ "chars": [3, 2] })]
        {
            assert!(Validator::new(&constraints(given)).is_err());
        }
    }
}
