//! The annotator `machine_text`: what the embedded detectors, or one of the user's own, say of a document.
//!
//! Scores, not verdicts: a rule over a score is the reader's own threshold. The embedded heads are uncalibrated, and a
//! score of 0 means nothing in particular on texts unlike those they were trained on; a model of the user's own brings
//! its calibration along, and what it says is the measure `verdict`.
//!
//! Below `min_words` there is no score: null, which fails a rule that does not say what short texts should become
//! (`NOT machine.is_scored OR machine.chat_score < 4`). So have texts of other scripts, of which the embedded heads know
//! nothing; a model of the user's own scores what it is given. What an attacker hides in a text (characters without width,
//! look-alike letters) is undone before it is scored and is a measure of its own.
//!
//! Source: see `detector` and `embedded`; the attacks are those of RAID (Dugan et al. 2024, arXiv:2405.07940).

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use gristmill_core::annotator::{Annotator, AnnotatorEntry, Document, Measure, MeasureType, ParamDoc, RecordSink};
use gristmill_core::params::{self, ParamError};
use serde::Deserialize;
use serde_json::Value;

use super::detector::{Detector, Reader, Score, WasRead};
use super::embedded::{Head, LEAST_WORDS, embedded};
use crate::calibrate::Verdict;

/// The row of the annotator table.
pub const ENTRY: AnnotatorEntry = AnnotatorEntry {
    name: "machine_text",
    about: "How much a text looks written by a chat model or a base model, uncalibrated; and hidden characters.",
    source: "n-grams, style and compression, linear; after Soto et al. 2024 (ICLR) and RAID, arXiv:2405.07940",
    params: &[
        ParamDoc {
            name: "model",
            default: "the embedded heads",
            about: "file of `gristmill detect train` or `bootstrap`; the measures are then `score`, `ngram_score`, \
                    `style_score` and `verdict` (machine, human, or null) in place of `chat_score` and `base_score`",
        },
        ParamDoc { name: "domain", default: "\"\"", about: "the domain whose calibration gives the model's verdict" },
        ParamDoc { name: "min_words", default: "80", about: "shorter texts have no scores" },
        ParamDoc {
            name: "max_bytes",
            default: "100000",
            about: "looks at no more than so many bytes from the start; the cost is linear in them",
        },
    ],
    build,
};

const SCORED: Measure = Measure {
    name: "is_scored",
    kind: MeasureType::Bool,
    about: "whether the text has `min_words` words or more and, for the embedded heads, mostly Latin letters",
};
const N_WORDS: Measure = Measure { name: "n_words", kind: MeasureType::Int, about: "words between white space" };
const N_INVISIBLE: Measure =
    Measure { name: "n_invisible", kind: MeasureType::Int, about: "characters without width that were hidden in it" };
const N_HOMOGLYPHS: Measure = Measure {
    name: "n_homoglyphs",
    kind: MeasureType::Int,
    about: "letters of other scripts that stood for Latin ones",
};
const ATTACK: Measure = Measure {
    name: "attack_ratio",
    kind: MeasureType::Float,
    about: "hidden characters and look-alikes among all characters, 0 to 1; 0 for the empty text",
};

const fn score_of(name: &'static str, about: &'static str) -> Measure {
    Measure { name, kind: MeasureType::Float, about }
}

const EMBEDDED: &[Measure] = &[
    SCORED,
    score_of("chat_score", "log-odds of a chat model against a person, uncalibrated; null for short texts"),
    score_of("base_score", "log-odds of a base model against a person, uncalibrated and weak; null for short texts"),
    N_WORDS,
    N_INVISIBLE,
    N_HOMOGLYPHS,
    ATTACK,
];

const OWN: &[Measure] = &[
    SCORED,
    score_of("score", "log-odds of a machine against a person; null for short texts"),
    score_of("ngram_score", "what the n-grams alone say"),
    score_of("style_score", "what style and compression alone say"),
    Measure {
        name: "verdict",
        kind: MeasureType::Text,
        about: "machine or human by the model's calibration; null where it abstains",
    },
    N_WORDS,
    N_INVISIBLE,
    N_HOMOGLYPHS,
    ATTACK,
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    model: Option<PathBuf>,
    #[serde(default)]
    domain: String,
    #[serde(default = "least_words")]
    min_words: usize,
    #[serde(default = "most_bytes")]
    max_bytes: usize,
}

fn least_words() -> usize {
    LEAST_WORDS
}

/// Some 16,000 words: a score does not change any more, and a file of 10 MB on one line costs milliseconds.
fn most_bytes() -> usize {
    100_000
}

enum Heads {
    Embedded { chat: &'static Detector, base: &'static Detector },
    Own { head: Box<Head>, domain: String },
}

struct MachineText {
    heads: Heads,
    min_words: usize,
    max_bytes: usize,
    /// Readers that no thread uses at the moment; each holds a megabyte of counters.
    readers: Mutex<Vec<Reader>>,
}

fn build(value: &Value) -> Result<Box<dyn Annotator>, ParamError> {
    let params: Params = params::parse(value)?;
    let heads = match params.model {
        Some(path) => {
            let refuse = |cause: String| ParamError::at("model", format!("{}: {cause}", path.display()));
            let bytes = std::fs::read(&path).map_err(|e| refuse(format!("cannot be read: {e}")))?;
            let head = Head::from_bytes(&bytes).map_err(|e| refuse(e.to_string()))?;
            Heads::Own { head: Box::new(head), domain: params.domain }
        }
        None if !params.domain.is_empty() => {
            let message = "the embedded detectors have no calibration: give a `model` for a domain to mean something";
            return Err(ParamError::at("domain", message));
        }
        None => {
            let heads = embedded().map_err(|cause| ParamError::at("model", cause))?;
            Heads::Embedded { chat: &heads.chat.detector, base: &heads.base.detector }
        }
    };
    let (min_words, max_bytes) = (params.min_words, params.max_bytes);
    Ok(Box::new(MachineText { heads, min_words, max_bytes, readers: Mutex::default() }))
}

impl MachineText {
    fn first_detector(&self) -> &Detector {
        match &self.heads {
            Heads::Embedded { chat, .. } => chat,
            Heads::Own { head, .. } => &head.detector,
        }
    }

    /// A reader that no other thread uses; to be given back.
    fn take_reader(&self) -> Reader {
        let kept = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| Reader::new(self.first_detector()))
    }

    fn push_no_scores(&self, record: &mut dyn RecordSink) {
        let measured_besides = [SCORED, N_WORDS, N_INVISIBLE, N_HOMOGLYPHS, ATTACK].len();
        (measured_besides..self.measures().len()).for_each(|_| record.null());
    }

    fn push_scores(&self, reader: &Reader, n_words: usize, record: &mut dyn RecordSink) {
        match &self.heads {
            Heads::Embedded { chat, base } => {
                record.float(chat.score(reader).score);
                record.float(base.score(reader).score);
            }
            Heads::Own { head, domain } => {
                let Score { score, ngram, style } = head.detector.score(reader);
                [score, ngram, style].into_iter().for_each(|value| record.float(value));
                match head.passport.calibration.verdict(score, domain, n_words) {
                    Verdict::Machine => record.text("machine"),
                    Verdict::Human => record.text("human"),
                    Verdict::Abstain(_) => record.null(),
                }
            }
        }
    }
}

impl Annotator for MachineText {
    fn measures(&self) -> &'static [Measure] {
        match self.heads {
            Heads::Embedded { .. } => EMBEDDED,
            Heads::Own { .. } => OWN,
        }
    }

    fn annotate(&self, document: &Document<'_>, record: &mut dyn RecordSink) {
        let text = document.view.text();
        let n_words = text.split_whitespace().count();
        let beginning = &text[..text.floor_char_boundary(self.max_bytes)];
        let mut reader = None;
        let changes = if n_words >= self.min_words {
            let mut taken = self.take_reader();
            let WasRead { changes, is_latin } = taken.read(beginning);
            let knows = is_latin || matches!(self.heads, Heads::Own { .. });
            record.bool(knows);
            match knows {
                true => self.push_scores(&taken, n_words, record),
                false => self.push_no_scores(record),
            }
            reader = Some(taken);
            changes
        } else {
            record.bool(false);
            self.push_no_scores(record);
            self.first_detector().normaliser().apply(beginning).changes
        };
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).extend(reader);
        record.int(n_words);
        record.int(changes.n_invisible);
        record.int(changes.n_homoglyphs);
        record.float(changes.attack_ratio());
    }
}

#[cfg(test)]
#[path = "annotator_tests.rs"]
mod tests;
