//! Repeated runs of words.
//!
//! An (n+1)-gram can repeat only where its two n-grams repeat. So of each length only the positions that repeat are
//! kept, and the next length looks at neighbours among them: natural text leaves a few dozen of them after n = 4, and
//! nine lengths cost little more than two. The pair of the two n-grams' numbers is an exact key of the (n+1)-gram.

use gristmill_core::text::TextView;
use memchr::memmem;
use xxhash_rust::xxh3::xxh3_64;

use super::super::key_table::KeyTable;
use super::super::punctuation::n_chars;
use super::{RepetitionDialect, share};

/// The n-grams of a text that occur more than once, of one length n at a time.
///
/// Positions are numbers of words; a text's Arrow column bounds them, and characters, to 32 bits.
#[derive(Default)]
pub(super) struct NGrams {
    n: usize,
    /// Characters before each word, and after the last one, spaces not counted.
    chars_before: Vec<u32>,
    /// Where a repeated n-gram begins, ascending.
    positions: Vec<u32>,
    /// Which n-gram begins there: numbers in the order of first occurrence, with gaps.
    numbers: Vec<u32>,
    /// Occurrences by number; 1 for those that do not repeat.
    counts: Vec<u32>,
    /// By number: whether a scan has met it.
    is_seen: Vec<bool>,
}

impl NGrams {
    /// Starts with the single words.
    pub(super) fn begin(&mut self, view: &TextView<'_>, words: &[&str], table: &mut KeyTable) {
        let is_ascii = view.n_chars() == view.text().len();
        self.n = 1;
        self.chars_before.clear();
        let mut n_before = 0;
        self.chars_before.extend(words.iter().map(|word| {
            let before = n_before;
            n_before += if is_ascii { word.len() } else { n_chars(word) } as u32;
            before
        }));
        self.chars_before.push(n_before);
        table.begin(words.len());
        self.numbers.clear();
        self.numbers.extend(words.iter().map(|word| table.number(xxh3_64(word.as_bytes()))));
        self.positions.clear();
        self.positions.extend((0..).take(words.len()));
        self.drop_unique(table.n_keys());
    }

    /// Goes on to the n-grams one word longer; `n` says which, for the reader.
    pub(super) fn lengthen_to(&mut self, n: usize, table: &mut KeyTable) {
        debug_assert_eq!(n, self.n + 1, "lengths are looked at one after the other");
        self.n = n;
        let n_candidates = self.positions.len();
        table.begin(n_candidates);
        let mut kept = 0;
        for at in 1..n_candidates {
            let position = self.positions[at - 1];
            if self.positions[at] == position + 1 {
                let key = u64::from(self.numbers[at - 1]) << 32 | u64::from(self.numbers[at]);
                self.positions[kept] = position;
                self.numbers[kept] = table.number(key);
                kept += 1;
            }
        }
        self.positions.truncate(kept);
        self.numbers.truncate(kept);
        self.drop_unique(table.n_keys());
    }

    /// Counts the n-grams and forgets where those are that occur once.
    fn drop_unique(&mut self, n_numbers: u32) {
        self.counts.clear();
        self.counts.resize(n_numbers as usize, 0);
        for &number in &self.numbers {
            self.counts[number as usize] += 1;
        }
        let mut kept = 0;
        for at in 0..self.positions.len() {
            let number = self.numbers[at];
            self.positions[kept] = self.positions[at];
            self.numbers[kept] = number;
            kept += usize::from(self.counts[number as usize] > 1);
        }
        self.positions.truncate(kept);
        self.numbers.truncate(kept);
    }

    fn n_words(&self) -> usize {
        self.chars_before.len().saturating_sub(1)
    }

    fn n_word_chars(&self) -> usize {
        self.chars_before.last().map_or(0, |&n| n as usize)
    }

    /// Characters of the words from `from` to before `to`.
    fn chars_between(&self, from: usize, to: usize) -> usize {
        (self.chars_before[to] - self.chars_before[from]) as usize
    }

    /// Characters of the words of the n-gram at `position`.
    fn chars_at(&self, position: u32) -> usize {
        self.chars_between(position as usize, position as usize + self.n)
    }

    /// Share of the most frequent n-gram.
    pub(super) fn top_share(&self, dialect: RepetitionDialect, view: &TextView<'_>, words: &[&str]) -> f64 {
        if self.n_words() < self.n {
            return if dialect == RepetitionDialect::Nemo { 1.0 } else { 0.0 };
        }
        let (position, count) = match self.most_frequent(dialect == RepetitionDialect::Dclm) {
            Some(top) => top,
            None if dialect == RepetitionDialect::Dclm => return 0.0,
            None => (0, 1),
        };
        match dialect {
            RepetitionDialect::Datatrove => share((self.chars_at(position) + self.n - 1) * count, view.n_chars()),
            RepetitionDialect::Dclm | RepetitionDialect::Dolma => {
                share(self.chars_at(position) * count, self.n_word_chars())
            }
            RepetitionDialect::Nemo => {
                let joined = words[position as usize..position as usize + self.n].join(" ");
                let n_found = memmem::find_iter(view.text().as_bytes(), &joined).count();
                share((self.chars_at(position) + self.n - 1) * n_found, view.n_chars())
            }
        }
    }

    /// First position and count of the repeated n-gram with most occurrences; of equals the first, or the longest.
    fn most_frequent(&self, prefers_longest: bool) -> Option<(u32, usize)> {
        let mut next_number = 0;
        let mut best: Option<(u32, usize, usize)> = None;
        for (&position, &number) in self.positions.iter().zip(&self.numbers) {
            // Numbers ascend by first occurrence, so a smaller one was looked at before.
            if number < next_number {
                continue;
            }
            next_number = number + 1;
            let count = self.counts[number as usize] as usize;
            let n_chars = if prefers_longest { self.chars_at(position) } else { 0 };
            if best.is_none_or(|(_, best_count, best_chars)| (count, n_chars) > (best_count, best_chars)) {
                best = Some((position, count, n_chars));
            }
        }
        best.map(|(position, count, _)| (position, count))
    }

    /// Share of all repeated n-grams.
    pub(super) fn dup_share(&mut self, dialect: RepetitionDialect, view: &TextView<'_>) -> f64 {
        let is_too_short = self.n_words() < self.n;
        match dialect {
            RepetitionDialect::Nemo if is_too_short => 1.0,
            _ if self.positions.is_empty() => 0.0,
            RepetitionDialect::Datatrove => share(self.scanned_chars(), view.n_chars()),
            RepetitionDialect::Dclm => share(self.covered_chars(), self.n_word_chars()),
            RepetitionDialect::Dolma => share(self.occurring_chars(), self.chars_of_all()),
            RepetitionDialect::Nemo => share(self.newly_covered_chars(), view.n_chars()),
        }
    }

    /// From left to right: an n-gram seen before counts and is jumped over, another is remembered.
    fn scanned_chars(&mut self) -> usize {
        self.forget_seen();
        let (mut n_chars, mut next) = (0, 0);
        for at in 0..self.positions.len() {
            let (position, number) = (self.positions[at], self.numbers[at] as usize);
            if (position as usize) < next {
                continue;
            }
            if self.is_seen[number] {
                n_chars += self.chars_at(position);
                next = position as usize + self.n;
            }
            self.is_seen[number] = true;
        }
        n_chars
    }

    /// Words in any occurrence of a repeated n-gram, each once.
    fn covered_chars(&self) -> usize {
        let (mut n_chars, mut covered_to) = (0, 0);
        for &position in &self.positions {
            let end = position as usize + self.n;
            n_chars += self.chars_between(covered_to.max(position as usize), end);
            covered_to = end;
        }
        n_chars
    }

    /// All occurrences of repeated n-grams, overlaps counted again.
    fn occurring_chars(&self) -> usize {
        self.positions.iter().map(|&position| self.chars_at(position)).sum()
    }

    /// All n-grams, overlaps counted again.
    fn chars_of_all(&self) -> usize {
        (0..=self.n_words() - self.n).map(|from| self.chars_between(from, from + self.n)).sum()
    }

    /// Words and the spaces between them in second and later occurrences, each once.
    fn newly_covered_chars(&mut self) -> usize {
        self.forget_seen();
        let (mut n_chars, mut covered_to) = (0, 0);
        for at in 0..self.positions.len() {
            let (from, number) = (self.positions[at] as usize, self.numbers[at] as usize);
            if self.is_seen[number] {
                let end = from + self.n;
                let new_from = covered_to.max(from);
                n_chars += self.chars_between(new_from, end) + (end - new_from).min(self.n - 1);
                covered_to = end;
            }
            self.is_seen[number] = true;
        }
        n_chars
    }

    fn forget_seen(&mut self) {
        self.is_seen.clear();
        self.is_seen.resize(self.counts.len(), false);
    }
}
