//! What attributes say, as bits: the only thing kept of them besides the class.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::tags::{self, Tag};
use super::tree::{Node, signs};

/// What a word inside a class or id means to Readability; one bit each.
mod hint {
    pub(super) const UNLIKELY: u8 = 1;
    pub(super) const MAYBE: u8 = 2;
    pub(super) const NEGATIVE: u8 = 4;
    pub(super) const POSITIVE: u8 = 8;
    pub(super) const BYLINE: u8 = 16;
    pub(super) const FALLBACK_IMAGE: u8 = 32;
}

/// Words and their meaning. The lists are those of Mozilla's Readability.js 0.6 as dom_smoothie 0.19 has them.
const WORDS: &[(&str, u8)] = &[
    ("-ad-", hint::UNLIKELY | hint::NEGATIVE),
    ("ai2html", hint::UNLIKELY),
    ("banner", hint::UNLIKELY | hint::NEGATIVE),
    ("breadcrumbs", hint::UNLIKELY),
    ("combx", hint::UNLIKELY | hint::NEGATIVE),
    ("comment", hint::UNLIKELY | hint::NEGATIVE),
    ("community", hint::UNLIKELY),
    ("cover-wrap", hint::UNLIKELY),
    ("disqus", hint::UNLIKELY),
    ("extra", hint::UNLIKELY),
    ("footer", hint::UNLIKELY | hint::NEGATIVE),
    ("gdpr", hint::UNLIKELY | hint::NEGATIVE),
    ("header", hint::UNLIKELY),
    ("legends", hint::UNLIKELY),
    ("menu", hint::UNLIKELY),
    ("related", hint::UNLIKELY | hint::NEGATIVE),
    ("remark", hint::UNLIKELY),
    ("replies", hint::UNLIKELY),
    ("rss", hint::UNLIKELY),
    ("shoutbox", hint::UNLIKELY | hint::NEGATIVE),
    ("sidebar", hint::UNLIKELY | hint::NEGATIVE),
    ("skyscraper", hint::UNLIKELY | hint::NEGATIVE),
    ("social", hint::UNLIKELY),
    ("sponsor", hint::UNLIKELY | hint::NEGATIVE),
    ("supplemental", hint::UNLIKELY),
    ("ad-break", hint::UNLIKELY),
    ("agegate", hint::UNLIKELY),
    ("pagination", hint::UNLIKELY),
    ("pager", hint::UNLIKELY),
    ("popup", hint::UNLIKELY),
    ("yom-remote", hint::UNLIKELY),
    ("and", hint::MAYBE),
    ("article", hint::MAYBE | hint::POSITIVE),
    ("body", hint::MAYBE | hint::POSITIVE),
    ("column", hint::MAYBE),
    ("content", hint::MAYBE | hint::POSITIVE),
    ("layout", hint::MAYBE),
    ("main", hint::MAYBE | hint::POSITIVE),
    ("mathjax", hint::MAYBE),
    ("shadow", hint::MAYBE),
    ("hidden", hint::NEGATIVE),
    ("com-", hint::NEGATIVE),
    ("contact", hint::NEGATIVE),
    ("masthead", hint::NEGATIVE),
    ("media", hint::NEGATIVE),
    ("meta", hint::NEGATIVE),
    ("outbrain", hint::NEGATIVE),
    ("promo", hint::NEGATIVE),
    ("scroll", hint::NEGATIVE),
    ("share", hint::NEGATIVE),
    ("shopping", hint::NEGATIVE),
    ("tags", hint::NEGATIVE),
    ("widget", hint::NEGATIVE),
    ("entry", hint::POSITIVE),
    ("page", hint::POSITIVE),
    ("post", hint::POSITIVE),
    ("text", hint::POSITIVE),
    ("blog", hint::POSITIVE),
    ("story", hint::POSITIVE),
    ("byline", hint::BYLINE),
    ("author", hint::BYLINE),
    ("dateline", hint::BYLINE),
    ("writtenby", hint::BYLINE),
    ("fallback-image", hint::FALLBACK_IMAGE),
];

/// `None` only if the table above could not be compiled; then no class means anything.
static HINTS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::DFA))
        .build(WORDS.iter().map(|(word, _)| word))
        .ok()
});

fn hints(value: &str) -> u8 {
    let Some(automaton) = HINTS.as_ref() else { return 0 };
    let found = automaton.find_overlapping_iter(value);
    let mut bits = found.fold(0, |bits, hit| bits | WORDS[hit.pattern().as_usize()].1);
    if value.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("hid")) {
        bits |= hint::NEGATIVE;
    }
    bits
}

const VIDEO_SITES: [&str; 10] = [
    "dailymotion.com",
    "youtube.com",
    "youtube-nocookie.com",
    "player.vimeo.com",
    "v.qq.com",
    "archive.org",
    "upload.wikimedia.org",
    "player.twitch.tv",
    "bilibili.com",
    "live.bilibili.com",
];

const IMAGE_ENDINGS: [&str; 6] = [".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif"];

/// Gathers what the attributes of one element say.
#[derive(Debug)]
pub(super) struct Attributes {
    node: Node,
    hints: u8,
    aria_hidden: bool,
    dialog_role: bool,
    modal: bool,
}

impl Attributes {
    pub(super) fn new(tag: Tag) -> Self {
        Self { node: Node::new(tag), hints: 0, aria_hidden: false, dialog_role: false, modal: false }
    }

    /// One attribute; its name in lower case.
    pub(super) fn read(&mut self, name: &str, value: &str) {
        let tag = self.node.tag;
        if tag == Tag::Img && IMAGE_ENDINGS.iter().any(|ending| value.contains(ending))
            || tag.is(tags::EMBED) && is_video(value)
        {
            self.node.signs |= if tag == Tag::Img { signs::IMAGE } else { signs::VIDEO };
        }
        match name {
            "class" | "id" => self.name(value),
            "hidden" => self.node.signs |= signs::HIDDEN,
            "style" if is_invisible(value) => self.node.signs |= signs::HIDDEN,
            "aria-hidden" => self.aria_hidden = value == "true",
            "aria-modal" => self.modal = value == "true",
            "role" => self.role(value),
            "href" => self.link(value),
            "rel" if value == "author" => self.node.signs |= signs::BYLINE,
            "itemprop" => {
                self.node.signs |= if value.contains("author") { signs::BYLINE } else { 0 };
                self.node.signs |= if value == "name" { signs::ITEM_NAME } else { 0 };
            }
            "src" | "data-src" | "srcset" | "data-srcset" if tag == Tag::Img => self.node.signs |= signs::IMAGE,
            "datatable" if value == "0" => self.node.signs |= signs::LAYOUT,
            "summary" => self.node.signs |= signs::SUMMARY,
            "colspan" => self.node.count = value.parse().unwrap_or(1).clamp(1, 1000),
            "type" if tag == Tag::Script && value == "application/ld+json" => self.node.signs |= signs::JSON_LD,
            _ => {}
        }
    }

    fn name(&mut self, value: &str) {
        let hints = hints(value);
        self.hints |= hints;
        self.node.weight -= i8::from(hints & hint::NEGATIVE != 0);
        self.node.weight += i8::from(hints & hint::POSITIVE != 0);
        let is_share = |word: &str| word.eq_ignore_ascii_case("share") || word.eq_ignore_ascii_case("sharedaddy");
        if hints & hint::NEGATIVE != 0 && value.split([' ', '_']).any(is_share) {
            self.node.signs |= signs::SHARE;
        }
    }

    fn role(&mut self, value: &str) {
        self.dialog_role = value == "dialog";
        let unlikely =
            matches!(value, "menu" | "menubar" | "complementary" | "navigation" | "alert" | "alertdialog" | "dialog");
        self.node.signs |= if unlikely { signs::UNLIKELY_ROLE } else { 0 };
        self.node.signs |= if value == "presentation" { signs::LAYOUT } else { 0 };
    }

    fn link(&mut self, value: &str) {
        self.node.signs |= signs::HREF;
        self.node.signs |= if value.len() > 1 && value.starts_with('#') { signs::HASH_LINK } else { 0 };
        self.node.signs |= if value.starts_with("javascript:") { signs::SCRIPT_LINK } else { 0 };
    }

    /// The element these attributes make.
    pub(super) fn into_node(self) -> Node {
        let Self { mut node, hints, aria_hidden, dialog_role, modal } = self;
        let has = |bit: u8, sign: u32| if hints & bit != 0 { sign } else { 0 };
        node.signs |= has(hint::UNLIKELY, signs::UNLIKELY) | has(hint::MAYBE, signs::MAYBE);
        node.signs |= has(hint::BYLINE, signs::BYLINE);
        if aria_hidden && hints & hint::FALLBACK_IMAGE == 0 {
            node.signs |= signs::HIDDEN;
        }
        if node.tag == Tag::Dialog || dialog_role && modal {
            node.signs |= signs::MODAL;
        }
        node
    }
}

fn is_invisible(style: &str) -> bool {
    let style = style.to_ascii_lowercase();
    says(&style, "display", "none") || says(&style, "visibility", "hidden")
}

/// Whether the first mention of `key` in an inline style is followed by just `wanted`.
fn says(style: &str, key: &str, wanted: &str) -> bool {
    let Some((_, rest)) = style.split_once(key) else { return false };
    let Some((_, rest)) = rest.split_once(':') else { return false };
    let value = rest.split(';').next().unwrap_or(rest).trim_start();
    value.split(char::is_whitespace).next().unwrap_or(value) == wanted
}

fn is_video(value: &str) -> bool {
    VIDEO_SITES.iter().any(|site| {
        value.find(site).is_some_and(|at| {
            let before = &value[..at];
            before.ends_with("//") || before.ends_with("//www.")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(tag: Tag, attributes: &[(&str, &str)]) -> Node {
        let mut read = Attributes::new(tag);
        attributes.iter().for_each(|(name, value)| read.read(name, value));
        read.into_node()
    }

    #[test]
    fn classes_have_weight() {
        // Readability: -25 for a negative word, +25 for a positive one, for class and id alike.
        assert_eq!(node(Tag::Div, &[("class", "Sidebar"), ("id", "comments")]).weight, -2);
        assert_eq!(node(Tag::Div, &[("class", "post-content")]).weight, 1);
        assert_eq!(node(Tag::Div, &[("class", "article-footer")]).weight, 0);
        assert_eq!(node(Tag::Div, &[("class", "x hid y")]).weight, -1);
        let header = node(Tag::Div, &[("class", "header")]);
        assert!(header.signs & signs::UNLIKELY != 0 && header.signs & signs::MAYBE == 0);
    }

    #[test]
    fn hidden_elements_are_known() {
        let hidden = |name, value| node(Tag::P, &[(name, value)]).signs & signs::HIDDEN != 0;
        assert!(hidden("hidden", "") && hidden("aria-hidden", "true"));
        assert!(hidden("style", "DISPLAY: NONE; color: red") && hidden("style", "visibility:hidden"));
        assert!(!hidden("style", "display: none!important") && !hidden("style", "display") && !hidden("style", ""));
    }

    #[test]
    fn videos_and_links() {
        assert!(is_video("//www.youtube.com/embed/x") && is_video("https://archive.org/x") && !is_video("youtube.com"));
        assert!(node(Tag::A, &[("href", "#x")]).signs & signs::HASH_LINK != 0);
        assert!(node(Tag::A, &[("href", "#")]).signs & signs::HASH_LINK == 0);
    }
}
