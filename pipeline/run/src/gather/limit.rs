//! Reading a rule: which measure it limits, where, and on which side rows are kept.

use std::sync::LazyLock;

use regex::Regex;

use crate::report::model::{Direction, Limit};

/// A rule of the form `measures.path >= number`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Limited {
    /// Path of the measure, `gopher.n_words`.
    pub(super) measure: String,
    /// The limit.
    pub(super) limit: Limit,
}

impl Limited {
    /// Reads a rule's SQL; none for a rule of another form.
    pub(super) fn read(sql: &str) -> Option<Self> {
        static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| {
            Regex::new(r"^\s*([A-Za-z_]\w*(?:\.\w+)+)\s*(>=|<=|>|<)\s*(-?[0-9.]+(?:[eE]-?\d+)?)\s*$").ok()
        });
        let found = FORM.as_ref()?.captures(sql)?;
        let direction = match &found[2] {
            ">=" => Direction::AtLeast,
            "<=" => Direction::AtMost,
            ">" => Direction::Above,
            _ => Direction::Below,
        };
        let value: f64 = found[3].parse().ok()?;
        Some(Self { measure: found[1].to_owned(), limit: Limit { value, direction } })
    }
}

/// Whether a value is kept under a limit.
pub(super) fn keeps(direction: Direction, limit: f64, value: f64) -> bool {
    match direction {
        Direction::AtLeast => value >= limit,
        Direction::AtMost => value <= limit,
        Direction::Above => value > limit,
        Direction::Below => value < limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_with_one_measure_and_one_number_are_read() {
        let read = Limited::read("gopher.n_words >= 50").unwrap();
        assert_eq!((read.measure.as_str(), read.limit.value), ("gopher.n_words", 50.0));
        assert_eq!(Limited::read("x.y < 0.1").unwrap().limit.direction, Direction::Below);
        assert_eq!(Limited::read("lang.code = 'eng' AND lang.confidence >= 0.65"), None);
        assert_eq!(Limited::read("NOT c4.has_curly_bracket"), None);
    }
}
