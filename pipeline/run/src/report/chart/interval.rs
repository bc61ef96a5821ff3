//! An effect size with its interval as a dot and a line over an axis from −1 to 1, or as far as the values need.

use crate::report::html::{Html, at};

const HEIGHT: f64 = 14.0;

/// The cell of a table; the cells beside it hold the figures.
pub(crate) fn cell_interval(h: &mut Html, value: f64, interval: Option<[f64; 2]>) {
    h.el("td", &at().class("bars").set("aria-hidden", "true"), |h| {
        let [low, high] = interval.unwrap_or([value, value]);
        let reach = [value, low, high].into_iter().map(f64::abs).filter(|x| x.is_finite()).fold(1.0, f64::max);
        let place = |x: f64| (0.5 + 0.47 * (x / reach).clamp(-1.0, 1.0)).clamp(0.0, 1.0);
        let middle = HEIGHT / 2.0;
        h.el("svg", &at().set("width", "100%").px("height", HEIGHT), |h| {
            let zero = at().class("zero").share("x1", 0.5).share("x2", 0.5).px("y1", 0.0).px("y2", HEIGHT);
            h.el("line", &zero, |_| {});
            let axis = at().class("axis").share("x1", place(-reach)).share("x2", place(reach));
            h.el("line", &axis.px("y1", middle).px("y2", middle), |_| {});
            if value.is_finite() {
                let range = at().class("range").share("x1", place(low)).share("x2", place(high));
                h.el("line", &range.px("y1", middle).px("y2", middle), |_| {});
                h.el("circle", &at().class("dot").share("cx", place(value)).px("cy", middle).px("r", 3.5), |_| {});
            }
        });
    });
}
