//! What a request's body asks of the worker.
//!
//! Absent parameters take OpenAI's defaults (temperature 1, 16 tokens for a bare text), which are not those of
//! [`Sampling`]. Guided decoding is understood in the notations in use (OpenAI, vLLM old and new, llama.cpp, Ollama).
//! Fields that this server does not know are handed to the worker; those it knows and cannot do are refused, because
//! an answer that ignores them would be taken for one that obeys.

use serde_json::{Value, json};

use super::fields::{Fields, wrong};
use super::refusal::Refusal;
use crate::request::{CompletionRequest, Message, Prompt, Role, Sampling, Shape};

/// A request as read.
#[derive(Debug)]
pub(super) struct Ask {
    /// The model asked for.
    pub(super) model: Option<String>,
    pub(super) request: CompletionRequest,
    /// Whether the prompt is to stand before the reply.
    pub(super) echo: bool,
    /// Whether the answer is to come as events.
    pub(super) stream: bool,
}

/// A request for embeddings as read.
#[derive(Debug)]
pub(super) struct EmbedAsk {
    /// The model asked for.
    pub(super) model: Option<String>,
    pub(super) texts: Vec<String>,
    pub(super) dimensions: Option<u32>,
}

impl EmbedAsk {
    /// Reads the body of `/v1/embeddings`.
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        let mut fields = Fields::parse(body)?;
        let (model, texts) = (fields.text("model")?, fields.texts("input")?);
        if texts.is_empty() {
            return Err(wrong("input", "a string or a list of strings"));
        }
        if fields.text("encoding_format")?.is_some_and(|format| format != "float") {
            return Err(wrong("encoding_format", "\"float\""));
        }
        Ok(Self { model, texts, dimensions: fields.count("dimensions", u32::MAX)? })
    }
}

/// Fields that change nothing in the reply.
const IDLE: &[&str] = &["user", "store", "metadata", "stream_options", "service_tier", "safety_identifier"];
/// Fields that would change the reply, and that nothing here does.
const REFUSED: &[&str] =
    &["tools", "functions", "suffix", "prompt_logprobs", "modalities", "audio", "ebnf", "structural_tag"];
/// OpenAI's and vLLM's default of a bare text's `max_tokens`.
const TEXT_TOKENS: u32 = 16;

impl Ask {
    /// Reads the body of `/v1/completions`.
    pub(super) fn text(body: &[u8], max_logprobs: u32) -> Result<Self, Refusal> {
        let mut fields = Fields::parse(body)?;
        let mut prompts = fields.texts("prompt")?;
        let (Some(prompt), true) = (prompts.pop(), prompts.is_empty()) else {
            return Err(wrong("prompt", "one string, or a list of one"));
        };
        let echo = fields.flag("echo")?;
        let top_logprobs = fields.count("logprobs", max_logprobs)?;
        Self::finish(fields, Prompt::Text(prompt), top_logprobs, echo)
    }

    /// Reads the body of `/v1/chat/completions`.
    pub(super) fn chat(body: &[u8], max_logprobs: u32) -> Result<Self, Refusal> {
        let mut fields = Fields::parse(body)?;
        let messages = messages(fields.any("messages"))?;
        let top = fields.count("top_logprobs", max_logprobs)?;
        let top_logprobs = match (fields.flag("logprobs")?, top) {
            (false, None | Some(0)) => None,
            (false, Some(_)) => return Err(wrong("logprobs", "true when `top_logprobs` is given")),
            (true, top) => Some(top.unwrap_or(0)),
        };
        Self::finish(fields, Prompt::Chat(messages), top_logprobs, false)
    }

    fn finish(mut fields: Fields, prompt: Prompt, top_logprobs: Option<u32>, echo: bool) -> Result<Self, Refusal> {
        let model = fields.text("model")?;
        let stream = fields.flag("stream")?;
        for name in ["n", "best_of"] {
            if fields.integer(name)?.is_some_and(|n| n != 1) {
                return Err(wrong(name, "1: several replies are several requests"));
            }
        }
        for name in REFUSED {
            let is_empty = |value: &Value| matches!(value, Value::Array(list) if list.is_empty()) || value == "";
            if fields.any(name).is_some_and(|value| !is_empty(&value)) {
                return Err(Refusal::bad_request(format!("`{name}` is not offered.")));
            }
        }
        for name in IDLE {
            fields.any(name);
        }
        let sampling = sampling(&mut fields, matches!(prompt, Prompt::Chat(_)))?;
        let shape = shape(&mut fields)?;
        let extra = fields.rest();
        let request = CompletionRequest { prompt, sampling, shape, top_logprobs, sample: 0, extra };
        Ok(Self { model, request, echo, stream })
    }
}

/// The parameters of the draw. Values that mean "off" are those of an absent field, so that a client that states
/// every parameter gets the replies of one that states none.
fn sampling(fields: &mut Fields, is_chat: bool) -> Result<Sampling, Refusal> {
    let old = fields.count("max_tokens", u32::MAX)?;
    let new = if is_chat { fields.count("max_completion_tokens", u32::MAX)? } else { None };
    let default = if is_chat { Sampling::default().max_tokens } else { TEXT_TOKENS };
    let mut stop = fields.texts("stop")?;
    stop.retain(|text| !text.is_empty());
    let top_p = fields.number("top_p", 0.0..=1.0)?.unwrap_or(1.0);
    if top_p <= 0.0 {
        return Err(wrong("top_p", "more than 0"));
    }
    let penalty = fields.number("repetition_penalty", 0.0..=100.0)?;
    if penalty.is_some_and(|penalty| penalty <= 0.0) {
        return Err(wrong("repetition_penalty", "more than 0"));
    }
    Ok(Sampling {
        temperature: fields.number("temperature", 0.0..=100.0)?.unwrap_or(1.0),
        top_p,
        top_k: fields.integer("top_k")?.filter(|k| *k > 0).map(|k| u32::try_from(k).unwrap_or(u32::MAX)),
        min_p: fields.number("min_p", 0.0..=1.0)?.filter(|p| *p > 0.0),
        presence_penalty: fields.number("presence_penalty", -2.0..=2.0)?.unwrap_or(0.0),
        frequency_penalty: fields.number("frequency_penalty", -2.0..=2.0)?.unwrap_or(0.0),
        repetition_penalty: penalty.filter(|penalty| (*penalty - 1.0).abs() > f64::EPSILON),
        max_tokens: new.or(old).unwrap_or(default),
        min_tokens: fields.count("min_tokens", u32::MAX)?.filter(|n| *n > 0),
        stop,
        seed: fields.integer("seed")?.map(i64::cast_unsigned),
        logit_bias: fields.numbers("logit_bias")?,
    })
}

fn messages(value: Option<Value>) -> Result<Vec<Message>, Refusal> {
    let expected = || wrong("messages", "a list of at least one message");
    let Some(Value::Array(list)) = value else { return Err(expected()) };
    if list.is_empty() {
        return Err(expected());
    }
    list.iter().map(message).collect()
}

fn message(value: &Value) -> Result<Message, Refusal> {
    let role = match value.get("role").and_then(Value::as_str) {
        Some("system" | "developer") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        _ => return Err(wrong("role", "system, developer, user or assistant")),
    };
    let content = match value.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().map(part).collect::<Result<String, Refusal>>()?,
        _ => return Err(wrong("content", "a string or a list of text parts")),
    };
    Ok(Message { role, content })
}

fn part(part: &Value) -> Result<&str, Refusal> {
    let is_text = part.get("type").and_then(Value::as_str) == Some("text");
    let text = part.get("text").and_then(Value::as_str).filter(|_| is_text);
    text.ok_or_else(|| wrong("content", "made of text parts; images and sounds are not read"))
}

/// The form asked for, in whichever notation; an error when there are two.
fn shape(fields: &mut Fields) -> Result<Option<Shape>, Refusal> {
    let mut shapes = Vec::new();
    for name in ["response_format", "format"] {
        shapes.extend(fields.any(name).map(|value| response_format(name, value)).transpose()?.flatten());
    }
    let nested = fields.any("structured_outputs").map_or(Ok(Vec::new()), |value| match value {
        Value::Object(outputs) => Ok(outputs.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        _ => Err(wrong("structured_outputs", "an object")),
    })?;
    for (name, value) in nested {
        shapes.push(named_shape(&name, value)?);
    }
    for (name, kind) in [
        ("guided_json", "json"),
        ("guided_regex", "regex"),
        ("guided_choice", "choice"),
        ("guided_grammar", "grammar"),
        ("json_schema", "json"),
        ("regex", "regex"),
        ("grammar", "grammar"),
    ] {
        if let Some(value) = fields.any(name) {
            shapes.push(named_shape(kind, value)?);
        }
    }
    if shapes.len() > 1 {
        return Err(Refusal::bad_request("Only one form of the reply can be asked for."));
    }
    Ok(shapes.pop())
}

/// OpenAI's `response_format` and Ollama's `format`, which is "json" or the schema itself.
fn response_format(name: &str, value: Value) -> Result<Option<Shape>, Refusal> {
    let any_object = || Shape::JsonSchema(json!({"type": "object"}));
    match (name, value.get("type").and_then(Value::as_str)) {
        ("format", _) if value == "json" => Ok(Some(any_object())),
        ("format", _) if value.is_object() => Ok(Some(Shape::JsonSchema(value))),
        ("response_format", Some("text")) => Ok(None),
        ("response_format", Some("json_object")) => Ok(Some(any_object())),
        ("response_format", Some("json_schema")) => match value.pointer("/json_schema/schema") {
            Some(schema) => Ok(Some(Shape::JsonSchema(schema.clone()))),
            None => Err(wrong("response_format.json_schema", "an object with a `schema`")),
        },
        _ => Err(wrong(name, "of a known type")),
    }
}

fn named_shape(kind: &str, value: Value) -> Result<Shape, Refusal> {
    let text = |value: Value| value.as_str().map(str::to_owned).ok_or_else(|| wrong(kind, "a string"));
    match kind {
        // vLLM also takes the schema as a string.
        "json" => match value {
            Value::String(schema) => {
                serde_json::from_str(&schema).map(Shape::JsonSchema).map_err(|_| wrong("json", "a JSON Schema"))
            }
            schema => Ok(Shape::JsonSchema(schema)),
        },
        "regex" => Ok(Shape::Regex(text(value)?)),
        "grammar" => Ok(Shape::Grammar(text(value)?)),
        "choice" => match serde_json::from_value::<Vec<String>>(value) {
            Ok(choices) if !choices.is_empty() => Ok(Shape::Choice(choices)),
            _ => Err(wrong("choice", "a list of at least one string")),
        },
        _ => Err(Refusal::bad_request(format!("A reply of form `{kind}` is not offered."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &Value) -> Result<Ask, Refusal> {
        Ask::text(body.to_string().as_bytes(), 20)
    }

    #[test]
    fn stated_defaults_are_the_same_request_as_absent_ones() {
        let bare = text(&json!({"prompt": "a"})).unwrap().request;
        let stated = json!({"prompt": ["a"], "temperature": 1, "top_p": 1.0, "top_k": -1, "min_p": 0, "n": 1,
            "presence_penalty": 0.0, "frequency_penalty": 0, "repetition_penalty": 1.0, "max_tokens": 16,
            "min_tokens": 0, "stop": [], "seed": null, "logit_bias": {}, "stream": false, "best_of": 1,
            "response_format": {"type": "text"}, "user": "x", "tools": []});
        assert_eq!(text(&stated).unwrap().request, bare);
        assert!((bare.sampling.temperature - 1.0).abs() < f64::EPSILON);
        assert_eq!(bare.sampling.max_tokens, 16);
    }

    #[test]
    fn parameters_reach_the_request_and_unknown_ones_the_worker() {
        let ask = text(&json!({"model": "m", "prompt": "a", "temperature": 0.5, "top_p": 0.9, "top_k": 40,
            "min_p": 0.1, "presence_penalty": 1, "frequency_penalty": -1, "repetition_penalty": 1.1, "max_tokens": 9,
            "min_tokens": 2, "stop": "x", "seed": -1, "logit_bias": {"5": -100}, "logprobs": 3, "echo": true,
            "cache_salt": "s"}))
        .unwrap();
        let sampling = Sampling {
            temperature: 0.5,
            top_p: 0.9,
            top_k: Some(40),
            min_p: Some(0.1),
            presence_penalty: 1.0,
            frequency_penalty: -1.0,
            repetition_penalty: Some(1.1),
            max_tokens: 9,
            min_tokens: Some(2),
            stop: vec!["x".into()],
            seed: Some(u64::MAX),
            logit_bias: [("5".to_owned(), -100.0)].into(),
        };
        assert_eq!(ask.request.sampling, sampling);
        assert_eq!((ask.model.as_deref(), ask.echo, ask.request.top_logprobs), (Some("m"), true, Some(3)));
        assert_eq!(ask.request.extra, [("cache_salt".to_owned(), json!("s"))].into());
    }

    #[test]
    fn every_notation_of_a_form_is_understood() {
        let schema = json!({"type": "object", "required": ["a"]});
        let of = |mut body: Value| {
            body["prompt"] = "a".into();
            text(&body).unwrap().request.shape
        };
        let wanted = Some(Shape::JsonSchema(schema.clone()));
        for body in [
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}}),
            json!({"structured_outputs": {"json": schema, "regex": null}}),
            json!({"guided_json": schema}),
            json!({"guided_json": schema.to_string()}),
            json!({"json_schema": schema}),
            json!({"format": schema}),
        ] {
            assert_eq!(of(body.clone()), wanted, "{body}");
        }
        let choice = Some(Shape::Choice(vec!["x".into(), "y".into()]));
        assert_eq!(of(json!({"guided_choice": ["x", "y"]})), choice);
        assert_eq!(of(json!({"structured_outputs": {"choice": ["x", "y"]}})), choice);
        assert_eq!(of(json!({"structured_outputs": {"regex": "a+"}})), Some(Shape::Regex("a+".into())));
        assert_eq!(of(json!({"grammar": "root ::= \"a\""})), Some(Shape::Grammar("root ::= \"a\"".into())));
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_the_name_of_the_field() {
        for (field, value) in [
            ("temperature", json!(-1)),
            ("temperature", json!("warm")),
            ("top_p", json!(0)),
            ("min_p", json!(2)),
            ("presence_penalty", json!(3)),
            ("max_tokens", json!(-1)),
            ("max_tokens", json!(1.5)),
            ("logprobs", json!(21)),
            ("n", json!(2)),
            ("stream", json!("yes")),
            ("stop", json!([1])),
            ("prompt", json!(["a", "b"])),
            ("prompt", json!([1, 2])),
            ("prompt", json!(null)),
            ("tools", json!([{}])),
            ("prompt_logprobs", json!(1)),
            ("response_format", json!({"type": "xml"})),
        ] {
            let mut body = json!({"prompt": "a"});
            body[field] = value.clone();
            let body = String::from_utf8(text(&body).expect_err(field).answer().body).unwrap();
            assert!(body.contains(&format!("`{field}`")), "{field} {value}: {body}");
        }
        let chat = |body: Value| Ask::chat(body.to_string().as_bytes(), 20);
        for body in [
            json!({}),
            json!({"messages": []}),
            json!({"messages": [{"role": "tool", "content": "a"}]}),
            json!({"messages": [{"role": "user"}]}),
            json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
            json!({"messages": [{"role": "user", "content": "a"}], "top_logprobs": 2}),
        ] {
            assert!(chat(body.clone()).is_err(), "{body}");
        }
    }

    #[test]
    fn parts_of_a_message_are_joined() {
        let body = json!({"messages": [{"role": "developer", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
            "logprobs": true, "max_tokens": 3, "max_completion_tokens": 4});
        let ask = Ask::chat(body.to_string().as_bytes(), 20).unwrap();
        let message = |role, content: &str| Message { role, content: content.into() };
        assert_eq!(ask.request.prompt, Prompt::Chat(vec![message(Role::System, "s"), message(Role::User, "ab")]));
        assert_eq!((ask.request.top_logprobs, ask.request.sampling.max_tokens), (Some(0), 4));
    }
}
