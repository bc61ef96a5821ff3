//! Finds terms in a text in one pass and replaces them: longest first, whole words, any case, possessives kept.
//!
//! A trie over words would do the same; a table from a term's first word to its terms is smaller, knows word boundaries
//! by construction and folds the case of every script. Scripts without spaces have a boundary at every character.

use std::collections::{BTreeMap, HashMap};

/// A term and its counterpart.
struct Term {
    /// As in the dictionary.
    written: String,
    folded: Vec<char>,
    with: String,
}

/// Terms ready to be found.
pub(super) struct Terms {
    terms: Vec<Term>,
    /// For each first piece, its terms, longest first.
    starts: HashMap<String, Vec<usize>>,
}

/// A replacement that was made.
#[derive(Debug, PartialEq)]
pub(super) struct Replaced<'a> {
    /// Byte offset of the term in the text before.
    pub(super) at: usize,
    /// Its bytes there.
    pub(super) bytes: usize,
    /// The term as in the dictionary.
    pub(super) term: &'a str,
    /// What stands there now.
    pub(super) with: String,
}

/// Lower case, character by character.
pub(super) fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Scripts that write no spaces between words.
fn is_spaceless(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Whether a word may end before, and another begin at, the second character.
fn is_boundary(before: Option<char>, after: Option<char>) -> bool {
    match (before, after) {
        (Some(a), Some(b)) => !a.is_alphanumeric() || !b.is_alphanumeric() || is_spaceless(a) || is_spaceless(b),
        _ => true,
    }
}

/// Bytes of the first word, or of the first character where that is no part of a longer word.
fn first_piece(text: &str) -> usize {
    let alone = |c: char| !c.is_alphanumeric() || is_spaceless(c);
    match text.chars().next() {
        None => 0,
        Some(c) if alone(c) => c.len_utf8(),
        Some(_) => text.find(alone).unwrap_or(text.len()),
    }
}

impl Terms {
    /// From terms and counterparts; empty terms are left out.
    pub(super) fn new(dictionary: &BTreeMap<String, String>) -> Self {
        let mut terms: Vec<Term> = dictionary
            .iter()
            .filter(|(term, _)| !term.trim().is_empty())
            .map(|(term, with)| Term {
                written: term.trim().to_owned(),
                folded: folded(term.trim()).chars().collect(),
                with: with.clone(),
            })
            .collect();
        terms.sort_by(|a, b| b.folded.len().cmp(&a.folded.len()).then_with(|| a.written.cmp(&b.written)));
        let mut starts: HashMap<String, Vec<usize>> = HashMap::new();
        for (i, term) in terms.iter().enumerate() {
            starts.entry(folded(&term.written[..first_piece(&term.written)])).or_default().push(i);
        }
        Self { terms, starts }
    }

    /// The term that begins a text, with its bytes; `before` is the character in front of it.
    fn at_start<'a>(&'a self, text: &str, piece: &str) -> Option<(&'a Term, usize)> {
        let here = self.starts.get(piece)?.iter();
        here.map(|i| &self.terms[*i]).find_map(|term| Some((term, prefix_bytes(text, &term.folded)?)))
    }

    /// The first term at or after a byte offset.
    fn find(&self, text: &str, mut from: usize) -> Option<(&Term, usize, usize)> {
        let mut piece = String::new();
        while from < text.len() {
            let rest = &text[from..];
            let bytes = first_piece(rest);
            piece.clear();
            piece.extend(rest[..bytes].chars().flat_map(char::to_lowercase));
            if let Some((term, found)) = self.at_start(rest, &piece) {
                return Some((term, from, found));
            }
            from += bytes.max(1);
        }
        None
    }

    /// A term that a text holds, as in the dictionary.
    pub(super) fn first_left(&self, text: &str) -> Option<&str> {
        self.find(text, 0).map(|(term, ..)| term.written.as_str())
    }

    /// The text with every term replaced, and what was replaced, in order.
    pub(super) fn replace(&self, text: &str) -> (String, Vec<Replaced<'_>>) {
        let (mut out, mut replaced, mut done) = (String::with_capacity(text.len()), Vec::new(), 0);
        while let Some((term, at, bytes)) = self.find(text, done) {
            out.push_str(&text[done..at]);
            done = at + bytes;
            let mut with = in_case_of(&text[at..done], term);
            out.push_str(&with);
            // A term that ends in s has the possessive "s'"; its counterpart that does not has "'s".
            let rest = &text[done..];
            let bare = rest.strip_prefix(['\'', '’']).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
            let quoted = text[..at].ends_with(['\'', '‘']);
            if bare && !quoted && ends_in_s(&text[at..done]) && !ends_in_s(&with) {
                let mark = rest.chars().next().unwrap_or('\'');
                out.push(mark);
                out.push('s');
                with.push(mark);
                with.push('s');
                done += mark.len_utf8();
            }
            replaced.push(Replaced { at, bytes: done - at, term: &term.written, with });
        }
        out.push_str(&text[done..]);
        (out, replaced)
    }
}

fn ends_in_s(text: &str) -> bool {
    text.ends_with(['s', 'S'])
}

/// Bytes of the text that fold to `folded` and end at a word boundary; white space in the term meets any run of it.
fn prefix_bytes(text: &str, folded: &[char]) -> Option<usize> {
    let (mut matched, mut chars, mut last) = (0, text.char_indices().peekable(), None);
    while matched < folded.len() {
        let (_, c) = chars.next()?;
        if c.is_whitespace() && folded[matched].is_whitespace() {
            matched += 1;
            while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {}
            continue;
        }
        for lower in c.to_lowercase() {
            if folded.get(matched) != Some(&lower) {
                return None;
            }
            matched += 1;
        }
        last = Some(c);
    }
    let end = chars.peek().map_or(text.len(), |(at, _)| *at);
    is_boundary(last, chars.peek().map(|(_, c)| *c)).then_some(end)
}

/// The counterpart in the case of what it replaces: as in the dictionary where the term is, else all capitals, all
/// small, or with a capital first.
fn in_case_of(found: &str, term: &Term) -> String {
    let has = |text: &str, is: fn(char) -> bool| text.chars().any(is);
    let (upper, lower) = (has(found, char::is_uppercase), has(found, char::is_lowercase));
    let letters = found.chars().filter(|c| c.is_alphabetic()).count();
    if found == term.written {
        term.with.clone()
    } else if upper && !lower && letters > 1 {
        term.with.to_uppercase()
    } else if lower && !upper {
        term.with.to_lowercase()
    } else if found.chars().next().is_some_and(char::is_uppercase) {
        let mut rest = term.with.chars();
        rest.next().into_iter().flat_map(char::to_uppercase).chain(rest).collect()
    } else {
        term.with.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(pairs: &[(&str, &str)]) -> Terms {
        Terms::new(&pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect())
    }

    #[test]
    fn words_cases_and_possessives() {
        let terms = terms(&[("Anna", "Mary"), ("Anna Holm", "Mary Smith"), ("James", "Tom"), ("wand", "stick")]);
        let replace = |text: &str| terms.replace(text).0;
        assert_eq!(replace("Anna  Holm met Anna."), "Mary Smith met Mary.");
        assert_eq!(replace("ANNA's wands, anna-like: Hannah, Annabel"), "MARY's wands, mary-like: Hannah, Annabel");
        assert_eq!(replace("James' hat, James’s hat"), "Tom's hat, Tom’s hat");
        assert_eq!(replace("Wand"), "Stick");
        assert_eq!(replace(""), "");
    }

    #[test]
    fn a_second_run_changes_nothing_and_places_are_told() {
        let terms = terms(&[("北京", "城市"), ("Émile", "Paul")]);
        let text = "我在北京住。émile!";
        let (once, replaced) = terms.replace(text);
        assert_eq!(once, "我在城市住。paul!");
        let found: Vec<&str> = replaced.iter().map(|r| &text[r.at..r.at + r.bytes]).collect();
        assert_eq!(found, ["北京", "émile"]);
        assert_eq!(terms.replace(&once), (once.clone(), vec![]));
        assert_eq!(terms.first_left(&once), None);
        assert_eq!(terms.first_left(text), Some("北京"));
    }
}
