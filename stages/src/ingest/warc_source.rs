//! `warc`: crawl archives become rows; damage becomes ledger rows.
//!
//! Every response, resource and conversion record is a row. Those that no one asked for (another status, another media
//! type) are dropped by `status_200` or `content_html`; those that cannot be read by the name of what is wrong with them.
//! Records that are no documents (warcinfo, request, metadata, revisit) are no rows.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use gristmill_core::error::{Error, Result};
use gristmill_core::params::ParamError;
use gristmill_core::schema::document_id;
use gristmill_core::source::{Batches, Piece, Shard, Source};
use gristmill_core::stage::{Stage, StageSpec};
use serde::Deserialize;
use serde_json::json;

use super::batch::{Fault, Locator, OwnValue, Row, RowBatches, RowBuilder, RowReader};
use super::mapping::created_ms;
use super::warc::{Entry, FaultKind, Page, RecordType, WarcOptions, WarcReader};
use super::{Settings, Shared, files, parse_params};

/// The rule that a page fails whose status was not asked for.
const STATUS: &str = "status_200";
/// The rule that a page fails whose media type was not asked for.
const CONTENT: &str = "content_html";

/// Parameters beside those all sources share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default = "ok")]
    status: Vec<u16>,
    #[serde(default = "html")]
    content_types: Vec<String>,
    #[serde(default = "ten_mib")]
    max_body_bytes: usize,
}

fn ok() -> Vec<u16> {
    WarcOptions::default().statuses
}

fn html() -> Vec<String> {
    WarcOptions::default().media_types
}

fn ten_mib() -> usize {
    WarcOptions::default().max_body_bytes
}

/// Builds the stage.
pub(super) fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let (shared, params): (Shared, Params) = parse_params(spec, super::docs::WARC)?;
    let settings = Arc::new(Settings::new("warc", spec, shared, own_fields(), |_| true)?);
    let options = WarcOptions {
        max_body_bytes: params.max_body_bytes,
        statuses: params.status,
        media_types: params.content_types.iter().map(|name| name.to_ascii_lowercase()).collect(),
        ..WarcOptions::default()
    };
    Ok(Stage::Source(Arc::new(WarcSource { settings, options })))
}

/// Columns that only crawl archives have, in the order of [`own_values`].
fn own_fields() -> Vec<FieldRef> {
    let field = |name: &str, data_type| Arc::new(Field::new(name, data_type, true));
    vec![
        field("warc_file", DataType::Utf8View),
        field("warc_offset", DataType::Int64),
        field("record_id", DataType::Utf8View),
        field("http_status", DataType::Int32),
        field("content_type", DataType::Utf8View),
        field("charset", DataType::Utf8View),
        field("html", DataType::Utf8View),
        field("opt_out", DataType::Utf8View),
    ]
}

#[derive(Debug)]
struct WarcSource {
    settings: Arc<Settings>,
    options: WarcOptions,
}

impl Source for WarcSource {
    fn schema(&self) -> arrow::datatypes::SchemaRef {
        Arc::clone(&self.settings.schema)
    }
    fn shards(&self) -> &[Shard] {
        &self.settings.shards
    }
    fn open(&self, shard: &Shard, projection: &[usize]) -> Result<Batches> {
        let rows = RowBuilder::new(&self.settings, projection)?;
        let reader = Archives {
            pieces: shard.pieces.iter().cloned().collect(),
            open: None,
            options: self.options.clone(),
            wants_html: rows.wants("html"),
        };
        Ok(Box::new(RowBatches::new(reader, rows)))
    }
    fn max_bad_ratio(&self) -> f64 {
        self.settings.max_bad_ratio
    }
    fn bad_rules(&self) -> Vec<&'static str> {
        FaultKind::ALL.iter().map(|kind| kind.name()).collect()
    }
}

/// The archives of a shard, one after the other.
struct Archives {
    pieces: VecDeque<Piece>,
    open: Option<(Piece, WarcReader)>,
    options: WarcOptions,
    wants_html: bool,
}

impl RowReader for Archives {
    fn step(&mut self, rows: &mut RowBuilder) -> Result<bool> {
        let Some((piece, reader)) = &mut self.open else {
            let Some(piece) = self.pieces.pop_front() else { return Ok(false) };
            let reader = WarcReader::open(&piece.path, piece.range(), self.options.clone())
                .map_err(Error::path("opening", &piece.path))?;
            rows.set_file(files::name(&piece));
            self.open = Some((piece, reader));
            return Ok(true);
        };
        match reader.next() {
            None => self.open = None,
            Some(Err(error)) => return Err(Error::path("reading", &piece.path)(error)),
            Some(Ok(Entry::Other(_))) => {}
            Some(Ok(Entry::Fault(fault))) => {
                let file = rows.file().to_owned();
                let id = document_id(&file, &format!("{}+{} {}", fault.offset, fault.inner_offset, fault.kind.name()));
                let url = fault.url;
                let own = [OwnValue::Text(&file), OwnValue::Int(clamp(fault.offset))];
                let what = Fault { rule: fault.kind.name(), cause: fault.cause, more: Vec::new() };
                let at = Locator::Member { offset: fault.offset, inner_offset: fault.inner_offset };
                rows.push(&Row { id: Some(&id), url: url.as_deref(), fault: Some(what), own: &own, ..Row::at(at) })?;
            }
            Some(Ok(Entry::Page(page))) => push_page(&page, &self.options, self.wants_html, rows)?,
        }
        Ok(true)
    }
}

fn push_page(page: &Page<'_>, options: &WarcOptions, wants_html: bool, rows: &mut RowBuilder) -> Result<()> {
    let file = rows.file().to_owned();
    let id = page.record_id.map(|id| id.trim_start_matches("urn:uuid:"));
    let signals: Vec<&str> = page.opt_out.names().collect();
    let opt_out = signals.join(",");
    let own = own_values(page, &file, (!signals.is_empty()).then_some(&opt_out), wants_html);
    rows.push(&Row {
        id,
        text: page.text.as_deref(),
        url: Some(page.url),
        created: page.date.and_then(created_ms),
        fault: unwanted(page, options),
        own: &own,
        ..Row::at(Locator::Member { offset: page.offset, inner_offset: page.inner_offset })
    })
}

/// Why a page that can be read is no document.
fn unwanted(page: &Page<'_>, options: &WarcOptions) -> Option<Fault> {
    if page.record_type == RecordType::Conversion {
        return None;
    }
    if let Some(status) = page.http_status
        && !options.statuses.is_empty()
        && !options.statuses.contains(&status)
    {
        let more = vec![("http_status", json!(status))];
        return Some(Fault { rule: STATUS, cause: format!("the server answered {status}"), more });
    }
    let media_type = page.media_type.as_deref().unwrap_or("");
    if page.html.is_none() {
        let cause = format!("its media type is \"{media_type}\"");
        return Some(Fault { rule: CONTENT, cause, more: vec![("content_type", json!(media_type))] });
    }
    None
}

/// Values of [`own_fields`].
fn own_values<'a>(
    page: &'a Page<'_>,
    file: &'a str,
    opt_out: Option<&'a String>,
    wants_html: bool,
) -> [OwnValue<'a>; 8] {
    let text = |value: Option<&'a str>| value.map_or(OwnValue::Null, OwnValue::Text);
    [
        OwnValue::Text(file),
        OwnValue::Int(clamp(page.offset)),
        text(page.record_id),
        page.http_status.map_or(OwnValue::Null, |status| OwnValue::Int(status.into())),
        text(page.media_type.as_deref()),
        text(page.charset),
        text(page.html.as_deref().filter(|_| wants_html)),
        text(opt_out.map(String::as_str)),
    ]
}

fn clamp(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}
