//! Header fields, as WARC and HTTP both write them: `Name: value`, one to a line.
//!
//! Source: RFC 9112, section 5; ISO 28500:2017, section 4. Written by hand rather than left to `httparse`, which refuses a
//! whole head for one NUL, one lone CR, more fields than expected or `HTTP/2`: crawls hold all of these, and a page is not
//! worse for them. Lines end in CRLF or LF. A line that begins with a blank continues the one before (obsolete folding).
//! A line without a colon is passed over.

/// The fields of a head, in order. The first line, which is no field, is passed over.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of a head.
    pub(super) fn of(head: &'a [u8]) -> Self {
        let n = memchr::memchr(b'\n', head).map_or(head.len(), |n| n + 1);
        Self { rest: &head[n..] }
    }
}

impl<'a> Iterator for Fields<'a> {
    /// Name and value; the value has no blanks around it, but may be folded: see [`clean`].
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let mut end = 0;
            loop {
                end += memchr::memchr(b'\n', &self.rest[end..]).map_or(self.rest.len() - end, |n| n + 1);
                if !matches!(self.rest.get(end), Some(b' ' | b'\t')) {
                    break;
                }
            }
            let (line, rest) = self.rest.split_at(end);
            self.rest = rest;
            if let Some(colon) = memchr::memchr(b':', line) {
                return Some((line[..colon].trim_ascii(), line[colon + 1..].trim_ascii()));
            }
        }
        None
    }
}

/// Where a head ends: behind its first empty line.
pub(super) fn head_end(data: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', data).find_map(|n| match &data[n + 1..] {
        [b'\n', ..] => Some(n + 2),
        [b'\r', b'\n', ..] => Some(n + 3),
        _ => None,
    })
}

/// Appends a value as text: folds become one blank, bytes that are not UTF-8 become U+FFFD.
pub(super) fn clean(value: &[u8], out: &mut String) {
    let mut lines = value.split(|&byte| byte == b'\n' || byte == b'\r').map(<[u8]>::trim_ascii);
    out.push_str(&String::from_utf8_lossy(lines.next().unwrap_or_default()));
    for line in lines.filter(|line| !line.is_empty()) {
        out.push(' ');
        out.push_str(&String::from_utf8_lossy(line));
    }
}

/// Whether bytes are this word, in any case.
pub(super) fn is(bytes: &[u8], word: &str) -> bool {
    bytes.eq_ignore_ascii_case(word.as_bytes())
}

/// Items of a list with commas, without blanks around them and without empty ones.
pub(super) fn list(value: &str) -> impl DoubleEndedIterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_fields_and_bare_line_feeds_are_read() {
        let head = b"HTTP/1.1 200 OK\nA: one\r\n\ttwo\nno colon\r\nB :x\r\n\r\nC: body";
        let end = head_end(head).unwrap();
        assert_eq!(&head[end..], b"C: body");
        let mut read = Vec::new();
        for (name, value) in Fields::of(&head[..end]) {
            let mut text = String::new();
            clean(value, &mut text);
            read.push((String::from_utf8_lossy(name).into_owned(), text));
        }
        assert_eq!(read, [("A".to_owned(), "one two".to_owned()), ("B".to_owned(), "x".to_owned())]);
    }
}
