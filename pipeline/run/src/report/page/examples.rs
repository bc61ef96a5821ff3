//! Examples: documents with their measure, and pairs of documents with their differences marked.

use crate::report::PageLimits;
use crate::report::diff::{self, Piece};
use crate::report::html::number::{count, maybe_real};
use crate::report::html::{Html, at};
use crate::report::model::{Example, PairExample};

/// A list of examples under a heading of their own; `none` is said if there are none.
pub(crate) fn list(h: &mut Html, heading: &'static str, none: &'static str, examples: &[Example], limits: PageLimits) {
    h.el("div", &at(), |h| {
        h.leaf("h4", &at(), heading);
        if examples.is_empty() {
            h.leaf("p", &at().class("soft small"), none);
            return;
        }
        h.el("ul", &at().class("examples"), |h| {
            for example in examples {
                h.el("li", &at(), |h| {
                    head(h, example);
                    h.el("p", &at().class("text"), |h| h.data_cut(&example.excerpt, limits.excerpt_chars));
                });
            }
        });
    });
}

/// Value, id and address of an example; the address is text, not a link, because nobody vouches for it.
fn head(h: &mut Html, example: &Example) {
    h.el("p", &at().class("head"), |h| {
        if example.value.is_some() {
            h.el("span", &at().class("value"), |h| h.shown(&maybe_real(example.value)));
            h.words(" ");
        }
        h.el("span", &at().class("mono"), |h| h.data(&example.id));
        if let Some(url) = &example.url {
            h.words(" ");
            h.el("span", &at(), |h| h.data(url));
        }
    });
}

/// A pair side by side: what only the one has is marked in it.
pub(crate) fn pair(h: &mut Html, pair: &PairExample, limits: PageLimits) {
    let clip = |text: &'_ str| text.char_indices().nth(limits.pair_chars).map_or(text.len(), |(end, _)| end);
    let (kept, dropped) = (&pair.kept.excerpt, &pair.dropped.excerpt);
    let (kept_end, dropped_end) = (clip(kept), clip(dropped));
    let diff = diff::words(&kept[..kept_end], &dropped[..dropped_end], limits.diff);
    h.el("div", &at().class("pair"), |h| {
        if pair.similarity.is_some() {
            h.el("p", &at().class("small"), |h| {
                h.words("Similarity ");
                h.shown(&maybe_real(pair.similarity));
            });
        }
        h.el("div", &at().class("split even"), |h| {
            let rest = kept.len() - kept_end + diff.rest_bytes[0];
            side(h, "Kept", "ins", &pair.kept, &diff.left, rest);
            let rest = dropped.len() - dropped_end + diff.rest_bytes[1];
            side(h, "Dropped", "del", &pair.dropped, &diff.right, rest);
        });
    });
}

fn side(
    h: &mut Html,
    heading: &'static str,
    mark: &'static str,
    example: &Example,
    pieces: &[Piece<'_>],
    rest_bytes: usize,
) {
    h.el("div", &at(), |h| {
        h.leaf("h4", &at(), heading);
        head(h, example);
        h.el("p", &at().class("text"), |h| {
            h.el("bdi", &at(), |h| {
                for piece in pieces {
                    if piece.equal {
                        h.run(piece.text);
                    } else {
                        let words = piece.text.trim_end();
                        h.el(mark, &at(), |h| h.run(words));
                        h.run(&piece.text[words.len()..]);
                    }
                }
            });
            if rest_bytes > 0 {
                h.el("span", &at().class("cut"), |h| {
                    h.words(" … ");
                    h.shown(&count(rest_bytes as u64));
                    h.words(" more bytes");
                });
            }
        });
    });
}
