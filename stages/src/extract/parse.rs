//! HTML into a [`Tree`], within the page's budget.
//!
//! Tree construction follows the HTML standard where pages depend on it: implied head, body, table parts and end tags; misnested
//! formatting (adoption agency); text in tables put before them. It leaves out what changes no text: frames, form owners, `select`'s own
//! mode, the namespaces of SVG and MathML. That it builds what html5ever builds is shown by the comparison in [`super::readable`]. It
//! is our own because html5ever took 60 % of the time of an extraction: its names and attributes are reference-counted strings.

use memchr::memchr;

use super::attributes::Attributes;
use super::construct::{belongs_in_table, is_marker};
use super::tags::{self, Tag};
use super::tokens::{Scanner, Token, push_resolved};
use super::tree::{DOCUMENT, Id, Meta, NONE, Node, Tree};
use super::{Clock, ExtractFault, Options};

/// Tokens between two looks at the clock.
const TOKENS_PER_CHECK: usize = 1 << 12;

/// Same formatting elements that are opened again in the next paragraph, as in the HTML standard.
const MAX_SAME_REOPENED: usize = 3;

/// Text that is not the last in the buffer is copied to be extended; longer text gets a second node, or else a page could make this
/// quadratic.
const MAX_MOVED_BYTES: u32 = 1 << 10;

/// Reads a page.
///
/// # Errors
/// The page is too large, has too many elements, too deep a nesting, or took too long.
pub(super) fn parse(html: &str, options: &Options, clock: Clock) -> Result<Tree, ExtractFault> {
    // Places in the buffer are 32-bit numbers; text can be copied once (see `MAX_MOVED_BYTES`).
    if u32::try_from(html.len()).is_err() {
        return Err(ExtractFault::TooLarge);
    }
    // The standard reads every line end as a line feed.
    let normalised;
    let html = if memchr(b'\r', html.as_bytes()).is_some() {
        normalised = html.replace("\r\n", "\n").replace('\r', "\n");
        &normalised
    } else {
        html
    };
    let mut builder = Builder::new(html.len());
    let mut scanner = Scanner::new(html);
    let mut n_tokens = 0_usize;
    while let Some(token) = scanner.next() {
        match token {
            Token::Text(text) => builder.text(text, true),
            Token::Cdata(text) if builder.in_foreign() => builder.text(text, false),
            Token::Cdata(_) => {}
            Token::Start { name, closed } => builder.start(name, closed, &mut scanner),
            Token::End(name) => builder.end(Tag::of(name.as_bytes()), name),
            Token::Doctype(text) => builder.quirks = is_quirky(text),
        }
        n_tokens += 1;
        if options.max_elements > 0 && builder.n_elements > options.max_elements {
            return Err(ExtractFault::TooManyElements);
        }
        if options.max_depth > 0 && builder.stack.len() > options.max_depth {
            return Err(ExtractFault::TooDeep);
        }
        if n_tokens.is_multiple_of(TOKENS_PER_CHECK) {
            clock.check()?;
        }
    }
    let mut tree = builder.finish();
    tree.count_texts();
    Ok(tree)
}

/// Whether a doctype is one of those with which browsers let a table stand in a paragraph.
fn is_quirky(doctype: &str) -> bool {
    let doctype = doctype.to_ascii_lowercase();
    let is_loose = ["dtd html 4.01 transitional", "dtd html 4.01 frameset"].iter().any(|name| doctype.contains(name));
    let is_old =
        ["dtd html 4.0 ", "dtd html 3", "dtd html 2", "ietf//dtd html"].iter().any(|name| doctype.contains(name));
    is_old || is_loose && !doctype.contains("://")
}

/// A stable number for the name of an element that has no tag of its own.
pub(super) fn hash_of(name: &str) -> u32 {
    name.bytes().fold(0x811C_9DC5, |hash, b| (hash ^ u32::from(b.to_ascii_lowercase())).wrapping_mul(0x0100_0193))
}

/// Builds the tree from tokens.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) tree: Tree,
    /// Open elements, outermost first.
    pub(super) stack: Vec<Id>,
    html: Id,
    pub(super) head: Id,
    pub(super) body: Id,
    /// Open `<p>`; without one there is nothing to close.
    pub(super) n_open_p: usize,
    pub(super) n_foreign: usize,
    pub(super) n_elements: usize,
    /// Formatting elements that ended with their block and go on in the next one.
    pub(super) reopened: Vec<Node>,
    /// Where in `reopened` the open cell or object starts.
    pub(super) markers: Vec<usize>,
    pub(super) quirks: bool,
    scratch: String,
}

impl Builder {
    fn new(n_bytes: usize) -> Self {
        let mut tree = Tree::default();
        tree.buffer.reserve(n_bytes / 2);
        tree.nodes.reserve(n_bytes / 24);
        tree.push(Node::new(Tag::Document));
        let html = tree.push(Node::new(Tag::Html));
        tree.append(DOCUMENT, html);
        let head = tree.push(Node::new(Tag::Head));
        tree.append(html, head);
        Self {
            tree,
            stack: vec![html],
            html,
            head,
            body: NONE,
            n_open_p: 0,
            n_foreign: 0,
            n_elements: 0,
            reopened: Vec::new(),
            markers: Vec::new(),
            quirks: true,
            scratch: String::new(),
        }
    }

    fn finish(mut self) -> Tree {
        self.open_body(Node::new(Tag::Body));
        self.tree
    }

    pub(super) fn open_body(&mut self, node: Node) {
        if self.body == NONE {
            self.body = self.tree.push(node);
            self.tree.append(self.html, self.body);
            self.stack.push(self.body);
        }
    }

    pub(super) fn top(&self) -> Id {
        self.stack.last().copied().unwrap_or(self.html)
    }

    pub(super) fn top_tag(&self) -> Tag {
        self.tree.tag(self.top())
    }

    /// Place in the stack of the innermost open element that `wanted` picks, unless one of the class `bounds` is met before.
    pub(super) fn find(&self, wanted: impl Fn(Tag) -> bool, bounds: u32) -> Option<usize> {
        for (at, id) in self.stack.iter().enumerate().rev() {
            let tag = self.tree.tag(*id);
            if wanted(tag) {
                return Some(at);
            }
            if tag.is(bounds) {
                return None;
            }
        }
        None
    }

    /// Closes all open elements from `at` in the stack. Formatting elements among them are opened again later, save `ended`.
    pub(super) fn pop_to(&mut self, at: usize, ended: Id) {
        // html and body stay open to the end.
        let at = at.max(if self.body == NONE { 1 } else { 2 });
        let mut outer_first = self.reopened.len();
        while self.stack.len() > at {
            let Some(id) = self.stack.pop() else { return };
            let node = *self.tree.node(id);
            self.forget(node.tag);
            outer_first = outer_first.min(self.reopened.len());
            if node.tag.is(tags::FORMATTING) && id != ended {
                self.reopened.insert(outer_first, node);
                self.forget_fourth(node);
            }
        }
    }

    /// Bookkeeping when an element is no longer open.
    fn forget(&mut self, tag: Tag) {
        match tag {
            Tag::P => self.n_open_p -= 1,
            Tag::Svg | Tag::Math => self.n_foreign -= 1,
            tag if is_marker(tag) => {
                let n = self.markers.pop().unwrap_or(0);
                self.reopened.truncate(n);
            }
            _ => {}
        }
    }

    /// Keeps the last three of the same formatting elements that are to be opened again.
    fn forget_fourth(&mut self, node: Node) {
        let from = self.markers.last().copied().unwrap_or(0);
        let same = |other: &Node| other.tag == node.tag && other.signs == node.signs;
        let list = &self.reopened[from.min(self.reopened.len())..];
        if list.iter().filter(|other| same(other)).count() > MAX_SAME_REOPENED
            && let Some(first) = list.iter().position(same)
        {
            self.reopened.remove(from + first);
        }
    }

    /// Opens again what was cut off by the end of a block.
    pub(super) fn reopen(&mut self) {
        let from = self.markers.last().copied().unwrap_or(0);
        if self.reopened.len() == from || self.body == NONE {
            return;
        }
        let nodes = self.reopened.split_off(from);
        for node in nodes {
            let bare = Node {
                start: node.start,
                n_bytes: node.n_bytes,
                signs: node.signs,
                weight: node.weight,
                ..Node::new(node.tag)
            };
            self.insert(bare);
        }
    }

    /// Puts a new element in its place and opens it.
    pub(super) fn insert(&mut self, node: Node) -> Id {
        let tag = node.tag;
        let id = self.tree.push(node);
        let top = self.top();
        if self.tree.is(top, tags::TABULAR) && !belongs_in_table(tag) {
            self.foster(id);
        } else {
            self.tree.append(top, id);
        }
        self.n_elements += 1;
        if !tag.is(tags::VOID) {
            self.stack.push(id);
            self.tree.depth = self.tree.depth.max(self.stack.len());
            match tag {
                Tag::P => self.n_open_p += 1,
                Tag::Svg | Tag::Math => self.n_foreign += 1,
                tag if is_marker(tag) => self.markers.push(self.reopened.len()),
                _ => {}
            }
        }
        id
    }

    pub(super) fn insert_implied(&mut self, tag: Tag) {
        self.insert(Node::new(tag));
    }

    /// The place of what may not stand in a table: before the table.
    pub(super) fn foster(&mut self, id: Id) {
        let table = self.stack.iter().rev().copied().find(|id| self.tree.tag(*id) == Tag::Table);
        match table {
            Some(table) if self.tree.node(table).parent != NONE => self.tree.insert_before(table, id),
            _ => self.tree.append(self.body, id),
        }
    }

    pub(super) fn close_p(&mut self) {
        if self.n_open_p > 0
            && let Some(at) = self.find(|tag| matches!(tag, Tag::P | Tag::Button), tags::BARRIER)
            && self.tree.tag(self.stack[at]) == Tag::P
        {
            self.pop_to(at, NONE);
        }
    }

    pub(super) fn in_foreign(&self) -> bool {
        self.n_foreign > 0
            && self.stack.iter().rev().map(|id| self.tree.tag(*id)).find_map(|tag| match tag {
                Tag::Svg | Tag::Math => Some(true),
                Tag::Foreignobject => Some(false),
                _ => None,
            }) == Some(true)
    }

    fn text(&mut self, text: &str, resolve: bool) {
        let is_space = text.bytes().all(|b| b.is_ascii_whitespace());
        if self.body == NONE {
            if is_space {
                return;
            }
            self.open_body(Node::new(Tag::Body));
        }
        if !(is_space && self.top_tag().is(tags::TABULAR)) {
            self.reopen();
        }
        let top = self.top();
        if !is_space && self.tree.is(top, tags::TABULAR) {
            let table = self.stack.iter().rev().copied().find(|id| self.tree.tag(*id) == Tag::Table);
            let before = table.map_or(NONE, |table| self.tree.node(table).prev);
            if let Some(id) = self.add_text(before, text, resolve) {
                self.foster(id);
            }
        } else if let Some(id) = self.add_text(self.tree.node(top).last, text, resolve) {
            self.tree.append(top, id);
        }
    }

    /// Adds to the text node `before` if it is one; else makes one, which has yet to be put in its place.
    pub(super) fn add_text(&mut self, before: Id, text: &str, resolve: bool) -> Option<Id> {
        let tree = &mut self.tree;
        let mut start = u32::try_from(tree.buffer.len()).ok()?;
        let mut extended = None;
        if before != NONE && tree.tag(before) == Tag::Text {
            let Node { start: old, n_bytes, .. } = *tree.node(before);
            if old + n_bytes == start {
                (start, extended) = (old, Some(before));
            } else if n_bytes <= MAX_MOVED_BYTES {
                tree.buffer.extend_from_within(old as usize..(old + n_bytes) as usize);
                extended = Some(before);
            }
        }
        if resolve {
            push_resolved(&mut tree.buffer, text, false);
        } else {
            tree.buffer.push_str(text);
        }
        let n_bytes = u32::try_from(tree.buffer.len()).ok()? - start;
        match extended {
            Some(before) => {
                let node = tree.node_mut(before);
                (node.start, node.n_bytes) = (start, n_bytes);
                None
            }
            None => Some(tree.push(Node { start, n_bytes, ..Node::new(Tag::Text) })),
        }
    }

    /// The element that a start tag makes.
    pub(super) fn element(&mut self, tag: Tag, name: &str, attributes: &[(&str, &str)]) -> Node {
        let mut read = Attributes::new(tag);
        let mut class = (0, 0);
        let mut meta = Meta::default();
        let mut has_content = false;
        for (key, value) in attributes {
            let lowered;
            let key = if key.bytes().any(|b| b.is_ascii_uppercase()) {
                lowered = key.to_ascii_lowercase();
                lowered.as_str()
            } else {
                *key
            };
            let mut value = *value;
            if value.contains('&') {
                self.scratch.clear();
                push_resolved(&mut self.scratch, value, true);
                value = &self.scratch;
            }
            read.read(key, value);
            match key {
                "class" => {
                    class = (self.tree.buffer.len(), value.len());
                    self.tree.buffer.push_str(value);
                }
                "content" if tag == Tag::Meta => {
                    has_content = true;
                    value.clone_into(&mut meta.content);
                }
                "property" if tag == Tag::Meta => meta.property = Some(value.to_owned()),
                "name" if tag == Tag::Meta => meta.name = Some(value.to_owned()),
                _ => {}
            }
        }
        if has_content {
            self.tree.metas.push(meta);
        }
        let mut node = read.into_node();
        node.start = u32::try_from(class.0).unwrap_or(0);
        node.n_bytes = u32::try_from(class.1).unwrap_or(0);
        if tag == Tag::Other {
            node.count = hash_of(name);
        }
        node
    }
}
