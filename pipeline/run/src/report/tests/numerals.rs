//! Every figure of the model is on the page, and every figure on the page is in the JSON beside it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::html::number;
use super::markup;
use super::{AUDIT, RUN, audit, each_leaf, page_of_audit, page_of_run, run, run_json};

/// The ways in which a page may print a number.
fn forms(n: &serde_json::Number) -> Vec<String> {
    let mut forms = Vec::new();
    if let Some(n) = n.as_u64() {
        forms.extend([number::count(n), number::bytes(n)].map(|shown| shown.as_str().to_owned()));
        forms.push(n.to_string());
    }
    if let Some(n) = n.as_i64() {
        forms.push(number::change(n).as_str().to_owned());
    }
    if let Some(x) = n.as_f64() {
        let shown = [
            number::real(x),
            number::real(x.round()),
            number::signed_real(x),
            number::percent(Some(x)),
            number::seconds(Some(x)),
            number::milliseconds(Some(x)),
            number::money(Some(x)),
        ];
        forms.extend(shown.map(|shown| shown.as_str().to_owned()));
    }
    forms
}

fn leaves(json: &str) -> Vec<(String, serde_json::Number)> {
    let mut value: Value = serde_json::from_str(json).unwrap();
    let mut numbers = Vec::new();
    each_leaf(&mut value, &mut Vec::new(), &mut |path, leaf| {
        if let Value::Number(n) = leaf {
            numbers.push((path.join("."), n.clone()));
        }
    });
    numbers
}

/// Runs of characters that make up numbers: "1,284,019", "−0.25", "1.50e-7"; a full stop at the end is not one.
fn numerals(text: &str) -> BTreeSet<String> {
    let part = |c: char| c.is_ascii_digit() || matches!(c, ',' | '.' | '−' | '+');
    text.split(|c: char| !part(c))
        .map(|run| run.trim_end_matches([',', '.']).to_owned())
        .filter(|run| run.chars().any(|c| c.is_ascii_digit()))
        .collect()
}

fn missing(json: &str, page: &str) -> Vec<String> {
    let text = markup::text(page);
    let seen = numerals(&text);
    let on_page = |form: &String| {
        // "1 h 41 min" has two numerals; as a whole it is looked for in the text.
        if numerals(form).len() > 1 { text.contains(form) } else { numerals(form).is_subset(&seen) }
    };
    let told = |(path, n): &(String, serde_json::Number)| {
        let found = forms(n).iter().filter(|form| !numerals(form).is_empty()).any(on_page);
        (!found).then(|| format!("{path}: {n}"))
    };
    leaves(json).iter().filter_map(told).collect()
}

#[test]
fn every_figure_of_the_model_is_on_the_page() {
    assert_eq!(missing(RUN, &page_of_run(&run())), Vec::<String>::new());
    assert_eq!(missing(AUDIT, &page_of_audit(&audit())), Vec::<String>::new());
}

#[test]
fn a_changed_figure_changes_the_page() {
    // Guards the test above: a figure that is on the page by chance would not notice.
    let mut unseen = Vec::new();
    let before = page_of_run(&run());
    for i in 0..leaves(RUN).len() {
        let mut value: Value = serde_json::from_str(RUN).unwrap();
        let mut seen = 0;
        let mut at = String::new();
        each_leaf(&mut value, &mut Vec::new(), &mut |path, leaf| {
            if let Value::Number(n) = leaf {
                if seen == i {
                    at = path.join(".");
                    *leaf = match n.as_u64() {
                        Some(n) => (n + n / 7 + 1).into(),
                        None => (n.as_f64().unwrap() * 1.5 + 0.11).into(),
                    };
                }
                seen += 1;
            }
        });
        if page_of_run(&serde_json::from_value(value).unwrap()) == before {
            unseen.push(at);
        }
    }
    assert_eq!(unseen, Vec::<String>::new());
}

#[test]
fn every_figure_on_the_page_is_in_report_json() {
    let known: BTreeSet<String> = leaves(&run_json(&run()).unwrap())
        .iter()
        .flat_map(|(_, n)| forms(n))
        .flat_map(|form| numerals(&form))
        .collect();
    // Texts from data are not figures; numbers up to 100 that stand alone count passes, examples and "95 % within".
    let text = markup::text_without(&page_of_run(&run()), &["bdi", "pre", "desc", "title"]);
    let ordinal = |numeral: &String| numeral.parse::<u32>().is_ok_and(|n| n <= 100);
    let stray: Vec<String> = numerals(&text).into_iter().filter(|n| !known.contains(n) && !ordinal(n)).collect();
    assert_eq!(stray, Vec::<String>::new());
}
