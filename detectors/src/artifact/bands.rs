//! Limits of the metrics, read from a preset file: levels are configuration, not code.
//!
//! A preset names metrics and gives each a first limit (watch), a second one (alarm), the fewest rows that it applies to and
//! where the limits come from. `configs/audit/bands.toml` is the shipped one.

use super::finding::{Estimate, Level};
use super::metric;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A value is beyond these when it is above the one or below the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Beyond where greater.
    pub above: Option<f64>,
    /// Beyond where less.
    pub below: Option<f64>,
}

impl Limits {
    fn is_crossed(&self, value: f64) -> bool {
        self.above.is_some_and(|limit| value > limit) || self.below.is_some_and(|limit| value < limit)
    }

    /// Whether all of an interval is beyond the same limit.
    fn is_cleared(&self, low: f64, high: f64) -> bool {
        self.above.is_some_and(|limit| low > limit) || self.below.is_some_and(|limit| high < limit)
    }

    fn words(&self) -> Option<String> {
        match (self.above, self.below) {
            (Some(above), Some(below)) => Some(format!("above {above} or below {below}")),
            (Some(above), None) => Some(format!("above {above}")),
            (None, Some(below)) => Some(format!("below {below}")),
            (None, None) => None,
        }
    }
}

/// The limits of one metric.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Band {
    /// The first limit.
    pub watch: Limits,
    /// The second limit.
    pub alarm: Limits,
    /// Fewest rows, pairs or items that a verdict may rest on.
    pub min_rows: usize,
    /// Where the limits come from.
    pub source: String,
}

/// A preset of limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bands {
    /// Its name, printed with the verdicts.
    pub name: String,
    /// The limits by metric.
    pub band: BTreeMap<String, Band>,
}

/// What is wrong with a preset.
#[derive(Debug, thiserror::Error)]
pub enum BandsError {
    /// It is not TOML, or not of this shape.
    #[error("the preset of limits cannot be read: {0}")]
    Toml(#[from] toml::de::Error),
    /// It names no metric of ours.
    #[error("the preset of limits names `{name}`, which is no metric; the nearest is `{nearest}`")]
    UnknownMetric {
        /// The name.
        name: String,
        /// The nearest.
        nearest: &'static str,
    },
}

/// The shipped preset.
pub const SHIPPED: &str = include_str!("../../../configs/audit/bands.toml");

impl Bands {
    /// Reads a preset.
    ///
    /// # Errors
    /// Where it is no TOML of this shape, or names a metric that does not exist.
    pub fn parse(text: &str) -> Result<Self, BandsError> {
        let bands: Self = toml::from_str(text)?;
        for name in bands.band.keys() {
            metric::find(name).map_err(|nearest| BandsError::UnknownMetric { name: name.clone(), nearest })?;
        }
        Ok(bands)
    }

    /// The shipped preset.
    ///
    /// # Errors
    /// Never; the preset is parsed in a test.
    pub fn shipped() -> Result<Self, BandsError> {
        Self::parse(SHIPPED)
    }

    /// The second limit of a metric.
    pub fn alarm(&self, metric: &str) -> Limits {
        self.band.get(metric).map_or_else(Limits::default, |band| band.alarm)
    }

    /// The level of a judged value, and the limits in words.
    ///
    /// Alarm where the value is beyond the second limit and its interval, if there is one, is wholly beyond the first; watch
    /// where it is beyond the first. A value beyond the second limit with a wide interval is therefore watched, not alarmed.
    pub(crate) fn judge(&self, metric: &str, judged: &Estimate) -> (Level, Option<String>) {
        let Some(band) = self.band.get(metric) else { return (Level::Info, None) };
        let say = |name: &str, limits: &Limits| limits.words().map(|words| format!("{name} {words}"));
        let words: Vec<String> = [say("watch", &band.watch), say("alarm", &band.alarm)].into_iter().flatten().collect();
        let words = Some(format!("{} ({})", words.join(", "), band.source)).filter(|_| !words.is_empty());
        if judged.n < band.min_rows {
            return (Level::Unknown, Some(format!("not applied to fewer than {} rows", band.min_rows)));
        }
        let has_watch = band.watch != Limits::default();
        let is_sure = match (judged.low, judged.high) {
            (Some(low), Some(high)) if has_watch => band.watch.is_cleared(low, high),
            _ => true,
        };
        let level = match (band.watch.is_crossed(judged.value), band.alarm.is_crossed(judged.value)) {
            (_, true) if is_sure => Level::Alarm,
            (_, true) | (true, _) => Level::Watch,
            _ => Level::Ok,
        };
        (level, words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bands() -> Bands {
        Bands::parse(
            "name = \"t\"\n[band.leak_probe]\nwatch = { above = 0.6 }\nalarm = { above = 0.65 }\nmin_rows = 10\nsource = \"s\"\n\
             [band.mtld]\nwatch = { below = -0.1, above = 0.5 }\n",
        )
        .unwrap()
    }

    fn level(metric: &str, value: f64, interval: Option<(f64, f64)>, n: usize) -> Level {
        bands().judge(metric, &Estimate::bare(value, n).with(interval)).0
    }

    #[test]
    fn levels_by_value_and_interval() {
        assert_eq!(level("leak_probe", 0.5, None, 10), Level::Ok);
        assert_eq!(level("leak_probe", 0.62, None, 10), Level::Watch);
        assert_eq!(level("leak_probe", 0.7, None, 10), Level::Alarm);
        assert_eq!(level("leak_probe", 0.7, Some((0.61, 0.8)), 10), Level::Alarm);
        assert_eq!(level("leak_probe", 0.7, Some((0.5, 0.9)), 10), Level::Watch);
        assert_eq!(level("leak_probe", 0.7, None, 9), Level::Unknown);
        assert_eq!(level("mtld", -0.2, None, 0), Level::Watch);
        assert_eq!(level("vendi", 9.0, None, 10), Level::Info);
    }

    #[test]
    fn the_shipped_preset_is_sound() {
        let bands = Bands::shipped().unwrap();
        assert!(bands.band.contains_key("leak_probe") && bands.band.contains_key("near_duplicates"));
        for (name, band) in &bands.band {
            assert!(!band.source.is_empty(), "{name}");
            let inside =
                |watch: Option<f64>, alarm: Option<f64>| watch.zip(alarm).is_none_or(|(watch, alarm)| watch <= alarm);
            assert!(inside(band.watch.above, band.alarm.above) && inside(band.alarm.below, band.watch.below), "{name}");
        }
    }

    #[test]
    fn unknown_metrics_and_keys_are_errors() {
        let told = Bands::parse("name = \"t\"\n[band.leak_prob]\n").unwrap_err().to_string();
        assert!(told.contains("leak_prob") && told.contains("leak_probe"), "{told}");
        assert!(Bands::parse("name = \"t\"\n[band.mtld]\nwacth = 1\n").is_err());
    }
}
