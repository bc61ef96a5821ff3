//! What a server worker is told: where the server is, which model, how long to wait, and how it is told a form.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A credential. It is sent, and shown nowhere: neither `Debug` nor errors nor logs have it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A credential; white space around it, as files and shells leave it, is no part of it.
    pub fn new(secret: impl AsRef<str>) -> Self {
        Self(secret.as_ref().trim().to_owned())
    }

    /// The credential in an environment variable; none when it is unset or blank.
    pub fn from_env(variable: &str) -> Option<Self> {
        std::env::var(variable).ok().map(Self::new).filter(|secret| !secret.0.is_empty())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Which endpoint is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// Conversations to `/chat/completions`, bare texts to `/completions`.
    #[default]
    Auto,
    /// Everything to `/chat/completions`; a bare text becomes a user's message.
    Chat,
    /// Everything to `/completions`; of a conversation the contents are sent, one after another.
    Completions,
}

/// The server's dialect: how it is told the form of a reply, and what its own defaults are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guided {
    /// What the server's model list says it is: vLLM, SGLang, llama.cpp, llama-cpp-python and Ollama sign it. It is asked once, before
    /// the first request; a server that signs with nothing known is taken for `openai`.
    #[default]
    Auto,
    /// vLLM's `structured_outputs`, and the `guided_*` of its earlier versions.
    Vllm,
    /// SGLang's `json_schema`, `regex` and `ebnf`.
    Sglang,
    /// OpenAI's `response_format`: JSON Schema only.
    Openai,
    /// llama.cpp's `grammar` and `json_schema`.
    LlamaCpp,
    /// `response_format` in conversations, which Ollama makes its `format`.
    Ollama,
    /// Not at all: a request for a form is refused as unsupported.
    None,
}

/// A server and how to ask it. Times of zero are taken as a millisecond.
#[derive(Clone, PartialEq)]
pub struct OpenAiSettings {
    /// The worker's name in the config.
    pub name: String,
    /// Where it is, with `/v1`: `http://127.0.0.1:8000/v1`. No credentials in it.
    pub base_url: String,
    /// The model's name, as the server knows it.
    pub model: String,
    /// The model's revision; empty when not known.
    pub revision: String,
    /// Sent as a bearer token. None sends none: nothing is read from the environment.
    pub api_key: Option<Secret>,
    /// Which endpoint is asked.
    pub endpoint: Endpoint,
    /// The server's dialect.
    pub guided: Guided,
    /// Further headers. Values are not shown in `Debug`.
    pub headers: BTreeMap<String, String>,
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// Longest time from sending to the head of the answer; servers that queue are silent meanwhile.
    pub first_byte_timeout: Duration,
    /// Longest silence within the body.
    pub idle_timeout: Duration,
    /// Longest time for the whole answer.
    pub total_timeout: Duration,
    /// Longest body that is read, in bytes.
    pub max_body_bytes: usize,
    /// The field that holds the longest reply of a conversation: `max_tokens`, or `max_completion_tokens` for
    /// OpenAI's reasoning models, which refuse the former.
    pub max_tokens_field: String,
    /// Whether replies are streamed: then a silence is one between tokens. They are given as a whole all the same.
    pub stream: bool,
    /// How requests are sent in files; none to send each by itself.
    pub batch: Option<BatchSettings>,
}

/// How requests are sent in files.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchSettings {
    /// Most requests of a file; OpenAI takes 50,000.
    pub max_requests: usize,
    /// Most bytes of a file, but for one whose only request is longer; OpenAI takes 200 MB.
    pub max_bytes: usize,
    /// A file is sent when nothing more has come for so long.
    pub gather: Duration,
    /// Time between two questions of how a batch is doing.
    pub poll: Duration,
    /// The time in which the server promises to answer, in its own words.
    pub completion_window: String,
    /// Where batches are written down, for a run that is killed; none for nowhere.
    pub register: Option<PathBuf>,
}

impl OpenAiSettings {
    /// A server without credentials: 10 s to connect, 5 minutes to the first byte, 2 minutes of silence, 10 minutes in
    /// all, bodies of 64 MiB.
    pub fn new(name: impl Into<String>, base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            base_url: base_url.into(),
            model: model.into(),
            revision: String::new(),
            api_key: None,
            endpoint: Endpoint::Auto,
            guided: Guided::Auto,
            headers: BTreeMap::new(),
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(300),
            idle_timeout: Duration::from_secs(120),
            total_timeout: Duration::from_secs(600),
            max_body_bytes: 64 << 20,
            max_tokens_field: "max_tokens".to_owned(),
            stream: false,
            batch: None,
        }
    }
}

impl fmt::Debug for OpenAiSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiSettings")
            .field("name", &self.name)
            .field("base_url", &without_credentials(&self.base_url))
            .field("model", &self.model)
            .field("revision", &self.revision)
            .field("api_key", &self.api_key)
            .field("endpoint", &self.endpoint)
            .field("guided", &self.guided)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A URL without the `user:password@` and the query it may have.
pub(crate) fn without_credentials(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host_end = rest.find('/').unwrap_or(rest.len());
    let host_start = rest[..host_end].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[host_start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credential_is_shown() {
        let mut settings = OpenAiSettings::new("w", "https://user:hunter2@host:1/v1?key=hunter2", "m");
        settings.api_key = Some(Secret::new(" hunter2\n"));
        settings.headers.insert("x-api-key".into(), "hunter2".into());
        let shown = format!("{settings:?} {:?}", settings.api_key);
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("https://host:1/v1") && shown.contains("x-api-key"));
        assert_eq!(settings.api_key.unwrap().expose(), "hunter2");
    }
}
