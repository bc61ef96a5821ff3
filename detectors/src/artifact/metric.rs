//! The table of metrics: one row each, from which the collector, the bands, the gate and the appendix of the page are made.
//!
//! A metric says what it is, where it is from, how the sides are compared and which of its numbers a limit judges. It holds
//! no limit: those are in the preset (`bands`).

use super::metrics;
use serde::{Deserialize, Serialize};

/// Which part of the page a metric belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// What formatting gives away.
    Leak,
    /// How far one side is from the other.
    Closeness,
    /// Variety within a side.
    Diversity,
    /// Manner of writing.
    Style,
    /// Traces of generation.
    Artifacts,
    /// Copies, within and of others.
    Duplicates,
    /// Instructions.
    Instructions,
    /// Labels.
    Labels,
    /// Agreement of annotators.
    Agreement,
    /// Preferences.
    Preferences,
    /// Dialogues.
    Dialogues,
    /// What a model trained on a side makes of the other.
    SecondOrder,
}

impl Group {
    /// The heading on the page.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Leak => "Leaks",
            Self::Closeness => "Closeness to the reference",
            Self::Diversity => "Diversity",
            Self::Style => "Style",
            Self::Artifacts => "Traces of generation",
            Self::Duplicates => "Duplicates and contamination",
            Self::Instructions => "Instructions",
            Self::Labels => "Labels",
            Self::Agreement => "Agreement",
            Self::Preferences => "Preferences",
            Self::Dialogues => "Dialogues",
            Self::SecondOrder => "Second order",
        }
    }
}

/// What a value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A share in [0, 1], printed in per cent.
    Share,
    /// A number without a unit.
    Number,
    /// Bits.
    Bits,
    /// Words.
    Words,
    /// Per hundred words.
    PerHundredWords,
    /// Per hundred characters.
    PerHundredChars,
}

impl Unit {
    /// What is printed after a value.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Share => " %",
            Self::Number => "",
            Self::Bits => " bits",
            Self::Words => " words",
            Self::PerHundredWords => " per 100 words",
            Self::PerHundredChars => " per 100 characters",
        }
    }
}

/// How large the difference of the sides is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectKind {
    /// Difference of means in pooled standard deviations.
    CohenD,
    /// Chance that a document of the candidate is above one of the reference, less the chance that it is below.
    CliffDelta,
    /// Candidate less reference.
    Difference,
    /// The metric compares the sides by itself.
    None,
}

/// Which number a limit judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    /// The candidate's value.
    Candidate,
    /// Candidate less reference.
    Difference,
    /// Candidate less reference, over the size of the reference.
    RelativeDifference,
    /// The value that compares the sides.
    Between,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// The name in files, bands and limits.
    pub id: &'static str,
    /// The name on the page.
    pub title: &'static str,
    /// Where it stands.
    pub group: Group,
    /// What its values count.
    pub unit: Unit,
    /// How the sides are compared.
    pub effect: EffectKind,
    /// Which number a limit judges.
    pub judged: Judged,
    /// What is computed.
    pub definition: &'static str,
    /// The paper or tool it is from.
    pub source: &'static str,
    /// What a higher value in the candidate means.
    pub higher: &'static str,
    /// What a lower value in the candidate means.
    pub lower: &'static str,
    /// What helps.
    pub remedy: &'static str,
}

/// Declares metrics as constants together with the table `ALL` that holds them.
macro_rules! metric_table {
    ($($(#[$doc:meta])* $name:ident = $id:literal $title:literal $group:ident $unit:ident $effect:ident $judged:ident {
        $definition:literal; $source:literal; $higher:literal; $lower:literal; $remedy:literal
    })*) => {
        use crate::artifact::metric::{EffectKind, Group, Judged, Metric, Unit};
        $(pub(crate) const $name: Metric = Metric {
            id: $id, title: $title, group: Group::$group, unit: Unit::$unit, effect: EffectKind::$effect, judged: Judged::$judged,
            definition: $definition, source: $source, higher: $higher, lower: $lower, remedy: $remedy,
        };)*
        /// All of them.
        pub(crate) const ALL: &[Metric] = &[$($name),*];
    };
}
pub(crate) use metric_table;

/// All metrics, by part of the page.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    metrics::TABLES.iter().copied().flatten()
}

/// Names that limits may use for metrics beside their own.
const ALIASES: &[(&str, &str)] =
    &[("leak", "leak_probe"), ("neardup", "near_duplicates"), ("c2st", "c2st_auroc"), ("mauve", "mauve_ngram")];

/// The metric of a name.
///
/// # Errors
/// The name that is nearest by edit distance, where there is no such metric.
pub fn find(name: &str) -> Result<&'static Metric, &'static str> {
    let id = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, id)| id);
    let names = || all().map(|metric| metric.id).chain(ALIASES.iter().map(|(alias, _)| *alias));
    all().find(|metric| metric.id == id).ok_or_else(|| names().min_by_key(|other| edits(name, other)).unwrap_or(""))
}

/// Levenshtein distance in characters, the name cut to 64 of them.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, c) in left.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(c != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_row_is_filled() {
        let mut names: Vec<&str> = all().map(|metric| metric.id).collect();
        let n = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), n);
        for metric in all() {
            assert!(
                !metric.definition.is_empty() && !metric.source.is_empty() && !metric.title.is_empty(),
                "{}",
                metric.id
            );
            assert!(metric.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
            let compares_itself = metric.judged == Judged::Between;
            assert!(compares_itself == (metric.effect == EffectKind::None), "{}", metric.id);
        }
    }

    #[test]
    fn names_are_found_or_the_nearest_is_told() {
        assert_eq!(find("leak").map(|metric| metric.id), Ok("leak_probe"));
        assert_eq!(find("near_duplicates").map(|metric| metric.id), Ok("near_duplicates"));
        assert_eq!(find("near_duplicate"), Err("near_duplicates"));
        assert_eq!(find("mltd"), Err("mtld"));
        assert!(find("").is_err());
    }

    #[test]
    fn edits_by_hand() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
    }
}
