//! What whole records come to.

use super::super::{Entry, FaultKind, WarcOptions, WarcReader};
use super::kit::*;

fn html_of(seen: &[Seen]) -> Vec<Option<&str>> {
    let html = |seen: &Seen| if let Seen::Page { html, .. } = seen { html.clone() } else { None };
    seen.iter().map(html).map(|html| html.map(|html| &*html.leak())).collect()
}

#[test]
fn every_packing_gives_the_same_pages() {
    let records: Vec<Vec<u8>> = (0..9).map(page).collect();
    let plain = read(&Packing::Plain.pack(&records));
    assert_eq!(plain.len(), 9);
    assert!(html_of(&plain).iter().all(Option::is_some));
    for packing in Packing::ALL {
        let seen = read(&packing.pack(&records));
        assert_eq!(html_of(&seen), html_of(&plain), "{packing:?}");
    }
}

#[test]
fn places_are_those_in_the_file() {
    let records: Vec<Vec<u8>> = (0..3).map(page).collect();
    let members: Vec<usize> = records.iter().map(|record| gzip(record).len()).collect();
    let place = |seen: &Seen| match seen {
        Seen::Page { offset, inner, stored, .. } => (*offset as usize, *inner as usize, stored.map(|n| n as usize)),
        _ => panic!("{seen:?}"),
    };
    let gz: Vec<_> = read(&Packing::Gzip.pack(&records)).iter().map(place).collect();
    let expected =
        [(0, 0, Some(members[0])), (members[0], 0, Some(members[1])), (members[0] + members[1], 0, Some(members[2]))];
    assert_eq!(gz, expected);
    let plain: Vec<_> = read(&Packing::Plain.pack(&records)).iter().map(place).collect();
    // The two line ends behind a record are not its own.
    assert_eq!(plain[1], (records[0].len(), 0, Some(records[1].len() - 4)));
    let whole: Vec<_> = read(&Packing::GzipWhole.pack(&records)).iter().map(place).collect();
    assert_eq!(whole[1], (0, records[0].len(), None));
}

#[test]
fn all_codings_come_off() {
    let text = "<p>Zażółć gęślą jaźń</p>".repeat(300);
    let bytes = text.as_bytes();
    let chunked = |bytes: &[u8]| {
        let chunks =
            bytes.chunks(100).map(|chunk| [format!("{:X}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
        [chunks.collect::<Vec<_>>().concat(), b"0\r\n\r\n".to_vec()].concat()
    };
    let cases: [(&str, Vec<u8>); 9] = [
        ("", bytes.to_vec()),
        ("Content-Encoding: gzip\r\n", gzip(bytes)),
        ("Content-Encoding: deflate\r\n", zlib(bytes)),
        ("Content-Encoding: deflate\r\n", deflate(bytes)),
        ("Content-Encoding: br\r\n", brotli(bytes)),
        ("Content-Encoding: zstd\r\n", zstd(bytes)),
        ("Transfer-Encoding: chunked\r\n", chunked(bytes)),
        ("Transfer-Encoding: chunked\r\nContent-Encoding: x-gzip\r\n", chunked(&gzip(bytes))),
        ("Content-Encoding: gzip, br\r\n", brotli(&gzip(bytes))),
    ];
    for (headers, body) in cases {
        let seen = read(&record("response", "http://a.example/", &http(headers, &body)));
        assert_eq!(html_of(&seen), [Some(text.as_str())], "{headers}");
    }
}

#[test]
fn cut_and_damaged_bodies_are_faults_of_their_own() {
    let text = "<p>Zażółć gęślą jaźń</p>".repeat(300);
    let kind_of = |headers: &str, body: &[u8]| {
        let seen = read(&record("response", "http://a.example/x", &http(headers, body)));
        assert_eq!(seen.len(), 1);
        seen[0].kind()
    };
    let codings: [(&str, Vec<u8>); 4] = [
        ("gzip", gzip(text.as_bytes())),
        ("deflate", zlib(text.as_bytes())),
        ("br", brotli(text.as_bytes())),
        ("zstd", zstd(text.as_bytes())),
    ];
    for (name, body) in codings {
        let header = format!("Content-Encoding: {name}\r\n");
        for cut in [body.len() / 2, body.len() - 1, 3] {
            assert_eq!(kind_of(&header, &body[..cut]), Some(FaultKind::CutBody), "{name} cut at {cut}");
        }
        let junk = [&body[..4], &[0xffu8; 40][..]].concat();
        assert!(kind_of(&header, &junk).is_some(), "{name} damaged");
    }
    let truncated = String::from_utf8(record("response", "http://a.example/t", b"@")).unwrap();
    let body = gzip(text.as_bytes());
    let block = http("Content-Encoding: gzip\r\n", &body[..body.len() - 5]);
    let head = truncated.replace("WARC-Date", "WARC-Truncated: length\r\nWARC-Date");
    let head = head.replace("Content-Length: 1\r", &format!("Content-Length: {}\r", block.len()));
    let bytes = [head.split_once('@').unwrap().0.as_bytes(), &block, b"\r\n\r\n"].concat();
    assert_eq!(html_of(&read(&bytes)), [Some(text.as_str())], "a crawler's own cut is no damage");
}

#[test]
fn bombs_stop_at_the_limit() {
    let options = WarcOptions { max_body_bytes: 100_000, ..WarcOptions::default() };
    let zeros = vec![b' '; 3_000_000];
    for (name, body) in
        [("gzip", gzip(&zeros)), ("deflate", zlib(&zeros)), ("br", brotli(&zeros)), ("zstd", zstd(&zeros))]
    {
        let block = http(&format!("Content-Encoding: {name}\r\n"), &body);
        let seen = read_with(&gzip(&record("response", "http://a.example/", &block)), &options);
        assert_eq!(seen.iter().map(Seen::kind).collect::<Vec<_>>(), [Some(FaultKind::OversizedBody)], "{name}");
    }
    let seen = read_with(&record("response", "http://a.example/", &http("", &zeros)), &options);
    assert_eq!(seen[0].kind(), Some(FaultKind::OversizedBody));
}

#[test]
fn records_above_the_limit_are_passed_over() {
    let options = WarcOptions { max_record_bytes: 200_000, ..WarcOptions::default() };
    let big = vec![b'x'; 1_000_000];
    let image = [b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n".to_vec(), big.clone()].concat();
    let records = vec![
        page(1),
        record("response", "http://a.example/big", &http("", &big)),
        record("response", "http://a.example/image", &image),
        record("metadata", "http://a.example/meta", &big),
        record_of_length("response", "http://a.example/lie", &http("", b"x"), 900_000_000_000),
        page(2),
    ];
    for packing in [Packing::Plain, Packing::GzipWhole, Packing::ZstdWhole] {
        let seen = short(&read_with(&packing.pack(&records), &options));
        let expected = ["ok 1", "oversized_record big", "ok image", "metadata", "bad_record lie", "ok 2"];
        assert_eq!(seen, expected, "{packing:?}");
    }
}

#[test]
fn pages_that_are_not_wanted_are_not_decoded() {
    let moved = b"HTTP/1.1 301 Moved\r\nContent-Type: Text/HTML; x=y\r\nContent-Encoding: gzip\r\n\r\nno gzip";
    let image = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\x89PNG";
    let file = tempfile::NamedTempFile::new().unwrap();
    let bytes = [record("response", "http://a/1", moved), record("response", "http://a/2", image)].concat();
    std::fs::write(file.path(), bytes).unwrap();
    let mut reader = WarcReader::open(file.path(), 0..u64::MAX, WarcOptions::default()).unwrap();
    let mut seen = Vec::new();
    while let Some(Ok(Entry::Page(page))) = reader.next() {
        seen.push((page.http_status, page.media_type.map(|name| name.into_owned()), page.html.is_none()));
    }
    let expected = [(Some(301), Some("text/html".to_owned()), true), (Some(200), Some("image/png".to_owned()), true)];
    assert_eq!(seen, expected);
}

#[test]
fn heads_of_old_and_careless_writers_are_read() {
    let loose = "WARC/0.18\nwarc-type:response\nSubject-URI: <http://old.example/>\nWARC-Record-ID: <urn:uuid:1>\n\
        X-Long: a\n  folded\nContent-Type: application/http;\n msgtype=response\nContent-Length: 66\n\n\
        HTTP/1.0 200 OK\nContent-Type: text/html;\n charset=latin1\n\nf\u{fc}r alle";
    let mut bytes: Vec<u8> = loose.chars().map(|c| c as u8).collect();
    bytes.extend_from_slice(b"\n\n");
    bytes.extend_from_slice(&page(3));
    let seen = read(&bytes);
    assert_eq!(short(&seen), ["ok ", "ok 3"], "{seen:?}");
    assert_eq!(html_of(&seen)[0], Some("für alle"));
}

#[test]
fn other_records_are_told_by_type_and_pages_without_address_are_faults() {
    let nameless = record("response", "", &http("", b"<p>a"));
    let located = record("response", "", &http("Content-Location: http://b.example/x\r\n", b"<p>a"));
    let records = [record("warcinfo", "", b""), record("revisit", "http://a/", b"x"), nameless, located];
    let seen = short(&read(&records.concat()));
    assert_eq!(seen, ["warcinfo", "revisit", "bad_record -", "ok x"]);
}

#[test]
fn undecodable_character_sets_and_missing_http_heads_are_faults() {
    let koreans = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=iso-2022-kr\r\n\r\nabc";
    let records = [record("response", "http://a/k", koreans), record("response", "http://a/h", b"<html>")];
    assert_eq!(short(&read(&records.concat())), ["bad_charset k", "bad_http h"]);
}
