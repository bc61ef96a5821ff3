//! Sentences, and scores of parts of a document: for texts that a machine wrote in part.
//!
//! A document that a person began and a machine went on with scores somewhere in the middle and says nothing. Scores of
//! windows of a few sentences show where it turns. A single sentence is too short for any detector; so each sentence gets
//! the mean of the windows that hold it, and the window's size in words is a parameter.
//!
//! The scorer is the caller's: any function from a text to a number. Not here: a verdict per sentence; calibration by
//! length would abstain from all of them.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// How a document is cut into windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WindowParams {
    /// Words that a window has at least; sentences are added until it does, or the text ends.
    pub min_words: usize,
    /// Sentences from the start of one window to the start of the next, at least 1.
    pub step_sentences: usize,
}

impl Default for WindowParams {
    /// 80 words, one sentence: below 80 words detectors abstain, so a window has as many.
    fn default() -> Self {
        Self { min_words: 80, step_sentences: 1 }
    }
}

/// The score of some neighbouring sentences.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Window {
    /// Bytes of the document.
    pub bytes: Range<usize>,
    /// Sentences of the document, by number.
    pub sentences: Range<usize>,
    /// What the scorer said.
    pub score: f64,
}

/// One sentence with what its windows scored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SentenceScore {
    /// Bytes of the document.
    pub bytes: Range<usize>,
    /// Mean score of the windows that hold the sentence.
    pub score: f64,
    /// Windows that hold it.
    pub n_windows: usize,
}

/// Scores of the parts of one document.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PartScores {
    /// Every sentence, in order; none for a text without words.
    pub sentences: Vec<SentenceScore>,
    /// The windows, in order.
    pub windows: Vec<Window>,
}

impl PartScores {
    /// The share of sentences whose score is above `threshold`, by bytes, in [0, 1]; 0 for no sentence.
    pub fn share_above(&self, threshold: f64) -> f64 {
        let n_bytes: usize = self.sentences.iter().map(|s| s.bytes.len()).sum();
        let n_above: usize = self.sentences.iter().filter(|s| s.score > threshold).map(|s| s.bytes.len()).sum();
        if n_bytes == 0 { 0.0 } else { n_above as f64 / n_bytes as f64 }
    }

    /// The window with the highest score, the first of equals.
    pub fn highest(&self) -> Option<&Window> {
        self.windows.iter().reduce(|best, window| if window.score > best.score { window } else { best })
    }
}

/// Scores windows of sentences with `scorer`, and each sentence by the windows it is in.
///
/// Calls the scorer once per window, in order. The last windows are not shorter than the others: they reach back.
pub fn score_parts(text: &str, params: WindowParams, mut scorer: impl FnMut(&str) -> f64) -> PartScores {
    let sentences = sentence_ranges(text);
    let n_words: Vec<usize> = sentences.iter().map(|range| text[range.clone()].split_whitespace().count()).collect();
    let mut windows: Vec<Window> = Vec::new();
    for range in window_ranges(&n_words, params) {
        let bytes = sentences[range.start].start..sentences[range.end - 1].end;
        let score = scorer(&text[bytes.clone()]);
        windows.push(Window { bytes, sentences: range, score });
    }
    let mut sums = vec![(0.0, 0_usize); sentences.len()];
    for window in &windows {
        for (sum, n) in &mut sums[window.sentences.clone()] {
            *sum += window.score;
            *n += 1;
        }
    }
    let scored = sentences.into_iter().zip(sums).map(|(bytes, (sum, n_windows))| SentenceScore {
        bytes,
        score: if n_windows == 0 { 0.0 } else { sum / n_windows as f64 },
        n_windows,
    });
    PartScores { sentences: scored.collect(), windows }
}

/// Windows as ranges of sentences: each has enough words, and together they cover all sentences.
fn window_ranges(n_words: &[usize], params: WindowParams) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let (mut start, mut end, mut words) = (0, 0, 0);
    while start < n_words.len() {
        while end < n_words.len() && (words < params.min_words || end == start) {
            words += n_words[end];
            end += 1;
        }
        // The rest is too short for a window of its own: the last one reaches back until it has enough words.
        while end == n_words.len() && start > 0 && words < params.min_words {
            start -= 1;
            words += n_words[start];
        }
        if ranges.last() != Some(&(start..end)) {
            ranges.push(start..end);
        }
        if end == n_words.len() {
            break;
        }
        let next = (start + params.step_sentences.max(1)).min(end);
        words -= n_words[start..next].iter().sum::<usize>();
        start = next;
    }
    ranges
}

/// English words after which a full stop ends no sentence.
const ABBREVIATIONS: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "vs", "etc", "inc", "ltd", "co", "corp", "gen", "col", "lt",
    "sgt", "capt", "rep", "sen", "gov", "no", "vol", "fig", "jan", "feb", "mar", "apr", "aug", "sep", "sept", "oct",
    "nov", "dec",
];

/// The sentences of a text as ranges of bytes, without white space at their ends.
///
/// A sentence ends at one or more of `. ! ?` with closing quotes or brackets, where white space and no small letter
/// follows; at `。！？` wherever they stand; and at an empty line. Initials and common English abbreviations end none.
/// Linear time.
pub fn sentence_ranges(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut ranges = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < bytes.len() {
        let Some(end) = end_after(text, start, at) else {
            at += 1;
            continue;
        };
        push_trimmed(text, start..end, &mut ranges);
        start = end;
        at = end.max(at + 1);
    }
    push_trimmed(text, start..text.len(), &mut ranges);
    ranges
}

fn push_trimmed(text: &str, range: Range<usize>, ranges: &mut Vec<Range<usize>>) {
    let part = &text[range.clone()];
    let trimmed = part.trim_start();
    let start = range.end - trimmed.len();
    let trimmed = trimmed.trim_end();
    if !trimmed.is_empty() {
        ranges.push(start..start + trimmed.len());
    }
}

/// Where the sentence ends if byte `at` ends it: behind the closing marks.
fn end_after(text: &str, start: usize, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    match bytes[at] {
        b'\n' if bytes.get(at + 1) == Some(&b'\n') => Some(at),
        // 。 is E3 80 82; ！ is EF BC 81; ？ is EF BC 9F.
        0xE3 if bytes[at..].starts_with("。".as_bytes()) => Some(at + 3),
        0xEF if bytes[at..].starts_with("！".as_bytes()) || bytes[at..].starts_with("？".as_bytes()) => Some(at + 3),
        b'.' | b'!' | b'?' => {
            // Only the last of a run of marks ends, so that a run is looked at once.
            let next = *bytes.get(at + 1)?;
            if matches!(next, b'.' | b'!' | b'?') {
                return None;
            }
            let closed = at + 1 + closing_bytes(&text[at + 1..]);
            let after = &text[closed..];
            let opens = after.starts_with(char::is_whitespace) && begins_sentence(after.trim_start());
            let ends = opens && (bytes[at] != b'.' || !is_abbreviation(&text[start..at], after.trim_start()));
            ends.then_some(closed)
        }
        _ => None,
    }
}

/// Bytes of closing quotes and brackets at the start of `after`; at most four marks.
fn closing_bytes(after: &str) -> usize {
    let closing = |c: &char| matches!(c, '"' | '\'' | ')' | ']' | '\u{201D}' | '\u{2019}' | '\u{00BB}');
    after.chars().take(4).take_while(closing).map(char::len_utf8).sum()
}

/// Whether what follows looks like a new sentence: anything but a small letter.
fn begins_sentence(after: &str) -> bool {
    let first = after.chars().find(|c| !matches!(c, '"' | '\'' | '(' | '[' | '\u{201C}' | '\u{2018}' | '\u{00AB}'));
    first.is_none_or(|c| !c.is_lowercase())
}

/// Whether the text before a full stop ends in an initial or an abbreviation; "No." is one before a number only.
fn is_abbreviation(before: &str, after: &str) -> bool {
    // No abbreviation is longer than six bytes, so nothing further back matters.
    let tail = before.char_indices().rev().take(7).last().map_or("", |(at, _)| &before[at..]);
    let word_at = tail
        .rfind(|c: char| !c.is_alphabetic())
        .map_or(0, |at| at + tail[at..].chars().next().map_or(1, char::len_utf8));
    let word = &tail[word_at..];
    let mut letters = word.chars();
    match (letters.next(), letters.next()) {
        (None, _) => false,
        (Some(one), None) => one.is_uppercase() && one != 'I',
        _ if word.eq_ignore_ascii_case("no") => after.starts_with(|c: char| c.is_ascii_digit()),
        _ => ABBREVIATIONS.iter().any(|known| known.eq_ignore_ascii_case(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        sentence_ranges(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn cuts_where_a_reader_would() {
        assert_eq!(
            cut(
                "Mr. J. Smith left at 3.50 p.m. on Monday... He said: \"Stop!\" Then he (Dr. Who?) ran. It was I. No. Yes"
            ),
            [
                "Mr. J. Smith left at 3.50 p.m. on Monday...",
                "He said: \"Stop!\"",
                "Then he (Dr. Who?) ran.",
                "It was I.",
                "No.",
                "Yes"
            ]
        );
        assert_eq!(cut("A title\n\nOne line\nthat goes on. next"), ["A title", "One line\nthat goes on. next"]);
        assert_eq!(cut("一つ。二つ！三つ"), ["一つ。", "二つ！", "三つ"]);
        assert_eq!(cut("  \n "), [""; 0]);
        assert_eq!(cut("?!.. ... !"), ["?!..", "...", "!"]);
    }

    #[test]
    fn windows_cover_all_sentences_and_have_enough_words() {
        for (words, min_words, step_sentences) in [
            (vec![5; 20], 12, 1),
            (vec![3, 100, 2, 2, 2], 10, 3),
            (vec![1], 80, 1),
            (vec![0, 0], 0, 0),
            (vec![2, 3], 9, 7),
        ] {
            let ranges = window_ranges(&words, WindowParams { min_words, step_sentences });
            let total: usize = words.iter().sum();
            let mut covered = vec![false; words.len()];
            for range in &ranges {
                assert!(words[range.clone()].iter().sum::<usize>() >= min_words.min(total), "{words:?} {ranges:?}");
                covered[range.clone()].fill(true);
            }
            assert!(covered.iter().all(|&c| c), "{words:?} {ranges:?}");
        }
        assert!(window_ranges(&[], WindowParams::default()).is_empty());
    }

    #[test]
    fn the_machine_part_of_a_mixed_text_stands_out() {
        let human = "We got wet. It was fun. No one knew why. ".repeat(3);
        let machine = "Moreover it is so. Moreover it is great. Moreover it is new. ".repeat(3);
        let text = format!("{human}{machine}");
        let count = |part: &str| part.matches("Moreover").count() as f64 / part.len() as f64;
        let parts = score_parts(&text, WindowParams { min_words: 12, step_sentences: 1 }, count);
        assert_eq!(parts.sentences.len(), 18);
        let (first, last) = (parts.sentences[0].score, parts.sentences[17].score);
        assert!(first == 0.0 && last > 0.04, "{first} {last}");
        let share = parts.share_above(0.03);
        assert!((0.5..0.65).contains(&share), "{share}");
        assert!(parts.highest().unwrap().bytes.start >= human.len());
        assert_eq!(score_parts("", WindowParams::default(), count), PartScores::default());
    }

    #[test]
    fn a_long_line_of_marks_takes_linear_time() {
        assert_eq!(sentence_ranges(&".".repeat(2_000_000)).len(), 1);
        assert_eq!(sentence_ranges(&"a. ".repeat(500_000)).len(), 1);
        assert_eq!(sentence_ranges(&"Ab.\"')".repeat(300_000)).len(), 1);
    }
}
