//! HTTP/1.1 as far as clients of a model server need it: requests with a `Content-Length`, answers in one piece,
//! connections that stay open.
//!
//! By hand, because the faults to be played (a body cut short, a reset, a head without its body) are those that an
//! HTTP library exists to prevent. Left out: chunked requests (411), pipelining beyond the next request, trailers.

use std::io::{self, Write as _};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::refusal::Refusal;

/// Longest head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Most header lines of a request.
const MAX_HEADERS: usize = 100;
/// Pieces in which a slow body is sent.
const N_DRIPS: u32 = 8;

/// A request, read as a whole.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    /// The bearer token, if one was sent.
    pub(super) key: Option<String>,
    pub(super) keep_alive: bool,
    pub(super) body: Bytes,
}

/// What is sent back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) retry_after: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self { status, content_type: "application/json", retry_after: None, body: body.to_string().into_bytes() }
    }

    pub(super) fn text(status: u16, content_type: &'static str, body: &str) -> Self {
        Self { status, content_type, retry_after: None, body: body.as_bytes().to_vec() }
    }

    /// Head and body as they go over the wire.
    fn bytes(&self, keep_alive: bool) -> (Vec<u8>, usize) {
        let mut out = Vec::with_capacity(256 + self.body.len());
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let head = write!(
            out,
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {connection}\r\n",
            self.status,
            reason(self.status),
            self.content_type,
            self.body.len(),
        );
        if let Some(value) = &self.retry_after {
            out.extend_from_slice(b"Retry-After: ");
            out.extend(value.bytes().filter(|byte| !byte.is_ascii_control()));
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        debug_assert!(head.is_ok(), "writing to memory");
        let n_head = out.len();
        out.extend_from_slice(&self.body);
        (out, n_head)
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Payload Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        529 => "Site is overloaded",
        _ => "Status",
    }
}

/// One connection with what was read from it and not yet used.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
    max_body_bytes: usize,
}

/// Why no request could be read.
#[derive(Debug)]
pub(super) enum Unread {
    /// The client is done, or gone.
    Closed,
    /// What it sent is refused; the connection cannot be used further.
    Refused(Refusal),
}

impl From<io::Error> for Unread {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

/// What the head of a request says.
struct Head {
    request: Request,
    n_head_bytes: usize,
    n_body_bytes: usize,
    waits_for_continue: bool,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, max_body_bytes: usize) -> Self {
        Self { stream, buffer: BytesMut::new(), max_body_bytes }
    }

    /// The next request.
    pub(super) async fn request(&mut self) -> Result<Request, Unread> {
        let head = loop {
            let head = self.head().map_err(Unread::Refused)?;
            let n_bytes = head.as_ref().map_or(self.buffer.len(), |head| head.n_head_bytes);
            if n_bytes > MAX_HEAD_BYTES {
                return Err(Unread::Refused(Refusal::unread(431, "The head of the request is too long.")));
            }
            if let Some(head) = head {
                break head;
            }
            self.fill(4096).await?;
        };
        if head.n_body_bytes > self.max_body_bytes {
            let message = format!("A request may have {} bytes.", self.max_body_bytes);
            return Err(Unread::Refused(Refusal::unread(413, &message)));
        }
        self.buffer.advance(head.n_head_bytes);
        if head.waits_for_continue && self.buffer.len() < head.n_body_bytes {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        while self.buffer.len() < head.n_body_bytes {
            self.fill(head.n_body_bytes - self.buffer.len()).await?;
        }
        let body = self.buffer.split_to(head.n_body_bytes).freeze();
        Ok(Request { body, ..head.request })
    }

    async fn fill(&mut self, n_bytes: usize) -> Result<(), Unread> {
        // A promised body is believed as far as it comes: room for all of it at once would be the client's to take.
        self.buffer.reserve(n_bytes.clamp(1, 64 * 1024));
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(Unread::Closed),
            _ => Ok(()),
        }
    }

    /// The head of the request in the buffer; none if it is not there yet.
    fn head(&self) -> Result<Option<Head>, Refusal> {
        if self.buffer.is_empty() {
            return Ok(None);
        }
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let n_head_bytes = match parsed.parse(&self.buffer) {
            Ok(httparse::Status::Complete(n)) => n,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(Refusal::unread(431, "There are too many headers.")),
            Err(error) => return Err(Refusal::unread(400, &format!("This is not HTTP: {error}."))),
        };
        let path = parsed.path.unwrap_or_default();
        let mut head = Head {
            request: Request {
                method: parsed.method.unwrap_or_default().to_owned(),
                path: path.split('?').next().unwrap_or_default().to_owned(),
                key: None,
                keep_alive: parsed.version == Some(1),
                body: Bytes::new(),
            },
            n_head_bytes,
            n_body_bytes: 0,
            waits_for_continue: false,
        };
        for header in parsed.headers.iter() {
            head.read(header.name, header.value)?;
        }
        Ok(Some(head))
    }

    /// Sends an answer.
    pub(super) async fn send(&mut self, answer: &Answer, keep_alive: bool) -> io::Result<()> {
        self.stream.write_all(&answer.bytes(keep_alive).0).await
    }

    /// Sends an answer whose body drips over `ms` milliseconds, all but its last piece, which is given back.
    pub(super) async fn drip(&mut self, answer: &Answer, keep_alive: bool, ms: u64) -> io::Result<Vec<u8>> {
        let (mut bytes, n_head) = answer.bytes(keep_alive);
        let pause = Duration::from_millis(ms) / N_DRIPS;
        let piece = answer.body.len().div_ceil(N_DRIPS as usize).max(1);
        let mut rest = bytes.split_off(n_head);
        self.stream.write_all(&bytes).await?;
        loop {
            if self.closes_within(pause).await {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if rest.len() <= piece {
                return Ok(rest);
            }
            let after = rest.split_off(piece);
            self.stream.write_all(&rest).await?;
            rest = after;
        }
    }

    /// Sends the end of an answer.
    pub(super) async fn send_rest(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends an answer without the second half of its body.
    pub(super) async fn send_half(&mut self, answer: &Answer) -> io::Result<()> {
        let (bytes, n_head) = answer.bytes(true);
        self.stream.write_all(&bytes[..n_head + answer.body.len() / 2]).await?;
        self.stream.shutdown().await
    }

    /// Sends an answer to a request that was not read to its end, and closes.
    ///
    /// What the client still sends is read for a while: closing over unread bytes resets the connection, and the
    /// client would lose the answer.
    pub(super) async fn send_last(mut self, answer: &Answer) -> io::Result<()> {
        self.send(answer, false).await?;
        self.stream.shutdown().await?;
        let mut left = self.max_body_bytes.saturating_mul(4);
        let drain = async {
            let mut bytes = vec![0u8; 16 * 1024];
            while left > 0 {
                match self.stream.read(&mut bytes).await {
                    Ok(0) | Err(_) => break,
                    Ok(n) => left = left.saturating_sub(n),
                }
            }
        };
        // Out of time is as good as drained: the client had its chance.
        let _ = tokio::time::timeout(Duration::from_secs(2), drain).await;
        Ok(())
    }

    /// Resets the connection.
    pub(super) fn reset(self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }

    /// Waits until the client closes; bytes of a next request are kept for it.
    pub(super) async fn closed(&mut self) {
        loop {
            if self.buffer.len() > MAX_HEAD_BYTES {
                std::future::pending::<()>().await;
            }
            if self.fill(4096).await.is_err() {
                return;
            }
        }
    }

    /// Waits, and says whether the client closed meanwhile.
    pub(super) async fn closes_within(&mut self, pause: Duration) -> bool {
        if pause.is_zero() {
            // One look: the timer would take a millisecond even for none.
            tokio::select! {
                biased;
                () = self.closed() => return true,
                () = std::future::ready(()) => return false,
            }
        }
        tokio::time::timeout(pause, self.closed()).await.is_ok()
    }
}

impl Head {
    fn read(&mut self, name: &str, value: &[u8]) -> Result<(), Refusal> {
        let value = String::from_utf8_lossy(value);
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let invalid = || Refusal::unread(400, "Content-Length is no number.");
            self.n_body_bytes = value.parse().map_err(|_| invalid())?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(Refusal::unread(411, "A request needs a Content-Length; chunks are not read."));
        } else if name.eq_ignore_ascii_case("authorization") {
            let (scheme, key) = value.split_once(' ').unwrap_or((value, ""));
            self.request.key = scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned());
        } else if name.eq_ignore_ascii_case("connection") {
            let says = |what: &str| value.split(',').any(|token| token.trim().eq_ignore_ascii_case(what));
            self.request.keep_alive = (self.request.keep_alive || says("keep-alive")) && !says("close");
        } else if name.eq_ignore_ascii_case("expect") {
            self.waits_for_continue = value.eq_ignore_ascii_case("100-continue");
        }
        Ok(())
    }
}
