//! Distances between two counts over the same classes, and the entropy of one.
//!
//! Counts, not shares, are taken, so that an empty side can be told from an even one: each function returns none for it.
//! Jensen-Shannon: Lin 1991, base 2, the divergence (not its root). Cramér's V: Cramér 1946. Wasserstein-1 over positions with
//! the shares as weights; the code of Das et al. passes shares as samples, which depends on the order of a set.

/// Shares of counts; none where they sum to 0.
pub fn shares(counts: &[f64]) -> Option<Vec<f64>> {
    let total: f64 = counts.iter().sum();
    (total > 0.0 && total.is_finite()).then(|| counts.iter().map(|count| count / total).collect())
}

/// Shannon entropy in bits.
pub fn entropy_bits(counts: &[f64]) -> Option<f64> {
    // Adding 0.0 turns the negative zero of one class into zero.
    shares(counts).map(|p| -p.iter().filter(|p| **p > 0.0).map(|p| p * p.log2()).sum::<f64>() + 0.0)
}

/// Jensen-Shannon divergence in bits, in [0, 1].
pub fn js_divergence(left: &[f64], right: &[f64]) -> Option<f64> {
    let (p, q) = (shares(left)?, shares(right)?);
    let half = |x: f64, m: f64| if x > 0.0 && m > 0.0 { x * (x / m).log2() } else { 0.0 };
    let sum: f64 = p.iter().zip(&q).map(|(p, q)| half(*p, (p + q) / 2.0) + half(*q, (p + q) / 2.0)).sum();
    Some((sum / 2.0).clamp(0.0, 1.0))
}

/// Total variation distance, in [0, 1].
pub fn total_variation(left: &[f64], right: &[f64]) -> Option<f64> {
    let (p, q) = (shares(left)?, shares(right)?);
    Some(p.iter().zip(&q).map(|(p, q)| (p - q).abs()).sum::<f64>() / 2.0)
}

/// Wasserstein-1 distance between two distributions over classes in their order, in steps of one class.
pub fn wasserstein(left: &[f64], right: &[f64]) -> Option<f64> {
    let (p, q) = (shares(left)?, shares(right)?);
    let mut ahead = 0.0;
    let mut sum = 0.0;
    for (p, q) in p.iter().zip(&q) {
        ahead += p - q;
        sum += f64::abs(ahead);
    }
    Some(sum)
}

/// A chi-square test of homogeneity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquare {
    /// The statistic.
    pub statistic: f64,
    /// Degrees of freedom.
    pub n_free: usize,
    /// Chance of a statistic as large if both sides were alike.
    pub p_value: f64,
    /// Effect size, in [0, 1].
    pub cramers_v: f64,
}

/// Tests whether two rows of counts are of one distribution; none where a row is empty or fewer than two classes occur.
pub fn chi_square(left: &[f64], right: &[f64]) -> Option<ChiSquare> {
    let (n_left, n_right): (f64, f64) = (left.iter().sum(), right.iter().sum());
    let n = n_left + n_right;
    let columns: Vec<(f64, f64)> =
        left.iter().copied().zip(right.iter().copied()).filter(|(l, r)| l + r > 0.0).collect();
    if n_left <= 0.0 || n_right <= 0.0 || columns.len() < 2 {
        return None;
    }
    let cell = |seen: f64, column: f64, row: f64| {
        let expected = column * row / n;
        (seen - expected).powi(2) / expected
    };
    let statistic = columns.iter().map(|(l, r)| cell(*l, l + r, n_left) + cell(*r, l + r, n_right)).sum();
    let n_free = columns.len() - 1;
    // Two rows: the lesser dimension less one is 1.
    Some(ChiSquare {
        statistic,
        n_free,
        p_value: chi_square_tail(statistic, n_free),
        cramers_v: (statistic / n).sqrt().min(1.0),
    })
}

/// Chance that a chi-square variable of `n_free` degrees of freedom exceeds `x`: the upper regularised incomplete gamma
/// function Q(k/2, x/2), by series below and continued fraction (Lentz) above a + 1.
pub fn chi_square_tail(x: f64, n_free: usize) -> f64 {
    let (a, x) = (n_free as f64 / 2.0, x / 2.0);
    if x <= 0.0 || a <= 0.0 || x.is_nan() {
        return 1.0;
    }
    let scale = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut at) = (1.0 / a, 1.0 / a, a);
        for _ in 0..1000 {
            at += 1.0;
            term *= x / at;
            sum += term;
            if term < sum * 1e-16 {
                break;
            }
        }
        return (1.0 - scale * sum).clamp(0.0, 1.0);
    }
    let tiny = 1e-300;
    let (mut b, mut c) = (x + 1.0 - a, 1.0 / tiny);
    let mut d = 1.0 / b;
    let mut fraction = d;
    for i in 1..1000 {
        let step = -f64::from(i) * (f64::from(i) - a);
        b += 2.0;
        d = 1.0 / away_from_zero(step * d + b, tiny);
        c = away_from_zero(b + step / c, tiny);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (scale * fraction).clamp(0.0, 1.0)
}

fn away_from_zero(x: f64, tiny: f64) -> f64 {
    if x.abs() < tiny { tiny } else { x }
}

/// Logarithm of the gamma function for positive arguments (Stirling's series after shifting to at least 8; error below 1e-12).
fn ln_gamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < 8.0 {
        shift -= x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / (x * x);
    let series =
        1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse * (1.0 / 1260.0 - inverse * (1.0 / 1680.0 - inverse / 1188.0)));
    shift + (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series / x
}

/// Kolmogorov-Smirnov distance between two samples, in [0, 1]; none where one is empty. NaN sorts last and counts as a value.
pub fn kolmogorov_smirnov(left: &[f64], right: &[f64]) -> Option<f64> {
    if left.is_empty() || right.is_empty() {
        return None;
    }
    let (mut left, mut right) = (left.to_vec(), right.to_vec());
    left.sort_by(f64::total_cmp);
    right.sort_by(f64::total_cmp);
    let (mut i, mut j, mut most) = (0usize, 0usize, 0.0f64);
    while i < left.len() && j < right.len() {
        let x = if left[i].total_cmp(&right[j]).is_le() { left[i] } else { right[j] };
        while i < left.len() && left[i].total_cmp(&x).is_le() {
            i += 1;
        }
        while j < right.len() && right[j].total_cmp(&x).is_le() {
            j += 1;
        }
        most = most.max((i as f64 / left.len() as f64 - j as f64 / right.len() as f64).abs());
    }
    Some(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn divergences_by_hand() {
        // Disjoint is 1 bit; alike is 0; (1, 0) against (1/2, 1/2): 0.5 [log2(4/3)] + 0.5 [0.5 log2(2/3) + 0.5 log2 2].
        assert!(near(js_divergence(&[1.0, 0.0], &[0.0, 9.0]).unwrap(), 1.0));
        assert!(near(js_divergence(&[1.0, 3.0], &[2.0, 6.0]).unwrap(), 0.0));
        let expected = 0.5 * (4.0f64 / 3.0).log2() + 0.25 * (2.0f64 / 3.0).log2() + 0.25;
        assert!(near(js_divergence(&[1.0, 0.0], &[1.0, 1.0]).unwrap(), expected));
        // scipy.spatial.distance.jensenshannon([.5,.3,.2],[.1,.3,.6], base=2)**2 = 0.1804820237
        assert!((js_divergence(&[5.0, 3.0, 2.0], &[1.0, 3.0, 6.0]).unwrap() - 0.180_482_023_7).abs() < 1e-9);
        assert!(near(total_variation(&[5.0, 3.0, 2.0], &[1.0, 3.0, 6.0]).unwrap(), 0.4));
        assert!(near(wasserstein(&[1.0, 0.0, 0.0], &[0.0, 0.0, 1.0]).unwrap(), 2.0));
        assert_eq!(js_divergence(&[0.0], &[1.0]), None);
        assert_eq!(js_divergence(&[], &[]), None);
    }

    #[test]
    fn entropy_by_hand() {
        assert!(near(entropy_bits(&[1.0, 1.0, 2.0]).unwrap(), 1.5));
        assert_eq!(entropy_bits(&[4.0]), Some(0.0));
        assert_eq!(entropy_bits(&[]), None);
    }

    #[test]
    fn chi_square_by_hand() {
        // [10, 20] against [20, 10]: each expected count is 15, the statistic 4 * 25 / 15 = 6.667, V = sqrt(6.667 / 60).
        let test = chi_square(&[10.0, 20.0], &[20.0, 10.0]).unwrap();
        assert!(near(test.statistic, 100.0 / 15.0) && test.n_free == 1);
        assert!(near(test.cramers_v, (100.0f64 / 15.0 / 60.0).sqrt()));
        // Tables: chance 0.05 at 3.841 (1), 18.307 (10); 0.001 at 10.828 (1).
        assert!((chi_square_tail(3.841_458_8, 1) - 0.05).abs() < 1e-7);
        assert!((chi_square_tail(18.307_038, 10) - 0.05).abs() < 1e-7);
        assert!((chi_square_tail(10.827_566, 1) - 0.001).abs() < 1e-8);
        assert!((chi_square_tail(2.0, 2) - (-1.0f64).exp()).abs() < 1e-12);
        assert_eq!(chi_square(&[1.0, 0.0], &[3.0, 0.0]), None);
        assert_eq!(chi_square(&[0.0, 0.0], &[3.0, 1.0]), None);
        assert_eq!(chi_square_tail(0.0, 3), 1.0);
    }

    #[test]
    fn ks_by_hand() {
        assert!(near(kolmogorov_smirnov(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]).unwrap(), 0.0));
        assert!(near(kolmogorov_smirnov(&[1.0, 2.0], &[3.0]).unwrap(), 1.0));
        assert!(near(kolmogorov_smirnov(&[1.0, 2.0, 3.0, 4.0], &[3.0, 4.0, 5.0, 6.0]).unwrap(), 0.5));
        assert_eq!(kolmogorov_smirnov(&[], &[3.0]), None);
    }
}
