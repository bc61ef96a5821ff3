//! Words of Unicode text segmentation (UAX #29) that begin with a letter or digit.
//!
//! UAX #29 leaves Chinese, Japanese, Thai, Khmer, Lao and Burmese to dictionaries; runs of their letters go to ICU4X's.
//! Everything else is cut by the rules alone, and pure ASCII by a scan of bytes: a break always lies beside ASCII white
//! space, so each chunk between them is cut by itself.
//!
//! Source: UAX #29 (word boundary rules); ICU4X dictionaries. The words of DCLM and datamap-rs are those of UAX #29
//! that begin with an alphanumeric; they have no dictionaries, we differ for the scripts above.

use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_segmentation::UnicodeSegmentation;

/// The words of `text`, in order.
pub(crate) fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::with_capacity(text.len() / 6);
    let mut segmenter = None;
    for chunk in text.split(|c: char| c.is_ascii_whitespace() || c == '\u{b}') {
        if chunk.is_ascii() {
            push_ascii_words(chunk, &mut words);
        } else {
            push_words(chunk, &mut segmenter, &mut words);
        }
    }
    words
}

/// Takes the words of a chunk of ASCII without white space.
fn push_ascii_words<'a>(chunk: &'a str, words: &mut Vec<&'a str>) {
    let bytes = chunk.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        at += 1;
        if !is_word_byte(bytes[start]) {
            continue;
        }
        while at < bytes.len() {
            if is_word_byte(bytes[at]) {
                at += 1;
            } else if joins(bytes[at - 1], bytes[at], bytes.get(at + 1).copied()) {
                at += 2;
            } else {
                break;
            }
        }
        if bytes[start] != b'_' {
            words.push(&chunk[start..at]);
        }
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Rules WB6, WB7, WB11 and WB12: marks that do not break between two letters or two digits.
fn joins(before: u8, mark: u8, after: Option<u8>) -> bool {
    let Some(after) = after else { return false };
    match mark {
        b'.' | b'\'' => {
            (before.is_ascii_alphabetic() && after.is_ascii_alphabetic())
                || (before.is_ascii_digit() && after.is_ascii_digit())
        }
        b':' => before.is_ascii_alphabetic() && after.is_ascii_alphabetic(),
        b',' | b';' => before.is_ascii_digit() && after.is_ascii_digit(),
        _ => false,
    }
}

/// Takes the words of any chunk: runs of dictionary scripts by dictionary, what lies between by the rules.
fn push_words<'a>(chunk: &'a str, segmenter: &mut Option<WordSegmenterBorrowed<'static>>, words: &mut Vec<&'a str>) {
    let mut rest = chunk;
    while !rest.is_empty() {
        let by_rules = rest.find(needs_dictionary).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(by_rules);
        words.extend(head.split_word_bounds().filter(|word| begins_word(word)));
        let (run, after) = tail.split_at(tail.find(|c| !needs_dictionary(c)).unwrap_or(tail.len()));
        if !run.is_empty() {
            let segmenter =
                segmenter.get_or_insert_with(|| WordSegmenter::new_dictionary(WordBreakInvariantOptions::default()));
            let mut start = 0;
            for end in segmenter.segment_str(run) {
                words.extend(run.get(start..end).filter(|word| begins_word(word)));
                start = end;
            }
        }
        rest = after;
    }
}

/// A mark that is alphabetic by Unicode's word, such as a vowel sign, begins no word: it belongs to what it follows.
fn begins_word(piece: &str) -> bool {
    piece.starts_with(|c: char| {
        c.is_ascii_alphanumeric() || (c.is_alphanumeric() && c.general_category_group() != GeneralCategoryGroup::Mark)
    })
}

/// Letters, marks and digits of the scripts that are written without spaces.
fn needs_dictionary(c: char) -> bool {
    matches!(c,
        // Thai, Lao, Burmese, Khmer
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{19e0}'..='\u{19ff}'
        | '\u{a9e0}'..='\u{a9ff}' | '\u{aa60}'..='\u{aa7f}'
        // Hiragana and Katakana
        | '\u{3041}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}' | '\u{1b000}'..='\u{1b16f}'
        // Chinese characters
        | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303b}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_by_rules(text: &str) -> Vec<&str> {
        text.split_word_bounds().filter(|word| begins_word(word)).collect()
    }

    #[test]
    fn words_of_the_standard() {
        // Hand application of UAX #29, WB5 to WB13b.
        assert_eq!(
            words("The quick (\"brown\") fox can't jump 32.3 feet, right?"),
            ["The", "quick", "brown", "fox", "can't", "jump", "32.3", "feet", "right"]
        );
        assert_eq!(
            words("a_b _c 1,000 3;4 x:y x: 1:2 e.g. a,b 1.a v1.2 'tis"),
            ["a_b", "1,000", "3;4", "x:y", "x", "1", "2", "e.g", "a", "b", "1", "a", "v1.2", "tis"]
        );
        assert_eq!(words(""), Vec::<&str>::new());
        assert_eq!(words("😀 … \0 \u{301}"), Vec::<&str>::new());
        assert_eq!(words("été l’été 한국어 мир"), ["été", "l’été", "한국어", "мир"]);
    }

    #[test]
    fn ascii_scan_is_the_standard() {
        // Every ASCII text of four characters out of one of each kind, against unicode-segmentation's implementation.
        let kinds = ['a', 'Z', '0', '9', '_', '.', ',', ';', ':', '\'', '"', '-', ' ', '\n', '@', '\0'];
        for n in 0..kinds.len().pow(4) {
            let text: String = (0..4u32).map(|place| kinds[n / kinds.len().pow(place) % kinds.len()]).collect();
            assert_eq!(words(&text), cut_by_rules(&text), "{text:?}");
        }
    }

    #[test]
    fn chunks_beyond_ascii_are_the_standard() {
        for text in
            ["l’été n'a été", "a\u{301} b\u{200d}c é_1", "שלום ב\"ה", "Ελλάδα, 1٫5 мир…x", "a\u{a0}b\u{2028}c", "🇫🇷é🇩🇪"]
        {
            assert_eq!(words(text), cut_by_rules(text), "{text:?}");
        }
    }

    #[test]
    fn dictionary_words() {
        // Breaks of the examples in ICU4X's documentation: [0, 9, 18, 39] and [0, 15, 21].
        assert_eq!(words("ทุกสองสัปดาห์"), ["ทุก", "สอง", "สัปดาห์"]);
        assert_eq!(words("GPTこんにちは世界。"), ["GPT", "こんにちは", "世界"]);
    }

    #[test]
    fn a_megabyte_on_one_line() {
        for unit in ["a.", "1,", "😀", "中", "ไทย", "\u{301}", "é'"] {
            assert!(words(&unit.repeat(1_000_000 / unit.len())).len() <= 1_000_000);
        }
    }
}
