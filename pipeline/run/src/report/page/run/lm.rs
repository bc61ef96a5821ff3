//! The language model workers: requests, tokens, money, time, failures.

use crate::report::chart::bars::cell_bar;
use crate::report::derived::{LmSums, WorkerShares};
use crate::report::html::number::{count, milliseconds, money, percent};
use crate::report::html::table::{self, Col};
use crate::report::html::{Html, at};
use crate::report::model::{LmReport, WorkerReport};

/// The section.
pub(super) fn render(h: &mut Html, lm: &LmReport, sums: &LmSums) {
    h.el("p", &at(), |h| summary(h, lm, sums));
    workers(h, lm, sums);
    failures(h, lm, sums);
}

fn summary(h: &mut Html, lm: &LmReport, sums: &LmSums) {
    h.shown(&count(sums.requests));
    h.words(" requests, ");
    h.shown(&count(sums.cached));
    h.words(" of them from the cache (");
    h.shown(&percent(sums.cached_share));
    h.words("), ");
    h.shown(&count(sums.failed));
    h.words(" failed (");
    h.shown(&percent(sums.failed_share));
    h.words("); ");
    h.shown(&count(sums.tokens_in));
    h.words(" tokens sent, ");
    h.shown(&count(sums.tokens_out));
    h.words(" received; ");
    if sums.cost.is_none() {
        h.words("prices are not known.");
        return;
    }
    h.data(&lm.currency);
    h.words(" ");
    h.shown(&money(sums.cost));
    h.words(if lm.workers.iter().any(|worker| worker.cost.is_none()) { " where the price is known." } else { "." });
}

fn workers(h: &mut Html, lm: &LmReport, sums: &LmSums) {
    let columns = [
        Col::Words("worker"),
        Col::Numbers("requests"),
        Col::Numbers("cached"),
        Col::Numbers("failed"),
        Col::Numbers("retries"),
        Col::Numbers("cut off"),
        Col::Numbers("tokens sent"),
        Col::Numbers("tokens received"),
        Col::Numbers("cost"),
        Col::Numbers("median time"),
        Col::Numbers("95 % within"),
    ];
    let caption = |h: &mut Html| {
        h.words("The workers");
        h.words(" ");
        h.el("span", &at().class("soft"), |h| {
            h.words("Costs in ");
            h.data(&lm.currency);
            h.words(". Times of answered requests, without those from the cache.");
        });
    };
    table::table(h, caption, &columns, |h| {
        for (worker, shares) in lm.workers.iter().zip(&sums.workers) {
            let head = |h: &mut Html| {
                h.data(&worker.name);
                h.words(" ");
                h.el("span", &at().class("soft"), |h| h.data(&worker.model));
            };
            table::row(h, &at(), head, |h| cells(h, worker, shares));
        }
    });
}

fn cells(h: &mut Html, worker: &WorkerReport, shares: &WorkerShares) {
    let counted = |h: &mut Html, n: u64, share: Option<f64>| {
        h.el("td", &at().class("num"), |h| {
            h.shown(&count(n));
            h.words(" ");
            h.el("span", &at().class("soft"), |h| h.shown(&percent(share)));
        });
    };
    table::number(h, &count(worker.requests));
    counted(h, worker.cached, shares.cached_share);
    counted(h, shares.failed, shares.failed_share);
    table::number(h, &count(worker.retries));
    counted(h, worker.truncated, shares.truncated_share);
    table::number(h, &count(worker.tokens_in));
    table::number(h, &count(worker.tokens_out));
    table::number(h, &money(worker.cost));
    table::number(h, &milliseconds(worker.latency_p50_ms));
    table::number(h, &milliseconds(worker.latency_p95_ms));
}

fn failures(h: &mut Html, lm: &LmReport, sums: &LmSums) {
    if sums.failed == 0 {
        return;
    }
    let columns = [Col::Words("cause"), Col::Words("worker"), Col::Numbers("requests"), Col::Bars("of all failed")];
    table::table(
        h,
        |h| h.words("Why requests failed"),
        &columns,
        |h| {
            for worker in &lm.workers {
                for failure in &worker.failures {
                    table::row(
                        h,
                        &at(),
                        |h| h.data(&failure.cause),
                        |h| {
                            table::cell(h, |h| h.data(&worker.name));
                            table::number(h, &count(failure.requests));
                            cell_bar(h, &[(Some(failure.requests as f64 / sums.failed as f64), "k-hatch")]);
                        },
                    );
                }
            }
        },
    );
}
