//! The drawing surface that the plots share: a square with axes, grid, legend and escaped text.

use std::fmt::Write as _;

use xxhash_rust::xxh3::xxh3_64;

use super::PlotText;

/// Side of the square in which data is drawn, in SVG units.
const SIDE: f64 = 320.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 52.0;
const RIGHT: f64 = 24.0;
const LEGEND_LINE: f64 = 18.0;

/// Colours by series, (light, dark), of equal contrast on white and on near-black; after the last they repeat.
const COLOURS: [(&str, &str); 6] = [
    ("#1f5fa8", "#7fb3f0"),
    ("#b3480f", "#f2a36b"),
    ("#1b7340", "#74cf9b"),
    ("#8a2f8a", "#dd96dd"),
    ("#80660a", "#dcc25a"),
    ("#a1243c", "#f08fa2"),
];
const DASHES: [&str; 4] = ["", "6 3", "2 3", "8 3 2 3"];

/// A plot that is being written.
pub(super) struct Frame {
    body: String,
    n_legend: usize,
}

impl Frame {
    /// An empty square; the axes have ticks at (place in [0, 1], label).
    pub(super) fn new(x_label: &str, y_label: &str, x_ticks: &[(f64, String)], y_ticks: &[(f64, String)]) -> Self {
        let mut frame = Self { body: String::new(), n_legend: 0 };
        for (place, label) in x_ticks {
            let (x, _) = at(*place, 0.0);
            frame.line("grid", (x, TOP), (x, TOP + SIDE));
            frame.text("tick", (x, TOP + SIDE + 16.0), "middle", label);
        }
        for (place, label) in y_ticks {
            let (_, y) = at(0.0, *place);
            frame.line("grid", (LEFT, y), (LEFT + SIDE, y));
            frame.text("tick", (LEFT - 8.0, y + 4.0), "end", label);
        }
        let square = format!(r#"<rect class="axis" x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}"/>"#);
        frame.body.push_str(&square);
        frame.text("label", (LEFT + 0.5 * SIDE, TOP + SIDE + 38.0), "middle", x_label);
        let (x, y) = (16.0, TOP + 0.5 * SIDE);
        let turned = format!(r#"<text class="label" text-anchor="middle" transform="translate({x},{y}) rotate(-90)">"#);
        frame.body.push_str(&turned);
        frame.body.push_str(&escaped(y_label));
        frame.body.push_str("</text>");
        frame
    }

    /// A line through points of the unit square. `class` is a series class or `chance`.
    pub(super) fn polyline(&mut self, class: &str, points: impl Iterator<Item = (f64, f64)>) {
        let _ = write!(self.body, r#"<polyline class="{class}" points=""#);
        for (i, (x, y)) in points.map(|(x, y)| at(x, y)).enumerate() {
            let gap = if i == 0 { "" } else { " " };
            // Writing into a String cannot fail.
            let _ = write!(self.body, "{gap}{x:.2},{y:.2}");
        }
        self.body.push_str(r#""/>"#);
    }

    /// A dot at a point of the unit square, with a text shown on hovering.
    pub(super) fn dot(&mut self, class: &str, (x, y): (f64, f64), radius: f64, hint: &str) {
        let (x, y) = at(x, y);
        let hint = escaped(hint);
        let dot = r#"<circle class=""#;
        let _ = write!(
            self.body,
            r#"{dot}{class}" cx="{x:.2}" cy="{y:.2}" r="{radius:.2}"><title>{hint}</title></circle>"#
        );
    }

    /// A bar on the lower axis, from `from` to `to`, as high as `height` of the square.
    pub(super) fn bar(&mut self, (from, to): (f64, f64), height: f64) {
        let ((x, y), (right, bottom)) = (at(from, height), at(to, 0.0));
        let (width, tall) = (right - x, bottom - y);
        let _ = write!(self.body, r#"<rect class="bar" x="{x:.2}" y="{y:.2}" width="{width:.2}" height="{tall:.2}"/>"#);
    }

    /// A line of the legend, below the square.
    pub(super) fn legend(&mut self, class: &str, text: &str) {
        let y = TOP + SIDE + BOTTOM + LEGEND_LINE * self.n_legend as f64;
        self.line(class, (LEFT, y - 4.0), (LEFT + 28.0, y - 4.0));
        self.text("tick", (LEFT + 36.0, y), "start", text);
        self.n_legend += 1;
    }

    /// The whole plot.
    pub(super) fn finish(self, text: PlotText<'_>) -> String {
        let (title, description) = (escaped(text.title), escaped(text.description));
        let id = format!("p{:016x}", xxh3_64(format!("{title}\0{description}\0{}", self.body).as_bytes()));
        let width = LEFT + SIDE + RIGHT;
        let height = TOP + SIDE + BOTTOM + LEGEND_LINE * self.n_legend as f64;
        let style = style(&id);
        let mut svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" id="{id}" role="img" aria-labelledby="{id}-t {id}-d" viewBox="0 0 {width} {height}" width="{width}" height="{height}">"#
        );
        let _ = write!(svg, r#"<title id="{id}-t">{title}</title><desc id="{id}-d">{description}</desc>"#);
        let _ = write!(svg, "<style>{style}</style>");
        let _ = write!(svg, r#"<text class="title" x="{LEFT}" y="24">{title}</text>"#);
        svg.push_str(&self.body);
        svg.push_str("</svg>");
        svg
    }

    fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let line = format!(r#"<line class="{class}" x1="{x1:.2}" y1="{y1:.2}" x2="{x2:.2}" y2="{y2:.2}"/>"#);
        self.body.push_str(&line);
    }

    fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: &str, text: &str) {
        let text = escaped(text);
        let element = format!(r#"<text class="{class}" x="{x:.2}" y="{y:.2}" text-anchor="{anchor}">{text}</text>"#);
        self.body.push_str(&element);
    }
}

/// The class of series `i`.
pub(super) fn series_class(i: usize) -> String {
    format!("series c{} d{}", i % COLOURS.len(), i % DASHES.len())
}

/// Where a point of the unit square lies; places outside it, or that are not numbers, are put on its edge.
fn at(x: f64, y: f64) -> (f64, f64) {
    let inside = |v: f64| if v.is_nan() { 0.0 } else { v.clamp(0.0, 1.0) };
    (LEFT + SIDE * inside(x), TOP + SIDE * (1.0 - inside(y)))
}

/// Rules of the plot alone: each selector begins with its id.
fn style(id: &str) -> String {
    let mut css = format!(
        "#{id}{{color:var(--plot-text,#1b1b1b);font:12px system-ui,sans-serif;max-width:100%;height:auto}}\
         #{id} text{{fill:currentColor;stroke:none}}#{id} .title{{font-size:14px;font-weight:600}}\
         #{id} .tick{{font-size:11px}}#{id} .axis{{fill:none;stroke:currentColor}}\
         #{id} .grid{{stroke:currentColor;opacity:.15}}\
         #{id} .chance{{fill:none;stroke:currentColor;opacity:.5;stroke-dasharray:4 4}}\
         #{id} .bar{{fill:currentColor;opacity:.15}}#{id} .series{{fill:none;stroke-width:2}}"
    );
    let colour = |css: &mut String, light: bool| {
        for (i, pair) in COLOURS.iter().enumerate() {
            let fallback = if light { pair.0 } else { pair.1 };
            let _ = write!(css, "#{id} .c{i}{{stroke:var(--plot-{i},{fallback})}}");
            let _ = write!(css, "#{id} .dot.c{i}{{fill:var(--plot-{i},{fallback})}}");
        }
    };
    for (i, dash) in DASHES.iter().enumerate().skip(1) {
        let _ = write!(css, "#{id} .d{i}{{stroke-dasharray:{dash}}}");
    }
    colour(&mut css, true);
    let _ = write!(css, "@media(prefers-color-scheme:dark){{#{id}{{color:var(--plot-text,#ececec)}}");
    colour(&mut css, false);
    css.push('}');
    css
}

/// Text as XML character data or attribute value; characters that XML 1.0 does not allow become U+FFFD.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Ticks at 0, 0.2, .. 1.
pub(super) fn even_ticks() -> Vec<(f64, String)> {
    (0..=5).map(|i| (f64::from(i) / 5.0, format!("{:.1}", f64::from(i) / 5.0))).collect()
}
