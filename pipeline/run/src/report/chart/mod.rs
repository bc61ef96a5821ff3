//! Drawings in SVG that say in words what they show.
//!
//! Places across are percentages of the drawing's width and places down are pixels, so that a drawing fills any width
//! while its letters keep their size; no script measures anything.

pub(crate) mod bars;
pub(crate) mod distribution;
pub(crate) mod graph;
pub(crate) mod histogram;
pub(crate) mod interval;
mod layers;

use super::html::{Html, at};

/// A drawing as wide as its place, with a name and a description for those who cannot see it.
fn drawing(h: &mut Html, height: f64, name: &str, description: &str, body: impl FnOnce(&mut Html)) {
    let (title, desc) = (h.next_id("title"), h.next_id("desc"));
    let attrs =
        at().set("role", "img").refer("aria-labelledby", &[&title, &desc]).set("width", "100%").px("height", height);
    h.el("svg", &attrs, |h| {
        h.el("title", &at().id(&title), |h| h.plain(name));
        h.el("desc", &at().id(&desc), |h| h.plain(description));
        body(h);
    });
    h.line();
}

/// A text in a drawing at a share of the width: near the edges it is set so that it stays inside.
fn label(h: &mut Html, share: f64, y: f64, class: &'static str, text: &str) {
    let anchor = match share {
        s if s < 0.15 => "start",
        s if s > 0.85 => "end",
        _ => "middle",
    };
    let attrs = at().class(class).share("x", share).px("y", y).set("text-anchor", anchor);
    h.el("text", &attrs, |h| h.plain(text));
}

/// Where each edge of a histogram lies, as a share of the width: ascending, the first 0 and the last 1.
///
/// Bins are drawn equally wide if the edges do not ascend, are not finite or, on a logarithmic axis, not positive.
fn edge_shares(edges: &[f64], log: bool) -> Vec<f64> {
    let places: Vec<f64> = if log { edges.iter().map(|edge| edge.ln()).collect() } else { edges.to_vec() };
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return Vec::new() };
    let width = last - first;
    let usable = places.iter().all(|p| p.is_finite()) && width.is_finite() && width > 0.0 && places.is_sorted();
    let steps = (edges.len() - 1).max(1) as f64;
    if usable {
        places.iter().map(|place| (place - first) / width).collect()
    } else {
        (0..edges.len()).map(|i| i as f64 / steps).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::edge_shares;

    #[test]
    fn edges_lie_within_the_drawing() {
        // By hand.
        assert_eq!(edge_shares(&[0.0, 5.0, 10.0], false), [0.0, 0.5, 1.0]);
        assert_eq!(edge_shares(&[2.0, 3.0, 6.0], false), [0.0, 0.25, 1.0]);
        let log = edge_shares(&[1.0, 10.0, 100.0], true);
        assert!((log[1] - 0.5).abs() < 1e-12);
        assert_eq!(edge_shares(&[0.0, 1.0, 2.0], true), [0.0, 0.5, 1.0]);
        assert_eq!(edge_shares(&[f64::MIN, 0.0, f64::MAX], false), [0.0, 0.5, 1.0]);
        assert_eq!(edge_shares(&[3.0, 1.0, 2.0], false), [0.0, 0.5, 1.0]);
        assert_eq!(edge_shares(&[7.0], false), [0.0]);
        assert!(edge_shares(&[], true).is_empty());
    }
}
