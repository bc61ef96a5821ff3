//! The thread that appends: it takes all that is queued, writes it at once, syncs once, and tells each that it is kept.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use tokio::sync::oneshot;
use zstd::bulk::Compressor;

use super::record::{DICTIONARY, HEADER, Place, place, write};
use super::{JournalError, Shared, segment};

/// Bytes after which a new segment is begun.
const SEGMENT_BYTES: u64 = 256 << 20;

/// Most records and bytes of JSON written before a sync.
const BATCH_RECORDS: usize = 1_024;
const BATCH_BYTES: usize = 16 << 20;

/// Fast, and on records this small as good as more.
const ZSTD_LEVEL: i32 = 3;

/// A record to keep.
pub(crate) struct Append {
    pub(crate) key: u128,
    pub(crate) failure: bool,
    pub(crate) json: Vec<u8>,
    pub(crate) done: oneshot::Sender<Result<(), JournalError>>,
}

/// The segment that is written.
pub(crate) struct Active {
    pub(crate) file: File,
    pub(crate) number: u32,
    pub(crate) bytes: u64,
}

/// Appends until the journal is dropped.
pub(crate) fn run(shared: &Arc<Shared>, queue: &Receiver<Append>, mut active: Option<Active>) {
    let mut compressor = Compressor::with_dictionary(ZSTD_LEVEL, DICTIONARY).map_err(|error| error.to_string());
    while let Ok(first) = queue.recv() {
        let mut bytes = first.json.len();
        let mut batch = vec![first];
        while batch.len() < BATCH_RECORDS && bytes < BATCH_BYTES {
            let Ok(next) = queue.try_recv() else { break };
            bytes += next.json.len();
            batch.push(next);
        }
        let kept = match &mut compressor {
            Ok(compressor) => keep(shared, &mut active, compressor, &batch),
            Err(message) => {
                Err(JournalError::io(&shared.dir, "compressing for", &std::io::Error::other(message.clone())))
            }
        };
        for append in batch {
            // A caller that no longer waits has its record kept all the same.
            let _gone = append.done.send(kept.clone());
        }
    }
}

/// Writes and syncs a batch, then shows it to readers. What is kept already is not written again, but a reply replaces
/// a failure.
fn keep(
    shared: &Shared,
    active: &mut Option<Active>,
    compressor: &mut Compressor<'_>,
    batch: &[Append],
) -> Result<(), JournalError> {
    let mut segment = match active.take().filter(|active| active.bytes < SEGMENT_BYTES) {
        Some(active) => active,
        None => begin(shared)?,
    };
    let mut buffer = Vec::new();
    let mut places: Vec<(u128, Place)> = Vec::new();
    let mut seen = HashSet::new();
    for append in batch {
        let known = shared.place(append.key).is_some_and(|place| append.failure || !place.is_failure());
        if known || !seen.insert((append.key, append.failure)) {
            continue;
        }
        let offset = segment.bytes + buffer.len() as u64;
        let writing =
            |error: std::io::Error| JournalError::io(&segment::path(&shared.dir, segment.number), "writing", &error);
        let body = compressor.compress(&append.json).map_err(writing)?;
        write(&mut buffer, append.key, append.failure, append.json.len(), &body);
        places.extend(
            place(segment.number, offset, HEADER + body.len(), append.failure).map(|place| (append.key, place)),
        );
    }
    if !buffer.is_empty() {
        // After a failed write or sync the segment is left as it is: the next batch begins another, and a later open
        // takes from this one what is whole.
        let file = &mut segment.file;
        file.seek(SeekFrom::Start(segment.bytes))
            .and_then(|_| file.write_all(&buffer))
            .and_then(|()| file.sync_data())
            .map_err(|error| JournalError::io(&segment::path(&shared.dir, segment.number), "writing", &error))?;
        segment.bytes += buffer.len() as u64;
        shared.show(&places);
    }
    *active = Some(segment);
    Ok(())
}

fn begin(shared: &Shared) -> Result<Active, JournalError> {
    let (file, number) = segment::create(&shared.dir)?;
    let reader = file.try_clone().map_err(|error| JournalError::io(&shared.dir, "opening a segment of", &error))?;
    shared.add_segment(number, reader);
    Ok(Active { file, number, bytes: super::record::SEGMENT_MAGIC.len() as u64 })
}
