//! Equal requests in flight share one reply.
//!
//! The shared future is driven by whichever caller is polled: a caller that gives up takes nothing from the others, and
//! when all have given up the request is given up too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures::future::{BoxFuture, FutureExt, Shared, WeakShared};

use super::locked;

type Reply<T> = BoxFuture<'static, T>;

/// The requests in flight, by key.
pub(crate) struct Flights<T: Clone> {
    table: Arc<Mutex<Table<T>>>,
}

struct Table<T: Clone> {
    next_id: u64,
    flights: HashMap<String, (u64, WeakShared<Reply<T>>)>,
}

/// Takes a flight from the table when it has landed or been given up.
struct Entry<T: Clone> {
    table: Arc<Mutex<Table<T>>>,
    key: String,
    id: u64,
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    pub(crate) fn new() -> Self {
        Self { table: Arc::new(Mutex::new(Table { next_id: 0, flights: HashMap::new() })) }
    }

    /// The flight under this key, begun if there is none; and whether it was begun before.
    pub(crate) fn join<F>(&self, key: &str, begin: impl FnOnce() -> F) -> (Shared<Reply<T>>, bool)
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut table = locked(&self.table);
        if let Some(flight) = table.flights.get(key).and_then(|(_, flight)| flight.upgrade()) {
            return (flight, true);
        }
        let id = table.next_id;
        table.next_id += 1;
        let entry = Entry { table: Arc::clone(&self.table), key: key.to_owned(), id };
        let reply = begin();
        let flight = async move {
            let reply = reply.await;
            drop(entry);
            reply
        }
        .boxed()
        .shared();
        if let Some(weak) = flight.downgrade() {
            table.flights.insert(key.to_owned(), (id, weak));
        }
        (flight, false)
    }
}

impl<T: Clone> Drop for Entry<T> {
    fn drop(&mut self) {
        let mut table = locked(&self.table);
        if table.flights.get(&self.key).is_some_and(|(id, _)| *id == self.id) {
            table.flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_caller_that_gives_up_takes_nothing_from_the_others() {
        let flights = Flights::new();
        let (answer, wait) = tokio::sync::oneshot::channel();
        let (first, joined) = flights.join("k", || async { wait.await.unwrap_or(0) });
        assert!(!joined);
        let (second, joined) = flights.join("k", || async { 1 });
        assert!(joined);
        drop(first);
        answer.send(7).unwrap();
        assert_eq!(second.await, 7);
        assert!(locked(&flights.table).flights.is_empty());
    }

    #[tokio::test]
    async fn a_flight_that_all_have_given_up_is_begun_anew() {
        let flights = Flights::new();
        let (first, _) = flights.join("k", futures::future::pending);
        drop(first);
        assert!(locked(&flights.table).flights.is_empty());
        let (second, joined) = flights.join("k", || async { 2 });
        assert!(!joined);
        assert_eq!(second.await, 2);
    }
}
