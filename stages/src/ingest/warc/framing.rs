//! Framing: where members and records begin, and how to find the next beginning behind damage.
//!
//! A place where a member or record may begin is judged by the bytes there alone, never by how the reader came to it. So
//! a reader that starts in the middle of a file, in search of the first beginning in its range, and a reader that comes
//! from the front agree on what they see; this is what makes byte ranges add up to the whole.
//!
//! - A member begins where its magic number stands, its header can be read, and its inflated bytes begin with `WARC/`
//!   (after line ends, if any). A member of nothing but line ends, or a skippable zstd frame, is padding.
//! - A record begins at the start of a line `WARC/` digit `.` digits, with another header line below it.

use std::fs::File;
use std::io;

use memchr::memmem;

use super::FaultKind;
use super::members::{Codec, Pull};
use super::window::Window;

/// How many line ends between records are skipped without a word.
const MAX_BLANK_BYTES: usize = 4096;
/// A first line and the first byte of the second are always shorter.
const START_BYTES: usize = 24;

/// What stands at a place where a member should begin.
#[derive(Debug)]
pub(super) enum Opened {
    /// A member with records; its first bytes are inflated.
    Records,
    /// Padding; the place is now behind it.
    Padding,
    /// Nothing that can be read.
    Not(FaultKind, String),
}

/// What stands behind a record's block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum After {
    /// The next record.
    Record,
    /// The end of the member, or of a plain file.
    End,
    /// The member breaks off or is damaged.
    Broken,
    /// Something else; whether at least a blank line comes first, as it should.
    Junk {
        /// The blank line is there.
        terminated: bool,
    },
}

/// How a search for the next record ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// At the beginning of a record.
    Found,
    /// At the limit.
    Limit,
    /// At the end of the member.
    End,
}

/// The inflated bytes of a file, member by member.
pub(super) struct Feed {
    window: Window,
    codec: Codec,
    buffer: Vec<u8>,
    start: usize,
    /// Byte before `start`; a line end at the beginning of a member.
    before: u8,
    /// Place of `start` among the member's inflated bytes; for plain files, in the file.
    at: u64,
    /// Place in the file where the member begins.
    member: u64,
    /// Why the member gives no more bytes.
    end: Option<Pull>,
}

impl Feed {
    /// The bytes of a file; `name` helps where its first bytes do not tell the format.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn new(file: File, name: &str) -> io::Result<Self> {
        let mut window = Window::new(file);
        let codec = Codec::of(&mut window, name)?;
        Ok(Self { window, codec, buffer: Vec::new(), start: 0, before: b'\n', at: 0, member: 0, end: None })
    }

    /// Whether the file is not compressed.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.codec, Codec::Plain)
    }

    /// Inflated bytes not yet used.
    pub(super) fn data(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Place of [`Self::data`] among the member's inflated bytes; for plain files, in the file.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Place in the file of the member being read.
    pub(super) fn member(&self) -> u64 {
        self.member
    }

    /// Place in the file of the first byte not yet inflated.
    pub(super) fn file_pos(&self) -> u64 {
        self.window.pos()
    }

    /// Why the member gives no more bytes, once that is known.
    pub(super) fn end(&self) -> Option<&Pull> {
        self.end.as_ref()
    }

    /// Marks inflated bytes as used.
    pub(super) fn consume(&mut self, n: usize) {
        let n = n.min(self.data().len());
        if let Some(last) = n.checked_sub(1) {
            self.before = self.data()[last];
        }
        self.start += n;
        self.at += n as u64;
    }

    /// Inflates some more; false when the member has ended, in whatever way.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn grow(&mut self) -> io::Result<bool> {
        if self.end.is_some() {
            return Ok(false);
        }
        if self.start > self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let n_before = self.buffer.len();
        let pull = self.codec.pull(&mut self.window, &mut self.buffer)?;
        if pull != Pull::More {
            self.end = Some(pull);
        }
        Ok(self.buffer.len() > n_before || self.end.is_none())
    }

    /// Makes [`Self::data`] at least `n` bytes long; false if the member ends before that.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn need(&mut self, n: usize) -> io::Result<bool> {
        while self.data().len() < n {
            if !self.grow()? && self.end.is_some() {
                return Ok(self.data().len() >= n);
            }
        }
        Ok(true)
    }

    /// Gives back memory that one huge record took.
    pub(super) fn shrink(&mut self, to: usize) {
        if self.buffer.capacity() > to {
            self.buffer.drain(..self.start);
            self.start = 0;
            self.buffer.shrink_to(to);
        }
    }

    fn clear(&mut self, at: u64) {
        self.buffer.clear();
        self.start = 0;
        self.before = b'\n';
        self.at = at;
        self.member = self.window.pos();
        self.end = None;
    }

    /// Begins reading a plain file at a place. The byte before it is read too: a record begins at a line's start.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn start_plain(&mut self, at: u64) -> io::Result<()> {
        let from = at.saturating_sub(1);
        self.window.seek(from)?;
        self.clear(from);
        if at > 0 && self.need(1)? {
            self.consume(1);
        }
        Ok(())
    }

    /// Whether the compressed file ends here.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn at_end_of_file(&mut self) -> io::Result<bool> {
        Ok(!self.window.need(1)?)
    }

    /// Opens the member at the window's place, if there is one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn open_member(&mut self) -> io::Result<Opened> {
        if let Some(n_bytes) = self.codec.skippable(&mut self.window)? {
            let behind = self.window.pos().saturating_add(n_bytes);
            self.window.seek(behind)?;
            return Ok(Opened::Padding);
        }
        self.clear(0);
        let magic = self.codec.magic();
        self.window.need(magic.len())?;
        if !self.window.data().starts_with(magic) {
            let cause = "neither a member nor the end of the file".to_owned();
            return Ok(Opened::Not(FaultKind::Garbage, cause));
        }
        match self.codec.begin(&mut self.window)? {
            Pull::Bad(cause) => return Ok(Opened::Not(FaultKind::BadMember, cause)),
            Pull::Cut => return Ok(cut_in_header()),
            Pull::More | Pull::End => {}
        }
        loop {
            let (n_blank, ended) = (n_line_ends(self.data()), self.end.is_some());
            let rest = &self.data()[n_blank..];
            if rest.starts_with(b"WARC/") {
                return Ok(Opened::Records);
            }
            if rest.len() >= 5 || n_blank > MAX_BLANK_BYTES || ended {
                return Ok(self.no_records(rest.is_empty()));
            }
            self.grow()?;
        }
    }

    fn no_records(&self, blank: bool) -> Opened {
        match &self.end {
            Some(Pull::End) if blank => Opened::Padding,
            Some(Pull::Cut) => cut_in_header(),
            Some(Pull::Bad(cause)) => Opened::Not(FaultKind::BadMember, cause.clone()),
            _ => Opened::Not(FaultKind::BadMember, "the member does not begin with a WARC record".to_owned()),
        }
    }

    /// Goes to the first member with records at or behind `from`; false if there is none before `until`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn find_member(&mut self, from: u64, until: u64) -> io::Result<bool> {
        let magic = memmem::Finder::new(self.codec.magic());
        self.window.seek(from)?;
        while self.window.pos() < until {
            let found = magic.find(self.window.data());
            let Some(n) = found else {
                let n_seen = self.window.data().len().saturating_sub(magic.needle().len() - 1);
                self.window.consume(n_seen);
                if !self.window.fill()? {
                    return Ok(false);
                }
                continue;
            };
            self.window.consume(n);
            let at = self.window.pos();
            if at >= until {
                return Ok(false);
            }
            let opened = self.open_member()?;
            let found = matches!(opened, Opened::Records);
            self.window.seek(if found { at } else { at + 1 })?;
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Skips line ends.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            let n = n_line_ends(self.data());
            self.consume(n);
            if !self.data().is_empty() || !self.need(1)? {
                return Ok(());
            }
        }
    }

    /// Whether a record begins at [`Self::data`].
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn at_record(&mut self) -> io::Result<bool> {
        self.need(START_BYTES)?;
        Ok(self.before == b'\n' && begins_record(self.data()))
    }

    /// What stands behind the next `n` bytes, which have been read. Nothing is used up.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn after(&mut self, n: usize) -> io::Result<After> {
        let mut at = n;
        loop {
            at += n_line_ends(&self.data()[at..]);
            if at - n > MAX_BLANK_BYTES {
                return Ok(After::Junk { terminated: true });
            }
            if self.need(at + 1)? {
                if self.data()[at] != b'\n' && self.data()[at] != b'\r' {
                    break;
                }
            } else {
                let whole = self.end == Some(Pull::End);
                return Ok(if whole { After::End } else { After::Broken });
            }
        }
        self.need(at + START_BYTES)?;
        let data = self.data();
        let before = at.checked_sub(1).map_or(self.before, |i| data[i]);
        if before == b'\n' && begins_record(&data[at..]) {
            return Ok(After::Record);
        }
        let between = &data[n..at];
        let terminated = between.iter().filter(|&&byte| byte == b'\n').count() >= 2;
        Ok(After::Junk { terminated })
    }

    /// Goes to the beginning of the next record, over at most `limit` bytes. What is passed is not kept.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn find_record(&mut self, limit: u64) -> io::Result<Search> {
        let (finder, stop) = (memmem::Finder::new(b"WARC/"), self.at.saturating_add(limit));
        loop {
            let left = stop - self.at;
            let found = finder.find(self.data());
            let n = found.unwrap_or(self.data().len().saturating_sub(4));
            if n as u64 >= left {
                self.consume(left as usize);
                return Ok(Search::Limit);
            }
            self.consume(n);
            if found.is_some() {
                if self.at_record()? {
                    return Ok(Search::Found);
                }
                self.consume(1);
            } else if !self.need(self.data().len() + 1)? {
                let rest = self.data().len() as u64;
                self.consume(rest.min(stop - self.at) as usize);
                return Ok(if rest > 0 && self.at == stop { Search::Limit } else { Search::End });
            }
        }
    }
}

fn cut_in_header() -> Opened {
    Opened::Not(FaultKind::TruncatedMember, "the file ends at the beginning of a member".to_owned())
}

fn n_line_ends(data: &[u8]) -> usize {
    data.iter().take_while(|&&byte| byte == b'\n' || byte == b'\r').count()
}

/// Whether a record's first line and something of its second stand here; all of it, as far as there are bytes.
fn begins_record(data: &[u8]) -> bool {
    let Some(version) = data.strip_prefix(b"WARC/") else { return false };
    let n = version.iter().take_while(|&&byte| byte == b'.' || byte.is_ascii_digit()).count();
    let (version, rest) = version.split_at(n);
    let dotted = matches!(version, [b'0'..=b'9', b'.', ..]) && n <= 6;
    let rest = rest.strip_prefix(b"\r").unwrap_or(rest);
    match rest {
        [] => dotted || (n < 2 && version.iter().all(u8::is_ascii_digit)),
        [b'\n'] => dotted,
        [b'\n', next @ ..] => dotted && next[0].is_ascii_alphabetic() && !next.starts_with(b"WARC/"),
        _ => false,
    }
}
