//! Names and numbers of a text that another text does not hold: what an answer adds to what it was given.
//!
//! Nan et al. 2021 (arXiv:2102.09130) measure the precision of a summary's named entities against its source. Here capitals
//! stand for a tagger of entities: a name is a word with a capital that opens no sentence and is no word of grammar; a number
//! is a word with a digit that is no mark of a list. So common nouns of German are names, and names of uncased scripts none.

use crate::artifact::lexicon;
use hashbrown::HashSet;
use std::sync::LazyLock;
use unicode_segmentation::UnicodeSegmentation;

static GRAMMAR: LazyLock<HashSet<&'static str>> = LazyLock::new(|| lexicon::words("function").collect());

/// A word as it is compared: in lower case, without a possessive ending, numbers without their commas.
fn plain(word: &str) -> String {
    let word = word.replace('’', "'");
    let word = word.strip_suffix("'s").unwrap_or(&word);
    if word.starts_with(|c: char| c.is_ascii_digit()) { word.replace(',', "") } else { word.to_lowercase() }
}

/// Names and numbers, in their order.
pub fn names(text: &str) -> Vec<String> {
    let (mut opens_sentence, mut opens_line) = (true, true);
    let mut names = Vec::new();
    for token in text.split_word_bounds() {
        if token.contains('\n') {
            (opens_sentence, opens_line) = (true, true);
        } else if token.chars().all(char::is_whitespace) {
        } else if let Some(first) = token.chars().next().filter(|c| c.is_alphanumeric()) {
            let is_name = !opens_sentence && first.is_uppercase() && token.chars().nth(1).is_some();
            if (is_name && !GRAMMAR.contains(token.to_lowercase().replace('’', "'").as_str()))
                || (!opens_line && first.is_numeric())
            {
                names.push(plain(token));
            }
            (opens_sentence, opens_line) = (false, false);
        } else if matches!(token, "." | "!" | "?" | "…" | ":" | "•") {
            opens_sentence = true;
        }
    }
    names
}

/// The names and numbers of a text that no word of the sources is, and how many names and numbers it has.
pub fn novel_names(text: &str, sources: [&str; 2]) -> (Vec<String>, usize) {
    let names = names(text);
    let n = names.len();
    if n == 0 {
        return (names, n);
    }
    let known: HashSet<String> = sources.iter().flat_map(|source| source.unicode_words()).map(plain).collect();
    (names.into_iter().filter(|name| !known.contains(name)).collect(), n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_with_a_capital_amid_a_sentence() {
        assert_eq!(
            names("Yesterday Ann met Bob's aunt in New York. She paid 1,200 euros."),
            ["ann", "bob", "new", "york", "1200"]
        );
        // Lists, titles and words of grammar have capitals of their own.
        assert_eq!(names("1. Apples\n2. Pears\n- Plums: Ripe ones, And I'M sure"), Vec::<String>::new());
        // Whichever apostrophe the writer has.
        assert_eq!(names("He said I’m late and I’ve left O’Neil"), ["o'neil"]);
        assert_eq!(names(""), Vec::<String>::new());
    }

    #[test]
    fn novel_is_what_no_source_holds() {
        let text = "In 1999 the firm of Ann Lee moved to Rome.";
        let (novel, n) = novel_names(text, ["When did Lee move?", "Ann Lee's firm moved in 1998."]);
        assert_eq!((novel, n), (vec!["1999".to_owned(), "rome".to_owned()], 4));
        assert_eq!(novel_names("nothing here", ["", ""]), (vec![], 0));
    }
}
