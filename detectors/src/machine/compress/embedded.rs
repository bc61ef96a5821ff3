//! The preludes that come with the program: the sample data's texts in the manner of an assistant and of people.
//!
//! They were written for this project, by a hand that exaggerates either manner, and never saw what they are measured on:
//! a detector without training or data. It knows the manner of chat assistants only; of text by models that merely go on
//! it says nothing, and there the bits per byte alone say a little.

use serde::Deserialize;

use super::Preludes;

const HUMAN: &str = include_str!("../../../../sample-data/detect/human.jsonl");
const MACHINE: &str = include_str!("../../../../sample-data/detect/machine.jsonl");
/// What the sample data calls the manner of an assistant.
const ASSISTANT: &str = "assistant-style";

#[derive(Deserialize)]
struct Row {
    text: String,
    model: Option<String>,
}

fn texts(lines: &str, model: Option<&str>) -> Vec<String> {
    let rows = lines.lines().filter_map(|line| serde_json::from_str::<Row>(line).ok());
    rows.filter(|row| row.model.as_deref() == model).map(|row| row.text).collect()
}

impl Preludes {
    /// The embedded preludes. Costs some milliseconds.
    pub fn embedded() -> Self {
        let (machine, human) = (texts(MACHINE, Some(ASSISTANT)), texts(HUMAN, None));
        Self::new(machine.iter().map(String::as_str), human.iter().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Curve;
    use crate::machine::normalise::Level;

    #[test]
    fn forty_texts_of_either_manner_are_read() {
        assert_eq!((texts(HUMAN, None).len(), texts(MACHINE, Some(ASSISTANT)).len()), (40, 40));
    }

    /// Measured: ZipPy with its own prelude of 87 KB has .862 on six chat cells; the bare length .654 on base models.
    #[test]
    fn chat_models_are_told_from_people_without_training() {
        let shared = std::env::var_os("GRISTMILL_SHARED").map(std::path::PathBuf::from);
        let manifest = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let places = shared.into_iter().chain([manifest.join("../shared"), manifest.join("../../shared")]);
        let Some(folder) = places.map(|place| place.join("data/detect")).find(|folder| folder.is_dir()) else {
            eprintln!("SKIPPED: the detection data is not there (set GRISTMILL_SHARED)");
            return;
        };
        let preludes = Preludes::embedded();
        let mut scorer = preludes.scorer();
        let mut sum = 0.0;
        for cell in ["xsum_gpt-3.5-turbo", "xsum_gpt-4", "writing_gpt-3.5-turbo", "writing_gpt-4"] {
            let text = std::fs::read_to_string(folder.join(format!("{cell}.json"))).unwrap();
            let data: std::collections::BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
            let mut side = |key: &str| -> Vec<f64> {
                let texts = data[key].as_array().unwrap().iter().map(|text| Level::N2.apply(text.as_str().unwrap()));
                texts.filter_map(|text| scorer.score(&text)).map(|found| found.score).collect()
            };
            let curve = Curve::of(&side("original"), &side("sampled")).unwrap();
            let tpr = curve.at_fpr(0.01).unwrap().tpr.unwrap();
            eprintln!("{cell}: AUROC {:.3}, TPR at 1 % {tpr:.2}", curve.auroc().unwrap());
            sum += curve.auroc().unwrap() / 4.0;
        }
        eprintln!("mean of 4 chat cells: AUROC {sum:.4}");
        assert!(sum >= 0.93, "{sum}");
    }
}
