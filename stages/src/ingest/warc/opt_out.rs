//! What a page says about its own use: signals, no verdict.
//!
//! Sources: Google's robots meta tag and X-Robots-Tag reference (`noindex`, `none`); DeviantArt's `noai` and `noimageai`
//! (2022), widely copied; TDM Reservation Protocol (W3C community group report, 2024): `tdm-reservation: 1`. A directive for
//! one named crawler (`otherbot: noindex`) is not for everybody and does not count; the header itself is kept beside.

use std::fmt;

use super::fields::{is, list};
use super::meta::Metas;

/// `<meta>` tags behind this byte are not looked for.
const HEAD_BYTES: usize = 1 << 16;

/// Names, by bit.
const NAMES: [&str; 8] = [
    "header_noindex",
    "header_noai",
    "header_noimageai",
    "header_tdm",
    "meta_noindex",
    "meta_noai",
    "meta_noimageai",
    "meta_tdm",
];
const HEADER: u8 = 0;
const META: u8 = 4;
const TDM: u8 = 1 << 3;

/// A set of signals by which a page withholds itself.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct OptOut(u8);

impl OptOut {
    /// Whether there is no signal.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The signals' names: `header_` or `meta_`, then `noindex`, `noai`, `noimageai` or `tdm`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().enumerate().filter(move |(bit, _)| self.0 >> bit & 1 == 1).map(|(_, name)| *name)
    }

    /// Adds what the header fields say.
    pub(super) fn add_header(&mut self, x_robots_tag: &str, tdm_reservation: &str) {
        self.0 |= robots(x_robots_tag) << HEADER;
        if tdm_reservation.trim() == "1" {
            self.0 |= TDM << HEADER;
        }
    }

    /// Adds what the page's `<meta>` tags say.
    pub(super) fn add_page(&mut self, html: &str) {
        let head = html.as_bytes();
        for meta in Metas::of(&head[..head.len().min(HEAD_BYTES)]) {
            if is(meta.name, "robots") {
                self.0 |= robots(&String::from_utf8_lossy(meta.content)) << META;
            } else if is(meta.name, "tdm-reservation") && meta.content == b"1" {
                self.0 |= TDM << META;
            }
        }
    }
}

impl fmt::Debug for OptOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// Directives of a robots value that are for every crawler.
fn robots(value: &str) -> u8 {
    let (mut bits, mut for_all) = (0, true);
    for item in list(value) {
        let mut directive = item;
        if let Some((name, rest)) = item.split_once(':') {
            // A colon stands behind a crawler's name, and in directives with a value.
            let name = name.trim().to_ascii_lowercase();
            if name.starts_with("max-") || name == "unavailable_after" {
                continue;
            }
            for_all = name == "*";
            directive = rest.trim();
        }
        if for_all {
            bits |= match directive.to_ascii_lowercase().as_str() {
                "noindex" | "none" => 1,
                "noai" => 1 << 1,
                "noimageai" => 1 << 2,
                _ => 0,
            };
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(header: &str, tdm: &str, html: &str) -> Vec<&'static str> {
        let mut signals = OptOut::default();
        signals.add_header(header, tdm);
        signals.add_page(html);
        signals.names().collect()
    }

    #[test]
    fn signals_of_header_and_page_are_told_apart() {
        assert_eq!(names("NoAI, max-snippet:5, noimageai", "1", ""), ["header_noai", "header_noimageai", "header_tdm"]);
        let html = "<meta name=robots content='none,noai'><meta name='TDM-reservation' content=1>";
        assert_eq!(names("", "0", html), ["meta_noindex", "meta_noai", "meta_tdm"]);
        assert!(names("index, follow", "", "<body><meta name=robots content=noai>").is_empty());
    }

    #[test]
    fn directives_for_one_crawler_do_not_count() {
        assert!(names("otherbot: noindex, noai", "", "").is_empty());
        assert_eq!(names("noai, otherbot: noindex", "", ""), ["header_noai"]);
    }
}
