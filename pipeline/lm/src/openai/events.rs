//! A streamed reply, put together again.
//!
//! A reply is streamed for one reason here: its tokens show that the server is at work, so that a long reply needs no
//! long patience with silence (`idle_seconds`), and proxies that cut silent connections leave it alone. No stage needs a
//! part of a reply; what comes out is the answer that the server would have given at once.
//!
//! Source: server-sent events (WHATWG HTML, 9.2) as OpenAI uses them: `data:` lines of JSON, `[DONE]` at the end, the
//! usage in a last event of its own when `stream_options.include_usage` asks for it.

use serde_json::{Map, Value, json};

use crate::error::cut;

/// Characters shown of an event that is none.
const SHOWN_CHARS: usize = 100;

/// The answer in a stream of events.
///
/// # Errors
/// What is wrong: an event that is no JSON, or a stream that ends before its reply does.
pub(crate) fn fold(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|error| format!("the stream is no UTF-8: {error}"))?;
    let (mut answer, mut done) = (Folded::default(), false);
    for line in text.lines() {
        let Some(data) = line.strip_prefix("data:").map(str::trim) else { continue };
        if data == "[DONE]" {
            done = true;
            break;
        }
        let event: Value = serde_json::from_str(data).map_err(|error| format!("an event is no JSON ({error})"))?;
        if !event.is_object() {
            return Err(format!("an event is no object: {}", cut(data, SHOWN_CHARS)));
        }
        if !event["error"].is_null() {
            return Ok(event);
        }
        answer.add(event);
    }
    if !done && answer.finish.is_null() {
        return Err("the stream broke off before the reply was finished".to_owned());
    }
    Ok(answer.whole())
}

/// What the events have said so far.
#[derive(Default)]
struct Folded {
    /// The first event: it names the model.
    first: Value,
    is_chat: bool,
    text: Option<String>,
    /// Events with a piece of text: tokens, of servers that send each by itself.
    n_pieces: u64,
    refusal: String,
    logprobs: Map<String, Value>,
    finish: Value,
    usage: Value,
}

impl Folded {
    fn add(&mut self, mut event: Value) {
        if !event["usage"].is_null() {
            self.usage = event["usage"].clone();
        }
        let choice = event.get_mut("choices").and_then(Value::as_array_mut).and_then(|choices| {
            let at = choices.iter().position(|choice| choice["index"].as_u64().unwrap_or(0) == 0)?;
            Some(choices.swap_remove(at))
        });
        if self.first.is_null() {
            self.first = event;
        }
        let Some(mut choice) = choice else { return };
        self.is_chat |= choice["delta"].is_object();
        for piece in [&choice["delta"]["content"], &choice["text"]] {
            if let Some(piece) = piece.as_str() {
                self.n_pieces += u64::from(!piece.is_empty());
                self.text.get_or_insert_default().push_str(piece);
            }
        }
        self.refusal.push_str(choice["delta"]["refusal"].as_str().unwrap_or_default());
        if !choice["finish_reason"].is_null() {
            self.finish = choice["finish_reason"].clone();
        }
        // Lists of tokens, one after another.
        let logprobs = choice.get_mut("logprobs").and_then(Value::as_object_mut).map(std::mem::take);
        for (name, value) in logprobs.unwrap_or_default() {
            match (self.logprobs.get_mut(&name), value) {
                (Some(Value::Array(all)), Value::Array(more)) => all.extend(more),
                (_, value) => _ = self.logprobs.insert(name, value),
            }
        }
    }

    fn whole(self) -> Value {
        let logprobs = if self.logprobs.is_empty() { Value::Null } else { Value::Object(self.logprobs) };
        let mut choice = json!({ "index": 0, "finish_reason": self.finish, "logprobs": logprobs });
        if self.is_chat {
            choice["message"] = json!({ "role": "assistant", "content": self.text });
            if !self.refusal.is_empty() {
                choice["message"]["refusal"] = self.refusal.into();
            }
        } else {
            choice["text"] = self.text.into();
        }
        // Servers that do not know `stream_options` count nothing; a budget is to see something all the same.
        let usage = if self.usage.is_null() { json!({ "completion_tokens": self.n_pieces }) } else { self.usage };
        json!({ "model": self.first["model"], "choices": [choice], "usage": usage })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_the_answer_they_are_of() {
        let stream = "\
: comment\n\n\
data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\
data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"The \"},\"logprobs\":{\"content\":[1]}}]}\r\n\r\n\
data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"mill\"},\"logprobs\":{\"content\":[2]}}]}\n\n\
data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
data: {\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n\
data: [DONE]\n\n";
        let answer = fold(stream.as_bytes()).unwrap();
        let expected = json!({
            "model": "m",
            "choices": [{
                "index": 0, "finish_reason": "stop", "logprobs": { "content": [1, 2] },
                "message": { "role": "assistant", "content": "The mill" },
            }],
            "usage": { "prompt_tokens": 3, "completion_tokens": 2 },
        });
        assert_eq!(answer, expected);
        // Cut anywhere before the reason, it is no answer; after it, only the usage is missing.
        let reason = stream.find("finish_reason").unwrap();
        for end in (0..reason).step_by(7) {
            assert!(fold(&stream.as_bytes()[..end]).is_err(), "{}", &stream[..end]);
        }
        let cut = stream.find("data: {\"model\":\"m\",\"choices\":[],").unwrap();
        let uncounted = fold(&stream.as_bytes()[..cut]).unwrap();
        assert_eq!(
            (&uncounted["choices"], &uncounted["usage"]),
            (&expected["choices"], &json!({"completion_tokens": 2}))
        );
    }

    #[test]
    fn events_of_any_form_are_borne() {
        for event in ["1", "\"ping\"", "[]", "null"] {
            assert!(fold(format!("data: {event}\n\ndata: [DONE]\n").as_bytes()).is_err(), "{event}");
        }
        for event in ["{\"choices\":[1]}", "{\"choices\":{}}", "{\"choices\":[{\"delta\":1,\"logprobs\":[]}]}", "{}"] {
            let answer = fold(format!("data: {event}\n\ndata: [DONE]\n").as_bytes()).unwrap();
            assert_eq!(answer["choices"][0]["finish_reason"], Value::Null, "{event}");
        }
    }

    #[test]
    fn an_error_within_the_stream_is_the_answer() {
        let stream = "data: {\"choices\":[{\"text\":\"a\"}]}\n\ndata: {\"error\":{\"message\":\"out of memory\",\"code\":500}}\n\n";
        assert_eq!(fold(stream.as_bytes()).unwrap()["error"]["code"], 500);
    }
}
