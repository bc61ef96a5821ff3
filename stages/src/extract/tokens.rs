//! Splits HTML into tags and text, as the tokenizer of the HTML standard does.
//!
//! Comments, doctypes and processing instructions are passed over. We differ: a script ends at the first `</script`, also inside
//! `<!-- <script> -->`.

use html5ever::data::{C1_REPLACEMENTS, NAMED_ENTITIES};
use memchr::{memchr, memmem};

/// What a page is made of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Characters, references in them not yet resolved.
    Text(&'a str),
    /// `<![CDATA[…]]>`; characters as they are where it is allowed.
    Cdata(&'a str),
    /// A start tag; its attributes are in [`Scanner::attributes`].
    Start { name: &'a str, closed: bool },
    /// An end tag.
    End(&'a str),
    /// What stands in `<!DOCTYPE …>`.
    Doctype(&'a str),
}

/// Reads a page from its start to its end.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    html: &'a str,
    at: usize,
    /// Names and values of the last tag, as written.
    pub(super) attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(html: &'a str) -> Self {
        Self { html: html.strip_prefix('\u{FEFF}').unwrap_or(html), at: 0, attributes: Vec::new() }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.html.as_bytes().get(at).copied()
    }

    /// The next token; `None` at the end. A tag that the page's end cuts is none.
    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let start = self.at;
            let bytes = self.html.as_bytes();
            if start >= bytes.len() {
                return None;
            }
            if bytes[start] != b'<' {
                self.at = memchr(b'<', &bytes[start..]).map_or(bytes.len(), |n| start + n);
                return Some(Token::Text(&self.html[start..self.at]));
            }
            match self.byte(start + 1) {
                Some(b) if b.is_ascii_alphabetic() => {
                    let name = self.name(start + 1);
                    let closed = self.tag_rest()?;
                    return Some(Token::Start { name, closed });
                }
                Some(b'/') if self.byte(start + 2).is_some_and(|b| b.is_ascii_alphabetic()) => {
                    let name = self.name(start + 2);
                    self.tag_rest()?;
                    return Some(Token::End(name));
                }
                Some(b'/' | b'?') => self.pass_over(">"),
                Some(b'!') => {
                    if let Some(token) = self.declaration() {
                        return Some(token);
                    }
                }
                _ => {
                    self.at = memchr(b'<', &bytes[start + 1..]).map_or(bytes.len(), |n| start + 1 + n);
                    return Some(Token::Text(&self.html[start..self.at]));
                }
            }
        }
    }

    /// Moves behind `end`, or to the page's end.
    fn pass_over(&mut self, end: &str) {
        let rest = &self.html.as_bytes()[self.at..];
        self.at = memmem::find(rest, end.as_bytes()).map_or(self.html.len(), |n| self.at + n + end.len());
    }

    /// What begins with `<!`.
    fn declaration(&mut self) -> Option<Token<'a>> {
        let rest = &self.html[self.at + 2..];
        if let Some(comment) = rest.strip_prefix("--") {
            if comment.starts_with('>') || comment.starts_with("->") {
                self.pass_over(">");
                return None;
            }
            let ends = memmem::find_iter(comment.as_bytes(), "--").find_map(|n| match &comment.as_bytes()[n + 2..] {
                [b'>', ..] => Some(n + 3),
                [b'!', b'>', ..] => Some(n + 4),
                _ => None,
            });
            self.at = ends.map_or(self.html.len(), |n| self.at + 4 + n);
            return None;
        }
        let start = self.at;
        if let Some(inner) = rest.strip_prefix("[CDATA[") {
            self.pass_over("]]>");
            let n = self.at - start - 9;
            return Some(Token::Cdata(inner[..n.min(inner.len())].trim_end_matches("]]>")));
        }
        self.pass_over(">");
        let is_doctype = rest.as_bytes().get(..7).is_some_and(|word| word.eq_ignore_ascii_case(b"doctype"));
        is_doctype.then(|| Token::Doctype(&self.html[start + 9..self.at]))
    }

    fn name(&mut self, from: usize) -> &'a str {
        let rest = &self.html.as_bytes()[from..];
        let n = rest.iter().position(|b| matches!(b, b'\t'..=b'\r' | b' ' | b'/' | b'>'));
        self.at = from + n.unwrap_or(rest.len());
        &self.html[from..self.at]
    }

    /// Reads attributes up to the end of the tag; whether it closes itself. `None` if the tag does not end.
    fn tag_rest(&mut self) -> Option<bool> {
        self.attributes.clear();
        let bytes = self.html.as_bytes();
        loop {
            let byte = self.byte(self.at)?;
            match byte {
                b'>' => {
                    self.at += 1;
                    return Some(bytes[self.at - 2] == b'/');
                }
                b'\t'..=b'\r' | b' ' | b'/' => self.at += 1,
                _ => {
                    let attribute = self.attribute()?;
                    self.attributes.push(attribute);
                }
            }
        }
    }

    fn attribute(&mut self) -> Option<(&'a str, &'a str)> {
        let bytes = self.html.as_bytes();
        let start = self.at;
        let ends = |b: &u8| matches!(b, b'\t'..=b'\r' | b' ' | b'/' | b'>' | b'=');
        // A `=` at the start belongs to the name.
        self.at += 1 + bytes[start + 1..].iter().position(ends)?;
        let name = self.html.get(start..self.at)?;
        let after = self.skip_space(self.at);
        if self.byte(after)? != b'=' {
            return Some((name, ""));
        }
        let from = self.skip_space(after + 1);
        match self.byte(from)? {
            quote @ (b'"' | b'\'') => {
                let n = memchr(quote, &bytes[from + 1..])?;
                self.at = from + 1 + n + 1;
                Some((name, &self.html[from + 1..from + 1 + n]))
            }
            _ => {
                let n = bytes[from..].iter().position(|b| matches!(b, b'\t'..=b'\r' | b' ' | b'>'))?;
                self.at = from + n;
                Some((name, &self.html[from..self.at]))
            }
        }
    }

    fn skip_space(&self, mut at: usize) -> usize {
        while self.byte(at).is_some_and(|b| matches!(b, b'\t'..=b'\r' | b' ')) {
            at += 1;
        }
        at
    }

    /// All up to the end tag of `name`, which is passed over, or the page's end.
    pub(super) fn raw(&mut self, name: &str) -> &'a str {
        let start = self.at;
        let bytes = self.html.as_bytes();
        let mut from = start;
        while let Some(n) = memmem::find(&bytes[from..], b"</") {
            let at = from + n;
            let end = at + 2 + name.len();
            let same = bytes.get(at + 2..end).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()));
            if same && self.byte(end).is_none_or(|b| matches!(b, b'\t'..=b'\r' | b' ' | b'/' | b'>')) {
                self.at = end;
                if self.tag_rest().is_none() {
                    self.at = self.html.len();
                }
                return &self.html[start..at];
            }
            from = at + 2;
        }
        self.at = self.html.len();
        &self.html[start..]
    }

    /// Passes over one line feed, as after `<pre>`.
    pub(super) fn skip_line_feed(&mut self) {
        self.at += usize::from(self.byte(self.at) == Some(b'\n'));
    }
}

/// Appends `text` with its references resolved; in an attribute, one without `;` before a letter, digit or `=` is none.
pub(super) fn push_resolved(out: &mut String, text: &str, in_attribute: bool) {
    let mut rest = text;
    while let Some(n) = memchr(b'&', rest.as_bytes()) {
        out.push_str(&rest[..n]);
        rest = &rest[n..];
        let used = if rest[1..].starts_with('#') { numeric(out, rest) } else { named(out, rest, in_attribute) };
        if used == 0 {
            out.push('&');
        }
        rest = &rest[used.max(1)..];
    }
    out.push_str(rest);
}

/// `&#…`; bytes used.
fn numeric(out: &mut String, text: &str) -> usize {
    let (radix, from) = if text[2..].starts_with(['x', 'X']) { (16, 3) } else { (10, 2) };
    let digits = text[from..].bytes().take_while(|b| char::from(*b).is_digit(radix)).count();
    if digits == 0 {
        return 0;
    }
    let end = from + digits;
    let code = u32::from_str_radix(&text[from..end], radix).unwrap_or(0);
    let shown = match code {
        0x80..=0x9F => C1_REPLACEMENTS[code as usize - 0x80],
        0 => None,
        code => char::from_u32(code),
    };
    let fallback = if (0x80..=0x9F).contains(&code) { char::from_u32(code) } else { None };
    out.push(shown.or(fallback).unwrap_or('\u{FFFD}'));
    end + usize::from(text[end..].starts_with(';'))
}

/// Bytes of the longest name of a reference.
const MAX_NAME_BYTES: usize = 33;

/// `&name;`; bytes used.
fn named(out: &mut String, text: &str, in_attribute: bool) -> usize {
    let bytes = text.as_bytes();
    let n_name = bytes[1..].iter().take(MAX_NAME_BYTES).take_while(|b| b.is_ascii_alphanumeric()).count();
    let with_end = n_name + usize::from(bytes.get(1 + n_name) == Some(&b';'));
    // The whole name first, then ever shorter ones, as `&notit;` is `¬it;`.
    for n in (2..=with_end).rev() {
        let name = &text[1..=n];
        let Some((first, second)) = NAMED_ENTITIES.get(name).copied().filter(|(first, _)| *first != 0) else {
            continue;
        };
        let next = bytes.get(1 + n);
        if !name.ends_with(';') && in_attribute && next.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'=') {
            return 0;
        }
        out.extend(char::from_u32(first));
        out.extend(char::from_u32(second).filter(|c| *c != '\0'));
        return 1 + n;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> String {
        let mut out = String::new();
        push_resolved(&mut out, text, false);
        out
    }

    #[test]
    fn references_resolve_as_the_standard_says() {
        // Examples of the HTML standard, 13.2.5.72 to 13.2.5.80.
        for (written, shown) in [
            ("a &amp; b", "a & b"),
            ("I'm &notit; I tell you", "I'm ¬it; I tell you"),
            ("&notin;", "∉"),
            ("&#x41;&#66;&#67", "ABC"),
            ("&#0;&#x110000;", "\u{FFFD}\u{FFFD}"),
            ("&#150;", "–"),
            ("& &; &# &x; &#x;", "& &; &# &x; &#x;"),
            ("&copy 2020 &eacute;", "© 2020 é"),
            ("&acE;", "\u{223E}\u{333}"),
        ] {
            assert_eq!(resolved(written), shown);
        }
    }

    #[test]
    fn tags_and_text_are_told_apart() {
        let mut scanner =
            Scanner::new("<!DOCTYPE html><!-- > --a-->x < y<P Class='a>b' id=c d>z</p ><br/></><?php ?>!<i");
        assert_eq!(scanner.next(), Some(Token::Doctype(" html>")));
        assert_eq!(scanner.next(), Some(Token::Text("x ")));
        assert_eq!(scanner.next(), Some(Token::Text("< y")));
        assert_eq!(scanner.next(), Some(Token::Start { name: "P", closed: false }));
        assert_eq!(scanner.attributes, [("Class", "a>b"), ("id", "c"), ("d", "")]);
        assert_eq!(scanner.next(), Some(Token::Text("z")));
        assert_eq!(scanner.next(), Some(Token::End("p")));
        assert_eq!(scanner.next(), Some(Token::Start { name: "br", closed: true }));
        assert_eq!(scanner.next(), Some(Token::Text("!")));
        assert_eq!(scanner.next(), None);
    }

    #[test]
    fn raw_text_ends_at_its_own_tag() {
        let mut scanner = Scanner::new("a </b> </SCRIPTS> </Script >rest");
        assert_eq!(scanner.raw("script"), "a </b> </SCRIPTS> ");
        assert_eq!(scanner.next(), Some(Token::Text("rest")));
    }

    #[test]
    fn cut_pages_end() {
        for html in [
            "<",
            "<a",
            "<a b",
            "<a b=",
            "<a b='",
            "</",
            "</a",
            "<!",
            "<!-",
            "<!--",
            "<![CDATA[",
            "<![CDATA[x",
            "<!doctype",
        ] {
            let mut scanner = Scanner::new(html);
            while scanner.next().is_some() {}
        }
    }
}
