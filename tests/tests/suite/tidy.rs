//! House rules that no compiler checks.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// Longer files are split; 400 lines are already a question.
const MAX_LINES: usize = 600;
/// Names that say nothing about what is in them.
const EMPTY_NAMES: &[&str] = &["utils", "util", "misc", "helpers", "helper", "common"];

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for room in ["pipeline", "stages", "generators", "detectors", "tests"] {
        walk(&root.join(room), &mut files);
    }
    assert!(files.len() > 100, "found only {} source files", files.len());
    files
}

fn walk(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            files.push((path, text));
        }
    }
}

fn offenders(offends: impl Fn(&Path, &str) -> bool) -> Vec<PathBuf> {
    sources().into_iter().filter(|(path, text)| offends(path, text)).map(|(path, _)| path).collect()
}

#[test]
fn no_file_is_too_long() {
    assert_eq!(offenders(|_, text| text.lines().count() > MAX_LINES), Vec::<PathBuf>::new());
}

#[test]
fn every_file_says_what_it_is_for() {
    assert_eq!(offenders(|_, text| !text.starts_with("//! ")), Vec::<PathBuf>::new());
}

#[test]
fn no_file_has_an_empty_name() {
    let empty = |path: &Path| EMPTY_NAMES.contains(&path.file_stem().unwrap().to_str().unwrap());
    assert_eq!(offenders(|path, _| empty(path)), Vec::<PathBuf>::new());
}

#[test]
fn no_test_is_ignored_and_none_sleeps() {
    // The needles are put together here, so that this file does not offend.
    let (ignored, sleep) = (["#[ign", "ore"].concat(), ["thread::sl", "eep"].concat());
    assert_eq!(offenders(|_, text| text.contains(&ignored) || text.contains(&sleep)), Vec::<PathBuf>::new());
}

#[test]
fn nothing_below_the_roof_reads_a_config_file() {
    let below = |path: &Path| !path.components().any(|part| part.as_os_str() == "run" || part.as_os_str() == "tests");
    assert_eq!(offenders(|path, text| below(path) && text.contains("DeTable")), Vec::<PathBuf>::new());
}
