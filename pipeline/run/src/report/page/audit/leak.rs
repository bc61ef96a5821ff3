//! The leak probe: how well formatting alone tells the sides apart, and what to do about it.

use super::level;
use crate::report::PageLimits;
use crate::report::audit::{AuditPage, LeakProbe, Level};
use crate::report::chart::bars::cell_bar;
use crate::report::html::number::{maybe_real, real};
use crate::report::html::table;
use crate::report::html::{Html, at};

/// The box, and the scalars as a table.
pub(super) fn render(h: &mut Html, audit: &AuditPage, limits: PageLimits) {
    let leak = &audit.leak;
    let class = match leak.level {
        Level::Fine => "leak fine",
        Level::Look => "leak look",
        Level::Alarm => "leak alarm",
        Level::Unknown => "leak",
    };
    h.el("div", &at().class(class), |h| {
        h.el("h3", &at(), |h| {
            level(h, leak.level);
            h.words(" Formatting alone reaches an AUROC of ");
            h.shown(&maybe_real(leak.auroc));
            h.words("; the limit is ");
            h.shown(&maybe_real(leak.limit));
        });
        h.el("p", &at(), |h| h.data_cut(&leak.sentence, limits.sentence_chars));
        let is_crossed = leak.auroc.zip(leak.limit).is_some_and(|(auroc, limit)| auroc > limit);
        if is_crossed && !leak.remedy.is_empty() {
            h.el("p", &at(), |h| {
                h.leaf("strong", &at(), "Remedy: ");
                h.data_cut(&leak.remedy, limits.sentence_chars);
            });
        }
    });
    scalars(h, audit, leak);
}

fn scalars(h: &mut Html, audit: &AuditPage, leak: &LeakProbe) {
    if leak.scalars.is_empty() {
        return;
    }
    let heads = |h: &mut Html| {
        h.leaf("th", &at().set("scope", "col"), "scalar");
        h.leaf("th", &at().set("scope", "col").class("bars"), "away from 0.5");
        h.leaf("th", &at().set("scope", "col").class("num"), "AUROC");
        audit.sides.iter().for_each(|side| table::data_head(h, &side.name));
    };
    let caption = |h: &mut Html| {
        h.words("Formatting scalars, the most telling first");
        h.words(" ");
        h.leaf(
            "span",
            &at().class("soft"),
            "AUROC 0.5 tells nothing; means on both sides. Solid: within the limit. Hatched: beyond.",
        );
    };
    table::table_with(h, caption, heads, |h| {
        for scalar in &leak.scalars {
            let away = (scalar.auroc - 0.5).abs() * 2.0;
            let allowed = leak.limit.map_or(1.0, |limit| ((limit - 0.5) * 2.0).max(0.0));
            table::row(
                h,
                &at(),
                |h| h.data(&scalar.name),
                |h| {
                    cell_bar(h, &[(Some(away.min(allowed)), "k-kept"), (Some(away - allowed), "k-hatch")]);
                    table::number(h, &real(scalar.auroc));
                    scalar.means.iter().for_each(|mean| table::number(h, &real(*mean)));
                },
            );
        }
    });
}
