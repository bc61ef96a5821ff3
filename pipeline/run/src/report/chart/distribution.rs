//! How a measure is spread on two sides: outlines over the same axis, each of the shares of its side.

use std::fmt::Write;

use crate::report::html::number::{percent, real};
use crate::report::html::{Html, at};

/// Height of the outlines and of the labels, in pixels.
const PLOT: f64 = 120.0;
const BOTTOM: f64 = 20.0;

/// Shares of each bin; none for a side without rows.
pub(crate) fn shares(counts: &[u64]) -> Vec<Option<f64>> {
    let all = counts.iter().fold(0u64, |sum, n| sum.saturating_add(*n));
    counts.iter().map(|n| (all > 0).then(|| *n as f64 / all as f64)).collect()
}

/// The chart; `names` are those of the sides.
pub(crate) fn distribution(h: &mut Html, measure: &str, edges: &[f64], counts: &[Vec<u64>; 2], names: [&str; 2]) {
    let places = super::edge_shares(edges, false);
    if places.len() < 2 {
        return;
    }
    let sides = counts.each_ref().map(|counts| shares(counts));
    let tallest = sides.iter().flatten().flatten().copied().fold(0.0, f64::max);
    let description = format!(
        "Outlines of {measure} for {} (filled) and {} (dashed); the tallest bin holds {} of its side.",
        names[0],
        names[1],
        percent(Some(tallest)).as_str()
    );
    super::drawing(h, PLOT + BOTTOM, measure, &description, |h| {
        let frame = at()
            .set("viewBox", "0 0 1000 100")
            .set("preserveAspectRatio", "none")
            .set("width", "100%")
            .px("height", PLOT);
        h.el("svg", &frame, |h| {
            for (side, class) in sides.iter().zip(["area-a", "area-b"]) {
                h.el("path", &at().class(class).say("d", &outline(&places, side, tallest)), |_| {});
            }
        });
        h.el("line", &at().class("axis").share("x1", 0.0).share("x2", 1.0).px("y1", PLOT).px("y2", PLOT), |_| {});
        for i in [0, places.len() / 2, places.len() - 1] {
            super::label(h, places[i], PLOT + 15.0, "tick", real(edges[i]).as_str());
        }
    });
}

fn outline(places: &[f64], shares: &[Option<f64>], tallest: f64) -> String {
    let mut path = String::from("M0 100");
    for (edge, share) in places.windows(2).zip(shares) {
        let tall = if tallest > 0.0 { share.unwrap_or(0.0) / tallest } else { 0.0 };
        let y = 100.0 - 98.0 * tall;
        // Writing to a String cannot fail.
        let _ = write!(path, "L{:.1} {y:.1}L{:.1} {y:.1}", edge[0] * 1000.0, edge[1] * 1000.0);
    }
    path.push_str("L1000 100");
    path
}
