//! A server that answers with the bytes a test gives it: for answers that no well-made server sends.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request, as it came.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Method and path.
    pub(super) line: String,
    /// Header lines.
    pub(super) head: String,
    /// The body; null when there was none.
    pub(super) body: Value,
}

/// What is sent back, and what becomes of the connection.
#[derive(Clone)]
pub(super) struct Reply {
    bytes: Vec<u8>,
    holds: bool,
}

impl Reply {
    /// An answer with these headers, which goes on as `body` does.
    pub(super) fn new(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let n_bytes = body.as_ref().len().to_string();
        let mut head = format!("HTTP/1.1 {status} -\r\n");
        for (name, value) in [("connection", "close"), ("content-length", &n_bytes)].iter().chain(headers) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        Self::raw([head.as_bytes(), body.as_ref()].concat())
    }

    /// 200 with a JSON body.
    pub(super) fn json(body: &Value) -> Self {
        Self::new(200, &[], body.to_string())
    }

    /// Bytes as they are, and the end of the connection.
    pub(super) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), holds: false }
    }

    /// The same, but the connection stays open and silent.
    pub(super) fn held(self) -> Self {
        Self { holds: true, ..self }
    }
}

/// A server on loopback, as long as the test's runtime lives.
pub(super) struct Canned {
    pub(super) base_url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Canned {
    /// Answers each request with what the function makes of it; it is also told how many came before.
    pub(super) async fn start(reply: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (seen, reply) = (Arc::clone(&asked), Arc::new(reply));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&seen), Arc::clone(&reply)));
            }
        });
        Self { base_url, asked }
    }

    /// Answers each request alike.
    pub(super) async fn always(reply: Reply) -> Self {
        Self::start(move |_, _| reply.clone()).await
    }

    /// The requests so far, in order of arrival.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    seen: Arc<Mutex<Vec<Asked>>>,
    reply: Arc<impl Fn(&Asked, usize) -> Reply + Send + Sync>,
) {
    let Some(asked) = request(&mut stream).await else { return };
    let n_before = {
        let mut seen = seen.lock().unwrap();
        seen.push(asked.clone());
        seen.len() - 1
    };
    let answer = reply(&asked, n_before);
    // A client that has had enough closes while this is sent.
    let _ = stream.write_all(&answer.bytes).await;
    if answer.holds {
        std::future::pending::<()>().await;
    }
    let _ = stream.shutdown().await;
}

async fn request(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let (line, head) = text.split_once("\r\n").unwrap();
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let n_bytes = head_end + 4 + length.unwrap_or(0);
    while bytes.len() < n_bytes {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = serde_json::from_slice(&bytes[head_end + 4..]).unwrap_or_default();
    Some(Asked { line: line.trim_end_matches(" HTTP/1.1").to_owned(), head: head.to_owned(), body })
}
