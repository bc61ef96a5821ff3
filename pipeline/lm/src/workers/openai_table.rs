//! `kind = "openai"` as the config writes it.

use std::collections::BTreeMap;

use serde::Deserialize;

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
    /// Further headers. Credentials belong into `api_key_env`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// Which endpoint is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// Conversations to `/chat/completions`, bare texts to `/completions`.
    #[default]
    Auto,
    /// Everything to `/chat/completions`.
    Chat,
    /// Everything to `/completions`.
    Completions,
}

/// The server's way of guided decoding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guided {
    /// OpenAI's `response_format`, which most servers know.
    #[default]
    Auto,
    /// vLLM's `structured_outputs`.
    Vllm,
    /// `response_format` only.
    Openai,
    /// llama.cpp's `grammar` and `json_schema`.
    LlamaCpp,
    /// Ollama's `format`.
    Ollama,
    /// Not at all: replies are checked, not guided.
    None,
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
