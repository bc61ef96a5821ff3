//! `mode = "all"`: every text a reader could see, in document order.

use super::tags::{Tag, UNSEEN};
use super::tree::{Tree, signs};
use super::{ExtractFault, Extracted, format, metadata};

/// All text of the body but that of scripts, styles and elements that hide themselves.
pub(super) fn visible(tree: &Tree) -> Result<Extracted, ExtractFault> {
    let body = tree.find(Tag::Body).ok_or(ExtractFault::NoText)?;
    let text = format::formatted_without(tree, body, |id| tree.is(id, UNSEEN) || tree.has(id, signs::HIDDEN));
    let about = metadata::read(tree);
    Ok(Extracted { text, title: Some(about.title), author: about.author, date: about.date, extractor: "visible" })
}
