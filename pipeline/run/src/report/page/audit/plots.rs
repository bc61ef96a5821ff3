//! The plots: pairs of bars, and distributions over the same axis, each with its figures.

use crate::report::audit::{AuditPage, BarPair, Plot};
use crate::report::chart::bars::cell_pair;
use crate::report::chart::distribution::{distribution, shares};
use crate::report::html::number::{count, percent, real};
use crate::report::html::table;
use crate::report::html::{Html, at};
use crate::report::model::Unit;
use crate::report::page::figures::in_unit;

/// The section.
pub(super) fn render(h: &mut Html, audit: &AuditPage) {
    let names = audit.sides.each_ref().map(|side| side.name.as_str());
    h.el("p", &at().class("sides"), |h| {
        for (name, class) in names.iter().zip(["side-a", "side-b"]) {
            h.el("span", &at(), |h| {
                h.el("svg", &at().set("width", "12").set("height", "12").set("aria-hidden", "true"), |h| {
                    h.el("rect", &at().class(class).set("width", "12").set("height", "12"), |_| {});
                });
                h.words(" ");
                h.data(name);
            });
        }
    });
    h.el("div", &at().class("split even"), |h| {
        for plot in &audit.plots {
            h.el("div", &at(), |h| match plot {
                Plot::BarPairs { title, unit, pairs } => bar_pairs(h, title, *unit, pairs, names),
                Plot::Distributions { title, measure, edges, counts } => {
                    h.el("figure", &at(), |h| {
                        h.el("p", &at().class("name"), |h| h.data(title));
                        distribution(h, measure, edges, counts, names);
                        h.el("figcaption", &at(), |h| h.data(measure));
                    });
                    h.el("details", &at(), |h| {
                        h.leaf("summary", &at(), "These bins as a table");
                        bins(h, title, edges, counts, names);
                    });
                }
            });
        }
    });
}

fn bar_pairs(h: &mut Html, title: &str, unit: Unit, pairs: &[BarPair], names: [&str; 2]) {
    let values = pairs.iter().flat_map(|pair| pair.values);
    let most = values.map(f64::abs).filter(|value| value.is_finite()).fold(0.0, f64::max);
    let heads = |h: &mut Html| {
        h.el("td", &at(), |_| {});
        h.leaf("th", &at().set("scope", "col").class("bars"), "both sides");
        names.iter().for_each(|name| table::data_head(h, name));
    };
    table::table_with(
        h,
        |h| h.data(title),
        heads,
        |h| {
            for pair in pairs {
                table::row(
                    h,
                    &at(),
                    |h| h.data(&pair.label),
                    |h| {
                        cell_pair(h, pair.values.map(|value| if most > 0.0 { value.abs() / most } else { 0.0 }));
                        pair.values.iter().for_each(|value| table::number(h, &in_unit(*value, unit)));
                    },
                );
            }
        },
    );
}

fn bins(h: &mut Html, title: &str, edges: &[f64], counts: &[Vec<u64>; 2], names: [&str; 2]) {
    let heads = |h: &mut Html| {
        h.leaf("th", &at().set("scope", "col").class("num"), "from");
        h.leaf("th", &at().set("scope", "col").class("num"), "to");
        for name in names {
            table::data_head(h, name);
            h.leaf("th", &at().set("scope", "col").class("num"), "share");
        }
    };
    let sides = counts.each_ref().map(|counts| shares(counts));
    table::table_with(
        h,
        |h| h.data(title),
        heads,
        |h| {
            for (i, edge) in edges.windows(2).enumerate() {
                h.el("tr", &at(), |h| {
                    table::number(h, &real(edge[0]));
                    table::number(h, &real(edge[1]));
                    for (counts, shares) in counts.iter().zip(&sides) {
                        table::number(h, &count(counts.get(i).copied().unwrap_or(0)));
                        table::number(h, &percent(shares.get(i).copied().flatten()));
                    }
                });
            }
        },
    );
}
