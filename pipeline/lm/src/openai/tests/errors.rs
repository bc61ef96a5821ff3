//! Section 4.4 of the reference, row by row: what servers send instead of an answer, and what we make of it.
//!
//! The rows are in `errors.json` (refusals) and `replies.json` (answers of 200). Their bodies are those that the named
//! servers send, from their sources and the probes of section 4.1.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;

use super::*;
use crate::pool::{Backoff, Breaker, Pool, PoolSettings};

/// The classes of section 4.4 that an answer can be of, the failures they may be here, and what follows; no action for
/// what is a reply in the end.
pub(super) const TAXONOMY: &[(&str, &[Failure], Option<Action>)] = &[
    ("rate", &[Failure::Rate], Some(Action::Retry)),
    ("quota", &[Failure::Quota], Some(Action::StopWorker)),
    ("auth", &[Failure::Auth], Some(Action::StopWorker)),
    ("not found", &[Failure::NotFound], Some(Action::StopWorker)),
    ("context length", &[Failure::ContextLength], Some(Action::FailRow)),
    ("bad request", &[Failure::BadRequest], Some(Action::FailRow)),
    // As an answer of 200 this is one that breaks off, which an answer that makes no sense may be as well.
    ("overload", &[Failure::Overload, Failure::Abnormal], Some(Action::Retry)),
    ("truncated", &[], None),
    ("filtered", &[Failure::Refused], Some(Action::FailRow)),
    ("abnormal", &[Failure::Abnormal], Some(Action::Retry)),
];

/// Its other classes are no property of one answer: the pool sees to the one, structured replies to the other.
const NOT_AN_ANSWER: &[&str] = &["slow", "malformed content"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    class: String,
    server: String,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// JSON; a string stands for a body that is none.
    body: Value,
    /// Which of the class's failures, when not the first.
    failure: Option<Failure>,
    wait_ms: Option<u64>,
    /// The server's words.
    #[serde(default)]
    says: String,
    /// Ours.
    #[serde(default)]
    hint: String,
}

impl Row {
    fn body(&self) -> String {
        self.body.as_str().map_or_else(|| self.body.to_string(), str::to_owned)
    }

    fn reply(&self, body: &str) -> Reply {
        let headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        Reply::new(self.status, &headers, body)
    }

    fn expected(&self) -> (Failure, Action) {
        let class = TAXONOMY.iter().find(|(name, ..)| *name == self.class);
        match (class, self.failure) {
            (Some((_, failures, Some(action))), named) => (named.unwrap_or(failures[0]), *action),
            (None, Some(failure)) if self.class == "unlisted" => (failure, failure.action()),
            _ => panic!("{}: no class `{}`", self.server, self.class),
        }
    }
}

fn rows() -> Vec<Row> {
    serde_json::from_str(include_str!("errors.json")).unwrap()
}

#[tokio::test]
async fn each_refusal_has_its_cause_its_action_its_wait_and_the_servers_words() {
    for row in rows() {
        let server = Canned::always(row.reply(&row.body())).await;
        let error = client(&server.base_url).complete(&chat("p")).await.unwrap_err();
        let at = format!("{} {}: {error:?}", row.class, row.server);
        assert_eq!((error.failure, error.failure.action()), row.expected(), "{at}");
        assert_eq!((error.status, error.attempts, &*error.worker), (Some(row.status), 1, "w"), "{at}");
        assert_eq!(error.retry_after, row.wait_ms.map(Duration::from_millis), "{at}");
        assert!(error.message.contains(&row.says) && error.message.contains(&row.hint), "{at}");
        assert!(error.message.starts_with(&format!("answers {}", row.status)), "{at}");
        assert_eq!(server.asked().len(), 1, "asked once: {at}");
    }
}

/// A pool that neither waits nor waits out a server that is down.
fn impatient(worker: OpenAi, max_attempts: u32) -> Pool {
    let backoff = Backoff { first_seconds: 1e-3, most_seconds: 1e-3 };
    let breaker = Breaker { max_down_seconds: 0.0, ..Breaker::default() };
    Pool::new(Arc::new(worker), PoolSettings { max_attempts, backoff, breaker, ..PoolSettings::default() })
}

#[tokio::test]
async fn through_the_pool_what_passes_is_asked_again_and_nothing_else_is() {
    for row in rows().into_iter().filter(|row| row.wait_ms.is_none_or(|ms| ms < 100)) {
        let server = Canned::always(row.reply(&row.body())).await;
        let error = impatient(client(&server.base_url), 3).complete(&chat("p")).await.unwrap_err();
        let (failure, action) = row.expected();
        let at = format!("{} {}: {error:?}", row.class, row.server);
        assert_eq!(server.asked().len(), if action == Action::Retry { 3 } else { 1 }, "{at}");
        assert_eq!(error.attempts as usize, server.asked().len(), "{at}");
        // Gateways that answer nobody are down rather than overloaded.
        let is_down = matches!(row.status, 502 | 503 | 529) && error.failure == Failure::Down;
        assert!(error.failure == failure || is_down, "{at}");
    }
}

#[tokio::test]
async fn a_refusal_that_repeats_the_key_is_the_same_without_it() {
    for row in rows().into_iter().filter(|row| !row.says.is_empty()) {
        let plain = row.body();
        // Where the words are put together from several places, one of these is enough.
        let parts = [row.says.as_str()].into_iter().chain(row.says.split([':', ';'])).chain(row.says.split(' '));
        let words = parts.map(str::trim).find(|part| plain.contains(part)).unwrap();
        let body = plain.replacen(words, &format!("{words} (got Bearer {KEY}, {KEY})"), 1);
        assert!(body.contains(KEY), "{}", row.server);
        let server = Canned::always(row.reply(&body)).await;
        let error = client(&server.base_url).complete(&text("p")).await.unwrap_err();
        let at = format!("{} {}: {error:?}", row.class, row.server);
        assert_eq!((error.failure, error.failure.action()), row.expected(), "{at}");
        assert_eq!(error.retry_after, row.wait_ms.map(Duration::from_millis), "{at}");
        assert!(error.message.contains("[redacted]") && !shown(&error).contains(KEY), "{at}");
    }
}

#[test]
fn every_class_of_the_reference_has_rows() {
    let mut of_rows: BTreeSet<String> = rows().into_iter().map(|row| row.class).collect();
    of_rows.extend(super::replies::classes());
    let known: BTreeSet<&str> = TAXONOMY.iter().map(|(name, ..)| *name).collect();
    assert!(known.iter().all(|name| of_rows.contains(*name)), "{of_rows:?}");
    assert_eq!(known.len() + NOT_AN_ANSWER.len(), 12, "section 4.4 has twelve classes");
}

#[tokio::test]
async fn what_passes_when_a_text_is_completed_passes_when_it_is_scored() {
    for row in rows() {
        let ((_, action), at) = (row.expected(), &row.server);
        let wait = row.wait_ms.map(Duration::from_millis);
        let server = Canned::always(row.reply(&row.body())).await;
        let error = client(&server.base_url).score(&score_of("", "a", 0)).await.unwrap_err();
        match action {
            Action::Retry => assert_eq!((error.failure.action(), error.retry_after), (action, wait), "{at}: {error:?}"),
            // Each way to score is refused as a request that asks for it: the server cannot.
            Action::FailRow | Action::StopWorker => {
                assert_eq!((error.failure.action(), error.retry_after), (Action::StopWorker, None), "{at}: {error:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_date_without_the_servers_own_counts_from_our_clock() {
    let server = Canned::always(Reply::new(503, &[("retry-after", "Wed, 01 Jan 2200 00:00:00 GMT")], "")).await;
    let error = client(&server.base_url).complete(&chat("p")).await.unwrap_err();
    let wait = error.retry_after.unwrap();
    let year = Duration::from_secs(365 * 86_400);
    // Ours is a clock of the years 2025 to 2150.
    assert!(wait > 50 * year && wait < 176 * year, "{wait:?}");
}

#[tokio::test]
async fn a_good_answer_that_used_an_allowance_up_says_for_how_long() {
    let server = Canned::start(|_, n_before| {
        let left = if n_before == 0 { "1" } else { "0" };
        let limits = [("x-ratelimit-remaining-requests", left), ("x-ratelimit-reset-requests", "6m0s")];
        Reply::new(200, &limits, replies::good().to_string())
    })
    .await;
    let worker = client(&server.base_url);
    worker.complete(&chat("p")).await.unwrap();
    assert_eq!(worker.spent_for(), Duration::ZERO);
    worker.complete(&chat("p")).await.unwrap();
    let wait = worker.spent_for();
    assert!(wait > Duration::from_secs(300) && wait <= Duration::from_secs(360), "{wait:?}");
}

#[tokio::test]
async fn nobody_there_is_a_connection_that_failed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let worker = client(&url);
    for error in [
        worker.complete(&chat("p")).await.unwrap_err(),
        worker.complete(&text("p")).await.unwrap_err(),
        worker.score(&score_of("", "p", 0)).await.unwrap_err(),
        worker.probe().await.unwrap_err(),
    ] {
        assert_eq!((error.failure.action(), error.status, error.retry_after), (Action::Retry, None, None));
        assert!(error.failure == Failure::Connection && error.message.contains("refused"), "{error}");
    }
}

#[tokio::test]
async fn a_refusal_with_half_a_body_is_still_that_refusal() {
    let head = "HTTP/1.1 429 -\r\ncontent-length: 99\r\nretry-after: 3\r\n\r\n{\"error\": {\"mess";
    let server = Canned::always(Reply::raw(head)).await;
    let error = client(&server.base_url).complete(&chat("p")).await.unwrap_err();
    let expected = (Failure::Rate, Some(429), Some(Duration::from_secs(3)));
    assert_eq!((error.failure, error.status, error.retry_after), expected);
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_is_no_http_is_asked_for_again() {
    let cases: [(&str, Failure); 5] = [
        ("", Failure::Connection),
        ("SSH-2.0-OpenSSH_9.6\r\n", Failure::Connection),
        ("HTTP/1.1 200 OK\r\ncontent-le", Failure::Connection),
        ("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"choices\": [", Failure::Abnormal),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"cho\r\n", Failure::Abnormal),
    ];
    for (bytes, failure) in cases {
        let server = Canned::always(Reply::raw(bytes)).await;
        let error = client(&server.base_url).complete(&chat("p")).await.unwrap_err();
        assert_eq!((error.failure, error.failure.action()), (failure, Action::Retry), "{bytes:?}: {error}");
        assert_eq!(server.asked().len(), 1, "{bytes:?}");
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let server = Canned::always(Reply::new(200, &[], format!("\"{}\"", "x".repeat(1 << 20)))).await;
    let worker = OpenAi::new(OpenAiSettings { max_body_bytes: 1_000, ..settings(&server.base_url) }).unwrap();
    let error = worker.complete(&chat("p")).await.unwrap_err();
    assert!(error.failure == Failure::Abnormal && error.message.contains("longer than 1000 bytes"), "{error}");
}
