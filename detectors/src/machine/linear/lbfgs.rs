//! Limited-memory BFGS for smooth convex functions.
//!
//! Source: Nocedal and Wright 2006, algorithms 7.4 and 7.5, with a backtracking line search on the Armijo condition; a
//! pair of step and gradient change without positive curvature is left out, so that the step always descends.

/// When the search stops.
#[derive(Debug, Clone, Copy)]
pub struct LbfgsParams {
    /// Pairs of step and gradient change that are kept.
    pub memory: usize,
    /// Most steps.
    pub max_steps: usize,
    /// Largest gradient component, relative to max(1, |value|), at which the search stops.
    pub tolerance: f64,
}

impl Default for LbfgsParams {
    fn default() -> Self {
        Self { memory: 10, max_steps: 300, tolerance: 1e-6 }
    }
}

struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    curvature: f64,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn add_scaled(to: &mut [f64], scale: f64, from: &[f64]) {
    for (t, f) in to.iter_mut().zip(from) {
        *t += scale * f;
    }
}

/// Moves `point` to a minimum of `value_and_gradient`, which fills the gradient and returns the value.
///
/// Returns the value reached. Stops early when no step descends any more.
pub fn minimise(
    point: &mut [f64],
    params: LbfgsParams,
    mut value_and_gradient: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> f64 {
    let mut gradient = vec![0.0; point.len()];
    let mut value = value_and_gradient(point, &mut gradient);
    let mut pairs: Vec<Pair> = Vec::with_capacity(params.memory);
    let (mut next, mut next_gradient) = (point.to_vec(), gradient.clone());
    for _ in 0..params.max_steps {
        let steepest = gradient.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
        if steepest <= params.tolerance * value.abs().max(1.0) {
            break;
        }
        let direction = descent(&gradient, &pairs);
        let slope = dot(&direction, &gradient);
        // Without curvature yet, the first step is one unit long.
        let mut length = if pairs.is_empty() { 1.0 / dot(&gradient, &gradient).sqrt().max(1.0) } else { 1.0 };
        let mut next_value = f64::INFINITY;
        for _ in 0..40 {
            next.copy_from_slice(point);
            add_scaled(&mut next, length, &direction);
            next_value = value_and_gradient(&next, &mut next_gradient);
            if next_value <= value + 1e-4 * length * slope {
                break;
            }
            length *= 0.5;
        }
        if next_value.is_nan() || next_value >= value {
            break;
        }
        remember(&mut pairs, params.memory, point, &next, &gradient, &next_gradient);
        point.copy_from_slice(&next);
        gradient.copy_from_slice(&next_gradient);
        value = next_value;
    }
    value
}

fn remember(pairs: &mut Vec<Pair>, memory: usize, from: &[f64], to: &[f64], before: &[f64], after: &[f64]) {
    let step: Vec<f64> = to.iter().zip(from).map(|(t, f)| t - f).collect();
    let change: Vec<f64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
    let curvature = dot(&step, &change);
    if memory == 0 || curvature <= 1e-12 * dot(&change, &change) {
        return;
    }
    if pairs.len() == memory {
        pairs.remove(0);
    }
    pairs.push(Pair { step, change, curvature });
}

/// The two-loop recursion: minus the inverse Hessian, as the pairs know it, times the gradient.
fn descent(gradient: &[f64], pairs: &[Pair]) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = vec![0.0; pairs.len()];
    for (pair, share) in pairs.iter().zip(&mut shares).rev() {
        *share = dot(&pair.step, &direction) / pair.curvature;
        add_scaled(&mut direction, -*share, &pair.change);
    }
    if let Some(last) = pairs.last() {
        let scale = last.curvature / dot(&last.change, &last.change);
        direction.iter_mut().for_each(|d| *d *= scale);
    }
    for (pair, share) in pairs.iter().zip(&shares) {
        let back = dot(&pair.change, &direction) / pair.curvature;
        add_scaled(&mut direction, share - back, &pair.step);
    }
    direction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_bottom_of_a_long_valley() {
        // Rosenbrock's function: minimum 0 at (1, 1).
        let mut point = [-1.2, 1.0];
        let value = minimise(&mut point, LbfgsParams { max_steps: 500, tolerance: 1e-10, memory: 10 }, |p, g| {
            let (a, b) = (1.0 - p[0], p[1] - p[0] * p[0]);
            g[0] = -2.0 * a - 400.0 * p[0] * b;
            g[1] = 200.0 * b;
            a * a + 100.0 * b * b
        });
        assert!(value < 1e-12 && (point[0] - 1.0).abs() < 1e-5 && (point[1] - 1.0).abs() < 1e-5, "{point:?}");
    }

    #[test]
    fn stays_where_there_is_nothing_to_do() {
        let mut empty: [f64; 0] = [];
        assert_eq!(minimise(&mut empty, LbfgsParams::default(), |_, _| 3.0), 3.0);
        let mut lost = [1.0];
        minimise(&mut lost, LbfgsParams::default(), |_, g| {
            g[0] = 1.0;
            f64::NAN
        });
        assert_eq!(lost, [1.0]);
    }
}
