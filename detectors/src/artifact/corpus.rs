//! Texts cut into words and sentences once, for all measures of an audit.
//!
//! A word is a UAX #29 word that holds a letter, in lower case; numbers are left out, for they are no vocabulary. A token is
//! what tokenizers of the field count: a word, a number or a single mark, so all that UAX #29 parts but white space. Both are
//! numbers of one vocabulary that both sides share, so that counting never touches a string again.
//!
//! A sentence ends at `.`, `!`, `?`, `…` or their full-width forms, with any closing quotes and brackets, before white space
//! or the end, and at a blank line. There is no list of abbreviations: the same rule errs the same way on both sides.

use hashbrown::HashMap;
use rayon::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

/// The words of both sides, by number.
#[derive(Debug, Default)]
pub struct Vocabulary {
    ids: HashMap<Box<str>, u32>,
    words: Vec<Box<str>>,
}

impl Vocabulary {
    /// The number of a word in lower case, a new one where it has none.
    fn intern(&mut self, word: &str) -> u32 {
        if let Some(id) = self.ids.get(word) {
            return *id;
        }
        let id = self.words.len() as u32;
        self.words.push(word.into());
        self.ids.insert(word.into(), id);
        id
    }

    /// The number of a word in lower case, if any text holds it.
    pub fn id(&self, word: &str) -> Option<u32> {
        self.ids.get(word).copied()
    }

    /// The word of a number; "" for a number never given.
    pub fn word(&self, id: u32) -> &str {
        self.words.get(id as usize).map_or("", |word| word)
    }

    /// How many words there are.
    pub fn n_words(&self) -> usize {
        self.words.len()
    }

    /// Words joined by spaces.
    pub fn phrase(&self, ids: &[u32]) -> String {
        ids.iter().map(|id| self.word(*id)).collect::<Vec<_>>().join(" ")
    }

    /// The word numbers of a text, added to `into`.
    pub fn read(&mut self, text: &str, into: &mut Vec<u32>) {
        let mut lower = String::new();
        for word in text.unicode_words().filter(|word| has_letter(word)) {
            into.push(self.intern(lower_case(word, &mut lower)));
        }
    }
}

fn has_letter(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_alphabetic()) || word.chars().any(char::is_alphabetic)
}

fn lower_case<'a>(word: &str, buffer: &'a mut String) -> &'a str {
    buffer.clear();
    buffer.push_str(word);
    if word.is_ascii() {
        buffer.make_ascii_lowercase();
    } else {
        *buffer = word.to_lowercase();
    }
    buffer
}

/// A text and its words.
#[derive(Debug)]
pub struct Doc<'a> {
    /// The text as given.
    pub text: &'a str,
    /// Its length in Unicode scalar values.
    pub n_chars: usize,
    /// Its words.
    pub words: Vec<u32>,
    /// Its words, numbers and marks.
    pub tokens: Vec<u32>,
    /// Sum of the lengths of its words, in Unicode scalar values.
    pub n_word_chars: usize,
    /// For each sentence that holds a word, the number of words up to its end; rising.
    pub sentence_ends: Vec<u32>,
    /// For each of these sentences, the number of tokens up to its end; rising.
    pub sentence_token_ends: Vec<u32>,
}

impl<'a> Doc<'a> {
    /// Reads a text.
    pub fn new(text: &'a str, vocabulary: &mut Vocabulary) -> Self {
        let mut doc = Self {
            text,
            n_chars: text.chars().count(),
            words: Vec::new(),
            tokens: Vec::new(),
            n_word_chars: 0,
            sentence_ends: Vec::new(),
            sentence_token_ends: Vec::new(),
        };
        let mut ends = SentenceEnds::new(text);
        let mut end = ends.next();
        let mut lower = String::new();
        for (at, token) in text.split_word_bound_indices().filter(|(_, token)| !is_space(token)) {
            while end.is_some_and(|end| at >= end) {
                doc.end_sentence();
                end = ends.next();
            }
            let id = vocabulary.intern(lower_case(token, &mut lower));
            doc.tokens.push(id);
            if has_letter(token) {
                doc.n_word_chars += token.chars().count();
                doc.words.push(id);
            }
        }
        doc.end_sentence();
        doc
    }

    /// Ends a sentence, if it holds a word; marks alone go to the next one.
    fn end_sentence(&mut self) {
        let n_words = self.words.len() as u32;
        if n_words > self.sentence_ends.last().copied().unwrap_or(0) {
            self.sentence_ends.push(n_words);
            self.sentence_token_ends.push(self.tokens.len() as u32);
        }
    }

    /// The words of each sentence.
    pub fn sentences(&self) -> impl Iterator<Item = &[u32]> {
        cut_at(&self.words, &self.sentence_ends)
    }

    /// The tokens of each sentence.
    pub fn sentence_tokens(&self) -> impl Iterator<Item = &[u32]> {
        cut_at(&self.tokens, &self.sentence_token_ends)
    }
}

/// The runs of a list that end at some places.
fn cut_at<'a>(list: &'a [u32], ends: &'a [u32]) -> impl Iterator<Item = &'a [u32]> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends).map(|(start, end)| &list[start as usize..*end as usize])
}

fn is_space(token: &str) -> bool {
    token.starts_with(|c: char| c.is_whitespace() || c.is_control())
}

/// Byte offsets just after each sentence of a text.
struct SentenceEnds<'a> {
    text: &'a str,
    chars: std::iter::Peekable<std::str::CharIndices<'a>>,
}

impl<'a> SentenceEnds<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, chars: text.char_indices().peekable() }
    }

    fn skip_while(&mut self, is_skipped: impl Fn(char) -> bool) {
        while self.chars.next_if(|(_, c)| is_skipped(*c)).is_some() {}
    }

    fn offset(&mut self) -> usize {
        self.chars.peek().map_or(self.text.len(), |(at, _)| *at)
    }
}

impl Iterator for SentenceEnds<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while let Some((_, c)) = self.chars.next() {
            match c {
                '。' | '！' | '？' => return Some(self.offset()),
                '.' | '!' | '?' | '…' => {
                    self.skip_while(|c| matches!(c, '.' | '!' | '?' | '…'));
                    self.skip_while(|c| matches!(c, '"' | '\'' | ')' | ']' | '”' | '’' | '»'));
                    if self.chars.peek().is_none_or(|(_, c)| c.is_whitespace()) {
                        return Some(self.offset());
                    }
                }
                '\n' => {
                    self.skip_while(|c| c.is_whitespace() && c != '\n');
                    if self.chars.peek().is_some_and(|(_, c)| *c == '\n') {
                        return Some(self.offset());
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// Texts that are read with one vocabulary before it is taken over.
const STRETCH_DOCS: usize = 256;

/// The texts of one side that hold a word or not, with the rows they are from.
#[derive(Debug, Default)]
pub struct Corpus<'a> {
    /// The texts.
    pub docs: Vec<Doc<'a>>,
    /// The row of each.
    pub rows: Vec<u32>,
}

impl<'a> Corpus<'a> {
    /// Reads the texts of a side, each with the row it is from.
    ///
    /// Stretches of the side are read at the same time, each with a vocabulary of its own; taken over in their order, words
    /// get the numbers that reading one text after the other would give them.
    pub fn read(texts: impl IntoIterator<Item = (u32, &'a str)>, vocabulary: &mut Vocabulary) -> Self {
        let (rows, texts): (Vec<u32>, Vec<&str>) = texts.into_iter().unzip();
        let read = |stretch: &[&'a str]| {
            let mut own = Vocabulary::default();
            let docs: Vec<Doc<'a>> = stretch.iter().map(|text| Doc::new(text, &mut own)).collect();
            (docs, own)
        };
        let stretches: Vec<(Vec<Doc<'a>>, Vocabulary)> = texts.par_chunks(STRETCH_DOCS).map(read).collect();
        let mut docs = Vec::with_capacity(texts.len());
        for (mut stretch, own) in stretches {
            let ids: Vec<u32> = own.words.iter().map(|word| vocabulary.intern(word)).collect();
            let numbers = stretch.iter_mut().flat_map(|doc| doc.words.iter_mut().chain(&mut doc.tokens));
            numbers.for_each(|id| *id = ids[*id as usize]);
            docs.append(&mut stretch);
        }
        Self { docs, rows }
    }

    /// How many texts there are.
    pub fn n_docs(&self) -> usize {
        self.docs.len()
    }

    /// How many words all have.
    pub fn n_words(&self) -> usize {
        self.docs.iter().map(|doc| doc.words.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(text: &str) -> Vec<usize> {
        let mut vocabulary = Vocabulary::default();
        Doc::new(text, &mut vocabulary).sentences().map(<[u32]>::len).collect()
    }

    #[test]
    fn sentences_end_at_terminators_before_space() {
        assert_eq!(sentences("He said \"no.\" Then he left! Why? At 3.5 m"), vec![3, 3, 1, 2]);
        assert_eq!(sentences("no end"), vec![2]);
        assert_eq!(sentences("a title\n\nA text"), vec![2, 2]);
        assert_eq!(sentences("one\ntwo"), vec![2]);
        assert_eq!(sentences("... !? ..."), Vec::<usize>::new());
        assert_eq!(sentences(""), Vec::<usize>::new());
        assert_eq!(sentences("她来了。他走了。").len(), 2);
    }

    #[test]
    fn words_hold_a_letter_and_are_in_lower_case() {
        let mut vocabulary = Vocabulary::default();
        let doc = Doc::new("The 3 CAN'T 2nd 😀 the Ärger", &mut vocabulary);
        assert_eq!(vocabulary.phrase(&doc.words), "the can't 2nd the ärger");
        assert_eq!(doc.n_word_chars, 3 + 5 + 3 + 3 + 5);
        assert_eq!(vocabulary.id("the"), Some(0));
        assert_eq!(vocabulary.id("nothing"), None);
        assert_eq!(vocabulary.phrase(&doc.tokens), "the 3 can't 2nd 😀 the ärger");
    }

    #[test]
    fn stretches_give_words_the_numbers_that_one_reading_does() {
        let texts: Vec<String> = (0..3 * STRETCH_DOCS).map(|at| format!("word {} and {}.", at % 700, at)).collect();
        let mut one = Vocabulary::default();
        let alone: Vec<Vec<u32>> = texts.iter().map(|text| Doc::new(text, &mut one).tokens).collect();
        let mut vocabulary = Vocabulary::default();
        let corpus = Corpus::read((0..).zip(texts.iter().map(String::as_str)), &mut vocabulary);
        assert!(corpus.docs.iter().map(|doc| &doc.tokens).eq(&alone));
        assert_eq!(vocabulary.words, one.words);
    }

    #[test]
    fn tokens_are_words_numbers_and_single_marks() {
        let mut vocabulary = Vocabulary::default();
        let doc = Doc::new("\"Don't pay 3.5,\" he said... So (he) left!", &mut vocabulary);
        let sentences: Vec<String> = doc.sentence_tokens().map(|tokens| vocabulary.phrase(tokens)).collect();
        assert_eq!(sentences, vec!["\" don't pay 3.5 , \" he said . . .", "so ( he ) left !"]);
    }

    #[test]
    fn a_megabyte_without_a_space_is_read() {
        let text = "x".repeat(1 << 20);
        assert_eq!(sentences(&text), vec![1]);
        assert_eq!(sentences(&"a.\n\n".repeat(200_000)).len(), 200_000);
    }
}
