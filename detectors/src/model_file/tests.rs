//! Files survive a round trip, and nothing else: every flipped bit and every cut is found.

use sha2::{Digest, Sha256};

use super::*;
use crate::calibrate::{Calibration, CalibrationParams, CalibrationRow, CalibrationTable, ProbabilityMethod};
use crate::eval::Interval;

fn model() -> Model {
    let row = |i: u32| CalibrationRow {
        score: f64::from(i) / 7.0,
        machine: i >= 120,
        group: u64::from(i),
        domain: "news",
        n_words: 100,
    };
    let rows: Vec<CalibrationRow<'_>> = (0..240).map(row).collect();
    let params = CalibrationParams { probability: Some(ProbabilityMethod::Platt), ..CalibrationParams::default() };
    Model {
        name: "news | chat <b>".into(),
        kind: "ngram".into(),
        head: "chat".into(),
        date: "2026-02-03".into(),
        training: vec![TrainingSource {
            name: "own seeds".into(),
            licence: "CC0-1.0".into(),
            domains: vec!["news".into()],
            source_models: vec!["some-llm".into()],
            n_human: 120,
            n_machine: 120,
            sha256: String::new(),
        }],
        figures: vec![Figure {
            measure: "AUROC".into(),
            on: "held-out documents".into(),
            value: 0.1 + 0.2,
            interval: Some(Interval { low: 0.2, high: 0.4, n_resamples: 1000 }),
            n_docs: 240,
        }],
        limits: vec!["Not for [texts](http://x) under 80 words".into()],
        features: FeatureSet::new(["char_2_5", "word_1_2"]),
        settings: [("bits".to_string(), serde_json::json!(16))].into(),
        blocks: vec![
            Block { name: "a".into(), weights: Weights::full(vec![0.5, -1.25, 3.0e-9]) },
            Block { name: "b".into(), weights: Weights::half(&[0.1, -2.0]) },
            Block { name: "c".into(), weights: Weights::quarter(&[1.0, -0.5, 0.25, 0.0, 7.0], 2) },
        ],
        calibration: Calibration::Calibrated(CalibrationTable::fit(&rows, &params).unwrap()),
    }
}

fn bytes_of(model: &Model) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(model, &mut bytes).unwrap();
    bytes
}

/// Sets lengths and digest right again after a change, as someone with intent would.
fn sealed(json: &[u8], payload: &[u8], version: u32) -> Vec<u8> {
    let mut bytes = b"GRISTMDL".to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend((json.len() as u32).to_le_bytes());
    bytes.extend((payload.len() as u64).to_le_bytes());
    let digest = Sha256::new().chain_update(&bytes).chain_update(json).chain_update(payload).finalize();
    [&bytes, digest.as_slice(), json, payload].concat()
}

fn split(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let n = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    (bytes[56..56 + n].to_vec(), bytes[56 + n..].to_vec())
}

#[test]
fn a_model_comes_back_as_it_was_and_in_the_same_bytes() {
    let model = model();
    let bytes = bytes_of(&model);
    let back = read(&bytes).unwrap();
    assert_eq!(back, model);
    assert_eq!(bytes_of(&back), bytes);
    assert_eq!(back.weights("a", 3).unwrap(), [0.5, -1.25, 3.0e-9]);
    // 7 / 127 * 127; the block of the last weight is its own.
    assert!((back.weights("c", 5).unwrap()[4] - 7.0).abs() < 1e-6);
    assert!(back.weights("a", 4).unwrap_err().to_string().contains("expected 4 weights, found 3"));
    assert!(back.weights("z", 1).is_err());
    assert_eq!(split(&bytes).1.len(), 3 * 4 + 2 * 2 + 3 * 4 + 5);
}

#[test]
fn every_flipped_bit_is_found() {
    let bytes = bytes_of(&model());
    for i in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[i] ^= 1 << bit;
            assert!(read(&flipped).is_err(), "bit {bit} of byte {i}");
        }
    }
    // Where lengths and version lie, every other byte value too.
    for (i, value) in (0..56).flat_map(|i| (0..=255_u8).map(move |value| (i, value))) {
        let mut changed = bytes.clone();
        changed[i] = value;
        assert_eq!(read(&changed).is_ok(), value == bytes[i], "byte {i} = {value}");
    }
}

#[test]
fn every_cut_is_found_and_so_is_a_tail() {
    let bytes = bytes_of(&model());
    for n in 0..bytes.len() {
        assert!(matches!(read(&bytes[..n]), Err(ModelError::Truncated { .. })), "{n} bytes");
    }
    let longer = [bytes.as_slice(), b"\n"].concat();
    assert!(read(&longer).unwrap_err().to_string().contains("1 more than it says"));
}

#[test]
fn each_fault_has_its_own_words() {
    let bytes = bytes_of(&model());
    let (json, payload) = split(&bytes);
    assert!(matches!(read(b"PK\x03\x04 a zip file"), Err(ModelError::WrongMagic)));
    assert!(matches!(read(b""), Err(ModelError::Truncated { .. })));
    assert!(matches!(read(&sealed(&json, &payload, 2)), Err(ModelError::NewerVersion { found: 2, known: 1 })));
    assert!(matches!(read(&sealed(&json, &payload, 0)), Err(ModelError::Damaged)));
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(matches!(read(&damaged), Err(ModelError::Damaged)));
    let mut huge = bytes.clone();
    huge[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(matches!(read(&huge), Err(ModelError::TooLarge { part: "payload", .. })));
}

#[test]
fn other_features_are_an_error_that_names_the_first() {
    let features = model().features;
    features.expect(&["char_2_5", "word_1_2"]).unwrap();
    let error = features.expect(&["char_2_5", "word_1_3"]).unwrap_err().to_string();
    assert!(error.contains(r#"feature 1 is "word_1_2" in the file and "word_1_3" here"#), "{error}");
    assert!(features.expect(&["char_2_5"]).unwrap_err().to_string().contains("2 features in the file and 1 here"));
    assert_ne!(FeatureSet::new(["ab", "c"]).sha256(), FeatureSet::new(["a", "bc"]).sha256());
    let (json, payload) = split(&bytes_of(&model()));
    let renamed = String::from_utf8(json).unwrap().replace("char_2_5", "char_2_6");
    assert!(matches!(read(&sealed(renamed.as_bytes(), &payload, 1)), Err(ModelError::Features(_))));
}

#[test]
fn a_header_that_lies_about_its_payload_is_an_error() {
    let (json, payload) = split(&bytes_of(&model()));
    let json = String::from_utf8(json).unwrap();
    for (from, to) in [
        (r#""n_values":3"#, r#""n_values":4"#),
        (r#""n_values":3"#, r#""n_values":2"#),
        (r#""n_values":3"#, r#""n_values":18446744073709551615"#),
        (r#""n_values":3"#, r#""n_values":-1"#),
        (r#""block_len":2"#, r#""block_len":0"#),
        (r#""name":"b""#, r#""name":"a""#),
        (r#""kind""#, r#""kinds""#),
        (r#"{"name":"#, r#"["name":"#),
    ] {
        assert!(json.contains(from), "{from}");
        let changed = json.replacen(from, to, 1);
        assert!(read(&sealed(changed.as_bytes(), &payload, 1)).is_err(), "{from} -> {to}");
    }
    let mut not_a_number = payload.clone();
    not_a_number[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let error = read(&sealed(json.as_bytes(), &not_a_number, 1)).unwrap_err().to_string();
    assert!(error.contains(r#"weight block "a": a weight is not a finite number"#), "{error}");
}

#[test]
fn no_change_of_a_sealed_header_makes_the_reader_panic() {
    let (json, payload) = split(&bytes_of(&model()));
    for i in 0..json.len() {
        for value in *b"0\"}9-e\xff" {
            let mut changed = json.clone();
            changed[i] = value;
            if let Ok(model) = read(&sealed(&changed, &payload, 1)) {
                // Whatever was read must also answer.
                model.calibration.verdict(1.0, "news", 100);
                model.calibration.probability(1.0);
                card(&model);
            }
        }
    }
}

#[test]
fn what_cannot_be_read_back_is_not_written() {
    let mut out = Vec::new();
    let mut not_finite = model();
    not_finite.blocks[0].weights = Weights::full(vec![f32::INFINITY]);
    assert!(matches!(write(&not_finite, &mut out), Err(ModelError::Weights { .. })));
    let mut not_a_figure = model();
    not_a_figure.figures[0].value = f64::NAN;
    assert!(matches!(write(&not_a_figure, &mut out), Err(ModelError::Header(_))));
    let mut twins = model();
    twins.blocks[1].name = "a".into();
    assert!(write(&twins, &mut out).unwrap_err().to_string().contains("two blocks have this name"));
    assert!(out.is_empty());
}

#[test]
fn a_hashed_head_of_65536_weights_is_small() {
    let weights: Vec<f32> = (0..65_536).map(|i| ((i * 31) % 997) as f32 / 997.0 - 0.5).collect();
    let block = |weights| vec![Block { name: "w".into(), weights }];
    // A calibration keeps up to 1,000 scores of its own.
    let head = || Model { calibration: Calibration::Uncalibrated, ..model() };
    let size = |weights| bytes_of(&Model { blocks: block(weights), ..head() }).len();
    assert!(size(Weights::quarter(&weights, 256)) < 72_000);
    assert!(size(Weights::half(&weights)) < 136_000);
}

#[test]
fn the_card_says_what_the_file_holds_and_escapes_it() {
    let card_text = card(&model());
    for words in [
        "# news \\| chat &lt;b&gt;",
        "| own seeds | CC0-1.0 | news | some-llm | 120 | 120 |",
        "| AUROC | held-out documents | 0.300 | 0.200 to 0.400 | 240 |",
        "Verdicts from 80 words on. Target: at most 1 % of human text called machine, asked for with 90 % confidence",
        // 120 human scores, the highest 119 / 7; .99^120 = .299.
        "| news | all | 120 | 17.0000 | 70.1 % |",
        "- Not for \\[texts\\]\\(http&#58;//x\\) under 80 words",
        "| c | i8 { block\\_len&#58; 2 } | 5 |",
    ] {
        assert!(card_text.contains(words), "{words}\n{card_text}");
    }
    let bare = Model { calibration: Calibration::Uncalibrated, training: vec![], ..model() };
    assert!(card(&bare).contains("gives scores and no verdicts") && card(&bare).contains("Not stated."));
}
