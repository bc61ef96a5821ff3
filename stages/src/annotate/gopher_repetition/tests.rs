//! Golden values of each dialect, and edges.

use gristmill_core::annotator::Annotator;
use serde_json::json;

use super::super::tests::{Measured, measure, ratio};
use super::build;

const T: &str = "alpha beta gamma delta epsilon alpha beta gamma delta epsilon zeta";

fn dialect(name: &str) -> Box<dyn Annotator> {
    build(&json!({"dialect": name})).unwrap()
}

fn check(text: &str, measure: &str, expected: &[(&str, f64)]) {
    for (name, value) in expected {
        assert_eq!(ratio(&*dialect(name), text, measure), *value, "{name} {measure} of {text:?}");
    }
}

#[test]
fn golden_values_of_n_grams() {
    // The formulas of the tools, worked out by hand: T has 66 characters, 56 of them in words.
    check(T, "dup_5_gram_char_ratio", &[("datatrove", 0.3939), ("dolma", 0.2873), ("dclm", 0.9286), ("nemo", 0.4545)]);
    check(T, "top_2_gram_char_ratio", &[("datatrove", 0.3030), ("dolma", 0.3214), ("dclm", 0.4286), ("nemo", 0.3030)]);
    check(T, "dup_6_gram_char_ratio", &[("datatrove", 0.0), ("dolma", 0.0), ("dclm", 0.0), ("nemo", 0.0)]);
}

#[test]
fn a_top_n_gram_may_overlap_itself() {
    // As above: "a a" three times of 5 letters; with spaces 9 of 9 characters; deleting it twice removes 6 of 9.
    check("a a a a b", "top_2_gram_char_ratio", &[("datatrove", 1.0), ("dolma", 1.2), ("dclm", 1.2), ("nemo", 0.6667)]);
}

#[test]
fn golden_values_of_lines() {
    // Hand calculation: of x, dup, dup, dup, y two are repetitions and three are repeated.
    let text = "x\ndup\ndup\ndup\ny";
    check(text, "dup_line_ratio", &[("datatrove", 0.4), ("dolma", 0.6), ("dclm", 0.6), ("nemo", 0.4)]);
    // In characters: of 15 with the newlines, of 11 without them.
    check(text, "dup_line_char_ratio", &[("datatrove", 0.4), ("dolma", 0.8182), ("dclm", 0.8182), ("nemo", 0.5455)]);
    check("x\n\n\ndup\n\ndup", "dup_paragraph_ratio", &[("datatrove", 0.3333), ("dolma", 0.0), ("dclm", 0.6667)]);
    check("one line", "dup_line_ratio", &[("datatrove", 0.0), ("dolma", 0.0), ("dclm", 0.0), ("nemo", 0.0)]);
}

#[test]
fn a_scan_jumps_over_what_it_counts() {
    // Hand calculation: nine words "a"; the scan remembers the first 5-gram, counts the second and is at the end.
    check("a a a a a a a a a", "dup_5_gram_char_ratio", &[("datatrove", 0.2941), ("dolma", 1.0), ("dclm", 1.0)]);
    // NeMo Curator: the second occurrence covers five words and four spaces, each of three more a word and a space.
    check("a a a a a a a a a", "dup_5_gram_char_ratio", &[("nemo", 0.8824)]);
}

#[test]
fn the_most_frequent_of_equals_is_the_first_or_the_longest() {
    // Hand calculation: "b c" and "ddd ee" occur twice each in 26 characters, 18 of them in words.
    let text = "b c x ddd ee y b c z ddd ee";
    check(text, "top_2_gram_char_ratio", &[("datatrove", 0.2222), ("dolma", 0.2353), ("dclm", 0.5882)]);
}

#[test]
fn short_and_empty_texts() {
    // datatrove has no n-gram to look at, and a single word or line repeats nothing; NeMo Curator scores 1.
    for text in ["", "word", "é"] {
        let values = measure(&*dialect("datatrove"), text);
        assert!(values[1..].iter().all(|value| *value == Measured::Float(0.0)), "{text:?}: {values:?}");
    }
    // Its lines of a newline are two empty ones.
    check("\n", "dup_line_ratio", &[("datatrove", 0.5), ("dolma", 1.0)]);
    check("two words", "top_2_gram_char_ratio", &[("datatrove", 1.0), ("dolma", 1.0), ("dclm", 0.0), ("nemo", 1.0)]);
    check("two words", "dup_5_gram_char_ratio", &[("datatrove", 0.0), ("dolma", 0.0), ("dclm", 0.0), ("nemo", 1.0)]);
    // DCLM drops a text of white space alone without measuring it.
    assert_eq!(measure(&*dialect("dclm"), " \n ")[1], Measured::Null);
}

#[test]
fn counts_characters_not_bytes() {
    // Hand calculation: "éé éé éé": the 2-gram of 5 characters occurs twice in 8.
    check("éé éé éé", "top_2_gram_char_ratio", &[("datatrove", 1.25)]);
    check("é\né\né", "dup_line_char_ratio", &[("datatrove", 0.4)]);
}
