//! A request as the server reads it.
//!
//! Every parameter of the draw is sent, since servers have defaults of their own: vLLM takes the model's
//! `generation_config.json`, llama.cpp draws from 40 tokens at temperature 0.8. Parameters that OpenAI does not know
//! (`top_k`, `min_p`, the repetition penalty) are sent when they are set; to a server of a dialect that has them, also
//! when they are not, with the value that does nothing.

use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::reply::NoReply;
use super::settings::{Endpoint, Guided, OpenAiSettings};
use super::shape;
use crate::error::Failure;
use crate::request::{CompletionRequest, Prompt, Sampling};

/// Fields that `extra` may not set: with them the answer would be of another kind, or to another question.
const RESERVED: &[&str] = &["model", "prompt", "messages", "stream", "stream_options", "n"];

/// Largest seed that is sent as it is: some servers take 32 bits, with sign.
const LARGEST_SEED: u64 = i32::MAX as u64;

/// Whether a request is a conversation there.
pub(crate) fn is_chat(endpoint: Endpoint, prompt: &Prompt) -> bool {
    match endpoint {
        Endpoint::Auto => matches!(prompt, Prompt::Chat(_)),
        Endpoint::Chat => true,
        Endpoint::Completions => false,
    }
}

/// The body of a completion; the error says what cannot be asked of this server.
pub(crate) fn completion(
    settings: &OpenAiSettings,
    dialect: Guided,
    request: &CompletionRequest,
    is_chat: bool,
) -> Result<Map<String, Value>, NoReply> {
    let mut fields = fields(settings, dialect, request, is_chat);
    if let Some(top) = request.top_logprobs {
        if is_chat {
            fields.insert("logprobs".into(), json!(true));
            fields.insert("top_logprobs".into(), json!(top));
        } else {
            fields.insert("logprobs".into(), json!(top));
        }
    }
    if let Some(shape) = &request.shape {
        let of_shape = shape::fields(shape, dialect, is_chat);
        fields.extend(of_shape.map_err(|message| NoReply { failure: Failure::Unsupported, message })?);
    }
    if settings.stream {
        fields.insert("stream".into(), json!(true));
        fields.insert("stream_options".into(), json!({ "include_usage": true }));
    }
    for (name, value) in &request.extra {
        if RESERVED.contains(&name.as_str()) {
            let message = format!("`{name}` cannot be set as an extra parameter");
            return Err(NoReply { failure: Failure::BadRequest, message });
        }
        fields.insert(name.clone(), value.clone());
    }
    Ok(fields)
}

/// The model, the prompt and the draw.
pub(crate) fn fields(
    settings: &OpenAiSettings,
    dialect: Guided,
    request: &CompletionRequest,
    is_chat: bool,
) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("model".into(), json!(settings.model));
    match &request.prompt {
        Prompt::Chat(messages) if is_chat => fields.insert("messages".into(), json!(messages)),
        Prompt::Text(text) if is_chat => fields.insert("messages".into(), json!([{"role": "user", "content": text}])),
        prompt => fields.insert("prompt".into(), json!(prompt.plain())),
    };
    let max_tokens = if is_chat { settings.max_tokens_field.as_str() } else { "max_tokens" };
    draw(&mut fields, &request.sampling, request.sample, max_tokens);
    neutral(&mut fields, dialect, &request.sampling);
    fields
}

/// The parameters of the draw.
fn draw(fields: &mut Map<String, Value>, sampling: &Sampling, sample: u32, max_tokens: &str) {
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set(max_tokens, json!(sampling.max_tokens));
    set("temperature", json!(sampling.temperature));
    set("top_p", json!(sampling.top_p));
    set("presence_penalty", json!(sampling.presence_penalty));
    set("frequency_penalty", json!(sampling.frequency_penalty));
    set("n", json!(1));
    set("stream", json!(false));
    if !sampling.stop.is_empty() {
        set("stop", json!(sampling.stop));
    }
    if let Some(seed) = sampling.seed {
        set("seed", json!(seed_of(seed, sample)));
    }
    if !sampling.logit_bias.is_empty() {
        set("logit_bias", json!(sampling.logit_bias));
    }
    let extras = [
        ("top_k", sampling.top_k.map(|k| json!(k))),
        ("min_p", sampling.min_p.map(|p| json!(p))),
        ("repetition_penalty", sampling.repetition_penalty.map(|penalty| json!(penalty))),
        ("min_tokens", sampling.min_tokens.map(|n| json!(n))),
    ];
    for (name, value) in extras {
        if let Some(value) = value {
            set(name, value);
        }
    }
}

/// The values that do nothing, for servers whose defaults do something, and llama.cpp's name for a penalty.
fn neutral(fields: &mut Map<String, Value>, dialect: Guided, sampling: &Sampling) {
    let all_tokens = match dialect {
        Guided::Vllm | Guided::Sglang => -1,
        Guided::LlamaCpp => 0,
        Guided::Auto | Guided::Openai | Guided::Ollama | Guided::None => return,
    };
    fields.entry("top_k").or_insert(json!(all_tokens));
    fields.entry("min_p").or_insert(json!(0.0));
    let penalty = json!(sampling.repetition_penalty.unwrap_or(1.0));
    if dialect == Guided::LlamaCpp {
        fields.shift_remove("repetition_penalty");
        fields.insert("repeat_penalty".into(), penalty);
    } else {
        fields.insert("repetition_penalty".into(), penalty);
    }
}

/// The seed of a draw: draws of one prompt differ, and the first has the seed that was asked for if it fits.
fn seed_of(seed: u64, sample: u32) -> u64 {
    if sample == 0 && seed <= LARGEST_SEED {
        return seed;
    }
    xxh3_64_with_seed(&sample.to_le_bytes(), seed) & LARGEST_SEED
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> OpenAiSettings {
        OpenAiSettings::new("w", "http://h/v1", "m")
    }

    fn sent(dialect: Guided, request: &CompletionRequest) -> Value {
        let is_chat = is_chat(Endpoint::Auto, &request.prompt);
        Value::Object(completion(&settings(), dialect, request, is_chat).unwrap())
    }

    #[test]
    fn every_parameter_is_explicit_and_what_is_unset_is_left_out() {
        let request = CompletionRequest::new(Prompt::Text("p".into()), Sampling::default());
        let expected = json!({"model": "m", "prompt": "p", "max_tokens": 512, "temperature": 0.0, "top_p": 1.0,
            "presence_penalty": 0.0, "frequency_penalty": 0.0, "n": 1, "stream": false});
        assert_eq!(sent(Guided::Openai, &request), expected);
    }

    #[test]
    fn what_is_set_is_sent() {
        let sampling = Sampling {
            top_k: Some(5),
            min_p: Some(0.1),
            repetition_penalty: Some(1.2),
            min_tokens: Some(2),
            stop: vec!["\n".into()],
            seed: Some(7),
            logit_bias: [("42".to_owned(), -100.0)].into(),
            ..Sampling::default()
        };
        let mut request = CompletionRequest::new(Prompt::user("p"), sampling);
        request.top_logprobs = Some(3);
        request.extra.insert("priority".into(), json!(1));
        let body = sent(Guided::Openai, &request);
        assert_eq!(body["messages"], json!([{"role": "user", "content": "p"}]));
        for (name, value) in [
            ("top_k", json!(5)),
            ("min_p", json!(0.1)),
            ("repetition_penalty", json!(1.2)),
            ("min_tokens", json!(2)),
            ("stop", json!(["\n"])),
            ("seed", json!(7)),
            ("logit_bias", json!({"42": -100.0})),
            ("logprobs", json!(true)),
            ("top_logprobs", json!(3)),
            ("priority", json!(1)),
        ] {
            assert_eq!(body[name], value, "{name}");
        }
        let body = sent(Guided::LlamaCpp, &request);
        assert_eq!((&body["repeat_penalty"], body.get("repetition_penalty")), (&json!(1.2), None));
    }

    #[test]
    fn a_servers_own_defaults_are_overruled() {
        let request = CompletionRequest::new(Prompt::user("p"), Sampling::default());
        let of = |dialect, name: &str| sent(dialect, &request)[name].clone();
        assert_eq!((of(Guided::Vllm, "top_k"), of(Guided::Vllm, "repetition_penalty")), (json!(-1), json!(1.0)));
        assert_eq!((of(Guided::LlamaCpp, "top_k"), of(Guided::LlamaCpp, "min_p")), (json!(0), json!(0.0)));
    }

    #[test]
    fn samples_of_one_seed_differ() {
        let seeds: std::collections::BTreeSet<u64> =
            (0..100).map(|sample| seed_of(7, sample)).chain([seed_of(u64::MAX, 0)]).collect();
        assert!(seeds.len() == 101 && seeds.contains(&7) && seeds.iter().all(|seed| *seed <= LARGEST_SEED));
    }

    #[test]
    fn an_extra_parameter_cannot_change_the_question() {
        let mut request = CompletionRequest::new(Prompt::user("p"), Sampling::default());
        request.extra.insert("stream".into(), json!(true));
        let refused = completion(&settings(), Guided::Openai, &request, true).unwrap_err();
        assert!(refused.failure == Failure::BadRequest && refused.message.contains("`stream`"));
    }

    #[test]
    fn the_endpoint_follows_the_prompt_unless_told() {
        let (text, chat) = (Prompt::Text("p".into()), Prompt::user("p"));
        let of = |endpoint| (is_chat(endpoint, &text), is_chat(endpoint, &chat));
        assert_eq!(of(Endpoint::Auto), (false, true));
        assert_eq!((of(Endpoint::Chat), of(Endpoint::Completions)), ((true, true), (false, false)));
    }
}
