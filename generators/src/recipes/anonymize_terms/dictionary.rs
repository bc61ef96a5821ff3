//! One dictionary out of what the worker says of each passage.

use std::collections::BTreeMap;

use serde::Serialize;

use super::matcher::{Terms, folded};

/// The terms of a reply, one `term => counterpart` per line; only those that the passage holds. None when the reply is
/// neither such lines nor "none".
pub(super) fn terms_of(reply: &str, passage: &str) -> Option<Vec<(String, String)>> {
    let level = |part: &str| {
        let part = part.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '*' | '`' | '-' | '•'));
        part.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let reply = reply.trim();
    let pairs: Vec<(String, String)> = reply
        .lines()
        .filter_map(|line| line.split_once("=>").or_else(|| line.split_once('→')))
        .map(|(term, generic)| (level(term), level(generic)))
        .collect();
    if pairs.is_empty() {
        return reply.to_lowercase().starts_with("none").then(Vec::new);
    }
    let held = folded(passage);
    let usable = |(term, generic): &(String, String)| {
        !term.is_empty() && !generic.is_empty() && folded(term) != folded(generic) && held.contains(&folded(term))
    };
    Some(pairs.into_iter().filter(usable).collect())
}

/// What passages said: for each term, by its folded form, how it was written and which counterparts it was given.
#[derive(Default)]
pub(super) struct Votes(BTreeMap<String, BTreeMap<(String, String), u64>>);

/// A term that was given several counterparts.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Conflict {
    term: String,
    taken: String,
    /// What was said how often, most often first.
    said: Vec<(String, u64)>,
}

/// The merged dictionary.
pub(super) struct Dictionary {
    /// Counterpart of each term.
    pub(super) terms: BTreeMap<String, String>,
    /// Terms that passages disagreed on.
    pub(super) conflicts: Vec<Conflict>,
    /// Terms left out because their counterpart holds a term: replacing would never come to an end.
    pub(super) unsafe_terms: Vec<String>,
}

impl Votes {
    /// One passage's word.
    pub(super) fn add(&mut self, term: String, generic: String) {
        *self.0.entry(folded(&term)).or_default().entry((term, generic)).or_insert(0) += 1;
    }

    /// The counterpart said most often wins, of equals the first in the alphabet; `fixed` beats all.
    pub(super) fn decide(self, fixed: &BTreeMap<String, String>, min_votes: u64) -> Dictionary {
        let is_fixed: Vec<String> = fixed.keys().map(|term| folded(term)).collect();
        let mut terms: BTreeMap<String, String> = BTreeMap::new();
        let mut conflicts = Vec::new();
        for (fold, said) in self.0 {
            if is_fixed.contains(&fold) || said.values().sum::<u64>() < min_votes {
                continue;
            }
            let (mut spellings, mut generics) = (BTreeMap::new(), BTreeMap::new());
            for ((term, generic), n) in said {
                *spellings.entry(term).or_insert(0) += n;
                *generics.entry(generic).or_insert(0) += n;
            }
            let (spellings, generics) = (by_votes(spellings), by_votes(generics));
            let (Some((term, _)), Some((generic, _))) = (spellings.first(), generics.first()) else { continue };
            terms.insert(term.clone(), generic.clone());
            if generics.len() > 1 {
                conflicts.push(Conflict { term: term.clone(), taken: generic.clone(), said: generics });
            }
        }
        terms.extend(fixed.iter().map(|(term, generic)| (term.clone(), generic.clone())));
        let all = Terms::new(&terms);
        let unsafe_terms: Vec<String> =
            terms.iter().filter(|(_, generic)| all.first_left(generic).is_some()).map(|(t, _)| t.clone()).collect();
        terms.retain(|term, _| !unsafe_terms.contains(term));
        Dictionary { terms, conflicts, unsafe_terms }
    }
}

fn by_votes(votes: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut votes: Vec<(String, u64)> = votes.into_iter().collect();
    votes.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    votes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_terms_that_the_passage_holds_are_read() {
        let found = terms_of("- Bergen => a port\nOslo => a city\nmill => mill", "The mill at BERGEN.");
        assert_eq!(found, Some(vec![("Bergen".to_owned(), "a port".to_owned())]));
        assert_eq!(terms_of("None.", "x"), Some(vec![]));
        assert_eq!(terms_of("I cannot", "x"), None);
    }

    #[test]
    fn the_counterpart_said_most_often_wins_and_the_conflict_is_told() {
        let mut votes = Votes::default();
        for (term, generic) in [("Rook", "Tower"), ("rook", "Castle"), ("Rook", "Castle"), ("Ann", "Rook Lee")] {
            votes.add(term.to_owned(), generic.to_owned());
        }
        let dictionary = votes.decide(&BTreeMap::new(), 1);
        assert_eq!(dictionary.terms, BTreeMap::from([("Rook".to_owned(), "Castle".to_owned())]));
        let said = vec![("Castle".to_owned(), 2), ("Tower".to_owned(), 1)];
        assert_eq!(dictionary.conflicts, [Conflict { term: "Rook".into(), taken: "Castle".into(), said }]);
        // "Rook Lee" holds a term, so Ann stays out.
        assert_eq!(dictionary.unsafe_terms, ["Ann"]);
    }
}
