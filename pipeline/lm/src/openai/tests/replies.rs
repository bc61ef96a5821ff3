//! Answers of 200, as servers write them: the rows of `replies.json`, and log-probabilities of replies.

use serde::Deserialize;
use serde_json::json;

use super::errors::TAXONOMY;
use super::*;
use crate::request::{Finish, Message, Role};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// Of section 4.4; `good` for none.
    class: String,
    server: String,
    /// Whether a bare text was asked for.
    #[serde(default)]
    is_text: bool,
    /// JSON; a string stands for a body that is none.
    body: Value,
    text: Option<String>,
    finish: Option<Finish>,
    /// Of prompt and reply.
    tokens: Option<(u64, u64)>,
    model: Option<String>,
    failure: Option<Failure>,
    #[serde(default)]
    says: String,
    /// The status of the failure, when it is not that of the answer.
    status: Option<u16>,
}

fn rows() -> Vec<Row> {
    serde_json::from_str(include_str!("replies.json")).unwrap()
}

pub(super) fn classes() -> impl Iterator<Item = String> {
    rows().into_iter().map(|row| row.class)
}

/// An answer with nothing odd about it.
pub(super) fn good() -> Value {
    json!({"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]})
}

#[tokio::test]
async fn each_answer_is_the_reply_or_the_failure_that_it_is() {
    for row in rows() {
        let body = row.body.as_str().map_or_else(|| row.body.to_string(), str::to_owned);
        let server = Canned::always(Reply::new(200, &[], body)).await;
        let request = if row.is_text { text("p") } else { chat("p") };
        let result = client(&server.base_url).complete(&request).await;
        assert_eq!(server.asked().len(), 1, "asked once: {}", row.server);
        let at = format!("{} {}: {result:?}", row.class, row.server);
        match (result, row.failure) {
            (Ok(reply), None) => {
                assert_eq!((Some(reply.text), Some(reply.finish)), (row.text, row.finish), "{at}");
                assert!(row.tokens.is_none_or(|n| n == (reply.prompt_tokens, reply.completion_tokens)), "{at}");
                assert!(row.model.is_none_or(|model| model == reply.model), "{at}");
                assert_eq!((reply.attempts, reply.cached, reply.tokens), (1, false, None), "{at}");
            }
            (Err(error), Some(failure)) => {
                assert_eq!((error.failure, error.status), (failure, row.status.or(Some(200))), "{at}");
                assert!(error.message.contains(&row.says), "{at}");
                let (_, failures, action) = TAXONOMY.iter().find(|(name, ..)| *name == row.class).unwrap();
                assert!(failures.contains(&failure) && *action == Some(failure.action()), "{at}");
            }
            _ => panic!("{at}"),
        }
    }
}

#[tokio::test]
async fn a_failure_without_a_number_in_an_answer_keeps_neither_status_nor_key_of_the_answer() {
    let body = json!({"error": {"message": format!("key {KEY} is spent"), "code": "gone"}});
    let server = Canned::always(Reply::json(&body)).await;
    let error = client(&server.base_url).complete(&chat("p")).await.unwrap_err();
    assert_eq!((error.failure, &*error.message), (Failure::Overload, "answers 500: key [redacted] is spent"));
}

/// llama.cpp's answer when it is asked for `n_probs`, by that name or by OpenAI's: objects side by side on both
/// endpoints. Half a character has no text, only bytes.
fn of_llama_cpp(is_text: bool) -> Value {
    let one = |id: u32, token: &str, bytes: &[u8], logprob: f64| json!({"id": id, "token": token, "bytes": bytes, "logprob": logprob});
    let with_top = |mut entry: Value, top: Vec<Value>| {
        entry["top_logprobs"] = Value::Array(top);
        entry
    };
    let content = json!([
        with_top(one(5, " a", b" a", -0.25), vec![one(5, " a", b" a", -0.25), one(6, " b", b" b", -1.5)]),
        with_top(one(7, "", &[0xf0, 0x9f], -4.0), vec![one(5, " a", b" a", -0.1), one(6, " b", b" b", -3.4e38)]),
    ]);
    let mut choice = json!({"index": 0, "logprobs": {"content": content}, "finish_reason": "length"});
    if is_text {
        choice["text"] = " a".into();
    } else {
        choice["message"] = json!({"role": "assistant", "content": " a"});
    }
    json!({"choices": [choice], "model": "tiny.gguf", "usage": {"completion_tokens": 2, "prompt_tokens": 9},
        "timings": {"prompt_n": 9}})
}

#[tokio::test]
async fn llama_cpps_n_probs_are_the_replys_log_probabilities_on_both_endpoints() {
    let server = Canned::start(|asked, _| Reply::json(&of_llama_cpp(asked.line == "POST /v1/completions"))).await;
    for mut request in [text("p"), chat("p")] {
        request.top_logprobs = Some(2);
        request.extra.insert("n_probs".into(), json!(2));
        let worker = client(&server.base_url);
        let tokens = worker.complete(&request).await.unwrap().tokens.unwrap();
        assert_eq!((&*tokens[0].token, tokens[0].logprob, tokens[0].rank), (" a", Some(-0.25), Some(1)));
        assert_eq!(tokens[0].top, [(" a".to_owned(), -0.25), (" b".to_owned(), -1.5)]);
        // Not among the likeliest that were asked for: its rank is not known.
        assert_eq!((tokens[1].logprob, tokens[1].rank, tokens[1].top.len()), (Some(-4.0), None, 2));
    }
    let bodies: Vec<Value> = server.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!((&bodies[0]["n_probs"], &bodies[0]["logprobs"]), (&json!(2), &json!(2)));
    assert_eq!((&bodies[1]["logprobs"], &bodies[1]["top_logprobs"]), (&json!(true), &json!(2)));
}

#[tokio::test]
async fn log_probabilities_that_are_not_asked_for_or_make_no_sense_are_left_out() {
    let server = Canned::always(Reply::json(&of_llama_cpp(false))).await;
    assert_eq!(client(&server.base_url).complete(&chat("p")).await.unwrap().tokens, None);
    for logprobs in [
        json!(null),
        json!([]),
        json!({"content": null}),
        json!({"content": [{"logprob": -1.0}]}),
        json!({"tokens": ["a", "b"], "token_logprobs": [-1.0]}),
        json!({"tokens": ["a"], "token_logprobs": [-1.0], "top_logprobs": [{}, {}]}),
    ] {
        let mut answer = good();
        answer["choices"][0]["logprobs"] = logprobs;
        let server = Canned::always(Reply::json(&answer)).await;
        let mut request = chat("p");
        request.top_logprobs = Some(1);
        let reply = client(&server.base_url).complete(&request).await.unwrap();
        assert_eq!((&*reply.text, reply.tokens), ("hello", None), "{answer}");
    }
}

#[tokio::test]
async fn a_request_goes_where_its_prompt_belongs_and_says_every_parameter() {
    let server = Canned::start(|asked, _| match asked.line.as_str() {
        "POST /v1/completions" => Reply::json(&json!({"choices": [{"text": "hello", "finish_reason": "stop"}]})),
        _ => Reply::json(&good()),
    })
    .await;
    let worker = client(&server.base_url);
    worker.complete(&text("日本 🦀")).await.unwrap();
    let messages =
        vec![Message { role: Role::System, content: "s".into() }, Message { role: Role::User, content: "u".into() }];
    worker.complete(&CompletionRequest::new(Prompt::Chat(messages), Sampling::default())).await.unwrap();
    let asked = server.asked();
    let draw = |max_tokens: u32| {
        json!({"max_tokens": max_tokens, "temperature": 0.0, "top_p": 1.0, "presence_penalty": 0.0,
            "frequency_penalty": 0.0, "n": 1, "stream": false})
    };
    for (asked, line, model_and_prompt, draw) in [
        (&asked[0], "POST /v1/completions", json!({"model": "tiny", "prompt": "日本 🦀"}), draw(8)),
        (
            &asked[1],
            "POST /v1/chat/completions",
            json!({"model": "tiny", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]}),
            draw(512),
        ),
    ] {
        let mut expected = model_and_prompt;
        expected.as_object_mut().unwrap().extend(draw.as_object().unwrap().clone());
        assert_eq!((asked.line.as_str(), &asked.body), (line, &expected));
    }
}

#[tokio::test]
async fn the_dialect_is_what_the_model_list_is_signed_with_and_is_asked_for_once() {
    for (owner, dialect) in [
        ("vllm", Guided::Vllm),
        ("sglang", Guided::Sglang),
        ("llamacpp", Guided::LlamaCpp),
        ("me", Guided::LlamaCpp),
        ("library", Guided::Ollama),
        ("someone", Guided::Openai),
    ] {
        let server = Canned::start(move |asked, _| match asked.line.as_str() {
            "GET /v1/models" => Reply::json(&json!({"object": "list", "data": [{"id": "tiny", "owned_by": owner}]})),
            _ => Reply::json(&good()),
        })
        .await;
        let worker = OpenAi::new(OpenAiSettings { guided: Guided::Auto, ..settings(&server.base_url) }).unwrap();
        let requests = [chat("a"), chat("b"), chat("c")];
        let replies = futures::future::join_all(requests.iter().map(|request| worker.complete(request))).await;
        assert!(replies.iter().all(Result::is_ok), "{replies:?}");
        assert_eq!(worker.dialect().await, Ok(dialect));
        let lines: Vec<String> = server.asked().into_iter().map(|asked| asked.line).collect();
        assert_eq!(lines.iter().filter(|line| *line == "GET /v1/models").count(), 1, "{lines:?}");
        assert_eq!((lines.len(), lines[0].as_str()), (4, "GET /v1/models"));
    }
}

#[tokio::test]
async fn a_server_without_a_model_list_is_taken_for_openais() {
    let odd =
        [Reply::new(404, &[], "no"), Reply::new(200, &[], "{}"), Reply::new(200, &[], "no"), Reply::new(501, &[], "")];
    for list in odd {
        let server = Canned::start(move |asked, _| match asked.line.as_str() {
            "GET /v1/models" => list.clone(),
            _ => Reply::json(&good()),
        })
        .await;
        let worker = OpenAi::new(OpenAiSettings { guided: Guided::Auto, ..settings(&server.base_url) }).unwrap();
        assert_eq!(worker.complete(&chat("p")).await.unwrap().text, "hello");
        assert_eq!(worker.dialect().await, Ok(Guided::Openai));
    }
    // What may pass says nothing of the dialect: the request fails, and the next asks again.
    let server = Canned::start(|asked, n_before| match (asked.line.as_str(), n_before) {
        ("GET /v1/models", 0) => Reply::new(429, &[("retry-after", "3")], "slow down"),
        ("GET /v1/models", _) => Reply::json(&json!([{"id": "tiny", "owned_by": "vllm"}])),
        _ => Reply::json(&good()),
    })
    .await;
    let worker = OpenAi::new(OpenAiSettings { guided: Guided::Auto, ..settings(&server.base_url) }).unwrap();
    let error = worker.complete(&chat("p")).await.unwrap_err();
    assert_eq!((error.failure, error.retry_after.map(|wait| wait.as_secs())), (Failure::Rate, Some(3)));
    assert!(error.message.contains("model list") && error.message.contains("slow down"), "{error}");
    assert_eq!(worker.complete(&chat("p")).await.unwrap().text, "hello");
    assert_eq!(worker.dialect().await, Ok(Guided::Vllm));
}
