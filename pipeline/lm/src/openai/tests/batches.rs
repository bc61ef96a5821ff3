//! Requests in files: every request has its answer or its failure, and a batch that was begun is not begun again.

use std::time::Duration;

use super::*;
use crate::loopback::{ErrorBody, Fault};

fn batching(base_url: &str, register: Option<&std::path::Path>) -> OpenAi {
    let batch = BatchSettings {
        max_requests: 4,
        gather: Duration::from_millis(20),
        poll: Duration::from_millis(1),
        completion_window: "24h".to_owned(),
        register: register.map(std::path::Path::to_owned),
    };
    OpenAi::new(OpenAiSettings { batch: Some(batch), ..settings(base_url) }).unwrap()
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

#[tokio::test]
async fn a_batch_that_fails_as_a_whole_says_why_to_each() {
    let server = Canned::start(|asked, _| {
        let said = match asked.line.as_str() {
            line if line.starts_with("POST /v1/files") => r#"{"id": "file-1"}"#,
            line if line.starts_with("POST") => r#"{"id": "batch-1", "status": "validating"}"#,
            _ => r#"{"id": "batch-1", "status": "failed", "errors": {"data": [{"message": "the file is empty"}]}}"#,
        };
        Reply::new(200, &[], said)
    })
    .await;
    let error = batching(&server.base_url, None).complete(&text("a")).await.unwrap_err();
    assert_eq!(error.failure, Failure::BadRequest);
    assert!(error.message.contains("the file is empty"), "{error}");
}
