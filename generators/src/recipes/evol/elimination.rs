//! What ends an evolution: the released method's four signs, each a rule of its own.

use serde::Deserialize;

/// Signs of evolutions that failed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Elimination {
    /// Expressions of the prompt that show in a task when it was copied.
    pub(super) prompt_words: Vec<String>,
    /// Words of a refusal.
    pub(super) refusal_words: Vec<String>,
    /// Answers with such a word and fewer words than this are refusals; the paper's is 80.
    pub(super) refusal_max_words: usize,
    /// Words that say nothing: an answer of these alone is none.
    pub(super) stop_words: Vec<String>,
}

/// English words without content, of our own choice.
const STOP_WORDS: &str = "a about after all also am an and any are as at be because been but by can could did do does for \
    from had has have he her here him his how i if in into is it its just me more my no not of on one or other our out \
    please she so some such than that the their them then there these they this to too up us very was we well were what \
    when which who will with would yes you your";

impl Default for Elimination {
    fn default() -> Self {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            prompt_words: list(&[
                "given prompt",
                "rewritten prompt",
                "created prompt",
                "given task",
                "rewritten task",
                "the new task",
            ]),
            refusal_words: list(&["sorry"]),
            refusal_max_words: 80,
            stop_words: STOP_WORDS.split_whitespace().map(str::to_owned).collect(),
        }
    }
}

impl Elimination {
    /// The expression of the prompt that an evolved task holds and the task it came from does not.
    pub(super) fn copied_words(&self, task: &str, evolved: &str) -> Option<&str> {
        let (task, evolved) = (task.to_lowercase(), evolved.to_lowercase());
        let copied = |words: &&String| {
            let words = words.to_lowercase();
            evolved.contains(&words) && !task.contains(&words)
        };
        self.prompt_words.iter().find(copied).map(String::as_str)
    }

    /// Whether a short answer says sorry or the like.
    pub(super) fn is_refusal(&self, answer: &str) -> bool {
        let short = answer.split_whitespace().count() < self.refusal_max_words;
        let answer = answer.to_lowercase();
        short && self.refusal_words.iter().any(|word| answer.contains(&word.to_lowercase()))
    }

    /// Whether an answer has a word that says something.
    pub(super) fn has_content(&self, answer: &str) -> bool {
        let lower = answer.to_lowercase();
        let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.any(|word| !self.stop_words.iter().any(|stop| stop == word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_signs() {
        let rules = Elimination::default();
        assert_eq!(rules.copied_words("Sort.", "Sort, as the Given Task says."), Some("given task"));
        assert_eq!(rules.copied_words("Explain a given task.", "Explain a given task in two lines."), None);
        assert!(rules.is_refusal("I am sorry, but I cannot."));
        assert!(!rules.is_refusal(&format!("Sorry seems to be {}", "the word ".repeat(40))));
        assert!(!rules.has_content("It is, and so are you.") && !rules.has_content("…!"));
        assert!(rules.has_content("It is blue.") && rules.has_content("藍"));
    }
}
