//! What a supervised fastText model of the user's says of a text.
//!
//! lid.176 and GlotLID tell languages with such models, DCLM picks good pages with one, Dolma toxic ones. Weights belong to
//! their makers, so none comes with this program: `model` names the file, `.bin` or quantised `.ftz`. The model decides
//! nothing here: a rule such as `lid.label = 'en' AND lid.score > 0.65` does.
//!
//! Texts are read as datatrove reads them, line ends as spaces, so that the whole text is one line to fastText.
//!
//! Source: Joulin et al. 2017, "Bag of Tricks for Efficient Text Classification", arXiv:1607.01759, and 2016,
//! "FastText.zip", arXiv:1612.03651; file format and arithmetic of fastText 0.9.2.
//! Deviations: a text without a word has no label, where fastText judges the end of its line; probabilities lack the
//! 1e-5 that fastText adds before it takes their logarithm.

mod bytes;
mod matrix;
mod model;
mod vocabulary;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use gristmill_core::annotator::{Annotator, AnnotatorEntry, Document, Measure, MeasureType, ParamDoc, RecordSink};
use gristmill_core::params::{self, ParamError};
use serde::Deserialize;
use serde_json::Value;

use model::Model;

/// The row of the annotator table.
pub(super) const ENTRY: AnnotatorEntry = AnnotatorEntry {
    name: "fasttext",
    about: "The label that a fastText model of yours gives a text (lid.176, GlotLID, a quality classifier), and how sure it is.",
    source: "Joulin et al. 2017, arXiv:1607.01759; models of fastText 0.9.2",
    params: &[
        ParamDoc { name: "model", default: "required", about: "file of a supervised model, .bin or .ftz" },
        ParamDoc {
            name: "label",
            default: "none",
            about: "the label whose probability is the measure `label_score`, without `__label__`",
        },
        ParamDoc {
            name: "max_bytes",
            default: "none",
            about: "looks at no more than so many bytes from the start; the cost is linear in them",
        },
    ],
    build,
};

const MEASURES: &[Measure] = &[
    Measure {
        name: "label",
        kind: MeasureType::Text,
        about: "the likeliest label, without `__label__`; null for no word",
    },
    Measure { name: "score", kind: MeasureType::Float, about: "its probability, 0 to 1" },
    Measure { name: "second_label", kind: MeasureType::Text, about: "the next one; null if there is none" },
    Measure { name: "second_score", kind: MeasureType::Float, about: "its probability" },
    Measure {
        name: "label_score",
        kind: MeasureType::Float,
        about: "the probability of the label given as a parameter; null without",
    },
];

/// What labels begin with in model files.
const PREFIX: &str = "__label__";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    model: PathBuf,
    label: Option<String>,
    max_bytes: Option<usize>,
}

struct FastText {
    model: Arc<Model>,
    label: Option<usize>,
    max_bytes: usize,
}

fn build(value: &Value) -> Result<Box<dyn Annotator>, ParamError> {
    let params: Params = params::parse(value)?;
    let model = loaded(&params.model)?;
    let label = match &params.label {
        None => None,
        Some(label) => Some(model.label(&format!("{PREFIX}{label}")).ok_or_else(|| {
            let known: Vec<&str> = model.labels().take(12).map(bare).collect();
            ParamError::at("label", format!("the model has no label \"{label}\"; it has {}, …", known.join(", ")))
        })?),
    };
    Ok(Box::new(FastText { model, label, max_bytes: params.max_bytes.unwrap_or(usize::MAX) }))
}

/// Models by path, size and time: a plan builds its operators several times, and a model may have a gigabyte.
type Cache = HashMap<(PathBuf, u64, Option<std::time::SystemTime>), Arc<Model>>;

fn loaded(path: &PathBuf) -> Result<Arc<Model>, ParamError> {
    static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);
    let refuse = |cause: String| ParamError::at("model", format!("{}: {cause}", path.display()));
    let about = std::fs::metadata(path).map_err(|e| refuse(e.to_string()))?;
    let key = (path.clone(), about.len(), about.modified().ok());
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(model) = cache.get(&key) {
        return Ok(Arc::clone(model));
    }
    let bytes = std::fs::read(path).map_err(|e| refuse(e.to_string()))?;
    let model = Arc::new(Model::read(&bytes).map_err(refuse)?);
    cache.insert(key, Arc::clone(&model));
    Ok(model)
}

fn bare(label: &str) -> &str {
    label.strip_prefix(PREFIX).unwrap_or(label)
}

impl Annotator for FastText {
    fn measures(&self) -> &'static [Measure] {
        MEASURES
    }

    fn annotate(&self, document: &Document<'_>, record: &mut dyn RecordSink) {
        let text = document.view.text();
        let text = &text[..text.floor_char_boundary(self.max_bytes)];
        let Some(scores) = self.model.scores(text) else {
            (0..MEASURES.len()).for_each(|_| record.null());
            return;
        };
        let mut best: [Option<usize>; 2] = [None; 2];
        for label in 0..scores.len() {
            let beats = |other: Option<usize>| other.is_none_or(|other| scores[label] > scores[other]);
            if beats(best[0]) {
                best = [Some(label), best[0]];
            } else if beats(best[1]) {
                best[1] = Some(label);
            }
        }
        for label in best {
            match label {
                Some(label) => {
                    record.text(bare(self.model.label_name(label)));
                    record.float(f64::from(scores[label]));
                }
                None => {
                    record.null();
                    record.null();
                }
            }
        }
        match self.label {
            Some(label) => record.float(f64::from(scores[label])),
            None => record.null(),
        }
    }
}

#[cfg(test)]
mod tests;
