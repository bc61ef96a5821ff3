//! What the tests of all annotators share, and what must hold for each of them.

use gristmill_core::annotator::{Annotator, Document, MeasureType, MeasureValue, RecordSink};
use serde_json::json;

use super::{ANNOTATORS, TRANSFORMS};

/// An owned measure.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Measured {
    Null,
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(String),
}

#[derive(Default)]
pub(super) struct Record(pub(super) Vec<Measured>);

impl RecordSink for Record {
    fn push(&mut self, value: MeasureValue<'_>) {
        self.0.push(match value {
            MeasureValue::Null => Measured::Null,
            MeasureValue::Int(n) => Measured::Int(n),
            MeasureValue::Float(x) => Measured::Float(x),
            MeasureValue::Bool(b) => Measured::Bool(b),
            MeasureValue::Text(t) => Measured::Text(t.to_owned()),
        });
    }
}

/// The record of a text.
pub(super) fn measure(annotator: &dyn Annotator, text: &str) -> Vec<Measured> {
    let mut record = Record::default();
    annotator.annotate(&Document::of_text(text), &mut record);
    record.0
}

/// One measure of a text, by name.
pub(super) fn one(annotator: &dyn Annotator, text: &str, name: &str) -> Measured {
    let at = annotator.measures().iter().position(|measure| measure.name == name).unwrap();
    measure(annotator, text).swap_remove(at)
}

/// One real measure of a text, rounded to four digits.
pub(super) fn ratio(annotator: &dyn Annotator, text: &str, name: &str) -> f64 {
    match one(annotator, text, name) {
        Measured::Float(x) => (x * 1e4).round() / 1e4,
        other => panic!("{name} is {other:?}"),
    }
}

fn odd_texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "\n",
        "\n\n\n",
        "word",
        "…",
        "#",
        "[1]",
        "{",
        "😀😀",
        "\u{0}",
        "a\r\nb\r\n",
        "مرحبا بالعالم.",
        "一二三。四五六！",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push("nospace".repeat(150_000));
    texts.push("again and ".repeat(100_000));
    texts.push("a\n".repeat(500_000));
    texts.push("é…#- ".repeat(150_000));
    texts.push((0..150_000).map(|n| n.to_string()).collect::<Vec<_>>().join(" "));
    texts
}

fn annotators_in_all_dialects() -> Vec<(&'static str, Box<dyn Annotator>)> {
    let mut annotators = Vec::new();
    // One that needs a file is tried with a small one of its kind.
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/src/annotate/fasttext/testdata/hs.ftz");
    for entry in ANNOTATORS {
        let needs_model = entry.params.iter().any(|param| param.name == "model" && param.default == "required");
        let params = if needs_model { json!({ "model": model }) } else { json!({}) };
        annotators.push((entry.name, (entry.build)(&params).unwrap()));
        let others =
            ["dclm", "dolma", "nemo"].iter().filter_map(|dialect| (entry.build)(&json!({"dialect": dialect})).ok());
        annotators.extend(others.map(|annotator| (entry.name, annotator)));
    }
    annotators
}

#[test]
fn every_annotator_is_total_and_keeps_its_shape() {
    for text in odd_texts() {
        for (name, annotator) in annotators_in_all_dialects() {
            let values = measure(&*annotator, &text);
            assert_eq!(values.len(), annotator.measures().len(), "{name}");
            for (value, measure) in values.iter().zip(annotator.measures()) {
                let fits = match value {
                    Measured::Null => true,
                    Measured::Int(_) => measure.kind == MeasureType::Int,
                    Measured::Float(_) => measure.kind == MeasureType::Float,
                    Measured::Bool(_) => measure.kind == MeasureType::Bool,
                    Measured::Text(_) => measure.kind == MeasureType::Text,
                };
                assert!(fits, "{name}.{} is {value:?}", measure.name);
            }
        }
        for entry in TRANSFORMS {
            let transform = (entry.build)(&json!({})).unwrap();
            let mut record = Record::default();
            let rewritten = transform.apply(&Document::of_text(&text), &mut record);
            assert_eq!(record.0.len(), transform.measures().len(), "{}", entry.name);
            assert_ne!(rewritten.as_deref(), Some(text.as_str()), "{}", entry.name);
        }
    }
}

#[test]
fn every_operator_refuses_unknown_parameters() {
    for entry in ANNOTATORS {
        assert!((entry.build)(&json!({"dialekt": "dclm"})).is_err(), "{}", entry.name);
    }
    for entry in TRANSFORMS {
        assert!((entry.build)(&json!({"dialekt": "dclm"})).is_err(), "{}", entry.name);
    }
}
