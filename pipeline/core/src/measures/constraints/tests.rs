//! Every filter and every transform, by hand or by the tool it follows.

use std::path::Path;

use serde_json::{Value, json};

use super::metaphone::double_metaphone;
use super::*;

fn checker(given: &Value) -> Result<Checker, ParamError> {
    Checker::new(&crate::params::parse::<Constraints>(given)?)
}

fn data(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/measures/testdata").join(name).to_string_lossy().into_owned()
}

#[test]
fn each_filter_has_texts_that_pass_and_texts_that_do_not() {
    let pron = data("pronunciations.dict");
    let vectors = data("vectors.txt");
    // Pronunciations as in CMUdict; the vectors are made up so that lake is near sea (cosine 0.96) and stone is not (0).
    let cases = [
        (json!({ "none_of": ["e", "th"] }), vec!["lipogram"], vec!["these", "bath"]),
        (json!({ "not_all_of": ["b", "t"] }), vec!["bad", "tap", "x"], vec!["bat"]),
        (json!({ "all_of": ["b", "t"] }), vec!["tab"], vec!["bad"]),
        (json!({ "any_of": ["b", "t"] }), vec!["bad"], vec!["word"]),
        (
            json!({ "at": [{ "position": 1, "text": "ü" }, { "position": 0, "text": "M" }] }),
            vec!["Mühle"],
            vec!["mühle", "M"],
        ),
        (json!({ "starts_with": "mi" }), vec!["mill"], vec!["Mill", "m"]),
        (json!({ "ends_with": "ll" }), vec!["mill"], vec!["mile"]),
        (json!({ "within_edits": { "of": "mill", "most": 1 } }), vec!["mill", "milk", "mil", "mills"], vec!["malt"]),
        (json!({ "n_chars": 2 }), vec!["日本"], vec!["日", "日本語"]),
        (json!({ "more_chars_than": 2 }), vec!["abc"], vec!["ab"]),
        (json!({ "fewer_chars_than": 2 }), vec!["a", ""], vec!["ab"]),
        (json!({ "sounds_like": "knight" }), vec!["night", "nite"], vec!["knife"]),
        (
            json!({ "means_like": { "word": "sea", "least": 0.9, "vectors": vectors } }),
            vec!["lake", "Sea"],
            vec!["stone", "?"],
        ),
        (
            json!({ "n_syllables": 3, "pronunciations": pron }),
            vec!["the miller", "a fire"],
            vec!["miller", "the xyzzy", ""],
        ),
        (
            json!({ "meter": "010", "pronunciations": pron }),
            vec!["the miller", "The miller."],
            vec!["miller", "a stone"],
        ),
        (json!({ "rhymes_with": "stone", "pronunciations": pron }), vec!["the bone"], vec!["stone", "mill", "bones"]),
        (json!({ "palindrome": true }), vec!["level", ""], vec!["levels"]),
        (json!({ "anagram_of": "listen" }), vec!["silent"], vec!["silents", "listenn"]),
        (json!({ "partial_anagram_of": "listen" }), vec!["nest", ""], vec!["tests"]),
        (json!({ "isogram": 1 }), vec!["word"], vec!["letter"]),
        (json!({ "reverse_isogram": 2 }), vec!["noon"], vec!["moon"]),
    ];
    assert_eq!(cases.len(), FILTERS.len());
    for ((given, pass, fail), name) in cases.into_iter().zip(FILTERS) {
        let checker = checker(&given).unwrap();
        for text in pass {
            assert!(checker.check(text).holds(), "{name} {text:?}");
        }
        for text in fail {
            assert_eq!(checker.check(text).first_failed, Some(name), "{text:?}");
        }
    }
}

#[test]
fn transforms_are_those_of_python() {
    // By str.upper, lower, replace(' ', ''), lstrip, rstrip, strip, capitalize, and joins of isalnum, isalpha, isascii.
    let text = " aB 1é\u{1c}";
    for (name, changed) in [
        ("upper", " AB 1É\u{1c}"),
        ("lower", " ab 1é\u{1c}"),
        ("remove_spaces", "aB1é\u{1c}"),
        ("strip_start", "aB 1é\u{1c}"),
        ("strip_end", " aB 1é"),
        ("strip", "aB 1é"),
        ("capitalize", " ab 1é\u{1c}"),
        ("alphanumeric", "aB1é"),
        ("alphabetic", "aBé"),
        ("digits", "1"),
        ("ascii", " aB 1\u{1c}"),
        ("filter_blanks", text),
    ] {
        let transform: Transform = serde_json::from_value(json!(name)).unwrap();
        assert_eq!(transform.apply(text).as_deref(), Some(changed), "{name}");
    }
    assert_eq!(Transform::FilterBlanks.apply(" \n"), None);
}

#[test]
fn words_are_checked_one_by_one() {
    let given = json!({ "unit": "words", "transforms": ["lower", "alphabetic", "filter_blanks"], "none_of": ["e"] });
    let kept = checker(&given).unwrap().check("A calm Dog — 12 sees it. ");
    assert_eq!(kept, Kept { n_units: 5, n_kept: 4, first_failed: Some("none_of") });
    let nothing = checker(&json!({ "unit": "words", "n_chars": 1 })).unwrap().check("  ");
    assert!(!nothing.holds() && nothing.n_units == 0);
}

#[test]
fn what_cannot_be_checked_is_refused_where_it_stands() {
    for (given, path) in [
        (json!({ "meter": "01" }), vec!["meter"]),
        (json!({ "meter": "1x", "pronunciations": data("pronunciations.dict") }), vec!["meter"]),
        (json!({ "n_syllables": 1, "pronunciations": "no/such/file" }), vec!["pronunciations"]),
        (json!({ "rhymes_with": "xyzzy", "pronunciations": data("pronunciations.dict") }), vec!["rhymes_with"]),
        (
            json!({ "means_like": { "word": "x", "least": 0, "vectors": data("vectors.txt") } }),
            vec!["means_like", "word"],
        ),
        (json!({ "sounds_like": "12" }), vec!["sounds_like"]),
        (json!({ "transforms": ["reverse"] }), vec!["transforms", "[0]"]),
        (json!({ "starts_wiht": "a" }), vec!["starts_wiht"]),
    ] {
        let error = checker(&given).err().unwrap();
        assert_eq!(error.path, path, "{error}");
    }
}

#[test]
fn codes_are_those_of_double_metaphone() {
    let mut n_rows = 0;
    for line in include_str!("../testdata/metaphone.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let word = columns.next().unwrap();
        let codes: Vec<&str> = columns.filter(|code| !code.is_empty()).collect();
        assert_eq!(double_metaphone(word), codes, "{word}");
        n_rows += 1;
    }
    assert!(n_rows >= 500, "{n_rows}");
    // By hand, where the package of the table differs: the b of -mb, no code carried on, the word's end.
    for (word, codes) in [
        ("dumb", vec!["TM"]),
        ("ugh", vec!["AK"]),
        ("Rogier", vec!["RJ", "RJR"]),
        ("haj", vec!["HJ", "H"]),
        ("jose", vec!["HS"]),
    ] {
        assert_eq!(double_metaphone(word), codes, "{word}");
    }
    assert!(double_metaphone("").is_empty() && double_metaphone("日本 1").is_empty());
}
