//! The client against servers that answer as servers do: our own loopback server where it can, canned bytes where not.

mod batches;
mod canned;
mod embeddings;
mod errors;
mod faults;
mod replies;
mod scores;
mod secrets;
mod streams;
mod timeouts;

use std::sync::Arc;

use super::*;
use crate::error::Action;
use crate::loopback::{Server, ServerSettings};
use crate::ngram::{Ngram, NgramSettings};
use crate::request::{Prompt, Sampling};
use canned::{Canned, Reply};

/// A key that must be seen nowhere but in one header.
const KEY: &str = "hunter2-hunter2";

/// Settings that need no model list.
fn settings(base_url: &str) -> OpenAiSettings {
    OpenAiSettings {
        api_key: Some(Secret::new(KEY)),
        guided: Guided::Openai,
        ..OpenAiSettings::new("w", base_url, "tiny")
    }
}

fn client(base_url: &str) -> OpenAi {
    OpenAi::new(settings(base_url)).unwrap()
}

fn ngram() -> Ngram {
    let documents = ["The cat sat on the mat.", "The dog sat on the log.", "A cat and a dog met on the road."];
    Ngram::fit("local", NgramSettings::default(), documents)
}

/// The embedded model behind our own server.
fn loopback(settings: ServerSettings) -> Server {
    Server::start(Arc::new(ngram()), settings).unwrap()
}

fn text(prompt: &str) -> CompletionRequest {
    CompletionRequest::new(Prompt::Text(prompt.to_owned()), Sampling { max_tokens: 8, ..Sampling::default() })
}

fn chat(prompt: &str) -> CompletionRequest {
    CompletionRequest::new(Prompt::user(prompt), Sampling { max_tokens: 8, ..Sampling::default() })
}

fn score_of(context: &str, text: &str, top: u32) -> ScoreRequest {
    ScoreRequest { context: context.to_owned(), text: text.to_owned(), top }
}

/// Everything that is ever shown of an error: to users, in logs, in the ledger.
fn shown(error: &WorkerError) -> String {
    format!("{error} {error:?} {}", serde_json::to_string(error).unwrap())
}
