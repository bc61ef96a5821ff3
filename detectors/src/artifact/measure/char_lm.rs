//! Cross-entropy between two sets of texts: what a model trained on one makes of the other.
//!
//! A character n-gram model with Witten-Bell interpolation (Bell, Cleary & Witten 1990): small, exact, no training loop. It
//! stands in for the language model that the perplexity row of the audit asks for; bits per character, not per token, since
//! there is no tokenizer.

use hashbrown::HashMap;

/// Characters that the uniform bottom of the model spreads over.
const N_SYMBOLS: f64 = 1_114_112.0;

/// A character model.
#[derive(Debug)]
pub struct CharModel {
    order: usize,
    /// Context hash and character to count.
    counts: HashMap<(u64, u32), u32>,
    /// Context hash to (characters seen, distinct ones).
    contexts: HashMap<u64, (u32, u32)>,
}

impl CharModel {
    /// Trains on at most `max_chars` characters of the texts, in their order, with contexts of up to `order` - 1 characters.
    pub fn train<'a>(texts: impl IntoIterator<Item = &'a str>, order: usize, max_chars: usize) -> Self {
        let mut model = Self { order: order.max(1), counts: HashMap::new(), contexts: HashMap::new() };
        let mut left = max_chars;
        for text in texts {
            let mut window = Vec::with_capacity(model.order);
            for c in text.chars().take(left) {
                model.learn(&window, u32::from(c));
                slide(&mut window, u32::from(c), model.order);
                left -= 1;
            }
            if left == 0 {
                break;
            }
        }
        model
    }

    fn learn(&mut self, window: &[u32], c: u32) {
        for context in contexts(window) {
            let count = self.counts.entry((context, c)).or_insert(0);
            *count += 1;
            let seen = self.contexts.entry(context).or_insert((0, 0));
            seen.0 += 1;
            seen.1 += u32::from(*count == 1);
        }
    }

    /// Chance of a character after a window.
    fn chance(&self, window: &[u32], c: u32) -> f64 {
        let mut chance = 1.0 / N_SYMBOLS;
        for context in contexts(window) {
            let Some((n_seen, n_kinds)) = self.contexts.get(&context).copied() else { break };
            let count = self.counts.get(&(context, c)).copied().unwrap_or(0);
            let (n_seen, n_kinds) = (f64::from(n_seen), f64::from(n_kinds));
            chance = (f64::from(count) + n_kinds * chance) / (n_seen + n_kinds);
        }
        chance
    }

    /// (bits, characters) of the first `max_chars` characters of a text.
    pub fn bits(&self, text: &str, max_chars: usize) -> (f64, usize) {
        let mut window = Vec::with_capacity(self.order);
        let (mut bits, mut n_chars) = (0.0, 0);
        for c in text.chars().take(max_chars) {
            bits -= self.chance(&window, u32::from(c)).log2();
            slide(&mut window, u32::from(c), self.order);
            n_chars += 1;
        }
        (bits, n_chars)
    }
}

/// Keeps the last `order` - 1 characters.
fn slide(window: &mut Vec<u32>, c: u32, order: usize) {
    if window.len() + 1 >= order && !window.is_empty() {
        window.remove(0);
    }
    if order > 1 {
        window.push(c);
    }
}

/// Hashes of the contexts that end here, from none to the whole window.
fn contexts(window: &[u32]) -> impl Iterator<Item = u64> {
    let mut hash = 0x9e37_79b9_7f4a_7c15u64;
    std::iter::once(hash).chain(window.iter().rev().map(move |c| {
        hash = (hash ^ u64::from(*c).wrapping_add(1)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^= hash >> 32;
        hash
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_step_of_witten_bell_by_hand() {
        // Order 1, "aab": chance of a is (2 + 2 / N) / (3 + 2).
        let model = CharModel::train(["aab"], 1, 100);
        let expected = (2.0 + 2.0 / N_SYMBOLS) / 5.0;
        assert!((model.chance(&[], u32::from('a')) - expected).abs() < 1e-12);
        let (bits, n_chars) = model.bits("a", 10);
        assert!((bits + expected.log2()).abs() < 1e-9 && n_chars == 1);
    }

    #[test]
    fn like_text_costs_less() {
        let model = CharModel::train(["the cat sat on the mat and the cat ran"], 5, 1_000);
        let per_char = |text: &str| model.bits(text, 100).0 / text.chars().count() as f64;
        assert!(per_char("the cat sat") < per_char("quod licet iovi") / 2.0);
        assert_eq!(model.bits("", 100), (0.0, 0));
        assert!(CharModel::train([], 5, 10).bits("x", 5).0.is_finite());
    }

    #[test]
    fn chances_sum_to_one_over_seen_characters_and_the_rest() {
        let model = CharModel::train(["abcab"], 3, 100);
        let window = [u32::from('a'), u32::from('b')];
        let seen: f64 = "abc".chars().map(|c| model.chance(&window, u32::from(c))).sum();
        let rest = model.chance(&window, u32::from('z')) * (N_SYMBOLS - 3.0);
        assert!((seen + rest - 1.0).abs() < 1e-9);
    }
}
