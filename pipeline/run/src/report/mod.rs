//! The report page of a run and the page of an audit: figures in, one HTML file out.
//!
//! Rendering is pure: [`model::RunReport`] and [`audit::AuditPage`] hold every figure, the pages are functions of them, and
//! equal input gives equal bytes. A page is one file that fetches nothing and runs nothing: its policy forbids both, so a
//! hostile document in it stays text whatever happens. Gathering the figures from a run directory is not done here.

pub mod audit;
mod chart;
pub mod derived;
pub mod diff;
mod evaluation;
mod html;
pub mod model;
mod page;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use audit::AuditPage;
use derived::Derived;
use diff::DiffLimits;
use model::RunReport;

pub use evaluation::evaluation_page;

/// How much of a text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PageLimits {
    /// Characters of an example.
    pub excerpt_chars: usize,
    /// Characters of a sentence: messages, definitions, rules in SQL.
    pub sentence_chars: usize,
    /// Characters of the config.
    pub config_chars: usize,
    /// Characters of either side of a comparison.
    pub pair_chars: usize,
    /// Bounds of a comparison.
    pub diff: DiffLimits,
}

impl Default for PageLimits {
    /// A screen of text for an example, 600 characters; two for each side of a pair; a config in full up to 200,000.
    fn default() -> Self {
        Self {
            excerpt_chars: 600,
            sentence_chars: 2_000,
            config_chars: 200_000,
            pair_chars: 3_000,
            diff: DiffLimits::default(),
        }
    }
}

/// The report page of a run.
pub fn run_page(report: &RunReport, limits: PageLimits) -> String {
    page::run::render(report, &Derived::of(report), limits)
}

/// What is written to `report.json`: the report, and under "derived" what follows from it. [`RunReport`] reads it back.
///
/// # Errors
/// None that these types can cause; serde's signature has one.
pub fn run_json(report: &RunReport) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Whole<'a> {
        #[serde(flatten)]
        report: &'a RunReport,
        derived: Derived,
    }
    serde_json::to_string_pretty(&Whole { report, derived: Derived::of(report) }).map(|json| json + "\n")
}

/// The page of an audit. `audit.json` is the serialised [`AuditPage`]; the page links to it by that name.
pub fn audit_page(audit: &AuditPage, limits: PageLimits) -> String {
    page::audit::render(audit, limits)
}
