//! What was released: rows, licences, languages, files. Rows without a licence are told first.

use crate::report::chart::bars::cell_bar;
use crate::report::html::number::{bytes, count};
use crate::report::html::table::{self, Col};
use crate::report::html::{Html, at};
use crate::report::model::{NameCount, ReleaseFile, ReleaseReport};

/// The licence of rows that state none.
const UNKNOWN: &str = "unknown";

/// The section.
pub(super) fn render(h: &mut Html, release: &ReleaseReport) {
    let unknown = release.licences.iter().filter(|licence| licence.name == UNKNOWN).map(|licence| licence.rows);
    let unknown = unknown.fold(0u64, u64::saturating_add);
    if unknown > 0 {
        h.el("p", &at(), |h| {
            h.el("strong", &at(), |h| {
                h.shown(&count(unknown));
                h.words(" rows state no licence.");
            });
        });
    }
    h.el("p", &at(), |h| {
        h.data(&release.stage);
        h.words(" holds ");
        h.shown(&count(release.volume.rows));
        h.words(" rows");
        for (n, words) in [(release.volume.words, " words"), (release.volume.tokens, " tokens (estimated)")] {
            if let Some(n) = n {
                h.words(", ");
                h.shown(&count(n));
                h.words(words);
            }
        }
        if let Some(n) = release.volume.bytes {
            h.words(", ");
            h.shown(&bytes(n));
            h.words(" of text");
        }
        if let Some(n) = release.opted_out {
            h.words("; ");
            h.shown(&count(n));
            h.words(" rows of publishers that opted out were dropped or marked");
        }
        h.words(".");
    });
    h.el("div", &at().class("split even"), |h| {
        h.el("div", &at(), |h| names(h, "Licences", "licence", &release.licences));
        h.el("div", &at(), |h| names(h, "Languages", "language", &release.languages));
    });
    files(h, &release.files);
}

fn names(h: &mut Html, caption: &'static str, head: &'static str, names: &[NameCount]) {
    if names.is_empty() {
        return;
    }
    let most = names.iter().map(|name| name.rows).max().unwrap_or(0).max(1) as f64;
    table::table(
        h,
        |h| h.words(caption),
        &[Col::Words(head), Col::Bars(""), Col::Numbers("rows")],
        |h| {
            for name in names {
                table::row(
                    h,
                    &at(),
                    |h| h.data(&name.name),
                    |h| {
                        cell_bar(h, &[(Some(name.rows as f64 / most), "k-kept")]);
                        table::number(h, &count(name.rows));
                    },
                );
            }
        },
    );
}

fn files(h: &mut Html, files: &[ReleaseFile]) {
    if files.is_empty() {
        return;
    }
    let columns = [Col::Words("file"), Col::Numbers("rows"), Col::Numbers("size"), Col::Words("SHA-256")];
    table::table(
        h,
        |h| h.words("Files"),
        &columns,
        |h| {
            for file in files {
                table::row(
                    h,
                    &at(),
                    |h| h.data(&file.path),
                    |h| {
                        table::number(h, &count(file.rows));
                        table::number(h, &bytes(file.bytes));
                        h.el("td", &at().class("mono"), |h| h.data(&file.sha256));
                    },
                );
            }
        },
    );
}
