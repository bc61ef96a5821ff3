//! What lies beyond the likeliest tokens: estimated as a geometric tail, and bounded without any assumption.
//!
//! Ignoring it would make every distribution of a talkative server look sharper than it is, and the more so the less it
//! gives. What is known of the tail is its mass, and that none of its tokens is likelier than the least likely one given.
//!
//! Source: Bao et al. 2025 (Glimpse), section 3: the i-th token after the K given has p_K b^i, with b such that the
//! masses add up. We solve for b exactly instead of stepping towards it, and where even equal probabilities p_K cannot
//! hold the mass in the ranks allowed, all of it is given log-probability ln p_K, the limit of b = 1.

use super::ScoreParams;

/// Mass below which nothing is missing.
const NOTHING: f64 = 1e-9;
/// Fewest tokens of a tail for bounds: with these the evenest tail has the greatest second moment, see [`Tail::bounds`].
const LEAST_TAIL: usize = 8;

/// The tokens that were not given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tail {
    /// Their probability together, in (0, 1].
    pub(super) mass: f64,
    /// Log-probability of the least likely token given: none of theirs is greater.
    ln_cap: f64,
    /// How many the estimate has.
    n: usize,
    /// Logarithm of the ratio of one to the next; none when all are as likely as the cap.
    ln_ratio: Option<f64>,
    /// How many tokens were given.
    n_given: usize,
    /// How many there may be at most.
    max_n: usize,
}

impl Tail {
    /// The tail after `n_given` tokens of mass `given`, the least likely having log-probability `ln_cap`; none when
    /// nothing is missing.
    pub(super) fn fit(given: f64, ln_cap: f64, n_given: usize, params: &ScoreParams) -> Option<Self> {
        let mass = 1.0 - given;
        if mass.is_nan() || mass <= NOTHING {
            return None;
        }
        let n = params.n_ranks.saturating_sub(n_given);
        let ln_ratio = ratio(mass / ln_cap.exp(), n).map(f64::ln);
        let max_n = params.max_vocabulary.saturating_sub(n_given).max(LEAST_TAIL).max(n);
        Some(Self { mass, ln_cap, n, ln_ratio, n_given, max_n })
    }

    /// Calls `each` with the probability and log-probability of the estimated tokens; the probabilities add up to the
    /// mass.
    pub(super) fn each(&self, mut each: impl FnMut(f64, f64)) {
        let Some(ln_ratio) = self.ln_ratio else {
            return each(self.mass, self.ln_cap);
        };
        let (mut left, mut ln_q, mut q) = (self.mass, self.ln_cap, self.ln_cap.exp());
        let ratio = ln_ratio.exp();
        for i in 1..=self.n {
            ln_q += ln_ratio;
            q = if i == self.n { left } else { (q * ratio).min(left) };
            // What is left is too small to be seen: it goes to this token, so that the masses add up.
            if left - q < 1e-15 {
                return each(left, ln_q);
            }
            each(q, ln_q);
            left -= q;
        }
    }

    /// Least and greatest of Σ q (-ln q)^power over the tail, for power 1 or 2.
    ///
    /// The factor falls as q grows, so it is least where every q is as great as the cap and the mass allow. It is greatest
    /// for equal q: x ln x and x ln² x lie below their tangents at u wherever u is at most e^-2, which 8 tokens ensure.
    pub(super) fn bounds(&self, power: i32) -> (f64, f64) {
        let least = -self.ln_cap.min(self.mass.ln());
        let greatest = (self.max_n as f64 / self.mass).ln().max(least);
        (self.mass * least.powi(power), self.mass * greatest.powi(power))
    }

    /// Rank of a tail token with this log-probability: estimate, least and greatest.
    pub(super) fn rank(&self, ln_q: f64) -> (f64, f64, f64) {
        let given = self.n_given as f64;
        let least = given + 1.0;
        // Those between the given and this one are at least as likely as it, and fit in the mass with it.
        let most = (self.mass / ln_q.exp()).min(self.max_n as f64);
        let greatest = (given + most).max(least);
        let likelier = match self.ln_ratio {
            Some(ln_ratio) => (((ln_q - self.ln_cap) / ln_ratio).ceil() - 1.0).min(self.n as f64),
            None => self.mass / self.ln_cap.exp(),
        };
        ((least + likelier.max(0.0)).floor().clamp(least, greatest), least, greatest)
    }
}

/// The b in (0, 1) with b + b² + … + b^n = `sum`; none where there is none, since the sum is at least n.
fn ratio(sum: f64, n: usize) -> Option<f64> {
    if sum.is_nan() || sum >= n as f64 {
        return None;
    }
    let total = |b: f64| b * (1.0 - b.powf(n as f64)) / (1.0 - b);
    // With no end the sum is b / (1 - b); an end makes b greater.
    let mut low = sum / (1.0 + sum);
    if low.powf(n as f64) < 1e-15 {
        return Some(low);
    }
    let mut high = 1.0 - f64::EPSILON;
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if total(middle) < sum {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(given: f64, cap: f64, n_given: usize, n_ranks: usize) -> Tail {
        let params = ScoreParams { n_ranks, max_vocabulary: 100, ..ScoreParams::default() };
        Tail::fit(given, cap.ln(), n_given, &params).unwrap()
    }

    fn list(tail: &Tail) -> Vec<(f64, f64)> {
        let mut all = Vec::new();
        tail.each(|q, ln_q| all.push((q, ln_q)));
        all
    }

    #[test]
    fn a_tail_without_end_has_the_ratio_of_the_paper() {
        // p_K = 0.2 and 0.2 left: b = 0.2 / (0.2 + 0.2) = 1/2, so 0.1, 0.05, 0.025, ... by hand.
        let all = list(&tail(0.8, 0.2, 3, 1_000));
        for (i, expected) in [0.1, 0.05, 0.025, 0.0125].iter().enumerate() {
            assert!((all[i].0 - expected).abs() < 1e-12 && (all[i].1 - f64::ln(*expected)).abs() < 1e-12);
        }
        assert!((all.iter().map(|(q, _)| q).sum::<f64>() - 0.2).abs() < 1e-15);
    }

    #[test]
    fn a_tail_of_two_solves_its_quadratic() {
        // b + b² = 0.15 / 0.2 = 3/4: b = 1/2, so 0.1 and 0.05.
        let all = list(&tail(0.85, 0.2, 3, 5));
        assert_eq!(all.len(), 2);
        assert!((all[0].0 - 0.1).abs() < 1e-12 && (all[1].0 - 0.05).abs() < 1e-12);
        // Two tokens of at most 0.01 cannot hold 0.5: everything is as likely as the cap.
        assert_eq!(list(&tail(0.5, 0.01, 3, 5)), [(0.5, 0.01_f64.ln())]);
    }

    #[test]
    fn nothing_missing_has_no_tail() {
        let params = ScoreParams::default();
        assert_eq!(Tail::fit(1.0, -3.0, 4, &params), None);
        assert_eq!(Tail::fit(1.000_001, -3.0, 4, &params), None);
        assert_eq!(Tail::fit(f64::NAN, -3.0, 4, &params), None);
    }

    #[test]
    fn ranks_follow_the_estimate_and_stay_where_they_can_be() {
        // Tail 0.1, 0.05, 0.025, ... after 3: a token of 0.05 is the second of it, rank 5; one of 0.06 has one before it.
        // At most 0.2 / 0.05 = 4 tokens of the tail are as likely as 0.05: ranks 4 to 7.
        let tail = tail(0.8, 0.2, 3, 1_000);
        assert_eq!(tail.rank(0.0501_f64.ln()).0, 5.0);
        assert_eq!(tail.rank(0.06_f64.ln()).0, 5.0);
        assert_eq!(tail.rank(0.11_f64.ln()).0, 4.0);
        let (_, least, greatest) = tail.rank(0.05_f64.ln());
        assert!(least == 4.0 && (greatest - 7.0).abs() < 1e-9);
    }

    #[test]
    fn bounds_hold_for_every_tail_that_can_be() {
        // Tails of mass 0.2 in tokens of at most 0.2, from one token to a hundred equal ones, and the estimate.
        let tail = tail(0.8, 0.2, 3, 97);
        let mut tails = vec![list(&tail).iter().map(|(q, _)| *q).collect::<Vec<_>>()];
        tails.extend((1..=97).map(|n| vec![0.2 / f64::from(n); n as usize]));
        tails.extend((1..96).map(|n| [vec![0.1], vec![0.1 / f64::from(n); n as usize]].concat()));
        for power in [1, 2] {
            let (low, high) = tail.bounds(power);
            for tail in &tails {
                let sum: f64 = tail.iter().map(|q| q * (-q.ln()).powi(power)).sum();
                assert!(low <= sum + 1e-12 && sum <= high + 1e-12, "{low} {sum} {high}");
            }
        }
    }
}
