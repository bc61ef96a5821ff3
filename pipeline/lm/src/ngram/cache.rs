//! The prompt as a model: what followed the last few tokens when they stood there before.
//!
//! In-context learning of the simplest kind, the "n-gram heads" that trained transformers have too (Akyürek et al.
//! 2024, arXiv:2401.12973). Contexts of every length up to a limit are interpolated by Witten and Bell's rule, sharpened: a
//! context seen `c` times with `t` different successors trusts itself with weight c / (c + 0.3 t). All numbers look the
//! same in a context, so that the tenth item of a list is begun like the nine before it.

use std::collections::HashMap;

use super::tokens::Token;

/// What has followed what, in one prompt and the reply so far.
#[derive(Debug)]
pub(super) struct Cache {
    reach: usize,
    history: Vec<Token>,
    /// The history with every number replaced by [`NUMBER`].
    shapes: Vec<Token>,
    /// Positions of each token: candidates for a longer match.
    places: HashMap<Token, Vec<u32>>,
}

/// One context length's evidence: successors with their counts.
type Evidence = Vec<(Token, u32)>;

/// Most positions looked at per step: the latest count most, and a long prompt must not make each step slow.
const MAX_POSITIONS: usize = 512;

impl Cache {
    /// A cache for contexts of 1 to `reach` tokens.
    pub(super) fn new(reach: usize) -> Self {
        Self { reach, history: Vec::new(), shapes: Vec::new(), places: HashMap::new() }
    }

    /// Everything seen so far.
    pub(super) fn history(&self) -> &[Token] {
        &self.history
    }

    /// Appends a token; `is_number` says that it is made of digits.
    pub(super) fn push(&mut self, token: Token, is_number: bool) {
        let shape = if is_number { NUMBER } else { token };
        self.places.entry(shape).or_default().push(self.history.len() as u32);
        self.history.push(token);
        self.shapes.push(shape);
    }

    /// Evidence for the next token, shortest context first.
    pub(super) fn evidence(&self) -> Vec<Evidence> {
        let n = self.history.len();
        let Some(positions) = self.shapes.last().and_then(|last| self.places.get(last)) else {
            return Vec::new();
        };
        let mut by_length: Vec<Evidence> = vec![Vec::new(); self.reach];
        for end in positions.iter().rev().map(|end| *end as usize).filter(|end| end + 1 < n).take(MAX_POSITIONS) {
            let length = self.match_length(end);
            let next = self.history[end + 1];
            for evidence in by_length.iter_mut().take(length) {
                match evidence.iter_mut().find(|(token, _)| *token == next) {
                    Some((_, count)) => *count += 1,
                    None => evidence.push((next, 1)),
                }
            }
        }
        by_length.retain(|evidence| !evidence.is_empty());
        by_length
    }

    /// Number of tokens before and at `end` that equal the last ones.
    fn match_length(&self, end: usize) -> usize {
        let n = self.history.len();
        (0..self.reach.min(end + 1)).take_while(|k| self.shapes[end - k] == self.shapes[n - 1 - k]).count()
    }
}

/// Stands for every number in a context.
const NUMBER: Token = Token::MAX;
/// Weight of a kind of successor against an occurrence: Witten and Bell's is 1, which trusts a prompt too little.
const KIND: f64 = 0.3;

/// Weight of the shorter context, and of one occurrence in the evidence.
pub(super) fn weights(evidence: &Evidence) -> (f64, f64) {
    let seen: f64 = evidence.iter().map(|(_, count)| f64::from(*count)).sum();
    let kinds = KIND * evidence.len() as f64;
    (kinds / (seen + kinds), 1.0 / (seen + kinds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_contexts_know_fewer_successors() {
        let mut cache = Cache::new(4);
        // After "2" came 3 twice, after "1 2" once.
        for token in [1, 2, 3, 9, 2, 3, 4, 7, 1, 2] {
            cache.push(token, false);
        }
        assert_eq!(cache.evidence(), vec![vec![(3, 2)], vec![(3, 1)]]);
        cache.push(3, false);
        // After "3" and after "2 3" came 9 and 4; after "1 2 3" only 9.
        assert_eq!(cache.evidence(), vec![vec![(4, 1), (9, 1)], vec![(4, 1), (9, 1)], vec![(9, 1)]]);
        // Two occurrences of two kinds: 0.6 / 2.6 to the shorter context, 1 / 2.6 each.
        assert_eq!(weights(&vec![(4, 1), (9, 1)]), (0.6 / 2.6, 1.0 / 2.6));
    }

    #[test]
    fn numbers_look_alike_in_a_context() {
        let mut cache = Cache::new(4);
        // "1 . a", "2 . b", then "3 .": both a and b are expected.
        for (token, is_number) in
            [(1, true), (50, false), (60, false), (2, true), (50, false), (61, false), (3, true), (50, false)]
        {
            cache.push(token, is_number);
        }
        assert_eq!(cache.evidence()[1], vec![(61, 1), (60, 1)]);
    }
}
