//! Requests sent in files: dear servers answer them for half the price, within a day.
//!
//! Whoever asks waits as for any answer. Requests gather until no more have come for a moment, or a file is full; the
//! file is uploaded, the batch is asked for how it is doing now and then, and its answers go back to those who wait. A
//! request that fails in a batch has the failure it would have had alone, and is asked again in the next batch where
//! that helps. What is wrong with a batch as a whole stops the worker: its rows are not to blame.
//!
//! A batch is written down before it is waited for ([`register`]). A run that is killed finds its batches again and takes
//! their good answers, however long they took, instead of paying a second time; so does a run whose download failed.
//!
//! Source: OpenAI's Batch API (`/v1/files`, `/v1/batches`); vLLM and others read the same files.

mod answers;
mod register;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::types::files::{CreateFileRequest, FileInput, FilePurpose};
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, oneshot};

use self::answers::Answers;
use self::register::Register;
use super::once::Once;
use super::settings::BatchSettings;
use super::transport::Wire;
use crate::error::{Action, Failure, WorkerError};
use crate::pool::locked;

/// Times in a row that a server may fail to say how a batch is doing before its requests fail.
const MOST_SILENCES: u32 = 20;
/// Longest wait before a batch is started again that the server had no room for.
const LONGEST_WAIT: Duration = Duration::from_secs(900);

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
    /// Its line of the file.
    line: Vec<u8>,
    answer: oneshot::Sender<Result<Value, WorkerError>>,
}

/// The requests for one route that no batch has yet.
#[derive(Default)]
struct Gathering {
    waiting: Vec<Waiting>,
    n_bytes: usize,
    /// Whether somebody watches over it.
    is_watched: bool,
}

impl Gathering {
    fn is_full(&self, settings: &BatchSettings) -> bool {
        self.waiting.len() >= settings.max_requests || self.n_bytes >= settings.max_bytes
    }

    /// The requests of the next file: at least one if there are any.
    fn take(&mut self, settings: &BatchSettings) -> Vec<Waiting> {
        let mut n_bytes = 0;
        let mut fits = |request: &Waiting| {
            n_bytes += request.line.len();
            n_bytes <= settings.max_bytes
        };
        let n = self.waiting.iter().take(settings.max_requests).take_while(|request| fits(request)).count();
        let taken: Vec<Waiting> = self.waiting.drain(..n.max(1).min(self.waiting.len())).collect();
        self.n_bytes -= taken.iter().map(|request| request.line.len()).sum::<usize>();
        taken
    }
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
    /// Batches that were written down and not answered from yet, each asked for once; none of one that is gone.
    known: Mutex<HashMap<String, Arc<Known>>>,
}

/// The answers of a batch that was written down; none if the server has forgotten it, or it failed.
type Known = Once<Option<Arc<Answers>>>;

/// What became of a batch's start.
enum Started {
    Batch(String),
    /// The server takes no more now.
    NoRoom,
}

/// How a batch ended.
enum Ended {
    Answered(Answers),
    /// The server took no more.
    NoRoom,
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
        let (gathering, known) = (Mutex::default(), Mutex::default());
        Ok(Arc::new(Self { settings, wire, client, gathering, full: Notify::new(), register, known }))
    }

    /// The answer to a request, as its route would give it. `id` is the key of the request in the journal: two draws of
    /// one prompt are two requests, whose bodies may be equal.
    ///
    /// # Errors
    /// As the server refuses this request, or the batch as a whole.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        route: Route,
        id: &str,
        fields: &Map<String, Value>,
    ) -> Result<Value, WorkerError> {
        if let Some(batch) = self.register.batch_of(id) {
            let said = self.of_known(&batch).await?.and_then(|answers| answers.of(id));
            self.register.forget(id);
            // What failed there is asked anew: the user has perhaps mended it, and asks to try again.
            if let Some(Ok(answer)) = said {
                return Ok(answer);
            }
        }
        let line = json!({ "custom_id": id, "method": "POST", "url": route.path(), "body": fields });
        let (answer, answered) = oneshot::channel();
        self.gather(route, Waiting { id: id.to_owned(), line: format!("{line}\n").into_bytes(), answer });
        answered.await.unwrap_or_else(|_| Err(self.wire.error(Failure::Abnormal, "its batch was given up")))
    }

    /// The answers of a batch that was written down; none of one that is gone.
    async fn of_known(&self, batch: &str) -> Result<Option<Arc<Answers>>, WorkerError> {
        let known = {
            let mut known = locked(&self.known);
            Arc::clone(known.entry(batch.to_owned()).or_insert_with(|| Arc::new(Once::new())))
        };
        let find = async || match self.outcome(batch).await {
            Ok(Ended::Answered(answers)) => Ok(Some(Arc::new(answers))),
            Ok(Ended::NoRoom) => Ok(None),
            Err(error) if matches!(error.failure, Failure::NotFound | Failure::Unsupported) => Ok(None),
            Err(error) => Err(error),
        };
        known.get(find).await
    }

    fn gather(self: &Arc<Self>, route: Route, request: Waiting) {
        let mut gathering = locked(&self.gathering);
        let here = gathering.entry(route).or_default();
        here.n_bytes += request.line.len();
        here.waiting.push(request);
        if here.is_full(&self.settings) {
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
            let ready = {
                let mut gathering = locked(&self.gathering);
                let here = gathering.entry(route).or_default();
                let n = here.waiting.len();
                if n == 0 {
                    here.is_watched = false;
                    return;
                }
                if n > n_before && !here.is_full(&self.settings) {
                    n_before = n;
                    continue;
                }
                n_before = 0;
                here.take(&self.settings)
            };
            tokio::spawn(Arc::clone(&self).send(route, ready));
        }
    }

    /// Has a file of requests answered.
    async fn send(self: Arc<Self>, route: Route, mut requests: Vec<Waiting>) {
        let answers = self.answers(route, &mut requests).await;
        for Waiting { id, answer, .. } in requests {
            let said = match &answers {
                Ok(answers) => {
                    self.register.forget(&id);
                    answers.of(&id).unwrap_or_else(|| Err(answers.no_answer(&self.wire)))
                }
                // The batch stands in the register: asked again, the request finds it there.
                Err(error) => Err(error.clone()),
            };
            // Who no longer waits finds the batch in the register's file.
            let _ = answer.send(said);
        }
    }

    /// The answers to a file of requests, however often the server has no room for it.
    async fn answers(&self, route: Route, requests: &mut [Waiting]) -> Result<Answers, WorkerError> {
        let mut file = Vec::new();
        for request in requests.iter_mut() {
            file.append(&mut request.line);
        }
        let file = bytes::Bytes::from(file);
        let ids: Vec<&str> = requests.iter().map(|request| request.id.as_str()).collect();
        let mut wait = self.settings.poll;
        loop {
            if let Started::Batch(batch) = self.create(route, file.clone(), &ids).await?
                && let Ended::Answered(answers) = self.outcome(&batch).await?
            {
                return Ok(answers);
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Uploads a file and starts its batch.
    async fn create(&self, route: Route, file: bytes::Bytes, ids: &[&str]) -> Result<Started, WorkerError> {
        let file = CreateFileRequest {
            file: FileInput::from_bytes("requests.jsonl".to_owned(), file),
            purpose: FilePurpose::Batch,
            expires_after: None,
        };
        let file: Result<Value, _> = self.client.files().create_byot(file).await;
        let file = file.map_err(|error| of_all(self.wire.failure(error)))?;
        let file = self.word(&file, "id")?;
        let batch = json!({
            "input_file_id": file,
            "endpoint": route.path(),
            "completion_window": self.settings.completion_window,
        });
        let batch: Result<Value, _> = self.client.batches().create_byot(batch).await;
        let batch = match batch.map_err(|error| self.wire.failure(error)) {
            Ok(batch) => batch,
            Err(error) if answers::is_no_room(&error.message) => return Ok(Started::NoRoom),
            Err(error) => return Err(of_all(error)),
        };
        let batch = self.word(&batch, "id")?;
        self.register.add(&batch, ids).map_err(|error| self.wire.error(Failure::Storage, &error))?;
        Ok(Started::Batch(batch))
    }

    /// Waits until a batch has ended, and reads its answers.
    async fn outcome(&self, batch: &str) -> Result<Ended, WorkerError> {
        let mut n_silences = 0;
        loop {
            match self.ended(batch).await {
                Ok(Some(ended)) => return Ok(ended),
                Ok(None) => n_silences = 0,
                Err(error) if error.failure.action() == Action::Retry && n_silences < MOST_SILENCES => n_silences += 1,
                Err(error) => return Err(of_all(error)),
            }
            tokio::time::sleep(self.settings.poll).await;
        }
    }

    /// How a batch has ended; none if it has not.
    async fn ended(&self, batch: &str) -> Result<Option<Ended>, WorkerError> {
        let told: Result<Value, _> = self.client.batches().retrieve_byot(batch).await;
        let told = told.map_err(|error| self.wire.failure(error))?;
        let mut answers = Answers::new(told["status"].as_str().unwrap_or_default());
        match told["status"].as_str().unwrap_or_default() {
            "failed" => return answers.read_failure(&told, batch, &self.wire).map(Some),
            "cancelled" => {
                let why = "the batch was cancelled; run again to send what it left unanswered";
                return Err(self.wire.error(Failure::Unsupported, why));
            }
            "completed" | "expired" => {}
            _ => return Ok(None),
        }
        for file in ["output_file_id", "error_file_id"] {
            let Some(id) = told[file].as_str().filter(|id| !id.is_empty()) else { continue };
            let lines = self.client.files().content(id).await.map_err(|error| self.wire.failure(error))?;
            answers.read(&lines, &self.wire);
        }
        Ok(Some(Ended::Answered(answers)))
    }

    fn word(&self, answer: &Value, field: &str) -> Result<String, WorkerError> {
        let word = answer[field].as_str().filter(|word| !word.is_empty());
        let missing = || self.wire.error(Failure::Abnormal, &format!("the answer has no `{field}`"));
        word.map(str::to_owned).ok_or_else(missing)
    }
}

/// A failure of a file or a batch, which is none of its requests': what would fail a row stops the worker.
fn of_all(error: WorkerError) -> WorkerError {
    match error.failure.action() {
        Action::FailRow => WorkerError { failure: Failure::Unsupported, ..error },
        Action::Retry | Action::StopWorker => error,
    }
}
