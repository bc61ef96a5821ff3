//! MAUVE-like divergence of two sets of texts, over hashed word features instead of a language model's.
//!
//! Pillutla et al. 2021 (arXiv:2102.01454): quantise both sets by k-means, then the area under the curve of
//! (exp(-c KL(q | r)), exp(-c KL(p | r))) over mixtures r of the histograms p and q; 1 for equal ones. We differ: the features
//! are words and word pairs hashed to `n_dims` signed places with tf-idf weights (the paper: GPT-2 states, PCA to 90 % of the
//! variance), so values do not compare with published ones, and are called MAUVE(n-gram).

use super::ngrams::hash_of;
use crate::artifact::draws::Draws;
use hashbrown::HashMap;

/// How texts become points and clusters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantiser {
    /// Dimensions of the hashed features.
    pub n_dims: usize,
    /// Texts per cluster (10 in the paper).
    pub docs_per_cluster: usize,
    /// Most clusters (500 in the paper).
    pub max_clusters: usize,
    /// Rounds of k-means.
    pub n_rounds: usize,
    /// The scale c of the curve (5 in the paper).
    pub scale: f64,
}

/// Points of texts: words and pairs of words, hashed to signed places, tf-idf, unit length.
pub fn points(texts: &[&[u32]], n_dims: usize) -> Vec<Vec<f32>> {
    let grams = |text: &[u32]| {
        let mut grams: HashMap<u64, f64> = HashMap::new();
        for gram in text.windows(1).chain(text.windows(2)).map(hash_of) {
            *grams.entry(gram).or_insert(0.0) += 1.0;
        }
        let mut grams: Vec<(u64, f64)> = grams.into_iter().collect();
        grams.sort_unstable_by_key(|(gram, _)| *gram);
        grams
    };
    let all: Vec<Vec<(u64, f64)>> = texts.iter().map(|text| grams(text)).collect();
    let mut holders: HashMap<u64, u32> = HashMap::new();
    all.iter().flatten().for_each(|(gram, _)| *holders.entry(*gram).or_insert(0) += 1);
    let n = texts.len() as f64;
    all.iter()
        .map(|grams| {
            let mut point = vec![0f64; n_dims.max(1)];
            for (gram, count) in grams {
                let held = f64::from(holders.get(gram).copied().unwrap_or(0));
                let weight = (1.0 + count.ln()) * (((1.0 + n) / (1.0 + held)).ln() + 1.0);
                let place = (gram >> 1) as usize % n_dims.max(1);
                point[place] += if gram & 1 == 1 { weight } else { -weight };
            }
            let norm = point.iter().map(|x| x * x).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
            point.into_iter().map(|x| (x / norm) as f32).collect()
        })
        .collect()
}

/// The cluster of each point: k-means with the seeding of Arthur & Vassilvitskii 2007, Lloyd's rounds.
pub fn k_means(points: &[Vec<f32>], n_clusters: usize, n_rounds: usize, draws: &mut Draws) -> Vec<usize> {
    let n_clusters = n_clusters.clamp(1, points.len().max(1));
    let mut centres = seeds(points, n_clusters, draws);
    let mut owner = vec![0usize; points.len()];
    for round in 0..n_rounds.max(1) {
        let mut is_settled = round > 0;
        for (point, owner) in points.iter().zip(&mut owner) {
            let nearest = nearest(point, &centres).0;
            is_settled &= nearest == *owner;
            *owner = nearest;
        }
        if is_settled {
            break;
        }
        move_centres(points, &owner, &mut centres);
    }
    owner
}

fn distance(left: &[f32], right: &[f32]) -> f64 {
    f64::from(left.iter().zip(right).map(|(x, y)| (x - y) * (x - y)).sum::<f32>())
}

fn nearest(point: &[f32], centres: &[Vec<f32>]) -> (usize, f64) {
    centres.iter().enumerate().fold((0, f64::INFINITY), |best, (at, centre)| {
        let distance = distance(point, centre);
        if distance < best.1 { (at, distance) } else { best }
    })
}

fn seeds(points: &[Vec<f32>], n_clusters: usize, draws: &mut Draws) -> Vec<Vec<f32>> {
    let Some(first) = points.get(draws.below(points.len())) else { return Vec::new() };
    let mut centres = vec![first.clone()];
    let mut apart: Vec<f64> = points.iter().map(|point| distance(point, first)).collect();
    while centres.len() < n_clusters {
        let total: f64 = apart.iter().sum();
        let mut left = draws.unit() * total;
        let picked = apart.iter().position(|distance| {
            left -= distance;
            left < 0.0
        });
        // All points stand on a centre: more clusters would be empty.
        let Some(picked) = picked else { break };
        let centre = points[picked].clone();
        apart.iter_mut().zip(points).for_each(|(apart, point)| *apart = apart.min(distance(point, &centre)));
        centres.push(centre);
    }
    centres
}

/// Moves each centre to the mean of its points; one without points stays.
fn move_centres(points: &[Vec<f32>], owner: &[usize], centres: &mut [Vec<f32>]) {
    let n_dims = points.first().map_or(0, Vec::len);
    let mut sums = vec![vec![0f64; n_dims]; centres.len()];
    let mut counts = vec![0f64; centres.len()];
    for (point, owner) in points.iter().zip(owner) {
        counts[*owner] += 1.0;
        sums[*owner].iter_mut().zip(point).for_each(|(sum, x)| *sum += f64::from(*x));
    }
    for ((centre, sum), count) in centres.iter_mut().zip(sums).zip(counts).filter(|(_, count)| *count > 0.0) {
        centre.iter_mut().zip(sum).for_each(|(x, sum)| *x = (sum / count) as f32);
    }
}

/// Area under the divergence curve of two histograms, in (0, 1]; none where one is empty.
pub fn curve_area(left: &[f64], right: &[f64], scale: f64) -> Option<f64> {
    // As in the authors' code: 25 mixtures, the first and last of them all but pure.
    const N_MIXTURES: usize = 25;
    const EDGE: f64 = 1e-6;
    let p = super::discrete::shares(left)?;
    let q = super::discrete::shares(right)?;
    let kl = |from: &[f64], mix: &dyn Fn(usize) -> f64| -> f64 {
        from.iter().enumerate().filter(|(_, x)| **x > 0.0).map(|(at, x)| x * (x / mix(at)).ln()).sum()
    };
    let mut curve = vec![(0.0, 1.0)];
    // Mixtures from q to p: the first coordinate rises as r leaves p.
    for step in (1..=N_MIXTURES).rev() {
        let share = EDGE + (1.0 - 2.0 * EDGE) * (step - 1) as f64 / (N_MIXTURES - 1) as f64;
        let mix = |at: usize| share * p[at] + (1.0 - share) * q[at];
        curve.push(((-scale * kl(&q, &mix)).exp(), (-scale * kl(&p, &mix)).exp()));
    }
    curve.push((1.0, 0.0));
    Some(
        curve
            .windows(2)
            .map(|pair| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0)
            .sum::<f64>()
            .clamp(0.0, 1.0),
    )
}

/// Quantises points together once; the clusters of the whole.
pub fn clusters(points: &[Vec<f32>], quantiser: &Quantiser, draws: &mut Draws) -> Vec<usize> {
    let n_clusters = (points.len() / quantiser.docs_per_cluster.max(1)).clamp(2, quantiser.max_clusters.max(2));
    k_means(points, n_clusters, quantiser.n_rounds, draws)
}

/// Counts per cluster of some members.
pub fn histogram(owner: &[usize], members: impl Iterator<Item = usize>) -> Vec<f64> {
    let mut counts = vec![0.0; owner.iter().max().map_or(0, |most| most + 1)];
    members.for_each(|at| counts[owner[at]] += 1.0);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn area_of_alike_and_disjoint() {
        assert!((curve_area(&[3.0, 1.0], &[6.0, 2.0], 5.0).unwrap() - 1.0).abs() < 1e-12);
        // Disjoint: the curve is (1-s)^5, s^5; its area is the beta integral of 5 s^... = B(6,6) * 5 = 0.00397 (paper: near 0).
        let area = curve_area(&[1.0, 0.0], &[0.0, 1.0], 5.0).unwrap();
        assert!((area - 1.0 / 252.0).abs() < 1e-3, "{area}");
        assert_eq!(curve_area(&[], &[], 5.0), None);
        assert_eq!(curve_area(&[0.0], &[1.0], 5.0), None);
    }

    #[test]
    fn area_of_the_published_formula() {
        // The formula of the authors' package (25 mixtures, trapezoids both ways), computed with numpy.
        assert!((curve_area(&[5.0, 3.0, 2.0], &[1.0, 3.0, 6.0], 5.0).unwrap() - 0.578_939_31).abs() < 1e-6);
        assert!((curve_area(&[5.0, 5.0, 0.0], &[4.0, 5.0, 1.0], 5.0).unwrap() - 0.909_286_52).abs() < 1e-6);
    }

    #[test]
    fn area_is_symmetric_and_falls_with_distance() {
        let area = |q: &[f64]| curve_area(&[5.0, 3.0, 2.0], q, 5.0).unwrap();
        assert!((area(&[1.0, 3.0, 6.0]) - curve_area(&[1.0, 3.0, 6.0], &[5.0, 3.0, 2.0], 5.0).unwrap()).abs() < 1e-12);
        assert!(area(&[4.0, 3.0, 3.0]) > area(&[1.0, 3.0, 6.0]));
    }

    #[test]
    fn two_blobs_are_two_clusters() {
        let points: Vec<Vec<f32>> =
            (0..20).map(|at| vec![if at < 10 { 0.0 } else { 9.0 } + (at % 10) as f32 * 0.01]).collect();
        let owner = k_means(&points, 2, 20, &mut Draws::new(1, "blobs", 0));
        assert!(owner[..10].iter().all(|o| *o == owner[0]) && owner[10..].iter().all(|o| *o == owner[10]));
        assert_ne!(owner[0], owner[10]);
        assert_eq!(k_means(&[], 3, 5, &mut Draws::new(1, "none", 0)), Vec::<usize>::new());
        assert_eq!(k_means(&vec![vec![1.0]; 5], 3, 5, &mut Draws::new(1, "same", 0)), vec![0; 5]);
    }
}
