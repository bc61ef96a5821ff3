//! Takes credentials out of what servers say.
//!
//! Servers repeat what they were sent: a key that is refused, a header that is too long. Their words go to errors, the
//! ledger and logs, so they pass here first, before they are cut (a cut through a key would hide it from this).

use bytes::Bytes;

/// What stands where a credential was.
const HIDDEN: &str = "[redacted]";

/// Shortest value that is taken for a credential; shorter ones would take ordinary words out of messages.
const SHORTEST: usize = 4;

/// Shortest value that is taken out of replies. They are data: a server that wants any key at all is often given
/// `EMPTY` or `none`, and these are words; keys that are worth hiding are longer.
const SHORTEST_IN_REPLIES: usize = 12;

/// The credentials of one worker.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<String> = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST).collect();
        // The longest first: one may begin with another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// The text without this worker's credentials and without anything that looks like one: what follows `Bearer `,
    /// and words that begin with `sk-`, as OpenAI's keys do (it repeats them half hidden).
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in &self.secrets {
            clean = hide(&clean, secret);
        }
        let clean = hide_after(&clean, "Bearer ", false);
        hide_after(&clean, "sk-", true)
    }

    /// The body of an answer without this worker's credentials. Replies are kept in the journal and become documents, and
    /// some servers repeat in them what they were sent.
    pub(crate) fn redact_body(&self, body: Bytes) -> Bytes {
        let Ok(text) = std::str::from_utf8(&body) else { return body };
        let secrets = self.secrets.iter().filter(|secret| secret.len() >= SHORTEST_IN_REPLIES);
        let clean = secrets.fold(None, |clean: Option<String>, secret| {
            let hidden = hide(clean.as_deref().unwrap_or(text), secret);
            if hidden.contains(HIDDEN) { Some(hidden) } else { clean }
        });
        clean.map_or_else(|| body.clone(), Bytes::from)
    }
}

/// Hides each occurrence of a secret, in whichever spelling: as it is, as JSON may write it (`\/`, `\u002f`), as an
/// address does (`%2F`).
fn hide(text: &str, secret: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut kept = 0;
    let mut at = 0;
    while at < text.len() {
        match spelt(&text.as_bytes()[at..], secret.as_bytes()) {
            Some(n_bytes) => {
                clean.push_str(&text[kept..at]);
                clean.push_str(HIDDEN);
                at += n_bytes;
                kept = at;
            }
            None => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    clean + &text[kept..]
}

/// Number of bytes at the start of a text that spell the secret.
fn spelt(text: &[u8], secret: &[u8]) -> Option<usize> {
    secret.iter().try_fold(0, |at, byte| Some(at + spelt_byte(&text[at..], *byte)?))
}

/// Number of bytes at the start of a text that spell this one byte.
fn spelt_byte(text: &[u8], byte: u8) -> Option<usize> {
    let is_hex = |digits: &[u8]| {
        std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok()) == Some(byte)
    };
    match text {
        [b'\\', b'u' | b'U', b'0', b'0', high, low, ..] if is_hex(&[*high, *low]) => Some(6),
        [b'%', high, low, ..] if is_hex(&[*high, *low]) => Some(3),
        [b'\\', next, ..] if *next == byte => Some(2),
        [first, ..] if *first == byte => Some(1),
        _ => None,
    }
}

/// Hides the word after each occurrence of a mark, the mark itself too if it is part of the credential. A mark within
/// a word is none: `task-12` stays.
fn hide_after(text: &str, mark: &str, with_mark: bool) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(mark) {
        let within_word = rest[..at].chars().next_back().or_else(|| clean.chars().next_back());
        let (before, after) = rest.split_at(at);
        clean.push_str(before);
        let value = &after[mark.len()..];
        let end = value.find(|c: char| !is_part(c)).unwrap_or(value.len());
        if end < SHORTEST || within_word.is_some_and(char::is_alphanumeric) {
            clean.push_str(mark);
            rest = value;
            continue;
        }
        clean.push_str(if with_mark { "" } else { mark });
        clean.push_str(HIDDEN);
        rest = &value[end..];
    }
    clean + rest
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.*+/=~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_hidden_and_words_are_not() {
        let redactor = Redactor::new(["abc123xyz".to_owned(), "abc123".to_owned(), "x".to_owned()]);
        for (said, shown) in [
            ("Incorrect API key provided: abc123xyz.", "Incorrect API key provided: [redacted]."),
            ("key abc123, then abc123xyz", "key [redacted], then [redacted]"),
            ("got 'Bearer tok-en_42' instead", "got 'Bearer [redacted]' instead"),
            ("provided: sk-proj-1234****abcd. You", "provided: [redacted] You"),
            ("task-12345 and risk-averse: x", "task-12345 and risk-averse: x"),
            ("a bearer of news; Bearer ; sk-", "a bearer of news; Bearer ; sk-"),
            ("", ""),
        ] {
            assert_eq!(redactor.redact(said), shown);
        }
    }

    #[test]
    fn a_reply_loses_the_key_and_no_word() {
        let redactor = Redactor::new(["EMPTY".to_owned(), "abcdef-123456".to_owned()]);
        let redact = |body: &'static [u8]| redactor.redact_body(Bytes::from_static(body));
        assert_eq!(redact(br#"{"text": "EMPTY, sk-12345"}"#), &br#"{"text": "EMPTY, sk-12345"}"#[..]);
        assert_eq!(
            redact(br#"{"text": "You sent abcdef-\u00312345\u0036."}"#),
            &br#"{"text": "You sent [redacted]."}"#[..]
        );
        assert_eq!(redact(b"abcdef-123456\xff"), &b"abcdef-123456\xff"[..]);
    }

    #[test]
    fn a_long_text_of_marks_takes_no_time() {
        let start = std::time::Instant::now();
        for part in ["sk-", "Bearer ", "sk-12345 ", "Bearer x"] {
            Redactor::default().redact(&part.repeat(1_000_000));
        }
        assert!(start.elapsed() < std::time::Duration::from_secs(10));
    }
}
