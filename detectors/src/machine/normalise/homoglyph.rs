//! Letters of other scripts that look like Latin ones.
//!
//! The homoglyph attack of RAID halves the hit rate of every zero-shot detector and changes nothing for a reader. Folding
//! back must not harm honest text in another script: a text votes for its script with the letters that have no Latin
//! twin, and only text that is Latin by this vote is folded, word by word, where the whole word becomes Latin.
//!
//! The table holds the pairs that common fonts draw alike; it is ours, much smaller than Unicode's confusables (UTS 39),
//! whose skeleton also folds l, I and 1 and would change honest text.

use std::borrow::Cow;

use super::Changes;

/// The Latin letter that looks like `c`, if there is one.
fn latin_twin(c: char) -> Option<char> {
    let (from, to) = if c < '\u{0400}' { (GREEK_AND_LATIN, GREEK_TWINS) } else { (CYRILLIC_AND_MORE, CYRILLIC_TWINS) };
    from.iter().position(|&twin| twin == c).map(|at| char::from(to[at]))
}

const GREEK_AND_LATIN: &[char] = &[
    '\u{0391}', '\u{0392}', '\u{0395}', '\u{0396}', '\u{0397}', '\u{0399}', '\u{039A}', '\u{039C}', '\u{039D}',
    '\u{039F}', '\u{03A1}', '\u{03A4}', '\u{03A5}', '\u{03A7}', '\u{03B1}', '\u{03B9}', '\u{03BA}', '\u{03BD}',
    '\u{03BF}', '\u{03C1}', '\u{03C5}', '\u{03C7}', '\u{03F2}', '\u{03F3}', '\u{0251}', '\u{0261}', '\u{026A}',
];
const GREEK_TWINS: &[u8] = b"ABEZHIKMNOPTYXaiKvopuxcjagi";

const CYRILLIC_AND_MORE: &[char] = &[
    // Capitals, then small letters of Cyrillic.
    '\u{0410}', '\u{0412}', '\u{0415}', '\u{041A}', '\u{041C}', '\u{041D}', '\u{041E}', '\u{0420}', '\u{0421}',
    '\u{0422}', '\u{0425}', '\u{0405}', '\u{0406}', '\u{0408}', '\u{0423}', '\u{04AE}', '\u{04C0}', '\u{051A}',
    '\u{051C}', '\u{0430}', '\u{0435}', '\u{043E}', '\u{0440}', '\u{0441}', '\u{0443}', '\u{0445}', '\u{0455}',
    '\u{0456}', '\u{0458}', '\u{04BB}', '\u{04CF}', '\u{0501}', '\u{051B}', '\u{051D}', '\u{04AF}', '\u{0475}',
    // Armenian and Cherokee.
    '\u{0578}', '\u{057D}', '\u{0585}', '\u{0570}', '\u{0566}', '\u{0581}', '\u{13AA}', '\u{13A2}', '\u{13A9}',
    '\u{13BB}', '\u{13C4}', '\u{13D2}', '\u{13DA}', '\u{13DE}', '\u{13DF}',
];
const CYRILLIC_TWINS: &[u8] = b"ABEKMHOPCTXSIJYYIQWaeopcyxsijhldqwyvnuohqgGTYHVRSLC";

/// Whether the letter belongs to the Latin script, by block.
fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '\u{00C0}'..='\u{024F}' | '\u{1E00}'..='\u{1EFF}') && c.is_alphabetic()
}

/// Whether the letters without a twin are Latin for the greater part; true if there are none but some Latin letter is.
fn votes_latin(text: &str) -> bool {
    let (mut n_latin, mut n_other) = (0_usize, 0_usize);
    for c in text.chars() {
        if is_latin(c) {
            n_latin += 1;
        } else if c.is_alphabetic() && latin_twin(c).is_none() {
            n_other += 1;
        }
    }
    n_latin > n_other
}

/// Folds look-alike letters in a text whose script is Latin.
pub(super) fn fold<'a>(text: &'a str, changes: &mut Changes) -> Cow<'a, str> {
    if !text.chars().any(|c| latin_twin(c).is_some()) || !votes_latin(text) {
        return Cow::Borrowed(text);
    }
    let mut folded = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word_end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_end);
        fold_word(word, &mut folded, changes);
        let gap_end = after.find(char::is_alphabetic).unwrap_or(after.len());
        folded.push_str(&after[..gap_end]);
        rest = &after[gap_end..];
    }
    if folded == text { Cow::Borrowed(text) } else { Cow::Owned(folded) }
}

/// Appends the word, in Latin letters if all its letters are Latin or have a twin.
///
/// A word of Greek letters alone stays: the alpha of a formula is no disguise. A Cyrillic "a" alone is one.
fn fold_word(word: &str, folded: &mut String, changes: &mut Changes) {
    let foldable = !word.is_ascii()
        && word.chars().all(|c| is_latin(c) || latin_twin(c).is_some())
        && !word.chars().all(|c| matches!(c, '\u{0370}'..='\u{03FF}'));
    if !foldable {
        folded.push_str(word);
        return;
    }
    for c in word.chars() {
        match latin_twin(c) {
            Some(twin) => {
                folded.push(twin);
                changes.n_homoglyphs += 1;
            }
            None => folded.push(c),
        }
    }
}
