//! What a batch says, line by line.

use std::collections::HashMap;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::super::transport::Wire;
use super::Ended;
use crate::error::{Failure, WorkerError};

/// The answers of a batch that has ended.
pub(super) struct Answers {
    status: String,
    by_id: HashMap<String, Result<Value, WorkerError>>,
    /// Lines that are no answers.
    n_unread: u64,
}

/// A line of a file of answers.
#[derive(Deserialize)]
struct Line {
    custom_id: String,
    response: Option<Response>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Response {
    status_code: u16,
    #[serde(default)]
    body: Value,
}

/// What servers say when an account has too many requests in its batches.
const NO_ROOM: &[&str] = &["token_limit_exceeded", "enqueued token limit"];

/// Whether a server's words mean that a batch is to be started again later.
pub(super) fn is_no_room(words: &str) -> bool {
    let words = words.to_lowercase();
    NO_ROOM.iter().any(|phrase| words.contains(phrase))
}

impl Answers {
    pub(super) fn new(status: &str) -> Self {
        Self { status: status.to_owned(), by_id: HashMap::new(), n_unread: 0 }
    }

    /// Reads a file of answers. A line that is none leaves its request without an answer.
    pub(super) fn read(&mut self, lines: &[u8], wire: &Wire) {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            let Ok(Line { custom_id, response, error }) = serde_json::from_slice(line) else {
                self.n_unread += 1;
                continue;
            };
            let said = match response {
                Some(Response { status_code: 200, body }) => Ok(body),
                Some(Response { status_code, body }) => {
                    Err(wire.refusal(status_code, &HeaderMap::new(), body.to_string().as_bytes()))
                }
                None => {
                    let error = error.unwrap_or_default();
                    let why = error["message"].as_str().unwrap_or("the batch has no answer and no error");
                    Err(unanswered(wire, why))
                }
            };
            self.by_id.insert(custom_id, said);
        }
    }

    /// What a batch that failed as a whole says: that there was no room for it, or why nothing can be done.
    ///
    /// # Errors
    /// [`Failure::Unsupported`], which stops the worker, with the server's words.
    pub(super) fn read_failure(self, told: &Value, batch: &str, wire: &Wire) -> Result<Ended, WorkerError> {
        let errors = told["errors"]["data"].as_array().map_or(&[][..], Vec::as_slice);
        let words = |error: &Value| {
            let line = error["line"].as_u64().map_or_else(String::new, |line| format!("line {line}: "));
            let said = error["message"].as_str().or(error["code"].as_str()).unwrap_or("it does not say why");
            format!("{line}{said}")
        };
        if errors.iter().any(|error| is_no_room(&error.to_string())) {
            return Ok(Ended::NoRoom);
        }
        let why = errors.iter().take(3).map(words).collect::<Vec<_>>().join("; ");
        let why = if why.is_empty() { "it does not say why".to_owned() } else { why };
        Err(wire.error(Failure::Unsupported, &format!("the batch {batch} failed: {why}")))
    }

    /// What is said of a request; none if nothing.
    pub(super) fn of(&self, id: &str) -> Option<Result<Value, WorkerError>> {
        self.by_id.get(id).cloned()
    }

    /// The failure of a request of which nothing is said.
    pub(super) fn no_answer(&self, wire: &Wire) -> WorkerError {
        let unread = match self.n_unread {
            0 => String::new(),
            n => format!("; {n} of its lines are no answers"),
        };
        unanswered(wire, &format!("the batch ended as {} without an answer{unread}", self.status))
    }
}

/// What was not begun before the window closed is asked again in another batch. The server is not down for it.
fn unanswered(wire: &Wire, why: &str) -> WorkerError {
    wire.error(Failure::Abnormal, why)
}
