//! Which batch holds which request, in a file beside the journal: one line of JSON for each batch, synced before the batch
//! is waited for. There are names of requests in it and nothing else.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::pool::locked;

/// The batches of a worker.
pub(super) struct Register {
    path: PathBuf,
    file: Option<Mutex<File>>,
    /// Batches that hold requests which have not been answered from them; later ones win.
    by_request: Mutex<HashMap<String, String>>,
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    batch: String,
    #[serde(borrow)]
    requests: Vec<&'a str>,
}

impl Register {
    /// The register at a path; without one nothing is written down. An unfinished last line is cut off.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, String> {
        let Some(path) = path else {
            return Ok(Self { path: PathBuf::new(), file: None, by_request: Mutex::default() });
        };
        let fail = |error: std::io::Error| format!("the register of batches {}: {error}", path.display());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(fail)?;
        }
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(fail(error)),
        };
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut by_request = HashMap::new();
        for line in text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            // A damaged line is a batch that is not found again: at worst its requests are paid for twice.
            let Ok(line) = serde_json::from_slice::<Line<'_>>(line) else { continue };
            by_request.extend(line.requests.iter().map(|id| ((*id).to_owned(), line.batch.clone())));
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(fail)?;
        file.set_len(whole as u64).map_err(fail)?;
        Ok(Self { path: path.to_owned(), file: Some(Mutex::new(file)), by_request: Mutex::new(by_request) })
    }

    /// The batch that holds a request which was not answered from it.
    pub(super) fn batch_of(&self, request: &str) -> Option<String> {
        locked(&self.by_request).get(request).cloned()
    }

    /// Lets go of a request: what its batch said of it has been told, and asked again it needs another batch.
    pub(super) fn forget(&self, request: &str) {
        locked(&self.by_request).remove(request);
    }

    /// Writes a batch down.
    pub(super) fn add(&self, batch: &str, requests: &[&str]) -> Result<(), String> {
        locked(&self.by_request).extend(requests.iter().map(|id| ((*id).to_owned(), batch.to_owned())));
        let Some(file) = &self.file else { return Ok(()) };
        let fail = |error: std::io::Error| format!("the register of batches {}: {error}", self.path.display());
        let line = Line { batch: batch.to_owned(), requests: requests.to_vec() };
        let mut line = serde_json::to_vec(&line).map_err(|error| fail(error.into()))?;
        line.push(b'\n');
        let mut file = locked(file);
        file.write_all(&line).and_then(|()| file.sync_data()).map_err(fail)
    }
}
