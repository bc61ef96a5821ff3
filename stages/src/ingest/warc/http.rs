//! The head of an HTTP response, and its body freed of chunks and content codings.
//!
//! Source: RFC 9110 (semantics), RFC 9112 (HTTP/1.1 messages, chunks in section 7.1). We differ where crawls do:
//! - Crawlers that store bodies decoded often leave `Transfer-Encoding: chunked` or `Content-Encoding` in the head. A body
//!   that begins like markup is then taken as it is.
//! - `Content-Length` of HTTP is not compared with the body: the WARC record's own length frames the body, and stored
//!   heads keep the length of what went over the wire.
//! - Unknown content codings (`utf-8`, `none`) are passed over as browsers do; known ones that we lack are a fault.

use super::FaultKind;
use super::body::{At, BodyError, Coding, Decoders};
use super::fields::{Fields, clean, is, list};

/// What of a response's head matters here. Reused from record to record.
#[derive(Debug, Default)]
pub(super) struct HttpHead {
    /// Status code.
    pub(super) status: Option<u16>,
    /// `Content-Type`; of several the last.
    pub(super) content_type: String,
    /// `Content-Location`.
    pub(super) location: String,
    /// All `X-Robots-Tag` fields, joined by `, `.
    pub(super) x_robots_tag: String,
    /// `TDM-Reservation`.
    pub(super) tdm_reservation: String,
    /// All `Content-Encoding` fields, joined.
    codings: String,
    /// All `Transfer-Encoding` fields, joined.
    transfer: String,
}

impl HttpHead {
    /// Forgets the record before.
    pub(super) fn clear(&mut self) {
        self.status = None;
        for field in [
            &mut self.content_type,
            &mut self.location,
            &mut self.x_robots_tag,
            &mut self.tdm_reservation,
            &mut self.codings,
            &mut self.transfer,
        ] {
            field.clear();
        }
    }

    /// Reads the head that a block begins with.
    ///
    /// # Errors
    /// When there is no status line.
    pub(super) fn read(&mut self, head: &[u8]) -> Result<(), String> {
        self.clear();
        let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
        self.status = Some(status_code(line).ok_or_else(|| {
            let start = String::from_utf8_lossy(&line[..line.len().min(60)]);
            format!("no HTTP status line: {:?}", start.trim_end())
        })?);
        for (name, value) in Fields::of(head) {
            let (field, joined) = match name.len() {
                12 if is(name, "content-type") => (&mut self.content_type, false),
                16 if is(name, "content-encoding") => (&mut self.codings, true),
                16 if is(name, "content-location") => (&mut self.location, false),
                17 if is(name, "transfer-encoding") => (&mut self.transfer, true),
                12 if is(name, "x-robots-tag") => (&mut self.x_robots_tag, true),
                15 if is(name, "tdm-reservation") => (&mut self.tdm_reservation, false),
                _ => continue,
            };
            if !joined {
                field.clear();
            } else if !field.is_empty() {
                field.push_str(", ");
            }
            clean(value, field);
        }
        Ok(())
    }

    /// The body without chunks and content codings; borrowed from `raw` if there were none.
    ///
    /// `partial`: the record says that it was cut, so what can be read of it is wanted.
    ///
    /// # Errors
    /// When the body is damaged, cut, or longer than `max_bytes`.
    pub(super) fn body<'a>(
        &self,
        raw: &'a [u8],
        decoders: &'a mut Decoders,
        max_bytes: usize,
        partial: bool,
    ) -> Result<&'a [u8], (FaultKind, String)> {
        if raw.is_empty() {
            return Ok(raw);
        }
        let chunked = list(&self.transfer).next_back().is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
        let mut source = At::Raw;
        if chunked && (!looks_decoded(raw, &self.codings) || chunk_size(raw).is_ok()) {
            source = decoders.next(source, raw, |from, out, _| dechunk(from, out), partial)?;
        }
        let transfer = list(&self.transfer).rev().filter(|coding| !coding.eq_ignore_ascii_case("chunked"));
        for name in transfer.chain(list(&self.codings).rev()) {
            match Coding::of(name) {
                None => {}
                Some(Coding::Unsupported) => {
                    return Err((FaultKind::BadEncoding, format!("the content coding {name:.40} cannot be read")));
                }
                Some(coding) => {
                    if is_markup(decoders.bytes(source, raw)) {
                        continue;
                    }
                    source = decoders.next(
                        source,
                        raw,
                        |from, out, tools| tools.run(coding, from, out, max_bytes),
                        partial,
                    )?;
                }
            }
        }
        let body = decoders.bytes(source, raw);
        if body.len() > max_bytes {
            return Err((
                FaultKind::OversizedBody,
                format!("the body has {} bytes, the limit is {max_bytes}", body.len()),
            ));
        }
        Ok(body)
    }
}

/// The code of `HTTP/1.1 200 OK`.
fn status_code(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/").or_else(|| line.strip_prefix(b"ICY"))?;
    let mut words = rest.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let code = words.find(|word| word.len() == 3 && word.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(code).ok()?.parse().ok()
}

/// Whether a body begins as HTML does: so no coding is on it.
fn is_markup(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let body = body[..body.len().min(256)].trim_ascii_start();
    matches!(body, [b'<', next, ..] if next.is_ascii_alphabetic() || *next == b'!' || *next == b'?')
}

/// Whether a body that should be in chunks begins with what should be inside them.
fn looks_decoded(body: &[u8], codings: &str) -> bool {
    is_markup(body)
        || (!codings.is_empty() && (body.starts_with(&[0x1f, 0x8b]) || body.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])))
}

/// Size of the chunk that begins here, and the length of the line that says so.
fn chunk_size(data: &[u8]) -> Result<(usize, usize), BodyError> {
    let bad = || {
        let line = data.split(|&byte| byte == b'\n').next().unwrap_or_default();
        BodyError::BadChunk(format!("no chunk size: {:?}", String::from_utf8_lossy(&line[..line.len().min(20)])))
    };
    match httparse::parse_chunk_size(&data[..data.len().min(1024)]) {
        Ok(httparse::Status::Complete((n, size))) if data[0] != b'\r' && data[0] != b';' => {
            Ok((n, usize::try_from(size).map_err(|_| bad())?))
        }
        Ok(httparse::Status::Partial) if data.len() < 1024 => {
            Err(BodyError::Cut("the body ends before its last chunk".to_owned()))
        }
        _ => Err(bad()),
    }
}

/// Joins chunks.
fn dechunk(mut data: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
    out.reserve(data.len());
    loop {
        let (n, size) = chunk_size(data)?;
        data = &data[n..];
        if size == 0 {
            return Ok(());
        }
        out.extend_from_slice(&data[..size.min(data.len())]);
        let Some(rest) = data.get(size..) else {
            return Err(BodyError::Cut(format!("the body ends {} bytes before its chunk does", size - data.len())));
        };
        data = match rest {
            [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => rest,
            [] | [b'\r'] => return Err(BodyError::Cut("the body ends before its last chunk".to_owned())),
            _ => return Err(BodyError::BadChunk("a chunk is longer than its size says".to_owned())),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(head: &str, raw: &[u8]) -> Result<Vec<u8>, (FaultKind, String)> {
        let mut http = HttpHead::default();
        http.read(head.as_bytes()).unwrap();
        http.body(raw, &mut Decoders::default(), 1000, false).map(<[u8]>::to_vec)
    }

    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    #[test]
    fn chunks_are_joined_and_bad_ones_told_apart() {
        assert_eq!(body(CHUNKED, b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n").unwrap(), b"abcde");
        assert_eq!(body(CHUNKED, b"3\r\nabc\r\nzz\r\nde\r\n0\r\n\r\n").unwrap_err().0, FaultKind::BadChunk);
        assert_eq!(body(CHUNKED, b"q\r\nabc\r\n0\r\n\r\n").unwrap_err().0, FaultKind::BadChunk);
        assert_eq!(body(CHUNKED, b"2\r\nabc\r\n0\r\n\r\n").unwrap_err().0, FaultKind::BadChunk);
        assert_eq!(body(CHUNKED, b"3\r\nabc\r\n9\r\nde").unwrap_err().0, FaultKind::CutBody);
        assert_eq!(body(CHUNKED, b"3\r\nabc\r\n").unwrap_err().0, FaultKind::CutBody);
        assert_eq!(body(CHUNKED, b"<p>stored without chunks").unwrap(), b"<p>stored without chunks");
    }

    #[test]
    fn status_lines_of_the_wild_are_read() {
        let cases: [(&[u8], Option<u16>); 5] = [
            (b"HTTP/1.1 200 OK\r", Some(200)),
            (b"HTTP/2 404", Some(404)),
            (b"HTTP/1.0  301  Moved", Some(301)),
            (b"<html>", None),
            (b"HTTP/1.1", None),
        ];
        for (line, code) in cases {
            assert_eq!(status_code(line), code);
        }
    }

    #[test]
    fn unknown_codings_are_passed_over_and_lacking_ones_a_fault() {
        assert_eq!(body("HTTP/1.1 200 OK\r\nContent-Encoding: UTF-8\r\n\r\n", b"abc").unwrap(), b"abc");
        assert_eq!(body("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", b"<p>plain").unwrap(), b"<p>plain");
        let error = body("HTTP/1.1 200 OK\r\nContent-Encoding: compress\r\n\r\n", b"abc").unwrap_err();
        assert_eq!(error.0, FaultKind::BadEncoding);
    }
}
