//! Candidate instructions: cut out of a reply, and held against the rules in their order.
//!
//! Source: Self-Instruct, Wang et al. 2023, arXiv:2212.10560, section 2.2 and the released `bootstrap_instructions.py`;
//! Ensemble-Instruct, Lee et al. 2023, arXiv:2310.13961, and its `gen_instructions.py`, which capitalises nothing and
//! keeps unfinished replies. We differ in one default: an instruction may begin with a letter of any script.

use std::sync::LazyLock;

use gristmill_lm::Finish;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use super::python_text::{PUNCTUATION, capitalize, level};

/// Which instructions are usable.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InstructionRules {
    /// Fewest words; the released code drops up to 3.
    pub min_words: usize,
    /// Most words; the released code drops above 150.
    pub max_words: usize,
    /// Words of tasks that a text model cannot do, whatever their case, as whole words.
    pub unsuitable_words: Vec<String>,
    /// Beginnings of tasks that are not wanted; the released code drops "Write a program", which models overuse.
    pub unwanted_starts: Vec<String>,
    /// Whether the first character must be ASCII. The released code asks for it; it drops every other script.
    pub ascii_start: bool,
    /// Whether all but the first letter become lower case, as the released Self-Instruct does.
    pub capitalize: bool,
    /// Whether a reply that was cut at its longest is dropped as a whole.
    pub drop_unfinished: bool,
    /// A text that ends each instruction in the prompt, and is taken off; Ensemble-Instruct's `|EoS|`.
    pub end_mark: String,
}

impl Default for InstructionRules {
    fn default() -> Self {
        let words = [
            "image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps", "draw",
            "plot", "go to",
        ];
        Self {
            min_words: 4,
            max_words: 150,
            unsuitable_words: words.map(str::to_owned).to_vec(),
            unwanted_starts: vec!["Write a program".to_owned()],
            ascii_start: false,
            capitalize: false,
            drop_unfinished: true,
            end_mark: String::new(),
        }
    }
}

/// Names of the rules, in their order.
pub const RULES: &[&str] = &[
    "reply_finished",
    "reply_has_instructions",
    "enough_words",
    "not_too_many_words",
    "task_for_a_text_model",
    "wanted_task",
    "starts_with_no_punctuation",
    "starts_in_ascii",
    "novel",
];

/// An instruction cut out of a reply, and the rule it fails, if any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The instruction.
    pub text: String,
    /// The first rule it fails.
    pub fails: Option<&'static str>,
}

/// The rules, ready to use.
#[derive(Debug, Clone)]
pub struct Candidates {
    rules: InstructionRules,
    unsuitable: Option<Regex>,
}

impl Candidates {
    /// Compiles the rules.
    pub fn new(rules: InstructionRules) -> Self {
        let words: Vec<String> = rules.unsuitable_words.iter().map(|word| regex::escape(word)).collect();
        let pattern = format!(r"\b(?:{})\b", words.join("|"));
        let unsuitable =
            (!words.is_empty()).then(|| RegexBuilder::new(&pattern).case_insensitive(true).build().ok()).flatten();
        Self { rules, unsuitable }
    }

    /// The candidates of a reply that continues a numbered list, in order.
    pub fn of_reply(&self, reply: &str, finish: Finish) -> Vec<Candidate> {
        static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\n\d+\s?\. ").ok());
        if self.rules.drop_unfinished && finish == Finish::Length {
            return vec![Candidate { text: level(reply), fails: Some("reply_finished") }];
        }
        let pieces: Vec<&str> = match NUMBER.as_ref() {
            Some(number) => number.split(reply).collect(),
            None => vec![reply],
        };
        let mut found: Vec<Candidate> = pieces.into_iter().filter_map(|piece| self.of_piece(piece)).collect();
        if found.is_empty() {
            found.push(Candidate { text: level(reply), fails: Some("reply_has_instructions") });
        }
        found
    }

    fn of_piece(&self, piece: &str) -> Option<Candidate> {
        let mut text = level(piece);
        if self.rules.capitalize {
            text = capitalize(&text);
        }
        if text.is_empty() {
            return None;
        }
        let fails = self.fault(&text);
        Some(Candidate { text, fails })
    }

    /// The first rule an instruction fails.
    pub(crate) fn fault(&self, text: &str) -> Option<&'static str> {
        let rules = &self.rules;
        let n_words = text.split_whitespace().count();
        let first = text.chars().next();
        if n_words < rules.min_words {
            Some("enough_words")
        } else if n_words > rules.max_words {
            Some("not_too_many_words")
        } else if self.unsuitable.as_ref().is_some_and(|words| words.is_match(text)) {
            Some("task_for_a_text_model")
        } else if rules.unwanted_starts.iter().any(|start| text.starts_with(start.as_str())) {
            Some("wanted_task")
        } else if first.is_some_and(|c| PUNCTUATION.contains(c)) {
            Some("starts_with_no_punctuation")
        } else if rules.ascii_start && first.is_some_and(|c| !c.is_ascii()) {
            Some("starts_in_ascii")
        } else {
            None
        }
    }

    /// The instruction without its end mark.
    pub fn without_mark<'a>(&self, text: &'a str) -> &'a str {
        let mark = self.rules.end_mark.as_str();
        if mark.is_empty() { text } else { text.trim_end().strip_suffix(mark).unwrap_or(text).trim_end() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(rules: InstructionRules, reply: &str) -> Vec<(String, Option<&'static str>)> {
        let found = Candidates::new(rules).of_reply(reply, Finish::Stop);
        found.into_iter().map(|candidate| (candidate.text, candidate.fails)).collect()
    }

    #[test]
    fn a_reply_is_cut_at_its_numbers_and_each_piece_meets_the_rules_in_order() {
        let reply = " Name  three rivers in Asia.\n10. Sort it\n11 . Draw a cat on the wall\n12. Write a program that \
                     adds numbers\n13. *Bold* tasks are not wanted here\n14. Übersetze den Satz ins Englische";
        let found = fails(InstructionRules::default(), reply);
        let expected = [
            ("Name three rivers in Asia.", None),
            ("Sort it", Some("enough_words")),
            ("Draw a cat on the wall", Some("task_for_a_text_model")),
            ("Write a program that adds numbers", Some("wanted_task")),
            ("*Bold* tasks are not wanted here", Some("starts_with_no_punctuation")),
            ("Übersetze den Satz ins Englische", None),
        ];
        assert_eq!(found, expected.map(|(text, fails)| (text.to_owned(), fails)));
        let released = InstructionRules { ascii_start: true, capitalize: true, ..InstructionRules::default() };
        let found = fails(released, "übersetze DEN Satz ins Englische");
        assert_eq!(found, [("Übersetze den satz ins englische".to_owned(), Some("starts_in_ascii"))]);
    }

    #[test]
    fn an_unfinished_reply_is_dropped_as_a_whole() {
        let candidates = Candidates::new(InstructionRules::default());
        let found = candidates.of_reply(" Name three rivers in Asia.\n10. Name thr", Finish::Length);
        assert_eq!(found[0].fails, Some("reply_finished"));
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_mark_is_part_of_what_is_compared_and_taken_off_after() {
        let rules = InstructionRules { end_mark: "|EoS|".into(), ..InstructionRules::default() };
        let candidates = Candidates::new(rules);
        assert_eq!(candidates.without_mark("Name three rivers. |EoS|"), "Name three rivers.");
        assert_eq!(candidates.without_mark("Name three rivers."), "Name three rivers.");
    }
}
