//! Annotators: one number, or a few, per document; and the transforms that go with them.
//!
//! Each file measures what one published filter looks at and decides nothing: the limits are rules in
//! `configs/rules/*.toml`. Where the tools of the field compute the same rule in different ways, the parameter `dialect`
//! names the tool whose way is meant; the default is datatrove's, for parity with FineWeb.
//!
//! Comparisons measure a text against a reference text; what they compute is in `gristmill_core::measures`, where generation
//! and audits use it too.
//!
//! A new annotator is one file, one `mod` and one row of a table below.

mod answers;
mod bleu;
mod c4;
mod c4_lines;
mod c4_walk;
mod chrf;
mod constraints;
mod dialect;
mod fasttext;
mod fineweb;
mod gopher_quality;
mod gopher_repetition;
mod key_table;
mod lang_id;
mod punctuation;
mod rouge;
mod verb_noun;

use gristmill_core::annotator::{AnnotatorEntry, ComparisonEntry, RecordSink, TransformEntry};

/// Everything that measures a document.
pub static ANNOTATORS: &[AnnotatorEntry] = &[
    lang_id::ENTRY,
    gopher_quality::ENTRY,
    gopher_repetition::ENTRY,
    c4::ENTRY,
    fineweb::ENTRY,
    fasttext::ENTRY,
    constraints::ENTRY,
    verb_noun::ENTRY,
];

/// Everything that measures a text against a reference.
pub static COMPARISONS: &[ComparisonEntry] =
    &[rouge::ENTRY, bleu::ENTRY, chrf::ENTRY, answers::TOKEN_F1, answers::EXACT_MATCH];

/// Everything that rewrites a document.
pub static TRANSFORMS: &[TransformEntry] = &[c4_lines::ENTRY];

/// A ratio of counts; null if it is a share of nothing.
fn push_ratio(record: &mut dyn RecordSink, part: usize, whole: usize) {
    if whole == 0 {
        record.null();
    } else {
        record.float(part as f64 / whole as f64);
    }
}

#[cfg(test)]
mod tests;
