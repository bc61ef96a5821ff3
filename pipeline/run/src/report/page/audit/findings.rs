//! The findings: the headline ones as a strip, the worst with examples, all in tables by part, and how each is defined.

use super::level;
use crate::report::PageLimits;
use crate::report::audit::{AuditPage, Effect, Finding, Level};
use crate::report::chart::interval::cell_interval;
use crate::report::html::number::{Shown, count, real, signed_real};
use crate::report::html::table;
use crate::report::html::{Html, Id, at};
use crate::report::page::examples;
use crate::report::page::figures::in_unit;

/// How many findings count as the worst.
const WORST: usize = 5;
/// Characters of the words on limits.
const LIMITS_CHARS: usize = 300;

fn id(i: usize) -> Id {
    Id::numbered("finding", i)
}

fn value(finding: &Finding, side: usize) -> Shown {
    finding.values[side].map_or_else(Shown::missing, |value| in_unit(value, finding.unit))
}

/// The strip of verdicts; each leads to its row.
pub(super) fn strip(h: &mut Html, audit: &AuditPage) {
    h.el("ul", &at().class("strip"), |h| {
        for (i, finding) in audit.findings.iter().enumerate().filter(|(_, finding)| finding.headline) {
            let class = match finding.level {
                Level::Fine => "fine",
                Level::Look => "look",
                Level::Alarm => "alarm",
                Level::Unknown => "unknown",
            };
            h.el("li", &at().class(class), |h| {
                level(h, finding.level);
                h.words(" ");
                h.el("span", &at().class("big"), |h| h.shown(&value(finding, 1)));
                h.words(" ");
                h.el("a", &at().href(&id(i)), |h| h.data(&finding.name));
                interval(h, finding, 1);
                h.el("span", &at().class("soft small band"), |h| band(h, finding));
            });
        }
    });
}

/// The interval of a side's value, below it.
fn interval(h: &mut Html, finding: &Finding, side: usize) {
    if let Some([low, high]) = finding.intervals[side] {
        h.words(" ");
        h.el("span", &at().class("soft small"), |h| {
            h.shown(&in_unit(low, finding.unit));
            h.words(" to ");
            h.shown(&in_unit(high, finding.unit));
        });
    }
}

fn band(h: &mut Html, finding: &Finding) {
    if let Some(limits) = &finding.limits {
        h.words("limits: ");
        h.data_cut(limits, LIMITS_CHARS);
    }
    if let Some([low, high]) = finding.band {
        h.words("band ");
        h.shown(&in_unit(low, finding.unit));
        h.words(" to ");
        h.shown(&in_unit(high, finding.unit));
    }
}

/// The worst findings: alarms, then those worth a look, in the order of the audit.
pub(super) fn worst(audit: &AuditPage) -> Vec<&Finding> {
    let of = |wanted: Level| audit.findings.iter().filter(move |finding| finding.level == wanted);
    of(Level::Alarm).chain(of(Level::Look)).take(WORST).collect()
}

/// Each of the worst with its sentence, remedy and examples.
pub(super) fn worst_cards(h: &mut Html, audit: &AuditPage, limits: PageLimits) {
    for finding in worst(audit) {
        h.el("article", &at().class("card"), |h| {
            h.el("h3", &at(), |h| {
                level(h, finding.level);
                h.words(" ");
                h.data(&finding.name);
            });
            h.el("p", &at(), |h| h.data_cut(&finding.sentence, limits.sentence_chars));
            if let Some(remedy) = &finding.remedy {
                h.el("p", &at().class("sql"), |h| h.el("code", &at(), |h| h.data_cut(remedy, limits.sentence_chars)));
            }
            if !finding.examples.is_empty() {
                examples::list(h, "Rows that show it", "", &finding.examples, limits);
            }
        });
    }
}

/// One table for each part.
pub(super) fn tables(h: &mut Html, audit: &AuditPage, limits: PageLimits) {
    let numbered: Vec<(usize, &Finding)> = audit.findings.iter().enumerate().collect();
    for part in numbered.chunk_by(|a, b| a.1.part == b.1.part) {
        part_table(h, audit, part, limits);
    }
}

fn part_table(h: &mut Html, audit: &AuditPage, part: &[(usize, &Finding)], limits: PageLimits) {
    let previous = part.iter().any(|(_, finding)| finding.previous.is_some());
    let heads = |h: &mut Html| {
        let col = || at().set("scope", "col");
        h.leaf("th", &col(), "metric");
        audit.sides.iter().for_each(|side| table::data_head(h, &side.name));
        if previous {
            h.leaf("th", &col().class("num"), "before");
        }
        h.leaf("th", &col().class("bars"), "apart");
        h.leaf("th", &col().class("num"), "effect");
        h.leaf("th", &col().class("num"), "n");
        h.leaf("th", &col(), "verdict");
    };
    let caption = |h: &mut Html| h.data(part.first().map_or("", |(_, finding)| finding.part.as_str()));
    table::table_with(h, caption, heads, |h| {
        for (i, finding) in part {
            let head = |h: &mut Html| {
                h.data(&finding.name);
                h.words(" ");
                h.el("span", &at().class("soft"), |h| h.name(&finding.key));
            };
            table::row(h, &at().id(&id(*i)), head, |h| cells(h, finding, previous, limits));
        }
    });
}

fn cells(h: &mut Html, finding: &Finding, previous: bool, limits: PageLimits) {
    for side in 0..2 {
        h.el("td", &at().class("num"), |h| {
            h.shown(&value(finding, side));
            interval(h, finding, side);
        });
    }
    if previous {
        table::number(h, &finding.previous.map_or_else(Shown::missing, |value| in_unit(value, finding.unit)));
    }
    match &finding.effect {
        Some(effect) => {
            cell_interval(h, effect.value, effect.interval);
            h.el("td", &at().class("num"), |h| told(h, effect));
        }
        None => {
            h.el("td", &at().class("bars"), |_| {});
            table::number(h, &Shown::missing());
        }
    }
    h.el("td", &at().class("num"), |h| {
        h.shown(&count(finding.n[0]));
        h.words(" ");
        h.el("span", &at().class("soft"), |h| h.shown(&count(finding.n[1])));
    });
    h.el("td", &at().class("verdict"), |h| {
        level(h, finding.level);
        h.words(" ");
        match &finding.not_computed {
            Some(why) => {
                h.words("Not computed: ");
                h.data_cut(why, limits.sentence_chars);
            }
            None => h.data_cut(&finding.sentence, limits.sentence_chars),
        }
        h.el("span", &at().class("soft small band"), |h| band(h, finding));
    });
}

fn told(h: &mut Html, effect: &Effect) {
    h.shown(&signed_real(effect.value));
    if let Some([low, high]) = effect.interval {
        h.words(" ");
        h.el("span", &at().class("soft"), |h| {
            h.shown(&real(low));
            h.words(" to ");
            h.shown(&real(high));
        });
    }
    h.words(" ");
    h.el("span", &at().class("soft"), |h| h.data(&effect.name));
}

/// What each metric computes and where that comes from.
pub(super) fn method(h: &mut Html, audit: &AuditPage, limits: PageLimits) {
    h.el("dl", &at().class("method"), |h| {
        for finding in &audit.findings {
            h.el("dt", &at(), |h| h.data(&finding.name));
            h.el("dd", &at(), |h| {
                h.data_cut(&finding.definition, limits.sentence_chars);
                h.words(" ");
                h.el("span", &at().class("soft"), |h| h.data_cut(&finding.source, limits.sentence_chars));
            });
        }
    });
}
