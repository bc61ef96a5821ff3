//! A table of figures whose columns, rows and units come with it.

use crate::report::html::number::{self, Shown};
use crate::report::html::table;
use crate::report::html::{Html, at};
use crate::report::model::{Cell, FigureTable, Unit};

/// The table.
pub(crate) fn figure_table(h: &mut Html, figures: &FigureTable, sentence_chars: usize) {
    let caption = |h: &mut Html| {
        h.data(&figures.title);
        if let Some(note) = &figures.note {
            h.words(" ");
            h.el("span", &at().class("soft"), |h| h.data_cut(note, sentence_chars));
        }
    };
    let widest = figures.rows.iter().map(|row| row.cells.len()).max().unwrap_or(0).max(figures.columns.len());
    let heads = |h: &mut Html| {
        h.el("th", &at().set("scope", "col"), |h| {
            if figures.subject.is_empty() { h.words("figure") } else { h.data(&figures.subject) }
        });
        for i in 0..widest {
            match figures.columns.get(i) {
                Some(column) => table::data_head(h, &column.name),
                None => h.leaf("th", &at().set("scope", "col"), "more"),
            }
        }
    };
    table::table_with(h, caption, heads, |h| {
        for row in &figures.rows {
            table::row(
                h,
                &at(),
                |h| h.data(&row.label),
                |h| {
                    for i in 0..widest {
                        let unit = figures.columns.get(i).map_or(Unit::Plain, |column| column.unit);
                        figure(h, row.cells.get(i).unwrap_or(&Cell::Missing), row.unit.unwrap_or(unit));
                    }
                },
            );
        }
    });
}

fn figure(h: &mut Html, cell: &Cell, unit: Unit) {
    match cell {
        Cell::Text(text) => h.el("td", &at().class("told"), |h| h.data(text)),
        Cell::Missing => table::number(h, &Shown::missing()),
        Cell::Count(n) if unit == Unit::Plain => table::number(h, &number::count(*n)),
        Cell::Count(n) if unit == Unit::Bytes => table::number(h, &number::bytes(*n)),
        Cell::Count(n) => table::number(h, &in_unit(*n as f64, unit)),
        Cell::Number(value) => table::number(h, &in_unit(*value, unit)),
    }
}

/// A value as its unit wants it.
pub(crate) fn in_unit(value: f64, unit: Unit) -> Shown {
    match unit {
        Unit::Plain => number::real(value),
        Unit::Share => number::percent(Some(value)),
        Unit::Seconds => number::seconds(Some(value)),
        Unit::Milliseconds => number::milliseconds(Some(value)),
        // A float to an integer saturates, and what is not a number becomes 0.
        Unit::Bytes => number::bytes(value.max(0.0) as u64),
    }
}
