//! Short answers held against each other: equal after normalisation, and the share of words in common.
//!
//! Source: the evaluation script of SQuAD 2.0, Rajpurkar et al. 2018 (P18-2124). Normalised is: small letters, without the
//! 32 punctuation marks of ASCII, without the English articles a, an and the, single spaces. Two answers without a word
//! are equal, one without a word beside one with words shares nothing (version 1.1 of the script gives both 0).

use hashbrown::HashMap;

use super::rouge::Prf;
use super::words::split_white;

/// A text as answers are compared; English articles are left out if `drop_articles`.
///
/// # Example
/// ```
/// use gristmill_core::measures::answers::normalise;
/// assert_eq!(normalise("The  Mill-wheel.", true), "millwheel");
/// ```
pub fn normalise(text: &str, drop_articles: bool) -> String {
    let kept: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    let kept = if drop_articles { without_articles(&kept) } else { kept };
    split_white(&kept).collect::<Vec<_>>().join(" ")
}

/// Articles that are words of their own become spaces; a word is a run of letters, digits and underscores.
fn without_articles(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        out.push_str(if matches!(word, "a" | "an" | "the") { " " } else { word });
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Precision, recall and F1 of the words of two normalised answers, each word as often as in the one that has it less.
pub fn token_f1(answer: &str, reference: &str) -> Prf {
    let (answer, reference): (Vec<&str>, Vec<&str>) = (split_white(answer).collect(), split_white(reference).collect());
    if answer.is_empty() || reference.is_empty() {
        let equal = f64::from(u8::from(answer.len() == reference.len()));
        return Prf { precision: equal, recall: equal, f: equal };
    }
    let mut left: HashMap<&str, u32> = HashMap::new();
    for word in &reference {
        *left.entry(word).or_insert(0) += 1;
    }
    let mut n_common = 0;
    for word in &answer {
        if let Some(n) = left.get_mut(word).filter(|n| **n > 0) {
            *n -= 1;
            n_common += 1;
        }
    }
    Prf::of_counts(n_common, reference.len(), answer.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measures::testing::unescaped;

    #[test]
    fn equals_the_script_of_squad_on_the_table() {
        let mut n_rows = 0;
        for line in include_str!("testdata/answers.tsv").lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<&str> = line.split('\t').collect();
            let (answer, reference) = (unescaped(columns[0]), unescaped(columns[1]));
            let (answer, reference) = (normalise(&answer, true), normalise(&reference, true));
            assert_eq!(u8::from(answer == reference), columns[2].parse::<u8>().unwrap(), "{line}");
            let expected: f64 = columns[3].parse().unwrap();
            assert!((token_f1(&answer, &reference).f - expected).abs() < 1e-12, "{line}");
            n_rows += 1;
        }
        assert!(n_rows >= 200, "{n_rows}");
    }

    #[test]
    fn articles_go_where_they_are_words() {
        for (text, normal) in [
            ("A man, a plan, the canal", "man plan canal"),
            ("an-other theatre", "another theatre"),
            ("\u{d6} the  \u{d6}", "\u{f6} \u{f6}"),
            ("THE", ""),
        ] {
            assert_eq!(normalise(text, true), normal, "{text}");
        }
        assert_eq!(normalise("The a", false), "the a");
    }
}
