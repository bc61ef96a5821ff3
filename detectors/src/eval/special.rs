//! Tail probabilities of the normal and binomial distributions, as far as the measures here need them.
//!
//! Source: the series and the continued fraction of the error function (Abramowitz and Stegun 7.1.6 and 7.1.14); the
//! binomial sum is taken term by term in logarithms, so that a million documents do not underflow.

/// The probability that a standard normal number exceeds |z| in size; 1 at 0. None if `z` is not a number.
pub fn normal_two_sided(z: f64) -> Option<f64> {
    (!z.is_nan()).then(|| erfc(z.abs() / std::f64::consts::SQRT_2))
}

/// The complement of the error function for x >= 0, to about 1e-15 near 0 and 1e-12 relative in the tail.
fn erfc(x: f64) -> f64 {
    const SERIES_BELOW: f64 = 2.0;
    if x < SERIES_BELOW { 1.0 - erf_series(x) } else { erfc_fraction(x) }
}

/// 2 / sqrt(pi) * exp(-x^2) * sum of 2^n x^(2n+1) / (2n+1)!!, all terms positive.
fn erf_series(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    let mut n = 1.0;
    while term > sum * 1e-17 {
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
        n += 1.0;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// exp(-x^2) / sqrt(pi) / (x + (1/2) / (x + 1 / (x + (3/2) / (x + ...)))), from a depth that suffices for x >= 2.
fn erfc_fraction(x: f64) -> f64 {
    const DEPTH: u32 = 120;
    let tail = (1..=DEPTH).rev().fold(x, |below, k| x + 0.5 * f64::from(k) / below);
    (-x * x).exp() / (tail * std::f64::consts::PI.sqrt())
}

/// The largest k with P(Bin(n, p) <= k) <= `most`, and that probability; none if even k = 0 is likelier.
///
/// `p` in (0, 1) and `most` in (0, 1), else none. Takes k + 2 steps.
pub fn binomial_quantile_below(n: u64, p: f64, most: f64) -> Option<(u64, f64)> {
    let inside = |x: f64| x > 0.0 && x < 1.0;
    if !inside(p) || !inside(most) {
        return None;
    }
    let mut best = None;
    for (k, ln_cdf) in ln_binomial_cdf(n, p).enumerate() {
        if ln_cdf > most.ln() {
            break;
        }
        best = Some((k as u64, ln_cdf.exp().min(1.0)));
    }
    best
}

/// P(Bin(n, p) <= k) with p in (0, 1), else not a number.
pub fn binomial_cdf(k: u64, n: u64, p: f64) -> f64 {
    if !(p > 0.0 && p < 1.0) {
        return f64::NAN;
    }
    if k >= n {
        return 1.0;
    }
    ln_binomial_cdf(n, p).nth(usize::try_from(k).unwrap_or(usize::MAX)).map_or(1.0, |ln| ln.exp().min(1.0))
}

/// ln P(Bin(n, p) <= k) for k = 0, 1, .., n.
fn ln_binomial_cdf(n: u64, p: f64) -> impl Iterator<Item = f64> {
    let ln_odds = p.ln() - (-p).ln_1p();
    let mut ln_term = n as f64 * (-p).ln_1p();
    let mut ln_sum = f64::NEG_INFINITY;
    (0..=n).map(move |k| {
        let (high, low) = if ln_sum > ln_term { (ln_sum, ln_term) } else { (ln_term, ln_sum) };
        ln_sum = high + (low - high).exp().ln_1p();
        ln_term += ((n - k) as f64).ln() - ((k + 1) as f64).ln() + ln_odds;
        ln_sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_tails_are_those_of_scipy() {
        for (z, p) in [
            (0.0, 1.0),
            (0.5, 0.617_075_077_451_973_8),
            (-1.96, 0.049_995_790_296_440_87),
            (3.5, 0.000_465_258_158_071_050_03),
            (8.0, 1.244_192_114_854_348e-15),
            (20.0, 5.507_248_237_212_311e-89),
        ] {
            let found = normal_two_sided(z).unwrap();
            assert!((found - p).abs() <= 1e-11 * p, "{z}: {found} against {p}");
        }
        assert_eq!(normal_two_sided(f64::NAN), None);
    }

    #[test]
    fn binomial_sums_are_those_of_scipy() {
        for (k, n, p, cdf) in [
            (0, 200, 0.01, 0.133_979_674_857_961_92),
            (1, 200, 0.01, 0.404_645_684_672_025_8),
            (3, 1000, 0.01, 0.010_072_654_772_014_291),
            (900, 100_000, 0.01, 0.000_660_841_333_450_145_4),
        ] {
            let found = binomial_cdf(k, n, p);
            assert!((found / cdf - 1.0).abs() < 1e-10, "{found} against {cdf}");
        }
        assert_eq!(binomial_cdf(5, 5, 0.5), 1.0);
    }

    #[test]
    fn the_quantile_is_the_last_that_is_unlikely_enough() {
        // Bin(1000, .01): scipy's ppf(.1) is 6, the first with a sum of at least .1, so 5 is the last below.
        assert_eq!(binomial_quantile_below(1000, 0.01, 0.1).unwrap().0, 5);
        assert_eq!(binomial_quantile_below(200, 0.01, 0.1), None);
        assert_eq!(binomial_quantile_below(200, 0.01, 0.14).unwrap().0, 0);
        assert_eq!(binomial_quantile_below(10, 0.0, 0.1), None);
        assert_eq!(binomial_quantile_below(10, 0.01, f64::NAN), None);
    }
}
