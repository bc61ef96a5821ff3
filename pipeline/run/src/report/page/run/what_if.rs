//! How much a stage would keep under other limits of a rule, all else equal.

use crate::report::chart::bars::cell_bar;
use crate::report::derived::{Derived, Retention};
use crate::report::html::number::{change, count, maybe_count, percent, real};
use crate::report::html::table::{self, Col};
use crate::report::html::{Html, at};
use crate::report::model::{RunReport, WhatIf, WhatIfPoint};

/// The section.
pub(super) fn render(h: &mut Html, report: &RunReport, derived: &Derived) {
    h.leaf(
        "p",
        &at().class("soft"),
        "What a stage would keep if one limit were another and all others stayed. Counted from the stored measures; \
         nothing was run again. The marked row is the limit of this run.",
    );
    h.el("div", &at().class("split even"), |h| {
        for (what_if, retention) in report.what_if.iter().zip(&derived.what_if) {
            h.el("div", &at(), |h| one(h, what_if, retention));
        }
    });
}

fn one(h: &mut Html, what_if: &WhatIf, retention: &[Retention]) {
    let words = what_if.points.iter().any(|point| point.words_kept.is_some());
    let mut columns = vec![
        Col::Words("limit"),
        Col::Bars("kept"),
        Col::Numbers("rows kept"),
        Col::Numbers("share"),
        Col::Numbers("change"),
    ];
    if words {
        columns.push(Col::Numbers("words kept"));
    }
    let caption = |h: &mut Html| {
        h.data(&what_if.stage);
        h.words(".");
        h.data(&what_if.rule);
        h.words(" ");
        h.el("span", &at().class("soft"), |h| {
            h.data(&what_if.measure);
            h.words(", ");
            h.shown(&count(what_if.rows_seen));
            h.words(" rows judged");
        });
    };
    let now =
        WhatIfPoint { limit: what_if.current.value, rows_kept: what_if.rows_kept, words_kept: what_if.words_kept };
    let mut lines: Vec<(&WhatIfPoint, &Retention, bool)> =
        what_if.points.iter().zip(retention).map(|(point, kept)| (point, kept, false)).collect();
    // The last one is of the run's own limit; it takes its place unless a point is the same.
    match lines.iter_mut().find(|(point, ..)| point.limit == now.limit) {
        Some(same) => same.2 = true,
        None => lines.extend(retention.last().map(|kept| (&now, kept, true))),
    }
    lines.sort_by(|a, b| a.0.limit.total_cmp(&b.0.limit));
    table::table(h, caption, &columns, |h| {
        for (point, kept, is_now) in lines {
            let head = |h: &mut Html| {
                h.words(what_if.current.direction.sign());
                h.words(" ");
                h.shown(&real(point.limit));
                if is_now {
                    h.words(" ");
                    h.leaf("span", &at().class("soft"), "this run");
                }
            };
            let attrs = if is_now { at().class("now") } else { at() };
            table::row(h, &attrs, head, |h| {
                cell_bar(h, &[(kept.kept_share, "k-kept")]);
                table::number(h, &count(point.rows_kept));
                table::number(h, &percent(kept.kept_share));
                table::number(h, &change(kept.change_rows));
                if words {
                    table::number(h, &maybe_count(point.words_kept));
                }
            });
        }
    });
}
