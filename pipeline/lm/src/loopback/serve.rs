//! What happens to a connection and to each of its requests.

use std::collections::btree_map::Entry;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::ServerSettings;
use super::ask::{Ask, EmbedAsk};
use super::batches::{Desk, is_of_batches};
use super::counters::{Counters, Tally};
use super::fault::Fault;
use super::http::{Answer, Connection, Request, Unread};
use super::refusal::{Refusal, fault_answer};
use super::reply::{embeddings, events, reply, spoil};
use crate::worker::Worker;

const MODELS: &str = "/v1/models";
const TEXT: &str = "/v1/completions";
const CHAT: &str = "/v1/chat/completions";
const EMBED: &str = "/v1/embeddings";
/// Routes that ask the model.
const ASKED: [&str; 3] = [TEXT, CHAT, EMBED];

/// What all connections share.
pub(super) struct Shared {
    worker: Arc<dyn Worker>,
    settings: ServerSettings,
    tally: Mutex<Tally>,
    pub(super) desk: Mutex<Desk>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("worker", &self.worker.name()).field("settings", &self.settings).finish()
    }
}

/// A request for a completion, once it is known which one.
struct Arrival {
    key: u128,
    fault: Option<Fault>,
    n_arrived: u64,
}

/// Whether the connection goes on.
enum Next {
    Goes,
    Ends,
}

impl Shared {
    pub(super) fn new(worker: Arc<dyn Worker>, settings: ServerSettings) -> Self {
        Self { worker, settings, tally: Mutex::default(), desk: Mutex::default() }
    }

    pub(super) fn settings(&self) -> &ServerSettings {
        &self.settings
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers the requests of a connection, one after the other.
    pub(super) async fn serve(self: Arc<Self>, stream: TcpStream) {
        self.tally().counters.connections += 1;
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let mut connection = Connection::new(stream, self.settings.max_body_bytes);
        loop {
            match connection.request().await {
                Ok(request) => match self.answer(connection, &request).await {
                    Some(open) => connection = open,
                    None => return,
                },
                Err(Unread::Closed) => return,
                Err(Unread::Refused(refusal)) => {
                    let answer = refusal.answer();
                    self.count_answer(answer.status, None);
                    // The client may be gone already; there is nobody else to tell.
                    let _ = connection.send_last(&answer).await;
                    return;
                }
            }
        }
    }

    /// Answers one request; gives the connection back if it stays open.
    async fn answer(&self, mut connection: Connection, request: &Request) -> Option<Connection> {
        let in_flight = self.enter(request);
        let is_asked = request.method == "POST" && ASKED.contains(&request.path.as_str());
        let next = if is_asked && self.is_authorised(request) {
            let arrival = self.arrive(request);
            if matches!(arrival.fault, Some(Fault::Reset)) {
                if connection.closes_within(self.pause(arrival.fault.as_ref())).await {
                    self.abandon(None);
                } else {
                    drop(in_flight);
                    // A connection that cannot be reset is closed, which the client takes the same.
                    let _ = connection.reset();
                }
                return None;
            }
            self.complete(&mut connection, request, arrival, in_flight).await
        } else {
            let answer = match self.is_authorised(request) {
                true => match self.batch_route(request).await {
                    Some(answer) => answer,
                    None => self.other(request),
                },
                false => Refusal::unauthorised().answer(),
            };
            self.wait_and_send(&mut connection, request, &answer, in_flight).await
        };
        match next {
            Next::Goes if request.keep_alive && request.method != "HEAD" => Some(connection),
            Next::Goes | Next::Ends => None,
        }
    }

    fn is_authorised(&self, request: &Request) -> bool {
        self.settings.required_key.as_ref().is_none_or(|key| request.key.as_ref() == Some(key))
    }

    /// The answer to what asks no model.
    fn other(&self, request: &Request) -> Answer {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", MODELS) => {
                let id = self.settings.model.clone().unwrap_or_else(|| self.worker.identity().model);
                let model = json!({"id": id, "object": "model", "created": 0, "owned_by": "gristmill"});
                Answer::json(200, &json!({"object": "list", "data": [model]}))
            }
            (method, MODELS | TEXT | CHAT | EMBED) => {
                Refusal::unread(405, &format!("This route does not take {method}.")).answer()
            }
            (method, path) => Refusal::no_route(method, path).answer(),
        }
    }

    async fn wait_and_send(
        &self,
        connection: &mut Connection,
        request: &Request,
        answer: &Answer,
        in_flight: InFlight<'_>,
    ) -> Next {
        if connection.closes_within(self.pause(None)).await {
            return self.abandon(None);
        }
        drop(in_flight);
        self.count_answer(answer.status, None);
        self.sent(&connection.send(answer, request.keep_alive).await, None)
    }

    /// Answers a request that came in a file. Faults of the connection are none there.
    pub(super) async fn answer_line(&self, request: &Request) -> Answer {
        let arrival = self.arrive(request);
        let refused = arrival.fault.as_ref().and_then(|fault| fault_answer(fault, None));
        let answer = match refused {
            Some(answer) => answer,
            None => self.ask(request, &arrival).await,
        };
        let is_good = answer.status == 200 && arrival.fault.as_ref().is_none_or(Fault::is_slowness);
        self.count_answer(answer.status, is_good.then_some(arrival.key));
        answer
    }

    /// Answers a request for a completion with what the worker says, or with its fault.
    async fn complete(
        &self,
        connection: &mut Connection,
        request: &Request,
        arrival: Arrival,
        in_flight: InFlight<'_>,
    ) -> Next {
        let fault = arrival.fault.as_ref();
        if connection.closes_within(self.pause(fault)).await {
            return self.abandon(None);
        }
        let answer = if let Some(answer) = fault.and_then(|fault| fault_answer(fault, request.key.as_deref())) {
            answer
        } else {
            tokio::select! {
                biased;
                answer = self.ask(request, &arrival) => answer,
                () = connection.closed() => return self.abandon(None),
            }
        };
        let dripped = match fault {
            Some(Fault::SlowBody { ms }) => Some(connection.drip(&answer, request.keep_alive, *ms).await),
            _ => None,
        };
        if matches!(dripped, Some(Err(_))) || connection.closes_within(Duration::ZERO).await {
            return self.abandon(None);
        }
        let is_good = answer.status == 200 && fault.is_none_or(Fault::is_slowness);
        let charged = is_good.then_some(arrival.key);
        drop(in_flight);
        self.count_answer(answer.status, charged);
        if answer.status == 200 && fault == Some(&Fault::CutBody) {
            // Cut on purpose: how it ends is the client's problem.
            let _ = connection.send_half(&answer).await;
            return Next::Ends;
        }
        let sent = match dripped {
            Some(Ok(rest)) => connection.send_rest(&rest).await,
            _ => connection.send(&answer, request.keep_alive).await,
        };
        self.sent(&sent, charged)
    }

    /// The worker's answer, spoilt if that is the fault.
    async fn ask(&self, request: &Request, arrival: &Arrival) -> Answer {
        let (mut body, stream) = match self.body(request, arrival).await {
            Ok(body) => body,
            Err(refusal) => return refusal.answer(),
        };
        if let Some(model) = &self.settings.model {
            body["model"] = model.as_str().into();
        }
        if let Some(fault) = &arrival.fault {
            spoil(&mut body, fault);
        }
        let mut answer = match stream {
            true => Answer::text(200, "text/event-stream", &events(&body)),
            false => Answer::json(200, &body),
        };
        if arrival.fault == Some(Fault::MalformedJson) {
            answer.body.truncate(answer.body.len() / 2);
        }
        answer
    }

    /// The answer's body, and whether it is to come as events.
    async fn body(&self, request: &Request, arrival: &Arrival) -> Result<(Value, bool), Refusal> {
        if request.path == EMBED {
            let ask = EmbedAsk::read(&request.body)?;
            self.check_model(ask.model.as_deref())?;
            return Ok((embeddings(self.worker.as_ref(), &ask).await?, false));
        }
        let ask = self.read(request, arrival)?;
        Ok((reply(self.worker.as_ref(), &ask, arrival.key).await?, ask.stream))
    }

    fn check_model(&self, asked: Option<&str>) -> Result<(), Refusal> {
        match (&self.settings.model, asked) {
            (Some(served), Some(asked)) if served != asked => Err(Refusal::no_model(asked)),
            _ => Ok(()),
        }
    }

    fn read(&self, request: &Request, arrival: &Arrival) -> Result<Ask, Refusal> {
        let most = self.settings.max_logprobs;
        let mut ask = match request.path == CHAT {
            true => Ask::chat(&request.body, most)?,
            false => Ask::text(&request.body, most)?,
        };
        self.check_model(ask.model.as_deref())?;
        if ask.request.sampling.temperature > 0.0 && ask.request.sampling.seed.is_none() {
            ask.request.sample = self.draw(arrival);
        }
        Ok(ask)
    }

    /// Which draw an unseeded request is: the same request is drawn anew each time, as servers do, and the replies
    /// are the same for each server started.
    fn draw(&self, arrival: &Arrival) -> u32 {
        if !self.settings.remember_requests {
            return arrival.n_arrived as u32;
        }
        let mut tally = self.tally();
        let draw = tally.draws.entry(arrival.key).or_insert(0);
        let this = *draw;
        // A draw that the client does not get to see is drawn again for its next attempt.
        if arrival.fault.as_ref().is_none_or(Fault::is_slowness) {
            *draw = draw.wrapping_add(1);
        }
        this
    }

    fn pause(&self, fault: Option<&Fault>) -> Duration {
        let own = if let Some(Fault::SlowFirstByte { ms }) = fault { *ms } else { 0 };
        Duration::from_millis(self.settings.latency_ms.saturating_add(own))
    }

    /// Counts a request in, and out again when what it returns is dropped: before its answer is sent, or a client that
    /// sends one request after the other would seem to send two at once.
    fn enter(&self, request: &Request) -> InFlight<'_> {
        let known = request.path == MODELS || ASKED.contains(&request.path.as_str()) || is_of_batches(&request.path);
        let route = if known { format!("{} {}", request.method, request.path) } else { "other".to_owned() };
        let mut tally = self.tally();
        tally.in_flight += 1;
        let in_flight = tally.in_flight;
        let counters = &mut tally.counters;
        counters.requests += 1;
        *counters.by_route.entry(route).or_insert(0) += 1;
        counters.peak_in_flight = counters.peak_in_flight.max(in_flight);
        InFlight(self)
    }

    /// Decides what a request for a completion meets.
    fn arrive(&self, request: &Request) -> Arrival {
        let key = Counters::key(&request.path, &request.body);
        let mut tally = self.tally();
        let n_arrived = tally.n_arrived;
        tally.n_arrived += 1;
        let attempt = if self.settings.remember_requests {
            let attempts = tally.attempts.entry(key).or_insert(0);
            *attempts += 1;
            *attempts - 1
        } else {
            n_arrived
        };
        let scripted = usize::try_from(n_arrived).ok().and_then(|at| self.settings.script.get(at));
        let fault = match scripted {
            Some(fault) => fault.clone(),
            None => self.settings.faults.fault(key, attempt).cloned(),
        };
        if let Some(fault) = &fault {
            *tally.counters.faults.entry(fault.name().to_owned()).or_insert(0) += 1;
        }
        Arrival { key, fault, n_arrived }
    }

    /// Counts an answer before its last byte is sent: a client that has it finds it counted, and itself no longer in
    /// flight.
    fn count_answer(&self, status: u16, charged: Option<u128>) {
        let mut tally = self.tally();
        *tally.counters.by_status.entry(status).or_insert(0) += 1;
        let Some(key) = charged else { return };
        tally.counters.answered += 1;
        if self.settings.remember_requests {
            *tally.counters.answers.entry(key).or_insert(0) += 1;
        }
    }

    fn sent(&self, outcome: &io::Result<()>, charged: Option<u128>) -> Next {
        match outcome {
            Ok(()) => Next::Goes,
            Err(_) => self.abandon(charged),
        }
    }

    /// The client is gone; an answer counted as charged was none.
    fn abandon(&self, charged: Option<u128>) -> Next {
        let counters = &mut self.tally().counters;
        counters.abandoned += 1;
        if let Some(key) = charged {
            counters.answered -= 1;
            if let Entry::Occupied(mut answers) = counters.answers.entry(key) {
                *answers.get_mut() -= 1;
                if *answers.get() == 0 {
                    answers.remove();
                }
            }
        }
        Next::Ends
    }
}

/// A request in the server.
struct InFlight<'a>(&'a Shared);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.tally().in_flight -= 1;
    }
}
