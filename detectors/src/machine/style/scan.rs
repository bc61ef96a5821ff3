//! One pass over a text: words, sentences, marks and characters, from which all features are computed.

use super::lexicon::{Class, Lexicon, List};
use crate::machine::sentences::sentence_ranges;

/// Marks whose rates are features, in this order.
pub(crate) const MARKS: [char; 19] =
    ['.', ',', ';', ':', '!', '?', '\'', '"', '-', '(', ')', '[', ']', '/', '&', '*', '#', '%', '$'];

/// A word of the text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    /// Bytes in the small-letter copy.
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) n_chars: u32,
    /// Number among distinct words, in order of first appearance.
    pub(crate) kind: u32,
    pub(crate) class: Class,
    /// Number among function words, or [`NO_FUNCTION`].
    pub(crate) function: u16,
    pub(crate) sentence: u32,
    pub(crate) shape: Shape,
}

/// No function word.
pub(crate) const NO_FUNCTION: u16 = u16::MAX;

/// What a word looks like.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shape {
    pub(crate) capitalised: bool,
    /// Two letters at least, all of them capital.
    pub(crate) all_capital: bool,
    pub(crate) has_apostrophe: bool,
    pub(crate) after_comma: bool,
}

/// A sentence as ranges of words, with its marks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SentenceSpan {
    pub(crate) first_token: usize,
    pub(crate) n_tokens: usize,
    pub(crate) n_commas: usize,
    pub(crate) n_chars: usize,
    pub(crate) asks: bool,
    pub(crate) exclaims: bool,
}

/// Characters by kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct CharCounts {
    pub(crate) n: usize,
    pub(crate) n_letters: usize,
    pub(crate) n_capitals: usize,
    pub(crate) n_digits: usize,
    pub(crate) n_spaces: usize,
    pub(crate) n_beyond_ascii: usize,
    pub(crate) n_quoted: usize,
    pub(crate) marks: [usize; MARKS.len()],
}

/// What one pass found; reused from text to text.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) lower: String,
    pub(crate) tokens: Vec<Token>,
    pub(crate) sentences: Vec<SentenceSpan>,
    pub(crate) chars: CharCounts,
    pub(crate) n_kinds: usize,
    /// Words and phrases found of each list.
    pub(crate) lists: [usize; List::N],
    /// Words that end in each suffix.
    pub(crate) suffixes: Vec<usize>,
    kinds: hashbrown::HashMap<u64, u32>,
}

/// The folded character, for characters that are not ASCII: typographic apostrophes and quotes are ASCII ones.
fn fold(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{02BC}' => '\'',
        '\u{201C}' | '\u{201D}' => '"',
        '\u{2013}' | '\u{2014}' => '-',
        c => c,
    }
}

/// The word being read.
#[derive(Default)]
struct Open {
    start: usize,
    n_chars: usize,
    n_capitals: usize,
    n_digits: usize,
    capitalised: bool,
    has_apostrophe: bool,
    is_open: bool,
}

impl Scan {
    /// Reads a text, forgetting the one before.
    pub(crate) fn read(&mut self, text: &str, lexicon: &Lexicon) {
        self.clear(lexicon);
        let ranges = sentence_ranges(text);
        self.sentences.resize(ranges.len().max(1), SentenceSpan::default());
        for (span, range) in self.sentences.iter_mut().zip(&ranges) {
            span.n_chars = range.len();
            let tail = text[range.clone()].trim_end_matches(['"', '\'', ')', '\u{201D}', '\u{2019}']);
            span.asks = tail.ends_with('?');
            span.exclaims = tail.ends_with('!');
        }
        let mut sentence = 0;
        let mut open = Open::default();
        let mut after_comma = false;
        let mut quoted = false;
        let mut chars = text.char_indices().peekable();
        while let Some((at, raw)) = chars.next() {
            while sentence + 1 < ranges.len() && at >= ranges[sentence + 1].start {
                self.close(&mut open, sentence, &mut after_comma, lexicon);
                sentence += 1;
            }
            let c = if raw.is_ascii() { raw } else { fold(raw) };
            self.count(raw, c, quoted);
            quoted ^= c == '"';
            let joins = c == '\'' && open.is_open && chars.peek().is_some_and(|&(_, next)| next.is_alphanumeric());
            if c.is_alphanumeric() || joins {
                self.extend(&mut open, c);
                continue;
            }
            self.close(&mut open, sentence, &mut after_comma, lexicon);
            if c == ',' {
                after_comma = true;
                self.sentences[sentence].n_commas += 1;
            }
        }
        self.close(&mut open, sentence, &mut after_comma, lexicon);
        self.sentences.retain(|span| span.n_tokens > 0);
        self.renumber();
        self.find_lists(lexicon);
    }

    fn clear(&mut self, lexicon: &Lexicon) {
        self.lower.clear();
        self.tokens.clear();
        self.sentences.clear();
        self.kinds.clear();
        self.suffixes.clear();
        self.suffixes.resize(lexicon.suffixes.len(), 0);
        self.lists = [0; List::N];
        self.chars = CharCounts::default();
        self.n_kinds = 0;
    }

    fn count(&mut self, raw: char, c: char, quoted: bool) {
        let chars = &mut self.chars;
        chars.n += 1;
        chars.n_quoted += usize::from(quoted);
        chars.n_beyond_ascii += usize::from(!raw.is_ascii());
        if c.is_alphabetic() {
            chars.n_letters += 1;
            chars.n_capitals += usize::from(c.is_uppercase());
        } else if c.is_whitespace() {
            chars.n_spaces += 1;
        } else if c.is_ascii_digit() {
            chars.n_digits += 1;
        } else if let Some(mark) = MARKS.iter().position(|&mark| mark == c) {
            chars.marks[mark] += 1;
        }
    }

    fn extend(&mut self, open: &mut Open, c: char) {
        if !open.is_open {
            *open = Open { start: self.lower.len(), is_open: true, capitalised: c.is_uppercase(), ..Open::default() };
        }
        open.n_chars += 1;
        open.n_capitals += usize::from(c.is_uppercase());
        open.n_digits += usize::from(c.is_ascii_digit());
        open.has_apostrophe |= c == '\'';
        if c.is_ascii() {
            self.lower.push(c.to_ascii_lowercase());
        } else {
            self.lower.extend(c.to_lowercase());
        }
    }

    fn close(&mut self, open: &mut Open, sentence: usize, after_comma: &mut bool, lexicon: &Lexicon) {
        if !open.is_open {
            return;
        }
        open.is_open = false;
        let (start, end) = (open.start, self.lower.len());
        let word = &self.lower[start..end];
        let span = &mut self.sentences[sentence];
        if span.n_tokens == 0 {
            span.first_token = self.tokens.len();
        }
        let known = lexicon.word(word).and_then(|entry| entry.function);
        let (function, class) = match known {
            Some((number, class)) => (number, class),
            None if open.n_digits > 0 => (NO_FUNCTION, Class::Number),
            None if open.capitalised && span.n_tokens > 0 => (NO_FUNCTION, Class::Name),
            None => (NO_FUNCTION, lexicon.class_by_ending(word)),
        };
        for (count, suffix) in self.suffixes.iter_mut().zip(&lexicon.suffixes) {
            *count += usize::from(word.len() > suffix.len() && word.ends_with(&**suffix));
        }
        let next_kind = self.kinds.len() as u32;
        let kind = *self.kinds.entry(xxhash_rust::xxh3::xxh3_64(word.as_bytes())).or_insert(next_kind);
        let shape = Shape {
            capitalised: open.capitalised,
            all_capital: open.n_capitals >= 2 && open.n_capitals == open.n_chars,
            has_apostrophe: open.has_apostrophe,
            after_comma: std::mem::take(after_comma),
        };
        let (start, end, n_chars) = (start as u32, end as u32, open.n_chars as u32);
        span.n_tokens += 1;
        self.tokens.push(Token { start, end, n_chars, kind, class, function, sentence: sentence as u32, shape });
        self.lower.push(' ');
    }

    /// Numbers the sentences that have words, and tells each word its own.
    fn renumber(&mut self) {
        self.n_kinds = self.kinds.len();
        for (number, span) in self.sentences.iter().enumerate() {
            for token in &mut self.tokens[span.first_token..span.first_token + span.n_tokens] {
                token.sentence = number as u32;
            }
        }
    }

    /// Counts the words and phrases of each list.
    fn find_lists(&mut self, lexicon: &Lexicon) {
        for at in 0..self.tokens.len() {
            let Some(entry) = lexicon.word(self.word(at)) else { continue };
            for (list, count) in self.lists.iter_mut().enumerate() {
                *count += usize::from(entry.lists & (1 << list) != 0);
            }
            for (rest, list) in &entry.phrases {
                let follows = |(offset, word): (usize, &str)| {
                    self.tokens.get(at + 1 + offset).is_some_and(|_| self.word(at + 1 + offset) == word)
                };
                if rest.iter().map(AsRef::as_ref).enumerate().all(follows) {
                    self.lists[*list as usize] += 1;
                }
            }
        }
    }

    /// A word in small letters.
    pub(crate) fn word(&self, token: usize) -> &str {
        let token = &self.tokens[token];
        &self.lower[token.start as usize..token.end as usize]
    }

    /// The words of a sentence.
    pub(crate) fn tokens_of(&self, sentence: &SentenceSpan) -> &[Token] {
        &self.tokens[sentence.first_token..sentence.first_token + sentence.n_tokens]
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexicon::Language;
    use super::*;

    fn scan(text: &str) -> Scan {
        let mut scan = Scan::default();
        scan.read(text, Language::English.lexicon());
        scan
    }

    #[test]
    fn words_and_sentences_are_those_of_the_text() {
        let found = scan("It\u{2019}s Anna's BIG mill, of 1750. \"Who runs it?\" Slowly, they grind!");
        let words: Vec<&str> = (0..found.tokens.len()).map(|i| found.word(i)).collect();
        assert_eq!(
            words,
            ["it's", "anna's", "big", "mill", "of", "1750", "who", "runs", "it", "slowly", "they", "grind"]
        );
        assert_eq!(found.sentences.iter().map(|s| s.n_tokens).collect::<Vec<_>>(), [6, 3, 3]);
        assert_eq!(
            found.sentences.iter().map(|s| (s.asks, s.exclaims)).collect::<Vec<_>>()[1..],
            [(true, false), (false, true)]
        );
        assert_eq!(found.tokens[1].class, Class::Name);
        assert_eq!((found.tokens[5].class, found.tokens[9].class), (Class::Number, Class::Adverb));
        assert!(
            found.tokens[2].shape.all_capital
                && found.tokens[4].shape.after_comma
                && found.tokens[0].shape.has_apostrophe
        );
        // Twelve characters and the opening mark.
        assert_eq!(found.chars.n_quoted, 13);
    }

    #[test]
    fn phrases_of_lists_are_found() {
        let found = scan("In conclusion, it is in order to delve. On the other hand, not only this.");
        assert_eq!(found.lists[List::Discourse as usize], 4);
        assert_eq!(found.lists[List::Stock as usize], 1);
        assert_eq!(scan("on the other").lists[List::Discourse as usize], 0);
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        for text in ["", " \n ", "...", "🦀🦀"] {
            let found = scan(text);
            assert!(found.tokens.is_empty() && found.sentences.is_empty(), "{text:?}");
        }
    }
}
