//! The pages of a dump, found by their tags.

use std::borrow::Cow;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gristmill_core::error::{Error, Result};
use memchr::memmem;

use super::super::files;

/// Bytes read at a time.
const BLOCK_BYTES: usize = 1 << 20;
/// A page above this is not believed.
const MAX_PAGE_BYTES: usize = 256 << 20;
/// A head above this is not believed.
const MAX_HEAD_BYTES: usize = 1 << 20;

/// What the head of a dump says of its wiki.
#[derive(Debug, Default)]
pub(super) struct Site {
    /// Addresses of pages up to the title.
    base: Option<String>,
    /// Names of namespaces by number.
    namespaces: Vec<(i64, String)>,
}

impl Site {
    fn read(head: &str) -> Self {
        let base = element(head, "base").and_then(|url| url.rsplit_once('/')).map(|(base, _)| format!("{base}/"));
        let mut namespaces = Vec::new();
        let mut rest = head;
        while let Some(at) = rest.find("<namespace key=\"") {
            rest = &rest[at + "<namespace key=\"".len()..];
            let (Some(quote), Some(open)) = (rest.find('"'), rest.find('>')) else { break };
            let name = rest[open + 1..].split('<').next().unwrap_or("");
            if let Ok(key) = rest[..quote].parse() {
                namespaces.push((key, unescape(name).into_owned()));
            }
            rest = &rest[open + 1..];
        }
        Self { base, namespaces }
    }

    /// The address of a page.
    pub(super) fn url(&self, title: &str) -> Option<String> {
        Some(format!("{}{}", self.base.as_ref()?, title.replace(' ', "_")))
    }

    /// Names of the namespaces whose links are no words of the text: files (6) and categories (14).
    pub(super) fn dropped_links(&self) -> Vec<String> {
        let own = self.namespaces.iter().filter(|(key, _)| [6, 14].contains(key)).map(|(_, name)| name.clone());
        ["File", "Image", "Category"].into_iter().map(str::to_owned).chain(own).collect()
    }
}

/// What comes next in a dump.
pub(super) enum Next<'a> {
    /// The inside of a `<page>` element that begins at `offset` of the (inflated) file.
    Page { offset: u64, xml: &'a str },
    /// The rest of the file, from `offset`, cannot be read.
    Damaged { offset: u64, cause: String },
    /// The dump is read.
    End,
}

/// A dump being read.
pub(super) struct Pages {
    path: PathBuf,
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were handed out.
    used: usize,
    /// Offset of the buffer's first byte.
    offset: u64,
    /// Nothing more comes; the cause if that is not as it should be.
    ended: Option<Option<String>>,
    site: Arc<Site>,
}

impl Pages {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut pages = Self {
            path: path.to_owned(),
            reader: files::open(path, 0)?,
            buffer: Vec::new(),
            used: 0,
            offset: 0,
            ended: None,
            site: Arc::default(),
        };
        let mut found = None;
        while found.is_none() && pages.ended.is_none() && pages.buffer.len() < MAX_HEAD_BYTES {
            pages.fill()?;
            found = memmem::find(&pages.buffer, b"<page>");
        }
        let head = String::from_utf8_lossy(&pages.buffer[..found.unwrap_or(pages.buffer.len())]);
        pages.site = Arc::new(Site::read(&head));
        Ok(pages)
    }

    pub(super) fn site(&self) -> Arc<Site> {
        Arc::clone(&self.site)
    }

    fn fill(&mut self) -> Result<()> {
        self.buffer.drain(..self.used);
        self.offset += self.used as u64;
        self.used = 0;
        let from = self.buffer.len();
        self.buffer.resize(from + BLOCK_BYTES, 0);
        let mut n = 0;
        while n < BLOCK_BYTES && self.ended.is_none() {
            match self.reader.read(&mut self.buffer[from + n..]) {
                Ok(0) => self.ended = Some(None),
                Ok(more) => n += more,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if files::is_world(&error) => return Err(Error::path("reading", &self.path)(error)),
                Err(error) => self.ended = Some(Some(error.to_string())),
            }
        }
        self.buffer.truncate(from + n);
        Ok(())
    }

    pub(super) fn next(&mut self) -> Result<Next<'_>> {
        const OPEN: &[u8] = b"<page>";
        const CLOSE: &[u8] = b"</page>";
        let mut seen = self.used;
        let start = loop {
            if let Some(at) = memmem::find(&self.buffer[seen..], OPEN) {
                break seen + at;
            }
            if self.ended.is_some() {
                return Ok(self.end());
            }
            // The tag may lie across two blocks.
            self.used = self.buffer.len().saturating_sub(OPEN.len() - 1).max(self.used);
            self.fill()?;
            seen = 0;
        };
        self.used = start;
        let mut seen = start + OPEN.len();
        let close = loop {
            if let Some(at) = memmem::find(&self.buffer[seen..], CLOSE) {
                break seen + at;
            }
            let offset = self.offset + self.used as u64;
            if self.ended.is_some() || self.buffer.len() - self.used > MAX_PAGE_BYTES {
                let told = self.ended.take().flatten();
                self.ended = Some(None);
                self.used = self.buffer.len();
                let cause = told.unwrap_or_else(|| "the file ends within a page".to_owned());
                return Ok(Next::Damaged { offset, cause });
            }
            let n = self.buffer.len() - self.used;
            self.fill()?;
            seen = n.saturating_sub(CLOSE.len() - 1).max(OPEN.len());
        };
        let (from, offset) = (self.used + OPEN.len(), self.offset + self.used as u64);
        self.used = close + CLOSE.len();
        match std::str::from_utf8(&self.buffer[from..close]) {
            Ok(xml) => Ok(Next::Page { offset, xml }),
            Err(error) => Ok(Next::Damaged { offset, cause: format!("not UTF-8: {error}") }),
        }
    }

    fn end(&mut self) -> Next<'static> {
        let offset = self.offset + self.buffer.len() as u64;
        match self.ended.replace(None).flatten() {
            Some(cause) => Next::Damaged { offset, cause },
            None => Next::End,
        }
    }
}

/// The parts of a page, still escaped.
pub(super) struct Page<'a> {
    pub(super) title: &'a str,
    pub(super) namespace: &'a str,
    pub(super) id: &'a str,
    pub(super) revision: &'a str,
    pub(super) timestamp: &'a str,
    pub(super) redirect: Option<&'a str>,
    pub(super) text: Option<&'a str>,
}

impl<'a> Page<'a> {
    /// Reads the inside of a `<page>` element; of several revisions the last.
    pub(super) fn read(xml: &'a str) -> Self {
        let (head, revision) = match xml.rfind("<revision>") {
            Some(at) => (&xml[..xml.find("<revision>").unwrap_or(at)], &xml[at..]),
            None => (xml, ""),
        };
        let redirect = head.find("<redirect title=\"").map(|at| &head[at + "<redirect title=\"".len()..]);
        Self {
            title: element(head, "title").unwrap_or(""),
            namespace: element(head, "ns").unwrap_or("0"),
            id: element(head, "id").unwrap_or(""),
            revision: element(revision, "id").unwrap_or(""),
            timestamp: element(revision, "timestamp").unwrap_or(""),
            redirect: redirect.and_then(|rest| rest.split('"').next()),
            text: text_of(revision),
        }
    }
}

/// The content of an element without attributes.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let start = xml.find(&format!("<{name}>"))? + name.len() + 2;
    let end = xml[start..].find("</")?;
    Some(&xml[start..start + end])
}

/// The content of `<text …>`, which has attributes; none for `<text … />`.
fn text_of(revision: &str) -> Option<&str> {
    let at = revision.find("<text")? + "<text".len();
    let open = at + revision[at..].find('>')?;
    if revision[..open].ends_with('/') {
        return None;
    }
    let rest = &revision[open + 1..];
    Some(&rest[..rest.find("</text>")?])
}

/// Takes one level of XML escapes off.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        match entity(rest) {
            Some((c, n_bytes)) => {
                plain.push(c);
                rest = &rest[n_bytes..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// The character of an entity at the start of a text, and the entity's length.
pub(super) fn entity(text: &str) -> Option<(char, usize)> {
    const LONGEST: usize = 10;
    let end = text.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let c = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "minus" => '−',
        "times" => '×',
        "deg" => '°',
        "middot" => '·',
        "thinsp" => '\u{2009}',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|c| *c != '\0')?
        }
    };
    Some((c, end + 1))
}
