//! Logistic regression by Newton's method: the solver behind the stack and behind Platt's sigmoid.
//!
//! Minimises sum of w_i (ln(1 + exp z_i) - t_i z_i) + l2 / 2 |weights|^2 with z = inputs * weights + bias; the bias is not
//! penalised. Each step solves the normal equations by Cholesky and is halved until the loss falls, so that it converges
//! from 0 on any input (iteratively reweighted least squares; Bishop 2006, 4.3.3). One step costs n * d^2 / 2.

/// What is minimised. Inputs are row by row and finite; targets lie in [0, 1]; weights are not negative.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Problem<'a> {
    pub(crate) inputs: &'a [f64],
    pub(crate) n_columns: usize,
    pub(crate) targets: &'a [f64],
    pub(crate) weights: &'a [f64],
    pub(crate) l2: f64,
}

/// Where the loss is least.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Solution {
    pub(crate) weights: Vec<f64>,
    pub(crate) bias: f64,
}

impl Problem<'_> {
    /// The minimum; none if the gradient does not fall to `tolerance` times the sum of weights in `max_iterations`.
    pub(crate) fn solve(&self, max_iterations: u32, tolerance: f64) -> Option<Solution> {
        let d = self.n_columns;
        // The bias is the last parameter.
        let mut theta = vec![0.0; d + 1];
        let mut loss = self.loss(&theta);
        let enough = tolerance * self.weights.iter().sum::<f64>().max(1.0);
        for _ in 0..=max_iterations {
            let (gradient, mut hessian) = self.derivatives(&theta);
            if gradient.iter().all(|g| g.abs() <= enough) {
                let bias = theta.pop()?;
                return Some(Solution { weights: theta, bias });
            }
            let mut step = gradient;
            solve_in_place(&mut hessian, &mut step, d + 1)?;
            (theta, loss) = self.descend(&theta, &step, loss)?;
        }
        None
    }

    /// Steps against `step`, halved until the loss does not rise.
    fn descend(&self, theta: &[f64], step: &[f64], loss: f64) -> Option<(Vec<f64>, f64)> {
        const MOST_HALVINGS: i32 = 50;
        (0..MOST_HALVINGS).find_map(|halvings| {
            let scale = 0.5_f64.powi(halvings);
            let next: Vec<f64> = theta.iter().zip(step).map(|(t, s)| t - scale * s).collect();
            let next_loss = self.loss(&next);
            // At the minimum the loss moves by rounding only.
            (next_loss <= loss + 1e-12 * loss.abs()).then_some((next, next_loss))
        })
    }

    fn rows<'s>(&'s self, theta: &'s [f64]) -> impl Iterator<Item = (&'s [f64], f64, f64, f64)> {
        let d = self.n_columns;
        let columns = self.targets.iter().zip(self.weights).enumerate();
        columns.map(move |(i, (&target, &weight))| {
            let row = &self.inputs[i * d..(i + 1) * d];
            (row, theta[d] + dot(row, &theta[..d]), target, weight)
        })
    }

    fn loss(&self, theta: &[f64]) -> f64 {
        let fit: f64 = self.rows(theta).map(|(_, z, target, weight)| weight * (softplus(z) - target * z)).sum();
        let weights = &theta[..self.n_columns];
        fit + 0.5 * self.l2 * dot(weights, weights)
    }

    /// The gradient, and the lower triangle of the Hessian row by row.
    fn derivatives(&self, theta: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let d = self.n_columns;
        let size = d + 1;
        let (mut gradient, mut hessian) = (vec![0.0; size], vec![0.0; size * size]);
        for (row, z, target, weight) in self.rows(theta) {
            let p = sigmoid(z);
            let (slope, curvature) = (weight * (p - target), weight * p * (1.0 - p));
            for (j, &x) in row.iter().enumerate() {
                gradient[j] += slope * x;
                let scaled = curvature * x;
                let below = &mut hessian[j * size..=j * size + j];
                below.iter_mut().zip(row).for_each(|(h, y)| *h += scaled * y);
            }
            gradient[d] += slope;
            let bias_row = &mut hessian[d * size..d * size + d];
            bias_row.iter_mut().zip(row).for_each(|(h, y)| *h += curvature * y);
            hessian[d * size + d] += curvature;
        }
        for (j, weight) in theta[..d].iter().enumerate() {
            gradient[j] += self.l2 * weight;
            hessian[j * size + j] += self.l2;
        }
        // Where all documents are certain, or a column is constant, the Hessian is singular; this much cannot be seen.
        let ridge = 1e-10 * (0..size).map(|j| hessian[j * size + j]).fold(1e-10, f64::max);
        (0..size).for_each(|j| hessian[j * size + j] += ridge);
        (gradient, hessian)
    }
}

/// 1 / (1 + exp(-z)), without overflow.
pub(crate) fn sigmoid(z: f64) -> f64 {
    if z >= 0.0 {
        1.0 / (1.0 + (-z).exp())
    } else {
        let e = z.exp();
        e / (1.0 + e)
    }
}

/// ln(1 + exp z), without overflow.
fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Solves A x = b for a symmetric positive A of `size` rows given by its lower triangle, by Cholesky; x replaces b. None
/// if A is not positive.
fn solve_in_place(a: &mut [f64], b: &mut [f64], size: usize) -> Option<()> {
    for i in 0..size {
        for j in 0..=i {
            let (upper, lower) = a.split_at_mut(i * size);
            let sum = if i == j {
                lower[i] - dot(&lower[..i], &lower[..i])
            } else {
                lower[j] - dot(&lower[..j], &upper[j * size..j * size + j])
            };
            if i == j {
                if !(sum > 0.0 && sum.is_finite()) {
                    return None;
                }
                lower[i] = sum.sqrt();
            } else {
                lower[j] = sum / upper[j * size + j];
            }
        }
    }
    for i in 0..size {
        let known = dot(&a[i * size..i * size + i], &b[..i]);
        b[i] = (b[i] - known) / a[i * size + i];
    }
    for i in (0..size).rev() {
        let known: f64 = (i + 1..size).map(|k| a[k * size + i] * b[k]).sum();
        b[i] = (b[i] - known) / a[i * size + i];
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_system_is_solved() {
        // [4 2 1; 2 5 3; 1 3 6] x = (1, 2, 3) times: with x = (1, -1, 2) the right side is (4, 3, 10).
        let mut a = vec![4.0, 0.0, 0.0, 2.0, 5.0, 0.0, 1.0, 3.0, 6.0];
        let mut b = vec![4.0, 3.0, 10.0];
        solve_in_place(&mut a, &mut b, 3).unwrap();
        assert!(b.iter().zip([1.0, -1.0, 2.0]).all(|(x, y)| (x - y).abs() < 1e-12), "{b:?}");
        assert_eq!(solve_in_place(&mut [0.0], &mut [1.0], 1), None);
    }

    #[test]
    fn without_inputs_the_bias_is_the_log_odds() {
        let targets = [1.0, 1.0, 1.0, 0.0];
        let problem = Problem { inputs: &[], n_columns: 0, targets: &targets, weights: &[1.0; 4], l2: 1.0 };
        assert!((problem.solve(50, 1e-12).unwrap().bias - 3.0_f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn far_inputs_neither_overflow_nor_stall() {
        let inputs = [-1e6, -1.0, 1.0, 1e6];
        let targets = [0.0, 0.0, 1.0, 1.0];
        let problem = Problem { inputs: &inputs, n_columns: 1, targets: &targets, weights: &[1.0; 4], l2: 1.0 };
        let solution = problem.solve(100, 1e-8).unwrap();
        assert!(solution.weights[0] > 0.0 && solution.weights[0].is_finite());
        assert_eq!((sigmoid(-1e9), sigmoid(1e9), softplus(1e9)), (0.0, 1.0, 1e9));
    }
}
