//! The built-in linear classifier: L2 logistic regression over hashed words and word pairs.
//!
//! It answers the second-order question of Das et al. 2024 without a neural model: what does something trained on one side
//! make of the other? The loss is that of scikit-learn and liblinear, C sum(log loss) + |w|^2 / 2 with an unpenalised bias,
//! minimised by L-BFGS (Liu & Nocedal 1989), which draws no random numbers; folds are by a seeded hash of a row's group.

use super::ngrams::hash_of;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A sparse row: places in rising order with their values.
pub type Sparse = Vec<(u32, f32)>;

/// How to train.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Training {
    /// Places that features are hashed to.
    pub n_buckets: u32,
    /// C, the weight of the loss against the penalty; higher fits closer.
    pub inverse_l2: f64,
    /// Most rounds of L-BFGS.
    pub max_rounds: usize,
}

/// Words and pairs of words, ln(1 + count), scaled to unit length.
pub fn features(words: &[u32], n_buckets: u32) -> Sparse {
    let mut places: Vec<u32> = words
        .windows(1)
        .chain(words.windows(2))
        .map(|gram| (hash_of(gram) % u64::from(n_buckets.max(1))) as u32)
        .collect();
    places.sort_unstable();
    let mut row: Sparse = Vec::new();
    for place in places {
        match row.last_mut() {
            Some((last, count)) if *last == place => *count += 1.0,
            _ => row.push((place, 1.0)),
        }
    }
    row.iter_mut().for_each(|(_, count)| *count = count.ln_1p());
    let norm = row.iter().map(|(_, x)| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        row.iter_mut().for_each(|(_, x)| *x /= norm);
    }
    row
}

/// The difference of two rows.
pub fn difference(left: &Sparse, right: &Sparse) -> Sparse {
    let mut all: Sparse = left.iter().copied().chain(right.iter().map(|(place, x)| (*place, -x))).collect();
    all.sort_by_key(|(place, _)| *place);
    let mut row: Sparse = Vec::with_capacity(all.len());
    for (place, x) in all {
        match row.last_mut() {
            Some((last, sum)) if *last == place => *sum += x,
            _ => row.push((place, x)),
        }
    }
    row
}

/// A separating plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// Where the weight of each place stands; `UNSEEN` for places that no row held.
    stands: Vec<u32>,
    /// The weights of the places seen, then the bias.
    weights: Vec<f64>,
}

const UNSEEN: u32 = u32::MAX;

impl Plane {
    /// Trains on rows and whether each is positive. Without rows the plane is flat: every score is 0.
    pub fn train(rows: &[&Sparse], targets: &[bool], training: &Training) -> Self {
        // The weight of a place that no row holds stays 0: only the others are kept, which is what makes it fast.
        let mut stands = vec![UNSEEN; training.n_buckets as usize];
        let mut n_seen = 0;
        let mut dense = |place: u32| {
            let stand = &mut stands[place as usize];
            if *stand == UNSEEN {
                *stand = n_seen;
                n_seen += 1;
            }
            *stand
        };
        let rows: Vec<Sparse> =
            rows.iter().map(|row| row.iter().map(|(place, x)| (dense(*place), *x)).collect()).collect();
        let loss =
            |weights: &[f64], gradient: &mut [f64]| log_loss(&rows, targets, training.inverse_l2, weights, gradient);
        let weights = minimise(vec![0.0; n_seen as usize + 1], loss, training.max_rounds);
        Self { stands, weights }
    }

    /// The log-odds of a row; positive is the positive class.
    pub fn score(&self, row: &Sparse) -> f64 {
        self.weights.last().copied().unwrap_or(0.0)
            + row.iter().map(|(place, x)| self.weight(*place) * f64::from(*x)).sum::<f64>()
    }

    /// The weight of a place.
    pub fn weight(&self, place: u32) -> f64 {
        match self.stands.get(place as usize) {
            Some(stand) if *stand != UNSEEN => self.weights[*stand as usize],
            _ => 0.0,
        }
    }
}

fn margin(weights: &[f64], row: &Sparse) -> f64 {
    let bias = weights.last().copied().unwrap_or(0.0);
    bias + row.iter().map(|(place, x)| weights[*place as usize] * f64::from(*x)).sum::<f64>()
}

fn log_loss(rows: &[Sparse], targets: &[bool], c: f64, weights: &[f64], gradient: &mut [f64]) -> f64 {
    let last = weights.len() - 1;
    gradient.copy_from_slice(weights);
    gradient[last] = 0.0;
    let mut loss = weights[..last].iter().map(|w| w * w).sum::<f64>() / 2.0;
    for (row, target) in rows.iter().zip(targets) {
        let sign = if *target { 1.0 } else { -1.0 };
        let margin = sign * margin(weights, row);
        // ln(1 + e^-m) without overflow.
        loss += c * ((-margin.abs()).exp().ln_1p() + (-margin).max(0.0));
        let slope = -sign * c / (1.0 + margin.exp());
        row.iter().for_each(|(place, x)| gradient[*place as usize] += slope * f64::from(*x));
        gradient[last] += slope;
    }
    loss
}

fn inner(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(x, y)| x * y).sum()
}

fn add(to: &mut [f64], scale: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(x, y)| *x += scale * y);
}

/// L-BFGS with eight pairs and backtracking to the Armijo condition.
fn minimise(mut at: Vec<f64>, mut loss: impl FnMut(&[f64], &mut [f64]) -> f64, max_rounds: usize) -> Vec<f64> {
    const N_PAIRS: usize = 8;
    let mut gradient = vec![0.0; at.len()];
    let mut value = loss(&at, &mut gradient);
    let mut pairs: Vec<(Vec<f64>, Vec<f64>, f64)> = Vec::new();
    let start = inner(&gradient, &gradient).sqrt();
    for _ in 0..max_rounds {
        if inner(&gradient, &gradient).sqrt() <= 1e-4 * start {
            break;
        }
        let direction = two_loops(&pairs, &gradient);
        let slope = inner(&direction, &gradient);
        let mut step = if pairs.is_empty() { 1.0 / start.max(1.0) } else { 1.0 };
        let (mut next, mut next_gradient) = (at.clone(), vec![0.0; at.len()]);
        let mut next_value = f64::INFINITY;
        for _ in 0..40 {
            next.copy_from_slice(&at);
            add(&mut next, step, &direction);
            next_value = loss(&next, &mut next_gradient);
            if next_value <= value + 1e-4 * step * slope {
                break;
            }
            step /= 2.0;
        }
        if next_value.is_nan() || next_value >= value {
            break;
        }
        let moved: Vec<f64> = next.iter().zip(&at).map(|(x, y)| x - y).collect();
        let turned: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(x, y)| x - y).collect();
        let curvature = inner(&moved, &turned);
        if curvature > 1e-12 {
            if pairs.len() == N_PAIRS {
                pairs.remove(0);
            }
            pairs.push((moved, turned, 1.0 / curvature));
        }
        (at, gradient, value) = (next, next_gradient, next_value);
    }
    at
}

/// The direction of descent from the last moves.
fn two_loops(pairs: &[(Vec<f64>, Vec<f64>, f64)], gradient: &[f64]) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(pairs.len());
    for (moved, turned, inverse) in pairs.iter().rev() {
        let share = inverse * inner(moved, &direction);
        add(&mut direction, -share, turned);
        shares.push(share);
    }
    if let Some((_, turned, inverse)) = pairs.last() {
        let scale = 1.0 / (inverse * inner(turned, turned));
        direction.iter_mut().for_each(|d| *d *= scale);
    }
    for ((moved, turned, inverse), share) in pairs.iter().zip(shares.into_iter().rev()) {
        let back = inverse * inner(turned, &direction);
        add(&mut direction, share - back, moved);
    }
    direction
}

/// One plane per class against the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Planes(Vec<Plane>);

impl Planes {
    /// Trains on rows and their classes below `n_classes`.
    pub fn train(rows: &[&Sparse], classes: &[usize], n_classes: usize, training: &Training) -> Self {
        let of_class = |class: usize| {
            let targets: Vec<bool> = classes.iter().map(|other| *other == class).collect();
            Plane::train(rows, &targets, training)
        };
        // The second plane of two is the first one turned round.
        Self((0..n_classes).into_par_iter().map(of_class).collect())
    }

    /// The class of the highest score, the earlier of equals; none without classes.
    pub fn class(&self, row: &Sparse) -> Option<usize> {
        let scores = self.0.iter().map(|plane| plane.score(row)).enumerate();
        scores
            .fold(None, |best: Option<(usize, f64)>, (class, score)| match best {
                Some((_, most)) if most >= score => best,
                _ => Some((class, score)),
            })
            .map(|(class, _)| class)
    }
}

/// The fold of a group (an item's id, a document's opening) under a seed; rows of a group share it.
pub fn fold_of(group: &str, seed: u64, n_folds: usize) -> usize {
    (xxh3_64_with_seed(group.as_bytes(), seed) % n_folds.max(1) as u64) as usize
}

/// Score of each row by a plane trained on the rows of the other folds.
pub fn out_of_fold(
    rows: &[Sparse],
    targets: &[bool],
    folds: &[usize],
    n_folds: usize,
    training: &Training,
) -> Vec<f64> {
    let planes: Vec<Plane> = (0..n_folds)
        .into_par_iter()
        .map(|fold| {
            let others: Vec<usize> = (0..rows.len()).filter(|at| folds[*at] != fold).collect();
            let of_others: Vec<&Sparse> = others.iter().map(|at| &rows[*at]).collect();
            let targets: Vec<bool> = others.iter().map(|at| targets[*at]).collect();
            Plane::train(&of_others, &targets, training)
        })
        .collect();
    rows.iter().zip(folds).map(|(row, fold)| planes.get(*fold).map_or(0.0, |plane| plane.score(row))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAINING: Training = Training { n_buckets: 4, inverse_l2: 1.0, max_rounds: 200 };

    #[test]
    fn weights_are_those_of_scikit_learn() {
        // sklearn LogisticRegression(C=1, tol=1e-10) on [[1,0],[0,1],[1,1],[0.5,0]] -> [1,0,1,0]: weights 0.64251, 0.03171, bias -0.41804.
        let rows: Vec<Sparse> = vec![vec![(0, 1.0)], vec![(1, 1.0)], vec![(0, 1.0), (1, 1.0)], vec![(0, 0.5)]];
        let rows: Vec<&Sparse> = rows.iter().collect();
        let plane = Plane::train(&rows, &[true, false, true, false], &TRAINING);
        assert!((plane.weight(0) - 0.642_510_6).abs() < 1e-3, "{:?}", plane.weights);
        assert!((plane.weight(1) - 0.031_705).abs() < 1e-3, "{:?}", plane.weights);
        assert!((plane.score(&Vec::new()) + 0.418_041_8).abs() < 1e-3, "{:?}", plane.weights);
    }

    #[test]
    fn separable_classes_are_learnt_and_noise_is_not() {
        let rows: Vec<Sparse> = (0..60).map(|at| features(&[at % 3, 10 + at % 7], 64)).collect();
        let classes: Vec<usize> = (0..60).map(|at| at % 3).collect();
        let training = Training { n_buckets: 64, inverse_l2: 10.0, max_rounds: 100 };
        let planes = Planes::train(&rows.iter().collect::<Vec<_>>(), &classes, 3, &training);
        assert!(rows.iter().zip(&classes).all(|(row, class)| planes.class(row) == Some(*class)));
        let folds: Vec<usize> = (0..60).map(|at| at % 5).collect();
        let coin: Vec<bool> = (0..60).map(|at| xxh3_64_with_seed(&[at], 1) & 1 == 1).collect();
        let scores = out_of_fold(&rows, &coin, &folds, 5, &training);
        let n_right = scores.iter().zip(&coin).filter(|(score, coin)| (**score > 0.0) == **coin).count();
        assert!((15..=45).contains(&n_right), "{n_right}");
    }

    #[test]
    fn nothing_to_train_on() {
        let plane = Plane::train(&[], &[], &TRAINING);
        assert_eq!(plane.score(&vec![(0, 1.0)]), 0.0);
        assert_eq!(Planes::train(&[], &[], 0, &TRAINING).class(&Vec::new()), None);
        assert!(features(&[], 8).is_empty());
        assert_eq!(difference(&vec![(1, 2.0)], &vec![(1, 2.0), (3, 1.0)]), vec![(1, 0.0), (3, -1.0)]);
    }
}
