//! The frame of a page: head, policy, style, skip link, landmarks.
//!
//! The policy (Content Security Policy, level 3) allows the page's own style and nothing else: no script, no image, no
//! font, no request, no form, no base address. Fonts are those of the reader's system.

use super::{Html, Id, at};

/// The style of both pages.
pub(crate) const STYLE: &str = include_str!("style.css");

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// What surrounds a page's sections.
pub(crate) struct Shell<'a> {
    /// What sort of page it is: "Run report".
    pub(crate) kind: &'static str,
    /// The name of what it is about.
    pub(crate) name: &'a str,
    /// The sections that the navigation links to.
    pub(crate) sections: &'a [(Id, &'static str)],
}

/// A whole page: `lede` follows the heading, `main` holds the sections.
pub(crate) fn page(shell: &Shell<'_>, lede: impl FnOnce(&mut Html), main: impl FnOnce(&mut Html)) -> String {
    let mut h = Html::default();
    h.out.push_str("<!doctype html>\n");
    h.el("html", &at().set("lang", "en"), |h| {
        h.el("head", &at(), |h| head(h, shell));
        h.line();
        h.el("body", &at(), |h| {
            let main_id = Id::named("main");
            h.el("a", &at().class("skip").href(&main_id), |h| h.words("Skip to the figures"));
            hatch(h);
            h.el("header", &at().class("top"), |h| {
                h.el("p", &at().class("kicker"), |h| {
                    h.words("gristmill · ");
                    h.words(shell.kind);
                });
                h.el("h1", &at(), |h| h.data(shell.name));
                lede(h);
            });
            h.line();
            navigation(h, shell.sections);
            h.el("main", &at().id(&main_id).set("tabindex", "-1"), main);
            h.line();
            h.el("footer", &at(), |h| {
                h.words(
                    "One file, no script, nothing fetched. Every figure on this page is in the JSON file beside it.",
                );
            });
        });
    });
    h.line();
    h.out
}

fn head(h: &mut Html, shell: &Shell<'_>) {
    h.line();
    h.void("meta", &at().set("charset", "utf-8"));
    h.void("meta", &at().set("http-equiv", "Content-Security-Policy").set("content", POLICY));
    h.void("meta", &at().set("name", "viewport").set("content", "width=device-width, initial-scale=1"));
    h.void("meta", &at().set("name", "color-scheme").set("content", "light dark"));
    h.void("meta", &at().set("name", "referrer").set("content", "no-referrer"));
    h.line();
    h.el("title", &at(), |h| {
        h.plain(shell.name);
        h.words(" · ");
        h.words(shell.kind);
    });
    h.line();
    // The style is ours and holds no "<", so that it needs no escape; a test says so.
    h.el("style", &at(), |h| h.out.push_str(STYLE));
    h.line();
}

fn navigation(h: &mut Html, sections: &[(Id, &'static str)]) {
    h.el("nav", &at().set("aria-label", "Sections"), |h| {
        h.el("ul", &at(), |h| {
            for (id, words) in sections {
                h.el("li", &at(), |h| h.el("a", &at().href(id), |h| h.words(words)));
            }
        });
    });
    h.line();
}

/// The hatching of what was dropped, which tells it from what was kept without colour.
fn hatch(h: &mut Html) {
    let attrs = at().class("defs").set("aria-hidden", "true").set("width", "0").set("height", "0");
    h.el("svg", &attrs, |h| {
        let pattern = at()
            .id(&Id::named("hatch"))
            .set("patternUnits", "userSpaceOnUse")
            .set("width", "6")
            .set("height", "6")
            .set("patternTransform", "rotate(45)");
        h.el("pattern", &pattern, |h| {
            h.el("rect", &at().class("hatch-ground").set("width", "6").set("height", "6"), |_| {});
            h.el("rect", &at().class("hatch-line").set("width", "2.5").set("height", "6"), |_| {});
        });
    });
    h.line();
}
