//! Exceptions that the affix rules have cut apart, joined again.
//!
//! After a text is cut, spaCy looks in the whole sequence of tokens for what its exceptions would have become without
//! the exceptions (`:` and `)` for `:)`), and puts the exception's own pieces there. Of overlapping finds the longest
//! wins, then the first; a find that spans a space changes nothing, yet keeps others from its tokens.

use std::sync::LazyLock;

use hashbrown::HashMap;

use super::exceptions::Exceptions;
use super::{Cutter, gap_has_token, offset_in};

static PATTERNS: LazyLock<Patterns> = LazyLock::new(Patterns::of_english);

/// A run of words: the first one and the one after the last.
type Span = (usize, usize);

/// The sequences of at least two tokens that stand for an exception.
pub(super) struct Patterns {
    by_first: HashMap<&'static str, Vec<Vec<&'static str>>>,
    /// Whether some second token begins with this byte.
    second_bytes: [bool; 256],
}

impl Patterns {
    /// The sequences of the English exceptions.
    pub(super) fn english() -> &'static Self {
        &PATTERNS
    }

    fn of_english() -> Self {
        let mut patterns = Self { by_first: HashMap::new(), second_bytes: [false; 256] };
        for exception in Exceptions::english().iter() {
            let mut tokens = Vec::new();
            Cutter::without_exceptions().cut(&exception.chunk, &mut tokens);
            if let [first, second, ..] = tokens[..] {
                patterns.second_bytes[usize::from(second.as_bytes()[0])] = true;
                patterns.by_first.entry(first).or_default().push(tokens);
            }
        }
        patterns
    }

    /// The ends of all sequences that start at `words[at]`.
    fn ends_at<'p>(&'p self, words: &'p [&str], at: usize) -> impl Iterator<Item = usize> + 'p {
        let may_match = words.get(at + 1).is_some_and(|w| self.second_bytes[usize::from(w.as_bytes()[0])]);
        let candidates = if may_match { self.by_first.get(words[at]) } else { None };
        candidates
            .into_iter()
            .flatten()
            .filter(move |tokens| words[at..].starts_with(tokens))
            .map(move |t| at + t.len())
    }

    /// Whether the words of one chunk hold a sequence whose exception is cut in another way.
    pub(super) fn would_change(&self, chunk_words: &[&str]) -> bool {
        (0..chunk_words.len()).any(|at| {
            self.ends_at(chunk_words, at).any(|end| {
                let joined = chunk_words[at..end].concat();
                Exceptions::english()
                    .get(&joined)
                    .is_some_and(|e| !e.pieces(&joined).eq(chunk_words[at..end].iter().copied()))
            })
        })
    }

    /// The words of `text` with the exceptions joined again.
    pub(super) fn rejoin<'a>(&self, text: &'a str, words: &[&'a str]) -> Vec<&'a str> {
        let finds = self.find_all(text, words);
        let mut rejoined = Vec::with_capacity(words.len());
        let mut at = 0;
        for (start, end) in finds {
            let (first, last) = (offset_in(text, words[start]), offset_in(text, words[end - 1]) + words[end - 1].len());
            let chunk = &text[first..last];
            if let Some(exception) = Exceptions::english().get(chunk) {
                rejoined.extend_from_slice(&words[at..start]);
                rejoined.extend(exception.pieces(chunk));
                at = end;
            }
        }
        rejoined.extend_from_slice(&words[at..]);
        rejoined
    }

    /// The finds that win, in order of the text.
    fn find_all(&self, text: &str, words: &[&str]) -> Vec<Span> {
        let mut finds: Vec<Span> = Vec::new();
        for at in 0..words.len() {
            finds.extend(self.ends_at(words, at).filter(|&end| is_gapless(text, &words[at..end])).map(|end| (at, end)));
        }
        finds.sort_unstable_by_key(|&(start, end)| (std::cmp::Reverse(end - start), start));
        let mut is_taken = vec![false; words.len()];
        finds.retain(|&(start, end)| {
            let wins = !is_taken[start] && !is_taken[end - 1];
            is_taken[start..end].fill(true);
            wins
        });
        finds.sort_unstable();
        finds
    }
}

/// Whether nothing but single spaces stands between the words: other white space is a token that breaks a sequence.
fn is_gapless(text: &str, words: &[&str]) -> bool {
    words
        .windows(2)
        .all(|pair| !gap_has_token(&text[offset_in(text, pair[0]) + pair[0].len()..offset_in(text, pair[1])]))
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    #[test]
    fn every_exception_keeps_its_pieces() {
        // `°c.` holds the sequence of `c.`, but its own is longer and wins.
        for exception in Exceptions::english().iter() {
            let pieces: Vec<&str> = exception.pieces(&exception.chunk).collect();
            assert_eq!(words(&exception.chunk), pieces);
            assert_eq!(Patterns::english().rejoin(&exception.chunk, &pieces), pieces);
        }
    }

    #[test]
    fn the_longest_then_the_first_find_wins() {
        // Expectations: spaCy 3.8.18.
        assert_eq!(words("foo:)"), ["foo", ":)"]);
        assert_eq!(words("(foo): )"), ["(", "foo", "):", ")"]);
        assert_eq!(words("foo-Mr. Mr ."), ["foo", "-", "Mr.", "Mr", "."]);
        assert_eq!(words("x:'(:"), ["x", ":'(", ":"]);
        assert_eq!(words("a:((:"), ["a", ":((", ":"]);
        assert_eq!(words("foo:-):("), ["foo:-", "):", "("]);
        assert_eq!(words("a=(=)"), ["a=(=", ")"]);
    }
}
