//! Artifact audit: how made data differs from human data of the same type, and what a model would learn from the difference.
//!
//! After "Under the Surface" (Das et al. 2024, arXiv:2401.14698): first-order effects are differences between the sides as
//! they are, second-order effects what something trained on one makes of the other. Five data types: labels, preferences,
//! instructions, dialogues and free text. We differ in that nothing neural is trained: a linear classifier and a character
//! model stand in, so that an audit runs offline in seconds and gives the same bytes twice.
//!
//! All functions are pure, over samples held in memory. `audit` takes two [`Side`]s, what other parts have measured
//! ([`Inputs`]: leak probe, detector, language, verbs and nouns), settings ([`Params`]) and limits ([`Bands`], a preset file),
//! and gives an [`Audit`]: findings with definition, source, both values, effect size, interval, level and sentence.
//! [`Audit::to_json`] writes `audit.json`, [`markdown`] the page, [`Gate`] reads `--fail-on`, [`compare`] sets two audits side
//! by side. The page in HTML is drawn elsewhere, from the same `Audit`.

pub mod corpus;
pub mod draws;
pub mod lexicon;
pub mod measure;
pub mod resample;

mod audit;
mod bands;
mod collect;
mod compare;
mod finding;
mod gate;
mod inputs;
mod kind;
mod markdown;
mod metric;
mod metrics;
mod params;
mod sentence;
mod side;

pub use audit::{AuditError, audit};
pub use bands::{Band, Bands, BandsError, Limits, SHIPPED};
pub use compare::{Change, Comparison, compare};
pub use finding::{
    Audit, Detail, Effect, Estimate, Example, FORMAT_VERSION, Finding, Histogram, Level, SideSummary, SliceValue,
};
pub use gate::{Gate, GateError, GateReport, Limit, Side as LimitSide};
pub use inputs::{DetectorAccuracy, EvalSet, Inputs, LanguageOf, LeakProbe, LeakScalar, MachineShare, VerbNounOf};
pub use markdown::markdown;
pub use metric::{EffectKind, Group, Judged, Metric, Unit, all as all_metrics, find as find_metric};
pub use params::{Params, RoleMarker};
pub use side::{DataType, Dialogue, Instruction, LabelRow, Preference, Rows, Side, Turn, Winner};

#[cfg(test)]
mod tests;
