//! The calibration plot: share of machine documents against the probability that was given.

use super::super::probability::ReliabilityBin;
use super::PlotText;
use super::frame::{Frame, even_ticks, series_class};

/// Draws one dot per bin with documents, a line through them, and bars for the number of documents.
///
/// Bars are relative to the fullest bin, a fifth of the square high at most. Below the diagonal the probabilities are
/// too high, above it too low.
pub fn reliability_svg(bins: &[ReliabilityBin], text: PlotText<'_>) -> String {
    let mut frame = Frame::new("probability of machine", "share of machine", &even_ticks(), &even_ticks());
    let fullest = bins.iter().map(|bin| bin.n_docs).max().unwrap_or(0).max(1);
    for bin in bins.iter().filter(|bin| bin.n_docs > 0) {
        frame.bar((bin.low, bin.high), 0.2 * bin.n_docs as f64 / fullest as f64);
    }
    frame.polyline("chance", [(0.0, 0.0), (1.0, 1.0)].into_iter());
    let dots = || bins.iter().filter_map(|bin| Some((bin, bin.mean_probability, bin.machine_share?)));
    frame.polyline(&series_class(0), dots().map(|(_, x, y)| (x, y)));
    for (bin, x, y) in dots() {
        let hint = format!("{:.2} to {:.2}: {} documents, {y:.3} machine", bin.low, bin.high, bin.n_docs);
        frame.dot("series dot c0", (x, y), 3.5, &hint);
    }
    frame.legend(&series_class(0), "share of machine documents in a bin");
    frame.legend("chance", "probabilities that come true");
    frame.finish(text)
}

#[cfg(test)]
mod tests {
    use super::super::super::probability::Forecast;
    use super::*;

    const TEXT: PlotText<'_> = PlotText { title: "t", description: "d" };

    #[test]
    fn each_bin_with_documents_has_a_dot_where_it_belongs() {
        let bins = Forecast::new(&[0.25, 0.25, 0.75], &[false, true, true]).unwrap().reliability(4);
        let svg = reliability_svg(&bins, TEXT);
        assert_eq!(svg.matches("<circle").count(), 2);
        // Bin [.25, .5): mean .25, share .5. The square is 320 wide from (56, 40).
        assert!(svg.contains(r#"cx="136.00" cy="200.00""#), "{svg}");
        assert!(svg.contains("0.25 to 0.50: 2 documents, 0.500 machine"));
    }

    #[test]
    fn no_bins_draw_an_empty_plot() {
        let svg = reliability_svg(&[], TEXT);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>") && !svg.contains("NaN"));
    }
}
