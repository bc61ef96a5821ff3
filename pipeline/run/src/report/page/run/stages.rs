//! The stages: the funnel by rows, text and time, drops by rule, and the graph as tables.

use crate::report::chart::{bars::cell_bar, graph};
use crate::report::derived::Derived;
use crate::report::html::number::{Shown, bytes, count, maybe_count, percent, real, seconds};
use crate::report::html::table::{self, Col};
use crate::report::html::{Html, at};
use crate::report::model::{RunReport, StageFunnel, TOKENS_PER_BYTE};

/// The section: text and time of the stages, drops by rule, and the graph as a table.
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
    let has_tokens = derived.stages.iter().any(|stage| stage.tokens_kept.is_some());
    if has_tokens {
        columns.push(Col::Numbers("tokens kept, est."));
    }
    let caption = |h: &mut Html| {
        h.words("The funnel");
        h.words(" ");
        h.leaf(
            "span",
            &at().class("soft"),
            "Solid: kept. Hatched: dropped here. The whole width: all rows of the run.",
        );
        if has_tokens {
            h.words(" ");
            h.el("span", &at().class("soft"), tokens_are);
        }
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
                    if has_tokens {
                        table::number(h, &maybe_count(shares.tokens_kept));
                    }
                },
            );
        }
    });
}

/// What an estimated token is.
fn tokens_are(h: &mut Html) {
    h.words("Tokens are estimated: ");
    h.shown(&real(TOKENS_PER_BYTE));
    h.words(" for each UTF-8 byte of text, the GPT-2 rate over the Pile (");
    h.data("Gao et al. 2020");
    h.words(").");
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
        Col::Numbers("text in"),
        Col::Numbers("text kept"),
        Col::Numbers("time"),
        Col::Numbers("rows per second"),
    ];
    table::table(
        h,
        |h| h.words("Text and time"),
        &columns,
        |h| {
            for (stage, shares) in report.funnel.iter().zip(&derived.stages) {
                table::row(
                    h,
                    &at(),
                    |h| head(h, stage),
                    |h| {
                        table::number(h, &maybe_count(stage.text_in.map(|text| text.words)));
                        table::number(h, &maybe_count(stage.text_kept.map(|text| text.words)));
                        table::number(h, &percent(shares.words_dropped_share));
                        for text in [stage.text_in, stage.text_kept] {
                            table::number(h, &text.map_or_else(Shown::missing, |text| bytes(text.bytes)));
                        }
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
                        |h| h.name(&rule.rule),
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
