//! Expectations: fastText 0.9.2 (`predict` with k = 3) over models that it trained on the texts of the sample crawl, with 8
//! dimensions, character 2- and 3-grams, word bigrams and 300 buckets; `hs.ftz` quantised with a cut-off of 400 features.

use std::path::Path;

use serde_json::json;

use super::super::tests::{Measured, measure};
use super::*;

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/annotate/fasttext/testdata").join(name)
}

#[derive(Deserialize)]
struct Expected {
    texts: Vec<String>,
    /// By model and text: labels with their probabilities.
    expected: HashMap<String, Vec<Vec<(String, f64)>>>,
}

fn expected() -> Expected {
    serde_json::from_slice(&std::fs::read(testdata("expected.json")).unwrap()).unwrap()
}

#[test]
fn probabilities_are_those_of_fasttext() {
    let expected = expected();
    for (file, predictions) in &expected.expected {
        let model = Model::read(&std::fs::read(testdata(file)).unwrap()).unwrap();
        for (text, labels) in expected.texts.iter().zip(predictions) {
            if text.trim().is_empty() {
                assert!(model.scores(text).is_none());
                continue;
            }
            let scores = model.scores(text).unwrap();
            for (label, probability) in labels {
                let ours = f64::from(scores[model.label(label).unwrap()]);
                // fastText adds 1e-5; its arithmetic is of single precision.
                assert!((ours + 1e-5 - probability).abs() < 2e-5, "{file} {text:?} {label}: {ours}, not {probability}");
            }
        }
    }
}

#[test]
fn measures_are_the_two_best_labels_and_the_one_asked_for() {
    let annotator = build(&json!({ "model": testdata("softmax.bin"), "label": "de" })).unwrap();
    let values = measure(&*annotator, "The miller grinds the corn\nthat farmers bring.");
    assert_eq!(values[0], Measured::Text("en".into()));
    let [Measured::Float(first), Measured::Float(second), Measured::Float(of_label)] =
        [1, 3, 4].map(|i| values[i].clone())
    else {
        panic!("{values:?}")
    };
    assert!(first > 0.99 && second < first && of_label <= second, "{values:?}");
    assert_eq!(measure(&*annotator, " \n"), vec![Measured::Null; 5]);
}

#[test]
fn other_files_are_refused_with_the_reason() {
    let good = std::fs::read(testdata("hs.ftz")).unwrap();
    for (bytes, reason) in [
        (b"not a model at all".to_vec(), "this is no fastText model"),
        (good[..good.len() - 1].to_vec(), "the file ends too early"),
        (good[..200].to_vec(), "the file ends"),
        ([good.clone(), vec![0]].concat(), "longer than its model"),
    ] {
        let error = Model::read(&bytes).err().unwrap();
        assert!(error.contains(reason), "{error}");
    }
    // Any one byte changed may make another model, but never a panic.
    for at in 0..good.len().min(3000) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x55;
        if let Ok(model) = Model::read(&bytes) {
            model.scores("one two three");
        }
    }
    let error = build(&json!({ "model": "absent.bin" })).err().unwrap();
    assert!(error.path == ["model"] && error.message.starts_with("absent.bin: "), "{error:?}");
    let error = build(&json!({ "model": testdata("hs.ftz"), "label": "xx" })).err().unwrap();
    assert!(error.path == ["label"] && error.message.contains("no label \"xx\"; it has "), "{error:?}");
}
