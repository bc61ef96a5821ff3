//! `<meta>` tags at the beginning of a page, without a parser.
//!
//! Source: WHATWG HTML, 13.2.3.2 "Prescanning a byte stream to determine its encoding", whose reading of attributes this
//! is. We differ: comments and scripts are passed over, and reading stops at `</head` or `<body`.

use super::fields::is;

/// A `<meta>` tag; of an attribute given twice the first counts.
#[derive(Debug, Default)]
pub(super) struct Meta<'a> {
    /// `name`.
    pub(super) name: &'a [u8],
    /// `http-equiv`.
    pub(super) http_equiv: &'a [u8],
    /// `content`.
    pub(super) content: &'a [u8],
    /// `charset`.
    pub(super) charset: &'a [u8],
}

/// The `<meta>` tags of some bytes.
pub(super) struct Metas<'a> {
    rest: &'a [u8],
}

impl<'a> Metas<'a> {
    /// Tags from the first byte on.
    pub(super) fn of(page: &'a [u8]) -> Self {
        Self { rest: page }
    }

    /// Goes behind the next `end`, in any case; to the end of the bytes if there is none.
    fn skip(&mut self, end: &str) {
        let first = end.as_bytes()[0];
        let found = memchr::memchr_iter(first, self.rest)
            .find(|&n| self.rest.get(n..n + end.len()).is_some_and(|word| is(word, end)));
        self.rest = found.map_or(&[], |n| &self.rest[n + end.len()..]);
    }
}

impl<'a> Iterator for Metas<'a> {
    type Item = Meta<'a>;

    fn next(&mut self) -> Option<Meta<'a>> {
        loop {
            let n = memchr::memchr(b'<', self.rest)?;
            self.rest = &self.rest[n + 1..];
            let begins = |word: &str| self.rest.get(..word.len()).is_some_and(|start| is(start, word));
            match self.rest.first()? {
                b'!' if begins("!--") => self.skip("-->"),
                b'm' | b'M' if begins("meta") => {
                    self.rest = &self.rest[4..];
                    if matches!(self.rest.first()?, b'/' | b' ' | b'\t' | b'\r' | b'\n' | b'\x0c') {
                        return Some(self.attributes());
                    }
                }
                b's' | b'S' if begins("script") => self.skip("</script"),
                b'/' if begins("/head") => return None,
                b'b' | b'B' if begins("body") => return None,
                _ => {}
            }
        }
    }
}

impl<'a> Metas<'a> {
    fn attributes(&mut self) -> Meta<'a> {
        let mut meta = Meta::default();
        while let Some((name, value)) = self.attribute() {
            let slot = match name {
                _ if is(name, "name") => &mut meta.name,
                _ if is(name, "http-equiv") => &mut meta.http_equiv,
                _ if is(name, "content") => &mut meta.content,
                _ if is(name, "charset") => &mut meta.charset,
                _ => continue,
            };
            if slot.is_empty() {
                *slot = value.trim_ascii();
            }
        }
        meta
    }

    /// The next attribute; none at the end of the tag.
    fn attribute(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let blank = |byte: &u8| byte.is_ascii_whitespace();
        let name_at = self.rest.iter().position(|byte| !blank(byte) && *byte != b'/')?;
        self.rest = &self.rest[name_at..];
        if self.rest[0] == b'>' {
            return None;
        }
        let ends_name = |byte: &u8| blank(byte) || matches!(byte, b'=' | b'>' | b'/');
        let end = 1 + self.rest[1..].iter().position(ends_name)?;
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest.trim_ascii_start();
        let Some(rest) = self.rest.strip_prefix(b"=") else { return Some((name, &[])) };
        let rest = rest.trim_ascii_start();
        let (value, rest) = match rest.first()? {
            quote @ (b'"' | b'\'') => {
                let end = memchr::memchr(*quote, &rest[1..])?;
                (&rest[1..=end], &rest[end + 2..])
            }
            _ => rest.split_at(rest.iter().position(|byte| blank(byte) || *byte == b'>')?),
        };
        self.rest = rest;
        Some((name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_browsers_do() {
        let page =
            b"<!-- <meta name=no> --><META Name = 'robots' content=\"noai, x\" name=late><script>'<meta a>'</script>\
            <metal><meta charset=utf-8/><meta name=a content></head><meta name=behind>";
        let read: Vec<[&[u8]; 3]> = Metas::of(page).map(|meta| [meta.name, meta.content, meta.charset]).collect();
        assert_eq!(read, [[&b"robots"[..], b"noai, x", b""], [b"", b"", b"utf-8/"], [b"a", b"", b""]]);
    }

    #[test]
    fn cut_tags_end_the_search() {
        for page in ["<", "<meta", "<meta ", "<meta name", "<meta name=", "<meta name='x", "<!--", "<script"] {
            assert!(Metas::of(page.as_bytes()).all(|meta| meta.name.is_empty()), "{page}");
        }
    }
}
