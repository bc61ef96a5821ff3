//! The stages and who reads whom, drawn from above to below; and the same as tables.

use std::collections::HashMap;
use std::fmt::Write;

use super::layers::{self, Layers, Place};
use crate::report::html::number::{count, seconds};
use crate::report::html::table::{self, Col};
use crate::report::html::text::columns;
use crate::report::html::{Html, at};
use crate::report::model::{Graph, GraphNode};

const NODE_WIDTH: f64 = 158.0;
const NODE_HEIGHT: f64 = 46.0;
const BEND_WIDTH: f64 = 18.0;
const GAP: f64 = 22.0;
const LAYER: f64 = 78.0;
/// Sweeps of straightening.
const STRAIGHTENING: usize = 8;
/// Letters of a name that fit into a node.
const NAME_COLUMNS: usize = 20;
/// The same of a kind, which the number of its pass follows.
const KIND_COLUMNS: usize = 16;
/// Beyond this many nodes or edges a drawing shows nothing any more; the table has them all.
const MOST: usize = 150;

/// The drawing.
pub(crate) fn graph(h: &mut Html, graph: &Graph) {
    let index: HashMap<&str, usize> = graph.nodes.iter().enumerate().map(|(i, n)| (n.name.as_str(), i)).collect();
    let edge = |name: &str| index.get(name).copied().unwrap_or(usize::MAX);
    let edges: Vec<(usize, usize)> = graph.edges.iter().map(|e| (edge(&e.from), edge(&e.to))).collect();
    h.el("figure", &at(), |h| {
        h.leaf("p", &at().class("name"), "How the stages hang together");
        if graph.nodes.len() > MOST || edges.len() > MOST {
            h.leaf("p", &at().class("soft"), "Too many stages for a drawing; the tables below have them all.");
        } else {
            draw(h, graph, &layers::place(graph.nodes.len(), &edges), &edges);
        }
        h.leaf(
            "figcaption",
            &at(),
            "A strong border: rows are written to disk. A thin one: fused into the pass that follows.",
        );
    });
}

/// The same as tables.
pub(crate) fn tables(h: &mut Html, graph: &Graph) {
    stage_table(h, graph);
    pass_table(h, graph);
}

/// Middle of each place across, from the left, and the width of all.
///
/// Layers start centred; then each place moves towards the mean of those it is joined to, as far as its neighbours let
/// it, a few times down and up, so that chains become straight.
fn middles(placed: &Layers) -> (Vec<Vec<f64>>, f64) {
    let half = |place: &Place| if matches!(place, Place::Node(_)) { NODE_WIDTH / 2.0 } else { BEND_WIDTH / 2.0 };
    let halves: Vec<Vec<f64>> = placed.layers.iter().map(|layer| layer.iter().map(half).collect()).collect();
    let centred = |halves: &Vec<f64>| {
        let whole = halves.iter().map(|half| 2.0 * half + GAP).sum::<f64>();
        let mut x = -whole / 2.0;
        let step = |half: &f64| {
            x += 2.0 * half + GAP;
            x - half - GAP / 2.0
        };
        halves.iter().map(step).collect::<Vec<f64>>()
    };
    let mut middles: Vec<Vec<f64>> = halves.iter().map(centred).collect();
    for sweep in 0..STRAIGHTENING {
        for step in 1..middles.len() {
            let (at, beside) =
                if sweep % 2 == 0 { (step, step - 1) } else { (middles.len() - 1 - step, middles.len() - step) };
            let wanted = wanted(placed, &middles, at, beside);
            middles[at] = apart(&wanted, &halves[at]);
        }
    }
    let edges = |sign: f64| {
        let all = middles.iter().flatten().zip(halves.iter().flatten());
        all.map(move |(middle, half)| sign * middle + half).fold(f64::NEG_INFINITY, f64::max)
    };
    let (right, left) = (edges(1.0), -edges(-1.0));
    middles.iter_mut().flatten().for_each(|middle| *middle -= left);
    (middles, right - left)
}

/// The mean place of what each entry of a layer is joined to in the layer beside it; its own if nothing.
fn wanted(placed: &Layers, middles: &[Vec<f64>], at: usize, beside: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0u32); middles[at].len()];
    for pair in placed.routes.iter().flat_map(|route| route.windows(2)) {
        let (upper, lower) = (pair[0], pair[1]);
        let ends = if upper.0 == at { (upper, lower) } else { (lower, upper) };
        if ends.0.0 == at && ends.1.0 == beside {
            let sum = &mut sums[ends.0.1];
            *sum = (sum.0 + middles[beside][ends.1.1], sum.1 + 1);
        }
    }
    sums.iter().zip(&middles[at]).map(|((sum, n), own)| if *n > 0 { sum / f64::from(*n) } else { *own }).collect()
}

/// The wanted places, moved as little to the one side as to the other until none overlap.
fn apart(wanted: &[f64], halves: &[f64]) -> Vec<f64> {
    let mut rightwards = wanted.to_vec();
    let mut leftwards = wanted.to_vec();
    for i in 1..wanted.len() {
        let least = halves[i - 1] + halves[i] + GAP;
        rightwards[i] = rightwards[i].max(rightwards[i - 1] + least);
        let j = wanted.len() - 1 - i;
        let least = halves[j] + halves[j + 1] + GAP;
        leftwards[j] = leftwards[j].min(leftwards[j + 1] - least);
    }
    rightwards.iter().zip(&leftwards).map(|(a, b)| (a + b) / 2.0).collect()
}

fn draw(h: &mut Html, graph: &Graph, placed: &Layers, edges: &[(usize, usize)]) {
    if placed.layers.is_empty() {
        return;
    }
    let (middles, width) = middles(placed);
    let height = placed.layers.len() as f64 * LAYER - (LAYER - NODE_HEIGHT) + 4.0;
    let (title, desc) = (h.next_id("title"), h.next_id("desc"));
    h.el(
        "div",
        &at().class("graph").set("tabindex", "0").set("role", "region").refer("aria-labelledby", &[&title]),
        |h| {
            let attrs = at().set("role", "img").refer("aria-labelledby", &[&title, &desc]);
            h.el("svg", &attrs.px("width", width + 4.0).px("height", height), |h| {
                h.leaf("title", &at().id(&title), "Graph of the stages");
                h.el("desc", &at().id(&desc), |h| h.plain(&description(graph)));
                for (route, (from, to)) in placed.routes.iter().zip(edges) {
                    draw_edge(h, route, &middles, *from < graph.nodes.len() && *to < graph.nodes.len());
                }
                for (depth, layer) in placed.layers.iter().enumerate() {
                    for (i, place) in layer.iter().enumerate() {
                        if let Place::Node(node) = place {
                            draw_node(
                                h,
                                graph,
                                &graph.nodes[*node],
                                middles[depth][i] + 2.0,
                                depth as f64 * LAYER + 2.0,
                            );
                        }
                    }
                }
            });
        },
    );
}

fn draw_edge(h: &mut Html, route: &[(usize, usize)], middles: &[Vec<f64>], known: bool) {
    if route.len() < 2 || !known {
        return;
    }
    let points: Vec<(f64, f64)> =
        route.iter().map(|(layer, place)| (middles[*layer][*place] + 2.0, *layer as f64 * LAYER + 2.0)).collect();
    let last = points.len() - 1;
    let mut path = String::new();
    for (i, pair) in points.windows(2).enumerate() {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        // A bend is passed straight from the top of its layer to the bottom.
        let start = y0 + NODE_HEIGHT;
        let end = if i + 1 == last { y1 - 5.0 } else { y1 };
        let half = (start + end) / 2.0;
        // Writing to a String cannot fail.
        let _ = write!(path, "{}{x0:.1} {start:.1}", if i == 0 { "M" } else { "L" });
        let _ = write!(path, "C{x0:.1} {half:.1} {x1:.1} {half:.1} {x1:.1} {end:.1}");
    }
    h.el("path", &at().class("edge").say("d", &path), |_| {});
    let (x, y) = points[last];
    let arrow = format!("M{x:.1} {y:.1}l-4.5 -7h9z");
    h.el("path", &at().class("arrow").say("d", &arrow), |_| {});
}

fn draw_node(h: &mut Html, graph: &Graph, node: &GraphNode, middle: f64, top: f64) {
    let class = if node.written { "node written" } else { "node" };
    let rect = at().class(class).px("x", middle - NODE_WIDTH / 2.0).px("y", top).px("rx", 7.0);
    h.el("g", &at(), |h| {
        h.el("title", &at(), |h| h.plain(&format!("{} ({})", node.name, node.kind)));
        h.el("rect", &rect.px("width", NODE_WIDTH).px("height", NODE_HEIGHT), |_| {});
        let text = at().px("x", middle).set("text-anchor", "middle");
        h.el("text", &text.clone().class("node-name").px("y", top + 20.0), |h| {
            h.plain(&shortened(&node.name, NAME_COLUMNS));
        });
        let kind = match pass_of(graph, &node.name) {
            Some(pass) => format!("{} · pass {pass}", shortened(&node.kind, KIND_COLUMNS)),
            None => shortened(&node.kind, NAME_COLUMNS),
        };
        h.el("text", &text.class("node-kind").px("y", top + 36.0), |h| h.plain(&kind));
    });
}

fn shortened(name: &str, mut room: usize) -> String {
    let fits = |c: &char| {
        let columns = columns(*c);
        let fits = columns <= room;
        room = room.saturating_sub(columns);
        fits
    };
    let start: String = name.chars().take_while(fits).collect();
    if start.len() < name.len() { format!("{start}…") } else { start }
}

/// The number of the pass that a stage belongs to, from 1.
fn pass_of(graph: &Graph, stage: &str) -> Option<usize> {
    graph.passes.iter().position(|pass| pass.stages.iter().any(|name| name == stage)).map(|i| i + 1)
}

fn description(graph: &Graph) -> String {
    let edges: Vec<String> = graph.edges.iter().map(|edge| format!("{} feeds {}", edge.from, edge.to)).collect();
    format!("{} stages. {}.", graph.nodes.len(), edges.join("; "))
}

fn names<'a>(h: &mut Html, names: impl Iterator<Item = &'a String>) {
    let mut first = true;
    for name in names {
        if !first {
            h.words(", ");
        }
        first = false;
        h.data(name);
    }
    if first {
        h.words("–");
    }
}

fn stage_table(h: &mut Html, graph: &Graph) {
    let columns = [
        Col::Words("stage"),
        Col::Words("kind"),
        Col::Words("reads"),
        Col::Words("is read by"),
        Col::Numbers("pass"),
        Col::Words("rows"),
    ];
    table::table(
        h,
        |h| h.words("The stages"),
        &columns,
        |h| {
            for node in &graph.nodes {
                table::row(
                    h,
                    &at(),
                    |h| h.data(&node.name),
                    |h| {
                        table::cell(h, |h| h.data(&node.kind));
                        table::cell(h, |h| names(h, graph.edges.iter().filter(|e| e.to == node.name).map(|e| &e.from)));
                        table::cell(h, |h| names(h, graph.edges.iter().filter(|e| e.from == node.name).map(|e| &e.to)));
                        h.el("td", &at().class("num"), |h| match pass_of(graph, &node.name) {
                            Some(pass) => h.shown(&count(pass as u64)),
                            None => h.words("–"),
                        });
                        table::cell(h, |h| h.words(if node.written { "written" } else { "fused" }));
                    },
                );
            }
        },
    );
}

fn pass_table(h: &mut Html, graph: &Graph) {
    if graph.passes.is_empty() {
        return;
    }
    let columns = [Col::Numbers("pass"), Col::Words("stages"), Col::Numbers("time")];
    table::table(
        h,
        |h| h.words("Passes over the rows"),
        &columns,
        |h| {
            for (i, pass) in graph.passes.iter().enumerate() {
                h.el("tr", &at(), |h| {
                    table::number(h, &count(i as u64 + 1));
                    table::cell(h, |h| names(h, pass.stages.iter()));
                    table::number(h, &seconds(pass.seconds));
                });
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_a_layer_never_overlap_and_chains_are_straight() {
        let edges = [(0, 2), (1, 2), (2, 3), (3, 4), (1, 4), (4, 5), (4, 6), (4, 7)];
        let placed = layers::place(8, &edges);
        let (middles, width) = middles(&placed);
        for (layer, places) in middles.iter().zip(&placed.layers) {
            for (i, pair) in layer.windows(2).enumerate() {
                let half = |place: &Place| if matches!(place, Place::Node(_)) { NODE_WIDTH } else { BEND_WIDTH } / 2.0;
                assert!(pair[1] - pair[0] >= half(&places[i]) + half(&places[i + 1]) + GAP - 0.01, "{layer:?}");
            }
            assert!(layer.iter().all(|middle| (0.0..=width).contains(middle)));
        }
        let chain = layers::place(3, &[(0, 1), (1, 2)]);
        assert_eq!(super::middles(&chain), (vec![vec![NODE_WIDTH / 2.0]; 3], NODE_WIDTH));
    }
}
