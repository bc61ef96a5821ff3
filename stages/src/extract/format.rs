//! The text of a part of a page, laid out: blocks apart by an empty line, rows, list items and line breaks by a line feed, cells by a
//! space, white space collapsed except in `<pre>`.
//!
//! The layout is that of dom_query's `formatted_text`, so that texts can be compared.

use super::tags::{BREAK, Tag};
use super::tree::{Id, NONE, Tree};

/// All text below `root`, laid out.
pub(super) fn formatted(tree: &Tree, root: Id) -> String {
    formatted_without(tree, root, |_| false)
}

/// All text below `root`, laid out, but not what is in elements that `skipped` picks.
pub(super) fn formatted_without(tree: &Tree, root: Id, skipped: impl Fn(Id) -> bool) -> String {
    let mut text = String::new();
    let mut at = tree.node(root).first;
    while at != NONE {
        let node = tree.node(at);
        let mut inside = NONE;
        if node.tag == Tag::Text {
            push_text(&mut text, tree.text(at), node.inked);
        } else if !skipped(at) {
            if node.tag.is(BREAK) && !(text.is_empty() || text.ends_with("\n\n")) {
                text.push('\n');
            }
            if node.tag == Tag::Pre {
                push_verbatim(&mut text, tree, at);
            } else {
                inside = node.first;
            }
            if inside == NONE {
                close(&mut text, node.tag);
            }
        }
        if inside != NONE {
            at = inside;
            continue;
        }
        // Up to the next node, closing what ends on the way.
        loop {
            let next = tree.node(at).next;
            if next != NONE {
                at = next;
                break;
            }
            at = tree.node(at).parent;
            if at == root || at == NONE {
                at = NONE;
                break;
            }
            close(&mut text, tree.tag(at));
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn push_verbatim(text: &mut String, tree: &Tree, pre: Id) {
    let mut at = pre;
    while at != NONE {
        if tree.tag(at) == Tag::Text {
            text.push_str(tree.text(at));
        }
        at = tree.next_in(at, pre);
    }
}

/// Adds a text, its white space collapsed.
fn push_text(text: &mut String, more: &str, inked: bool) {
    let at_start = text.is_empty() || text.ends_with(['\n', ' ']);
    if !inked {
        if !at_start && !more.is_empty() && !text.ends_with(char::is_whitespace) {
            text.push(' ');
        }
        return;
    }
    let mut spaced = at_start;
    let mut rest = more;
    // Words are copied by the stretch: a stretch ends where white space is not one plain space.
    while !rest.is_empty() {
        let n_space = rest.len() - rest.trim_start().len();
        if n_space > 0 {
            if !spaced {
                text.push(' ');
            }
            spaced = true;
            rest = &rest[n_space..];
            continue;
        }
        let end = stretch(rest);
        text.push_str(&rest[..end]);
        spaced = false;
        rest = &rest[end..];
    }
}

/// Bytes until white space that is more than one plain space inside the text.
fn stretch(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b' ' => match bytes.get(at + 1) {
                Some(next) if next.is_ascii_graphic() => at += 2,
                _ => return at,
            },
            b'\t'..=b'\r' => return at,
            byte if byte < 0x80 => at += 1,
            _ => match text[at..].chars().next() {
                Some(c) if !c.is_whitespace() => at += c.len_utf8(),
                _ => return at,
            },
        }
    }
    at
}

/// The break after an element.
fn close(text: &mut String, tag: Tag) {
    if text.is_empty() || text.ends_with("\n\n") {
        return;
    }
    if tag.is(BREAK) {
        text.truncate(text.trim_end_matches(' ').len());
        text.push_str("\n\n");
    } else if matches!(tag, Tag::Br | Tag::Hr | Tag::Li | Tag::Tr) {
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    } else if matches!(tag, Tag::Td | Tag::Th) && !text.ends_with(['\n', ' ']) {
        text.push(' ');
    }
}
