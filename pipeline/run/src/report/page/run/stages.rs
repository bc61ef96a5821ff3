//! The stages: the funnel by rows, words and time, drops by rule, and the graph as tables.

use crate::report::chart::{bars::cell_bar, graph};
use crate::report::derived::Derived;
use crate::report::html::number::{Shown, count, maybe_count, percent, real, seconds};
use crate::report::html::table::{self, Col};
use crate::report::html::{Html, at};
use crate::report::model::{RunReport, StageFunnel};

/// The section: words and time of the stages, drops by rule, and the graph as a table.
pub(super) fn render(h: &mut Html, report: &RunReport, derived: &Derived) {
    amounts(h, report, derived);
    dropped(h, report, derived);
    if !report.graph.nodes.is_empty() {
        h.el("details", &at(), |h| {
            h.leaf("summary", &at(), "Graph and passes as tables");
            graph::tables(h, &report.graph);
        });
    }
}

/// The funnel by rows, for the first screen.
pub(super) fn funnel(h: &mut Html, report: &RunReport, derived: &Derived) {
    let made = report.funnel.iter().any(|stage| stage.rows_made > 0);
    let mut columns = vec![Col::Words("stage"), Col::Bars("left of all rows"), Col::Numbers("in")];
    if made {
        columns.push(Col::Numbers("made"));
    }
    columns.extend([Col::Numbers("dropped, of the stage"), Col::Numbers("kept, of all rows")]);
    let caption = |h: &mut Html| {
        h.words("The funnel");
        h.words(" ");
        h.leaf(
            "span",
            &at().class("soft"),
            "Solid: kept. Hatched: dropped here. The whole width: all rows of the run.",
        );
    };
    table::table(h, caption, &columns, |h| {
        for (stage, shares) in report.funnel.iter().zip(&derived.stages) {
            table::row(
                h,
                &at(),
                |h| head(h, stage),
                |h| {
                    let bars = [(shares.left_share, "k-kept"), (shares.dropped_of_all_share, "k-hatch")];
                    cell_bar(h, &bars);
                    table::number(h, &count(stage.rows_in));
                    if made {
                        table::number(h, &count(stage.rows_made));
                    }
                    with_share(h, &count(shares.rows_dropped), shares.dropped_share);
                    with_share(h, &count(stage.rows_kept), shares.left_share);
                },
            );
        }
    });
}

fn head(h: &mut Html, stage: &StageFunnel) {
    h.data(&stage.name);
    h.words(" ");
    h.el("span", &at().class("soft"), |h| h.data(&stage.kind));
}

fn amounts(h: &mut Html, report: &RunReport, derived: &Derived) {
    let columns = [
        Col::Words("stage"),
        Col::Numbers("words in"),
        Col::Numbers("words kept"),
        Col::Numbers("words lost"),
        Col::Numbers("time"),
        Col::Numbers("rows per second"),
    ];
    table::table(
        h,
        |h| h.words("Words and time"),
        &columns,
        |h| {
            for (stage, shares) in report.funnel.iter().zip(&derived.stages) {
                table::row(
                    h,
                    &at(),
                    |h| head(h, stage),
                    |h| {
                        table::number(h, &maybe_count(stage.words_in));
                        table::number(h, &maybe_count(stage.words_kept));
                        table::number(h, &percent(shares.words_dropped_share));
                        table::number(h, &seconds(stage.seconds));
                        table::number(
                            h,
                            &shares.rows_per_second.map_or_else(Shown::missing, |rate| real(rate.round())),
                        );
                    },
                );
            }
        },
    );
}

/// A cell with a figure and, below it, its share.
fn with_share(h: &mut Html, figure: &Shown, share: Option<f64>) {
    h.el("td", &at().class("num"), |h| {
        h.shown(figure);
        if share.is_some() {
            h.words(" ");
            h.el("span", &at().class("soft"), |h| h.shown(&percent(share)));
        }
    });
}

fn dropped(h: &mut Html, report: &RunReport, derived: &Derived) {
    if report.funnel.iter().all(|stage| stage.dropped.is_empty()) {
        return;
    }
    let columns = [
        Col::Words("rule"),
        Col::Words("stage"),
        Col::Bars("of the stage"),
        Col::Numbers("rows"),
        Col::Numbers("share"),
    ];
    table::table(
        h,
        |h| h.words("Dropped rows, each under the first rule that it failed"),
        &columns,
        |h| {
            for (stage, shares) in report.funnel.iter().zip(&derived.stages) {
                for (rule, share) in stage.dropped.iter().zip(&shares.rule_shares) {
                    table::row(
                        h,
                        &at(),
                        |h| h.data(&rule.rule),
                        |h| {
                            table::cell(h, |h| h.data(&stage.name));
                            cell_bar(h, &[(*share, "k-hatch")]);
                            table::number(h, &count(rule.rows));
                            table::number(h, &percent(*share));
                        },
                    );
                }
            }
        },
    );
}
