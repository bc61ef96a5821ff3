//! A detector as a file: a model file for the small parts and the card, then the n-gram head's bytes.
//!
//! The model file says how long it is, and holds the SHA-256 of what follows, so that a cut or changed file is an error.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::detector::Detector;
use super::linear::Discriminant;
use super::ngram::Ngram;
use super::style::{Language, Reference, Style};
use crate::calibrate::Calibration;
use crate::model_file::{Block, FeatureSet, Figure, Model, ModelError, TrainingSource, Weights, read, write};

/// Bytes before the header of a model file; where it says how long header and payload are.
const FIXED_BYTES: usize = 56;
/// What the model file calls such a detector.
const KIND: &str = "ngram+style";

/// What travels with the weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Passport {
    /// Name for people.
    pub name: String,
    /// Family of writers it finds, such as `chat` or `base`.
    pub head: String,
    /// Date of training.
    pub date: String,
    /// What it was trained on.
    pub training: Vec<TrainingSource>,
    /// What was measured on documents not trained on.
    pub figures: Vec<Figure>,
    /// Thresholds from local human text.
    pub calibration: Calibration,
}

impl Detector {
    /// The detector as a model file's content, for its card.
    pub fn model(&self, passport: &Passport) -> Model {
        let ngram = self.ngram.to_bytes();
        let style = Style::new(Language::English);
        let names = style.features().iter().map(|feature| feature.name.clone());
        let block = |name: &str, weights: Vec<f32>| Block { name: name.to_owned(), weights: Weights::full(weights) };
        let floats = |values: &[f64]| values.iter().map(|v| *v as f32).collect::<Vec<f32>>();
        Model {
            name: passport.name.clone(),
            kind: KIND.to_owned(),
            head: passport.head.clone(),
            date: passport.date.clone(),
            training: passport.training.clone(),
            figures: passport.figures.clone(),
            limits: vec![
                "English only; other languages are scored by features that were learnt from English.".into(),
                "A score is no verdict: thresholds come from human text of your own kind (`detect calibrate`).".into(),
            ],
            features: FeatureSet::new(names),
            settings: [
                ("normalise".to_owned(), json!(self.normalise)),
                ("ngram_sha256".to_owned(), json!(digest(&ngram))),
            ]
            .into(),
            blocks: vec![
                block("means", self.reference.means.clone()),
                block("deviations", self.reference.deviations.clone()),
                block("style", floats(&self.discriminant.weights)),
                block("style_bias", vec![self.discriminant.bias as f32]),
                block("stack", floats(&self.stack)),
            ],
            calibration: passport.calibration.clone(),
        }
    }

    /// The detector as bytes.
    ///
    /// # Errors
    /// When a weight is not finite.
    pub fn to_bytes(&self, passport: &Passport) -> Result<Vec<u8>, ModelError> {
        let mut bytes = Vec::new();
        write(&self.model(passport), &mut bytes)?;
        bytes.extend(self.ngram.to_bytes());
        Ok(bytes)
    }

    /// The detector that [`Detector::to_bytes`] wrote, with what travelled along.
    ///
    /// # Errors
    /// If the bytes are no detector, cut, changed, or made for other features.
    pub fn from_bytes(bytes: &[u8]) -> Result<(Self, Passport), ModelError> {
        let length = |from: usize, n: usize| {
            let field = bytes.get(from..from + n).unwrap_or_default();
            field.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte))
        };
        let own = (FIXED_BYTES as u64).saturating_add(length(12, 4)).saturating_add(length(16, 8));
        let own = usize::try_from(own).unwrap_or(usize::MAX).min(bytes.len());
        let model = read(&bytes[..own])?;
        if model.kind != KIND {
            return Err(ModelError::Features(format!("it is a model of kind {:?}, not {KIND:?}", model.kind)));
        }
        let style = Style::new(Language::English);
        let names: Vec<&str> = style.features().iter().map(|feature| feature.name.as_str()).collect();
        model.features.expect(&names)?;
        let rest = &bytes[own..];
        if model.settings.get("ngram_sha256") != Some(&json!(digest(rest))) {
            return Err(ModelError::weights("ngram", "it is cut or changed: its SHA-256 is another"));
        }
        let ngram = Ngram::from_bytes(rest).map_err(|e| ModelError::weights("ngram", e.to_string()))?;
        let normalise = model.settings.get("normalise").cloned().unwrap_or_default();
        let normalise = serde_json::from_value(normalise).map_err(|e| ModelError::Features(e.to_string()))?;
        let doubles = |name: &str, n: usize| {
            model.weights(name, n).map(|values| values.into_iter().map(f64::from).collect::<Vec<f64>>())
        };
        let stack = doubles("stack", 3)?;
        let n = names.len();
        let detector = Self {
            normalise,
            ngram,
            reference: Reference { means: model.weights("means", n)?, deviations: model.weights("deviations", n)? },
            discriminant: Discriminant { weights: doubles("style", n)?, bias: doubles("style_bias", 1)?[0] },
            stack: [stack[0], stack[1], stack[2]],
        };
        let Model { name, head, date, training, figures, calibration, .. } = model;
        Ok((detector, Passport { name, head, date, training, figures, calibration }))
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::detector::DetectorParams;
    use super::*;

    #[test]
    fn a_saved_detector_scores_the_same_and_a_damaged_one_is_refused() {
        let texts: Vec<String> = (0..40)
            .map(|i| match i % 2 {
                0 => format!("Well, it rained on day {i}, so we stayed in."),
                _ => format!("Moreover, option {i} offers a comprehensive overview."),
            })
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let machine: Vec<bool> = (0..40).map(|i| i % 2 == 1).collect();
        let groups: Vec<u64> = (0..40).collect();
        let detector = Detector::fit(&texts, &machine, &groups, DetectorParams::default()).unwrap();
        let passport = Passport { name: "tiny".into(), head: "chat".into(), ..Passport::default() };
        let bytes = detector.to_bytes(&passport).unwrap();
        let (read, travelled) = Detector::from_bytes(&bytes).unwrap();
        assert_eq!(travelled, passport);
        for text in &texts {
            let (a, b) = (detector.scorer().score(text).score, read.scorer().score(text).score);
            assert!((a - b).abs() < 1e-3, "{a} {b}");
        }
        for damaged in [&bytes[..bytes.len() - 1], &bytes[..100], b"", b"GRISTMDLx"] {
            assert!(Detector::from_bytes(damaged).is_err());
        }
        let mut flipped = bytes.clone();
        let last = flipped.len() - 9;
        flipped[last] ^= 1;
        assert!(Detector::from_bytes(&flipped).is_err());
    }
}
