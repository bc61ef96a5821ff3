//! The annotator on honest text, on abuse, and with a model of one's own.

use gristmill_core::annotator::MeasureValue;
use serde_json::json;

use super::super::detector::DetectorParams;
use super::super::detector_file::Passport;
use super::*;

#[derive(Default)]
struct Record(Vec<Option<f64>>);

impl RecordSink for Record {
    fn push(&mut self, value: MeasureValue<'_>) {
        self.0.push(match value {
            MeasureValue::Null => None,
            MeasureValue::Int(n) => Some(n as f64),
            MeasureValue::Float(x) => Some(x),
            MeasureValue::Bool(b) => Some(f64::from(u8::from(b))),
            MeasureValue::Text(t) => Some(t.len() as f64),
        });
    }
}

fn measure(annotator: &dyn Annotator, text: &str) -> Vec<Option<f64>> {
    let mut record = Record::default();
    annotator.annotate(&Document::of_text(text), &mut record);
    assert_eq!(record.0.len(), annotator.measures().len());
    record.0
}

fn prose(n_words: usize) -> String {
    let words = "the miller of the old mill grinds corn for farmers who come in autumn and they talk about rain ";
    words.split_whitespace().cycle().take(n_words).collect::<Vec<_>>().join(" ")
}

#[test]
fn short_texts_have_no_scores_and_long_ones_have_both() {
    let annotator = build(&json!({})).unwrap();
    let short = measure(&*annotator, &prose(79));
    assert_eq!((short[0], short[1], short[2], short[3]), (Some(0.0), None, None, Some(79.0)));
    let long = measure(&*annotator, &prose(80));
    assert!(long[0] == Some(1.0) && long[1].is_some() && long[2].is_some());
    let all = build(&json!({ "min_words": 0 })).unwrap();
    assert!(measure(&*all, "word")[1].is_some());
    // The embedded heads learnt from English: what has no letters, or others, they do not score.
    for text in ["", "?!... 12", "Съешь же ещё этих мягких булок"] {
        let found = measure(&*all, text);
        assert_eq!((found[0], found[1], found[2]), (Some(0.0), None, None), "{text:?}");
    }
}

#[test]
fn attacked_text_scores_as_its_normal_form_and_the_attack_is_measured() {
    let annotator = build(&json!({})).unwrap();
    let plain = prose(100);
    let attacked = plain.replace('a', "\u{430}").replace(' ', " \u{200b}");
    let (honest, hidden) = (measure(&*annotator, &plain), measure(&*annotator, &attacked));
    assert_eq!(honest[1..3], hidden[1..3]);
    assert_eq!((honest[6], hidden[4]), (Some(0.0), Some(99.0)));
    assert_eq!(hidden[5], Some(plain.matches('a').count() as f64));
    assert!(hidden[6] > Some(0.2), "{hidden:?}");
}

#[test]
fn abuse_has_a_defined_answer() {
    // Nulls are for texts without a score; RecordSink makes nulls of NaN, so a null score of a scored text would be one.
    let annotator = build(&json!({ "min_words": 0 })).unwrap();
    let mut texts: Vec<String> = ["", " ", "\n\n", "word", "?!...---", "\u{0}\u{0}", "🙂", "\u{feff}\u{200b}\u{202e}"]
        .map(str::to_owned)
        .to_vec();
    texts.extend(
        ["日本語の文章です。", "Съешь же ещё этих мягких булок", "שלום עולם", "मैं हिंदी", "\u{1D413}\u{1D421}"]
            .map(|t| t.repeat(50)),
    );
    texts.push("x".repeat(10 << 20));
    texts.push("word ".repeat(2 << 20));
    texts.push(".".repeat(10 << 20));
    texts.push("\u{200b}".repeat(3 << 20));
    for text in &texts {
        let found = measure(&*annotator, text);
        let start: String = text.chars().take(20).collect();
        let (scores, others) = (&found[1..3], [&found[..1], &found[3..]].concat());
        assert!(others.iter().all(|value| value.is_some_and(f64::is_finite)), "{start:?}: {found:?}");
        let is_scored = |value: &Option<f64>| value.is_some_and(f64::is_finite) == (found[0] == Some(1.0));
        assert!(scores.iter().all(is_scored), "{start:?}: {found:?}");
        // Pure: the same text again, after others, measures the same.
        assert_eq!(measure(&*annotator, text), found, "{start:?}");
    }
}

#[test]
fn a_model_of_ones_own_brings_its_verdict_and_a_wrong_one_is_refused_with_its_path() {
    let texts: Vec<String> =
        (0..40).map(|i| format!("{} {i}", ["Well, it rained", "Moreover, it is vital"][i % 2])).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let machine: Vec<bool> = (0..40).map(|i| i % 2 == 1).collect();
    let groups: Vec<u64> = (0..40).collect();
    let detector = Detector::fit(&texts, &machine, &groups, DetectorParams::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.model");
    std::fs::write(&path, detector.to_bytes(&Passport::default()).unwrap()).unwrap();
    let annotator = build(&json!({ "model": path, "min_words": 3 })).unwrap();
    let names: Vec<&str> = annotator.measures().iter().map(|measure| measure.name).collect();
    assert_eq!(names[..5], ["is_scored", "score", "ngram_score", "style_score", "verdict"]);
    let found = measure(&*annotator, "Moreover, it is vital 41");
    // Uncalibrated: a score, and no verdict.
    assert!(found[1] > Some(0.0) && found[4].is_none());
    std::fs::write(&path, b"GRISTMDL but not really").unwrap();
    for (wrong, key) in [
        (json!({ "model": path }), "model"),
        (json!({ "model": folder.path().join("absent") }), "model"),
        (json!({ "domain": "news" }), "domain"),
        (json!({ "modle": "x" }), "modle"),
    ] {
        let error = build(&wrong).err().unwrap();
        assert_eq!(error.path, [key], "{error}");
    }
}
