//! What a server's refusal means: its status, headers and body as a failure with a class.
//!
//! Servers word the same refusal in many ways: bodies are `{"error": {…}}`, `{"error": "…"}`, `{"object": "error"}`,
//! `{"detail": …}`, `{"message": …}`, a list of these, or a page of HTML; codes are words or numbers. So a refusal is
//! read from what was received, before any typed parser sees it: those fail on half of these and lose the status.

use http::HeaderMap;
use serde_json::Value;

use super::redact::Redactor;
use super::wait;
use crate::error::{Failure, WorkerError, cut};

/// Most characters of the server's words that are kept.
const KEPT_CHARS: usize = 500;

/// Most bytes of a body that are read for its words.
const READ_BYTES: usize = 64 << 10;

/// Codes and types by which 429 means that the account is spent: waiting does not help.
const SPENT: &[&str] = &[
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_balance",
    "insufficient_credits",
    "exceeded_current_quota_error",
];

/// Words by which a refusal means that prompt and reply do not fit the context; lower case.
const TOO_LONG: &[&str] = &[
    "context_length_exceeded",
    "exceed_context_size",
    "context length",
    "context window",
    "available context size",
    "maximum model length",
    "prompt is too long",
    "please reduce",
    "`inputs` tokens + `max_new_tokens`",
];

/// Words by which a 500 is the server's way to say that the request is wrong, and that it cannot do what is asked;
/// lower case. llama-cpp-python answers 500 whatever its own checks find.
const INVALID: &str = "validation error";
const NOT_OFFERED: &str = "not supported";

/// Codes by which a filter refused the prompt.
const FILTERED: &[&str] = &["content_filter", "content_policy_violation", "moderation_blocked"];

/// A refusal's words, found in its body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// What the server says.
    pub(crate) message: String,
    /// Its code, in lower case; numbers as digits.
    pub(crate) code: String,
    /// Its type, in lower case.
    pub(crate) kind: String,
}

/// The failure that an answer other than 2xx is.
pub(crate) fn classify(
    worker: &str,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    redactor: &Redactor,
) -> WorkerError {
    let words = words(body);
    let failure = class(status, &words);
    let mut message = match cut(&redactor.redact(&words.message), KEPT_CHARS) {
        said if said.is_empty() => format!("answers {status}"),
        said => format!("answers {status}: {said}"),
    };
    match failure {
        Failure::NotFound if (300..400).contains(&status) => {
            let place = wait::text(headers, "location").unwrap_or("elsewhere");
            message = format!("answers {status}: it has moved to {}", redactor.redact(&cut(place, KEPT_CHARS)));
        }
        Failure::NotFound => message.push_str(" (is base_url with its /v1 right, and does it serve this model?)"),
        Failure::Auth => message.push_str(" (is the key right?)"),
        _ => {}
    }
    // What passes by itself says when; for the others a wait would only mislead.
    let retry_after = match failure {
        Failure::Rate => wait::of_rate(headers),
        Failure::Overload => wait::of_failure(headers),
        _ => None,
    };
    WorkerError { status: Some(status), retry_after, ..WorkerError::new(worker, failure, message) }
}

/// The class of a status, given the words.
pub(crate) fn class(status: u16, words: &Words) -> Failure {
    let named = |names: &[&str]| names.iter().any(|name| words.code == *name || words.kind == *name);
    let said = words.message.to_lowercase();
    // Proxies keep the message and lose the code.
    let spent = || named(SPENT) || SPENT.iter().any(|code| said.contains(code));
    let too_long = || {
        TOO_LONG
            .iter()
            .any(|phrase| said.contains(phrase) || words.code.contains(phrase) || words.kind.contains(phrase))
    };
    match status {
        402 => Failure::Quota,
        429 if spent() => Failure::Quota,
        429 => Failure::Rate,
        401 | 403 => Failure::Auth,
        300..=399 | 404 => Failure::NotFound,
        400 | 413 | 422 if too_long() => Failure::ContextLength,
        400..=499 if named(FILTERED) => Failure::Refused,
        400..=499 if words.code == "model_not_found" => Failure::NotFound,
        408 | 409 | 425 => Failure::Overload,
        500 if said.contains(INVALID) => Failure::BadRequest,
        500 if said.contains(NOT_OFFERED) => Failure::Unsupported,
        501 => Failure::Unsupported,
        500..=599 => Failure::Overload,
        400..=499 => Failure::BadRequest,
        _ => Failure::Abnormal,
    }
}

/// The words of a body, whatever its form. A body that is no JSON is its own message.
pub(crate) fn words(body: &[u8]) -> Words {
    let text = String::from_utf8_lossy(&body[..body.len().min(READ_BYTES)]);
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => {
            let mut found = words_of(&value);
            if found.message.is_empty() {
                found.message = text.trim().to_owned();
            }
            found
        }
        Err(_) => Words { message: plain(&text), ..Words::default() },
    }
}

/// The words of a JSON body: of its `error` if it has one, of the first item of a list.
pub(crate) fn words_of(value: &Value) -> Words {
    let inner = match value {
        Value::Array(items) => return items.first().map(words_of).unwrap_or_default(),
        Value::String(message) => return Words { message: message.clone(), ..Words::default() },
        Value::Object(_) => value.get("error").filter(|error| !error.is_null()).unwrap_or(value),
        _ => return Words::default(),
    };
    if let Value::String(message) = inner {
        return Words { message: message.clone(), ..codes(value) };
    }
    let message = ["message", "detail", "error", "msg"].iter().find_map(|name| said(inner.get(name)?));
    Words { message: message.unwrap_or_default(), ..codes(inner) }
}

/// A message: a text; of a validator's list or of an object the `msg` or `message` in it.
fn said(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let all: Vec<String> = items.iter().take(8).filter_map(said).collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
        Value::Object(fields) => {
            let message = fields.get("msg").or_else(|| fields.get("message")).and_then(Value::as_str)?;
            let place = fields.get("loc").and_then(Value::as_array).map(|place| {
                place
                    .iter()
                    .map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned))
                    .collect::<Vec<_>>()
            });
            Some(place.map_or_else(|| message.to_owned(), |place| format!("{}: {message}", place.join("."))))
        }
        _ => None,
    }
}

fn codes(value: &Value) -> Words {
    let word = |name: &str| match value.get(name) {
        Some(Value::String(word)) => word.to_lowercase(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    Words { message: String::new(), code: word("code"), kind: word("type") }
}

/// A text without tags and with single spaces: error pages of proxies are HTML.
fn plain(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(4 * KEPT_CHARS));
    let mut in_tag = false;
    let is_page = text.trim_start().starts_with('<');
    for c in text.chars() {
        match c {
            '<' if is_page => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                clean.push(' ');
            }
            _ if !in_tag => clean.push(c),
            _ => {}
        }
    }
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> (String, String, String) {
        let words = words(body.as_bytes());
        (words.message, words.code, words.kind)
    }

    #[test]
    fn words_are_found_in_every_form_of_body() {
        let row = |message: &str, code: &str, kind: &str| (message.to_owned(), code.to_owned(), kind.to_owned());
        for (body, expected) in [
            (r#"{"error":{"message":"m","code":"C","type":"T"}}"#, row("m", "c", "t")),
            (r#"{"error":{"message":"m","code":429,"type":null}}"#, row("m", "429", "")),
            (
                r#"{"object":"error","message":"m","code":40301,"type":"BadRequestError"}"#,
                row("m", "40301", "badrequesterror"),
            ),
            (r#"{"error":"m","code":"c"}"#, row("m", "c", "")),
            (r#"{"detail":"m"}"#, row("m", "", "")),
            (r#"{"detail":[{"loc":["body","n",0],"msg":"m","type":"t"},{"msg":"o"}]}"#, row("body.n.0: m; o", "", "")),
            (r#"{"message":"m"}"#, row("m", "", "")),
            (r#"[{"error":{"message":"m","code":429}}]"#, row("m", "429", "")),
            (r#""m""#, row("m", "", "")),
            (r#"{"other":1}"#, row(r#"{"other":1}"#, "", "")),
            ("upstream timed\nout", row("upstream timed out", "", "")),
            ("<html><h1>502 Bad Gateway</h1>nginx</html>", row("502 Bad Gateway nginx", "", "")),
            ("3 < 4 and 5 > 4", row("3 < 4 and 5 > 4", "", "")),
            ("", row("", "", "")),
        ] {
            assert_eq!(read(body), expected, "{body}");
        }
        assert_eq!(words(&[0xff, 0xfe]).message, "\u{fffd}\u{fffd}");
    }

    #[test]
    fn a_key_is_taken_out_before_the_words_are_cut() {
        let key = "topsecretkey";
        let body = format!("{}{key}", "x".repeat(KEPT_CHARS - 4));
        let redactor = Redactor::new([key.to_owned()]);
        let error = classify("w", 401, &HeaderMap::new(), body.as_bytes(), &redactor);
        assert!(!error.message.contains("tops"), "{}", error.message);
        assert!(error.message.chars().count() < KEPT_CHARS + 100);
    }
}
