//! Lines of files, in blocks: what JSON lines and line-wise text share.
//!
//! A block is a run of whole lines. It is checked for UTF-8 as a whole, which is several times faster than line by
//! line; only a block that fails is looked at again. A byte range owns the lines that *start* in it, so any way of
//! cutting a file gives the same lines.

use std::io::Read;
use std::path::PathBuf;

use gristmill_core::error::{Error, Result};
use gristmill_core::source::Piece;

use super::batch::{Fault, Locator, Row, RowBuilder, RowReader};
use super::files;

/// The rule that a row fails which stands for the unreadable rest of a compressed file.
pub(super) const INTACT_FILE: &str = "intact_file";
/// Bytes read at a time.
const BLOCK_BYTES: usize = 512 << 10;
/// Longest line that is held in memory; a longer one is a fault.
pub(super) const MAX_LINE_BYTES: usize = 256 << 20;
/// Lines of a damaged record are counted in files up to this size; beyond it, the byte offset must do.
const COUNTED_FILE_BYTES: u64 = 256 << 20;
/// The mark some editors put before UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A line of a file.
pub(super) struct Line<'a> {
    /// Its bytes as text, without the line end, or what is wrong with them.
    pub(super) text: Result<&'a str, String>,
    /// Byte offset of its start in the (inflated) file.
    pub(super) offset: u64,
}

/// What makes rows of lines.
pub(super) trait LineParser: Send {
    /// Takes the next line.
    fn line(&mut self, line: Line<'_>, lines: &mut LineNumbers, rows: &mut RowBuilder) -> Result<()>;
    /// A file has been read to its end.
    fn end_of_file(&mut self, rows: &mut RowBuilder) -> Result<()> {
        let _ = rows;
        Ok(())
    }
}

/// Reads the files of a shard line by line.
pub(super) struct LineReader<P> {
    pieces: std::vec::IntoIter<Piece>,
    open: Option<(Blocks, LineNumbers)>,
    parser: P,
}

impl<P: LineParser> LineReader<P> {
    /// Reads the pieces one after the other.
    pub(super) fn new(pieces: Vec<Piece>, parser: P) -> Self {
        Self { pieces: pieces.into_iter(), open: None, parser }
    }
}

impl<P: LineParser> RowReader for LineReader<P> {
    /// Reads a block or opens a file.
    fn step(&mut self, rows: &mut RowBuilder) -> Result<bool> {
        let Some((blocks, numbers)) = &mut self.open else {
            let Some(piece) = self.pieces.next() else { return Ok(false) };
            rows.set_file(files::name(&piece));
            self.open = Some((Blocks::open(&piece)?, LineNumbers::of(&piece)));
            return Ok(true);
        };
        let parser = &mut self.parser;
        match blocks.next()? {
            Step::Lines { bytes, offset } => each_line(bytes, offset, |line| parser.line(line, numbers, rows))?,
            Step::TooLong { offset } => {
                let text = Err(format!("the line is longer than {MAX_LINE_BYTES} bytes"));
                parser.line(Line { text, offset }, numbers, rows)?;
            }
            Step::Damaged { offset, cause } => {
                parser.end_of_file(rows)?;
                rows.push(&Row { fault: Some(Fault::new(INTACT_FILE, cause)), ..Row::at(Locator::Offset(offset)) })?;
                self.open = None;
            }
            Step::End => {
                parser.end_of_file(rows)?;
                self.open = None;
            }
        }
        Ok(true)
    }
}

/// Calls `take` with each line of a block.
fn each_line(bytes: &[u8], offset: u64, mut take: impl FnMut(Line<'_>) -> Result<()>) -> Result<()> {
    let whole = utf8(bytes).ok();
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', bytes).chain((bytes.last() != Some(&b'\n')).then_some(bytes.len()));
    for end in ends {
        let stop = if end > start && bytes[end - 1] == b'\r' { end - 1 } else { end };
        let text = match whole {
            Some(text) => Ok(&text[start..stop]),
            None => utf8(&bytes[start..stop]),
        };
        take(Line { text, offset: offset + start as u64 })?;
        start = end + 1;
    }
    Ok(())
}

/// The bytes as text, or where they cease to be.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, String> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| match std::str::from_utf8(bytes) {
        Err(error) => format!("not UTF-8 at byte {}", error.valid_up_to()),
        Ok(_) => "not UTF-8".to_owned(),
    })
}

enum Step<'a> {
    /// Whole lines, from `offset` of the file.
    Lines { bytes: &'a [u8], offset: u64 },
    /// A line too long to hold, passed over.
    TooLong { offset: u64 },
    /// The rest of the file, from `offset`, cannot be read.
    Damaged { offset: u64, cause: String },
    /// The piece is read.
    End,
}

/// Blocks of whole lines of a piece.
struct Blocks {
    path: PathBuf,
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were read.
    filled: usize,
    /// Bytes of the buffer that were handed out.
    used: usize,
    /// Offset of the buffer's first byte.
    offset: u64,
    /// Lines that start here or later belong to others.
    end: u64,
    /// No more bytes will come; the cause if that is not as it should be.
    ended: Option<Option<String>>,
    /// Bytes up to the next line end are to be passed over: the rest of another's line, or of one too long.
    skipping: Skip,
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Skip {
    No,
    OthersLine,
    LongLine { offset: u64 },
}

impl Blocks {
    fn open(piece: &Piece) -> Result<Self> {
        let from = piece.start.saturating_sub(1);
        let is_plain = files::is_plain(&piece.path);
        let mut blocks = Self {
            path: piece.path.clone(),
            reader: files::open(&piece.path, from)?,
            buffer: vec![0; BLOCK_BYTES],
            filled: 0,
            used: 0,
            offset: from,
            end: if is_plain { piece.end } else { u64::MAX },
            ended: None,
            // The byte before the range tells whether a line starts at its first byte.
            skipping: if piece.start > 0 { Skip::OthersLine } else { Skip::No },
        };
        if piece.start == 0 {
            blocks.fill()?;
            if blocks.buffer[..blocks.filled].starts_with(BOM) {
                blocks.used = BOM.len();
                // The first line is ours even if the piece ends within the mark.
                blocks.end = blocks.end.max(BOM.len() as u64 + 1);
            }
        }
        Ok(blocks)
    }

    /// Makes room and reads until the buffer is full or nothing more comes.
    fn fill(&mut self) -> Result<()> {
        self.buffer.copy_within(self.used..self.filled, 0);
        self.offset += self.used as u64;
        self.filled -= self.used;
        self.used = 0;
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        while self.ended.is_none() && self.filled < self.buffer.len() {
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.ended = Some(None),
                Ok(n) => self.filled += n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if files::is_world(&error) => return Err(Error::path("reading", &self.path)(error)),
                Err(error) => self.ended = Some(Some(error.to_string())),
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Step<'_>> {
        loop {
            if self.skipping != Skip::No {
                if let Some(offset) = self.skip()? {
                    return Ok(Step::TooLong { offset });
                }
                continue;
            }
            let at = self.offset + self.used as u64;
            if at >= self.end {
                return Ok(Step::End);
            }
            if let Some(stop) = self.stop() {
                let start = std::mem::replace(&mut self.used, stop);
                return Ok(Step::Lines { bytes: &self.buffer[start..stop], offset: at });
            }
            if let Some(ended) = &self.ended {
                return Ok(match ended {
                    Some(cause) => Step::Damaged { offset: at, cause: cause.clone() },
                    None => Step::End,
                });
            }
            if self.filled - self.used >= MAX_LINE_BYTES {
                self.skipping = Skip::LongLine { offset: at };
                continue;
            }
            self.fill()?;
        }
    }

    /// Where the lines end that can be handed out now.
    fn stop(&self) -> Option<usize> {
        let waiting = &self.buffer[self.used..self.filled];
        let at = self.offset + self.used as u64;
        // The last line that is ours starts before `end`; it ends at the first line end from there on.
        let last = usize::try_from(self.end - at - 1).unwrap_or(usize::MAX);
        if last < waiting.len()
            && let Some(i) = memchr::memchr(b'\n', &waiting[last..])
        {
            return Some(self.used + last + i + 1);
        }
        let ours = &waiting[..waiting.len().min(last)];
        match memchr::memrchr(b'\n', ours) {
            // What follows a sound end of file is a line as well.
            _ if self.ended == Some(None) && !waiting.is_empty() => Some(self.filled),
            Some(i) => Some(self.used + i + 1),
            None => None,
        }
    }

    /// Passes over bytes up to a line end; yields the start of a line that was too long.
    fn skip(&mut self) -> Result<Option<u64>> {
        let found = memchr::memchr(b'\n', &self.buffer[self.used..self.filled]);
        self.used = found.map_or(self.filled, |i| self.used + i + 1);
        if found.is_none() && self.ended.is_none() {
            self.fill()?;
            return Ok(None);
        }
        let skipped = std::mem::replace(&mut self.skipping, Skip::No);
        self.buffer.truncate(self.buffer.len().min(BLOCK_BYTES).max(self.filled));
        self.buffer.shrink_to_fit();
        Ok(match skipped {
            Skip::LongLine { offset } => Some(offset),
            _ => None,
        })
    }
}

/// Tells in which line of its file a byte lies, where that is cheap enough.
pub(super) struct LineNumbers {
    path: PathBuf,
    is_counted: bool,
    counted_bytes: u64,
    counted_lines: u64,
    reader: Option<Box<dyn Read + Send>>,
}

impl LineNumbers {
    fn of(piece: &Piece) -> Self {
        Self {
            path: piece.path.clone(),
            is_counted: piece.file_bytes <= COUNTED_FILE_BYTES,
            counted_bytes: 0,
            counted_lines: 0,
            reader: None,
        }
    }

    /// The line, from 1, of the byte at `offset`; asked in rising order. The file is read a second time, but only up
    /// to the last damaged record.
    pub(super) fn of_byte(&mut self, offset: u64) -> Option<u64> {
        if !self.is_counted {
            return None;
        }
        if self.reader.is_none() {
            self.reader = files::open(&self.path, 0).ok();
        }
        let reader = self.reader.as_mut()?;
        let mut buffer = vec![0; 64 << 10];
        while self.counted_bytes < offset {
            let want = usize::try_from(offset - self.counted_bytes).unwrap_or(usize::MAX).min(buffer.len());
            let n = reader.read(&mut buffer[..want]).ok().filter(|n| *n > 0)?;
            self.counted_bytes += n as u64;
            self.counted_lines += memchr::memchr_iter(b'\n', &buffer[..n]).count() as u64;
        }
        Some(self.counted_lines + 1)
    }
}
