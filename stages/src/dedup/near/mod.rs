//! `kind = "dedup.minhash"`: one document of each group of near duplicates.
//!
//! Its parameters, and the parts they choose; [`solve`] says how it works.

mod index;
mod solve;

use std::path::PathBuf;
use std::sync::Arc;

use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::Result;
use gristmill_core::params::{self, ParamError};
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use serde::Deserialize;
use serde_json::Value;

use super::minhash::normal::Normal;
use super::minhash::params::Bands;
use super::minhash::shingle::{Shingler, Short};
use super::minhash::signature::Permutations;
use super::minhash::verify::Verify;
use super::scan;
use index::{About, IndexFile};
use solve::Near;

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "dedup.minhash",
    version: 2,
    about: "Keeps one document of each cluster of near duplicates; the others are dropped by `first_of_its_kind`.",
    source: "Broder 1997; FineWeb (Penedo et al. 2024): 5-word shingles, 14 bands of 8 rows; verification after Lee et al. 2022",
    takes_input: true,
    params: &[
        ParamDoc { name: "bands, rows", default: "14, 8", about: "split of the signature" },
        ParamDoc {
            name: "threshold, permutations",
            default: "none",
            about: "instead of bands and rows: the split of so many values that errs least around a Jaccard similarity",
        },
        ParamDoc { name: "shingle_words", default: "5", about: "words per shingle" },
        ParamDoc {
            name: "verify",
            default: "none",
            about: "least true Jaccard similarity of an edge, in (0, 1]; none: a shared band is enough",
        },
        ParamDoc {
            name: "max_leaders",
            default: "64",
            about: "with verify: documents of a bucket that others are compared with",
        },
        ParamDoc {
            name: "short",
            default: "\"whole\"",
            about: "documents under shingle_words words: whole = one shingle, keep = never duplicates",
        },
        ParamDoc { name: "lower, numbers, punctuation, marks", default: "true", about: "steps of the normalisation" },
        ParamDoc {
            name: "survivor",
            default: "\"first\"",
            about: "first, longest, newest, best:COLUMN, or a list of sources; ties go to the first",
        },
        ParamDoc {
            name: "cluster",
            default: "false",
            about: "adds a column with the stage's name: cluster_id (the survivor's id) and cluster_size",
        },
        ParamDoc {
            name: "index",
            default: "none",
            about: "folder of an index that an earlier run wrote: its documents come first and always survive",
        },
        ParamDoc {
            name: "write_index",
            default: "none",
            about: "folder for an index of all documents seen, those of `index` included; written anew when missing",
        },
    ],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    bands: Option<usize>,
    rows: Option<usize>,
    threshold: Option<f64>,
    permutations: Option<usize>,
    #[serde(default = "five")]
    shingle_words: usize,
    verify: Option<f64>,
    #[serde(default = "sixty_four")]
    max_leaders: usize,
    #[serde(default)]
    short: ShortParam,
    #[serde(default = "yes")]
    lower: bool,
    #[serde(default = "yes")]
    numbers: bool,
    #[serde(default = "yes")]
    punctuation: bool,
    #[serde(default = "yes")]
    marks: bool,
    survivor: Option<Value>,
    #[serde(default)]
    cluster: bool,
    index: Option<PathBuf>,
    write_index: Option<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum ShortParam {
    #[default]
    Whole,
    Keep,
}

fn five() -> usize {
    5
}
fn sixty_four() -> usize {
    64
}
fn yes() -> bool {
    true
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: Params = params::parse(spec.params)?;
    let bands = split(&params)?;
    if params.shingle_words == 0 {
        return Err(ParamError::at("shingle_words", "expected at least 1 word"));
    }
    if params.verify.is_some_and(|jaccard| !(jaccard > 0.0 && jaccard <= 1.0)) {
        return Err(ParamError::at("verify", "expected a Jaccard similarity in (0, 1]"));
    }
    let short = match params.short {
        ShortParam::Whole => Short::Whole,
        ShortParam::Keep => Short::Keep,
    };
    let normal = Normal {
        lower: params.lower,
        numbers: params.numbers,
        punctuation: params.punctuation,
        marks: params.marks,
        ..Normal::default()
    };
    let about = About::new(bands, params.shingle_words, short, normal, spec.seed, params.verify.is_some());
    let place = |folder: &PathBuf| std::fs::canonicalize(folder).unwrap_or_else(|_| folder.clone());
    if params.index.is_some() && params.index.as_ref().map(place) == params.write_index.as_ref().map(place) {
        return Err(ParamError::at("write_index", "is the index that is read: a rerun would meet its own documents"));
    }
    let index = match &params.index {
        Some(folder) => Some(IndexFile::open(folder, &about).map_err(|cause| ParamError::at("index", cause))?),
        None => None,
    };
    Ok(Stage::Solver(Arc::new(Near {
        stage: spec.name.to_owned(),
        bands,
        verify: params.verify.map(|jaccard| Verify { jaccard, max_leaders: params.max_leaders }),
        shingler: Shingler::new(params.shingle_words, short, normal),
        permutations: Arc::new(Permutations::new(bands.n_values(), spec.seed)),
        policy: scan::policy(params.survivor.as_ref())?,
        cluster: params.cluster,
        about,
        index,
        write_index: params.write_index,
    })))
}

fn split(params: &Params) -> Result<Bands, ParamError> {
    match (params.bands, params.rows, params.threshold, params.permutations) {
        (None, None, None, None) => Ok(Bands::default()),
        (Some(bands), Some(rows), None, None) => {
            Bands::new(bands, rows).map_err(|e| ParamError::at("bands", e.to_string()))
        }
        (None, None, Some(threshold), Some(n)) => {
            Bands::optimal(threshold, n).map_err(|e| ParamError::at("threshold", e.to_string()))
        }
        _ => Err(ParamError::at("bands", "give both bands and rows, or both threshold and permutations")),
    }
}
