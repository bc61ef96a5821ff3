//! `gristmill detect few-shot --support NAME=FILE… --human F… FILES`: whose style is it?

use std::fmt::Write;
use std::path::{Path, PathBuf};

use gristmill_detectors::calibrate::Abstain;
use gristmill_detectors::machine::fewshot::{CENTRE_TEXTS, Contrast, Encoder, StyleEncoder, Supports};
use gristmill_detectors::machine::normalise::Level;
use serde_json::json;

use super::detect::{load, read};
use crate::RunError;

/// What is compared with what.
#[derive(Debug, Clone)]
pub struct FewShotCall {
    /// Texts of machines: a name and a file each; files of the same name go together.
    pub supports: Vec<(String, PathBuf)>,
    /// Files of human texts of the same kind as those in question.
    pub human: Vec<PathBuf>,
    /// Files of the texts in question.
    pub files: Vec<PathBuf>,
    /// Field of the text in all of them.
    pub field: Option<String>,
    /// Texts by one writer that are scored together.
    pub episode: usize,
    /// Words of a text, or of all texts of an episode, below which it has no score.
    pub min_words: usize,
    /// A detector whose human reference gives the scale; none for that of the human texts here.
    pub model: Option<PathBuf>,
}

/// Compares texts with those of named machines: a JSON line for each text or episode.
///
/// # Errors
/// When a file cannot be read, or there are no human texts or none of a machine.
pub fn few_shot(call: &FewShotCall) -> Result<String, RunError> {
    let usage = |e: &dyn std::fmt::Display| RunError::Usage(e.to_string());
    let normal = |files: &[PathBuf]| -> Result<Vec<String>, RunError> {
        let texts = read(files, call.field.as_deref())?;
        Ok(texts.iter().map(|text| Level::N2.apply(text).into_owned()).filter(|text| !text.is_empty()).collect())
    };
    let human = normal(&call.human)?;
    let human: Vec<&str> = human.iter().map(String::as_str).collect();
    let encoder = encoder(call.model.as_deref(), &human)?;
    let encode = |texts: &[String]| encoder.encode(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let mut machines: Vec<(String, Vec<Vec<f32>>)> = Vec::new();
    for (name, file) in &call.supports {
        let rows = encode(&normal(std::slice::from_ref(file))?);
        match machines.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => known.extend(rows),
            None => machines.push((name.clone(), rows)),
        }
    }
    let centre = encoder.encode(&human);
    let supports = Supports::new(&centre, &machines).map_err(|e| usage(&e))?;
    let all: Vec<Vec<f32>> = machines.iter().flat_map(|(_, rows)| rows).cloned().collect();
    let contrast = Contrast::fit(&centre, &all).map_err(|e| usage(&e))?;
    let texts = read(&call.files, call.field.as_deref())?;
    let texts: Vec<String> = texts.iter().map(|text| Level::N2.apply(text).into_owned()).collect();
    let rows = encode(&texts);
    let mut out = String::new();
    let size = call.episode.max(1);
    for (i, episode) in rows.chunks(size).enumerate() {
        let n_words = texts[i * size..i * size + episode.len()].iter().map(|text| text.split_whitespace().count());
        let n_words: usize = n_words.sum();
        let place = match size {
            1 => ("row", json!(i + 1)),
            _ => ("rows", json!([i * size + 1, i * size + episode.len()])),
        };
        if n_words < call.min_words {
            let mut line = json!({ "score": null, "contrast": null, "nearest": null, "n_words": n_words });
            line[place.0] = place.1;
            line["why_not"] = json!(Abstain::TooShort { n_words, min_words: call.min_words });
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{line}");
            continue;
        }
        let found = supports.attribute(&supports.episode(episode));
        let cosines: serde_json::Map<String, serde_json::Value> =
            supports.names().iter().cloned().zip(found.cosines.iter().map(|cosine| json!(cosine))).collect();
        let contrast = episode.iter().map(|row| contrast.score(row)).sum::<f64>() / episode.len() as f64;
        let mut line =
            json!({ "score": found.score, "contrast": contrast, "nearest": supports.names()[found.nearest] });
        line["cosines"] = json!(cosines);
        line[place.0] = place.1;
        line["n_words"] = json!(n_words);
        if human.len() < CENTRE_TEXTS {
            line["note"] = json!(format!("{} human texts give the centre; {CENTRE_TEXTS} are enough", human.len()));
        }
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{line}");
    }
    Ok(out.trim_end().to_owned())
}

fn encoder(model: Option<&Path>, human: &[&str]) -> Result<StyleEncoder, RunError> {
    match model {
        Some(model) => Ok(StyleEncoder::new(load(model)?.0.reference().clone())),
        None => StyleEncoder::fit(human).ok_or_else(|| RunError::Usage("there are no human texts".into())),
    }
}

/// `NAME=FILE`, as it is typed.
///
/// # Errors
/// A sentence that says what was expected.
pub fn parse_support(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok((name.to_owned(), file.into())),
        _ => Err(format!("expected NAME=FILE, such as gpt-4=examples.jsonl, not \"{text}\"")),
    }
}
