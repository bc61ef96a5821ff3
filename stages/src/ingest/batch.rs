//! Rows into batches, for sources that make their rows one by one.
//!
//! Only the columns a reader asked for are built: a pass over ids alone never copies a text. A batch is handed on when
//! it has [`BATCH_ROWS`] rows or [`BATCH_BYTES`] bytes, so one long document does not hold a thousand others back.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, Int32Builder, Int64Builder, StringViewBuilder, TimestampMillisecondBuilder,
};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use gristmill_core::error::Result;
use gristmill_core::schema::{
    CREATED, DROPPED_BY, EVIDENCE, ID, LICENSE, META, SOURCE, TEXT, URL, document_id, fill_columns,
};
use gristmill_core::source::{BATCH_BYTES, BATCH_ROWS};
use serde_json::{Value, json};

use super::Settings;

/// Where in its file a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locator {
    /// At a byte.
    Offset(u64),
    /// At a byte of what a compressed member, itself at a byte, inflates to; 0 where the member is the record's own.
    Member {
        /// Of the member in the file.
        offset: u64,
        /// Within the member.
        inner_offset: u64,
    },
    /// In a row, counted from 1.
    Row(u64),
    /// The file is the document.
    File,
}

impl Locator {
    /// The identifier of a document at this place of `file`.
    pub(super) fn id(self, file: &str) -> String {
        match self {
            Self::Offset(offset) => document_id(file, &offset.to_string()),
            Self::Member { offset, inner_offset } => document_id(file, &format!("{offset}+{inner_offset}")),
            Self::Row(row) => document_id(file, &format!("row {row}")),
            Self::File => document_id(file, ""),
        }
    }
}

/// Why a row's journey ends where it begins.
#[derive(Debug)]
pub(super) struct Fault {
    /// Rule, without the stage's name.
    pub(super) rule: &'static str,
    /// What is wrong, for people.
    pub(super) cause: String,
    /// More members of the evidence.
    pub(super) more: Vec<(&'static str, Value)>,
}

impl Fault {
    /// A fault with nothing to add to its cause.
    pub(super) fn new(rule: &'static str, cause: impl Into<String>) -> Self {
        Self { rule, cause: cause.into(), more: Vec::new() }
    }

    fn evidence(&self, file: &str, at: Locator) -> String {
        let mut evidence = json!({ "file": file });
        match at {
            Locator::Offset(offset) => evidence["offset"] = json!(offset),
            Locator::Member { offset, inner_offset } => {
                evidence["offset"] = json!(offset);
                evidence["inner_offset"] = json!(inner_offset);
            }
            Locator::Row(row) => evidence["row"] = json!(row),
            Locator::File => {}
        }
        for (name, value) in &self.more {
            evidence[*name] = value.clone();
        }
        evidence["cause"] = json!(self.cause);
        evidence.to_string()
    }
}

/// A value of a column that only one kind of source has.
#[derive(Debug, Clone, Copy)]
pub(super) enum OwnValue<'a> {
    /// Null for every type.
    Null,
    /// For text columns.
    Text(&'a str),
    /// For Int32 and Int64 columns; out of range becomes null.
    Int(i64),
}

/// One document on its way into a batch.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// Where it stands.
    pub(super) at: Locator,
    /// Its own identifier; made from file and place if there is none.
    pub(super) id: Option<&'a str>,
    /// The text.
    pub(super) text: Option<&'a str>,
    /// Where it came from.
    pub(super) url: Option<&'a str>,
    /// The collection; the stage's setting if the data do not say.
    pub(super) source: Option<&'a str>,
    /// Milliseconds since 1970.
    pub(super) created: Option<i64>,
    /// The licence; the stage's setting if the data do not say.
    pub(super) license: Option<&'a str>,
    /// JSON text.
    pub(super) meta: Option<&'a str>,
    /// Why it is dropped at once.
    pub(super) fault: Option<Fault>,
    /// Values of the kind's own columns, in order; missing ones are null.
    pub(super) own: &'a [OwnValue<'a>],
}

impl Row<'_> {
    /// A row of which nothing is known but its place.
    pub(super) fn at(at: Locator) -> Self {
        Self {
            at,
            id: None,
            text: None,
            url: None,
            source: None,
            created: None,
            license: None,
            meta: None,
            fault: None,
            own: &[],
        }
    }
}

/// Columns of text, by position in [`RowBuilder::texts`].
const TEXTS: [&str; 8] = [ID, TEXT, URL, SOURCE, LICENSE, META, DROPPED_BY, EVIDENCE];

enum OwnBuilder {
    Text(StringViewBuilder),
    Int64(Int64Builder),
    Int32(Int32Builder),
    /// Nobody asked for it.
    Unwanted,
}

impl OwnBuilder {
    fn push(&mut self, value: OwnValue<'_>) -> usize {
        match (self, value) {
            (Self::Text(builder), OwnValue::Text(text)) => {
                builder.append_value(text);
                return text.len();
            }
            (Self::Text(builder), _) => builder.append_null(),
            (Self::Int64(builder), OwnValue::Int(n)) => builder.append_value(n),
            (Self::Int64(builder), _) => builder.append_null(),
            (Self::Int32(builder), OwnValue::Int(n)) => builder.append_option(i32::try_from(n).ok()),
            (Self::Int32(builder), _) => builder.append_null(),
            (Self::Unwanted, _) => {}
        }
        0
    }

    fn finish(&mut self) -> Option<ArrayRef> {
        match self {
            Self::Text(builder) => Some(ArrayBuilder::finish(builder)),
            Self::Int64(builder) => Some(ArrayBuilder::finish(builder)),
            Self::Int32(builder) => Some(ArrayBuilder::finish(builder)),
            Self::Unwanted => None,
        }
    }
}

/// Collects rows and hands out batches of the projected columns.
pub(super) struct RowBuilder {
    settings: Arc<Settings>,
    schema: SchemaRef,
    file: String,
    texts: [Option<StringViewBuilder>; TEXTS.len()],
    created: Option<TimestampMillisecondBuilder>,
    own: Vec<(String, OwnBuilder)>,
    n_rows: usize,
    n_bytes: usize,
    ready: VecDeque<RecordBatch>,
}

impl RowBuilder {
    /// A builder of the columns `projection` of the source's schema.
    ///
    /// # Errors
    /// When the projection leaves the schema.
    pub(super) fn new(settings: &Arc<Settings>, projection: &[usize]) -> Result<Self> {
        let schema = Arc::new(settings.schema.project(projection)?);
        let wants = |name: &str| schema.column_with_name(name).is_some();
        // These repeat the same few words.
        let few = |name: &str| [SOURCE, LICENSE, DROPPED_BY].contains(&name);
        let builder = |name| {
            let builder = StringViewBuilder::new();
            if few(name) { builder.with_deduplicate_strings() } else { builder }
        };
        let own = settings.own.iter().map(|field| {
            let builder = match field.data_type() {
                _ if !wants(field.name()) => OwnBuilder::Unwanted,
                DataType::Int64 => OwnBuilder::Int64(Int64Builder::new()),
                DataType::Int32 => OwnBuilder::Int32(Int32Builder::new()),
                _ => OwnBuilder::Text(StringViewBuilder::new()),
            };
            (field.name().clone(), builder)
        });
        Ok(Self {
            settings: Arc::clone(settings),
            file: String::new(),
            texts: TEXTS.map(|name| wants(name).then(|| builder(name))),
            created: wants(CREATED).then(|| TimestampMillisecondBuilder::new().with_timezone("UTC")),
            own: own.collect(),
            schema,
            n_rows: 0,
            n_bytes: 0,
            ready: VecDeque::new(),
        })
    }

    /// The rows that follow are of this file.
    pub(super) fn set_file(&mut self, file: String) {
        self.file = file;
    }

    /// Whether a column of text is built; if not, there is no need to make its values.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.schema.column_with_name(name).is_some()
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When a finished batch does not fit its schema, which would be a bug.
    pub(super) fn push(&mut self, row: &Row<'_>) -> Result<()> {
        let made_id = match row.id {
            None if self.texts[0].is_some() => Some(row.at.id(&self.file)),
            _ => None,
        };
        let (mut dropped_by, mut evidence) = (None, None);
        if let Some(fault) = &row.fault {
            dropped_by = Some(format!("{}.{}", self.settings.stage, fault.rule));
            evidence = Some(fault.evidence(&self.file, row.at));
        }
        let values = [
            row.id.or(made_id.as_deref()),
            row.text,
            row.url,
            row.source.or(Some(&self.settings.source)),
            row.license.or(self.settings.license.as_deref()),
            row.meta,
            dropped_by.as_deref(),
            evidence.as_deref(),
        ];
        for (builder, value) in self.texts.iter_mut().zip(values) {
            if let Some(builder) = builder {
                builder.append_option(value);
                self.n_bytes += value.map_or(0, str::len);
            }
        }
        if let Some(builder) = &mut self.created {
            builder.append_option(row.created);
        }
        let own = row.own.iter().copied().chain(std::iter::repeat(OwnValue::Null));
        for ((_, builder), value) in self.own.iter_mut().zip(own) {
            self.n_bytes += builder.push(value);
        }
        self.n_rows += 1;
        if self.n_rows >= BATCH_ROWS || self.n_bytes >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// The file whose rows these are.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// Finishes the rows that wait.
    fn flush(&mut self) -> Result<()> {
        if self.n_rows == 0 {
            return Ok(());
        }
        let mut have: Vec<(&str, ArrayRef)> = Vec::new();
        for (builder, name) in self.texts.iter_mut().zip(TEXTS) {
            have.extend(builder.as_mut().map(|builder| (name, ArrayBuilder::finish(builder))));
        }
        have.extend(self.created.as_mut().map(|builder| (CREATED, ArrayBuilder::finish(builder))));
        have.extend(self.own.iter_mut().filter_map(|(name, builder)| Some((name.as_str(), builder.finish()?))));
        let columns = fill_columns(&self.schema, self.n_rows, &have);
        let options = RecordBatchOptions::new().with_row_count(Some(self.n_rows));
        self.ready.push_back(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?);
        (self.n_rows, self.n_bytes) = (0, 0);
        Ok(())
    }
}

/// Something that makes rows step by step.
pub(super) trait RowReader: Send {
    /// Makes some more rows; false when there are none left.
    ///
    /// # Errors
    /// When a file cannot be read. Damage in it is a row.
    fn step(&mut self, rows: &mut RowBuilder) -> Result<bool>;
}

/// The batches of a reader's rows. After an error there are no more.
pub(super) struct RowBatches<R> {
    reader: R,
    rows: RowBuilder,
    done: bool,
}

impl<R: RowReader> RowBatches<R> {
    /// Reads all rows of `reader` into batches of the columns of `rows`.
    pub(super) fn new(reader: R, rows: RowBuilder) -> Self {
        Self { reader, rows, done: false }
    }

    fn advance(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.rows.ready.pop_front() {
                return Ok(Some(batch));
            }
            if self.done {
                return Ok(None);
            }
            if !self.reader.step(&mut self.rows)? {
                self.rows.flush()?;
                self.done = true;
            }
        }
    }
}

impl<R: RowReader> Iterator for RowBatches<R> {
    type Item = Result<RecordBatch>;
    fn next(&mut self) -> Option<Self::Item> {
        self.advance().inspect_err(|_| self.done = true).transpose()
    }
}
