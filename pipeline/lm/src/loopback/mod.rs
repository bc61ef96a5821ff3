//! An OpenAI-compatible server on this machine, in front of any worker.
//!
//! For three uses: `gristmill lm serve`, by which other programs (or another gristmill) use the embedded model;
//! examples that need a server and no network; and tests, for which it plays every fault that servers are known to
//! have, at a planned rate or in a written order, and counts what it was asked and what a metered server would have
//! charged for. It listens on 127.0.0.1 only. It does not stream, batch or embed.
//!
//! It runs on threads of its own, so a test may start one under a paused clock, or from code that is not async.
//!
//! Source of the wire format: OpenAI's API reference for `/v1/completions` and `/v1/chat/completions`, with vLLM's
//! `echo` and `logprobs` at `max_tokens` 0, by which texts are scored.

mod ask;
mod batches;
mod counters;
mod fault;
mod fields;
mod http;
mod refusal;
mod reply;
mod serve;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Deserialize;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

use crate::worker::Worker;
pub use counters::Counters;
pub use fault::{ContextWording, ErrorBody, Fault, FaultPlan};
use serve::Shared;

/// How the server behaves. The defaults are those of a plain server without faults.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerSettings {
    /// Port on 127.0.0.1; 0 for any that is free.
    pub port: u16,
    /// Name under which the model is listed; requests for another are answered 404. None lists the worker's own
    /// name and answers to any.
    pub model: Option<String>,
    /// Bearer token without which everything is answered 401; none for an open server.
    pub required_key: Option<String>,
    /// Milliseconds before each answer. Requests wait side by side.
    pub latency_ms: u64,
    /// Most alternatives per token that may be asked for; 20 as with vLLM and OpenAI.
    pub max_logprobs: u32,
    /// Longest body of a request, in bytes.
    pub max_body_bytes: usize,
    /// Threads that read, answer and run the worker; at least 1. A worker that computes occupies one.
    pub n_threads: usize,
    /// Whether requests are remembered one by one, at some 100 bytes each: needed for [`Counters::answers`], and for
    /// plans of faults to spare second attempts. Off for a server that runs for long.
    pub remember_requests: bool,
    /// Faults by request.
    pub faults: FaultPlan,
    /// Faults by order of arrival, before those of the plan: the n-th completion request meets the n-th entry,
    /// and none is a good answer. Requests after its end follow the plan.
    pub script: Vec<Option<Fault>>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            port: 0,
            model: None,
            required_key: None,
            latency_ms: 0,
            max_logprobs: 20,
            max_body_bytes: 16 << 20,
            n_threads: 2,
            remember_requests: true,
            faults: FaultPlan::default(),
            script: Vec::new(),
        }
    }
}

impl std::fmt::Debug for ServerSettings {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerSettings")
            .field("port", &self.port)
            .field("model", &self.model)
            .field("needs_key", &self.required_key.is_some())
            .field("latency_ms", &self.latency_ms)
            .field("faults", &self.faults)
            .field("n_script", &self.script.len())
            .finish_non_exhaustive()
    }
}

/// A running server; stops when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How long a stopping server waits for what its worker computes.
const STOP_WAIT: Duration = Duration::from_secs(1);
/// Pause after an accept that failed, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

impl Server {
    /// Starts a server; it accepts connections when this returns.
    ///
    /// # Errors
    /// When the port is taken, or threads cannot be started.
    pub fn start(worker: Arc<dyn Worker>, settings: ServerSettings) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(worker, settings));
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = mpsc::sync_channel(1);
        let inside = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("lm-loopback".into()).spawn(move || {
            run(&inside, &ready, stopped);
        })?;
        let address = started.recv().map_err(|_| io::Error::other("the server's thread died"))??;
        Ok(Self { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it is, as clients want it: `http://127.0.0.1:PORT/v1`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has seen so far. What a client has received is counted.
    pub fn counters(&self) -> Counters {
        self.shared.tally().counters.clone()
    }

    /// Serves until the process ends; blocks the calling thread.
    pub fn serve_forever(mut self) {
        if let Some(thread) = self.thread.take() {
            // Its panic has been reported by then, and nothing is left to serve.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(shared: &Arc<Shared>, ready: &mpsc::SyncSender<io::Result<SocketAddr>>, stopped: oneshot::Receiver<()>) {
    let n_threads = shared.settings().n_threads.max(1);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(n_threads)
        .thread_name("lm-loopback")
        .enable_all()
        .build();
    let started = runtime.and_then(|runtime| {
        let listener = runtime.block_on(async { listen(shared.settings().port) })?;
        Ok((listener.local_addr()?, listener, runtime))
    });
    // A caller that no longer waits for the outcome has dropped what would stop us as well.
    match started {
        Ok((address, listener, runtime)) => {
            let _ = ready.send(Ok(address));
            runtime.block_on(accept(shared, listener, stopped));
            runtime.shutdown_timeout(STOP_WAIT);
        }
        Err(error) => {
            let _ = ready.send(Err(error));
        }
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(BACKLOG)
}

async fn accept(shared: &Arc<Shared>, listener: TcpListener, mut stopped: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(Arc::clone(shared).serve(stream));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            // Sent never: the sender is dropped with the server.
            _ = &mut stopped => return,
        }
    }
}
