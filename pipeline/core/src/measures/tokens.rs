//! Tokens of a text as numbers, for measures that only ask which tokens are equal.
//!
//! ROUGE and the novelty gate compare one text with thousands; as numbers, tokens are compared in one instruction and
//! each distinct word is stemmed once.
//!
//! Two tokenizers. [`Tokenizer::RougeScore`] is that of Google's rouge-score 0.1.2: it knows only the letters a to z and
//! digits, so that a text in Chinese, Arabic or Russian has no token and every score of it is 0.
//! [`Tokenizer::ScriptAware`] has tokens for every script: words of UAX #29, lower-cased, and single characters of
//! scripts that write no spaces, as dictionaries that find words there differ between versions.

use std::borrow::Cow;

use serde::Deserialize;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_segmentation::UnicodeSegmentation;

use super::interner::Interner;
use super::porter;

/// How a text is cut into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tokenizer {
    /// Runs of a to z and 0 to 9 after lower-casing, as rouge-score 0.1.2.
    RougeScore,
    /// Words of UAX #29 with at least one letter or digit, composed (NFC) and lower-cased; Han characters, kana and
    /// the letters of Thai, Lao, Khmer and Burmese (with their marks) one by one.
    #[default]
    ScriptAware,
}

/// What is done to a token before it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stemmer {
    /// Nothing.
    #[default]
    None,
    /// ASCII tokens of more than three characters are replaced by their [Porter stem](porter::stem), as rouge-score does.
    Porter,
}

/// Shortest word that rouge-score stems.
const MIN_STEMMED_CHARS: usize = 4;

/// Cuts texts into tokens and numbers them; equal tokens have equal numbers for as long as the lexer lives.
///
/// Memory grows with the number of distinct words seen.
#[derive(Debug, Clone, Default)]
pub struct Lexer {
    tokenizer: Tokenizer,
    words: Words,
    /// The token being lower-cased.
    word: String,
}

impl Lexer {
    /// A lexer that has seen no word.
    pub fn new(tokenizer: Tokenizer, stemmer: Stemmer) -> Self {
        Self { tokenizer, words: Words { stemmer, ..Words::default() }, word: String::new() }
    }

    /// Replaces `out` by the tokens of `text`, in order. Texts without a word have none.
    pub fn tokens(&mut self, text: &str, out: &mut Vec<u32>) {
        out.clear();
        let (words, word) = (&mut self.words, &mut self.word);
        match self.tokenizer {
            Tokenizer::RougeScore => each_rouge_score(text, word, |word| out.push(words.number(word))),
            Tokenizer::ScriptAware => each_script_aware(text, word, |word| out.push(words.number(word))),
        }
    }

    /// How many distinct words have been seen, before stemming.
    pub fn n_words(&self) -> usize {
        self.words.raw.n_words()
    }

    /// Forgets all words: numbers given out before mean nothing any more.
    pub fn clear(&mut self) {
        self.words.raw.clear();
        self.words.stems.clear();
        self.words.stem_of.clear();
    }
}

/// Words, and which stem each has.
#[derive(Debug, Clone, Default)]
struct Words {
    stemmer: Stemmer,
    raw: Interner,
    stems: Interner,
    /// For each raw word the number of its stem.
    stem_of: Vec<u32>,
    stem: String,
}

impl Words {
    fn number(&mut self, word: &str) -> u32 {
        let (id, is_new) = self.raw.intern(word);
        if self.stemmer == Stemmer::None {
            return id;
        }
        if is_new {
            if word.len() >= MIN_STEMMED_CHARS {
                porter::stem(word, &mut self.stem);
            } else {
                self.stem.clear();
                self.stem.push_str(word);
            }
            self.stem_of.push(self.stems.intern(&self.stem).0);
        }
        self.stem_of[id as usize]
    }
}

/// Lower-cased ASCII letters and digits; 0 for other bytes.
const LOWER: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        if byte.is_ascii_alphanumeric() {
            table[i] = byte.to_ascii_lowercase();
        }
        i += 1;
    }
    table
};

/// Calls `take` with each token of rouge-score.
///
/// Two characters beyond ASCII are ASCII in lower case: the Kelvin sign is k, the dotted capital I is i and a mark.
fn each_rouge_score(text: &str, word: &mut String, mut take: impl FnMut(&str)) {
    let bytes = text.as_bytes();
    word.clear();
    let mut at = 0;
    while at < bytes.len() {
        let lower = LOWER[bytes[at] as usize];
        if lower != 0 {
            word.push(char::from(lower));
            at += 1;
            continue;
        }
        if bytes[at..].starts_with("\u{212a}".as_bytes()) {
            word.push('k');
            at += 3;
            continue;
        }
        if bytes[at..].starts_with("\u{130}".as_bytes()) {
            word.push('i');
        }
        at += 1;
        if !word.is_empty() {
            take(word);
            word.clear();
        }
    }
    if !word.is_empty() {
        take(word);
    }
}

/// Calls `take` with each word of UAX #29 that has a letter or digit, cut further where [`stands_alone`] says.
fn each_script_aware(text: &str, word: &mut String, mut take: impl FnMut(&str)) {
    let text = match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        _ => Cow::Owned(text.nfc().collect::<String>()),
    };
    for piece in text.unicode_words() {
        word.clear();
        if piece.is_ascii() {
            word.push_str(piece);
            word.make_ascii_lowercase();
            take(word);
            continue;
        }
        for c in piece.chars() {
            if stands_alone(c) && !word.is_empty() {
                take(word);
                word.clear();
            }
            // One small sigma: which of the two a capital becomes depends on its place.
            word.extend(c.to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c }));
            if stands_alone(c) {
                take(word);
                word.clear();
            }
        }
        if !word.is_empty() {
            take(word);
        }
    }
}

/// Whether the character is a token of its own although UAX #29 may join it to its neighbours.
///
/// Only kana need this: the rules break beside every Han character and every letter of Thai, Lao, Khmer and Burmese.
fn stands_alone(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{3096}' | '\u{309d}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9d}' | '\u{1b000}'..='\u{1b16f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(tokenizer: Tokenizer, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut word = String::new();
        match tokenizer {
            Tokenizer::RougeScore => each_rouge_score(text, &mut word, |word| found.push(word.to_owned())),
            Tokenizer::ScriptAware => each_script_aware(text, &mut word, |word| found.push(word.to_owned())),
        }
        found
    }

    #[test]
    fn rouge_score_knows_ascii_only() {
        // By rouge_score.tokenize.tokenize (0.1.2).
        let words = |text| cut(Tokenizer::RougeScore, text);
        assert_eq!(words("Don't STOP_now, 3.14!"), ["don", "t", "stop", "now", "3", "14"]);
        assert_eq!(words("naïve café"), ["na", "ve", "caf"]);
        assert_eq!(words("5 \u{212a}elvin, \u{130}stanbul"), ["5", "kelvin", "i", "stanbul"]);
        assert!(words("日本語 текст عربي !? \u{1f980}").is_empty());
    }

    #[test]
    fn every_script_has_words() {
        let words = |text| cut(Tokenizer::ScriptAware, text);
        assert_eq!(words("Don't stop, 3.14!"), ["don't", "stop", "3.14"]);
        assert_eq!(words("Привет, МИР"), ["привет", "мир"]);
        assert_eq!(words("ΟΔΟΣ οδός"), ["οδοσ", "οδόσ"]);
        assert_eq!(words("日本のコーヒー"), ["日", "本", "の", "コ", "ー", "ヒ", "ー"]);
        assert_eq!(words("مرحبا بالعالم"), ["مرحبا", "بالعالم"]);
        assert_eq!(words("한국어 문장"), ["한국어", "문장"]);
        assert_eq!(words("กขค").len(), 3);
        // Composed and decomposed letters are the same word.
        assert_eq!(words("cafe\u{301}"), words("CAFÉ"));
        assert!(words(" \u{1f980} …!").is_empty());
    }

    #[test]
    fn numbers_stand_for_stems() {
        let mut out = Vec::new();
        let mut lexer = Lexer::new(Tokenizer::RougeScore, Stemmer::Porter);
        lexer.tokens("Connected connection connects run runs running his hi", &mut out);
        // Short words stay: his is not hi, and runs (four letters) is run.
        assert_eq!(out, [0, 0, 0, 1, 1, 1, 2, 3]);
        assert_eq!(lexer.n_words(), 8);
        let mut lexer = Lexer::new(Tokenizer::RougeScore, Stemmer::None);
        lexer.tokens("a b A", &mut out);
        assert_eq!(out, [0, 1, 0]);
        lexer.tokens("", &mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn a_megabyte_on_one_line() {
        let mut out = Vec::new();
        for tokenizer in [Tokenizer::RougeScore, Tokenizer::ScriptAware] {
            let mut lexer = Lexer::new(tokenizer, Stemmer::Porter);
            lexer.tokens(&"y".repeat(1 << 20), &mut out);
            assert_eq!(out.len(), 1);
            lexer.tokens(&"ab, ".repeat(1 << 18), &mut out);
            assert_eq!(out.len(), 1 << 18);
        }
    }
}
