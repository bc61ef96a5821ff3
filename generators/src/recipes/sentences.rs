//! Where sentences end, for recipes that keep the first sentence of a reply or the opening of a document.
//!
//! An end mark of a script with spaces counts when white space or the end of the text follows (closing quotation marks
//! and brackets may stand between); one of Chinese or Japanese counts wherever it stands, the semicolon among them.
//! Abbreviations are not known: "Dr." ends a sentence.

/// Byte offsets just after each sentence of the text, in order; a rest without an end mark has none.
pub(super) fn sentence_ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let wide = matches!(c, '。' | '！' | '？' | '；');
        if !wide && !matches!(c, '.' | '!' | '?' | '…' | '؟' | '।') {
            continue;
        }
        let mut end = at + c.len_utf8();
        while let Some((at, c)) = chars.next_if(|(_, c)| is_closing(*c) || matches!(c, '!' | '?' | '！' | '？')) {
            end = at + c.len_utf8();
        }
        if wide || chars.peek().is_none_or(|(_, c)| c.is_whitespace()) {
            ends.push(end);
        }
    }
    ends
}

fn is_closing(c: char) -> bool {
    matches!(c, '"' | '\'' | '”' | '’' | '»' | ')' | ']' | '」' | '』' | '）')
}

/// The first sentence, stripped; none when no sentence ends.
pub(super) fn first_sentence(text: &str) -> Option<&str> {
    let text = text.trim_start();
    sentence_ends(text).first().map(|end| text[..*end].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_where_its_script_says() {
        assert_eq!(first_sentence(" \"It cost 3.50!\" He paid."), Some("\"It cost 3.50!\""));
        assert_eq!(first_sentence("水は冷たい。次"), Some("水は冷たい。"));
        assert_eq!(first_sentence("no end"), None);
        assert_eq!(sentence_ends("A b. C d? e"), [4, 9]);
        assert_eq!(sentence_ends(""), Vec::<usize>::new());
    }
}
