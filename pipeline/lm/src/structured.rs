//! Replies that are JSON of a given shape.
//!
//! The schema goes to the server, for those that can hold the model to it, and the reply is checked in any case:
//! servers that ignore the field, cut replies, or take only part of JSON Schema are common. A reply that does not fit
//! is asked for once more with the errors in the prompt; then the request has failed, and its error shows the reply.

use serde_json::Value;
use thiserror::Error;

use crate::error::{Failure, WorkerError, cut};
use crate::request::{Completion, CompletionRequest, Message, Prompt, Role, Shape};
use crate::worker::Worker;

/// Added to the sample index for the repair, so that it is a request of its own that no other draw meets.
const REPAIR_SAMPLE: u32 = 1_000;

/// Most characters of a reply kept in an error.
const KEPT_CHARS: usize = 2_000;

/// Most errors told to the model, and most characters of each: a wrong list of a thousand items makes a thousand.
const TOLD_ERRORS: usize = 5;
const TOLD_CHARS: usize = 300;

/// Most values tried in a reply: in prose every bracket may begin one. Each trial ends within 128 levels.
const TRIED_VALUES: usize = 10_000;

/// A JSON Schema, ready to check with.
pub struct Schema {
    source: Value,
    validator: jsonschema::Validator,
}

/// Why a schema is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a JSON Schema: {0}")]
pub struct BadSchema(String);

/// A reply that fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Structured {
    /// The value.
    pub value: Value,
    /// The reply that held it.
    pub reply: Completion,
    /// Whether it took the repair.
    pub repaired: bool,
}

impl Schema {
    /// Prepares a schema. References outside it are not fetched.
    ///
    /// # Errors
    /// If it is no JSON Schema, or refers to what it does not hold.
    pub fn new(source: Value) -> Result<Self, BadSchema> {
        let validator = jsonschema::validator_for(&source).map_err(|error| BadSchema(error.to_string()))?;
        Ok(Self { source, validator })
    }

    /// The value in a reply that fits; else what is wrong, for the model to read.
    ///
    /// What stands before `</think>` is passed over. Of the balanced JSON values in the rest, in code fences or not,
    /// the first that fits is taken: in "as in `[1]`: {…}" the first value is not the answer. If none fits, the errors
    /// are those of the first object, else of the first value.
    ///
    /// # Errors
    /// If no value fits; lists what is wrong.
    pub fn extract(&self, text: &str) -> Result<Value, String> {
        let mut blamed: Option<Value> = None;
        for value in json_values(text) {
            if self.validator.is_valid(&value) {
                return Ok(value);
            }
            if blamed.as_ref().is_none_or(|blamed| !blamed.is_object() && value.is_object()) {
                blamed = Some(value);
            }
        }
        let Some(value) = blamed else { return Err("there is no complete JSON value in it".to_owned()) };
        let errors = self.validator.iter_errors(&value).take(TOLD_ERRORS).map(|error| {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() { "the whole".to_owned() } else { place };
            cut(&format!("{place}: {error}"), TOLD_CHARS)
        });
        Err(errors.collect::<Vec<_>>().join("; "))
    }
}

/// A reply that fits a schema, after at most one repair.
///
/// A worker that cannot take a schema, or refuses the request with one (servers that do not know the field do), is asked
/// without; its reply is held to it all the same.
///
/// # Errors
/// [`Failure::Malformed`] with both errors and the last reply when neither fits; else as the worker fails.
pub async fn complete_structured(
    worker: &dyn Worker,
    request: &CompletionRequest,
    schema: &Schema,
) -> Result<Structured, WorkerError> {
    let mut shaped = request.clone();
    shaped.shape = Some(Shape::JsonSchema(schema.source.clone()));
    let reply = match worker.complete(&shaped).await {
        Err(error) if matches!(error.failure, Failure::Unsupported | Failure::BadRequest) => {
            shaped.shape.clone_from(&request.shape);
            worker.complete(&shaped).await?
        }
        other => other?,
    };
    let wrong = match schema.extract(&reply.text) {
        Ok(value) => return Ok(Structured { value, reply, repaired: false }),
        Err(wrong) => wrong,
    };
    let again = worker.complete(&repair(&shaped, &reply.text, &wrong)).await?;
    match schema.extract(&again.text) {
        Ok(value) => Ok(Structured { value, reply: again, repaired: true }),
        Err(still_wrong) => {
            let kept = cut(&again.text, KEPT_CHARS);
            let message =
                format!("the reply does not fit its schema: {wrong}; after the repair: {still_wrong}; it was: {kept}");
            Err(WorkerError { attempts: 2, ..WorkerError::new(worker.name(), Failure::Malformed, message) })
        }
    }
}

/// The same request once more, with the reply and what is wrong with it.
fn repair(request: &CompletionRequest, reply: &str, wrong: &str) -> CompletionRequest {
    let complaint =
        format!("This reply does not fit the required JSON Schema: {wrong}. Reply again with the corrected JSON only.");
    let mut again = request.clone().with_sample(request.sample.saturating_add(REPAIR_SAMPLE));
    match &mut again.prompt {
        Prompt::Text(text) => *text = format!("{text}{reply}\n\n{complaint}\n\n"),
        Prompt::Chat(messages) => messages.extend([
            Message { role: Role::Assistant, content: reply.to_owned() },
            Message { role: Role::User, content: complaint },
        ]),
    }
    again
}

/// The balanced JSON values of a text, in order, none inside another. Objects and lists are found anywhere; other
/// values only if they are the whole text.
fn json_values(text: &str) -> impl Iterator<Item = Value> {
    let text = text.rsplit_once("</think>").map_or(text, |(_, rest)| rest);
    let whole = unfenced(text);
    let scalar = serde_json::from_str::<Value>(whole).ok().filter(|value| !value.is_object() && !value.is_array());
    let mut rest = text;
    let inside = std::iter::from_fn(move || {
        let start = rest.find(['{', '['])?;
        rest = &rest[start..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                rest = &rest[values.byte_offset()..];
                Some(Some(value))
            }
            Some(Err(error)) if is_of_control(&error) => {
                let mended = with_escapes(rest).and_then(|(text, n)| Some((serde_json::from_str(&text).ok()?, n)));
                rest = &rest[mended.as_ref().map_or(1, |(_, n_bytes)| *n_bytes)..];
                Some(mended.map(|(value, _)| value))
            }
            _ => {
                rest = &rest[1..];
                Some(None)
            }
        }
    });
    scalar.into_iter().chain(inside.take(TRIED_VALUES).flatten())
}

/// Whether JSON is none because a string holds a line break, or another control character, as it is: models write such.
fn is_of_control(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("control character")
}

/// The value that a text begins with, its strings' control characters escaped, and how many bytes of the text it took;
/// none where it does not end, or one stands after a backslash: what was meant is not known.
fn with_escapes(text: &str) -> Option<(String, usize)> {
    let mut escaped = String::new();
    let (mut depth, mut in_string, mut after_backslash) = (0_usize, false, false);
    for (at, c) in text.char_indices() {
        match c {
            c if after_backslash && c < ' ' => return None,
            _ if after_backslash => after_backslash = false,
            '\\' if in_string => after_backslash = true,
            '"' => in_string = !in_string,
            '{' | '[' if !in_string => depth += 1,
            '}' | ']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        match c {
            c if in_string && c < ' ' => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => escaped.push(c),
        }
        if depth == 0 && !in_string {
            return Some((escaped, at + c.len_utf8()));
        }
    }
    None
}

/// A text without the code fence around it.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let Some(inside) = text.strip_prefix("```").and_then(|text| text.strip_suffix("```")) else { return text };
    inside.split_once('\n').map_or(inside, |(_, inside)| inside).trim()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;
    use crate::pool::fake::{Fake, ask, fault, reply};

    fn schema() -> Schema {
        Schema::new(json!({
            "type": "object",
            "properties": {"answer": {"type": "integer"}},
            "required": ["answer"],
        }))
        .unwrap()
    }

    #[test]
    fn a_line_break_in_a_string_is_one() {
        let schema = Schema::new(json!({ "type": "object", "required": ["poem"] })).unwrap();
        let text = "Here: {\"poem\": \"Two\nlines, {\\\"one\\\"}\ttab\"} and {\"other\": 1}";
        assert_eq!(schema.extract(text), Ok(json!({ "poem": "Two\nlines, {\"one\"}\ttab" })));
        // A value that cannot be mended hides none that follows.
        let corrected = "{\"poem\": \"Two\nlines\n} Corrected: {\"poem\": \"x\"}";
        assert_eq!(schema.extract(corrected), Ok(json!({ "poem": "x" })));
        assert!(schema.extract("{\"poem\": \"a \\\nb\nc\"}").is_err(), "a backslash before a line break");
        // A string without an end is none.
        assert!(schema.extract("{\"poem\": \"Two\nlines").is_err());
    }

    #[test]
    fn the_value_is_found_in_what_models_write_around_it() {
        let right = json!({"answer": 3});
        for text in [
            "{\"answer\": 3}",
            "```json\n{\"answer\": 3}\n```",
            "Sure! Here it is:\n```\n{\"answer\": 3}\n```\nAnything else?",
            "As in [1] and {this}: {\"answer\": 3} and {\"answer\": 4}",
            "<think>{\"answer\": 9}</think>{\"answer\": 3}",
            "{\"answer\": \"three\"} no: {\"answer\": 3}",
        ] {
            assert_eq!(schema().extract(text), Ok(right.clone()), "{text}");
        }
        let word = Schema::new(json!({"enum": ["yes", "no"]})).unwrap();
        assert_eq!(word.extract("```json\n\"yes\"\n```"), Ok(json!("yes")));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |text: &str| schema().extract(text).unwrap_err();
        assert!(wrong("").contains("no complete JSON"));
        assert!(wrong("{\"answer\": 3").contains("no complete JSON"));
        assert!(wrong("[1] {\"answer\": \"3\"}").starts_with("/answer: "));
        assert!(wrong("{}").contains("answer"));
        assert!(Schema::new(json!({"type": "thing"})).is_err());
    }

    #[test]
    fn a_long_text_of_brackets_takes_no_time() {
        let start = Instant::now();
        for part in ["[", "{\"a\":", "[1,", "🦀 {"] {
            assert!(schema().extract(&part.repeat(1_000_000)).is_err());
        }
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn a_reply_is_repaired_once() {
        let worker = Fake::new("w", |call| {
            let text = if call.prompt.contains("does not fit") { "{\"answer\": 3}" } else { "{\"answer\": \"three\"}" };
            (Duration::ZERO, Ok(reply(text)))
        });
        let got = complete_structured(&worker, &ask("1 + 2?", 50), &schema()).await.unwrap();
        assert_eq!((got.value, got.repaired), (json!({"answer": 3}), true));
        let asked = worker.requests.lock().unwrap();
        assert!(matches!(asked[0].shape, Some(Shape::JsonSchema(_))));
        assert_eq!((asked.len(), asked[0].sample, asked[1].sample), (2, 0, 1_000));
        let Prompt::Chat(messages) = &asked[1].prompt else { panic!("a conversation stays one") };
        assert!(messages.len() == 3 && messages[2].content.contains("/answer"));
    }

    #[tokio::test]
    async fn a_reply_that_stays_wrong_is_kept_in_the_error() {
        let worker =
            Fake::new("w", |_| (Duration::ZERO, Ok(reply(&format!("I would rather not. {}", "x".repeat(5_000))))));
        let error = complete_structured(&worker, &ask("p", 50), &schema()).await.unwrap_err();
        assert_eq!((error.failure, worker.n_calls()), (Failure::Malformed, 2));
        assert!(error.message.contains("I would rather not.") && error.message.chars().count() < 2_500);
    }

    #[tokio::test]
    async fn a_worker_without_schemas_is_asked_without() {
        for refusal in [Failure::Unsupported, Failure::BadRequest] {
            let worker = Fake::new("w", move |call| {
                let result = if call.before == 0 { Err(fault(refusal)) } else { Ok(reply("{\"answer\": 1}")) };
                (Duration::ZERO, result)
            });
            let got = complete_structured(&worker, &ask("p", 50), &schema()).await.unwrap();
            assert!(!got.repaired && worker.requests.lock().unwrap()[1].shape.is_none());
        }
    }
}
