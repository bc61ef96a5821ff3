//! Bars: one in a table's cell beside its figure, and one that shows where all rows went.

use crate::report::derived::{Derived, Fate, FateKind};
use crate::report::html::number::{count, percent};
use crate::report::html::{Attrs, Html, at};

/// Height of a bar in a table, in pixels.
const BAR: f64 = 10.0;
/// Height of the bar of all rows, in pixels.
const WIDE_BAR: f64 = 34.0;
/// The least share of the width that something takes which is not nothing.
const LEAST: f64 = 0.004;

/// A bar in a table's cell, from left to right, over a track; the cells beside it hold its figures.
///
/// Shares are of the whole width; what is beyond it is cut off.
pub(crate) fn cell_bar(h: &mut Html, parts: &[(Option<f64>, &'static str)]) {
    h.el("td", &at().class("bars").set("aria-hidden", "true"), |h| bar(h, parts));
}

fn bar(h: &mut Html, parts: &[(Option<f64>, &'static str)]) {
    h.el("svg", &at().set("width", "100%").px("height", BAR), |h| {
        h.el("rect", &at().class("k-track").share("width", 1.0).px("height", BAR), |_| {});
        let mut from = 0.0;
        for (share, class) in parts {
            let width = visible(share.unwrap_or(0.0)).min(1.0 - from);
            if width > 0.0 {
                let rect = at().class(class).share("x", from).share("width", width).px("height", BAR);
                h.el("rect", &rect, |_| {});
                from += width;
            }
        }
    });
}

/// Two bars above each other, for the two sides of an audit.
pub(crate) fn cell_pair(h: &mut Html, shares: [f64; 2]) {
    h.el("td", &at().class("bars").set("aria-hidden", "true"), |h| {
        h.el("svg", &at().set("width", "100%").px("height", 2.0 * BAR), |h| {
            for (i, class) in ["side-a", "side-b"].into_iter().enumerate() {
                let width = visible(shares[i]).min(1.0);
                let rect = at().class(class).px("y", i as f64 * BAR).share("width", width).px("height", BAR - 2.0);
                h.el("rect", &rect, |_| {});
            }
        });
    });
}

/// A share of the width that one can see, unless it is nothing.
fn visible(share: f64) -> f64 {
    if share.is_finite() && share > 0.0 { share.max(LEAST) } else { 0.0 }
}

/// One bar of all rows, parted by where they went, with a key that holds the figures.
pub(crate) fn fates(h: &mut Html, derived: &Derived) {
    let all: f64 = derived.fates.iter().map(|fate| visible(fate.share.unwrap_or(0.0))).sum();
    h.el("figure", &at(), |h| {
        h.leaf("p", &at().class("name"), "Where the rows went");
        super::drawing(h, WIDE_BAR, "Where the rows went", &description(derived), |h| {
            let mut from = 0.0;
            let mut drops = 0;
            for fate in &derived.fates {
                let width = visible(fate.share.unwrap_or(0.0)) / all.max(1.0);
                let rect = paint(at(), fate, &mut drops).share("x", from).share("width", width).px("height", WIDE_BAR);
                h.el("rect", &rect, |h| h.el("title", &at(), |h| h.plain(&told(fate))));
                from += width;
            }
        });
        key(h, &derived.fates);
    });
}

fn key(h: &mut Html, fates: &[Fate]) {
    let mut drops = 0;
    h.el("ul", &at().class("key"), |h| {
        for fate in fates {
            h.el("li", &at(), |h| {
                h.el("svg", &at().set("width", "12").set("height", "12").set("aria-hidden", "true"), |h| {
                    let rect = paint(at(), fate, &mut drops).set("width", "12").set("height", "12");
                    h.el("rect", &rect, |_| {});
                });
                h.el("span", &at(), |h| match (&fate.stage, fate.kind) {
                    (Some(stage), _) => {
                        h.words("dropped by ");
                        h.data(stage);
                    }
                    (None, FateKind::CameOut) => h.words("came out"),
                    (None, _) => h.words("kept, but not released"),
                });
                h.words(" ");
                h.el("span", &at(), |h| h.shown(&count(fate.rows)));
                h.words(" ");
                h.el("span", &at().class("soft"), |h| h.shown(&percent(fate.share)));
            });
        }
    });
}

/// Colour of a fate; stages that drop follow each other in fading shades.
fn paint(attrs: Attrs, fate: &Fate, drops: &mut u32) -> Attrs {
    match fate.kind {
        FateKind::CameOut => attrs.class("bin k-kept"),
        FateKind::Stayed => attrs.class("bin k-stay"),
        FateKind::Dropped => {
            let opacity = 1.0 - 0.17 * f64::from(*drops % 5);
            *drops += 1;
            attrs.class("bin k-drop").px("fill-opacity", opacity)
        }
    }
}

fn told(fate: &Fate) -> String {
    let what = match (&fate.stage, fate.kind) {
        (Some(stage), _) => format!("dropped by {stage}"),
        (None, FateKind::CameOut) => "came out".to_owned(),
        (None, _) => "kept, but not released".to_owned(),
    };
    format!("{what}: {} rows, {}", count(fate.rows).as_str(), percent(fate.share).as_str())
}

fn description(derived: &Derived) -> String {
    let parts: Vec<String> = derived.fates.iter().map(told).collect();
    format!("Of {} rows: {}.", count(derived.rows_all).as_str(), parts.join("; "))
}
