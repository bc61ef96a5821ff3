//! What must hold of every source, on files made by hand.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::file::properties::WriterProperties;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder};
use arrow::compute::concat_batches;
use arrow::datatypes::TimestampMillisecondType;
use gristmill_core::params::ParamError;
use gristmill_core::source::{InputFile, Source};
use gristmill_core::stage::{Reads, Stage, StageSpec};
use serde_json::{Value, json};

use super::{STAGES, parts_source};

pub(super) fn try_source(kind: &str, params: &Value, limit: Option<u64>) -> Result<Arc<dyn Source>, ParamError> {
    let entry = STAGES.iter().find(|entry| entry.kind == kind).unwrap();
    match (entry.build)(&StageSpec { name: "in", params, seed: 1, limit, reads: &Reads::default() })? {
        Stage::Source(source) => Ok(source),
        _ => panic!("not a source"),
    }
}

pub(super) fn source(kind: &str, params: &Value) -> Arc<dyn Source> {
    try_source(kind, params, None).unwrap()
}

/// All rows of the named columns, over all shards.
pub(super) fn read(source: &dyn Source, columns: &[&str]) -> RecordBatch {
    let schema = source.schema();
    let projection: Vec<usize> = columns.iter().map(|name| schema.index_of(name).unwrap()).collect();
    let shards = source.shards().iter();
    let batches: Vec<RecordBatch> =
        shards.flat_map(|shard| source.open(shard, &projection).unwrap()).map(Result::unwrap).collect();
    concat_batches(&Arc::new(schema.project(&projection).unwrap()), &batches).unwrap()
}

/// A column of text.
pub(super) fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = arrow::compute::cast(batch.column_by_name(column).unwrap(), &arrow::datatypes::DataType::Utf8View);
    column.unwrap().as_string_view().iter().map(|text| text.map(str::to_owned)).collect()
}

/// Texts, where "" stands for null.
pub(super) fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| (!text.is_empty()).then(|| (*text).to_owned())).collect()
}

const ALL: [&str; 8] = ["id", "text", "url", "source", "license", "meta", "dropped_by", "_evidence"];

/// Shards of any size give the same rows.
fn assert_cut_does_not_matter(kind: &str, params: &Value, sizes: &[u64]) {
    let whole = read(source(kind, params).as_ref(), &ALL);
    for size in sizes {
        let mut params = params.clone();
        params["shard_bytes"] = json!(size);
        let cut = source(kind, &params);
        assert_eq!(read(cut.as_ref(), &ALL), whole, "shards of {size} bytes");
    }
}

const LINES: &str = "\u{feff}{\"uuid\": \"a\", \"content\": \"one \\u00e9\\n\", \"n\": 1.50, \"url\": [1]}\r\n\
    \n\
    {\"uuid\": 12345678901234567890123, \"content\": \"two\", \"created\": \"2024-03-01\", \"x\\\"y\": {\"k\": [null]}}\n\
    {\"content\": \"three\"\n\
    [1]\n\
    {\"content\": 4, \"created\": \"soon\"}\n\
    {\"id\": \"e\", \"content\": \"five\", \"source\": \"s\", \"license\": \"CC0-1.0\", \"content2\": null}";

fn jsonl(dir: &Path) -> Value {
    fs::write(dir.join("a.jsonl"), LINES).unwrap();
    json!({ "files": [dir.join("*.jsonl*").to_string_lossy()], "fields": { "text": "content", "id": "uuid" } })
}

#[test]
fn jsonl_maps_fields_and_keeps_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let source = source("jsonl", &jsonl(dir.path()));
    let rows = read(source.as_ref(), &["id", "text", "source", "license", "meta", "created"]);
    let ids = texts(&rows, "id");
    assert_eq!(ids[..2], some(&["a", "12345678901234567890123"]));
    assert_eq!(ids[2].as_deref().map(str::len), Some(32));
    assert_eq!(texts(&rows, "text"), some(&["one é\n", "two", "", "", "", "five"]));
    assert_eq!(texts(&rows, "source"), some(&["in", "in", "in", "in", "in", "s"]));
    assert_eq!(texts(&rows, "license"), some(&["", "", "", "", "", "CC0-1.0"]));
    let meta = [
        r#"{"n":1.50,"url":[1]}"#,
        r#"{"x\"y":{"k": [null]}}"#,
        "",
        "",
        r#"{"content":4,"created":"soon"}"#,
        r#"{"id":"e","content2":null}"#,
    ];
    assert_eq!(texts(&rows, "meta"), some(&meta));
    let created = rows.column(5).as_primitive::<TimestampMillisecondType>();
    assert_eq!((created.value(1), created.null_count()), (1_709_251_200_000, 5));
}

#[test]
fn jsonl_faults_are_rows() {
    let dir = tempfile::tempdir().unwrap();
    let source = source("jsonl", &jsonl(dir.path()));
    let rows = read(source.as_ref(), &["dropped_by", "_evidence"]);
    let rules = ["", "", "in.valid_json", "in.valid_json", "in.has_text", ""];
    assert_eq!(texts(&rows, "dropped_by"), some(&rules));
    let evidence = texts(&rows, "_evidence");
    let third: Value = serde_json::from_str(evidence[2].as_deref().unwrap()).unwrap();
    assert_eq!(third["line"], 4);
    assert_eq!(third["offset"], LINES.find("{\"content\": \"three").unwrap());
    assert!(third["file"].as_str().unwrap().ends_with("a.jsonl"));
    assert!(evidence[4].as_deref().unwrap().contains("`content` is a number, not a string"));
    assert!(source.bad_rules().contains(&"valid_json") && !source.bad_rules().contains(&"has_text"));
    assert_eq!(source.max_bad_ratio(), 0.01);
}

#[test]
fn jsonl_is_the_same_however_cut_and_packed() {
    let dir = tempfile::tempdir().unwrap();
    let params = jsonl(dir.path());
    assert_cut_does_not_matter("jsonl", &params, &[1, 2, 3, 7, 50, 100, 1000]);
    let plain = read(source("jsonl", &params).as_ref(), &["text", "meta", "dropped_by"]);
    // Two gzip members and two zstd frames, cut in the middle of a line.
    let (head, tail) = LINES.as_bytes().split_at(100);
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    for (name, bytes) in
        [("b.jsonl.gz", [gzip(head), gzip(tail)].concat()), ("b.jsonl.zst", [zstd(head), zstd(tail)].concat())]
    {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let mut params = params.clone();
        params["files"] = json!([path.to_string_lossy()]);
        params["shard_bytes"] = json!(10);
        let packed = source("jsonl", &params);
        assert_eq!(packed.shards().len(), 1);
        assert_eq!(read(packed.as_ref(), &["text", "meta", "dropped_by"]), plain);
    }
}

#[test]
fn a_cut_gzip_file_ends_with_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for i in 0..50_000 {
        writeln!(encoder, "{{\"text\": \"{}\"}}", i * 7919 % 10_007).unwrap();
    }
    let bytes = encoder.finish().unwrap();
    let path = dir.path().join("a.jsonl.gz");
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let source = source("jsonl", &json!({ "files": [path.to_string_lossy()] }));
    let rows = read(source.as_ref(), &["text", "dropped_by"]);
    let dropped = texts(&rows, "dropped_by");
    assert!(rows.num_rows() > 1000);
    assert_eq!(dropped.last().unwrap().as_deref(), Some("in.intact_file"));
    assert_eq!(dropped.iter().flatten().count(), 1);
}

#[test]
fn bytes_that_are_not_utf8_spoil_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    fs::write(&path, b"{\"text\": \"a\"}\n{\"text\": \"\xff\"}\n{\"text\": \"c\"}\n").unwrap();
    let source = source("jsonl", &json!({ "files": [path.to_string_lossy()] }));
    let rows = read(source.as_ref(), &["text", "dropped_by"]);
    assert_eq!(texts(&rows, "text"), some(&["a", "", "c"]));
    assert_eq!(texts(&rows, "dropped_by"), some(&["", "in.valid_json", ""]));
}

#[test]
fn a_limit_takes_the_first_rows_in_one_shard() {
    let dir = tempfile::tempdir().unwrap();
    let source = try_source("jsonl", &jsonl(dir.path()), Some(2)).unwrap();
    assert_eq!(source.shards().len(), 1);
    assert_eq!(source.shards()[0].limit, Some(2));
}

#[test]
fn wrong_parameters_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut params = jsonl(dir.path());
    params["feilds"] = json!({});
    let path = |params: &Value| try_source("jsonl", params, None).err().unwrap().path;
    assert_eq!(path(&params), ["feilds"]);
    params = jsonl(dir.path());
    params["fields"] = json!({ "txt": "a" });
    assert_eq!(path(&params), ["fields", "txt"]);
    params = json!({ "files": [dir.path().join("*.none").to_string_lossy()] });
    assert_eq!(path(&params), ["files", "0"]);
    params = jsonl(dir.path());
    params["max_bad_ratio"] = json!(2);
    assert_eq!(path(&params), ["max_bad_ratio"]);
}

#[test]
fn csv_goes_on_after_a_bad_record() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    let table = "id,text,lang,created\n1,\"said \"\"so\"\"\nand left\",en,2024-03-01\n2,too few\n3,too,many,of,them\n,four,,soon\n5,,en,\n";
    fs::write(&path, table).unwrap();
    let params = json!({ "files": [path.to_string_lossy()], "license": "CC0-1.0" });
    let rows = read(source("csv", &params).as_ref(), &ALL);
    assert_eq!(texts(&rows, "text"), some(&["said \"so\"\nand left", "", "", "four", ""]));
    let rules = ["", "in.valid_record", "in.valid_record", "", "in.has_text"];
    assert_eq!(texts(&rows, "dropped_by"), some(&rules));
    let meta = [r#"{"lang":"en"}"#, "", "", r#"{"created":"soon"}"#, r#"{"lang":"en"}"#];
    assert_eq!(texts(&rows, "meta"), some(&meta));
    assert_eq!(texts(&rows, "license"), vec![Some("CC0-1.0".to_owned()); 5]);
    let evidence: Value = serde_json::from_str(texts(&rows, "_evidence")[1].as_deref().unwrap()).unwrap();
    assert_eq!((evidence["row"].clone(), evidence["line"].clone()), (json!(2), json!(4)));
    fs::write(&path, "a,b\n1,2\n").unwrap();
    let source = source("csv", &params);
    let error = source.open(&source.shards()[0], &[0]).unwrap().next().unwrap().unwrap_err().to_string();
    assert!(error.contains("no column `text`") && error.contains("`a`, `b`"), "{error}");
}

#[test]
fn text_per_file_line_and_paragraph() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.txt"), "one\ntwo\n\n \nthree\r\nfour").unwrap();
    fs::write(dir.path().join("b.txt"), b"\xc3").unwrap();
    let mut params = json!({ "files": [dir.path().join("*.txt").to_string_lossy()] });
    let read_per = |params: &Value| {
        let rows = read(source("text", params).as_ref(), &ALL);
        (texts(&rows, "text"), texts(&rows, "dropped_by"))
    };
    assert_eq!(read_per(&params), (some(&["one\ntwo\n\n \nthree\r\nfour", ""]), some(&["", "in.valid_utf8"])));
    params["per"] = json!("line");
    assert_eq!(read_per(&params).0, some(&["one", "two", "three", "four", ""]));
    assert_cut_does_not_matter("text", &params, &[1, 4, 9]);
    params["per"] = json!("paragraph");
    assert_eq!(read_per(&params).0, some(&["one\ntwo", "three\nfour", ""]));
    assert_cut_does_not_matter("text", &params, &[1, 9]);
}

fn write_parquet(path: &Path, columns: &[(&str, ArrayRef)]) {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.iter().map(|(n, c)| (*n, Arc::clone(c), true))).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(10)).build();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn hundred_rows() -> Vec<(&'static str, ArrayRef)> {
    let mut tags = ListBuilder::new(StringBuilder::new());
    for _ in 0..100 {
        tags.append_value([Some("t")]);
    }
    let text = (0..100).map(|i| (i != 42).then(|| format!("text {i}")));
    vec![
        ("key", Arc::new(Int64Array::from_iter_values(1000..1100)) as ArrayRef),
        ("content", Arc::new(StringArray::from_iter(text))),
        ("source", Arc::new(StringArray::from_iter((0..100).map(|i| (i % 2 == 0).then_some("even"))))),
        ("created", Arc::new(StringArray::from_iter_values((0..100).map(|_| "2024-03-01")))),
        ("tags", Arc::new(tags.finish())),
        ("_row", Arc::new(Int64Array::from_iter_values(0..100))),
    ]
}

#[test]
fn parquet_keeps_other_columns_and_row_groups_have_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    write_parquet(&path, &hundred_rows());
    let mut params = json!({ "files": [path.to_string_lossy()], "fields": { "text": "content", "id": "key" } });
    let source_of = source("parquet", &params);
    let names: Vec<String> = source_of.schema().fields().iter().skip(9).map(|f| f.name().clone()).collect();
    assert_eq!(names, ["original_created", "tags", "original_row", "dropped_by", "_evidence"]);
    let rows = read(source_of.as_ref(), &["text", "id", "source", "dropped_by", "original_row", "created"]);
    assert_eq!(rows.num_rows(), 100);
    assert_eq!(texts(&rows, "id")[7].as_deref(), Some("1007"));
    assert_eq!(texts(&rows, "source")[..2], some(&["even", "in"]));
    assert_eq!(rows.column(5).as_primitive::<TimestampMillisecondType>().value(99), 1_709_251_200_000);
    let dropped = texts(&rows, "dropped_by");
    assert_eq!((dropped[42].as_deref(), dropped.iter().flatten().count()), (Some("in.has_text"), 1));
    // The verdict does not depend on whether texts are read.
    assert_eq!(texts(&read(source_of.as_ref(), &["dropped_by"]), "dropped_by"), dropped);
    assert_cut_does_not_matter("parquet", &params, &[50, 300, 1000]);
    params["fields"] = json!({ "text": "content" });
    params["keep_meta"] = json!(false);
    assert_cut_does_not_matter("parquet", &params, &[300]);
    assert_eq!(source("parquet", &params).schema().fields().len(), 11);
}

#[test]
fn parquet_files_must_agree() {
    let dir = tempfile::tempdir().unwrap();
    write_parquet(&dir.path().join("a.parquet"), &hundred_rows());
    write_parquet(&dir.path().join("b.parquet"), &hundred_rows()[..5]);
    let params = json!({ "files": [dir.path().join("*").to_string_lossy()], "fields": { "text": "content" } });
    let source_of = source("parquet", &params);
    let results: Vec<_> = source_of
        .shards()
        .iter()
        .flat_map(|shard| source_of.open(shard, &[1]).unwrap())
        .filter_map(Result::err)
        .collect();
    let error = results[0].to_string();
    assert!(error.contains("b.parquet") && error.contains("`_row`"), "{error}");
    let params = json!({ "files": [dir.path().join("*").to_string_lossy()] });
    assert_eq!(try_source("parquet", &params, None).err().unwrap().path, ["fields", "text"]);
}

#[test]
fn parts_are_packed_and_read_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for i in 0..6 {
        let path = dir.path().join(format!("part-{i}.parquet"));
        write_parquet(&path, &hundred_rows());
        files.push(InputFile { bytes: fs::metadata(&path).unwrap().len(), path, modified_ns: 0 });
    }
    let target = files[0].bytes * 3;
    let schema = RecordBatch::try_from_iter(hundred_rows()).unwrap().schema();
    let parts = parts_source(files, schema, target);
    assert_eq!(parts.shards().len(), 2);
    let rows = read(parts.as_ref(), &["content", "key"]);
    assert_eq!((rows.num_rows(), rows.num_columns()), (600, 2));
    assert_eq!(rows.schema().field(0).name(), "content");
}

#[test]
fn every_documented_parameter_is_accepted_and_no_other() {
    for entry in STAGES {
        let values: Vec<(&str, Value)> = entry
            .params
            .iter()
            .map(|doc| {
                let value = match doc.name {
                    "files" | "content_types" => json!(["nowhere/*.x"]),
                    "fields" => json!({}),
                    "status" => json!([200]),
                    "namespaces" => json!([0]),
                    "keep_meta" => json!(true),
                    "shard_bytes" | "max_body_bytes" => json!(1),
                    "max_bad_ratio" => json!(0.5),
                    "delimiter" => json!(";"),
                    "per" => json!("line"),
                    _ => json!("x"),
                };
                (doc.name, value)
            })
            .collect();
        let params: Value = values.into_iter().collect();
        // Everything is understood, so what is left to complain of is the pattern.
        assert_eq!(try_source(entry.kind, &params, None).err().unwrap().path, ["files", "0"], "{}", entry.kind);
    }
}
