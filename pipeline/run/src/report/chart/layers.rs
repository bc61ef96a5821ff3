//! Where the nodes of a graph stand: in layers, each below all that it reads, with few crossing edges.
//!
//! A node's layer is the length of the longest way to it. An edge that spans several layers gets a bend in each, so that
//! it passes between nodes and not behind them. Within a layer the places are ordered by the mean place of their
//! neighbours, a few sweeps down and up. A cycle cannot come from a config that was checked; its nodes stand at the end.
//!
//! Source: Sugiyama, Tagawa and Toda 1981, Methods for visual understanding of hierarchical system structures.

/// Sweeps of ordering; more change nothing in graphs of this size.
const SWEEPS: usize = 6;

/// A place in a layer: a node or a bend of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The node with this index.
    Node(usize),
    /// A bend of the edge with this index.
    Bend(usize),
}

/// A graph in layers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layers {
    /// The places of each layer, from left to right.
    pub(super) layers: Vec<Vec<Place>>,
    /// For each edge, its places from above as (layer, place); empty for an edge that is not drawn.
    pub(super) routes: Vec<Vec<(usize, usize)>>,
}

/// Places `n` nodes whose edges lead from the one to the other; edges to themselves or out of range are not drawn.
pub(super) fn place(n: usize, edges: &[(usize, usize)]) -> Layers {
    let sound: Vec<bool> = edges.iter().map(|(from, to)| from != to && *from < n && *to < n).collect();
    let depth = depths(n, edges, &sound);
    let rows = depth.iter().map(|layer| layer + 1).max().unwrap_or(0);
    let mut layers: Vec<Vec<Place>> = vec![Vec::new(); rows];
    for (node, layer) in depth.iter().enumerate() {
        layers[*layer].push(Place::Node(node));
    }
    for (edge, (from, to)) in edges.iter().enumerate().filter(|(edge, _)| sound[*edge]) {
        let (top, bottom) = ends(depth[*from], depth[*to]);
        for layer in layers.iter_mut().take(bottom).skip(top + 1) {
            layer.push(Place::Bend(edge));
        }
    }
    for sweep in 0..SWEEPS {
        let downwards = sweep % 2 == 0;
        for step in 1..rows {
            let (at, beside) = if downwards { (step, step - 1) } else { (rows - 1 - step, rows - step) };
            order(&mut layers, at, beside, edges, &sound, &depth);
        }
    }
    let routes = routes(&layers, edges, &sound, &depth);
    Layers { layers, routes }
}

fn ends(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

/// The longest way to each node; nodes of a cycle stand one below each other after all others.
fn depths(n: usize, edges: &[(usize, usize)], sound: &[bool]) -> Vec<usize> {
    let mut waiting = vec![0usize; n];
    let mut readers = vec![Vec::new(); n];
    for (edge, (from, to)) in edges.iter().enumerate().filter(|(edge, _)| sound[*edge]) {
        waiting[*to] += 1;
        readers[*from].push(edges[edge].1);
    }
    let mut depth = vec![0; n];
    let mut ready: Vec<usize> = (0..n).filter(|node| waiting[*node] == 0).collect();
    let mut done = 0;
    while done < ready.len() {
        let node = ready[done];
        done += 1;
        for reader in &readers[node] {
            depth[*reader] = depth[*reader].max(depth[node] + 1);
            waiting[*reader] -= 1;
            if waiting[*reader] == 0 {
                ready.push(*reader);
            }
        }
    }
    let next = ready.iter().map(|node| depth[*node] + 1).max().unwrap_or(0);
    for (i, node) in (0..n).filter(|node| waiting[*node] > 0).enumerate() {
        depth[node] = next + i;
    }
    depth
}

/// Orders a layer by the mean place of each entry's neighbours in the layer beside it.
fn order(
    layers: &mut [Vec<Place>],
    at: usize,
    beside: usize,
    edges: &[(usize, usize)],
    sound: &[bool],
    depth: &[usize],
) {
    let neighbour = |place: Place| -> Vec<Place> {
        let next = |edge: usize, far: usize| {
            if depth[far] == beside { Place::Node(far) } else { Place::Bend(edge) }
        };
        let reaches = |far: usize| if at > beside { depth[far] <= beside } else { depth[far] >= beside };
        let touching = edges.iter().enumerate().filter(|(edge, _)| sound[*edge]);
        match place {
            Place::Bend(edge) => {
                let (from, to) = edges[edge];
                [from, to].into_iter().filter(|far| reaches(*far)).map(|far| next(edge, far)).collect()
            }
            Place::Node(node) => touching
                .filter_map(|(edge, (from, to))| match node {
                    node if node == *from => Some((edge, *to)),
                    node if node == *to => Some((edge, *from)),
                    _ => None,
                })
                .filter(|(_, far)| reaches(*far))
                .map(|(edge, far)| next(edge, far))
                .collect(),
        }
    };
    let fixed = &layers[beside];
    let mean = |(i, place): (usize, &Place)| {
        let near = neighbour(*place);
        let places: Vec<usize> = near.iter().filter_map(|n| fixed.iter().position(|other| other == n)).collect();
        // Centred, so that layers of different width compare.
        let centre = (fixed.len() as f64 - 1.0) / 2.0;
        let own = i as f64 - (layers[at].len() as f64 - 1.0) / 2.0;
        let sum: f64 = places.iter().map(|p| *p as f64 - centre).sum();
        if places.is_empty() { own } else { sum / places.len() as f64 }
    };
    let mut keyed: Vec<(f64, Place)> = layers[at].iter().enumerate().map(|entry| (mean(entry), *entry.1)).collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    layers[at] = keyed.into_iter().map(|(_, place)| place).collect();
}

fn routes(
    layers: &[Vec<Place>],
    edges: &[(usize, usize)],
    sound: &[bool],
    depth: &[usize],
) -> Vec<Vec<(usize, usize)>> {
    let find = |layer: usize, place: Place| layers[layer].iter().position(|other| *other == place).unwrap_or(0);
    let route = |(edge, (from, to)): (usize, &(usize, usize))| {
        if !sound[edge] {
            return Vec::new();
        }
        let (top, bottom) = ends(depth[*from], depth[*to]);
        let upper = if depth[*from] == top { *from } else { *to };
        let lower = if upper == *from { *to } else { *from };
        let mut route = vec![(top, find(top, Place::Node(upper)))];
        route.extend((top + 1..bottom).map(|layer| (layer, find(layer, Place::Bend(edge)))));
        route.push((bottom, find(bottom, Place::Node(lower))));
        route
    };
    edges.iter().enumerate().map(route).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_stands_below_what_it_reads() {
        // Two sources, a chain, and an edge that skips two layers.
        let edges = [(0, 2), (1, 2), (2, 3), (3, 4), (1, 4)];
        let placed = place(5, &edges);
        assert_eq!(placed.layers.len(), 4);
        assert_eq!(placed.layers[0], [Place::Node(0), Place::Node(1)]);
        // The bends lie right of the chain, because node 1 does: no crossing.
        assert_eq!(placed.layers[1], [Place::Node(2), Place::Bend(4)]);
        assert_eq!(placed.layers[2], [Place::Node(3), Place::Bend(4)]);
        assert_eq!(placed.routes[4], [(0, 1), (1, 1), (2, 1), (3, 0)]);
    }

    #[test]
    fn a_crossing_is_undone() {
        let placed = place(4, &[(0, 3), (1, 2)]);
        assert_eq!(placed.layers[1], [Place::Node(3), Place::Node(2)]);
    }

    #[test]
    fn cycles_and_stray_edges_are_placed_too() {
        let placed = place(3, &[(0, 1), (1, 0), (2, 2), (7, 1)]);
        let nodes: usize = placed.layers.iter().map(Vec::len).sum();
        assert_eq!(nodes, 3);
        assert!(placed.routes[2].is_empty() && placed.routes[3].is_empty());
        assert_eq!(place(0, &[]), Layers::default());
    }
}
