//! Element names as numbers, and the classes of elements that the extractors ask about.

/// Elements that mean a block to Readability's merging of `div` and `p`.
pub(super) const BLOCK: u32 = 1;
/// Elements that stand inside lines.
pub(super) const PHRASING: u32 = 1 << 1;
/// Elements that are scored.
pub(super) const SCORED: u32 = 1 << 2;
/// Elements that go when there is nothing in them.
pub(super) const CONTENT: u32 = 1 << 3;
/// Elements with a paragraph's break around them.
pub(super) const BREAK: u32 = 1 << 4;
/// Elements whose text counts as text.
pub(super) const TEXTISH: u32 = 1 << 5;
/// Elements that no article keeps.
pub(super) const JUNK: u32 = 1 << 6;
/// Elements that show something from elsewhere.
pub(super) const EMBED: u32 = 1 << 7;
/// Elements that only tables of data have.
pub(super) const DATA: u32 = 1 << 8;
/// Elements that keep their name as a sibling of the best candidate.
pub(super) const KEPT: u32 = 1 << 9;
/// Headings.
pub(super) const HEADING: u32 = 1 << 10;
/// Elements whose text is no text of the page.
pub(super) const UNSEEN: u32 = 1 << 11;
/// "Special" elements of the HTML standard: an end tag of another element does not reach past them.
pub(super) const SPECIAL: u32 = 1 << 12;
/// Elements whose start ends a paragraph.
pub(super) const CLOSES_P: u32 = 1 << 13;
/// "Formatting" elements of the HTML standard, which may end out of order.
pub(super) const FORMATTING: u32 = 1 << 14;
/// Elements without an end.
pub(super) const VOID: u32 = 1 << 15;
/// Elements that hold characters and no elements.
pub(super) const RAW: u32 = 1 << 16;
/// Elements that bound a scope of the HTML standard.
pub(super) const BARRIER: u32 = 1 << 17;
/// Parts of a table that hold no text themselves.
pub(super) const TABULAR: u32 = 1 << 18;
/// Elements of the head.
pub(super) const HEADS: u32 = 1 << 19;

macro_rules! tags {
    ($($variant:ident $name:literal $class:expr;)*) => {
        /// A name of an element, or what else a node is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum Tag { Document, Text, Other, $($variant),* }

        const CLASSES: &[u32] = &[0, 0, 0, $($class),*];

        /// Names as numbers, in the order of the table.
        const NAMES: &[(u128, Tag)] = &[$((packed($name.as_bytes()), Tag::$variant)),*];
    };
}

tags! {
    A "a" FORMATTING;
    Abbr "abbr" PHRASING;
    Address "address" SPECIAL | CLOSES_P;
    Applet "applet" SPECIAL | BARRIER;
    Area "area" SPECIAL | VOID;
    Article "article" BREAK | KEPT | SPECIAL | CLOSES_P;
    Aside "aside" JUNK | SPECIAL | CLOSES_P;
    Audio "audio" PHRASING;
    B "b" PHRASING | FORMATTING;
    Base "base" SPECIAL | VOID | HEADS;
    Bdo "bdo" PHRASING;
    Big "big" FORMATTING;
    Blockquote "blockquote" BLOCK | BREAK | TEXTISH | SPECIAL | CLOSES_P;
    Body "body" SPECIAL;
    Br "br" PHRASING | SPECIAL | VOID;
    Button "button" PHRASING | JUNK | SPECIAL;
    Caption "caption" DATA | SPECIAL | BARRIER;
    Center "center" SPECIAL | CLOSES_P;
    Cite "cite" PHRASING;
    Code "code" PHRASING | FORMATTING;
    Col "col" DATA | SPECIAL | VOID;
    Colgroup "colgroup" DATA | SPECIAL;
    Data "data" PHRASING;
    Datalist "datalist" PHRASING;
    Dd "dd" SPECIAL | CLOSES_P;
    Del "del" 0;
    Details "details" SPECIAL | CLOSES_P;
    Dfn "dfn" PHRASING;
    Dialog "dialog" SPECIAL | CLOSES_P;
    Dir "dir" SPECIAL | CLOSES_P;
    Div "div" BLOCK | CONTENT | BREAK | TEXTISH | SPECIAL | CLOSES_P;
    Dl "dl" BLOCK | BREAK | TEXTISH | SPECIAL | CLOSES_P;
    Dt "dt" SPECIAL | CLOSES_P;
    Em "em" PHRASING | FORMATTING;
    Embed "embed" PHRASING | EMBED | JUNK | SPECIAL | VOID;
    Fieldset "fieldset" SPECIAL | CLOSES_P;
    Figcaption "figcaption" SPECIAL | CLOSES_P;
    Figure "figure" SPECIAL | CLOSES_P;
    Font "font" FORMATTING;
    Foreignobject "foreignobject" BARRIER;
    Footer "footer" JUNK | SPECIAL | CLOSES_P;
    Form "form" SPECIAL | CLOSES_P;
    Frame "frame" SPECIAL | VOID;
    Frameset "frameset" UNSEEN | SPECIAL;
    H1 "h1" CONTENT | HEADING | BREAK | SPECIAL | CLOSES_P;
    H2 "h2" SCORED | CONTENT | HEADING | BREAK | SPECIAL | CLOSES_P;
    H3 "h3" SCORED | CONTENT | HEADING | BREAK | SPECIAL | CLOSES_P;
    H4 "h4" SCORED | CONTENT | HEADING | BREAK | SPECIAL | CLOSES_P;
    H5 "h5" SCORED | CONTENT | HEADING | BREAK | SPECIAL | CLOSES_P;
    H6 "h6" SCORED | CONTENT | HEADING | BREAK | SPECIAL | CLOSES_P;
    Head "head" UNSEEN | SPECIAL;
    Header "header" CONTENT | SPECIAL | CLOSES_P;
    Hgroup "hgroup" SPECIAL | CLOSES_P;
    Hr "hr" SPECIAL | CLOSES_P | VOID;
    Html "html" SPECIAL | BARRIER;
    I "i" PHRASING | FORMATTING;
    Iframe "iframe" EMBED | JUNK | UNSEEN | SPECIAL | RAW;
    Img "img" PHRASING | BLOCK | TEXTISH | SPECIAL | VOID;
    Input "input" PHRASING | JUNK | SPECIAL | VOID;
    Ins "ins" 0;
    Kbd "kbd" PHRASING;
    Label "label" PHRASING;
    Legend "legend" 0;
    Li "li" TEXTISH | SPECIAL | CLOSES_P;
    Link "link" JUNK | SPECIAL | VOID | HEADS;
    Main "main" SPECIAL | CLOSES_P;
    Map "map" 0;
    Mark "mark" PHRASING;
    Marquee "marquee" SPECIAL | BARRIER;
    Math "math" PHRASING;
    Menu "menu" SPECIAL | CLOSES_P;
    Meta "meta" SPECIAL | VOID | HEADS;
    Meter "meter" PHRASING;
    Nav "nav" SPECIAL | CLOSES_P;
    Nobr "nobr" FORMATTING;
    Noembed "noembed" UNSEEN | SPECIAL | RAW;
    Noframes "noframes" UNSEEN | SPECIAL | RAW;
    Noscript "noscript" PHRASING | UNSEEN | SPECIAL | HEADS;
    Object "object" PHRASING | EMBED | JUNK | SPECIAL | BARRIER;
    Ol "ol" BLOCK | BREAK | TEXTISH | KEPT | SPECIAL | CLOSES_P;
    Optgroup "optgroup" 0;
    Option "option" 0;
    Output "output" PHRASING;
    P "p" BLOCK | BREAK | TEXTISH | SCORED | KEPT | SPECIAL | CLOSES_P;
    Param "param" SPECIAL | VOID;
    Picture "picture" 0;
    Plaintext "plaintext" SPECIAL | CLOSES_P;
    Pre "pre" BLOCK | BREAK | TEXTISH | SCORED | SPECIAL | CLOSES_P;
    Progress "progress" PHRASING;
    Q "q" PHRASING;
    Rp "rp" 0;
    Rt "rt" 0;
    Ruby "ruby" PHRASING;
    S "s" FORMATTING;
    Samp "samp" PHRASING;
    Script "script" PHRASING | UNSEEN | SPECIAL | RAW | HEADS;
    Section "section" BREAK | SCORED | CONTENT | KEPT | SPECIAL | CLOSES_P;
    Select "select" PHRASING | JUNK | SPECIAL;
    Small "small" PHRASING | FORMATTING;
    Source "source" SPECIAL | VOID;
    Span "span" PHRASING | TEXTISH;
    Strike "strike" FORMATTING;
    Strong "strong" PHRASING | FORMATTING;
    Style "style" UNSEEN | SPECIAL | RAW | HEADS;
    Sub "sub" PHRASING;
    Summary "summary" SPECIAL | CLOSES_P;
    Sup "sup" PHRASING;
    Svg "svg" UNSEEN;
    Table "table" BLOCK | BREAK | TEXTISH | SPECIAL | CLOSES_P | BARRIER | TABULAR;
    Tbody "tbody" SPECIAL | TABULAR;
    Td "td" SCORED | TEXTISH | SPECIAL | BARRIER;
    Template "template" UNSEEN | SPECIAL | BARRIER | HEADS;
    Textarea "textarea" PHRASING | JUNK | SPECIAL | RAW;
    Tfoot "tfoot" DATA | SPECIAL | TABULAR;
    Th "th" DATA | SPECIAL | BARRIER;
    Thead "thead" DATA | SPECIAL | TABULAR;
    Time "time" PHRASING;
    Title "title" SPECIAL | RAW | HEADS;
    Tr "tr" SPECIAL | TABULAR;
    Track "track" SPECIAL | VOID;
    Tt "tt" FORMATTING;
    U "u" FORMATTING;
    Ul "ul" BLOCK | BREAK | TEXTISH | KEPT | SPECIAL | CLOSES_P;
    Var "var" PHRASING;
    Video "video" 0;
    Wbr "wbr" PHRASING | SPECIAL | VOID;
    Xmp "xmp" SPECIAL | CLOSES_P | RAW;
}

/// The bytes of a name of at most 16 as one number; zero for longer ones. Longer first, then by letters.
const fn packed(name: &[u8]) -> u128 {
    let mut n = 0;
    let mut at = 0;
    if name.len() > 16 {
        return 0;
    }
    while at < name.len() {
        n = n << 8 | name[at].to_ascii_lowercase() as u128;
        at += 1;
    }
    n
}

/// Slots of the table of names: a power of two, large enough for few collisions.
const N_SLOTS: usize = 512;

const fn slot(packed: u128) -> usize {
    let folded = (packed as u64) ^ ((packed >> 64) as u64);
    (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 55) as usize % N_SLOTS
}

/// Open addressing over [`NAMES`]: place plus one, zero for an empty slot.
const TABLE: [u8; N_SLOTS] = {
    let mut table = [0; N_SLOTS];
    let mut at = 0;
    while at < NAMES.len() {
        let mut to = slot(NAMES[at].0);
        while table[to] != 0 {
            to = (to + 1) % N_SLOTS;
        }
        table[to] = at as u8 + 1;
        at += 1;
    }
    table
};

impl Tag {
    /// The tag of a name, whatever the case of its letters.
    pub(super) fn of(name: &[u8]) -> Self {
        let name = packed(name);
        let mut at = slot(name);
        while let Some(found) = usize::from(TABLE[at]).checked_sub(1) {
            if NAMES[found].0 == name {
                return NAMES[found].1;
            }
            at = (at + 1) % N_SLOTS;
        }
        Self::Other
    }

    /// Whether it is of (one of) these classes.
    pub(super) fn is(self, class: u32) -> bool {
        CLASSES[self as usize] & class != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_again() {
        for (at, (_, tag)) in NAMES.iter().enumerate() {
            let name = format!("{tag:?}");
            assert_eq!(Tag::of(name.as_bytes()), *tag, "{name}");
            assert_eq!(*tag as usize, at + 3);
        }
        assert_eq!(Tag::of(b"x-unknown"), Tag::Other);
        assert_eq!(Tag::of(b"a-name-much-longer-than-any-element-has"), Tag::Other);
        assert!(Tag::Pre.is(BREAK) && !Tag::Span.is(BLOCK));
    }
}
