//! Routes, parameters, connections, stopping.

use super::*;

#[test]
fn a_text_is_continued_as_the_worker_continues_it() {
    let server = server(ServerSettings::default());
    let sampling = Sampling { temperature: 0.8, max_tokens: 12, seed: Some(3), ..Sampling::default() };
    let mut request = CompletionRequest::new(Prompt::Text("The cat".into()), sampling);
    request.top_logprobs = Some(2);
    let wanted = run(ngram().complete(&request)).unwrap();
    let body = json!({"prompt": "The cat", "temperature": 0.8, "max_tokens": 12, "seed": 3, "logprobs": 2});
    let got = Client::new(&server).post(TEXT, &body).json();
    let choice = &got["choices"][0];
    assert_eq!(
        (choice["text"].as_str(), got["object"].as_str()),
        (Some(wanted.text.as_str()), Some("text_completion"))
    );
    let tokens = wanted.tokens.unwrap();
    let (words, tops) = (&choice["logprobs"]["tokens"], &choice["logprobs"]["top_logprobs"]);
    assert_eq!(words, &json!(tokens.iter().map(|t| &t.token).collect::<Vec<_>>()));
    for (at, token) in tokens.iter().enumerate() {
        assert_eq!(choice["logprobs"]["token_logprobs"][at].as_f64(), token.logprob);
        for (text, p) in &token.top {
            assert_eq!(tops[at][text].as_f64(), Some(*p));
        }
        assert!(tops[at].get(&token.token).is_some(), "the token is among its alternatives");
    }
    let usage = json!({"prompt_tokens": wanted.prompt_tokens, "completion_tokens": wanted.completion_tokens,
        "total_tokens": wanted.prompt_tokens + wanted.completion_tokens});
    assert_eq!(got["usage"], usage);
}

#[test]
fn a_conversation_is_answered_and_its_tokens_are_scored() {
    let server = server(ServerSettings::default());
    let messages = vec![
        Message { role: Role::System, content: "Speak of cats.".into() },
        Message { role: Role::User, content: "The cat sat".into() },
    ];
    let sampling = Sampling { max_tokens: 4, ..Sampling::default() };
    let mut request = CompletionRequest::new(Prompt::Chat(messages.clone()), sampling);
    request.top_logprobs = Some(3);
    let wanted = run(ngram().complete(&request)).unwrap();
    let body = json!({"messages": messages, "temperature": 0, "max_completion_tokens": 4, "logprobs": true,
        "top_logprobs": 3});
    let got = Client::new(&server).post(CHAT, &body).json();
    let choice = &got["choices"][0];
    assert_eq!(got["object"], "chat.completion");
    assert_eq!(choice["message"], json!({"role": "assistant", "content": wanted.text}));
    let (content, tokens) = (choice["logprobs"]["content"].as_array().unwrap(), wanted.tokens.unwrap());
    assert_eq!(content.len(), tokens.len());
    for (got, token) in content.iter().zip(&tokens) {
        assert_eq!((got["token"].as_str(), got["logprob"].as_f64()), (Some(token.token.as_str()), token.logprob));
        assert_eq!(got["bytes"], json!(token.token.as_bytes()));
        assert_eq!(got["top_logprobs"].as_array().unwrap().len(), token.top.len());
    }
    // Without being asked for, there are none.
    let body = json!({"messages": messages, "temperature": 0});
    assert_eq!(Client::new(&server).post(CHAT, &body).json()["choices"][0]["logprobs"], Value::Null);
}

#[test]
fn a_text_is_scored_by_echo_without_new_tokens() {
    let server = server(ServerSettings::default());
    let text = "The dog sat — on a 🙂.";
    let request = ScoreRequest { context: String::new(), text: text.into(), top: 2 };
    let wanted = run(ngram().score(&request)).unwrap().tokens;
    let body = json!({"prompt": [text], "echo": true, "logprobs": 2, "max_tokens": 0});
    let got = Client::new(&server).post(TEXT, &body).json();
    let (choice, logprobs) = (&got["choices"][0], &got["choices"][0]["logprobs"]);
    assert_eq!((choice["text"].as_str(), choice["finish_reason"].as_str()), (Some(text), Some("length")));
    assert_eq!(logprobs["token_logprobs"], json!(wanted.iter().map(|t| t.logprob).collect::<Vec<_>>()));
    let offsets: Vec<usize> =
        logprobs["text_offset"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
    let mut tops = logprobs["top_logprobs"].as_array().unwrap().iter();
    for (token, offset) in wanted.iter().zip(offsets) {
        let from_offset: String = text.chars().skip(offset).take(token.token.chars().count()).collect();
        assert_eq!(from_offset, token.token);
        assert!(tops.next().is_some_and(|top| top.get(&token.token).is_some()), "each is among its alternatives");
    }
    let n = wanted.len();
    assert_eq!(got["usage"], json!({"prompt_tokens": n, "completion_tokens": 0, "total_tokens": n}));
    // With new tokens both stand in the lists, and the text is prompt and reply.
    let body = json!({"prompt": "The dog sat", "echo": true, "logprobs": 0, "max_tokens": 3, "temperature": 0});
    let both = Client::new(&server).post(TEXT, &body).json();
    let choice = &both["choices"][0];
    let words: String =
        choice["logprobs"]["tokens"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!((choice["text"].as_str(), both["usage"]["completion_tokens"].as_u64()), (Some(words.as_str()), Some(3)));
    assert!(words.starts_with("The dog sat") && words.len() > "The dog sat".len());
}

#[test]
fn requests_without_a_seed_are_drawn_anew_and_those_with_one_are_not() {
    let server = server(ServerSettings::default());
    let mut client = Client::new(&server);
    let texts = |client: &mut Client, body: &Value| -> std::collections::BTreeSet<String> {
        (0..8).map(|_| client.post(TEXT, body).json()["choices"][0]["text"].to_string()).collect()
    };
    assert!(texts(&mut client, &json!({"prompt": "The", "max_tokens": 20})).len() > 1);
    assert_eq!(texts(&mut client, &json!({"prompt": "The", "max_tokens": 20, "seed": 1})).len(), 1);
}

#[test]
fn the_model_is_listed_and_others_are_unknown() {
    let named = server(ServerSettings { model: Some("mill".into()), ..ServerSettings::default() });
    let mut client = Client::new(&named);
    client.send("GET", "/v1/models?x=1", "", "");
    let models = client.receive().unwrap().json();
    assert_eq!((models["object"].as_str(), models["data"][0]["id"].as_str()), (Some("list"), Some("mill")));
    let mut body = prompt("a");
    body["model"] = "mill".into();
    assert_eq!(client.post(TEXT, &body).json()["model"], "mill");
    body["model"] = "other".into();
    let refused = client.post(TEXT, &body);
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (404, Some("model_not_found")));
    let open = server(ServerSettings::default());
    assert_eq!(Client::new(&open).post(TEXT, &body).json()["model"], ngram().identity().model);
}

#[test]
fn requests_that_cannot_be_served_are_refused_in_openais_form() {
    let server = server(ServerSettings { max_body_bytes: 4_000_000, ..ServerSettings::default() });
    let mut client = Client::new(&server);
    let schema = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}});
    for (method, path, body, status) in [
        ("POST", "/v1/moderations", "{}", 404),
        ("GET", "/", "", 404),
        ("GET", TEXT, "", 405),
        ("POST", "/v1/models", "{}", 405),
        ("POST", TEXT, "{", 400),
        ("POST", TEXT, "[]", 400),
        (
            "POST",
            CHAT,
            &json!({"messages": [{"role": "user", "content": "a"}], "response_format": schema}).to_string(),
            400,
        ),
    ] {
        client.send(method, path, "", body);
        let reply = client.receive().unwrap();
        let error = reply.json()["error"].clone();
        assert_eq!(reply.status, status, "{method} {path}: {error}");
        assert!(error["message"].is_string() && error["type"].is_string() && error.get("code").is_some(), "{error}");
    }
    let status_of = |head: &str, body: &[u8]| {
        let mut client = Client::new(&server);
        client.stream.write_all(head.as_bytes()).unwrap();
        client.stream.write_all(body).unwrap();
        let status = client.receive().unwrap().status;
        assert!(client.is_closed());
        status
    };
    assert_eq!(
        status_of("POST /v1/completions HTTP/1.1\r\nContent-Length: 15000000\r\n\r\n", &vec![b' '; 15_000_000]),
        413
    );
    assert_eq!(status_of("POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n"), 411);
    assert_eq!(status_of("POST /v1/completions HTTP/1.1\r\nContent-Length: many\r\n\r\n", b""), 400);
    assert_eq!(status_of("\u{1}\u{2}\u{3} nonsense\r\n\r\n", b""), 400);
    assert_eq!(status_of(&format!("GET /v1/models HTTP/1.1\r\nX: {}\r\n", "x".repeat(70_000)), b"\r\n"), 431);
    assert_eq!(status_of(&format!("GET /v1/models HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(101)), b""), 431);
}

#[test]
fn a_key_is_asked_for_everywhere_when_one_is_set() {
    let settings = ServerSettings { required_key: Some("sesame".into()), ..ServerSettings::default() };
    assert!(!format!("{settings:?}").contains("sesame"));
    let server = server(settings);
    let mut client = Client::new(&server);
    let body = prompt("a").to_string();
    for (headers, status) in [
        ("", 401),
        ("Authorization: Bearer other\r\n", 401),
        ("Authorization: Basic sesame\r\n", 401),
        ("authorization: bearer sesame\r\n", 200),
    ] {
        for (method, path, body) in [("GET", "/v1/models", ""), ("POST", TEXT, body.as_str())] {
            client.send(method, path, headers, body);
            let reply = client.receive().unwrap();
            assert_eq!(reply.status, status, "{headers} {path}");
            let code = if status == 401 { json!("invalid_api_key") } else { Value::Null };
            assert_eq!(reply.json()["error"]["code"], code);
        }
    }
}

#[test]
fn a_workers_failure_keeps_its_class_over_the_wire() {
    let server = odd(1);
    let mut client = Client::new(&server);
    for (failure, status, code) in [
        ("rate", 429, json!("rate_limit_exceeded")),
        ("quota", 429, json!("insufficient_quota")),
        ("auth", 401, json!("invalid_api_key")),
        ("not_found", 404, json!("model_not_found")),
        ("context_length", 400, json!("context_length_exceeded")),
        ("bad_request", 400, Value::Null),
        ("unsupported", 400, json!("unsupported")),
        ("overload", 503, Value::Null),
        ("timeout", 504, Value::Null),
        ("storage", 500, Value::Null),
    ] {
        let reply = client.post(TEXT, &prompt(failure));
        let error = reply.json()["error"].clone();
        assert_eq!((reply.status, &error["code"], &error["message"]), (status, &code, &json!("as asked")), "{failure}");
    }
    let scored = client.post(TEXT, &json!({"prompt": "a", "echo": true, "logprobs": 1, "max_tokens": 0}));
    assert_eq!(scored.status, 400);
    assert_eq!(server.counters().answered, 0);
}

#[test]
fn a_connection_serves_many_requests_until_either_side_ends_it() {
    let server = server(ServerSettings::default());
    let mut client = Client::new(&server);
    for n in 0..20 {
        let reply = client.post(TEXT, &prompt(&format!("The {n}")));
        assert_eq!((reply.status, reply.headers["connection"].as_str()), (200, "keep-alive"));
    }
    let counters = server.counters();
    assert_eq!((counters.connections, counters.requests, counters.peak_in_flight), (1, 20, 1));
    // Two requests in one write: the second waits for the first.
    client.send("GET", "/v1/models", "", "");
    client.send("GET", "/v1/models", "Connection: close\r\n", "");
    assert_eq!(client.receive().unwrap().headers["connection"], "keep-alive");
    assert_eq!(client.receive().unwrap().headers["connection"], "close");
    assert!(client.is_closed());
    let mut old = Client::new(&server);
    old.stream.write_all(b"GET /v1/models HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(old.receive().unwrap().status, 200);
    assert!(old.is_closed());
    // A client that waits for leave to send its body gets it.
    let body = prompt("The").to_string();
    let mut polite = Client::new(&server);
    polite.send("POST", TEXT, &format!("Expect: 100-continue\r\nContent-Length: {}\r\n", body.len()), "");
    assert_eq!(polite.receive().unwrap().status, 100);
    polite.stream.write_all(body.as_bytes()).unwrap();
    assert_eq!(polite.receive().unwrap().status, 200);
}

#[test]
fn a_body_of_megabytes_is_read_whole() {
    let server = server(ServerSettings::default());
    let mut body = prompt("The cat");
    body["user"] = "x".repeat(10_000_000).into();
    assert_eq!(Client::new(&server).post(TEXT, &body).status, 200);
}

#[test]
fn three_hundred_requests_are_in_the_worker_at_once() {
    let server = odd(300);
    let mut clients: Vec<Client> = (0..300).map(|_| Client::new(&server)).collect();
    for client in &mut clients {
        client.send("POST", TEXT, "", &prompt("meet").to_string());
    }
    assert!(clients.iter_mut().all(|client| client.receive().unwrap().status == 200));
    let counters = server.counters();
    assert_eq!((counters.connections, counters.peak_in_flight, counters.answered), (300, 300, 300));
    assert_eq!((counters.n_distinct_answered(), counters.n_repeated()), (1, 299));
}

#[test]
fn a_dropped_server_is_gone_with_its_connections_and_frees_its_port() {
    let first = odd(1);
    let (address, port) = (first.address(), first.address().port());
    assert_eq!(first.url(), format!("http://127.0.0.1:{port}/v1"));
    let mut client = Client::new(&first);
    client.send("POST", TEXT, "", &prompt("wait").to_string());
    drop(first);
    assert!(client.is_closed());
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let again = server(ServerSettings { port, ..ServerSettings::default() });
    assert_eq!(Client::new(&again).post(TEXT, &prompt("a")).status, 200);
    let taken = Server::start(Arc::new(ngram()), ServerSettings { port, ..ServerSettings::default() });
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::AddrInUse);
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_does_not_stop_the_server() {
    let server = server(ServerSettings { latency_ms: 5, ..ServerSettings::default() });
    assert_eq!(Client::new(&server).post(TEXT, &prompt("a")).status, 200);
}
