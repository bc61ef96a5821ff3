//! Files and batches: requests that are answered later, as OpenAI's Batch API does.
//!
//! A batch is in progress when it is first asked for, and is answered when it is asked for again: so much patience is
//! asked of every client.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use bytes::Bytes;
use serde_json::{Value, json};

use super::http::{Answer, Request};
use super::refusal::Refusal;
use super::serve::Shared;

const FILES: &str = "/v1/files";
const BATCHES: &str = "/v1/batches";
const CONTENT: &str = "/content";

/// What lies on the server's desk.
#[derive(Debug, Default)]
pub(super) struct Desk {
    files: BTreeMap<String, Bytes>,
    batches: BTreeMap<String, Batch>,
}

#[derive(Debug, Clone)]
struct Batch {
    file: String,
    endpoint: String,
    n_asked: u32,
    /// Whether somebody is answering it.
    is_at_work: bool,
    /// Files of good answers and of refusals, once it is done.
    done: Option<[String; 2]>,
}

/// Whether a path is one of these routes.
pub(super) fn is_of_batches(path: &str) -> bool {
    [FILES, BATCHES].contains(&path)
}

impl Shared {
    /// Answers a request about files or batches; none if it is about something else.
    pub(super) async fn batch_route(&self, request: &Request) -> Option<Answer> {
        let answer = match (request.method.as_str(), request.path.as_str()) {
            ("POST", FILES) => self.take_file(&request.body),
            ("POST", BATCHES) => self.start_batch(&request.body),
            ("GET", BATCHES) => {
                let known: Vec<Value> =
                    self.on_desk(|desk| desk.batches.keys().map(|id| json!({ "id": id })).collect());
                Ok(Answer::json(200, &json!({ "object": "list", "data": known })))
            }
            ("GET", path) if path.starts_with(BATCHES) => self.tell_batch(&path[BATCHES.len() + 1..]).await,
            ("GET", path) if path.starts_with(FILES) && path.ends_with(CONTENT) => {
                let id = &path[FILES.len() + 1..path.len() - CONTENT.len()];
                self.on_desk(|desk| desk.files.get(id).cloned()).map(|lines| content(&lines)).ok_or_else(|| none(id))
            }
            _ => return None,
        };
        Some(answer.unwrap_or_else(|refusal| refusal.answer()))
    }

    fn on_desk<T>(&self, work: impl FnOnce(&mut Desk) -> T) -> T {
        work(&mut self.desk.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take_file(&self, body: &Bytes) -> Result<Answer, Refusal> {
        let file = file_of(body).ok_or_else(|| Refusal::bad_request("The form holds no `file`."))?;
        let n_bytes = file.len();
        let id = self.on_desk(|desk| desk.put(file));
        Ok(Answer::json(200, &json!({ "id": id, "object": "file", "bytes": n_bytes, "purpose": "batch" })))
    }

    fn start_batch(&self, body: &[u8]) -> Result<Answer, Refusal> {
        let asked: Value = serde_json::from_slice(body).map_err(|e| Refusal::bad_request(e.to_string()))?;
        let word = |field: &str| asked[field].as_str().map(str::to_owned);
        let (Some(file), Some(endpoint)) = (word("input_file_id"), word("endpoint")) else {
            return Err(Refusal::bad_request("A batch needs `input_file_id` and `endpoint`."));
        };
        self.on_desk(|desk| {
            if !desk.files.contains_key(&file) {
                return Err(none(&file));
            }
            let id = format!("batch_{}", desk.batches.len());
            let batch = Batch { file, endpoint, n_asked: 0, is_at_work: false, done: None };
            let answer = batch.shown(&id, "validating");
            desk.batches.insert(id, batch);
            Ok(Answer::json(200, &answer))
        })
    }

    async fn tell_batch(&self, id: &str) -> Result<Answer, Refusal> {
        let found = self.on_desk(|desk| {
            let batch = desk.batches.get_mut(id)?;
            batch.n_asked += 1;
            let waits = batch.n_asked == 1 || std::mem::replace(&mut batch.is_at_work, batch.n_asked > 1);
            Some((batch.clone(), waits, desk.files.get(&batch.file).cloned().unwrap_or_default()))
        });
        let Some((mut batch, waits, lines)) = found else { return Err(none(id)) };
        if waits && batch.done.is_none() {
            return Ok(Answer::json(200, &batch.shown(id, "in_progress")));
        }
        if batch.done.is_none() {
            let answers = self.answer_lines(&batch.endpoint, &lines).await?;
            batch.done = Some(self.on_desk(|desk| answers.map(|lines| desk.put(lines.into()))));
            self.on_desk(|desk| desk.batches.insert(id.to_owned(), batch.clone()));
        }
        Ok(Answer::json(200, &batch.shown(id, "completed")))
    }

    /// Good answers, and refusals, a line for each request.
    async fn answer_lines(&self, endpoint: &str, lines: &[u8]) -> Result<[Vec<u8>; 2], Refusal> {
        let mut answers = [Vec::new(), Vec::new()];
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Value = serde_json::from_slice(line).map_err(|e| Refusal::bad_request(e.to_string()))?;
            let request = Request {
                method: "POST".to_owned(),
                path: endpoint.to_owned(),
                key: None,
                keep_alive: true,
                body: line["body"].to_string().into(),
            };
            let answer = self.answer_line(&request).await;
            let body = serde_json::from_slice(&answer.body)
                .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&answer.body).into_owned()));
            let said = json!({
                "id": "batch_req",
                "custom_id": line["custom_id"],
                "response": { "status_code": answer.status, "request_id": "req", "body": body },
                "error": null,
            });
            let to = &mut answers[usize::from(answer.status != 200)];
            to.extend_from_slice(said.to_string().as_bytes());
            to.push(b'\n');
        }
        Ok(answers)
    }
}

impl Desk {
    fn put(&mut self, file: Bytes) -> String {
        let id = format!("file-{}", self.files.len());
        self.files.insert(id.clone(), file);
        id
    }
}

impl Batch {
    fn shown(&self, id: &str, status: &str) -> Value {
        let [good, bad] = self.done.clone().map_or([None, None], |files| files.map(Some));
        json!({
            "id": id,
            "object": "batch",
            "endpoint": self.endpoint,
            "status": status,
            "input_file_id": self.file,
            "output_file_id": good,
            "error_file_id": bad,
        })
    }
}

fn none(id: &str) -> Refusal {
    Refusal::unread(404, &format!("There is no {id}."))
}

fn content(lines: &Bytes) -> Answer {
    Answer { content_type: "application/jsonl", body: lines.to_vec(), ..Answer::json(200, &Value::Null) }
}

/// The part named `file` of a form.
fn file_of(form: &Bytes) -> Option<Bytes> {
    let boundary = form.split(|byte| *byte == b'\r').next().filter(|line| line.starts_with(b"--"))?;
    let mut at = 0;
    while let Some(start) = find(&form[at..], boundary).map(|found| at + found + boundary.len()) {
        let end = start + find(&form[start..], boundary)?;
        let head_end = start + find(&form[start..end], b"\r\n\r\n")? + 4;
        if find(&form[start..head_end], b"name=\"file\"").is_some() {
            return Some(form.slice(head_end..end.saturating_sub(2).max(head_end)));
        }
        at = end;
    }
    None
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
