//! Ridge regression that takes one observation at a time and is solved when asked.

/// Sums of a regression: of products of features, and of features with the value.
pub(crate) struct Ridge {
    n: usize,
    products: Vec<f64>,
    targets: Vec<f64>,
}

impl Ridge {
    /// A regression on so many features, the first of which is always 1.
    pub(crate) fn new(n_features: usize) -> Self {
        Self { n: n_features, products: vec![0.0; n_features * n_features], targets: vec![0.0; n_features] }
    }

    /// Takes an observation.
    pub(crate) fn add(&mut self, features: &[f64], value: f64) {
        for (i, &x) in features.iter().enumerate().filter(|(_, x)| **x != 0.0) {
            for (sum, &y) in self.products[i * self.n..][..=i].iter_mut().zip(features) {
                *sum += x * y;
            }
            self.targets[i] += x * value;
        }
    }

    /// The weights, with `penalty` on the square of each but the first. Costs features^3 / 6 multiplications.
    pub(crate) fn solve(&self, penalty: f64) -> Vec<f64> {
        let n = self.n;
        let mut lower = self.products.clone();
        for i in 0..n {
            // The first is only kept from being singular.
            lower[i * n + i] += if i == 0 { 1e-9 } else { penalty.max(1e-9) };
        }
        for i in 0..n {
            for j in 0..=i {
                let (head, tail) = lower.split_at_mut(i * n);
                let row_j = if j == i { &tail[..j] } else { &head[j * n..][..j] };
                let dot: f64 = tail[..j].iter().zip(row_j).map(|(a, b)| a * b).sum();
                let rest = tail[j] - dot;
                tail[j] = if j == i { rest.max(1e-12).sqrt() } else { rest / head[j * n + j] };
            }
        }
        let mut weights = self.targets.clone();
        for i in 0..n {
            let dot: f64 = (0..i).map(|j| lower[i * n + j] * weights[j]).sum();
            weights[i] = (weights[i] - dot) / lower[i * n + i];
        }
        for i in (0..n).rev() {
            let dot: f64 = (i + 1..n).map(|j| lower[j * n + i] * weights[j]).sum();
            weights[i] = (weights[i] - dot) / lower[i * n + i];
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_and_a_penalty_flattens_it() {
        // y = 3 + 2 x at x = -1, 0, 1: with a penalty p on the slope it is sum(xy) / (sum(xx) + p) = 4 / (2 + p).
        let mut ridge = Ridge::new(2);
        for x in [-1.0, 0.0, 1.0] {
            ridge.add(&[1.0, x], 3.0 + 2.0 * x);
        }
        for (penalty, slope) in [(0.0, 2.0), (2.0, 1.0)] {
            let weights = ridge.solve(penalty);
            assert!((weights[0] - 3.0).abs() < 1e-6 && (weights[1] - slope).abs() < 1e-6, "{weights:?}");
        }
    }

    #[test]
    fn features_that_say_the_same_share_the_weight() {
        let mut ridge = Ridge::new(3);
        for x in [-1.0, 1.0] {
            ridge.add(&[1.0, x, x], 4.0 * x);
        }
        // Equal weights w minimise 2 (4 - 2 w)^2 + 2 w^2: -16 (4 - 2 w) / 2 + 4 w = 0, so that w = 32 / 20.
        let weights = ridge.solve(1.0);
        assert!(weights[1..].iter().all(|w| (w - 1.6).abs() < 1e-6), "{weights:?}");
        assert_eq!(Ridge::new(3).solve(1.0), [0.0; 3]);
    }
}
