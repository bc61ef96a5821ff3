//! The cleaning steps of [`super::readable`]: before the search, inside the article that was found, and after.

use super::readable::{link_density, trim_end};
use super::tags::{DATA, EMBED, HEADING, JUNK, TEXTISH, Tag};
use super::tree::{DOCUMENT, Id, NONE, Node, Tree, signs};

/// What an attempt is suspicious of; each failed attempt drops the first that is left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suspicions {
    /// Removes elements whose names are unlikely in an article.
    pub(super) unlikely: bool,
    /// Weighs classes and ids.
    pub(super) weights: bool,
    /// Removes lists, tables and boxes that look like navigation.
    pub(super) shapes: bool,
}

impl Suspicions {
    /// One suspicion fewer; `None` when there is none left.
    pub(super) fn fewer(self) -> Option<Self> {
        match self {
            Self { unlikely: true, .. } => Some(Self { unlikely: false, ..self }),
            Self { weights: true, .. } => Some(Self { weights: false, ..self }),
            Self { shapes: true, .. } => Some(Self { shapes: false, ..self }),
            _ => None,
        }
    }

    /// The weight of class and id, if they are weighed.
    pub(super) fn weight(self, node: &Node) -> f32 {
        if self.weights { 25.0 * f32::from(node.weight) } else { 0.0 }
    }
}

/// Before the search: no scripts, styles and empty images; two line breaks are a paragraph's end.
pub(super) fn prepare(tree: &mut Tree) {
    let gone = tree.select(DOCUMENT, |id| match tree.tag(id) {
        Tag::Script | Tag::Noscript | Tag::Style => true,
        Tag::Img => !tree.has(id, signs::IMAGE),
        _ => false,
    });
    gone.into_iter().for_each(|id| tree.detach(id));
    let breaks = select_tags(tree, DOCUMENT, &[Tag::Br]);
    breaks.into_iter().for_each(|br| break_to_paragraph(tree, br));
    let n_nodes = if tree.any_tag(&[Tag::Font]) { tree.nodes.len() } else { 0 };
    for node in &mut tree.nodes[..n_nodes] {
        if node.tag == Tag::Font {
            *node = Node {
                parent: node.parent,
                prev: node.prev,
                next: node.next,
                first: node.first,
                last: node.last,
                ..Node::new(Tag::Span)
            };
        }
    }
}

/// Elements of these tags below `root`.
fn select_tags(tree: &Tree, root: Id, tags: &[Tag]) -> Vec<Id> {
    if tree.any_tag(tags) { tree.select(root, |id| tags.contains(&tree.tag(id))) } else { Vec::new() }
}

/// The next node that is not white space.
fn next_inked(tree: &Tree, mut id: Id) -> Id {
    while id != NONE && tree.tag(id) == Tag::Text && !tree.node(id).inked {
        id = tree.node(id).next;
    }
    id
}

fn break_to_paragraph(tree: &mut Tree, br: Id) {
    if tree.node(br).parent == NONE {
        return;
    }
    let mut replaced = false;
    loop {
        let next = next_inked(tree, tree.node(br).next);
        if next == NONE || tree.tag(next) != Tag::Br {
            break;
        }
        replaced = true;
        tree.detach(next);
    }
    if !replaced {
        return;
    }
    let p = tree.push(Node::new(Tag::P));
    tree.replace(br, p);
    let mut next = tree.node(p).next;
    while next != NONE {
        if tree.tag(next) == Tag::Br {
            let after = next_inked(tree, tree.node(next).next);
            if after != NONE && tree.tag(after) == Tag::Br {
                break;
            }
        }
        if !tree.is_phrasing(next) {
            break;
        }
        let after = tree.node(next).next;
        tree.append(p, next);
        next = after;
    }
    trim_end(tree, p);
    let parent = tree.node(p).parent;
    if parent != NONE && tree.tag(parent) == Tag::P {
        tree.node_mut(parent).tag = Tag::Div;
    }
}

/// Inside the article: no share buttons, forms, navigation, empty paragraphs.
pub(super) fn article(tree: &mut Tree, article: Id, suspicions: Suspicions, share_chars: usize) {
    let shares =
        if tree.any_sign(signs::SHARE) { tree.select(article, |id| tree.has(id, signs::SHARE)) } else { Vec::new() };
    for id in shares {
        if tree.n_chars(id) < share_chars {
            tree.detach(id);
        }
    }
    for table in select_tags(tree, article, &[Tag::Table]) {
        let sign = if is_data_table(tree, table) { signs::DATA_TABLE } else { 0 };
        tree.node_mut(table).signs |= sign;
    }
    clean_shapes(tree, article, suspicions, &[Tag::Form, Tag::Fieldset]);
    for id in tree.select(article, |id| tree.is(id, JUNK) && !(tree.is(id, EMBED) && is_video(tree, id))) {
        tree.detach(id);
    }
    for id in select_tags(tree, article, &[Tag::H1, Tag::H2]) {
        if suspicions.weight(tree.node(id)) < 0.0 {
            tree.detach(id);
        }
    }
    clean_shapes(tree, article, suspicions, &[Tag::Table, Tag::Ul, Tag::Div]);
    for p in select_tags(tree, article, &[Tag::P]) {
        if tree.n_chars(p) == 0 && !tree.below(p).any(|id| tree.tag(id) == Tag::Img || tree.is(id, EMBED)) {
            tree.detach(p);
        }
    }
    for br in select_tags(tree, article, &[Tag::Br]) {
        let next = tree.next_element(br);
        if next != NONE && tree.tag(next) == Tag::P {
            tree.detach(br);
        }
    }
    unwrap_single_cells(tree, article);
}

fn is_video(tree: &Tree, id: Id) -> bool {
    tree.has(id, signs::VIDEO)
        || tree.tag(id) == Tag::Object && tree.below(id).any(|inner| tree.has(inner, signs::VIDEO))
}

fn is_data_table(tree: &Tree, table: Id) -> bool {
    if tree.has(table, signs::LAYOUT) {
        return false;
    }
    if tree.has(table, signs::SUMMARY) || tree.below(table).any(|id| tree.is(id, DATA)) {
        return true;
    }
    if tree.below(table).any(|id| tree.tag(id) == Tag::Table) {
        return false;
    }
    let (mut n_rows, mut n_columns) = (0_usize, 0_usize);
    for row in tree.below(table).filter(|id| tree.tag(*id) == Tag::Tr) {
        n_rows += 1;
        let cells = tree.below(row).filter(|id| tree.tag(*id) == Tag::Td);
        n_columns = n_columns.max(cells.map(|cell| tree.node(cell).count as usize).sum());
    }
    n_rows != 1 && n_columns != 1 && (n_rows >= 10 || n_columns > 4 || n_rows * n_columns > 10)
}

/// Removes those of the elements that look like navigation, the last first, so that the inner ones go before the outer are judged.
fn clean_shapes(tree: &mut Tree, article: Id, suspicions: Suspicions, wanted: &[Tag]) {
    if !suspicions.shapes {
        return;
    }
    for id in select_tags(tree, article, wanted).into_iter().rev() {
        if looks_like_navigation(tree, id, suspicions) {
            tree.detach(id);
        }
    }
}

/// What one walk over an element counts.
#[derive(Debug, Default)]
struct Counts {
    n_ascii_commas: usize,
    n_paragraphs: usize,
    n_images: usize,
    n_items: usize,
    n_inputs: usize,
    n_embeds: usize,
    has_data_table: bool,
    has_pre: bool,
    has_video: bool,
}

fn count(tree: &Tree, id: Id) -> Counts {
    let mut counts = Counts::default();
    for at in tree.below(id) {
        let node = tree.node(at);
        match node.tag {
            Tag::Text => counts.n_ascii_commas += usize::from(node.n_ascii_commas),
            Tag::P => counts.n_paragraphs += 1,
            Tag::Img => counts.n_images += 1,
            Tag::Li => counts.n_items += 1,
            Tag::Input => counts.n_inputs += 1,
            Tag::Pre => counts.has_pre = true,
            Tag::Table => counts.has_data_table |= node.signs & signs::DATA_TABLE != 0,
            tag if tag.is(EMBED) => {
                counts.n_embeds += 1;
                counts.has_video |= is_video(tree, at);
            }
            _ => {}
        }
    }
    counts
}

fn looks_like_navigation(tree: &Tree, id: Id, suspicions: Suspicions) -> bool {
    let is_data = |id: Id| tree.tag(id) == Tag::Table && tree.has(id, signs::DATA_TABLE);
    if is_data(id) {
        return false;
    }
    let counts = count(tree, id);
    if counts.has_data_table || tree.ancestors(id).any(is_data) {
        return false;
    }
    let weight = suspicions.weight(tree.node(id));
    if weight < 0.0 {
        return !counts.has_pre;
    }
    if counts.n_ascii_commas >= 10 || counts.has_video {
        return false;
    }
    let n_chars = tree.n_chars(id);
    if n_chars < MAX_PHRASE_CHARS && is_placeholder(&tree.whole_text(id)) {
        return true;
    }
    let is_list = matches!(tree.tag(id), Tag::Ul | Tag::Ol)
        || density(tree, id, |tag| matches!(tag, Tag::Ul | Tag::Ol), n_chars) > 0.9;
    let suspect = is_suspect(tree, id, &counts, n_chars, is_list, weight);
    if is_list && suspect {
        if tree.children(id).any(|child| tree.element_children(child).take(2).count() > 1) {
            return true;
        }
        return counts.n_images != counts.n_items;
    }
    suspect
}

/// Characters of the longest phrase in [`is_placeholder`], and a few dots.
const MAX_PHRASE_CHARS: usize = 32;

/// Text that stands for an advertisement or for something that was to come.
fn is_placeholder(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    matches!(
        text.as_str(),
        "ad" | "advertising"
            | "advertisement"
            | "pub"
            | "publicité"
            | "werb"
            | "werbung"
            | "广告"
            | "реклама"
            | "anuncio"
    ) || matches!(text.trim_end_matches(['…', '.']), "loading" | "正在加载" | "загрузка" | "chargement" | "cargando")
}

/// Share of the characters in elements that `wanted` picks, nested ones counted again.
fn density(tree: &Tree, id: Id, wanted: impl Fn(Tag) -> bool, n_chars: usize) -> f32 {
    if n_chars == 0 {
        return 0.0;
    }
    let found = tree.below(id).filter(|at| wanted(tree.tag(*at)));
    found.map(|at| tree.n_chars(at)).sum::<usize>() as f32 / n_chars as f32
}

fn is_suspect(tree: &Tree, id: Id, counts: &Counts, n_chars: usize, is_list: bool, weight: f32) -> bool {
    let in_figure = tree.ancestors(id).any(|up| tree.tag(up) == Tag::Figure);
    let n_paragraphs = counts.n_paragraphs;
    if !in_figure && counts.n_images > 1 && n_paragraphs * 2 < counts.n_images {
        return true;
    }
    if !is_list && counts.n_items > n_paragraphs + 100 {
        return true;
    }
    if counts.n_inputs > n_paragraphs / 3 {
        return true;
    }
    let linked = link_density(tree, id, Some(n_chars));
    let is_stub = !is_list && !in_figure && n_chars < 25 && (counts.n_images == 0 || counts.n_images > 2);
    if is_stub && linked > 0.0 && density(tree, id, |tag| tag.is(HEADING), n_chars) < 0.9 {
        return true;
    }
    if !is_list && weight < 25.0 && linked > 0.2 || weight >= 25.0 && linked > 0.5 {
        return true;
    }
    if counts.n_embeds == 1 && n_chars < 75 || counts.n_embeds > 1 {
        return true;
    }
    counts.n_images == 0 && !tree.below(id).any(|at| tree.is(at, TEXTISH) && tree.n_chars(at) > 0)
}

/// Tables of one cell are boxes.
fn unwrap_single_cells(tree: &mut Tree, article: Id) {
    for table in select_tags(tree, article, &[Tag::Table]) {
        let body = tree.only_child(table, Tag::Tbody).unwrap_or(table);
        let row = tree.only_child(body, Tag::Tr);
        if let Some(cell) = row.and_then(|row| tree.only_child(row, Tag::Td)) {
            let phrasing = tree.children(cell).all(|child| tree.is_phrasing(child));
            tree.node_mut(cell).tag = if phrasing { Tag::P } else { Tag::Div };
            tree.replace(table, cell);
        }
    }
}

/// After the search: links to scripts, cells without a row and boxes in boxes.
pub(super) fn finish(tree: &mut Tree, root: Id) {
    for link in select_tags(tree, root, &[Tag::A]) {
        let Node { first, last, .. } = *tree.node(link);
        if tree.has(link, signs::SCRIPT_LINK) {
            if first != NONE && first == last && tree.tag(first) == Tag::Text {
                tree.replace(link, first);
            } else if first != NONE {
                tree.node_mut(link).tag = Tag::Span;
            }
        }
        if first == NONE && (tree.has(link, signs::SCRIPT_LINK) || !tree.has(link, signs::HREF)) {
            tree.detach(link);
        }
    }
    for cell in select_tags(tree, root, &[Tag::Td]) {
        let parent = tree.node(cell).parent;
        if parent != NONE && tree.tag(parent) != Tag::Tr {
            tree.move_children(cell, parent);
            tree.detach(cell);
        }
    }
    merge_boxes(tree, root);
}

/// A box that holds nothing but a box gives way to it; so does text beside that, as in dom_smoothie.
fn merge_boxes(tree: &mut Tree, root: Id) {
    let is_box = |tag: Tag| matches!(tag, Tag::Div | Tag::Section);
    for outer in tree.select(root, |id| is_box(tree.tag(id))).into_iter().rev() {
        let mut children = tree.element_children(outer);
        let (first, second) = (children.next(), children.next());
        drop(children);
        if let (Some(inner), None) = (first, second)
            && is_box(tree.tag(inner))
        {
            tree.replace(outer, inner);
        }
    }
    let empty =
        |id: Id| is_box(tree.tag(id)) && tree.children(id).all(|c| tree.tag(c) == Tag::Text && !tree.node(c).inked);
    for id in tree.select(root, empty) {
        tree.detach(id);
    }
}
