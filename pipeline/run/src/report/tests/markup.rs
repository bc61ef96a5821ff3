//! A small reader of our own pages: tags in order, their faults, and the text that is seen.

use std::collections::{BTreeMap, BTreeSet};

const VOID: &[&str] = &["meta", "wbr"];

/// A start or end tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    /// Its name.
    pub(super) name: String,
    /// Whether it ends an element.
    pub(super) ends: bool,
    /// Its attributes; unescaped values are not needed here.
    pub(super) attrs: BTreeMap<String, String>,
    /// Where its text begins: after the ">".
    after: usize,
    /// Where the tag begins.
    start: usize,
}

/// All tags; the style sheet is passed over, as a browser does.
pub(super) fn tags(page: &str) -> Result<Vec<Tag>, String> {
    let mut tags = Vec::new();
    let mut at = page.strip_prefix("<!doctype html>").map(|rest| page.len() - rest.len()).ok_or("no doctype")?;
    while let Some(start) = page[at..].find('<').map(|i| at + i) {
        let end = page[start..].find('>').map(|i| start + i).ok_or("a tag without an end")?;
        let tag = tag(&page[start + 1..end], start, end + 1)?;
        at = end + 1;
        if tag.name == "style" && !tag.ends {
            at = page[at..].find("</style").map(|i| at + i).ok_or("a style without an end")?;
        }
        tags.push(tag);
    }
    Ok(tags)
}

fn tag(inside: &str, start: usize, after: usize) -> Result<Tag, String> {
    let ends = inside.starts_with('/');
    let inside = inside.trim_start_matches('/');
    let (name, mut rest) = inside.split_once(' ').unwrap_or((inside, ""));
    let mut attrs = BTreeMap::new();
    while !rest.is_empty() {
        let (key, value) = rest.split_once("=\"").ok_or_else(|| format!("bare attribute in <{inside}>"))?;
        let (value, more) = value.split_once('"').ok_or_else(|| format!("open quote in <{inside}>"))?;
        if attrs.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(format!("{key} twice in <{inside}>"));
        }
        rest = more.strip_prefix(' ').unwrap_or(more);
    }
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(format!("odd tag <{inside}>"));
    }
    Ok(Tag { name: name.to_owned(), ends, attrs, after, start })
}

/// Names of the tags in order: the page without texts and values.
pub(super) fn skeleton(page: &str) -> Vec<String> {
    let tags = tags(page).unwrap();
    tags.iter().map(|tag| if tag.ends { format!("/{}", tag.name) } else { tag.name.clone() }).collect()
}

/// The text that is seen, tags removed and escapes undone; `bdi` elements too.
pub(super) fn text(page: &str) -> String {
    text_without(page, &[])
}

/// The text that is seen outside of the named elements.
pub(super) fn text_without(page: &str, left_out: &[&str]) -> String {
    let tags = tags(page).unwrap();
    let mut out = String::new();
    let mut inside = 0usize;
    for (i, tag) in tags.iter().enumerate() {
        if tag.name == "style" || left_out.contains(&tag.name.as_str()) {
            inside = if tag.ends { inside - 1 } else { inside + 1 };
        }
        let end = tags.get(i + 1).map_or(page.len(), |next| next.start);
        if inside == 0 {
            let splits =
                ["td", "th", "li", "p", "dt", "dd", "text", "title", "desc", "caption", "h1", "h2", "h3", "h4"];
            if splits.contains(&tag.name.as_str()) {
                out.push('\n');
            }
            out.push_str(&page[tag.after..end]);
        }
    }
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    plain.iter().fold(out, |text, (escape, c)| text.replace(escape, c))
}

/// Everything about a page that breaks it or bars someone from it.
pub(super) fn faults(page: &str) -> Vec<String> {
    let tags = match tags(page) {
        Ok(tags) => tags,
        Err(fault) => return vec![fault],
    };
    let mut faults = Vec::new();
    let mut open: Vec<&Tag> = Vec::new();
    let mut heading = 0;
    for (i, tag) in tags.iter().enumerate() {
        if tag.ends {
            match open.pop() {
                Some(last) if last.name == tag.name => {}
                last => faults.push(format!("</{}> ends {:?}", tag.name, last.map(|tag| &tag.name))),
            }
            continue;
        }
        let next = tags.get(i + 1).map_or("", |tag| tag.name.as_str());
        faults.extend(element_fault(tag, next, &open));
        if let Some(level) = tag.name.strip_prefix('h').and_then(|level| level.parse::<u32>().ok()) {
            if level > heading + 1 {
                faults.push(format!("a heading of level {level} under {heading}"));
            }
            heading = level;
        }
        if !VOID.contains(&tag.name.as_str()) {
            open.push(tag);
        }
    }
    faults.extend(open.iter().map(|tag| format!("<{}> is never closed", tag.name)));
    faults.extend(reference_faults(&tags));
    for landmark in ["header", "nav", "main", "footer", "h1"] {
        if tags.iter().filter(|tag| tag.name == landmark && !tag.ends).count() != 1 {
            faults.push(format!("not one <{landmark}>"));
        }
    }
    faults
}

fn element_fault(tag: &Tag, next: &str, open: &[&Tag]) -> Option<String> {
    let has = |key: &str| tag.attrs.contains_key(key);
    let within = |name: &str| open.iter().any(|tag| tag.name == name);
    let fault = match tag.name.as_str() {
        "script" | "img" | "link" | "iframe" | "object" | "base" | "form" | "input" => "is not allowed",
        "table" if next != "caption" => "has no caption",
        "th" if !has("scope") => "has no scope",
        "svg"
            if within("svg") || has("aria-hidden") || open.iter().any(|tag| tag.attrs.contains_key("aria-hidden")) =>
        {
            return None;
        }
        "svg" if next != "title" => "has no title",
        "a" if !has("href") => "leads nowhere",
        "section" | "article" if !has("aria-labelledby") && tag.attrs.get("class").is_none_or(|c| c != "card") => {
            "has no name"
        }
        _ if tag.attrs.keys().any(|key| key.starts_with("on") || key == "src" || key == "style") => {
            "has an attribute that acts"
        }
        _ => return None,
    };
    Some(format!("<{}> {fault}", tag.name))
}

/// Ids that are not unique and references to none.
fn reference_faults(tags: &[Tag]) -> Vec<String> {
    let ids: Vec<&String> = tags.iter().filter_map(|tag| tag.attrs.get("id")).collect();
    let unique: BTreeSet<&str> = ids.iter().map(|id| id.as_str()).collect();
    let mut faults = Vec::new();
    if unique.len() != ids.len() {
        faults.push("an id occurs twice".to_owned());
    }
    for tag in tags {
        let labels = tag.attrs.get("aria-labelledby").into_iter().flat_map(|ids| ids.split(' '));
        let link = tag.attrs.get("href").map(|href| href.strip_prefix('#').unwrap_or(href));
        for id in labels.chain(link) {
            if !unique.contains(id) && id != "audit.json" {
                faults.push(format!("<{}> refers to {id}", tag.name));
            }
        }
    }
    faults
}

#[test]
fn the_reader_sees_faults() {
    for (page, fault) in [
        ("<p></p>", "no doctype"),
        ("<!doctype html><p><b></p></b>", "</p> ends Some(\"b\")"),
        ("<!doctype html><p>", "<p> is never closed"),
        ("<!doctype html><script></script>", "<script> is not allowed"),
        ("<!doctype html><p onclick=\"x\"></p>", "<p> has an attribute that acts"),
        ("<!doctype html><p id=\"a\"></p><p id=\"a\"></p>", "an id occurs twice"),
        ("<!doctype html><a href=\"#b\"></a>", "<a> refers to b"),
        ("<!doctype html><table><tr></tr></table>", "<table> has no caption"),
        ("<!doctype html><h2></h2>", "a heading of level 2 under 0"),
    ] {
        assert!(faults(page).iter().any(|found| found == fault), "{page}: {:?}", faults(page));
    }
}
