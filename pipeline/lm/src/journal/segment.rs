//! The files of a journal: found, locked, read.
//!
//! A segment belongs to the handle that holds its lock (an advisory lock of the file system, gone with the process).
//! Only its owner appends to it or cuts a torn tail off; anyone reads.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::JournalError;
use super::record::{SEGMENT_MAGIC, Scan, scan};

/// The path of a segment.
pub(crate) fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("replies-{number:08}.journal"))
}

/// Numbers of the segments of a folder, in order.
pub(crate) fn numbers(dir: &Path) -> Result<Vec<u32>, JournalError> {
    let listing = std::fs::read_dir(dir).map_err(|error| JournalError::io(dir, "listing", &error))?;
    let mut numbers = Vec::new();
    for file in listing {
        let name = file.map_err(|error| JournalError::io(dir, "listing", &error))?.file_name();
        let number: Option<u32> =
            name.to_str().and_then(|name| name.strip_prefix("replies-")?.strip_suffix(".journal")?.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Opens a segment; with its lock if it is wanted and free.
pub(crate) fn open(dir: &Path, number: u32, lock: bool) -> Result<(File, bool), JournalError> {
    let path = path(dir, number);
    let file = OpenOptions::new()
        .read(true)
        .write(lock)
        .open(&path)
        .map_err(|error| JournalError::io(&path, "opening", &error))?;
    let owned = lock && file.try_lock().is_ok();
    Ok((file, owned))
}

/// A new segment, locked, numbered after all others.
pub(crate) fn create(dir: &Path) -> Result<(File, u32), JournalError> {
    let mut number = numbers(dir)?.last().map_or(1, |last| last.saturating_add(1));
    loop {
        let path = path(dir, number);
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            // Another handle may lock it between the two calls: then it is the other's.
            Ok(mut file) if file.try_lock().is_ok() => {
                file.write_all(SEGMENT_MAGIC)
                    .and_then(|()| file.sync_all())
                    .and_then(|()| sync_folder(dir))
                    .map_err(|error| JournalError::io(&path, "creating", &error))?;
                return Ok((file, number));
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(JournalError::io(&path, "creating", &error)),
        }
        let Some(next) = number.checked_add(1) else {
            return Err(JournalError::io(&path, "creating", &std::io::Error::other("no number left")));
        };
        number = next;
    }
}

/// The records of a segment.
pub(crate) fn records(file: &File, dir: &Path, number: u32) -> Result<Scan, JournalError> {
    let reading = |error: std::io::Error| JournalError::io(&path(dir, number), "reading", &error);
    let n_bytes = file.metadata().map_err(reading)?.len();
    let mut bytes = vec![0; usize::try_from(n_bytes).unwrap_or(usize::MAX)];
    read_at(file, 0, &mut bytes).map_err(reading)?;
    match bytes.strip_prefix(SEGMENT_MAGIC.as_slice()) {
        Some(body) => Ok(scan(body, number, SEGMENT_MAGIC.len() as u64)),
        // A crash while it was created.
        None if SEGMENT_MAGIC.starts_with(&bytes) => Ok(Scan { torn_bytes: n_bytes, ..Scan::default() }),
        None => Err(JournalError::Foreign { path: path(dir, number) }),
    }
}

/// Cuts off what follows the last good record, and makes good a header that was torn.
pub(crate) fn mend(file: &mut File, dir: &Path, number: u32, found: &Scan) -> Result<u64, JournalError> {
    let mending = |error: std::io::Error| JournalError::io(&path(dir, number), "cutting the torn tail of", &error);
    if found.good_bytes > 0 {
        if found.torn_bytes > 0 {
            file.set_len(found.good_bytes).and_then(|()| file.sync_all()).map_err(mending)?;
        }
        return Ok(found.good_bytes);
    }
    file.set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| file.write_all(SEGMENT_MAGIC))
        .and_then(|()| file.sync_all())
        .map_err(mending)?;
    Ok(SEGMENT_MAGIC.len() as u64)
}

/// Reads so many bytes at an offset, without moving anyone's position.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, offset: u64, bytes: &mut [u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

/// Reads so many bytes at an offset.
#[cfg(windows)]
pub(crate) fn read_at(file: &File, mut offset: u64, mut bytes: &mut [u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, offset)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => {
                bytes = &mut bytes[n..];
                offset += n as u64;
            }
        }
    }
    Ok(())
}

#[cfg(unix)]
fn sync_folder(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(windows)]
fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}
