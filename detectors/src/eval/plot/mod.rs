//! Plots as inline SVG text, for a report that is one HTML file.
//!
//! They carry no script and load nothing. Colours are CSS variables with a fallback for light and for dark pages, and
//! axes follow `currentColor`; series differ by dash as well as by colour. Each plot has a title and a description that
//! screen readers announce. Whatever text comes from data is escaped.
//!
//! The same input gives the same bytes: coordinates are printed with two decimals and element ids come from a hash of
//! the content, so that several plots on one page do not share ids.

mod frame;
mod reliability;
mod roc;

pub use reliability::reliability_svg;
pub use roc::{FprScale, RocSeries, roc_svg};

/// What a plot is called and how large it is.
#[derive(Debug, Clone, Copy)]
pub struct PlotText<'a> {
    /// Title, drawn above the plot and announced first.
    pub title: &'a str,
    /// What the plot shows, announced by screen readers and not drawn.
    pub description: &'a str,
}
