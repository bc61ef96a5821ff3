//! Requests in files: every request has its answer or its failure, and a batch that was begun is not begun again.

use std::time::Duration;

use super::*;
use crate::loopback::{ErrorBody, Fault};

fn batch(register: Option<&std::path::Path>) -> BatchSettings {
    BatchSettings {
        max_requests: 4,
        max_bytes: 1 << 20,
        gather: Duration::from_millis(20),
        poll: Duration::from_millis(1),
        completion_window: "24h".to_owned(),
        register: register.map(std::path::Path::to_owned),
    }
}

fn batching(base_url: &str, register: Option<&std::path::Path>) -> OpenAi {
    OpenAi::new(OpenAiSettings { batch: Some(batch(register)), ..settings(base_url) }).unwrap()
}

#[tokio::test]
async fn each_request_of_a_file_has_the_answer_it_would_have_had_alone() {
    let server = loopback(ServerSettings::default());
    let (alone, together) = (client(&server.url()), batching(&server.url(), None));
    let prompts: Vec<String> = (0..10).map(|n| format!("The cat sat on {n}")).collect();
    let asked = prompts.iter().map(|prompt| async { together.complete(&text(prompt)).await.unwrap().text });
    let answers = futures::future::join_all(asked).await;
    for (prompt, answer) in prompts.iter().zip(answers) {
        assert_eq!(answer, alone.complete(&text(prompt)).await.unwrap().text);
    }
    // Ten requests, four to a file.
    assert_eq!(server.counters().by_route["POST /v1/batches"], 3);
}

#[tokio::test]
async fn draws_of_one_prompt_are_requests_of_their_own() {
    let server = loopback(ServerSettings::default());
    let together = batching(&server.url(), None);
    let mut warm = text("The");
    warm.sampling.temperature = 1.0;
    let asked = (0..3).map(|n| {
        let (together, request) = (&together, warm.clone().with_sample(n));
        async move { together.complete(&request).await }
    });
    let told = futures::future::join_all(asked).await;
    assert!(told.iter().all(Result::is_ok), "{told:?}");
    // Their bodies are equal, and each was asked and answered.
    assert_eq!(server.counters().answers.into_values().collect::<Vec<_>>(), [3]);
}

#[tokio::test]
async fn a_file_holds_no_more_bytes_than_it_may() {
    let server = loopback(ServerSettings::default());
    let batch = BatchSettings { max_bytes: 1_000, ..batch(None) };
    let together = OpenAi::new(OpenAiSettings { batch: Some(batch), ..settings(&server.url()) }).unwrap();
    // Two fit, three do not; one that fits nowhere goes alone.
    let prompts = ["a".repeat(200), "b".repeat(200), "c".repeat(200), "d".repeat(2_000)];
    let asked = prompts.map(|prompt| {
        let together = &together;
        async move { together.complete(&text(&prompt)).await.is_ok() }
    });
    assert_eq!(futures::future::join_all(asked).await, [true; 4]);
    assert_eq!(server.counters().by_route["POST /v1/batches"], 3);
}

#[tokio::test]
async fn a_refusal_in_a_file_is_that_requests_own() {
    let script = vec![None, Some(Fault::Rate { body: ErrorBody::OpenAi, retry_after: None }), None];
    let server = loopback(ServerSettings { script, ..ServerSettings::default() });
    let together = batching(&server.url(), None);
    let asked = ["a", "b", "c"].map(|prompt| {
        let (together, request) = (&together, text(prompt));
        async move { together.complete(&request).await }
    });
    let answers = futures::future::join_all(asked).await;
    let failures: Vec<Option<Failure>> = answers.iter().map(|a| a.as_ref().err().map(|e| e.failure)).collect();
    assert_eq!(failures, [None, Some(Failure::Rate), None]);
}

#[tokio::test]
async fn a_batch_whose_run_was_killed_is_found_again_and_not_paid_twice() {
    let folder = std::env::temp_dir().join(format!("gristmill-batches-{}", std::process::id()));
    let register = folder.join("batches.jsonl");
    let server = loopback(ServerSettings::default());
    {
        let first = batching(&server.url(), Some(&register));
        let request = text("The dog");
        let asked = first.complete(&request);
        futures::pin_mut!(asked);
        // The run ends once the batch is written down, before it has an answer.
        while std::fs::read(&register).unwrap_or_default().is_empty() {
            tokio::select! {
                _ = &mut asked => break,
                () = tokio::task::yield_now() => {}
            }
        }
    }
    let second = batching(&server.url(), Some(&register));
    let answer = second.complete(&text("The dog")).await.unwrap();
    assert_eq!(answer.text, client(&server.url()).complete(&text("The dog")).await.unwrap().text);
    assert_eq!(server.counters().by_route["POST /v1/batches"], 1);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A server whose batches end as a function says, by how many were started before.
async fn ending(end: impl Fn(usize) -> String + Send + Sync + 'static) -> Canned {
    let n_started = std::sync::atomic::AtomicUsize::new(0);
    Canned::start(move |asked, _| {
        let order = std::sync::atomic::Ordering::SeqCst;
        let said = match asked.line.as_str() {
            line if line.starts_with("POST /v1/files") => r#"{"id": "file-1"}"#.to_owned(),
            line if line.starts_with("POST") => {
                let n = n_started.fetch_add(1, order);
                format!(r#"{{"id": "batch-{n}", "status": "validating"}}"#)
            }
            line if line.contains("/content") => "not a line of answers\n".to_owned(),
            _ => end(n_started.load(order) - 1),
        };
        Reply::new(200, &[], said)
    })
    .await
}

#[tokio::test]
async fn a_batch_that_fails_as_a_whole_stops_the_worker_and_says_why() {
    let failed = r#"{"status": "failed", "errors": {"data": [{"line": 2, "message": "the model is not known"}]}}"#;
    let server = ending(|_| failed.to_owned()).await;
    let error = batching(&server.base_url, None).complete(&text("a")).await.unwrap_err();
    assert_eq!(error.failure.action(), Action::StopWorker);
    assert!(error.message.contains("batch-0 failed: line 2: the model is not known"), "{error}");
    let server = ending(|_| r#"{"status": "cancelled"}"#.to_owned()).await;
    let error = batching(&server.base_url, None).complete(&text("a")).await.unwrap_err();
    assert_eq!(error.failure.action(), Action::StopWorker, "{error}");
}

#[tokio::test]
async fn a_batch_without_room_is_started_again_and_one_that_expires_fails_its_requests_only() {
    let full = r#"{"status": "failed", "errors": {"data": [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}]}}"#;
    let expired = r#"{"status": "expired", "output_file_id": "file-2"}"#;
    let server = ending(|n| if n < 2 { full.to_owned() } else { expired.to_owned() }).await;
    let error = batching(&server.base_url, None).complete(&text("a")).await.unwrap_err();
    assert_eq!(error.failure, Failure::Abnormal);
    assert!(error.message.contains("expired") && error.message.contains("1 of its lines"), "{error}");
    assert_eq!(server.asked().iter().filter(|asked| asked.line.starts_with("POST /v1/batches")).count(), 3);
}
