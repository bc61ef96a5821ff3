//! Findings in plain sentences, and numbers as the page prints them.

use super::finding::{Estimate, Finding, Level};
use super::metric::{EffectKind, Metric, Unit};

/// A number with about three digits that count; shares in per cent.
pub(crate) fn number(value: f64, unit: Unit) -> String {
    let value = if unit == Unit::Share { value * 100.0 } else { value };
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A number with its unit.
pub(crate) fn with_unit(value: f64, unit: Unit) -> String {
    number(value, unit) + unit.suffix()
}

/// An estimate as "value (low to high)".
pub(crate) fn estimate(estimate: &Estimate, unit: Unit) -> String {
    match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => {
            format!("{} ({} to {})", with_unit(estimate.value, unit), number(low, unit), number(high, unit))
        }
        _ => with_unit(estimate.value, unit),
    }
}

/// How large an effect is in words: the customary steps of Cohen 1988 for d and of Romano et al. 2006 for delta.
fn size(kind: EffectKind, value: f64) -> Option<&'static str> {
    let steps = match kind {
        EffectKind::CohenD => [0.2, 0.5, 0.8],
        EffectKind::CliffDelta => [0.147, 0.33, 0.474],
        EffectKind::Difference | EffectKind::None => return None,
    };
    let names = ["negligible", "small", "medium", "large"];
    Some(names[steps.iter().filter(|step| value.abs() >= **step).count()])
}

fn effect(finding: &Finding) -> String {
    match finding.effect.map(|effect| (effect.kind, effect.estimate.value)) {
        Some((EffectKind::CohenD, d)) => format!(", d = {d:+.2}, {}", size(EffectKind::CohenD, d).unwrap_or("")),
        Some((EffectKind::CliffDelta, delta)) => {
            format!(", delta = {delta:+.2}, {}", size(EffectKind::CliffDelta, delta).unwrap_or(""))
        }
        _ => String::new(),
    }
}

fn verdict(level: Level) -> &'static str {
    match level {
        Level::Alarm => " This is beyond the alarm limit.",
        Level::Watch => " This is to be watched.",
        Level::Ok => " This is within the limits.",
        Level::Info | Level::Unknown => "",
    }
}

/// The sentence of a finding.
pub(crate) fn of(finding: &Finding, metric: &Metric, names: [&str; 2]) -> String {
    let verdict = verdict(finding.level);
    let title = match finding.field.as_str() {
        "" => metric.title.to_owned(),
        field => format!("{} ({field})", metric.title),
    };
    let unit = metric.unit;
    if let Some(between) = &finding.between {
        return format!("{title} between {} and {} is {}.{verdict}", names[1], names[0], estimate(between, unit));
    }
    match (&finding.reference, &finding.candidate) {
        (Some(reference), Some(candidate)) => {
            let sides = format!(
                "{title} is {} in {} and {} in {}",
                with_unit(candidate.value, unit),
                names[1],
                with_unit(reference.value, unit),
                names[0]
            );
            let Some(gap) = finding.difference else { return format!("{sides}.{verdict}") };
            if gap.value == 0.0 && gap.low == gap.high {
                return format!("{title} is {} on both sides.{verdict}", with_unit(candidate.value, unit));
            }
            let meaning = if gap.value > 0.0 { metric.higher } else { metric.lower };
            let range = match (gap.low, gap.high) {
                (Some(low), Some(high)) => format!("{} to {}", number(low, unit), number(high, unit)),
                _ => "no interval".to_owned(),
            };
            let effect = effect(finding);
            match gap.excludes_zero() {
                true => {
                    let points = if unit == Unit::Share { " points" } else { "" };
                    format!(
                        "{sides}: {meaning} (difference {}{points}, {range}{effect}).{verdict}",
                        number(gap.value, unit)
                    )
                }
                false => format!("{sides}; the difference ({range}) may be chance.{verdict}"),
            }
        }
        (None, Some(candidate)) => format!("{title} of {} is {}.{verdict}", names[1], estimate(candidate, unit)),
        (Some(reference), None) => {
            format!(
                "{title} of {} is {}; {} has no row that it applies to.",
                names[0],
                estimate(reference, unit),
                names[1]
            )
        }
        (None, None) => finding.sentence.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!(number(0.123_45, Unit::Share), "12.3");
        assert_eq!(number(104.4, Unit::Words), "104");
        assert_eq!(number(2.329, Unit::Number), "2.33");
        assert_eq!(number(0.0831, Unit::Number), "0.083");
        assert_eq!(with_unit(0.5, Unit::Share), "50.0 %");
        assert_eq!(with_unit(0.0, Unit::Share), "0 %");
    }

    #[test]
    fn effects_have_sizes() {
        assert_eq!(size(EffectKind::CohenD, -0.9), Some("large"));
        assert_eq!(size(EffectKind::CliffDelta, 0.1), Some("negligible"));
        assert_eq!(size(EffectKind::Difference, 0.1), None);
    }
}
