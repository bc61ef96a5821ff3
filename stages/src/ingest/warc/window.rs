//! A moving window over a file: what has been read and not yet used, and a way back.
//!
//! Framing looks ahead (is a member's header whole?) and goes back (a member was damaged: search from its second
//! byte). A `BufReader` does the first only within what it happens to hold, and drops it for the second. The window never
//! holds more than [`WINDOW_BYTES`].

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

/// Bytes held at most: enough that a member of usual size lies in one piece.
pub(super) const WINDOW_BYTES: usize = 1 << 18;

/// A file and the part of it in memory.
#[derive(Debug)]
pub(super) struct Window {
    file: File,
    buffer: Vec<u8>,
    /// Place in the file of the buffer's first byte.
    base: u64,
    start: usize,
    end: usize,
}

impl Window {
    /// A window at the file's first byte.
    pub(super) fn new(file: File) -> Self {
        Self { file, buffer: vec![0; WINDOW_BYTES], base: 0, start: 0, end: 0 }
    }

    /// Place in the file of the first unused byte.
    pub(super) fn pos(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Unused bytes in memory.
    pub(super) fn data(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Marks `n` bytes as used.
    pub(super) fn consume(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
    }

    /// Reads more behind [`Self::data`]; false at the end of the file, or if the window is full.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        if self.start == self.end {
            self.base += self.start as u64;
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.base += self.start as u64;
            self.end -= self.start;
            self.start = 0;
        }
        loop {
            match self.file.read(&mut self.buffer[self.end..]) {
                Ok(n) => {
                    self.end += n;
                    return Ok(n > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes [`Self::data`] at least `n` bytes long; false if the file ends before that.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn need(&mut self, n: usize) -> io::Result<bool> {
        while self.data().len() < n {
            if !self.fill()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Moves to a place in the file; no read if it is in memory.
    ///
    /// # Errors
    /// When the file cannot be moved in.
    pub(super) fn seek(&mut self, to: u64) -> io::Result<()> {
        if to >= self.base && to <= self.base + self.end as u64 {
            self.start = (to - self.base) as usize;
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(to))?;
        self.base = to;
        (self.start, self.end) = (0, 0);
        Ok(())
    }
}
