//! Servers that speak OpenAI's protocol: hosted ones, vLLM, SGLang, llama.cpp, Ollama, and what imitates them.
//!
//! They agree on two routes and little else, so each side of an exchange is lenient: requests say everything,
//! answers are read for what is needed, refusals for what they mean. One call asks once. URLs, routes and the JSON on
//! the wire are async-openai's (0.43), through its `byot` methods with our own values; its executor, and with it its
//! retry and its reading of errors, is replaced by ours.
//!
//! Replies may be streamed, but are given as a whole: no stage needs a part of one.

mod align;
mod allowance;
mod batch;
mod body;
mod embed;
mod errors;
mod events;
mod logprobs;
mod once;
mod redact;
mod reply;
mod score;
mod settings;
mod shape;
mod transport;
mod trials;
mod wait;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_trait::async_trait;
use http::HeaderMap;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::error::{Failure, WorkerError};
use crate::probe::Trial;
use crate::request::{Completion, CompletionRequest, EmbedRequest, Embedded, Identity, ScoreRequest, Scored};
use crate::worker::{Capabilities, Worker};
use batch::{Batcher, Route};
use once::Once;
use score::Way;
use settings::without_credentials;
pub use settings::{BatchSettings, Endpoint, Guided, OpenAiSettings, Secret};
use transport::Wire;

/// The status that a 200 is taken for whose body is an error without a number.
const UNNUMBERED: u16 = 500;

/// A model behind a server.
pub struct OpenAi {
    settings: OpenAiSettings,
    client: Client<OpenAIConfig>,
    wire: Arc<Wire>,
    dialect: Once<Guided>,
    way: Once<Way>,
    batcher: Option<Arc<Batcher>>,
}

impl OpenAi {
    /// A worker for a server, which is not asked anything yet.
    ///
    /// # Errors
    /// [`Failure::Unsupported`] when the URL, the key or a header cannot be used, or HTTPS cannot be set up;
    /// [`Failure::Storage`] when the register of batches cannot be read.
    pub fn new(settings: OpenAiSettings) -> Result<Self, WorkerError> {
        let (wire, client) = Wire::open(&settings)?;
        let batch = |batch: &BatchSettings| Batcher::open(batch.clone(), Arc::clone(&wire), client.clone());
        let batcher = settings.batch.as_ref().map(batch).transpose()?;
        Ok(Self { settings, client, wire, dialect: Once::new(), way: Once::new(), batcher })
    }

    /// Where the server is, without credentials.
    pub fn base_url(&self) -> String {
        without_credentials(&self.settings.base_url)
    }

    /// The server's dialect: as set, else what its model list says, asked once.
    ///
    /// # Errors
    /// When the list cannot be had now but may be later.
    pub async fn dialect(&self) -> Result<Guided, WorkerError> {
        if self.settings.guided != Guided::Auto {
            return Ok(self.settings.guided);
        }
        let find = async || match self.models().await {
            Ok(models) => Ok(dialect_of(&models)),
            Err(error) if score::ends_search(&error) => {
                Err(WorkerError { message: format!("its model list: {}", error.message), ..error })
            }
            Err(_) => Ok(Guided::Openai),
        };
        self.dialect.get(find).await
    }

    /// What the server can do, each tried, in the order tried.
    ///
    /// # Errors
    /// When it cannot be reached or refuses the credentials.
    pub async fn trials(&self) -> Result<(Vec<Trial>, Capabilities), WorkerError> {
        trials::run(self).await
    }

    /// The models it lists, each with who made it, in the server's words.
    async fn models(&self) -> Result<Vec<(String, String)>, WorkerError> {
        let answer: Value = self.client.models().list_byot().await.map_err(|error| self.wire.failure(error))?;
        let word = |model: &Value, field: &str| model[field].as_str().unwrap_or_default().to_owned();
        let models = answer["data"].as_array().or_else(|| answer.as_array());
        let models = models.ok_or_else(|| self.wire.error(Failure::Abnormal, "the answer is no list of models"))?;
        Ok(models.iter().map(|model| (word(model, "id"), word(model, "owned_by"))).collect())
    }

    /// Sends a body and gives back the answer, which holds choices, or fails. `key` is the request's in the journal.
    async fn post(&self, is_chat: bool, key: &str, fields: &Map<String, Value>) -> Result<Value, WorkerError> {
        let answer = self.send(if is_chat { Route::Chat } else { Route::Text }, key, fields).await?;
        if answer["choices"].is_null() && (!answer["error"].is_null() || answer["object"] == "error") {
            return Err(self.error_in_answer(&answer));
        }
        Ok(answer)
    }

    /// Sends a body, by itself or in a file, and gives back the answer.
    async fn send(&self, route: Route, key: &str, fields: &Map<String, Value>) -> Result<Value, WorkerError> {
        if let Some(batcher) = &self.batcher {
            return batcher.answer(route, key, fields).await;
        }
        let answer: Result<Value, _> = match route {
            Route::Text => self.client.completions().create_byot(fields).await,
            Route::Chat => self.client.chat().create_byot(fields).await,
            Route::Embeddings => self.client.embeddings().create_byot(fields).await,
        };
        answer.map_err(|error| self.wire.failure(error))
    }

    /// A refusal that came as 200, as proxies in front of several servers send it.
    fn error_in_answer(&self, answer: &Value) -> WorkerError {
        let code = errors::words_of(answer).code.parse().ok().filter(|code| (400..600).contains(code));
        self.wire.refusal(code.unwrap_or(UNNUMBERED), &HeaderMap::new(), answer.to_string().as_bytes())
    }

    /// Asks one endpoint for a reply.
    async fn ask(&self, request: &CompletionRequest, is_chat: bool) -> Result<Completion, WorkerError> {
        let refuse = |no: reply::NoReply| self.wire.error(no.failure, &no.message);
        let dialect = self.dialect().await?;
        let fields = body::completion(&self.settings, dialect, request, is_chat).map_err(refuse)?;
        let clock = Instant::now();
        let answer = self.post(is_chat, &request.key(&self.identity()), &fields).await?;
        let reply = reply::completion(&answer, request, &self.settings.model)
            .map_err(|no| WorkerError { status: Some(200), ..refuse(no) })?;
        Ok(Completion { latency_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX), ..reply })
    }
}

#[async_trait]
impl Worker for OpenAi {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn identity(&self) -> Identity {
        Identity {
            kind: "openai".to_owned(),
            model: self.settings.model.clone(),
            revision: self.settings.revision.clone(),
        }
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        self.ask(request, body::is_chat(self.settings.endpoint, &request.prompt)).await
    }

    async fn score(&self, request: &ScoreRequest) -> Result<Scored, WorkerError> {
        score::score(self, request).await
    }

    async fn embed(&self, request: &EmbedRequest) -> Result<Embedded, WorkerError> {
        embed::embed(self, request).await
    }

    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        self.trials().await.map(|(_, capabilities)| capabilities)
    }

    fn spent_for(&self) -> Duration {
        self.wire.spent_for()
    }
}

/// The dialect that a model list is signed with.
fn dialect_of(models: &[(String, String)]) -> Guided {
    let of_owner = |owner: &str| match owner {
        "vllm" => Some(Guided::Vllm),
        "sglang" => Some(Guided::Sglang),
        // llama.cpp's own server, and llama-cpp-python's.
        "llamacpp" | "me" => Some(Guided::LlamaCpp),
        "library" => Some(Guided::Ollama),
        _ => None,
    };
    models.iter().find_map(|(_, owner)| of_owner(owner)).unwrap_or(Guided::Openai)
}
