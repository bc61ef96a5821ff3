//! What strangers write is shown as text and breaks nothing.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::markup;
use super::{AUDIT, RUN, each_leaf, page_of_audit, page_of_run};

/// Markup, quotes, entities, a null, escapes of a terminal, marks that turn the direction around, a lone joiner.
const HOSTILE: &str = "</bdi></style></title><script>alert(1)</script><img src=x onerror=alert(1)>\"'`--><!--&lt;\0\u{1b}[31m\u{202e}\u{2066}\u{200f}\u{feff}\u{ffff}]]>";

/// Enums are names that a config of ours never takes from data; everything else may hold anything.
fn is_name_of_ours(path: &[String]) -> bool {
    let last = path.last().map_or("", String::as_str);
    matches!(last, "unit" | "level" | "direction" | "scale")
        || last == "kind" && matches!(path[path.len() - 2].as_str(), "warnings" | "plots")
}

/// The made-up model with every text replaced.
fn filled<T: DeserializeOwned>(json: &str, text: &str) -> T {
    let mut value: Value = serde_json::from_str(json).unwrap();
    each_leaf(&mut value, &mut Vec::new(), &mut |path, leaf| {
        if leaf.is_string() && !is_name_of_ours(path) {
            *leaf = json!(text);
        }
    });
    serde_json::from_value(value).unwrap()
}

/// A text of the same length and the same words without anything special in it.
fn harmless() -> String {
    HOSTILE.chars().map(|c| if c.is_whitespace() { c } else { 'x' }).collect()
}

#[test]
fn hostile_text_changes_no_tag() {
    let page = page_of_run(&filled(RUN, HOSTILE));
    assert_eq!(markup::faults(&page), Vec::<String>::new());
    assert_eq!(markup::skeleton(&page), markup::skeleton(&page_of_run(&filled(RUN, &harmless()))));
    let page = page_of_audit(&filled(AUDIT, HOSTILE));
    assert_eq!(markup::faults(&page), Vec::<String>::new());
    assert_eq!(markup::skeleton(&page), markup::skeleton(&page_of_audit(&filled(AUDIT, &harmless()))));
}

#[test]
fn hostile_text_is_seen_as_text() {
    for page in [page_of_run(&filled(RUN, HOSTILE)), page_of_audit(&filled(AUDIT, HOSTILE))] {
        let text = markup::text(&page);
        assert!(
            text.contains("<script>alert(1)</script><img src=x onerror=alert(1)>\"'`--><!--&lt;␀␛[31m⟦U+202E⟧⟦U+2066⟧")
        );
        let unseen = ['\0', '\u{1b}', '\u{202e}', '\u{2066}', '\u{200f}', '\u{feff}', '\u{ffff}', '\r'];
        assert!(!page.contains(unseen));
    }
}

#[test]
fn a_megabyte_in_every_text_is_cut_and_says_so() {
    let long = "é".repeat(500_000);
    let page = page_of_run(&filled(RUN, &long));
    assert_eq!(markup::faults(&page), Vec::<String>::new());
    assert!(page.len() < 2_000_000, "{}", page.len());
    assert!(markup::text(&page).contains(" … 499,400 more characters"));
    assert!(page_of_audit(&filled(AUDIT, &long)).len() < 1_000_000);
}

#[test]
fn empty_texts_are_no_fault() {
    assert_eq!(markup::faults(&page_of_run(&filled(RUN, ""))), Vec::<String>::new());
    assert_eq!(markup::faults(&page_of_audit(&filled(AUDIT, ""))), Vec::<String>::new());
}

#[test]
fn extreme_numbers_are_numbers() {
    for (whole, real) in [(u64::MAX, f64::MAX), (0, -f64::MAX), (0, 0.0), (1, f64::MIN_POSITIVE)] {
        for json in [RUN, AUDIT] {
            let mut value: Value = serde_json::from_str(json).unwrap();
            each_leaf(&mut value, &mut Vec::new(), &mut |path, leaf| match leaf {
                // A count that stands in a list of edges or values is a float there.
                Value::Number(n)
                    if n.is_u64() && !matches!(path.last().map(String::as_str), Some("edges" | "values")) =>
                {
                    *leaf = json!(whole);
                }
                Value::Number(_) => *leaf = json!(real),
                _ => {}
            });
            let page = match json {
                RUN => page_of_run(&serde_json::from_value(value).unwrap()),
                _ => page_of_audit(&serde_json::from_value(value).unwrap()),
            };
            assert_eq!(markup::faults(&page), Vec::<String>::new());
            let text = markup::text_without(&page, &["bdi", "h1"]);
            for odd in ["NaN", "inf ", "infinity", "−0 "] {
                assert!(!text.contains(odd), "{odd} with {whole} and {real}");
            }
            assert!(!page.contains("NaN%") && !page.contains("inf%"));
        }
    }
}

#[test]
fn lists_of_unequal_length_are_no_fault() {
    let mut report = super::run();
    for rule in &mut report.rules {
        if let Some(histogram) = &mut rule.histogram {
            histogram.edges.truncate(4);
            histogram.counts.truncate(9);
        }
    }
    report.rules[1].histogram.as_mut().unwrap().edges.clear();
    report.generation[0].rows[0].cells.clear();
    report.generation[0].columns.truncate(1);
    assert_eq!(markup::faults(&page_of_run(&report)), Vec::<String>::new());
}
