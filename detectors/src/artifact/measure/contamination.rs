//! Whether data holds items of an evaluation set.
//!
//! Two rules side by side. A row is *hit* when it shares a run of `n` words with an item (13 words: Brown et al. 2020, GPT-3,
//! appendix C); an item is *covered* when at least a share of its words (0.8) lies in runs of 8 words that the data holds
//! (Chowdhery et al. 2022, PaLM, section 8). An item shorter than the run counts as one run of its own length, if that is at
//! least `min_words`; shorter items would be hit by anything and are not looked for.

use super::ngrams::{covered, gram_set, ngrams};
use hashbrown::{HashMap, HashSet};

/// The lengths and shares of the rules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OverlapRule {
    /// Words of a run that makes a hit.
    pub n: usize,
    /// Fewest words of an item that is looked for.
    pub min_words: usize,
    /// Words of the runs that cover an item.
    pub cover_n: usize,
    /// Share of an item's words that must be covered, in [0, 1].
    pub min_cover: f64,
}

/// A row that shares a run of words with an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The row.
    pub row: usize,
    /// The item.
    pub item: usize,
    /// Where the run starts in the row, in words.
    pub start: usize,
    /// Words of the run.
    pub n_words: usize,
}

/// What was found of one evaluation set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overlap {
    /// The first hit of each row that has one.
    pub hits: Vec<Hit>,
    /// Items that at least one row hits.
    pub n_items_hit: usize,
    /// Items covered.
    pub n_items_covered: usize,
    /// Items long enough to be looked for.
    pub n_items: usize,
}

/// Looks for the items in the rows.
pub fn overlap(rows: &[&[u32]], items: &[&[u32]], rule: &OverlapRule) -> Overlap {
    let mut runs: HashMap<usize, HashMap<u64, u32>> = HashMap::new();
    let mut n_items = 0;
    for (item, words) in items.iter().enumerate().filter(|(_, words)| words.len() >= rule.min_words.max(1)) {
        n_items += 1;
        let n = rule.n.clamp(1, words.len());
        let of_length = runs.entry(n).or_default();
        ngrams(words, n).for_each(|gram| {
            of_length.entry(gram).or_insert(item as u32);
        });
    }
    let mut lengths: Vec<usize> = runs.keys().copied().collect();
    lengths.sort_unstable_by(|left, right| right.cmp(left));
    let mut hits = Vec::new();
    let mut items_hit: HashSet<u32> = HashSet::new();
    for (row, words) in rows.iter().enumerate() {
        let mut first: Option<Hit> = None;
        for n in &lengths {
            for (start, gram) in ngrams(words, *n).enumerate() {
                let Some(item) = runs.get(n).and_then(|runs| runs.get(&gram)) else { continue };
                items_hit.insert(*item);
                first.get_or_insert(Hit { row, item: *item as usize, start, n_words: *n });
            }
        }
        hits.extend(first);
    }
    let known = gram_set(rows.iter().copied(), rule.cover_n);
    let is_covered = |words: &&&[u32]| {
        words.len() >= rule.min_words.max(rule.cover_n)
            && covered(words, rule.cover_n, &known) as f64 >= rule.min_cover * words.len() as f64
    };
    let n_items_covered = items.iter().filter(is_covered).count();
    Overlap { hits, n_items_hit: items_hit.len(), n_items_covered, n_items }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: OverlapRule = OverlapRule { n: 5, min_words: 3, cover_n: 3, min_cover: 0.8 };

    #[test]
    fn hits_and_cover_by_hand() {
        let item: Vec<u32> = (0..10).collect();
        let short: Vec<u32> = vec![50, 51, 52];
        let tiny: Vec<u32> = vec![60];
        let items: [&[u32]; 3] = [&item, &short, &tiny];
        // Row 0 holds eight of ten words in a run; row 1 the short item; row 2 four words: no run of five.
        let rows: [&[u32]; 3] = [&[99, 0, 1, 2, 3, 4, 5, 6, 7], &[50, 51, 52, 9], &[0, 1, 2, 3, 60]];
        let found = overlap(&rows, &items, &RULE);
        assert_eq!(
            found.hits,
            vec![Hit { row: 0, item: 0, start: 1, n_words: 5 }, Hit { row: 1, item: 1, start: 0, n_words: 3 }]
        );
        assert_eq!((found.n_items_hit, found.n_items_covered, found.n_items), (2, 2, 2));
        assert_eq!(overlap(&[], &items, &RULE).hits, vec![]);
        assert_eq!(overlap(&rows, &[], &RULE), Overlap::default());
    }
}
