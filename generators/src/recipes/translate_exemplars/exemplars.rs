//! Exemplars: texts with their English, and the draw that shows many scripts.

use serde::{Deserialize, Serialize};

use super::scripts::{Script, main_script};
use crate::kit::Draws;

/// A text with its English.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exemplar {
    pub(super) language: String,
    pub(super) text: String,
    pub(super) english: String,
}

/// An exemplar as a prompt shows it.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    from: &'a str,
    to: &'a str,
    text: &'a str,
    translation: &'a str,
}

pub(super) const ENGLISH: &str = "English";

impl Exemplar {
    pub(super) fn forth(&self) -> Shown<'_> {
        Shown { from: &self.language, to: ENGLISH, text: &self.text, translation: &self.english }
    }

    pub(super) fn back(&self) -> Shown<'_> {
        Shown { from: ENGLISH, to: &self.language, text: &self.english, translation: &self.text }
    }
}

/// `n` exemplars, shuffled, one of each script before a second of any; none of the language itself unless all are.
pub(super) fn diverse(exemplars: &[Exemplar], language: &str, n: usize, draws: &mut Draws) -> Vec<Exemplar> {
    let mut others: Vec<&Exemplar> = exemplars.iter().filter(|e| !e.language.eq_ignore_ascii_case(language)).collect();
    if others.is_empty() {
        others = exemplars.iter().collect();
    }
    draws.shuffle(&mut others);
    let mut of_script: Vec<(Script, usize)> = Vec::new();
    let mut turns: Vec<(usize, &Exemplar)> = Vec::with_capacity(others.len());
    for exemplar in others {
        let script = main_script(&exemplar.text);
        let turn = match of_script.iter_mut().find(|(known, _)| *known == script) {
            Some((_, n)) => {
                *n += 1;
                *n
            }
            None => {
                of_script.push((script, 0));
                0
            }
        };
        turns.push((turn, exemplar));
    }
    turns.sort_by_key(|(turn, _)| *turn);
    turns.into_iter().take(n).map(|(_, exemplar)| exemplar.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::scripts::script_ratio;
    use super::*;

    #[test]
    fn every_script_has_its_turn_before_a_second_of_any() {
        let exemplar = |language: &str, text: &str| Exemplar {
            language: language.into(),
            text: text.into(),
            english: String::new(),
        };
        let all = [
            exemplar("French", "bonjour"),
            exemplar("German", "guten Tag"),
            exemplar("Russian", "привет"),
            exemplar("Chinese", "你好"),
            exemplar("Spanish", "hola"),
        ];
        for seed in 0..20 {
            let taken = diverse(&all, "spanish", 3, &mut Draws::of(seed, &[]));
            let mut scripts: Vec<Script> = taken.iter().map(|e| main_script(&e.text)).collect();
            scripts.sort_unstable();
            scripts.dedup();
            assert_eq!(scripts.len(), 3, "{taken:?}");
            assert!(taken.iter().all(|e| e.language != "Spanish"));
        }
    }

    #[test]
    fn the_shipped_exemplars_have_many_scripts() {
        let shipped = include_str!("../../../../configs/prompts/recipes/translate_exemplars.json");
        let shipped: Vec<Exemplar> = serde_json::from_str(shipped).unwrap();
        let mut scripts: Vec<Script> = shipped.iter().map(|e| main_script(&e.text)).collect();
        scripts.sort_unstable();
        scripts.dedup();
        assert!(scripts.len() >= 8, "{scripts:?}");
        assert!(shipped.iter().all(|e| script_ratio(&e.english, Script::Latin) == 1.0));
    }
}
