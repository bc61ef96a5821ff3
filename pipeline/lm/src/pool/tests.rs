//! What a pool promises, against planned workers under a paused clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::fake::{Call, Fake, ask, fault, reply};
use super::*;
use crate::error::Action;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn pool(worker: Arc<Fake>, settings: PoolSettings) -> Pool {
    assert_eq!(settings.problems(), Vec::<String>::new());
    Pool::new(worker, settings)
}

async fn complete_all(pool: &Pool, prompts: &[String]) -> Vec<Result<Completion, WorkerError>> {
    let requests: Vec<_> = prompts.iter().map(|prompt| ask(prompt, 10)).collect();
    join_all(requests.iter().map(|request| pool.complete(request))).await
}

fn prompts(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("prompt {i}")).collect()
}

/// Three in ten calls fail, by a hash of the prompt and the number of the call.
fn shaky(call: &Call) -> (Duration, Result<Completion, WorkerError>) {
    let hash = xxh3_64_with_seed(call.prompt.as_bytes(), u64::from(call.before));
    let latency = MS(20 + hash / 1_000 % 100);
    let status = |failure, status| WorkerError { status: Some(status), ..fault(failure) };
    let result = match hash % 100 {
        0..6 => Err(WorkerError { retry_after: Some(MS(500)), ..status(Failure::Rate, 429) }),
        6..12 => Err(status(Failure::Overload, 500)),
        12..16 => Err(status(Failure::Overload, 503)),
        16..20 => Err(fault(Failure::Connection)),
        20..24 => Err(fault(Failure::Abnormal)),
        24..27 => Err(fault(Failure::Timeout)),
        27..30 => Err(fault(Failure::Malformed)),
        _ => Ok(reply(&call.prompt)),
    };
    (latency, result)
}

#[tokio::test(start_paused = true)]
async fn with_three_in_ten_failing_every_request_ends_once_in_any_order() {
    let mut outcomes = Vec::new();
    for reversed in [false, true] {
        let worker = Arc::new(Fake::new("w", shaky));
        let pool = pool(Arc::clone(&worker), PoolSettings { max_in_flight: 64, ..PoolSettings::default() });
        let mut prompts = prompts(5_000);
        if reversed {
            prompts.reverse();
        }
        let replies = complete_all(&pool, &prompts).await;
        assert!(prompts.iter().zip(&replies).all(|(p, r)| r.as_ref().is_ok_and(|r| r.text == *p) || r.is_err()));
        let metrics = pool.metrics();
        let n_failed: u64 = metrics.failures.values().sum();
        assert_eq!((metrics.requests, metrics.replies + n_failed, metrics.shared), (5_000, 5_000, 0));
        assert_eq!(metrics.attempts, worker.n_calls());
        assert_eq!(metrics.attempts, metrics.replies + metrics.failed_attempts.values().sum::<u64>());
        assert!(metrics.in_flight_peak <= 64);
        // Malformed ones fail at once: about 3 % of first calls and as many of later ones; of the rest 0.27^6 give up.
        assert!((100..350).contains(&n_failed), "{n_failed}");
        assert!(metrics.failures.keys().all(|failure| failure.action() != Action::StopWorker));
        let by_prompt: BTreeMap<_, _> =
            prompts.into_iter().zip(replies.into_iter().map(|r| r.map(|r| r.text))).collect();
        outcomes.push(by_prompt.into_iter().filter_map(|(p, r)| r.is_ok().then_some(p)).collect::<Vec<_>>());
    }
    assert_eq!(outcomes[0], outcomes[1]);
}

#[tokio::test(start_paused = true)]
async fn a_budget_is_used_up_and_never_overspent() {
    let price_per_million = Price { prompt: 1.0, completion: 2.0 };
    let budgets = [
        Budget { max_requests: Some(300), ..Budget::default() },
        Budget { max_tokens: Some(30_000), ..Budget::default() },
        Budget { max_cost: Some(0.05), price_per_million, ..Budget::default() },
    ];
    for budget in budgets {
        let worker = Arc::new(Fake::new("w", |call| {
            let (latency, result) = shaky(call);
            let hash = xxh3_64_with_seed(call.prompt.as_bytes(), 9);
            (latency, result.map(|reply| Completion { completion_tokens: hash % 101, ..reply }))
        }));
        let settings = PoolSettings { max_in_flight: 32, budget: budget.clone(), ..PoolSettings::default() };
        let pool = pool(Arc::clone(&worker), settings);
        let requests: Vec<_> = prompts(3_000).iter().map(|prompt| ask(prompt, 100)).collect();
        let replies = join_all(requests.iter().map(|request| pool.complete(request))).await;
        let spent = pool.metrics();
        let n_refused = replies.iter().flat_map(|r| r.as_ref().err()).filter(|e| e.failure == Failure::Budget).count();
        assert!(n_refused > 1_000, "{n_refused}");
        if let Some(most) = budget.max_requests {
            assert_eq!(worker.n_calls(), most);
        }
        // Lost attempts count in full (prompt of 81 at most, reply of 100), so that a little of the rest stays unspent.
        if let Some(most) = budget.max_tokens {
            let used = spent.prompt_tokens + spent.completion_tokens;
            assert!(used <= most && used > most / 2, "{used} of {most}");
        }
        if let Some(most) = budget.max_cost {
            assert!(spent.cost <= most && spent.cost > most * 0.99, "{} of {most}", spent.cost);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_document_fails_while_a_worker_is_down_and_it_resumes() {
    let start = Instant::now();
    let worker = Arc::new(Fake::new("w", move |call| {
        let down = (5..300).contains(&start.elapsed().as_secs());
        (MS(100), if down { Err(fault(Failure::Connection)) } else { Ok(reply(&call.prompt)) })
    }));
    let pool = pool(Arc::clone(&worker), PoolSettings { max_in_flight: 8, ..PoolSettings::default() });
    let replies = complete_all(&pool, &prompts(1_000)).await;
    assert!(replies.iter().all(Result::is_ok));
    let metrics = pool.metrics();
    // The eight in flight find out, and then one asks after 1, 2, 4, 8, 16 and every 30 s: 5 + 9 times to 300 s.
    let failed = metrics.failed_attempts[&Failure::Connection];
    assert!((5..=8 + 15).contains(&failed), "{failed}");
    assert!(start.elapsed() < Duration::from_secs(350), "{:?}", start.elapsed());
    assert!(metrics.waiting.down_seconds > 250.0);
}

#[tokio::test(start_paused = true)]
async fn the_last_request_of_a_run_outlasts_a_worker_that_is_down() {
    let worker = Arc::new(Fake::new("w", |call| {
        (MS(100), if call.before < 15 { Err(fault(Failure::Connection)) } else { Ok(reply("")) })
    }));
    let pool = pool(worker, PoolSettings { max_attempts: 2, request_seconds: 5.0, ..PoolSettings::default() });
    assert_eq!(pool.complete(&ask("p", 1)).await.unwrap().attempts, 16);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_stays_down_stops_the_run() {
    let worker = Arc::new(Fake::new("w", |_| (MS(1), Err(fault(Failure::Connection)))));
    let pool = pool(Arc::clone(&worker), PoolSettings::default());
    let start = Instant::now();
    let replies = complete_all(&pool, &prompts(100)).await;
    assert!(replies.iter().all(|r| r.as_ref().is_err_and(|e| e.failure.action() == Action::StopWorker)));
    assert!(replies[0].as_ref().is_err_and(|e| e.message.contains("down for 600 s")), "{:?}", replies[0]);
    assert_eq!(start.elapsed().as_secs(), 600);
    assert!(worker.n_calls() < 16 + 30 + 100, "{}", worker.n_calls());
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept_and_used_up() {
    let worker = Arc::new(Fake::echo("w", 200));
    let settings = PoolSettings { max_in_flight: 64, requests_per_minute: Some(600.0), ..PoolSettings::default() };
    let pool = pool(worker, settings);
    let start = Instant::now();
    complete_all(&pool, &prompts(1_200)).await;
    let seconds = start.elapsed().as_secs_f64();
    assert!((seconds / 120.0 - 1.0).abs() < 0.05, "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn a_rate_of_tokens_is_kept_by_what_was_used() {
    // 20 tokens used of about 115 reserved; 60,000 a minute make 50 requests a second.
    let worker = Arc::new(Fake::echo("w", 200));
    let settings = PoolSettings { max_in_flight: 64, tokens_per_minute: Some(60_000.0), ..PoolSettings::default() };
    let pool = pool(worker, settings);
    let requests: Vec<_> = prompts(3_000).iter().map(|prompt| ask(prompt, 100)).collect();
    let start = Instant::now();
    join_all(requests.iter().map(|request| pool.complete(request))).await;
    let seconds = start.elapsed().as_secs_f64();
    assert!((seconds / 60.0 - 1.0).abs() < 0.05, "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_server_asks_for_holds_back_all() {
    let start = Instant::now();
    let worker = Arc::new(Fake::new("w", move |call| {
        let refused = start.elapsed() < Duration::from_secs(20);
        let error = WorkerError { retry_after: Some(Duration::from_secs(20)), ..fault(Failure::Rate) };
        (MS(10), if refused { Err(error) } else { Ok(reply(&call.prompt)) })
    }));
    let pool = pool(Arc::clone(&worker), PoolSettings { max_in_flight: 4, ..PoolSettings::default() });
    let replies = complete_all(&pool, &prompts(100)).await;
    assert!(replies.iter().all(Result::is_ok));
    assert_eq!(pool.metrics().failed_attempts, BTreeMap::from([(Failure::Rate, 4)]));
}

#[tokio::test(start_paused = true)]
async fn a_wait_longer_than_allowed_stops_the_worker() {
    let error = WorkerError { retry_after: Some(Duration::from_secs(40_000)), ..fault(Failure::Rate) };
    let worker = Arc::new(Fake::new("w", move |_| (MS(1), Err(error.clone()))));
    let refused = pool(worker, PoolSettings::default()).complete(&ask("p", 1)).await.unwrap_err();
    assert_eq!((refused.failure, refused.attempts), (Failure::Quota, 1));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_queues_is_not_given_all_it_would_take() {
    // Eight at a time, 100 ms each: what is above eight only waits.
    let queueing = |call: &Call| (MS(100 * call.in_flight.div_ceil(8)), Ok(reply(&call.prompt)));
    let worker = Arc::new(Fake::new("w", queueing));
    let mut settings = PoolSettings { max_in_flight: 256, ..PoolSettings::default() };
    settings.adaptive.start_in_flight = Some(8);
    let queued = pool(Arc::clone(&worker), settings.clone());
    complete_all(&queued, &prompts(5_000)).await;
    let metrics = queued.metrics();
    // Three times 100 ms are borne: 24 in flight, give or take a step up.
    assert!((8..=40).contains(&metrics.in_flight_limit), "{}", metrics.in_flight_limit);
    assert!(metrics.latency.p95_ms < 600.0, "{}", metrics.latency.p95_ms);
    settings.adaptive.enabled = false;
    let pushed = pool(worker, settings);
    complete_all(&pushed, &prompts(5_000)).await;
    assert!(pushed.metrics().latency.p50_ms > 3_000.0);
}

#[tokio::test(start_paused = true)]
async fn equal_requests_in_flight_share_one_reply() {
    let worker = Arc::new(Fake::echo("w", 100));
    let pool = pool(Arc::clone(&worker), PoolSettings::default());
    let replies = complete_all(&pool, &vec!["same".to_owned(); 10]).await;
    assert!(replies.iter().all(|r| r.as_ref().is_ok_and(|r| r.text == "same")));
    assert_eq!((worker.n_calls(), pool.metrics().shared, pool.metrics().replies), (1, 9, 1));
    // Another draw of the same prompt is another request, and so is the same one once the first is answered.
    pool.complete(&ask("same", 10).with_sample(1)).await.unwrap();
    pool.complete(&ask("same", 10)).await.unwrap();
    assert_eq!(worker.n_calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn only_failures_that_pass_are_asked_again() {
    for failure in [Failure::BadRequest, Failure::ContextLength, Failure::Refused, Failure::Auth, Failure::Quota] {
        let worker = Arc::new(Fake::new("w", move |_| (MS(1), Err(fault(failure)))));
        let error = pool(worker, PoolSettings::default()).complete(&ask("p", 1)).await.unwrap_err();
        assert_eq!((error.failure, error.attempts), (failure, 1));
    }
    let worker = Arc::new(Fake::new("w", |call| {
        (MS(1), if call.before < 3 { Err(fault(Failure::Abnormal)) } else { Ok(reply("")) })
    }));
    let settings = PoolSettings { max_attempts: 3, ..PoolSettings::default() };
    let pool = pool(worker, settings);
    let error = pool.complete(&ask("p", 1)).await.unwrap_err();
    assert_eq!((error.failure, error.attempts), (Failure::Abnormal, 3));
    assert_eq!(pool.complete(&ask("p", 1)).await.unwrap().attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_ends_within_its_time() {
    let worker = Arc::new(Fake::new("w", |call| {
        (MS(40_000), if call.before < 2 { Err(fault(Failure::Abnormal)) } else { Ok(reply("")) })
    }));
    let settings = PoolSettings { request_seconds: 100.0, max_in_flight: 1, ..PoolSettings::default() };
    let pool = pool(worker, settings);
    let start = Instant::now();
    let replies = complete_all(&pool, &prompts(3)).await;
    assert!(replies.iter().all(|r| r.as_ref().is_err_and(|e| e.failure == Failure::Timeout)));
    // Each is given its 100 s although the others take its place meanwhile.
    assert!((270..=300).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn scores_pass_the_same_gates() {
    let budget = Budget { max_requests: Some(1), ..Budget::default() };
    let pool = pool(Arc::new(Fake::echo("w", 1)), PoolSettings { budget, ..PoolSettings::default() });
    let request = |text: &str| ScoreRequest { context: String::new(), text: text.to_owned(), top: 0 };
    assert!(pool.score(&request("a")).await.is_ok());
    assert_eq!(pool.score(&request("b")).await.unwrap_err().failure, Failure::Budget);
}
