//! Limits given on the command line: `leak>0.65,near_duplicates>0.05`.
//!
//! A limit judges the number that the metric's band judges, of every field that it was computed of. A metric that was not
//! measured does not pass: a gate that is silent about what it did not see lets everything through.

use super::finding::Audit;
use super::metric;
use std::fmt;
use std::str::FromStr;

/// On which side of a limit a value fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `>`: fails above.
    Above,
    /// `>=`: fails at or above.
    AtOrAbove,
    /// `<`: fails below.
    Below,
    /// `<=`: fails at or below.
    AtOrBelow,
}

impl Side {
    /// The longer sign first, so that `>=` is not read as `>`.
    const SIGNS: [(&'static str, Self); 4] =
        [(">=", Self::AtOrAbove), ("<=", Self::AtOrBelow), (">", Self::Above), ("<", Self::Below)];

    fn fails(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Above => value > limit,
            Self::AtOrAbove => value >= limit,
            Self::Below => value < limit,
            Self::AtOrBelow => value <= limit,
        }
    }

    fn sign(self) -> &'static str {
        Self::SIGNS.iter().find(|(_, side)| *side == self).map_or("", |(sign, _)| sign)
    }
}

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// The metric's name.
    pub metric: &'static str,
    /// Where it fails.
    pub side: Side,
    /// The limit.
    pub value: f64,
}

impl fmt::Display for Limit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}{}", self.metric, self.side.sign(), self.value)
    }
}

/// What is wrong with a list of limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// A part without a sign.
    #[error("`{0}` is no limit; write metric>number or metric<number, such as leak>0.65")]
    NoSign(String),
    /// No such metric.
    #[error("there is no metric `{name}`; the nearest is `{nearest}`")]
    UnknownMetric {
        /// The name.
        name: String,
        /// The nearest.
        nearest: &'static str,
    },
    /// A limit that is no number.
    #[error("`{value}` in `{part}` is no number")]
    NoNumber {
        /// What stands for the number.
        value: String,
        /// The limit it stands in.
        part: String,
    },
}

/// A list of limits. The empty list lets everything pass.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gate {
    /// The limits in their order.
    pub limits: Vec<Limit>,
}

impl FromStr for Gate {
    type Err = GateError;

    /// Reads limits parted by commas; blank parts are passed over.
    fn from_str(text: &str) -> Result<Self, GateError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(limit).collect::<Result<_, _>>().map(|limits| Self { limits })
    }
}

fn limit(part: &str) -> Result<Limit, GateError> {
    let signs =
        Side::SIGNS.iter().filter_map(|(sign, side)| Some((part.find(sign)?, std::cmp::Reverse(sign.len()), *side)));
    let Some((at, std::cmp::Reverse(width), side)) = signs.min_by_key(|(at, width, _)| (*at, *width)) else {
        return Err(GateError::NoSign(part.to_owned()));
    };
    let (name, value) = (part[..at].trim(), part[at + width..].trim());
    let metric = metric::find(name).map_err(|nearest| GateError::UnknownMetric { name: name.to_owned(), nearest })?.id;
    match value.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Limit { metric, side, value }),
        _ => Err(GateError::NoNumber { value: value.to_owned(), part: part.to_owned() }),
    }
}

/// What a gate found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GateReport {
    /// Limits that were crossed: the limit, the field and the value.
    pub crossed: Vec<(Limit, String, f64)>,
    /// Limits on metrics that were not measured, and why not.
    pub not_measured: Vec<(Limit, String)>,
}

impl GateReport {
    /// Whether the run must fail.
    pub fn fails(&self) -> bool {
        !self.crossed.is_empty() || !self.not_measured.is_empty()
    }

    /// A line for each reason to fail.
    pub fn lines(&self) -> Vec<String> {
        let field = |field: &str| if field.is_empty() { String::new() } else { format!(" ({field})") };
        let crossed =
            self.crossed.iter().map(|(limit, of, value)| format!("{limit}{}: the value is {value:.4}", field(of)));
        let missing = self.not_measured.iter().map(|(limit, why)| format!("{limit}: not measured, {why}"));
        crossed.chain(missing).collect()
    }
}

impl Gate {
    /// Holds an audit against the limits.
    pub fn check(&self, audit: &Audit) -> GateReport {
        let mut report = GateReport::default();
        for limit in &self.limits {
            let findings: Vec<_> = audit.findings.iter().filter(|finding| finding.metric == limit.metric).collect();
            let measured: Vec<_> =
                findings.iter().filter_map(|finding| Some((&finding.field, finding.judged?))).collect();
            if measured.is_empty() {
                let why = findings.first().and_then(|finding| finding.cannot.clone());
                let why = why.unwrap_or_else(|| format!("it does not apply to {}", audit.data_type.name()));
                report.not_measured.push((*limit, why));
            }
            let crossed = measured.into_iter().filter(|(_, value)| limit.side.fails(*value, limit.value));
            report.crossed.extend(crossed.map(|(field, value)| (*limit, field.clone(), value)));
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        let gate: Gate = "leak>0.65, near_duplicates >= 0.05,mtld<-0.2,,".parse().unwrap();
        let read: Vec<String> = gate.limits.iter().map(Limit::to_string).collect();
        assert_eq!(read, ["leak_probe>0.65", "near_duplicates>=0.05", "mtld<-0.2"]);
        assert!("".parse::<Gate>().unwrap().limits.is_empty());
    }

    #[test]
    fn what_is_wrong_is_told() {
        let told = |text: &str| text.parse::<Gate>().unwrap_err().to_string();
        assert!(told("leek>0.5").contains("nearest is `leak`"), "{}", told("leek>0.5"));
        assert!(told("leak").contains("no limit"));
        assert!(told("leak>high").contains("`high`"));
        assert!(told("leak>nan").contains("no number"));
        assert!(told("leak>0.1>0.2").contains("no number"));
    }
}
