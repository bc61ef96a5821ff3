//! `kind = "openai"` as the config writes it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::openai::{BatchSettings, Endpoint, Guided, OpenAiSettings, Secret};

/// A server that speaks OpenAI's protocol.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenAiTable {
    /// Where it is, with `/v1`: `http://127.0.0.1:8000/v1`.
    pub base_url: String,
    /// The model's name, as the server knows it.
    pub model: String,
    /// The model's revision, if it matters to you: replies are reused for the same revision only.
    #[serde(default)]
    pub revision: String,
    /// Name of the environment variable with the key; none for servers without one. The key itself never stands here.
    pub api_key_env: Option<String>,
    /// `auto`, `chat` or `completions`.
    #[serde(default)]
    pub endpoint: Endpoint,
    /// How the server is told the form of a reply.
    #[serde(default)]
    pub guided: Guided,
    /// Seconds to connect.
    #[serde(default = "ten")]
    pub connect_seconds: f64,
    /// Seconds until the first byte of an answer.
    #[serde(default = "five_minutes")]
    pub first_byte_seconds: f64,
    /// Seconds for the whole answer.
    #[serde(default = "ten_minutes")]
    pub total_seconds: f64,
    /// Seconds of silence within an answer.
    #[serde(default = "two_minutes")]
    pub idle_seconds: f64,
    /// Field that holds the longest reply of a conversation: `max_completion_tokens` for OpenAI's reasoning models.
    #[serde(default = "max_tokens")]
    pub max_tokens_field: String,
    /// Further headers. Credentials belong into `api_key_env`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Replies are streamed, so that a server at work is told from a silent one: `idle_seconds` then counts from token
    /// to token.
    #[serde(default)]
    pub stream: bool,
    /// Sends requests in files; see [`BatchTable`].
    pub batch: Option<BatchTable>,
}

/// `batch = { … }`: requests are sent in files, which hosted servers answer within a day for half the price.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchTable {
    /// Most requests of a file; as many rows are worked on at a time.
    #[serde(default = "ten_thousand")]
    pub max_requests: u32,
    /// Most megabytes of a file.
    #[serde(default = "a_hundred")]
    pub max_megabytes: f64,
    /// A file is sent when nothing more has come for so many seconds.
    #[serde(default = "five")]
    pub gather_seconds: f64,
    /// Seconds between two questions of how a batch is doing.
    #[serde(default = "half_a_minute")]
    pub poll_seconds: f64,
    /// The time in which the server promises to answer, in its own words.
    #[serde(default = "a_day")]
    pub completion_window: String,
}

impl OpenAiTable {
    /// The client's settings; the key is read from the environment here and nowhere else.
    ///
    /// # Errors
    /// Names the environment variable that is not set, or the time that is none.
    pub fn settings(&self, worker: &str) -> Result<OpenAiSettings, String> {
        let api_key = match &self.api_key_env {
            None => None,
            Some(variable) => {
                Some(Secret::from_env(variable).ok_or_else(|| format!("the environment has no {variable}"))?)
            }
        };
        let time = |key: &str, seconds: f64| {
            Duration::try_from_secs_f64(seconds).map_err(|_| format!("{key} = {seconds} is no time"))
        };
        Ok(OpenAiSettings {
            revision: self.revision.clone(),
            api_key,
            endpoint: self.endpoint,
            guided: self.guided,
            headers: self.headers.clone(),
            connect_timeout: time("connect_seconds", self.connect_seconds)?,
            first_byte_timeout: time("first_byte_seconds", self.first_byte_seconds)?,
            idle_timeout: time("idle_seconds", self.idle_seconds)?,
            total_timeout: time("total_seconds", self.total_seconds)?,
            max_tokens_field: self.max_tokens_field.clone(),
            // What comes in files cannot be streamed.
            stream: self.stream && self.batch.is_none(),
            batch: match &self.batch {
                None => None,
                Some(batch) => Some(BatchSettings {
                    max_requests: batch.max_requests.max(1) as usize,
                    max_bytes: (batch.max_megabytes * 1e6) as usize,
                    gather: time("batch.gather_seconds", batch.gather_seconds)?,
                    poll: time("batch.poll_seconds", batch.poll_seconds)?.max(Duration::from_millis(1)),
                    completion_window: batch.completion_window.clone(),
                    register: None,
                }),
            },
            ..OpenAiSettings::new(worker, &self.base_url, &self.model)
        })
    }
}

fn a_hundred() -> f64 {
    100.0
}

fn ten_thousand() -> u32 {
    10_000
}

fn five() -> f64 {
    5.0
}

fn half_a_minute() -> f64 {
    30.0
}

fn a_day() -> String {
    "24h".to_owned()
}

fn ten() -> f64 {
    10.0
}

fn five_minutes() -> f64 {
    300.0
}

fn ten_minutes() -> f64 {
    600.0
}

fn two_minutes() -> f64 {
    120.0
}

fn max_tokens() -> String {
    "max_tokens".to_owned()
}
