//! How dialogues end, and whether their speakers contradict themselves.

use super::dialogues::{Talk, push};
use crate::artifact::collect::Collector;
use crate::artifact::lexicon::{PhraseKind, marks};
use crate::artifact::measure::duplicates::{jaccard, shingles};
use crate::artifact::measure::persona::{Slot, contradictions};
use crate::artifact::measure::surface::Surface;
use crate::artifact::metrics::dialogues as table;
use crate::artifact::resample::Part;
use rayon::prelude::*;
use std::collections::BTreeSet;

/// Why a talk ends where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// A marker declares it done.
    Done,
    /// A speaker takes leave in one of the last two turns.
    Farewell,
    /// The last turn asks.
    Question,
    /// The last turn says again what an earlier one said.
    Repeat,
    /// The last turn is cut off.
    Cut,
    /// None of these.
    Plain,
}

impl Ending {
    const ALL: [Self; 6] = [Self::Done, Self::Farewell, Self::Question, Self::Repeat, Self::Cut, Self::Plain];

    fn words(self) -> &'static str {
        match self {
            Self::Done => "ends by a marker of completion, share",
            Self::Farewell => "ends by a farewell, share",
            Self::Question => "ends in a question, share",
            Self::Repeat => "ends in a repeated turn, share",
            Self::Cut => "ends in a cut turn, share",
            Self::Plain => "ends otherwise, share",
        }
    }

    fn is_midway(self) -> bool {
        matches!(self, Self::Question | Self::Repeat | Self::Cut)
    }

    /// None of a dialogue without turns.
    fn of(talk: &Talk<'_>, near_jaccard: f64) -> Option<Self> {
        let last = talk.n_turns().checked_sub(1)?;
        let holds = |turn: usize, kind: PhraseKind| marks(talk.text(turn)).any(|mark| mark.kind == kind);
        let text = talk.text(last).trim_end();
        Some(if holds(last, PhraseKind::Done) {
            Self::Done
        } else if (last.saturating_sub(1)..=last).any(|turn| holds(turn, PhraseKind::Closing)) {
            Self::Farewell
        } else if text.trim_end_matches(['"', '\'', ')', '”', '’', '»', '*', '_']).ends_with(['?', '？']) {
            Self::Question
        } else if repeats(talk, last, near_jaccard) {
            Self::Repeat
        } else if Surface::of(text).is_cut {
            Self::Cut
        } else {
            Self::Plain
        })
    }
}

/// Whether a turn of at least four words is close to an earlier one by its word trigrams.
fn repeats(talk: &Talk<'_>, turn: usize, near_jaccard: f64) -> bool {
    let set = |turn: usize| shingles(talk.words(turn), 3);
    let own = set(turn);
    talk.words(turn).len() >= 4 && (0..turn).any(|earlier| jaccard(&own, &set(earlier)) >= near_jaccard)
}

/// How talks end; the shares of the endings are below the metric.
pub(super) fn endings(talks: &[Vec<Talk<'_>>; 2], slices: &[&str], out: &mut Collector<'_>) {
    let params = out.params;
    let endings = talks.each_ref().map(|talks| {
        talks.par_iter().map(|talk| Ending::of(talk, params.near_jaccard)).collect::<Vec<Option<Ending>>>()
    });
    let midway = endings.each_ref().map(|endings| {
        let part = |ending: &Option<Ending>| {
            ending.map_or((0.0, 0.0), |ending| (f64::from(u8::from(ending.is_midway())), 1.0))
        };
        endings.iter().map(part).collect::<Vec<Part>>()
    });
    push(&table::MIDWAY, &midway, slices, out);
    let share = |side: usize, ending: Ending| {
        let known = endings[side].iter().flatten();
        let n = known.clone().count();
        (n > 0).then(|| known.filter(|other| **other == ending).count() as f64 / n as f64)
    };
    let shown = talks[1].iter().zip(&endings[1]).filter(|(_, ending)| ending.is_some_and(Ending::is_midway));
    let shown = shown.map(|(talk, _)| (talk.row(), talk.text(talk.n_turns() - 1)));
    out.last(|finding| {
        for ending in Ending::ALL {
            finding.detail(ending.words(), share(0, ending), share(1, ending));
        }
        finding.examples(params, shown);
    });
}

/// Speakers that state two names or two ages of their own.
pub(super) fn personas(talks: &[Vec<Talk<'_>>; 2], slices: &[&str], out: &mut Collector<'_>) {
    let params = out.params;
    // The slots that some speaker of the talk contradicts itself in; none where no speaker states anything.
    let of_talk = |talk: &Talk<'_>| -> Option<BTreeSet<Slot>> {
        let roles: BTreeSet<String> = (0..talk.n_turns()).map(|turn| talk.role(turn).to_lowercase()).collect();
        let of_role = |role: &String| {
            contradictions(
                (0..talk.n_turns()).filter(|turn| talk.role(*turn).to_lowercase() == *role).map(|turn| talk.text(turn)),
            )
        };
        let found: Vec<Vec<Slot>> = roles.iter().filter_map(of_role).collect();
        (!found.is_empty()).then(|| found.into_iter().flatten().collect())
    };
    let found = talks.each_ref().map(|talks| talks.par_iter().map(of_talk).collect::<Vec<_>>());
    let parts = found.each_ref().map(|found| {
        let part = |slots: &Option<BTreeSet<Slot>>| {
            slots.as_ref().map_or((0.0, 0.0), |slots| (f64::from(u8::from(!slots.is_empty())), 1.0))
        };
        found.iter().map(part).collect::<Vec<Part>>()
    });
    push(&table::PERSONA, &parts, slices, out);
    let count =
        |side: usize, slot: Slot| found[side].iter().flatten().filter(|slots| slots.contains(&slot)).count() as f64;
    let shown = talks[1].iter().zip(&parts[1]).filter(|(_, part)| part.0 > 0.0);
    let shown = shown.map(|(talk, _)| {
        let stating = (0..talk.n_turns())
            .map(|turn| talk.text(turn))
            .filter(|text| contradictions([*text].into_iter()).is_some());
        (talk.row(), stating.collect::<Vec<_>>().join(" … "))
    });
    out.last(|finding| {
        for slot in Slot::ALL {
            finding.detail(format!("dialogues with two {}s", slot.name()), Some(count(0, slot)), Some(count(1, slot)));
        }
        finding.examples(params, shown);
    });
}
