//! What the pool costs: CPU per request where nothing else costs anything, and the share of the ideal rate that is reached
//! where each reply takes a while.
//!
//! No harness: the figures are of the process's own CPU clock, and each is printed beside what it should be (10,000
//! requests: under 100 microseconds of CPU each; 64 in flight at 50 ms: 95 % of the ideal). Run by
//! `cargo bench --workspace --bench pool`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::sync::Arc;
use std::time::Instant;

use futures::stream::{self, StreamExt};
use gristmill_lm::journal::{Journal, Journaled, Keeper};
use gristmill_lm::loopback::{Server, ServerSettings};
use gristmill_lm::ngram::{Ngram, NgramSettings};
use gristmill_lm::openai::{Guided, OpenAi, OpenAiSettings};
use gristmill_lm::pool::{Pool, PoolSettings};
use gristmill_lm::{CompletionRequest, Prompt, Sampling, Worker};

const N_REQUESTS: usize = 10_000;
const IN_FLIGHT: usize = 64;

/// CPU seconds of this process so far: user and system, in the hundredths of a second that Linux counts.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

fn server(latency_ms: u64) -> Server {
    let model = Ngram::fit("made-up", NgramSettings::default(), ["The miller grinds the grain."]);
    let settings = ServerSettings { latency_ms, remember_requests: false, ..ServerSettings::default() };
    Server::start(Arc::new(model), settings).unwrap()
}

fn client(server: &Server) -> Arc<dyn Worker> {
    let settings = OpenAiSettings { guided: Guided::Openai, ..OpenAiSettings::new("w", server.url(), "made-up") };
    Arc::new(OpenAi::new(settings).unwrap())
}

fn pool(worker: Arc<dyn Worker>) -> Arc<dyn Worker> {
    let mut settings = PoolSettings { max_in_flight: IN_FLIGHT as u32, ..PoolSettings::default() };
    settings.adaptive.start_in_flight = Some(IN_FLIGHT as u32);
    Arc::new(Pool::new(worker, settings))
}

/// Seconds on the clock and of CPU that so many requests take, as many at a time as a recipe asks.
async fn time(worker: Arc<dyn Worker>, n_requests: usize, at_a_time: usize) -> (f64, f64) {
    let (clock, cpu) = (Instant::now(), cpu_seconds());
    stream::iter(0..n_requests)
        .map(|i| {
            let worker = Arc::clone(&worker);
            let sampling = Sampling { max_tokens: 1, ..Sampling::default() };
            let request = CompletionRequest::new(Prompt::Text(format!("Request {i}.")), sampling);
            tokio::spawn(async move { worker.complete(&request).await.unwrap() })
        })
        .buffered(at_a_time)
        .for_each(|reply| async { drop(reply.unwrap()) })
        .await;
    (clock.elapsed().as_secs_f64(), cpu_seconds() - cpu)
}

fn main() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let fast = server(0);
        // Connections and the allocator are warm before anything counts.
        time(client(&fast), 1_000, IN_FLIGHT).await;
        let (_, bare) = time(client(&fast), N_REQUESTS, IN_FLIGHT).await;
        let (_, pooled) = time(pool(client(&fast)), N_REQUESTS, IN_FLIGHT).await;
        let each = |seconds: f64| seconds * 1e6 / N_REQUESTS as f64;
        println!("CPU per request: client {:.0} us, pool and client {:.0} us", each(bare), each(pooled));
        println!("the pool adds {:.0} us (at most 100)", each(pooled - bare));

        let slow = server(50);
        let ideal = (N_REQUESTS / IN_FLIGHT) as f64 * 0.05;
        let (bare, _) = time(client(&slow), N_REQUESTS, IN_FLIGHT).await;
        let (pooled, _) = time(pool(client(&slow)), N_REQUESTS, 4 * IN_FLIGHT).await;
        let share = |seconds: f64| 100.0 * ideal / seconds;
        println!("50 ms, 64 in flight: {:.1} % of the ideal rate without a pool", share(bare));
        println!("with the pool {:.1} % (at least 95)", share(pooled));

        let folder = std::env::temp_dir().join(format!("gristmill-bench-{}", std::process::id()));
        let journal = Arc::new(Journal::open(&folder).unwrap());
        let kept = Arc::new(Keeper::new(client(&slow), Arc::clone(&journal)));
        let journaled = Arc::new(Journaled::new(pool(kept), journal));
        let (kept, _) = time(journaled, N_REQUESTS, 4 * IN_FLIGHT).await;
        println!("with pool and journal {:.1} %", share(kept));
        std::fs::remove_dir_all(folder).unwrap();
    });
}
