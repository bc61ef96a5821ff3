//! Answers that are errors: those of this server, in OpenAI's form, and those of planned faults in the forms of the
//! servers they stand for.

use serde_json::{Value, json};

use super::fault::{ContextWording, ErrorBody, Fault};
use super::http::Answer;
use crate::error::{Failure, WorkerError};

/// A request that is not answered, in OpenAI's words.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    message: String,
}

impl Refusal {
    /// 400: the request is wrong.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self { status: 400, kind: INVALID, code: None, message: message.into() }
    }

    /// 401: no key, or another.
    pub(super) fn unauthorised() -> Self {
        let message = "Incorrect or missing API key.".into();
        Self { status: 401, kind: INVALID, code: Some("invalid_api_key"), message }
    }

    /// 404: no such model.
    pub(super) fn no_model(model: &str) -> Self {
        let message = format!("The model `{model}` does not exist.");
        Self { status: 404, kind: INVALID, code: Some("model_not_found"), message }
    }

    /// 404: no such route.
    pub(super) fn no_route(method: &str, path: &str) -> Self {
        Self { status: 404, kind: INVALID, code: None, message: format!("Unknown route: {method} {path}.") }
    }

    /// A request that cannot be read as HTTP, with the status that says why.
    pub(super) fn unread(status: u16, message: &str) -> Self {
        Self { status, kind: INVALID, code: None, message: message.into() }
    }

    /// The answer.
    pub(super) fn answer(&self) -> Answer {
        Answer::json(self.status, &open_ai(&self.message, self.kind, self.code))
    }
}

const INVALID: &str = "invalid_request_error";

impl From<WorkerError> for Refusal {
    /// The status a client needs to find the worker's class of failure again.
    fn from(error: WorkerError) -> Self {
        let (status, kind, code) = match error.failure {
            Failure::Rate => (429, "requests", Some("rate_limit_exceeded")),
            Failure::Quota | Failure::Budget => (429, "insufficient_quota", Some("insufficient_quota")),
            Failure::Auth => (401, INVALID, Some("invalid_api_key")),
            Failure::NotFound => (404, INVALID, Some("model_not_found")),
            Failure::Unseen => (404, INVALID, Some("not_recorded")),
            Failure::ContextLength => (400, INVALID, Some("context_length_exceeded")),
            Failure::Refused => (400, INVALID, Some("content_filter")),
            Failure::Unsupported => (400, INVALID, Some("unsupported")),
            Failure::BadRequest | Failure::Malformed => (400, INVALID, None),
            Failure::Timeout => (504, "server_error", None),
            Failure::Storage => (500, "server_error", None),
            Failure::Overload | Failure::Connection | Failure::Down | Failure::Abnormal => (503, "server_error", None),
        };
        Self { status, kind, code, message: error.message }
    }
}

fn open_ai(message: &str, kind: &str, code: impl Into<Value>) -> Value {
    let code = code.into();
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

/// The answer of a fault that answers by itself, to a request with this bearer token; none for those that spoil or delay
/// a good answer.
pub(super) fn fault_answer(fault: &Fault, key: Option<&str>) -> Option<Answer> {
    let answer = match fault {
        Fault::Rate { body, retry_after } => {
            let answer = error(429, "Rate limit reached for requests.", "requests", "rate_limit_exceeded", *body);
            Answer { retry_after: retry_after.clone(), ..answer }
        }
        Fault::Quota => {
            let message = "You exceeded your current quota, please check your plan and billing details.";
            error(429, message, "insufficient_quota", "insufficient_quota", ErrorBody::OpenAi)
        }
        Fault::ContextLength(wording) => Answer::json(400, &context_length(*wording)),
        Fault::Auth => Refusal::unauthorised().answer(),
        Fault::NotFound => Refusal::no_model("planned").answer(),
        Fault::RepeatedKey => Refusal::bad_request(repeated(key.unwrap_or_default())).answer(),
        Fault::Broken(status) => broken(*status),
        Fault::CutBody
        | Fault::Reset
        | Fault::MalformedJson
        | Fault::FinishAbort
        | Fault::FinishEmpty
        | Fault::FinishNull
        | Fault::MissingChoices
        | Fault::EmptyChoices
        | Fault::NullContent
        | Fault::SlowFirstByte { .. }
        | Fault::SlowBody { .. } => return None,
    };
    Some(answer)
}

fn error(status: u16, message: &str, kind: &str, code: &str, body: ErrorBody) -> Answer {
    let value = match body {
        ErrorBody::OpenAi => open_ai(message, kind, code),
        ErrorBody::IntegerCode => open_ai(message, kind, status),
        ErrorBody::Text => return Answer::text(status, "text/plain; charset=utf-8", message),
        ErrorBody::Object => {
            json!({"object": "error", "message": message, "type": kind, "param": null, "code": status})
        }
        ErrorBody::Detail => json!({"detail": message}),
        ErrorBody::Message => json!({"message": message}),
    };
    Answer::json(status, &value)
}

fn context_length(wording: ContextWording) -> Value {
    match wording {
        ContextWording::OpenAi => open_ai(
            "The messages have 5000 tokens, which is more than this model's context of 4096.",
            INVALID,
            "context_length_exceeded",
        ),
        ContextWording::Vllm => open_ai(
            "This model's maximum context length is 4096 tokens, and 4488 + 512 were requested.",
            "BadRequestError",
            400,
        ),
        ContextWording::LlamaCpp => json!({"error": {
            "code": 400,
            "message": "the request exceeds the available context size",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": 5000,
            "n_ctx": 4096,
        }}),
    }
}

/// A message with a key in three spellings.
fn repeated(key: &str) -> String {
    let spell = |start: &str| key.bytes().map(|byte| format!("{start}{byte:02x}")).collect::<String>();
    format!("Cannot read `Authorization: Bearer {key}` ({}; ?key={}).", spell("\\u00"), spell("%"))
}

fn broken(status: u16) -> Answer {
    match status {
        502 => Answer::text(502, "text/html", "<html><body><h1>502 Bad Gateway</h1></body></html>\r\n"),
        503 => Answer::text(503, "text/plain; charset=utf-8", "server busy, maximum pending requests exceeded"),
        529 => {
            Answer::json(529, &json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}))
        }
        _ => Answer::json(status, &open_ai("The server had an error.", "server_error", Value::Null)),
    }
}
