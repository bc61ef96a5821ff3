//! The first screen: in and out, where the rows went, what needs a look, the funnel and the graph.

use super::stages;
use crate::report::PageLimits;
use crate::report::chart::{bars, graph};
use crate::report::derived::Derived;
use crate::report::html::number::{Shown, bytes, change, count, maybe_count, percent};
use crate::report::html::table::{self, Col};
use crate::report::html::{Html, at};
use crate::report::model::{RunReport, SourceVolume, Volume, Warning, WarningKind};

/// Warnings that are shown unfolded.
const AT_ONCE: usize = 6;

/// The first section.
pub(super) fn render(h: &mut Html, report: &RunReport, derived: &Derived, limits: PageLimits) {
    // In the order of a narrow screen; the style sets the second and the fourth to the side of a wide one.
    h.el("div", &at().class("screen"), |h| {
        h.el("div", &at(), |h| {
            in_and_out(h, report, derived);
            bars::fates(h, derived);
        });
        warnings(h, report, derived, limits);
        h.el("div", &at(), |h| {
            if !report.funnel.is_empty() {
                stages::funnel(h, report, derived);
            }
            if report.sources.len() > 1 {
                sources(h, &report.sources);
            }
        });
        h.el("div", &at(), |h| {
            if !report.graph.nodes.is_empty() {
                graph::graph(h, &report.graph);
            }
        });
    });
}

fn in_and_out(h: &mut Html, report: &RunReport, derived: &Derived) {
    let (went_in, came_out) = (&report.went_in, &report.came_out);
    let columns = [Col::Words(""), Col::Numbers("went in"), Col::Numbers("came out"), Col::Numbers("share")];
    let line = |h: &mut Html, name: &'static str, figures: [Shown; 3]| {
        table::row(h, &at(), |h| h.words(name), |h| figures.iter().for_each(|figure| table::number(h, figure)));
    };
    h.el("div", &at().class("io"), |h| {
        table::table(
            h,
            |h| h.words("What went in and what came out"),
            &columns,
            |h| {
                line(h, "rows", [count(went_in.rows), count(came_out.rows), percent(derived.rows_out_share)]);
                let optional = |h: &mut Html, name, of: fn(&Volume) -> Option<u64>, share, show: fn(u64) -> Shown| {
                    if of(went_in).is_some() || of(came_out).is_some() {
                        let shown = |n: Option<u64>| n.map_or_else(Shown::missing, show);
                        line(h, name, [shown(of(went_in)), shown(of(came_out)), percent(share)]);
                    }
                };
                optional(h, "words", |v| v.words, derived.words_out_share, count);
                optional(h, "tokens, estimated", |v| v.tokens, derived.tokens_out_share, count);
                optional(h, "text", |v| v.bytes, derived.bytes_out_share, bytes);
            },
        );
    });
}

fn sources(h: &mut Html, sources: &[SourceVolume]) {
    let columns = [
        Col::Words("source"),
        Col::Numbers("rows"),
        Col::Numbers("words"),
        Col::Numbers("tokens, est."),
        Col::Numbers("text"),
    ];
    table::table(
        h,
        |h| h.words("What went in, by source"),
        &columns,
        |h| {
            for source in sources {
                table::row(
                    h,
                    &at(),
                    |h| h.data(&source.name),
                    |h| {
                        table::number(h, &count(source.volume.rows));
                        table::number(h, &maybe_count(source.volume.words));
                        table::number(h, &maybe_count(source.volume.tokens));
                        table::number(h, &source.volume.bytes.map_or_else(Shown::missing, bytes));
                    },
                );
            }
        },
    );
}

fn warnings(h: &mut Html, report: &RunReport, derived: &Derived, limits: PageLimits) {
    let stages: Vec<(&str, i64)> = report
        .funnel
        .iter()
        .zip(&derived.stages)
        .filter(|(_, shares)| shares.imbalance != 0)
        .map(|(stage, shares)| (stage.name.as_str(), shares.imbalance))
        .collect();
    let fine = derived.concerns == 0;
    let id = h.next_id("warnings");
    let class = if fine { "warnings fine" } else { "warnings" };
    h.el("aside", &at().class(class).refer("aria-labelledby", &[&id]), |h| {
        h.leaf("h3", &at().id(&id), "Is anything wrong?");
        if fine {
            h.leaf("p", &at(), "No. Every rule fired, no stage dropped more than expected, nothing failed.");
            return;
        }
        h.el("ul", &at(), |h| {
            for (stage, imbalance) in &stages {
                unbalanced(h, stage, *imbalance);
            }
            report.warnings.iter().take(AT_ONCE).for_each(|some| warning(h, some, limits));
        });
        let more = report.warnings.get(AT_ONCE..).unwrap_or_default();
        if !more.is_empty() {
            h.el("details", &at(), |h| {
                h.el("summary", &at(), |h| {
                    h.words("and ");
                    h.shown(&count(more.len() as u64));
                    h.words(" more");
                });
                h.el("ul", &at(), |h| more.iter().for_each(|some| warning(h, some, limits)));
            });
        }
    });
}

fn unbalanced(h: &mut Html, stage: &str, imbalance: i64) {
    h.el("li", &at(), |h| {
        h.leaf("span", &at().class("tag"), "Rows do not add up");
        h.el("p", &at().class("what"), |h| {
            h.data(stage);
            h.words(" ");
            h.shown(&change(imbalance));
        });
        h.leaf("p", &at(), "Kept and dropped rows differ from those that entered. This is a fault of the program.");
    });
}

fn warning(h: &mut Html, warning: &Warning, limits: PageLimits) {
    h.el("li", &at(), |h| {
        h.leaf("span", &at().class("tag"), kind(warning.kind));
        h.el("p", &at().class("what"), |h| {
            h.data(&warning.subject);
            if let Some(n) = warning.count {
                h.words(" ");
                h.el("span", &at(), |h| h.shown(&count(n)));
            }
        });
        h.el("p", &at(), |h| h.data_cut(&warning.message, limits.sentence_chars));
    });
}

fn kind(kind: WarningKind) -> &'static str {
    match kind {
        WarningKind::RuleNeverFired => "Rule never fired",
        WarningKind::DroppedTooMuch => "Dropped much",
        WarningKind::WorkerFailed => "Worker failed",
        WarningKind::BadRecords => "Bad records",
        WarningKind::Licence => "Licence",
        WarningKind::Other => "Note",
    }
}
