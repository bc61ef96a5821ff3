//! ROC curves of one or more detectors.
//!
//! On an even axis the corner that matters, few false alarms, is a sliver; the logarithmic axis begins at a rate of the
//! caller's choice, say 0.001, and shows nothing left of it.

use super::super::curve::{Curve, RocPoint};
use super::PlotText;
use super::frame::{Frame, even_ticks, series_class};

/// A curve and its name in the legend.
#[derive(Debug, Clone, Copy)]
pub struct RocSeries<'a> {
    /// Name; the AUROC is added to it.
    pub name: &'a str,
    /// The curve.
    pub curve: &'a Curve,
}

/// The axis of false alarms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FprScale {
    /// From 0 to 1.
    Even,
    /// Powers of ten from this rate to 1; a rate outside (0, 0.5] is taken as 0.001.
    Logarithmic(f64),
}

impl FprScale {
    fn start(self) -> f64 {
        match self {
            Self::Logarithmic(start) if start > 0.0 && start <= 0.5 => start,
            _ => 0.001,
        }
    }

    fn place(self, fpr: f64) -> f64 {
        match self {
            Self::Even => fpr,
            Self::Logarithmic(_) => 1.0 - (fpr.max(self.start()).ln() / self.start().ln()),
        }
    }

    fn ticks(self) -> Vec<(f64, String)> {
        if self == Self::Even {
            return even_ticks();
        }
        let rates = (0..=12).rev().map(|i| 10_f64.powi(-i)).filter(|rate| *rate >= self.start() * 0.999);
        rates.map(|rate| (self.place(rate), format!("{rate}"))).collect()
    }
}

/// Draws the curves, with the line of chance. A series with an empty side is named in the legend and not drawn.
///
/// Points closer than a quarter of a unit on the drawing are left out, so that a million documents give some kilobytes.
pub fn roc_svg(series: &[RocSeries<'_>], scale: FprScale, text: PlotText<'_>) -> String {
    let mut frame = Frame::new("false positive rate", "true positive rate", &scale.ticks(), &even_ticks());
    let chance = (0..=100).map(|i| RocPoint { fpr: f64::from(i) / 100.0, tpr: f64::from(i) / 100.0 });
    let start = RocPoint { fpr: scale.start(), tpr: scale.start() };
    let low = (1..=20).map(|i| start.fpr * (0.01 / start.fpr).powf(f64::from(i) / 20.0));
    let low = low.map(|rate| RocPoint { fpr: rate, tpr: rate });
    match scale {
        FprScale::Even => frame.polyline("chance", thinned(chance, scale)),
        FprScale::Logarithmic(_) => {
            let line = std::iter::once(start).chain(low).chain(chance.skip(2)).filter(|p| p.fpr >= start.fpr);
            frame.polyline("chance", thinned(line, scale));
        }
    }
    for (i, RocSeries { name, curve }) in series.iter().enumerate() {
        let class = series_class(i);
        match curve.auroc() {
            Some(auroc) => {
                frame.polyline(&class, thinned(curve.points(), scale));
                frame.legend(&class, &format!("{name} (AUROC {auroc:.3})"));
            }
            None => frame.legend(&class, &format!("{name} (no curve: a side is empty)")),
        }
    }
    frame.finish(text)
}

/// Places on the drawing without those that hardly move; on a logarithmic axis the curve enters at its left edge.
fn thinned(points: impl Iterator<Item = RocPoint>, scale: FprScale) -> impl Iterator<Item = (f64, f64)> {
    const NEAR: f64 = 0.25 / 320.0;
    let mut kept: Option<(f64, f64)> = None;
    let mut places = points.map(move |p| (scale.place(p.fpr), p.tpr)).peekable();
    std::iter::from_fn(move || {
        loop {
            let place = places.next()?;
            let is_far = kept.is_none_or(|k| (place.0 - k.0).abs() > NEAR || (place.1 - k.1).abs() > NEAR);
            if is_far || places.peek().is_none() {
                kept = Some(place);
                return kept;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: PlotText<'_> = PlotText { title: "a <b> & \"c\"", description: "d\u{0}'" };

    fn curve() -> Curve {
        Curve::of(&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0]).unwrap()
    }

    /// Tags opened and closed in order, as an XML reader would want them.
    fn assert_well_formed(svg: &str) {
        let mut open: Vec<&str> = Vec::new();
        let mut rest = svg;
        while let Some(start) = rest.find('<') {
            let end = start + rest[start..].find('>').unwrap();
            let tag = &rest[start + 1..end];
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
            } else if !tag.ends_with('/') {
                open.push(tag.split_whitespace().next().unwrap());
            }
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            rest = &rest[end + 1..];
        }
        assert!(open.is_empty());
    }

    #[test]
    fn text_is_escaped_and_the_plot_speaks() {
        let curve = curve();
        let series = [RocSeries { name: "</text><script>alert(1)</script>", curve: &curve }];
        for scale in [FprScale::Even, FprScale::Logarithmic(0.001)] {
            let svg = roc_svg(&series, scale, TEXT);
            assert_well_formed(&svg);
            assert!(!svg.contains("<script") && !svg.contains('\u{0}'));
            assert!(svg.contains("a &lt;b&gt; &amp; &quot;c&quot;</title>") && svg.contains("d\u{fffd}&#39;</desc>"));
            assert!(svg.contains(r#"role="img""#) && svg.contains("prefers-color-scheme:dark"));
            // 8 1/2 of 9 pairs won less the ties: (2 > 1, 2 = 2, 3 > 1 2, 3 = 3, 4 > all) = 7 / 9.
            assert!(svg.contains("(AUROC 0.778)"), "{svg}");
        }
    }

    #[test]
    fn the_line_goes_through_the_points_of_the_curve() {
        let svg = roc_svg(&[RocSeries { name: "x", curve: &curve() }], FprScale::Even, TEXT);
        // The square is 320 wide from (56, 40): (0, 0), (0, 1/3), (1/3, 2/3), (2/3, 1), (1, 1).
        let line = "56.00,360.00 56.00,253.33 162.67,146.67 269.33,40.00 376.00,40.00";
        assert!(svg.contains(line), "{svg}");
    }

    #[test]
    fn a_power_of_ten_is_a_third_of_an_axis_of_three() {
        let scale = FprScale::Logarithmic(0.001);
        for (rate, place) in [(0.0, 0.0), (0.001, 0.0), (0.01, 1.0 / 3.0), (0.1, 2.0 / 3.0), (1.0, 1.0)] {
            assert!((scale.place(rate) - place).abs() < 1e-12);
        }
        assert_eq!(scale.ticks().len(), 4);
        assert_eq!(FprScale::Logarithmic(f64::NAN).ticks().len(), 4);
    }

    #[test]
    fn a_million_points_stay_small_and_an_empty_side_is_said() {
        let human: Vec<f64> = (0..300_000).map(f64::from).collect();
        let machine: Vec<f64> = (0..300_000).map(|i| f64::from(i) * 1.3).collect();
        let curve = Curve::of(&human, &machine).unwrap();
        let svg = roc_svg(&[RocSeries { name: "x", curve: &curve }], FprScale::Even, TEXT);
        assert!(svg.len() < 60_000, "{}", svg.len());
        let svg = roc_svg(&[RocSeries { name: "x", curve: &Curve::default() }], FprScale::Even, TEXT);
        assert!(svg.contains("no curve: a side is empty"));
        assert_well_formed(&roc_svg(&[], FprScale::Even, TEXT));
    }
}
