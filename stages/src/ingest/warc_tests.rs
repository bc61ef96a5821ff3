//! What must hold of `warc`, on archives made by hand.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, Int64Type, TimestampMillisecondType};
use serde_json::{Value, json};

use super::tests::{read, some, source, texts};

fn record(kind: &str, url: &str, content_type: &str, block: &str) -> Vec<u8> {
    let head = format!(
        "WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{kind}-{url}>\r\nWARC-Target-URI: {url}\r\n\
         WARC-Date: 2024-03-01T00:00:00Z\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        block.len()
    );
    [head.as_bytes(), block.as_bytes(), b"\r\n\r\n"].concat()
}

fn response(url: &str, status: u16, content_type: &str, body: &str) -> Vec<u8> {
    let block = format!("HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nX-Robots-Tag: noai\r\n\r\n{body}");
    record("response", url, "application/http; msgtype=response", &block)
}

fn records() -> Vec<Vec<u8>> {
    vec![
        record("warcinfo", "http://a/info", "application/warc-fields", "software: none\r\n"),
        record("request", "http://a/1", "application/http; msgtype=request", "GET / HTTP/1.1\r\n\r\n"),
        response("http://a/1", 200, "text/html; charset=utf-8", "<p>é</p>"),
        response("http://a/2", 404, "text/html", "<p>gone</p>"),
        response("http://a/3", 200, "image/png", "png"),
        record("conversion", "http://a/4", "text/plain", "plain text"),
    ]
}

fn gzip(record: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(record).unwrap();
    encoder.finish().unwrap()
}

fn params(path: &Path, bytes: &[u8]) -> Value {
    fs::write(path, bytes).unwrap();
    json!({ "files": [path.to_string_lossy()] })
}

const COLUMNS: [&str; 10] =
    ["id", "text", "url", "html", "opt_out", "content_type", "charset", "record_id", "dropped_by", "_evidence"];

#[test]
fn pages_are_rows_and_unwanted_ones_are_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let plain = params(&dir.path().join("a.warc"), &records().concat());
    let rows = read(source("warc", &plain).as_ref(), &COLUMNS);
    assert_eq!(texts(&rows, "html"), some(&["<p>é</p>", "", "", ""]));
    assert_eq!(texts(&rows, "text"), some(&["", "", "", "plain text"]));
    assert_eq!(texts(&rows, "dropped_by"), some(&["", "in.status_200", "in.content_html", ""]));
    assert_eq!(texts(&rows, "content_type"), some(&["text/html", "text/html", "image/png", "text/plain"]));
    assert_eq!(texts(&rows, "opt_out")[0].as_deref(), Some("header_noai"));
    let evidence = texts(&rows, "_evidence");
    assert!(evidence[1].as_deref().unwrap().contains("404") && evidence[2].as_deref().unwrap().contains("image/png"));
    let rows = read(source("warc", &plain).as_ref(), &["http_status", "warc_offset", "created"]);
    let statuses: Vec<_> = rows.column(0).as_primitive::<Int32Type>().iter().collect();
    assert_eq!(statuses, [Some(200), Some(404), Some(200), None]);
    let first = records()[..2].concat().len() as i64;
    assert_eq!(rows.column(1).as_primitive::<Int64Type>().value(0), first);
    assert_eq!(rows.column(2).as_primitive::<TimestampMillisecondType>().value(0), 1_709_251_200_000);
    let mut all = plain;
    all["status"] = json!([]);
    all["content_types"] = json!([]);
    let rows = read(source("warc", &all).as_ref(), &["dropped_by"]);
    assert_eq!(texts(&rows, "dropped_by"), some(&["", "", "", ""]));
}

#[test]
fn any_cut_gives_the_same_pages() {
    let dir = tempfile::tempdir().unwrap();
    let by_record = |pack: fn(&[u8]) -> Vec<u8>| records().iter().flat_map(|record| pack(record)).collect::<Vec<u8>>();
    let zstd = |record: &[u8]| zstd::encode_all(record, 1).unwrap();
    let archives = [
        ("a.warc", records().concat()),
        ("b.warc.gz", by_record(gzip)),
        ("c.warc.zst", by_record(zstd)),
        ("d.warc.gz", gzip(&records().concat())),
    ];
    for (name, bytes) in archives {
        let mut params = params(&dir.path().join(name), &bytes);
        let uncut = read(source("warc", &params).as_ref(), &COLUMNS);
        let ids: BTreeSet<_> = texts(&uncut, "id").into_iter().collect();
        assert_eq!((uncut.num_rows(), ids.len()), (4, 4), "{name}: four pages, each with an identifier of its own");
        for size in [40, 100, 333] {
            params["shard_bytes"] = json!(size);
            assert_eq!(read(source("warc", &params).as_ref(), &COLUMNS), uncut, "{name} by {size} bytes");
        }
    }
}

#[test]
fn damage_is_a_row_and_counts_as_bad() {
    let dir = tempfile::tempdir().unwrap();
    let mut members: Vec<Vec<u8>> = records().iter().map(|record| gzip(record)).collect();
    let middle = members[3].len() / 2;
    members[3][middle..].fill(0xaa);
    let last = members[5].len() / 2;
    members[5].truncate(last);
    let source = source("warc", &params(&dir.path().join("a.warc.gz"), &members.concat()));
    let rows = read(source.as_ref(), &["dropped_by", "warc_file"]);
    let dropped: Vec<String> = texts(&rows, "dropped_by").into_iter().flatten().collect();
    assert_eq!(dropped, ["in.bad_member", "in.content_html", "in.truncated_member"]);
    assert!(texts(&rows, "warc_file")[1].as_deref().unwrap().ends_with("a.warc.gz"));
    let bad = source.bad_rules();
    assert!(bad.contains(&"bad_member") && bad.contains(&"truncated_member") && !bad.contains(&"status_200"));
    assert!(!source.cheap_to_rescan());
}
