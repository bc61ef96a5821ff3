//! Embeddings over the wire.

use super::*;
use crate::request::EmbedRequest;

fn of(text: &str) -> EmbedRequest {
    EmbedRequest { text: text.to_owned(), dimensions: None }
}

#[tokio::test]
async fn a_vector_comes_over_the_wire_as_the_model_made_it() {
    let server = loopback(ServerSettings::default());
    let (here, there) = (ngram().embed(&of("a cat")).await, client(&server.url()).embed(&of("a cat")).await);
    assert_eq!(here, there);
    let short = EmbedRequest { dimensions: Some(8), ..of("a cat") };
    assert_eq!(client(&server.url()).embed(&short).await.unwrap().vector.len(), 8);
}

#[tokio::test]
async fn what_is_no_vector_is_refused_and_a_server_without_them_says_so() {
    let bad = [
        r#"{"data": []}"#,
        r#"{"data": [{"embedding": []}]}"#,
        r#"{"data": [{"embedding": [0.5, null]}]}"#,
        r#"{"data": [{"embedding": "AAAA"}]}"#,
        r#"{"data": [{"embedding": [1.0]}, {"embedding": [1.0]}]}"#,
        // llama.cpp without pooling.
        r#"{"data": [{"embedding": [[1.0], [0.5]]}]}"#,
    ];
    for body in bad {
        let server = Canned::start(move |_, _| Reply::new(200, &[], body)).await;
        let error = client(&server.base_url).embed(&of("a")).await.unwrap_err();
        assert_eq!(error.failure, Failure::Abnormal, "{body}: {error}");
    }
    let server = Canned::start(|_, _| Reply::new(404, &[], r#"{"detail": "Not Found"}"#)).await;
    let error = client(&server.base_url).embed(&of("a")).await.unwrap_err();
    assert_eq!(error.failure, Failure::NotFound, "{error}");
}
