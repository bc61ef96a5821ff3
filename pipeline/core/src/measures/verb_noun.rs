//! The root verb of an instruction and the object it acts on: "Write a short poem" is (write, poem).
//!
//! How diverse instructions are is told by these pairs. A parser would find them in half to two thirds of instructions;
//! this looks words up, needs no model, and says by `None` where it cannot tell, so that coverage can be printed.
//!
//! Source: the pairs are those of Self-Instruct (Wang et al. 2023, figure 2), found there with the Berkeley parser. Ours:
//! the first sentence without polite openings; its first word must be a verb of the list; the object is the last word
//! of the first run of words that can stand in a noun phrase, within 8 words, before a preposition or a clause.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Verbs that instructions begin with, written for this project.
const VERBS: &str = include_str!("data/instruction_verbs.txt");

/// Openings that are passed over.
const OPENINGS: &[&str] = &[
    "please", "can", "could", "would", "you", "kindly", "now", "then", "i", "want", "need", "to", "your", "task", "is",
];

/// Words that may stand before a noun within its phrase and are not it.
const DETERMINERS: &[&str] = &[
    "a",
    "an",
    "the",
    "this",
    "that",
    "these",
    "those",
    "some",
    "any",
    "each",
    "every",
    "all",
    "my",
    "your",
    "his",
    "her",
    "its",
    "our",
    "their",
    "me",
    "us",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "several",
    "few",
    "many",
    "more",
    "most",
    "another",
    "other",
    "following",
    "given",
    "new",
    "whether",
    "if",
    "how",
    "what",
    "which",
    "both",
];

/// Words that end the object's phrase.
const ENDS: &[&str] = &[
    "of",
    "in",
    "on",
    "at",
    "for",
    "from",
    "with",
    "by",
    "about",
    "into",
    "to",
    "as",
    "that",
    "which",
    "who",
    "whose",
    "where",
    "when",
    "using",
    "based",
    "and",
    "or",
    "between",
    "without",
    "so",
    "is",
    "are",
    "was",
    "were",
    "than",
    "after",
    "before",
    "during",
    "under",
    "over",
    "through",
    "describing",
    "containing",
    "explaining",
    "given",
];

/// How far the object may be from the verb, in words.
const REACH: usize = 8;

/// The verb and the object of an instruction, in small letters; none where the list does not know the verb, or no object
/// follows.
///
/// # Example
/// ```
/// use gristmill_core::measures::verb_noun::verb_noun;
/// let pair = verb_noun("Please write a short poem about the sea.");
/// assert_eq!(pair, Some(("write".into(), "poem".into())));
/// assert_eq!(verb_noun("Is it raining?"), None);
/// ```
pub fn verb_noun(instruction: &str) -> Option<(String, String)> {
    static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| VERBS.split_whitespace().collect());
    let end = instruction.find(['.', '?', '!', ':', '\n', ';']).unwrap_or(instruction.len());
    let lower = instruction[..end].to_lowercase();
    // A comma ends a phrase; it is kept as a word of its own.
    let spaced = lower.replace(',', " , ");
    let mut words = spaced
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != ','))
        .filter(|word| !word.is_empty())
        .skip_while(|word| OPENINGS.contains(word));
    let verb = words.next().filter(|word| KNOWN.contains(word))?;
    let mut object = None;
    for word in words.take(REACH) {
        if DETERMINERS.contains(&word) && object.is_none() {
            continue;
        }
        if word == "," || ENDS.contains(&word) || DETERMINERS.contains(&word) {
            if object.is_some() {
                break;
            }
            continue;
        }
        if word.chars().any(char::is_alphabetic) {
            object = Some(word);
        }
    }
    Some((verb.to_owned(), object?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_common_instructions() {
        let told = |text: &str| verb_noun(text).map(|(verb, noun)| format!("{verb} {noun}"));
        for (text, pair) in [
            ("Write a short story about a miller.", Some("write story")),
            ("Could you please translate the following sentence into French?", Some("translate sentence")),
            ("Classify each of the reviews as positive or negative.", Some("classify reviews")),
            ("Given the context, predict the outcome.", None),
            ("Explain how a water mill works", Some("explain works")),
            ("List three healthy breakfast foods, and why.", Some("list foods")),
            ("What is the capital of France?", None),
            ("", None),
            ("Write", None),
        ] {
            assert_eq!(told(text).as_deref(), pair, "{text}");
        }
    }
}
