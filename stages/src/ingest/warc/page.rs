//! From a record's block to a page.

use std::borrow::Cow;

use super::body::Decoders;
use super::charset::{Decoded, decode};
use super::fields::head_end;
use super::http::HttpHead;
use super::record::Head;
use super::{Fault, FaultKind, OptOut, Page, RecordType, WarcOptions};

/// Buffers above this are given back before the next record.
pub(super) const KEEP_BYTES: usize = 4 << 20;

/// Where a record stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// As [`Page::offset`].
    pub(super) offset: u64,
    /// As [`Page::inner_offset`].
    pub(super) inner_offset: u64,
    /// As [`Page::stored_bytes`].
    pub(super) stored_bytes: Option<u64>,
}

impl Place {
    /// A fault here.
    pub(super) fn fault(self, kind: FaultKind, head: Option<&Head>, cause: String) -> Fault {
        let known = |value: &String| (!value.is_empty()).then(|| value.clone());
        Fault {
            kind,
            offset: self.offset,
            inner_offset: self.inner_offset,
            url: head.and_then(|head| known(&head.url)),
            record_id: head.and_then(|head| known(&head.record_id)),
            cause,
        }
    }
}

/// What making pages needs, reused from record to record.
#[derive(Default)]
pub(super) struct PageMaker {
    http: HttpHead,
    decoders: Decoders,
}

impl PageMaker {
    /// The page in a record's block; `whole` is false if only the block's beginning is there.
    ///
    /// # Errors
    /// When the block cannot be decoded; or is not whole though its body is wanted.
    pub(super) fn page<'a>(
        &'a mut self,
        head: &'a Head,
        block: &'a [u8],
        whole: bool,
        place: Place,
        options: &WarcOptions,
    ) -> Result<Page<'a>, Fault> {
        self.decoders.shrink(KEEP_BYTES);
        let fault = |kind, cause| place.fault(kind, Some(head), cause);
        self.http.clear();
        let mut raw = block;
        if has_http_head(head, block) {
            let end = head_end(block).unwrap_or(block.len());
            self.http.read(&block[..end]).map_err(|cause| fault(FaultKind::BadHttp, cause))?;
            raw = &block[end..];
        }
        let Self { http, decoders } = self;
        let http = &*http;
        let url = if head.url.is_empty() && http.location.contains("://") { &http.location } else { &head.url };
        if url.is_empty() {
            return Err(fault(FaultKind::BadRecord, "the record has no WARC-Target-URI".to_owned()));
        }
        let content_type = if http.status.is_some() { &http.content_type } else { &head.content_type };
        let mut page = undecoded(head, http, url, content_type, place);
        if !is_wanted(&page, options) {
            return Ok(page);
        }
        if !whole {
            let (n, limit) = (head.content_length, options.max_record_bytes);
            return Err(fault(FaultKind::OversizedRecord, format!("the record has {n} bytes, the limit is {limit}")));
        }
        let partial = page.truncated.is_some();
        let body =
            http.body(raw, decoders, options.max_body_bytes, partial).map_err(|(kind, cause)| fault(kind, cause))?;
        let is_text = head.record_type == RecordType::Conversion;
        let Decoded { text, charset, had_errors } =
            decode(body, content_type, !is_text, url).map_err(|cause| fault(FaultKind::BadCharset, cause))?;
        (page.charset, page.had_charset_errors) = (Some(charset), had_errors);
        if is_text {
            page.text = Some(text);
        } else {
            page.opt_out.add_page(&text);
            page.html = Some(text);
        }
        Ok(page)
    }
}

/// A page with what its heads say.
fn undecoded<'a>(head: &'a Head, http: &'a HttpHead, url: &'a str, content_type: &'a str, place: Place) -> Page<'a> {
    let mut opt_out = OptOut::default();
    opt_out.add_header(&http.x_robots_tag, &http.tdm_reservation);
    Page {
        record_type: head.record_type,
        record_id: known(&head.record_id),
        url,
        date: known(&head.date),
        offset: place.offset,
        inner_offset: place.inner_offset,
        stored_bytes: place.stored_bytes,
        http_status: http.status,
        media_type: media_type(content_type).or_else(|| media_type(&head.payload_type)),
        charset: None,
        had_charset_errors: false,
        html: None,
        text: None,
        truncated: known(&head.truncated),
        x_robots_tag: known(&http.x_robots_tag),
        opt_out,
    }
}

/// Whether the body is to be decoded.
fn is_wanted(page: &Page<'_>, options: &WarcOptions) -> bool {
    if page.record_type == RecordType::Conversion {
        return true;
    }
    let status = options.statuses.is_empty() || page.http_status.is_none_or(|code| options.statuses.contains(&code));
    let media_type = page.media_type.as_deref().unwrap_or_default();
    status && (options.media_types.is_empty() || options.media_types.iter().any(|wanted| wanted == media_type))
}

/// Responses have one, but for those of other protocols (DNS), which say so.
fn has_http_head(head: &Head, block: &[u8]) -> bool {
    let http = head.content_type.get(..16).is_some_and(|start| start.eq_ignore_ascii_case("application/http"));
    head.record_type == RecordType::Response && (http || head.content_type.is_empty() || block.starts_with(b"HTTP/"))
}

fn known(value: &str) -> Option<&str> {
    (!value.is_empty()).then_some(value)
}

/// `Text/HTML; charset=utf-8` as `text/html`.
fn media_type(content_type: &str) -> Option<Cow<'_, str>> {
    let name = content_type.split([';', ',']).next().unwrap_or_default().trim();
    known(name).map(|name| {
        let upper = name.bytes().any(|byte| byte.is_ascii_uppercase());
        if upper { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) }
    })
}
