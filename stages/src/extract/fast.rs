//! The extractors behind one door: panics caught, the second asked when the first finds too little.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::metadata::{self, Metadata};
use super::tags::UNSEEN;
use super::tree::{Tree, signs};
use super::{Clock, ExtractFault, Extracted, Options, format, readable};

/// An extractor of main text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extractor {
    Readable,
    Trafilatura,
}

/// A page, as written and as read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page<'a> {
    pub(super) html: &'a str,
    pub(super) url: Option<&'a str>,
}

/// Depth up to which the library, which recurses, is safe on the stack of a worker thread.
const MAX_LIBRARY_DEPTH: usize = 512;

/// Depth beyond which looking for an article takes too long, each step being as long as the page is deep.
const MAX_ARTICLE_DEPTH: usize = 4096;

/// Asks `first`, and the other one when it finds nothing or fewer characters than wanted although the page shows that many; the
/// longer text wins.
pub(super) fn first_or_second(
    first: Extractor,
    page: Page<'_>,
    mut tree: Tree,
    options: &Options,
    clock: Clock,
) -> Result<Extracted, ExtractFault> {
    if tree.depth > MAX_ARTICLE_DEPTH {
        return Err(ExtractFault::TooDeep);
    }
    let too_deep = tree.depth > MAX_LIBRARY_DEPTH;
    let n_visible = tree.n_chars_without(UNSEEN);
    // Without any text, only JSON-LD may still hold an article.
    if n_visible == 0 && !tree.any_sign(signs::JSON_LD) {
        return Err(ExtractFault::NoText);
    }
    let mut about = metadata::read(&tree);
    let mut ask = |extractor: Extractor| match extractor {
        Extractor::Readable => guarded(|| readable(&mut tree, &mut about, clock)),
        Extractor::Trafilatura if too_deep => Err(ExtractFault::TooDeep),
        Extractor::Trafilatura => guarded(|| trafilatura(page)),
    };
    let one = ask(first);
    clock.check()?;
    let n_chars =
        |found: &Result<Extracted, ExtractFault>| found.as_ref().map_or(0, |found| found.text.chars().count());
    let n_one = n_chars(&one);
    let best = if n_one >= options.min_chars.max(1) || n_one > 0 && n_visible < options.min_chars {
        one
    } else {
        let two = ask(match first {
            Extractor::Readable => Extractor::Trafilatura,
            Extractor::Trafilatura => Extractor::Readable,
        });
        if n_chars(&two) > n_one || one.is_err() { two } else { one }
    };
    best.map(|found| Extracted {
        title: found.title.or(Some(about.title)),
        author: found.author.or(about.author),
        date: found.date.or(about.date),
        ..found
    })
}

/// Runs `f`; a panic becomes a fault.
pub(super) fn guarded<T>(f: impl FnOnce() -> Result<T, ExtractFault>) -> Result<T, ExtractFault> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|payload| {
        let message = payload.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Err(ExtractFault::Panicked(message.to_owned()))
    })
}

fn readable(tree: &mut Tree, about: &mut Metadata, clock: Clock) -> Result<Extracted, ExtractFault> {
    let root = readable::article(tree, about, clock)?;
    Ok(found(format::formatted(tree, root), "readable"))
}

fn found(text: String, extractor: &'static str) -> Extracted {
    Extracted { text, title: None, author: None, date: None, extractor }
}

fn trafilatura(page: Page<'_>) -> Result<Extracted, ExtractFault> {
    let options = rs_trafilatura::Options {
        url: page.url.map(str::to_owned),
        page_type: Some(rs_trafilatura::page_type::PageType::Article),
        include_comments: false,
        ..rs_trafilatura::Options::default()
    };
    let result = rs_trafilatura::extract_with_options(page.html, &options).map_err(|_| ExtractFault::NoText)?;
    Ok(Extracted {
        title: result.metadata.title,
        author: result.metadata.author,
        date: result.metadata.date.map(|date| date.to_rfc3339()),
        ..found(result.content_text, "trafilatura")
    })
}
