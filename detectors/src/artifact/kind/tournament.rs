//! Models that were judged against each other: win rates and circular triads.

use crate::artifact::resample::Part;
use crate::artifact::side::Winner;
use std::collections::{BTreeMap, BTreeSet};

/// Two models and which won.
pub(crate) type Game<'a> = (&'a str, &'a str, Winner);

/// Wins of each model over each other; a tie is half a win of both.
pub(crate) type Table<'a> = BTreeMap<(&'a str, &'a str), f64>;

/// Wins of games; a game without names, or of a model against itself, does not count.
pub(crate) fn wins<'a>(games: impl Iterator<Item = Game<'a>>) -> Table<'a> {
    let mut wins = Table::new();
    for (a, b, winner) in games.filter(|(a, b, _)| !a.is_empty() && a != b) {
        let share = match winner {
            Winner::A => 1.0,
            Winner::B => 0.0,
            Winner::Tie => 0.5,
        };
        *wins.entry((a, b)).or_insert(0.0) += share;
        *wins.entry((b, a)).or_insert(0.0) += 1.0 - share;
    }
    wins
}

/// Circular triads over triads of which all three pairs have a majority winner.
pub(crate) fn cycles(wins: &Table<'_>) -> Option<f64> {
    let models: Vec<&str> = wins.keys().map(|(model, _)| *model).collect::<BTreeSet<_>>().into_iter().collect();
    let beats = |a: &str, b: &str| -> Option<bool> {
        let (won, lost) = (*wins.get(&(a, b))?, *wins.get(&(b, a))?);
        (won != lost).then_some(won > lost)
    };
    let (mut n, mut n_circular) = (0usize, 0usize);
    for (i, a) in models.iter().enumerate() {
        for (j, b) in models.iter().enumerate().skip(i + 1) {
            for c in &models[j + 1..] {
                if let (Some(ab), Some(bc), Some(ca)) = (beats(a, b), beats(b, c), beats(c, a)) {
                    n += 1;
                    n_circular += usize::from(ab == bc && bc == ca);
                }
            }
        }
    }
    (n > 0).then(|| n_circular as f64 / n as f64)
}

/// Wins over games of each model.
pub(crate) fn win_rates<'a>(wins: &Table<'a>) -> BTreeMap<&'a str, f64> {
    let mut rates: BTreeMap<&str, Part> = BTreeMap::new();
    for ((model, other), won) in wins {
        let lost = wins.get(&(*other, *model)).copied().unwrap_or(0.0);
        let rate = rates.entry(model).or_insert((0.0, 0.0));
        *rate = (rate.0 + won, rate.1 + won + lost);
    }
    rates.into_iter().filter(|(_, (_, games))| *games > 0.0).map(|(model, (won, games))| (model, won / games)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circular_triads_by_hand() {
        let circle: Table<'_> = [
            (("a", "b"), 2.0),
            (("b", "a"), 1.0),
            (("b", "c"), 2.0),
            (("c", "b"), 1.0),
            (("c", "a"), 2.0),
            (("a", "c"), 1.0),
        ]
        .into_iter()
        .collect();
        assert_eq!(cycles(&circle), Some(1.0));
        let mut line = circle.clone();
        line.insert(("a", "c"), 3.0);
        assert_eq!(cycles(&line), Some(0.0));
        assert_eq!(cycles(&Table::new()), None);
        assert!((win_rates(&circle)["a"] - 0.5).abs() < 1e-12);
    }
}
