//! Which language a text is in.
//!
//! whatlang compares the script and the frequent trigrams of the text with profiles of 70 languages. Its confidence is
//! how far the best profile is ahead of the second, not a probability: on a short text or a list of names it can be 1.0
//! and wrong. A rule should look at `confidence` and at the length of the text.
//!
//! Source: the crate whatlang 0.18 (Cavnar and Trenkle 1994, "N-Gram-Based Text Categorization"). FineWeb, DCLM and
//! Dolma use fastText's lid.176 instead; its scores are of another kind, so their limits do not carry over.

use gristmill_core::annotator::{Annotator, AnnotatorEntry, Document, Measure, MeasureType, ParamDoc, RecordSink};
use gristmill_core::params::{self, ParamError};
use serde::Deserialize;
use serde_json::Value;
use whatlang::{Detector, Lang};

/// The row of the annotator table.
pub(super) const ENTRY: AnnotatorEntry = AnnotatorEntry {
    name: "lang_id",
    about: "Language, how sure it is, and script.",
    source: "whatlang 0.18; Cavnar and Trenkle 1994",
    params: &[
        ParamDoc {
            name: "languages",
            default: "[]",
            about: "ISO 639-3 codes of the only languages to consider; none means all that are known",
        },
        ParamDoc {
            name: "max_chars",
            default: "none",
            about: "looks at no more than so many characters from the start; the cost is linear in them",
        },
    ],
    build,
};

const MEASURES: &[Measure] = &[
    Measure { name: "code", kind: MeasureType::Text, about: "ISO 639-3 code; null for a text without letters" },
    Measure { name: "confidence", kind: MeasureType::Float, about: "lead over the second best language, 0 to 1" },
    Measure {
        name: "script",
        kind: MeasureType::Text,
        about: "script of most letters, e.g. Latin, Cyrillic, Mandarin",
    },
    Measure { name: "is_reliable", kind: MeasureType::Bool, about: "whether whatlang itself would trust the answer" },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    languages: Vec<String>,
    max_chars: Option<usize>,
}

struct LangId {
    detector: Detector,
    max_chars: usize,
}

fn build(value: &Value) -> Result<Box<dyn Annotator>, ParamError> {
    let params: Params = params::parse(value)?;
    let languages: Result<Vec<Lang>, ParamError> = params.languages.iter().map(|code| language(code)).collect();
    let detector = match languages? {
        all if all.is_empty() => Detector::new(),
        some => Detector::with_allowlist(some),
    };
    Ok(Box::new(LangId { detector, max_chars: params.max_chars.unwrap_or(usize::MAX) }))
}

fn language(code: &str) -> Result<Lang, ParamError> {
    Lang::from_code(code).ok_or_else(|| {
        let known: Vec<&str> = Lang::all().iter().map(|lang| lang.code()).collect();
        ParamError::at(
            "languages",
            format!("unknown language \"{code}\"; expected ISO 639-3 codes: {}", known.join(", ")),
        )
    })
}

impl Annotator for LangId {
    fn measures(&self) -> &'static [Measure] {
        MEASURES
    }

    fn annotate(&self, document: &Document<'_>, record: &mut dyn RecordSink) {
        let text = document.view.text();
        let end = if text.len() <= self.max_chars { None } else { text.char_indices().nth(self.max_chars) };
        let Some(info) = self.detector.detect(end.map_or(text, |(end, _)| &text[..end])) else {
            (0..MEASURES.len()).for_each(|_| record.null());
            return;
        };
        record.text(info.lang().code());
        record.float(info.confidence());
        record.text(info.script().name());
        record.bool(info.is_reliable());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{Measured, measure};
    use super::*;

    fn detect(text: &str, params: &Value) -> Vec<Measured> {
        measure(&*build(params).unwrap(), text)
    }

    #[test]
    fn names_the_language_and_the_script() {
        // Expectations: the languages the sentences were written in.
        for (text, code, script) in [
            ("The miller grinds the corn that the farmers bring to the mill every autumn.", "eng", "Latin"),
            ("Der Müller mahlt das Korn, das die Bauern jeden Herbst zur Mühle bringen.", "deu", "Latin"),
            ("Мельник мелет зерно, которое крестьяне привозят на мельницу каждую осень.", "rus", "Cyrillic"),
            ("הטוחן טוחן את התבואה שהאיכרים מביאים לטחנה בכל סתיו.", "heb", "Hebrew"),
        ] {
            let values = detect(text, &json!({}));
            assert_eq!(values[0], Measured::Text(code.into()));
            assert_eq!(values[2], Measured::Text(script.into()));
        }
    }

    #[test]
    fn a_text_without_letters_has_no_language() {
        // Hand calculation.
        for text in ["", "  \n", "12:30 +++"] {
            assert_eq!(detect(text, &json!({})), vec![Measured::Null; 4]);
        }
    }

    #[test]
    fn considers_only_the_languages_it_is_given() {
        let text = "Der Müller mahlt das Korn, das die Bauern jeden Herbst zur Mühle bringen.";
        assert_eq!(detect(text, &json!({"languages": ["eng", "nld"]}))[0], Measured::Text("nld".into()));
        assert_eq!(
            detect(&format!("{text} The miller"), &json!({"max_chars": 20}))[0],
            detect(&text[..21], &json!({}))[0]
        );
        let error = build(&json!({"languages": ["english"]})).err().unwrap();
        assert_eq!(error.path, ["languages"]);
        assert!(error.message.starts_with("unknown language \"english\""));
        assert!(build(&json!({"langs": []})).is_err());
    }
}
