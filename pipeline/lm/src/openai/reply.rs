//! A completion out of whatever the server answered.
//!
//! Only what is needed is read, and nothing else can make an answer fail: servers leave fields out, write null, or add
//! their own. What a model thinks before it answers comes apart from the answer (`reasoning_content`, `reasoning`) or
//! within it (`<think>…</think>`). Apart, it is no part of the text and is not kept; within, it stays, since only
//! who asked can tell it from the answer. Its tokens count as the reply's either way.

use serde_json::Value;

use super::logprobs;
use crate::error::Failure;
use crate::request::{Completion, CompletionRequest, Finish};

/// Why an answer is no completion.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoReply {
    pub(crate) failure: Failure,
    pub(crate) message: String,
}

impl NoReply {
    fn abnormal(message: impl Into<String>) -> Self {
        Self { failure: Failure::Abnormal, message: message.into() }
    }
}

/// The completion in an answer. `model` is named when the answer does not name one; latency is the caller's to set.
pub(crate) fn completion(answer: &Value, request: &CompletionRequest, model: &str) -> Result<Completion, NoReply> {
    let choice = first_choice(answer).ok_or_else(|| NoReply::abnormal("the answer has no choices"))?;
    let message = &choice["message"];
    let text = text(&message["content"]).or_else(|| text(&choice["text"]));
    let reason = choice["finish_reason"].as_str().unwrap_or_default();
    if let Some(refusal) = message["refusal"].as_str().filter(|refusal| !refusal.is_empty()) {
        return Err(NoReply { failure: Failure::Refused, message: format!("the model refused: {refusal}") });
    }
    let calls_tool = || message["tool_calls"].as_array().is_some_and(|calls| !calls.is_empty());
    if text.as_deref().is_none_or(str::is_empty) && calls_tool() {
        return Err(NoReply::abnormal("it calls a tool instead of replying"));
    }
    let finish = finish(reason, text.as_deref())?;
    let text = match text {
        Some(text) => text,
        // All tokens went into thinking: it ended as it was told to, and would again.
        None if finish == Finish::Length => String::new(),
        None => return Err(NoReply::abnormal("the reply's text is null")),
    };
    let tokens = request.top_logprobs.and_then(|top| logprobs::tokens(&choice["logprobs"], top as usize));
    let count = |name: &str| answer["usage"][name].as_u64();
    Ok(Completion {
        finish,
        prompt_tokens: count("prompt_tokens").unwrap_or(0),
        completion_tokens: count("completion_tokens")
            .unwrap_or_else(|| tokens.as_ref().map_or(0, |tokens| tokens.len() as u64)),
        tokens,
        model: answer["model"].as_str().filter(|model| !model.is_empty()).unwrap_or(model).to_owned(),
        latency_ms: 0,
        attempts: 1,
        cached: false,
        routed: None,
        text,
    })
}

/// The choice with index 0, or the first.
fn first_choice(answer: &Value) -> Option<&Value> {
    let choices = answer["choices"].as_array()?;
    choices.iter().find(|choice| choice["index"].as_u64() == Some(0)).or_else(|| choices.first())
}

/// A text, or the texts of a list of parts.
fn text(content: &Value) -> Option<String> {
    match content {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) if !parts.is_empty() => {
            parts.iter().filter(|part| part["type"] != "thinking").map(|part| part["text"].as_str()).collect()
        }
        _ => None,
    }
}

/// Why it ended. A reason that is not known is one to stop if there is a text.
fn finish(reason: &str, text: Option<&str>) -> Result<Finish, NoReply> {
    let has_text = text.is_some_and(|text| !text.is_empty());
    match reason {
        "" => Err(NoReply::abnormal("the reply has no finish_reason: it was not finished")),
        "abort" | "error" | "cancelled" => Err(NoReply::abnormal(format!("the reply ended with `{reason}`"))),
        "length" | "max_tokens" | "model_length" => Ok(Finish::Length),
        "content_filter" | "safety" if has_text => Ok(Finish::Filtered),
        "content_filter" | "safety" => Err(NoReply {
            failure: Failure::Refused,
            message: "the server's filter left nothing of the reply".to_owned(),
        }),
        "stop" => Ok(Finish::Stop),
        _ if has_text => Ok(Finish::Stop),
        other => Err(NoReply::abnormal(format!("the reply is empty and ended with `{other}`"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::request::{Prompt, Sampling};

    fn read(answer: &Value) -> Result<(String, Finish), Failure> {
        let mut request = CompletionRequest::new(Prompt::user("p"), Sampling::default());
        request.top_logprobs = Some(1);
        completion(answer, &request, "m").map(|reply| (reply.text, reply.finish)).map_err(|no| no.failure)
    }

    fn chat(message: &Value, reason: &Value) -> Value {
        json!({"choices": [{"message": message, "finish_reason": reason}]})
    }

    #[test]
    fn odd_answers_are_read_or_refused_by_their_class() {
        let ok = |text: &str, finish| Ok((text.to_owned(), finish));
        let said = |reason: Value| chat(&json!({"content": "a"}), &reason);
        for (answer, expected) in [
            (said(json!("stop")), ok("a", Finish::Stop)),
            (said(json!("eos_token")), ok("a", Finish::Stop)),
            (said(json!("length")), ok("a", Finish::Length)),
            (said(json!("content_filter")), ok("a", Finish::Filtered)),
            (said(json!("abort")), Err(Failure::Abnormal)),
            (said(json!("")), Err(Failure::Abnormal)),
            (said(json!(null)), Err(Failure::Abnormal)),
            (said(json!(7)), Err(Failure::Abnormal)),
            (json!({"choices": []}), Err(Failure::Abnormal)),
            (json!({"choices": null}), Err(Failure::Abnormal)),
            (json!({}), Err(Failure::Abnormal)),
            (json!([]), Err(Failure::Abnormal)),
            (chat(&json!({"content": null}), &json!("stop")), Err(Failure::Abnormal)),
            (chat(&json!({"content": ""}), &json!("stop")), ok("", Finish::Stop)),
            (chat(&json!({"content": ""}), &json!("load")), Err(Failure::Abnormal)),
            (chat(&json!({"content": null, "tool_calls": [{}]}), &json!("tool_calls")), Err(Failure::Abnormal)),
            (chat(&json!({"content": ""}), &json!("content_filter")), Err(Failure::Refused)),
            (chat(&json!({"content": null, "refusal": "no"}), &json!("stop")), Err(Failure::Refused)),
            (chat(&json!({"content": null, "reasoning_content": "hm"}), &json!("length")), ok("", Finish::Length)),
            (chat(&json!({"content": "a", "reasoning_content": "hm"}), &json!("stop")), ok("a", Finish::Stop)),
            (chat(&json!({"content": [{"type": "text", "text": "a"}]}), &json!("stop")), ok("a", Finish::Stop)),
            (json!({"choices": [{"text": "a", "finish_reason": "stop", "logprobs": null}]}), ok("a", Finish::Stop)),
        ] {
            assert_eq!(read(&answer), expected, "{answer}");
        }
    }

    #[test]
    fn counts_and_tokens_come_from_where_they_are() {
        let mut request = CompletionRequest::new(Prompt::Text("p".into()), Sampling::default());
        request.top_logprobs = Some(1);
        // The form llama.cpp gives for bare texts.
        let answer = json!({"model": "real", "choices": [{"text": "ab", "finish_reason": "stop",
            "logprobs": {"content": [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -0.7}]}}]});
        let reply = completion(&answer, &request, "m").unwrap();
        assert_eq!((reply.model.as_str(), reply.completion_tokens, reply.tokens.unwrap().len()), ("real", 2, 2));
        let answer = json!({"choices": [{"text": "ab", "finish_reason": "stop", "logprobs": {"tokens": ["a"],
            "token_logprobs": []}}], "usage": {"prompt_tokens": 3, "completion_tokens": 5}});
        let reply = completion(&answer, &request, "m").unwrap();
        assert_eq!((reply.model.as_str(), reply.prompt_tokens, reply.completion_tokens), ("m", 3, 5));
        assert!(reply.tokens.is_none());
    }
}
