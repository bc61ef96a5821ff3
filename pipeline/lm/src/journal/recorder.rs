//! Writes each reply of a worker to a file of JSON lines that [`super::Replay`] answers from.
//!
//! Where the journal is for the machine, a recording is for people: to read, to edit, to check in beside a test.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{JournalError, key_number};
use crate::error::{Failure, WorkerError};
use crate::pool::locked;
use crate::request::{Completion, CompletionRequest, EmbedRequest, Embedded, Identity, ScoreRequest, Scored};
use crate::worker::{Capabilities, Worker};

/// One line of a recording.
#[derive(Serialize)]
struct Line<'a> {
    key: String,
    identity: &'a Identity,
    prompt: String,
    sample: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<&'a Completion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scores: Option<&'a Scored>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<&'a Embedded>,
}

/// A worker whose replies are written down, in the order they come. A request that the recording has is not written
/// again: a rerun adds what is new.
pub struct Recorder {
    inner: Arc<dyn Worker>,
    identity: Identity,
    path: PathBuf,
    recording: Mutex<Recording>,
}

/// The file, and the keys of the requests in it.
struct Recording {
    file: File,
    known: HashSet<u128>,
}

impl Recorder {
    /// Appends to the recording at a path; an unfinished last line is cut off.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn new(inner: Arc<dyn Worker>, path: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let path = path.into();
        let recording = open(&path).map_err(|error| JournalError::io(&path, "opening", &error))?;
        Ok(Self { identity: inner.identity(), inner, path, recording: Mutex::new(recording) })
    }

    /// A line without an answer.
    fn line(&self, key: String, prompt: String) -> Line<'_> {
        Line { key, identity: &self.identity, prompt, sample: 0, reply: None, scores: None, embedding: None }
    }

    fn write(&self, line: &Line<'_>) -> Result<(), WorkerError> {
        let mut recording = locked(&self.recording);
        if !recording.known.insert(key_number(&line.key)) {
            return Ok(());
        }
        let written = serde_json::to_vec(line).map_err(std::io::Error::from).and_then(|mut bytes| {
            bytes.push(b'\n');
            recording.file.write_all(&bytes)
        });
        written.map_err(|error| {
            let error = JournalError::io(&self.path, "writing", &error);
            WorkerError::new(self.inner.name(), Failure::Storage, error.to_string())
        })
    }
}

/// The key of a line of a recording; those made by hand have none.
#[derive(Deserialize)]
struct KeyOnly {
    key: String,
}

fn open(path: &Path) -> std::io::Result<Recording> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at as u64 + 1);
    file.set_len(whole)?;
    file.seek(SeekFrom::End(0))?;
    let lines = text[..whole as usize].split(|byte| *byte == b'\n');
    let known = lines.filter_map(|line| Some(key_number(&serde_json::from_slice::<KeyOnly>(line).ok()?.key)));
    Ok(Recording { file, known: known.collect() })
}

/// The text that scores are recorded under.
pub(crate) fn score_prompt(request: &ScoreRequest) -> String {
    format!("{}{}", request.context, request.text)
}

#[async_trait]
impl Worker for Recorder {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        let reply = self.inner.complete(request).await?;
        let (key, prompt, sample) = (request.key(&self.identity), request.prompt.plain(), request.sample);
        self.write(&Line { sample, reply: Some(&reply), ..self.line(key, prompt) })?;
        Ok(reply)
    }

    async fn score(&self, request: &ScoreRequest) -> Result<Scored, WorkerError> {
        let scored = self.inner.score(request).await?;
        let (key, prompt) = (request.key(&self.identity), score_prompt(request));
        self.write(&Line { scores: Some(&scored), ..self.line(key, prompt) })?;
        Ok(scored)
    }

    async fn embed(&self, request: &EmbedRequest) -> Result<Embedded, WorkerError> {
        let embedded = self.inner.embed(request).await?;
        let line = self.line(request.key(&self.identity), request.text.clone());
        self.write(&Line { embedding: Some(&embedded), ..line })?;
        Ok(embedded)
    }

    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        self.inner.probe().await
    }
}
