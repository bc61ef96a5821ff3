//! `parquet`: rows of Parquet files.
//!
//! Core columns are filled as `fields` says; every other column stays a column, with its name and type, because rules
//! and SQL can use it there (in `meta` they could not). Where such a name is taken by a core or an engine column, it
//! becomes `original_<name>`. The schema is that of the first file, and later files must agree. A row without a text is
//! a row with `dropped_by`; a file that is no sound Parquet file fails the run, since its rows cannot be counted.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, StringViewBuilder, TimestampMillisecondArray};
use arrow::compute::{can_cast_types, cast};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use gristmill_core::error::Result;
use gristmill_core::params::ParamError;
use gristmill_core::schema::{
    CREATED, DROPPED_BY, EVIDENCE, ID, LICENSE, MADE_BY, META, PARENTS, SOURCE, TEXT, fill_columns, source_schema,
};
use gristmill_core::source::{Batches, Shard, Source};
use gristmill_core::stage::{Stage, StageSpec};
use serde::Deserialize;
use serde_json::json;

use super::batch::Locator;
use super::groups::{GroupWalk, ParquetFile, as_type, content};
use super::mapping::{Column, Mapping, created_ms};
use super::{HAS_TEXT, Settings, Shared, files, parse_params};

/// Parameters beside those all sources share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default)]
    fields: BTreeMap<String, String>,
    #[serde(default = "super::yes")]
    keep_meta: bool,
}

/// Builds the stage; reads the footer of the first file.
pub(super) fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let (shared, params): (Shared, Params) = parse_params(spec, super::docs::PARQUET)?;
    let mapping = Mapping::new(&params.fields, &shared.fixed_columns())?;
    let first = files::find(&shared.files)?.into_iter().next();
    let first = first.ok_or_else(|| ParamError::at("files", "no files"))?;
    let file = ParquetFile::open(&first.path).map_err(|e| ParamError::at("files", e.to_string()))?;
    let layout = Layout::new(file.schema(), &mapping, params.keep_meta, &first.path)?;
    let own = layout.own.iter().map(|(_, field)| Arc::clone(field)).collect();
    let settings = Arc::new(Settings::new("parquet", spec, shared, own, |_| true)?);
    Ok(Stage::Source(Arc::new(ParquetSource { settings, layout: Arc::new(layout) })))
}

/// Which column of the files becomes which column of the source.
#[derive(Debug)]
struct Layout {
    /// Core column and file column.
    core: Vec<(&'static str, String)>,
    /// File column and the column it is.
    own: Vec<(String, FieldRef)>,
    /// Columns of every file.
    file_schema: SchemaRef,
}

impl Layout {
    fn new(file: &SchemaRef, mapping: &Mapping, keep_others: bool, path: &Path) -> Result<Self, ParamError> {
        let names: Vec<&str> = file.fields().iter().map(|field| field.name().as_str()).collect();
        if let Some((column, field)) = mapping.missing_from(&names) {
            let message = format!(
                "{} has no column `{field}` to fill `{}`; its columns are `{}`",
                path.display(),
                column.name(),
                names.join("`, `")
            );
            return Err(ParamError::at(column.name(), message).under("fields"));
        }
        let mut core: Vec<(&'static str, String)> = Vec::new();
        for column in Column::ALL {
            let Some(name) = mapping.field_of(column).map(|i| &mapping.fields[i]) else { continue };
            let Ok(field) = file.field_with_name(name) else { continue };
            if fits(column.name(), field.data_type()) {
                core.push((column.name(), name.clone()));
            } else if mapping.is_needed(column) {
                let message = format!(
                    "column `{name}` of {} is {}, which cannot fill `{}`",
                    path.display(),
                    field.data_type(),
                    column.name()
                );
                return Err(ParamError::at(column.name(), message).under("fields"));
            }
        }
        for name in [PARENTS, MADE_BY, META] {
            if file.field_with_name(name).is_ok_and(|field| fits(name, field.data_type())) {
                core.push((name, name.to_owned()));
            }
        }
        // A date written as text may be one we cannot read: it is kept beside.
        let is_taken = |field: &FieldRef| {
            core.iter()
                .any(|(column, name)| name == field.name() && !(*column == CREATED && is_text(field.data_type())))
        };
        let others = file.fields().iter().filter(|field| keep_others && !is_taken(field));
        let own = others.map(|field| (field.name().clone(), Arc::new(own_field(field)))).collect();
        Ok(Self { core, own, file_schema: Arc::clone(file) })
    }

    /// The file column behind a column of the source.
    fn file_column(&self, column: &str) -> Option<&str> {
        let own = || self.own.iter().find(|(_, field)| field.name() == column).map(|(name, _)| name.as_str());
        self.core.iter().find(|(name, _)| *name == column).map(|(_, file)| file.as_str()).or_else(own)
    }

    /// Refuses a file whose columns differ from those of the first.
    fn check(&self, path: &Path, file: &Schema) -> Result<()> {
        for wanted in self.file_schema.fields() {
            let cause = match file.field_with_name(wanted.name()) {
                Ok(field) if field.data_type().equals_datatype(wanted.data_type()) => continue,
                Ok(field) => format!(
                    "column `{}` is {}, but {} in the first file",
                    wanted.name(),
                    field.data_type(),
                    wanted.data_type()
                ),
                Err(_) => format!("there is no column `{}`, as the first file has", wanted.name()),
            };
            return Err(content(path, &cause));
        }
        match file.fields().iter().find(|field| self.file_schema.field_with_name(field.name()).is_err()) {
            Some(more) => Err(content(path, &format!("the first file has no column `{}`", more.name()))),
            None => Ok(()),
        }
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Whether a column of the type can fill a core column.
fn fits(core: &str, data_type: &DataType) -> bool {
    let is_bytes = matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView);
    match core {
        ID => is_text(data_type) || is_bytes || data_type.is_integer(),
        TEXT => is_text(data_type) || is_bytes,
        CREATED => {
            is_text(data_type) || matches!(data_type, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
        }
        PARENTS | MADE_BY => {
            let schema = source_schema([]);
            data_type.is_nested()
                && schema.field_with_name(core).is_ok_and(|f| can_cast_types(data_type, f.data_type()))
        }
        _ => is_text(data_type),
    }
}

/// The column of the source that a column of the files becomes.
fn own_field(field: &FieldRef) -> arrow::datatypes::Field {
    let name = field.name();
    let is_ours = name.starts_with('_') || source_schema([]).column_with_name(name).is_some();
    let name = if is_ours { format!("original_{}", name.trim_start_matches('_')) } else { name.clone() };
    let data_type = if is_text(field.data_type()) { DataType::Utf8View } else { field.data_type().clone() };
    arrow::datatypes::Field::new(name, data_type, true)
}

#[derive(Debug)]
struct ParquetSource {
    settings: Arc<Settings>,
    layout: Arc<Layout>,
}

impl Source for ParquetSource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.settings.schema)
    }
    fn shards(&self) -> &[Shard] {
        &self.settings.shards
    }
    fn open(&self, shard: &Shard, projection: &[usize]) -> Result<Batches> {
        let schema = Arc::new(self.settings.schema.project(projection)?);
        let (layout, wanted) = (Arc::clone(&self.layout), Arc::clone(&schema));
        let (settings, own_layout) = (Arc::clone(&self.settings), Arc::clone(&self.layout));
        let walk = GroupWalk::<Place>::new(
            shard.pieces.clone(),
            Box::new(move |piece, file, group| {
                layout.check(&piece.path, file.schema())?;
                let reads_text = needs_text(&wanted, &layout, file, group);
                let mut names: Vec<&str> =
                    wanted.fields().iter().filter_map(|field| layout.file_column(field.name())).collect();
                names.extend(layout.file_column(TEXT).filter(|_| reads_text));
                let columns: Vec<usize> =
                    names.iter().filter_map(|name| file.schema().column_with_name(name)).map(|(i, _)| i).collect();
                let place = Place { file: files::name(piece), next_row: group.first_row + 1 };
                Ok((place, file.read(&piece.path, group, &columns)?))
            }),
            Box::new(move |place, batch| {
                let finished = Finish { settings: &settings, layout: &own_layout, batch, place }.run(&schema);
                place.next_row += batch.num_rows() as u64;
                finished
            }),
        );
        Ok(Box::new(walk))
    }
    fn cheap_to_rescan(&self) -> bool {
        true
    }
    fn max_bad_ratio(&self) -> f64 {
        self.settings.max_bad_ratio
    }
}

/// Whether texts must be read to know which rows have none.
fn needs_text(wanted: &Schema, layout: &Layout, file: &ParquetFile, group: super::groups::Group) -> bool {
    let judges = [DROPPED_BY, EVIDENCE].iter().any(|name| wanted.column_with_name(name).is_some());
    let Some(text) = layout.file_column(TEXT).filter(|_| judges) else { return false };
    let is_text = file.schema().field_with_name(text).is_ok_and(|field| is_text(field.data_type()));
    !(is_text && file.has_no_nulls(group, text))
}

/// Where the next batch stands.
struct Place {
    file: String,
    /// Counted from 1.
    next_row: u64,
}

/// A batch as read, on its way to the source's schema.
struct Finish<'a> {
    settings: &'a Settings,
    layout: &'a Layout,
    batch: &'a RecordBatch,
    place: &'a Place,
}

impl Finish<'_> {
    fn run(&self, schema: &SchemaRef) -> Result<RecordBatch> {
        let n_rows = self.batch.num_rows();
        let mut have: Vec<(&str, ArrayRef)> = Vec::new();
        for field in schema.fields() {
            let read = self.layout.file_column(field.name()).and_then(|name| self.batch.column_by_name(name));
            let column = match (field.name().as_str(), read) {
                (ID, read) => self.ids(read)?,
                (SOURCE, read) => filled(read, Some(&self.settings.source), n_rows)?,
                (LICENSE, read) => filled(read, self.settings.license.as_deref(), n_rows)?,
                (DROPPED_BY, _) => self.faults(|_| format!("{}.{HAS_TEXT}", self.settings.stage)),
                (EVIDENCE, _) => self.faults(|row| {
                    json!({ "file": self.place.file, "row": row, "cause": "the text is null" }).to_string()
                }),
                (CREATED, Some(read)) => created(read)?,
                (_, Some(read)) => as_type(read, field)?,
                (_, None) => continue,
            };
            have.push((field.name().as_str(), column));
        }
        let columns = fill_columns(schema, n_rows, &have);
        let options = RecordBatchOptions::new().with_row_count(Some(n_rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
    }

    /// The identifiers, made where the file has none.
    fn ids(&self, read: Option<&ArrayRef>) -> Result<ArrayRef> {
        let read = read.map(|column| cast(column, &DataType::Utf8View)).transpose()?;
        if let Some(read) = read.as_ref().filter(|column| column.null_count() == 0) {
            return Ok(Arc::clone(read));
        }
        let read = read.as_ref().map(|column| column.as_string_view());
        let mut ids = StringViewBuilder::with_capacity(self.batch.num_rows());
        for (i, row) in (0..self.batch.num_rows()).zip(self.place.next_row..) {
            match read.filter(|ids| ids.is_valid(i)) {
                Some(read) => ids.append_value(read.value(i)),
                None => ids.append_value(Locator::Row(row).id(&self.place.file)),
            }
        }
        Ok(Arc::new(ids.finish()))
    }

    /// A column that is null but for the rows without a text.
    fn faults(&self, value: impl Fn(u64) -> String) -> ArrayRef {
        let text = self.layout.file_column(TEXT).and_then(|name| self.batch.column_by_name(name));
        // Bytes that are no UTF-8 become null.
        let text = text.and_then(|text| cast(text, &DataType::Utf8View).ok());
        let rows = (0..self.batch.num_rows()).zip(self.place.next_row..);
        let values = rows.map(|(i, row)| text.as_ref().filter(|text| text.is_null(i)).map(|_| value(row)));
        Arc::new(StringViewArray::from_iter(values))
    }
}

/// A column of text in which nulls become `default`.
fn filled(read: Option<&ArrayRef>, default: Option<&str>, n_rows: usize) -> Result<ArrayRef> {
    let read = read.map(|column| cast(column, &DataType::Utf8View)).transpose()?;
    if let Some(read) = read.as_ref().filter(|column| column.null_count() == 0 || default.is_none()) {
        return Ok(Arc::clone(read));
    }
    let read = read.as_ref().map(|column| column.as_string_view());
    let mut values = StringViewBuilder::with_capacity(n_rows).with_deduplicate_strings();
    for i in 0..n_rows {
        values.append_option(read.filter(|read| read.is_valid(i)).map(|read| read.value(i)).or(default));
    }
    Ok(Arc::new(values.finish()))
}

/// Times as milliseconds, UTC.
fn created(read: &ArrayRef) -> Result<ArrayRef> {
    let utc = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    if !is_text(read.data_type()) {
        let is_date = matches!(read.data_type(), DataType::Date32 | DataType::Date64);
        let times =
            if is_date { cast(read, &DataType::Timestamp(TimeUnit::Millisecond, None))? } else { Arc::clone(read) };
        return Ok(cast(&times, &utc)?);
    }
    let texts = cast(read, &DataType::Utf8View)?;
    let times = texts.as_string_view().iter().map(|text| text.and_then(created_ms));
    Ok(Arc::new(TimestampMillisecondArray::from_iter(times).with_timezone("UTC")))
}
