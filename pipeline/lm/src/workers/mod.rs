//! The workers of a run, by name: read from their tables, opened when a stage first asks for one.
//!
//! Opening wraps the bare worker, from the inside out: what keeps its replies, the pool, what answers from the journal,
//! the recorder. The embedded model and recordings answer the same again at no cost, so they need no journal.

mod documents;
mod openai_table;
pub mod reference;
mod rehearsal;
mod settings;
mod shorten;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use xxhash_rust::xxh3::Xxh3;

use crate::error::{Failure, WorkerError};
use crate::journal::{Journal, JournalError, Journaled, Keeper, Recorder, Replay};
use crate::ngram::Ngram;
use crate::openai::OpenAi;
pub use crate::openai::{Endpoint, Guided};
use crate::pool::{Pool, PoolMetrics, locked};
use crate::probe::{ProbeReport, ProbeSettings, probe, probe_server};
use crate::request::Identity;
use crate::route::{Candidate, Team};
use crate::worker::Worker;
pub use openai_table::{BatchTable, OpenAiTable};
use rehearsal::Rehearsal;
pub use rehearsal::Rehearsed;
pub use settings::{Kind, NgramTable, ReplayTable, RouteTable, WorkerSettings};
pub use shorten::Shorten;
use shorten::Shortening;

/// The workers of a run.
pub struct Workers {
    settings: BTreeMap<String, WorkerSettings>,
    journal_dir: Option<PathBuf>,
    state: Mutex<State>,
    pools: std::sync::Mutex<Vec<Opened>>,
    /// In a rehearsal, the stand-ins for servers.
    rehearsals: Option<std::sync::Mutex<Vec<Arc<Rehearsal>>>>,
}

/// What an embedded model without files is fitted on when nothing but a probe asks.
const PROBE_TEXT: &str = "The miller takes the grain that is brought to the mill. The stones turn, the grain is ground, \
                          and the flour is weighed. What is not flour is kept apart, with a note of where it came from.";

#[derive(Default)]
struct State {
    /// Open workers by name and by what they were fitted on.
    open: BTreeMap<(String, u128), Arc<dyn Worker>>,
    teams: BTreeMap<(String, u128), Arc<Team>>,
    journal: Option<Arc<Journal>>,
}

struct Opened {
    name: String,
    pool: Arc<Pool>,
    journaled: Option<Arc<Journaled>>,
}

/// What one worker did in this run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WorkerReport {
    /// Its name in the config.
    pub worker: String,
    /// `openai`, `ngram` or `replay`.
    pub kind: String,
    /// The model's name.
    pub model: String,
    /// Requests answered from the journal of an earlier attempt; they are not among the pool's.
    pub from_journal: u64,
    /// Of these, replies that had reached their longest length.
    #[serde(default)]
    pub truncated_from_journal: u64,
    /// The pool's figures.
    pub pool: PoolMetrics,
}

impl Workers {
    /// Workers of these settings, with their journal in a folder; without one, replies are not kept.
    pub fn new(settings: BTreeMap<String, WorkerSettings>, journal_dir: Option<PathBuf>) -> Self {
        Self { settings, journal_dir, state: Mutex::default(), pools: std::sync::Mutex::default(), rehearsals: None }
    }

    /// Workers of which no server is asked: the embedded model answers for it.
    pub fn rehearsing(settings: BTreeMap<String, WorkerSettings>) -> Self {
        Self { rehearsals: Some(std::sync::Mutex::default()), ..Self::new(settings, None) }
    }

    /// What servers would have been asked so far, by the order in which they were opened.
    pub fn rehearsed(&self) -> Vec<Rehearsed> {
        let all = self.rehearsals.as_ref().map(|all| locked(all).clone());
        all.unwrap_or_default().iter().map(|one| one.rehearsed()).collect()
    }

    /// Finds out what a worker can do and how fast, with nothing between: no pool, no journal.
    ///
    /// # Errors
    /// When there is none of that name, it cannot be reached, or it refuses the credentials.
    pub async fn probe(&self, name: &str, probing: &ProbeSettings) -> Result<ProbeReport, WorkerError> {
        let settings = self.known(name)?;
        match &settings.kind {
            Kind::Openai(table) => {
                // Each thing is tried by itself: a batch would take a day for it.
                let table = OpenAiTable { batch: None, ..table.as_ref().clone() };
                probe_server(&server(name, &table, None)?, probing).await
            }
            _ => probe(bare(name, settings, &[PROBE_TEXT], None)?.as_ref(), probing).await,
        }
    }

    fn known(&self, name: &str) -> Result<&WorkerSettings, WorkerError> {
        let settings = self.settings.get(name);
        settings.ok_or_else(|| WorkerError::new(name, Failure::Unsupported, format!("there is no [worker.{name}]")))
    }

    /// Names of the workers, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.settings.keys().map(String::as_str)
    }

    /// The settings of a worker.
    pub fn settings(&self, name: &str) -> Option<&WorkerSettings> {
        self.settings.get(name)
    }

    /// Whether a worker of that name is fitted on the documents it is opened with: an embedded model without files of its
    /// own, a route that may choose one, and what stands in for a server in a rehearsal.
    pub fn is_fitted(&self, name: &str) -> bool {
        match self.settings.get(name).map(|settings| &settings.kind) {
            Some(Kind::Ngram(table)) => table.files.is_empty(),
            Some(Kind::Route(table)) => table.workers.iter().any(|member| self.is_fitted(member)),
            Some(Kind::Openai(_)) => self.rehearsals.is_some(),
            Some(Kind::Replay(_)) | None => false,
        }
    }

    /// How many requests to a worker may be on their way at a time; 1 for one that is not known.
    pub fn max_in_flight(&self, name: &str) -> usize {
        let Some(settings) = self.settings.get(name) else { return 1 };
        match &settings.kind {
            Kind::Route(table) => table.workers.iter().map(|member| self.max_in_flight(member)).sum(),
            _ => settings.pool.max_in_flight as usize,
        }
    }

    /// The worker of that name, the same for all who ask. An embedded model without files of its own is fitted on
    /// `documents`, once for each set of them.
    ///
    /// # Errors
    /// When there is none of that name, its files cannot be read, or its credentials are not in the environment.
    pub async fn open(&self, name: &str, documents: &[&str]) -> Result<Arc<dyn Worker>, WorkerError> {
        match self.team(name, documents).await? {
            Some(team) => Ok(team),
            None => self.open_one(name, documents).await,
        }
    }

    /// The team of that name, the same for all who ask; none if the name is that of a single worker.
    ///
    /// # Errors
    /// As [`Workers::open`], for each of its workers.
    pub async fn team(&self, name: &str, documents: &[&str]) -> Result<Option<Arc<Team>>, WorkerError> {
        let Kind::Route(table) = &self.known(name)?.kind else { return Ok(None) };
        let place = (name.to_owned(), digest(documents));
        if let Some(team) = self.state.lock().await.teams.get(&place) {
            return Ok(Some(Arc::clone(team)));
        }
        let mut candidates = Vec::with_capacity(table.workers.len());
        for member in &table.workers {
            let worker = self.open_one(member, documents).await?;
            let settings = self.known(member)?;
            let journal =
                locked(&self.pools).iter().find(|one| one.name == *member).and_then(|one| one.journaled.clone());
            let price_per_million = settings.pool.budget.price_per_million;
            candidates.push(Candidate { worker, price_per_million, size: settings.size, journal });
        }
        let team = Team::new(name, candidates, table.settings.clone()).map(Arc::new);
        let none = || WorkerError::new(name, Failure::Unsupported, "a route needs at least one worker");
        let team = team.ok_or_else(none)?;
        self.state.lock().await.teams.insert(place, Arc::clone(&team));
        Ok(Some(team))
    }

    async fn open_one(&self, name: &str, documents: &[&str]) -> Result<Arc<dyn Worker>, WorkerError> {
        let settings = self.known(name)?;
        let fitted_on = match &settings.kind {
            Kind::Ngram(table) if table.files.is_empty() => digest(documents),
            _ => 0,
        };
        let mut state = self.state.lock().await;
        let place = (name.to_owned(), fitted_on);
        if let Some(worker) = state.open.get(&place) {
            return Ok(Arc::clone(worker));
        }
        let worker = self.build(name, settings, documents, &mut state)?;
        state.open.insert(place, Arc::clone(&worker));
        Ok(worker)
    }

    fn build(
        &self,
        name: &str,
        settings: &WorkerSettings,
        documents: &[&str],
        state: &mut State,
    ) -> Result<Arc<dyn Worker>, WorkerError> {
        let storage = |cause: String| WorkerError::new(name, Failure::Storage, cause);
        let bare = match (&settings.kind, &self.rehearsals) {
            (Kind::Openai(table), Some(rehearsals)) => {
                let identity = Identity {
                    kind: "openai".to_owned(),
                    model: table.model.clone(),
                    revision: table.revision.clone(),
                };
                let stand_in = Arc::new(Rehearsal::new(name, identity, documents));
                locked(rehearsals).push(Arc::clone(&stand_in));
                return Ok(stand_in);
            }
            _ => bare(name, settings, documents, self.journal_dir.as_deref())?,
        };
        let journal = match (&settings.kind, &self.journal_dir) {
            (Kind::Openai(_), Some(dir)) => Some(self.journal(dir, state).map_err(|e| storage(e.to_string()))?),
            _ => None,
        };
        let kept: Arc<dyn Worker> = match &journal {
            Some(journal) => Arc::new(Keeper::new(bare, Arc::clone(journal))),
            None => bare,
        };
        let pool = Arc::new(Pool::new(kept, settings.pool.clone()));
        let mut worker: Arc<dyn Worker> = pool.clone();
        let journaled = journal.map(|journal| {
            let again = settings.ask_failures_again;
            Arc::new(Journaled::new(Arc::clone(&worker), journal).asking_failures_again(again))
        });
        if let Some(journaled) = &journaled {
            worker = journaled.clone();
        }
        if let Some(rule) = &settings.shorten_reply {
            worker = Arc::new(Shortening::new(worker, rule.clone()));
        }
        if let Some(file) = &settings.record {
            worker = Arc::new(Recorder::new(worker, file).map_err(|e| storage(e.to_string()))?);
        }
        locked(&self.pools).push(Opened { name: name.to_owned(), pool, journaled });
        Ok(worker)
    }

    /// The run's journal, opened by the first worker that needs it.
    fn journal(&self, dir: &Path, state: &mut State) -> Result<Arc<Journal>, JournalError> {
        let journal = match &state.journal {
            Some(journal) => Arc::clone(journal),
            None => Arc::new(Journal::open(dir)?),
        };
        state.journal = Some(Arc::clone(&journal));
        Ok(journal)
    }

    /// What the workers did so far, in the order they were opened; of one opened twice, twice.
    pub fn reports(&self) -> Vec<WorkerReport> {
        let opened = locked(&self.pools);
        let report = |opened: &Opened| {
            let identity = opened.pool.identity();
            WorkerReport {
                worker: opened.name.clone(),
                kind: identity.kind,
                model: identity.model,
                from_journal: opened.journaled.as_ref().map_or(0, |journaled| journaled.n_answered()),
                truncated_from_journal: opened.journaled.as_ref().map_or(0, |journaled| journaled.n_truncated()),
                pool: opened.pool.metrics(),
            }
        };
        opened.iter().map(report).collect()
    }
}

/// The worker itself, with nothing around it.
fn bare(
    name: &str,
    settings: &WorkerSettings,
    documents: &[&str],
    journal_dir: Option<&Path>,
) -> Result<Arc<dyn Worker>, WorkerError> {
    let storage = |cause: String| WorkerError::new(name, Failure::Storage, cause);
    Ok(match &settings.kind {
        Kind::Ngram(table) if table.files.is_empty() => {
            Arc::new(Ngram::fit(name, table.model.clone(), documents.iter().copied()))
        }
        Kind::Ngram(table) => {
            let own = documents::read(&table.files).map_err(storage)?;
            Arc::new(Ngram::fit(name, table.model.clone(), own.iter().map(String::as_str)))
        }
        Kind::Replay(table) => {
            Arc::new(Replay::open(name, &table.file, table.identity.clone()).map_err(|e| storage(e.to_string()))?)
        }
        Kind::Openai(table) => Arc::new(server(name, table, journal_dir)?),
        Kind::Route(_) => {
            let message = "a route has no model of its own: name one of its workers";
            return Err(WorkerError::new(name, Failure::Unsupported, message));
        }
    })
}

fn server(name: &str, table: &OpenAiTable, journal_dir: Option<&Path>) -> Result<OpenAi, WorkerError> {
    let mut settings = table.settings(name).map_err(|said| WorkerError::new(name, Failure::Auth, said))?;
    if let Some(batch) = &mut settings.batch {
        batch.register = journal_dir.map(|dir| dir.join(format!("batches-{name}.jsonl")));
    }
    OpenAi::new(settings)
}

fn digest(documents: &[&str]) -> u128 {
    let mut hasher = Xxh3::new();
    for document in documents {
        hasher.update(&(document.len() as u64).to_le_bytes());
        hasher.update(document.as_bytes());
    }
    hasher.digest128()
}
