//! Tables: a caption, heads with a scope, numbers to the right, and a box of its own to scroll in on a narrow screen.

use super::number::Shown;
use super::{Attrs, Html, at};

/// A column's head.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Col {
    /// Of words.
    Words(&'static str),
    /// Of numbers, which are set to the right.
    Numbers(&'static str),
    /// Of bars, which take what width is left.
    Bars(&'static str),
}

/// A table; `caption` says what it shows and `rows` writes rows with [`row`].
pub(crate) fn table(h: &mut Html, caption: impl FnOnce(&mut Html), columns: &[Col], rows: impl FnOnce(&mut Html)) {
    table_with(h, caption, |h| columns.iter().for_each(|column| head(h, *column)), rows);
}

/// A table whose heads come from data.
pub(crate) fn table_with(
    h: &mut Html,
    caption: impl FnOnce(&mut Html),
    heads: impl FnOnce(&mut Html),
    rows: impl FnOnce(&mut Html),
) {
    let id = h.next_id("caption");
    let attrs = at().class("scroll").set("role", "region").set("tabindex", "0").refer("aria-labelledby", &[&id]);
    h.el("div", &attrs, |h| {
        h.el("table", &at(), |h| {
            h.el("caption", &at().id(&id), caption);
            h.el("thead", &at(), |h| h.el("tr", &at(), heads));
            h.line();
            h.el("tbody", &at(), rows);
        });
    });
    h.line();
}

fn head(h: &mut Html, column: Col) {
    let col = at().set("scope", "col");
    match column {
        // An empty head would be read out as one.
        Col::Words("") | Col::Numbers("") => h.el("td", &at(), |_| {}),
        Col::Bars("") => h.el("td", &at().class("bars"), |_| {}),
        Col::Words(words) => h.leaf("th", &col, words),
        Col::Numbers(words) => h.leaf("th", &col.class("num"), words),
        Col::Bars(words) => h.leaf("th", &col.class("bars"), words),
    }
}

/// A head whose words come from data, of a column of numbers.
pub(crate) fn data_head(h: &mut Html, name: &str) {
    h.el("th", &at().set("scope", "col").class("num"), |h| h.data(name));
}

/// A row: its head, then its cells.
pub(crate) fn row(h: &mut Html, attrs: &Attrs, head: impl FnOnce(&mut Html), cells: impl FnOnce(&mut Html)) {
    h.el("tr", attrs, |h| {
        h.el("th", &at().set("scope", "row"), head);
        cells(h);
    });
    h.line();
}

/// A cell with a number.
pub(crate) fn number(h: &mut Html, figure: &Shown) {
    h.el("td", &at().class("num"), |h| h.shown(figure));
}

/// A cell with anything.
pub(crate) fn cell(h: &mut Html, body: impl FnOnce(&mut Html)) {
    h.el("td", &at(), body);
}
