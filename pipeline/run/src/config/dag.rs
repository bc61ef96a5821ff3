//! The stages as a graph: every input known, no cycle, an order to run in.

use std::collections::HashMap;

use gristmill_core::registry::nearest;

use super::{Config, Diagnostics};

/// The stages in an order in which each comes after its inputs; indices into [`Config::stages`].
///
/// # Errors
/// Unknown inputs (with the nearest name) and cycles (with the way around).
pub fn order(config: &Config) -> Result<Vec<usize>, Diagnostics> {
    let index: HashMap<&str, usize> = config.stages.iter().enumerate().map(|(i, s)| (s.name.as_str(), i)).collect();
    let mut complaints = Diagnostics::default();
    for stage in &config.stages {
        for (i, input) in stage.inputs.iter().enumerate() {
            if !index.contains_key(input.as_str()) {
                let hint = nearest(input, index.keys().copied().filter(|name| *name != stage.name))
                    .map(|near| format!("did you mean \"{near}\"?"));
                let message = format!("there is no stage \"{input}\"");
                complaints.push(config.document.complain(&input_path(config, &stage.name, i), message, hint));
            }
        }
    }
    if !complaints.is_empty() {
        return Err(complaints);
    }
    let mut walk = Walk { config, index: &index, state: vec![State::New; config.stages.len()], order: Vec::new() };
    for i in 0..config.stages.len() {
        if let Err(cycle) = walk.visit(i, &mut Vec::new()) {
            let stage = &config.stages[cycle[0]].name;
            let names: Vec<&str> = cycle.iter().map(|i| config.stages[*i].name.as_str()).collect();
            let message = format!("the stages form a cycle: {} -> {}", names.join(" -> "), names[0]);
            return Err(config
                .document
                .complain(&["stage".into(), stage.clone(), "input".into()], message, None)
                .into());
        }
    }
    Ok(walk.order)
}

fn input_path(config: &Config, stage: &str, i: usize) -> Vec<String> {
    let table = config.document.value().get("stage").and_then(|s| s.get(stage));
    let listed = table.and_then(|t| t.get("input")).is_some_and(serde_json::Value::is_array);
    let mut path = vec!["stage".to_owned(), stage.to_owned(), "input".to_owned()];
    if listed {
        path.push(i.to_string());
    }
    path
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

struct Walk<'a> {
    config: &'a Config,
    index: &'a HashMap<&'a str, usize>,
    state: Vec<State>,
    order: Vec<usize>,
}

impl Walk<'_> {
    /// Depth first; an open stage met again closes a cycle, which is returned.
    fn visit(&mut self, i: usize, trail: &mut Vec<usize>) -> Result<(), Vec<usize>> {
        match self.state[i] {
            State::Done => return Ok(()),
            State::Open => {
                let from = trail.iter().position(|t| *t == i).unwrap_or(0);
                return Err(trail[from..].to_vec());
            }
            State::New => {}
        }
        self.state[i] = State::Open;
        trail.push(i);
        for input in &self.config.stages[i].inputs {
            self.visit(self.index[input.as_str()], trail)?;
        }
        trail.pop();
        self.state[i] = State::Done;
        self.order.push(i);
        Ok(())
    }
}
