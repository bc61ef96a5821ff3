//! Every fault of our own loopback server, as the client sees it.

use std::time::Duration;

use super::*;
use crate::loopback::{ContextWording, ErrorBody, Fault, FaultPlan};

/// What a fault is told as, and words it must be told with. No wildcard: a new fault needs its line here.
fn expected(fault: &Fault) -> Option<(Failure, Option<u16>, &'static str)> {
    let told = match fault {
        Fault::Rate { .. } => (Failure::Rate, Some(429), "Rate limit reached"),
        Fault::Quota => (Failure::Quota, Some(429), "exceeded your current quota"),
        Fault::ContextLength(ContextWording::OpenAi) => (Failure::ContextLength, Some(400), "have 5000 tokens"),
        Fault::ContextLength(ContextWording::Vllm) => (Failure::ContextLength, Some(400), "maximum context length"),
        Fault::ContextLength(ContextWording::LlamaCpp) => (Failure::ContextLength, Some(400), "available context size"),
        Fault::Auth => (Failure::Auth, Some(401), "API key"),
        Fault::NotFound => (Failure::NotFound, Some(404), "does not exist"),
        Fault::RepeatedKey => {
            (Failure::BadRequest, Some(400), "`Authorization: Bearer [redacted]` ([redacted]; ?key=[redacted])")
        }
        Fault::Broken(502) => (Failure::Overload, Some(502), "502 Bad Gateway"),
        Fault::Broken(503) => (Failure::Overload, Some(503), "maximum pending requests exceeded"),
        Fault::Broken(529) => (Failure::Overload, Some(529), "Overloaded"),
        Fault::Broken(status) => (Failure::Overload, Some(*status), "had an error"),
        Fault::CutBody => (Failure::Abnormal, Some(200), "broke off after"),
        Fault::Reset => (Failure::Connection, None, "lost"),
        Fault::MalformedJson => (Failure::Abnormal, Some(200), "no JSON"),
        Fault::FinishAbort => (Failure::Abnormal, Some(200), "abort"),
        Fault::FinishEmpty | Fault::FinishNull => (Failure::Abnormal, Some(200), "finish_reason"),
        Fault::MissingChoices | Fault::EmptyChoices => (Failure::Abnormal, Some(200), "no choices"),
        Fault::NullContent => (Failure::Abnormal, Some(200), "null"),
        Fault::SlowFirstByte { .. } | Fault::SlowBody { .. } => return None,
    };
    Some(told)
}

fn faults() -> Vec<Fault> {
    let bodies = [
        (ErrorBody::OpenAi, Some("2")),
        (ErrorBody::IntegerCode, Some("0.5")),
        (ErrorBody::Text, Some("Fri, 31 Dec 1999 23:59:59 GMT")),
        (ErrorBody::Object, None),
        (ErrorBody::Detail, None),
        (ErrorBody::Message, Some("soon")),
    ];
    let rates = bodies.map(|(body, wait)| Fault::Rate { body, retry_after: wait.map(str::to_owned) });
    let others = [
        Fault::Quota,
        Fault::ContextLength(ContextWording::OpenAi),
        Fault::ContextLength(ContextWording::Vllm),
        Fault::ContextLength(ContextWording::LlamaCpp),
        Fault::Auth,
        Fault::NotFound,
        Fault::RepeatedKey,
        Fault::Broken(500),
        Fault::Broken(502),
        Fault::Broken(503),
        Fault::Broken(504),
        Fault::Broken(529),
        Fault::CutBody,
        Fault::Reset,
        Fault::MalformedJson,
        Fault::FinishAbort,
        Fault::FinishEmpty,
        Fault::FinishNull,
        Fault::MissingChoices,
        Fault::EmptyChoices,
        Fault::NullContent,
        Fault::SlowFirstByte { ms: 20 },
        Fault::SlowBody { ms: 20 },
    ];
    rates.into_iter().chain(others).collect()
}

#[tokio::test]
async fn each_fault_is_told_as_what_it_is_and_the_next_answer_is_good() {
    for fault in faults() {
        let script = vec![Some(fault.clone()), None, Some(fault.clone()), None];
        let server = loopback(ServerSettings { script, required_key: Some(KEY.into()), ..ServerSettings::default() });
        let worker = client(&server.url());
        for request in [chat("The"), text("The")] {
            let result = worker.complete(&request).await;
            match expected(&fault) {
                Some((failure, status, words)) => {
                    let error = result.unwrap_err();
                    assert_eq!((error.failure, error.status, error.attempts), (failure, status, 1), "{error}");
                    assert!(error.message.contains(words) && !shown(&error).contains(KEY), "{fault:?}: {error}");
                    let asks = matches!(&fault, Fault::Rate { retry_after: Some(wait), .. } if wait != "soon");
                    assert_eq!(error.retry_after.is_some(), asks, "{fault:?}");
                }
                None => assert!(result.is_ok_and(|reply| reply.latency_ms >= 20), "{fault:?} is only slow"),
            }
            let reply = worker.complete(&request).await.unwrap();
            assert!(!reply.text.is_empty() && reply.completion_tokens > 0, "{reply:?}");
        }
        let counters = server.counters();
        assert_eq!(counters.faults.values().sum::<u64>(), 2, "asked once each: {fault:?}");
        assert_eq!(counters.by_route.values().sum::<u64>(), 4, "{fault:?}");
    }
}

#[tokio::test]
async fn waits_in_seconds_and_as_a_date_reach_the_error() {
    for (said, wait) in [("2", 2_000), ("0.5", 500), ("Fri, 31 Dec 1999 23:59:59 GMT", 0)] {
        let fault = Fault::Rate { body: ErrorBody::Text, retry_after: Some(said.to_owned()) };
        let server = loopback(ServerSettings { script: vec![Some(fault)], ..ServerSettings::default() });
        let error = client(&server.url()).complete(&chat("p")).await.unwrap_err();
        assert_eq!(error.retry_after, Some(Duration::from_millis(wait)), "{said}");
    }
}

#[tokio::test]
async fn among_faults_every_request_gets_its_own_reply_in_the_end() {
    let kinds = faults()
        .into_iter()
        .filter(|fault| expected(fault).is_some_and(|(failure, ..)| failure.action() == Action::Retry));
    let faults = FaultPlan { rate: 0.4, seed: 5, kinds: kinds.collect() };
    let server = loopback(ServerSettings { faults, ..ServerSettings::default() });
    let (worker, direct) = (client(&server.url()), ngram());
    let ask = async |i: usize| {
        let request = text(&format!("The cat number {i}"));
        let reply = loop {
            match worker.complete(&request).await {
                Ok(reply) => break reply,
                Err(error) => assert_eq!(error.failure.action(), Action::Retry, "{error}"),
            }
        };
        let own = direct.complete(&request).await.unwrap();
        assert_eq!((reply.text, reply.completion_tokens), (own.text, own.completion_tokens));
    };
    futures::future::join_all((0..100).map(ask)).await;
    let counters = server.counters();
    assert_eq!((counters.n_distinct_answered(), counters.n_repeated()), (100, 0));
    assert!(counters.faults.len() > 5, "{:?}", counters.faults);
}

#[tokio::test]
async fn a_key_that_is_wanted_and_not_had_is_refused() {
    let server = loopback(ServerSettings { required_key: Some("another".into()), ..ServerSettings::default() });
    for api_key in [None, Some(Secret::new(KEY)), Some(Secret::new(""))] {
        let worker = OpenAi::new(OpenAiSettings { api_key, ..settings(&server.url()) }).unwrap();
        for error in [
            worker.complete(&chat("p")).await.unwrap_err(),
            worker.score(&score_of("", "a", 0)).await.unwrap_err(),
            worker.probe().await.unwrap_err(),
        ] {
            assert_eq!((error.failure, error.status), (Failure::Auth, Some(401)));
            assert!(!shown(&error).contains(KEY), "{error}");
        }
    }
}
