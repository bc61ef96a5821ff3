//! Every fault, by script and by plan, and what is counted.

use super::*;

#[test]
fn faults_that_are_answers_have_the_servers_status_and_body() {
    let rate = |body, retry_after: Option<&str>| Fault::Rate { body, retry_after: retry_after.map(str::to_owned) };
    let pointer = |path: &'static str, value: Value| {
        move |reply: &Reply| assert_eq!(reply.json().pointer(path), Some(&value), "{reply:?}")
    };
    let text = |part: &'static str| {
        move |reply: &Reply| {
            assert!(reply.body.contains(part) && serde_json::from_str::<Value>(&reply.body).is_err(), "{reply:?}");
        }
    };
    type Check = Box<dyn Fn(&Reply)>;
    let table: Vec<(Fault, u16, Check)> = vec![
        (rate(ErrorBody::OpenAi, Some("2")), 429, Box::new(pointer("/error/code", json!("rate_limit_exceeded")))),
        (rate(ErrorBody::IntegerCode, None), 429, Box::new(pointer("/error/code", json!(429)))),
        (rate(ErrorBody::Text, Some("0.5")), 429, Box::new(text("Rate limit"))),
        (rate(ErrorBody::Object, None), 429, Box::new(pointer("/object", json!("error")))),
        (rate(ErrorBody::Detail, None), 429, Box::new(|reply| assert!(reply.json()["detail"].is_string()))),
        (rate(ErrorBody::Message, None), 429, Box::new(|reply| assert!(reply.json()["message"].is_string()))),
        (Fault::Quota, 429, Box::new(pointer("/error/code", json!("insufficient_quota")))),
        (
            Fault::ContextLength(ContextWording::OpenAi),
            400,
            Box::new(pointer("/error/code", json!("context_length_exceeded"))),
        ),
        (
            Fault::ContextLength(ContextWording::Vllm),
            400,
            Box::new(|reply| {
                let error = &reply.json()["error"];
                assert_eq!(error["code"], 400);
                assert!(error["message"].as_str().is_some_and(|text| text.contains("maximum context length")));
            }),
        ),
        (
            Fault::ContextLength(ContextWording::LlamaCpp),
            400,
            Box::new(pointer("/error/type", json!("exceed_context_size_error"))),
        ),
        (Fault::Auth, 401, Box::new(pointer("/error/code", json!("invalid_api_key")))),
        (Fault::NotFound, 404, Box::new(pointer("/error/code", json!("model_not_found")))),
        (Fault::RepeatedKey, 400, Box::new(pointer("/error/type", json!("invalid_request_error")))),
        (Fault::Broken(500), 500, Box::new(pointer("/error/type", json!("server_error")))),
        (Fault::Broken(502), 502, Box::new(text("<html>"))),
        (Fault::Broken(503), 503, Box::new(text("busy"))),
        (Fault::Broken(529), 529, Box::new(pointer("/error/type", json!("overloaded_error")))),
    ];
    for (fault, status, check) in table {
        let server = scripted(fault.clone());
        let mut client = Client::new(&server);
        let reply = client.post(TEXT, &prompt("The"));
        assert_eq!(reply.status, status, "{fault:?}");
        check(&reply);
        if let Fault::Rate { retry_after, .. } = &fault {
            assert_eq!(reply.headers.get("retry-after"), retry_after.as_ref());
        }
        // The connection stays, and the script is over.
        assert_eq!(client.post(TEXT, &prompt("The")).status, 200);
        let counters = server.counters();
        assert_eq!(counters.faults, [(fault.name().to_owned(), 1)].into());
        assert_eq!(counters.by_status, [(status, 1), (200, 1)].into());
        assert_eq!((counters.answered, counters.n_repeated()), (1, 0));
    }
}

#[test]
fn faults_that_spoil_an_answer_leave_its_status() {
    let chat = json!({"messages": [{"role": "user", "content": "The"}], "max_tokens": 3});
    for (fault, path, value) in [
        (Fault::FinishAbort, "/choices/0/finish_reason", Some(json!("abort"))),
        (Fault::FinishEmpty, "/choices/0/finish_reason", Some(json!(""))),
        (Fault::FinishNull, "/choices/0/finish_reason", Some(Value::Null)),
        (Fault::EmptyChoices, "/choices", Some(json!([]))),
        (Fault::MissingChoices, "/choices", None),
        (Fault::NullContent, "/choices/0/message/content", Some(Value::Null)),
    ] {
        let server = scripted(fault.clone());
        let reply = Client::new(&server).post(CHAT, &chat);
        assert_eq!((reply.status, reply.json().pointer(path)), (200, value.as_ref()), "{fault:?}");
        assert!(reply.json()["usage"].is_object());
        assert_eq!(server.counters().answered, 0, "{fault:?} is paid for by nobody");
    }
    let server = scripted(Fault::NullContent);
    assert_eq!(Client::new(&server).post(TEXT, &prompt("a")).json()["choices"][0]["text"], Value::Null);
    let server = scripted(Fault::MalformedJson);
    let reply = Client::new(&server).post(TEXT, &prompt("a"));
    assert_eq!((reply.status, reply.is_whole), (200, true));
    assert!(reply.body.starts_with('{') && serde_json::from_str::<Value>(&reply.body).is_err());
}

#[test]
fn faults_of_the_connection_are_seen_as_such() {
    let server = scripted(Fault::CutBody);
    let mut client = Client::new(&server);
    let reply = client.post(TEXT, &prompt("a"));
    assert_eq!((reply.status, reply.is_whole), (200, false));
    assert!(!reply.body.is_empty() && client.is_closed());
    assert_eq!(server.counters().answered, 0);

    let server = scripted(Fault::Reset);
    let mut client = Client::new(&server);
    client.send("POST", TEXT, "", &prompt("a").to_string());
    assert_eq!(client.receive().unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(server.counters().by_status, BTreeMap::new());
    assert_eq!(Client::new(&server).post(TEXT, &prompt("a")).status, 200);
}

#[test]
fn slow_answers_are_slow_where_they_should_be_and_good() {
    let ms = Duration::from_millis;
    let timed = |server: &Server| {
        let mut client = Client::new(server);
        client.send("POST", TEXT, "", &prompt("The cat").to_string());
        let started = Instant::now();
        client.stream.peek(&mut [0u8]).unwrap();
        let first = started.elapsed();
        let reply = client.receive().unwrap();
        assert!(reply.is_whole && reply.json()["choices"][0]["text"].is_string());
        assert_eq!(server.counters().answered, 1);
        (first, started.elapsed())
    };
    assert!(timed(&scripted(Fault::SlowFirstByte { ms: 80 })).0 >= ms(80));
    let (first, last) = timed(&scripted(Fault::SlowBody { ms: 160 }));
    assert!(last - first >= ms(100) && last >= ms(150), "{first:?} {last:?}");
    let late = server(ServerSettings { latency_ms: 50, ..ServerSettings::default() });
    assert!(timed(&late).0 >= ms(50));
}

#[test]
fn a_client_that_leaves_is_not_charged() {
    let n_waiting = Arc::default();
    let waits = |n_waiting: &Arc<AtomicU64>| n_waiting.load(Ordering::SeqCst) > 0;
    // While the first byte is held back, while the body drips, while the worker thinks, while the answer is sent.
    let cases = [
        (scripted(Fault::SlowFirstByte { ms: 60_000 }), "The"),
        (scripted(Fault::SlowBody { ms: 60_000 }), "The"),
        (odd_waiting(1, &n_waiting), "wait"),
        (odd(1), "long"),
    ];
    for (at, (server, text)) in cases.into_iter().enumerate() {
        let mut client = Client::new(&server);
        client.send("POST", TEXT, "", &prompt(text).to_string());
        match at {
            0 => until("it arrives", || server.counters().faults.len() == 1),
            2 => until("the worker is asked", || waits(&n_waiting)),
            _ => assert_eq!(client.stream.peek(&mut [0u8]).unwrap(), 1),
        }
        drop(client);
        until("the server sees that the client left", || server.counters().abandoned == 1);
        let counters = server.counters();
        assert_eq!((counters.answered, counters.n_distinct_answered()), (0, 0), "{text}");
    }
}

#[test]
fn a_request_asked_until_it_succeeds_is_charged_once() {
    let kinds = vec![
        Fault::Rate { body: ErrorBody::Text, retry_after: None },
        Fault::Broken(500),
        Fault::CutBody,
        Fault::Reset,
        Fault::MalformedJson,
        Fault::FinishAbort,
    ];
    let faults = FaultPlan { rate: 0.3, seed: 11, kinds };
    let ask_all = || {
        let server = server(ServerSettings { faults: faults.clone(), ..ServerSettings::default() });
        let mut n_attempts = 0;
        for n in 0..200 {
            let body = prompt(&format!("The {n}"));
            let is_good = |reply: &Reply| {
                let finish =
                    || serde_json::from_str::<Value>(&reply.body).ok()?.pointer("/choices/0/finish_reason").cloned();
                reply.status == 200 && reply.is_whole && finish().is_some_and(|finish| finish != "abort")
            };
            loop {
                n_attempts += 1;
                assert!(n_attempts < 1000, "a request asked again must succeed");
                let mut client = Client::new(&server);
                client.send("POST", TEXT, "", &body.to_string());
                if client.receive().is_ok_and(|reply| is_good(&reply)) {
                    break;
                }
            }
        }
        (n_attempts, server.counters())
    };
    let (n_attempts, counters) = ask_all();
    assert_eq!((counters.answered, counters.n_distinct_answered(), counters.n_repeated()), (200, 200, 0));
    assert_eq!(counters.answers[&Counters::key(TEXT, prompt("The 7").to_string().as_bytes())], 1);
    assert_eq!((counters.requests, counters.by_route["POST /v1/completions"]), (n_attempts, n_attempts));
    assert_eq!(counters.faults.values().sum::<u64>(), n_attempts - 200);
    assert_eq!(counters.faults.len(), 6);
    assert!(ask_all().1 == counters, "the same faults meet the same requests");
}
