//! `kind = "interleave"`: texts with spans cut out and placeholders in their stead, for data that interleaves two modes.
//!
//! Spans of drawn lengths are taken until the wanted share of a text is covered; each is replaced by a numbered
//! placeholder and kept beside the text, so that another program can put its rendering (speech tokens, images, another
//! language) where the placeholder stands. No model is needed, and each row is its own oracle: spans put back give the
//! text, which is checked before a row goes on.
//!
//! Source: interleaved speech and text data (Zeng et al. 2024, arXiv:2411.17607): lengths by a Poisson distribution of
//! mean 10 until 30 % is covered; figures as told in that paper's summaries, not re-read. Making speech of the spans is
//! not done here. We differ: two spans never touch, so that each placeholder stands alone.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::error::Result;
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::{ID, LICENSE, SOURCE, TEXT, URL, document_id};
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kit::rows::{count, document_schema, mark_drawn, number, require_columns, texts};
use crate::kit::{Draws, Outcome, Panel, PerRow, Row, RowRecipe, text_of};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "interleave",
    version: 1,
    about: "Texts with drawn spans replaced by placeholders, the spans kept beside them. No model needed.",
    source: "interleaved speech and text data, Zeng et al. 2024, arXiv:2411.17607",
    takes_input: true,
    params: &[
        ParamDoc { name: "mean_span", default: "10", about: "mean length of a span, Poisson; a length of 0 becomes 1" },
        ParamDoc { name: "share", default: "0.3", about: "share of a text to be covered by spans, 0 to 0.9" },
        ParamDoc { name: "unit", default: "\"word\"", about: "word, cut at white space, or char" },
        ParamDoc { name: "min_units", default: "20", about: "shorter texts are dropped" },
        ParamDoc { name: "placeholder", default: "\"<|span_{i}|>\"", about: "stands for span number {i}, from 0" },
    ],
    build,
};

#[derive(Deserialize, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Unit {
    #[default]
    Word,
    Char,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default = "ten")]
    mean_span: f64,
    #[serde(default = "three_tenths")]
    share: f64,
    #[serde(default)]
    unit: Unit,
    #[serde(default = "twenty")]
    min_units: usize,
    #[serde(default = "placeholder")]
    placeholder: String,
}

fn ten() -> f64 {
    10.0
}
fn three_tenths() -> f64 {
    0.3
}
fn twenty() -> usize {
    20
}
fn placeholder() -> String {
    "<|span_{i}|>".to_owned()
}

struct Interleave {
    stage: String,
    seed: u64,
    params: Params,
    /// The placeholder before and after its number.
    around: [String; 2],
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    Ok(Stage::Maker(Arc::new(PerRow(Arc::new(recipe(spec)?)))))
}

fn recipe(spec: &StageSpec<'_>) -> Result<Interleave, ParamError> {
    let params: Params = params::parse(spec.params)?;
    if !(params.mean_span > 0.0 && params.mean_span <= 500.0) {
        return Err(ParamError::at("mean_span", "expected above 0 and at most 500"));
    }
    if !(0.0..=0.9).contains(&params.share) {
        return Err(ParamError::at("share", "expected a share between 0 and 0.9"));
    }
    let around = params.placeholder.split_once("{i}").map(|(before, after)| [before.to_owned(), after.to_owned()]);
    let around = around.filter(|[before, after]| !before.is_empty() && !after.is_empty());
    let around = around.ok_or_else(|| ParamError::at("placeholder", "expected a text with {i} between two others"))?;
    Ok(Interleave { stage: spec.name.to_owned(), seed: spec.seed, params, around })
}

/// A number by Poisson's distribution, as the count of draws whose product stays above exp(-mean) (Knuth).
fn poisson(mean: f64, draws: &mut Draws) -> usize {
    let (least, mut product, mut n) = ((-mean).exp(), 1.0, 0);
    loop {
        product *= draws.unit();
        if product <= least {
            return n;
        }
        n += 1;
    }
}

/// Places tried for a span before the text counts as full.
const TRIES: usize = 64;

/// Spans as `[from, to)` in units, in order, never touching, until a share of `n` units is covered.
fn spans(n: usize, mean: f64, share: f64, draws: &mut Draws) -> Vec<[usize; 2]> {
    let wanted = (share * n as f64).round() as usize;
    // A unit is taken when it is in a span or beside one.
    let (mut taken, mut found, mut covered) = (vec![false; n], Vec::new(), 0);
    while covered < wanted {
        let len = poisson(mean, draws).max(1).min(wanted - covered);
        let place = (0..TRIES).map(|_| draws.below(n - len + 1)).find(|from| !taken[*from..from + len].contains(&true));
        let Some(from) = place else { break };
        let beside = from.saturating_sub(1)..(from + len + 1).min(n);
        taken[beside].fill(true);
        found.push([from, from + len]);
        covered += len;
    }
    found.sort_unstable();
    found
}

/// Where each unit of a text begins and ends, in bytes.
fn units(text: &str, unit: Unit) -> Vec<[usize; 2]> {
    match unit {
        Unit::Char => text.char_indices().map(|(at, c)| [at, at + c.len_utf8()]).collect(),
        Unit::Word => {
            let start = text.as_ptr() as usize;
            let place = |word: &str| word.as_ptr() as usize - start;
            text.split_whitespace().map(|word| [place(word), place(word) + word.len()]).collect()
        }
    }
}

/// A text with placeholders and what they stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Interleaved {
    text: String,
    spans: Vec<String>,
}

impl Interleave {
    fn cut(&self, text: &str, places: &[[usize; 2]]) -> Interleaved {
        let (mut cut, mut last, mut spans) = (String::new(), 0, Vec::new());
        for (i, [from, to]) in places.iter().enumerate() {
            cut.push_str(&text[last..*from]);
            cut.push_str(&self.placeholder(i));
            spans.push(text[*from..*to].to_owned());
            last = *to;
        }
        cut.push_str(&text[last..]);
        Interleaved { text: cut, spans }
    }

    fn placeholder(&self, i: usize) -> String {
        format!("{}{i}{}", self.around[0], self.around[1])
    }

    /// The text with its spans back in their places.
    fn filled(&self, interleaved: &Interleaved) -> String {
        let (mut text, mut rest) = (String::new(), interleaved.text.as_str());
        for (i, span) in interleaved.spans.iter().enumerate() {
            let Some((before, after)) = rest.split_once(&self.placeholder(i)) else { break };
            text.push_str(before);
            text.push_str(span);
            rest = after;
        }
        text + rest
    }

    fn row(&self, parent: &Row, made: &Interleaved, n_units: usize, covered: usize) -> Row {
        let id = text_of(parent, ID);
        let mut row = Row::new();
        row.insert(ID.into(), document_id(&self.stage, id).into());
        for column in [SOURCE, LICENSE, URL] {
            row.insert(column.into(), parent.get(column).cloned().unwrap_or(Value::Null));
        }
        row.insert(TEXT.into(), made.text.as_str().into());
        row.insert("spans".into(), json!(made.spans));
        row.insert("n_spans".into(), made.spans.len().into());
        row.insert("covered_ratio".into(), json!(covered as f64 / n_units.max(1) as f64));
        mark_drawn(&mut row, ENTRY.kind, &[id]);
        row
    }

    fn made(&self, parent: &Row) -> Outcome {
        let text = text_of(parent, TEXT);
        let whole = Interleaved { text: text.to_owned(), spans: Vec::new() };
        let units = units(text, self.params.unit);
        if units.len() < self.params.min_units.max(1) {
            let row = self.row(parent, &whole, units.len(), 0);
            return Outcome::drop(row, "long_enough", json!({ "n_units": units.len() }));
        }
        if text.contains(&self.around[0]) {
            let row = self.row(parent, &whole, units.len(), 0);
            return Outcome::drop(row, "placeholder_is_free", json!({ "found": self.around[0] }));
        }
        let mut draws = Draws::of(self.seed, &[&self.stage, text_of(parent, ID)]);
        let drawn = spans(units.len(), self.params.mean_span, self.params.share, &mut draws);
        let places: Vec<[usize; 2]> = drawn.iter().map(|[from, to]| [units[*from][0], units[to - 1][1]]).collect();
        let made = self.cut(text, &places);
        let row = self.row(parent, &made, units.len(), drawn.iter().map(|[from, to]| to - from).sum());
        if made.spans.is_empty() {
            return Outcome::drop(row, "has_spans", json!({ "n_units": units.len() }));
        }
        match self.filled(&made) == text {
            true => Outcome::Keep(row),
            false => Outcome::drop(row, "spans_fit_back", json!({})),
        }
    }
}

#[async_trait]
impl RowRecipe for Interleave {
    fn stage(&self) -> &str {
        &self.stage
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        require_columns(&self.stage, input, &[ID, TEXT])?;
        Ok(document_schema([texts("spans"), count("n_spans"), number("covered_ratio")]))
    }

    fn rules(&self) -> Vec<String> {
        ["long_enough", "placeholder_is_free", "has_spans", "spans_fit_back"].map(str::to_owned).to_vec()
    }

    fn workers(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    async fn work(&self, _n: u64, row: Row, _workers: &Panel) -> Result<Vec<Outcome>> {
        Ok(vec![self.made(&row)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gristmill_core::stage::Reads;

    fn made(params: &Value) -> Interleave {
        recipe(&StageSpec { name: "i", params, seed: 1, limit: None, reads: &Reads::default() }).unwrap()
    }

    fn row(text: &str) -> Row {
        json!({ "id": "d", "text": text }).as_object().unwrap().clone()
    }

    /// Mean and variance of Poisson's distribution are both its parameter; 20,000 draws err by about 0.02 and 0.1.
    #[test]
    fn lengths_are_poissons_and_the_share_is_met() {
        let mut draws = Draws::of(1, &[]);
        let lengths: Vec<f64> = (0..20_000).map(|_| poisson(10.0, &mut draws) as f64).collect();
        let mean = lengths.iter().sum::<f64>() / 20_000.0;
        let variance = lengths.iter().map(|len| (len - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!((mean - 10.0).abs() < 0.1 && (variance - 10.0).abs() < 0.5, "{mean} {variance}");
        let found = spans(10_000, 10.0, 0.3, &mut draws);
        assert_eq!(found.iter().map(|[from, to]| to - from).sum::<usize>(), 3_000);
        assert!(found.windows(2).all(|pair| pair[0][1] < pair[1][0]), "spans touch");
    }

    #[test]
    fn spans_put_back_give_the_text_in_any_script() {
        let words: Vec<String> = (0..200).map(|i| format!("wört{i}")).collect();
        let chars: String = (0..300_u32).filter_map(|i| char::from_u32(0x4e00 + i)).collect();
        for (text, params) in [(words.join(" \n"), json!({})), (chars, json!({ "unit": "char" }))] {
            let recipe = made(&params);
            let Outcome::Keep(row) = recipe.made(&row(&text)) else { panic!("it is long enough") };
            let spans: Vec<String> = serde_json::from_value(row["spans"].clone()).unwrap();
            assert!(spans.len() > 3 && row["covered_ratio"] == json!(0.3));
            let interleaved = Interleaved { text: text_of(&row, TEXT).to_owned(), spans };
            assert_eq!(recipe.filled(&interleaved), text);
            assert_eq!((&row["parents"], &row["made_by"]["recipe"]), (&json!(["d"]), &json!("interleave")));
        }
    }

    #[test]
    fn texts_that_cannot_be_put_back_end_here() {
        let recipe = made(&json!({ "min_units": 2 }));
        let rule = |text: &str| match recipe.made(&row(text)) {
            Outcome::Drop(_, rule, _) => rule,
            Outcome::Keep(_) => String::new(),
        };
        assert_eq!(rule("one"), "long_enough");
        assert_eq!(rule("it says <|span_3|> already here"), "placeholder_is_free");
        assert_eq!(rule("a b"), "");
        let bare = super::recipe(&StageSpec {
            name: "i",
            params: &json!({ "placeholder": "{i}" }),
            seed: 1,
            limit: None,
            reads: &Reads::default(),
        });
        assert_eq!(bare.err().unwrap().path, ["placeholder"]);
    }
}
