//! Where a credential goes: into one header of a request to one server, and nowhere else.

use serde_json::json;

use super::*;
use crate::probe::{ProbeSettings, probe_server};

#[tokio::test]
async fn the_key_is_sent_in_one_header_and_only_when_there_is_one() {
    let server = Canned::always(Reply::json(&replies::good())).await;
    client(&server.base_url).complete(&chat("p")).await.unwrap();
    OpenAi::new(OpenAiSettings { api_key: None, ..settings(&server.base_url) })
        .unwrap()
        .complete(&chat("p"))
        .await
        .unwrap();
    let asked = server.asked();
    let with_key: Vec<&str> = asked[0].head.lines().filter(|line| line.contains(KEY)).collect();
    assert_eq!(with_key, [format!("authorization: Bearer {KEY}")]);
    assert!(!asked[0].line.contains(KEY) && !asked[0].body.to_string().contains(KEY));
    // Neither an empty one nor one of the environment.
    assert!(!asked[1].head.to_ascii_lowercase().contains("authorization"), "{}", asked[1].head);
}

#[tokio::test]
async fn a_server_that_has_moved_is_not_followed_with_the_key() {
    let other = Canned::always(Reply::json(&replies::good())).await;
    for status in [301, 302, 307, 308] {
        let place = format!("{}/chat/completions", other.base_url);
        let server = Canned::always(Reply::new(status, &[("location", &place)], "")).await;
        let error = client(&server.base_url).complete(&chat("p")).await.unwrap_err();
        assert!(error.failure == Failure::NotFound && error.message.contains(&place), "{error}");
    }
    assert_eq!(other.asked().len(), 0);
}

#[tokio::test]
async fn no_error_has_the_key_wherever_a_server_puts_it() {
    let said = |body: Value| Reply::json(&body);
    let choice = |choice: Value| said(json!({"choices": [choice]}));
    let places = [
        ("no JSON", Reply::new(200, &[], format!("<p>You sent {KEY}</p>"))),
        ("half of JSON, which is cut at the key", Reply::new(200, &[], format!("{}{KEY}", "x".repeat(192)))),
        ("an error in an answer", said(json!({"error": {"message": KEY, "code": KEY}}))),
        ("the model's refusal", choice(json!({"message": {"refusal": KEY}, "finish_reason": "stop"}))),
        ("the reason for the end", choice(json!({"text": "", "finish_reason": KEY}))),
        ("an address", Reply::new(302, &[("location", &format!("https://user:{KEY}@h/{KEY}?key={KEY}"))], "")),
        ("a refusal, which is cut at the key", Reply::new(401, &[], format!("{}{KEY}", "x".repeat(490)))),
        ("tokens", choice(json!({"text": "", "logprobs": {"tokens": [KEY], "token_logprobs": [-1.0]}}))),
        ("no HTTP", Reply::raw(format!("{KEY}\r\n\r\n"))),
        ("a status line", Reply::raw(format!("HTTP/1.1 500 {KEY}\r\ncontent-length: 0\r\n\r\n"))),
    ];
    for (place, reply) in places {
        let server = Canned::always(reply).await;
        let auto = OpenAi::new(OpenAiSettings { guided: Guided::Auto, ..settings(&server.base_url) }).unwrap();
        let worker = client(&server.base_url);
        let results = [
            worker.complete(&chat("p")).await.err(),
            worker.complete(&text("p")).await.err(),
            auto.complete(&chat("p")).await.err(),
            worker.score(&score_of("", "a", 0)).await.err(),
            worker.probe().await.err(),
        ];
        let errors: Vec<String> = results.iter().flatten().map(shown).collect();
        // `hunter` is how the key begins: no part of it may be left.
        assert!(!errors.is_empty() && errors.iter().all(|error| !error.contains("hunter")), "{place}: {errors:?}");
    }
}

#[tokio::test]
async fn a_key_is_found_in_the_spellings_of_json_and_of_addresses() {
    let key = "ab/cd+ef==gh";
    let places = [
        // As PHP writes JSON.
        Reply::new(401, &[], r#"{"reason": "ab\/cd+ef==gh is no key"}"#),
        Reply::new(401, &[], r#"{"error": {"message": "ab\/cd\u002bef==gh is no key"}}"#),
        Reply::new(302, &[("location", "https://h/login?key=ab%2Fcd%2Bef%3D%3Dgh")], ""),
    ];
    for reply in places {
        let server = Canned::always(reply).await;
        let api_key = Some(Secret::new(key));
        let worker = OpenAi::new(OpenAiSettings { api_key, ..settings(&server.base_url) }).unwrap();
        let error = worker.complete(&chat("p")).await.unwrap_err();
        assert!(!error.message.contains("cd") && !error.message.contains("ef"), "{error}");
    }
}

#[tokio::test]
async fn values_of_headers_that_are_credentials_are_hidden_and_others_are_words() {
    let headers = [("x-api-key", "abcdef-1"), ("authorization", "Token zyxwvu-2"), ("x-project", "alpha-3")];
    let server = Canned::always(Reply::new(400, &[], "got abcdef-1, zyxwvu-2 and alpha-3")).await;
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let worker = OpenAi::new(OpenAiSettings { api_key: None, headers, ..settings(&server.base_url) }).unwrap();
    let error = worker.complete(&chat("p")).await.unwrap_err();
    assert_eq!(error.message, "answers 400: got [redacted], [redacted] and alpha-3");
    let head = server.asked()[0].head.clone();
    assert!(head.contains("authorization: Token zyxwvu-2") && head.contains("x-api-key: abcdef-1"), "{head}");
}

#[tokio::test]
async fn a_probes_report_has_no_key() {
    let server = Canned::start(|asked, _| match asked.line.as_str() {
        "GET /v1/models" => Reply::json(&json!({"data": [{"id": "tiny"}, {"id": format!("of {KEY}")}]})),
        "POST /v1/completions" => Reply::new(400, &[], format!("no such route for {KEY}")),
        _ => Reply::json(&json!({"choices": [{"message": {"content": format!("You sent {KEY}")},
            "finish_reason": "stop"}]})),
    })
    .await;
    let report = probe_server(&client(&server.base_url), &ProbeSettings { n_timed: 1, max_tokens: 4 }).await.unwrap();
    assert!(report.capabilities.chat && !report.capabilities.text && !report.capabilities.json_schema);
    let notes = format!("{:?} {:?}", report.trials, report.capabilities.notes);
    assert!(!notes.contains(KEY) && notes.contains("You sent [redacted]"), "{notes}");
    assert!(!report.to_string().contains(KEY), "{report}");
}

#[tokio::test]
async fn a_reply_that_repeats_the_key_is_kept_without_it() {
    let said = format!("You sent Bearer {KEY}.");
    let answer =
        json!({"model": KEY, "choices": [{"message": {"content": said}, "text": said, "finish_reason": "stop"}]});
    let server = Canned::always(Reply::json(&answer)).await;
    for request in [chat("p"), text("p")] {
        let reply = client(&server.base_url).complete(&request).await.unwrap();
        assert_eq!((&*reply.text, &*reply.model), ("You sent Bearer [redacted].", "[redacted]"));
    }
}
