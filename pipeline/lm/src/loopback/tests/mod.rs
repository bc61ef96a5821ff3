//! The server as a client on a bare socket sees it. What is expected of a body is OpenAI's API reference, of a fault
//! what the named server is known to send.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Barrier;

use super::*;
use crate::error::{Failure, WorkerError};
use crate::ngram::{Ngram, NgramSettings};
use crate::request::{Completion, CompletionRequest, Identity, Message, Prompt, Role, Sampling, ScoreRequest, Scored};
use crate::worker::Capabilities;

mod faults;
mod routes;

const TEXT: &str = "/v1/completions";
const CHAT: &str = "/v1/chat/completions";

fn ngram() -> Ngram {
    let documents = ["The cat sat on the mat.", "The dog sat on the log.", "A cat and a dog met on the road."];
    Ngram::fit("local", NgramSettings::default(), documents)
}

fn server(settings: ServerSettings) -> Server {
    Server::start(Arc::new(ngram()), settings).unwrap()
}

fn scripted(fault: Fault) -> Server {
    server(ServerSettings { script: vec![Some(fault)], ..ServerSettings::default() })
}

/// More than the buffers of two sockets.
const LONG_BYTES: usize = 32 << 20;

/// Fails as the prompt says, meets others at a barrier, never answers, or answers more than sockets hold.
struct Odd {
    barrier: Barrier,
    n_waiting: Arc<AtomicU64>,
}

#[async_trait]
impl Worker for Odd {
    fn name(&self) -> &str {
        "odd"
    }

    fn identity(&self) -> Identity {
        Identity::default()
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Completion, WorkerError> {
        match request.prompt.plain().as_str() {
            "meet" => {
                self.barrier.wait().await;
                ngram().complete(request).await
            }
            "wait" => {
                self.n_waiting.fetch_add(1, Ordering::SeqCst);
                std::future::pending().await
            }
            "long" => {
                let mut long = ngram().complete(request).await?;
                long.text = "x".repeat(LONG_BYTES);
                Ok(long)
            }
            failure => {
                let failure = serde_json::from_value(failure.into()).unwrap();
                Err(WorkerError::new("odd", failure, "as asked"))
            }
        }
    }

    async fn score(&self, _: &ScoreRequest) -> Result<Scored, WorkerError> {
        Err(WorkerError::new("odd", Failure::Unsupported, "no scores"))
    }

    async fn probe(&self) -> Result<Capabilities, WorkerError> {
        Ok(Capabilities::default())
    }
}

fn odd(n: usize) -> Server {
    odd_waiting(n, &Arc::default())
}

/// The same, with the number of requests that wait for ever.
fn odd_waiting(n: usize, n_waiting: &Arc<AtomicU64>) -> Server {
    let worker = Odd { barrier: Barrier::new(n), n_waiting: Arc::clone(n_waiting) };
    Server::start(Arc::new(worker), ServerSettings::default()).unwrap()
}

/// Waits for what another thread does soon.
fn until(what: &str, happened: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !happened() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

struct Client {
    stream: TcpStream,
}

#[derive(Debug)]
struct Reply {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
    /// Whether the body is as long as promised.
    is_whole: bool,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Client {
    fn new(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) {
        let n = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\r\n{headers}\r\n{body}");
        self.stream.write_all(head.as_bytes()).unwrap();
    }

    fn receive(&mut self) -> std::io::Result<Reply> {
        let mut bytes = Vec::new();
        let mut one = [0u8];
        while !bytes.ends_with(b"\r\n\r\n") {
            if self.stream.read(&mut one)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            bytes.push(one[0]);
        }
        let head = String::from_utf8(bytes).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let n: u64 = headers.get("content-length").map_or(0, |n| n.parse().unwrap());
        let mut body = Vec::new();
        (&mut self.stream).take(n).read_to_end(&mut body)?;
        let is_whole = body.len() as u64 == n;
        Ok(Reply { status, headers, body: String::from_utf8(body).unwrap(), is_whole })
    }

    fn post(&mut self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, "", &body.to_string());
        self.receive().unwrap()
    }

    /// Whether the server has closed or reset the connection.
    fn is_closed(&mut self) -> bool {
        match self.stream.read(&mut [0u8]) {
            Ok(n) => n == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

fn prompt(text: &str) -> Value {
    json!({"prompt": text, "max_tokens": 5, "temperature": 0})
}

fn run<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}
