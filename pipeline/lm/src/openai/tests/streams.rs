//! Replies that are streamed: the same as those that are not.

use super::*;
use crate::loopback::Fault;

fn streaming(base_url: &str) -> OpenAi {
    OpenAi::new(OpenAiSettings { stream: true, ..settings(base_url) }).unwrap()
}

#[tokio::test]
async fn a_streamed_reply_is_the_one_given_at_once() {
    let server = loopback(ServerSettings::default());
    let (whole, streamed) = (client(&server.url()), streaming(&server.url()));
    for mut request in [text("The cat"), chat("The dog"), text("")] {
        for top in [None, Some(2)] {
            request.top_logprobs = top;
            let (whole, streamed) = (whole.complete(&request).await, streamed.complete(&request).await);
            let timeless = |reply: Result<Completion, WorkerError>| Completion { latency_ms: 0, ..reply.unwrap() };
            assert_eq!(timeless(streamed), timeless(whole));
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_asked_for_again() {
    for fault in [Fault::CutBody, Fault::MalformedJson, Fault::FinishNull] {
        let server = loopback(ServerSettings { script: vec![Some(fault.clone())], ..ServerSettings::default() });
        let error = streaming(&server.url()).complete(&text("The cat")).await.unwrap_err();
        assert_eq!(error.failure.action(), Action::Retry, "{fault:?}: {error}");
    }
}
