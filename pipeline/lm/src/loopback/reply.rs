//! A worker's reply in OpenAI's form.
//!
//! `id` is the hash of the request and `created` is 0, so that the same request has the same answer byte for byte.

use serde_json::{Map, Value, json};

use super::ask::{Ask, EmbedAsk};
use super::fault::Fault;
use super::refusal::Refusal;
use crate::request::{Completion, EmbedRequest, Finish, Prompt, ScoreRequest, TokenScore};
use crate::worker::Worker;

/// Asks the worker, and gives the body of the answer.
pub(super) async fn reply(worker: &dyn Worker, ask: &Ask, id: u128) -> Result<Value, Refusal> {
    match &ask.request.prompt {
        Prompt::Chat(_) => {
            let completion = worker.complete(&ask.request).await?;
            Ok(chat(ask, &completion, id))
        }
        Prompt::Text(prompt) => {
            // The prompt's own scores, as they stand before those of the reply.
            let mut tokens = Vec::new();
            if let (true, Some(top)) = (ask.echo, ask.request.top_logprobs) {
                let request = ScoreRequest { context: String::new(), text: prompt.clone(), top };
                tokens = worker.score(&request).await?.tokens;
            }
            let is_scored_only = ask.request.sampling.max_tokens == 0 && ask.echo && ask.request.top_logprobs.is_some();
            let completion = match is_scored_only {
                true => nothing(tokens.len() as u64, worker.identity().model),
                false => worker.complete(&ask.request).await?,
            };
            tokens.extend(completion.tokens.iter().flatten().cloned());
            let echoed = if ask.echo { prompt.as_str() } else { "" };
            Ok(text(ask, echoed, &completion, &tokens, id))
        }
    }
}

/// Asks the worker for the embeddings of texts, and gives the body of the answer.
pub(super) async fn embeddings(worker: &dyn Worker, ask: &EmbedAsk) -> Result<Value, Refusal> {
    let (mut data, mut n_tokens) = (Vec::with_capacity(ask.texts.len()), 0);
    for (index, text) in ask.texts.iter().enumerate() {
        let request = EmbedRequest { text: text.clone(), dimensions: ask.dimensions };
        let embedded = worker.embed(&request).await?;
        n_tokens += embedded.prompt_tokens;
        data.push(json!({"object": "embedding", "index": index, "embedding": embedded.vector}));
    }
    Ok(json!({
        "object": "list",
        "data": data,
        "model": worker.identity().model,
        "usage": {"prompt_tokens": n_tokens, "total_tokens": n_tokens},
    }))
}

/// A reply of no tokens to a prompt of so many.
fn nothing(prompt_tokens: u64, model: String) -> Completion {
    Completion {
        text: String::new(),
        finish: Finish::Length,
        prompt_tokens,
        completion_tokens: 0,
        tokens: None,
        model,
        latency_ms: 0,
        attempts: 1,
        cached: false,
        routed: None,
    }
}

fn chat(ask: &Ask, completion: &Completion, id: u128) -> Value {
    let logprobs = match (&ask.request.top_logprobs, &completion.tokens) {
        (Some(_), Some(tokens)) => json!({"content": tokens.iter().map(chat_token).collect::<Vec<_>>()}),
        _ => Value::Null,
    };
    let choice = json!({
        "index": 0,
        "message": {"role": "assistant", "content": completion.text},
        "logprobs": logprobs,
        "finish_reason": finish(completion.finish),
    });
    whole("chat.completion", "chatcmpl", id, completion, choice)
}

fn text(ask: &Ask, echoed: &str, completion: &Completion, tokens: &[TokenScore], id: u128) -> Value {
    let logprobs = ask.request.top_logprobs.map_or(Value::Null, |_| text_tokens(tokens));
    let choice = json!({
        "index": 0,
        "text": format!("{echoed}{}", completion.text),
        "logprobs": logprobs,
        "finish_reason": finish(completion.finish),
    });
    whole("text_completion", "cmpl", id, completion, choice)
}

fn whole(object: &str, prefix: &str, id: u128, completion: &Completion, choice: Value) -> Value {
    let (prompt, reply) = (completion.prompt_tokens, completion.completion_tokens);
    let mut body = json!({
        "id": format!("{prefix}-{id:032x}"),
        "object": object,
        "created": 0,
        "model": completion.model,
        "choices": null,
        "usage": {"prompt_tokens": prompt, "completion_tokens": reply, "total_tokens": prompt.saturating_add(reply)},
    });
    body["choices"] = Value::Array(vec![choice]);
    body
}

/// An answer as a stream of events: a word at a time, the reason, the usage, and that it is done.
pub(super) fn events(body: &Value) -> String {
    let mut stream = String::new();
    let mut send = |choices: Value, usage: &Value| {
        let event = json!({"id": body["id"], "object": body["object"], "model": body["model"], "choices": choices, "usage": usage});
        stream.push_str(&format!("data: {event}\n\n"));
    };
    if let Some(choice) = body["choices"].get(0) {
        let is_chat = choice["message"].is_object();
        let content = if is_chat { &choice["message"]["content"] } else { &choice["text"] };
        let mut logprobs = choice["logprobs"].clone();
        for piece in content.as_str().into_iter().flat_map(|text| text.split_inclusive(' ')) {
            let said = if is_chat { json!({"delta": {"content": piece}}) } else { json!({"text": piece}) };
            let mut said = said;
            (said["index"], said["finish_reason"], said["logprobs"]) = (0.into(), Value::Null, logprobs.take());
            send(json!([said]), &Value::Null);
        }
        let mut last = json!({"index": 0, "finish_reason": choice["finish_reason"], "logprobs": logprobs});
        if is_chat {
            last["delta"] = json!({});
        }
        // An empty text is a text; null is none.
        if content.as_str() == Some("") {
            if is_chat { last["delta"]["content"] = "".into() } else { last["text"] = "".into() }
        }
        send(json!([last]), &Value::Null);
    }
    send(json!([]), &body["usage"]);
    stream.push_str("data: [DONE]\n\n");
    stream
}

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Filtered => "content_filter",
    }
}

/// JSON has no infinities: a token that cannot be has OpenAI's stand-in for them.
fn logprob(logprob: f64) -> f64 {
    if logprob.is_nan() { -9999.0 } else { logprob.clamp(-9999.0, 0.0) }
}

fn chat_token(token: &TokenScore) -> Value {
    let top: Vec<Value> = token
        .top
        .iter()
        .map(|(text, p)| json!({"token": text, "logprob": logprob(*p), "bytes": text.as_bytes()}))
        .collect();
    json!({
        "token": token.token,
        "logprob": token.logprob.map(logprob),
        "bytes": token.token.as_bytes(),
        "top_logprobs": top,
    })
}

/// The tokens of a text, in four lists. As with vLLM the alternatives always hold the token itself, and are null where
/// the token has no log-probability. Offsets count characters.
fn text_tokens(tokens: &[TokenScore]) -> Value {
    let mut offset = 0;
    let mut offsets = Vec::with_capacity(tokens.len());
    let mut tops = Vec::with_capacity(tokens.len());
    for token in tokens {
        offsets.push(offset);
        offset += token.token.chars().count();
        let Some(own) = token.logprob else {
            tops.push(Value::Null);
            continue;
        };
        let mut top = Map::new();
        for (text, p) in token.top.iter().chain([&(token.token.clone(), own)]) {
            // Of two tokens with one text the likelier stays: it comes first.
            if !top.contains_key(text) {
                top.insert(text.clone(), logprob(*p).into());
            }
        }
        tops.push(Value::Object(top));
    }
    json!({
        "tokens": tokens.iter().map(|token| token.token.as_str()).collect::<Vec<_>>(),
        "token_logprobs": tokens.iter().map(|token| token.logprob.map(logprob)).collect::<Vec<_>>(),
        "top_logprobs": tops,
        "text_offset": offsets,
    })
}

/// Spoils a good answer's body as the fault has it; other faults leave it as it is.
pub(super) fn spoil(body: &mut Value, fault: &Fault) {
    let choice = |body: &mut Value, field: &str, value: Value| {
        if let Some(choice) = body.pointer_mut("/choices/0") {
            choice[field] = value;
        }
    };
    match fault {
        Fault::FinishAbort => choice(body, "finish_reason", "abort".into()),
        Fault::FinishEmpty => choice(body, "finish_reason", "".into()),
        Fault::FinishNull => choice(body, "finish_reason", Value::Null),
        Fault::EmptyChoices => body["choices"] = json!([]),
        Fault::MissingChoices => {
            if let Some(fields) = body.as_object_mut() {
                fields.shift_remove("choices");
            }
        }
        Fault::NullContent => match body.pointer_mut("/choices/0/message/content") {
            Some(content) => *content = Value::Null,
            None => choice(body, "text", Value::Null),
        },
        _ => {}
    }
}
