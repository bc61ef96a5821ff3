//! What the journal promises: nothing that was answered is lost, nothing damaged is believed, nothing is paid for
//! twice.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;

use super::*;
use crate::error::{Failure, WorkerError};
use crate::pool::fake::{Fake, ask, fault, reply};
use crate::pool::{Backoff, Pool, PoolSettings};
use crate::request::{Identity, ScoreRequest};
use crate::worker::Worker;

/// A folder of its own, gone when dropped.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static N: AtomicU32 = AtomicU32::new(0);
        let name = format!("gristmill-lm-{}-{}", std::process::id(), N.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn segments(&self) -> Vec<PathBuf> {
        segment::numbers(&self.0).unwrap().into_iter().map(|number| segment::path(&self.0, number)).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn entry(prompt: &str, outcome: Outcome) -> Entry {
    let (identity, request) = (Identity::default(), ask(prompt, 10));
    let key = request.key(&identity);
    Entry {
        key,
        endpoint: Endpoint::Complete,
        worker: "w".into(),
        identity,
        request: Request::Complete(Box::new(request)),
        outcome,
    }
}

fn replied(prompt: &str) -> Entry {
    entry(prompt, Outcome::Reply(reply(prompt)))
}

/// A worker that answers from a journal and keeps in it, without a pool between.
pub(crate) fn journaled(worker: &Arc<Fake>, journal: &Arc<Journal>) -> Journaled {
    let kept = Keeper::new(Arc::clone(worker) as Arc<dyn Worker>, Arc::clone(journal));
    Journaled::new(Arc::new(kept), Arc::clone(journal))
}

async fn write(dir: &Scratch, prompts: &[&str]) -> Vec<Entry> {
    let entries: Vec<Entry> = prompts.iter().map(|prompt| replied(prompt)).collect();
    let journal = Journal::open(&dir.0).unwrap();
    for entry in &entries {
        journal.append(entry).await.unwrap();
    }
    entries
}

#[tokio::test]
async fn what_was_kept_is_there_after_opening_again() {
    let dir = Scratch::new();
    let long = "word ".repeat(100_000);
    let entries = write(&dir, &["", "naïve 🦀 \u{202e}", "two\nlines", &long]).await;
    let journal = Journal::open(&dir.0).unwrap();
    assert_eq!((journal.n_entries(), journal.found()), (4, Found::default()));
    for entry in &entries {
        assert_eq!(journal.get(&entry.key).unwrap().as_ref(), Some(&entry.outcome));
    }
    assert_eq!(journal.get("00000000000000000000000000000000").unwrap(), None);
    assert_eq!(journal.entries().collect::<Result<Vec<_>, _>>().unwrap(), entries);
    // 500 KB of the same word: the segment is compressed.
    assert!(std::fs::metadata(&dir.segments()[0]).unwrap().len() < 10_000);
}

#[tokio::test]
async fn a_kill_at_any_byte_of_the_last_record_loses_only_that_record() {
    let dir = Scratch::new();
    write(&dir, &["first", "second"]).await;
    let path = dir.segments().remove(0);
    let before = std::fs::metadata(&path).unwrap().len();
    write(&dir, &["third"]).await;
    let whole = std::fs::read(&path).unwrap();
    assert!(whole.len() as u64 > before);
    for end in before..whole.len() as u64 {
        std::fs::write(&path, &whole[..end as usize]).unwrap();
        let journal = Journal::open(&dir.0).unwrap();
        assert_eq!(journal.found(), Found { torn_bytes: end - before, damaged_bytes: 0 });
        for prompt in ["first", "second"] {
            assert!(journal.get(&replied(prompt).key).unwrap().is_some());
        }
        assert_eq!(journal.get(&replied("third").key).unwrap(), None);
        drop(journal);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), before);
    }
    // And it goes on from there.
    write(&dir, &["third"]).await;
    assert_eq!(std::fs::read(&path).unwrap(), whole);
}

#[tokio::test]
async fn a_kill_while_a_segment_is_begun_is_mended() {
    let dir = Scratch::new();
    write(&dir, &["first"]).await;
    let path = dir.segments().remove(0);
    for end in 0..record::SEGMENT_MAGIC.len() {
        std::fs::write(&path, &record::SEGMENT_MAGIC[..end]).unwrap();
        write(&dir, &["first"]).await;
        assert!(Journal::open(&dir.0).unwrap().get(&replied("first").key).unwrap().is_some());
    }
    std::fs::write(&path, b"something else").unwrap();
    assert!(matches!(Journal::open(&dir.0), Err(JournalError::Foreign { .. })));
}

#[tokio::test]
async fn a_changed_bit_anywhere_in_a_record_is_noticed() {
    let dir = Scratch::new();
    write(&dir, &["first"]).await;
    let path = dir.segments().remove(0);
    let start = std::fs::metadata(&path).unwrap().len() as usize;
    write(&dir, &["second"]).await;
    let end = std::fs::metadata(&path).unwrap().len() as usize;
    write(&dir, &["third"]).await;
    let whole = std::fs::read(&path).unwrap();
    for at in start..end {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        std::fs::write(&path, &changed).unwrap();
        let journal = Journal::open(&dir.0).unwrap();
        assert_eq!(journal.get(&replied("second").key).unwrap(), None, "byte {at}");
        assert!(journal.get(&replied("first").key).unwrap().is_some());
        assert!(journal.get(&replied("third").key).unwrap().is_some(), "byte {at}");
        assert_eq!(journal.found(), Found { torn_bytes: 0, damaged_bytes: (end - start) as u64 });
    }
    // Changed while it is open, it is an error, never another reply.
    std::fs::write(&path, &whole).unwrap();
    let journal = Journal::open(&dir.0).unwrap();
    let mut changed = whole;
    changed[start + 50] ^= 1;
    std::fs::write(&path, &changed).unwrap();
    assert!(matches!(journal.get(&replied("second").key), Err(JournalError::Damaged { .. })));
}

#[tokio::test]
async fn two_handles_write_side_by_side() {
    let dir = Scratch::new();
    let (one, two) = (Journal::open(&dir.0).unwrap(), Journal::open(&dir.0).unwrap());
    let names: Vec<String> = (0..50).map(|i| i.to_string()).collect();
    let entries: Vec<Entry> = names.iter().map(|name| replied(name)).collect();
    let appends =
        entries.iter().enumerate().map(|(i, entry)| if i % 2 == 0 { one.append(entry) } else { two.append(entry) });
    assert!(join_all(appends).await.iter().all(Result::is_ok));
    assert_eq!((one.n_entries(), two.n_entries(), dir.segments().len()), (25, 25, 2));
    // One that opens meanwhile, to read or to write, sees all and cuts nothing off.
    assert_eq!(Journal::read(&dir.0).unwrap().n_entries(), 50);
    assert_eq!(Journal::open(&dir.0).unwrap().n_entries(), 50);
    two.append(&replied("later")).await.unwrap();
    drop((one, two));
    assert_eq!(Journal::open(&dir.0).unwrap().n_entries(), 51);
}

#[tokio::test]
async fn the_first_reply_stays_and_replaces_a_failure() {
    let dir = Scratch::new();
    let journal = Journal::open(&dir.0).unwrap();
    let failure = entry("p", Outcome::Failure(fault(Failure::ContextLength)));
    let (first, second) = (replied("p"), entry("p", Outcome::Reply(reply("another"))));
    for entry in [&failure, &first, &second, &failure] {
        journal.append(entry).await.unwrap();
    }
    assert_eq!(journal.get(&first.key).unwrap(), Some(first.outcome.clone()));
    drop(journal);
    let again = Journal::open(&dir.0).unwrap();
    assert_eq!((again.n_entries(), again.get(&first.key).unwrap()), (1, Some(first.outcome)));
}

#[tokio::test]
async fn a_rerun_is_answered_from_the_journal() {
    let dir = Scratch::new();
    let requests: Vec<_> = (0..200).map(|i| ask(&format!("p{i}"), 10)).collect();
    for (run, calls) in [200, 0].into_iter().enumerate() {
        let worker = Arc::new(Fake::echo("w", 0));
        let journal = Arc::new(Journal::open(&dir.0).unwrap());
        let kept = Arc::new(Keeper::new(worker.clone(), journal.clone()));
        let pool = Arc::new(Pool::new(kept, PoolSettings::default()));
        let journaled = Journaled::new(pool, journal);
        let replies = join_all(requests.iter().map(|request| journaled.complete(request))).await;
        assert!(replies.iter().zip(&requests).all(|(r, q)| r.as_ref().is_ok_and(|r| r.text == q.prompt.plain())));
        assert!(replies.iter().all(|r| r.as_ref().is_ok_and(|r| r.cached == (run == 1))));
        assert_eq!((worker.n_calls(), journaled.n_answered()), (calls, 200 - calls));
    }
}

#[tokio::test]
async fn a_reply_is_kept_with_its_attempts_while_it_is_in_flight() {
    let dir = Scratch::new();
    let journal = Arc::new(Journal::open(&dir.0).unwrap());
    let worker = Arc::new(Fake::new("w", |call| {
        (Duration::ZERO, if call.before < 2 { Err(fault(Failure::Abnormal)) } else { Ok(reply("a")) })
    }));
    let kept = Arc::new(Keeper::new(worker, Arc::clone(&journal)));
    let backoff = Backoff { first_seconds: 1e-3, most_seconds: 1e-3 };
    let given =
        Pool::new(kept, PoolSettings { backoff, ..PoolSettings::default() }).complete(&ask("p", 10)).await.unwrap();
    assert_eq!(given.attempts, 3);
    assert_eq!(journal.get(&replied("p").key).unwrap(), None, "it is another model's");
    let entries: Vec<Entry> = journal.entries().collect::<Result<_, _>>().unwrap();
    let Outcome::Reply(kept) = &entries[0].outcome else { panic!("a reply") };
    assert_eq!((entries.len(), kept.attempts), (1, 3));
}

#[tokio::test]
async fn reading_changes_nothing_and_keeps_nothing() {
    let dir = Scratch::new();
    assert!(Journal::read(dir.0.join("none")).is_err());
    let entries = write(&dir, &["first"]).await;
    let path = dir.segments().remove(0);
    let mut torn = std::fs::read(&path).unwrap();
    torn.extend_from_slice(b"GMr1 torn");
    std::fs::write(&path, &torn).unwrap();
    let journal = Journal::read(&dir.0).unwrap();
    assert_eq!((journal.n_entries(), journal.found().torn_bytes), (1, 9));
    assert!(journal.append(&entries[0]).await.is_err());
    assert_eq!(std::fs::read(&path).unwrap(), torn);
}

#[tokio::test]
async fn only_failures_that_would_come_again_are_kept() {
    let kept = |failure| async move {
        let dir = Scratch::new();
        let worker = Arc::new(Fake::new("w", move |_| (Duration::ZERO, Err(fault(failure)))));
        let journal = Arc::new(Journal::open(&dir.0).unwrap());
        let journaled = journaled(&worker, &journal);
        let errors = [journaled.complete(&ask("p", 1)).await, journaled.complete(&ask("p", 1)).await];
        assert!(errors.iter().all(|r| r.as_ref().is_err_and(|e: &WorkerError| e.failure == failure)));
        let n_calls = worker.n_calls();
        let again = Journaled::new(worker.clone(), journal).asking_failures_again(true);
        assert!(again.complete(&ask("p", 1)).await.is_err());
        assert_eq!(worker.n_calls(), n_calls + 1);
        n_calls == 1
    };
    assert!(kept(Failure::ContextLength).await && kept(Failure::BadRequest).await);
    for failure in
        [Failure::Rate, Failure::Overload, Failure::Timeout, Failure::Auth, Failure::Budget, Failure::Malformed]
    {
        assert!(!kept(failure).await, "{failure:?}");
    }
}

#[tokio::test]
async fn a_recording_replays_what_was_recorded() {
    let dir = Scratch::new();
    let path = dir.0.join("recording.jsonl");
    let recorder = Recorder::new(Arc::new(Fake::echo("w", 0)), &path).unwrap();
    let scores = ScoreRequest { context: "a".into(), text: "b".into(), top: 0 };
    let recorded = recorder.complete(&ask("p", 10)).await.unwrap();
    recorder.score(&scores).await.unwrap();
    drop(recorder);
    // A crash in the middle of a line, and on.
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"key\":");
    std::fs::write(&path, text).unwrap();
    let recorder = Recorder::new(Arc::new(Fake::echo("w", 0)), &path).unwrap();
    for prompt in ["q", "p", "q"] {
        recorder.complete(&ask(prompt, 10)).await.unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3, "what is there is not written again");
    let replay = Replay::open("r", &path, None).unwrap();
    assert_eq!(replay.identity(), Fake::echo("w", 0).identity());
    assert_eq!(replay.complete(&ask("p", 10)).await.unwrap().text, recorded.text);
    assert_eq!(replay.complete(&ask("q", 10)).await.unwrap().text, "q");
    assert!(replay.score(&scores).await.unwrap().cached);
    // The same prompt with other parameters is another request.
    let error = replay.complete(&ask("p", 11)).await.unwrap_err();
    assert!(error.failure == Failure::Unseen && error.message.contains("other parameters"));
}
