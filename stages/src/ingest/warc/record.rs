//! The head of a WARC record.
//!
//! Source: WARC 1.1, ISO 28500:2017, sections 4 and 5. Accepted beyond it, because writers of the wild do it: lines that end
//! in a bare LF, continuation lines (allowed by WARC 1.0), angle brackets round the target URI (WARC 1.0 grammar, its
//! examples did without), `Subject-URI` for `WARC-Target-URI` (WARC 0.x). A field given twice counts the first time.

use super::RecordType;
use super::fields::{Fields, clean, head_end, is};

/// A head above this is not believed.
pub(super) const MAX_HEAD_BYTES: usize = 1 << 16;

/// The fields of a record that matter here; strings are empty where a field is absent. Reused from record to record.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// `WARC-Type`.
    pub(super) record_type: RecordType,
    /// `Content-Length`: bytes of the block.
    pub(super) content_length: u64,
    /// `WARC-Target-URI`.
    pub(super) url: String,
    /// `WARC-Record-ID` without angle brackets.
    pub(super) record_id: String,
    /// `WARC-Date` as it stands.
    pub(super) date: String,
    /// `Content-Type` of the block.
    pub(super) content_type: String,
    /// `WARC-Identified-Payload-Type`.
    pub(super) payload_type: String,
    /// `WARC-Truncated`: why the block is incomplete.
    pub(super) truncated: String,
}

/// What reading a head came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeadStatus {
    /// The head ends before this byte.
    Whole(usize),
    /// Its end has not been read yet.
    Partial,
    /// It cannot be used.
    Bad(String),
}

impl Head {
    /// Reads the head that `data` begins with.
    pub(super) fn read(&mut self, data: &[u8]) -> HeadStatus {
        let Some(end) = head_end(data) else {
            let too_long = data.len() > MAX_HEAD_BYTES;
            return if too_long {
                HeadStatus::Bad("the record's head has no end".to_owned())
            } else {
                HeadStatus::Partial
            };
        };
        self.clear();
        let (mut length, mut record_type) = (String::new(), None);
        for (name, value) in Fields::of(&data[..end]) {
            if is(name, "warc-type") {
                record_type = record_type.or(Some(RecordType::of(value)));
            } else if let Some(field) = self.field(name, &mut length)
                && field.is_empty()
            {
                clean(value, field);
            }
        }
        for uri in [&mut self.url, &mut self.record_id] {
            strip_brackets(uri);
        }
        let Some(record_type) = record_type else {
            return HeadStatus::Bad("the record has no WARC-Type".to_owned());
        };
        self.record_type = record_type;
        match length.parse() {
            Ok(n) if length.bytes().all(|byte| byte.is_ascii_digit()) => self.content_length = n,
            _ if length.is_empty() => return HeadStatus::Bad("the record has no Content-Length".to_owned()),
            _ => return HeadStatus::Bad(format!("the record's Content-Length is no number: {length:.40}")),
        }
        HeadStatus::Whole(end)
    }

    fn clear(&mut self) {
        self.record_type = RecordType::Unknown;
        self.content_length = 0;
        for field in [
            &mut self.url,
            &mut self.record_id,
            &mut self.date,
            &mut self.content_type,
            &mut self.payload_type,
            &mut self.truncated,
        ] {
            field.clear();
        }
    }
}

impl Head {
    fn field<'a>(&'a mut self, name: &[u8], length: &'a mut String) -> Option<&'a mut String> {
        let name = name.trim_ascii_end();
        if is(name, "content-length") {
            Some(length)
        } else if is(name, "warc-target-uri") || is(name, "warc-subject-uri") || is(name, "subject-uri") {
            Some(&mut self.url)
        } else if is(name, "warc-record-id") {
            Some(&mut self.record_id)
        } else if is(name, "warc-date") {
            Some(&mut self.date)
        } else if is(name, "content-type") {
            Some(&mut self.content_type)
        } else if is(name, "warc-identified-payload-type") {
            Some(&mut self.payload_type)
        } else if is(name, "warc-truncated") {
            Some(&mut self.truncated)
        } else {
            None
        }
    }
}

impl RecordType {
    fn of(value: &[u8]) -> Self {
        let types = [
            Self::Warcinfo,
            Self::Response,
            Self::Resource,
            Self::Request,
            Self::Metadata,
            Self::Revisit,
            Self::Conversion,
            Self::Continuation,
        ];
        types.into_iter().find(|kind| is(value, kind.name())).unwrap_or_default()
    }
}

/// `<urn:uuid:…>` without the angle brackets, if both are there.
fn strip_brackets(uri: &mut String) {
    if uri.starts_with('<') && uri.ends_with('>') {
        uri.pop();
        uri.remove(0);
    }
}
