//! The distribution before a token, as pairs of a weight and a log-probability: whatever is averaged over a vocabulary is
//! a sum over them.
//!
//! With one worker the weights are the probabilities themselves. With two, q is averaged under p, and their likeliest
//! tokens are not the same ones. What p gives outside its own list is taken to be spread like q there; what p lists and
//! q does not is spread over the tail of q. For p = q both come to the tail of one worker, and for whole distributions
//! nothing is left to spread. A token that only one of two whole distributions has is left out, as in the reference
//! code, and weights are made to add up to 1.

use std::collections::HashMap;

use gristmill_lm::{Scored, TokenScore};

use super::ScoreParams;
use super::chosen::valid;
use super::tail::Tail;

/// A token's weight under p and its log-probability under q.
pub(super) type Atom = (f64, f64);

/// Mean and variance of log-probabilities before a token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moments {
    pub(super) mean: f64,
    pub(super) variance: f64,
    /// Weight of what was estimated.
    pub(super) estimated: f64,
    /// Least and greatest mean.
    pub(super) mean_bounds: (f64, f64),
    /// Least and greatest variance.
    pub(super) variance_bounds: (f64, f64),
}

/// Mean and variance of the atoms, whose weights add up to 1.
pub(super) fn mean_variance(atoms: &[Atom]) -> (f64, f64) {
    let mean: f64 = atoms.iter().map(|(weight, ln_q)| weight * ln_q).sum();
    // Around the mean: the difference of squares would lose what little spread a sure model has.
    (mean, atoms.iter().map(|(weight, ln_q)| weight * (ln_q - mean).powi(2)).sum())
}

/// Moments of a worker's own log-probabilities before a token; none when no distribution was given.
pub(super) fn moments(token: &TokenScore, full: bool, params: &ScoreParams) -> Option<Moments> {
    let mut atoms = Vec::with_capacity(token.top.len());
    let tail = own(token, full, params, &mut atoms)?;
    let (mean, variance) = mean_variance(&atoms);
    let exact =
        Moments { mean, variance, estimated: 0.0, mean_bounds: (mean, mean), variance_bounds: (variance, variance) };
    let Some(tail) = tail else { return Some(exact) };
    let known = |power: i32| -> f64 {
        let given = token.top.iter().filter(|(_, ln_q)| valid(*ln_q));
        given.map(|(_, ln_q)| ln_q.exp() * (-ln_q).powi(power)).sum()
    };
    let ((low, high), (low_square, high_square)) = (tail.bounds(1), tail.bounds(2));
    let (low, high) = (known(1) + low, known(1) + high);
    let (low_square, high_square) = (known(2) + low_square, known(2) + high_square);
    Some(Moments {
        estimated: tail.mass,
        mean_bounds: (-high, -low),
        // A variance is convex in the values, and no value of the tail is nearer to 0 than one that is given: it is least
        // where they all come as near as they can. The other bound is a difference of bounds that no tail attains.
        variance_bounds: ((low_square - low * low).max(0.0), high_square - low * low),
        ..exact
    })
}

/// The atoms of a worker's own distribution, and the tail that was estimated; none when no distribution was given.
fn own(token: &TokenScore, full: bool, params: &ScoreParams, atoms: &mut Vec<Atom>) -> Option<Option<Tail>> {
    atoms.clear();
    atoms.extend(token.top.iter().filter(|(_, ln_q)| valid(*ln_q)).map(|(_, ln_q)| (ln_q.exp(), *ln_q)));
    let tail = if full { None } else { tail(atoms, params) };
    if let Some(tail) = &tail {
        tail.each(|weight, ln_q| atoms.push((weight, ln_q)));
    }
    normalise(atoms).then_some(tail)
}

fn tail(given: &[Atom], params: &ScoreParams) -> Option<Tail> {
    let least = given.iter().map(|(_, ln_q)| *ln_q).min_by(f64::total_cmp)?;
    Tail::fit(given.iter().map(|(q, _)| q).sum(), least, given.len(), params)
}

/// Makes the weights add up to 1; false if there are none.
fn normalise(atoms: &mut [Atom]) -> bool {
    let sum: f64 = atoms.iter().map(|(weight, _)| weight).sum();
    if !sum.is_finite() || sum <= 0.0 {
        return false;
    }
    atoms.iter_mut().for_each(|(weight, _)| *weight /= sum);
    true
}

/// Reads the distributions of one or two workers, position after position, reusing its memory.
pub(super) struct Reader<'a> {
    q_full: bool,
    p_full: Option<bool>,
    params: &'a ScoreParams,
    places: HashMap<&'a str, usize>,
    listed: Vec<bool>,
    given: Vec<Atom>,
}

impl<'a> Reader<'a> {
    /// A reader of q, averaged under `p` or under itself.
    pub(super) fn new(q: &Scored, p: Option<&Scored>, params: &'a ScoreParams) -> Self {
        Self {
            q_full: q.full,
            p_full: p.map(|p| p.full),
            params,
            places: HashMap::new(),
            listed: Vec::new(),
            given: Vec::new(),
        }
    }

    /// Fills `atoms` for one position and returns the weight of what was estimated; none when a distribution is missing.
    pub(super) fn read(&mut self, q: &'a TokenScore, p: Option<&'a TokenScore>, atoms: &mut Vec<Atom>) -> Option<f64> {
        match (p, self.p_full) {
            (Some(p), Some(p_full)) => self.crossed(q, p, p_full, atoms),
            _ => own(q, self.q_full, self.params, atoms).map(|tail| tail.map_or(0.0, |tail| tail.mass)),
        }
    }

    fn crossed(&mut self, q: &'a TokenScore, p: &'a TokenScore, p_full: bool, atoms: &mut Vec<Atom>) -> Option<f64> {
        atoms.clear();
        self.places.clear();
        self.given.clear();
        for (text, ln_q) in q.top.iter().filter(|(_, ln_q)| valid(*ln_q)) {
            // Of tokens with the same text, such as halves of a character, the likeliest stands for all.
            self.places.entry(text).or_insert(self.given.len());
            self.given.push((ln_q.exp(), *ln_q));
        }
        self.listed.clear();
        self.listed.resize(self.given.len(), false);
        let q_tail = if self.q_full { None } else { tail(&self.given, self.params) };

        let (mut p_given, mut unlisted) = (0.0, 0.0);
        for (text, ln_p) in p.top.iter().filter(|(_, ln_p)| valid(*ln_p)) {
            let weight = ln_p.exp();
            p_given += weight;
            match self.places.get(text.as_str()) {
                Some(&place) => {
                    self.listed[place] = true;
                    atoms.push((weight, self.given[place].1));
                }
                None => unlisted += weight,
            }
        }
        if p_given <= 0.0 || self.given.is_empty() {
            return None;
        }
        let rest = if p_full { 0.0 } else { (1.0 - p_given).max(0.0) };
        let estimated = self.spread(rest, unlisted, q_tail.as_ref(), atoms);
        normalise(atoms).then_some(estimated)
    }

    /// Spreads what p leaves open over the tokens that p does not list, and what q does not list over the tail of q;
    /// returns how much of it found a place.
    fn spread(&self, rest: f64, unlisted: f64, q_tail: Option<&Tail>, atoms: &mut Vec<Atom>) -> f64 {
        let others = || self.given.iter().zip(&self.listed).filter(|(_, listed)| !**listed).map(|(atom, _)| *atom);
        let tail_mass = q_tail.map_or(0.0, |tail| tail.mass);
        let outside = others().map(|(q, _)| q).sum::<f64>() + tail_mass;
        let mut placed = 0.0;
        // Below 1e-9 there is nothing to spread, as in a tail.
        let per_q = if rest > 1e-9 && outside > 0.0 { rest / outside } else { 0.0 };
        if per_q > 0.0 {
            atoms.extend(others().map(|(q, ln_q)| (q * per_q, ln_q)));
            placed += rest;
        }
        if let Some(tail) = q_tail {
            let share = per_q + unlisted / tail.mass;
            if share > 0.0 {
                tail.each(|weight, ln_q| atoms.push((weight * share, ln_q)));
            }
            placed += unlisted;
        }
        placed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tails of `mass` in tokens of at most `cap`, of at most 1,000 tokens.
    fn tails(mass: f64, cap: f64) -> Vec<Vec<f64>> {
        let least = (mass / cap).ceil() as usize;
        let mut tails: Vec<Vec<f64>> = [least, least + 1, 40, 1_000]
            .into_iter()
            .filter(|n| *n >= least)
            .map(|n| vec![mass / n as f64; n])
            .collect();
        for share in [0.1, 0.3, 0.5, 0.8] {
            let many = (mass * share / cap).ceil().max(1.0) as usize;
            let heavy = vec![mass * share / many as f64; many];
            let light = vec![mass * (1.0 - share) / 900.0; 900];
            tails.push([heavy, light].concat());
        }
        tails
    }

    #[test]
    fn moments_of_every_tail_that_can_be_lie_within_the_bounds() {
        let params = ScoreParams { max_vocabulary: 1_010, ..ScoreParams::default() };
        for given in [vec![0.1], vec![0.6], vec![0.5, 0.2], vec![0.4, 0.3, 0.001], vec![0.05; 4], vec![0.9, 0.09]] {
            let top = given.iter().enumerate().map(|(i, q): (usize, &f64)| (i.to_string(), q.ln())).collect();
            let token = TokenScore { token: "0".into(), logprob: None, rank: None, top, entropy: None };
            let found = moments(&token, false, &params).unwrap();
            let (mass, cap) = (1.0 - given.iter().sum::<f64>(), given[given.len() - 1]);
            let inside = |value: f64, (low, high): (f64, f64)| low <= value + 1e-9 && value <= high + 1e-9;
            assert!(inside(found.mean, found.mean_bounds) && inside(found.variance, found.variance_bounds));
            for tail in tails(mass, cap).iter().filter(|tail| tail.len() <= 1_005) {
                let atoms: Vec<Atom> = given.iter().chain(tail).map(|q| (*q, q.ln())).collect();
                let (mean, variance) = mean_variance(&atoms);
                assert!(inside(mean, found.mean_bounds), "{given:?}: {mean} {:?}", found.mean_bounds);
                assert!(inside(variance, found.variance_bounds), "{given:?}: {variance} {:?}", found.variance_bounds);
            }
        }
    }
}
