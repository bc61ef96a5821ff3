//! Where in a text its tokens stand, from the tokens' texts alone.
//!
//! Servers' own `text_offset` counts whatever precedes the text (vLLM counts the letters of `<s>`) or is missing, so
//! the tokens are laid along the text again. They spell it but for: tokens before it that are not of it (`<s>`); halves
//! of a character, which no server can spell (`\u{fffd}`, `bytes:\xf0`, `<0xF0>`, nothing at all from llama-cpp-python);
//! white space that tokenizers add before the first word or take from each (SentencePiece).

use std::ops::Range;

/// Most tokens before the text that are not of it.
const MAX_LEADING: usize = 2;

/// Most bytes of text that one half of a character may stand for: four for a character, and a token may hold several.
const MAX_BYTES_PER_HALF: usize = 16;

/// Where the tokens of a text stand in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Aligned {
    /// Number of tokens before the text.
    pub(crate) n_leading: usize,
    /// Bytes of the text that each of the following tokens stands for. Halves of the same character share theirs.
    pub(crate) spans: Vec<Range<usize>>,
    /// Number of tokens after the text.
    pub(crate) n_trailing: usize,
}

/// Lays tokens along a text; none when they do not spell it. Linear in both.
pub(crate) fn align(tokens: &[&str], text: &str) -> Option<Aligned> {
    (0..=MAX_LEADING.min(tokens.len())).find_map(|n_leading| {
        let spans = lay(&tokens[n_leading..], text)?;
        let n_trailing = tokens.len() - n_leading - spans.len();
        Some(Aligned { n_leading, spans, n_trailing })
    })
}

/// Most bytes of a first token that nothing spells.
const MAX_FIRST_BYTES: usize = 128;

/// What precedes the tokens in the text that they end; empty when they are all of it, none when they do not end it.
pub(crate) fn before<'a>(tokens: &[&str], text: &'a str) -> Option<&'a str> {
    let reach = text.len().min(MAX_FIRST_BYTES);
    let mut starts = (0..=reach).filter(|start| text.is_char_boundary(*start));
    starts.find_map(|start| {
        let rest = &text[start..];
        // A half of a character can stand for anything, but not for what has no halves.
        let begins_whole = rest.trim_start().starts_with(|c: char| c.is_ascii());
        if tokens.first().is_some_and(|token| is_half(token)) && begins_whole {
            return None;
        }
        (lay(tokens, rest)?.len() == tokens.len()).then(|| &text[..start])
    })
}

/// The spans of the tokens up to the text's end; none when they do not reach it.
fn lay(tokens: &[&str], text: &str) -> Option<Vec<Range<usize>>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    let mut i = 0;
    while i < tokens.len() && at < text.len() {
        if let Some(end) = step(tokens[i], text, at) {
            spans.push(at..end);
            at = end;
            i += 1;
            continue;
        }
        let n_halves = tokens[i..].iter().take_while(|token| token.is_empty() || is_half(token)).count();
        if n_halves == 0 {
            return None;
        }
        let are_silent = tokens[i..i + n_halves].iter().all(|token| token.is_empty());
        let end = halves_end(n_halves, are_silent, tokens.get(i + n_halves).copied(), text, at)?;
        spans.extend(std::iter::repeat_n(at..end, n_halves));
        at = end;
        i += n_halves;
    }
    (at == text.len()).then_some(spans)
}

/// Where a token ends that begins here; none when the text goes on otherwise, or the token says nothing.
fn step(token: &str, text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    if !token.is_empty() && rest.starts_with(token) {
        return Some(at + token.len());
    }
    let bare = token.trim_start();
    if bare.is_empty() || is_half(token) {
        return None;
    }
    if at == 0 && bare.len() < token.len() && rest.starts_with(bare) {
        return Some(bare.len());
    }
    let word = rest.trim_start();
    let skipped = rest.len() - word.len();
    (skipped > 0 && bare.len() == token.len() && word.starts_with(token)).then(|| at + skipped + token.len())
}

/// Where a run of halves ends: where the next whole token begins, or at the end of the text. Tokens that say nothing may
/// stand for nothing, but not for what they could have said: ASCII has no halves.
fn halves_end(n_halves: usize, are_silent: bool, next: Option<&str>, text: &str, at: usize) -> Option<usize> {
    let reach = text.len().min(at + n_halves.saturating_mul(MAX_BYTES_PER_HALF));
    let least = if are_silent { at } else { at + 1 };
    let mut ends = (least..=reach).filter(|end| text.is_char_boundary(*end));
    let end = match next {
        // A text of only a few bytes more may end here, the next token being one that was drawn.
        Some(next) => ends.find(|end| *end == text.len() || text[*end..].starts_with(next)),
        None => (reach == text.len()).then_some(reach),
    }?;
    let has_whole = || text[at..end].contains(|c: char| c.is_ascii() && !c.is_whitespace());
    (!are_silent || !has_whole()).then_some(end)
}

fn is_half(token: &str) -> bool {
    token.contains('\u{fffd}') || token.starts_with("bytes:") || (token.starts_with("<0x") && token.ends_with('>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number of leading tokens, spans, number of trailing tokens.
    type Laid = (usize, Vec<(usize, usize)>, usize);

    fn spans(tokens: &[&str], text: &str) -> Option<Laid> {
        let found = align(tokens, text)?;
        Some((found.n_leading, found.spans.into_iter().map(|span| (span.start, span.end)).collect(), found.n_trailing))
    }

    #[test]
    fn tokens_are_laid_along_the_text() {
        assert_eq!(spans(&["The", " cat"], "The cat"), Some((0, vec![(0, 3), (3, 7)], 0)));
        assert_eq!(spans(&["<s>", "The", " cat", " sat"], "The cat"), Some((1, vec![(0, 3), (3, 7)], 1)));
        assert_eq!(spans(&[" The", " cat"], "The cat"), Some((0, vec![(0, 3), (3, 7)], 0)));
        assert_eq!(spans(&["The", "cat"], "The cat"), Some((0, vec![(0, 3), (3, 7)], 0)));
        assert_eq!(spans(&[], ""), Some((0, vec![], 0)));
    }

    #[test]
    fn halves_of_characters_share_their_span() {
        // 🦀 is four bytes; each tokenizer halves it another way.
        let text = "a 🦀 b";
        let whole = Some((0, vec![(0, 2), (2, 6), (2, 6), (6, 8)], 0));
        for halves in [["\u{fffd}", "\u{fffd}"], ["bytes:\\xf0\\x9f", "bytes:\\xa6\\x80"], ["<0xF0>", "<0x9F>"]] {
            assert_eq!(spans(&["a ", halves[0], halves[1], " b"], text), whole);
        }
        assert_eq!(spans(&["a ", " \u{fffd}"], "a  🦀"), Some((0, vec![(0, 2), (2, 7)], 0)));
        assert_eq!(spans(&["\u{fffd}", "\u{fffd}"], "🦀"), Some((0, vec![(0, 4), (0, 4)], 0)));
        // As llama-cpp-python leaves them out; the first may as well be the mark of the beginning.
        assert_eq!(spans(&["a", " ", "", "", " b"], text), Some((0, vec![(0, 1), (1, 2), (2, 6), (2, 6), (6, 8)], 0)));
        assert_eq!(spans(&["", "a", " b"], "a b"), Some((0, vec![(0, 0), (0, 1), (1, 3)], 0)));
    }

    #[test]
    fn tokens_of_another_text_are_refused() {
        for tokens in [vec!["The", " dog"], vec!["The"], vec![], vec!["", ""], vec!["a", "b", "c", "The", " cat"]] {
            assert_eq!(spans(&tokens, "The cat"), None, "{tokens:?}");
        }
    }

    #[test]
    fn a_long_text_takes_no_time() {
        let start = std::time::Instant::now();
        let n = 200_000;
        let words = vec![" word"; n];
        assert_eq!(align(&words, &words.concat()).unwrap().spans.len(), n);
        let halves = vec!["\u{fffd}"; 2 * n];
        assert_eq!(align(&halves, &"🦀".repeat(n)).unwrap().spans.len(), 2 * n);
        assert!(align(&words, &" ".repeat(1_000_000)).is_none());
        assert!(start.elapsed() < std::time::Duration::from_secs(10));
    }
}
