//! Cutting a text into tokens whose concatenation is the text, and numbering them.
//!
//! A token is a word, a number, a line break or a single other character, with the one space before it if there is
//! one. So a model of tokens is a model of texts, byte for byte.

use std::collections::HashMap;

/// Number of a token.
pub(super) type Token = u32;

/// Before the first token of a document.
pub(super) const START: Token = 0;
/// After the last token of a document.
pub(super) const END: Token = 1;

/// The tokens of a text.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = first_token(rest)?;
        let (token, after) = rest.split_at(end);
        rest = after;
        Some(token)
    })
}

/// Length in bytes of the first token; none at the end of the text.
fn first_token(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    let (_, mut c) = chars.next()?;
    if c == ' ' {
        match chars.peek() {
            Some((_, next)) if *next != ' ' && *next != '\n' => {
                c = *next;
                chars.next();
            }
            _ => return Some(1),
        }
    }
    let class = Class::of(c);
    if class != Class::Other {
        while let Some((at, next)) = chars.peek().copied() {
            if Class::of(next) != class && !(class == Class::Letter && is_inner(text, at, next)) {
                return Some(at);
            }
            chars.next();
        }
        return Some(text.len());
    }
    Some(chars.peek().map_or(text.len(), |(at, _)| *at))
}

/// Whether an apostrophe stands between letters.
fn is_inner(text: &str, at: usize, c: char) -> bool {
    (c == '\'' || c == '’') && text[at + c.len_utf8()..].chars().next().is_some_and(char::is_alphabetic)
}

#[derive(PartialEq, Clone, Copy)]
enum Class {
    Letter,
    Digit,
    Other,
}

impl Class {
    fn of(c: char) -> Self {
        if c.is_ascii_digit() {
            Self::Digit
        } else if c.is_alphabetic() && !is_ideograph(c) {
            Self::Letter
        } else {
            Self::Other
        }
    }
}

/// Characters of scripts that write no spaces: each is a token of its own.
fn is_ideograph(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// The tokens a model knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Vocabulary {
    numbers: HashMap<Box<str>, Token>,
    texts: Vec<Box<str>>,
}

impl Vocabulary {
    /// A vocabulary of nothing but the two ends of a document.
    pub(super) fn new() -> Self {
        let mut new = Self::default();
        // Neither can be met in a text: tokens do not mix letters and brackets.
        for end in ["<s>", "</s>"] {
            new.intern(end);
        }
        new
    }

    /// The number of a token, new if it must be.
    pub(super) fn intern(&mut self, text: &str) -> Token {
        if let Some(token) = self.numbers.get(text) {
            return *token;
        }
        let token = self.texts.len() as Token;
        self.numbers.insert(text.into(), token);
        self.texts.push(text.into());
        token
    }

    /// The number of a token, if it is known.
    pub(super) fn get(&self, text: &str) -> Option<Token> {
        self.numbers.get(text).copied()
    }

    /// The text of a token.
    pub(super) fn text(&self, token: Token) -> &str {
        &self.texts[token as usize]
    }

    /// Number of tokens.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_join_to_the_text_and_carry_the_space_before() {
        let cut = |text| tokens(text).collect::<Vec<_>>();
        assert_eq!(
            cut("Don't stop, 42 times!\n\nNow."),
            ["Don't", " stop", ",", " 42", " times", "!", "\n", "\n", "Now", "."]
        );
        assert_eq!(cut("  a"), [" ", " a"]);
        assert_eq!(cut("日本 x"), ["日", "本", " x"]);
        for text in ["", " ", "a' b", "é ’x’ \u{200b}", "\n \n", "🙂🙂"] {
            assert_eq!(cut(text).concat(), text);
        }
    }
}
