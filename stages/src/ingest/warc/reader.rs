//! The reader: from one record to the next, whatever lies between.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use super::framing::{After, Feed, Opened, Search};
use super::members::Pull;
use super::page::{KEEP_BYTES, PageMaker, Place};
use super::record::{Head, HeadStatus};
use super::{Entry, Fault, FaultKind, RecordType, WarcOptions};

/// Of a record above the limit, this much of the block is read, for its HTTP head.
const PREFIX_BYTES: usize = 1 << 16;
/// Limit of a search that has none.
const NO_LIMIT: u64 = u64::MAX;

/// Where the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first member or record of its range.
    Start,
    /// Between members of a compressed file.
    Between,
    /// In a member, or in a plain file.
    Inside,
    /// Behind the last.
    Done,
}

/// What the next record is, before anything is decoded.
enum Step {
    /// Damage.
    Fault(Fault),
    /// A whole record: its block is these bytes of the feed.
    Record(Range<usize>),
    /// A record above the limit: the beginning of its block is in `prefix`.
    Prefix,
}

/// Reads the records that begin in a range of a file: see the module's documentation.
///
/// # Example
/// ```text
/// let mut reader = WarcReader::open(Path::new("crawl.warc.gz"), 0..u64::MAX, WarcOptions::default())?;
/// while let Some(entry) = reader.next() {
///     match entry? {
///         Entry::Page(page) => println!("{} {:?}", page.url, page.http_status),
///         Entry::Fault(fault) => println!("{} at {}", fault.kind.name(), fault.offset),
///         Entry::Other(_) => {}
///     }
/// }
/// ```
pub struct WarcReader {
    feed: Feed,
    range: Range<u64>,
    options: WarcOptions,
    state: State,
    head: Head,
    maker: PageMaker,
    prefix: Vec<u8>,
    place: Place,
    /// Bytes of the feed that the last entry was made of.
    used: usize,
    /// Whole records of this member so far.
    n_in_member: u64,
}

impl WarcReader {
    /// A reader of what begins in `range`, in bytes of the file; it may end behind the file's end.
    ///
    /// The packing is told by the file's first bytes; if they are damaged, by its name (`.gz`, `.zst`).
    ///
    /// # Errors
    /// When the file cannot be opened or read.
    pub fn open(path: &Path, range: Range<u64>, options: WarcOptions) -> io::Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self {
            feed: Feed::new(File::open(path)?, &name)?,
            range,
            options,
            state: State::Start,
            head: Head::default(),
            maker: PageMaker::default(),
            prefix: Vec::new(),
            place: Place::default(),
            used: 0,
            n_in_member: 0,
        })
    }

    /// The next entry. Not an `Iterator`: an entry borrows the reader's buffers. After an error there are no more.
    #[expect(clippy::should_implement_trait, reason = "a lending iterator has no trait")]
    pub fn next(&mut self) -> Option<io::Result<Entry<'_>>> {
        let step = match self.advance() {
            Ok(step) => step?,
            Err(error) => {
                self.state = State::Done;
                return Some(Err(error));
            }
        };
        let (block, whole) = match step {
            Step::Fault(fault) => return Some(Ok(Entry::Fault(fault))),
            Step::Record(range) => (&self.feed.data()[range], true),
            Step::Prefix => (self.prefix.as_slice(), false),
        };
        Some(Ok(match self.head.record_type {
            RecordType::Response | RecordType::Resource | RecordType::Conversion => {
                match self.maker.page(&self.head, block, whole, self.place, &self.options) {
                    Ok(page) => Entry::Page(page),
                    Err(fault) => Entry::Fault(fault),
                }
            }
            other => Entry::Other(other),
        }))
    }

    fn advance(&mut self) -> io::Result<Option<Step>> {
        self.feed.consume(self.used);
        self.used = 0;
        self.feed.shrink(KEEP_BYTES);
        loop {
            let step = match self.state {
                State::Start => self.start()?,
                State::Between => self.between()?,
                State::Inside => self.inside()?,
                State::Done => return Ok(None),
            };
            if step.is_some() {
                return Ok(step);
            }
        }
    }

    /// Finds the first beginning in the range. A range that does not start the file passes over what lies before that
    /// without a word: it belongs to the range before.
    fn start(&mut self) -> io::Result<Option<Step>> {
        let from = self.range.start;
        let found = if from >= self.range.end {
            false
        } else if self.feed.is_plain() {
            self.feed.start_plain(from)?;
            from == 0 || self.feed.find_record(self.range.end - from)? == Search::Found
        } else {
            from == 0 || self.feed.find_member(from, self.range.end)?
        };
        self.state = match (found, self.feed.is_plain()) {
            (false, _) => State::Done,
            (true, true) => State::Inside,
            (true, false) => State::Between,
        };
        Ok(None)
    }

    /// At the place where a member should begin.
    fn between(&mut self) -> io::Result<Option<Step>> {
        let at = self.feed.file_pos();
        if self.feed.at_end_of_file()? {
            self.state = State::Done;
            return Ok(None);
        }
        match self.feed.open_member()? {
            Opened::Padding => Ok(None),
            Opened::Records => {
                self.n_in_member = 0;
                self.state = if at < self.range.end { State::Inside } else { State::Done };
                Ok(None)
            }
            Opened::Not(kind, cause) => {
                self.place = Place { offset: at, inner_offset: 0, stored_bytes: None };
                self.resume(at + 1)?;
                Ok(Some(Step::Fault(self.place.fault(kind, None, cause))))
            }
        }
    }

    /// Goes to the next member of the range behind damage.
    fn resume(&mut self, from: u64) -> io::Result<()> {
        let found = self.feed.find_member(from, self.range.end)?;
        self.state = if found { State::Between } else { State::Done };
        Ok(())
    }

    /// At the place where a record should begin.
    fn inside(&mut self) -> io::Result<Option<Step>> {
        self.feed.skip_line_ends()?;
        if self.feed.data().is_empty() {
            return self.end_of_member();
        }
        self.place = self.here();
        if !self.feed.at_record()? {
            let cause = "bytes between records that are no record".to_owned();
            return self.pass_over(FaultKind::Garbage, cause).map(Some);
        }
        if self.feed.is_plain() && self.feed.at() >= self.range.end {
            self.state = State::Done;
            return Ok(None);
        }
        loop {
            match self.head.read(self.feed.data()) {
                HeadStatus::Whole(n) => return self.block(n).map(Some),
                HeadStatus::Partial if self.feed.grow()? => {}
                HeadStatus::Partial => {
                    let cause = "the record's head is cut".to_owned();
                    return self.ends_early(false, cause).map(Some);
                }
                HeadStatus::Bad(cause) => {
                    self.feed.consume(1);
                    return self.pass_over(FaultKind::BadRecord, cause).map(Some);
                }
            }
        }
    }

    /// Goes to the next record behind damage; in a plain file, of the range. If there is none because the member itself is
    /// damaged, that is the fault: one damage, one fault.
    fn pass_over(&mut self, kind: FaultKind, cause: String) -> io::Result<Step> {
        let plain = self.feed.is_plain();
        let limit = if plain { self.range.end.saturating_sub(self.feed.at()) } else { NO_LIMIT };
        match self.feed.find_record(limit)? {
            Search::Found => {}
            Search::Limit => self.state = State::Done,
            Search::End if self.feed.end() != Some(&Pull::End) => return self.broken(false),
            Search::End => {}
        }
        Ok(Step::Fault(self.place.fault(kind, None, cause)))
    }

    fn here(&self) -> Place {
        let (at, member) = (self.feed.at(), self.feed.member());
        if self.feed.is_plain() {
            Place { offset: at, inner_offset: 0, stored_bytes: None }
        } else {
            Place { offset: member, inner_offset: at, stored_bytes: None }
        }
    }

    /// Behind the last record of a member.
    fn end_of_member(&mut self) -> io::Result<Option<Step>> {
        if self.feed.end() == Some(&Pull::End) {
            self.state = if self.feed.is_plain() { State::Done } else { State::Between };
            return Ok(None);
        }
        self.place = self.here();
        self.broken(false).map(Some)
    }

    /// The member is cut or damaged.
    fn broken(&mut self, with_head: bool) -> io::Result<Step> {
        let (kind, cause) = match self.feed.end() {
            Some(Pull::Bad(cause)) => (FaultKind::BadMember, cause.clone()),
            _ => (FaultKind::TruncatedMember, "the file ends within the member".to_owned()),
        };
        self.resume(self.feed.member() + 1)?;
        Ok(Step::Fault(self.place.fault(kind, with_head.then_some(&self.head), cause)))
    }

    /// The member, or a plain file, ends within a record, and no other record begins there.
    fn ends_early(&mut self, with_head: bool, cause: String) -> io::Result<Step> {
        if self.feed.end() != Some(&Pull::End) {
            return self.broken(with_head);
        }
        let kind = if self.feed.is_plain() { FaultKind::TruncatedRecord } else { FaultKind::BadRecord };
        self.feed.consume(self.feed.data().len());
        Ok(Step::Fault(self.place.fault(kind, with_head.then_some(&self.head), cause)))
    }

    /// Behind a record's head of `n_head` bytes.
    fn block(&mut self, n_head: usize) -> io::Result<Step> {
        let n_block = self.head.content_length;
        let n_most = self.options.max_record_bytes.saturating_sub(n_head);
        let Some(n_block) = usize::try_from(n_block).ok().filter(|&n| n <= n_most) else {
            return self.skip(n_head);
        };
        let n_all = n_head + n_block;
        if !self.feed.need(n_all)? {
            return self.lies(n_head);
        }
        match self.feed.after(n_all)? {
            After::Junk { terminated: false } => return self.lies(n_head),
            After::Broken if self.n_in_member == 0 => return self.broken(true),
            // Junk behind the only record may be damage of which the check value would tell: look for it near by.
            After::Junk { .. }
                if self.n_in_member == 0
                    && !self.feed.need(n_all + PREFIX_BYTES)?
                    && self.feed.end() != Some(&Pull::End) =>
            {
                return self.broken(true);
            }
            After::End if !self.feed.is_plain() && self.n_in_member == 0 => {
                self.place.stored_bytes = Some(self.feed.file_pos().saturating_sub(self.feed.member()));
            }
            _ => {}
        }
        if self.feed.is_plain() {
            self.place.stored_bytes = Some(n_all as u64);
        }
        self.used = n_all;
        self.n_in_member += 1;
        Ok(Step::Record(n_head..n_all))
    }

    /// The block does not end where the head says: looks for the next record from the block's beginning on.
    fn lies(&mut self, n_head: usize) -> io::Result<Step> {
        let n_said = self.head.content_length;
        self.feed.consume(n_head);
        let from = self.feed.at();
        // Not to the range's limit: whether the block is followed by a record tells what the damage is.
        let search = self.feed.find_record(NO_LIMIT)?;
        let n_found = self.feed.at() - from;
        if search == Search::Found {
            let cause = format!("Content-Length is {n_said}, but the next record begins after {n_found} bytes");
            return Ok(Step::Fault(self.place.fault(FaultKind::BadRecord, Some(&self.head), cause)));
        }
        let end = if self.feed.is_plain() { "file" } else { "member" };
        self.ends_early(true, format!("Content-Length is {n_said}, but the {end} ends after {n_found} bytes"))
    }

    /// Passes over a block above the limit, and keeps its beginning.
    fn skip(&mut self, n_head: usize) -> io::Result<Step> {
        let n_block = self.head.content_length;
        let n_prefix = PREFIX_BYTES.min(usize::try_from(n_block).unwrap_or(PREFIX_BYTES));
        self.feed.need(n_head.saturating_add(n_prefix))?;
        self.feed.consume(n_head);
        let n_prefix = n_prefix.min(self.feed.data().len());
        self.prefix.clear();
        self.prefix.extend_from_slice(&self.feed.data()[..n_prefix]);
        let from = self.feed.at();
        let search = self.feed.find_record(n_block)?;
        let n_found = self.feed.at() - from;
        match search {
            Search::Limit => {
                self.n_in_member += 1;
                Ok(Step::Prefix)
            }
            Search::Found => {
                let cause = format!("Content-Length is {n_block}, but the next record begins after {n_found} bytes");
                Ok(Step::Fault(self.place.fault(FaultKind::BadRecord, Some(&self.head), cause)))
            }
            Search::End => {
                self.ends_early(true, format!("Content-Length is {n_block}, of which {n_found} bytes are there"))
            }
        }
    }
}
