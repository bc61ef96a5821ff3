//! Reading a rule: which measure it limits, where, and on which side rows are kept.

use std::sync::LazyLock;

use regex::Regex;

use crate::report::model::{Direction, Limit};

/// A rule that holds one measure against a number or a range: `measures.path >= number`, `measures.path BETWEEN a AND b`,
/// or two comparisons of the same measure joined by AND.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Limited {
    /// Path of the measure, `gopher.n_words`.
    pub(super) measure: String,
    /// The limits, one or two; a row is kept that all keep.
    pub(super) limits: Vec<Limit>,
}

const MEASURE: &str = r"([A-Za-z_]\w*(?:\.\w+)+)";
const NUMBER: &str = r"(-?[0-9.]+(?:[eE][+-]?\d+)?)";

static COMPARISON: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!(r"^\s*{MEASURE}\s*(>=|<=|>|<)\s*{NUMBER}\s*$")).ok());
static RANGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!(r"(?i)^\s*{MEASURE}\s+BETWEEN\s+{NUMBER}\s+AND\s+{NUMBER}\s*$")).ok());
static AND: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)\s+AND\s+").ok());

impl Limited {
    /// Reads a rule's SQL; none for a rule of another form.
    pub(super) fn read(sql: &str) -> Option<Self> {
        if let Some(found) = RANGE.as_ref()?.captures(sql) {
            let limit = |value: &str, direction| Some(Limit { value: value.parse().ok()?, direction });
            let limits = vec![limit(&found[2], Direction::AtLeast)?, limit(&found[3], Direction::AtMost)?];
            return Some(Self { measure: found[1].to_owned(), limits });
        }
        let mut parts = AND.as_ref()?.splitn(sql, 3);
        let mut rule = Self::comparison(parts.next()?)?;
        if let Some(part) = parts.next() {
            let other = Self::comparison(part)?;
            let is_range = rule.limits[0].direction.keeps_high() != other.limits[0].direction.keeps_high();
            if other.measure != rule.measure || !is_range {
                return None;
            }
            rule.limits.extend(other.limits);
        }
        parts.next().is_none().then_some(rule)
    }

    fn comparison(sql: &str) -> Option<Self> {
        let found = COMPARISON.as_ref()?.captures(sql)?;
        let direction = match &found[2] {
            ">=" => Direction::AtLeast,
            "<=" => Direction::AtMost,
            ">" => Direction::Above,
            _ => Direction::Below,
        };
        let limit = Limit { value: found[3].parse().ok()?, direction };
        Some(Self { measure: found[1].to_owned(), limits: vec![limit] })
    }

    /// How far a value lies from the nearest limit.
    pub(super) fn distance(&self, value: f64) -> f64 {
        self.limits.iter().map(|limit| (value - limit.value).abs()).fold(f64::INFINITY, f64::min)
    }
}

/// Whether a value is kept under a limit.
pub(super) fn keeps(limit: Limit, value: f64) -> bool {
    match limit.direction {
        Direction::AtLeast => value >= limit.value,
        Direction::AtMost => value <= limit.value,
        Direction::Above => value > limit.value,
        Direction::Below => value < limit.value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(sql: &str) -> Vec<(f64, Direction)> {
        Limited::read(sql).unwrap().limits.into_iter().map(|limit| (limit.value, limit.direction)).collect()
    }

    #[test]
    fn rules_with_one_measure_and_one_number_are_read() {
        let read = Limited::read("gopher.n_words >= 50").unwrap();
        assert_eq!((read.measure.as_str(), read.limits.len()), ("gopher.n_words", 1));
        assert_eq!(limits("x.y < 0.1"), [(0.1, Direction::Below)]);
        assert_eq!(Limited::read("lang.code = 'eng' AND lang.confidence >= 0.65"), None);
        assert_eq!(Limited::read("NOT c4.has_curly_bracket"), None);
    }

    #[test]
    fn ranges_have_two_limits() {
        let both = [(3.0, Direction::AtLeast), (10.0, Direction::AtMost)];
        assert_eq!(limits("gopher.mean_word_chars BETWEEN 3 AND 10"), both);
        assert_eq!(limits("gopher.n_words >= 3 and gopher.n_words <= 10"), both);
        assert_eq!(limits("a.b > -1e2 AND a.b < 10")[0], (-100.0, Direction::Above));
        let range = Limited::read("a.b BETWEEN 3 AND 10").unwrap();
        assert_eq!([2.0, 4.0, 12.0].map(|value| range.distance(value)), [1.0, 1.0, 2.0]);
        // Two measures, one limit said twice, and three conditions are no range.
        for sql in ["a.b >= 1 AND a.c <= 2", "a.b >= 1 AND a.b >= 2", "a.b >= 1 AND a.b <= 2 AND a.c > 0"] {
            assert_eq!(Limited::read(sql), None, "{sql}");
        }
    }
}
