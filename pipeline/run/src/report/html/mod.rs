//! A builder of HTML in which text can only enter escaped and every element is closed.
//!
//! The page shows what strangers wrote, so safety must not depend on the care of each section. Markup is made from
//! names known when the program was built ([`Html::el`], [`Attrs::set`]); all else goes through one function that escapes
//! it: [`Html::words`] for our own words, [`Html::shown`] for figures, [`Html::data`] for anything from a config or a
//! document, which is also isolated from the direction of the text around it. There is no way in for ready-made markup
//! but for drawings of `detectors::eval::plot`, which escape as this does; no script and no link to an address from data.

pub(crate) mod number;
pub(crate) mod shell;
pub(crate) mod table;
pub(crate) mod text;

use std::fmt::Write;

use number::Shown;

/// Characters of a name or label that are shown.
const NAME_CHARS: usize = 200;

/// Markup under construction.
#[derive(Debug, Default)]
pub(crate) struct Html {
    out: String,
    ids: u32,
}

/// The attributes of an element.
#[derive(Debug, Default, Clone)]
pub(crate) struct Attrs(String);

/// No attributes yet.
pub(crate) fn at() -> Attrs {
    Attrs::default()
}

impl Attrs {
    /// An attribute with a value of our own.
    pub(crate) fn set(self, name: &'static str, value: &'static str) -> Self {
        self.say(name, value)
    }

    /// The classes.
    pub(crate) fn class(self, value: &'static str) -> Self {
        self.say("class", value)
    }

    /// An attribute whose value may hold data. Not for attributes that are addresses, styles or handlers.
    pub(crate) fn say(mut self, name: &'static str, value: &str) -> Self {
        let _ = write!(self.0, " {name}=\"");
        text::escape(&mut self.0, value);
        self.0.push('"');
        self
    }

    /// A number of pixels or user units.
    pub(crate) fn px(mut self, name: &'static str, value: f64) -> Self {
        let _ = write!(self.0, " {name}=\"{}\"", short(value));
        self
    }

    /// A share of the width, 0 to 1, as a percentage.
    pub(crate) fn share(mut self, name: &'static str, value: f64) -> Self {
        let _ = write!(self.0, " {name}=\"{}%\"", short(value * 100.0));
        self
    }

    /// The element's id, which links find.
    pub(crate) fn id(self, id: &Id) -> Self {
        self.say("id", &id.0)
    }

    /// A link within the page.
    pub(crate) fn href(mut self, id: &Id) -> Self {
        let _ = write!(self.0, " href=\"#{}\"", id.0);
        self
    }

    /// An attribute that refers to ids.
    pub(crate) fn refer(self, name: &'static str, ids: &[&Id]) -> Self {
        let names: Vec<&str> = ids.iter().map(|id| id.0.as_str()).collect();
        self.say(name, &names.join(" "))
    }
}

/// An id in the page: letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Id(String);

impl Id {
    /// A section's id.
    pub(crate) fn named(name: &'static str) -> Self {
        Self(name.to_owned())
    }

    /// The id of one of many.
    pub(crate) fn numbered(name: &'static str, i: usize) -> Self {
        Self(format!("{name}-{}", i + 1))
    }
}

impl Html {
    /// An element with what is in it.
    pub(crate) fn el(&mut self, tag: &'static str, attrs: &Attrs, body: impl FnOnce(&mut Self)) {
        let _ = write!(self.out, "<{tag}{}>", attrs.0);
        body(self);
        let _ = write!(self.out, "</{tag}>");
    }

    /// An element that holds our own words.
    pub(crate) fn leaf(&mut self, tag: &'static str, attrs: &Attrs, words: &'static str) {
        self.el(tag, attrs, |h| h.words(words));
    }

    /// An HTML element that never has content.
    pub(crate) fn void(&mut self, tag: &'static str, attrs: &Attrs) {
        let _ = write!(self.out, "<{tag}{}>", attrs.0);
    }

    /// A line of the source ends here; it means nothing to the reader of the page.
    pub(crate) fn line(&mut self) {
        self.out.push('\n');
    }

    /// Our own words.
    pub(crate) fn words(&mut self, words: &'static str) {
        text::escape(&mut self.out, words);
    }

    /// A figure.
    pub(crate) fn shown(&mut self, figure: &Shown) {
        text::escape(&mut self.out, figure.as_str());
    }

    /// Text composed by us, perhaps with names in it, where no element may stand: titles and labels of drawings.
    pub(crate) fn plain(&mut self, text: &str) {
        let (text, more) = text::cut(text, 4 * NAME_CHARS);
        text::escape(&mut self.out, text);
        if more > 0 {
            self.out.push('…');
        }
    }

    /// A drawing of `detectors::eval::plot`, and nothing else: it is not escaped again.
    pub(crate) fn drawing(&mut self, svg: &str) {
        self.el("figure", &at(), |h| h.out.push_str(svg));
        self.line();
    }

    /// A name or a sentence from a config or a document.
    pub(crate) fn data(&mut self, text: &str) {
        self.data_cut(text, NAME_CHARS);
    }

    /// A name whose parts are joined by underscores and dots: a narrow column breaks it there, not amid a word.
    pub(crate) fn name(&mut self, name: &str) {
        let (start, _) = text::cut(name, NAME_CHARS);
        self.el("bdi", &at(), |h| {
            for part in start.split_inclusive(['_', '.']) {
                text::escape(&mut h.out, part);
                if part.ends_with(['_', '.']) {
                    h.void("wbr", &at());
                }
            }
        });
    }

    /// A text from a config or a document, at most `chars` characters of it; a cut states how much is missing.
    pub(crate) fn data_cut(&mut self, text: &str, chars: usize) {
        let (start, more) = text::cut(text, chars);
        self.el("bdi", &at(), |h| text::escape(&mut h.out, start));
        if more > 0 {
            self.el("span", &at().class("cut"), |h| {
                h.words(" … ");
                h.shown(&number::count(more));
                h.words(if more == 1 { " more character" } else { " more characters" });
            });
        }
    }

    /// A stretch of a text whose element is isolated already.
    pub(crate) fn run(&mut self, text: &str) {
        text::escape(&mut self.out, text);
    }

    /// An id that no other call returns.
    pub(crate) fn next_id(&mut self, name: &'static str) -> Id {
        self.ids += 1;
        Id(format!("{name}-n{}", self.ids))
    }
}

/// A coordinate with at most two decimals; what is not finite is 0.
fn short(value: f64) -> f64 {
    let rounded = (value * 100.0).round() / 100.0;
    // Adding zero turns -0 into 0.
    if rounded.is_finite() { rounded.clamp(-1e6, 1e6) + 0.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_close_and_data_is_isolated() {
        let mut h = Html::default();
        h.el("p", &at().class("a").say("title", "\"><script>"), |h| {
            h.words("x < ");
            h.data("<b>\u{202e}");
        });
        assert_eq!(h.out, "<p class=\"a\" title=\"&quot;&gt;&lt;script&gt;\">x &lt; <bdi>&lt;b&gt;⟦U+202E⟧</bdi></p>");
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        let mut h = Html::default();
        h.data_cut(&"é".repeat(1_000_000), 3);
        assert_eq!(h.out, "<bdi>ééé</bdi><span class=\"cut\"> … 999,997 more characters</span>");
    }

    #[test]
    fn coordinates_are_always_numbers() {
        let attrs = at().px("x", f64::NAN).px("y", -0.001).share("width", 1.0 / 3.0).px("h", f64::INFINITY);
        assert_eq!(attrs.0, " x=\"0\" y=\"0\" width=\"33.33%\" h=\"0\"");
    }
}
