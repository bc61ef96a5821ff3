//! One of several workers for each row: who is asked, what that row says of it, and what the route learns.
//!
//! `worker = ["a", "b"]` with `route = "…"` gives every row one of the workers. A recipe that works row by row needs to know
//! nothing of it: all requests of a row go to the worker that is chosen at the first of them. What became of the row is the
//! judgement: `cheapest_ok` goes on to the next worker while a row ends with nothing kept, and `learned` takes what the
//! recipe says of it, which is the share that was dropped unless it knows better.
//!
//! Source: Tryage, Hari and Thomson 2023, arXiv:2308.11601, for the learned route.

use std::sync::Arc;

use gristmill_core::error::Result;
use gristmill_core::schema::{MADE_BY, META};
use gristmill_lm::route::{Choice, Policy, Team, Turn};
use serde_json::{Map, Value, json};

use super::ask::{Asker, Panel};
use super::per_row::{Outcome, RowRecipe};
use super::rows::Row;

/// The route of a recipe's main worker.
#[derive(Clone)]
pub struct RowRoute {
    team: Arc<Team>,
    name: String,
}

impl RowRoute {
    /// The route among the workers of a recipe: that of the first key `worker` or `workers` which names one.
    pub fn of(panel: &Panel, uses: &[(String, String)]) -> Option<Self> {
        let main = |(key, _): &&(String, String)| matches!(key.as_str(), "worker" | "workers");
        uses.iter().filter(main).find_map(|(_, name)| {
            let team = panel.askers.iter().filter(|asker| asker.name() == name).find_map(Asker::team)?;
            Some(Self { team: Arc::clone(team), name: name.clone() })
        })
    }

    /// After how many rows the route is fitted anew; none if it learns nothing.
    pub fn fit_every(&self) -> Option<u64> {
        self.team.router().fit_every()
    }

    /// Learns from the rows judged so far.
    pub fn fit(&self) {
        self.team.router().fit();
    }

    /// Works on a row with the worker that the route chooses, and judges what comes of it.
    ///
    /// # Errors
    /// When a worker can do nothing more.
    pub async fn work<R: RowRecipe>(&self, recipe: &R, n: u64, row: Row, panel: &Panel) -> Result<Vec<Outcome>> {
        let attempts =
            if self.team.router().policy() == Policy::CheapestOk { self.team.router().n_workers() } else { 1 };
        let mut tried = Vec::new();
        for attempt in 0..attempts {
            let turn = Arc::new(Turn::new(Arc::clone(&self.team), n, attempt));
            let asker = Asker::of(turn.clone());
            let place = |one: &Asker| if one.name() == self.name { asker.clone() } else { one.clone() };
            let panel = Panel { askers: panel.askers.iter().map(place).collect() };
            let mut outcomes = recipe.work(n, row.clone(), &panel).await?;
            let kept = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Keep(_))).count();
            let Some(choice) = turn.choice() else { return Ok(outcomes) };
            if let Some(loss) = recipe.loss(&outcomes) {
                turn.judge(loss);
            }
            if kept == 0 && attempt + 1 < attempts && recipe.is_worth_another_try(&outcomes) {
                tried.push(choice.worker.clone());
                continue;
            }
            for outcome in &mut outcomes {
                let (Outcome::Keep(row) | Outcome::Drop(row, ..)) = outcome;
                mark(row, recipe.stage(), &self.name, choice, &tried);
            }
            return Ok(outcomes);
        }
        unreachable!("a router has at least one worker, and the last attempt returns")
    }
}

/// Writes down which worker was chosen: in `made_by` where it names the route, and with the reason in
/// `meta.route.<stage>`.
pub fn mark(row: &mut Row, stage: &str, route: &str, choice: &Choice, tried: &[String]) {
    if let Some(made_by) = row.get_mut(MADE_BY).filter(|made_by| made_by["worker"] == route) {
        made_by["worker"] = choice.worker.as_str().into();
    }
    let meta =
        row.get(META).and_then(Value::as_str).and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
    let mut meta = meta.unwrap_or_default();
    let mut note = json!({ "worker": choice.worker, "by": choice.by });
    if let Some(predicted) = choice.predicted {
        note["predicted_loss"] = json!(predicted);
        let losses = choice.reasons.iter().map(|reason| (reason.worker.clone(), json!(reason.loss)));
        note["predicted_losses"] = Value::Object(losses.collect());
    }
    if !tried.is_empty() {
        note["tried"] = json!(tried);
    }
    let routes = meta.entry("route").or_insert_with(|| json!({}));
    if !routes.is_object() {
        *routes = json!({});
    }
    routes[stage] = note;
    row.insert(META.into(), Value::Object(meta).to_string().into());
}
