//! The page of an audit: leak probe, strip of verdicts, worst findings, all findings, plots, tables, method.
//!
//! The leak probe stands before everything else. Where it fails, the sides can be told apart by their formatting, and
//! every figure below may say no more than that.

mod findings;
mod leak;
mod plots;

use super::figures::figure_table;
use super::run::section;
use crate::report::PageLimits;
use crate::report::audit::{AuditPage, Gate, Level};
use crate::report::html::number::{count, maybe_real};
use crate::report::html::table::{self, Col};
use crate::report::html::{Html, Id, at, shell};

/// The whole page.
pub(crate) fn render(audit: &AuditPage, limits: PageLimits) -> String {
    let all = [
        ("leak", "Leak probe", true),
        ("verdicts", "Verdicts", audit.findings.iter().any(|finding| finding.headline)),
        ("worst", "Worst", !findings::worst(audit).is_empty()),
        ("findings", "Findings", !audit.findings.is_empty()),
        ("plots", "Plots", !audit.plots.is_empty()),
        ("tables", "Tables", !audit.tables.is_empty()),
        ("method", "Method", !audit.findings.is_empty()),
    ];
    let sections: Vec<(Id, &'static str)> =
        all.iter().filter(|section| section.2).map(|(id, words, _)| (Id::named(id), *words)).collect();
    let frame = shell::Shell { kind: "Audit", name: &audit.title, sections: &sections };
    shell::page(
        &frame,
        |h| lede(h, audit),
        |h| {
            for (id, words, shown) in all {
                if !shown {
                    continue;
                }
                section(h, id, words, |h| match id {
                    "leak" => {
                        leak::render(h, audit, limits);
                        gates(h, &audit.gates);
                    }
                    "verdicts" => findings::strip(h, audit),
                    "worst" => findings::worst_cards(h, audit, limits),
                    "findings" => findings::tables(h, audit, limits),
                    "plots" => plots::render(h, audit),
                    "tables" => audit.tables.iter().for_each(|figures| figure_table(h, figures, limits.sentence_chars)),
                    _ => findings::method(h, audit, limits),
                });
            }
        },
    )
}

/// The word and sign of a level; the sign tells it without colour.
fn level(h: &mut Html, level: Level) {
    let (class, words) = match level {
        Level::Fine => ("level fine", "● fine"),
        Level::Look => ("level look", "▲ look"),
        Level::Alarm => ("level alarm", "■ alarm"),
        Level::Unknown => ("level unknown", "○ not judged"),
    };
    h.leaf("span", &at().class(class), words);
}

fn lede(h: &mut Html, audit: &AuditPage) {
    h.el("p", &at().class("lede"), |h| {
        for (i, side) in audit.sides.iter().enumerate() {
            if i > 0 {
                h.words(" against ");
            }
            h.el("strong", &at(), |h| h.data(&side.name));
            h.words(" (");
            h.data(&side.origin);
            h.words("; ");
            h.shown(&count(side.rows));
            h.words(" rows, ");
            h.shown(&count(side.words));
            h.words(" words)");
        }
        h.words(".");
    });
    h.el("p", &at().class("meta"), |h| {
        h.data(&audit.data_type);
        h.words(" · ");
        for version in &audit.versions {
            h.data(&version.name);
            h.words(" ");
            h.data(&version.version);
            h.words(" · ");
        }
        h.words("seed ");
        h.data(&audit.seed.to_string());
        if let Some(fingerprint) = &audit.fingerprint {
            h.words(" · ");
            h.el("span", &at().class("mono"), |h| h.data(fingerprint));
        }
        h.words(" · ");
        h.el("a", &at().set("href", "audit.json"), |h| h.words("audit.json"));
    });
}

fn gates(h: &mut Html, gates: &[Gate]) {
    if gates.is_empty() {
        return;
    }
    let columns = [Col::Words("limit"), Col::Numbers("value"), Col::Words("verdict")];
    table::table(
        h,
        |h| h.words("Limits that were asked for"),
        &columns,
        |h| {
            for gate in gates {
                table::row(
                    h,
                    &at(),
                    |h| h.el("code", &at(), |h| h.data(&gate.expression)),
                    |h| {
                        table::number(h, &maybe_real(gate.value));
                        table::cell(h, |h| match (gate.crossed, gate.value) {
                            (true, _) => h.leaf("span", &at().class("level alarm"), "■ crossed"),
                            (false, Some(_)) => h.leaf("span", &at().class("level fine"), "● kept"),
                            (false, None) => h.leaf("span", &at().class("level unknown"), "○ no value"),
                        });
                    },
                );
            }
        },
    );
}
