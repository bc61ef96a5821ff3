//! Requests sent in files: dear servers answer them for half the price, within a day.
//!
//! Whoever asks waits as for any answer. Requests gather until no more have come for a moment, or a file is full; the
//! file is uploaded, the batch is asked for how it is doing now and then, and its answers go back to those who wait. A
//! request that fails in a batch has the failure it would have had alone, and is asked again in the next batch where
//! that helps.
//!
//! A batch is written down before it is waited for ([`register`]). A run that is killed finds its batches again and takes
//! their answers, however long they took, instead of paying a second time.
//!
//! Source: OpenAI's Batch API (`/v1/files`, `/v1/batches`); vLLM and others read the same files.

mod answers;
mod register;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::types::files::{CreateFileRequest, FileInput, FilePurpose};
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, OnceCell, oneshot};
use xxhash_rust::xxh3::Xxh3;

use self::answers::Answers;
use self::register::Register;
use super::settings::BatchSettings;
use super::transport::Wire;
use crate::error::{Action, Failure, WorkerError};
use crate::pool::locked;

/// Times in a row that a server may fail to say how a batch is doing before its requests fail.
const MOST_SILENCES: u32 = 20;

/// What a request is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Route {
    Text,
    Chat,
    Embeddings,
}

impl Route {
    fn path(self) -> &'static str {
        match self {
            Self::Text => "/v1/completions",
            Self::Chat => "/v1/chat/completions",
            Self::Embeddings => "/v1/embeddings",
        }
    }
}

/// A request that waits for its batch.
struct Waiting {
    id: String,
    fields: Map<String, Value>,
    answer: oneshot::Sender<Result<Value, WorkerError>>,
}

/// The requests for one route that no batch has yet.
#[derive(Default)]
struct Gathering {
    waiting: Vec<Waiting>,
    /// Whether somebody watches over it.
    is_watched: bool,
}

/// Gathers requests, sends them in files and hands the answers back.
pub(crate) struct Batcher {
    settings: BatchSettings,
    wire: Arc<Wire>,
    client: Client<OpenAIConfig>,
    gathering: Mutex<BTreeMap<Route, Gathering>>,
    /// Told when a file is full.
    full: Notify,
    register: Register,
    /// Batches of an earlier process, each asked for once.
    earlier: Mutex<HashMap<String, Arc<OnceCell<Arc<Answers>>>>>,
}

impl Batcher {
    /// A batcher; batches of earlier processes are read from the register.
    ///
    /// # Errors
    /// When the register cannot be read.
    pub(crate) fn open(
        settings: BatchSettings,
        wire: Arc<Wire>,
        client: Client<OpenAIConfig>,
    ) -> Result<Arc<Self>, WorkerError> {
        let register = Register::open(settings.register.as_deref());
        let register = register.map_err(|error| wire.error(Failure::Storage, &error))?;
        let (gathering, earlier) = (Mutex::default(), Mutex::default());
        Ok(Arc::new(Self { settings, wire, client, gathering, full: Notify::new(), register, earlier }))
    }

    /// The answer to a request, as its route would give it.
    ///
    /// # Errors
    /// As the server refuses this request, or the batch as a whole.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        route: Route,
        fields: &Map<String, Value>,
    ) -> Result<Value, WorkerError> {
        let id = id_of(route, fields);
        if let Some(batch) = self.register.batch_of(&id) {
            let said = self.of_earlier(&batch, &id).await?;
            self.register.forget(&id);
            if let Some(said) = said {
                return said;
            }
        }
        let (answer, answered) = oneshot::channel();
        self.gather(route, Waiting { id, fields: fields.clone(), answer });
        answered.await.unwrap_or_else(|_| Err(self.wire.error(Failure::Overload, "its batch was given up")))
    }

    /// What a batch of an earlier process says of a request; none if it says nothing, or the server has forgotten it.
    async fn of_earlier(&self, batch: &str, id: &str) -> Result<Option<Result<Value, WorkerError>>, WorkerError> {
        let known = Arc::clone(locked(&self.earlier).entry(batch.to_owned()).or_default());
        let answers = known.get_or_try_init(async || self.outcome(batch).await.map(Arc::new)).await;
        match answers {
            Ok(answers) => Ok(answers.of(id)),
            Err(error) if matches!(error.failure, Failure::NotFound | Failure::BadRequest) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn gather(self: &Arc<Self>, route: Route, request: Waiting) {
        let mut gathering = locked(&self.gathering);
        let here = gathering.entry(route).or_default();
        here.waiting.push(request);
        if here.waiting.len() >= self.settings.max_requests {
            self.full.notify_one();
        }
        if !std::mem::replace(&mut here.is_watched, true) {
            tokio::spawn(Arc::clone(self).watch(route));
        }
    }

    /// Sends what has gathered whenever nothing more has come for a moment or a file is full, until nothing is left.
    async fn watch(self: Arc<Self>, route: Route) {
        let mut n_before = 0;
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.settings.gather) => {}
                () = self.full.notified() => {}
            }
            let ready: Vec<Waiting> = {
                let mut gathering = locked(&self.gathering);
                let here = gathering.entry(route).or_default();
                let n = here.waiting.len();
                if n == 0 {
                    here.is_watched = false;
                    return;
                }
                if n > n_before && n < self.settings.max_requests {
                    n_before = n;
                    continue;
                }
                n_before = 0;
                here.waiting.drain(..n.min(self.settings.max_requests)).collect()
            };
            tokio::spawn(Arc::clone(&self).send(route, ready));
        }
    }

    /// Has a file of requests answered.
    async fn send(self: Arc<Self>, route: Route, requests: Vec<Waiting>) {
        let answers = match self.create(route, &requests).await {
            Ok(batch) => self.outcome(&batch).await,
            Err(error) => Err(error),
        };
        for Waiting { id, answer, .. } in requests {
            let said = match &answers {
                Ok(answers) => answers.of(&id).unwrap_or_else(|| Err(answers.no_answer(&self.wire))),
                Err(error) => Err(error.clone()),
            };
            // Whoever no longer waits finds it in the register's batch.
            let _ = answer.send(said);
        }
    }

    /// Uploads a file and starts its batch.
    async fn create(&self, route: Route, requests: &[Waiting]) -> Result<String, WorkerError> {
        let mut lines = Vec::new();
        for Waiting { id, fields, .. } in requests {
            let line = json!({ "custom_id": id, "method": "POST", "url": route.path(), "body": fields });
            lines.extend_from_slice(line.to_string().as_bytes());
            lines.push(b'\n');
        }
        let file = CreateFileRequest {
            file: FileInput::from_vec_u8("requests.jsonl".to_owned(), lines),
            purpose: FilePurpose::Batch,
            expires_after: None,
        };
        let file: Value = self.client.files().create_byot(file).await.map_err(|error| self.wire.failure(error))?;
        let file = self.word(&file, "id")?;
        let batch = json!({
            "input_file_id": file,
            "endpoint": route.path(),
            "completion_window": self.settings.completion_window,
        });
        let batch: Value = self.client.batches().create_byot(batch).await.map_err(|error| self.wire.failure(error))?;
        let batch = self.word(&batch, "id")?;
        let ids = requests.iter().map(|request| request.id.as_str());
        self.register.add(&batch, ids).map_err(|error| self.wire.error(Failure::Storage, &error))?;
        Ok(batch)
    }

    /// Waits until a batch has ended, and reads its answers.
    async fn outcome(&self, batch: &str) -> Result<Answers, WorkerError> {
        let mut n_silences = 0;
        loop {
            let told: Result<Value, _> = self.client.batches().retrieve_byot(batch).await;
            match told.map_err(|error| self.wire.failure(error)) {
                Ok(told) => match told["status"].as_str().unwrap_or_default() {
                    "failed" => {
                        let why = told["errors"]["data"][0]["message"].as_str().unwrap_or("it does not say why");
                        return Err(self.wire.error(Failure::BadRequest, &format!("the batch failed: {why}")));
                    }
                    "completed" | "expired" | "cancelled" => return self.read(&told).await,
                    _ => n_silences = 0,
                },
                Err(error) if error.failure.action() == Action::Retry && n_silences < MOST_SILENCES => n_silences += 1,
                Err(error) => return Err(error),
            }
            tokio::time::sleep(self.settings.poll).await;
        }
    }

    async fn read(&self, told: &Value) -> Result<Answers, WorkerError> {
        let mut answers = Answers::new(told["status"].as_str().unwrap_or_default());
        for file in ["output_file_id", "error_file_id"] {
            let Some(id) = told[file].as_str().filter(|id| !id.is_empty()) else { continue };
            let lines = self.client.files().content(id).await.map_err(|error| self.wire.failure(error))?;
            answers.read(&lines, &self.wire)?;
        }
        Ok(answers)
    }

    fn word(&self, answer: &Value, field: &str) -> Result<String, WorkerError> {
        let word = answer[field].as_str().filter(|word| !word.is_empty());
        let missing = || self.wire.error(Failure::Abnormal, &format!("the answer has no `{field}`"));
        word.map(str::to_owned).ok_or_else(missing)
    }
}

/// A request's name within batches: the same in every process.
fn id_of(route: Route, fields: &Map<String, Value>) -> String {
    let mut hash = Xxh3::new();
    hash.update(route.path().as_bytes());
    hash.update(json!(fields).to_string().as_bytes());
    format!("{:032x}", hash.digest128())
}
