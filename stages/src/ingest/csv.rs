//! `csv`: comma-separated values with a header line.
//!
//! Every value is text; the mapping is that of `jsonl`, and the other columns go to `meta`. arrow-csv stops at the first
//! record that has too many fields, so the `csv` crate, on which it is built, is used by itself: a record that does
//! not fit the header is a row with `dropped_by`, and the next one is read.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use ::csv::{ByteRecord, Reader, ReaderBuilder};
use gristmill_core::error::{Error, Result};
use gristmill_core::params::ParamError;
use gristmill_core::schema::META;
use gristmill_core::source::{Batches, Piece, Shard, Source};
use gristmill_core::stage::{Stage, StageSpec};
use serde::Deserialize;
use serde_json::json;

use super::batch::{Fault, Locator, Row, RowBatches, RowBuilder, RowReader};
use super::lines::{INTACT_FILE, utf8};
use super::mapping::{Column, Mapping, created_ms, push_key, push_string};
use super::{HAS_TEXT, Settings, Shared, files, parse_params};

/// The rule that a record fails which does not fit the header or is not UTF-8.
const VALID_RECORD: &str = "valid_record";
/// Records read before a batch is looked for.
const STEP_RECORDS: usize = 256;

/// Parameters beside those all sources share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    fields: BTreeMap<String, String>,
    #[serde(default = "super::yes")]
    keep_meta: bool,
    delimiter: Option<char>,
}

/// Builds the stage.
pub(super) fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let (shared, params): (Shared, Params) = parse_params(spec, super::docs::CSV)?;
    let delimiter = match params.delimiter {
        None => None,
        Some(c) => match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() && !b"\"\r\n".contains(&byte) => Some(byte),
            _ => {
                return Err(ParamError::at(
                    "delimiter",
                    format!("{c:?} is no delimiter: expected one ASCII character"),
                ));
            }
        },
    };
    let mapping = Arc::new(Mapping::new(&params.fields, &shared.fixed_columns())?);
    // A quoted line end looks like any other: only the start of a file is surely the start of a record.
    let settings = Arc::new(Settings::new("csv", spec, shared, Vec::new(), |_| false)?);
    Ok(Stage::Source(Arc::new(CsvSource { settings, mapping, keep_meta: params.keep_meta, delimiter })))
}

#[derive(Debug)]
struct CsvSource {
    settings: Arc<Settings>,
    mapping: Arc<Mapping>,
    keep_meta: bool,
    delimiter: Option<u8>,
}

impl Source for CsvSource {
    fn schema(&self) -> arrow::datatypes::SchemaRef {
        Arc::clone(&self.settings.schema)
    }
    fn shards(&self) -> &[Shard] {
        &self.settings.shards
    }
    fn open(&self, shard: &Shard, projection: &[usize]) -> Result<Batches> {
        let rows = RowBuilder::new(&self.settings, projection)?;
        let reader = CsvReader {
            pieces: shard.pieces.clone().into_iter(),
            open: None,
            mapping: Arc::clone(&self.mapping),
            wants_meta: self.keep_meta && rows.wants(META),
            delimiter: self.delimiter,
            record: ByteRecord::new(),
            meta: String::new(),
        };
        Ok(Box::new(RowBatches::new(reader, rows)))
    }
    fn cheap_to_rescan(&self) -> bool {
        true
    }
    fn max_bad_ratio(&self) -> f64 {
        self.settings.max_bad_ratio
    }
    fn bad_rules(&self) -> Vec<&'static str> {
        vec![VALID_RECORD, INTACT_FILE]
    }
}

/// A file being read.
struct OpenFile {
    piece: Piece,
    reader: Reader<Box<dyn Read + Send>>,
    header: Vec<String>,
    /// The column of each of the mapping's fields.
    columns: Vec<Option<usize>>,
    n_rows: u64,
}

struct CsvReader {
    pieces: std::vec::IntoIter<Piece>,
    open: Option<OpenFile>,
    mapping: Arc<Mapping>,
    wants_meta: bool,
    delimiter: Option<u8>,
    record: ByteRecord,
    meta: String,
}

impl RowReader for CsvReader {
    fn step(&mut self, rows: &mut RowBuilder) -> Result<bool> {
        let Some(file) = &mut self.open else {
            let Some(piece) = self.pieces.next() else { return Ok(false) };
            rows.set_file(files::name(&piece));
            self.open = OpenFile::open(piece, self.delimiter, &self.mapping)?;
            return Ok(true);
        };
        for _ in 0..STEP_RECORDS {
            match file.reader.read_byte_record(&mut self.record) {
                Ok(true) => file.n_rows += 1,
                Ok(false) => {
                    self.open = None;
                    break;
                }
                Err(error) => {
                    let fault = damage(error, &file.piece.path)?;
                    let at = Locator::Row(file.n_rows + 1);
                    self.open = None;
                    rows.push(&Row { fault: Some(Fault::new(INTACT_FILE, fault)), ..Row::at(at) })?;
                    break;
                }
            }
            self.meta.clear();
            let meta = self.wants_meta.then_some(&mut self.meta);
            push(file, &self.record, &self.mapping, meta, rows)?;
        }
        Ok(true)
    }
}

impl OpenFile {
    /// Opens a file and reads its header; none for an empty file.
    fn open(piece: Piece, delimiter: Option<u8>, mapping: &Mapping) -> Result<Option<Self>> {
        let mut bytes = BufReader::new(files::open(&piece.path, 0)?);
        let delimiter = delimiter.unwrap_or(if is_tsv(&piece.path) { b'\t' } else { b',' });
        skip_bom(&mut bytes).map_err(Error::path("reading", &piece.path))?;
        let bytes: Box<dyn Read + Send> = Box::new(bytes);
        let mut reader = ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(bytes);
        let bad = |cause: String| Error::Content { doing: "reading the header of", path: piece.path.clone(), cause };
        let mut header = ByteRecord::new();
        if !reader.read_byte_record(&mut header).map_err(|e| bad(e.to_string()))? {
            return Ok(None);
        }
        let header: Vec<String> =
            header.iter().map(|name| utf8(name).map(str::to_owned)).collect::<Result<_, _>>().map_err(bad)?;
        let names: Vec<&str> = header.iter().map(String::as_str).collect();
        if let Some((column, field)) = mapping.missing_from(&names) {
            let cause = format!(
                "there is no column `{field}` to fill `{}`; the columns are `{}`; name one with fields.{}",
                column.name(),
                names.join("`, `"),
                column.name()
            );
            return Err(bad(cause));
        }
        if let Some(twice) = names.iter().enumerate().find_map(|(i, name)| names[..i].contains(name).then_some(name)) {
            return Err(bad(format!("two columns are called `{twice}`")));
        }
        let columns = mapping.fields.iter().map(|field| names.iter().position(|name| name == field)).collect();
        Ok(Some(Self { reader, header, columns, n_rows: 0, piece }))
    }
}

/// Adds the row of a record.
fn push(
    file: &OpenFile,
    record: &ByteRecord,
    mapping: &Mapping,
    meta: Option<&mut String>,
    rows: &mut RowBuilder,
) -> Result<()> {
    let at = Locator::Row(file.n_rows);
    let values: Result<Vec<&str>, String> = record.iter().map(utf8).collect();
    let values = values.and_then(|values| match (values.len(), file.header.len()) {
        (n, wanted) if n == wanted => Ok(values),
        (n, wanted) => Err(format!("{n} fields, where the header has {wanted}")),
    });
    let values = match values {
        Ok(values) => values,
        Err(cause) => return rows.push(&Row { fault: Some(numbered(VALID_RECORD, cause, record)), ..Row::at(at) }),
    };
    // An empty value is no value: CSV knows no null.
    let value = |column| {
        let column = file.columns.get(mapping.field_of(column)?).copied().flatten()?;
        values.get(column).copied().filter(|value| !value.is_empty())
    };
    let date = value(Column::Created);
    let created = date.and_then(created_ms);
    let meta = meta.and_then(|meta| {
        for (i, (name, value)) in file.header.iter().zip(&values).enumerate() {
            let is_unread_date =
                date.is_some() && created.is_none() && mapping.position(name) == mapping.field_of(Column::Created);
            if !value.is_empty() && (is_unread_date || !file.columns.contains(&Some(i))) {
                push_key(meta, name);
                push_string(meta, value);
            }
        }
        (!meta.is_empty()).then(|| {
            meta.push('}');
            meta.as_str()
        })
    });
    let text = value(Column::Text);
    let fault =
        text.is_none().then(|| numbered(HAS_TEXT, format!("the field `{}` is empty", mapping.fields[0]), record));
    rows.push(&Row {
        id: value(Column::Id),
        text,
        url: value(Column::Url),
        source: value(Column::Source),
        created,
        license: value(Column::License),
        meta,
        fault,
        ..Row::at(at)
    })
}

/// A fault with the line of the file in which the record starts.
fn numbered(rule: &'static str, cause: String, record: &ByteRecord) -> Fault {
    let line = record.position().map(|position| ("line", json!(position.line())));
    Fault { more: line.into_iter().collect(), ..Fault::new(rule, cause) }
}

/// What is wrong with the bytes, unless it is the world that is wrong.
fn damage(error: ::csv::Error, path: &Path) -> Result<String> {
    let cause = error.to_string();
    match error.into_kind() {
        ::csv::ErrorKind::Io(io) if files::is_world(&io) => Err(Error::path("reading", path)(io)),
        _ => Ok(cause),
    }
}

fn is_tsv(path: &Path) -> bool {
    let name = if files::is_plain(path) { path } else { Path::new(path.file_stem().unwrap_or_default()) };
    name.extension().is_some_and(|extension| extension == "tsv")
}

fn skip_bom(bytes: &mut BufReader<Box<dyn Read + Send>>) -> std::io::Result<()> {
    use std::io::BufRead;
    if bytes.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
        bytes.consume(3);
    }
    Ok(())
}
