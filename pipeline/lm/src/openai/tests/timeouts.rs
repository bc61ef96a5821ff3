//! Each time limit by itself: tiny where it is meant to be met, at its default otherwise.

use std::net::TcpListener;
use std::time::Duration;

use super::*;
use crate::loopback::Fault;

const TINY: Duration = Duration::from_millis(40);

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n";

async fn told(reply: Reply, limit: impl Fn(&mut OpenAiSettings)) -> WorkerError {
    let server = Canned::always(reply).await;
    let mut settings = settings(&server.base_url);
    limit(&mut settings);
    let worker = OpenAi::new(settings).unwrap();
    let error = worker.complete(&chat("p")).await.unwrap_err();
    assert_eq!((error.failure.action(), error.retry_after), (Action::Retry, None), "{error}");
    error
}

#[tokio::test]
async fn each_limit_ends_what_it_limits_and_says_so() {
    let silent = Reply::raw("").held();
    let error = told(silent.clone(), |settings| settings.first_byte_timeout = TINY).await;
    assert_eq!((error.failure, error.status, &*error.message), (Failure::Timeout, None, "no answer within 0.04 s"));
    let error = told(silent, |settings| settings.total_timeout = TINY).await;
    assert_eq!((error.failure, &*error.message), (Failure::Timeout, "no whole answer within 0.04 s"));
    let begun = Reply::raw(format!("{HEAD}{{\"choices\"")).held();
    let error = told(begun.clone(), |settings| settings.idle_timeout = TINY).await;
    let said = "silence after 10 bytes of the answer within 0.04 s";
    assert_eq!((error.failure, error.status, &*error.message), (Failure::Timeout, Some(200), said));
    let error = told(begun, |settings| settings.total_timeout = TINY).await;
    assert_eq!((error.failure, &*error.message), (Failure::Timeout, "no whole answer within 0.04 s"));
}

#[tokio::test]
async fn a_limit_of_zero_is_a_limit() {
    let zero = |settings: &mut OpenAiSettings| settings.first_byte_timeout = Duration::ZERO;
    assert_eq!(told(Reply::raw("").held(), zero).await.failure, Failure::Timeout);
}

#[tokio::test]
async fn a_refusal_whose_body_never_comes_is_still_that_refusal() {
    let refusal = "HTTP/1.1 429 -\r\ncontent-length: 99\r\nretry-after: 3\r\n\r\n{\"error";
    let server = Canned::always(Reply::raw(refusal).held()).await;
    let worker = OpenAi::new(OpenAiSettings { idle_timeout: TINY, ..settings(&server.base_url) }).unwrap();
    let error = worker.complete(&chat("p")).await.unwrap_err();
    let expected = (Failure::Rate, Some(429), Some(Duration::from_secs(3)));
    assert_eq!((error.failure, error.status, error.retry_after), expected);
}

#[tokio::test]
async fn a_slow_server_is_waited_for_and_one_too_slow_is_paid_for_by_nobody() {
    let slow = Fault::SlowFirstByte { ms: 600_000 };
    let server = loopback(ServerSettings { script: vec![Some(slow)], ..ServerSettings::default() });
    let worker = OpenAi::new(OpenAiSettings { first_byte_timeout: TINY, ..settings(&server.url()) }).unwrap();
    let error = worker.complete(&text("The")).await.unwrap_err();
    assert_eq!((error.failure, server.counters().answered), (Failure::Timeout, 0));
    for fault in [Fault::SlowFirstByte { ms: 80 }, Fault::SlowBody { ms: 80 }] {
        let server = loopback(ServerSettings { script: vec![Some(fault.clone())], ..ServerSettings::default() });
        let reply = client(&server.url()).complete(&text("The")).await.unwrap();
        assert!(reply.latency_ms >= 80, "{fault:?}: {} ms", reply.latency_ms);
    }
}

#[tokio::test]
async fn a_dialect_that_cannot_be_found_out_in_time_is_a_timeout() {
    let server = Canned::always(Reply::raw("").held()).await;
    let settings = OpenAiSettings { guided: Guided::Auto, first_byte_timeout: TINY, ..settings(&server.base_url) };
    let worker = OpenAi::new(settings).unwrap();
    let requests = [chat("a"), chat("b"), chat("c")];
    let replies = futures::future::join_all(requests.iter().map(|request| worker.complete(request))).await;
    let is_told = |error: &WorkerError| error.failure == Failure::Timeout && error.message.contains("model list");
    assert!(replies.iter().all(|reply| reply.as_ref().is_err_and(is_told)), "{replies:?}");
    assert_eq!(server.asked().len(), 1, "those who wait share what comes of it");
}

/// A socket that nobody accepts from, with as many connections in its queue as it takes: the next is not answered.
fn full() -> (TcpListener, Vec<std::net::TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connect = || std::net::TcpStream::connect_timeout(&address, TINY).ok();
    let waiting = std::iter::from_fn(connect).take(10_000).collect();
    (listener, waiting)
}

#[tokio::test]
async fn a_server_that_does_not_take_the_connection_is_one_that_cannot_be_reached() {
    let (listener, _waiting) = full();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let settings = OpenAiSettings { connect_timeout: TINY, ..settings(&url) };
    let error = OpenAi::new(settings).unwrap().complete(&chat("p")).await.unwrap_err();
    assert!(error.failure == Failure::Connection && error.message.contains("cannot connect"), "{error}");
}
