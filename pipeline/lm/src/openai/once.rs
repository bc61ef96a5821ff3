//! A fact about the server that is found out once, by whoever needs it first.
//!
//! Unlike a `OnceCell`, those who waited while it was tried in vain share that failure: otherwise each of them would try
//! in turn, and with a server that does not answer the last would wait for as many timeouts as there are others.

use std::sync::{Mutex, OnceLock, PoisonError};

use crate::error::WorkerError;

/// The fact, once it is known.
pub(crate) struct Once<T> {
    known: OnceLock<T>,
    turn: tokio::sync::Mutex<()>,
    last_failure: Mutex<Option<(u64, WorkerError)>>,
}

impl<T: Clone> Once<T> {
    pub(crate) fn new() -> Self {
        Self { known: OnceLock::new(), turn: tokio::sync::Mutex::new(()), last_failure: Mutex::new(None) }
    }

    /// The fact, found out if it is not known.
    pub(crate) async fn get(&self, find: impl AsyncFnOnce() -> Result<T, WorkerError>) -> Result<T, WorkerError> {
        if let Some(known) = self.known.get() {
            return Ok(known.clone());
        }
        let (n_before, _) = self.failures();
        let _turn = self.turn.lock().await;
        if let Some(known) = self.known.get() {
            return Ok(known.clone());
        }
        let (n_failures, error) = self.failures();
        if let Some(error) = error.filter(|_| n_failures > n_before) {
            return Err(error);
        }
        match find().await {
            Ok(found) => Ok(self.known.get_or_init(|| found).clone()),
            Err(error) => {
                *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((n_failures + 1, error.clone()));
                Err(error)
            }
        }
    }

    /// How often it was tried in vain, and the last of these failures.
    fn failures(&self) -> (u64, Option<WorkerError>) {
        let last = self.last_failure.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map_or((0, None), |(n, error)| (*n, Some(error.clone())))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;
    use crate::error::Failure;

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_share_what_comes_of_it() {
        let once: Once<u32> = Once::new();
        let n_tries = AtomicU32::new(0);
        // In vain the first time.
        let find = || async {
            let n = n_tries.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_secs(10)).await;
            if n == 0 { Err(WorkerError::new("w", Failure::Timeout, "late")) } else { Ok(n) }
        };
        let clock = tokio::time::Instant::now();
        let all = futures::future::join_all((0..50).map(|_| once.get(find))).await;
        assert!(all.iter().all(|result| result.as_ref().is_err_and(|error| error.message == "late")));
        assert_eq!((n_tries.load(Ordering::Relaxed), clock.elapsed().as_secs()), (1, 10));
        let all = futures::future::join_all((0..50).map(|_| once.get(find))).await;
        assert!(all.into_iter().all(|result| result == Ok(1)));
        assert_eq!((n_tries.load(Ordering::Relaxed), clock.elapsed().as_secs()), (2, 20));
    }
}
