//! Sentences as spaCy's rule-based sentencizer cuts them.
//!
//! A sentence ends at a token that is one mark of [`is_end_mark`]; the next one starts at the first token after it that
//! is neither punctuation nor such a mark. White space other than one plain space counts as a token, so a line break
//! after an end mark starts a sentence at once. It splits on every full stop that the tokenizer left alone, knows no
//! abbreviation beyond the tokenizer's, and a line without an end mark runs into the next one.
//!
//! Source: spaCy 3.8, `Sentencizer` with its default marks; empty sentences are dropped and the others stripped as in
//! datatrove 0.10, `SpaCyTokenizer.sent_tokenize`. We differ for punctuation that Unicode gained after the version that
//! the Python at hand knows (CPython 3.11: Unicode 14): there it is no punctuation, so a sentence may start with it.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::lines::python_strip;
use super::words_spacy::{gap_has_token, offset_in};

/// Number of sentences in a text that no view exists for, such as one line of a page.
pub fn count_sentences(text: &str) -> usize {
    let mut n_sentences = 0;
    for_each_sentence(text, &super::words_spacy::words(text), |_| n_sentences += 1);
    n_sentences
}

/// Calls `take` with each sentence of `text`, whose spaCy words are `words`.
pub(crate) fn for_each_sentence<'a>(text: &'a str, words: &[&'a str], mut take: impl FnMut(&'a str)) {
    let mut emit = |start: usize, end: usize| {
        let sentence = python_strip(&text[start..end]);
        if !sentence.is_empty() {
            take(sentence);
        }
    };
    let (mut sentence_start, mut previous_end) = (0, 0);
    let mut after_end_mark = false;
    for word in words {
        let start = offset_in(text, word);
        if after_end_mark && gap_has_token(&text[previous_end..start]) {
            emit(sentence_start, previous_end);
            sentence_start = previous_end;
            after_end_mark = false;
        }
        previous_end = start + word.len();
        if is_end_mark(word) {
            after_end_mark = true;
        } else if after_end_mark && !is_punctuation(word) {
            emit(sentence_start, start);
            sentence_start = start;
            after_end_mark = false;
        }
    }
    emit(sentence_start, previous_end);
}

/// Whether the word is one mark that ends a sentence.
fn is_end_mark(word: &str) -> bool {
    match word.as_bytes() {
        [b] => matches!(b, b'!' | b'.' | b'?'),
        [first, _, ..] if !first.is_ascii() => {
            let mut chars = word.chars();
            matches!((chars.next(), chars.next()), (Some(c), None) if is_end_char(c))
        }
        _ => false,
    }
}

/// The sentencizer's marks beyond ASCII.
fn is_end_char(c: char) -> bool {
    matches!(
        c,
        '\u{589}' | '\u{61f}' | '\u{6d4}' | '\u{700}'..='\u{702}' | '\u{7f9}' | '\u{964}' | '\u{965}'
            | '\u{104a}' | '\u{104b}' | '\u{1362}' | '\u{1367}' | '\u{1368}' | '\u{166e}' | '\u{1735}' | '\u{1736}'
            | '\u{1803}' | '\u{1809}' | '\u{1944}' | '\u{1945}' | '\u{1aa8}'..='\u{1aab}' | '\u{1b5a}' | '\u{1b5b}'
            | '\u{1b5e}' | '\u{1b5f}' | '\u{1c3b}' | '\u{1c3c}' | '\u{1c7e}' | '\u{1c7f}' | '\u{203c}' | '\u{203d}'
            | '\u{2047}'..='\u{2049}' | '\u{2e2e}' | '\u{2e3c}' | '\u{3002}' | '\u{a4ff}' | '\u{a60e}' | '\u{a60f}'
            | '\u{a6f3}' | '\u{a6f7}' | '\u{a876}' | '\u{a877}' | '\u{a8ce}' | '\u{a8cf}' | '\u{a92f}'
            | '\u{a9c8}' | '\u{a9c9}' | '\u{aa5d}'..='\u{aa5f}' | '\u{aaf0}' | '\u{aaf1}' | '\u{abeb}' | '\u{fe52}'
            | '\u{fe56}' | '\u{fe57}' | '\u{ff01}' | '\u{ff0e}' | '\u{ff1f}' | '\u{ff61}' | '\u{10a56}' | '\u{10a57}'
            | '\u{11047}' | '\u{11048}' | '\u{110be}'..='\u{110c1}' | '\u{11141}'..='\u{11143}'
            | '\u{111c5}' | '\u{111c6}' | '\u{111cd}' | '\u{111de}' | '\u{111df}' | '\u{11238}' | '\u{11239}'
            | '\u{1123b}' | '\u{1123c}' | '\u{112a9}' | '\u{1144b}' | '\u{1144c}' | '\u{115c2}' | '\u{115c3}'
            | '\u{115c9}'..='\u{115d7}' | '\u{11641}' | '\u{11642}' | '\u{1173c}'..='\u{1173e}'
            | '\u{11a42}' | '\u{11a43}' | '\u{11a9b}' | '\u{11a9c}' | '\u{11c41}' | '\u{11c42}'
            | '\u{16a6e}' | '\u{16a6f}' | '\u{16af5}' | '\u{16b37}' | '\u{16b38}' | '\u{16b44}' | '\u{1bc9f}'
            | '\u{1da88}'
    )
}

/// Whether every character is of the general category P.
fn is_punctuation(word: &str) -> bool {
    word.chars().all(|c| {
        if c.is_ascii() {
            c.is_ascii_punctuation() && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~')
        } else {
            c.general_category_group() == GeneralCategoryGroup::Punctuation
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::TextView;
    use super::count_sentences;

    #[test]
    fn sentences_are_those_of_spacy() {
        // Expectations: datatrove 0.10.1, SpaCyTokenizer("en").sent_tokenize with spaCy 3.8.18.
        let expectations: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  \n ", &[]),
            ("One. Two! Three? four", &["One.", "Two!", "Three?", "four"]),
            ("No end", &["No end"]),
            ("He said \"Go.\" Then left.", &["He said \"Go.\"", "Then left."]),
            ("Go.\n\"Now\" he said.", &["Go.", "\"Now\" he said."]),
            ("Mr. Smith paid $3.50. OK", &["Mr. Smith paid $3.50.", "OK"]),
            ("Wait... what?! Yes.", &["Wait... what?!", "Yes."]),
            ("a. b. c.", &["a. b. c."]),
            ("一。二！三", &["一。二！三"]),
            ("Dr. No. (Yes.) $5", &["Dr. No. (", "Yes.)", "$5"]),
            ("line one\nline two.\n\n- item", &["line one\nline two.", "- item"]),
        ];
        for (text, expected) in expectations {
            assert_eq!(TextView::new(text).sentences(), *expected, "{text}");
            assert_eq!(count_sentences(text), expected.len(), "{text}");
        }
    }

    #[test]
    fn a_megabyte_on_one_line() {
        // Hand count: one sentence per repetition.
        assert_eq!(count_sentences(&"So it goes. ".repeat(90_000)), 90_000);
        assert_eq!(count_sentences(&"so on ".repeat(200_000)), 1);
    }
}
