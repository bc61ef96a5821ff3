//! `kind = "openai"` as the config writes it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::openai::{Endpoint, Guided, OpenAiSettings, Secret};

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
            ..OpenAiSettings::new(worker, &self.base_url, &self.model)
        })
    }
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
