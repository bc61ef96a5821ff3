//! A page as a tree in one array: nodes are numbers, text is one buffer, what matters of the attributes is bits.
//!
//! Copying a tree for another attempt is one `memcpy`, dropping it one `free`; nothing recurses, so no nesting exhausts the stack.

use super::count;
use super::tags::{self, Tag};

/// A node's place in the array.
pub(super) type Id = u32;

/// No node.
pub(super) const NONE: Id = u32::MAX;

/// The document node.
pub(super) const DOCUMENT: Id = 0;

/// What attributes say about an element; a bit each.
pub(super) mod signs {
    /// Not shown: `hidden`, an inline style, or `aria-hidden`.
    pub(in super::super) const HIDDEN: u32 = 1;
    /// A dialog by its attributes.
    pub(in super::super) const MODAL: u32 = 1 << 1;
    /// Its role is one that articles do not have.
    pub(in super::super) const UNLIKELY_ROLE: u32 = 1 << 2;
    /// Class or id name what articles are not made of.
    pub(in super::super) const UNLIKELY: u32 = 1 << 3;
    /// Class or id name what may yet be an article.
    pub(in super::super) const MAYBE: u32 = 1 << 4;
    /// Class or id have the word `share`.
    pub(in super::super) const SHARE: u32 = 1 << 5;
    /// Says to be an author's name.
    pub(in super::super) const BYLINE: u32 = 1 << 6;
    /// `itemprop="name"`.
    pub(in super::super) const ITEM_NAME: u32 = 1 << 7;
    /// Has `href`.
    pub(in super::super) const HREF: u32 = 1 << 8;
    /// Links into its own page.
    pub(in super::super) const HASH_LINK: u32 = 1 << 9;
    /// Links to a script.
    pub(in super::super) const SCRIPT_LINK: u32 = 1 << 10;
    /// Names an image.
    pub(in super::super) const IMAGE: u32 = 1 << 11;
    /// Some attribute names a video site.
    pub(in super::super) const VIDEO: u32 = 1 << 12;
    /// A table that says it is layout.
    pub(in super::super) const LAYOUT: u32 = 1 << 13;
    /// A table with a summary.
    pub(in super::super) const SUMMARY: u32 = 1 << 14;
    /// A table of data; set while cleaning.
    pub(in super::super) const DATA_TABLE: u32 = 1 << 15;
    /// A script that holds JSON-LD.
    pub(in super::super) const JSON_LD: u32 = 1 << 16;
}

/// One node. What `a`, `b`, `c`, `d` hold depends on its kind, see the accessors of [`Tree`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) parent: Id,
    pub(super) prev: Id,
    pub(super) next: Id,
    pub(super) first: Id,
    pub(super) last: Id,
    pub(super) tag: Tag,
    /// Readability's weight of class and id, in units of 25.
    pub(super) weight: i8,
    /// [`signs`] of an element.
    pub(super) signs: u32,
    /// Text: start in the buffer. Element: start of its class.
    pub(super) start: u32,
    /// Text: bytes in the buffer. Element: bytes of its class.
    pub(super) n_bytes: u32,
    /// Text: characters, a run of white space being one. Element: `colspan`.
    pub(super) count: u32,
    /// Text: commas of all scripts.
    pub(super) n_commas: u16,
    /// Text: ASCII commas.
    pub(super) n_ascii_commas: u16,
    /// Readability's score; not a number until it has one.
    pub(super) score: f32,
    /// Text: white space at its start, at its end, something else in it.
    pub(super) space_before: bool,
    pub(super) space_after: bool,
    pub(super) inked: bool,
}

impl Node {
    pub(super) const fn new(tag: Tag) -> Self {
        Self {
            parent: NONE,
            prev: NONE,
            next: NONE,
            first: NONE,
            last: NONE,
            tag,
            weight: 0,
            signs: 0,
            start: 0,
            n_bytes: 0,
            count: 1,
            n_commas: 0,
            n_ascii_commas: 0,
            score: f32::NAN,
            space_before: false,
            space_after: false,
            inked: false,
        }
    }
}

/// What a `<meta>` with content says.
#[derive(Debug, Clone, Default)]
pub(super) struct Meta {
    pub(super) property: Option<String>,
    pub(super) name: Option<String>,
    pub(super) content: String,
}

/// A page.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Texts and classes.
    pub(super) buffer: String,
    pub(super) metas: Vec<Meta>,
    /// Most elements that were inside one another.
    pub(super) depth: usize,
    /// Tags that any node has or had, a bit each.
    seen_tags: u128,
    /// Signs that any node has or had.
    seen_signs: u32,
}

impl Tree {
    pub(super) fn node(&self, id: Id) -> &Node {
        &self.nodes[id as usize]
    }
    pub(super) fn node_mut(&mut self, id: Id) -> &mut Node {
        &mut self.nodes[id as usize]
    }
    pub(super) fn tag(&self, id: Id) -> Tag {
        self.node(id).tag
    }
    pub(super) fn is(&self, id: Id, class: u32) -> bool {
        self.tag(id).is(class)
    }
    pub(super) fn has(&self, id: Id, sign: u32) -> bool {
        self.node(id).signs & sign != 0
    }
    pub(super) fn is_element(&self, id: Id) -> bool {
        !matches!(self.tag(id), Tag::Text | Tag::Document)
    }
    /// A text's own text, an element's class.
    pub(super) fn text(&self, id: Id) -> &str {
        let node = self.node(id);
        &self.buffer[node.start as usize..(node.start + node.n_bytes) as usize]
    }

    pub(super) fn push(&mut self, node: Node) -> Id {
        // A page has at most one node per byte, and pages over 4 GiB are refused before.
        let id = Id::try_from(self.nodes.len()).unwrap_or(NONE);
        self.seen_tags |= 1 << node.tag as u8;
        self.seen_signs |= node.signs;
        self.nodes.push(node);
        id
    }

    /// Whether the page has elements of one of these tags; spares a walk where it has none.
    pub(super) fn any_tag(&self, tags: &[Tag]) -> bool {
        tags.iter().any(|tag| self.seen_tags & (1 << *tag as u8) != 0)
    }
    /// Whether some element of the page has one of these signs.
    pub(super) fn any_sign(&self, signs: u32) -> bool {
        self.seen_signs & signs != 0
    }

    pub(super) fn detach(&mut self, id: Id) {
        let Node { parent, prev, next, .. } = *self.node(id);
        if parent == NONE {
            return;
        }
        if prev == NONE {
            self.node_mut(parent).first = next;
        } else {
            self.node_mut(prev).next = next;
        }
        if next == NONE {
            self.node_mut(parent).last = prev;
        } else {
            self.node_mut(next).prev = prev;
        }
        let node = self.node_mut(id);
        (node.parent, node.prev, node.next) = (NONE, NONE, NONE);
    }

    pub(super) fn append(&mut self, parent: Id, child: Id) {
        self.detach(child);
        let last = self.node(parent).last;
        let node = self.node_mut(child);
        (node.parent, node.prev) = (parent, last);
        if last == NONE {
            self.node_mut(parent).first = child;
        } else {
            self.node_mut(last).next = child;
        }
        self.node_mut(parent).last = child;
    }

    pub(super) fn insert_before(&mut self, sibling: Id, fresh: Id) {
        self.detach(fresh);
        let Node { parent, prev, .. } = *self.node(sibling);
        let node = self.node_mut(fresh);
        (node.parent, node.prev, node.next) = (parent, prev, sibling);
        self.node_mut(sibling).prev = fresh;
        if prev != NONE {
            self.node_mut(prev).next = fresh;
        } else if parent != NONE {
            self.node_mut(parent).first = fresh;
        }
    }

    /// Puts `fresh`, which may be a descendant of `old`, where `old` is.
    pub(super) fn replace(&mut self, old: Id, fresh: Id) {
        self.insert_before(old, fresh);
        self.detach(old);
    }

    pub(super) fn move_children(&mut self, from: Id, to: Id) {
        let mut child = self.node(from).first;
        while child != NONE {
            let next = self.node(child).next;
            self.append(to, child);
            child = next;
        }
    }

    /// The node after `id` in document order, children first, inside `root`.
    pub(super) fn next_in(&self, id: Id, root: Id) -> Id {
        let first = self.node(id).first;
        if first == NONE { self.next_after(id, root) } else { first }
    }

    /// The node after `id` and all that is in it, inside `root`.
    pub(super) fn next_after(&self, mut id: Id, root: Id) -> Id {
        while id != root && id != NONE {
            let node = self.node(id);
            if node.next != NONE {
                return node.next;
            }
            id = node.parent;
        }
        NONE
    }

    /// All below `root`, in document order.
    pub(super) fn below(&self, root: Id) -> impl Iterator<Item = Id> + '_ {
        let start = self.next_in(root, root);
        std::iter::successors((start != NONE).then_some(start), move |id| {
            let next = self.next_in(*id, root);
            (next != NONE).then_some(next)
        })
    }

    /// Elements below `root` that `wanted` picks, collected so that the tree may change.
    pub(super) fn select(&self, root: Id, mut wanted: impl FnMut(Id) -> bool) -> Vec<Id> {
        self.below(root).filter(|id| self.is_element(*id) && wanted(*id)).collect()
    }

    pub(super) fn children(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        let first = self.node(id).first;
        std::iter::successors((first != NONE).then_some(first), |id| {
            let next = self.node(*id).next;
            (next != NONE).then_some(next)
        })
    }

    pub(super) fn element_children(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        self.children(id).filter(|child| self.is_element(*child))
    }

    /// From the parent up, the document included.
    pub(super) fn ancestors(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        let parent = self.node(id).parent;
        std::iter::successors((parent != NONE).then_some(parent), |id| {
            let next = self.node(*id).parent;
            (next != NONE).then_some(next)
        })
    }

    pub(super) fn next_element(&self, id: Id) -> Id {
        let mut next = self.node(id).next;
        while next != NONE && !self.is_element(next) {
            next = self.node(next).next;
        }
        next
    }

    /// The only element child, if it has `tag` and no text stands beside it.
    pub(super) fn only_child(&self, id: Id, tag: Tag) -> Option<Id> {
        let mut only = None;
        for child in self.children(id) {
            if self.is_element(child) {
                if only.is_some() || self.tag(child) != tag {
                    return None;
                }
                only = Some(child);
            } else if self.node(child).inked {
                return None;
            }
        }
        only
    }

    /// Characters of all text in `id`, a run of white space being one and none at the ends.
    pub(super) fn n_chars(&self, id: Id) -> usize {
        let mut n = 0_usize;
        let mut after_space = true;
        let mut at = id;
        while at != NONE {
            let node = self.node(at);
            if node.tag == Tag::Text {
                n += node.count as usize - usize::from(after_space && node.space_before);
                after_space = node.space_after;
            }
            at = self.next_in(at, id);
        }
        n - usize::from(after_space && n > 0)
    }

    /// Characters of all text of the page but that in elements of a class.
    pub(super) fn n_chars_without(&self, class: u32) -> usize {
        let mut n = 0;
        let mut at = DOCUMENT;
        while at != NONE {
            let node = self.node(at);
            if node.tag == Tag::Text {
                n += node.count as usize - usize::from(node.space_before);
            }
            at = if node.tag.is(class) { self.next_after(at, DOCUMENT) } else { self.next_in(at, DOCUMENT) };
        }
        n
    }

    /// All text in `id`.
    pub(super) fn whole_text(&self, id: Id) -> String {
        let mut out = String::new();
        let mut at = id;
        while at != NONE {
            if self.tag(at) == Tag::Text {
                out.push_str(self.text(at));
            }
            at = self.next_in(at, id);
        }
        out
    }

    /// Counts characters and commas of every text node.
    pub(super) fn count_texts(&mut self) {
        for node in &mut self.nodes {
            if node.tag == Tag::Text {
                let range = node.start as usize..(node.start + node.n_bytes) as usize;
                count::count_text(node, &self.buffer[range]);
            }
        }
    }

    pub(super) fn find(&self, tag: Tag) -> Option<Id> {
        self.below(DOCUMENT).find(|id| self.tag(*id) == tag)
    }

    /// Whether it stands inside lines; a link does if all in it does.
    pub(super) fn is_phrasing(&self, id: Id) -> bool {
        let mut at = id;
        while at != NONE {
            let tag = self.tag(at);
            at = if tag == Tag::Text || tag.is(tags::PHRASING) {
                self.next_after(at, id)
            } else if matches!(tag, Tag::A | Tag::Del | Tag::Ins) && self.node(at).first != NONE {
                self.node(at).first
            } else {
                return false;
            };
        }
        true
    }

    /// White space or a line break.
    pub(super) fn is_blank(&self, id: Id) -> bool {
        let node = self.node(id);
        node.tag == Tag::Br || (node.tag == Tag::Text && !node.inked)
    }
}
