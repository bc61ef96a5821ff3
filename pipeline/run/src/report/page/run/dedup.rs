//! Deduplication: how large the clusters are, the largest, and pairs side by side.

use crate::report::PageLimits;
use crate::report::chart::bars::cell_bar;
use crate::report::derived::Derived;
use crate::report::html::number::{count, percent};
use crate::report::html::table::{self, Col};
use crate::report::html::{Html, at};
use crate::report::model::{Cluster, DedupReport, RunReport, SizeBin};
use crate::report::page::examples;

/// The section.
pub(super) fn render(h: &mut Html, report: &RunReport, derived: &Derived, limits: PageLimits) {
    for (stage, dropped_share) in report.dedup.iter().zip(&derived.dedup_dropped_share) {
        let title = h.next_id("dedup");
        h.el("article", &at().class("card").refer("aria-labelledby", &[&title]), |h| {
            h.el("h3", &at().id(&title), |h| h.data(&stage.stage));
            h.el("p", &at(), |h| summary(h, stage, *dropped_share, limits));
            h.el("div", &at().class("split even"), |h| {
                h.el("div", &at(), |h| sizes(h, &stage.sizes));
                h.el("div", &at(), |h| largest(h, &stage.largest, limits));
            });
            if !stage.pairs.is_empty() {
                h.leaf("h4", &at(), "Pairs taken for copies");
                h.leaf(
                    "p",
                    &at().class("soft small"),
                    "Underlined: only in the kept one. Struck through: only in the dropped one.",
                );
                stage.pairs.iter().for_each(|pair| examples::pair(h, pair, limits));
            }
        });
    }
}

fn summary(h: &mut Html, stage: &DedupReport, dropped_share: Option<f64>, limits: PageLimits) {
    h.data_cut(&stage.method, limits.sentence_chars);
    h.words(" compared ");
    h.shown(&count(stage.rows_in));
    h.words(" rows, found ");
    h.shown(&count(stage.clusters));
    h.words(" clusters and dropped ");
    h.shown(&count(stage.rows_dropped));
    h.words(" rows");
    if dropped_share.is_some() {
        h.words(" (");
        h.shown(&percent(dropped_share));
        h.words(")");
    }
    h.words(".");
}

fn sizes(h: &mut Html, sizes: &[SizeBin]) {
    if sizes.is_empty() {
        return;
    }
    let columns = [
        Col::Words("rows in a cluster"),
        Col::Bars("rows in all"),
        Col::Numbers("clusters"),
        Col::Numbers("rows in all"),
    ];
    let most = sizes.iter().map(|bin| bin.rows).max().unwrap_or(0).max(1) as f64;
    table::table(
        h,
        |h| h.words("How large the clusters are"),
        &columns,
        |h| {
            for bin in sizes {
                let head = |h: &mut Html| {
                    h.shown(&count(bin.low));
                    if bin.high > bin.low {
                        h.words(" to ");
                        h.shown(&count(bin.high));
                    }
                };
                table::row(h, &at(), head, |h| {
                    cell_bar(h, &[(Some(bin.rows as f64 / most), "k-stay")]);
                    table::number(h, &count(bin.clusters));
                    table::number(h, &count(bin.rows));
                });
            }
        },
    );
}

fn largest(h: &mut Html, clusters: &[Cluster], limits: PageLimits) {
    if clusters.is_empty() {
        return;
    }
    let columns = [Col::Numbers("rows"), Col::Words("one of them")];
    table::table(
        h,
        |h| h.words("The largest clusters"),
        &columns,
        |h| {
            for cluster in clusters {
                h.el("tr", &at(), |h| {
                    table::number(h, &count(cluster.rows));
                    table::cell(h, |h| {
                        h.el("span", &at().class("mono soft"), |h| h.data(&cluster.example.id));
                        if let Some(url) = &cluster.example.url {
                            h.words(" ");
                            h.el("span", &at().class("soft small"), |h| h.data(url));
                        }
                        h.el("p", &at().class("text"), |h| {
                            h.data_cut(&cluster.example.excerpt, limits.excerpt_chars / 4);
                        });
                    });
                });
            }
        },
    );
}
