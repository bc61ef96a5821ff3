//! `kind = "list_recall"`: a list of things somebody needs, a question about one of them, and an exact answer.
//!
//! The length of the list, the place of the item asked for and the number of distractors vary by the seed, so that
//! recall can be told apart by position. An exact-match scorer is all the judging it takes.
//!
//! Source: the laundry-list task of long-context recall; the names and things are our own lists.

use std::sync::Arc;

use arrow::datatypes::FieldRef;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::params::{self, ParamError};
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use serde::Deserialize;

use crate::kit::rows::{count, instruction_fields, set_instruction};
use crate::kit::{Drawn, DrawnRecipe, Draws, Row};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "list_recall",
    version: 2,
    about: "Lists of who needs what, with a question whose answer is exact; length and position vary. No model needed.",
    source: "laundry-list recall tasks",
    takes_input: false,
    params: &[
        ParamDoc { name: "n", default: "1000", about: "number of rows" },
        ParamDoc { name: "items", default: "[3, 30]", about: "least and most items of a list, at most 40" },
        ParamDoc { name: "distractors", default: "[0, 5]", about: "least and most sentences about nothing asked for" },
    ],
    build,
};

const NAMES: &[&str] = &[
    "Amara", "Bao", "Chloe", "Dmitri", "Elif", "Farid", "Greta", "Hiro", "Ines", "Jonas", "Kofi", "Lena", "Mateo",
    "Nadia", "Oskar", "Priya", "Quinn", "Rosa", "Sven", "Tala", "Umar", "Vera", "Wanda", "Ximena", "Yusuf", "Zoe",
    "Anton", "Bianca", "Carlos", "Dora", "Emil", "Fatima", "Goran", "Hanna", "Igor", "Jamila", "Kaito", "Lucia",
    "Milos", "Noor",
];
const THINGS: &[&str] = &[
    "a ladder",
    "two candles",
    "a blue folder",
    "green paint",
    "a spare key",
    "a loaf of bread",
    "nine nails",
    "a wool blanket",
    "a map of the harbour",
    "soap",
    "a kettle",
    "three buckets",
    "a bicycle pump",
    "black ink",
    "a bag of flour",
    "a lamp",
    "copper wire",
    "a chess board",
    "a raincoat",
    "a stopwatch",
    "dried beans",
    "a paper kite",
    "a violin string",
    "lemon juice",
    "a wooden spoon",
    "a tin of varnish",
    "an umbrella",
    "a drum",
    "chalk",
    "a saddle",
    "a tent",
    "a thermometer",
    "blue thread",
    "a hand saw",
    "honey",
    "a telescope",
    "a doorbell",
    "salt",
    "a magnet",
    "sandpaper",
];
const DISTRACTORS: &[&str] = &[
    "The shop opens at eight.",
    "It rained all night.",
    "The bridge is being repaired.",
    "The market was crowded.",
    "Somebody left a window open.",
    "The train was late again.",
    "The dog slept by the door.",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default = "thousand")]
    n: u64,
    #[serde(default = "items")]
    items: [usize; 2],
    #[serde(default = "distractors")]
    distractors: [usize; 2],
}

fn thousand() -> u64 {
    1000
}
fn items() -> [usize; 2] {
    [3, 30]
}
fn distractors() -> [usize; 2] {
    [0, 5]
}

struct ListRecall {
    stage: String,
    seed: u64,
    params: Params,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let mut params: Params = params::parse(spec.params)?;
    params.n = params.n.min(spec.limit.unwrap_or(u64::MAX));
    let [least, most] = params.items;
    if least < 1 || least > most || most > NAMES.len() {
        return Err(ParamError::at("items", format!("expected [least, most] between 1 and {}", NAMES.len())));
    }
    if params.distractors[0] > params.distractors[1] || params.distractors[1] > 1000 {
        return Err(ParamError::at("distractors", "expected [least, most], at most 1000"));
    }
    let recipe = ListRecall { stage: spec.name.to_owned(), seed: spec.seed, params };
    Ok(Stage::Maker(Arc::new(Drawn(Arc::new(recipe)))))
}

impl DrawnRecipe for ListRecall {
    fn kind(&self) -> &'static str {
        ENTRY.kind
    }

    fn stage(&self) -> &str {
        &self.stage
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn n(&self) -> u64 {
        self.params.n
    }

    fn fields(&self) -> Vec<FieldRef> {
        let mut fields = instruction_fields();
        fields.extend([count("n_items"), count("position"), count("n_distractors")]);
        fields
    }

    fn draw(&self, draws: &mut Draws) -> (Row, Option<String>) {
        let between = |draws: &mut Draws, [least, most]: [usize; 2]| least + draws.below(most - least + 1);
        let n = between(draws, self.params.items);
        let n_distractors = between(draws, self.params.distractors);
        let names = draws.sample(NAMES, n);
        let things = draws.sample(THINGS, n);
        let asked = draws.below(n);
        let mut lines: Vec<String> =
            names.iter().zip(&things).map(|(name, thing)| format!("{name} needs {thing}.")).collect();
        for _ in 0..n_distractors {
            let at = draws.below(lines.len() + 1);
            lines.insert(at, draws.choose(DISTRACTORS).copied().unwrap_or_default().to_owned());
        }
        let mut row = Row::new();
        let instruction = format!("Read the list and say what {} needs. Reply with the thing alone.", names[asked]);
        let list = lines.join("\n");
        set_instruction(&mut row, &instruction, &list, things[asked]);
        row.insert("n_items".into(), n.into());
        row.insert("position".into(), asked.into());
        row.insert("n_distractors".into(), n_distractors.into());
        (row, Some(format!("{instruction}\n{list}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_in_the_list_at_the_place_that_is_told() {
        let params: Params = serde_json::from_str("{}").unwrap();
        let recipe = ListRecall { stage: "l".into(), seed: 1, params };
        for n in 0..100 {
            let (row, _) = recipe.draw(&mut Draws::of(1, &[&n.to_string()]));
            let name = row["instruction"].as_str().unwrap().split(' ').nth(6).unwrap();
            let needs: Vec<&str> = row["input"].as_str().unwrap().lines().filter(|l| l.contains(" needs ")).collect();
            let position = row["position"].as_u64().unwrap() as usize;
            assert_eq!(needs[position], format!("{name} needs {}.", row["output"].as_str().unwrap()));
            assert_eq!(needs.len() as u64, row["n_items"].as_u64().unwrap());
        }
    }
}
