//! Every reply that was paid for, kept before it is used: a rerun answers from here.
//!
//! A folder of append-only segments of checksummed records, an index in memory, one thread that writes. A reply counts
//! as kept once it is synced; the thread syncs whatever has queued meanwhile in one go, so that the cost of a sync is
//! shared by all that wait for it. A process killed at any instant loses at most what was in flight; a torn tail is cut
//! off at the next open. Several handles may have the folder open: each writes a segment of its own.
//!
//! It keeps replies, scores, and failures that the same request would meet again (context length, bad request); never
//! 429, 5xx or timeouts, and never a credential: requests hold none.

pub mod entry;
mod journaled;
mod record;
pub mod recorder;
pub mod replay;
mod segment;
#[cfg(test)]
pub(crate) mod tests;
mod writer;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use thiserror::Error;
use tokio::sync::oneshot;
use zstd::bulk::Decompressor;

use crate::pool::locked;
use entry::OutcomeOnly;
pub use entry::{Endpoint, Entry, Outcome, Request};
pub use journaled::{Journaled, Keeper};
pub(crate) use record::key_number;
use record::{DICTIONARY, Place};
pub use recorder::Recorder;
pub use replay::Replay;
use writer::{Active, Append};

/// Why the journal cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JournalError {
    /// The file system said no.
    #[error("{doing} {}: {message}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What we were doing.
        doing: &'static str,
        /// The system's words.
        message: String,
    },
    /// A record has changed since it was written.
    #[error("{}: the record at byte {offset} is damaged; the next open passes it over", path.display())]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where the record begins.
        offset: u32,
    },
    /// A file of this name is no segment of a journal, or one of a later version.
    #[error("{}: not a segment of a journal that this version reads", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
}

impl JournalError {
    fn io(path: &Path, doing: &'static str, error: &std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), doing, message: error.to_string() }
    }
}

/// What was found at open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// Bytes of torn tails: records that were being written when a process was killed, or another handle's still.
    pub torn_bytes: u64,
    /// Bytes between good records that are none: damage.
    pub damaged_bytes: u64,
}

/// A journal, open.
pub struct Journal {
    shared: Arc<Shared>,
    queue: Option<Sender<Append>>,
    thread: Option<JoinHandle<()>>,
    found: Found,
}

/// What callers and the writing thread share.
pub(crate) struct Shared {
    dir: PathBuf,
    index: RwLock<Index>,
    decompressor: Mutex<Decompressor<'static>>,
}

#[derive(Default)]
struct Index {
    places: HashMap<u128, Place>,
    segments: BTreeMap<u32, Arc<File>>,
}

impl Journal {
    /// Opens the journal in a folder, making the folder if need be. Reads all segments once: about a second per GB.
    ///
    /// # Errors
    /// If the folder or a segment cannot be read, or a file with a segment's name is none.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let dir = dir.into();
        std::fs::create_dir_all(&dir).map_err(|error| JournalError::io(&dir, "making", &error))?;
        let shared = Arc::new(Shared::new(dir)?);
        let mut found = Found::default();
        let active = shared.load(&mut found, true)?;
        let (queue, receiver) = channel();
        let thread = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("journal".to_owned())
                .spawn(move || writer::run(&shared, &receiver, active))
                .map_err(|error| JournalError::io(Path::new("journal"), "starting the thread of", &error))?
        };
        Ok(Self { shared, queue: Some(queue), thread: Some(thread), found })
    }

    /// Opens the journal in a folder for reading only: nothing in the folder changes, and nothing can be kept.
    ///
    /// # Errors
    /// As for [`Journal::open`]; also if there is no such folder.
    pub fn read(dir: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let shared = Arc::new(Shared::new(dir.into())?);
        let mut found = Found::default();
        shared.load(&mut found, false)?;
        Ok(Self { shared, queue: None, thread: None, found })
    }

    /// What was damaged or torn at open.
    pub fn found(&self) -> Found {
        self.found
    }

    /// Number of requests with an outcome.
    pub fn n_entries(&self) -> usize {
        self.shared.read_index(|index| index.places.len())
    }

    /// Whether the request with this key has an outcome.
    pub fn contains(&self, key: &str) -> bool {
        self.shared.place(key_number(key)).is_some()
    }

    /// What came of the request with this key, if it is kept.
    ///
    /// # Errors
    /// If its record cannot be read or is damaged.
    pub fn get(&self, key: &str) -> Result<Option<Outcome>, JournalError> {
        let Some(place) = self.shared.place(key_number(key)) else { return Ok(None) };
        let json = self.shared.json(place)?;
        let outcome = serde_json::from_slice::<OutcomeOnly>(&json).ok().and_then(OutcomeOnly::outcome);
        outcome.map(Some).ok_or_else(|| self.shared.damaged(place))
    }

    /// Keeps an exchange; resolves once it is synced. A request that has an outcome keeps it, but a reply replaces a
    /// failure.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        let failed = |error: std::io::Error| JournalError::io(&self.shared.dir, "writing", &error);
        let json = serde_json::to_vec(entry).map_err(|error| failed(error.into()))?;
        if json.len() > record::MAX_BYTES {
            return Err(failed(std::io::Error::other("a record of more than 256 MiB")));
        }
        let (done, kept) = oneshot::channel();
        let failure = matches!(entry.outcome, Outcome::Failure(_));
        let append = Append { key: key_number(&entry.key), failure, json, done };
        let gone = || failed(std::io::Error::other("it is open for reading only, or its thread has ended"));
        self.queue.as_ref().and_then(|queue| queue.send(append).ok()).ok_or_else(gone)?;
        kept.await.map_err(|_| gone())?
    }

    /// All entries in the order they were written, segment by segment; those written meanwhile are left out.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry, JournalError>> + Send + use<> {
        let mut places: Vec<Place> = self.shared.read_index(|index| index.places.values().copied().collect());
        places.sort_unstable();
        let shared = Arc::clone(&self.shared);
        places
            .into_iter()
            .map(move |place| serde_json::from_slice(&shared.json(place)?).map_err(|_| shared.damaged(place)))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has kept nothing more; there is no one left to tell.
            let _ended = thread.join();
        }
    }
}

impl Shared {
    fn new(dir: PathBuf) -> Result<Self, JournalError> {
        let decompressor = Decompressor::with_dictionary(DICTIONARY)
            .map_err(|error| JournalError::io(&dir, "decompressing", &error))?;
        Ok(Self { dir, index: RwLock::default(), decompressor: Mutex::new(decompressor) })
    }

    /// Reads all segments. Who means to write gets the last if no other handle has it.
    fn load(&self, found: &mut Found, to_write: bool) -> Result<Option<Active>, JournalError> {
        let numbers = segment::numbers(&self.dir)?;
        let mut active = None;
        for (at, &number) in numbers.iter().enumerate() {
            let (mut file, ours) = segment::open(&self.dir, number, to_write && at + 1 == numbers.len())?;
            let scan = segment::records(&file, &self.dir, number)?;
            found.torn_bytes += scan.torn_bytes;
            found.damaged_bytes += scan.damaged_bytes;
            let reader =
                file.try_clone().map_err(|error| JournalError::io(&self.dir, "opening a segment of", &error))?;
            self.add_segment(number, reader);
            self.show(&scan.places);
            if ours {
                let bytes = segment::mend(&mut file, &self.dir, number, &scan)?;
                active = Some(Active { file, number, bytes });
            }
        }
        Ok(active)
    }

    fn add_segment(&self, number: u32, file: File) {
        self.write_index(|index| index.segments.insert(number, Arc::new(file)));
    }

    /// Puts records into the index: the first of a key stays, but a reply replaces a failure.
    fn show(&self, places: &[(u128, Place)]) {
        self.write_index(|index| {
            for &(key, place) in places {
                let kept = index.places.entry(key).or_insert(place);
                if kept.is_failure() && !place.is_failure() {
                    *kept = place;
                }
            }
        });
    }

    fn place(&self, key: u128) -> Option<Place> {
        self.read_index(|index| index.places.get(&key).copied())
    }

    fn json(&self, place: Place) -> Result<Vec<u8>, JournalError> {
        let Some(file) = self.read_index(|index| index.segments.get(&place.segment).map(Arc::clone)) else {
            return Err(self.damaged(place));
        };
        let mut bytes = vec![0; place.bytes()];
        segment::read_at(&file, u64::from(place.offset), &mut bytes)
            .map_err(|error| JournalError::io(&segment::path(&self.dir, place.segment), "reading", &error))?;
        let record = record::read(&bytes).ok_or_else(|| self.damaged(place))?;
        let json = locked(&self.decompressor).decompress(record.body, record.json_bytes);
        json.map_err(|_| self.damaged(place))
    }

    fn damaged(&self, place: Place) -> JournalError {
        JournalError::Damaged { path: segment::path(&self.dir, place.segment), offset: place.offset }
    }

    fn read_index<T>(&self, read: impl FnOnce(&Index) -> T) -> T {
        read(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write_index<T>(&self, write: impl FnOnce(&mut Index) -> T) -> T {
        write(&mut self.index.write().unwrap_or_else(PoisonError::into_inner))
    }
}
