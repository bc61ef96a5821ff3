//! `kind = "karel"`: random programs for a robot on a grid, with inputs and the outputs they give.
//!
//! Rows can be checked: running the program on an input again must give the output. Worlds in which a program would walk
//! into a wall or pick up nothing are drawn again.
//!
//! Source: Jin and Rinard 2023, "Emergent Representations of Program Semantics in Language Models Trained on Programs"
//! (arXiv:2305.11169), with its constants: 8 x 8 grid, 1 to 10 actions, weights pickMarker 2, putMarker 2, move 5, turnRight 3,
//! turnLeft 3, ten input and output pairs of which five are shown. No loops, as there.

use std::sync::Arc;

use arrow::datatypes::FieldRef;
use gristmill_core::annotator::ParamDoc;
use gristmill_core::params::{self, ParamError};
use gristmill_core::schema::TEXT;
use gristmill_core::stage::{Stage, StageEntry, StageSpec};
use serde::Deserialize;
use serde_json::json;

use crate::kit::rows::{count, text, texts};
use crate::kit::{Drawn, DrawnRecipe, Draws, Row};

/// The row of the stage table.
pub(super) const ENTRY: StageEntry = StageEntry {
    kind: "karel",
    version: 2,
    about: "Robot programs with input and output worlds; every row can be checked by running it. No model needed.",
    source: "Jin and Rinard 2023, arXiv:2305.11169",
    takes_input: false,
    params: &[
        ParamDoc { name: "n", default: "1000", about: "number of programs" },
        ParamDoc { name: "side", default: "8", about: "width and height of the world, 2 to 32" },
        ParamDoc { name: "actions", default: "[1, 10]", about: "least and most actions of a program" },
        ParamDoc { name: "pairs", default: "10", about: "worlds per program" },
        ParamDoc { name: "shown_pairs", default: "5", about: "of these, worlds shown in `text`" },
    ],
    build,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default = "thousand")]
    n: u64,
    #[serde(default = "eight")]
    side: usize,
    #[serde(default = "actions")]
    actions: [usize; 2],
    #[serde(default = "ten")]
    pairs: usize,
    #[serde(default = "five")]
    shown_pairs: usize,
}

fn thousand() -> u64 {
    1000
}
fn eight() -> usize {
    8
}
fn actions() -> [usize; 2] {
    [1, 10]
}
fn ten() -> usize {
    10
}
fn five() -> usize {
    5
}

struct Karel {
    stage: String,
    seed: u64,
    params: Params,
}

fn build(spec: &StageSpec<'_>) -> Result<Stage, ParamError> {
    let mut params: Params = params::parse(spec.params)?;
    params.n = params.n.min(spec.limit.unwrap_or(u64::MAX));
    if !(2..=32).contains(&params.side) {
        return Err(ParamError::at("side", "expected 2 to 32"));
    }
    if params.actions[0] < 1 || params.actions[0] > params.actions[1] || params.actions[1] > 100 {
        return Err(ParamError::at("actions", "expected [least, most] between 1 and 100"));
    }
    if params.shown_pairs > params.pairs || params.pairs == 0 {
        return Err(ParamError::at("shown_pairs", "expected at most `pairs`, and `pairs` of 1 or more"));
    }
    let recipe = Karel { stage: spec.name.to_owned(), seed: spec.seed, params };
    Ok(Stage::Maker(Arc::new(Drawn(Arc::new(recipe)))))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    PickMarker,
    PutMarker,
    Move,
    TurnRight,
    TurnLeft,
}

/// Actions with the weights they are drawn by.
const WEIGHTS: [(Action, usize); 5] =
    [(Action::PickMarker, 2), (Action::PutMarker, 2), (Action::Move, 5), (Action::TurnRight, 3), (Action::TurnLeft, 3)];

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::PickMarker => "pickMarker",
            Self::PutMarker => "putMarker",
            Self::Move => "move",
            Self::TurnRight => "turnRight",
            Self::TurnLeft => "turnLeft",
        }
    }

    fn draw(draws: &mut Draws) -> Self {
        let total = WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let mut at = draws.below(total);
        for (action, weight) in WEIGHTS {
            if at < weight {
                return action;
            }
            at -= weight;
        }
        unreachable!("a draw below the sum of weights falls into one of them")
    }
}

/// Share of cells with an obstacle, and with markers.
const OBSTACLES: f64 = 0.1;
const MARKERS: f64 = 0.1;
/// Most markers in a cell.
const MOST_MARKERS: u8 = 9;

/// A grid with obstacles and markers, and the robot in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct World {
    side: usize,
    /// Per cell: none for an obstacle, else the number of markers.
    cells: Vec<Option<u8>>,
    x: usize,
    y: usize,
    /// 0 north, 1 east, 2 south, 3 west.
    facing: usize,
}

impl World {
    fn draw(side: usize, draws: &mut Draws) -> Self {
        let mut cells: Vec<Option<u8>> = (0..side * side)
            .map(|_| match draws.unit() {
                u if u < OBSTACLES => None,
                u if u < OBSTACLES + MARKERS => Some(1 + draws.below(usize::from(MOST_MARKERS)) as u8),
                _ => Some(0),
            })
            .collect();
        let (x, y, facing) = (draws.below(side), draws.below(side), draws.below(4));
        cells[y * side + x].get_or_insert(0);
        Self { side, cells, x, y, facing }
    }

    /// Does one action; false when it cannot be done.
    fn step(&mut self, action: Action) -> bool {
        let here = self.y * self.side + self.x;
        match action {
            Action::TurnRight => self.facing = (self.facing + 1) % 4,
            Action::TurnLeft => self.facing = (self.facing + 3) % 4,
            Action::Move => {
                let (dx, dy) = [(0, -1), (1, 0), (0, 1), (-1, 0)][self.facing];
                let (Some(x), Some(y)) = (self.x.checked_add_signed(dx), self.y.checked_add_signed(dy)) else {
                    return false;
                };
                if x >= self.side || y >= self.side || self.cells[y * self.side + x].is_none() {
                    return false;
                }
                (self.x, self.y) = (x, y);
            }
            Action::PickMarker => match self.cells[here] {
                Some(n) if n > 0 => self.cells[here] = Some(n - 1),
                _ => return false,
            },
            Action::PutMarker => match self.cells[here] {
                Some(n) if n < MOST_MARKERS => self.cells[here] = Some(n + 1),
                _ => return false,
            },
        }
        true
    }

    /// Rows of the grid: `#` an obstacle, `.` free, a digit markers; then place and direction of the robot.
    fn show(&self) -> String {
        let cell = |cell: &Option<u8>| match cell {
            None => '#',
            Some(0) => '.',
            Some(n) => char::from(b'0' + n),
        };
        let rows: Vec<String> = self.cells.chunks(self.side).map(|row| row.iter().map(cell).collect()).collect();
        format!("{} {},{}{}", rows.join("/"), self.x, self.y, ["N", "E", "S", "W"][self.facing])
    }
}

/// Runs a program; none when an action cannot be done.
fn run(program: &[Action], world: &World) -> Option<World> {
    let mut world = world.clone();
    program.iter().all(|action| world.step(*action)).then_some(world)
}

/// Worlds tried for each pair before another program is drawn.
const MAX_WORLDS: usize = 200;

impl Karel {
    fn pairs(&self, program: &[Action], draws: &mut Draws) -> Option<Vec<(World, World)>> {
        (0..self.params.pairs)
            .map(|_| {
                (0..MAX_WORLDS).find_map(|_| {
                    let input = World::draw(self.params.side, draws);
                    run(program, &input).map(|output| (input, output))
                })
            })
            .collect()
    }
}

impl DrawnRecipe for Karel {
    fn kind(&self) -> &'static str {
        ENTRY.kind
    }

    fn stage(&self) -> &str {
        &self.stage
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn n(&self) -> u64 {
        self.params.n
    }

    fn fields(&self) -> Vec<FieldRef> {
        vec![text("code"), count("n_actions"), texts("inputs"), texts("outputs")]
    }

    fn draw(&self, draws: &mut Draws) -> (Row, Option<String>) {
        loop {
            let n = self.params.actions[0] + draws.below(self.params.actions[1] - self.params.actions[0] + 1);
            let program: Vec<Action> = (0..n).map(|_| Action::draw(draws)).collect();
            let Some(pairs) = self.pairs(&program, draws) else { continue };
            let code = program.iter().map(|action| action.name()).collect::<Vec<_>>().join(" ");
            let (inputs, outputs): (Vec<String>, Vec<String>) =
                pairs.iter().map(|(input, output)| (input.show(), output.show())).unzip();
            let shown = inputs.iter().zip(&outputs).take(self.params.shown_pairs);
            let shown: Vec<String> = shown.map(|(input, output)| format!("{input} -> {output}")).collect();
            let mut row = Row::new();
            row.insert(TEXT.into(), format!("{}\n{code}", shown.join("\n")).into());
            row.insert("code".into(), code.into());
            row.insert("n_actions".into(), n.into());
            row.insert("inputs".into(), json!(inputs));
            row.insert("outputs".into(), json!(outputs));
            return (row, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(shown: &str) -> World {
        let (grid, robot) = shown.split_once(' ').unwrap();
        let cells: Vec<Option<u8>> = grid
            .bytes()
            .filter(|b| *b != b'/')
            .map(|b| match b {
                b'#' => None,
                b'.' => Some(0),
                digit => Some(digit - b'0'),
            })
            .collect();
        let (x, rest) = robot.split_once(',').unwrap();
        let (y, facing) = rest.split_at(rest.len() - 1);
        let side = grid.split('/').count();
        World { side, cells, x: x.parse().unwrap(), y: y.parse().unwrap(), facing: "NESW".find(facing).unwrap() }
    }

    #[test]
    fn every_output_comes_of_running_the_code_again() {
        let params: Params = serde_json::from_str("{}").unwrap();
        let karel = Karel { stage: "k".into(), seed: 3, params };
        for n in 0..50 {
            let (row, _) = karel.draw(&mut Draws::of(3, &[&n.to_string()]));
            let action = |name: &str| WEIGHTS.iter().find(|(action, _)| action.name() == name).unwrap().0;
            let program: Vec<Action> = row["code"].as_str().unwrap().split(' ').map(action).collect();
            assert!((1..=10).contains(&program.len()));
            for (input, output) in row["inputs"].as_array().unwrap().iter().zip(row["outputs"].as_array().unwrap()) {
                let output = output.as_str().unwrap();
                assert_eq!(run(&program, &read(input.as_str().unwrap())).unwrap().show(), output);
            }
        }
    }

    #[test]
    fn walls_and_empty_cells_stop_a_program() {
        let world = read("../.. 0,0N");
        assert_eq!(run(&[Action::Move], &world), None);
        assert_eq!(run(&[Action::PickMarker], &world), None);
        let there = run(&[Action::TurnRight, Action::Move, Action::PutMarker], &world).unwrap();
        assert_eq!(there.show(), ".1/.. 1,0E");
    }
}
