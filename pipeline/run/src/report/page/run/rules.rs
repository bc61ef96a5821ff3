//! Each rule: how much it drops and drops alone, how its measure lies around the limit, documents close to it.

use crate::report::PageLimits;
use crate::report::chart::{bars::cell_bar, histogram::histogram};
use crate::report::derived::{Derived, RuleShares};
use crate::report::html::number::{Shown, count, maybe_count, percent};
use crate::report::html::table::{self, Col};
use crate::report::html::{Html, Id, at};
use crate::report::model::{RuleReport, RunReport};
use crate::report::page::examples;

/// The section.
pub(super) fn render(h: &mut Html, report: &RunReport, derived: &Derived, limits: PageLimits) {
    overview(h, report, derived);
    for (i, (rule, shares)) in report.rules.iter().zip(&derived.rules).enumerate() {
        card(h, i, rule, shares, limits);
    }
}

fn id(i: usize) -> Id {
    Id::numbered("rule", i)
}

fn overview(h: &mut Html, report: &RunReport, derived: &Derived) {
    let columns = [
        Col::Words("rule"),
        Col::Bars("share dropped"),
        Col::Numbers("judged"),
        Col::Numbers("dropped"),
        Col::Numbers("share"),
        Col::Numbers("alone"),
        Col::Numbers("only by it"),
    ];
    let caption = |h: &mut Html| {
        h.words("All rules");
        h.words(" ");
        h.leaf(
            "span",
            &at().class("soft"),
            "Dropped: recorded here, the first rule that the row failed. Alone: what it would drop if it were the only \
             rule. Only by it: what would come back without it.",
        );
    };
    table::table(h, caption, &columns, |h| {
        for (i, (rule, shares)) in report.rules.iter().zip(&derived.rules).enumerate() {
            let head = |h: &mut Html| {
                h.el("a", &at().href(&id(i)), |h| h.name(&rule.rule));
                h.words(" ");
                h.el("span", &at().class("soft"), |h| h.data(&rule.stage));
            };
            table::row(h, &at(), head, |h| {
                cell_bar(h, &[(shares.dropped_share, "k-hatch")]);
                table::number(h, &count(rule.rows_seen));
                table::number(h, &count(rule.rows_dropped));
                table::number(h, &percent(shares.dropped_share));
                table::number(h, &maybe_count(rule.rows_failed));
                table::number(h, &maybe_count(rule.rows_marginal));
            });
        }
    });
}

fn card(h: &mut Html, i: usize, rule: &RuleReport, shares: &RuleShares, limits: PageLimits) {
    let title = h.next_id("rule-name");
    h.el("article", &at().class("card").id(&id(i)).refer("aria-labelledby", &[&title]), |h| {
        h.el("div", &at().class("split even tight"), |h| {
            h.el("div", &at(), |h| {
                h.el("h3", &at().id(&title), |h| {
                    h.data(&rule.stage);
                    h.words(".");
                    h.data(&rule.rule);
                });
                h.el("p", &at().class("sql"), |h| {
                    h.el("code", &at(), |h| h.data_cut(&rule.sql, limits.sentence_chars));
                });
                facts(h, rule, shares);
            });
            h.el("div", &at(), |h| match (&rule.histogram, &rule.measure) {
                (Some(counts), Some(measure)) => histogram(h, measure, counts),
                (Some(counts), None) => histogram(h, "measure", counts),
                (None, Some(measure)) => {
                    h.el("p", &at().class("soft small"), |h| {
                        h.words("No histogram of ");
                        h.data(measure);
                        h.words(": its values were not kept. With checkpoint = true in the stage they are.");
                    });
                }
                (None, None) => h.leaf("p", &at().class("soft small"), "No single measure, so no histogram."),
            });
        });
        if !rule.kept_examples.is_empty() || !rule.dropped_examples.is_empty() {
            nearest(h, rule, limits);
        }
    });
    h.line();
}

fn facts(h: &mut Html, rule: &RuleReport, shares: &RuleShares) {
    let fact = |h: &mut Html, name: &'static str, figure: &Shown, share: Option<f64>| {
        h.el("div", &at(), |h| {
            h.leaf("dt", &at(), name);
            h.el("dd", &at(), |h| {
                h.shown(figure);
                if share.is_some() {
                    h.words(" ");
                    h.el("span", &at().class("soft"), |h| h.shown(&percent(share)));
                }
            });
        });
    };
    h.el("dl", &at().class("facts"), |h| {
        fact(h, "dropped", &count(rule.rows_dropped), shares.dropped_share);
        fact(h, "alone", &maybe_count(rule.rows_failed), shares.failed_share);
        fact(h, "only by it", &maybe_count(rule.rows_marginal), shares.marginal_share);
    });
}

fn nearest(h: &mut Html, rule: &RuleReport, limits: PageLimits) {
    h.el("details", &at(), |h| {
        h.el("summary", &at(), |h| {
            h.words("Nearest the limit: ");
            h.shown(&count(rule.kept_examples.len() as u64));
            h.words(" kept, ");
            h.shown(&count(rule.dropped_examples.len() as u64));
            h.words(" dropped");
        });
        h.el("div", &at().class("split even"), |h| {
            examples::list(h, "Kept, nearest first", "None was kept.", &rule.kept_examples, limits);
            examples::list(h, "Dropped, nearest first", "None was dropped.", &rule.dropped_examples, limits);
        });
    });
}
