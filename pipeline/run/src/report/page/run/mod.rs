//! The report page of a run: what went in, what came out, where it went and whether anything is wrong; then each part.

mod dedup;
mod lm;
mod overview;
mod release;
mod rules;
mod stages;
mod what_if;

use super::figures::figure_table;
use crate::report::PageLimits;
use crate::report::derived::Derived;
use crate::report::html::number::{count, percent, seconds};
use crate::report::html::{Html, Id, at, shell};
use crate::report::model::RunReport;

/// The whole page.
pub(crate) fn render(report: &RunReport, derived: &Derived, limits: PageLimits) -> String {
    let all = [
        ("overview", "Overview", true),
        ("stages", "Stages", !report.funnel.is_empty()),
        ("rules", "Rules", !report.rules.is_empty()),
        ("what-if", "What if", !report.what_if.is_empty()),
        ("dedup", "Duplicates", !report.dedup.is_empty()),
        ("lm", "Models", report.lm.is_some()),
        ("generation", "Generation", !report.generation.is_empty()),
        ("release", "Release", report.release.is_some()),
        ("config", "Config", true),
    ];
    let sections: Vec<(Id, &'static str)> =
        all.into_iter().filter(|section| section.2).map(|(id, words, _)| (Id::named(id), words)).collect();
    let frame = shell::Shell { kind: "Run report", name: &report.name, sections: &sections };
    shell::page(
        &frame,
        |h| lede(h, report, derived),
        |h| {
            section(h, "overview", "Overview", |h| overview::render(h, report, derived, limits));
            if !report.funnel.is_empty() {
                section(h, "stages", "Stages", |h| stages::render(h, report, derived));
            }
            if !report.rules.is_empty() {
                section(h, "rules", "Rules", |h| rules::render(h, report, derived, limits));
            }
            if !report.what_if.is_empty() {
                section(h, "what-if", "What if", |h| what_if::render(h, report, derived));
            }
            if !report.dedup.is_empty() {
                section(h, "dedup", "Duplicates", |h| dedup::render(h, report, derived, limits));
            }
            if let (Some(lm), Some(sums)) = (&report.lm, &derived.lm) {
                section(h, "lm", "Models", |h| lm::render(h, lm, sums));
            }
            if !report.generation.is_empty() {
                section(h, "generation", "Generation", |h| {
                    report.generation.iter().for_each(|figures| figure_table(h, figures, limits.sentence_chars));
                });
            }
            if let Some(release) = &report.release {
                section(h, "release", "Release", |h| release::render(h, release));
            }
            section(h, "config", "Config", |h| config(h, report, limits));
        },
    )
}

/// A section with its heading.
pub(crate) fn section(h: &mut Html, id: &'static str, heading: &'static str, body: impl FnOnce(&mut Html)) {
    let (section, title) = (Id::named(id), h.next_id("heading"));
    h.el("section", &at().id(&section).refer("aria-labelledby", &[&title]), |h| {
        h.el("h2", &at().id(&title), |h| h.words(heading));
        body(h);
    });
    h.line();
}

/// The first two lines: the run in a sentence, then what made it.
fn lede(h: &mut Html, report: &RunReport, derived: &Derived) {
    h.el("p", &at().class("lede"), |h| {
        h.el("strong", &at(), |h| h.shown(&count(report.went_in.rows)));
        h.words(" rows went in, ");
        if derived.rows_made > 0 {
            h.el("strong", &at(), |h| h.shown(&count(derived.rows_made)));
            h.words(" were made, ");
        }
        h.el("strong", &at(), |h| h.shown(&count(report.came_out.rows)));
        h.words(" came out");
        if derived.rows_out_share.is_some() && derived.rows_made == 0 {
            h.words(" (");
            h.shown(&percent(derived.rows_out_share));
            h.words(")");
        }
        h.words(". ");
        match derived.concerns {
            0 => h.words("Nothing looks wrong."),
            1 => h.words("One thing needs a look."),
            some => {
                h.shown(&count(some));
                h.words(" things need a look.");
            }
        }
    });
    h.el("p", &at().class("meta"), |h| {
        for version in &report.versions {
            h.data(&version.name);
            h.words(" ");
            h.data(&version.version);
            h.words(" · ");
        }
        h.words("seed ");
        // A seed is a name, not an amount: without separators.
        h.data(&report.seed.to_string());
        h.words(" · ");
        h.shown(&seconds(Some(report.seconds)));
        h.words(" of work");
    });
}

fn config(h: &mut Html, report: &RunReport, limits: PageLimits) {
    h.leaf("p", &at().class("soft"), "The file this run was made from.");
    h.el("pre", &at().set("tabindex", "0").set("role", "region").set("aria-label", "Config file"), |h| {
        h.el("code", &at(), |h| h.data_cut(&report.config, limits.config_chars));
    });
}
