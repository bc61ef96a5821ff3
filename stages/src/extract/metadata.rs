//! Title, author and date as a page states them: JSON-LD, then `<meta>`, then `<title>` and a byline in the text.
//!
//! The title also tells [`super::readable`] which heading is only the title again. Rules as in Readability.js; we differ: JSON-LD that
//! is not valid JSON is ignored.

use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation;

use super::tags::Tag;
use super::tree::{DOCUMENT, Id, NONE, Tree, signs};

/// What a page says about itself; an empty title is none.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    pub(super) title: String,
    pub(super) author: Option<String>,
    pub(super) date: Option<String>,
}

const TITLE_KEYS: [&str; 8] = [
    "dc:title",
    "dcterms:title",
    "og:title",
    "weibo:article:title",
    "weibo:webpage:title",
    "title",
    "twitter:title",
    "parsely-title",
];
const AUTHOR_KEYS: [&str; 4] = ["dc:creator", "dcterms:creator", "author", "parsely-author"];
const DATE_KEYS: [&str; 7] = [
    "article:published_time",
    "parsely-pub-date",
    "dcterms:issued",
    "dcterms:created",
    "dc:date:issued",
    "dc:date",
    "date",
];

/// The metadata of a page, byline in the text aside.
pub(super) fn read(tree: &Tree) -> Metadata {
    let mut found = json_ld(tree).unwrap_or_default();
    let values = meta_values(tree);
    let first_of = |keys: &[&str]| {
        keys.iter().find_map(|key| values.iter().rev().find(|(k, _)| k == key)).map(|(_, value)| value.clone())
    };
    if found.title.is_empty() {
        found.title = first_of(&TITLE_KEYS).unwrap_or_else(|| title(tree));
    }
    let is_name = |value: &String| !value.contains("://");
    found.author = found.author.or_else(|| first_of(&AUTHOR_KEYS));
    found.author = found.author.or_else(|| first_of(&["article:author"]).filter(is_name));
    found.date = found.date.or_else(|| first_of(&DATE_KEYS));
    found.title = unescaped(&found.title);
    found.author = found.author.map(|author| unescaped(&author));
    found
}

/// Key and content of each `<meta>`, keys in lower case with colons.
fn meta_values(tree: &Tree) -> Vec<(String, String)> {
    let mut values = Vec::new();
    for meta in &tree.metas {
        let content = meta.content.trim();
        if content.is_empty() {
            continue;
        }
        if let Some(property) = &meta.property {
            let property = property.to_ascii_lowercase();
            let words = property.split_whitespace();
            let key = words.into_iter().find(|word| {
                ["article:", "dc:", "dcterms:", "og:", "twitter:"].iter().any(|prefix| word.contains(prefix))
            });
            if let Some(key) = key {
                let key = key.strip_prefix("og:article:").map_or(key.to_owned(), |rest| format!("article:{rest}"));
                values.push((key, content.to_owned()));
            }
        } else if let Some(name) = &meta.name {
            values.push((name.trim().to_ascii_lowercase().replace('.', ":"), content.to_owned()));
        }
    }
    values
}

/// References that are still in a value after the parser has resolved one layer.
fn unescaped(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let named = [
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ];
    named.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// JSON-LD of the first script that describes an article.
fn json_ld(tree: &Tree) -> Option<Metadata> {
    if !tree.any_sign(signs::JSON_LD) {
        return None;
    }
    let scripts = tree.below(DOCUMENT).filter(|id| tree.has(*id, signs::JSON_LD));
    scripts.into_iter().find_map(|id| {
        let text = tree.whole_text(id);
        let text = text.trim();
        let text = text.strip_prefix("<![CDATA[").and_then(|t| t.split("]]>").next()).unwrap_or(text);
        let value: Value = serde_json::from_str(text).ok()?;
        let article = match &value {
            Value::Array(items) => items.iter().find(|item| is_article(item))?,
            one => Some(one).filter(|item| is_article(item))?,
        };
        let found = describe(tree, article);
        (!found.title.is_empty() || found.author.is_some() || found.date.is_some()).then_some(found)
    })
}

fn is_article(item: &Value) -> bool {
    let context = item.get("@context");
    let context = context.and_then(|c| c.as_str().or_else(|| c.get("@vocab").and_then(Value::as_str)));
    let schema = context.is_some_and(|c| {
        let c = c.trim_end_matches('/');
        c == "http://schema.org" || c == "https://schema.org"
    });
    let of_type = item.get("@type").map(ToString::to_string).unwrap_or_default();
    let types = ["Article", "Report", "SocialMediaPosting", "BlogPosting", "DiscussionForumPosting", "APIReference"];
    schema && types.iter().any(|t| of_type.contains(t))
}

fn describe(tree: &Tree, article: &Value) -> Metadata {
    let string = |key: &str| article.get(key).and_then(Value::as_str).map(str::trim).unwrap_or_default().to_owned();
    let (name, headline) = (string("name"), string("headline"));
    let title = if !name.is_empty() && !headline.is_empty() && name != headline {
        let shown = title(tree);
        let like = |stated: &str| Likeness::new(stated).of(&shown);
        if like(&headline) && !like(&name) { headline } else { name }
    } else if name.is_empty() {
        headline
    } else {
        name
    };
    let name_of = |author: &Value| author.get("name").and_then(Value::as_str).map(|n| n.trim().to_owned());
    let author = match article.get("author") {
        Some(Value::Array(authors)) => Some(authors.iter().filter_map(name_of).collect::<Vec<_>>().join(", ")),
        Some(author) => name_of(author),
        None => None,
    };
    let date = Some(string("datePublished")).filter(|date| !date.is_empty());
    Metadata { title, author: author.filter(|author| !author.is_empty()), date }
}

const SEPARATORS: [char; 8] = ['|', '-', '–', '—', '\\', '/', '>', '»'];

/// The `<title>` without the name of the site, as far as that can be told; the `<h1>` when the title is very short or long.
pub(super) fn title(tree: &Tree) -> String {
    let in_head = |id: &Id| tree.tag(*id) == Tag::Title && tree.ancestors(*id).any(|up| tree.tag(up) == Tag::Head);
    let element = tree.below(DOCUMENT).find(in_head);
    let whole = element.map(|id| tree.whole_text(id)).unwrap_or_default();
    let whole = whole.trim();
    let mut title = whole.to_owned();
    let n_words = |text: &str| text.split_whitespace().count();
    let mut has_hierarchy = false;
    if whole.contains(SEPARATORS) {
        has_hierarchy = whole.contains(['\\', '/', '>', '»']);
        let after_space = |at: usize, sep: &str| whole[at + sep.len()..].starts_with(' ');
        if let Some((at, _)) = whole.rmatch_indices(SEPARATORS).next().filter(|(at, sep)| after_space(*at, sep)) {
            title = whole[..at].trim().to_owned();
        }
        if n_words(&title) < 3
            && let Some((at, sep)) = whole.match_indices(SEPARATORS).next().filter(|(at, sep)| after_space(*at, sep))
        {
            title = whole[at + sep.len()..].trim().to_owned();
        }
    } else if whole.contains(": ") {
        title = without_prefix(tree, whole);
    } else if !(15..=150).contains(&whole.chars().count())
        && let Some(h1) = tree.find(Tag::H1)
    {
        title = tree.whole_text(h1);
    }
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let n_whole: usize = whole.split(SEPARATORS).map(n_words).sum();
    let n_title = n_words(&title);
    if n_title <= 4 && (!has_hierarchy || n_title + 1 != n_whole) { whole.to_owned() } else { title }
}

/// A title `site: title`, unless it stands as it is in a heading.
fn without_prefix(tree: &Tree, whole: &str) -> String {
    let mut headings = tree.below(DOCUMENT).filter(|id| matches!(tree.tag(*id), Tag::H1 | Tag::H2));
    if headings.any(|id| tree.whole_text(id).trim() == whole) {
        return whole.to_owned();
    }
    let (Some((_, last)), Some((before, rest))) = (whole.rsplit_once(':'), whole.split_once(':')) else {
        return whole.to_owned();
    };
    if last.split_whitespace().count() < 3 {
        rest.trim().to_owned()
    } else if before.split_whitespace().count() > 5 {
        whole.to_owned()
    } else {
        last.trim().to_owned()
    }
}

/// A text to compare others with.
#[derive(Debug)]
pub(super) struct Likeness {
    lowered: String,
    words: Vec<String>,
}

impl Likeness {
    pub(super) fn new(text: &str) -> Self {
        let lowered = text.to_lowercase();
        let words = lowered.unicode_words().map(str::to_owned).collect();
        Self { lowered, words }
    }

    /// Whether more than three quarters of the letters of `other` are in words of this text.
    pub(super) fn of(&self, other: &str) -> bool {
        if self.lowered.is_empty() || other.is_empty() {
            return false;
        }
        let other = other.to_lowercase();
        if self.lowered.contains(&other) {
            return true;
        }
        let (mut n_all, mut n_shared) = (0_usize, 0_usize);
        for word in other.unicode_words() {
            let n = word.chars().count();
            n_all += n;
            n_shared += if self.words.iter().any(|own| own == word) { n } else { 0 };
        }
        n_all > 0 && n_shared * 4 > n_all * 3
    }
}

/// Takes the first byline out of the page.
pub(super) fn take_byline(tree: &mut Tree) -> Option<String> {
    if !tree.any_sign(signs::BYLINE) {
        return None;
    }
    let body = tree.find(Tag::Body)?;
    let found = tree.below(body).find(|id| tree.has(*id, signs::BYLINE) && has_name_length(tree, *id))?;
    let name = tree.below(found).find(|id| tree.has(*id, signs::ITEM_NAME)).unwrap_or(found);
    let author = tree.whole_text(name).split_whitespace().collect::<Vec<_>>().join(" ");
    tree.detach(found);
    Some(author)
}

/// Between 1 and 99 characters of text.
fn has_name_length(tree: &Tree, id: Id) -> bool {
    let mut n_bytes = 0;
    let mut at = id;
    while at != NONE {
        if tree.tag(at) == Tag::Text {
            n_bytes += tree.node(at).n_bytes;
        }
        // White space around a name is rarely longer than this.
        if n_bytes > 2_000 {
            return false;
        }
        at = tree.next_in(at, id);
    }
    (1..100).contains(&tree.whole_text(id).trim().chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_compared_by_their_letters() {
        let similar = |a: &str, b: &str| Likeness::new(a).of(b);
        assert!(similar("The Quick Brown Fox", "quick brown"));
        assert!(similar("A study of foxes and dogs", "Foxes and dogs: a study"));
        assert!(!similar("A study of foxes", "Something else") && !similar("", "x") && !similar("x", "..."));
    }
}
