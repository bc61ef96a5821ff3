//! How a measure is spread over the rows, with the rule's limit drawn in: what lies on its far side is hatched.

use crate::report::html::number::{count, real};
use crate::report::html::table::{self, Col};
use crate::report::html::{Html, at};
use crate::report::model::{Histogram, Limit, Scale};

/// Place for the labels of the limits, the bars and the labels of the edges, in pixels.
const TOP: f64 = 34.0;
const BARS: f64 = 120.0;
const BOTTOM: f64 = 20.0;
/// Labels along the axis.
const TICKS: usize = 5;

/// The chart, and under it its figures as a table that opens.
pub(crate) fn histogram(h: &mut Html, measure: &str, histogram: &Histogram) {
    let shares = super::edge_shares(&histogram.edges, histogram.scale == Scale::Log);
    let bins: Vec<(f64, f64, u64)> =
        shares.windows(2).zip(&histogram.counts).map(|(edge, n)| (edge[0], edge[1], *n)).collect();
    if bins.is_empty() {
        h.el("p", &at().class("soft small"), |h| caption(h, measure, histogram));
        return;
    }
    let limits: Vec<(f64, &Limit)> =
        histogram.limits.iter().map(|limit| (place(histogram, &shares, limit.value), limit)).collect();
    h.el("figure", &at(), |h| {
        super::drawing(h, TOP + BARS + BOTTOM, measure, &description(measure, histogram), |h| {
            draw_bars(h, histogram, &bins, &limits);
            draw_axis(h, histogram, &shares);
            draw_limits(h, &limits);
        });
        h.el("figcaption", &at(), |h| caption(h, measure, histogram));
    });
    h.el("details", &at(), |h| {
        h.leaf("summary", &at(), "These bins as a table");
        bins_table(h, measure, histogram);
    });
}

/// Where a value lies between the edges, as a share of the width.
fn place(histogram: &Histogram, shares: &[f64], value: f64) -> f64 {
    let edges = &histogram.edges;
    let (Some(first), Some(last)) = (edges.first(), edges.last()) else { return 0.0 };
    if value <= *first || value.is_nan() {
        return 0.0;
    }
    if value >= *last {
        return 1.0;
    }
    let bin = edges.partition_point(|edge| *edge <= value).clamp(1, edges.len() - 1);
    let (low, high) = (edges[bin - 1], edges[bin]);
    let log = histogram.scale == Scale::Log && low > 0.0;
    let within = if log { (value / low).ln() / (high / low).ln() } else { (value - low) / (high - low) };
    let within = if within.is_finite() { within.clamp(0.0, 1.0) } else { 0.0 };
    shares[bin - 1] + within * (shares[bin] - shares[bin - 1])
}

fn draw_bars(h: &mut Html, histogram: &Histogram, bins: &[(f64, f64, u64)], limits: &[(f64, &Limit)]) {
    let tallest = bins.iter().map(|bin| bin.2).max().unwrap_or(0).max(1) as f64;
    let low = limits.iter().filter(|(_, l)| l.direction.keeps_high()).map(|(at, _)| *at).fold(0.0, f64::max);
    let high = limits.iter().filter(|(_, l)| !l.direction.keeps_high()).map(|(at, _)| *at).fold(1.0, f64::min);
    for (i, (from, to, n)) in bins.iter().enumerate() {
        if *n == 0 {
            continue;
        }
        let tall = (*n as f64 / tallest * BARS).max(1.5);
        let (a, b) = (low.clamp(*from, *to), high.clamp(*from, *to));
        let parts = [(*from, a.min(b), "bin k-hatch"), (a, b, "bin k-kept"), (b.max(a), *to, "bin k-hatch")];
        for (start, end, class) in parts {
            if end > start {
                let rect = at()
                    .class(class)
                    .share("x", start)
                    .px("y", TOP + BARS - tall)
                    .share("width", end - start)
                    .px("height", tall);
                h.el("rect", &rect, |h| h.el("title", &at(), |h| h.plain(&told(histogram, i, *n))));
            }
        }
    }
}

fn told(histogram: &Histogram, bin: usize, n: u64) -> String {
    let (low, high) = (real(histogram.edges[bin]), real(histogram.edges[bin + 1]));
    format!("{} to {}: {} rows", low.as_str(), high.as_str(), count(n).as_str())
}

/// A line under the bars and about five edges, those that lie nearest to even steps.
fn draw_axis(h: &mut Html, histogram: &Histogram, shares: &[f64]) {
    let y = TOP + BARS;
    h.el("line", &at().class("axis").share("x1", 0.0).share("x2", 1.0).px("y1", y).px("y2", y), |_| {});
    let mut last = None;
    for tick in 0..TICKS {
        let wanted = tick as f64 / (TICKS - 1) as f64;
        let after = shares.partition_point(|share| *share < wanted).min(shares.len() - 1);
        let nearer = after > 0 && wanted - shares[after - 1] < shares[after] - wanted;
        let edge = if nearer { after - 1 } else { after };
        if last.is_none_or(|last: usize| shares[edge] - shares[last] > 0.12) {
            super::label(h, shares[edge], y + 15.0, "tick", real(histogram.edges[edge]).as_str());
            last = Some(edge);
        }
    }
}

fn draw_limits(h: &mut Html, limits: &[(f64, &Limit)]) {
    for (i, (x, limit)) in limits.iter().enumerate() {
        let y = 12.0 + 15.0 * (i % 2) as f64;
        let line = at().class("limit").share("x1", *x).share("x2", *x).px("y1", y + 4.0).px("y2", TOP + BARS);
        h.el("line", &line, |_| {});
        super::label(h, *x, y, "limit-label", &limit_words(limit));
    }
}

fn limit_words(limit: &Limit) -> String {
    format!("kept if {} {}", limit.direction.sign(), real(limit.value).as_str())
}

fn description(measure: &str, histogram: &Histogram) -> String {
    let all: u64 = histogram.counts.iter().fold(0, |sum, n| sum.saturating_add(*n));
    let limits: Vec<String> = histogram.limits.iter().map(limit_words).collect();
    let limits = if limits.is_empty() { "no limit".to_owned() } else { limits.join(" and ") };
    let bins = histogram.counts.len();
    format!(
        "Histogram of {measure} over {} rows in {bins} bins, {limits}. The table below has all figures.",
        count(all).as_str()
    )
}

fn caption(h: &mut Html, measure: &str, histogram: &Histogram) {
    h.el("span", &at().class("mono"), |h| h.data(measure));
    h.words(if histogram.scale == Scale::Log { ", logarithmic axis; tallest bin " } else { "; tallest bin " });
    h.shown(&count(histogram.counts.iter().copied().max().unwrap_or(0)));
    h.words(" rows");
    for (n, words) in [
        (histogram.below, " below the axis"),
        (histogram.above, " above the axis"),
        (histogram.missing, " without the measure"),
    ] {
        if n > 0 {
            h.words("; ");
            h.shown(&count(n));
            h.words(words);
        }
    }
}

fn bins_table(h: &mut Html, measure: &str, histogram: &Histogram) {
    let columns = [Col::Numbers("from"), Col::Numbers("to"), Col::Numbers("rows")];
    table::table(
        h,
        |h| h.data(measure),
        &columns,
        |h| {
            for (edge, n) in histogram.edges.windows(2).zip(&histogram.counts) {
                h.el("tr", &at(), |h| {
                    table::number(h, &real(edge[0]));
                    table::number(h, &real(edge[1]));
                    table::number(h, &count(*n));
                });
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_lies_where_its_value_does() {
        let linear = Histogram { edges: vec![0.0, 10.0, 20.0], counts: vec![1, 1], ..Histogram::default() };
        let at = |histogram: &Histogram, value: f64| {
            let shares = super::super::edge_shares(&histogram.edges, histogram.scale == Scale::Log);
            (place(histogram, &shares, value) * 1000.0).round() / 1000.0
        };
        assert_eq!(at(&linear, 5.0), 0.25);
        assert_eq!(at(&linear, 20.0), 1.0);
        assert_eq!(at(&linear, -3.0), 0.0);
        assert_eq!(at(&linear, f64::NAN), 0.0);
        let log = Histogram { edges: vec![1.0, 10.0, 1000.0], scale: Scale::Log, ..linear };
        // log10: 10 is a third of the way to 1000, 100 two thirds.
        assert_eq!(at(&log, 10.0), 0.333);
        assert_eq!(at(&log, 100.0), 0.667);
    }
}
