//! The length of the longest common subsequence, 64 cells of the table per instruction.
//!
//! ROUGE-L is this length divided by the lengths of the two texts. The textbook table costs one step per pair of
//! tokens; here a column of the table is a string of bits, one per row, and one addition moves it by one token.
//!
//! Source: the recurrence V := (V + (V & M)) | (V & !M) of Hyyrö 2004 (Bit-parallel LCS-length computation revisited),
//! after Crochemore et al. 2001, Inf. Process. Lett. 80(6). For more than 64 tokens only the words of V that hold a
//! match, or take a carry, are touched: the masks are kept sparse, so memory is linear too.

/// Tokens of one sequence, prepared so that many others can be compared with it.
///
/// Preparing costs a few steps per token, comparing about one step per token of the other sequence while this one has at most
/// 64 tokens, and at worst one per 64 cells of the table when it has more.
#[derive(Debug, Clone, Default)]
pub struct Pattern {
    n_tokens: usize,
    /// Open addressing by token; at most half full.
    table: Vec<Slot>,
    shift: u32,
    /// For up to 64 tokens: the rows of each distinct token.
    masks: Vec<u64>,
    /// For more: where each distinct token's part of `runs` starts, and one end more.
    starts: Vec<usize>,
    runs: Vec<Run>,
    column: Vec<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    token: u32,
    /// Number of the distinct token; `EMPTY` for a free slot.
    number: u32,
}

/// The rows of one token within one word of the column.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    word: usize,
    rows: u64,
}

const EMPTY: u32 = u32::MAX;
const WORD_BITS: usize = u64::BITS as usize;

impl Pattern {
    /// Makes `tokens` the sequence that others are compared with.
    pub fn prepare(&mut self, tokens: &[u32]) {
        self.n_tokens = tokens.len();
        let n_slots = (2 * tokens.len()).next_power_of_two().max(16);
        self.shift = u32::BITS - n_slots.trailing_zeros().min(u32::BITS - 1);
        self.table.clear();
        self.table.resize(n_slots, Slot { token: 0, number: EMPTY });
        if tokens.len() <= WORD_BITS {
            self.prepare_masks(tokens);
        } else {
            self.prepare_runs(tokens);
        }
    }

    /// Length of the longest common subsequence of the prepared sequence and `other`; 0 if one of them is empty.
    pub fn lcs_len(&mut self, other: &[u32]) -> usize {
        if self.n_tokens == 0 {
            return 0;
        }
        if self.n_tokens > WORD_BITS {
            return self.lcs_of_many_words(other);
        }
        let mut column = u64::MAX;
        for token in other {
            if let Some(number) = self.find(*token) {
                let rows = self.masks[number];
                column = column.wrapping_add(column & rows) | (column & !rows);
            }
        }
        column.count_zeros() as usize
    }

    fn prepare_masks(&mut self, tokens: &[u32]) {
        self.masks.clear();
        for (row, token) in tokens.iter().enumerate() {
            let number = self.number(*token, self.masks.len());
            if number == self.masks.len() {
                self.masks.push(0);
            }
            self.masks[number] |= 1 << row;
        }
    }

    fn prepare_runs(&mut self, tokens: &[u32]) {
        // First how many words of the column each token touches, then the words themselves.
        let mut n_runs: Vec<usize> = Vec::new();
        let mut last_word: Vec<usize> = Vec::new();
        for (row, token) in tokens.iter().enumerate() {
            let number = self.number(*token, n_runs.len());
            if number == n_runs.len() {
                n_runs.push(0);
                last_word.push(usize::MAX);
            }
            if last_word[number] != row / WORD_BITS {
                last_word[number] = row / WORD_BITS;
                n_runs[number] += 1;
            }
        }
        self.starts.clear();
        let mut n_total = 0;
        for n in &n_runs {
            self.starts.push(n_total);
            n_total += n;
        }
        self.starts.push(n_total);
        self.runs.clear();
        self.runs.resize(n_total, Run { word: usize::MAX, rows: 0 });
        let mut ends: Vec<usize> = self.starts.clone();
        for (row, token) in tokens.iter().enumerate() {
            let Some(number) = self.find(*token) else { continue };
            let word = row / WORD_BITS;
            let is_open = ends[number] > self.starts[number] && self.runs[ends[number] - 1].word == word;
            if !is_open {
                self.runs[ends[number]].word = word;
                ends[number] += 1;
            }
            self.runs[ends[number] - 1].rows |= 1 << (row % WORD_BITS);
        }
    }

    fn lcs_of_many_words(&mut self, other: &[u32]) -> usize {
        let n_words = self.n_tokens.div_ceil(WORD_BITS);
        let mut column = std::mem::take(&mut self.column);
        column.clear();
        column.resize(n_words, u64::MAX);
        let mut n_touched = 0;
        for token in other {
            if let Some(number) = self.find(*token) {
                add_token(&mut column, &self.runs[self.starts[number]..self.starts[number + 1]], &mut n_touched);
            }
        }
        let n_common = column.iter().map(|word| word.count_zeros() as usize).sum();
        self.column = column;
        n_common
    }

    /// The number of a token, which is `next` if it is new.
    fn number(&mut self, token: u32, next: usize) -> usize {
        let mut at = self.home(token);
        loop {
            let slot = &mut self.table[at];
            if slot.number == EMPTY {
                *slot = Slot { token, number: next as u32 };
                return next;
            }
            if slot.token == token {
                return slot.number as usize;
            }
            at = (at + 1) & (self.table.len() - 1);
        }
    }

    #[inline]
    fn find(&self, token: u32) -> Option<usize> {
        let mut at = self.home(token);
        loop {
            let slot = self.table[at];
            if slot.number == EMPTY {
                return None;
            }
            if slot.token == token {
                return Some(slot.number as usize);
            }
            at = (at + 1) & (self.table.len() - 1);
        }
    }

    /// Where the search for a token starts: the upper bits of a multiplicative hash.
    #[inline]
    fn home(&self, token: u32) -> usize {
        (token.wrapping_mul(0x9E37_79B1) >> self.shift) as usize
    }
}

/// Moves the column by one token whose rows are `runs`, lowest word first.
///
/// Words from `n_touched` on are still all ones; a carry passes through such a word and leaves it as it is.
fn add_token(column: &mut [u64], runs: &[Run], n_touched: &mut usize) {
    let (mut word, mut carry) = (0, false);
    let mut runs = runs.iter().peekable();
    while word < column.len() {
        if !carry || word >= *n_touched {
            // Up to the next match nothing changes.
            let Some(run) = runs.peek() else { return };
            word = run.word;
        }
        let rows = runs.next_if(|run| run.word == word).map_or(0, |run| run.rows);
        let old = column[word];
        let (sum, over) = old.overflowing_add(old & rows);
        let (sum, over_by_carry) = sum.overflowing_add(u64::from(carry));
        column[word] = sum | (old & !rows);
        carry = over || over_by_carry;
        word += 1;
        if rows != 0 {
            *n_touched = word.max(*n_touched);
        }
    }
}

/// Length of the longest common subsequence of `a` and `b`.
///
/// `scratch` only lends its memory; what it was prepared for is lost.
pub fn lcs_len(a: &[u32], b: &[u32], scratch: &mut Pattern) -> usize {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let n_head = short.iter().zip(long).take_while(|(x, y)| x == y).count();
    let (short, long) = (&short[n_head..], &long[n_head..]);
    let n_tail = short.iter().rev().zip(long.iter().rev()).take_while(|(x, y)| x == y).count();
    let (short, long) = (&short[..short.len() - n_tail], &long[..long.len() - n_tail]);
    if short.is_empty() {
        return n_head + n_tail;
    }
    scratch.prepare(short);
    n_head + n_tail + scratch.lcs_len(long)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measures::testing::Rng;

    /// The textbook table.
    fn by_table(a: &[u32], b: &[u32]) -> usize {
        let mut row = vec![0; b.len() + 1];
        for x in a {
            let mut diagonal = 0;
            for (j, y) in b.iter().enumerate() {
                let above = row[j + 1];
                row[j + 1] = if x == y { diagonal + 1 } else { above.max(row[j]) };
                diagonal = above;
            }
        }
        row[b.len()]
    }

    #[test]
    fn lengths_by_hand() {
        let mut scratch = Pattern::default();
        for (a, b, expected) in [
            (&[][..], &[][..], 0),
            (&[1], &[], 0),
            (&[1], &[1], 1),
            (&[1, 2, 3], &[3, 2, 1], 1),
            (&[1, 2, 3, 4, 1], &[3, 4, 1, 2, 1, 3], 3),
            (&[u32::MAX, 0, 7], &[0, u32::MAX, 7], 2),
        ] {
            assert_eq!(lcs_len(a, b, &mut scratch), expected, "{a:?} {b:?}");
            assert_eq!(lcs_len(b, a, &mut scratch), expected, "{b:?} {a:?}");
        }
        scratch.prepare(&[]);
        assert_eq!(scratch.lcs_len(&[1, 2]), 0);
    }

    #[test]
    fn equals_the_textbook_table() {
        let mut rng = Rng::new(11);
        let mut scratch = Pattern::default();
        for round in 0..600 {
            let n_max = if round % 3 == 0 { 300 } else { 80 };
            let n_kinds = [2, 5, 40, 1000][round % 4];
            let mut draw = |n: u64| -> Vec<u32> { (0..rng.below(n)).map(|_| rng.below(n_kinds) as u32).collect() };
            let (a, b) = (draw(n_max), draw(n_max));
            let expected = by_table(&a, &b);
            assert_eq!(lcs_len(&a, &b, &mut scratch), expected, "{a:?} {b:?}");
            scratch.prepare(&a);
            assert_eq!((scratch.lcs_len(&b), scratch.lcs_len(&b)), (expected, expected), "{a:?} {b:?}");
        }
    }

    #[test]
    fn long_sequences_take_little_memory() {
        // Nothing in common, then everything: half a million tokens each, as many distinct ones.
        let a: Vec<u32> = (0..500_000).collect();
        let b: Vec<u32> = (500_000..1_000_000).collect();
        let mut scratch = Pattern::default();
        assert_eq!(lcs_len(&a, &b, &mut scratch), 0);
        scratch.prepare(&a);
        assert_eq!(scratch.lcs_len(&a), a.len());
    }
}
