//! Repeated lines and paragraphs.

use gristmill_core::text::{TextView, python_strip, split_newline_runs};
use xxhash_rust::xxh3::xxh3_64;

use super::super::key_table::KeyTable;
use super::super::punctuation::n_chars;
use super::{RepetitionDialect, share};

/// How much of a text its repeated segments are.
pub(super) struct Shares {
    pub(super) of_segments: f64,
    pub(super) of_chars: f64,
}

/// Shares of the repeated paragraphs; none where the tool drops the text without measuring it.
pub(super) fn paragraph_shares(
    dialect: RepetitionDialect,
    view: &TextView<'_>,
    table: &mut KeyTable,
) -> Option<Shares> {
    match dialect {
        RepetitionDialect::Datatrove => shares(dialect, view, view.paragraphs(), table),
        RepetitionDialect::Dclm => shares(dialect, view, &stripped(view.text().split("\n\n")), table),
        RepetitionDialect::Dolma => Some(Shares { of_segments: 0.0, of_chars: 0.0 }),
        RepetitionDialect::Nemo => {
            let paragraphs: Vec<&str> = view.text().split("\n\n").collect();
            shares(dialect, view, &paragraphs, table)
        }
    }
}

/// Shares of the repeated lines; none where the tool drops the text without measuring it.
pub(super) fn line_shares(dialect: RepetitionDialect, view: &TextView<'_>, table: &mut KeyTable) -> Option<Shares> {
    let lines = match dialect {
        RepetitionDialect::Datatrove => split_newline_runs(view.text(), 1),
        RepetitionDialect::Dclm => stripped(view.lines().iter().copied()),
        RepetitionDialect::Dolma => return shares(dialect, view, view.lines(), table),
        RepetitionDialect::Nemo => view.lines().iter().copied().filter(|line| !python_strip(line).is_empty()).collect(),
    };
    shares(dialect, view, &lines, table)
}

fn stripped<'a>(segments: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    segments.map(python_strip).filter(|segment| !segment.is_empty()).collect()
}

fn shares(dialect: RepetitionDialect, view: &TextView<'_>, segments: &[&str], table: &mut KeyTable) -> Option<Shares> {
    let counts_first = matches!(dialect, RepetitionDialect::Dclm | RepetitionDialect::Dolma);
    match segments {
        [] if matches!(dialect, RepetitionDialect::Dclm | RepetitionDialect::Nemo) => return None,
        [] | [_] => return Some(Shares { of_segments: 0.0, of_chars: 0.0 }),
        _ => {}
    }
    let mut counts: Vec<usize> = Vec::with_capacity(segments.len());
    let (mut n_dups, mut n_dup_chars) = (0, 0);
    table.begin(segments.len());
    for segment in segments {
        let number = table.number(xxh3_64(segment.as_bytes())) as usize;
        if number == counts.len() {
            counts.push(1);
            continue;
        }
        counts[number] += 1;
        let n_new = if counts_first && counts[number] == 2 { 2 } else { 1 };
        n_dups += n_new;
        n_dup_chars += n_new * n_chars(segment);
    }
    let whole = match dialect {
        RepetitionDialect::Datatrove => view.n_chars(),
        RepetitionDialect::Dclm | RepetitionDialect::Nemo => segments.iter().map(|segment| n_chars(segment)).sum(),
        RepetitionDialect::Dolma => n_word_chars(view),
    };
    Some(Shares { of_segments: share(n_dups, segments.len()), of_chars: share(n_dup_chars, whole) })
}

fn n_word_chars(view: &TextView<'_>) -> usize {
    use gristmill_core::text::Tokenizer::Whitespace;
    view.words(Whitespace).iter().map(|word| n_chars(word)).sum()
}
