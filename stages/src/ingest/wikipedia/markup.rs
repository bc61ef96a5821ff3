//! Wiki markup to plain text.
//!
//! Kept are the words a reader of the page sees as running text: paragraphs, headings, list items, the labels of links.
//! Dropped are templates, tables, references, files, categories, galleries, formulas, and every mark of formatting.
//! Templates are not expanded: a number that a template would print is missing, as in every extraction without a
//! MediaWiki at hand. Time is linear in the markup, however it nests or fails to close.
//!
//! Source: MediaWiki's Help:Formatting, Help:Links, Help:Tables; what is dropped follows `strip_code` of
//! mwparserfromhell, but for tables and references, which that keeps as text.

use std::collections::{HashMap, HashSet};

use super::pages::entity;

/// Elements that go with what is in them.
const DROPPED: &[&str] = &[
    "ref",
    "gallery",
    "math",
    "chem",
    "timeline",
    "score",
    "syntaxhighlight",
    "source",
    "imagemap",
    "hiero",
    "graph",
    "templatestyles",
    "inputbox",
    "mapframe",
    "maplink",
];
/// Longest tag.
const MAX_TAG_BYTES: usize = 512;
/// Labels of links within labels of links, and so on.
const MAX_DEPTH: usize = 8;

/// Turns markup of one wiki into text.
pub(super) struct Markup {
    /// Names before the colon of links that are no words, lower case.
    dropped_links: HashSet<String>,
}

impl Markup {
    pub(super) fn new(dropped_links: Vec<String>) -> Self {
        Self { dropped_links: dropped_links.into_iter().map(|name| name.to_lowercase()).collect() }
    }

    /// The plain text of a page.
    pub(super) fn plain(&self, markup: &str) -> String {
        let mut walk = Walk {
            markup,
            names: &self.dropped_links,
            closes: closes(markup.as_bytes()),
            unclosed: HashSet::new(),
            no_bracket_before: 0,
            out: String::with_capacity(markup.len() / 2),
        };
        walk.range(0, markup.len(), 0);
        tidy(&walk.out)
    }
}

/// Where each `{{`, `[[` and `{|` closes, as the place behind its end.
fn closes(markup: &[u8]) -> HashMap<usize, usize> {
    let mut closes = HashMap::new();
    let mut open: [Vec<usize>; 3] = Default::default();
    let mut at = 0;
    while at + 1 < markup.len() {
        let kind = match &markup[at..at + 2] {
            b"{{" | b"}}" => 0,
            b"[[" | b"]]" => 1,
            b"{|" | b"|}" => 2,
            _ => {
                at += 1;
                continue;
            }
        };
        let opens = markup[at] == b'{' || markup[at] == b'[';
        // `|}}` ends a template whose last argument is empty, not a table.
        if kind == 2 && !opens && markup.get(at + 2) == Some(&b'}') {
            at += 1;
            continue;
        }
        if opens {
            open[kind].push(at);
        } else if let Some(start) = open[kind].pop() {
            closes.insert(start, at + 2);
        }
        at += 2;
    }
    closes
}

struct Walk<'a> {
    markup: &'a str,
    names: &'a HashSet<String>,
    closes: HashMap<usize, usize>,
    /// Elements that do not close any more.
    unclosed: HashSet<&'static str>,
    /// No `]` stands between here and this place.
    no_bracket_before: usize,
    out: String,
}

impl Walk<'_> {
    fn range(&mut self, start: usize, end: usize, depth: usize) {
        let mut at = start;
        while at < end {
            let bytes = &self.markup.as_bytes()[at..end];
            let next = match bytes[0] {
                b'<' => self.angle(at, end),
                b'{' => self.brace(at, end),
                b'[' => self.bracket(at, end, depth),
                b'\'' if bytes.starts_with(b"''") => at + bytes.iter().take_while(|b| **b == b'\'').count(),
                b'_' if bytes.starts_with(b"__") => at + magic_word(bytes),
                b'&' => match entity(&self.markup[at..end]) {
                    Some((c, n_bytes)) => {
                        self.out.push(if c == '\u{a0}' { ' ' } else { c });
                        at + n_bytes
                    }
                    None => at,
                },
                _ => at,
            };
            if next > at {
                at = next.min(end);
                continue;
            }
            // Nothing of the kind: the character stands for itself, and so do those up to the next mark.
            let first = self.markup[at..end].chars().next().map_or(1, char::len_utf8);
            let rest = &bytes[first..];
            let n = rest.iter().position(|byte| b"<{['_&".contains(byte)).unwrap_or(rest.len());
            self.out.push_str(&self.markup[at..at + first + n]);
            at += first + n;
        }
    }

    /// Comments and elements.
    fn angle(&mut self, at: usize, end: usize) -> usize {
        let rest = &self.markup[at..end];
        if rest.starts_with("<!--") {
            return self.behind("-->", at, end, "<!--").unwrap_or(end);
        }
        let inside = rest[1..].trim_start_matches('/');
        let n_name = inside.bytes().take_while(u8::is_ascii_alphanumeric).count();
        if n_name == 0 {
            return at;
        }
        let name = inside[..n_name].to_ascii_lowercase();
        let Some(close) = rest.bytes().take(MAX_TAG_BYTES).position(|byte| byte == b'>') else { return at };
        let behind = at + close + 1;
        let is_closing = rest.starts_with("</");
        let is_whole = rest[..close].ends_with('/');
        if name == "br" || name == "p" || name == "hr" {
            self.out.push('\n');
        }
        match DROPPED.iter().find(|dropped| **dropped == name) {
            Some(dropped) if !is_closing && !is_whole => self
                .behind(&format!("</{dropped}"), behind, end, dropped)
                .map_or(behind, |at| self.markup[at..end].find('>').map_or(end, |n| at + n + 1)),
            _ => behind,
        }
    }

    /// The place behind the next `needle`; none is looked for twice.
    fn behind(&mut self, needle: &str, from: usize, end: usize, what: &'static str) -> Option<usize> {
        if self.unclosed.contains(what) {
            return None;
        }
        let found = memchr::memmem::find(&self.markup.as_bytes()[from..], needle.as_bytes());
        match found {
            Some(n) => Some(from + n + needle.len()).filter(|at| *at <= end),
            None => {
                self.unclosed.insert(what);
                None
            }
        }
    }

    /// Templates and tables.
    fn brace(&self, at: usize, end: usize) -> usize {
        match self.closes.get(&at) {
            Some(close) if *close <= end => *close,
            _ => at,
        }
    }

    /// Links.
    fn bracket(&mut self, at: usize, end: usize, depth: usize) -> usize {
        let rest = &self.markup[at..end];
        if let Some(close) = self.closes.get(&at).copied().filter(|close| *close <= end)
            && rest.starts_with("[[")
        {
            self.link(at + 2, close - 2, depth);
            return close;
        }
        let is_address = ["[http://", "[https://", "[//", "[ftp://", "[mailto:"].iter().any(|p| rest.starts_with(p));
        if !is_address || at < self.no_bracket_before {
            return at;
        }
        let line = rest.find('\n').unwrap_or(rest.len());
        let Some(close) = rest[..line].find(']') else {
            self.no_bracket_before = at + line;
            return at;
        };
        if let Some(space) = rest[..close].find(' ')
            && depth < MAX_DEPTH
        {
            self.range(at + space + 1, at + close, depth + 1);
        }
        at + close + 1
    }

    /// `target|label`: the label, or without one the target.
    fn link(&mut self, start: usize, end: usize, depth: usize) {
        let inside = &self.markup[start..end];
        let target = inside.split('|').next().unwrap_or("");
        if let Some((name, _)) = target.split_once(':') {
            let name = name.trim().to_lowercase();
            // `[[:File:x]]` and its like are links to be read; `[[de:x]]` names the page in another language.
            let is_language = (2..=3).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase());
            if self.names.contains(&name) || (is_language && !inside.contains('|')) {
                return;
            }
        }
        if depth >= MAX_DEPTH {
            return;
        }
        match inside.find('|') {
            Some(bar) => self.range(start + bar + 1, end, depth + 1),
            None => self.range(start + usize::from(inside.starts_with(':')), end, depth + 1),
        }
    }
}

/// Length of a magic word such as `__NOTOC__`; 0 if there is none.
fn magic_word(bytes: &[u8]) -> usize {
    let n = bytes[2..].iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    if n > 0 && bytes[2 + n..].starts_with(b"__") { n + 4 } else { 0 }
}

/// Headings and list items without their marks, one blank line at most between lines, no empty brackets.
fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut blank = false;
    for line in text.lines() {
        let line = line.trim();
        let line = match line.strip_prefix('=') {
            Some(_) if line.len() > 2 && line.ends_with('=') => line.trim_matches('=').trim(),
            _ => line.trim_start_matches(['*', '#', ':', ';']).trim_start(),
        };
        if line.is_empty() || line.starts_with("----") {
            blank = !tidied.is_empty();
            continue;
        }
        if !tidied.is_empty() {
            tidied.push_str(if std::mem::take(&mut blank) { "\n\n" } else { "\n" });
        }
        if line.contains("()") || line.contains("( )") {
            tidied.push_str(&line.replace(" ()", "").replace(" ( )", "").replace("()", "").replace("( )", ""));
        } else {
            tidied.push_str(line);
        }
    }
    tidied
}
