//! A worker that answers from a recording: no server, no cost, the same replies every time.
//!
//! A recording is a file of JSON lines `{"key", "identity", "prompt", "sample", "reply"}` as [`super::Recorder`] writes
//! them. One made by hand needs only `{"prompt": "…", "reply": "…"}`, where the prompt is [`Prompt::plain`] and the
//! reply a text or a whole [`Completion`]; it answers that prompt whatever the sampling, as sample 0 unless `sample`
//! says otherwise. Of two lines for the same request the first counts. What is not recorded is a failure that shows the
//! nearest prompt that is.
//!
//! [`Prompt::plain`]: crate::Prompt::plain

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::Deserialize;
use thiserror::Error;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::recorder::score_prompt;
use crate::error::{Failure, WorkerError, cut};
use crate::request::{Completion, CompletionRequest, EmbedRequest, Embedded, Finish, Identity, ScoreRequest, Scored};
use crate::worker::{Capabilities, Worker};

/// Characters of a prompt shown in a message.
const SHOWN_CHARS: usize = 300;

/// Why a recording cannot be used.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// It cannot be read.
    #[error("reading the recording {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A line is not one of a recording.
    #[error("{}:{line}: {message}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Its number, from 1.
        line: usize,
        /// What was expected.
        message: String,
    },
}

/// One line of a recording.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: Option<String>,
    identity: Option<Identity>,
    prompt: Option<String>,
    #[serde(default)]
    sample: u32,
    reply: Option<Reply>,
    scores: Option<Scored>,
    embedding: Option<Embedded>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Reply {
    Text(String),
    Whole(Completion),
}

/// A worker that answers from a recording.
pub struct Replay {
    name: String,
    identity: Identity,
    replies: Answers<Completion>,
    scores: Answers<Scored>,
    embeddings: Answers<Embedded>,
    prompts: Vec<(String, u32)>,
}

/// Answers by key, and by prompt and sample where a line has no key.
struct Answers<T> {
    by_key: HashMap<String, T>,
    by_prompt: HashMap<(String, u32), T>,
}

impl<T> Default for Answers<T> {
    fn default() -> Self {
        Self { by_key: HashMap::new(), by_prompt: HashMap::new() }
    }
}

impl<T: Clone> Answers<T> {
    fn add(&mut self, key: Option<String>, prompt: Option<&str>, sample: u32, answer: T) -> Result<(), &'static str> {
        match (key, prompt) {
            (Some(key), _) => _ = self.by_key.entry(key).or_insert(answer),
            (None, Some(prompt)) => _ = self.by_prompt.entry((prompt.to_owned(), sample)).or_insert(answer),
            (None, None) => return Err("expected a key or a prompt"),
        }
        Ok(())
    }

    fn get(&self, key: &str, prompt: &str, sample: u32) -> Option<T> {
        self.by_key.get(key).or_else(|| self.by_prompt.get(&(prompt.to_owned(), sample))).cloned()
    }
}

impl Replay {
    /// Reads a recording. `identity` is the model whose keys it answers; none for that of the recording's first line
    /// that has one, or, where none has, for a model of its own named by the file's content.
    ///
    /// # Errors
    /// If the file cannot be read, or a line is not JSON, has a field of another name, or lacks key and prompt or reply
    /// and scores.
    pub fn open(name: &str, path: &Path, identity: Option<Identity>) -> Result<Self, RecordingError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| RecordingError::Io { path: path.to_owned(), source })?;
        Self::read(name, &text, identity).map_err(|(line, message)| RecordingError::Line {
            path: path.to_owned(),
            line,
            message,
        })
    }

    fn read(name: &str, text: &str, identity: Option<Identity>) -> Result<Self, (usize, String)> {
        let own = || Identity {
            kind: "replay".to_owned(),
            model: name.to_owned(),
            revision: format!("{:032x}", xxh3_128(text.as_bytes())),
        };
        let mut replay = Self {
            name: name.to_owned(),
            identity: Identity::default(),
            replies: Answers::default(),
            scores: Answers::default(),
            embeddings: Answers::default(),
            prompts: Vec::new(),
        };
        let mut first_identity = None;
        for (at, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            let line: Line = serde_json::from_str(text).map_err(|error| (at + 1, error.to_string()))?;
            first_identity = first_identity.or_else(|| line.identity.clone());
            replay.add(line).map_err(|message| (at + 1, message.to_owned()))?;
        }
        replay.identity = identity.or(first_identity).unwrap_or_else(own);
        Ok(replay)
    }

    fn add(&mut self, line: Line) -> Result<(), &'static str> {
        let Line { key, prompt, sample, reply, scores, embedding, .. } = line;
        match (reply, scores, embedding) {
            (Some(reply), None, None) => {
                let reply = match reply {
                    Reply::Text(text) => by_hand(text),
                    Reply::Whole(reply) => reply,
                };
                self.replies.add(key, prompt.as_deref(), sample, reply)?;
            }
            (None, Some(scores), None) => self.scores.add(key, prompt.as_deref(), 0, scores)?,
            (None, None, Some(embedding)) => self.embeddings.add(key, prompt.as_deref(), 0, embedding)?,
            _ => return Err("expected one of a reply, scores and an embedding"),
        }
        self.prompts.extend(prompt.map(|prompt| (prompt, sample)));
        Ok(())
    }

    /// The failure for a request that is not recorded.
    fn unseen(&self, prompt: &str, sample: u32) -> WorkerError {
        let shown = format!("no reply is recorded for sample {sample} of: {}", cut(prompt, SHOWN_CHARS));
        let message = match nearest(&self.prompts, prompt) {
            None => format!("{shown}\nThe recording holds no prompt."),
            Some((_, (same, of))) if same == prompt => {
                format!("{shown}\nThe same prompt is recorded as sample {of}, or with other parameters.")
            }
            Some((overlap, (near, of))) => {
                let differs = near.chars().zip(prompt.chars()).take_while(|(a, b)| a == b).count();
                format!(
                    "{shown}\nThe nearest recorded (sample {of}, {:.0} % of words shared, differs from character {} on): \
                     {}",
                    overlap * 100.0,
                    differs + 1,
                    cut(near, SHOWN_CHARS)
                )
            }
        };
        WorkerError::new(&self.name, Failure::Unseen, message)
    }
}

fn by_hand(text: String) -> Completion {
    Completion {
        text,
        finish: Finish::Stop,
        prompt_tokens: 0,
        completion_tokens: 0,
        tokens: None,
        model: "recording".to_owned(),
        latency_ms: 0,
        attempts: 1,
        cached: true,
        routed: None,
    }
}

/// The prompt with the largest share of words in common (Jaccard), the first of equals; none of none.
fn nearest<'a>(prompts: &'a [(String, u32)], wanted: &str) -> Option<(f64, &'a (String, u32))> {
    let words = |text: &str| text.split_whitespace().map(|word| xxh3_64(word.as_bytes())).collect::<HashSet<u64>>();
    let wanted_words = words(wanted);
    let mut best: Option<(f64, &(String, u32))> = None;
    for prompt in prompts {
        let these = words(&prompt.0);
        let n_shared = these.intersection(&wanted_words).count();
        let n_all = these.len() + wanted_words.len() - n_shared;
        let overlap = if prompt.0 == wanted { 2.0 } else { n_shared as f64 / n_all.max(1) as f64 };
        if best.is_none_or(|(most, _)| overlap > most) {
            best = Some((overlap, prompt));
        }
    }
    best
}

#[async_trait]
impl Worker for Replay {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        let prompt = request.prompt.plain();
        let reply = self.replies.get(&request.key(&self.identity), &prompt, request.sample);
        reply.map(|reply| Completion { cached: true, ..reply }).ok_or_else(|| self.unseen(&prompt, request.sample))
    }

    async fn score(&self, request: &ScoreRequest) -> Result<Scored, WorkerError> {
        let prompt = score_prompt(request);
        let scored = self.scores.get(&request.key(&self.identity), &prompt, 0);
        scored.map(|scored| Scored { cached: true, ..scored }).ok_or_else(|| self.unseen(&prompt, 0))
    }

    async fn embed(&self, request: &EmbedRequest) -> Result<Embedded, WorkerError> {
        let embedded = self.embeddings.get(&request.key(&self.identity), &request.text, 0);
        embedded.map(|known| Embedded { cached: true, ..known }).ok_or_else(|| self.unseen(&request.text, 0))
    }

    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        let any = !self.replies.by_key.is_empty() || !self.replies.by_prompt.is_empty();
        Ok(Capabilities {
            models: vec![self.identity.model.clone()],
            text: any,
            chat: any,
            score: !self.scores.by_key.is_empty() || !self.scores.by_prompt.is_empty(),
            embeddings: !self.embeddings.by_key.is_empty() || !self.embeddings.by_prompt.is_empty(),
            seed: true,
            ..Capabilities::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::fake::ask;

    fn replay(text: &str) -> Replay {
        Replay::read("r", text, None).unwrap()
    }

    #[tokio::test]
    async fn a_recording_by_hand_answers_prompts_whatever_the_sampling() {
        let by_hand = "{\"prompt\":\"How are you?\",\"reply\":\"Well.\"}\n\n\
                       {\"prompt\":\"How are you?\",\"sample\":1,\"reply\":\"Ill.\"}\n";
        let replay = replay(by_hand);
        assert_eq!(replay.complete(&ask("How are you?", 5)).await.unwrap().text, "Well.");
        let second = ask("How are you?", 900).with_sample(1);
        assert_eq!(replay.complete(&second).await.unwrap().text, "Ill.");
    }

    #[tokio::test]
    async fn an_unseen_request_shows_the_nearest_recorded_one() {
        let replay = replay(
            "{\"prompt\":\"Name a river in France\",\"reply\":\"Loire\"}\n\
             {\"prompt\":\"Add 1 and 2\",\"reply\":\"3\"}\n",
        );
        let error = replay.complete(&ask("Name a river in Spain", 5)).await.unwrap_err();
        assert_eq!(error.failure, Failure::Unseen);
        // 4 of 6 words; "Name a river in " is 16 characters.
        assert!(error.message.contains("67 % of words shared, differs from character 17 on): Name a river in France"));
        let error = replay.complete(&ask("Add 1 and 2", 5).with_sample(3)).await.unwrap_err();
        assert!(error.message.contains("recorded as sample 0"), "{}", error.message);
        let error = Replay::read("r", "", None).unwrap().complete(&ask("", 5)).await.unwrap_err();
        assert!(error.message.contains("holds no prompt"));
    }

    #[test]
    fn a_line_that_is_none_is_named_by_its_number() {
        let bad = |text: &str| Replay::read("r", text, None).err().unwrap();
        assert_eq!(bad("{\"prompt\":\"a\",\"reply\":\"b\"}\n{\"promt\":\"a\",\"reply\":\"b\"}").0, 2);
        assert!(bad("{\"prompt\":\"a\"}").1.contains("reply"));
        assert!(bad("{\"reply\":\"a\"}").1.contains("key or a prompt"));
    }
}
