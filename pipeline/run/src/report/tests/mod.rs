//! What a reader of the pages relies on, tested on a made-up run and a made-up audit (`run.json`, `audit.json`: written by
//! hand and by a seeded script; their counts add up as a real run's do).

mod hostile;
mod markup;
mod numerals;
mod style;

use serde_json::Value;

use super::audit::AuditPage;
use super::model::RunReport;
use super::{PageLimits, audit_page, run_json, run_page};

const RUN: &str = include_str!("run.json");
const AUDIT: &str = include_str!("audit.json");

fn run() -> RunReport {
    serde_json::from_str(RUN).unwrap()
}

fn audit() -> AuditPage {
    serde_json::from_str(AUDIT).unwrap()
}

fn page_of_run(report: &RunReport) -> String {
    run_page(report, PageLimits::default())
}

fn page_of_audit(audit: &AuditPage) -> String {
    audit_page(audit, PageLimits::default())
}

/// Applies `change` to every value of a JSON tree that is neither list nor object; `path` are the keys above it.
fn each_leaf(value: &mut Value, path: &mut Vec<String>, change: &mut impl FnMut(&[String], &mut Value)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each_leaf(item, path, change)),
        Value::Object(fields) => {
            for (key, field) in fields {
                path.push(key.clone());
                each_leaf(field, path, change);
                path.pop();
            }
        }
        leaf => change(path, leaf),
    }
}

#[test]
fn equal_input_gives_equal_bytes() {
    assert_eq!(page_of_run(&run()), page_of_run(&run()));
    assert_eq!(page_of_audit(&audit()), page_of_audit(&audit()));
    assert_eq!(run_json(&run()).unwrap(), run_json(&run()).unwrap());
}

#[test]
fn report_json_reads_back() {
    let json = run_json(&run()).unwrap();
    assert_eq!(serde_json::from_str::<RunReport>(&json).unwrap(), run());
    assert!(serde_json::from_str::<Value>(&json).unwrap()["derived"]["rows_out_share"].is_number());
}

#[test]
fn an_empty_run_is_a_page_too() {
    let page = page_of_run(&RunReport::default());
    assert_eq!(markup::faults(&page), Vec::<String>::new());
    assert!(markup::text(&page).contains("Nothing looks wrong."));
    let page = page_of_audit(&AuditPage::default());
    assert_eq!(markup::faults(&page), Vec::<String>::new());
}

#[test]
fn the_pages_are_well_formed_and_accessible() {
    assert_eq!(markup::faults(&page_of_run(&run())), Vec::<String>::new());
    assert_eq!(markup::faults(&page_of_audit(&audit())), Vec::<String>::new());
}

#[test]
fn the_first_screen_answers_what_went_in_and_out_and_what_is_wrong() {
    let page = page_of_run(&run());
    let text = markup::text(&page);
    let overview = &text[..text.find("Text and time").unwrap()];
    let facts =
        ["1,284,019", "183,112", "14.3\u{202f}%", "Is anything wrong?", "The funnel", "How the stages hang together"];
    for fact in facts.into_iter().chain(run().warnings.iter().map(|warning| warning.message.as_str())) {
        assert!(overview.contains(fact), "{fact}");
    }
}

#[test]
fn rows_that_do_not_add_up_are_told_first() {
    let mut report = run();
    report.funnel[1].rows_kept -= 7;
    let page = page_of_run(&report);
    let text = markup::text(&page);
    let (told, warning) = (text.find("Rows do not add up").unwrap(), text.find("Most released rows").unwrap());
    assert!(told < warning);
    assert!(text.contains("−7"));
    assert!(!markup::text(&page_of_run(&run())).contains("Rows do not add up"));
}

#[test]
fn the_leak_probe_comes_first_and_a_remedy_only_where_it_leaks() {
    let mut page = audit();
    let text = markup::text(&page_of_audit(&page));
    let [leak, gate, finding] =
        ["Formatting alone", "Limits that were", "Near duplicates"].map(|part| text.find(part).unwrap());
    assert!(leak < gate && gate < finding);
    assert!(text.contains("Remedy: Normalise"));
    page.leak.auroc = Some(0.6);
    assert!(!markup::text(&page_of_audit(&page)).contains("Remedy: Normalise"));
}

#[test]
fn a_metric_that_could_not_be_computed_says_why() {
    assert!(markup::text(&page_of_audit(&audit())).contains("Not computed: no language model was given"));
}

#[test]
fn a_changed_word_is_marked_and_an_equal_one_is_not() {
    let page = page_of_run(&run());
    assert!(page.contains("<del>early January</del> and stays closed"));
    assert!(page.contains("<ins>late December</ins> and stays closed"));
}

#[test]
fn an_audit_page_is_small() {
    // The bound of the audit's own specification: 300 KB.
    assert!(page_of_audit(&audit()).len() < 300_000);
}
