//! What a batch says, line by line.

use std::collections::HashMap;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::super::transport::Wire;
use crate::error::{Failure, WorkerError, cut};

/// The answers of a batch that has ended.
pub(super) struct Answers {
    status: String,
    by_id: HashMap<String, Result<Value, WorkerError>>,
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

/// Characters of a line shown that is none.
const SHOWN_CHARS: usize = 200;

impl Answers {
    pub(super) fn new(status: &str) -> Self {
        Self { status: status.to_owned(), by_id: HashMap::new() }
    }

    /// Reads a file of answers.
    ///
    /// # Errors
    /// Shows the first line that is no answer.
    pub(super) fn read(&mut self, lines: &[u8], wire: &Wire) -> Result<(), WorkerError> {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            let read: Line = serde_json::from_slice(line).map_err(|error| {
                let shown = cut(&String::from_utf8_lossy(line), SHOWN_CHARS);
                wire.error(Failure::Abnormal, &format!("a line of the batch is no answer ({error}): {shown}"))
            })?;
            let said = match (read.response, read.error) {
                (Some(Response { status_code: 200, body }), _) => Ok(body),
                (Some(Response { status_code, body }), _) => {
                    Err(wire.refusal(status_code, &HeaderMap::new(), body.to_string().as_bytes()))
                }
                (None, error) => {
                    let error = error.unwrap_or_default();
                    let why = error["message"].as_str().unwrap_or("the batch has no answer and no error");
                    // What was not begun before the window closed would be answered in another batch.
                    Err(wire.error(Failure::Overload, why))
                }
            };
            self.by_id.insert(read.custom_id, said);
        }
        Ok(())
    }

    /// What is said of a request; none if nothing.
    pub(super) fn of(&self, id: &str) -> Option<Result<Value, WorkerError>> {
        self.by_id.get(id).cloned()
    }

    /// The failure of a request of which nothing is said.
    pub(super) fn no_answer(&self, wire: &Wire) -> WorkerError {
        wire.error(Failure::Overload, &format!("the batch ended as {} without an answer", self.status))
    }
}
