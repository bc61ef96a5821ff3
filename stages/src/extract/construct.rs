//! Where a start tag or an end tag puts things: the tree construction rules of the HTML standard.

use super::parse::{Builder, hash_of};
use super::tags::{self, Tag};
use super::tokens::Scanner;
use super::tree::{Id, NONE, Node, signs};

/// Rounds of the adoption agency algorithm, as in the HTML standard.
const MAX_ADOPTIONS: usize = 8;

impl Builder {
    /// A start tag.
    pub(super) fn start(&mut self, name: &str, closed: bool, scanner: &mut Scanner<'_>) {
        let mut tag = Tag::of(name.as_bytes());
        if tag == Tag::Other && name.eq_ignore_ascii_case("image") {
            tag = Tag::Img;
        }
        match tag {
            Tag::Html | Tag::Head | Tag::Frame | Tag::Frameset => return,
            Tag::Body => {
                let node = self.element(tag, name, &scanner.attributes);
                return self.open_body(node);
            }
            _ => {}
        }
        let node = self.element(tag, name, &scanner.attributes);
        if self.body == NONE {
            if tag == Tag::Noscript {
                // What may stand in it belongs to the head; anything else opens the body.
                return;
            }
            if tag.is(tags::HEADS) {
                let id = self.tree.push(node);
                self.tree.append(self.head, id);
                self.n_elements += 1;
                return self.raw_text(id, name, scanner, tag == Tag::Template);
            }
            self.open_body(Node::new(Tag::Body));
        }
        if self.in_foreign() {
            if tag.is(tags::CLOSES_P) || matches!(tag, Tag::Span | Tag::Img | Tag::Br | Tag::B | Tag::I | Tag::Em) {
                if let Some(at) = self.find(|tag| matches!(tag, Tag::Svg | Tag::Math), 0) {
                    self.pop_to(at, NONE);
                }
            } else {
                let id = self.insert(node);
                if closed && !tag.is(tags::VOID) {
                    self.pop_to(self.stack.len() - 1, id);
                } else if matches!(tag, Tag::Script | Tag::Style) {
                    self.raw_text(id, name, scanner, false);
                }
                return;
            }
        }
        if !self.make_room(tag) {
            return;
        }
        let id = self.insert(node);
        // XHTML's empty anchors: the standard leaves them open, which would make all that follows a link.
        let is_anchor = tag == Tag::A && node.signs & signs::HREF == 0;
        if closed && (is_anchor || matches!(tag, Tag::Svg | Tag::Math)) {
            self.pop_to(self.stack.len() - 1, id);
        } else if tag.is(tags::RAW) {
            self.raw_text(id, name, scanner, false);
            self.pop_to(self.stack.len() - 1, id);
        } else if tag == Tag::Pre {
            scanner.skip_line_feed();
        } else if tag == Tag::Form && self.tree.is(self.tree.node(id).parent, tags::TABULAR) {
            self.pop_to(self.stack.len() - 1, id);
        }
    }

    /// The characters of a raw element; kept where they may be wanted.
    fn raw_text(&mut self, id: Id, name: &str, scanner: &mut Scanner<'_>, any: bool) {
        let tag = self.tree.tag(id);
        if !any && !tag.is(tags::RAW) {
            return;
        }
        if tag == Tag::Textarea {
            scanner.skip_line_feed();
        }
        let text = scanner.raw(name);
        let kept = matches!(tag, Tag::Title | Tag::Textarea | Tag::Xmp) || self.tree.has(id, signs::JSON_LD);
        if kept && let Some(fresh) = self.add_text(NONE, text, matches!(tag, Tag::Title | Tag::Textarea)) {
            self.tree.append(id, fresh);
        }
    }

    /// Closes what a start tag closes and opens what it implies; whether the tag counts at all.
    fn make_room(&mut self, tag: Tag) -> bool {
        match tag {
            Tag::Caption
            | Tag::Col
            | Tag::Colgroup
            | Tag::Tbody
            | Tag::Td
            | Tag::Tfoot
            | Tag::Th
            | Tag::Thead
            | Tag::Tr => {
                return self.make_room_in_table(tag);
            }
            Tag::Table if self.top_tag().is(tags::TABULAR) => self.end(Tag::Table, ""),
            Tag::Table if self.quirks => {}
            Tag::Li => self.close_item(|tag| tag == Tag::Li),
            Tag::Dd | Tag::Dt => self.close_item(|tag| matches!(tag, Tag::Dd | Tag::Dt)),
            Tag::A | Tag::Nobr => self.close_formatting(tag),
            Tag::Button => {
                if let Some(at) = self.find(|t| t == Tag::Button, tags::BARRIER) {
                    self.pop_to(at, NONE);
                }
            }
            Tag::Select => {
                if let Some(at) = self.find(|t| t == Tag::Select, tags::BARRIER) {
                    self.pop_to(at, NONE);
                    return false;
                }
            }
            Tag::Option | Tag::Optgroup => {
                while self.top_tag() == Tag::Option || tag == Tag::Optgroup && self.top_tag() == Tag::Optgroup {
                    self.pop_to(self.stack.len() - 1, NONE);
                }
            }
            Tag::Rt | Tag::Rp if matches!(self.top_tag(), Tag::Rt | Tag::Rp) => self.pop_to(self.stack.len() - 1, NONE),
            _ => {}
        }
        if tag.is(tags::CLOSES_P) && !(tag == Tag::Table && self.quirks) {
            self.close_p();
            if tag.is(tags::HEADING) && self.top_tag().is(tags::HEADING) {
                self.pop_to(self.stack.len() - 1, NONE);
            }
        } else {
            self.reopen();
        }
        true
    }

    /// An item ends the item before it, unless something special but `address`, `div` and `p` was opened in that.
    fn close_item(&mut self, is_item: impl Fn(Tag) -> bool) {
        for at in (0..self.stack.len()).rev() {
            let tag = self.tree.tag(self.stack[at]);
            if is_item(tag) {
                return self.pop_to(at, NONE);
            }
            if tag.is(tags::SPECIAL) && !matches!(tag, Tag::Address | Tag::Div | Tag::P) {
                return;
            }
        }
    }

    fn make_room_in_table(&mut self, tag: Tag) -> bool {
        let is_part = |of: Tag| matches!(of, Tag::Tbody | Tag::Thead | Tag::Tfoot);
        let fits = |at: Tag| match tag {
            Tag::Td | Tag::Th => at == Tag::Table || at == Tag::Tr || is_part(at),
            Tag::Tr => at == Tag::Table || is_part(at),
            Tag::Col => matches!(at, Tag::Table | Tag::Colgroup),
            _ => at == Tag::Table,
        };
        if self.find(|tag| tag == Tag::Table, 0).is_none() {
            return false;
        }
        let Some(at) = self.find(fits, 0) else { return false };
        self.pop_to(at + 1, NONE);
        if tag == Tag::Col && self.top_tag() == Tag::Table {
            self.insert_implied(Tag::Colgroup);
        }
        if matches!(tag, Tag::Td | Tag::Th | Tag::Tr) && self.top_tag() == Tag::Table {
            self.insert_implied(Tag::Tbody);
        }
        if matches!(tag, Tag::Td | Tag::Th) && self.top_tag() != Tag::Tr {
            self.insert_implied(Tag::Tr);
        }
        true
    }

    /// An end tag.
    pub(super) fn end(&mut self, tag: Tag, name: &str) {
        if tag == Tag::Br && self.body != NONE {
            return self.insert_void_break();
        }
        if self.body == NONE || tag.is(tags::VOID) || matches!(tag, Tag::Html | Tag::Body | Tag::Head) {
            return;
        }
        if tag.is(tags::FORMATTING) && !self.in_foreign() {
            return self.close_formatting(tag);
        }
        let found = match tag {
            Tag::Other => {
                let hash = hash_of(name);
                let same = |id: &Id| self.tree.tag(*id) == Tag::Other && self.tree.node(*id).count == hash;
                let stop = |id: &Id| same(id) || self.tree.is(*id, tags::SPECIAL);
                self.stack.iter().rposition(stop).filter(|at| same(&self.stack[*at]))
            }
            Tag::Table
            | Tag::Tbody
            | Tag::Thead
            | Tag::Tfoot
            | Tag::Tr
            | Tag::Td
            | Tag::Th
            | Tag::Caption
            | Tag::Colgroup => {
                let outer = |t: Tag| t == tag || t == Tag::Table;
                self.find(outer, 0).filter(|at| self.tree.tag(self.stack[*at]) == tag)
            }
            Tag::H1 | Tag::H2 | Tag::H3 | Tag::H4 | Tag::H5 | Tag::H6 => {
                self.find(|t| t.is(tags::HEADING), tags::BARRIER)
            }
            Tag::P if self.n_open_p == 0 => None,
            Tag::P => {
                let outer = |t: Tag| matches!(t, Tag::P | Tag::Button);
                self.find(outer, tags::BARRIER).filter(|at| self.tree.tag(self.stack[*at]) == Tag::P)
            }
            Tag::Li => {
                let outer = |t: Tag| matches!(t, Tag::Li | Tag::Ol | Tag::Ul);
                self.find(outer, tags::BARRIER).filter(|at| self.tree.tag(self.stack[*at]) == Tag::Li)
            }
            tag if tag.is(tags::SPECIAL) => self.find(|t| t == tag, tags::BARRIER),
            tag => self.find(|t| t == tag, tags::SPECIAL),
        };
        match found {
            // Only the form itself ends; what was opened in it goes on.
            Some(at) if tag == Tag::Form => {
                self.stack.remove(at);
            }
            Some(at) => self.pop_to(at, NONE),
            None if tag == Tag::P => {
                self.insert_implied(Tag::P);
                self.pop_to(self.stack.len() - 1, NONE);
            }
            None => {}
        }
    }

    /// `</br>` is a line break.
    fn insert_void_break(&mut self) {
        self.reopen();
        self.insert_implied(Tag::Br);
    }

    /// Ends the innermost formatting element of this name, be it out of order: the adoption agency algorithm.
    fn close_formatting(&mut self, tag: Tag) {
        let from = self.markers.last().copied().unwrap_or(0);
        if let Some(at) = self.reopened[from..].iter().rposition(|node| node.tag == tag) {
            self.reopened.remove(from + at);
            return;
        }
        for _ in 0..MAX_ADOPTIONS {
            let Some(at) = self.find(|t| t == tag, tags::BARRIER) else { return };
            let is_special = |id: &Id| self.tree.is(*id, tags::SPECIAL);
            let Some(block_at) = self.stack[at..].iter().position(is_special).map(|n| at + n) else {
                return self.pop_to(at, self.stack[at]);
            };
            let (outer, ended, block) = (self.stack[at - 1], self.stack[at], self.stack[block_at]);
            if self.tree.is(outer, tags::TABULAR) && !belongs_in_table(self.tree.tag(block)) {
                self.foster(block);
            } else {
                self.tree.append(outer, block);
            }
            let Node { start, n_bytes, signs, weight, .. } = *self.tree.node(ended);
            let copy = self.tree.push(Node { start, n_bytes, signs, weight, ..Node::new(tag) });
            self.tree.move_children(block, copy);
            self.tree.append(block, copy);
            self.n_elements += 1;
            for id in self.stack.splice(at..=block_at, [block, copy]).collect::<Vec<_>>() {
                if id != block {
                    // Not special, so neither paragraph nor marker: only foreign roots are counted.
                    let tag = self.tree.tag(id);
                    self.n_foreign -= usize::from(matches!(tag, Tag::Svg | Tag::Math));
                }
            }
        }
    }
}

/// Elements inside which formatting starts anew.
pub(super) fn is_marker(tag: Tag) -> bool {
    matches!(tag, Tag::Td | Tag::Th | Tag::Caption | Tag::Object | Tag::Applet | Tag::Marquee | Tag::Template)
}

/// What stands directly in a table or a part of it.
pub(super) fn belongs_in_table(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::Caption
            | Tag::Col
            | Tag::Colgroup
            | Tag::Tbody
            | Tag::Td
            | Tag::Tfoot
            | Tag::Th
            | Tag::Thead
            | Tag::Tr
            | Tag::Script
            | Tag::Style
            | Tag::Template
            | Tag::Form
    )
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::super::tree::Tree;
    use super::super::{Clock, Options};
    use super::*;

    /// The body as `tag(children)`, text as it is.
    fn outline(html: &str) -> String {
        fn write(tree: &Tree, id: Id, out: &mut String) {
            for child in tree.children(id) {
                if tree.tag(child) == Tag::Text {
                    out.push_str(tree.text(child));
                } else {
                    out.push_str(&format!("{:?}(", tree.tag(child)).to_lowercase());
                    write(tree, child, out);
                    out.push(')');
                }
            }
        }
        let tree = parse(html, &Options::default(), Clock::start(0)).unwrap();
        let mut out = String::new();
        write(&tree, tree.find(Tag::Body).unwrap(), &mut out);
        out
    }

    #[test]
    fn misnested_formatting_is_as_in_the_standard() {
        // HTML standard, 13.2.10.1 to 13.2.10.5.
        assert_eq!(outline("<p>1<b>2<i>3</b>4</i>5</p>"), "p(1b(2i(3))i(4)5)");
        assert_eq!(outline("<b>1<p>2</b>3</p>"), "b(1)p(b(2)3)");
        assert_eq!(
            outline("<table><b><tr><td>aaa</td></tr>bbb</table>ccc"),
            "b()b(bbb)table(tbody(tr(td(aaa))))b(ccc)"
        );
        assert_eq!(outline("<p>X<p><b>Y<p>Z</b>W"), "p(X)p(b(Y))p(b(Z)W)",);
    }

    #[test]
    fn missing_tags_are_implied() {
        assert_eq!(outline("<ul><li>a<li>b<ul><li>c</ul></ul>d"), "ul(li(a)li(bul(li(c))))d");
        assert_eq!(outline("<dl><dt>a<dd>b<dt>c</dl>"), "dl(dt(a)dd(b)dt(c))");
        assert_eq!(outline("<table><td>a<td>b<tr><th>c</table>"), "table(tbody(tr(td(a)td(b))tr(th(c))))");
        assert_eq!(outline("<p>a<div>b</p>c</div>"), "p(a)div(bp()c)");
        assert_eq!(outline("a<br/>b</br>c<hr>"), "abr()bbr()chr()");
        assert_eq!(outline("<x-a>a<x-b>b</x-a>c"), "other(aother(b))c");
    }

    #[test]
    fn raw_text_is_no_markup() {
        assert_eq!(outline("a<script>if (1<2) '<p>'</script>b<style><p></style><textarea>\n<p>&lt;</textarea>"), {
            "ascript()bstyle()textarea(<p><)"
        });
        assert_eq!(outline("<svg><path d=1 /><title>x</title></svg>y"), "svg(other()title(x))y");
    }

    #[test]
    fn anchors_of_xhtml_are_empty() {
        assert_eq!(outline("<h1><a id='x'/>Title</h1><p>Text</p>"), "h1(a()Title)p(Text)");
    }
}
