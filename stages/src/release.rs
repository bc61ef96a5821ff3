//! `kind = "release"`: what leaves the house. The writing itself is the runner's; this is the config of it.

use gristmill_core::annotator::ParamDoc;
use gristmill_core::params::{self, ParamError};
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The row of the stage table.
pub static ENTRY: StageEntry = StageEntry {
    kind: "release",
    version: 1,
    about: "Writes a dataset: Parquet shards, dataset card, MANIFEST.json, SHA256SUMS; the same run builds the same bytes.",
    source: "Hugging Face dataset cards; sha256sum(1)",
    takes_input: true,
    params: &[
        ParamDoc {
            name: "columns",
            default: "id, text, url, source, created, license, meta",
            about: "name = \"SQL over the columns\": the columns of the dataset, in order",
        },
        ParamDoc { name: "split", default: "\"train\"", about: "name of the only split" },
        ParamDoc {
            name: "splits",
            default: "none",
            about: "{ train = 0.98, test = 0.02 }: shares of several splits; a row's is drawn by a hash of `split_by`",
        },
        ParamDoc {
            name: "split_by",
            default: "\"id\"",
            about: "column of the release whose value decides the split: rows with the same value stay together",
        },
        ParamDoc {
            name: "layout",
            default: "\"parquet\"",
            about: "`dolma` writes documents/ and attributes/ as JSON lines with zstd instead",
        },
        ParamDoc {
            name: "tokens",
            default: "none",
            about: "`bytes` also writes tokens/ as NumPy arrays: UTF-8 bytes, 256 after each text, and where each ends",
        },
        ParamDoc {
            name: "opt_out",
            default: "none",
            about: "`drop` pages that withhold themselves (noai, tdm-reservation), or `mark` them in a column",
        },
        ParamDoc {
            name: "require",
            default: "none",
            about: "{ audit = \"STAGE\", level = \"watch\" }: no release when the audit found worse than ok, watch or alarm",
        },
        ParamDoc {
            name: "push",
            default: "none",
            about: "URL of a folder to copy the release to: file:///…; s3://… where built with the feature `s3`",
        },
        ParamDoc { name: "pretty_name", default: "the run's name", about: "title of the card" },
        ParamDoc { name: "description", default: "none", about: "first paragraph of the card" },
        ParamDoc { name: "license", default: "none", about: "licence of the compilation, for the card's front matter" },
        ParamDoc {
            name: "published",
            default: "the newest `created` of the rows",
            about: "day of publication, \"2026-01-31\"; the clock is never asked, so that a build can be repeated",
        },
        ParamDoc { name: "citation", default: "none", about: "how to cite the dataset: a reference or BibTeX" },
        ParamDoc { name: "rationale", default: "none", about: "why it was made and chosen so, for the card" },
        ParamDoc { name: "task_categories", default: "[\"text-generation\"]", about: "for the card's front matter" },
    ],
    build,
};

/// Parameters of a release.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseParams {
    /// Column name -> SQL expression.
    #[serde(default)]
    pub columns: Map<String, Value>,
    /// Name of the split.
    #[serde(default = "train")]
    pub split: String,
    /// Title of the card.
    pub pretty_name: Option<String>,
    /// First paragraph of the card.
    pub description: Option<String>,
    /// Licence of the compilation.
    pub license: Option<String>,
    /// Day of publication, `YYYY-MM-DD`.
    pub published: Option<String>,
    /// How to cite the dataset.
    pub citation: Option<String>,
    /// Why it was made.
    pub rationale: Option<String>,
    /// Shares of several splits, in order; empty for the one of `split`.
    #[serde(default)]
    pub splits: Map<String, Value>,
    /// Column that decides the split.
    #[serde(default = "id")]
    pub split_by: String,
    /// How the rows are laid out.
    #[serde(default)]
    pub layout: Layout,
    /// The tokens that are written beside the rows.
    pub tokens: Option<Tokens>,
    /// What happens to pages that withhold themselves.
    pub opt_out: Option<OptOutPolicy>,
    /// The audit that decides whether the release is built.
    pub require: Option<Require>,
    /// Where the release is copied to.
    pub push: Option<String>,
    /// Tasks the data is for.
    #[serde(default = "text_generation")]
    pub task_categories: Vec<String>,
}

/// How the rows of a release are laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// `data/SPLIT-*.parquet`.
    #[default]
    Parquet,
    /// Dolma's `documents/` and `attributes/`, JSON lines with zstd.
    Dolma,
}

/// Tokens beside the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tokens {
    /// `tokens/SPLIT-*.npy`: the UTF-8 bytes of the texts.
    Bytes,
}

/// What happens to pages that carry a signal against the use for models: `noai` of robots tags and headers, or
/// `tdm-reservation: 1`. (`noindex` speaks of search engines and does not count.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptOutPolicy {
    /// They end as ledger rows `<release>.opt_out`.
    Drop,
    /// They stay, with the signals in the column `opt_out`.
    Mark,
}

/// The audit that a release depends on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Require {
    /// Name of an audit stage before the release.
    pub audit: String,
    /// The worst level that is allowed: `ok`, `watch` or `alarm`.
    #[serde(default = "watch")]
    pub level: String,
}

impl ReleaseParams {
    /// Names and shares of the splits; shares add up to 1.
    pub fn shares(&self) -> Vec<(String, f64)> {
        if self.splits.is_empty() {
            return vec![(self.split.clone(), 1.0)];
        }
        let total: f64 = self.splits.values().filter_map(Value::as_f64).sum();
        self.splits.iter().map(|(name, share)| (name.clone(), share.as_f64().unwrap_or(0.0) / total)).collect()
    }
}

fn id() -> String {
    "id".into()
}

fn watch() -> String {
    "watch".into()
}

fn train() -> String {
    "train".into()
}

fn text_generation() -> Vec<String> {
    vec!["text-generation".into()]
}

/// Whether a text has the form of a day of the calendar, `YYYY-MM-DD`.
fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |part: &str, n_digits: usize, range: std::ops::RangeInclusive<u32>| {
        part.len() == n_digits
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse().is_ok_and(|number: u32| range.contains(&number))
    };
    matches!(parts[..], [y, m, d] if number(y, 4, 1..=9999) && number(m, 2, 1..=12) && number(d, 2, 1..=31))
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let params: ReleaseParams = params::parse(spec.params)?;
    let names = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !names(&params.split) {
        return Err(ParamError::at("split", "a split's name is made of letters, digits and `_`"));
    }
    for (name, share) in &params.splits {
        let refuse = |message: &str| ParamError { path: vec!["splits".into(), name.clone()], message: message.into() };
        if !names(name) {
            return Err(refuse("a split's name is made of letters, digits and `_`"));
        }
        if !share.as_f64().is_some_and(|share| share > 0.0 && share.is_finite()) {
            return Err(refuse("expected a share above 0"));
        }
    }
    let total: f64 = params.splits.values().filter_map(Value::as_f64).sum();
    if !params.splits.is_empty() && (total - 1.0).abs() > 1e-6 {
        return Err(ParamError::at("splits", format!("the shares add up to {total}, not to 1")));
    }
    if params.published.as_deref().is_some_and(|day| !is_day(day)) {
        return Err(ParamError::at("published", "expected a day, such as \"2026-01-31\""));
    }
    let is_released = |name: &str| params.columns.is_empty() || params.columns.contains_key(name);
    if params.tokens.is_some() && !is_released("text") {
        return Err(ParamError::at("tokens", "the release has no column \"text\" to make tokens of"));
    }
    if !params.splits.is_empty() && !is_released(&params.split_by) {
        let message = format!("the release has no column \"{}\" to split by", params.split_by);
        return Err(ParamError::at("split_by", message));
    }
    if let Some(require) = &params.require
        && !["ok", "watch", "alarm"].contains(&require.level.as_str())
    {
        let path = vec!["require".into(), "level".into()];
        return Err(ParamError { path, message: "expected \"ok\", \"watch\" or \"alarm\"".into() });
    }
    for (name, sql) in &params.columns {
        if !sql.is_string() {
            let path = vec!["columns".into(), name.clone()];
            return Err(ParamError { path, message: "expected a string with a SQL expression".into() });
        }
    }
    Ok(Stage::Release(Box::new(spec.params.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_a_year_a_month_and_a_day() {
        for (text, is_such) in
            [("2026-01-31", true), ("2026-13-01", false), ("2026-1-31", false), ("31.1.2026", false), ("", false)]
        {
            assert_eq!(is_day(text), is_such, "{text}");
        }
    }
}
