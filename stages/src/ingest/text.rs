//! `text`: plain text files.
//!
//! A file, a line or a paragraph is a document; nothing is trimmed but line ends. `meta` names the file and the place,
//! since nothing else would. Bytes that are not UTF-8 make a row with `dropped_by`: a guess at the charset would be a
//! silent change.

use std::io::Read;
use std::sync::Arc;

use gristmill_core::error::{Error, Result};
use gristmill_core::params::ParamError;
use gristmill_core::schema::META;
use gristmill_core::source::{Batches, Piece, Shard, Source};
use gristmill_core::stage::{Stage, StageSpec};
use serde::Deserialize;
use serde_json::json;

use super::batch::{Fault, Locator, Row, RowBatches, RowBuilder, RowReader};
use super::lines::{INTACT_FILE, Line, LineNumbers, LineParser, LineReader, MAX_LINE_BYTES, utf8};
use super::{Settings, Shared, files, parse_params};

/// The rule that a document fails whose bytes are not UTF-8, or too many.
const VALID_UTF8: &str = "valid_utf8";

/// Parameters beside those all sources share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    per: Per,
}

/// What a document is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Per {
    #[default]
    File,
    Line,
    Paragraph,
}

/// Builds the stage.
pub(super) fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let (shared, params): (Shared, Params) = parse_params(spec, super::docs::TEXT)?;
    // Only lines know their bounds from anywhere in a file.
    let can_split = if params.per == Per::Line { files::is_plain } else { |_: &std::path::Path| false };
    let settings = Arc::new(Settings::new("text", spec, shared, Vec::new(), can_split)?);
    Ok(Stage::Source(Arc::new(TextSource { settings, per: params.per })))
}

#[derive(Debug)]
struct TextSource {
    settings: Arc<Settings>,
    per: Per,
}

impl Source for TextSource {
    fn schema(&self) -> arrow::datatypes::SchemaRef {
        Arc::clone(&self.settings.schema)
    }
    fn shards(&self) -> &[Shard] {
        &self.settings.shards
    }
    fn open(&self, shard: &Shard, projection: &[usize]) -> Result<Batches> {
        let rows = RowBuilder::new(&self.settings, projection)?;
        Ok(match self.per {
            Per::File => Box::new(RowBatches::new(WholeFiles(shard.pieces.clone().into_iter()), rows)),
            Per::Line => Box::new(RowBatches::new(LineReader::new(shard.pieces.clone(), TextLines), rows)),
            Per::Paragraph => {
                Box::new(RowBatches::new(LineReader::new(shard.pieces.clone(), Paragraphs::default()), rows))
            }
        })
    }
    fn cheap_to_rescan(&self) -> bool {
        true
    }
    fn max_bad_ratio(&self) -> f64 {
        self.settings.max_bad_ratio
    }
    fn bad_rules(&self) -> Vec<&'static str> {
        vec![VALID_UTF8, INTACT_FILE]
    }
}

/// Adds a document, or the fault it is instead.
fn push(text: Result<&str, String>, at: Locator, file: &str, rows: &mut RowBuilder) -> Result<()> {
    let meta = rows.wants(META).then(|| match at {
        Locator::Offset(offset) => json!({ "file": file, "offset": offset }).to_string(),
        _ => json!({ "file": file }).to_string(),
    });
    let (text, fault) = match text {
        Ok(text) => (Some(text), None),
        Err(cause) => (None, Some(Fault::new(VALID_UTF8, cause))),
    };
    rows.push(&Row { text, fault, meta: meta.as_deref(), ..Row::at(at) })
}

/// Each file a document.
struct WholeFiles(std::vec::IntoIter<Piece>);

impl RowReader for WholeFiles {
    fn step(&mut self, rows: &mut RowBuilder) -> Result<bool> {
        let Some(piece) = self.0.next() else { return Ok(false) };
        rows.set_file(files::name(&piece));
        read_file(&piece, rows)?;
        Ok(true)
    }
}

/// Reads a file as one document.
fn read_file(piece: &Piece, rows: &mut RowBuilder) -> Result<()> {
    let mut bytes = Vec::new();
    let limit = MAX_LINE_BYTES as u64 + 1;
    match files::open(&piece.path, 0)?.take(limit).read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) if files::is_world(&error) => return Err(Error::path("reading", &piece.path)(error)),
        Err(error) => {
            let fault = Some(Fault::new(INTACT_FILE, error.to_string()));
            return rows.push(&Row { fault, ..Row::at(Locator::File) });
        }
    }
    let text = if bytes.len() > MAX_LINE_BYTES {
        Err(format!("the file is longer than {MAX_LINE_BYTES} bytes"))
    } else {
        utf8(&bytes).map(|text| text.strip_prefix('\u{feff}').unwrap_or(text))
    };
    push(text, Locator::File, &files::name(piece), rows)
}

struct TextLines;

impl LineParser for TextLines {
    fn line(&mut self, line: Line<'_>, _: &mut LineNumbers, rows: &mut RowBuilder) -> Result<()> {
        if line.text.as_ref().is_ok_and(|text| text.trim().is_empty()) {
            return Ok(());
        }
        let file = rows.file().to_owned();
        push(line.text, Locator::Offset(line.offset), &file, rows)
    }
}

/// Lines up to a blank one.
#[derive(Default)]
struct Paragraphs {
    text: String,
    offset: u64,
    fault: Option<String>,
    is_open: bool,
}

impl LineParser for Paragraphs {
    fn line(&mut self, line: Line<'_>, _: &mut LineNumbers, rows: &mut RowBuilder) -> Result<()> {
        if line.text.as_ref().is_ok_and(|text| text.trim().is_empty()) {
            return self.end_of_file(rows);
        }
        if !self.is_open {
            (self.is_open, self.offset) = (true, line.offset);
        }
        match line.text {
            Ok(text) if self.text.len() + text.len() < MAX_LINE_BYTES => {
                if !self.text.is_empty() {
                    self.text.push('\n');
                }
                self.text.push_str(text);
            }
            Ok(_) => self.fault = Some(format!("the paragraph is longer than {MAX_LINE_BYTES} bytes")),
            Err(cause) => self.fault = Some(cause),
        }
        Ok(())
    }

    fn end_of_file(&mut self, rows: &mut RowBuilder) -> Result<()> {
        if !std::mem::take(&mut self.is_open) {
            return Ok(());
        }
        let file = rows.file().to_owned();
        let text = self.fault.take().map_or(Ok(self.text.as_str()), Err);
        push(text, Locator::Offset(self.offset), &file, rows)?;
        self.text.clear();
        Ok(())
    }
}
